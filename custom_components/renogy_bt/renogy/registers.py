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


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """One row of the map: `repeat` values of the same kind from `address` on.

    A value is its words divided by `divisor`; the battery has no value where the words are
    `absent`. For ASCII, `words` is the length of the text.
    """

    name: str
    address: int
    type: RegisterType = RegisterType.U16
    words: int = 1
    repeat: int = 1
    divisor: int = 1
    absent: int | None = None

    @property
    def span(self) -> int:
        """The number of words that all values together take."""
        return self.words * self.repeat


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
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

# An unsigned register that has no value (protocol 1.9, number 7).
_ALL_ONES: Final = 0xFFFF

MAX_CELLS: Final = 16
MAX_ENVIRONMENT_SENSORS: Final = 2
MAX_HEATER_SENSORS: Final = 2

MEASUREMENT_REGISTERS: Final[tuple[Register, ...]] = (
    Register(name="cell_count", address=5000),
    Register(name="cell_voltages", address=5001, repeat=16, divisor=10),
    Register(name="cell_temperature_count", address=5017),
    Register(name="cell_temperatures", address=5018, type=_S16, repeat=16, divisor=10),
    Register(name="board_temperature", address=5035, type=_S16, divisor=10),
    Register(name="environment_count", address=5036),
    Register(
        name="environment_temperatures", address=5037, type=_S16, repeat=2, divisor=10
    ),
    Register(name="heater_count", address=5039),
    Register(name="heater_temperatures", address=5040, type=_S16, repeat=2, divisor=10),
    Register(name="current", address=5042, type=_S16, divisor=100),
    Register(name="voltage", address=5043, divisor=10),
    Register(name="remaining_capacity", address=5044, type=_U32, words=2, divisor=1000),
    Register(name="total_capacity", address=5046, type=_U32, words=2, divisor=1000),
    Register(name="cycles", address=5048, absent=_ALL_ONES),
    Register(name="charge_voltage_limit", address=5049, divisor=10, absent=_ALL_ONES),
    Register(
        name="discharge_voltage_limit", address=5050, divisor=10, absent=_ALL_ONES
    ),
    Register(name="charge_current_limit", address=5051, divisor=100, absent=_ALL_ONES),
    Register(name="discharge_current_limit", address=5052, type=_S16, divisor=100),
)

CELL_VOLTAGE_ALARMS: Final = 5100
CELL_TEMPERATURE_ALARMS: Final = 5102
OTHER_ALARMS: Final = 5104
STATUS_1: Final = 5106
STATUS_2: Final = 5107
STATUS_3: Final = 5108
STATUS_ADDRESSES: Final = range(CELL_VOLTAGE_ALARMS, STATUS_3 + 1)

FLAG_BITS: Final[tuple[FlagBit, ...]] = (
    FlagBit(name="discharge_mosfet", address=STATUS_1, bit=2),
    FlagBit(name="charge_mosfet", address=STATUS_1, bit=1),
    FlagBit(name="heater", address=STATUS_2, bit=13),
    FlagBit(name="fully_charged", address=STATUS_2, bit=11),
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
    AlarmFields(quantity="cell_voltage", address=CELL_VOLTAGE_ALARMS),
    AlarmFields(quantity="cell_temperature", address=CELL_TEMPERATURE_ALARMS),
    AlarmFields(
        quantity="board_temperature", address=OTHER_ALARMS, low_bit=30, has_parts=False
    ),
    # Sensor 1 stands in the higher bits here, sensor 2 below it.
    AlarmFields(
        quantity="environment_temperature", address=OTHER_ALARMS, low_bit=28, step=-2
    ),
    AlarmFields(
        quantity="heater_temperature", address=OTHER_ALARMS, low_bit=24, step=-2
    ),
    AlarmFields(
        quantity="charge_current", address=OTHER_ALARMS, low_bit=20, has_parts=False
    ),
    AlarmFields(
        quantity="discharge_current", address=OTHER_ALARMS, low_bit=18, has_parts=False
    ),
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
    Register(name="serial_number", address=5110, type=_ASCII, words=8),
    Register(name="manufacture_version", address=5118, type=_ASCII),
    Register(name="main_line_version", address=5119, type=_ASCII, words=2),
    Register(name="protocol_version", address=5121, type=_ASCII),
    Register(name="model", address=5122, type=_ASCII, words=8),
    Register(name="software_version", address=5130, type=_ASCII, words=2),
    Register(name="manufacturer", address=5132, type=_ASCII, words=10),
)


CONFIGURATION_REGISTERS: Final[tuple[Register, ...]] = (
    Register(name="cell_over_voltage", address=5200, divisor=10),
    Register(name="cell_high_voltage", address=5201, divisor=10),
    Register(name="cell_low_voltage", address=5202, divisor=10),
    Register(name="cell_under_voltage", address=5203, divisor=10),
    Register(name="charge_high_temperature", address=5205, divisor=10),
    Register(name="charge_low_temperature", address=5206, type=_S16, divisor=10),
    Register(name="discharge_high_temperature", address=5216, divisor=10),
    Register(name="discharge_low_temperature", address=5217, type=_S16, divisor=10),
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
