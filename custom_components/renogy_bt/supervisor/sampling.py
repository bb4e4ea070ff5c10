# SPDX-License-Identifier: Apache-2.0
"""Reads what Home Assistant knows of its local Bluetooth adapters; changes nothing."""

from collections.abc import Collection

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BaseHaRemoteScanner, BaseHaScanner
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import CoreState, HomeAssistant, callback

from ..adapter_health.samples import EntrySample, EntryState, HostState
from ..bluez.adapter_objects import NO_ADDRESS
from .neighbours import is_connectable, is_direct, silence_of, slots_of

BLUETOOTH = "bluetooth"
CONF_SOURCE = "source"
HEARD_WITHIN = 60.0

_ENTRY_STATES = {
    ConfigEntryState.LOADED: EntryState.LOADED,
    # As good as not loaded: Home Assistant does not try again, and a reload does.
    ConfigEntryState.SETUP_ERROR: EntryState.NOT_LOADED,
    ConfigEntryState.MIGRATION_ERROR: EntryState.FAILED,
    ConfigEntryState.SETUP_RETRY: EntryState.RETRYING,
    ConfigEntryState.NOT_LOADED: EntryState.NOT_LOADED,
    ConfigEntryState.FAILED_UNLOAD: EntryState.FAILED,
    ConfigEntryState.SETUP_IN_PROGRESS: EntryState.IN_PROGRESS,
    ConfigEntryState.UNLOAD_IN_PROGRESS: EntryState.IN_PROGRESS,
}


@callback
def async_adapter_entries(hass: HomeAssistant) -> dict[str, ConfigEntry]:
    """Return the config entries of the local adapters by address, without proxies."""
    return {
        entry.unique_id: entry
        for entry in hass.config_entries.async_entries(BLUETOOTH, include_ignore=False)
        if entry.unique_id not in (None, NO_ADDRESS) and CONF_SOURCE not in entry.data
    }


@callback
def async_entry_of(hass: HomeAssistant, address: str) -> ConfigEntry | None:
    """Return the config entry of a local adapter, if there is one."""
    return async_adapter_entries(hass).get(address)


def entry_sample(entry: ConfigEntry | None) -> EntrySample:
    """Return the state of an adapter's config entry."""
    if entry is None:
        return EntrySample(state=EntryState.ABSENT)
    if entry.disabled_by is not None:
        return EntrySample(state=EntryState.DISABLED)
    return EntrySample(state=_ENTRY_STATES[entry.state], reason=entry.reason)


@callback
def async_host_state(hass: HomeAssistant) -> HostState:
    """Return where Home Assistant is in its life."""
    match hass.state:
        case CoreState.running:
            return HostState.RUNNING
        case CoreState.not_running | CoreState.starting:
            return HostState.STARTING
        case _:
            return HostState.STOPPING


@callback
def async_has_other_scanners(hass: HomeAssistant, address: str) -> bool:
    """Return whether there is an enabled adapter or a proxy besides this adapter."""
    others = (
        other != address and entry.disabled_by is None
        for other, entry in async_adapter_entries(hass).items()
    )
    proxies = (
        isinstance(scanner, BaseHaRemoteScanner)
        for scanner in bluetooth.async_current_scanners(hass)
    )
    return any(others) or any(proxies)


@callback
def async_sources_that_connect(hass: HomeAssistant) -> frozenset[str]:
    """Return the adapters and proxies that are there and can make connections."""
    return frozenset(
        scanner.source
        for scanner in bluetooth.async_current_scanners(hass)
        if is_connectable(scanner)
    )


@callback
def async_may_connect_through(hass: HomeAssistant, adapter: str, link: str) -> bool:
    """Return whether a connection to a link may go through a local adapter.

    Home Assistant does not say which path it takes: it may be any that hears the link. If none
    hears the link now, this adapter may have heard it before.
    """
    paths = bluetooth.async_scanner_devices_by_address(hass, link, connectable=True)
    return not paths or adapter in {path.scanner.source for path in paths}


@callback
def async_lacks_slot(hass: HomeAssistant, link: str) -> bool:
    """Return whether others hold every connection slot on every path to a link."""
    paths = bluetooth.async_scanner_devices_by_address(hass, link, connectable=True)
    slots = [slots_of(path.scanner) for path in paths]
    return bool(slots) and all(
        each is not None and each.free <= 0 and not each.holds(link.upper())
        for each in slots
    )


@callback
def async_direct_source(hass: HomeAssistant, link: str) -> str | None:
    """Return the adapter that a link is connected through without bluetoothd, if there is one.

    Home Assistant tells by itself of all other connections.
    """
    return next(
        (
            scanner.source
            for scanner in bluetooth.async_current_scanners(hass)
            if async_local_scanner(hass, scanner.source) is not None
            and is_direct(scanner)
            and (slots := slots_of(scanner)) is not None
            and slots.holds(link)
        ),
        None,
    )


@callback
def async_is_heard_seldom(hass: HomeAssistant, link: str) -> bool:
    """Return whether what hears a link listens now and then only.

    Without bluetoothd Home Assistant listens for ten seconds of every two minutes.
    """
    paths = bluetooth.async_scanner_devices_by_address(hass, link, connectable=True)
    return bool(paths) and all(
        not isinstance(path.scanner, BaseHaRemoteScanner) and is_direct(path.scanner)
        for path in paths
    )


@callback
def async_local_scanner(hass: HomeAssistant, address: str) -> BaseHaScanner | None:
    """Return the scanner of a local adapter; it must not be kept."""
    scanner = bluetooth.async_scanner_by_source(hass, address)
    return None if isinstance(scanner, BaseHaRemoteScanner) else scanner


@callback
def async_silences(hass: HomeAssistant, sources: Collection[str]) -> dict[str, float]:
    """Return for how long the local adapters among some sources have heard nothing, s.

    Proxies are left out: Home Assistant does nothing about the silence of a proxy.
    """
    silences = {
        source: silence_of(scanner)
        for source in sources
        if (scanner := async_local_scanner(hass, source)) is not None
    }
    return {source: each for source, each in silences.items() if each is not None}


@callback
def async_devices_heard(hass: HomeAssistant, address: str, now: float) -> int:
    """Count the devices whose last advertisement came through an adapter, and lately."""
    return sum(
        info.source == address and now - info.time <= HEARD_WITHIN
        for info in bluetooth.async_discovered_service_info(hass, connectable=False)
    )
