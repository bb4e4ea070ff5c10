# SPDX-License-Identifier: Apache-2.0
"""bleak, unmodified, on the emulated world."""

import asyncio
from dataclasses import replace
from typing import Literal, override

from bleak import BleakClient, BleakScanner
from bleak.args.bluez import OrPattern
from bleak.assigned_numbers import AdvertisementDataType
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError
import pytest

from tests.emulator import EmulatedWorld, Link, Unit, World, modbus
from tests.emulator.advertisement import Pattern, advertisement_of
from tests.emulator.world import NameIn

from .captures import frame

MAC = "6C:B2:FD:A1:B2:C3"
NAME = "BT-TH-FDA1B2C3"
REQUEST = "0000ffd1-0000-1000-8000-00805f9b34fb"
REPLY = "0000fff1-0000-1000-8000-00805f9b34fb"
type Patterns = list[OrPattern | tuple[int, AdvertisementDataType, bytes]]

FLAGS: Patterns = [
    (0, AdvertisementDataType.FLAGS, bytes((flags,)))
    for flags in (0x02, 0x04, 0x05, 0x06, 0x18, 0x1A)
]

A1_REQUEST = bytes.fromhex("300313b20006654a")
A5_REQUEST = bytes.fromhex("300313880022455c")

pytestmark = pytest.mark.usefixtures("emulated_world")


async def scan(
    mode: Literal["active", "passive"], patterns: Patterns
) -> tuple[BLEDevice, AdvertisementData]:
    """Scan until something is heard."""
    heard: asyncio.Queue[tuple[BLEDevice, AdvertisementData]] = asyncio.Queue()
    async with BleakScanner(
        lambda device, data: heard.put_nowait((device, data)),
        scanning_mode=mode,
        bluez={"or_patterns": patterns},
    ):
        async with asyncio.timeout(2):
            return await heard.get()


@pytest.mark.parametrize("mode", ["active", "passive"])
async def test_scan_hears_the_dongle(mode: Literal["active", "passive"]) -> None:
    """Both ways of scanning deliver the advertisement."""
    device, data = await scan(mode, FLAGS)
    assert (device.address, device.name) == (MAC, NAME)
    assert data.local_name == NAME
    assert data.manufacturer_data == {0xB26C: bytes.fromhex("fda1b2c3")}
    assert data.service_uuids == ["0000ffd0-0000-1000-8000-00805f9b34fb"]
    assert -70 < data.rssi < -50


class TestNameInScanResponse:
    """A dongle that tells its name only when it is asked."""

    NAME_IN = NameIn.SCAN_RESPONSE

    @pytest.fixture
    def world(self, world: World) -> World:
        """Return the world with the name at its place."""
        link = replace(world.links[0], name_in=self.NAME_IN)
        return replace(world, links=(link,))

    async def test_passive_scan_hears_no_name(self) -> None:
        """What BlueZ shows instead, bleak takes for no name."""
        device, data = await scan("passive", FLAGS)
        assert (device.address, data.local_name) == (MAC, None)
        assert data.manufacturer_data == {0xB26C: bytes.fromhex("fda1b2c3")}
        assert data.service_uuids == ["0000ffd0-0000-1000-8000-00805f9b34fb"]

    async def test_active_scan_hears_the_name(self) -> None:
        """An active scan asks for the response."""
        _, data = await scan("active", FLAGS)
        assert data.local_name == NAME

    async def test_name_heard_once_stays_known(self) -> None:
        """BlueZ keeps names: a passive scan tells them after an active one."""
        await scan("passive", FLAGS)
        await scan("active", FLAGS)
        await asyncio.sleep(0.6)  # the temporary device is forgotten, its name is not
        _, data = await scan("passive", FLAGS)
        assert data.local_name == NAME

    async def test_pattern_of_the_name_does_not_match_passively(self) -> None:
        """A monitor for the name hears nothing."""
        pattern = (0, AdvertisementDataType.COMPLETE_LOCAL_NAME, b"BT-TH")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(scan("passive", [pattern]), 0.5)


class TestNameNowhere(TestNameInScanResponse):
    """A dongle that never tells its name."""

    NAME_IN = NameIn.NEVER

    @override
    async def test_active_scan_hears_the_name(self) -> None:
        """Not even an active scan hears one."""
        device, data = await scan("active", FLAGS)
        assert (device.address, data.local_name) == (MAC, None)

    @override
    async def test_name_heard_once_stays_known(self) -> None:
        """There is nothing to keep, not even after a connection."""
        device, _ = await scan("active", FLAGS)
        async with BleakClient(device):
            pass
        _, data = await scan("active", FLAGS)
        assert data.local_name is None


async def test_passive_scan_hears_only_its_patterns() -> None:
    """A monitor whose patterns do not match hears nothing."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(
            scan("passive", [(0, AdvertisementDataType.FLAGS, b"\x18")]), 0.5
        )


async def test_passive_scan_leaves_discovering_false(
    emulated_world: EmulatedWorld,
) -> None:
    """Discovering says nothing about passive scanning."""
    monitors = emulated_world.adapter().monitors
    async with BleakScanner(scanning_mode="passive", bluez={"or_patterns": FLAGS}):
        async with asyncio.timeout(2):
            while not monitors.has_active:
                await asyncio.sleep(0.01)
        assert not emulated_world.adapter().sessions.discovering
    assert not monitors.has_active


class TestWithoutMonitors:
    """A bluetoothd without AdvertisementMonitorManager1."""

    @pytest.fixture
    def world(self, world: World) -> World:
        """Return the world of a bluetoothd that is not experimental."""
        return replace(world, advertisement_monitor=False)

    async def test_passive_scan_is_refused(self) -> None:
        """Bleak says what BlueZ lacks."""
        with pytest.raises(BleakError, match="passive scanning on Linux requires"):
            await scan("passive", FLAGS)

    async def test_active_scan_works(self) -> None:
        """Active scanning does not need it."""
        device, _ = await scan("active", FLAGS)
        assert device.address == MAC


async def exchange(client: BleakClient, *requests: bytes) -> list[bytes]:
    """Ask one after the other; return the replies, put together from their pieces."""
    received: asyncio.Queue[bytes] = asyncio.Queue()
    await client.start_notify(REPLY, lambda _, data: received.put_nowait(bytes(data)))
    replies = []
    for request in requests:
        await client.write_gatt_char(REQUEST, request, response=False)
        reply = b""
        async with asyncio.timeout(2):
            while not modbus.has_valid_crc(reply):
                reply += await received.get()
        replies.append(reply)
    await client.stop_notify(REPLY)
    return replies


class TestCapturedPack:
    """The pack of the capture, at both MTUs."""

    @pytest.fixture(params=[23, 251])
    def world(self, world: World, request: pytest.FixtureRequest) -> World:
        """Return a world whose unit 48 holds the registers of captures A1 and A5."""
        words = {}
        for start, name in ((5042, "A1"), (5000, "A5")):
            data = frame(name)[3:-2]
            for index in range(len(data) // 2):
                words[start + index] = int.from_bytes(data[2 * index : 2 * index + 2])
        unit = Unit(unit_id=48, registers=words, readable=((5000, 5052),))
        link = replace(world.links[0], units={48: unit}, mtu=request.param)
        return replace(world, links=(link,))

    async def test_answers_as_captured(self, emulated_world: EmulatedWorld) -> None:
        """Bleak gets the captured replies, byte for byte."""
        device = await BleakScanner.find_device_by_name(NAME, timeout=2)
        assert device is not None
        async with BleakClient(device) as client:
            assert client.services.get_characteristic(REQUEST) is not None
            replies = await exchange(client, A1_REQUEST, A5_REQUEST)
        assert replies == [frame("A1"), frame("A5")]
        counted = emulated_world.statistics()[MAC]
        mtu = emulated_world.world.links[0].mtu
        assert counted.notifications == (1 + 4 if mtu == 23 else 2)
        assert (counted.connects, counted.disconnects) == (1, 1)
        assert counted.writes == 0


async def test_disconnected_callback_fires_when_the_link_breaks(
    emulated_world: EmulatedWorld,
) -> None:
    """Bleak notices a broken link and can connect again."""
    device = await BleakScanner.find_device_by_name(NAME, timeout=2)
    assert device is not None
    gone = asyncio.Event()
    async with BleakClient(device, lambda _: gone.set()):
        emulated_world.peripheral(MAC).break_link()
        async with asyncio.timeout(2):
            await gone.wait()
    async with BleakClient(device) as client:
        assert client.is_connected


async def test_many_polls_leave_nothing_behind(emulated_world: EmulatedWorld) -> None:
    """Connecting again and again works each time and wants no more notifications."""
    device = await BleakScanner.find_device_by_name(NAME, timeout=2)
    assert device is not None
    for _ in range(5):
        async with BleakClient(device) as client:
            (reply,) = await exchange(client, A1_REQUEST)
            assert reply[0] == 48
    assert emulated_world.statistics()[MAC].connects == 5


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        (Pattern(0, 0x01, b"\x06"), True),
        (Pattern(0, 0x01, b"\x02"), False),
        (Pattern(0, 0x09, b"BT-TH"), True),
        (Pattern(6, 0x09, b"FDA1B2C3"), True),
        (Pattern(5, 0x09, b"BT-TH"), False),
        (Pattern(0, 0x03, b"\xd0\xff"), True),
        (Pattern(0, 0xFF, bytes.fromhex("6cb2fda1b2c3")), True),
        (Pattern(0, 0x16, b"\x00"), False),
    ],
)
def test_patterns_are_of_the_bytes_on_the_air(
    world: World, pattern: Pattern, matches: bool
) -> None:
    """A pattern is compared with the AD structures of protocol 1.1."""
    advertisement = advertisement_of(world.links[0])
    assert pattern.matches(advertisement) is matches


def test_advertisement_fits_the_air(world: World) -> None:
    """A dongle's advertisement has exactly the 31 bytes that there are."""
    elements = list(advertisement_of(world.links[0]).elements())
    assert sum(2 + len(data) for _, data in elements) == 31


def test_advertisement_is_the_captured_one() -> None:
    """The bytes of a captured RNGC pack, its structures in their order (protocol 1.1)."""
    link = Link(name="RNGC132BAT28000194", address="4C:E1:74:68:36:92")
    elements = advertisement_of(link).elements()
    assert (
        b"".join(bytes((len(data) + 1, ad_type)) + data for ad_type, data in elements)
        == bytes.fromhex("02010607ff4ce1746836921309") + link.name.encode()
    )


def test_advertised_service_can_be_left_out(world: World) -> None:
    """A dongle may advertise no service."""
    link = replace(world.links[0], services=False)
    assert advertisement_of(link).service_uuids == ()


def test_only_bt_th_names_advertise_a_service(world: World) -> None:
    """Other names come without a service."""
    pro = replace(world.links[0], name="RNGRBP12200004F1")
    assert advertisement_of(pro).service_uuids == ()
