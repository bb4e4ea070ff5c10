"""Connecting to links through Home Assistant's Bluetooth, one link at a time."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Final, override

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import (
    BaseHaScanner,
    BluetoothReachabilityIntent,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..renogy.exceptions import LinkUnreachable
from ..renogy.transport import CONNECT_SECONDS, Connector, Transport, connect
from ..supervisor.neighbours import (
    async_close_stale_connections,
    is_connectable,
    name_of,
    slots_of,
)
from ..supervisor.poll_gate import ConnectingBrokenOff, PollGate
from ..supervisor.supervisor import async_get_supervisor
from .settings import async_banks

if TYPE_CHECKING:
    from bleak.backends.device import BLEDevice

TURN_SECONDS: Final = 4.0
"""A link may connect for so long while others wait, s."""
LOST_TURN_SECONDS: Final = 1.0
"""The same for a link that took no connection the last time, s."""


class LinkNotSeen(LinkUnreachable):
    """Home Assistant knows no path to the link; the message is its own explanation."""


class TurnIsOver(Exception):
    """Another link wanted to connect, and this one had its time."""


class ConnectingTurns:
    """One link at a time may connect; one that takes long keeps no other one waiting.

    A turn that takes longer than its patience is broken off as soon as another link waits:
    so a link that does not answer delays nobody.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin with nobody connecting; `clock` is that of the event loop."""
        self._clock = clock
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._running: asyncio.Timeout | None = None
        self._patient_until = 0.0

    @asynccontextmanager
    async def turn(self, patience: float) -> AsyncIterator[None]:
        """Have a connection made within this context, undisturbed for `patience` seconds.

        Raises TurnIsOver when it took longer and another link waited.
        """
        self._waiting += 1
        self._hurry()
        try:
            await self._lock.acquire()
        finally:
            self._waiting -= 1
        try:
            async with asyncio.timeout(None) as self._running:
                self._patient_until = self._clock() + patience
                if self._waiting:
                    self._hurry()
                yield
        except TimeoutError as error:
            if self._running is None or not self._running.expired():
                raise
            raise TurnIsOver from error
        finally:
            self._running = None
            self._lock.release()

    def _hurry(self) -> None:
        """Let the running turn end when its patience is over."""
        if self._running is not None:
            self._running.reschedule(max(self._clock(), self._patient_until))


class _Connections:
    """What keeps connections from getting into each other's way, all banks together.

    The lock of a link is held as long as the link is connected: a poll and a search for
    batteries at the same time would take each other's replies.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.turns = ConnectingTurns(clock)
        self.links: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.lost: set[str] = set()
        self._lost_one = asyncio.Lock()
        self._known: set[str] = set()

    async def connect(
        self, hass: HomeAssistant, gate: PollGate, address: str, name: str
    ) -> Transport:
        """Connect to a link once nobody uses it; raises LinkUnreachable."""
        _known_device(hass, address)
        link = self.links[address]
        await link.acquire()
        with ExitStack() as held:
            held.callback(link.release)
            if address not in self._known:
                # A Home Assistant that ended suddenly may have left it connected.
                await async_close_stale_connections(address)
                self._known.add(address)
            try:
                transport = await self._connect_in_turn(hass, address, name)
            except LinkUnreachable:
                self.lost.add(address)
                raise
            self.lost.discard(address)
            held.callback(gate.disconnected, address)
            return _ExclusiveTransport(transport, held.pop_all())

    async def _connect_in_turn(
        self, hass: HomeAssistant, address: str, name: str
    ) -> Transport:
        """Connect, in as many turns as it takes; all turns together are bounded."""
        spent = 0.0
        while spent < CONNECT_SECONDS:
            is_lost = address in self.lost
            patience = LOST_TURN_SECONDS if is_lost else TURN_SECONDS
            # Of the links that may be lost only one at a time keeps the others waiting.
            async with self._lost_one if is_lost else nullcontext():
                try:
                    async with self.turns.turn(patience):
                        began_at = hass.loop.time()
                        return await connect(_known_device(hass, address), name)
                except TurnIsOver:
                    spent += hass.loop.time() - began_at
                    self.lost.add(address)
        raise LinkUnreachable(f"{name}: no connection within {CONNECT_SECONDS:.0f} s")


_CONNECTIONS: HassKey[_Connections] = HassKey(f"{DOMAIN}_connections")


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
    """Return what makes a connection to a link, through the gate of the supervisor.

    It raises LinkNotSeen when Home Assistant has no path to the link, LinkUnreachable when
    the link does not accept the connection. An attempt that a repair of the adapter disturbs
    is made once more after the repair.
    """
    gate = async_get_supervisor(hass).gate

    async def connect_to_link() -> Transport:
        try:
            return await connect_once()
        except ConnectingBrokenOff:
            pass
        try:
            return await connect_once()
        except ConnectingBrokenOff as error:
            reason = "Not connected: a Bluetooth adapter is being repaired"
            raise LinkUnreachable(reason) from error

    async def connect_once() -> Transport:
        async with gate.connecting(address):
            # Looked up behind the gate: the last bank may unload while the gate is closed.
            if _CONNECTIONS not in hass.data:
                hass.data[_CONNECTIONS] = _Connections(hass.loop.time)
            connections = hass.data[_CONNECTIONS]
            return await connections.connect(hass, gate, address, name)

    return connect_to_link


@callback
def _known_device(hass: HomeAssistant, address: str) -> BLEDevice:
    """Return the device of a link; raises LinkNotSeen."""
    device = bluetooth.async_ble_device_from_address(hass, address, connectable=True)
    if device is None:
        raise LinkNotSeen(
            bluetooth.async_address_reachability_diagnostics(
                hass, address, BluetoothReachabilityIntent.CONNECTION
            )
        )
    return device


@callback
def async_forget_connections(hass: HomeAssistant) -> None:
    """Drop the locks once no bank is in use any more."""
    in_use = {ConfigEntryState.LOADED, ConfigEntryState.SETUP_IN_PROGRESS}
    if all(bank.state not in in_use for bank in async_banks(hass)):
        hass.data.pop(_CONNECTIONS, None)


@callback
def async_serving_scanner(hass: HomeAssistant, address: str) -> str | None:
    """Return the name of the adapter or proxy through which a link is connected just now.

    Home Assistant chooses the path of a connection and does not say which one it took, but
    each scanner tells which devices hold its connection slots.
    """
    scanners = {
        scanner.source: scanner
        for scanner in bluetooth.async_current_scanners(hass)
        if is_connectable(scanner)
    }
    source = serving(
        {source: _holds(scanner, address) for source, scanner in scanners.items()}
    )
    return None if source is None else name_of(scanners[source])


def _holds(scanner: BaseHaScanner, address: str) -> bool | None:
    slots = slots_of(scanner)
    return None if slots is None else address.upper() in slots.allocated


def serving(holding: Mapping[str, bool | None]) -> str | None:
    """Return which source serves a connection, None where that is not certain.

    `holding` tells of each source whether the connection holds one of its slots, None where
    it does not tell. A slot can be left behind by an earlier connection, and a proxy's news
    come late: with several sources one must hold it, and all others must say that they do not.
    """
    if len(holding) == 1:
        return next(iter(holding))
    holders = [source for source, holds in holding.items() if holds]
    return holders[0] if len(holders) == 1 and None not in holding.values() else None
