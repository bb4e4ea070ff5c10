# SPDX-License-Identifier: Apache-2.0
"""The local Bluetooth adapters as devices, and which bank shows them."""

from collections.abc import Callable, Iterable
from typing import Final

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import (
    DeviceEntry,
    DeviceEntryType,
    format_mac,
)
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from ..const import DOMAIN
from ..links.settings import async_banks
from ..supervisor.supervisor import Supervisor, async_get_supervisor

_PREFIX: Final = "adapter_"

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

    @callback
    def bank_changed(_: ConfigEntryChange, changed: ConfigEntry) -> None:
        if changed.domain == DOMAIN and changed is not entry:
            add_missing()

    add_missing()
    entry.async_on_unload(supervisor.async_add_listener(add_missing))
    entry.async_on_unload(
        async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, bank_changed)
    )


@callback
def _async_claim(hass: HomeAssistant, entry: ConfigEntry, address: str) -> bool:
    """Return whether this bank shows the adapter; take the adapter over if no bank does."""
    registry = dr.async_get(hass)
    owner, device = _async_find(hass, address)
    if owner is None or device is None:
        registry.async_get_or_create(
            config_entry_id=entry.entry_id,
            identifiers={(DOMAIN, adapter_identifier(address))},
            entry_type=DeviceEntryType.SERVICE,
            translation_key="adapter",
            translation_placeholders={"address": address},
        )
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
