# SPDX-License-Identifier: Apache-2.0
"""The scenario's own view of the system bus."""

import asyncio
from typing import Any, Final

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

SERVICE: Final = "org.bluez"
ADAPTER: Final = "org.bluez.Adapter1"
DEVICE: Final = "org.bluez.Device1"
CALL_LIMIT: Final = 10.0


class CallFailed(Exception):
    """A call that was answered with an error; the message is the error's name."""


class SystemBus:
    """One connection of its own to the system bus."""

    def __init__(self, bus: MessageBus) -> None:
        """Take a connection that is open."""
        self._bus = bus

    @classmethod
    async def connect(cls) -> SystemBus:
        """Open a connection."""
        return cls(await MessageBus(bus_type=BusType.SYSTEM).connect())

    def close(self) -> None:
        """Leave the bus."""
        self._bus.disconnect()

    async def call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: list[Any] | None = None,
    ) -> list[Any]:
        """Return a call's answer.

        Raises `CallFailed`, and `TimeoutError` when nobody answers.
        """
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=body or [],
        )
        async with asyncio.timeout(CALL_LIMIT):
            reply = await self._bus.call(message)
        assert reply is not None
        if reply.message_type is MessageType.ERROR:
            raise CallFailed(reply.error_name)
        return list(reply.body)

    async def adapter_call(self, name: str, member: str) -> None:
        """Call a method of an adapter that takes and gives nothing."""
        await self.call(SERVICE, f"/org/bluez/{name}", ADAPTER, member)

    async def set_powered(self, name: str, *, powered: bool) -> None:
        """Switch an adapter on or off."""
        await self.call(
            SERVICE,
            f"/org/bluez/{name}",
            "org.freedesktop.DBus.Properties",
            "Set",
            "ssv",
            [ADAPTER, "Powered", Variant("b", powered)],
        )

    async def objects(self) -> dict[str, dict[str, dict[str, Variant]]]:
        """Return bluetoothd's objects."""
        (objects,) = await self.call(
            SERVICE, "/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"
        )
        return dict(objects)

    async def connected_devices(self) -> int:
        """Return how many links bluetoothd has."""
        return sum(
            interfaces[DEVICE]["Connected"].value
            for interfaces in (await self.objects()).values()
            if DEVICE in interfaces
        )

    async def unique_names(self) -> int:
        """Return how many connections the bus has."""
        (names,) = await self.call(
            "org.freedesktop.DBus",
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            "ListNames",
        )
        return sum(name.startswith(":") for name in names)
