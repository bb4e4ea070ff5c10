# SPDX-License-Identifier: Apache-2.0
"""What a battery says once and no more is not believed; what is really so comes a poll later."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.renogy.confirmation import Confirmation
from custom_components.renogy_bt.renogy.exceptions import InvalidBlock
from custom_components.renogy_bt.renogy.models import (
    Alarm,
    AlarmSeverity,
    BatteryConfiguration,
    BatteryReading,
    BatteryStatus,
)

# As documented, not as the code has it.
CHARGE_SLACK = 0.3
CURRENT_MARGIN = 1.5
CURRENT_SLACK = 5.0
USUAL_LIMIT = 2.0

INTERVAL = 60.0
LIMITS = BatteryConfiguration(
    cell_over_voltage=3.65,
    cell_high_voltage=3.5,
    cell_low_voltage=2.8,
    cell_under_voltage=2.5,
    charge_high_temperature=55.0,
    charge_low_temperature=0.0,
    discharge_high_temperature=60.0,
    discharge_low_temperature=-20.0,
)
PEACE = BatteryReading(
    read_at=datetime(2026, 11, 1, tzinfo=UTC),
    cell_voltages=(3.3,) * 15,
    cell_temperatures=(21.0, 22.0),
    current_count=-500,
    current=-5.0,
    voltage=49.5,
    remaining_capacity=30.0,
    total_capacity=50.0,
    cycles=10,
    charge_current_limit=50.0,
    discharge_current_limit=-50.0,
    status=BatteryStatus(),
)


def polled(*readings: BatteryReading, interval: float = INTERVAL) -> list[str | None]:
    """Return what keeps each reading from being believed, a poll after the other."""
    confirmation = Confirmation()
    found: list[str | None] = []
    for number, reading in enumerate(readings):
        confirmation.begin_poll()
        try:
            confirmation.require(reading, number * interval, LIMITS)
        except InvalidBlock as error:
            found.append(error.check)
        else:
            confirmation.believe(reading, number * interval)
            found.append(None)
    return found


LIES = {
    "current": (replace(PEACE, current=327.67), "unconfirmed_current"),
    "drawn current": (replace(PEACE, current=-327.68), "unconfirmed_current"),
    "charge": (replace(PEACE, remaining_capacity=0.5), "unconfirmed_charge"),
    "full": (replace(PEACE, remaining_capacity=50.0), "unconfirmed_charge"),
    "capacity": (replace(PEACE, total_capacity=100.0), "unconfirmed_battery"),
    "cells": (replace(PEACE, cell_voltages=(3.3,) * 16), "unconfirmed_battery"),
    "cycles": (replace(PEACE, cycles=3), "unconfirmed_battery"),
    "high cell": (
        replace(PEACE, cell_voltages=(*PEACE.cell_voltages[1:], 4.2)),
        "unconfirmed_cell_voltage",
    ),
    "dead cell": (
        replace(PEACE, cell_voltages=(*PEACE.cell_voltages[1:], 1.9)),
        "unconfirmed_cell_voltage",
    ),
    "hot": (replace(PEACE, cell_temperatures=(21.0, 81.0)), "unconfirmed_temperature"),
    "frozen": (
        replace(PEACE, cell_temperatures=(-41.0, 22.0)),
        "unconfirmed_temperature",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_is_said_once_is_not_believed(lie: str) -> None:
    """Neither is it a reason to doubt what is said before and after."""
    reading, check = LIES[lie]
    assert polled(PEACE, reading, PEACE, PEACE) == [None, check, None, None]


@pytest.mark.parametrize("truth", LIES)
def test_what_is_said_twice_is_believed(truth: str) -> None:
    """A recalibration, another battery, a surge that lasts: one poll late, and then for good."""
    reading, check = LIES[truth]
    assert polled(PEACE, reading, reading, reading) == [None, check, None, None]


@pytest.mark.parametrize(
    "lie", ["current", "drawn current", "high cell", "dead cell", "hot", "frozen"]
)
def test_what_no_pack_can_do_is_not_believed_at_first_either(lie: str) -> None:
    """The first reading is judged by what the pack says of itself."""
    reading, check = LIES[lie]
    assert polled(reading, PEACE, PEACE) == [check, None, None]
    assert polled(reading, reading) == [check, None]


def test_two_different_lies_confirm_each_other_not() -> None:
    """Each is judged by the other, too."""
    lies = [LIES["charge"][0], LIES["full"][0]]
    assert None not in polled(PEACE, *lies)[1:]


def test_battery_that_is_odd_for_long_is_shown() -> None:
    """What changes from poll to poll as no charge does is what this battery says."""
    odd = [LIES["charge"][0], LIES["full"][0]] * 2
    found = polled(PEACE, *odd)
    assert [each is None for each in found] == [True, False, False, True, False]


def test_repetition_within_a_poll_confirms_nothing() -> None:
    """A reply that is read twice in one poll may be the same lie."""
    confirmation = Confirmation()
    confirmation.begin_poll()
    confirmation.believe(PEACE, 0.0)
    confirmation.begin_poll()
    lie, check = LIES["current"]
    for at in (60.0, 60.5):
        with pytest.raises(InvalidBlock) as error:
            confirmation.require(lie, at, LIMITS)
        assert error.value.check == check


def test_lie_of_a_poll_that_was_left_out_since_confirms_nothing() -> None:
    """Only the next poll confirms."""
    confirmation = Confirmation()
    confirmation.begin_poll()
    confirmation.believe(PEACE, 0.0)
    lie, check = LIES["current"]
    for at in (60.0, 180.0):
        confirmation.begin_poll()
        with pytest.raises(InvalidBlock) as error:
            confirmation.require(lie, at, LIMITS)
        assert error.value.check == check
        confirmation.begin_poll()


def test_limit_of_a_lie_does_not_count() -> None:
    """A frame that lies about the current may lie about the limit as well."""
    lie = replace(PEACE, current=327.67, charge_current_limit=400.0)
    assert polled(PEACE, lie)[-1] == "unconfirmed_current"


def test_largest_limit_that_was_told_counts() -> None:
    """A pack that is nearly full or cold allows less than it can bear."""
    cold = replace(PEACE, charge_current_limit=0.0, discharge_current_limit=-2.0)
    assert polled(PEACE, cold, replace(cold, current=-60.0)) == [None, None, None]
    assert polled(cold, cold, replace(cold, current=-60.0))[-1] is not None


def test_pack_without_limits_is_judged_by_its_capacity() -> None:
    """Some families tell none."""
    untold = replace(PEACE, charge_current_limit=None, discharge_current_limit=None)
    most = CURRENT_MARGIN * USUAL_LIMIT * 50.0 + CURRENT_SLACK
    assert polled(untold, replace(untold, current=most - 0.1)) == [None, None]
    assert polled(untold, replace(untold, current=most + 0.1))[-1] is not None


@pytest.mark.parametrize("limit", [0.0, 10.0, 50.0])
def test_margin_of_the_limit_of_the_current(limit: float) -> None:
    """Surges are no lies: both sides of the margin."""
    pack = replace(PEACE, charge_current_limit=limit)
    most = CURRENT_MARGIN * (limit or USUAL_LIMIT * 50.0) + CURRENT_SLACK
    assert polled(pack, replace(pack, current=most - 0.1)) == [None, None]
    assert polled(pack, replace(pack, current=most + 0.1))[-1] == "unconfirmed_current"


@pytest.mark.parametrize("seconds", [2.0, 60.0, 600.0])
@pytest.mark.parametrize("sign", [-1, 1])
def test_margin_of_the_charge_that_flows(seconds: float, sign: int) -> None:
    """More than the largest current carries in the time has not flowed: both sides."""
    half = replace(PEACE, remaining_capacity=25.0, total_capacity=50.0)
    most = (CURRENT_MARGIN * 50.0 + CURRENT_SLACK) * seconds / 3600 + CHARGE_SLACK * 50
    near = replace(half, remaining_capacity=25.0 + sign * (most - 0.01))
    far = replace(half, remaining_capacity=25.0 + sign * (most + 0.01))
    assert polled(half, near, interval=seconds) == [None, None]
    assert polled(half, far, interval=seconds)[-1] == "unconfirmed_charge"


@pytest.mark.parametrize("lie", ["high cell", "dead cell", "hot", "frozen"])
def test_protection_that_acts_is_told_at_once(lie: str) -> None:
    """An alarm that the battery itself raises waits for nothing."""
    alarm = BatteryStatus(
        alarms=(Alarm(key="cell_over_voltage", severity=AlarmSeverity.PROTECTION),)
    )
    assert polled(PEACE, replace(LIES[lie][0], status=alarm)) == [None, None]


def test_thresholds_that_are_not_known_doubt_nothing() -> None:
    """Cells and temperatures of a battery that tells no thresholds are believed."""
    confirmation = Confirmation()
    for configuration in (None, BatteryConfiguration(cell_over_voltage=3.65)):
        confirmation.begin_poll()
        confirmation.require(LIES["hot"][0], 0.0, configuration)
        confirmation.require(LIES["dead cell"][0], 0.0, configuration)


def test_another_scale_of_the_current_is_no_change() -> None:
    """What was seen before is counted by the scale that is known now."""
    confirmation = Confirmation()
    confirmation.begin_poll()
    confirmation.believe(replace(PEACE, current=None), 0.0)
    confirmation.count_current_by(10)
    confirmation.begin_poll()
    confirmation.require(replace(PEACE, current=-50.0), 60.0, LIMITS)


amperes = st.floats(-50, 50)


@given(
    st.lists(st.tuples(amperes, st.floats(2, 600)), min_size=1, max_size=40),
    st.floats(0, 50),
)
def test_what_a_battery_really_does_is_never_doubted(
    days: list[tuple[float, float]], start: float
) -> None:
    """Any load within the limits, at any interval, from any state of charge."""
    confirmation = Confirmation()
    at, remaining = 0.0, start
    for current, seconds in days:
        at += seconds
        remaining = min(50.0, max(0.0, remaining + current * seconds / 3600))
        reading = replace(PEACE, current=current, remaining_capacity=remaining)
        confirmation.begin_poll()
        confirmation.require(reading, at, LIMITS)
        confirmation.believe(reading, at)
