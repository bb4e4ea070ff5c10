# SPDX-License-Identifier: Apache-2.0
"""Watches what shows the health of the adapters, and samples it."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
import logging
from typing import Final

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BluetoothServiceInfoBleak
from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.util import dt as dt_util

from ..adapter_health.direct import is_worked_directly
from ..adapter_health.samples import AdapterSample, ListedAdapter, ScannerSample
from ..bluez.exceptions import BlueZError
from ..bluez.models import AdapterObject, BusSample
from ..bluez.watcher import BlueZWatcher
from .link_records import LinkRecords
from .neighbours import (
    async_check_manager,
    async_follow_allocations,
    async_follow_scanners,
    async_has_management_socket,
    async_listed_adapter,
    async_names_of,
    async_scanner_sample,
    slots_of,
)
from .poll_gate import PathChange, PathNews
from .sampling import (
    BLUETOOTH,
    async_adapter_entries,
    async_devices_heard,
    async_entry_of,
    async_has_other_scanners,
    async_host_state,
    async_local_scanner,
    async_sources_that_connect,
    entry_sample,
)

_LOGGER = logging.getLogger(__name__)

PING_PAUSE: Final = 25.0
"""Pause between pings of bluetoothd, s."""
ANXIOUS_PING_PAUSE: Final = 8.0
"""The same while bluetoothd does not answer, s."""
CLOCK_TOLERANCE: Final = 60.0
PATH_KNOWN_FOR: Final = 86_400.0
"""A scanner that has heard no link of ours for so long is no path to them, s."""
LISTEN_ON_BUS: Final = 10.0
LISTEN_ON_BUS_PAUSE: Final = 300.0
FEW_SIGNALS: Final = 2
LIST_PAUSE: Final = 20.0
"""Between two looks into the kernel's list of adapters, s."""


class StackWatch:
    """Follows Home Assistant's Bluetooth and bluetoothd for a set of links."""

    def __init__(
        self,
        hass: HomeAssistant,
        records: LinkRecords,
        *,
        wake: Callable[[], None],
        heard: Callable[[], None],
        path_changed: Callable[[PathNews], None],
    ) -> None:
        """Prepare to watch and to keep records of the links.

        `wake` is called when a sample is worth taking at once, `heard` when a link is heard,
        `path_changed` when links that failed may be read again.
        """
        self._hass = hass
        self._wake = wake
        self._clock = hass.loop.time
        self.bluez = BlueZWatcher(wake, clock=self._clock)
        self._records = records
        self._heard = heard
        self._path_changed = path_changed
        self._watching_bus = False
        self._pinged_at: float | None = None
        self._following: list[CALLBACK_TYPE] = []
        self._listeners: dict[str, CALLBACK_TYPE] = {}
        self._running_since = 0.0
        self._clocks: tuple[float, float] | None = None
        self._clock_jumped = False
        self._heard_on_bus: dict[str, float] = {}
        self._listened_at: dict[str, float] = {}
        self._listed: dict[str, tuple[float, ListedAdapter | None]] = {}
        """When the kernel's list was last asked for, and what it told of each adapter."""

    @callback
    def async_start(self) -> None:
        """Follow what Home Assistant reports by itself."""
        async_check_manager()
        self._following = [
            async_follow_allocations(self._records.allocated),
            async_follow_scanners(self._async_scanners_changed),
            async_dispatcher_connect(
                self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._async_entry_changed
            ),
        ]
        self.async_host_is_running()

    @callback
    def async_host_is_running(self) -> None:
        """Take note of when Home Assistant began to run."""
        self._running_since = self._clock()
        self._wake()

    async def async_stop(self) -> None:
        """Stop following and watching."""
        for stop in (*self._following, *self._listeners.values()):
            stop()
        self._following.clear()
        self._listeners.clear()
        await self._async_leave_bus()

    @callback
    def async_follow_links(self, links: Collection[str]) -> None:
        """Follow exactly these links."""
        for address in self._listeners.keys() - set(links):
            self._listeners.pop(address)()
        for address in set(links) - self._listeners.keys():
            self._listeners[address] = bluetooth.async_register_advertisement_callback(
                self._hass, partial(self._async_heard, address), address
            )
        self._records.keep(links)

    @callback
    def _async_heard(self, link: str, info: BluetoothServiceInfoBleak) -> None:
        self._records.advertisement(link, info.source, info.time, info.rssi)
        self._heard()

    @callback
    def _async_scanners_changed(self) -> None:
        self._path_changed(PathNews(PathChange.SCANNERS_CHANGED))

    @callback
    def _async_entry_changed(
        self, change: ConfigEntryChange, entry: ConfigEntry
    ) -> None:
        if entry.domain == BLUETOOTH:
            self._wake()

    @property
    def bus_reachable(self) -> bool | None:
        """Whether bluetoothd can be asked; None if it is not watched."""
        return self.bluez.sample().connected if self._watching_bus else None

    async def async_begin_look(self, *, stay: bool) -> set[str]:
        """Ping bluetoothd and return the addresses of the local adapters.

        Without an adapter in use the watch leaves the bus, unless it has to `stay`.
        """
        entries = async_adapter_entries(self._hass)
        if stay or any(entry.disabled_by is None for entry in entries.values()):
            if not self._watching_bus:
                self._watching_bus = True
                self.bluez.start()
            await self._async_ping()
        else:
            await self._async_leave_bus()
        self._check_clocks()
        return set(entries)

    async def _async_leave_bus(self) -> None:
        if self._watching_bus:
            self._watching_bus = False
            await self.bluez.stop()

    async def _async_ping(self) -> None:
        pause = ANXIOUS_PING_PAUSE if self.bluez.sample().unanswered else PING_PAUSE
        now = self._clock()
        if self._pinged_at is None or not 0 <= now - self._pinged_at < pause:
            await self.bluez.ping()
            self._pinged_at = self._clock()

    def _check_clocks(self) -> None:
        """Notice that the machine was suspended or its clock was set: the two clocks differ."""
        now, wall = self._clock(), dt_util.utcnow().timestamp()
        self._clock_jumped = False
        if self._clocks is not None:
            drift = (wall - self._clocks[1]) - (now - self._clocks[0])
            self._clock_jumped = abs(drift) > CLOCK_TOLERANCE
        self._clocks = (now, wall)

    async def async_sample(
        self, address: str, *, was_direct: bool = False
    ) -> AdapterSample:
        """Take a sample of one adapter.

        `was_direct`: it was worked without bluetoothd when a scanner last told.
        """
        hass, records = self._hass, self._records
        scanner = async_local_scanner(hass, address)
        told = None if scanner is None else await async_scanner_sample(scanner)
        slots = None if scanner is None else slots_of(scanner)
        listed: ListedAdapter | None = None
        if is_worked_directly(told, was_direct=was_direct):
            if slots is not None:
                # Nobody tells of these by itself.
                records.allocated(address, slots.allocated)
            listed = await self._async_listed(address, told)
        entry = entry_sample(async_entry_of(hass, address))
        is_asked = slots is None and not entry.state.is_out_of_use
        others = await self._async_others(address) if is_asked else 0
        now = self._clock()
        bus = self.bluez.sample() if self._watching_bus else BusSample(connected=False)
        objects = self.bluez.adapters_at(address)
        return AdapterSample(
            at=now,
            address=address,
            host=async_host_state(hass),
            running_since=self._running_since,
            bus=bus,
            adapter=_scanned_on(objects, told),
            zeroed_adapter=self.bluez.has_zeroed_adapter,
            other_adapters=frozenset(self.bluez.adapters()) - {address},
            host_names=async_names_of(address),
            entry=entry,
            scanner=told,
            links=records.samples(address, now, slots.allocated if slots else ()),
            slots=slots.sample(set(records.addresses)) if slots else None,
            others_connected=others,
            devices_heard=async_devices_heard(hass, address, now),
            management_socket=async_has_management_socket(),
            only_adapter=not async_has_other_scanners(hass, address),
            other_path=records.heard_by(
                async_sources_that_connect(hass) - {address}, now, PATH_KNOWN_FOR
            ),
            has_twin=len(objects) > 1,
            heard_on_bus_at=self._heard_on_bus.get(address),
            clock_jumped=self._clock_jumped,
            listed=listed,
        )

    async def _async_listed(
        self, address: str, scanner: ScannerSample | None
    ) -> ListedAdapter | None:
        """Ask for the kernel's list if a scan or a poll fails, for want of the adapter perhaps."""
        if (
            scanner is not None
            and not scanner.has_stopped
            and not self._records.has_failures
        ):
            self._listed.pop(address, None)
            return None
        now = self._clock()
        asked_at, listed = self._listed.get(address, (None, None))
        if asked_at is None or now - asked_at >= LIST_PAUSE:
            listed = await async_listed_adapter(address)
            self._listed[address] = (now, listed)
        return listed

    async def _async_others(self, address: str) -> int:
        """Count the connections that are not ours, by what bluetoothd tells."""
        adapter = self.bluez.adapters().get(address)
        if adapter is None or not adapter.powered or self.bluez.sample().unanswered:
            return 0
        try:
            connected = await self.bluez.connected_devices(adapter.path)
        except BlueZError as error:
            _LOGGER.debug("%s: Connections not known: %s", address, error)
            return 0
        return len(connected - set(self._records.addresses))

    async def async_listen_on_bus(self, sample: AdapterSample) -> None:
        """See whether bluetoothd reports devices while Home Assistant hears none.

        With a management socket, Home Assistant gets advertisements without bluetoothd: the
        fault may be that socket's.
        """
        last = self._listened_at.get(sample.address)
        if (
            sample.adapter is None
            or not sample.management_socket
            or (last is not None and sample.at - last < LISTEN_ON_BUS_PAUSE)
        ):
            return
        self._listened_at[sample.address] = sample.at
        try:
            signals = await self.bluez.count_device_signals(
                sample.adapter.path, LISTEN_ON_BUS
            )
        except BlueZError as error:
            _LOGGER.debug("%s: Not listened to on the bus: %s", sample.address, error)
            return
        if signals >= FEW_SIGNALS:
            self._heard_on_bus[sample.address] = self._clock()
            self._wake()


def _scanned_on(
    objects: Sequence[AdapterObject], scanner: ScannerSample | None
) -> AdapterObject | None:
    """Return the adapter at an address, among twins the one that is scanned on."""
    scanned_on = (
        adapter
        for adapter in objects
        if scanner is not None and adapter.name == scanner.name
    )
    return next(scanned_on, objects[0] if objects else None)
