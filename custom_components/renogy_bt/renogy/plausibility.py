# SPDX-License-Identifier: Apache-2.0
"""What cannot be true (protocol 1.9): a block that fails a check is never published.

A frame with the right unit, length and CRC may still be another request's late reply, another
battery's that carries the same id, or garbage. The limits are set so that no LiFePO4 battery
in working order, cold, full or nearly empty, is ever refused.

What a reading can do without costs itself only: a value beyond its limits is unknown, and the
rest is published. What ties a frame to its battery refuses the reading.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from .cycles import MOST_CYCLES
from .exceptions import InvalidBlock
from .models import BatteryConfiguration, BatteryReading
from .registers import (
    CELL_ERROR,
    MAX_CELLS,
    MAX_ENVIRONMENT_SENSORS,
    MAX_HEATER_SENSORS,
)

type Range = tuple[float, float]

# A cell may read 0 V when its sense wire is broken: that is a fault to show, not to refuse.
CELL_VOLTAGE_RANGE: Final[Range] = (0.0, 5.0)
CELL_LIMIT_RANGE: Final[Range] = (1.0, 5.0)
# An open or shorted sensor reads about -50 or +120 degC.
TEMPERATURE_RANGE: Final[Range] = (-60.0, 150.0)
# After a calibration a battery may hold a little more than its total.
MOST_REMAINING: Final = 1.25
# The module voltage is measured apart from the cells'.
MODULE_TOLERANCE: Final = 0.5
_ROUNDING: Final = 1e-6
# What no load or charger changes of the voltage within a minute while nothing else is amiss.
LARGEST_STEP: Final = 0.1

REQUIRED_RANGES: Final[Mapping[str, Range]] = MappingProxyType(
    {
        "cell_voltages": CELL_VOLTAGE_RANGE,
        "current": (-600.0, 600.0),
        "voltage": (1.0, 80.0),
        "total_capacity": (1.0, 2000.0),
    }
)
"""The ranges of the values without which there is no reading, by name of check and value."""

_ELECTRICAL: Final = ("current", "voltage", "total_capacity")

OPTIONAL_RANGES: Final[Mapping[str, Range]] = MappingProxyType(
    {
        "cell_temperature_count": (1, MAX_CELLS),
        "environment_count": (0, MAX_ENVIRONMENT_SENSORS),
        "heater_count": (0, MAX_HEATER_SENSORS),
        "cell_temperatures": TEMPERATURE_RANGE,
        "board_temperature": TEMPERATURE_RANGE,
        "environment_temperatures": TEMPERATURE_RANGE,
        "heater_temperatures": TEMPERATURE_RANGE,
        "cycles": (0, MOST_CYCLES),
    }
)
"""The ranges of the values that are unknown beyond them, by the name of the register."""

# A limit that is told in another scale lies ten times off.
VOLTAGE_LIMIT_PER_CELL: Final[Range] = (1.5, 5.0)
# In A per Ah: batteries of this maker allow up to 2, and ten times 0.5 is a wrong scale.
CURRENT_LIMIT_PER_CAPACITY: Final = 4.0


def require_reading(reading: BatteryReading) -> None:
    """Raise InvalidBlock when something in a reading cannot be true."""
    for check, limits in REQUIRED_RANGES.items():
        found = getattr(reading, check)
        _require_within(check, found if isinstance(found, tuple) else (found,), limits)
    for check, objection in OBJECTIONS.items():
        if reason := objection(reading):
            raise InvalidBlock(check, reason)


def require_electrical(reading: BatteryReading, voltage_before: float) -> None:
    """Raise InvalidBlock when electrical values that were read alone cannot be true."""
    for check in _ELECTRICAL:
        _require_within(check, (getattr(reading, check),), REQUIRED_RANGES[check])
    if reason := _remaining_beyond_total(reading):
        raise InvalidBlock("remaining_capacity", reason)
    if abs(reading.voltage - voltage_before) > LARGEST_STEP * voltage_before:
        raise InvalidBlock("voltage", f"{reading.voltage} V after {voltage_before} V")


def require_limits(configuration: BatteryConfiguration) -> None:
    """Raise InvalidBlock when a battery cannot have such limits."""
    low, high = configuration.cell_low_voltage, configuration.cell_high_voltage
    _require_within("cell_limits", (high, low), CELL_LIMIT_RANGE)
    limits = (
        configuration.cell_under_voltage,
        low,
        high,
        configuration.cell_over_voltage,
    )
    known = [limit for limit in limits if limit is not None]
    if known != sorted(known):
        raise InvalidBlock("cell_limit_order", f"cell limits out of order: {known}")


def _require_within(check: str, values: Iterable[float | None], limits: Range) -> None:
    lowest, highest = limits
    for value in values:
        if value is not None and not lowest <= value <= highest:
            raise InvalidBlock(check, f"{value} is not within {lowest} to {highest}")


def _remaining_beyond_total(reading: BatteryReading) -> str | None:
    if reading.remaining_capacity <= MOST_REMAINING * reading.total_capacity:
        return None
    return f"{reading.remaining_capacity} Ah of {reading.total_capacity} Ah remain"


def _module_voltage_is_not_sum_of_cells(reading: BatteryReading) -> str | None:
    """Compare the module voltage with the cells (protocol 1.9, number 6).

    One battery cuts the voltage of a cell to a step of its resolution, another rounds it: a
    cell has up to half a step less, and up to a whole step more, than it says. A cell whose
    measurement failed may have any voltage that a cell can have.
    """
    failed = {
        cell
        for alarm in reading.status.alarms
        if alarm.key == CELL_ERROR
        for cell in alarm.parts
    }
    believed = [
        voltage
        for cell, voltage in enumerate(reading.cell_voltages, 1)
        if cell not in failed
    ]
    step = reading.cell_resolution * len(believed)
    lowest = sum(believed) - step / 2 - MODULE_TOLERANCE - _ROUNDING
    highest = (
        sum(believed)
        + step
        + CELL_VOLTAGE_RANGE[1] * len(failed)
        + MODULE_TOLERANCE
        + _ROUNDING
    )
    if lowest <= reading.voltage <= highest:
        return None
    return f"{reading.voltage} V with cells of {sum(believed):.3f} V together"


def _both(first: str, second: str) -> Callable[[BatteryReading], str | None]:
    def objection(reading: BatteryReading) -> str | None:
        if {first, second} <= {alarm.key for alarm in reading.status.alarms}:
            return f"{first} and {second} at once"
        return None

    return objection


OBJECTIONS: Final[Mapping[str, Callable[[BatteryReading], str | None]]] = (
    MappingProxyType(
        {
            "remaining_capacity": _remaining_beyond_total,
            "sum_of_cells": _module_voltage_is_not_sum_of_cells,
            # An all-0xFF status block, and most garbage, claims both (protocol 1.9, number 7).
            "protections": _both("module_over_voltage", "module_under_voltage"),
            "warnings": _both("module_high_voltage", "module_low_voltage"),
        }
    )
)
"""What returns why the values of a reading do not go together, None when they do."""
