# SPDX-License-Identifier: Apache-2.0
"""Diagnostics of a bank and of its devices."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
import re
from typing import Any, Final

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import (
    CONF_ADDRESS,
    CONF_NAME,
    __version__ as home_assistant_version,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.loader import async_get_integration

from .const import DOMAIN
from .coordinator import RenogyConfigEntry
from .links.coordinator import LinkCoordinator
from .links.published import Published, async_published
from .links.settings import LinkSettings, battery_identifier, links_of, position
from .supervisor.supervisor import async_get_supervisor

TO_REDACT: Final = frozenset({CONF_ADDRESS, CONF_NAME, "serial_number", "source"})

KIND: Final = "diagnostics"
VERSION: Final = 1

_ADDRESS: Final = re.compile(r"(?:[0-9A-Fa-f]{2}[:_-]){5}[0-9A-Fa-f]{2}")


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: RenogyConfigEntry
) -> dict[str, Any]:
    """Return what is known of a bank, without addresses, names and serial numbers.

    `docs/field-reports.md` has its fields.
    """
    supervisor = async_get_supervisor(hass)
    diagnostics: dict[str, Any] = {
        **await _async_head(hass),
        "state": entry.state.value,
        "reason": _scrubbed(entry.reason, entry),
        "options": dict(entry.options),
        "stored_links": [_stored(link) for link in links_of(entry).values()],
        "bluetooth_health": supervisor.made_up.in_data(supervisor.diagnostics()),
    }
    if entry.state is not ConfigEntryState.LOADED:
        return diagnostics
    published = async_published(hass, entry)
    return diagnostics | {
        "published": published.get(entry.entry_id, {}),
        "links": [
            _link(link, entry, link.settings.units, published)
            for link in entry.runtime_data.links.values()
        ],
    }


async def _async_head(hass: HomeAssistant) -> dict[str, Any]:
    """Return what tells what the rest is, and which versions wrote it."""
    integration = await async_get_integration(hass, DOMAIN)
    return {
        "kind": KIND,
        "version": VERSION,
        "integration": str(integration.version),
        "home_assistant": home_assistant_version,
    }


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: RenogyConfigEntry, device: DeviceEntry
) -> dict[str, Any]:
    """Return what is known of a battery or a dongle; for other devices, of the bank."""
    link = links_of(entry).get(device.config_subentry_id or "")
    if link is None:
        return await async_get_config_entry_diagnostics(hass, entry)
    diagnostics: dict[str, Any] = {
        **await _async_head(hass),
        "state": entry.state.value,
        "reason": _scrubbed(entry.reason, entry),
        "stored_link": _stored(link),
    }
    if entry.state is not ConfigEntryState.LOADED:
        return diagnostics
    coordinator = entry.runtime_data.links[link.address]
    units = _units_of(device, link)
    published = async_published(hass, entry)
    return diagnostics | {"link": _link(coordinator, entry, units, published)}


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
    link: LinkCoordinator,
    entry: RenogyConfigEntry,
    units: Collection[int],
    published: Mapping[str, Published],
) -> dict[str, Any]:
    client = link.client.diagnostics()
    return {
        "paused": link.paused,
        "connection": None if link.kept is None else link.kept.diagnostics(),
        "last_update_success": link.last_update_success,
        "polled_at": link.polled_at,
        "succeeded_at": link.succeeded_at,
        "last_error": _scrubbed(str(link.error) if link.error else None, entry),
        "last_poll": asdict(link.data.statistics) if link.data.polled else None,
        "batteries": [
            _battery(link, entry, unit)
            | {"published": published.get(battery_identifier((link.address, unit)), {})}
            for unit in units
        ],
        "client": client
        | {"units": {str(unit): client["units"][str(unit)] for unit in units}},
        "recording": link.recorder.as_data(units, link.client.characteristics),
        "recording_before_start": entry.runtime_data.flight_records.before.get(
            link.address
        ),
    }


def _battery(
    link: LinkCoordinator, entry: RenogyConfigEntry, unit: int
) -> dict[str, Any]:
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
            "energy": entry.runtime_data.energy_diagnostics((link.address, unit)),
            "reading": asdict(reading) if reading else None,
            "identity": asdict(identity) if identity else None,
            "configuration": asdict(configuration) if configuration else None,
        },
        TO_REDACT,
    )
    return redacted


def _scrubbed(text: str | None, entry: RenogyConfigEntry) -> str | None:
    """Return a message without addresses and names of links: a name holds part of an address."""
    if text is None:
        return None
    for link in links_of(entry).values():
        text = text.replace(link.name, REDACTED)
    return _ADDRESS.sub(REDACTED, text)
