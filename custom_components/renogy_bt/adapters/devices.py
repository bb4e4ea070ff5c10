# SPDX-License-Identifier: Apache-2.0
"""The local Bluetooth adapters as devices, and which bank shows them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from homeassistant.components.bluetooth import DOMAIN as BLUETOOTH_DOMAIN
from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import (
    CONNECTION_BLUETOOTH,
    DeviceEntry,
    format_mac,
)
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from ..adapter_health.status import AdapterStatus
from ..const import DOMAIN
from ..links.settings import async_banks
from ..supervisor.supervisor import Supervisor, async_get_supervisor

_PREFIX: Final = "adapter_"
# What Home Assistant's Bluetooth calls a maker or model that the system does not tell, in every language.
_NOT_TOLD: Final = "Unknown"
_MODEL_ID: Final = "hci"
"""What tells an adapter from our other devices, whoever has made it: the blueprint about adapters goes by it."""

_LOADED: Final = frozenset(
    {ConfigEntryState.LOADED, ConfigEntryState.SETUP_IN_PROGRESS}
)

# Another bank can show an adapter only when the entities of this bank are gone for certain.
_IN_USE: Final = _LOADED | {
    ConfigEntryState.UNLOAD_IN_PROGRESS,
    ConfigEntryState.FAILED_UNLOAD,
}


def adapter_identifier(address: str) -> str:
    """Return the identifier of an adapter's device and entities."""
    return f"{_PREFIX}{format_mac(address)}"


@callback
def async_adapter_devices(hass: HomeAssistant) -> list[DeviceEntry]:
    """Return the devices of the adapters that are watched."""
    watched = sorted(async_get_supervisor(hass).adapters)
    return [
        device
        for address in watched
        if (device := _async_find(hass, address)[1]) is not None
    ]


@callback
def async_adapter_of(hass: HomeAssistant, device: DeviceEntry) -> str | None:
    """Return the address of the watched adapter that a device is, ours or Home Assistant's own."""
    for address in async_get_supervisor(hass).adapters:
        if (CONNECTION_BLUETOOTH, address) in device.connections:
            return address
    return None


@callback
def async_is_gone_adapter(hass: HomeAssistant, device: DeviceEntry) -> bool:
    """Return whether a device is an adapter that is no longer watched."""
    watched = map(adapter_identifier, async_get_supervisor(hass).adapters)
    identifiers = {name for domain, name in device.identifiers if domain == DOMAIN}
    return identifiers.isdisjoint(watched) and any(
        name.startswith(_PREFIX) for name in identifiers
    )


@callback
def async_add_adapter_entities(
    hass: HomeAssistant,
    entry: ConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    create: Callable[[Supervisor, str], Iterable[Entity]],
) -> None:
    """Add the entities of every adapter that this bank shows, now and later.

    An adapter belongs to no bank, but its device has to belong to one: the first bank that is
    loaded shows the adapter. When that bank is gone, another bank takes over.
    """
    supervisor = async_get_supervisor(hass)
    added: set[str] = set()
    told: dict[str, _Description] = {}

    @callback
    def add_missing() -> None:
        if entry.state not in _LOADED:
            return
        # When the user removes a device, its entities go with the device.
        for address in added - supervisor.adapters.keys():
            if _async_find(hass, address) == (None, None):
                added.discard(address)
        for address in sorted(supervisor.adapters.keys() - added):
            if _async_claim(hass, entry, address):
                added.add(address)
                async_add_entities(create(supervisor, address))
        for address in added & supervisor.adapters.keys():
            status = supervisor.adapters[address]
            description = _describe(hass, status)
            # An adapter that is gone keeps the number that it had.
            if status.name is not None and description != told.get(address):
                told[address] = description
                _async_register(hass, entry, address, description)

    @callback
    def bank_changed(_: ConfigEntryChange, changed: ConfigEntry) -> None:
        if changed.domain == DOMAIN and changed is not entry:
            add_missing()

    add_missing()
    entry.async_on_unload(supervisor.async_add_listener(add_missing))
    entry.async_on_unload(
        async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, bank_changed)
    )


@dataclass(frozen=True, slots=True)
class _Description:
    """What a device tells of an adapter."""

    name: str
    manufacturer: str | None
    model: str | None


@callback
def _describe(hass: HomeAssistant, status: AdapterStatus) -> _Description:
    """Return the number of an adapter and, as Home Assistant knows them, its maker and model."""
    registry = dr.async_get(hass)
    connection = (CONNECTION_BLUETOOTH, status.address)
    for entry in hass.config_entries.async_entries(BLUETOOTH_DOMAIN):
        device = registry.async_get_device_by_connection(connection, entry.entry_id)
        if device is not None:
            maker, model = (
                None if each == _NOT_TOLD else each
                for each in (device.manufacturer, device.model)
            )
            break
    else:
        maker = model = None
    name = f"{status.name} ({status.address})" if status.name else status.address
    return _Description(name, maker, model)


@callback
def _async_register(
    hass: HomeAssistant, entry: ConfigEntry, address: str, description: _Description
) -> None:
    """Register the device of an adapter, beside the one that Home Assistant has of it."""
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, adapter_identifier(address))},
        connections={(CONNECTION_BLUETOOTH, address)},
        # Version 0.1.0 took an adapter for a service.
        entry_type=None,
        manufacturer=description.manufacturer,
        model=description.model,
        model_id=_MODEL_ID,
        translation_key="adapter",
        translation_placeholders={"adapter": description.name},
    )


@callback
def _async_claim(hass: HomeAssistant, entry: ConfigEntry, address: str) -> bool:
    """Return whether this bank shows the adapter; take the adapter over if no bank does."""
    registry = dr.async_get(hass)
    owner, device = _async_find(hass, address)
    if owner is None or device is None:
        status = async_get_supervisor(hass).adapters[address]
        _async_register(hass, entry, address, _describe(hass, status))
        return True
    if owner is entry:
        return True
    if owner.state in _IN_USE:
        return False
    registry.async_update_device(device.id, new_config_entry_id=entry.entry_id)
    return True


@callback
def _async_find(
    hass: HomeAssistant, address: str
) -> tuple[ConfigEntry, DeviceEntry] | tuple[None, None]:
    registry = dr.async_get(hass)
    for bank in async_banks(hass):
        device = registry.async_get_device_by_identifier(
            (DOMAIN, adapter_identifier(address)), bank.entry_id
        )
        if device is not None:
            return bank, device
    return None, None
