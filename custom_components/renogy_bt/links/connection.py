# SPDX-License-Identifier: Apache-2.0
"""Connecting to links through Home Assistant's Bluetooth, one link at a time."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import ExitStack, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Final, override

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import (
    BaseHaScanner,
    BluetoothReachabilityIntent,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..renogy.exceptions import LinkUnreachable
from ..renogy.transport import (
    CONNECT_SECONDS,
    Connector,
    Transport,
    TransportDelegate,
    connect,
)
from ..supervisor.neighbours import (
    Slots,
    async_close_stale_connections,
    is_connectable,
    name_of,
    slots_of,
)
from ..supervisor.poll_gate import ConnectingBrokenOff, PollGate, add_listener
from ..supervisor.supervisor import async_get_supervisor
from .settings import async_banks

if TYPE_CHECKING:
    from bleak.backends.device import BLEDevice

TURN_SECONDS: Final = 4.0
"""How long a link may try to connect while others wait, s."""
FAILING_TURN_SECONDS: Final = 1.0
"""The same for a link whose last attempt to connect failed, s."""
LEFT_SECONDS: Final = 30.0
"""How long a probed link stays connected, while its owner reads what was found, s."""


class LinkNotSeen(LinkUnreachable):
    """Home Assistant knows no path to the link; the message is Home Assistant's explanation."""


class TurnIsOver(Exception):
    """The link had its time to connect, and another link waits."""


class ConnectingTurns:
    """Lets one link connect at a time, because a controller makes one connection at a time.

    A turn that takes longer than its patience is broken off as soon as another link waits, so
    that a link that does not answer delays no other link.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin without a turn; `clock` is the clock of the event loop."""
        self._clock = clock
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._running: asyncio.Timeout | None = None
        self._patient_until = 0.0

    @asynccontextmanager
    async def turn(self, patience: float) -> AsyncIterator[None]:
        """Give the caller a turn, undisturbed for `patience` seconds.

        Raises TurnIsOver when the turn took longer and another link waited.
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
        if self._running is not None and not self._running.expired():
            self._running.reschedule(max(self._clock(), self._patient_until))


class _Connections:
    """Keeps the connections of all banks from disturbing each other.

    The lock of a link is held while the link is connected: a poll and a probe at the same
    time would take each other's replies.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.turns = ConnectingTurns(clock)
        self.links: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.failing: set[str] = set()
        self.failing_turns = ConnectingTurns(clock)
        self.left: dict[str, _LeftTransport] = {}
        self._waiting: Counter[str] = Counter()
        self._known: set[str] = set()

    def is_wanted(self, address: str) -> bool:
        """Return whether somebody waits for a link that is in use."""
        return self._waiting[address] > 0

    def are_used_beside(self, addresses: Collection[str]) -> bool:
        """Return whether a dialogue uses a link, other than these."""
        return bool(self.left) or any(
            lock.locked()
            for address, lock in self.links.items()
            if address not in addresses
        )

    async def connect(
        self, hass: HomeAssistant, gate: PollGate, address: str, name: str
    ) -> Transport:
        """Connect to a link when it is free, or take over one that was left.

        Raises LinkUnreachable.
        """
        if (left := self.left.pop(address, None)) is not None and not left.lost.done():
            return left.take_over()
        if address not in self._known:
            # A Home Assistant that ended suddenly may have left the link connected, and then it
            # is not heard.
            self._known.add(address)
            await async_close_stale_connections(address)
        try:
            async_known_device(hass, address)
        except LinkNotSeen:
            # Once it is heard again it may well take a connection.
            self.failing.discard(address)
            raise
        link = self.links[address]
        self._waiting[address] += 1
        try:
            await link.acquire()
        finally:
            self._waiting[address] -= 1
        with ExitStack() as held:
            held.callback(link.release)
            try:
                transport = await self._connect_in_turn(hass, address, name)
            except LinkUnreachable:
                self.failing.add(address)
                raise
            self.failing.discard(address)
            held.callback(gate.disconnected, address)
            return _ExclusiveTransport(transport, held.pop_all())

    async def _connect_in_turn(
        self, hass: HomeAssistant, address: str, name: str
    ) -> Transport:
        """Connect, in as many turns as it takes within CONNECT_SECONDS."""
        spent, cause = 0.0, TurnIsOver()
        while spent < CONNECT_SECONDS:
            is_failing = address in self.failing
            patience = FAILING_TURN_SECONDS if is_failing else TURN_SECONDS
            try:
                # Of the links that fail only one at a time keeps the others waiting.
                async with (
                    self.failing_turns.turn(TURN_SECONDS)
                    if is_failing
                    else nullcontext(),
                    self.turns.turn(patience),
                ):
                    began_at = hass.loop.time()
                    try:
                        return await connect(async_known_device(hass, address), name)
                    finally:
                        spent += hass.loop.time() - began_at
            except TurnIsOver as error:
                self.failing.add(address)
                cause = error
        reason = f"{name}: no connection within {CONNECT_SECONDS:.0f} s"
        raise LinkUnreachable(reason) from cause


CONNECTIONS: HassKey[_Connections] = HassKey(f"{DOMAIN}_connections")
_HOLDERS: HassKey[dict[str, list[Callable[[], None]]]] = HassKey(f"{DOMAIN}_holders")


class _ExclusiveTransport(TransportDelegate):
    """A transport that releases its link when the connection has ended."""

    def __init__(self, transport: Transport, held: ExitStack) -> None:
        super().__init__(transport)
        self._held = held
        transport.lost.add_done_callback(lambda _: held.close())

    @override
    async def disconnect(self) -> None:
        with self._held:
            await super().disconnect()


class _LeftTransport(TransportDelegate):
    """A transport that stays connected for a while, for who connects to the same link next.

    The poll that follows a probe need not wait then until bluetoothd has ended one connection
    and made another, which takes some seconds.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        keep: Callable[[_LeftTransport], bool],
        forget: Callable[[_LeftTransport], None],
    ) -> None:
        super().__init__(transport)
        self._keep = keep
        self._forget = forget
        self._let_go: asyncio.Future[None] = transport.lost.get_loop().create_future()

    def take_over(self) -> Transport:
        """Return the connection, which its new owner disconnects."""
        self._let_go.set_result(None)
        return self._transport

    @override
    async def disconnect(self) -> None:
        if self.lost.done() or not self._keep(self):
            await super().disconnect()

    async def end(self) -> None:
        """Disconnect now."""
        await self.take_over().disconnect()

    async def disconnect_later(self) -> None:
        """Disconnect after a while, unless the connection is taken over before."""
        try:
            await asyncio.wait({self._let_go, self.lost}, timeout=LEFT_SECONDS)
        finally:
            self._forget(self)
            if not self._let_go.done():
                await self.end()


@callback
def async_connector(hass: HomeAssistant, address: str, name: str) -> Connector:
    """Return a function that connects to a link, through the supervisor's gate.

    The function raises LinkNotSeen when Home Assistant has no path to the link, LinkUnreachable
    when the link does not accept the connection. If a recovery step disturbs the attempt, it
    tries once more after the step.
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
            if CONNECTIONS not in hass.data:
                hass.data[CONNECTIONS] = _Connections(hass.loop.time)
            connections = hass.data[CONNECTIONS]
            return await connections.connect(hass, gate, address, name)

    return connect_to_link


@callback
def async_probing_connector(hass: HomeAssistant, address: str, name: str) -> Connector:
    """Return a function that connects as `async_connector`'s does, for a short use.

    Afterwards the link stays connected for a while, and who connects to it next goes on with
    the same connection.
    """
    connect_to_link = async_connector(hass, address, name)

    async def connect_and_leave() -> Transport:
        for let_go in hass.data.get(_HOLDERS, {}).get(address, ()):
            let_go()
        transport = await connect_to_link()
        connections = hass.data[CONNECTIONS]

        def keep(connection: _LeftTransport) -> bool:
            if connections.is_wanted(address):
                return False
            connections.left[address] = connection
            hass.async_create_background_task(
                connection.disconnect_later(), f"{DOMAIN} leaves a connection"
            )
            return True

        def forget(connection: _LeftTransport) -> None:
            if connections.left.get(address) is connection:
                del connections.left[address]

        return _LeftTransport(transport, keep=keep, forget=forget)

    return connect_and_leave


@callback
def async_is_left_connected(hass: HomeAssistant, address: str) -> bool:
    """Return whether a probe has left a link connected, whose owner waits for values."""
    connections = hass.data.get(CONNECTIONS)
    return connections is not None and address in connections.left


async def async_end_left_connection(hass: HomeAssistant, address: str) -> None:
    """Disconnect a link that a probe has left connected, so that it advertises again."""
    connections = hass.data.get(CONNECTIONS)
    if connections is not None and (left := connections.left.pop(address, None)):
        await left.end()


@callback
def async_add_holder(
    hass: HomeAssistant, address: str, let_go: Callable[[], None]
) -> CALLBACK_TYPE:
    """Have a function called when a dialogue wants a link that is kept connected."""
    holders = hass.data.setdefault(_HOLDERS, {})
    return add_listener(holders.setdefault(address, []), let_go)


@callback
def async_known_device(hass: HomeAssistant, address: str) -> BLEDevice:
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
def async_forget_connections(hass: HomeAssistant, unloading: Collection[str]) -> None:
    """Drop the locks when no bank is loaded and nobody else uses a link.

    `unloading` are the addresses of the bank that ends.
    """
    connections = hass.data.get(CONNECTIONS)
    if connections is None or connections.are_used_beside(unloading):
        return
    in_use = {ConfigEntryState.LOADED, ConfigEntryState.SETUP_IN_PROGRESS}
    if all(bank.state not in in_use for bank in async_banks(hass)):
        del hass.data[CONNECTIONS]


@callback
def async_serving_scanner(hass: HomeAssistant, address: str) -> str | None:
    """Return the name of the adapter or proxy through which a link is connected now.

    Home Assistant does not say which path it chose for a connection, but each scanner tells
    which devices hold its connection slots.
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


@callback
def async_slots(hass: HomeAssistant) -> dict[str, Slots]:
    """Return the connection slots of the adapters and proxies that tell of them, by source."""
    return {
        scanner.source: slots
        for scanner in bluetooth.async_current_scanners(hass)
        if (slots := slots_of(scanner)) is not None
    }


def _holds(scanner: BaseHaScanner, address: str) -> bool | None:
    slots = slots_of(scanner)
    return None if slots is None else slots.holds(address.upper())


def serving(holding: Mapping[str, bool | None]) -> str | None:
    """Return which source serves a connection, None if that is not certain.

    `holding` tells for each source whether the connection holds one of its slots, None if the
    source does not tell. An earlier connection can leave a slot behind, and a proxy tells
    late: of several sources one must hold the connection, and all others must deny it.
    """
    if len(holding) == 1:
        return next(iter(holding))
    holders = [source for source, holds in holding.items() if holds]
    return holders[0] if len(holders) == 1 and None not in holding.values() else None
