# SPDX-License-Identifier: Apache-2.0
"""org.renogy_bt.Emulator: another process on the private bus steers the world."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
import json
from typing import Any, Protocol

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from .bus import PrivateBus
from .dbus_connection import close_connection, connect_to_bus, leave_bus, own_name
from .dbus_service import INTROSPECTABLE, PEER, PROPERTIES, Call
from .faults import ActiveFault, FaultError, activate, describe, parse_parameters
from .statistics import LinkStatistics
from .timers import Timers

SERVICE = "org.renogy_bt.Emulator"
PATH = "/org/renogy_bt/Emulator"
INTERFACE = "org.renogy_bt.Emulator1"
FAULT_ERROR = "org.renogy_bt.Emulator.Error.Fault"
BUS_RESTART = "bus-restart"


class Steered(Protocol):
    """What the interface steers."""

    def active_faults(self) -> Collection[ActiveFault]:
        """Return the faults that are on."""

    def statistics(self) -> Mapping[str, LinkStatistics]:
        """Return the counters of every link, by address."""

    async def set_fault(self, name: str, **values: Any) -> ActiveFault:
        """Switch a fault on."""

    async def clear_fault(self, name: str) -> None:
        """Switch a fault off."""

    async def clear_faults(self) -> None:
        """Switch every fault off."""


@dataclass(frozen=True, slots=True)
class _Method:
    signature: str
    handler: Callable[[Call], Any]


class ControlService:
    """The control interface on the private bus.

    `SetFault(name, json)`, `ClearFault(name)` and `ClearFaults()` answer when it is
    done, or with `org.renogy_bt.Emulator.Error.Fault` and a reason. `Faults()` tells
    `{"known": [...], "active": [...]}`, `Statistics()` the counters by link address,
    both as JSON text. The fault that kills the bus is answered before it begins.
    """

    def __init__(self, bus: PrivateBus, world: Steered) -> None:
        """Take the bus and what is steered."""
        self._private_bus = bus
        self._world = world
        self._bus: MessageBus | None = None
        self._timers = Timers()
        self._methods = {
            "SetFault": _Method("ss", self._set_fault),
            "ClearFault": _Method("s", self._clear_fault),
            "ClearFaults": _Method("", self._clear_faults),
            "Faults": _Method("", self._faults),
            "Statistics": _Method("", self._statistics),
        }

    async def start(self) -> None:
        """Own the name."""
        bus = await connect_to_bus(self._private_bus.address)
        try:
            bus.add_message_handler(self._handle)
            await own_name(bus, SERVICE)
        except BaseException:
            await close_connection(bus)
            raise
        self._bus = bus

    async def stop(self) -> None:
        """Leave the bus and drop the calls that are being worked on."""
        await self._timers.stop()
        await self.leave()

    async def leave(self) -> None:
        """Leave the bus, if it is there."""
        bus, self._bus = self._bus, None
        if bus is not None:
            await leave_bus(bus, SERVICE)

    def _send(self, message: Message) -> None:
        if self._bus is not None and self._bus.connected:
            self._bus.send(message)

    def _handle(self, message: Message) -> bool:
        if message.message_type is not MessageType.METHOD_CALL:
            return False
        if message.interface in {PEER, INTROSPECTABLE, PROPERTIES}:
            return False
        call = Call(message, self._send)
        method = self._methods.get(call.member)
        if (
            call.path != PATH
            or call.interface not in {"", INTERFACE}
            or method is None
            or method.signature != call.signature
        ):
            call.unknown(object_exists=call.path == PATH)
        else:
            self._timers.spawn(self._answer(method, call))
        return True

    async def _answer(self, method: _Method, call: Call) -> None:
        try:
            await method.handler(call)
        except FaultError as error:
            call.error(FAULT_ERROR, str(error))

    async def _set_fault(self, call: Call) -> None:
        name, parameters = call.body
        values = parse_parameters(parameters or "{}", name)
        activate(name, values)
        if name == BUS_RESTART:
            call.reply()
            await self._flush()
        await self._world.set_fault(name, **values)
        call.reply()

    async def _flush(self) -> None:
        """Wait until the daemon has passed on what was sent."""
        if self._bus is not None:
            await self._bus.call(
                Message(
                    destination="org.freedesktop.DBus",
                    path="/org/freedesktop/DBus",
                    interface="org.freedesktop.DBus",
                    member="GetId",
                )
            )

    async def _clear_fault(self, call: Call) -> None:
        await self._world.clear_fault(call.body[0])
        call.reply()

    async def _clear_faults(self, call: Call) -> None:
        await self._world.clear_faults()
        call.reply()

    async def _faults(self, call: Call) -> None:
        active = [
            {"name": fault.name, "parameters": dict(fault.values)}
            for fault in self._world.active_faults()
        ]
        call.reply("s", json.dumps({"known": describe(), "active": active}))

    async def _statistics(self, call: Call) -> None:
        counted = self._world.statistics()
        call.reply(
            "s",
            json.dumps(
                {address: counters.as_dict() for address, counters in counted.items()}
            ),
        )
