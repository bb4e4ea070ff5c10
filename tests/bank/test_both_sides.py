# SPDX-License-Identifier: Apache-2.0
"""Every limit of what is told of a bank, on both of its sides: the numbers are those of the documents."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from custom_components.renogy_bt.bank.cell_watch import CellWatch, says_something
from custom_components.renogy_bt.bank.estimates import CurrentSmoother, estimate
from custom_components.renogy_bt.bank.history import BankHistory, BatteryHistory
from custom_components.renogy_bt.bank.imbalance import ImbalanceWatch
from custom_components.renogy_bt.bank.joining import Pack, can_be_joined
from custom_components.renogy_bt.bank.joining_watch import JoiningWatch
from custom_components.renogy_bt.renogy.models import BatteryReading, BatteryStatus

HOUR = 3600.0
DAY = 86_400.0
START = datetime(2026, 11, 23, tzinfo=UTC)
ON = BatteryStatus(charge_mosfet=True, discharge_mosfet=True)
READING = BatteryReading(
    read_at=START,
    cell_voltages=(3.3,) * 15,
    cell_temperatures=(),
    current_count=0,
    current=0.0,
    voltage=49.5,
    remaining_capacity=30.0,
    total_capacity=50.0,
    status=ON,
)


def charged(percent: float) -> BatteryReading:
    """Return a battery at this state of charge."""
    return replace(READING, remaining_capacity=percent / 2)


def cells(volts: float, number: int = 15) -> BatteryReading:
    """Return a battery with so many cells of this voltage."""
    return replace(READING, cell_voltages=(volts,) * number)


@pytest.mark.parametrize(
    ("reading", "says"),
    [
        (replace(READING, current=10.0), True),
        (replace(READING, current=10.01), False),
        (replace(READING, current=-10.0), True),
        (replace(READING, current=-10.01), False),
        (replace(READING, current=None), False),
        (charged(15.0), True),
        (charged(14.9), False),
        (charged(90.0), True),
        (charged(90.1), False),
        (cells(3.15), True),
        (cells(3.149), False),
        (cells(3.38), True),
        (cells(3.381), False),
        (cells(3.3, 3), True),
        (cells(3.3, 2), False),
        # The middle cell tells, not the lowest or the highest one.
        (replace(READING, cell_voltages=(3.0, 3.2, 3.6)), True),
        (replace(READING, cell_voltages=(3.0, 3.1, 3.3)), False),
    ],
)
def test_when_sound_cells_would_be_alike(reading: BatteryReading, says: bool) -> None:
    """At little current, well between full and empty, by charge and by voltage, of enough cells."""
    assert says_something(reading) is says


def spells(*far: float, noticed: bool = False) -> list[bool]:
    """Return for spells of six hours, a cell far off for a part of each, when it was noticed."""
    watch = CellWatch[int]([48] if noticed else [])
    off = replace(READING, cell_voltages=(3.45,) + (3.3,) * 14)
    at, told = 0.0, []
    watch.advance(at, {48: READING})
    for part in far:
        for number in range(60):
            at += 360.0
            watch.advance(at, {48: off if number < 60 * part else READING})
        told.append(48 in watch.noticed)
    return told


def test_how_long_a_cell_must_be_far_off() -> None:
    """A twentieth of two spells in a row, and four calm ones end it."""
    assert spells(0.05, 0.05) == [False, True]
    assert spells(0.03, 0.03, 0.03) == [False] * 3
    assert spells(0.1, 0.0, 0.1) == [False] * 3
    assert spells(0.0, 0.0, 0.0, 0.0, noticed=True) == [True, True, True, False]
    assert spells(0.0, 0.0, 0.1, 0.0, noticed=True) == [True] * 4


@pytest.mark.parametrize(("volts", "noticed"), [(0.149, False), (0.151, True)])
@pytest.mark.parametrize("sign", [1, -1])
def test_how_far_a_cell_must_be_off(volts: float, noticed: bool, sign: int) -> None:
    """More than one step of a tenth of a volt, upwards or downwards; told is what is certain."""
    watch = CellWatch[int]()
    off = replace(READING, cell_voltages=(3.3 + sign * volts,) + (3.3,) * 14)
    found = [watch.advance(at, {48: off}) for at in range(0, 50_000, 600)]
    told = [each[48] for each in found if each]
    assert len({*told}) <= 1
    departed = told[0] if told else None
    assert (departed is not None) is noticed
    if departed is not None:
        assert (departed.cell, departed.is_higher) == (1, sign > 0)
        assert departed.beyond == 0.1
        assert 48 in watch.noticed


def test_a_gap_is_seen_for_the_longest_interval_and_no_more() -> None:
    """What was read once, hours ago, does not stand for these hours."""
    for pause, polls in ((700.0, 31), (750.0, 29), (7200.0, 29)):
        watch = CellWatch[int]()
        off = replace(READING, cell_voltages=(3.6,) + (3.3,) * 14)
        at = 0.0
        watch.advance(at, {48: off})
        for number in range(1, 2 * polls + 1):
            at += pause
            watch.advance(at, {48: off})
            assert (48 in watch.noticed) is (number == 2 * polls), number


@pytest.mark.parametrize(
    ("spread", "seconds", "noticed"),
    [(5.01, HOUR - 0.5, False), (5.01, HOUR, True), (5.0, 3 * HOUR, False)],
)
def test_how_long_an_imbalance_lasts(
    spread: float, seconds: float, noticed: bool
) -> None:
    """More than the limit for an hour."""
    watch = ImbalanceWatch(5.0)
    for at in (0.0, seconds / 3, 2 * seconds / 3, seconds):
        told = watch.advance(at, spread)
    assert told is noticed


def test_when_an_imbalance_is_over() -> None:
    """At four fifths of the limit; at the limit at once where the user has raised it."""
    watch = ImbalanceWatch(5.0, is_noticed=True)
    assert watch.advance(0.0, 4.01)
    assert not watch.advance(1.0, 4.0)
    raised = ImbalanceWatch(5.0, is_noticed=True, noticed_limit=4.0)
    assert not raised.advance(0.0, 5.0)
    still = ImbalanceWatch(5.0, is_noticed=True, noticed_limit=4.0)
    assert still.advance(0.0, 5.01)
    assert still.advance(1.0, 4.01)


@pytest.mark.parametrize(("gap", "noticed"), [(1800.0, True), (1800.5, False)])
def test_gap_in_an_imbalance(gap: float, noticed: bool) -> None:
    """Of more than half an hour nobody knows whether it was still so."""
    watch = ImbalanceWatch(5.0)
    at = 0.0
    for _ in range(2):
        assert not watch.advance(at, 6.0)
        at += gap
    assert watch.advance(at, 6.0) is noticed


def test_currents_that_say_when_it_is_full_or_empty() -> None:
    """From half a percent of the capacity on, now and on average, and up to a week."""
    assert estimate(0.5, 0.5, 60.0, 100.0).to_full == 80 * HOUR
    assert estimate(0.49, 0.5, 60.0, 100.0).to_full is None
    assert estimate(0.5, 0.49, 60.0, 100.0).to_full is None
    assert estimate(-0.5, -0.5, 84.0, 100.0).to_empty == 7 * DAY
    assert estimate(-0.5, -0.5, 84.1, 100.0).to_empty is None
    left = estimate(-10.0, -10.0, 60.0, 100.0, 0.2)
    assert (left.to_empty, left.to_reserve) == (6 * HOUR, 4 * HOUR)
    assert estimate(-10.0, -10.0, 20.0, 100.0, 0.2).to_reserve == 0.0
    assert estimate(-10.0, 10.0, 60.0, 100.0).to_empty is None
    assert estimate(10.0, 10.0, 101.0, 100.0).to_full == 0.0
    # To the minute.
    assert estimate(7.0, 7.0, 60.0, 100.0).to_full == 343 * 60.0


def test_average_of_the_current() -> None:
    """The mean of what was seen at first, then what ten minutes weigh, at most three tenths."""
    smoother = CurrentSmoother()
    assert smoother.add(1000.0, 10.0) == 10.0
    assert smoother.add(1060.0, 20.0) == pytest.approx(15.0)
    assert smoother.add(1120.0, 30.0) == pytest.approx(20.0)
    later = CurrentSmoother()
    later.add(0.0, 10.0)
    for minute in range(1, 121):
        later.add(60.0 * minute, 10.0)
    # 1 - exp(-60 / 600)
    assert later.add(60.0 * 121, 20.0) == pytest.approx(10.951626)
    assert later.add(60.0 * 121 + 750.0, 10.951626 + 10.0) == pytest.approx(13.951626)


@pytest.mark.parametrize(("gap", "anew"), [(750.0, False), (750.5, True)])
def test_gap_in_the_current(gap: float, anew: bool) -> None:
    """After a long one, and when the direction turns, the average begins anew."""
    smoother = CurrentSmoother()
    for minute in range(60):
        smoother.add(60.0 * minute, 10.0)
    assert (smoother.add(60.0 * 59 + gap, 20.0) == 20.0) is anew
    assert smoother.add(60.0 * 60 + gap, -5.0) == -5.0
    assert smoother.add(60.0 * 59, -6.0) == -6.0


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [
        (Pack(cells=15, voltage=52.5), Pack(cells=16, voltage=58.4), True),
        (Pack(cells=8, voltage=24.0), Pack(cells=8, voltage=36.0), True),
        (Pack(cells=8, voltage=24.0), Pack(cells=8, voltage=36.01), False),
        (Pack(cells=10, voltage=30.0), Pack(cells=11, voltage=40.0), True),
        (Pack(cells=100, voltage=300.0), Pack(cells=111, voltage=330.0), True),
        (Pack(cells=100, voltage=300.0), Pack(cells=111, voltage=330.01), False),
        # A battery with less than 2.5 V a cell is off: its cells alone tell.
        (Pack(cells=4, voltage=9.99), Pack(cells=8, voltage=26.0), False),
        (Pack(cells=4, voltage=9.99), Pack(cells=4, voltage=13.0), True),
        (Pack(cells=0, voltage=9.99), Pack(cells=8, voltage=26.0), True),
        (Pack(cells=0, voltage=10.0), Pack(cells=8, voltage=26.0), False),
        (Pack(cells=4, voltage=10.0), Pack(cells=4, voltage=15.0), True),
        (Pack(cells=4, voltage=10.0), Pack(cells=4, voltage=15.01), False),
    ],
)
def test_batteries_that_can_be_joined(one: Pack, other: Pack, joined: bool) -> None:
    """As close as cells are between empty and full, and of as many cells."""
    assert can_be_joined([one, other]) is joined
    assert can_be_joined([other, one]) is joined


def apart(seconds: float, step: float, **changes: float) -> bool:
    """Return whether two batteries that rest apart so long are noticed."""
    watch = JoiningWatch()
    one = replace(READING, voltage=50.0)
    other = replace(READING, **{"voltage": 52.51, **changes})  # type: ignore[arg-type]
    at, told = 0.0, watch.advance(0.0, [one, other], 2)
    while at < seconds:
        at = min(at + step, seconds)
        told = watch.advance(at, [one, other], 2)
    return told


def test_batteries_that_are_not_joined() -> None:
    """More than a twentieth apart at rest, for a day without gaps."""
    assert not apart(DAY - 0.5, 600.0)
    assert apart(DAY, 600.0)
    assert apart(DAY, 1800.0)
    assert not apart(DAY, 1801.0)
    assert not apart(2 * DAY, 600.0, voltage=52.5)
    assert apart(DAY, 600.0, current=0.99)
    assert not apart(2 * DAY, 600.0, current=1.0)


@pytest.mark.parametrize("seconds", [HOUR - 600.0, HOUR])
def test_how_long_they_must_be_seen_at_rest(seconds: float) -> None:
    """An hour of the day in which they were not close."""
    watch = JoiningWatch()
    one = replace(READING, voltage=50.0)
    other = replace(READING, voltage=53.0)
    busy = replace(other, current=9.0)
    watch.advance(0.0, [one, other], 2)
    at = 0.0
    while at < 2 * DAY:
        at += 600.0
        told = watch.advance(at, [one, other] if at <= seconds else [one, busy], 2)
    assert told is (seconds == HOUR)


def test_other_batteries_are_told_after_ten_minutes_and_so_is_their_end() -> None:
    """What is certain at one look waits a little, both ways."""
    watch = JoiningWatch()
    other = replace(READING, cell_voltages=(3.3,) * 8, voltage=26.0)
    watch.advance(0.0, [READING, other], 2)
    assert not watch.advance(599.5, [READING, other], 2)
    assert watch.advance(600.0, [READING, other], 2)
    assert watch.advance(601.0, [READING, READING], 2)
    assert watch.advance(1199.5, [READING, READING], 2)
    assert not watch.advance(1200.0, [READING, READING], 2)


class Past:
    """One battery, and what is known of it."""

    def __init__(self, interval: float = 60.0) -> None:
        """Begin half full, at some moment."""
        self.bank = BankHistory[int](interval, {})
        self.now = 1_790_000_000.0
        self.poll(50.0, 0.0)

    def poll(self, percent: float, after: float) -> BatteryHistory:
        """Read the battery at this state of charge."""
        self.now += after
        reading = replace(
            READING,
            read_at=START + timedelta(seconds=after),
            remaining_capacity=percent / 2,
            status=BatteryStatus(),
        )
        self.bank.advance(self.now, 48, reading, None, None)
        history = self.bank.of(48)
        assert history is not None
        return history


def test_full_and_empty() -> None:
    """From 99.5 % on, and down to 1 %."""
    past = Past()
    assert not past.poll(99.4, 60.0).is_full
    assert past.poll(99.5, 60.0).is_full
    assert past.poll(1.1, 60.0).full_discharges == 0
    assert past.poll(1.0, 60.0).full_discharges == 1
    assert past.poll(9.9, 60.0).is_empty
    assert past.poll(1.0, 60.0).full_discharges == 1
    assert not past.poll(10.0, 60.0).is_empty
    assert past.poll(1.0, 60.0).full_discharges == 2


def test_beginning_and_end_of_a_discharge() -> None:
    """A tenth out, and a tenth in again."""
    past = Past()
    assert not past.poll(40.1, 60.0).is_discharging
    assert past.poll(40.0, 60.0).is_discharging
    assert past.poll(30.0, 60.0).discharges == 0
    assert past.poll(39.9, 60.0).discharges == 0
    history = past.poll(40.0, 60.0)
    assert (history.discharges, history.is_discharging) == (1, False)
    assert history.average_discharge == 70.0
    assert past.poll(49.9, 60.0).discharges == 1
    assert not past.poll(40.0, 60.0).is_discharging
    assert past.poll(39.9, 60.0).is_discharging


@pytest.mark.parametrize(("gap", "unseen"), [(300.0, 0.0), (300.5, 300.5)])
def test_gap_in_a_history(gap: float, unseen: float) -> None:
    """Up to five intervals are none; a clock that was set back has seen everything."""
    past = Past()
    assert past.poll(50.0, gap).unseen == unseen
    assert past.poll(50.0, -10.0).unseen == unseen


@pytest.mark.parametrize(
    ("percent", "seconds", "used"),
    [
        (55.0, DAY, DAY),
        (54.9, DAY, 0.0),
        (45.0, DAY, DAY),
        (55.0, DAY - 600.0, 0.0),
    ],
)
def test_a_day_of_use(percent: float, seconds: float, used: float) -> None:
    """A twentieth of the capacity, either way, in a day that was seen."""
    past = Past(600.0)
    past.poll(percent, 600.0)
    for _ in range(int(seconds / 600) - 1):
        history = past.poll(percent, 600.0)
    assert history.used == used


@pytest.mark.parametrize(("apart", "later"), [(12 * HOUR, True), (12.5 * HOUR, False)])
def test_batteries_that_become_full_by_one_charge(apart: float, later: bool) -> None:
    """Within half a day: then the bank became full with the last of them."""
    bank = BankHistory[int](60.0, {})
    full = replace(READING, status=replace(ON, fully_charged=True))
    began = 1_790_000_000.0
    bank.advance(began, 48, full, None, None)
    bank.advance(began + apart, 49, full, None, None)
    at = bank.full_charge([48, 49], began + apart).at
    assert at == began + (apart if later else 0.0)
