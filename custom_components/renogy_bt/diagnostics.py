"""Diagnostics of a bank and of its devices."""

from collections.abc import Collection
from dataclasses import asdict
import re
from typing import Any, Final

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_ADDRESS, CONF_NAME
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import DeviceEntry

from .const import DOMAIN
from .coordinator import RenogyConfigEntry
from .links.coordinator import LinkCoordinator
from .links.settings import LinkSettings, battery_identifier, links_of, position
from .supervisor.supervisor import async_get_supervisor

TO_REDACT: Final = frozenset({CONF_ADDRESS, CONF_NAME, "serial_number", "source"})

_ADDRESS: Final = re.compile(r"(?:[0-9A-Fa-f]{2}[:_-]){5}[0-9A-Fa-f]{2}")


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: RenogyConfigEntry
) -> dict[str, Any]:
    """Return what is known of a bank, without addresses, names and serial numbers."""
    diagnostics: dict[str, Any] = {
        "state": entry.state.value,
        "reason": _scrubbed(entry.reason, entry),
        "options": dict(entry.options),
        "stored_links": [_stored(link) for link in links_of(entry).values()],
        "bluetooth_health": _scrubbed_addresses(
            async_get_supervisor(hass).diagnostics()
        ),
    }
    if entry.state is not ConfigEntryState.LOADED:
        return diagnostics
    return diagnostics | {
        "links": [
            _link(link, entry, link.settings.units)
            for link in entry.runtime_data.links.values()
        ],
    }


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: RenogyConfigEntry, device: DeviceEntry
) -> dict[str, Any]:
    """Return what is known of a battery or a dongle; for other devices, of the bank."""
    link = links_of(entry).get(device.config_subentry_id or "")
    if link is None:
        return await async_get_config_entry_diagnostics(hass, entry)
    diagnostics: dict[str, Any] = {
        "state": entry.state.value,
        "reason": _scrubbed(entry.reason, entry),
        "stored_link": _stored(link),
    }
    if entry.state is not ConfigEntryState.LOADED:
        return diagnostics
    coordinator = entry.runtime_data.links[link.address]
    return diagnostics | {"link": _link(coordinator, entry, _units_of(device, link))}


def _units_of(device: DeviceEntry, link: LinkSettings) -> Collection[int]:
    """Return the unit id of a battery, or the unit ids of all batteries behind a dongle."""
    of_battery = [
        unit
        for address, unit in link.battery_ids
        if (DOMAIN, battery_identifier((address, unit))) in device.identifiers
    ]
    return of_battery or link.units


def _stored(link: LinkSettings) -> dict[str, Any]:
    redacted: dict[str, Any] = async_redact_data(dict(link.as_data()), TO_REDACT)
    return redacted


def _link(
    link: LinkCoordinator, entry: RenogyConfigEntry, units: Collection[int]
) -> dict[str, Any]:
    client = link.client.diagnostics()
    return {
        "paused": link.paused,
        "last_update_success": link.last_update_success,
        "polled_at": link.polled_at,
        "succeeded_at": link.succeeded_at,
        "last_error": _scrubbed(str(link.error) if link.error else None, entry),
        "last_poll": asdict(link.data.statistics) if link.data.polled else None,
        "batteries": [_battery(link, unit) for unit in units],
        "client": client
        | {"units": {str(unit): client["units"][str(unit)] for unit in units}},
    }


def _battery(link: LinkCoordinator, unit: int) -> dict[str, Any]:
    reading = link.readings.get(unit)
    identity = link.data.identities.get(unit)
    configuration = link.data.configurations.get(unit)
    redacted: dict[str, Any] = async_redact_data(
        {
            "unit": unit,
            "position": position(unit, link.settings.units),
            "failure": link.failed.get(unit),
            "link_quality": link.link_quality(unit),
            "current_scale": link.scales.diagnostics(unit),
            "reading": asdict(reading) if reading else None,
            "identity": asdict(identity) if identity else None,
            "configuration": asdict(configuration) if configuration else None,
        },
        TO_REDACT,
    )
    return redacted


def _scrubbed_addresses(data: Any) -> Any:
    """Return plain data without Bluetooth addresses, in keys and values."""
    if isinstance(data, str):
        return _ADDRESS.sub(REDACTED, data)
    if isinstance(data, list | tuple | set | frozenset):
        return [_scrubbed_addresses(each) for each in data]
    if isinstance(data, dict):
        # Adapters stay distinct although their addresses are gone.
        names = {key: f"{REDACTED} {n}" for n, key in enumerate(data, 1)}
        return {
            names[key] if _ADDRESS.search(str(key)) else key: _scrubbed_addresses(value)
            for key, value in data.items()
        }
    return data


def _scrubbed(text: str | None, entry: RenogyConfigEntry) -> str | None:
    """Return a message without addresses and names of links: a name holds part of an address."""
    if text is None:
        return None
    for link in links_of(entry).values():
        text = text.replace(link.name, REDACTED)
    return _ADDRESS.sub(REDACTED, text)
