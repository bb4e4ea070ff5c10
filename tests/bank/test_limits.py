# SPDX-License-Identifier: Apache-2.0
"""What a bank takes and gives now, and when the owner's reserve is reached."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.bank.limits import (
    CurrentLimits,
    is_reserve_reached,
    limits_of,
)
from custom_components.renogy_bt.bank.summary import Wiring
from custom_components.renogy_bt.renogy.models import BatteryReading, BatteryStatus

ON = BatteryStatus(
    charge_mosfet=True,
    discharge_mosfet=True,
    charge_enabled=True,
    discharge_enabled=True,
)
BATTERY = BatteryReading(
    read_at=datetime(2026, 11, 23, tzinfo=UTC),
    cell_voltages=(3.3,) * 15,
    cell_temperatures=(),
    current_count=0,
    current=0.0,
    voltage=50.0,
    remaining_capacity=25.0,
    total_capacity=50.0,
    charge_current_limit=50.0,
    discharge_current_limit=-100.0,
    status=ON,
)


def limits(
    readings: Sequence[BatteryReading], wiring: Wiring = Wiring.PARALLEL
) -> CurrentLimits:
    """Return the limits of a bank of these batteries."""
    return limits_of(dict(enumerate(readings)), len(readings), wiring)


def test_equal_batteries_add_up() -> None:
    """Four alike give four times as much as one; what is drawn is told as a positive current."""
    assert limits([BATTERY] * 4) == CurrentLimits(charge=200.0, discharge=400.0)
    assert limits([BATTERY]) == CurrentLimits(charge=50.0, discharge=100.0)


def test_weakest_way_of_sharing_counts() -> None:
    """A battery of twice the capacity and the same limit is at its limit when the other is at half."""
    large = replace(BATTERY, total_capacity=100.0)
    assert limits([BATTERY, large]) == CurrentLimits(charge=75.0, discharge=150.0)


def test_open_mosfet_gives_nothing() -> None:
    """The others carry its share; of the other direction it says nothing."""
    full = replace(BATTERY, status=replace(ON, charge_mosfet=False))
    assert limits([full, BATTERY, BATTERY]) == CurrentLimits(
        charge=100.0, discharge=300.0
    )
    off = replace(BATTERY, status=replace(ON, discharge_mosfet=False))
    assert limits([off, off]) == CurrentLimits(charge=100.0, discharge=0.0)


def test_battery_that_asks_for_a_stop() -> None:
    """It is still connected and would carry its share: the bank is to stop."""
    asks = replace(BATTERY, status=replace(ON, charge_enabled=False))
    assert limits([asks, BATTERY]) == CurrentLimits(charge=0.0, discharge=200.0)
    asks = replace(BATTERY, status=replace(ON, discharge_enabled=False))
    assert limits([asks]) == CurrentLimits(charge=50.0, discharge=0.0)


def test_series_is_as_weak_as_its_weakest() -> None:
    """One current flows through all; one open switch stops it."""
    weak = replace(BATTERY, charge_current_limit=20.0)
    assert limits([weak, BATTERY], Wiring.SERIES) == CurrentLimits(
        charge=20.0, discharge=100.0
    )
    off = replace(BATTERY, status=replace(ON, charge_mosfet=False))
    assert limits([off, BATTERY], Wiring.SERIES) == CurrentLimits(
        charge=0.0, discharge=100.0
    )


@pytest.mark.parametrize("wiring", list(Wiring))
def test_unknown_rather_than_wrong(wiring: Wiring) -> None:
    """Without a battery, a limit or the state of a switch nothing is promised."""
    unknown = CurrentLimits()
    assert limits_of({0: BATTERY}, 2, wiring) == unknown
    assert limits_of({}, 0, wiring) == unknown
    mute = replace(BATTERY, status=BatteryStatus())
    assert limits([BATTERY, mute], wiring) == unknown
    no_limit = replace(BATTERY, discharge_current_limit=None)
    assert limits([BATTERY, no_limit], wiring).discharge is None
    assert limits([BATTERY, no_limit], wiring).charge is not None


CAPACITIES = st.floats(10, 400).map(lambda value: round(value, 3))
BATTERIES = st.builds(
    lambda capacity, charge, is_on: replace(
        BATTERY,
        total_capacity=capacity,
        charge_current_limit=round(charge, 2),
        status=replace(ON, charge_mosfet=is_on),
    ),
    CAPACITIES,
    st.floats(0, 200),
    st.booleans(),
)


@given(st.lists(BATTERIES, min_size=1, max_size=16))
def test_no_battery_is_overloaded(bank: list[BatteryReading]) -> None:
    """At the bank's limit none carries more than its own, and one carries just that; never beyond the sum."""
    found = limits(bank).charge
    assert found is not None
    connected = [each for each in bank if each.status.charge_mosfet]
    if not connected:
        assert found == 0.0
        return
    total = sum(each.total_capacity for each in connected)
    loads = [found * each.total_capacity / total for each in connected]
    room = [
        (each.charge_current_limit or 0.0) - load
        for each, load in zip(connected, loads, strict=True)
    ]
    assert min(room) == pytest.approx(0.0, abs=0.01)
    assert found <= sum(each.charge_current_limit or 0.0 for each in connected) + 0.01


def test_reserve_is_reached_and_left() -> None:
    """It does not come and go while the charge goes about it."""
    was = None
    states = []
    for charge in (50.0, 10.1, 10.0, 11.0, 9.0, 12.0, 12.1, 11.0, None, 10.0):
        was = is_reserve_reached(charge, 10, was_reached=was)
        states.append(was)
    assert states == [False, False, True, True, True, True, False, False, None, True]
