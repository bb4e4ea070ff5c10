# SPDX-License-Identifier: Apache-2.0
"""Connecting, GATT and disconnecting over D-Bus, as BlueZ does it."""

import asyncio
from dataclasses import replace
import time

from dbus_fast import Variant
import pytest

from tests.emulator import EmulatedWorld, World, modbus
from tests.emulator.bluez_names import (
    DEVICE,
    GATT_CHARACTERISTIC,
    GATT_DESCRIPTOR,
    GATT_SERVICE,
)

from .dbus_client import HCI0, CallFailed, Client, connected

MAC = "6C:B2:FD:A1:B2:C3"
DONGLE = f"{HCI0}/dev_6C_B2_FD_A1_B2_C3"
REQUEST = f"{DONGLE}/service001b/char001c"
REPLY = f"{DONGLE}/service002c/char002d"
OAD = f"{DONGLE}/service0031/char0032"
COMMAND = {"type": Variant("s", "command")}
READ_CURRENT = modbus.read_request(48, 5042, 6)


@pytest.fixture
async def device(client: Client) -> Client:
    """Return a client whose scan has found the dongle."""
    await client.call("StartDiscovery")
    await client.until(lambda: DONGLE in client.objects_named("InterfacesAdded"))
    return client


@pytest.fixture
async def resolved(device: Client) -> Client:
    """Return a client that is connected, services resolved."""
    await connect(device)
    return device


async def connect(client: Client) -> None:
    """Connect and wait for the services."""
    await client.call("Connect", path=DONGLE, interface=DEVICE)
    await client.until(
        lambda: client.changes(DONGLE, "ServicesResolved")[-1:] == [True]
    )


async def write(client: Client, data: bytes, path: str = REQUEST) -> None:
    """Write without response."""
    await client.call(
        "WriteValue", "aya{sv}", data, COMMAND, path=path, interface=GATT_CHARACTERISTIC
    )


async def notify(client: Client, member: str = "StartNotify") -> None:
    """Switch notifications on or off."""
    await client.call(member, path=REPLY, interface=GATT_CHARACTERISTIC)


async def test_connect_takes_its_time(
    resolved: Client, emulated_world: EmulatedWorld
) -> None:
    """Connected comes with the link, the services after their resolution."""
    assert resolved.changes(DONGLE, "Connected") == [True]
    objects = await resolved.objects()
    assert objects[DONGLE][DEVICE]["Connected"] is True
    assert objects[DONGLE][DEVICE]["ServicesResolved"] is True
    counted = emulated_world.statistics()[MAC]
    assert counted.connects == 1
    assert counted.connect_seconds == pytest.approx(0.08)


async def test_connect_lasts_as_long_as_captured(
    device: Client, emulated_world: EmulatedWorld
) -> None:
    """A connect lasts at least what the timing law says."""
    began = time.monotonic()
    await connect(device)
    assert time.monotonic() - began >= emulated_world.world.timing.connect


async def test_services_are_those_of_a_bt2(resolved: Client) -> None:
    """The tree has the dongle's services, and the trap of a second ffd1."""
    objects = await resolved.objects()
    uuids = {
        path.removeprefix(DONGLE): interfaces[name]["UUID"]
        for path, interfaces in objects.items()
        for name in (GATT_SERVICE, GATT_CHARACTERISTIC)
        if name in interfaces
    }
    assert uuids["/service001b"].startswith("0000ffd0-")
    assert uuids["/service001b/char001c"].startswith("0000ffd1-0000-1000-8000")
    assert uuids["/service002c/char002d"].startswith("0000fff1-")
    assert uuids["/service0031/char0032"] == "f000ffd1-0451-4000-b000-000000000000"
    assert len([path for path in uuids if path.startswith("/service0008/")]) == 9
    assert objects[REQUEST][GATT_CHARACTERISTIC]["MTU"] == 251
    assert objects[f"{REPLY}/desc002f"][GATT_DESCRIPTOR]["UUID"].startswith("00002902")


async def test_request_is_answered_by_notification(resolved: Client) -> None:
    """A request written to ffd1 is answered on fff1."""
    await notify(resolved)
    await write(resolved, READ_CURRENT)
    await resolved.until(lambda: bool(resolved.changes(REPLY, "Value")))
    (value,) = resolved.changes(REPLY, "Value")
    assert value[:3] == b"\x30\x03\x0c"
    assert modbus.has_valid_crc(bytes(value))


async def test_write_with_response_is_answered_too(resolved: Client) -> None:
    """A write request does as well as a write command, after a round trip."""
    await notify(resolved)
    await resolved.call(
        "WriteValue",
        "aya{sv}",
        READ_CURRENT,
        {"type": Variant("s", "request")},
        path=REQUEST,
        interface=GATT_CHARACTERISTIC,
    )
    await resolved.until(lambda: len(resolved.changes(REPLY, "Value")) == 1)


async def test_without_notifications_replies_are_lost(
    resolved: Client, emulated_world: EmulatedWorld
) -> None:
    """A reply that nobody asked to be notified of is not signalled."""
    await notify(resolved)
    await notify(resolved, "StopNotify")
    await write(resolved, READ_CURRENT)
    statistics = emulated_world.statistics()[MAC]
    await asyncio.sleep(0.1)
    assert statistics.replies == 1
    assert resolved.changes(REPLY, "Value") == []


async def test_notifications_end_with_their_sender(
    resolved: Client, emulated_world: EmulatedWorld
) -> None:
    """Who leaves the bus wants no more notifications."""
    async with connected(emulated_world.bus.address) as leaving:
        await notify(leaving)
        assert await resolved.get("Notifying", REPLY, GATT_CHARACTERISTIC) is True
    await resolved.until(lambda: resolved.changes(REPLY, "Notifying") == [True, False])


@pytest.mark.parametrize(
    ("member", "signature", "body", "path", "error"),
    [
        ("StartNotify", "", [], REQUEST, "NotSupported"),
        ("StopNotify", "", [], REPLY, "Failed: No notify session started"),
        ("ReadValue", "a{sv}", [{}], OAD, "NotPermitted: Read not permitted"),
        ("WriteValue", "aya{sv}", [b"x", COMMAND], REPLY, "NotSupported"),
        ("WriteValue", "aya{sv}", [b"x" * 249, COMMAND], REQUEST, "Failed"),
        (
            "WriteValue",
            "aya{sv}",
            [b"x", {"type": Variant("s", "shout")}],
            REQUEST,
            "InvalidArguments",
        ),
        ("AcquireNotify", "a{sv}", [{}], REPLY, "NotSupported"),
        ("WriteValue", "ay", [b"x"], REQUEST, "UnknownMethod"),
    ],
)
async def test_what_a_characteristic_cannot_is_refused(
    resolved: Client,
    member: str,
    signature: str,
    body: list[object],
    path: str,
    error: str,
) -> None:
    """A characteristic does what its properties say and nothing else."""
    with pytest.raises(CallFailed, match=error):
        await resolved.call(
            member, signature, *body, path=path, interface=GATT_CHARACTERISTIC
        )


async def test_values_can_be_read(resolved: Client) -> None:
    """Readable characteristics and descriptors have values."""
    name = f"{DONGLE}/service0008/char0015"
    value = await resolved.call(
        "ReadValue", "a{sv}", {}, path=name, interface=GATT_CHARACTERISTIC
    )
    assert value == b"Manufacturer Name\x00"
    value = await resolved.call(
        "ReadValue", "a{sv}", {}, path=f"{REPLY}/desc002f", interface=GATT_DESCRIPTOR
    )
    assert value == b"\x00\x00"


async def test_disconnect_has_a_grace(
    resolved: Client, emulated_world: EmulatedWorld
) -> None:
    """The link ends after the grace; meanwhile StartNotify is refused."""
    began = time.monotonic()
    disconnecting = asyncio.create_task(
        resolved.call("Disconnect", path=DONGLE, interface=DEVICE)
    )
    await asyncio.sleep(0.05)
    with pytest.raises(CallFailed, match="NotConnected"):
        await notify(resolved)
    await disconnecting
    assert time.monotonic() - began >= emulated_world.world.timing.disconnect
    assert resolved.changes(DONGLE, "Connected") == [True, False]
    assert resolved.changes(DONGLE, "ServicesResolved") == [True, False]
    assert REQUEST in await resolved.objects()
    with pytest.raises(CallFailed, match="Failed: Not connected"):
        await write(resolved, READ_CURRENT)


async def test_connected_peripheral_does_not_advertise(
    resolved: Client, emulated_world: EmulatedWorld
) -> None:
    """Who has a central is silent, its object stays nevertheless."""
    before = len(resolved.changes(DONGLE, "RSSI"))
    await asyncio.sleep(emulated_world.world.temporary_timeout + 0.2)
    assert len(resolved.changes(DONGLE, "RSSI")) == before
    assert DONGLE in await resolved.objects()


async def test_device_that_was_connected_stays(
    resolved: Client, emulated_world: EmulatedWorld
) -> None:
    """A device that a connect was asked for is no longer temporary, as in BlueZ."""
    await resolved.call("Disconnect", path=DONGLE, interface=DEVICE)
    await resolved.call("StopDiscovery")
    await asyncio.sleep(emulated_world.world.temporary_timeout + 0.2)
    assert DONGLE in await resolved.objects()


async def test_second_connect_is_in_progress_or_done(device: Client) -> None:
    """A second Connect is refused while the first is under way, then succeeds."""
    first = asyncio.create_task(device.call("Connect", path=DONGLE, interface=DEVICE))
    await asyncio.sleep(0.01)
    with pytest.raises(CallFailed, match="InProgress: In Progress"):
        await device.call("Connect", path=DONGLE, interface=DEVICE)
    await first
    await device.call("Connect", path=DONGLE, interface=DEVICE)


async def test_disconnect_cancels_a_connect(
    device: Client, emulated_world: EmulatedWorld
) -> None:
    """A Disconnect ends an attempt that is under way."""
    await emulated_world.set_fault("out-of-range")
    connecting = asyncio.create_task(
        device.call("Connect", path=DONGLE, interface=DEVICE)
    )
    await asyncio.sleep(0.05)
    await device.call("Disconnect", path=DONGLE, interface=DEVICE)
    with pytest.raises(CallFailed, match="br-connection-canceled"):
        await connecting


async def test_connect_waits_for_the_next_advertisement(
    device: Client, emulated_world: EmulatedWorld
) -> None:
    """A peripheral that comes back into range is connected then."""
    await emulated_world.set_fault("out-of-range")
    connecting = asyncio.create_task(
        device.call("Connect", path=DONGLE, interface=DEVICE)
    )
    await asyncio.sleep(0.2)
    assert not connecting.done()
    await emulated_world.clear_fault("out-of-range")
    await connecting
    assert device.changes(DONGLE, "Connected") == [True]


async def test_peripheral_that_vanishes_meanwhile_is_waited_for(
    device: Client, emulated_world: EmulatedWorld
) -> None:
    """A link that cannot be made after all is made at the next advertisement."""
    connecting = asyncio.create_task(
        device.call("Connect", path=DONGLE, interface=DEVICE)
    )
    await asyncio.sleep(0.005)
    await emulated_world.set_fault("out-of-range")
    await asyncio.sleep(0.1)
    assert not connecting.done()
    await emulated_world.clear_fault("out-of-range")
    await connecting


async def test_broken_link_is_told(
    resolved: Client, emulated_world: EmulatedWorld
) -> None:
    """A link that breaks is signalled at once, and the dongle advertises again."""
    before = len(resolved.changes(DONGLE, "RSSI"))
    emulated_world.peripheral(MAC).break_link()
    await resolved.until(lambda: resolved.changes(DONGLE, "Connected") == [True, False])
    await resolved.until(lambda: len(resolved.changes(DONGLE, "RSSI")) > before)


@pytest.mark.parametrize(
    ("member", "path", "interface", "error"),
    [
        ("Connect", f"{HCI0}/dev_00_00_00_00_00_00", DEVICE, "UnknownObject"),
        ("StartNotify", REPLY, GATT_CHARACTERISTIC, "UnknownObject"),
        ("Pair", DONGLE, DEVICE, "UnknownMethod"),
        ("Connect", DONGLE, GATT_SERVICE, "UnknownMethod"),
    ],
)
async def test_what_does_not_exist_is_unknown(
    device: Client, member: str, path: str, interface: str, error: str
) -> None:
    """A missing object or method is answered as libdbus answers it."""
    with pytest.raises(
        CallFailed, match=rf"{error}: Method \"{member}\" with signature"
    ):
        await device.call(member, path=path, interface=interface)


class TestSeveralDongles:
    """Two peripherals in reach."""

    @pytest.fixture
    def world(self, world: World) -> World:
        """Return the world with a second dongle and slow links."""
        link = world.links[0]
        return replace(
            world,
            links=(link, replace(link, address="60:98:66:ED:FC:11", units={})),
            timing=replace(world.timing, link_up=0.15),
        )

    async def test_links_are_made_one_at_a_time(self, client: Client) -> None:
        """The kernel creates one link after the other."""
        other = f"{HCI0}/dev_60_98_66_ED_FC_11"
        await client.call("StartDiscovery")
        await client.until(
            lambda: {DONGLE, other} <= set(client.objects_named("InterfacesAdded"))
        )
        began = time.monotonic()
        await asyncio.gather(
            client.call("Connect", path=DONGLE, interface=DEVICE),
            client.call("Connect", path=other, interface=DEVICE),
        )
        assert time.monotonic() - began >= 0.3
