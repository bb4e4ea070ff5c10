# SPDX-License-Identifier: Apache-2.0
"""What a client does with the owner's dongle, and what it sees of it."""

import asyncio

from tests.emulator.bluez_names import DEVICE

from .dbus_client import HCI0, CallFailed, Client

MAC = "6C:B2:FD:A1:B2:C3"
DONGLE = f"{HCI0}/dev_6C_B2_FD_A1_B2_C3"
ROOT = "/org/bluez"


async def scan(client: Client) -> None:
    """Begin a scan and wait until the dongle is heard."""
    await client.call("StartDiscovery")
    await client.until(lambda: DONGLE in client.objects_named("InterfacesAdded"))


async def connect(client: Client) -> None:
    """Connect the dongle."""
    await client.call("Connect", path=DONGLE, interface=DEVICE)


async def heard_again(client: Client) -> None:
    """Wait for one more advertisement."""
    client.signals.clear()
    await client.until(
        lambda: (
            bool(client.changes(DONGLE, "RSSI"))
            or DONGLE in client.objects_named("InterfacesAdded")
        )
    )


def has_changed(client: Client, values: list[bool]) -> bool:
    """Tell whether Connected was signalled with just these values."""
    return client.changes(DONGLE, "Connected") == values


async def hears_nothing(client: Client) -> None:
    """Make sure that several advertisements' time brings none."""
    client.signals.clear()
    await asyncio.sleep(0.35)
    assert client.changes(DONGLE, "RSSI") == []
    assert DONGLE not in client.objects_named("InterfacesAdded")


async def owner(client: Client) -> str | None:
    """Return who owns org.bluez."""
    try:
        unique_name: str = await client.call(
            "GetNameOwner",
            "s",
            "org.bluez",
            destination="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            interface="org.freedesktop.DBus",
        )
    except CallFailed:
        return None
    return unique_name
