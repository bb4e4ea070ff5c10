# SPDX-License-Identifier: Apache-2.0
"""A bluetoothd in miniature: it owns org.bluez and dispatches what is called there."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from .adapter import LocalAdapter
from .bluez_names import AGENT_MANAGER, ROOT, SERVICE, access_denied
from .dbus_connection import close_connection, connect_to_bus, leave_bus, own_name
from .dbus_service import (
    INTROSPECTABLE,
    OBJECT_MANAGER,
    PEER,
    PROPERTIES,
    Call,
    ManagedObjects,
)
from .peripheral import Peripheral

DBUS = "org.freedesktop.DBus"
CLIENT_TIMEOUT = 5.0
MAX_HELD_MESSAGES = 1000

_RULES = (
    f"type='signal',sender='{DBUS}',interface='{DBUS}',member='NameOwnerChanged'",
    f"type='signal',interface='{OBJECT_MANAGER}',member='InterfacesAdded'",
    f"type='signal',interface='{OBJECT_MANAGER}',member='InterfacesRemoved'",
)

type AdapterFactory = Callable[[Bluetoothd], Iterable[LocalAdapter]]


@dataclass(slots=True)
class Bluetoothd:
    """One run of bluetoothd, from taking the name to losing it.

    While it hangs, messages wait, those to it and those from it. `denies` tells which
    calls the bus would not let through to it.
    """

    bus_address: str
    denies: Callable[[Call], bool]
    adapters: dict[str, LocalAdapter] = field(default_factory=dict)
    objects: ManagedObjects = field(init=False)
    _bus: MessageBus | None = None
    _hung: bool = False
    _held: deque[Message] = field(default_factory=deque)
    _unsent: deque[Message] = field(default_factory=deque)
    _agents: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Begin without objects."""
        self.objects = ManagedObjects(self.send)

    async def start(self, adapters: AdapterFactory) -> None:
        """Take the name, then let the adapters appear.

        Raises `BusError` when the name is taken and `OSError` without a bus.
        """
        bus = await connect_to_bus(self.bus_address)
        try:
            for rule in _RULES:
                await bus.call(
                    Message(
                        destination=DBUS,
                        path="/org/freedesktop/DBus",
                        interface=DBUS,
                        member="AddMatch",
                        signature="s",
                        body=[rule],
                    )
                )
            bus.add_message_handler(self._handle)
            self._bus = bus
            await own_name(bus, SERVICE)
        except BaseException:
            self._bus = None
            await close_connection(bus)
            raise
        self.objects.add(ROOT, {AGENT_MANAGER: {}})
        for adapter in adapters(self):
            self.add_adapter(adapter)

    def add_adapter(self, adapter: LocalAdapter) -> None:
        """Let an adapter appear."""
        self.adapters[adapter.name] = adapter
        adapter.appear()

    def remove_adapter(self, adapter: LocalAdapter) -> None:
        """Let an adapter disappear."""
        adapter.disappear()
        del self.adapters[adapter.name]

    async def kill(self) -> None:
        """Die at once: no signal, no answer; the links break."""
        bus, self._bus = self._bus, None
        self.objects.clear()
        self._held.clear()
        self._unsent.clear()
        for adapter in list(self.adapters.values()):
            self.remove_adapter(adapter)
        if bus is not None:
            await leave_bus(bus, SERVICE)

    async def stop(self) -> None:
        """Take the objects away, then end."""
        for adapter in list(self.adapters.values()):
            self.remove_adapter(adapter)
        await self.kill()

    def hang(self) -> None:
        """Stop to do anything, as a stopped process."""
        self._hung = True

    def resume(self) -> None:
        """Go on, beginning with the messages that came meanwhile."""
        self._hung = False
        while self._unsent:
            self.send(self._unsent.popleft())
        while self._held:
            self._handle(self._held.popleft())

    def send(self, message: Message) -> None:
        """Send a message; without a connection nobody hears it."""
        if self._bus is None or not self._bus.connected:
            return
        if not self._hung:
            self._bus.send(message)
        elif len(self._unsent) < MAX_HELD_MESSAGES:
            self._unsent.append(message)

    async def call_client(self, message: Message) -> Message | None:
        """Call a client; None when it does not answer in time or is gone."""
        if self._bus is None:
            return None
        try:
            async with asyncio.timeout(CLIENT_TIMEOUT):
                return await self._bus.call(message)
        except TimeoutError, OSError, EOFError:
            return None

    def advertised(self, peripheral: Peripheral, swing: int) -> None:
        """Take an advertisement from the air to every adapter."""
        if self._hung:
            return
        for adapter in self.adapters.values():
            adapter.advertised(peripheral, swing)

    def _handle(self, message: Message) -> bool:
        """Handle one message; True keeps dbus-fast from answering it."""
        if message.message_type not in {MessageType.SIGNAL, MessageType.METHOD_CALL}:
            return False
        if self._hung:
            if len(self._held) < MAX_HELD_MESSAGES:
                self._held.append(message)
            return True
        if message.message_type is MessageType.SIGNAL:
            self._signal(message)
            return False
        call = Call(message, self.send)
        if self.denies(call):
            access_denied(call)
            return True
        return self._dispatch(call)

    def _signal(self, message: Message) -> None:
        sender, body = message.sender or "", message.body
        if message.member == "NameOwnerChanged" and sender == DBUS:
            name, _, new_owner = body
            if name.startswith(":") and not new_owner:
                self._agents.discard(name)
                for adapter in self.adapters.values():
                    adapter.sender_left(name)
        elif message.member == "InterfacesAdded":
            for adapter in self.adapters.values():
                adapter.monitors.interfaces_added(sender, *body)
        elif message.member == "InterfacesRemoved":
            for adapter in self.adapters.values():
                adapter.monitors.interfaces_removed(sender, *body)

    def _dispatch(self, call: Call) -> bool:
        if call.interface in {PEER, INTROSPECTABLE}:
            return False
        match call.interface, call.member, call.signature:
            case (str(), "GetManagedObjects", "") if call.path == "/" and (
                call.interface in {"", OBJECT_MANAGER}
            ):
                self.objects.get_managed_objects(call)
            case (str(), "Get", "ss") | (str(), "GetAll", "s") if (
                call.interface == PROPERTIES
            ):
                self.objects.get_property(call)
            case (str(), "Set", "ssv") if call.interface == PROPERTIES:
                self._set_property(call)
            case _ if call.interface == AGENT_MANAGER and call.path == ROOT:
                self._agent(call)
            case _:
                self._object_call(call)
        return True

    def _set_property(self, call: Call) -> None:
        for adapter in self.adapters.values():
            if call.path == adapter.path:
                adapter.set_property(call)
                return
        call.unknown(object_exists=call.path in self.objects)

    def _object_call(self, call: Call) -> None:
        for adapter in self.adapters.values():
            if call.path == adapter.path or call.path.startswith(f"{adapter.path}/"):
                exists = call.path in self.objects
                if exists and self._has(call) and adapter.call(call):
                    return
        call.unknown(object_exists=call.path in self.objects)

    def _has(self, call: Call) -> bool:
        return self.objects.has_interface(call.path, call.interface)

    def _agent(self, call: Call) -> None:
        """Take pairing agents, which bluetoothctl registers; nothing here pairs."""
        signatures: dict[str, Any] = {
            "RegisterAgent": "os",
            "UnregisterAgent": "o",
            "RequestDefaultAgent": "o",
        }
        if signatures.get(call.member) != call.signature:
            call.unknown(object_exists=True)
            return
        if call.member == "UnregisterAgent":
            self._agents.discard(call.sender)
        else:
            self._agents.add(call.sender)
        call.reply()
