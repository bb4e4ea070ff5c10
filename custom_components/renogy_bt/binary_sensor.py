# SPDX-License-Identifier: Apache-2.0
"""Binary sensors of batteries and of the bank."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, override

from homeassistant.components.binary_sensor import (
    DOMAIN as BINARY_SENSOR_DOMAIN,
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .adapter_health.status import AdapterStatus
from .adapters.devices import async_add_adapter_entities
from .bank.summary import BankSummary
from .batteries.devices import plain_battery_name
from .coordinator import RenogyConfigEntry
from .entity import (
    AdapterEntity,
    RenogyBankEntity,
    RenogyBatteryEntity,
    RenogyLinkEntity,
    async_show_grown_bank,
)
from .links.coordinator import LinkCoordinator
from .renogy.models import BatteryId, BatteryReading, ChargingState
from .renogy.protections import PROTECTIONS, has_acted

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class ConditionDescription[SourceT](BinarySensorEntityDescription):
    """Describes a binary sensor by where its state is found in what is known of its device."""

    value_fn: Callable[[SourceT], bool | None]


def _has_acted(reading: BatteryReading, group: str) -> bool | None:
    return has_acted(reading.status, group)


BATTERY_BINARY_SENSORS: tuple[ConditionDescription[BatteryReading], ...] = (
    ConditionDescription(
        key="charging",
        device_class=BinarySensorDeviceClass.BATTERY_CHARGING,
        entity_registry_enabled_default=False,
        value_fn=lambda reading: reading.charging_state is ChargingState.CHARGING,
    ),
    ConditionDescription(
        key="problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda reading: reading.status.problem,
    ),
    ConditionDescription(
        key="charge_mosfet",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda reading: reading.status.charge_mosfet,
    ),
    ConditionDescription(
        key="discharge_mosfet",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda reading: reading.status.discharge_mosfet,
    ),
    ConditionDescription(
        key="heater",
        device_class=BinarySensorDeviceClass.RUNNING,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda reading: reading.status.heater,
    ),
    ConditionDescription(
        key="fully_charged",
        entity_registry_enabled_default=False,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda reading: reading.status.fully_charged,
    ),
)

PROTECTION_SENSORS: tuple[ConditionDescription[BatteryReading], ...] = tuple(
    ConditionDescription(
        key=f"{group}_protection",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=partial(_has_acted, group=group),
    )
    for group in PROTECTIONS
)

WEAK_SIGNAL = ConditionDescription[LinkCoordinator](
    key="weak_signal",
    device_class=BinarySensorDeviceClass.PROBLEM,
    entity_category=EntityCategory.DIAGNOSTIC,
    value_fn=lambda link: link.is_signal_too_weak,
)

BANK_PROBLEM = ConditionDescription[BankSummary[BatteryId]](
    key="problem",
    device_class=BinarySensorDeviceClass.PROBLEM,
    entity_category=EntityCategory.DIAGNOSTIC,
    value_fn=lambda bank: bank.problem,
)

RESERVE_REACHED = BinarySensorEntityDescription(
    key="reserve_reached", device_class=BinarySensorDeviceClass.BATTERY
)

ADAPTER_PROBLEM = ConditionDescription[AdapterStatus](
    key="problem",
    translation_key="adapter_problem",
    device_class=BinarySensorDeviceClass.PROBLEM,
    entity_category=EntityCategory.DIAGNOSTIC,
    value_fn=lambda status: status.problem,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: RenogyConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the binary sensors of a bank."""
    bank = entry.runtime_data
    async_add_adapter_entities(
        hass,
        entry,
        async_add_entities,
        lambda supervisor, address: [
            AdapterBinarySensor(supervisor, address, ADAPTER_PROBLEM)
        ],
    )
    of_bank = [
        BankProblemSensor(bank, BANK_PROBLEM),
        ReserveBinarySensor(bank, RESERVE_REACHED),
    ]
    async_show_grown_bank(hass, BINARY_SENSOR_DOMAIN, of_bank)
    async_add_entities(of_bank)
    for link in bank.links.values():
        # As with the sensors: others get their turn in between.
        await asyncio.sleep(0)
        async_add_entities(
            [
                LinkBinarySensor(link, WEAK_SIGNAL),
                *(
                    BatteryBinarySensor(link, description, unit)
                    for unit in link.settings.units
                    for description in (*BATTERY_BINARY_SENSORS, *PROTECTION_SENSORS)
                ),
            ],
            config_subentry_id=link.subentry_id,
        )


class BatteryBinarySensor(RenogyBatteryEntity, BinarySensorEntity):
    """A condition of one battery."""

    entity_description: ConditionDescription[BatteryReading]

    @property
    @override
    def is_on(self) -> bool | None:
        """Return the condition in the battery's reading."""
        return self.entity_description.value_fn(self.reading)


class LinkBinarySensor(RenogyLinkEntity, BinarySensorEntity):
    """A condition of a link."""

    entity_description: ConditionDescription[LinkCoordinator]

    @property
    @override
    def is_on(self) -> bool | None:
        """Return the condition of the link as of its last poll."""
        return self.entity_description.value_fn(self.coordinator)


class BankProblemSensor(RenogyBankEntity, BinarySensorEntity):
    """Whether any battery of the bank has a problem, and which."""

    entity_description: ConditionDescription[BankSummary[BatteryId]]

    @property
    @override
    def is_on(self) -> bool | None:
        """Return the condition of the bank."""
        return self.entity_description.value_fn(self.coordinator.data.summary)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        """Return the names of the batteries that have a problem."""
        bank = self.coordinator
        return {
            "batteries": [
                plain_battery_name(self.hass, bank, battery)
                for battery, reading in bank.data.readings.items()
                if reading.status.problem
            ]
        }


class ReserveBinarySensor(RenogyBankEntity, BinarySensorEntity):
    """Whether no more than the owner's reserve is left."""

    is_of_bank_alone = True

    @property
    @override
    def is_on(self) -> bool | None:
        """Return whether the reserve is reached."""
        return self.coordinator.data.is_reserve_reached


class AdapterBinarySensor(AdapterEntity, BinarySensorEntity):
    """A condition of a Bluetooth adapter."""

    _platform = Platform.BINARY_SENSOR

    entity_description: ConditionDescription[AdapterStatus]

    @property
    @override
    def is_on(self) -> bool | None:
        """Return what the supervisor found last."""
        return self.entity_description.value_fn(self.status)
