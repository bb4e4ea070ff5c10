# SPDX-License-Identifier: Apache-2.0
"""Connections to the private bus."""

import asyncio
import contextlib

from dbus_fast import BusType, NameFlag, RequestNameReply
from dbus_fast.aio import MessageBus

RELEASE_LIMIT = 5.0


class BusError(RuntimeError):
    """The private bus did not do what the emulated service needs."""


async def connect_to_bus(address: str) -> MessageBus:
    """Return a connection to a bus, to be closed by `close_connection`.

    Raises `OSError` when there is no bus.
    """
    bus = MessageBus(bus_address=address, bus_type=BusType.SYSTEM)
    try:
        return await bus.connect()
    except BaseException:
        bus.disconnect()
        raise


async def own_name(bus: MessageBus, name: str) -> None:
    """Take a name on the bus; raises `BusError` if somebody else has it."""
    reply = await bus.request_name(name, NameFlag.DO_NOT_QUEUE)
    if reply is not RequestNameReply.PRIMARY_OWNER:
        raise BusError(f"{name} is taken: {reply.name}")


async def disconnected(bus: MessageBus) -> None:
    """Wait until a connection has ended, for whatever reason."""
    with contextlib.suppress(OSError, EOFError):
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


async def close_connection(bus: MessageBus) -> None:
    """Close a connection and wait until its descriptor is closed; twice is fine."""
    bus.disconnect()
    await disconnected(bus)


async def leave_bus(bus: MessageBus, name: str) -> None:
    """Give back a name and close the connection.

    The name is free when this returns: the daemon would notice a closed connection only
    some time later. A bus that is gone already is fine.
    """
    with contextlib.suppress(OSError, EOFError, TimeoutError):
        async with asyncio.timeout(RELEASE_LIMIT):
            if bus.connected:
                await bus.release_name(name)
    await close_connection(bus)
