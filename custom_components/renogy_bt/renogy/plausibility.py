"""What cannot be true (protocol 1.9): a block that fails a check is never published.

A frame with the right unit, length and CRC may still be another request's late reply, another
battery's that carries the same id, or garbage. The limits are set so that no LiFePO4 pack
in working order, cold, full or nearly empty, is ever refused.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from .exceptions import InvalidBlock
from .measurements import MOST_CYCLES, Measurements
from .models import BatteryConfiguration, BatteryStatus
from .registers import (
    CELL_ERROR_BITS,
    MAX_CELLS,
    MAX_ENVIRONMENT_SENSORS,
    MAX_HEATER_SENSORS,
)

# A cell may read 0 V when its sense wire is broken: that is a fault to show, not to refuse.
CELL_VOLTAGE_RANGE: Final = (0.0, 5.0)
# An open or shorted sensor reads about -50 or +120 degC.
TEMPERATURE_RANGE: Final = (-60.0, 150.0)
CURRENT_RANGE: Final = (-600.0, 600.0)
VOLTAGE_RANGE: Final = (1.0, 80.0)
VOLTAGE_LIMIT_RANGE: Final = (0.0, 100.0)
TOTAL_CAPACITY_RANGE: Final = (1.0, 2000.0)
CYCLES_RANGE: Final = (0, MOST_CYCLES)
# After a calibration a battery may hold a little more than its total.
MOST_REMAINING: Final = 1.25
# The module voltage is measured apart from the cells'.
MODULE_TOLERANCE: Final = 0.5
# Cell voltages come truncated to a tenth of a volt.
CELL_TRUNCATION: Final = 0.1
_ROUNDING: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the checks of one poll of one battery look at."""

    measurements: Measurements
    status: BatteryStatus

    @property
    def failed_cells(self) -> frozenset[int]:
        """The cells, from 1, whose voltage the battery itself says it cannot measure."""
        return frozenset(
            cell
            for alarm in self.status.alarms
            if alarm.key == CELL_ERROR_BITS.key
            for cell in alarm.parts
        )


@dataclass(frozen=True, slots=True)
class Check[T]:
    """A named rule; `objection` returns why it is broken, None when it holds."""

    name: str
    objection: Callable[[T], str | None]

    def apply(self, subject: T) -> None:
        """Raise InvalidBlock when the rule is broken."""
        if (reason := self.objection(subject)) is not None:
            raise InvalidBlock(self.name, reason)


def _count(name: str, lowest: int, highest: int) -> Callable[[Evidence], str | None]:
    def objection(evidence: Evidence) -> str | None:
        count = getattr(evidence.measurements, name)
        if count is None or lowest <= count <= highest:
            return None
        return f"{count} is not within {lowest} to {highest}"

    return objection


def _range(name: str, limits: tuple[float, float]) -> Callable[[Evidence], str | None]:
    lowest, highest = limits

    def objection(evidence: Evidence) -> str | None:
        found = getattr(evidence.measurements, name)
        values = found if isinstance(found, tuple) else (found,)
        for value in values:
            if value is not None and not lowest <= value <= highest:
                return f"{value} is not within {lowest} to {highest}"
        return None

    return objection


def _remaining_within_total(evidence: Evidence) -> str | None:
    measured = evidence.measurements
    if measured.remaining_capacity <= MOST_REMAINING * measured.total_capacity:
        return None
    return f"{measured.remaining_capacity} Ah of {measured.total_capacity} Ah remain"


def _module_voltage_is_sum_of_cells(evidence: Evidence) -> str | None:
    """Compare the module voltage with the cells (protocol 1.9, number 6).

    A cell whose measurement failed may have any voltage that a cell can have.
    """
    measured = evidence.measurements
    failed = evidence.failed_cells
    believed = [
        voltage
        for cell, voltage in enumerate(measured.cell_voltages, 1)
        if cell not in failed
    ]
    unknown = len(measured.cell_voltages) - len(believed)
    lowest = sum(believed) - MODULE_TOLERANCE - _ROUNDING
    highest = (
        sum(believed)
        + CELL_TRUNCATION * len(believed)
        + CELL_VOLTAGE_RANGE[1] * unknown
        + MODULE_TOLERANCE
        + _ROUNDING
    )
    if lowest <= measured.voltage <= highest:
        return None
    return f"{measured.voltage} V with cells of {sum(believed):.3f} V together"


def _never_both(first: str, second: str) -> Callable[[Evidence], str | None]:
    def objection(evidence: Evidence) -> str | None:
        if {first, second} <= {alarm.key for alarm in evidence.status.alarms}:
            return f"{first} and {second} at once"
        return None

    return objection


CHECKS: Final[tuple[Check[Evidence], ...]] = (
    Check("cell_count", _count("cell_count", 1, MAX_CELLS)),
    Check("cell_temperature_count", _count("cell_temperature_count", 1, MAX_CELLS)),
    Check("environment_count", _count("environment_count", 0, MAX_ENVIRONMENT_SENSORS)),
    Check("heater_count", _count("heater_count", 0, MAX_HEATER_SENSORS)),
    Check("cell_voltages", _range("cell_voltages", CELL_VOLTAGE_RANGE)),
    Check("cell_temperatures", _range("cell_temperatures", TEMPERATURE_RANGE)),
    Check("board_temperature", _range("board_temperature", TEMPERATURE_RANGE)),
    Check(
        "environment_temperatures",
        _range("environment_temperatures", TEMPERATURE_RANGE),
    ),
    Check("heater_temperatures", _range("heater_temperatures", TEMPERATURE_RANGE)),
    Check("current", _range("current", CURRENT_RANGE)),
    Check("voltage", _range("voltage", VOLTAGE_RANGE)),
    Check("total_capacity", _range("total_capacity", TOTAL_CAPACITY_RANGE)),
    Check("remaining_capacity", _remaining_within_total),
    Check("cycles", _range("cycles", CYCLES_RANGE)),
    Check("charge_voltage_limit", _range("charge_voltage_limit", VOLTAGE_LIMIT_RANGE)),
    Check(
        "discharge_voltage_limit",
        _range("discharge_voltage_limit", VOLTAGE_LIMIT_RANGE),
    ),
    Check("sum_of_cells", _module_voltage_is_sum_of_cells),
    # An all-0xFF status block, and most garbage, claims both (protocol 1.9, number 7).
    Check("protections", _never_both("module_over_voltage", "module_under_voltage")),
    Check("warnings", _never_both("module_high_voltage", "module_low_voltage")),
)


def _limits_are_ordered(configuration: BatteryConfiguration) -> str | None:
    limits = (
        configuration.cell_under_voltage,
        configuration.cell_low_voltage,
        configuration.cell_high_voltage,
        configuration.cell_over_voltage,
    )
    known = [limit for limit in limits if limit is not None]
    if known == sorted(known):
        return None
    return f"cell limits out of order: {known}"


def _cell_limits_are_voltages(configuration: BatteryConfiguration) -> str | None:
    for limit in (configuration.cell_high_voltage, configuration.cell_low_voltage):
        if limit is not None and not 1.0 <= limit <= CELL_VOLTAGE_RANGE[1]:
            return f"a cell limit of {limit} V"
    return None


CONFIGURATION_CHECKS: Final[tuple[Check[BatteryConfiguration], ...]] = (
    Check("cell_limits", _cell_limits_are_voltages),
    Check("cell_limit_order", _limits_are_ordered),
)


def require[T](checks: Iterable[Check[T]], subject: T) -> None:
    """Apply checks in turn; raises InvalidBlock at the first that fails."""
    for check in checks:
        check.apply(subject)
