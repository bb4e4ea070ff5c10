# SPDX-License-Identifier: Apache-2.0
"""The less public names of other libraries; no other file uses such a name.

Each name is guarded: if it is missing or has changed, only what needs it is switched off, and
a fact that cannot be had is unknown. The log and system health tell it once. Batteries are
read in any case.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
import logging
from typing import TYPE_CHECKING, Any, Final, NoReturn

from bleak.exc import BleakError
import bleak_retry_connector

from homeassistant.components.bluetooth import BaseHaScanner, BluetoothScanningMode
from homeassistant.core import CALLBACK_TYPE, callback

from ..adapter_health.samples import (
    ConnectFailure,
    ListedAdapter,
    ScanMode,
    ScannerSample,
    SlotSample,
)
from ..bluez import system_bus

if TYPE_CHECKING:
    from habluetooth import HaBluetoothSlotAllocations

_LOGGER = logging.getLogger(__name__)

FACTS_LIMIT: Final = 5.0
LINK_LIMIT: Final = 10.0
RECONNECT_LIMIT: Final = 5.0
REFRESH_LIMIT: Final = 10.0
RESET_LIMIT: Final = 90.0
MOST_CAUSES: Final = 20
ACCESS_DENIED: Final = "org.freedesktop.DBus.Error.AccessDenied"


class Part(StrEnum):
    """What the integration does without if a name is missing."""

    ADAPTER_HEALTH = "adapter health"
    SCANNER = "state of the scan"
    SCANNER_KIND = "kind of the scan"
    LAST_HEARD = "time of the last advertisement"
    CONNECTING = "connections that are being made"
    SLOTS = "connection slots"
    SERVED_BY = "adapter that serves a connection"
    SCANNERS = "news of adapters and proxies"
    HOST_RESETS = "resets by Home Assistant itself"
    ADAPTER_NUMBERS = "new numbers of adapters"
    STALE_CONNECTIONS = "closing of connections left behind"
    SERVICE_CACHE = "forgetting of services"
    BLEAK = "bleak's connection to the system bus"
    FULL_RESET = "full reset"
    RETRIES = "retries of connecting"


_lost: dict[Part, str] = {}


def lost_parts() -> Mapping[Part, str]:
    """Return what the integration does without, and why."""
    return _lost


def _lose(part: Part, reason: str) -> None:
    if part in _lost:
        return
    if reason not in _lost.values():
        _LOGGER.warning(
            "The Bluetooth libraries of this Home Assistant have changed. Renogy batteries "
            "are read, but this is done without: %s (%s)",
            part,
            reason,
        )
    _lost[part] = reason


def _missing(part: Part, error: ImportError) -> Any:
    """Return a substitute for a missing function, which fails when it is called."""
    reason = str(error)
    _lose(part, reason)

    def stand_in(*_: object, **__: object) -> NoReturn:
        raise AttributeError(reason)

    return stand_in


def _asked[T](part: Part, ask: Callable[[], T]) -> T | None:
    """Return a fact, None if it cannot be had."""
    try:
        return ask()
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        _lose(part, str(error))
        return None


async def _attempt[T](
    part: Part, limit: float, work: Callable[[], Awaitable[T]]
) -> T | None:
    """Return the result of some work, None if the work fails or takes too long."""
    begun = _asked(part, work)
    if begun is None:
        return None
    try:
        async with asyncio.timeout(limit):
            return await begun
    except _FAILURES as error:
        _LOGGER.debug("Failed: %s (%r)", part, error)
        return None


try:
    from habluetooth import get_manager
except ImportError as error:
    get_manager = _missing(Part.SERVED_BY, error)
try:
    from habluetooth import HaScanner
except ImportError as error:
    HaScanner = _missing(Part.SCANNER_KIND, error)  # type: ignore[misc]
try:
    from bleak.backends.bluezdbus.manager import get_global_bluez_manager
except ImportError as error:
    get_global_bluez_manager = _missing(Part.BLEAK, error)
# Without the class no failure is known to be for want of a slot.
_OUT_OF_SLOTS: tuple[type[Exception], ...] = ()
try:
    from bleak_retry_connector import BleakOutOfConnectionSlotsError
except ImportError as error:
    _lose(Part.SLOTS, str(error))
else:
    _OUT_OF_SLOTS = (BleakOutOfConnectionSlotsError,)
try:
    from bleak_retry_connector import close_stale_connections_by_address
except ImportError as error:
    close_stale_connections_by_address = _missing(Part.STALE_CONNECTIONS, error)
try:
    from bleak_retry_connector import clear_cache
except ImportError as error:
    clear_cache = _missing(Part.SERVICE_CACHE, error)
try:
    from bluetooth_auto_recovery import recover_adapter
except ImportError as error:
    recover_adapter = _missing(Part.FULL_RESET, error)
try:
    from dbus_fast import DBusFastError
except ImportError:
    # Adapter health does not work without it anyway.
    DBusFastError = BleakError  # type: ignore[misc, assignment]

# What a call raises when the bus fails; bleak raises AttributeError when it has lost the bus.
_FAILURES: Final = (
    *(TimeoutError, OSError, EOFError),
    *(BleakError, DBusFastError, AttributeError),
)

if system_bus.missing is not None:
    _lose(Part.ADAPTER_HEALTH, system_bus.missing)
# The device library connects without these names if it has to.
for _name in ("BleakClientWithServiceCache", "establish_connection"):
    if not hasattr(bleak_retry_connector, _name):
        _lose(Part.RETRIES, f"bleak_retry_connector has no {_name}")


def can_watch_adapters() -> bool:
    """Return whether adapter health works with these libraries."""
    return Part.ADAPTER_HEALTH not in _lost


# What a scanner tells


async def async_scanner_sample(scanner: BaseHaScanner) -> ScannerSample:
    """Sample a scanner."""
    facts = await _attempt(
        Part.LAST_HEARD, FACTS_LIMIT, lambda: scanner.async_diagnostics()
    )

    def moment(key: str) -> float | None:
        if facts is None:
            return None
        return _asked(Part.LAST_HEARD, lambda: float(facts[key]))

    return ScannerSample(
        name=_asked(Part.SCANNER, lambda: scanner.adapter),
        requested_mode=_asked(Part.SCANNER, lambda: _mode(scanner.requested_mode)),
        current_mode=_asked(Part.SCANNER, lambda: _mode(scanner.current_mode)),
        scanning=_asked(Part.SCANNER, lambda: scanner.scanning),
        start_time=moment("start_time"),
        last_detection=moment("last_detection"),
        connecting=connections_being_made(scanner),
        last_connected_at=moment("last_connect_completed_time"),
        over_bluetoothd=_is_over_bluetoothd(scanner),
    )


def _is_over_bluetoothd(scanner: BaseHaScanner) -> bool | None:
    return _asked(Part.SCANNER_KIND, lambda: isinstance(scanner, HaScanner))


def is_direct(scanner: BaseHaScanner) -> bool:
    """Return whether a local scanner certainly works without bluetoothd.

    Home Assistant makes such scanners by habluetooth's `create_local_scanner`.
    """
    return _is_over_bluetoothd(scanner) is False


def _mode(mode: BluetoothScanningMode | None) -> ScanMode | None:
    return None if mode is None else ScanMode(mode.value)


def connections_being_made(scanner: BaseHaScanner) -> int | None:
    """Return how many connections are being made through a scanner, None if not known."""
    return _asked(
        Part.CONNECTING,
        lambda: max(scanner.connecting_count, scanner.connections_in_progress()),
    )


def silence_of(scanner: BaseHaScanner) -> float | None:
    """Return for how long a scanner has heard nothing, None if that is not known, s."""
    return _asked(Part.LAST_HEARD, lambda: scanner.time_since_last_detection())


def is_connectable(scanner: BaseHaScanner) -> bool:
    """Return whether a scanner can make connections, as far as is known."""
    return _asked(Part.SERVED_BY, lambda: scanner.connectable) is not False


def name_of(scanner: BaseHaScanner) -> str:
    """Return the name of an adapter or proxy."""
    return _asked(Part.SERVED_BY, lambda: scanner.name) or scanner.source


@dataclass(frozen=True, slots=True)
class Slots:
    """Connection slots of an adapter or proxy with the addresses that hold them."""

    slots: int
    free: int
    allocated: frozenset[str]

    def holds(self, link: str) -> bool | None:
        """Return whether a connection to this address holds one, None if that is not known.

        Old firmware of proxies tells how many are free, and not who holds the others.
        """
        if link in self.allocated:
            return True
        return None if self.slots - self.free > len(self.allocated) else False

    def sample(self, own: set[str]) -> SlotSample:
        """Return the slots, and which of them hold connections of other integrations."""
        return SlotSample(
            slots=self.slots,
            free=self.free,
            foreign=tuple(sorted(self.allocated - own)),
        )


def slots_of(scanner: BaseHaScanner) -> Slots | None:
    """Return the connection slots of a scanner, None if they are not known."""

    def ask() -> Slots | None:
        slots = scanner.get_allocations()
        if slots is None or not slots.slots:
            return None
        return Slots(slots.slots, slots.free, _upper(slots.allocated))

    return _asked(Part.SLOTS, ask)


def _upper(addresses: list[str]) -> frozenset[str]:
    return frozenset(address.upper() for address in addresses)


# What the manager of habluetooth tells and does; Home Assistant's API hides it


@callback
def async_has_management_socket() -> bool | None:
    """Return whether Home Assistant can reset adapters by itself, None if not known."""
    return _asked(Part.HOST_RESETS, lambda: not get_manager().is_operating_degraded())


@callback
def async_follow_allocations(
    changed: Callable[[str, frozenset[str]], None],
) -> CALLBACK_TYPE:
    """Call a function with each source and the addresses that it is connected to."""

    @callback
    def allocations_changed(allocations: HaBluetoothSlotAllocations) -> None:
        news = _asked(
            Part.SERVED_BY,
            lambda: (allocations.source, _upper(allocations.allocated)),
        )
        if news is not None:
            changed(*news)

    cancel = _asked(
        Part.SERVED_BY,
        lambda: get_manager().async_register_allocation_callback(allocations_changed),
    )
    return cancel or (lambda: None)


@callback
def async_follow_scanners(changed: Callable[[], None]) -> CALLBACK_TYPE:
    """Call a function when an adapter or proxy comes, goes, or comes back."""
    cancel = _asked(
        Part.SCANNERS,
        lambda: get_manager().async_register_scanner_registration_callback(
            callback(lambda _: changed()), None
        ),
    )
    return cancel or (lambda: None)


@callback
def async_check_manager() -> None:
    """Check at the start whether adapters can be looked up again later."""
    _asked(Part.ADAPTER_NUMBERS, lambda: get_manager().async_get_bluetooth_adapters)


@callback
def async_names_of(address: str) -> frozenset[str] | None:
    """Return the hciN under which Home Assistant knows an adapter, None if not known."""

    def ask() -> frozenset[str]:
        known = get_manager().get_cached_bluetooth_adapters() or {}
        return frozenset(
            str(name)
            for name, details in known.items()
            if details["address"] == address
        )

    return _asked(Part.ADAPTER_NUMBERS, ask)


async def async_refresh_adapters() -> None:
    """Have Home Assistant look up the hciN of each adapter; it never does so by itself."""
    await _async_look_up_adapters()


async def _async_look_up_adapters() -> Mapping[str, Mapping[str, Any]] | None:
    return await _attempt(
        Part.ADAPTER_NUMBERS,
        REFRESH_LIMIT,
        lambda: get_manager().async_get_bluetooth_adapters(cached=False),
    )


async def async_listed_adapter(address: str) -> ListedAdapter | None:
    """Return an adapter in the kernel's list, which Home Assistant has, None if not known."""
    known = await _async_look_up_adapters()
    if known is None:
        return None

    def ask() -> ListedAdapter:
        for name, details in known.items():
            if details["address"] == address:
                return ListedAdapter(name, bool(details["powered"]))
        return ListedAdapter(None)

    return _asked(Part.ADAPTER_NUMBERS, ask)


# What bleak and its helpers do


def failure_of(error: BaseException) -> ConnectFailure:
    """Return how an attempt to connect has failed, by the errors behind an error.

    Texts do not count: they are for people, and change. An error that no other is behind was
    raised before anything was tried.
    """
    if error.__cause__ is None:
        return ConnectFailure.NOT_HEARD
    causes: list[BaseException] = []
    while error.__cause__ is not None and len(causes) < MOST_CAUSES:
        error = error.__cause__
        causes.append(error)
    if any(_is_denied(cause) for cause in causes):
        return ConnectFailure.DENIED
    if any(isinstance(cause, _OUT_OF_SLOTS) for cause in causes):
        return ConnectFailure.NO_SLOT
    return ConnectFailure.FAILED


def _is_denied(error: BaseException) -> bool:
    """Return whether an error of bleak's has this D-Bus name."""
    name = getattr(error, "dbus_error", None)
    return isinstance(error, BleakError) and name == ACCESS_DENIED


async def async_close_stale_connections(link: str) -> None:
    """Close connections to a link that were left behind."""
    await _attempt(
        Part.STALE_CONNECTIONS,
        LINK_LIMIT,
        lambda: close_stale_connections_by_address(link),
    )


async def async_forget_services(link: str) -> None:
    """Forget which services a link had."""
    await _attempt(Part.SERVICE_CACHE, LINK_LIMIT, lambda: clear_cache(link))


async def async_connect_bleak() -> None:
    """Have bleak connect to the bus again if the bus was restarted.

    To stop a scan over a dead connection raises an error that Home Assistant does not expect.
    """
    await _attempt(Part.BLEAK, RECONNECT_LIMIT, get_global_bluez_manager)


async def async_reconnect_bleak() -> None:
    """Have bleak leave the bus and come back.

    There is no other way to end what bluetoothd keeps for a client.
    """

    async def reconnect() -> None:
        manager = await get_global_bluez_manager()
        try:
            bus = manager._bus  # noqa: SLF001
            if bus is not None:
                bus.disconnect()
                await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        except AttributeError as error:
            _lose(Part.BLEAK, str(error))
        await get_global_bluez_manager()

    await _attempt(Part.BLEAK, RECONNECT_LIMIT, reconnect)


def can_reset_fully() -> bool:
    """Return whether a full reset is possible with these libraries."""
    return Part.FULL_RESET not in _lost


async def async_reset(index: int, address: str, *, on_usb: bool) -> bool:
    """Reset an adapter in the kernel, and on USB if asked to; raises TimeoutError and OSError."""
    try:
        async with asyncio.timeout(RESET_LIMIT):
            return await recover_adapter(index, address, gone_silent=on_usb)
    except (AttributeError, ImportError, TypeError) as error:
        _lose(Part.FULL_RESET, str(error))
        return False
