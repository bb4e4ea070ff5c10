# SPDX-License-Identifier: Apache-2.0
"""Base entities of the Renogy Bluetooth batteries integration."""

from collections.abc import Iterable
from typing import Any, ClassVar, Final, override

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_registry import RegistryEntryDisabler
from homeassistant.helpers.update_coordinator import (
    CoordinatorEntity,
    DataUpdateCoordinator,
)
from homeassistant.util import slugify

from .adapter_health.status import AdapterStatus
from .adapters.devices import adapter_identifier
from .const import DOMAIN
from .coordinator import BankCoordinator
from .links.coordinator import LinkCoordinator
from .links.settings import battery_identifier, link_identifier
from .renogy.models import BatteryReading
from .renogy.speeds import Extent
from .supervisor.supervisor import Supervisor

LIVE_KEYS: Final = frozenset(
    {
        "charging",
        "charging_state",
        "current",
        "power",
        "remaining_capacity",
        "state_of_charge",
        "stored_energy",
        "voltage",
    }
)
"""What a poll of a kept link reads every few seconds, and what is shown at that pace."""
MOVING_KEYS: Final = frozenset({"last_poll_duration", "last_successful_poll"})
"""What of a link differs after each poll, and is not worth that pace."""


class RenogyEntity[CoordinatorT: DataUpdateCoordinator[Any]](
    CoordinatorEntity[CoordinatorT]
):
    """An entity of a bank, of a link or of a battery.

    `identifier` names its device, which is registered already. `number` tells apart entities
    that have the same description.
    """

    _attr_has_entity_name = True

    _was_available: bool | None = None

    def __init__(
        self,
        coordinator: CoordinatorT,
        description: EntityDescription,
        identifier: str,
        number: int | None = None,
    ) -> None:
        """Derive the entity's identity from its device and its description."""
        super().__init__(coordinator)
        self.entity_description = description
        self._attr_translation_key = description.key
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, identifier)})
        self._attr_unique_id = f"{identifier}_{description.key}"
        if number is not None:
            self._attr_unique_id += f"_{number}"
            self._attr_translation_placeholders = {"number": str(number)}

    @property
    def _has_news(self) -> bool:
        """Whether what is not read every few seconds was read in the last poll."""
        return True

    @property
    def _is_held(self) -> bool:
        """Whether what is shown is what an earlier poll has read."""
        return False

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write the state, unless the last poll has read nothing of what it tells.

        So the time at which a state was reported last is the age of its value.
        """
        was_available, self._was_available = self._was_available, self.available
        is_live = self.entity_description.key in LIVE_KEYS or self._has_news
        if (is_live and not self._is_held) or was_available != self._was_available:
            super()._handle_coordinator_update()


class RenogyBatteryEntity(RenogyEntity[LinkCoordinator]):
    """An entity of one battery, available while the battery has a reading."""

    def __init__(
        self,
        link: LinkCoordinator,
        description: EntityDescription,
        unit: int,
        number: int | None = None,
    ) -> None:
        """Remember the battery."""
        self.battery = (link.address, unit)
        self.unit = unit
        super().__init__(link, description, battery_identifier(self.battery), number)

    @property
    @override
    def available(self) -> bool:
        """Return whether the battery has a reading that may be shown."""
        return self.unit in self.coordinator.readings

    @property
    @override
    def _has_news(self) -> bool:
        return self.coordinator.extent(self.unit) in {None, Extent.EVERYTHING}

    @property
    @override
    def _is_held(self) -> bool:
        return self.available and self.coordinator.extent(self.unit) is None

    @property
    def reading(self) -> BatteryReading:
        """The battery's reading, to be read only while available."""
        return self.coordinator.readings[self.unit]


class RenogyBatteryOfBankEntity(RenogyEntity[BankCoordinator]):
    """An entity of one battery that takes the whole bank to know."""

    def __init__(
        self,
        bank: BankCoordinator,
        link: LinkCoordinator,
        description: EntityDescription,
        unit: int,
    ) -> None:
        """Remember the battery."""
        self.battery = (link.address, unit)
        super().__init__(bank, description, battery_identifier(self.battery))

    @property
    @override
    def available(self) -> bool:
        """Return whether the battery has a reading that may be shown."""
        return self.battery in self.coordinator.data.readings


class RenogyBankEntity(RenogyEntity[BankCoordinator]):
    """An entity of the bank as a whole, available while any battery has a reading.

    `is_of_bank_alone` marks what the only battery of a bank does not show itself.
    """

    is_of_bank_alone = False

    def __init__(self, bank: BankCoordinator, description: EntityDescription) -> None:
        """Belong to the bank's own device."""
        super().__init__(bank, description, bank.config_entry.entry_id)
        if bank.is_single and not self.is_of_bank_alone:
            # The battery shows the same.
            self._attr_entity_registry_enabled_default = False

    @property
    @override
    def available(self) -> bool:
        """Return whether any battery of the bank has a reading."""
        return bool(self.coordinator.data.readings)

    @property
    @override
    def _has_news(self) -> bool:
        return not self.coordinator.data.is_partial


@callback
def async_show_grown_bank(
    hass: HomeAssistant, platform: str, entities: Iterable[RenogyBankEntity]
) -> None:
    """Enable what was off because the bank had one battery; what a user disabled stays so."""
    registry = er.async_get(hass)
    for entity in entities:
        assert entity.unique_id is not None
        entity_id = registry.async_get_entity_id(platform, DOMAIN, entity.unique_id)
        if entity_id is None or not entity.entity_registry_enabled_default:
            continue
        if (
            registry.entities[entity_id].disabled_by
            is RegistryEntryDisabler.INTEGRATION
        ):
            registry.async_update_entity(entity_id, disabled_by=None)


class RenogyLinkEntity(RenogyEntity[LinkCoordinator]):
    """An entity of a link, available however the polls go.

    Its device is the dongle, or the battery if Bluetooth is built in.
    """

    def __init__(self, link: LinkCoordinator, description: EntityDescription) -> None:
        """Belong to the device of the link."""
        super().__init__(link, description, link_identifier(link.address))
        self._told: object = None
        if not link.settings.is_dongle:
            battery = battery_identifier(link.settings.battery_ids[0])
            self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, battery)})

    @property
    @override
    def available(self) -> bool:
        """Return True: the state of a link is known while its polls fail, too."""
        return True

    @property
    @override
    def _has_news(self) -> bool:
        """Whether the last poll read everything, or the state has changed all the same."""
        is_moving = self.entity_description.key in MOVING_KEYS
        told, self._told = self._told, (self.state, self.extra_state_attributes)
        return not self.coordinator.is_partial or (not is_moving and told != self._told)


class AdapterEntity(Entity):
    """An entity of a local Bluetooth adapter, available while the adapter is watched."""

    _attr_has_entity_name = True
    _attr_should_poll = False
    _platform: ClassVar[Platform]

    def __init__(
        self, supervisor: Supervisor, address: str, description: EntityDescription
    ) -> None:
        """Belong to the device of the adapter with this address."""
        self._supervisor = supervisor
        self._address = address
        self.entity_description = description
        identifier = adapter_identifier(address)
        self._attr_unique_id = f"{identifier}_{description.key}"
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, identifier)})
        # The name of the device has the adapter's number, which may not be known at first, and may change.
        self.entity_id = (
            f"{self._platform}.{slugify(f'bluetooth {identifier}')}_{description.key}"
        )

    @override
    async def async_added_to_hass(self) -> None:
        """Follow what the supervisor finds."""
        self.async_on_remove(
            self._supervisor.async_add_listener(self.async_write_ha_state)
        )

    @property
    @override
    def available(self) -> bool:
        """Return whether the adapter is watched."""
        return self._address in self._supervisor.adapters

    @property
    def status(self) -> AdapterStatus:
        """What the supervisor knows of the adapter, to be read only while available."""
        return self._supervisor.adapters[self._address]
