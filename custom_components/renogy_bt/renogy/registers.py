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


class Unit(StrEnum):
    """The unit of a value after division."""

    VOLT = "V"
    AMPERE = "A"
    AMPERE_HOUR = "Ah"
    CELSIUS = "°C"
    PERCENT = "%"


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """One row of the map: `repeat` values of the same kind from `address` on.

    A value is its words divided by `divisor`. For ASCII, `words` is the length of the text.
    """

    name: str
    address: int
    type: RegisterType = RegisterType.U16
    words: int = 1
    repeat: int = 1
    divisor: int = 1
    unit: Unit | None = None

    @property
    def span(self) -> int:
        """The number of words that all values together take."""
        return self.words * self.repeat


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagBit:
    """A bit of a status word that is a state; several bits of one name are joined by "or"."""

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
class PartBits:
    """A word with one alarm bit per cell, cell 1 in bit 0."""

    key: str
    address: int
    severity: AlarmSeverity


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmFields:
    """Two-bit alarm fields of a 32-bit register, one per part, part 1 in `low_bit`.

    00 normal, 01 below the lower limit, 10 above the upper limit, 11 another alarm.
    `step` is the distance from one part's field to the next; `parts` is 0 where the alarm is
    about the whole battery.
    """

    quantity: str
    address: int
    low_bit: int = 0
    step: int = 2
    parts: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSource:
    """The word that an alarm is read from, and how bad the alarm is."""

    address: int
    severity: AlarmSeverity


_U32: Final = RegisterType.U32
_S16: Final = RegisterType.S16
_ASCII: Final = RegisterType.ASCII

MAX_CELLS: Final = 16
MAX_ENVIRONMENT_SENSORS: Final = 2
MAX_HEATER_SENSORS: Final = 2

MEASUREMENTS: Final[tuple[Register, ...]] = (
    Register(name="cell_count", address=5000),
    Register(name="cell_voltages", address=5001, repeat=16, divisor=10, unit=Unit.VOLT),
    Register(name="cell_temperature_count", address=5017),
    Register(
        name="cell_temperatures",
        address=5018,
        type=_S16,
        repeat=16,
        divisor=10,
        unit=Unit.CELSIUS,
    ),
    Register(
        name="board_temperature",
        address=5035,
        type=_S16,
        divisor=10,
        unit=Unit.CELSIUS,
    ),
    Register(name="environment_count", address=5036),
    Register(
        name="environment_temperatures",
        address=5037,
        type=_S16,
        repeat=2,
        divisor=10,
        unit=Unit.CELSIUS,
    ),
    Register(name="heater_count", address=5039),
    Register(
        name="heater_temperatures",
        address=5040,
        type=_S16,
        repeat=2,
        divisor=10,
        unit=Unit.CELSIUS,
    ),
    Register(name="current", address=5042, type=_S16, divisor=100, unit=Unit.AMPERE),
    Register(name="voltage", address=5043, divisor=10, unit=Unit.VOLT),
    Register(
        name="remaining_capacity",
        address=5044,
        type=_U32,
        words=2,
        divisor=1000,
        unit=Unit.AMPERE_HOUR,
    ),
    Register(
        name="total_capacity",
        address=5046,
        type=_U32,
        words=2,
        divisor=1000,
        unit=Unit.AMPERE_HOUR,
    ),
    Register(name="cycles", address=5048),
    Register(name="charge_voltage_limit", address=5049, divisor=10, unit=Unit.VOLT),
    Register(name="discharge_voltage_limit", address=5050, divisor=10, unit=Unit.VOLT),
    Register(name="charge_current_limit", address=5051, divisor=100, unit=Unit.AMPERE),
    Register(
        name="discharge_current_limit",
        address=5052,
        type=_S16,
        divisor=100,
        unit=Unit.AMPERE,
    ),
)

CELL_VOLTAGE_ALARMS: Final = 5100
CELL_TEMPERATURE_ALARMS: Final = 5102
OTHER_ALARMS: Final = 5104
STATUS_1: Final = 5106
STATUS_2: Final = 5107
STATUS_3: Final = 5108
CHARGE_STATUS: Final = 5109

STATUS: Final[tuple[Register, ...]] = (
    Register(
        name="cell_voltage_alarms", address=CELL_VOLTAGE_ALARMS, type=_U32, words=2
    ),
    Register(
        name="cell_temperature_alarms",
        address=CELL_TEMPERATURE_ALARMS,
        type=_U32,
        words=2,
    ),
    Register(name="other_alarms", address=OTHER_ALARMS, type=_U32, words=2),
    Register(name="status_1", address=STATUS_1),
    Register(name="status_2", address=STATUS_2),
    Register(name="status_3", address=STATUS_3),
    Register(name="charge_status", address=CHARGE_STATUS),
)

FLAG_BITS: Final[tuple[FlagBit, ...]] = (
    FlagBit(name="module_power", address=STATUS_1, bit=3),
    FlagBit(name="discharge_mosfet", address=STATUS_1, bit=2),
    FlagBit(name="charge_mosfet", address=STATUS_1, bit=1),
    FlagBit(name="effective_charge_current", address=STATUS_2, bit=15),
    FlagBit(name="effective_discharge_current", address=STATUS_2, bit=14),
    FlagBit(name="heater", address=STATUS_2, bit=13),
    FlagBit(name="fully_charged", address=STATUS_2, bit=11),
    FlagBit(name="buzzer", address=STATUS_2, bit=8),
    FlagBit(name="charge_enabled", address=CHARGE_STATUS, bit=7),
    FlagBit(name="discharge_enabled", address=CHARGE_STATUS, bit=6),
    FlagBit(name="charge_immediately", address=CHARGE_STATUS, bit=5),
    FlagBit(name="charge_immediately", address=CHARGE_STATUS, bit=4),
    FlagBit(name="full_charge_requested", address=CHARGE_STATUS, bit=3),
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

CELL_ERROR_BITS: Final = PartBits(
    key="cell_voltage_error", address=STATUS_3, severity=AlarmSeverity.ERROR
)

ALARM_FIELDS: Final[tuple[AlarmFields, ...]] = (
    AlarmFields(quantity="cell_voltage", address=CELL_VOLTAGE_ALARMS),
    AlarmFields(quantity="cell_temperature", address=CELL_TEMPERATURE_ALARMS),
    AlarmFields(
        quantity="board_temperature", address=OTHER_ALARMS, low_bit=30, parts=0
    ),
    # Sensor 1 stands in the higher bits here, sensor 2 below it.
    AlarmFields(
        quantity="environment_temperature",
        address=OTHER_ALARMS,
        low_bit=28,
        step=-2,
        parts=MAX_ENVIRONMENT_SENSORS,
    ),
    AlarmFields(
        quantity="heater_temperature",
        address=OTHER_ALARMS,
        low_bit=24,
        step=-2,
        parts=MAX_HEATER_SENSORS,
    ),
    AlarmFields(quantity="charge_current", address=OTHER_ALARMS, low_bit=20, parts=0),
    AlarmFields(
        quantity="discharge_current", address=OTHER_ALARMS, low_bit=18, parts=0
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
        CELL_ERROR_BITS.key: AlarmSource(
            address=CELL_ERROR_BITS.address, severity=CELL_ERROR_BITS.severity
        ),
        **{
            bit.key: AlarmSource(address=bit.address, severity=bit.severity)
            for bit in ALARM_BITS
        },
    }
)
"""Every alarm there is, by key."""

IDENTITY: Final[tuple[Register, ...]] = (
    Register(name="serial_number", address=5110, type=_ASCII, words=8),
    Register(name="manufacture_version", address=5118, type=_ASCII),
    Register(name="main_line_version", address=5119, type=_ASCII, words=2),
    Register(name="protocol_version", address=5121, type=_ASCII),
    Register(name="model", address=5122, type=_ASCII, words=8),
    Register(name="software_version", address=5130, type=_ASCII, words=2),
    Register(name="manufacturer", address=5132, type=_ASCII, words=10),
)


def _limits(
    first_address: int,
    unit: Unit,
    divisor: int,
    names: tuple[str, ...],
    signed: frozenset[str] = frozenset(),
) -> tuple[Register, ...]:
    return tuple(
        Register(
            name=name,
            address=address,
            type=_S16 if name in signed else RegisterType.U16,
            divisor=divisor,
            unit=unit,
        )
        for address, name in enumerate(names, first_address)
    )


CONFIGURATION: Final[tuple[Register, ...]] = (
    *_limits(
        5200,
        Unit.VOLT,
        10,
        (
            "cell_over_voltage",
            "cell_high_voltage",
            "cell_low_voltage",
            "cell_under_voltage",
        ),
    ),
    *_limits(
        5204,
        Unit.CELSIUS,
        10,
        (
            "charge_over_temperature",
            "charge_high_temperature",
            "charge_low_temperature",
            "charge_under_temperature",
        ),
        frozenset({"charge_low_temperature", "charge_under_temperature"}),
    ),
    *_limits(
        5208,
        Unit.AMPERE,
        100,
        ("charge_over_current_2", "charge_over_current_1", "charge_high_current"),
    ),
    *_limits(
        5211,
        Unit.VOLT,
        10,
        (
            "module_over_voltage",
            "module_high_voltage",
            "module_low_voltage",
            "module_under_voltage",
        ),
    ),
    *_limits(
        5215,
        Unit.CELSIUS,
        10,
        (
            "discharge_over_temperature",
            "discharge_high_temperature",
            "discharge_low_temperature",
            "discharge_under_temperature",
        ),
        frozenset({"discharge_low_temperature", "discharge_under_temperature"}),
    ),
    *_limits(
        5219,
        Unit.AMPERE,
        100,
        (
            "discharge_over_current_2",
            "discharge_over_current_1",
            "discharge_high_current",
        ),
        frozenset(
            {
                "discharge_over_current_2",
                "discharge_over_current_1",
                "discharge_high_current",
            }
        ),
    ),
    Register(name="shutdown", address=5222),
    Register(name="device_id", address=5223),
)

# Beyond the write-only words 5224-5225, and therefore not part of what is polled.
BEYOND_LOCKS: Final[tuple[Register, ...]] = (
    Register(name="unique_id_code", address=5226, type=_U32, words=2),
    Register(name="charge_power", address=5228, unit=Unit.PERCENT),
    Register(name="discharge_power", address=5229, unit=Unit.PERCENT),
)

REGISTERS: Final[tuple[Register, ...]] = (
    *MEASUREMENTS,
    *STATUS,
    *IDENTITY,
    *CONFIGURATION,
    *BEYOND_LOCKS,
)
REGISTER_RANGE: Final = range(
    min(register.address for register in REGISTERS),
    max(register.address + register.span for register in REGISTERS),
)
"""All addresses from the first register of the map to the last."""
REGISTER: Final = {register.name: register for register in REGISTERS}
