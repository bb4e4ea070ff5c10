# SPDX-License-Identifier: Apache-2.0
"""The register map (protocol 1.5) as data; everything that reads registers derives from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from .models import AlarmSeverity


class RegisterType(StrEnum):
    """How the words of one value are to be read; all are big-endian."""

    U16 = "H"
    S16 = "h"
    U32 = "I"
    ASCII = "s"


@dataclass(frozen=True, slots=True)
class Register:
    """One row of the map: `repeat` values of the same kind from `address` on.

    A value is its words divided by `divisor`; the battery has no value where the words are
    one of `absent`. For ASCII, `words` is the length of the text.
    """

    name: str
    address: int
    type: RegisterType = RegisterType.U16
    words: int = 1
    repeat: int = 1
    divisor: int = 1
    absent: tuple[int, ...] = ()

    @property
    def span(self) -> int:
        """The number of words that all values together take."""
        return self.words * self.repeat


@dataclass(frozen=True, slots=True)
class FlagBit:
    """A bit of a status word that is a state."""

    name: str
    address: int
    bit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmBit:
    """A bit of a status word that is an alarm about the whole battery."""

    key: str
    address: int
    bit: int
    severity: AlarmSeverity


@dataclass(frozen=True, slots=True)
class AlarmFields:
    """Two-bit alarm fields of a 32-bit register, one per part, part 1 in `low_bit`.

    00 normal, 01 below the lower limit, 10 above the upper limit, 11 another alarm.
    `step` is the distance from one part's field to the next; without `has_parts` the alarm is
    about the whole battery.
    """

    quantity: str
    address: int
    low_bit: int = 0
    step: int = 2
    has_parts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSource:
    """The word that an alarm is read from, and how bad the alarm is."""

    address: int
    severity: AlarmSeverity


_U32: Final = RegisterType.U32
_S16: Final = RegisterType.S16
_ASCII: Final = RegisterType.ASCII

# Registers that have no value (protocol 1.9, number 7).
_ALL_ONES: Final = (0xFFFF,)
# 0xFFFF, 0x8000
_NO_SIGNED_VALUE: Final = (-1, -0x8000)

MAX_CELLS: Final = 16
MAX_ENVIRONMENT_SENSORS: Final = 2
MAX_HEATER_SENSORS: Final = 2

MEASUREMENT_REGISTERS: Final[tuple[Register, ...]] = (
    Register("cell_count", 5000),
    Register("cell_voltages", 5001, repeat=16, divisor=10),
    Register("cell_temperature_count", 5017),
    Register("cell_temperatures", 5018, _S16, repeat=16, divisor=10),
    Register("board_temperature", 5035, _S16, divisor=10),
    Register("environment_count", 5036),
    Register("environment_temperatures", 5037, _S16, repeat=2, divisor=10),
    Register("heater_count", 5039),
    Register("heater_temperatures", 5040, _S16, repeat=2, divisor=10),
    Register("current", 5042, _S16, divisor=100),
    Register("voltage", 5043, divisor=10),
    Register("remaining_capacity", 5044, _U32, words=2, divisor=1000),
    Register("total_capacity", 5046, _U32, words=2, divisor=1000),
    Register("cycles", 5048, absent=_ALL_ONES),
    Register("charge_voltage_limit", 5049, divisor=10, absent=_ALL_ONES),
    Register("discharge_voltage_limit", 5050, divisor=10, absent=_ALL_ONES),
    Register("charge_current_limit", 5051, divisor=100, absent=_ALL_ONES),
    Register(
        "discharge_current_limit", 5052, _S16, divisor=100, absent=_NO_SIGNED_VALUE
    ),
)

CELL_VOLTAGE_ALARMS: Final = 5100
CELL_TEMPERATURE_ALARMS: Final = 5102
OTHER_ALARMS: Final = 5104
STATUS_1: Final = 5106
STATUS_2: Final = 5107
STATUS_3: Final = 5108
REQUESTS: Final = 5109
STATUS_ADDRESSES: Final = range(CELL_VOLTAGE_ALARMS, REQUESTS + 1)
# What does not move from poll to poll: total capacity and cycles, switches and protections.
SETTLED_ELECTRICAL: Final = range(5046, 5049)
SETTLED_STATUS: Final = range(STATUS_1, REQUESTS + 1)

FLAG_BITS: Final[tuple[FlagBit, ...]] = (
    FlagBit("discharge_mosfet", STATUS_1, bit=2),
    FlagBit("charge_mosfet", STATUS_1, bit=1),
    FlagBit("heater", STATUS_2, bit=13),
    FlagBit("fully_charged", STATUS_2, bit=11),
    FlagBit("charge_enabled", REQUESTS, bit=7),
    FlagBit("discharge_enabled", REQUESTS, bit=6),
)


def _alarm_bits(
    address: int, severity: AlarmSeverity, keys: dict[int, str]
) -> tuple[AlarmBit, ...]:
    return tuple(
        AlarmBit(key=key, address=address, bit=bit, severity=severity)
        for bit, key in keys.items()
    )


ALARM_BITS: Final[tuple[AlarmBit, ...]] = (
    *_alarm_bits(
        STATUS_1,
        AlarmSeverity.PROTECTION,
        {
            15: "module_under_voltage",
            14: "charge_over_temperature",
            13: "charge_under_temperature",
            12: "discharge_over_temperature",
            11: "discharge_under_temperature",
            10: "discharge_over_current",
            9: "charge_over_current",
            8: "cell_over_voltage",
            7: "cell_under_voltage",
            6: "module_over_voltage",
            5: "discharge_over_current_2",
            4: "charge_over_current_2",
            0: "short_circuit",
        },
    ),
    *_alarm_bits(
        STATUS_2,
        AlarmSeverity.WARNING,
        {
            7: "discharge_high_temperature",
            6: "discharge_low_temperature",
            5: "charge_high_temperature",
            4: "charge_low_temperature",
            3: "module_high_voltage",
            2: "module_low_voltage",
            1: "cell_high_voltage",
            0: "cell_low_voltage",
        },
    ),
)

# The alarm of 5108, which has one bit per cell, cell 1 in bit 0.
CELL_ERROR: Final = "cell_voltage_error"

ALARM_FIELDS: Final[tuple[AlarmFields, ...]] = (
    AlarmFields("cell_voltage", CELL_VOLTAGE_ALARMS),
    AlarmFields("cell_temperature", CELL_TEMPERATURE_ALARMS),
    AlarmFields("board_temperature", OTHER_ALARMS, low_bit=30, has_parts=False),
    # Sensor 1 stands in the higher bits here, sensor 2 below it.
    AlarmFields("environment_temperature", OTHER_ALARMS, low_bit=28, step=-2),
    AlarmFields("heater_temperature", OTHER_ALARMS, low_bit=24, step=-2),
    AlarmFields("charge_current", OTHER_ALARMS, low_bit=20, has_parts=False),
    AlarmFields("discharge_current", OTHER_ALARMS, low_bit=18, has_parts=False),
)

# What a two-bit field says of its part; 00 is normal.
BELOW_LIMIT: Final = 0b01
ABOVE_LIMIT: Final = 0b10
FIELD_STATES: Final[Mapping[int, str]] = MappingProxyType(
    {BELOW_LIMIT: "below_limit", ABOVE_LIMIT: "above_limit", 0b11: "alarm"}
)

ALARM_SOURCES: Final[Mapping[str, AlarmSource]] = MappingProxyType(
    {
        **{
            f"{fields.quantity}_{state}": AlarmSource(
                address=fields.address, severity=AlarmSeverity.WARNING
            )
            for fields in ALARM_FIELDS
            for state in FIELD_STATES.values()
        },
        CELL_ERROR: AlarmSource(address=STATUS_3, severity=AlarmSeverity.ERROR),
        **{
            bit.key: AlarmSource(address=bit.address, severity=bit.severity)
            for bit in ALARM_BITS
        },
    }
)
"""Every alarm there is, by key."""

IDENTITY_REGISTERS: Final[tuple[Register, ...]] = (
    Register("serial_number", 5110, _ASCII, words=8),
    Register("manufacture_version", 5118, _ASCII),
    Register("main_line_version", 5119, _ASCII, words=2),
    Register("protocol_version", 5121, _ASCII),
    Register("model", 5122, _ASCII, words=8),
    Register("software_version", 5130, _ASCII, words=2),
    Register("manufacturer", 5132, _ASCII, words=10),
)


CONFIGURATION_REGISTERS: Final[tuple[Register, ...]] = (
    Register("cell_over_voltage", 5200, divisor=10),
    Register("cell_high_voltage", 5201, divisor=10),
    Register("cell_low_voltage", 5202, divisor=10),
    Register("cell_under_voltage", 5203, divisor=10),
    Register("charge_over_temperature", 5204, divisor=10),
    Register("charge_high_temperature", 5205, divisor=10),
    Register("charge_low_temperature", 5206, _S16, divisor=10),
    Register(
        "charge_under_temperature", 5207, _S16, divisor=10, absent=_NO_SIGNED_VALUE
    ),
    Register("module_over_voltage", 5211, divisor=10),
    Register("module_under_voltage", 5214, divisor=10),
    Register("discharge_over_temperature", 5215, divisor=10),
    Register("discharge_high_temperature", 5216, divisor=10),
    Register("discharge_low_temperature", 5217, _S16, divisor=10),
    Register(
        "discharge_under_temperature", 5218, _S16, divisor=10, absent=_NO_SIGNED_VALUE
    ),
)

REGISTERS: Final = {
    register.name: register
    for register in (
        *MEASUREMENT_REGISTERS,
        *IDENTITY_REGISTERS,
        *CONFIGURATION_REGISTERS,
    )
}
"""Every register that is decoded by itself, by name."""

REGISTER_RANGE: Final = range(5000, 5230)
"""All addresses from the first register of the makers' document to the last."""
