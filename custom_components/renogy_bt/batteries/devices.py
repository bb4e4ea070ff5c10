# SPDX-License-Identifier: Apache-2.0
"""The devices of a bank: itself, its dongles and its batteries."""

from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import CONNECTION_BLUETOOTH, DeviceEntryType
from homeassistant.helpers.typing import UNDEFINED

from ..const import DOMAIN, MANUFACTURER
from ..coordinator import BankCoordinator, RenogyConfigEntry
from ..links.coordinator import LinkCoordinator
from ..links.markdown import escaped
from ..links.settings import battery_identifier, link_identifier
from ..renogy.models import BatteryId, BatteryIdentity

_NAMES: Final = {
    (True, True): "battery",
    (True, False): "lone_battery",
    (False, True): "unknown_battery",
    (False, False): "unknown_lone_battery",
}
"""How a battery is named that has a model, and a place behind it, or not."""


@callback
def battery_name(hass: HomeAssistant, bank: BankCoordinator, battery: BatteryId) -> str:
    """Return the name of a battery's device for a notice, which is shown as Markdown."""
    return escaped(plain_battery_name(hass, bank, battery))


@callback
def plain_battery_name(
    hass: HomeAssistant, bank: BankCoordinator, battery: BatteryId
) -> str:
    """Return the name of a battery's device: the user's own name if there is one."""
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, battery_identifier(battery)), bank.config_entry.entry_id
    )
    name = (device.name_by_user or device.name) if device is not None else None
    return name or str(bank.labels[battery])


class BankDevices:
    """Keeps the devices of a bank up to date in the device registry."""

    def __init__(self, hass: HomeAssistant, entry: RenogyConfigEntry) -> None:
        """Prepare; `entry.runtime_data` holds the bank already."""
        self._registry = dr.async_get(hass)
        self._entry = entry
        self._bank = entry.runtime_data
        self._parents: dict[str, str] = {}
        self._identities: dict[BatteryId, BatteryIdentity | None] = {}

    @callback
    def async_register(self) -> None:
        """Register all devices, parents first, and drop what is no longer configured."""
        bank = self._registry.async_get_or_create(
            config_entry_id=self._entry.entry_id,
            identifiers={(DOMAIN, self._entry.entry_id)},
            entry_type=DeviceEntryType.SERVICE,
            manufacturer=MANUFACTURER,
            name=self._entry.title,
        )
        wanted = {bank.id}
        for link in self._bank.links.values():
            self._parents[link.address] = bank.id
            if link.settings.is_dongle:
                self._parents[link.address] = self._register_dongle(link, bank.id)
                wanted.add(self._parents[link.address])
            wanted.update(
                self._register_battery(link, unit) for unit in link.settings.units
            )
        for device in dr.async_entries_for_config_entry(
            self._registry, self._entry.entry_id
        ):
            if device.config_subentry_id is not None and device.id not in wanted:
                self._registry.async_remove_device(device.id)

    @callback
    def async_update(self) -> None:
        """Update the devices of batteries that have told something new of themselves."""
        for link, unit in self._bank.batteries():
            battery = (link.address, unit)
            if link.data.identities.get(unit) != self._identities[battery]:
                self._register_battery(link, unit)

    def _register_dongle(self, link: LinkCoordinator, bank_id: str) -> str:
        return self._registry.async_get_or_create(
            config_entry_id=self._entry.entry_id,
            config_subentry_id=link.subentry_id,
            identifiers={(DOMAIN, link_identifier(link.address))},
            connections={(CONNECTION_BLUETOOTH, link.address)},
            manufacturer=MANUFACTURER,
            model="BT-1/BT-2",
            name=link.settings.name,
            via_device_id=bank_id,
        ).id

    def _register_battery(self, link: LinkCoordinator, unit: int) -> str:
        battery = (link.address, unit)
        label = self._bank.labels[battery]
        identity = link.data.identities.get(unit)
        self._identities[battery] = identity
        return self._registry.async_get_or_create(
            config_entry_id=self._entry.entry_id,
            config_subentry_id=link.subentry_id,
            identifiers={(DOMAIN, battery_identifier(battery))},
            manufacturer=MANUFACTURER,
            model=(identity.model if identity else None) or label.model,
            # A battery that has not been read since the start keeps what is known of it.
            serial_number=identity.serial_number if identity else UNDEFINED,
            sw_version=identity.software_version if identity else UNDEFINED,
            translation_key=_NAMES[bool(label.model), bool(label.place)],
            translation_placeholders={"model": label.model or "", "place": label.place},
            via_device_id=self._parents[link.address],
        ).id
