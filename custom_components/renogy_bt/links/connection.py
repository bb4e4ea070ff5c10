"""Connecting to links through Home Assistant's Bluetooth."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import override

from bleak.backends.device import BLEDevice

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BluetoothReachabilityIntent
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..renogy.exceptions import LinkUnreachable
from ..renogy.transport import Connector, Transport, connect
from ..supervisor.connecting import ConnectingBrokenOff
from ..supervisor.supervisor import async_get_supervisor
from .settings import async_banks


class LinkNotSeen(LinkUnreachable):
    """Home Assistant knows no path to the link; the message is its own explanation."""


@dataclass
class ConnectionLocks:
    """What keeps connections from getting into each other's way, all banks together.

    `connecting` is held while a connection is made: a controller makes one at a time. The
    lock of a link is held as long as it is connected: a poll and a scan for batteries at the
    same time would take each other's replies.
    """

    connecting: asyncio.Lock = field(default_factory=asyncio.Lock)
    links: defaultdict[str, asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )


_LOCKS: HassKey[ConnectionLocks] = HassKey(f"{DOMAIN}_connection_locks")


class _ExclusiveTransport(Transport):
    """A transport that gives its link free when the connection has ended."""

    def __init__(self, transport: Transport, held: ExitStack) -> None:
        self._transport = transport
        self._held = held
        transport.lost.add_done_callback(lambda _: held.close())

    @property
    @override
    def lost(self) -> asyncio.Future[None]:
        return self._transport.lost

    @override
    async def write(self, frame: bytes) -> None:
        await self._transport.write(frame)

    @override
    def on_notification(self, callback: Callable[[bytes], None]) -> None:
        self._transport.on_notification(callback)

    @override
    async def disconnect(self) -> None:
        with self._held:
            await self._transport.disconnect()


@callback
def async_connector(hass: HomeAssistant, address: str, name: str) -> Connector:
    """Return what makes a connection to a link.

    It raises LinkNotSeen when Home Assistant has no path to the link, LinkUnreachable when
    the link does not accept the connection or a repair of the adapter comes between.
    """

    async def connect_to_link() -> Transport:
        _known_device(hass, address)
        try:
            async with async_get_supervisor(hass).gate.connecting(address):
                return await _connect_in_turn(hass, address, name)
        except ConnectingBrokenOff as error:
            reason = "Not connected: a Bluetooth adapter is being repaired"
            raise LinkUnreachable(reason) from error

    return connect_to_link


async def _connect_in_turn(hass: HomeAssistant, address: str, name: str) -> Transport:
    locks = hass.data.setdefault(_LOCKS, ConnectionLocks())
    link = locks.links[address]
    await link.acquire()
    with ExitStack() as held:
        held.callback(link.release)
        async with locks.connecting:
            transport = await connect(_known_device(hass, address), name)
        return _ExclusiveTransport(transport, held.pop_all())


def _known_device(hass: HomeAssistant, address: str) -> BLEDevice:
    device = bluetooth.async_ble_device_from_address(hass, address, connectable=True)
    if device is None:
        raise LinkNotSeen(
            bluetooth.async_address_reachability_diagnostics(
                hass, address, BluetoothReachabilityIntent.CONNECTION
            )
        )
    return device


@callback
def async_release_locks(hass: HomeAssistant) -> None:
    """Drop the locks once no bank is in use any more."""
    in_use = {ConfigEntryState.LOADED, ConfigEntryState.SETUP_IN_PROGRESS}
    if all(bank.state not in in_use for bank in async_banks(hass)):
        hass.data.pop(_LOCKS, None)
