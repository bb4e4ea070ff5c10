# SPDX-License-Identifier: Apache-2.0
"""The faults that public reports tell of: what a client of BlueZ sees of each."""

import asyncio
from dataclasses import replace
from functools import partial
from itertools import pairwise

from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError
from dbus_fast import Variant
import pytest

from tests.emulator import EmulatedWorld, World
from tests.emulator.bluez_names import ADAPTER, DEVICE

from .dbus_client import HCI0, CallFailed, Client, connected
from .dongle import (
    DONGLE,
    MAC,
    connect,
    has_changed,
    heard_again,
    hears_nothing,
    owner,
    scan,
)
from .test_bluetoothctl import bluetoothctl

HCI1 = "/org/bluez/hci1"
ADDRESS = "B8:27:EB:5A:00:01"


async def connects(client: Client) -> bool:
    """Tell whether the dongle takes a connection, which is let go again."""
    try:
        await connect(client)
    except CallFailed:
        return False
    await client.call("Disconnect", path=DONGLE, interface=DEVICE)
    return True


async def comes_and_goes(client: Client, path: str, times: int) -> None:
    """Wait until an object was removed and added so often."""
    for member in ("InterfacesRemoved", "InterfacesAdded"):
        await client.until(
            lambda: client.objects_named(member).count(path) >= times  # noqa: B023
        )


class TestWeakSignal:
    """A link at the edge of range, with fifty advertisements a second."""

    @pytest.fixture
    def world(self, world: World) -> World:
        """Return the world with patience for advertisements, and a kernel without much."""
        return replace(
            world,
            advertising_interval=0.02,
            temporary_timeout=10,
            timing=replace(world.timing, link_up=0.01, connect_limit=0.5),
        )

    async def test_fault_weak_signal_is_heard_at_times(
        self, client: Client, emulated_world: EmulatedWorld
    ) -> None:
        """Some advertisements arrive, with strengths around the mean, 8 dB apart."""
        await emulated_world.set_fault("weak-signal", rssi=-84.0, spread=8.0)
        await scan(client)
        client.signals.clear()
        await client.until(lambda: len(client.changes(DONGLE, "RSSI")) >= 8)
        values = client.changes(DONGLE, "RSSI")
        assert all(-100 <= value <= -52 for value in values)
        assert all(abs(one - other) >= 8 for one, other in pairwise(values))

    async def test_fault_weak_signal_hardly_connects(
        self, client: Client, emulated_world: EmulatedWorld
    ) -> None:
        """Of forty connects at most a few succeed; the others fail as BlueZ tells it."""
        await scan(client)
        assert await connects(client)
        await emulated_world.set_fault("weak-signal", rssi=-90.0, spread=1.0)
        successes = [await connects(client) for _ in range(40)].count(True)
        assert successes <= 4
        await emulated_world.set_fault("weak-signal", rssi=-97.0, spread=0.0)
        with pytest.raises(CallFailed, match="le-connection-abort-by-local"):
            await connect(client)

    async def test_fault_weak_signal_breaks_links(
        self, client: Client, emulated_world: EmulatedWorld
    ) -> None:
        """A live link breaks when its peripheral moves away."""
        await scan(client)
        await connect(client)
        await emulated_world.set_fault("weak-signal")
        await client.until(partial(has_changed, client, [True, False]))
        assert emulated_world.peripheral(MAC).central is None

    async def test_fault_weak_signal_can_be_good_enough(
        self, client: Client, emulated_world: EmulatedWorld
    ) -> None:
        """With a strength that carries everything nothing is lost."""
        await emulated_world.set_fault("weak-signal", rssi=-65.0, spread=2.0)
        await scan(client)
        assert [await connects(client) for _ in range(5)] == [True] * 5


async def test_fault_connects_abort(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """The link seems made for a moment; a power cycle changes nothing, clearing does."""
    await scan(client)
    await emulated_world.set_fault("connects-abort")
    client.signals.clear()
    async with asyncio.timeout(0.7):
        with pytest.raises(CallFailed, match="le-connection-abort-by-local"):
            await connect(client)
    assert client.changes(DONGLE, "Connected") == [True, False]
    assert emulated_world.statistics()[MAC].failed_connects == 1
    await client.power(on=False)
    await client.power(on=True)
    await client.call("StartDiscovery")
    assert not await connects(client)
    await emulated_world.clear_fault("connects-abort")
    assert await connects(client)


async def test_fault_connects_abort_of_another_link(
    client: Client, emulated_world: EmulatedWorld, world: World
) -> None:
    """It may fall on one link alone, and be what a power cycle ends."""
    await scan(client)
    await emulated_world.set_fault("connects-abort", link=MAC, until="power-cycle")
    assert not await connects(client)
    await client.power(on=False)
    await client.power(on=True)
    await client.call("StartDiscovery")
    assert await connects(client)


async def test_fault_connects_only_while_discovering(
    client: Client, other_client: Client, emulated_world: EmulatedWorld
) -> None:
    """A connect fails after its limit without a discovery, and succeeds beside one."""
    await scan(client)
    await emulated_world.set_fault("connects-only-while-discovering")
    assert await connects(client)
    await client.call("StopDiscovery")
    with pytest.raises(CallFailed, match="le-connection-abort-by-local"):
        await connect(client)
    attempt = asyncio.create_task(connect(client))
    await other_client.call("StartDiscovery")
    await attempt
    assert await client.get("Connected", DONGLE, DEVICE) is True


@pytest.mark.parametrize("discovering", [True, False])
async def test_fault_discovery_deaf(
    client: Client, emulated_world: EmulatedWorld, discovering: bool
) -> None:
    """StartDiscovery succeeds whatever Discovering says, and nothing is reported."""
    await emulated_world.set_fault(
        "discovery-deaf", discovering=str(discovering).lower()
    )
    await client.call("StartDiscovery")
    await hears_nothing(client)
    assert await client.get("Discovering") is discovering
    assert client.changes(HCI0, "Discovering") == []
    await client.power(on=False)
    await client.power(on=True)
    await client.call("StartDiscovery")
    await hears_nothing(client)
    assert await client.get("Discovering") is discovering
    assert f"Discovering: {'yes' if discovering else 'no'}" in await bluetoothctl(
        "show"
    )
    await emulated_world.clear_fault("discovery-deaf")
    await client.until(lambda: DONGLE in client.objects_named("InterfacesAdded"))
    assert await client.get("Discovering") is True


async def test_fault_discovery_deaf_begins_under_a_scan(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """The variant with Discovering false is seen at once; a power cycle may end it."""
    await scan(client)
    fault = await emulated_world.set_fault(
        "discovery-deaf", discovering="false", until="power-cycle"
    )
    await client.until(lambda: client.changes(HCI0, "Discovering") == [True, False])
    await client.power(on=False)
    await emulated_world.fault_ended(fault)
    await client.power(on=True)
    await scan(client)
    assert await client.get("Discovering") is True


async def test_fault_usb_drops(client: Client, emulated_world: EmulatedWorld) -> None:
    """The adapter goes and comes, at times under the next free number."""
    await emulated_world.set_fault("usb-drops", every=0.1, seconds=0.03, renumbers=2)
    await comes_and_goes(client, HCI0, 2)
    paths = [
        path for path in client.objects_named("InterfacesAdded") if path[-4:-1] == "hci"
    ]
    assert paths[:4] == [HCI0, HCI1, HCI1, HCI0]
    await emulated_world.clear_fault("usb-drops")
    client.signals.clear()
    await asyncio.sleep(0.3)
    assert emulated_world.adapter(ADDRESS).controller.plugged
    assert client.objects_named("InterfacesRemoved") == []


async def test_fault_usb_drops_keeps_its_number(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """With 0 it always returns as what it was."""
    await emulated_world.set_fault("usb-drops", every=0.06, seconds=0.01, renumbers=0)
    await comes_and_goes(client, HCI0, 4)
    assert HCI1 not in client.objects_named("InterfacesAdded")


async def test_fault_adapter_gone(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """A new bluetoothd does not have the adapter, nor does the next one."""
    before = await owner(client)
    await emulated_world.set_fault("adapter-gone")
    assert await owner(client) not in {None, before}
    assert HCI0 not in await client.objects()
    restart = await emulated_world.set_fault("bluetoothd-restart", seconds=0.01)
    await emulated_world.fault_ended(restart)
    assert HCI0 not in await client.objects()
    assert "Controller" not in await bluetoothctl("list")
    await emulated_world.clear_fault("adapter-gone")
    assert await client.get("Powered") is True


async def test_fault_twin_address(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """Two adapters have one address; both hear, each has a power switch of its own."""
    await emulated_world.set_fault("twin-address")
    objects = await client.objects()
    assert [objects[path][ADAPTER]["Address"] for path in (HCI0, HCI1)] == [ADDRESS] * 2
    await client.call("StartDiscovery", path=HCI1)
    twin = f"{HCI1}/dev_6C_B2_FD_A1_B2_C3"
    await client.until(lambda: twin in client.objects_named("InterfacesAdded"))
    await client.power(on=False)
    assert await client.get("Powered", HCI1) is True
    await emulated_world.clear_fault("twin-address")
    assert HCI1 not in await client.objects()
    assert HCI0 in await client.objects()


async def test_fault_foreign_power_cycles(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """The sessions go with each cycle; nothing says who did it."""
    await client.call("StartDiscovery")
    await emulated_world.set_fault("foreign-power-cycles", every=0.2, seconds=0.05)
    await client.until(lambda: client.changes(HCI0, "Powered").count(True) >= 2)
    assert client.changes(HCI0, "Discovering")[:2] == [True, False]
    assert not emulated_world.adapter().sessions.has_clients
    await emulated_world.clear_fault("foreign-power-cycles")
    assert await client.get("Powered") is True


async def test_fault_foreign_power_off(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """It is off at once, and soon off again whenever somebody switches it on."""
    await emulated_world.set_fault("foreign-power-off", again=0.1)
    for _ in range(2):
        assert await client.get("Powered") is False
        client.signals.clear()
        await client.power(on=True)
        await client.until(lambda: client.changes(HCI0, "Powered")[-1:] == [False])
    await emulated_world.clear_fault("foreign-power-off")
    assert await client.get("Powered") is True


async def test_fault_foreign_power_off_once(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """With 0 it stays on once somebody switched it on."""
    await emulated_world.set_fault("foreign-power-off", again=0.0)
    await client.power(on=True)
    await asyncio.sleep(0.1)
    assert await client.get("Powered") is True


async def test_fault_bluetoothd_crashes_at_disconnect(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """A disconnect costs the whole bluetoothd, which comes back."""
    await emulated_world.set_fault("bluetoothd-crashes-at-disconnect", seconds=0.05)
    for _ in range(2):
        before = await owner(client)
        client.signals.clear()
        await client.call("StartDiscovery")
        await heard_again(client)
        await connect(client)
        await client.call("Disconnect", path=DONGLE, interface=DEVICE)
        await client.until(lambda: HCI0 in client.objects_named("InterfacesAdded"))
        assert await owner(client) not in {None, before}
        assert await client.get("Discovering") is False


async def test_fault_bluetoothd_crashes_at_disconnect_of_a_stopped_one(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """Links that end because bluetoothd was ended do not start it."""
    await emulated_world.set_fault("bluetoothd-crashes-at-disconnect", seconds=0.01)
    await scan(client)
    await connect(client)
    await emulated_world.set_fault("bluetoothd-restart", seconds=60)
    await asyncio.sleep(0.1)
    assert await owner(client) is None


async def test_fault_bluetoothd_crash_loop(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """It dies again and again, and is there again when the loop ends."""
    await emulated_world.set_fault("bluetoothd-crash-loop", every=0.15, seconds=0.03)
    owners: set[str | None] = set()
    async with asyncio.timeout(5):
        while len(owners) < 3:
            owners.add(await owner(client))
            owners.discard(None)
            await asyncio.sleep(0.01)
    await emulated_world.clear_fault("bluetoothd-crash-loop")
    last = await owner(client)
    assert last is not None
    await asyncio.sleep(0.3)
    assert await owner(client) == last


async def test_fault_connect_denied(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """Connect alone is denied; everything else goes on, for bleak as for others."""
    await emulated_world.set_fault("connect-denied")
    await scan(client)
    with pytest.raises(CallFailed, match=r"DBus\.Error\.AccessDenied: An AppArmor"):
        await connect(client)
    await client.call("StopDiscovery")
    await client.set("Pairable", Variant("b", True))
    device = await BleakScanner.find_device_by_address(MAC, timeout=2)
    assert device is not None
    with pytest.raises(BleakError, match="AccessDenied"):
        await BleakClient(device).connect()
    assert emulated_world.statistics()[MAC].connects == 0


async def test_faults_of_repetition_end_with_the_world(
    emulated_world: EmulatedWorld,
) -> None:
    """A world stops while its faults strike, and leaves bluetoothd stopped."""
    await emulated_world.set_fault("bluetoothd-crash-loop", every=0.05, seconds=0.02)
    await emulated_world.set_fault("usb-drops", every=0.05, seconds=0.02)
    await asyncio.sleep(0.1)
    await emulated_world.stop()
    async with connected(emulated_world.bus.address) as client:
        await asyncio.sleep(0.1)
        assert await owner(client) is None
    await emulated_world.start()
