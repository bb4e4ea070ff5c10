"""The measured registers 5000-5052 in their units, before they are believed."""

from dataclasses import dataclass
from typing import Final

from .exceptions import InvalidBlock
from .families import Family
from .image import RegisterImage
from .registers import REGISTER, Register

_NO_VALUE: Final = 0xFFFF
# No cell has 100 V: counts from here on are mV (protocol 1.6, family RNGC).
_FIRST_MILLIVOLT_COUNT: Final = 1000
_MILLIVOLTS_PER_VOLT: Final = 1000
MOST_CYCLES: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """Measured values in V, A, Ah and degC, the lists cut to their counts.

    None and empty lists stand for registers that were not read or hold no value.
    """

    cell_count: int
    cell_voltages: tuple[float, ...]
    cell_temperature_count: int
    cell_temperatures: tuple[float, ...]
    board_temperature: float | None
    environment_count: int | None
    environment_temperatures: tuple[float, ...]
    heater_count: int | None
    heater_temperatures: tuple[float, ...]
    current: float
    voltage: float
    remaining_capacity: float
    total_capacity: float
    cycles: int | None
    charge_voltage_limit: float | None
    discharge_voltage_limit: float | None
    charge_current_limit: float | None
    discharge_current_limit: float | None


def decode_measurements(image: RegisterImage, family: Family) -> Measurements:
    """Return what was measured; raises InvalidBlock when a register it needs is missing."""
    cell_count = _required(image, "cell_count")
    temperature_count = _required(image, "cell_temperature_count")
    environment_count = image.raw_value(REGISTER["environment_count"])
    heater_count = image.raw_value(REGISTER["heater_count"])
    return Measurements(
        cell_count=cell_count,
        cell_voltages=_cell_voltages(image, cell_count, family),
        cell_temperature_count=temperature_count,
        cell_temperatures=_values(image, "cell_temperatures", temperature_count),
        board_temperature=image.value(REGISTER["board_temperature"]) or None,
        environment_count=environment_count,
        environment_temperatures=_values(
            image, "environment_temperatures", environment_count
        ),
        heater_count=heater_count,
        heater_temperatures=_values(image, "heater_temperatures", heater_count),
        current=_required(image, "current") / family.current_divisor,
        voltage=_required_value(image, "voltage"),
        remaining_capacity=_required_value(image, "remaining_capacity"),
        total_capacity=_required_value(image, "total_capacity"),
        cycles=_cycles(image, family),
        charge_voltage_limit=_limit(image, "charge_voltage_limit"),
        discharge_voltage_limit=_limit(image, "discharge_voltage_limit"),
        charge_current_limit=_limit(image, "charge_current_limit"),
        discharge_current_limit=image.value(REGISTER["discharge_current_limit"]),
    )


def _required(image: RegisterImage, name: str) -> int:
    raw = image.raw_value(REGISTER[name])
    if raw is None:
        raise InvalidBlock("complete", f"{name} was not read")
    return raw


def _required_value(image: RegisterImage, name: str) -> float:
    return _required(image, name) / REGISTER[name].divisor


def _values(image: RegisterImage, name: str, count: int | None) -> tuple[float, ...]:
    """Return the first `count` values; a battery may fill more than it counts."""
    register = REGISTER[name]
    return tuple(raw / register.divisor for raw in image.raw_list(register, count or 0))


def _cell_voltages(
    image: RegisterImage, count: int, family: Family
) -> tuple[float, ...]:
    register = REGISTER["cell_voltages"]
    counts = image.raw_list(register, count)
    if family.cells_may_be_millivolts and max(counts, default=0) >= (
        _FIRST_MILLIVOLT_COUNT
    ):
        return tuple(raw / _MILLIVOLTS_PER_VOLT for raw in counts)
    return tuple(raw / register.divisor for raw in counts)


def _limit(image: RegisterImage, name: str) -> float | None:
    raw = _unless_absent(image, REGISTER[name])
    return None if raw is None else raw / REGISTER[name].divisor


def _cycles(image: RegisterImage, family: Family) -> int | None:
    raw = _unless_absent(image, REGISTER["cycles"])
    if raw is None or not family.cycles_low_byte_first:
        return raw
    swapped = int.from_bytes(raw.to_bytes(2, "big"), "little")
    # The byte order rests on one report: rather no cycles than a refused reading.
    return swapped if swapped <= MOST_CYCLES else None


def _unless_absent(image: RegisterImage, register: Register) -> int | None:
    """Return an unsigned value, None for 0xFFFF (protocol 1.9, number 7)."""
    raw = image.raw_value(register)
    return None if raw == _NO_VALUE else raw
