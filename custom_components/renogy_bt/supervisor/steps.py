# SPDX-License-Identifier: Apache-2.0
"""Takes the steps of the recovery ladder through Home Assistant's own API.

Home Assistant's watchdog, active windows and set-up all wait for a private lock of the
scanner. To unload the adapter's entry keeps them off while the adapter is reset, and it is the
one valid way to stop discovery: bluetoothd keeps sessions by client.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
import logging
from typing import Any, Final

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
    OperationNotAllowed,
    UnknownEntry,
)
from homeassistant.core import CoreState, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from ..adapter_health.ladder import RecoveryStep
from ..bluez.exceptions import BlueZError
from ..bluez.models import AdapterObject, PowerFault
from ..bluez.watcher import BlueZWatcher
from .neighbours import (
    async_close_stale_connections,
    async_connect_bleak,
    async_forget_services,
    async_names_of,
    async_reconnect_bleak,
    async_refresh_adapters,
    async_reset,
    can_reset_fully,
    connections_being_made,
)
from .sampling import async_adapter_entries, async_entry_of, async_local_scanner

_LOGGER = logging.getLogger(__name__)

CONNECTING_LIMIT: Final = 10.0
ENTRY_LIMIT: Final = 90.0
UNLOAD_LIMIT: Final = 20.0
SETTLE_LIMIT: Final = 45.0
"""Each retry of Home Assistant's own set-up takes 10 to 15 s."""
HOST_STOP_LIMIT: Final = 9.5
"""Home Assistant waits 10 s for a scanner to stop, then goes on without it."""
POWER_LIMIT: Final = 10.0
OFF_TIME: Final = 2.0
POWER_ATTEMPTS: Final = 6
POWER_PAUSE: Final = 3.0
ALREADY_EXISTS: Final = "org.bluez.Error.AlreadyExists"

_IN_PROGRESS: Final = (
    ConfigEntryState.SETUP_IN_PROGRESS,
    ConfigEntryState.UNLOAD_IN_PROGRESS,
)


class StepFailed(Exception):
    """A step could not be carried out; the message is a slug that says why."""


class StepRunner:
    """Takes steps, one at a time; each leaves the adapter on and its entry set up."""

    def __init__(
        self,
        hass: HomeAssistant,
        watcher: BlueZWatcher,
        note_power: Callable[[str, bool], Awaitable[None]],
        note_power_fault: Callable[[str, PowerFault | None], None],
        *,
        is_direct: Callable[[str], bool],
    ) -> None:
        """Work on adapters that a watcher sees.

        `note_power` is told before an adapter is switched off and after it is on again, so
        that this is remembered even if Home Assistant is killed in between. `is_direct` tells
        whether an adapter is worked without bluetoothd.
        """
        self._hass = hass
        self._watcher = watcher
        self._note_power = note_power
        self._note_power_fault = note_power_fault
        self._is_direct = is_direct

    async def run(
        self, step: RecoveryStep, address: str, links: Collection[str]
    ) -> None:
        """Take a step; raises StepFailed."""
        match step:
            case RecoveryStep.OWN_LINKS:
                await self._drop_own_links(links)
            case RecoveryStep.RESTART_SCANNING:
                await self._reload(address, links)
            case _ if self._is_direct(address):
                on_usb = step is RecoveryStep.FULL_RESET
                await self._reset_directly(address, links, on_usb=on_usb)
            case RecoveryStep.POWER_CYCLE:
                await self._power_cycle(address, links)
            case RecoveryStep.FULL_RESET:
                await self._full_reset(address, links)

    async def power_on(self, address: str, *, in_any_case: bool = False) -> None:
        """Switch an adapter on that is off, trying for a while; raises StepFailed.

        With `in_any_case` the adapter is switched on even if it seems to be on: a request to
        switch it off that was not answered may still take effect.
        """
        fault: PowerFault | None = None
        for attempt in range(POWER_ATTEMPTS):
            if attempt:
                await asyncio.sleep(POWER_PAUSE)
            adapter = self._adapter(address)
            if adapter is None:
                fault = PowerFault.ADAPTER_GONE
                continue
            if in_any_case or not adapter.powered:
                try:
                    await self._watcher.set_powered(adapter.path, powered=True)
                except BlueZError as error:
                    _LOGGER.debug("%s: Not switched on: %s", address, error)
                    fault = error.fault
                    if fault is PowerFault.BLOCKED:
                        break
                    continue
            if await self._until_powered(address, powered=True):
                self._note_power_fault(address, None)
                await self._note_power(address, True)
                return
            fault = PowerFault.TIMED_OUT
        self._note_power_fault(address, fault)
        raise StepFailed(f"power_on_{fault}")

    @staticmethod
    async def _drop_own_links(links: Collection[str]) -> None:
        """Close connections that were left behind, and forget what services links had."""
        for link in links:
            await async_close_stale_connections(link)
            await async_forget_services(link)

    async def _reload(self, address: str, links: Collection[str]) -> None:
        entry = self._entry(address)
        await self._prepare(address, links)
        await _bounded(
            self._hass.config_entries.async_reload(entry.entry_id),
            ENTRY_LIMIT,
            "reload",
        )
        await self._free_monitors(address)

    async def _power_cycle(self, address: str, links: Collection[str]) -> None:
        adapter = self._adapter(address)
        if adapter is not None and not adapter.powered:
            await self._switch_on(address, links)
        else:
            await self._cycle(address, links)

    async def _cycle(self, address: str, links: Collection[str]) -> None:
        await self._prepare(address, links)
        async with self._unloaded(address, even_if_hung=True):
            adapter = self._adapter(address)
            if adapter is None:
                raise StepFailed(f"power_{PowerFault.ADAPTER_GONE}")
            if adapter.powered:
                await self._switch_off_and_on(address, adapter.path)
            else:
                await self.power_on(address)

    async def _switch_on(self, address: str, links: Collection[str]) -> None:
        """Switch on an adapter that is off, whatever the state of its entry.

        Then restart the scan: a monitor that was registered while the power was
        off may stay deaf, and Home Assistant's own next attempt can be minutes away. Where the
        power went in the middle of an active window, the kernel scans passively only after
        another power cycle (seen with Linux 7.2 and BlueZ 5.87).
        """
        await self.power_on(address)
        adapter = self._adapter(address)
        try:
            if adapter is not None and adapter.passive_scanning:
                await self._cycle(address, links)
            else:
                await self._reload(address, links)
        except StepFailed as error:
            _LOGGER.debug("%s: On, but not reloaded: %s", address, error)

    async def _switch_off_and_on(self, address: str, path: str) -> None:
        await self._note_power(address, False)
        try:
            try:
                await self._watcher.set_powered(path, powered=False)
            except BlueZError as error:
                self._note_power_fault(address, error.fault)
                raise StepFailed(f"power_off_{error.fault}") from error
            await self._until_powered(address, powered=False)
            await asyncio.sleep(OFF_TIME)
        finally:
            await self.power_on(address, in_any_case=True)

    async def _full_reset(self, address: str, links: Collection[str]) -> None:
        if not can_reset_fully():
            raise StepFailed("reset_refused")
        await self._prepare(address, links)
        async with self._unloaded(address):
            adapter = self._adapter(address)
            if adapter is None:
                # Its number is not known: a guess might reset another adapter.
                raise StepFailed(f"power_{PowerFault.ADAPTER_GONE}")
            await self._note_power(address, False)
            is_reset = False
            try:
                await self._reset(adapter.index, adapter.address, on_usb=True)
                is_reset = True
            finally:
                # A reset that failed may have switched the adapter off a moment ago.
                await self.power_on(address, in_any_case=not is_reset)

    async def _reset_directly(
        self, address: str, links: Collection[str], *, on_usb: bool
    ) -> None:
        """Have the kernel switch an adapter off and on that is worked without bluetoothd.

        It is blocked, off or on: the kernel leaves it on.
        """
        if not can_reset_fully():
            raise StepFailed("reset_refused")
        await self._prepare(address, links)
        names = async_names_of(address)
        if not names:
            raise StepFailed(f"power_{PowerFault.ADAPTER_GONE}")
        index = int(min(names).removeprefix("hci"))
        async with self._unloaded(address, even_if_hung=True):
            await self._note_power(address, False)
            try:
                await self._reset(index, address, on_usb=on_usb)
            except StepFailed:
                # An adapter that this has left off is judged as any other that is off.
                await self._note_power(address, True)
                raise
            await self._note_power(address, True)

    @staticmethod
    async def _reset(index: int, address: str, *, on_usb: bool) -> None:
        try:
            done = await async_reset(index, address, on_usb=on_usb)
        except TimeoutError as error:
            raise StepFailed("reset_timed_out") from error
        except OSError as error:
            raise StepFailed("reset_refused") from error
        if not done:
            raise StepFailed("reset_refused")

    async def _prepare(self, address: str, links: Collection[str]) -> None:
        """Let connection attempts finish, and bring bleak's view up to date."""
        await self._until_no_attempt_is_under_way(address)
        if not self._is_direct(address):
            await async_connect_bleak()
        await self._drop_own_links(links)
        await async_refresh_adapters()

    async def _until_no_attempt_is_under_way(self, address: str) -> None:
        for _ in range(int(CONNECTING_LIMIT / 0.5)):
            scanner = async_local_scanner(self._hass, address)
            if scanner is None or not connections_being_made(scanner):
                return
            await asyncio.sleep(0.5)

    @asynccontextmanager
    async def _unloaded(
        self, address: str, *, even_if_hung: bool = False
    ) -> AsyncIterator[None]:
        """Unload the adapter's entry within this context, and set it up again in any case.

        Home Assistant goes on without a scanner whose restart hangs. With `even_if_hung` the
        step goes on, too: that restart waits for the radio that the step is about to switch.
        """
        entry = self._entry(address)
        clock = self._hass.loop.time
        try:
            await self._until_settled(entry)
            begun = clock()
            unload = self._hass.config_entries.async_unload(entry.entry_id)
            if not await _bounded(unload, UNLOAD_LIMIT, "unload"):
                raise StepFailed("unload_failed")
            if clock() - begun >= HOST_STOP_LIMIT and not even_if_hung:
                # A hung restart of the scan still holds the scanner: leave it alone.
                raise StepFailed("unload_timed_out")
            yield
        finally:
            await self._set_up(address)

    async def _set_up(self, address: str) -> None:
        """Set the entry up again, unless it is gone, disabled, or no longer needed."""
        if self._hass.state is not CoreState.running:
            return
        await async_refresh_adapters()
        entry = async_entry_of(self._hass, address)
        if entry is not None:
            await self._until_settled(entry)
        if (
            entry is None
            or entry.disabled_by is not None
            or entry.state is not ConfigEntryState.NOT_LOADED
        ):
            return
        try:
            await _bounded(
                self._hass.config_entries.async_setup(entry.entry_id),
                ENTRY_LIMIT,
                "set_up",
            )
            await self._free_monitors(address)
        except StepFailed as error:
            _LOGGER.debug("%s: %s", address, error)

    async def _free_monitors(self, address: str) -> None:
        """Have bleak leave the bus and come back, if its passive scan exists already.

        When bluetoothd goes on after it hung, it registers scans whose callers have given up,
        and keeps them until their client leaves the bus. bleak names a scan after the address
        of an object in memory, and the next object can have the same address.
        """
        entry = async_entry_of(self._hass, address)
        if (
            entry is None
            or entry.state is not ConfigEntryState.SETUP_RETRY
            or ALREADY_EXISTS not in (entry.reason or "")
            or self._is_another_scanning(entry)
        ):
            return
        await async_reconnect_bleak()
        await _bounded(
            self._hass.config_entries.async_reload(entry.entry_id),
            ENTRY_LIMIT,
            "reload",
        )

    def _is_another_scanning(self, entry: ConfigEntry) -> bool:
        """Whether another adapter's scan runs over the connection that bleak has."""
        return any(
            other is not entry and other.state is ConfigEntryState.LOADED
            for other in async_adapter_entries(self._hass).values()
        )

    async def _until_settled(self, entry: ConfigEntry) -> None:
        """Wait until Home Assistant neither sets an entry up nor unloads it."""
        changed = asyncio.Event()

        @callback
        def note(_: ConfigEntryChange, changed_entry: ConfigEntry) -> None:
            if changed_entry is entry:
                changed.set()

        stop = async_dispatcher_connect(self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, note)
        try:
            async with asyncio.timeout(SETTLE_LIMIT):
                while entry.state in _IN_PROGRESS:
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            _LOGGER.debug("%s: Still %s", entry.title, entry.state)
        finally:
            stop()

    def _entry(self, address: str) -> ConfigEntry:
        entry = async_entry_of(self._hass, address)
        if entry is None or entry.disabled_by is not None:
            raise StepFailed("entry_gone")
        return entry

    def _adapter(self, address: str) -> AdapterObject | None:
        return self._watcher.adapters().get(address)

    async def _until_powered(self, address: str, *, powered: bool) -> bool:
        for _ in range(int(POWER_LIMIT / 0.1)):
            adapter = self._adapter(address)
            if adapter is not None and adapter.powered is powered:
                return True
            await asyncio.sleep(0.1)
        return False


async def _bounded[T](work: Awaitable[T], limit: float, name: str) -> T:
    """Wait for Home Assistant to do some work, but not for ever.

    Work that takes longer is not cancelled: it ends by Home Assistant's own limits.
    """
    task = asyncio.ensure_future(work)
    try:
        async with asyncio.timeout(limit):
            return await asyncio.shield(task)
    except TimeoutError as error:
        raise StepFailed(f"{name}_timed_out") from error
    except OperationNotAllowed as error:
        raise StepFailed(f"{name}_not_allowed") from error
    except UnknownEntry as error:
        raise StepFailed("entry_gone") from error
    finally:
        if not task.done():
            task.add_done_callback(_forget)


def _forget(task: asyncio.Future[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _LOGGER.debug("Ended late: %s", error)
