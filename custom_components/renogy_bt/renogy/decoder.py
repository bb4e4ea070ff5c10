# SPDX-License-Identifier: Apache-2.0
"""From the registers of a poll to the models."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from struct import unpack_from
from typing import Final

from .alarms import Parts, decode_status
from .cycles import CycleCounter
from .exceptions import InvalidBlock
from .families import Family
from .models import BatteryConfiguration, BatteryIdentity, BatteryReading, FoundBattery
from .plausibility import (
    CURRENT_LIMIT_PER_CAPACITY,
    MOST_REMAINING,
    OPTIONAL_RANGES,
    REQUIRED_RANGES,
    TEMPERATURE_RANGE,
    VOLTAGE_LIMIT_PER_CELL,
    Range,
    require_electrical,
    require_limits,
    require_reading,
)
from .registers import (
    CONFIGURATION_REGISTERS,
    IDENTITY_REGISTERS,
    MAX_CELLS,
    REGISTERS,
    STATUS_ADDRESSES,
)

# No cell has this many volts: the battery counts mV (protocol 1.6, family RNGC).
_IMPOSSIBLE_VOLTS: Final = 100
_MILLIVOLTS_PER_VOLT: Final = 1000
SERIAL_END: Final = 4
"""So much of a serial number tells batteries apart; the whole of it is nobody else's business."""


@dataclass(frozen=True, slots=True)
class RegisterImage:
    """The registers of one battery that a poll brought; what was not read is absent, not zero.

    They are addresses with the bytes of the registers that follow each. A value is unpacked
    from the reply that carried it, no word is copied before.
    """

    blocks: Sequence[tuple[int, bytes]]

    def raw(self, name: str) -> int | None:
        """Return the value of a register before division, None where there is none."""
        register = REGISTERS[name]
        where = self._locate(register.address, register.words)
        if where is None:
            return None
        raw = int(unpack_from(f">{register.type}", *where)[0])
        return None if raw in register.absent else raw

    def value(self, name: str) -> float | None:
        """Return the value of a register in its unit, None where there is none."""
        raw = self.raw(name)
        return None if raw is None else raw / REGISTERS[name].divisor

    def required(self, name: str, divisor: int | None = None) -> float:
        """Return a value that no reading can do without; raises InvalidBlock.

        `divisor` stands in for the register's own.
        """
        raw = self.raw(name)
        if raw is None:
            raise InvalidBlock("complete", f"{name} was not read")
        return raw / (divisor or REGISTERS[name].divisor)

    def values(
        self, name: str, count: int, divisor: int | None = None
    ) -> tuple[float, ...]:
        """Return the first `count` values of a row of 16-bit registers in their unit.

        They are fewer where fewer exist or were read.
        """
        register = REGISTERS[name]
        where = self._locate(register.address, 1)
        if where is None:
            return ()
        data, offset = where
        values = min(count, register.repeat, (len(data) - offset) // 2)
        raw = unpack_from(f">{values}{register.type}", data, offset)
        return tuple(each / (divisor or register.divisor) for each in raw)

    def text(self, name: str) -> str | None:
        """Return an ASCII register without padding, None when empty or not read.

        Some batteries keep other bytes between the letters (protocol 1.9, number 9).
        """
        register = REGISTERS[name]
        where = self._locate(register.address, register.words)
        if where is None:
            return None
        data, offset = where
        characters = data[offset : offset + 2 * register.words]
        return bytes(c for c in characters if 0x20 <= c < 0x7F).decode().strip() or None

    def words(self, addresses: Iterable[int]) -> dict[int, int]:
        """Return words by address, as far as they were read."""
        return {
            address: int(unpack_from(">H", *where)[0])
            for address in addresses
            if (where := self._locate(address, 1))
        }

    def _locate(self, address: int, words: int) -> tuple[bytes, int] | None:
        for start, data in self.blocks:
            offset = 2 * (address - start)
            if offset >= 0 and offset + 2 * words <= len(data):
                return data, offset
        return None


class _Optional:
    """The values that a reading can do without.

    One that cannot be true is unknown, and `doubted` names it; the others are published.
    """

    def __init__(self, image: RegisterImage) -> None:
        self._image = image
        self._doubted: dict[str, None] = {}

    @property
    def doubted(self) -> tuple[str, ...]:
        return tuple(self._doubted)

    def doubt(self, name: str) -> None:
        self._doubted[name] = None

    def believed[N: float](
        self, name: str, value: N | None, limits: Range | None = None
    ) -> N | None:
        lowest, highest = limits or OPTIONAL_RANGES[name]
        if value is None or lowest <= value <= highest:
            return value
        self.doubt(name)
        return None

    def value(self, name: str, limits: Range | None = None) -> float | None:
        return self.believed(name, self._image.value(name), limits)

    def voltage_limit(self, name: str, cells: int) -> float | None:
        """Return a limit of the module, 0 where there is none."""
        lowest, highest = VOLTAGE_LIMIT_PER_CELL
        limit = self._image.value(name)
        return limit and self.believed(name, limit, (lowest * cells, highest * cells))

    def current_limit(self, name: str, capacity: float) -> float | None:
        most = CURRENT_LIMIT_PER_CAPACITY * capacity
        return self.value(name, (-most, most))

    def sensors(self, number: str, name: str) -> tuple[float | None, ...] | None:
        """Return temperatures, None where their number is not known."""
        count = self.believed(number, self._image.raw(number))
        if count is None:
            return None
        return tuple(
            self.believed(name, value) for value in self._image.values(name, count)
        )


def decode_reading(
    image: RegisterImage,
    read_at: datetime,
    family: Family,
    configuration: BatteryConfiguration | None = None,
    cycle_counter: CycleCounter | None = None,
) -> BatteryReading:
    """Return a reading; raises InvalidBlock when something in it cannot be true.

    `cycle_counter` is what earlier readings of the battery showed of its cycles.
    """
    optional = _Optional(image)
    cell_voltages, resolution = _cell_voltages(image, family)
    parts = _parts(optional, cell_voltages)
    current_count = round(image.required("current", 1))
    divisor = family.current_divisor if family.is_current_scale_proven else None
    total_capacity = image.required("total_capacity")
    reading = BatteryReading(
        read_at=read_at,
        cell_voltages=cell_voltages,
        cell_resolution=resolution,
        cell_temperatures=parts["cell_temperature"] or (),
        # Exactly 0 where the sensor is not fitted.
        board_temperature=optional.value("board_temperature") or None,
        environment_temperatures=parts["environment_temperature"] or (),
        heater_temperatures=parts["heater_temperature"] or (),
        current_count=current_count,
        current=None if divisor is None else current_count / divisor,
        voltage=image.required("voltage"),
        remaining_capacity=image.required("remaining_capacity"),
        total_capacity=total_capacity,
        charge_voltage_limit=optional.voltage_limit(
            "charge_voltage_limit", len(cell_voltages)
        ),
        discharge_voltage_limit=optional.voltage_limit(
            "discharge_voltage_limit", len(cell_voltages)
        ),
        charge_current_limit=optional.current_limit(
            "charge_current_limit", total_capacity
        ),
        discharge_current_limit=optional.current_limit(
            "discharge_current_limit", total_capacity
        ),
        status=decode_status(
            image.words(STATUS_ADDRESSES), family, parts, configuration
        ),
    )
    require_reading(reading)
    # Only what can be believed may teach the byte order of the cycles.
    cycles = _cycles(image, family, optional, cycle_counter or CycleCounter(), read_at)
    return replace(reading, cycles=cycles, doubted=optional.doubted)


def decode_electrical(
    image: RegisterImage, read_at: datetime, family: Family, before: BatteryReading
) -> BatteryReading:
    """Return a reading whose electrical values are new, and the rest is that of the one before.

    Cells of another moment tell nothing of these values: what ties the values to the battery is
    that the voltage has not changed much. Raises InvalidBlock where something cannot be true.
    """
    reading = replace(
        before,
        read_at=read_at,
        rest_read_at=before.rest_read_at or before.read_at,
        current_count=round(image.required("current", 1)),
        voltage=image.required("voltage"),
        remaining_capacity=image.required("remaining_capacity"),
        total_capacity=image.required("total_capacity"),
    ).counting(family.known_divisor)
    require_electrical(reading, before.voltage)
    return reading


def decode_identity(image: RegisterImage) -> BatteryIdentity:
    """Return what a battery says of itself."""
    return BatteryIdentity(
        **{row.name: image.text(row.name) for row in IDENTITY_REGISTERS}
    )


def decode_found(
    image: RegisterImage, unit: int, model: str | None, cells: int
) -> FoundBattery:
    """Return a battery that was found, with what it told to be known by; what cannot be true is unknown."""
    voltage, charge = image.value("voltage"), None
    remaining, total = image.value("remaining_capacity"), image.value("total_capacity")
    lowest, highest = REQUIRED_RANGES["voltage"]
    if voltage is not None and not lowest <= voltage <= highest:
        voltage = None
    if remaining is not None and total and remaining <= MOST_REMAINING * total:
        charge = min(100.0, 100 * remaining / total)
    serial = image.text("serial_number")
    return FoundBattery(
        unit=unit,
        model=model,
        cells=cells,
        voltage=voltage,
        state_of_charge=charge,
        serial_end=None if serial is None else serial[-SERIAL_END:],
    )


def decode_configuration(image: RegisterImage) -> BatteryConfiguration:
    """Return a battery's limits; raises InvalidBlock when they cannot be true."""
    optional = _Optional(image)
    configuration = BatteryConfiguration(
        **{
            row.name: optional.value(row.name, limits)
            if (limits := _configured_range(row.name))
            else image.value(row.name)
            for row in CONFIGURATION_REGISTERS
        }
    )
    require_limits(configuration)
    return configuration


def _configured_range(name: str) -> Range | None:
    """Return the range that a limit is unknown beyond, None where it is required to be right."""
    if name.endswith("temperature"):
        return TEMPERATURE_RANGE
    return REQUIRED_RANGES["voltage"] if name.startswith("module") else None


def _parts(optional: _Optional, cell_voltages: tuple[float, ...]) -> Parts:
    """Return the values of the parts that a battery has, cut to the counts that it tells."""
    sensors = optional.sensors
    return {
        "cell_voltage": cell_voltages,
        "cell_temperature": sensors("cell_temperature_count", "cell_temperatures"),
        "environment_temperature": sensors(
            "environment_count", "environment_temperatures"
        ),
        "heater_temperature": sensors("heater_count", "heater_temperatures"),
    }


def _cell_voltages(
    image: RegisterImage, family: Family
) -> tuple[tuple[float, ...], float]:
    """Return the voltages of the cells, and the step that they are told in."""
    cells = int(image.required("cell_count"))
    if not 1 <= cells <= MAX_CELLS:
        raise InvalidBlock("cell_count", f"{cells} cells")
    divisor = REGISTERS["cell_voltages"].divisor
    voltages = image.values("cell_voltages", cells)
    if family.cells_may_be_millivolts and max(voltages, default=0) >= _IMPOSSIBLE_VOLTS:
        divisor = _MILLIVOLTS_PER_VOLT
        voltages = image.values("cell_voltages", cells, divisor)
    return voltages, 1 / divisor


def _cycles(
    image: RegisterImage,
    family: Family,
    optional: _Optional,
    counter: CycleCounter,
    read_at: datetime,
) -> int | None:
    raw = image.raw("cycles")
    if raw is None or not family.cycles_may_be_low_byte_first:
        return optional.believed("cycles", raw)
    cycles = counter.count(raw, read_at)
    if cycles is None:
        optional.doubt("cycles")
    return cycles
