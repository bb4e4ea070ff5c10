# SPDX-License-Identifier: Apache-2.0
"""Sensors of batteries and of the bank."""

from abc import abstractmethod
import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import floor
from typing import Any, Final, Self, TypedDict, override

from homeassistant.components import bluetooth
from homeassistant.components.sensor import (
    DOMAIN as SENSOR_DOMAIN,
    RestoreSensor,
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorExtraStoredData,
    SensorStateClass,
)
from homeassistant.const import (
    SIGNAL_STRENGTH_DECIBELS_MILLIWATT,
    EntityCategory,
    Platform,
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
    UnitOfEnergy,
    UnitOfPower,
    UnitOfRatio,
    UnitOfTemperature,
    UnitOfTime,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.typing import StateType
from homeassistant.util.dt import utc_from_timestamp, utcnow

from .adapter_health.samples import Verdict
from .adapter_health.status import AdapterStatus
from .adapters.devices import async_add_adapter_entities
from .bank.energy import EnergyTotals
from .bank.extremes import Values, extremes, one_place, own_extremes
from .bank.health import capacity_health
from .bank.history import DAY, BatteryHistory, FullCharge
from .bank.limits import CurrentLimits
from .bank.meters import MeterReading
from .bank.sharing import Sharing
from .bank.summary import BankSummary
from .batteries.alarm_words import async_alarm_words, async_with_parts
from .batteries.devices import plain_battery_name
from .coordinator import BankCoordinator, RenogyConfigEntry
from .entity import (
    AdapterEntity,
    RenogyBankEntity,
    RenogyBatteryEntity,
    RenogyBatteryOfBankEntity,
    RenogyLinkEntity,
    async_show_grown_bank,
)
from .links.coordinator import LinkCoordinator
from .links.settings import Connection, KnownBattery
from .renogy.families import Family
from .renogy.models import (
    BatteryConfiguration,
    BatteryId,
    BatteryReading,
    ChargingState,
)

PARALLEL_UPDATES = 0
SIGNAL_STRENGTH_PAUSE = timedelta(seconds=60)
# The signal strengths of the Bluetooth specification, dBm; other values mean: not known.
SIGNAL_STRENGTHS = range(-126, 21)

AMPERE_HOUR = "Ah"

# How far a time to full or empty may be off by what is shown of it: the capacity is known to less.
# Steps in s.
TIME_ACCURACY = 0.03
TIME_STEPS = (60.0, 300.0, 600.0, 1800.0, 3600.0)
HOUR = 3600.0


@dataclass(frozen=True, kw_only=True)
class MeasuredDescription(SensorEntityDescription):
    """Describes a sensor by how exactly its value is known.

    A state has no more than `digits` behind the point, in the native unit, and is shown so unless
    fewer are enough to people. Where the families differ, `digits_fn` tells of each.
    """

    digits: int | None = None
    digits_fn: Callable[[Family], int] | None = None

    def of(self, families: Iterable[Family]) -> Self:
        """Return this description for what is made of values of these families."""
        if self.digits_fn is None:
            return self
        return replace(self, digits=max(map(self.digits_fn, families), default=None))

    def known(self, value: StateType | datetime) -> StateType | datetime:
        """Return a value with the digits that tell something; a total that only rises never falls."""
        if self.digits is None or not isinstance(value, float):
            return value
        if self.state_class is SensorStateClass.TOTAL_INCREASING:
            step = 10.0**-self.digits
            return floor(value / step) * step
        # Nothing is minus zero.
        return round(value, self.digits) + 0.0 if self.digits else round(value)


@dataclass(frozen=True, kw_only=True)
class ValueDescription[SourceT](MeasuredDescription):
    """Describes a sensor by where its value is found in what is known of its device.

    `is_for_the_whole` marks what people want to know of all batteries together: in a bank of
    several batteries the bank has it by default, and a single battery has not.
    """

    value_fn: Callable[[SourceT], StateType | datetime]
    attributes_fn: Callable[[SourceT], Mapping[str, Any]] | None = None
    is_for_the_whole: bool = False


type SharedDescription = ValueDescription[BatteryReading | BankSummary[BatteryId]]
type BatteryDescription = ValueDescription[BatteryReading] | SharedDescription
type BankDescription = ValueDescription[BankSummary[BatteryId]] | SharedDescription


@dataclass(frozen=True, kw_only=True)
class ExtremeDescription(ValueDescription[BankSummary[BatteryId]]):
    """Describes the sensor of an extreme of the bank, which a cell or a sensor of a battery has."""

    part: str
    extreme: Callable[[Iterable[float]], float]
    values_fn: Callable[[BatteryReading], Values]


@dataclass(frozen=True, kw_only=True)
class NumberedSensorDescription(MeasuredDescription):
    """Describes the sensors of which one battery has several.

    `expected_fn` gives how many a battery has before it is read for the first time.
    """

    values_fn: Callable[[BatteryReading], tuple[float | None, ...]]
    expected_fn: Callable[[KnownBattery], int] = lambda _: 0


class Quantity(TypedDict, total=False):
    """What sensors of one quantity have in common."""

    device_class: SensorDeviceClass
    native_unit_of_measurement: str
    suggested_unit_of_measurement: str
    state_class: SensorStateClass
    digits: int
    digits_fn: Callable[[Family], int]
    suggested_display_precision: int


class Off(TypedDict):
    """What sensors have in common that are off until somebody wants them."""

    entity_registry_enabled_default: bool


class Hidden(Off):
    """What sensors have in common that few people want."""

    entity_category: EntityCategory


# The digits are those of the registers, and of a sum or a mean those of what it is made of.
CHARGE_LEVEL: Quantity = {
    "device_class": SensorDeviceClass.BATTERY,
    "native_unit_of_measurement": UnitOfRatio.PERCENTAGE,
    "state_class": SensorStateClass.MEASUREMENT,
    "digits": 1,
}
EXTREME_VOLTAGE: Quantity = {
    "device_class": SensorDeviceClass.VOLTAGE,
    "native_unit_of_measurement": UnitOfElectricPotential.VOLT,
    "digits": 1,
}
VOLTAGE: Quantity = {**EXTREME_VOLTAGE, "state_class": SensorStateClass.MEASUREMENT}
CELL_VOLTAGE: Quantity = {**VOLTAGE, "digits_fn": lambda family: family.cell_digits}
CURRENT: Quantity = {
    "device_class": SensorDeviceClass.CURRENT,
    "native_unit_of_measurement": UnitOfElectricCurrent.AMPERE,
    "state_class": SensorStateClass.MEASUREMENT,
    "digits_fn": lambda family: family.current_digits,
}
CURRENT_LIMIT: Quantity = {
    "device_class": SensorDeviceClass.CURRENT,
    "native_unit_of_measurement": UnitOfElectricCurrent.AMPERE,
    "state_class": SensorStateClass.MEASUREMENT,
    "digits": 2,
    "suggested_display_precision": 1,
}
# A hundredth of an ampere at 12 V is a tenth of a watt.
POWER: Quantity = {
    "device_class": SensorDeviceClass.POWER,
    "native_unit_of_measurement": UnitOfPower.WATT,
    "state_class": SensorStateClass.MEASUREMENT,
    "digits": 1,
    "suggested_display_precision": 0,
}
CHARGE: Quantity = {
    "native_unit_of_measurement": AMPERE_HOUR,
    "state_class": SensorStateClass.MEASUREMENT,
    "digits": 3,
    "suggested_display_precision": 1,
}
STORED_ENERGY: Quantity = {
    "device_class": SensorDeviceClass.ENERGY_STORAGE,
    "native_unit_of_measurement": UnitOfEnergy.WATT_HOUR,
    "suggested_unit_of_measurement": UnitOfEnergy.KILO_WATT_HOUR,
    "state_class": SensorStateClass.MEASUREMENT,
    "digits": 0,
    "suggested_display_precision": 2,
}
ENERGY: Quantity = {
    "device_class": SensorDeviceClass.ENERGY,
    "native_unit_of_measurement": UnitOfEnergy.WATT_HOUR,
    "suggested_unit_of_measurement": UnitOfEnergy.KILO_WATT_HOUR,
    "state_class": SensorStateClass.TOTAL_INCREASING,
    "digits": 0,
    "suggested_display_precision": 2,
}
# Two digits tell a minute.
TIME_LEFT: Quantity = {
    "device_class": SensorDeviceClass.DURATION,
    "native_unit_of_measurement": UnitOfTime.HOURS,
    "state_class": SensorStateClass.MEASUREMENT,
    "digits": 2,
}
TEMPERATURE: Quantity = {
    "device_class": SensorDeviceClass.TEMPERATURE,
    "native_unit_of_measurement": UnitOfTemperature.CELSIUS,
    "state_class": SensorStateClass.MEASUREMENT,
    "digits": 1,
}
# Whatever changes with each poll costs the recorder 11 KB an hour, and each number another KB for
# its statistics: what tells nothing that another sensor does not tell is off.
OFF: Off = {"entity_registry_enabled_default": False}
HIDDEN: Hidden = {
    "entity_category": EntityCategory.DIAGNOSTIC,
    "entity_registry_enabled_default": False,
}


def rough_time(seconds: float | None) -> float | None:
    """Return a time to full or empty in hours, in steps of what such an estimate can tell."""
    if seconds is None:
        return None
    accuracy = TIME_ACCURACY * seconds
    step = max((each for each in TIME_STEPS if each <= accuracy), default=TIME_STEPS[0])
    return round(seconds / step) * step / HOUR


def _resistance_attributes(history: BatteryHistory) -> Mapping[str, Any]:
    """Return how far a resistance may be off, and at which temperature it was measured."""
    found = history.health.resistance
    if found is None:
        return {"within": None, "temperature": None}
    warmth = found.temperature
    return {
        "within": round(1000 * found.within, 1),
        "temperature": None if warmth is None else round(warmth, 1),
    }


def _moment(timestamp: float | None) -> datetime | None:
    """Return a moment as Home Assistant shows it."""
    return None if timestamp is None else utc_from_timestamp(timestamp)


# Sensors that a battery and a bank have alike.
ELECTRICAL_SENSORS: tuple[SharedDescription, ...] = (
    ValueDescription(
        key="state_of_charge",
        **CHARGE_LEVEL,
        value_fn=lambda source: source.state_of_charge,
    ),
    ValueDescription(
        key="voltage",
        **VOLTAGE,
        value_fn=lambda source: source.voltage,
    ),
    ValueDescription(
        key="current",
        **CURRENT,
        value_fn=lambda source: source.current,
    ),
    ValueDescription(
        key="power",
        **POWER,
        is_for_the_whole=True,
        value_fn=lambda source: source.power,
    ),
    ValueDescription(
        key="stored_energy",
        **STORED_ENERGY,
        **OFF,
        value_fn=lambda source: source.stored_energy,
    ),
)

CAPACITY_SENSORS: tuple[SharedDescription, ...] = (
    ValueDescription(
        key="remaining_capacity",
        **CHARGE,
        **HIDDEN,
        value_fn=lambda source: source.remaining_capacity,
    ),
    ValueDescription(
        key="total_capacity",
        **CHARGE,
        entity_category=EntityCategory.DIAGNOSTIC,
        is_for_the_whole=True,
        value_fn=lambda source: source.total_capacity,
    ),
)

CELL_VOLTAGE_SPREAD: SharedDescription = ValueDescription(
    key="cell_voltage_spread",
    **CELL_VOLTAGE,
    entity_category=EntityCategory.DIAGNOSTIC,
    value_fn=lambda source: source.cell_voltage_spread,
)


def _extreme_cells(reading: BatteryReading) -> Mapping[str, Any]:
    """Return which cells of a battery are its lowest and its highest."""
    low, high = own_extremes(reading.cell_voltages)
    return {"lowest_cells": low, "highest_cells": high}


def _extreme_sensors(reading: BatteryReading) -> Mapping[str, Any]:
    """Return which sensors of a battery are its coldest and its warmest."""
    low, high = own_extremes(reading.cell_temperatures)
    return {"coldest_sensors": low, "warmest_sensors": high}


BATTERY_SENSORS: tuple[BatteryDescription, ...] = (
    *ELECTRICAL_SENSORS,
    ValueDescription(
        key="charging_state",
        **OFF,
        device_class=SensorDeviceClass.ENUM,
        options=list(ChargingState),
        value_fn=lambda reading: reading.charging_state,
    ),
    ValueDescription(
        key="temperature",
        **TEMPERATURE,
        value_fn=lambda reading: reading.temperature,
        attributes_fn=_extreme_sensors,
    ),
    *CAPACITY_SENSORS,
    ValueDescription(
        key="cycles",
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda reading: reading.cycles,
    ),
    ValueDescription(
        key="temperature_min",
        **TEMPERATURE,
        **HIDDEN,
        value_fn=lambda reading: reading.temperature_min,
    ),
    ValueDescription(
        key="temperature_max",
        **TEMPERATURE,
        **HIDDEN,
        value_fn=lambda reading: reading.temperature_max,
    ),
    ValueDescription(
        key="cell_voltage_min",
        **CELL_VOLTAGE,
        **HIDDEN,
        value_fn=lambda reading: reading.cell_voltage_min,
    ),
    ValueDescription(
        key="cell_voltage_max",
        **CELL_VOLTAGE,
        **HIDDEN,
        value_fn=lambda reading: reading.cell_voltage_max,
    ),
    ValueDescription(
        key=CELL_VOLTAGE_SPREAD.key,
        **CELL_VOLTAGE,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda reading: reading.cell_voltage_spread,
        attributes_fn=_extreme_cells,
    ),
    ValueDescription(
        key="board_temperature",
        **TEMPERATURE,
        **HIDDEN,
        value_fn=lambda reading: reading.board_temperature,
    ),
    ValueDescription(
        key="charge_voltage_limit",
        **VOLTAGE,
        **HIDDEN,
        value_fn=lambda reading: reading.charge_voltage_limit,
    ),
    ValueDescription(
        key="discharge_voltage_limit",
        **VOLTAGE,
        **HIDDEN,
        value_fn=lambda reading: reading.discharge_voltage_limit,
    ),
    ValueDescription(
        key="charge_current_limit",
        **CURRENT_LIMIT,
        **HIDDEN,
        value_fn=lambda reading: reading.charge_current_limit,
    ),
    ValueDescription(
        key="discharge_current_limit",
        **CURRENT_LIMIT,
        **HIDDEN,
        value_fn=lambda reading: reading.discharge_current_limit,
    ),
    ValueDescription(
        key="last_read",
        device_class=SensorDeviceClass.TIMESTAMP,
        **HIDDEN,
        value_fn=lambda reading: reading.read_at,
    ),
)


ALARMS = SensorEntityDescription(
    key="alarms",
    state_class=SensorStateClass.MEASUREMENT,
    entity_category=EntityCategory.DIAGNOSTIC,
)


def _counted_by(meter: MeterReading) -> Mapping[str, Any]:
    """Return by what energy was counted last."""
    return {"counted_by": meter.way}


ENERGY_CHARGED: Final = "energy_charged"
ENERGY_DISCHARGED: Final = "energy_discharged"
MOST_ENERGY: Final = 1e12
"""More than any battery ever takes or gives, Wh."""

_ENERGY_KEYS: Final = frozenset({ENERGY_CHARGED, ENERGY_DISCHARGED})

METER_SENSORS: tuple[ValueDescription[MeterReading], ...] = (
    ValueDescription(
        key=ENERGY_CHARGED,
        **ENERGY,
        is_for_the_whole=True,
        value_fn=lambda meter: None if meter.energy is None else meter.energy.charged,
        attributes_fn=_counted_by,
    ),
    ValueDescription(
        key=ENERGY_DISCHARGED,
        **ENERGY,
        is_for_the_whole=True,
        value_fn=lambda meter: (
            None if meter.energy is None else meter.energy.discharged
        ),
        attributes_fn=_counted_by,
    ),
    ValueDescription(
        key="time_to_full",
        **TIME_LEFT,
        is_for_the_whole=True,
        value_fn=lambda meter: rough_time(meter.estimate.to_full),
    ),
    ValueDescription(
        key="time_to_empty",
        **TIME_LEFT,
        is_for_the_whole=True,
        value_fn=lambda meter: rough_time(meter.estimate.to_empty),
    ),
    ValueDescription(
        key="time_to_reserve",
        **TIME_LEFT,
        **OFF,
        value_fn=lambda meter: rough_time(meter.estimate.to_reserve),
    ),
)

NUMBERED_SENSORS: tuple[NumberedSensorDescription, ...] = (
    NumberedSensorDescription(
        key="cell_voltage",
        **CELL_VOLTAGE,
        **HIDDEN,
        values_fn=lambda reading: reading.cell_voltages,
        expected_fn=lambda battery: battery.cells,
    ),
    NumberedSensorDescription(
        key="cell_temperature",
        **TEMPERATURE,
        **HIDDEN,
        values_fn=lambda reading: reading.cell_temperatures,
    ),
    NumberedSensorDescription(
        key="environment_temperature",
        **TEMPERATURE,
        **HIDDEN,
        values_fn=lambda reading: reading.environment_temperatures,
    ),
    NumberedSensorDescription(
        key="heater_temperature",
        **TEMPERATURE,
        **HIDDEN,
        values_fn=lambda reading: reading.heater_temperatures,
    ),
)

LINK_QUALITY = MeasuredDescription(
    key="link_quality",
    native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
    state_class=SensorStateClass.MEASUREMENT,
    **HIDDEN,
    digits=0,
)

BATTERIES_RESPONDING: Final = "batteries_responding"

BANK_SENSORS: tuple[BankDescription, ...] = (
    *ELECTRICAL_SENSORS,
    *CAPACITY_SENSORS,
    ValueDescription(
        key="state_of_charge_spread",
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        digits=1,
        value_fn=lambda bank: bank.state_of_charge_spread,
    ),
    ExtremeDescription(
        key="cell_voltage_min",
        **CELL_VOLTAGE,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda bank: bank.cell_voltage_min,
        part="cell",
        extreme=min,
        values_fn=lambda reading: reading.cell_voltages,
    ),
    ExtremeDescription(
        key="cell_voltage_max",
        **CELL_VOLTAGE,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda bank: bank.cell_voltage_max,
        part="cell",
        extreme=max,
        values_fn=lambda reading: reading.cell_voltages,
    ),
    CELL_VOLTAGE_SPREAD,
    ExtremeDescription(
        key="temperature_min",
        **TEMPERATURE,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda bank: bank.temperature_min,
        part="sensor",
        extreme=min,
        values_fn=lambda reading: reading.cell_temperatures,
    ),
    ExtremeDescription(
        key="temperature_max",
        **TEMPERATURE,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda bank: bank.temperature_max,
        part="sensor",
        extreme=max,
        values_fn=lambda reading: reading.cell_temperatures,
    ),
    ValueDescription(
        key=BATTERIES_RESPONDING,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda bank: bank.batteries_responding,
    ),
)

ADAPTER_SENSORS: tuple[ValueDescription[AdapterStatus], ...] = (
    ValueDescription(
        key="state",
        translation_key="adapter_state",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=[each for each in Verdict if each is not Verdict.UNKNOWN],
        value_fn=lambda status: (
            None if status.verdict is Verdict.UNKNOWN else status.verdict
        ),
    ),
    ValueDescription(
        key="advertisement_rate",
        translation_key="adapter_advertisement_rate",
        state_class=SensorStateClass.MEASUREMENT,
        **HIDDEN,
        digits=1,
        value_fn=lambda status: status.advertisement_rate,
    ),
    ValueDescription(
        key="last_advertisement",
        translation_key="adapter_last_advertisement",
        device_class=SensorDeviceClass.TIMESTAMP,
        **HIDDEN,
        value_fn=lambda status: status.last_advertisement,
    ),
    ValueDescription(
        key="recoveries",
        translation_key="adapter_recoveries",
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda status: status.history.recoveries,
    ),
)


def _connection(link: LinkCoordinator) -> Mapping[str, Any]:
    """Return whether a link that is to be kept connected is so now."""
    if link.kept is None:
        return {}
    return {"connection": "gives_way" if link.kept.gives_way else Connection.KEPT}


LINK_SENSORS: tuple[ValueDescription[LinkCoordinator], ...] = (
    ValueDescription(
        key="last_poll_duration",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        digits=2,
        suggested_display_precision=1,
        **HIDDEN,
        value_fn=lambda link: link.poll_seconds,
    ),
    ValueDescription(
        key="last_successful_poll",
        device_class=SensorDeviceClass.TIMESTAMP,
        **HIDDEN,
        value_fn=lambda link: link.succeeded_at,
    ),
    ValueDescription(
        key="last_poll_served_by",
        **HIDDEN,
        value_fn=lambda link: link.served_by,
        attributes_fn=_connection,
    ),
)

SIGNAL_STRENGTH = SensorEntityDescription(
    key="signal_strength",
    device_class=SensorDeviceClass.SIGNAL_STRENGTH,
    native_unit_of_measurement=SIGNAL_STRENGTH_DECIBELS_MILLIWATT,
    state_class=SensorStateClass.MEASUREMENT,
    entity_category=EntityCategory.DIAGNOSTIC,
    entity_registry_enabled_default=False,
)

CURRENT_SHARE = MeasuredDescription(
    key="current_share",
    native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
    state_class=SensorStateClass.MEASUREMENT,
    digits=1,
    suggested_display_precision=0,
    **HIDDEN,
)

SHARING_SENSORS: tuple[ValueDescription[Sharing[BatteryId]], ...] = (
    ValueDescription(
        key="current_spread",
        **CURRENT,
        **HIDDEN,
        value_fn=lambda sharing: sharing.current_spread,
    ),
    ValueDescription(
        key="voltage_spread",
        **VOLTAGE,
        **HIDDEN,
        value_fn=lambda sharing: sharing.voltage_spread,
    ),
)

LIMIT_SENSORS: tuple[ValueDescription[CurrentLimits], ...] = (
    ValueDescription(
        key="available_charge_current",
        **CURRENT_LIMIT,
        **HIDDEN,
        value_fn=lambda limits: limits.charge,
    ),
    ValueDescription(
        key="available_discharge_current",
        **CURRENT_LIMIT,
        **HIDDEN,
        value_fn=lambda limits: limits.discharge,
    ),
)

FULL_CHARGE: tuple[ValueDescription[FullCharge], ...] = (
    ValueDescription(
        key="last_full_charge",
        device_class=SensorDeviceClass.TIMESTAMP,
        is_for_the_whole=True,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda charge: _moment(charge.at),
    ),
    ValueDescription(
        key="time_since_full_charge",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.DAYS,
        digits=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda charge: (
            None if charge.seconds_ago is None else int(charge.seconds_ago / DAY)
        ),
    ),
)

# Without statistics: each number costs the recorder a KB an hour for them, and these hardly move.
HISTORY_SENSORS: tuple[ValueDescription[BatteryHistory], ...] = (
    ValueDescription(
        key="deepest_discharge",
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        digits=1,
        suggested_display_precision=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda history: history.deepest_discharge,
    ),
    ValueDescription(
        key="average_discharge",
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        digits=1,
        suggested_display_precision=0,
        **HIDDEN,
        value_fn=lambda history: history.average_discharge,
    ),
    ValueDescription(
        key="charge_drawn",
        native_unit_of_measurement=AMPERE_HOUR,
        digits=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda history: history.drawn,
    ),
    ValueDescription(
        key="charge_added",
        native_unit_of_measurement=AMPERE_HOUR,
        digits=0,
        **HIDDEN,
        value_fn=lambda history: history.added,
    ),
    ValueDescription(
        key="highest_voltage",
        **EXTREME_VOLTAGE,
        **HIDDEN,
        value_fn=lambda history: history.highest_voltage,
        attributes_fn=lambda history: {"at": _moment(history.highest_at)},
    ),
    ValueDescription(
        key="lowest_voltage",
        **EXTREME_VOLTAGE,
        **HIDDEN,
        value_fn=lambda history: history.lowest_voltage,
        attributes_fn=lambda history: {"at": _moment(history.lowest_at)},
    ),
    ValueDescription(
        key="full_discharges",
        state_class=SensorStateClass.TOTAL_INCREASING,
        **HIDDEN,
        value_fn=lambda history: history.full_discharges,
    ),
    ValueDescription(
        key="alarms_raised",
        state_class=SensorStateClass.TOTAL_INCREASING,
        **HIDDEN,
        value_fn=lambda history: history.alarms,
    ),
    ValueDescription(
        key="round_trip_efficiency",
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        digits=1,
        **HIDDEN,
        value_fn=lambda history: history.health.efficiency,
        attributes_fn=lambda history: {"swings": len(history.health.swings)},
    ),
    ValueDescription(
        key="internal_resistance",
        native_unit_of_measurement="mΩ",
        state_class=SensorStateClass.MEASUREMENT,
        digits=1,
        **HIDDEN,
        value_fn=lambda history: (
            None if (found := history.health.resistance) is None else 1000 * found.ohms
        ),
        attributes_fn=_resistance_attributes,
    ),
)

CAPACITY_HEALTH = MeasuredDescription(
    key="capacity_health",
    native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
    state_class=SensorStateClass.MEASUREMENT,
    digits=1,
    **HIDDEN,
)

THRESHOLD_SENSORS: tuple[ValueDescription[BatteryConfiguration], ...] = (
    ValueDescription(
        key="cell_over_voltage_threshold",
        **VOLTAGE,
        **HIDDEN,
        value_fn=lambda limits: limits.cell_over_voltage,
    ),
    ValueDescription(
        key="cell_under_voltage_threshold",
        **VOLTAGE,
        **HIDDEN,
        value_fn=lambda limits: limits.cell_under_voltage,
    ),
    ValueDescription(
        key="module_over_voltage_threshold",
        **VOLTAGE,
        **HIDDEN,
        value_fn=lambda limits: limits.module_over_voltage,
    ),
    ValueDescription(
        key="module_under_voltage_threshold",
        **VOLTAGE,
        **HIDDEN,
        value_fn=lambda limits: limits.module_under_voltage,
    ),
    ValueDescription(
        key="charge_over_temperature_threshold",
        **TEMPERATURE,
        **HIDDEN,
        value_fn=lambda limits: limits.charge_over_temperature,
    ),
    ValueDescription(
        key="charge_under_temperature_threshold",
        **TEMPERATURE,
        **HIDDEN,
        value_fn=lambda limits: limits.charge_under_temperature,
    ),
    ValueDescription(
        key="discharge_over_temperature_threshold",
        **TEMPERATURE,
        **HIDDEN,
        value_fn=lambda limits: limits.discharge_over_temperature,
    ),
    ValueDescription(
        key="discharge_under_temperature_threshold",
        **TEMPERATURE,
        **HIDDEN,
        value_fn=lambda limits: limits.discharge_under_temperature,
    ),
)

WEAKEST_BATTERY = SensorEntityDescription(key="weakest_battery", **HIDDEN)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: RenogyConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of a bank."""
    bank = entry.runtime_data
    async_add_adapter_entities(
        hass,
        entry,
        async_add_entities,
        lambda supervisor, address: (
            AdapterSensor(supervisor, address, description)
            for description in ADAPTER_SENSORS
        ),
    )
    bank_sensors = list(_bank_sensors(bank))
    async_show_grown_bank(hass, SENSOR_DOMAIN, bank_sensors)
    async_add_entities(bank_sensors)
    for link in bank.links.values():
        # A large bank has thousands of sensors: others get their turn in between.
        await asyncio.sleep(0)
        async_add_entities(
            _link_sensors(bank, link), config_subentry_id=link.subentry_id
        )
        numbered = NumberedSensors(link, async_add_entities)
        numbered.async_add_missing()
        entry.async_on_unload(link.async_add_listener(numbered.async_add_missing))


def _bank_sensors(bank: BankCoordinator) -> Iterable[RenogyBankEntity]:
    families = [link.settings.family for link in bank.links.values()]
    for each in BANK_SENSORS:
        description = each.of(families)
        if isinstance(description, ExtremeDescription):
            yield ExtremeSensor(bank, description)
        else:
            yield BankSensor(bank, description)
    for meter in METER_SENSORS:
        kind = BankEnergySensor if meter.key in _ENERGY_KEYS else BankMeterSensor
        yield kind(bank, meter)
    for sharing in SHARING_SENSORS:
        yield SharingSensor(bank, sharing.of(families))
    for limit in LIMIT_SENSORS:
        yield LimitSensor(bank, limit)
    for charge in FULL_CHARGE:
        yield BankFullChargeSensor(bank, charge)
    yield WeakestBatterySensor(bank, WEAKEST_BATTERY)


def _link_sensors(
    bank: BankCoordinator, link: LinkCoordinator
) -> Iterable[SensorEntity]:
    for description in LINK_SENSORS:
        yield LinkSensor(link, description)
    yield SignalStrengthSensor(link, SIGNAL_STRENGTH)
    family = link.settings.family
    batteries = [_one_of(bank, each.of([family])) for each in BATTERY_SENSORS]
    meters = [_one_of(bank, each) for each in METER_SENSORS]
    charges = [_one_of(bank, each) for each in FULL_CHARGE]
    for unit in link.settings.units:
        for battery in batteries:
            yield BatterySensor(link, battery, unit)
        yield AlarmsSensor(link, ALARMS, unit)
        for meter in meters:
            kind = EnergySensor if meter.key in _ENERGY_KEYS else MeterSensor
            yield kind(bank, link, meter, unit)
        yield LinkQualitySensor(link, LINK_QUALITY, unit)
        for threshold in THRESHOLD_SENSORS:
            yield ThresholdSensor(link, threshold, unit)
        for history in HISTORY_SENSORS:
            yield HistorySensor(bank, link, history, unit)
        yield CapacityHealthSensor(bank, link, CAPACITY_HEALTH, unit)
        for charge in charges:
            yield FullChargeSensor(bank, link, charge, unit)
        yield CurrentShareSensor(bank, link, CURRENT_SHARE, unit)


def _one_of[DescriptionT: ValueDescription[Any]](
    bank: BankCoordinator, description: DescriptionT
) -> DescriptionT:
    """Return how a battery has a sensor: off by default where the bank shows it for all."""
    if bank.is_single or not description.is_for_the_whole:
        return description
    return replace(description, entity_registry_enabled_default=False)


class NumberedSensors:
    """Adds the sensors of cells and temperatures when their number is known."""

    def __init__(
        self, link: LinkCoordinator, async_add_entities: AddConfigEntryEntitiesCallback
    ) -> None:
        """Start with none added."""
        self._link = link
        self._async_add_entities = async_add_entities
        family = link.settings.family
        self._descriptions = [each.of([family]) for each in NUMBERED_SENSORS]
        self._added: dict[tuple[int, str], int] = {}

    @callback
    def async_add_missing(self) -> None:
        """Add the sensors that the last readings show and that are still missing."""
        missing = [
            sensor
            for battery in self._link.settings.batteries
            for description in self._descriptions
            for sensor in self._missing(battery, description)
        ]
        if missing:
            self._async_add_entities(missing, config_subentry_id=self._link.subentry_id)

    def _missing(
        self, battery: KnownBattery, description: NumberedSensorDescription
    ) -> list[SensorEntity]:
        reading = self._link.readings.get(battery.unit)
        read = len(description.values_fn(reading)) if reading else 0
        added = self._added.get((battery.unit, description.key), 0)
        number = max(added, read, description.expected_fn(battery))
        self._added[battery.unit, description.key] = number
        return [
            NumberedSensor(self._link, description, battery.unit, index + 1)
            for index in range(added, number)
        ]


class MeasuredSensor(SensorEntity):
    """A sensor that says no more than is known."""

    entity_description: MeasuredDescription

    @property
    @abstractmethod
    def measured(self) -> StateType | datetime:
        """The value as it was worked out."""

    @property
    @override
    def native_value(self) -> StateType | datetime:
        """Return the value with the digits that tell something."""
        return self.entity_description.known(self.measured)

    @property
    @override
    def suggested_display_precision(self) -> int | None:
        """Return how many digits are shown: fewer than there are where people need no more."""
        shown = self.entity_description.suggested_display_precision
        return self.entity_description.digits if shown is None else shown


class BatterySensor(RenogyBatteryEntity, MeasuredSensor):
    """A value of one battery."""

    entity_description: BatteryDescription
    _unrecorded_attributes = frozenset(
        {"lowest_cells", "highest_cells", "coldest_sensors", "warmest_sensors"}
    )

    @property
    @override
    def measured(self) -> StateType | datetime:
        """Return the value of the battery's reading."""
        return self.entity_description.value_fn(self.reading)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """Return what the description adds to the value."""
        if self.entity_description.attributes_fn is None:
            return None
        return self.entity_description.attributes_fn(self.reading)


class AlarmsSensor(RenogyBatteryEntity, SensorEntity):
    """How many alarms a battery has, and which."""

    _unrecorded_attributes = frozenset({"described"})

    @property
    @override
    def native_value(self) -> StateType:
        """Return how many there are, None where the battery does not tell."""
        status = self.reading.status
        return None if status.problem is None else len(status.alarms)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        """Return the alarms, for automations and in words."""
        alarms = self.reading.status.alarms
        return {
            "active": [alarm.key for alarm in alarms],
            "described": [str(async_alarm_words(self.hass, each)) for each in alarms],
        }


class NumberedSensor(RenogyBatteryEntity, MeasuredSensor):
    """One of a battery's cell voltages or temperatures, counted from 1."""

    entity_description: NumberedSensorDescription

    def __init__(
        self,
        link: LinkCoordinator,
        description: NumberedSensorDescription,
        unit: int,
        number: int,
    ) -> None:
        """Remember which of the values this is."""
        super().__init__(link, description, unit, number)
        self._index = number - 1

    @property
    @override
    def measured(self) -> StateType:
        """Return the value, None if the reading has fewer values."""
        values = self.entity_description.values_fn(self.reading)
        return values[self._index] if self._index < len(values) else None


class ThresholdSensor(RenogyBatteryEntity, MeasuredSensor):
    """From where on a battery protects itself, as it is configured."""

    entity_description: ValueDescription[BatteryConfiguration]

    @property
    @override
    def measured(self) -> StateType | datetime:
        """Return what the battery was configured to when it was last asked."""
        configuration = self.coordinator.data.configurations.get(self.unit)
        if configuration is None:
            return None
        return self.entity_description.value_fn(configuration)


class LinkQualitySensor(RenogyBatteryEntity, MeasuredSensor):
    """How many of a battery's last polls brought fresh values."""

    @property
    @override
    def _is_held(self) -> bool:
        return False

    @property
    @override
    def measured(self) -> StateType:
        """Return the share in %."""
        return self.coordinator.link_quality(self.unit)


class MeterSensor(RenogyBatteryEntity, MeasuredSensor):
    """Energy or time of one battery."""

    entity_description: ValueDescription[MeterReading]

    def __init__(
        self,
        bank: BankCoordinator,
        link: LinkCoordinator,
        description: ValueDescription[MeterReading],
        unit: int,
    ) -> None:
        """Remember the bank, which counts."""
        super().__init__(link, description, unit)
        self._bank = bank

    @property
    @override
    def measured(self) -> StateType | datetime:
        """Return what was worked out up to the last poll, None before the first."""
        meter = self._bank.meters.get(self.battery)
        return None if meter is None else self.entity_description.value_fn(meter)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """Return what the description adds to the value."""
        if self.entity_description.attributes_fn is None:
            return None
        return self.entity_description.attributes_fn(self._bank.meters[self.battery])


class _LastingEnergy(RestoreSensor):
    """Tells what was shown before the start: a total that was not stored does not fall."""

    _last_shown: StateType | date | datetime | Decimal = None

    @property
    @override
    def extra_restore_state_data(self) -> SensorExtraStoredData:
        """Return what is to be known after the next start, though nothing was read since this one."""
        value = self._last_shown if self.native_value is None else self.native_value
        return SensorExtraStoredData(value, self.native_unit_of_measurement)

    async def _async_last_shown(self) -> EnergyTotals:
        shown = await self.async_get_last_sensor_data()
        self._last_shown = value = None if shown is None else shown.native_value
        if not isinstance(value, int | float | Decimal) or isinstance(value, bool):
            return EnergyTotals()
        energy = float(value)
        if not 0 <= energy <= MOST_ENERGY:
            return EnergyTotals()
        if self.entity_description.key == ENERGY_CHARGED:
            return EnergyTotals(charged=energy)
        return EnergyTotals(discharged=energy)


class EnergySensor(MeterSensor, _LastingEnergy):
    """Energy of one battery, which goes on over a restart."""

    @override
    async def async_added_to_hass(self) -> None:
        """Go on from what was shown before the start."""
        await super().async_added_to_hass()
        self._bank.async_go_on_from(self.battery, await self._async_last_shown())


class _HistorySensor(RenogyBatteryOfBankEntity, MeasuredSensor):
    """What is known of a battery by what it has been through, up to the last round."""

    @property
    @override
    def _has_news(self) -> bool:
        return not self.coordinator.data.is_partial

    @property
    def _history(self) -> BatteryHistory | None:
        return self.coordinator.history_store.bank.of(self.battery)


class HistorySensor(_HistorySensor):
    """What one battery has been through, since it was first read."""

    entity_description: ValueDescription[BatteryHistory]

    @property
    @override
    def measured(self) -> StateType | datetime:
        """Return what is known up to the last poll."""
        history = self._history
        return None if history is None else self.entity_description.value_fn(history)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """Return since when the battery is followed, and for how long it was not seen."""
        history = self._history
        if history is None:
            return None
        more = self.entity_description.attributes_fn
        return {
            "followed_since": _moment(history.began),
            "hours_not_seen": round(history.unseen / 3600, 1),
            **({} if more is None else more(history)),
        }


class CapacityHealthSensor(_HistorySensor):
    """What is left of a battery's capacity."""

    def __init__(
        self,
        bank: BankCoordinator,
        link: LinkCoordinator,
        description: SensorEntityDescription,
        unit: int,
    ) -> None:
        """Remember the link, which knows the model."""
        super().__init__(bank, link, description, unit)
        self._link = link

    @property
    @override
    def measured(self) -> StateType:
        """Return it as a share of the model's capacity, or of the highest that was seen."""
        history = self._history
        if history is None:
            return None
        identity = self._link.data.identities.get(self.battery[1])
        model = identity.model if identity else None
        return capacity_health(
            history.health,
            self.coordinator.data.readings[self.battery].total_capacity,
            model or self.coordinator.labels[self.battery].model,
        )


class FullChargeSensor(_HistorySensor):
    """When a battery was full last."""

    entity_description: ValueDescription[FullCharge]

    @property
    @override
    def measured(self) -> StateType | datetime:
        """Return what is known up to the last poll."""
        now = utcnow().timestamp()
        return self.entity_description.value_fn(
            self.coordinator.history_store.bank.full_charge([self.battery], now)
        )


class BankFullChargeSensor(RenogyBankEntity, MeasuredSensor):
    """When all batteries of the bank had been full."""

    entity_description: ValueDescription[FullCharge]

    @property
    @override
    def measured(self) -> StateType | datetime:
        """Return what is known up to the last round."""
        bank = self.coordinator
        now = utcnow().timestamp()
        return self.entity_description.value_fn(
            bank.history_store.bank.full_charge(bank.labels, now)
        )


class BankSensor(RenogyBankEntity, MeasuredSensor):
    """A value of the bank as a whole."""

    entity_description: BankDescription

    @property
    @override
    def measured(self) -> StateType | datetime:
        """Return the value of the bank."""
        return self.entity_description.value_fn(self.coordinator.data.summary)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """Return which batteries the bank goes on without, and how many it has."""
        bank = self.coordinator
        left_out = [
            plain_battery_name(self.hass, bank, battery)
            for battery in sorted(bank.data.left_out)
        ]
        if self.entity_description.key == BATTERIES_RESPONDING:
            return {"of": len(bank.labels), "left_out": left_out}
        return {"left_out": left_out} if left_out else None


class ExtremeSensor(BankSensor):
    """An extreme of the bank, and which cell or sensor of which battery has it."""

    entity_description: ExtremeDescription
    _unrecorded_attributes = frozenset({"where"})
    _place: tuple[BatteryId, int] | None = None

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        """Return where the extreme is, in words; None where most share it."""
        description, bank = self.entity_description, self.coordinator
        values = {
            battery: description.values_fn(reading)
            for battery, reading in bank.data.readings.items()
        }
        found = extremes(values, description.extreme)
        self._place = one_place(found, self._place)
        if self._place is None:
            return {"where": None}
        battery, number = self._place
        name = plain_battery_name(self.hass, bank, battery)
        part = async_with_parts(self.hass, name, description.part, [number])
        return {"where": part}


class BankMeterSensor(RenogyBankEntity, MeasuredSensor):
    """Energy or time of the bank as a whole."""

    entity_description: ValueDescription[MeterReading]

    @property
    @override
    def measured(self) -> StateType | datetime:
        """Return what was worked out up to the last round."""
        return self.entity_description.value_fn(self.coordinator.data.meter)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """Return what the description adds to the value."""
        if self.entity_description.attributes_fn is None:
            return None
        return self.entity_description.attributes_fn(self.coordinator.data.meter)


class BankEnergySensor(BankMeterSensor, _LastingEnergy):
    """Energy of the bank, which goes on over a restart."""

    @override
    async def async_added_to_hass(self) -> None:
        """Go on from what was shown before the start."""
        await super().async_added_to_hass()
        self.coordinator.async_go_on_from(None, await self._async_last_shown())


class SharingSensor(RenogyBankEntity, MeasuredSensor):
    """How far apart the batteries of the bank are."""

    entity_description: ValueDescription[Sharing[BatteryId]]

    @property
    @override
    def measured(self) -> StateType | datetime:
        """Return what the last round of polls shows."""
        return self.entity_description.value_fn(self.coordinator.data.sharing)


class LimitSensor(RenogyBankEntity, MeasuredSensor):
    """What can be charged or drawn now."""

    entity_description: ValueDescription[CurrentLimits]

    @property
    @override
    def measured(self) -> StateType | datetime:
        """Return what the last round of polls allows."""
        return self.entity_description.value_fn(self.coordinator.data.limits)


class CurrentShareSensor(RenogyBatteryOfBankEntity, MeasuredSensor):
    """What a battery carries of the bank's current, measured by its fair share."""

    @property
    @override
    def measured(self) -> StateType:
        """Return the share in the last round of polls."""
        return self.coordinator.data.sharing.shares.get(self.battery)


class LinkSensor(RenogyLinkEntity, MeasuredSensor):
    """A value of a link."""

    entity_description: ValueDescription[LinkCoordinator]

    @property
    @override
    def measured(self) -> StateType | datetime:
        """Return the value as of the last poll."""
        return self.entity_description.value_fn(self.coordinator)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """Return what the description adds to the value."""
        if self.entity_description.attributes_fn is None:
            return None
        return self.entity_description.attributes_fn(self.coordinator)


class SignalStrengthSensor(RenogyLinkEntity, SensorEntity):
    """How strongly a link's last advertisement was heard, also while its polls fail."""

    @override
    async def async_added_to_hass(self) -> None:
        """Look from time to time: advertisements come between the polls, too."""
        await super().async_added_to_hass()
        self.async_on_remove(
            async_track_time_interval(
                self.hass, self._async_look, SIGNAL_STRENGTH_PAUSE
            )
        )

    @callback
    def _async_look(self, _: datetime) -> None:
        self.async_write_ha_state()

    @property
    @override
    def native_value(self) -> StateType:
        """Return the signal strength at the scanner that would connect, None if not heard."""
        heard = bluetooth.async_last_service_info(self.hass, self.coordinator.address)
        if heard is None or heard.rssi not in SIGNAL_STRENGTHS:
            return None
        return heard.rssi


class AdapterSensor(AdapterEntity, MeasuredSensor):
    """A value of a Bluetooth adapter."""

    _platform = Platform.SENSOR

    entity_description: ValueDescription[AdapterStatus]

    @property
    @override
    def measured(self) -> StateType | datetime:
        """Return what the supervisor found last."""
        return self.entity_description.value_fn(self.status)


class WeakestBatterySensor(RenogyBankEntity, SensorEntity):
    """Names the battery that limits the bank."""

    @property
    @override
    def native_value(self) -> StateType:
        """Return the name of the battery's device."""
        battery = self.coordinator.data.summary.weakest_battery
        if battery is None:
            return None
        return plain_battery_name(self.hass, self.coordinator, battery)
