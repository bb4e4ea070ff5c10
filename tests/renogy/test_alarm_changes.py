# SPDX-License-Identifier: Apache-2.0
"""What counts as an alarm raised or cleared."""

import pytest

from custom_components.renogy_bt.renogy.alarm_changes import (
    AlarmChange,
    AlarmChangeKind,
    active_alarms,
    alarm_changes,
)
from custom_components.renogy_bt.renogy.families import RNGPRO
from custom_components.renogy_bt.renogy.models import Alarm, AlarmSeverity
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


def test_a_word_that_was_not_read_clears_nothing() -> None:
    """Where only 5106 and 5107 were read, alarms of cells are as they were."""
    registers = {address: [word] for address, word in rbt50lfp48s().registers.items()}
    status = decoded(image_from(registers, [(5000, 53), (5106, 2)])).status
    known = (alarm("cell_voltage_alarm", 2), alarm("short_circuit"))
    assert active_alarms(known, status) == (alarm("cell_voltage_alarm", 2),)


def test_a_word_that_was_read_decides() -> None:
    """An alarm that is still set stays, one that is not set any more is over."""
    status = decoded(owners_pack({5107: [1]})).status
    known = (alarm("cell_voltage_alarm", 2), alarm("cell_low_voltage"))
    assert active_alarms(known, status) == (alarm("cell_low_voltage"),)


def test_what_the_measured_values_contradict_is_no_news() -> None:
    """Healthy cells that are said to be too high raise nothing."""
    status = decoded(owners_pack({5001: [33, 33], 5101: [0b1010], 5043: [522]})).status
    assert status.contradicted_alarms
    assert alarm_changes((), active_alarms((), status)) == ()


def test_rngpros_bogus_word_is_no_news() -> None:
    """5101 = 0x00AA of an RNGPRO pack raises nothing, its protections do."""
    status = decoded(owners_pack({5101: [0x00AA], 5106: [0x000F]}), RNGPRO).status
    assert changes((), active_alarms((), status)) == [(RAISED, "short_circuit", ())]
