# SPDX-License-Identifier: Apache-2.0
"""A client of the private bus that sees everything BlueZ says."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from dbus_fast import Message, MessageType, Variant, unpack_variants
from dbus_fast.aio import MessageBus

from tests.emulator.bluez_names import ADAPTER, SERVICE
from tests.emulator.dbus_connection import close_connection, connect_to_bus

LIMIT = 5.0
HCI0 = "/org/bluez/hci0"


class CallFailed(Exception):
    """A call was answered with an error."""

    def __init__(self, name: str, text: str) -> None:
        """Take the error's name and text."""
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text


class Client:
    """One connection to the bus."""

    def __init__(self, bus: MessageBus) -> None:
        """Take a connection."""
        self.bus = bus
        self.signals: list[tuple[str, str, list[Any]]] = []
        self._news = asyncio.Event()
        bus.add_message_handler(self._handle)

    def _handle(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL and message.sender != (
            "org.freedesktop.DBus"
        ):
            self.signals.append(
                (
                    message.path or "",
                    message.member or "",
                    [unpack_variants(value) for value in message.body],
                )
            )
            self._news.set()

    async def call(
        self,
        member: str,
        signature: str = "",
        *body: Any,
        path: str = HCI0,
        interface: str = ADAPTER,
        destination: str = SERVICE,
    ) -> Any:
        """Call a method; return its first result. Raises `CallFailed`."""
        async with asyncio.timeout(LIMIT):
            reply = await self.bus.call(
                Message(
                    destination=destination,
                    path=path,
                    interface=interface,
                    member=member,
                    signature=signature,
                    body=list(body),
                )
            )
        if reply.message_type is MessageType.ERROR:
            raise CallFailed(reply.error_name or "", str(reply.body[0]))
        return unpack_variants(reply.body[0]) if reply.body else None

    async def get(self, name: str, path: str = HCI0, interface: str = ADAPTER) -> Any:
        """Return a property."""
        return await self.call(
            "Get",
            "ss",
            interface,
            name,
            path=path,
            interface="org.freedesktop.DBus.Properties",
        )

    async def set(self, name: str, value: Variant) -> None:
        """Set a property of the adapter."""
        await self.call(
            "Set",
            "ssv",
            ADAPTER,
            name,
            value,
            interface="org.freedesktop.DBus.Properties",
        )

    async def power(self, *, on: bool) -> None:
        """Switch the adapter on or off."""
        await self.set("Powered", Variant("b", on))

    async def objects(self) -> dict[str, Any]:
        """Return what ObjectManager tells."""
        found: dict[str, Any] = await self.call(
            "GetManagedObjects",
            path="/",
            interface="org.freedesktop.DBus.ObjectManager",
        )
        return found

    def changes(self, path: str, name: str) -> list[Any]:
        """Return the values that a property was signalled with."""
        return [
            body[1][name]
            for signal_path, member, body in self.signals
            if member == "PropertiesChanged" and signal_path == path and name in body[1]
        ]

    def objects_named(self, member: str) -> list[str]:
        """Return the paths in InterfacesAdded or InterfacesRemoved signals."""
        return [body[0] for _, name, body in self.signals if name == member]

    async def until(self, condition: Callable[[], bool], limit: float = LIMIT) -> None:
        """Wait until a condition on the signals is met."""
        async with asyncio.timeout(limit):
            while not condition():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def connected(address: str) -> AsyncGenerator[Client]:
    """Connect a client that hears every signal."""
    bus = await connect_to_bus(address)
    try:
        client = Client(bus)
        await bus.call(
            Message(
                destination="org.freedesktop.DBus",
                path="/org/freedesktop/DBus",
                interface="org.freedesktop.DBus",
                member="AddMatch",
                signature="s",
                body=[f"type='signal',sender='{SERVICE}'"],
            )
        )
        yield client
    finally:
        await close_connection(bus)
