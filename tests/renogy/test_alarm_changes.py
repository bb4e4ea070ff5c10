# SPDX-License-Identifier: Apache-2.0
"""What counts as an alarm raised or cleared."""

from itertools import pairwise

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.renogy.alarm_changes import (
    ActiveAlarms,
    AlarmChange,
    AlarmChangeKind,
    alarm_changes,
)
from custom_components.renogy_bt.renogy.families import RNGPRO
from custom_components.renogy_bt.renogy.models import (
    Alarm,
    AlarmSeverity,
    BatteryStatus,
)
from tests.renogy.fake_link import rbt50lfp48s
from tests.renogy.images import decoded, image_from, owners_pack
from tests.renogy.makers_document import ALARMS

RAISED = AlarmChangeKind.RAISED
CLEARED = AlarmChangeKind.CLEARED


def alarm(key: str, *parts: int) -> Alarm:
    """Return an alarm as it is read."""
    _, severity = ALARMS[key]
    return Alarm(key=key, severity=AlarmSeverity(severity), parts=parts)


def changes(
    before: tuple[Alarm, ...], after: tuple[Alarm, ...]
) -> list[tuple[AlarmChangeKind, str, tuple[int, ...]]]:
    """Return what changed, in short."""
    return [
        (change.kind, change.alarm.key, change.alarm.parts)
        for change in alarm_changes(before, after)
    ]


@pytest.mark.parametrize("key", ALARMS)
def test_every_alarm_is_raised_and_cleared(key: str) -> None:
    """Whatever the alarm, it fires once when it begins and once when it ends."""
    begun = (alarm(key),)
    assert changes((), begun) == [(RAISED, key, ())]
    assert changes(begun, begun) == []
    assert changes(begun, ()) == [(CLEARED, key, ())]


def test_an_alarm_that_spreads_is_raised_for_the_further_cells() -> None:
    """The cells that had it before are no news."""
    assert changes(
        (alarm("cell_voltage_below_limit", 3),),
        (alarm("cell_voltage_below_limit", 1, 3, 4),),
    ) == [(RAISED, "cell_voltage_below_limit", (1, 4))]


def test_an_alarm_is_cleared_with_its_last_cells() -> None:
    """As long as one cell has it, the alarm goes on."""
    three = (alarm("cell_voltage_below_limit", 1, 2, 3),)
    one = (alarm("cell_voltage_below_limit", 2),)
    assert changes(three, one) == []
    assert changes(one, ()) == [(CLEARED, "cell_voltage_below_limit", (2,))]


def test_what_was_cleared_comes_first() -> None:
    """One alarm in place of another ends with the one that is active."""
    assert changes((alarm("cell_high_voltage"),), (alarm("cell_over_voltage"),)) == [
        (CLEARED, "cell_high_voltage", ()),
        (RAISED, "cell_over_voltage", ()),
    ]


def test_severity_goes_along() -> None:
    """A protection that acted is told from a warning and from a failed measurement."""
    keys = ("short_circuit", "cell_low_voltage", "cell_voltage_error")
    assert [
        change.alarm.severity for change in alarm_changes((), map(alarm, keys))
    ] == [AlarmSeverity.PROTECTION, AlarmSeverity.WARNING, AlarmSeverity.ERROR]
    assert all(
        isinstance(change, AlarmChange)
        for change in alarm_changes((), map(alarm, keys))
    )


# When an alarm is over

LOW = "cell_voltage_below_limit"
WORDS = (5100, 5106)


def status_of(*alarms: Alarm, words: tuple[int, ...] = WORDS) -> BatteryStatus:
    """Return a status with these alarms, of which these words were read."""
    return BatteryStatus(alarms=alarms, alarm_words=words)


def events(
    *readings: tuple[float, BatteryStatus], known: ActiveAlarms | None = None
) -> list[tuple[float, AlarmChangeKind, str, tuple[int, ...]]]:
    """Return what these readings are told as, each with its moment."""
    active = known or ActiveAlarms()
    told = []
    for at, status in readings:
        before, active = active, active.read(status, at)
        told += [(at, *change) for change in changes(before.alarms, active.alarms)]
    return told


def test_a_value_at_its_limit_is_told_once() -> None:
    """In and out of the limit with every poll: one event, not ten."""
    low = alarm(LOW, 3)
    flicker = [
        (60.0 * number, status_of(*([low] if number % 2 == 0 else [])))
        for number in range(20)
    ]
    assert events(*flicker) == [(0.0, RAISED, LOW, (3,))]


def test_cells_that_flicker_beside_another_are_told_once_each() -> None:
    """One cell has the alarm all the time, its neighbour now and then."""
    both, one = status_of(alarm(LOW, 3, 4)), status_of(alarm(LOW, 3))
    readings = [(60.0 * number, (one, both)[number % 2]) for number in range(20)]
    assert events(*readings) == [
        (0.0, RAISED, LOW, (3,)),
        (60.0, RAISED, LOW, (4,)),
    ]


@pytest.mark.parametrize(
    ("interval", "cleared_at"),
    [
        pytest.param(10.0, 190.0, id="after 180 s, not after three readings"),
        pytest.param(60.0, 240.0, id="by the default"),
        pytest.param(90.0, 270.0, id="at 180 s"),
        pytest.param(600.0, 1800.0, id="after three readings, not after 180 s"),
    ],
)
def test_an_alarm_is_over_when_it_has_stayed_away(
    interval: float, cleared_at: float
) -> None:
    """It takes three readings and three minutes, whichever is later."""
    readings = [(interval * number, status_of()) for number in range(1, 40)]
    assert events((0.0, status_of(alarm(LOW, 3))), *readings) == [
        (0.0, RAISED, LOW, (3,)),
        (cleared_at, CLEARED, LOW, (3,)),
    ]


def test_the_count_begins_anew_with_each_return() -> None:
    """An alarm that comes back just before its end has not been away."""
    away = [(60.0 * number, status_of()) for number in (1, 2, 3, 5, 6, 7, 8)]
    back = (240.0, status_of(alarm(LOW, 3)))
    readings = sorted(
        [(0.0, status_of(alarm(LOW, 3))), *away, back], key=lambda r: r[0]
    )
    assert events(*readings) == [
        (0.0, RAISED, LOW, (3,)),
        (480.0, CLEARED, LOW, (3,)),
    ]


def test_what_is_worse_is_told_at_once() -> None:
    """A protection that acts waits for nothing, not for the end of its warning either."""
    warning, protection = alarm("cell_low_voltage"), alarm("cell_under_voltage")
    words = (5106, 5107)
    assert events(
        (0.0, status_of(warning, words=words)),
        (10.0, status_of(protection, words=words)),
    ) == [
        (0.0, RAISED, "cell_low_voltage", ()),
        (10.0, RAISED, "cell_under_voltage", ()),
    ]


def test_a_word_that_was_not_read_says_nothing() -> None:
    """Readings without the word of an alarm neither end it nor count as readings without it."""
    short_circuit = alarm("short_circuit")
    unread = status_of(words=(5100,))
    readings = [
        (0.0, status_of(short_circuit)),
        (60.0, status_of()),
        *((60.0 * number, unread) for number in range(2, 20)),
        (1200.0, status_of()),
        (1260.0, status_of()),
    ]
    assert events(*readings) == [
        (0.0, RAISED, "short_circuit", ()),
        (1260.0, CLEARED, "short_circuit", ()),
    ]


def test_a_restart_repeats_and_swallows_nothing() -> None:
    """From what was told it goes on, and the end waits as long as it does otherwise."""
    known = ActiveAlarms((alarm(LOW, 3), alarm("short_circuit")))
    still = status_of(alarm(LOW, 3))
    assert events(*((60.0 * number, still) for number in range(10)), known=known) == [
        (180.0, CLEARED, "short_circuit", ())
    ]


def test_the_order_stays_while_alarms_come_and_go() -> None:
    """What is stored does not change as long as nothing is told."""
    low, short_circuit = alarm(LOW, 3), alarm("short_circuit")
    active = ActiveAlarms().read(status_of(low, short_circuit), 0.0)
    for number, left in enumerate([low, short_circuit] * 3, 1):
        read = active.read(status_of(left), 60.0 * number)
        assert read.alarms == active.alarms
        active = read


_TIMES = st.lists(
    st.tuples(st.floats(1.0, 700.0), st.booleans()), min_size=1, max_size=60
)


@given(_TIMES)
def test_one_event_in_any_three_minutes_and_readings(
    steps: list[tuple[float, bool]],
) -> None:
    """Raised when first read; cleared when, and only when, it was absent for long enough."""
    at, is_active, since, count = 0.0, False, 0.0, 0
    readings, expected = [], []
    for step, is_read in steps:
        at += step
        readings.append((at, status_of(*([alarm(LOW, 1)] if is_read else []))))
        if is_read:
            if not is_active:
                expected.append((at, RAISED))
            is_active, count = True, 0
        elif is_active:
            since, count = (at, 1) if count == 0 else (since, count + 1)
            if count >= 3 and at - since >= 180:
                expected.append((at, CLEARED))
                is_active, count = False, 0
    told = events(*readings)
    assert [(moment, kind) for moment, kind, *_ in told] == expected
    kinds = [kind for _, kind, *_ in told]
    assert all(first is not second for first, second in pairwise(kinds))
    assert kinds[:1] in ([], [RAISED])


# What is read of a battery


def test_what_the_measured_values_contradict_is_no_news() -> None:
    """Healthy cells that are said to be too high raise nothing."""
    status = decoded(owners_pack({5001: [33, 33], 5101: [0b1010], 5043: [522]})).status
    assert status.contradicted_alarms
    assert events((0.0, status)) == []


def test_rngpros_bogus_word_is_no_news() -> None:
    """5101 = 0x00AA of an RNGPRO pack raises nothing, its protections do."""
    status = decoded(owners_pack({5101: [0x00AA], 5106: [0x000F]}), RNGPRO).status
    assert events((0.0, status)) == [(0.0, RAISED, "short_circuit", ())]


def test_a_word_that_the_battery_does_not_give_clears_nothing() -> None:
    """Where only 5106 and 5107 were read, alarms of cells are as they were."""
    registers = {address: [word] for address, word in rbt50lfp48s().registers.items()}
    status = decoded(image_from(registers, [(5000, 53), (5106, 2)])).status
    known = ActiveAlarms((alarm("cell_voltage_alarm", 2), alarm("short_circuit")))
    readings = [(60.0 * number, status) for number in range(10)]
    assert events(*readings, known=known) == [(180.0, CLEARED, "short_circuit", ())]
