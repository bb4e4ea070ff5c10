# SPDX-License-Identifier: Apache-2.0
"""When a cell that departs from the others is worth a notice, and when it is over."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
import math

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.bank.cell_watch import (
    CellWatch,
    DepartedCell,
    departures,
    says_something,
)
from custom_components.renogy_bt.renogy.models import BatteryReading, BatteryStatus

# As documented, not as the code has it.
SPELL_HOURS = 6.0
NOTICE_HOURS = 2 * SPELL_HOURS
CALM_HOURS = 4 * SPELL_HOURS

MINUTE = 60.0
READING = BatteryReading(
    read_at=datetime(2026, 11, 23, tzinfo=UTC),
    cell_voltages=(3.3,) * 15,
    cell_temperatures=(),
    current_count=0,
    current=-1.0,
    voltage=49.5,
    remaining_capacity=30.0,
    total_capacity=50.0,
    status=BatteryStatus(),
)

type Rounding = Callable[[float], float]
"""How a battery tells a number of steps."""


def spread(volts: float, cells: int = 15, cell: int = 5) -> BatteryReading:
    """Return a reading in which one cell (from 1) is so far from the others, as they are told."""
    told = [3.3] * cells
    told[cell - 1] = round(3.3 + volts, 3)
    return replace(READING, cell_voltages=tuple(told))


class Battery:
    """A battery that is polled every minute."""

    def __init__(self, noticed: tuple[int, ...] = ()) -> None:
        """Begin at an odd moment of the clock."""
        self.watch: CellWatch[int] = CellWatch(noticed)
        self.found: DepartedCell | None = None
        self._at = 12_345.0
        self.watch.advance(self._at, {48: READING})

    @property
    def is_noticed(self) -> bool:
        """Return whether there is a notice."""
        return 48 in self.watch.noticed

    def polls(
        self, reading: BatteryReading, hours: float, every: float = MINUTE
    ) -> bool:
        """Poll for a while; return whether there is a notice in the end."""
        for _ in range(round(hours * 3600 / every)):
            self._at += every
            self.found = self.watch.advance(self._at, {48: reading}).get(48, self.found)
        return self.is_noticed

    def lives(
        self, departure: float, hours: float, told: Rounding = math.floor
    ) -> bool:
        """Let the fifth cell be so far from the others, while the battery goes up and down."""
        for minute in range(round(hours * 60)):
            volts = 3.29 + 0.06 * math.sin(minute / 100)
            cells = [volts + 0.004 * math.sin(cell) for cell in range(15)]
            cells[4] += departure
            steps = tuple(told(10 * each) / 10 for each in cells)
            self.polls(replace(READING, cell_voltages=steps), 1 / 60)
        return self.is_noticed


@pytest.mark.parametrize(
    ("volts", "beyond"), [(-0.2, 0.1), (0.2, 0.1), (-0.5, 0.4), (0.16, 0.1)]
)
def test_cell_two_steps_off_is_noticed(volts: float, beyond: float) -> None:
    """It takes twelve hours; which cell it is, and by more than what, is told."""
    battery = Battery()
    assert not battery.polls(spread(volts), NOTICE_HOURS - 1 / 60)
    assert battery.polls(spread(volts), 1 / 60)
    assert battery.found is not None
    assert battery.found.cell == 5
    assert battery.found.is_higher is (volts > 0)
    assert battery.found.beyond == pytest.approx(beyond)


@pytest.mark.parametrize("volts", [-0.1, 0.0, 0.1])
def test_one_step_says_nothing(volts: float) -> None:
    """Cells that are alike to a millivolt are told one step apart, for days if the battery rests there."""
    assert not Battery().polls(spread(volts), 10 * NOTICE_HOURS)


@pytest.mark.parametrize(("volts", "is_far"), [(0.149, False), (0.151, True)])
def test_finer_steps(volts: float, is_far: bool) -> None:
    """A battery that tells millivolts is judged by the same limit."""
    assert Battery().polls(spread(volts), NOTICE_HOURS) is is_far


@pytest.mark.parametrize("told", [math.floor, round])
@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_seen_through_the_steps(told: Rounding, sign: int) -> None:
    """A cell 0.13 V off is noticed, and no more is told than is true; one 0.08 V off is not."""
    battery = Battery()
    assert not battery.lives(sign * 0.08, 4 * NOTICE_HOURS, told)
    assert battery.lives(sign * 0.13, 2 * NOTICE_HOURS, told)
    assert battery.found is not None
    assert battery.found.cell == 5
    assert battery.found.is_higher is (sign > 0)
    assert battery.found.beyond == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("odd", "is_judged"),
    [
        ({"remaining_capacity": 7.4}, False),
        ({"remaining_capacity": 7.6}, True),
        ({"remaining_capacity": 44.9}, True),
        ({"remaining_capacity": 45.1}, False),
        ({"current": 10.1}, False),
        ({"current": -10.1}, False),
        ({"current": 9.9}, True),
        ({"current": -9.9}, True),
        ({"current": None}, False),
        ({"cell_voltages": (3.1,) * 14 + (2.8,)}, False),
        ({"cell_voltages": (3.2,) * 14 + (2.8,)}, True),
        ({"cell_voltages": (3.3,) * 14 + (3.6,)}, True),
        ({"cell_voltages": (3.4,) * 14 + (3.6,)}, False),
        ({"cell_voltages": (3.3, 3.3, 3.0)}, True),
        ({"cell_voltages": (3.3, 3.0)}, False),
        ({"cell_voltages": ()}, False),
    ],
)
def test_where_it_means_something(odd: dict[str, object], is_judged: bool) -> None:
    """Between the ends by the counter and by the cells, at little current."""
    reading = replace(spread(-0.3), **odd)  # type: ignore[arg-type]
    assert says_something(reading) is is_judged
    assert Battery().polls(reading, NOTICE_HOURS) is is_judged


def test_what_passes_is_not_noticed() -> None:
    """A reading now and then, and a spell that is not followed by another."""
    battery = Battery()
    for _ in range(40):
        assert not battery.polls(spread(-0.3), 0.04 * SPELL_HOURS)
        assert not battery.polls(READING, 0.96 * SPELL_HOURS)
    for _ in range(5):
        assert not battery.polls(spread(-0.3), SPELL_HOURS)
        assert not battery.polls(READING, SPELL_HOURS)


def test_other_cell_each_time() -> None:
    """That is no cell that departs."""
    battery = Battery()
    for cell in (1, 2, 3, 4):
        assert not battery.polls(spread(-0.3, cell=cell), SPELL_HOURS)


def test_notice_does_not_flutter() -> None:
    """It stays while the cell is far off now and then, and ends a day after it was so last."""
    battery = Battery()
    assert battery.polls(spread(-0.2), NOTICE_HOURS)
    for _ in range(3):
        assert battery.polls(READING, CALM_HOURS - SPELL_HOURS)
        assert battery.polls(spread(-0.2), SPELL_HOURS)
    assert battery.polls(READING, CALM_HOURS - 1 / 60)
    assert not battery.polls(READING, 1 / 60)


def test_notice_from_before_goes_on() -> None:
    """Over a reload, until it is seen for a day that all is well."""
    battery = Battery(noticed=(48,))
    assert battery.polls(READING, CALM_HOURS - 1 / 60)
    assert not battery.polls(READING, 1 / 60)


def test_intervals_and_gaps() -> None:
    """Polls of ten minutes count as well; a gap does not stand for what nobody has seen."""
    assert Battery().polls(spread(-0.2), NOTICE_HOURS, every=600.0)
    battery = Battery()
    for _ in range(50):
        battery.polls(spread(-0.2), 1.0, every=3600.0)
    assert not battery.is_noticed


def test_other_battery() -> None:
    """Of one that has taken the place, known by its identity or its cells, nothing is said."""
    battery = Battery()
    assert battery.polls(spread(-0.2), NOTICE_HOURS)
    battery.watch.forget([48])
    assert not battery.is_noticed
    assert not battery.polls(spread(-0.2), NOTICE_HOURS - 1 / 60)
    assert not battery.polls(spread(-0.2, cells=8), NOTICE_HOURS - 1 / 60)


def test_batteries_are_judged_apart() -> None:
    """A cell of one battery says nothing of another."""
    watch: CellWatch[int] = CellWatch()
    for minute in range(round(60 * NOTICE_HOURS) + 1):
        watch.advance(MINUTE * minute, {48: READING, 49: spread(0.2)})
    assert set(watch.noticed) == {49}


VOLTS = st.lists(st.integers(20, 40), min_size=1, max_size=16).map(
    lambda steps: tuple(step / 10 for step in steps)
)


@given(VOLTS)
def test_departures_are_from_the_middle(voltages: tuple[float, ...]) -> None:
    """No more than half of the cells are above it, or below it, and none by more than the spread."""
    found = departures(voltages)
    assert len(found) == len(voltages)
    for side in (1, -1):
        assert sum(side * each > 0 for each in found) <= len(voltages) / 2
    assert max(map(abs, found)) <= max(voltages) - min(voltages) + 1e-9


@given(
    st.lists(
        st.tuples(
            st.floats(-0.049, 0.049), st.floats(3.0, 3.6), st.floats(-50.0, 50.0)
        ),
        max_size=60,
    ),
    st.sampled_from([math.floor, round, math.ceil]),
    st.integers(3, 16),
)
def test_sound_cells_are_never_blamed(
    lived: list[tuple[float, float, float]], told: Rounding, cells: int
) -> None:
    """However the battery lives and tells its cells, while none is 0.1 V from another."""
    battery = Battery()
    for departure, volts, current in lived:
        each = [volts] * (cells - 1) + [volts + departure]
        steps = tuple(told(10 * one) / 10 for one in each)
        reading = replace(READING, cell_voltages=steps, current=current)
        assert not battery.polls(reading, SPELL_HOURS, every=600.0)
