# SPDX-License-Identifier: Apache-2.0
"""Discovery over D-Bus: sessions, filters, signals, expiry."""

import asyncio
from dataclasses import replace
from itertools import pairwise

from dbus_fast import Variant
import pytest

from tests.emulator import Adapter, EmulatedWorld, World, parse_world
from tests.emulator.bluez_names import DEVICE
from tests.emulator.discovery_filter import DiscoveryFilter, merged_filter

from .dbus_client import HCI0, CallFailed, Client, connected

DONGLE = f"{HCI0}/dev_6C_B2_FD_A1_B2_C3"
LE_FILTER = {"Transport": Variant("s", "le"), "DuplicateData": Variant("b", False)}


async def _heard(client: Client, path: str = DONGLE) -> None:
    await client.until(lambda: path in client.objects_named("InterfacesAdded"))


async def test_scan_finds_the_dongle(client: Client) -> None:
    """A scan makes the dongle's object, with what it advertises."""
    assert DONGLE not in await client.objects()
    await client.call("SetDiscoveryFilter", "a{sv}", LE_FILTER)
    await client.call("StartDiscovery")
    await _heard(client)
    device = (await client.objects())[DONGLE][DEVICE]
    assert device["Name"] == device["Alias"] == "BT-TH-FDA1B2C3"
    assert device["ManufacturerData"] == {0xB26C: bytes.fromhex("fda1b2c3")}
    assert device["UUIDs"] == ["0000ffd0-0000-1000-8000-00805f9b34fb"]
    assert device["AdvertisingFlags"] == b"\x06"
    assert device["Adapter"] == HCI0
    assert not device["Connected"]


async def test_nothing_is_heard_without_a_scan(client: Client) -> None:
    """Without a session no object appears."""
    await asyncio.sleep(0.3)
    assert DONGLE not in await client.objects()


async def test_discovering_follows_the_sessions(
    client: Client, other_client: Client
) -> None:
    """Discovering is true from the first session's start to the last one's end."""
    await client.call("StartDiscovery")
    assert await client.get("Discovering") is True
    await other_client.call("StartDiscovery")
    await client.call("StopDiscovery")
    assert await client.get("Discovering") is True
    await other_client.call("StopDiscovery")
    assert await client.get("Discovering") is False
    assert client.changes(HCI0, "Discovering") == [True, False]


async def test_second_start_of_a_sender_is_in_progress(client: Client) -> None:
    """A sender has one session."""
    await client.call("StartDiscovery")
    with pytest.raises(CallFailed, match=r"org\.bluez\.Error\.InProgress: Operation"):
        await client.call("StartDiscovery")


async def test_nobody_stops_anothers_discovery(
    client: Client, other_client: Client
) -> None:
    """StopDiscovery concerns the caller's session only."""
    await client.call("StartDiscovery")
    with pytest.raises(CallFailed) as caught:
        await other_client.call("StopDiscovery")
    assert caught.value.name == "org.bluez.Error.Failed"
    assert caught.value.text == "No discovery started"
    assert await client.get("Discovering") is True


async def test_session_ends_with_its_sender(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """A client that leaves the bus takes its session with it."""
    async with connected(emulated_world.bus.address) as leaving:
        await leaving.call("StartDiscovery")
        assert await client.get("Discovering") is True
    await client.until(lambda: client.changes(HCI0, "Discovering") == [True, False])
    assert not emulated_world.adapter().sessions.has_clients


@pytest.mark.parametrize(
    "options",
    [
        {"Transport": Variant("s", "usb")},
        {"Transport": Variant("b", True)},
        {"Surprise": Variant("s", "le")},
        {"RSSI": Variant("n", -60), "Pathloss": Variant("q", 3)},
    ],
)
async def test_wrong_filter_is_refused(
    client: Client, options: dict[str, Variant]
) -> None:
    """A filter that BlueZ would refuse is refused."""
    with pytest.raises(CallFailed, match=r"InvalidArguments"):
        await client.call("SetDiscoveryFilter", "a{sv}", options)


@pytest.mark.parametrize(
    ("options", "heard"),
    [
        ({"RSSI": Variant("n", -90)}, True),
        ({"RSSI": Variant("n", -30)}, False),
        ({"UUIDs": Variant("as", ["0000FFD0-0000-1000-8000-00805F9B34FB"])}, True),
        ({"UUIDs": Variant("as", ["0000180f-0000-1000-8000-00805f9b34fb"])}, False),
    ],
)
async def test_filter_decides_what_is_heard(
    client: Client, options: dict[str, Variant], heard: bool
) -> None:
    """Only what passes the filter makes an object."""
    await client.call("SetDiscoveryFilter", "a{sv}", options)
    await client.call("StartDiscovery")
    await asyncio.sleep(0.3)
    assert (DONGLE in await client.objects()) is heard


async def test_strength_is_signalled_when_it_moves(client: Client) -> None:
    """With the usual wobble each advertisement moves RSSI by at least 8 dB."""
    await client.call("StartDiscovery")
    await client.until(lambda: len(client.changes(DONGLE, "RSSI")) >= 3)
    values = client.changes(DONGLE, "RSSI")[:3]
    assert {abs(one - other) for one, other in pairwise(values)} == {10}
    assert client.changes(DONGLE, "ManufacturerData") == []


async def test_end_of_discovery_takes_the_strength_away(client: Client) -> None:
    """RSSI is invalid when nobody scans."""
    await client.call("StartDiscovery")
    await _heard(client)
    await client.call("StopDiscovery")
    await client.until(
        lambda: (DONGLE, "PropertiesChanged", [DEVICE, {}, ["RSSI"]]) in client.signals
    )
    assert "RSSI" not in (await client.objects())[DONGLE][DEVICE]


async def test_device_that_is_not_heard_expires(client: Client) -> None:
    """A temporary device goes after its time-out, and not before."""
    await client.call("StartDiscovery")
    await client.until(lambda: len(client.changes(DONGLE, "RSSI")) >= 6)
    assert client.objects_named("InterfacesRemoved") == []
    await client.call("StopDiscovery")
    await client.until(lambda: DONGLE in client.objects_named("InterfacesRemoved"))
    assert DONGLE not in await client.objects()


async def test_removed_device_goes_at_once(client: Client) -> None:
    """RemoveDevice takes an object away; what is not there is not."""
    await client.call("StartDiscovery")
    await _heard(client)
    await client.call("StopDiscovery")
    await client.call("RemoveDevice", "o", DONGLE)
    assert DONGLE not in await client.objects()
    with pytest.raises(CallFailed, match="DoesNotExist"):
        await client.call("RemoveDevice", "o", DONGLE)


async def test_duplicate_data_repeats_the_data(client: Client) -> None:
    """Who asks for duplicates gets the data with each advertisement."""
    await client.call(
        "SetDiscoveryFilter", "a{sv}", {"DuplicateData": Variant("b", True)}
    )
    await client.call("StartDiscovery")
    await client.until(lambda: len(client.changes(DONGLE, "ManufacturerData")) >= 2)


class TestStillStrength:
    """A peripheral whose strength does not move."""

    @pytest.fixture
    def world(self, world: World) -> World:
        """Return the world without wobble."""
        return replace(world, rssi_wobble=0)

    async def test_says_nothing_new(self, client: Client) -> None:
        """It is signalled once, and kept, though it goes on advertising."""
        await client.call("StartDiscovery")
        await _heard(client)
        await asyncio.sleep(0.5)
        assert client.changes(DONGLE, "RSSI") == []
        assert DONGLE in await client.objects()


class TestTwoAdapters:
    """A world with a second, weaker adapter."""

    @pytest.fixture
    def world(self, world: World) -> World:
        """Return the world with two adapters, and a third that hears nothing."""
        return replace(
            world,
            adapters=(
                Adapter(name="hci0", address="B8:27:EB:5A:00:01"),
                Adapter(name="hci1", address="00:1A:7D:DA:71:13", attenuation=20),
                Adapter(name="hci2", address="00:1A:7D:DA:71:14", attenuation=60),
            ),
        )

    async def test_each_hears_for_itself(self, client: Client) -> None:
        """Each adapter has its own sessions and its own strength."""
        hci1, hci2 = "/org/bluez/hci1", "/org/bluez/hci2"
        await client.call("StartDiscovery", path=hci1)
        await client.call("StartDiscovery", path=hci2)
        await _heard(client, DONGLE.replace("hci0", "hci1"))
        assert await client.get("Discovering") is False
        objects = await client.objects()
        assert DONGLE not in objects
        assert DONGLE.replace("hci0", "hci2") not in objects
        device = objects[DONGLE.replace("hci0", "hci1")][DEVICE]
        assert device["RSSI"] in {-62 - 20 - 5, -62 - 20 + 5}


class TestEmptyWorld:
    """An adapter with nothing around it."""

    @pytest.fixture
    def world(self) -> World:
        """Return a world without links."""
        return parse_world('{"links": []}')

    async def test_scans_in_vain(self, client: Client) -> None:
        """It scans, and there is no device."""
        await client.call("StartDiscovery")
        assert await client.get("Discovering") is True
        assert sorted(await client.objects()) == ["/org/bluez", HCI0]


async def test_filter_of_a_running_discovery_can_be_changed(client: Client) -> None:
    """A new filter takes effect at once, and the scan goes on."""
    await client.call("StartDiscovery")
    await _heard(client)
    await client.call("SetDiscoveryFilter", "a{sv}", {"RSSI": Variant("n", -30)})
    client.signals.clear()
    await asyncio.sleep(0.3)
    assert client.changes(DONGLE, "RSSI") == []
    await client.call("SetDiscoveryFilter", "a{sv}", {})
    await client.until(lambda: bool(client.changes(DONGLE, "RSSI")))
    assert await client.get("Discovering") is True


async def test_prepared_filter_is_kept_until_it_is_removed(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """A filter lasts over the end of a session, and ends when it is emptied or left."""
    sessions = emulated_world.adapter().sessions
    await client.call("SetDiscoveryFilter", "a{sv}", LE_FILTER)
    await client.call("StartDiscovery")
    await client.call("StopDiscovery")
    await client.call("SetDiscoveryFilter", "a{sv}", LE_FILTER)
    assert len(sessions.prepared) == 1
    await client.call("SetDiscoveryFilter", "a{sv}", {})
    assert sessions.prepared == []
    async with connected(emulated_world.bus.address) as leaving:
        await leaving.call("SetDiscoveryFilter", "a{sv}", LE_FILTER)
        assert len(sessions.prepared) == 1
    while sessions.prepared:
        await client.get("Powered")


LE = DiscoveryFilter(transport="le", uuids=("a", "b"), rssi=-80)
AUTO = DiscoveryFilter(uuids=("b", "c"), rssi=-60)


@pytest.mark.parametrize(
    ("filters", "merged"),
    [
        ([], None),
        ([None], None),
        ([LE, None], None),
        ([LE], DiscoveryFilter(transport="le", uuids=("a", "b"), rssi=-80)),
        ([LE, AUTO], DiscoveryFilter(uuids=("a", "b", "c"), rssi=-80)),
        ([LE, DiscoveryFilter(transport="le")], DiscoveryFilter(transport="le")),
    ],
)
def test_filters_are_merged(
    filters: list[DiscoveryFilter | None], merged: DiscoveryFilter | None
) -> None:
    """One scan serves all clients: the widest of what they want."""
    assert merged_filter(filters) == merged


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (["org.bluez.Adapter1", "Surprise"], "InvalidArgs: No such property"),
        (["org.bluez.Surprise1", "Powered"], "InvalidArgs: No such interface"),
    ],
)
async def test_properties_that_there_are_not(
    client: Client, body: list[str], error: str
) -> None:
    """A property or interface that there is not is refused."""
    with pytest.raises(CallFailed, match=error):
        await client.call(
            "Get", "ss", *body, interface="org.freedesktop.DBus.Properties"
        )


async def test_all_properties_are_told(client: Client) -> None:
    """GetAll tells what the object manager tells."""
    told = await client.call(
        "GetAll", "s", "org.bluez.Adapter1", interface="org.freedesktop.DBus.Properties"
    )
    assert told == (await client.objects())[HCI0]["org.bluez.Adapter1"]


async def test_pairing_agents_are_taken(client: Client) -> None:
    """Agents are registered and unregistered, which clients such as desktops do."""
    agent = {"path": "/org/bluez", "interface": "org.bluez.AgentManager1"}
    await client.call("RegisterAgent", "os", "/agent", "NoInputNoOutput", **agent)
    await client.call("RequestDefaultAgent", "o", "/agent", **agent)
    await client.call("UnregisterAgent", "o", "/agent", **agent)
    with pytest.raises(CallFailed, match="UnknownMethod"):
        await client.call("Surprise", **agent)


async def test_discovery_filters_are_told(client: Client) -> None:
    """The names of the options are told."""
    assert "Transport" in await client.call("GetDiscoveryFilters")
