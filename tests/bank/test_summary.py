# SPDX-License-Identifier: Apache-2.0
"""Tests of adding a bank up."""

from dataclasses import fields, replace
from datetime import UTC, datetime

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.bank.estimates import estimate
from custom_components.renogy_bt.bank.summary import BankSummary, Wiring, summarise
from custom_components.renogy_bt.renogy.models import (
    Alarm,
    AlarmSeverity,
    BatteryReading,
    BatteryStatus,
)

FIRST = BatteryReading(
    read_at=datetime(2026, 11, 23, tzinfo=UTC),
    cell_voltages=(3.3, 3.4),
    cell_temperatures=(12.0, 13.0),
    current_count=400,
    current=4.0,
    voltage=50.0,
    remaining_capacity=40.0,
    total_capacity=50.0,
    status=BatteryStatus(charge_mosfet=True),
)
SECOND = replace(
    FIRST,
    cell_voltages=(3.2, 3.3),
    cell_temperatures=(11.0, 15.5),
    current=2.0,
    voltage=51.0,
    remaining_capacity=20.0,
    total_capacity=100.0,
)
BOTH = {("A", 48): FIRST, ("A", 49): SECOND}

ALARM = Alarm(key="cell_over_voltage", severity=AlarmSeverity.PROTECTION)
ALARMED = replace(FIRST, status=BatteryStatus(charge_mosfet=True, alarms=(ALARM,)))
MUTE = replace(FIRST, status=BatteryStatus())

SUMS = ("power", "remaining_capacity", "total_capacity", "stored_energy")


def test_in_parallel_currents_and_capacities_add() -> None:
    """The voltage is the mean, the state of charge is weighted by capacity."""
    bank = summarise(BOTH, 2, Wiring.PARALLEL)
    assert bank == BankSummary(
        state_of_charge=40.0,
        voltage=50.5,
        current=6.0,
        power=302.0,
        remaining_capacity=60.0,
        total_capacity=150.0,
        stored_energy=3020.0,
        state_of_charge_spread=60.0,
        cell_voltage_min=3.2,
        cell_voltage_max=3.4,
        cell_voltage_spread=0.2,
        temperature_min=11.0,
        temperature_max=15.5,
        weakest_battery=("A", 49),
        batteries_responding=2,
        problem=False,
    )


def test_in_series_voltages_add() -> None:
    """The current is the mean, energy adds; one battery is empty first, another full first."""
    bank = summarise(BOTH, 2, Wiring.SERIES)
    assert bank.voltage == 101.0
    assert bank.current == 3.0
    assert bank.remaining_capacity == 20.0
    # 20 Ah until the second is empty, 10 Ah until the first is full.
    assert bank.total_capacity == 30.0
    assert bank.power == 302.0
    assert bank.stored_energy == 3020.0
    assert bank.state_of_charge == 40.0


@pytest.mark.parametrize(
    ("wiring", "unknown"),
    [(Wiring.PARALLEL, "current"), (Wiring.SERIES, "voltage")],
)
def test_sums_are_unknown_while_a_battery_is_missing(
    wiring: Wiring, unknown: str
) -> None:
    """A sum never dips; means and extremes go on with those that answer."""
    bank = summarise({("A", 48): FIRST}, 2, wiring)
    for name in (*SUMS, unknown):
        assert getattr(bank, name) is None
    known = {"current", "voltage"} - {unknown}
    assert all(getattr(bank, name) is not None for name in known)
    assert bank.state_of_charge == 80.0
    assert bank.state_of_charge_spread == 0.0
    assert bank.cell_voltage_spread == 0.1
    assert bank.weakest_battery == ("A", 48)
    assert bank.batteries_responding == 1


def test_sums_are_unknown_while_a_current_has_no_scale() -> None:
    """In series the current of the others is the bank's; power and what adds up are not known."""
    readings = BOTH | {("A", 49): replace(SECOND, current=None)}
    parallel = summarise(readings, 2, Wiring.PARALLEL)
    assert (parallel.current, parallel.power) == (None, None)
    assert (parallel.remaining_capacity, parallel.stored_energy) == (60.0, 3020.0)
    series = summarise(readings, 2, Wiring.SERIES)
    assert (series.current, series.power) == (4.0, None)
    neither = {1: replace(FIRST, current=None), 2: replace(SECOND, current=None)}
    assert summarise(neither, 2, Wiring.SERIES).current is None


def pack(remaining: float, total: float) -> BatteryReading:
    """Return a reading of a battery that holds so much."""
    return replace(FIRST, remaining_capacity=remaining, total_capacity=total)


@pytest.mark.parametrize(
    ("packs", "remaining", "total"),
    [
        pytest.param([(25, 50), (50, 100)], 25, 50, id="the same charge"),
        pytest.param([(40, 50), (40, 50)], 40, 50, id="equal"),
        pytest.param([(10, 100), (40, 50)], 10, 20, id="one low, one high"),
        pytest.param([(95, 100), (100, 100)], 95, 95, id="one full"),
        pytest.param([(0, 100), (50, 100)], 0, 50, id="one empty"),
        pytest.param([(51, 50)], 51, 50, id="above full"),
        pytest.param([(51, 50), (20, 50)], 20, 20, id="above full and half"),
    ],
)
def test_unequal_batteries_in_series(
    packs: list[tuple[float, float]], remaining: float, total: float
) -> None:
    """The first that is empty ends the discharge, the first that is full ends the charge."""
    readings = {index: pack(*each) for index, each in enumerate(packs)}
    bank = summarise(readings, len(packs), Wiring.SERIES)
    assert (bank.remaining_capacity, bank.total_capacity) == (remaining, total)


@given(
    packs=st.lists(
        st.tuples(
            st.floats(min_value=0.1, max_value=1),
            st.integers(min_value=20, max_value=400),
        ),
        min_size=1,
        max_size=8,
    ),
    current=st.floats(min_value=20, max_value=200),
)
def test_times_of_batteries_in_series(
    packs: list[tuple[float, int]], current: float
) -> None:
    """The bank is full and empty when its first battery is."""
    readings = {
        index: pack(round(share * total, 3), total)
        for index, (share, total) in enumerate(packs)
    }
    bank = summarise(readings, len(packs), Wiring.SERIES)
    for direction in (1, -1):
        flowed = min(
            (each.total_capacity - each.remaining_capacity)
            if direction > 0
            else each.remaining_capacity
            for each in readings.values()
        )
        time = estimate(
            direction * current,
            direction * current,
            bank.remaining_capacity,
            bank.total_capacity,
        )
        seconds = time.to_full if direction > 0 else time.to_empty
        assert seconds == pytest.approx(flowed / current * 3600, abs=31)


@pytest.mark.parametrize("wiring", Wiring)
@pytest.mark.parametrize("expected", [0, 2])
def test_nothing_is_known_of_a_silent_bank(wiring: Wiring, expected: int) -> None:
    """Without readings there is nothing but a count of zero."""
    bank: BankSummary[int] = summarise({}, expected, wiring)
    for field in fields(BankSummary):
        value = getattr(bank, field.name)
        assert value == (0 if field.name == "batteries_responding" else None)


def test_a_full_bank_is_full() -> None:
    """A battery that holds more than its total does not lift the bank above 100 %."""
    over = replace(FIRST, remaining_capacity=51.0)
    low = replace(FIRST, remaining_capacity=25.0)
    assert summarise({1: over}, 1, Wiring.PARALLEL).state_of_charge == 100.0
    assert summarise({1: over, 2: low}, 2, Wiring.PARALLEL).state_of_charge == 75.0


def test_the_weakest_of_equals_has_the_lowest_cell() -> None:
    """With the same state of charge the lowest cell decides."""
    low_cell = replace(FIRST, cell_voltages=(3.1, 3.4))
    readings = {1: FIRST, 2: low_cell, 3: FIRST}
    assert summarise(readings, 3, Wiring.PARALLEL).weakest_battery == 2


@pytest.mark.parametrize(
    ("readings", "problem"),
    [
        ([FIRST, SECOND], False),
        ([FIRST, ALARMED], True),
        ([ALARMED, MUTE], True),
        ([FIRST, MUTE], False),
        ([MUTE], None),
    ],
)
def test_a_problem_of_one_is_a_problem_of_the_bank(
    readings: list[BatteryReading], problem: bool | None
) -> None:
    """Unknown only when no battery can tell."""
    bank = summarise(dict(enumerate(readings)), len(readings), Wiring.PARALLEL)
    assert bank.problem is problem


def test_batteries_without_sensors() -> None:
    """Extremes over nothing are unknown, the rest of the bank is known."""
    bare = replace(FIRST, cell_voltages=(), cell_temperatures=())
    bank = summarise({1: bare}, 1, Wiring.PARALLEL)
    assert bank.cell_voltage_min is None
    assert bank.temperature_max is None
    assert bank.weakest_battery == 1
    assert bank.power == 200.0
