"""Reads what Home Assistant knows of its local Bluetooth adapters; changes nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
import logging
from typing import Any

from habluetooth import BluetoothManager, HaBluetoothSlotAllocations, get_manager

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import (
    BaseHaRemoteScanner,
    BaseHaScanner,
    BluetoothScanningMode,
)
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, CoreState, HomeAssistant, callback

from ..adapter_health.samples import (
    EntrySample,
    EntryState,
    HostState,
    ScanMode,
    ScannerSample,
    SlotSample,
)
from ..bluez.adapter_objects import NO_ADDRESS

_LOGGER = logging.getLogger(__name__)

BLUETOOTH = "bluetooth"
CONF_SOURCE = "source"
DIAGNOSTICS_LIMIT = 5.0
HEARD_WITHIN = 60.0

_ENTRY_STATES = {
    ConfigEntryState.LOADED: EntryState.LOADED,
    ConfigEntryState.SETUP_ERROR: EntryState.FAILED,
    ConfigEntryState.MIGRATION_ERROR: EntryState.FAILED,
    ConfigEntryState.SETUP_RETRY: EntryState.RETRYING,
    ConfigEntryState.NOT_LOADED: EntryState.NOT_LOADED,
    ConfigEntryState.FAILED_UNLOAD: EntryState.FAILED,
    ConfigEntryState.SETUP_IN_PROGRESS: EntryState.IN_PROGRESS,
    ConfigEntryState.UNLOAD_IN_PROGRESS: EntryState.IN_PROGRESS,
}


@callback
def async_adapter_entries(hass: HomeAssistant) -> dict[str, ConfigEntry]:
    """Return the config entries of the local adapters by address; proxies have others."""
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
    """What is to be known of an adapter's config entry."""
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
    """Return whether there is another adapter or a proxy besides this adapter."""
    others = async_adapter_entries(hass).keys() - {address}
    proxies = (
        isinstance(scanner, BaseHaRemoteScanner)
        for scanner in bluetooth.async_current_scanners(hass)
    )
    return bool(others) or any(proxies)


@callback
def async_may_connect_through(hass: HomeAssistant, adapter: str, link: str) -> bool:
    """Return whether a connection to a link may go through a local adapter.

    Home Assistant does not say which path it takes: it may be any that hears the link. Who is
    heard by nobody just now may have been heard through this one.
    """
    paths = bluetooth.async_scanner_devices_by_address(hass, link, connectable=True)
    return not paths or adapter in {path.scanner.source for path in paths}


@callback
def async_local_scanner(hass: HomeAssistant, address: str) -> BaseHaScanner | None:
    """Return the scanner of a local adapter; it must not be kept."""
    scanner = bluetooth.async_scanner_by_source(hass, address)
    return None if isinstance(scanner, BaseHaRemoteScanner) else scanner


async def async_scanner_sample(
    hass: HomeAssistant, address: str
) -> ScannerSample | None:
    """Sample the scanner of a local adapter."""
    scanner = async_local_scanner(hass, address)
    if scanner is None:
        return None
    facts: dict[str, Any] = {}
    try:
        async with asyncio.timeout(DIAGNOSTICS_LIMIT):
            facts = await scanner.async_diagnostics()
    except TimeoutError:
        _LOGGER.debug("%s: The scanner does not tell its state", address)
    return ScannerSample(
        name=scanner.adapter,
        requested_mode=_mode(scanner.requested_mode),
        current_mode=_mode(scanner.current_mode),
        scanning=scanner.scanning,
        start_time=_seconds(facts.get("start_time")),
        last_detection=_seconds(facts.get("last_detection")),
        connecting=scanner.connecting_count,
        last_connected_at=_seconds(facts.get("last_connect_completed_time")) or None,
    )


def _mode(mode: BluetoothScanningMode | None) -> ScanMode | None:
    return None if mode is None else ScanMode(mode.value)


def _seconds(value: object) -> float | None:
    """A time of the scanner's, 0 for one that never was, None if it is not told."""
    return float(value) if isinstance(value, int | float) else None


@dataclass(frozen=True, slots=True)
class Slots:
    """Connection slots of an adapter with the addresses that hold them."""

    slots: int
    free: int
    allocated: frozenset[str]

    def sample(self, own: set[str]) -> SlotSample:
        """The slots, told apart by whose connections hold them."""
        return SlotSample(
            slots=self.slots,
            free=self.free,
            foreign=tuple(sorted(self.allocated - own)),
        )


@callback
def async_slots(hass: HomeAssistant, address: str) -> Slots | None:
    """Return the connection slots of a local adapter, if they are known."""
    scanner = async_local_scanner(hass, address)
    allocations = scanner.get_allocations() if scanner is not None else None
    if allocations is None:
        return None
    return Slots(
        allocations.slots,
        allocations.free,
        frozenset(held.upper() for held in allocations.allocated),
    )


@callback
def async_devices_heard(hass: HomeAssistant, address: str, now: float) -> int:
    """Count the devices that were heard last, and lately, through an adapter."""
    return sum(
        info.source == address and now - info.time <= HEARD_WITHIN
        for info in bluetooth.async_discovered_service_info(hass, connectable=False)
    )


@callback
def async_has_management_socket() -> bool:
    """Return whether Home Assistant can reset adapters by itself."""
    return _asked_of_manager(lambda it: it.is_operating_degraded()) is False


@callback
def async_follow_allocations(
    changed: Callable[[str, frozenset[str]], None],
) -> CALLBACK_TYPE:
    """Have a function called with each source and the addresses it is connected to."""

    @callback
    def allocations_changed(allocations: HaBluetoothSlotAllocations) -> None:
        held = frozenset(address.upper() for address in allocations.allocated)
        changed(allocations.source, held)

    cancel = _asked_of_manager(
        lambda it: it.async_register_allocation_callback(allocations_changed)
    )
    return cancel or (lambda: None)


async def async_refresh_adapters() -> None:
    """Have Home Assistant look anew which hciN each adapter is: it never does by itself."""
    refresh = _asked_of_manager(
        lambda it: it.async_get_bluetooth_adapters(cached=False)
    )
    if refresh is not None:
        await refresh


def _asked_of_manager[T](ask: Callable[[BluetoothManager], T]) -> T | None:
    """Return what the manager behind Home Assistant's API says, None if it cannot be asked.

    That API promises neither that there is one nor what its methods are called.
    """
    try:
        return ask(get_manager())
    except AttributeError, RuntimeError:
        return None
