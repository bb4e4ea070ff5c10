"""Base entities of the Renogy Bluetooth batteries integration."""

from typing import override

from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .adapter_health.status import AdapterStatus
from .adapters.devices import adapter_identifier
from .bank.summary import BankSummary
from .const import DOMAIN
from .coordinator import BankCoordinator
from .links.settings import LinkSettings, battery_identifier, link_identifier
from .renogy.models import BatteryId, BatteryReading
from .supervisor.supervisor import Supervisor


class RenogyEntity(CoordinatorEntity[BankCoordinator]):
    """An entity of a bank or of one of its batteries.

    Its device is registered before, `identifier` names it; `number` tells entities of the
    same description apart. Of the polls, only those that change what it shows are written.
    """

    _attr_has_entity_name = True

    def __init__(
        self,
        coordinator: BankCoordinator,
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
        self._written: tuple[object, ...] = ()

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the polls; Home Assistant itself writes the first state after this."""
        await super().async_added_to_hass()
        self._written = self._shown()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        shown = self._shown()
        if shown != self._written:
            self._written = shown
            self.async_write_ha_state()

    def _shown(self) -> tuple[object, ...]:
        """Return all that a poll can change, empty while unavailable."""
        if not self.available:
            return ()
        return self.state, self.state_attributes, self.extra_state_attributes


class RenogyBatteryEntity(RenogyEntity):
    """An entity of one battery, available while the battery has a reading."""

    def __init__(
        self,
        coordinator: BankCoordinator,
        description: EntityDescription,
        battery: BatteryId,
        number: int | None = None,
    ) -> None:
        """Remember the battery."""
        super().__init__(coordinator, description, battery_identifier(battery), number)
        self.battery = battery

    @property
    @override
    def available(self) -> bool:
        """Return whether the battery has a reading, a fresh one or one that may be held."""
        return super().available and self.battery in self.coordinator.data.readings

    @property
    def reading(self) -> BatteryReading:
        """The battery's reading; only asked for while available."""
        return self.coordinator.data.readings[self.battery]


class RenogyBankEntity(RenogyEntity):
    """An entity of the bank as a whole, available while any battery has a reading."""

    def __init__(
        self, coordinator: BankCoordinator, description: EntityDescription
    ) -> None:
        """Belong to the bank's own device."""
        super().__init__(coordinator, description, coordinator.config_entry.entry_id)

    @property
    @override
    def available(self) -> bool:
        """Return whether any battery of the bank has a reading."""
        return super().available and bool(self.coordinator.data.readings)

    @property
    def summary(self) -> BankSummary[BatteryId]:
        """The bank added up."""
        return self.coordinator.data.summary


class RenogyLinkEntity(RenogyEntity):
    """An entity of a link: it has something to say however the polls go.

    It is on the dongle's device, or on the battery's where Bluetooth is built in.
    """

    def __init__(
        self,
        coordinator: BankCoordinator,
        description: EntityDescription,
        link: LinkSettings,
    ) -> None:
        """Remember the link."""
        identifier = link_identifier(link.address)
        super().__init__(coordinator, description, identifier)
        if not link.is_dongle:
            battery = battery_identifier(link.battery_ids[0])
            self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, battery)})
        self.address = link.address

    @property
    @override
    def available(self) -> bool:
        """Return that a link can always be told of, and be switched on and off."""
        return True


class AdapterEntity(Entity):
    """An entity of a local Bluetooth adapter, available while the adapter is watched."""

    _attr_has_entity_name = True
    _attr_should_poll = False

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
        """What the supervisor knows; only asked for while available."""
        return self._supervisor.adapters[self._address]
