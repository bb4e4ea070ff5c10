# SPDX-License-Identifier: Apache-2.0
"""The values of a bank as a whole.

A sum is unknown while a battery is missing, so that it never dips, or while a battery's current has no
known scale. Means and extremes cover the
batteries that answer. Of batteries that cannot be in parallel, or are not, power and energy add up all the
same; what they would have in common is unknown.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ..renogy.models import BatteryReading
from .joining import can_read_as_joined


class Wiring(StrEnum):
    """How the batteries of a bank are connected."""

    PARALLEL = "parallel"
    SERIES = "series"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankSummary[K]:
    """A bank's values in the units of a reading; None if a value cannot be known.

    Current and power are positive while charging. `weakest_battery` has the lowest state of
    charge; of batteries with the same state of charge it has the lowest cell.
    """

    state_of_charge: float | None
    voltage: float | None
    current: float | None
    power: float | None
    remaining_capacity: float | None
    total_capacity: float | None
    stored_energy: float | None
    state_of_charge_spread: float | None
    cell_voltage_min: float | None
    cell_voltage_max: float | None
    cell_voltage_spread: float | None
    temperature_min: float | None
    temperature_max: float | None
    weakest_battery: K | None
    batteries_responding: int
    problem: bool | None


def summarise[K](
    readings: Mapping[K, BatteryReading],
    expected: int,
    wiring: Wiring,
    *,
    are_apart: bool = False,
) -> BankSummary[K]:
    """Add up the readings of a bank of `expected` batteries; `are_apart` where these are not joined.

    In parallel currents and capacities add and the voltage is the mean. In series voltages add
    and the current is the mean. The battery with the least charge left ends the discharge, and
    the one with the least room ends the charge: the bank's capacity is what lies between. Power
    and energy add always, and the state of charge is weighted by capacity.
    """
    known = readings.values()
    is_whole = 0 < expected <= len(readings)
    in_series = wiring is Wiring.SERIES
    is_one = in_series or not (are_apart or not can_read_as_joined(known))
    across = _sum if in_series else _mean
    along = _mean if in_series else _sum
    voltages = [reading.voltage for reading in known]
    currents = [each.current for each in known if each.current is not None]
    powers = [each.power for each in known if each.power is not None]
    has_all_currents = is_whole and len(currents) == expected
    remaining, total = (_in_series if in_series else _in_parallel)(known)
    charges = [reading.state_of_charge for reading in known]
    cells = [voltage for reading in known for voltage in reading.cell_voltages]
    temperatures = [
        each
        for reading in known
        for each in reading.cell_temperatures
        if each is not None
    ]
    return BankSummary(
        state_of_charge=_weighted_state_of_charge(known) if is_one else None,
        voltage=across(voltages) if is_one and (is_whole or not in_series) else None,
        current=along(currents) if is_one and (has_all_currents or in_series) else None,
        power=_sum(powers) if has_all_currents else None,
        remaining_capacity=remaining if is_whole and is_one else None,
        total_capacity=total if is_whole and is_one else None,
        stored_energy=_sum(r.stored_energy for r in known) if is_whole else None,
        state_of_charge_spread=_spread(charges),
        cell_voltage_min=_min(cells),
        cell_voltage_max=_max(cells),
        cell_voltage_spread=_spread(cells),
        temperature_min=_min(temperatures),
        temperature_max=_max(temperatures),
        weakest_battery=_weakest(readings),
        batteries_responding=len(readings),
        problem=_problem(known),
    )


def _in_parallel(known: Collection[BatteryReading]) -> tuple[float, float]:
    """Return the remaining and the total capacity of batteries in parallel."""
    return (
        _sum(each.remaining_capacity for each in known),
        _sum(each.total_capacity for each in known),
    )


def _in_series(known: Collection[BatteryReading]) -> tuple[float, float]:
    """Return the remaining and the total capacity of batteries in series."""
    remaining = min((each.remaining_capacity for each in known), default=0.0)
    room = min(
        (each.total_capacity - each.remaining_capacity for each in known), default=0.0
    )
    smallest = min((each.total_capacity for each in known), default=0.0)
    # A battery may hold more than its total: then it is full, and the others get no more.
    return remaining, round(min(remaining + max(room, 0.0), smallest), 3)


def _sum(values: Iterable[float]) -> float:
    return round(sum(values), 3)


def _mean(values: Collection[float]) -> float | None:
    return round(sum(values) / len(values), 3) if values else None


def _min(values: Iterable[float]) -> float | None:
    return min(values, default=None)


def _max(values: Iterable[float]) -> float | None:
    return max(values, default=None)


def _spread(values: Collection[float]) -> float | None:
    return round(max(values) - min(values), 3) if values else None


def _weighted_state_of_charge(readings: Collection[BatteryReading]) -> float | None:
    """Return the state of charge in %, each battery counting by its total capacity."""
    total = sum(reading.total_capacity for reading in readings)
    if not total:
        return None
    weighted = sum(
        reading.state_of_charge * reading.total_capacity for reading in readings
    )
    return round(min(100.0, weighted / total), 3)


def _weakest[K](readings: Mapping[K, BatteryReading]) -> K | None:
    def strength(battery: K) -> tuple[float, float]:
        reading = readings[battery]
        return reading.state_of_charge, reading.cell_voltage_min or 0.0

    return min(readings, key=strength, default=None)


def _problem(readings: Collection[BatteryReading]) -> bool | None:
    """Return whether any battery has a problem, None if no battery can tell."""
    problems = {reading.status.problem for reading in readings}
    if True in problems:
        return True
    return False if False in problems else None
