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
from .coordinator import BankCoordinator, RenogyConfigEntry
from .links.polled_link import PolledLink
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
    coordinator = entry.runtime_data
    error = coordinator.last_exception
    return {
        **diagnostics,
        "last_update_success": coordinator.last_update_success,
        "last_exception": _scrubbed(str(error) if error else None, entry),
        "polled_at": coordinator.data.polled_at,
        "links": [
            _link(coordinator, link, entry, link.settings.units)
            for link in coordinator.links.values()
        ],
    }


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: RenogyConfigEntry, device: DeviceEntry
) -> dict[str, Any]:
    """Return what is known of a battery or a dongle; of anything else, the bank's."""
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
    coordinator = entry.runtime_data
    units = _units_of(device, link)
    return diagnostics | {
        "link": _link(coordinator, coordinator.links[link.address], entry, units)
    }


def _units_of(device: DeviceEntry, link: LinkSettings) -> Collection[int]:
    """Return the unit id of a battery, for a dongle those of all batteries behind it."""
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
    coordinator: BankCoordinator,
    link: PolledLink,
    entry: RenogyConfigEntry,
    units: Collection[int],
) -> dict[str, Any]:
    address = link.settings.address
    statistics = coordinator.data.links.get(address)
    client = link.client.diagnostics()
    return {
        "paused": link.paused,
        "succeeded_at": link.succeeded_at,
        "last_error": _scrubbed(coordinator.last_errors.get(address), entry),
        "last_poll": asdict(statistics) if statistics else None,
        "batteries": [_battery(coordinator, link, unit) for unit in units],
        "client": client
        | {"units": {str(unit): client["units"][str(unit)] for unit in units}},
    }


def _battery(
    coordinator: BankCoordinator, link: PolledLink, unit: int
) -> dict[str, Any]:
    battery = (link.settings.address, unit)
    report = coordinator.data
    reading = report.readings.get(battery)
    identity = report.identities.get(battery)
    configuration = report.configurations.get(battery)
    redacted: dict[str, Any] = async_redact_data(
        {
            "unit": unit,
            "position": position(unit, link.settings.units),
            "failure": report.failed.get(battery),
            "link_quality": coordinator.link_quality(battery),
            "reading": asdict(reading) if reading else None,
            "identity": asdict(identity) if identity else None,
            "configuration": asdict(configuration) if configuration else None,
        },
        TO_REDACT,
    )
    return redacted


def _scrubbed_addresses(data: Any) -> Any:
    """Return plain data without any Bluetooth address, in keys and values."""
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
    """Return a message without addresses and the names of links, which hold a part of them."""
    if text is None:
        return None
    for link in links_of(entry).values():
        text = text.replace(link.name, REDACTED)
    return _ADDRESS.sub(REDACTED, text)
