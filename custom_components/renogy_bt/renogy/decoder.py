"""From the registers of a poll to the models."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from struct import unpack_from
from typing import Final

from .alarms import Parts, decode_status
from .exceptions import InvalidBlock
from .families import Family
from .models import BatteryConfiguration, BatteryIdentity, BatteryReading
from .plausibility import (
    MOST_CYCLES,
    SENSOR_COUNT_RANGES,
    require_limits,
    require_reading,
)
from .registers import (
    CONFIGURATION_REGISTERS,
    IDENTITY_REGISTERS,
    REGISTERS,
    STATUS_ADDRESSES,
)

# No cell has this many volts: the battery counts mV (protocol 1.6, family RNGC).
_IMPOSSIBLE_VOLTS: Final = 100
_MILLIVOLTS_PER_VOLT: Final = 1000


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
        return None if raw == register.absent else raw

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


def decode_reading(
    image: RegisterImage,
    read_at: datetime,
    family: Family,
    configuration: BatteryConfiguration | None = None,
) -> BatteryReading:
    """Return a reading; raises InvalidBlock when something in it cannot be true."""
    parts = _parts(image, family)
    reading = BatteryReading(
        read_at=read_at,
        cell_voltages=parts["cell_voltage"] or (),
        cell_temperatures=parts["cell_temperature"] or (),
        # Exactly 0 where the sensor is not fitted.
        board_temperature=image.value("board_temperature") or None,
        environment_temperatures=parts["environment_temperature"] or (),
        heater_temperatures=parts["heater_temperature"] or (),
        current=image.required("current", family.current_divisor),
        voltage=image.required("voltage"),
        remaining_capacity=image.required("remaining_capacity"),
        total_capacity=image.required("total_capacity"),
        cycles=_cycles(image, family),
        charge_voltage_limit=image.value("charge_voltage_limit"),
        discharge_voltage_limit=image.value("discharge_voltage_limit"),
        charge_current_limit=image.value("charge_current_limit"),
        discharge_current_limit=image.value("discharge_current_limit"),
        status=decode_status(
            image.words(STATUS_ADDRESSES), family, parts, configuration
        ),
    )
    require_reading(reading, {name: image.raw(name) for name in SENSOR_COUNT_RANGES})
    return reading


def decode_identity(image: RegisterImage) -> BatteryIdentity:
    """Return what a battery says of itself."""
    return BatteryIdentity(
        **{row.name: image.text(row.name) for row in IDENTITY_REGISTERS}
    )


def decode_configuration(image: RegisterImage) -> BatteryConfiguration:
    """Return a battery's limits; raises InvalidBlock when they cannot be true."""
    configuration = BatteryConfiguration(
        **{row.name: image.value(row.name) for row in CONFIGURATION_REGISTERS}
    )
    require_limits(configuration)
    return configuration


def _parts(image: RegisterImage, family: Family) -> Parts:
    """Return the values of the parts that a battery has, cut to the counts that it tells."""
    cell_voltages = _cell_voltages(image, family)
    sensors = int(image.required("cell_temperature_count"))
    return {
        "cell_voltage": cell_voltages,
        "cell_temperature": image.values("cell_temperatures", sensors),
        "environment_temperature": _sensors(image, "environment"),
        "heater_temperature": _sensors(image, "heater"),
    }


def _sensors(image: RegisterImage, place: str) -> tuple[float, ...] | None:
    count = image.raw(f"{place}_count")
    return None if count is None else image.values(f"{place}_temperatures", count)


def _cell_voltages(image: RegisterImage, family: Family) -> tuple[float, ...]:
    cells = int(image.required("cell_count"))
    voltages = image.values("cell_voltages", cells)
    if family.cells_may_be_millivolts and max(voltages, default=0) >= _IMPOSSIBLE_VOLTS:
        return image.values("cell_voltages", cells, _MILLIVOLTS_PER_VOLT)
    return voltages


def _cycles(image: RegisterImage, family: Family) -> int | None:
    cycles = image.raw("cycles")
    if cycles is None or not family.cycles_low_byte_first:
        return cycles
    swapped = int.from_bytes(cycles.to_bytes(2, "big"), "little")
    # The byte order rests on one report: rather no cycles than a refused reading.
    return swapped if swapped <= MOST_CYCLES else None
