# SPDX-License-Identifier: Apache-2.0
"""Each fault of adapters, links and the bus does what the table says.

The faults of batteries are tested in `test_line`, those that public reports tell of in
`test_field_faults`; `test_every_fault_is_tested` sees to it that none is forgotten.
"""

import asyncio
from dataclasses import replace
from functools import partial
from struct import unpack
from typing import Any

from hypothesis import given, strategies as st
import pytest

from tests.emulator import (
    FAULTS,
    Adapter,
    EmulatedWorld,
    FaultError,
    SolarDay,
    World,
    load_world,
    modbus,
    parse_switch,
    rival,
)
from tests.emulator.__main__ import WORLDS
from tests.emulator.bad_cable import part_carried
from tests.emulator.bluez_names import DEVICE, GATT_CHARACTERISTIC
from tests.emulator.dbus_connection import disconnected
from tests.emulator.devices import devices_of
from tests.emulator.faults import Scope, Until, activate, describe

from . import test_field_faults, test_line
from .dbus_client import HCI0, LIMIT, CallFailed, Client, connected
from .dongle import (
    DONGLE,
    MAC,
    ROOT,
    connect,
    has_changed,
    heard_again,
    hears_nothing,
    owner,
    scan,
)


@pytest.mark.parametrize("name", ["discovery-stuck", "scanner-silent"])
async def test_fault_discovery_stuck_and_scanner_silent(
    client: Client, emulated_world: EmulatedWorld, name: str
) -> None:
    """Calls succeed, Discovering is true, nothing is heard, until a power cycle."""
    await scan(client)
    fault = await emulated_world.set_fault(name)
    await hears_nothing(client)
    assert await client.get("Discovering") is True
    await client.call("StopDiscovery")
    await client.call("StartDiscovery")
    await hears_nothing(client)
    await client.power(on=False)
    await emulated_world.fault_ended(fault)
    await client.power(on=True)
    await scan(client)
    assert list(emulated_world.active_faults()) == []


async def test_fault_discovery_stuck_finds_nothing_to_connect(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """A deaf adapter notices no advertisement to connect to, and gives up."""
    await scan(client)
    await emulated_world.set_fault("discovery-stuck")
    with pytest.raises(CallFailed, match="le-connection-abort-by-local"):
        await connect(client)
    assert emulated_world.statistics()[MAC].failed_connects == 1


@pytest.mark.parametrize(
    ("until", "survives_power", "survives_plug"),
    [
        ("power-cycle", False, False),
        ("unplugged", True, False),
        ("cleared", True, True),
    ],
)
async def test_what_ends_a_fault(
    client: Client,
    emulated_world: EmulatedWorld,
    until: str,
    survives_power: bool,
    survives_plug: bool,
) -> None:
    """A fault lasts as long as its parameter says."""
    await emulated_world.set_fault("start-refused", until=until)
    await client.power(on=False)
    await client.power(on=True)
    assert bool(emulated_world.active_faults()) is survives_power
    unplugged = await emulated_world.set_fault("unplugged", seconds=0.01)
    await emulated_world.fault_ended(unplugged)
    assert bool(emulated_world.active_faults()) is survives_plug
    await emulated_world.clear_faults()
    await client.call("StartDiscovery")


async def test_fault_scan_session_lost(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """The session is gone without a word to its client; a new one works."""
    await scan(client)
    fault = await emulated_world.set_fault("scan-session-lost")
    await emulated_world.fault_ended(fault)
    assert await client.get("Discovering") is False
    assert await client.get("Powered") is True
    with pytest.raises(CallFailed, match="No discovery started"):
        await client.call("StopDiscovery")
    await client.call("StartDiscovery")
    await heard_again(client)


@pytest.mark.parametrize("name", ["bluetoothd-restart", "bluetoothd-graceful-restart"])
async def test_fault_bluetoothd_restart_and_bluetoothd_graceful_restart(
    client: Client, emulated_world: EmulatedWorld, name: str
) -> None:
    """The name goes, with InterfacesRemoved only when graceful, and comes back."""
    await scan(client)
    await connect(client)
    before = await owner(client)
    client.signals.clear()
    await emulated_world.set_fault(name, seconds=60)
    assert await owner(client) is None
    with pytest.raises(CallFailed, match="ServiceUnknown"):
        await client.get("Powered")
    graceful = name == "bluetoothd-graceful-restart"
    assert (HCI0 in client.objects_named("InterfacesRemoved")) is graceful
    assert emulated_world.peripheral(MAC).central is None
    await emulated_world.clear_fault(name)
    assert await owner(client) not in {None, before}
    await client.until(lambda: HCI0 in client.objects_named("InterfacesAdded"))
    assert await client.get("Discovering") is False
    assert await client.get("Powered") is True


async def test_fault_bluetoothd_restart_keeps_what_is_stored(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """A device that was connected is there again, without strength and services."""
    await scan(client)
    await connect(client)
    fault = await emulated_world.set_fault("bluetoothd-restart", seconds=0.01)
    await emulated_world.fault_ended(fault)
    objects = await client.objects()
    assert "RSSI" not in objects[DONGLE][DEVICE]
    assert objects[DONGLE][DEVICE]["Connected"] is False
    assert not [path for path in objects if "/service" in path]
    with pytest.raises(CallFailed, match=r"UnknownObject: Method \"StartNotify\""):
        await client.call(
            "StartNotify",
            path=f"{DONGLE}/service002c/char002d",
            interface=GATT_CHARACTERISTIC,
        )
    await connect(client)


async def test_fault_bluetoothd_hung(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """No call is answered and nothing is signalled, until it goes on with all of it."""
    await scan(client)
    await emulated_world.set_fault("bluetoothd-hung")
    asked = asyncio.create_task(client.get("Powered"))
    await hears_nothing(client)
    assert not asked.done()
    assert await owner(client) is not None
    await emulated_world.clear_fault("bluetoothd-hung")
    assert await asked is True
    await heard_again(client)


async def test_fault_bluetoothd_hung_notices_later_who_left(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """Who left meanwhile has left when it goes on."""
    async with connected(emulated_world.bus.address) as leaving:
        await leaving.call("StartDiscovery")
        await emulated_world.set_fault("bluetoothd-hung")
    await owner(client)
    assert emulated_world.adapter().sessions.has_clients
    await emulated_world.clear_fault("bluetoothd-hung")
    await client.until(lambda: client.changes(HCI0, "Discovering")[-1:] == [False])
    assert not emulated_world.adapter().sessions.has_clients


async def test_fault_bus_restart(client: Client, emulated_world: EmulatedWorld) -> None:
    """Every connection ends; a new one on the same socket finds BlueZ anew."""
    await scan(client)
    process_id = emulated_world.bus.process_id
    fault = await emulated_world.set_fault("bus-restart", seconds=0.05)
    await disconnected(client.bus)
    await emulated_world.fault_ended(fault)
    assert emulated_world.bus.process_id not in {None, process_id}
    async with connected(emulated_world.bus.address) as again:
        assert await again.get("Discovering") is False
        await again.call("StartDiscovery")
        await again.until(lambda: DONGLE in again.objects_named("InterfacesAdded"))


async def test_fault_renumbered(client: Client, emulated_world: EmulatedWorld) -> None:
    """The adapter goes and comes back under another name, with the same address."""
    await scan(client)
    address = await client.get("Address")
    await emulated_world.set_fault("renumbered", to="hci3", seconds=60)
    assert HCI0 not in await client.objects()
    await emulated_world.clear_fault("renumbered")
    hci3 = f"{ROOT}/hci3"
    assert await client.get("Address", path=hci3) == address
    assert await client.get("Discovering", path=hci3) is False
    with pytest.raises(CallFailed, match="UnknownObject"):
        await client.get("Address")
    removed = client.objects_named("InterfacesRemoved")
    assert removed.index(DONGLE) < removed.index(HCI0)
    await client.call("StartDiscovery", path=hci3)
    await client.until(
        lambda: (
            f"{hci3}/dev_6C_B2_FD_A1_B2_C3" in client.objects_named("InterfacesAdded")
        )
    )


@pytest.mark.parametrize("name", ["hci0", "usb1", "hci", "hci1/x"])
async def test_fault_renumbered_needs_a_free_name(
    client: Client, emulated_world: EmulatedWorld, name: str
) -> None:
    """A name that is taken or none is refused, and nothing happens."""
    with pytest.raises(FaultError, match="renumbered.to"):
        await emulated_world.set_fault("renumbered", to=name)
    assert list(emulated_world.active_faults()) == []
    assert await client.get("Powered") is True


async def test_fault_start_refused(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """Every start of a scan is InProgress, also after a stop, until a power cycle."""
    await emulated_world.set_fault("start-refused")
    for _ in range(2):
        with pytest.raises(CallFailed, match="InProgress"):
            await client.call("StartDiscovery")
        assert await client.get("Discovering") is False
    with pytest.raises(CallFailed, match="No discovery started"):
        await client.call("StopDiscovery")
    await client.power(on=False)
    await client.power(on=True)
    await scan(client)


async def test_fault_stuck_start(
    client: Client, other_client: Client, emulated_world: EmulatedWorld
) -> None:
    """The first start is never answered, then InProgress for ever, while others scan."""
    await emulated_world.set_fault("stuck-start", seconds=0.05)
    starting = asyncio.create_task(client.call("StartDiscovery"))
    await client.until(lambda: client.changes(HCI0, "Discovering") == [True])
    await client.until(lambda: DONGLE in client.objects_named("InterfacesAdded"))
    for member in ("StartDiscovery", "StopDiscovery", "StartDiscovery"):
        with pytest.raises(CallFailed, match="InProgress"):
            await client.call(member)
    await other_client.call("StartDiscovery")
    await other_client.call("StopDiscovery")
    assert await client.get("Discovering") is True
    await client.power(on=False)
    await client.power(on=True)
    assert list(emulated_world.active_faults()) == []
    await client.call("StartDiscovery")
    assert not starting.done()
    starting.cancel()


async def test_fault_stuck_start_ends_with_the_stuck_client(
    emulated_world: EmulatedWorld,
) -> None:
    """A new connection of the stuck client can scan again."""
    await emulated_world.set_fault("stuck-start", seconds=0.05)
    async with connected(emulated_world.bus.address) as stuck:
        starting = asyncio.create_task(stuck.call("StartDiscovery"))
        async with asyncio.timeout(LIMIT):
            # Until then the controller refuses every other start.
            while not emulated_world.adapter().sessions.discovering:
                await asyncio.sleep(0.01)
        assert rival.SENDER in emulated_world.adapter().sessions.senders()
        starting.cancel()
    async with connected(emulated_world.bus.address) as again:
        await again.call("StartDiscovery")


async def test_fault_stop_refused(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """Discovering stays true, the next start scans nothing, the next stop heals it."""
    await scan(client)
    await emulated_world.set_fault("stop-refused")
    with pytest.raises(CallFailed, match="InProgress"):
        await client.call("StopDiscovery")
    await emulated_world.clear_fault("stop-refused")
    assert await client.get("Discovering") is True
    with pytest.raises(CallFailed, match="No discovery started"):
        await client.call("StopDiscovery")
    await client.call("StartDiscovery")
    await hears_nothing(client)
    await client.call("StopDiscovery")
    assert await client.get("Discovering") is False
    await client.call("StartDiscovery")
    await heard_again(client)


async def test_fault_powered_off(client: Client, emulated_world: EmulatedWorld) -> None:
    """The adapter is off until somebody switches it on."""
    await scan(client)
    fault = await emulated_world.set_fault("powered-off")
    assert (await client.get("Powered"), await client.get("PowerState")) == (
        False,
        "off",
    )
    assert await client.get("Discovering") is False
    assert list(emulated_world.active_faults()) == [fault]
    await client.power(on=True)
    assert list(emulated_world.active_faults()) == []


async def test_fault_powered_off_is_cleared_by_power(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """Clearing the fault switches the adapter on."""
    await emulated_world.set_fault("powered-off")
    await emulated_world.clear_fault("powered-off")
    assert (await client.get("Powered"), await client.get("PowerState")) == (True, "on")


async def test_fault_rfkill_blocked(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """The adapter is off and cannot be switched on, until it is unblocked."""
    await emulated_world.set_fault("rfkill-blocked")
    assert await client.get("Powered") is False
    assert await client.get("PowerState") == "off-blocked"
    with pytest.raises(CallFailed, match="Blocked: Blocked through rfkill"):
        await client.power(on=True)
    await emulated_world.clear_fault("rfkill-blocked")
    assert (await client.get("Powered"), await client.get("PowerState")) == (True, "on")
    assert client.changes(HCI0, "PowerState") == ["off-blocked", "off-enabling", "on"]


async def test_fault_power_set_failing(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """Switching fails and changes nothing."""
    await emulated_world.set_fault("power-set-failing")
    with pytest.raises(CallFailed, match=r"org\.bluez\.Error\.Failed"):
        await client.power(on=False)
    assert (await client.get("Powered"), await client.get("PowerState")) == (True, "on")
    await emulated_world.clear_fault("power-set-failing")
    await client.power(on=False)
    await emulated_world.set_fault("power-set-failing")
    with pytest.raises(CallFailed, match=r"org\.bluez\.Error\.Failed"):
        await client.power(on=True)
    assert await client.get("PowerState") == "off"


async def test_fault_unplugged(client: Client, emulated_world: EmulatedWorld) -> None:
    """The adapter's objects go, and come back when it is plugged in again."""
    await scan(client)
    await emulated_world.set_fault("unplugged")
    await client.until(
        lambda: client.objects_named("InterfacesRemoved") == [DONGLE, HCI0]
    )
    with pytest.raises(CallFailed, match="UnknownObject"):
        await client.get("Powered")
    client.signals.clear()
    await emulated_world.clear_fault("unplugged")
    assert HCI0 in client.objects_named("InterfacesAdded") or await client.get(
        "Powered"
    )
    assert await client.get("Discovering") is False
    await client.call("StartDiscovery")
    await heard_again(client)


async def test_fault_unplugged_survives_a_restart(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """A bluetoothd that starts meanwhile does not show the adapter either."""
    await emulated_world.set_fault("unplugged")
    fault = await emulated_world.set_fault("bluetoothd-restart", seconds=0.01)
    await emulated_world.fault_ended(fault)
    assert HCI0 not in await client.objects()
    await emulated_world.clear_fault("unplugged")
    assert HCI0 in await client.objects()


async def test_fault_unplugged_returns_as_another(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """It may come back under another number; a name that is taken is refused."""
    with pytest.raises(FaultError, match="unplugged.to: hci0 is not free"):
        await emulated_world.set_fault("unplugged", to="hci0")
    fault = await emulated_world.set_fault("unplugged", seconds=0.01, to="hci3")
    await emulated_world.fault_ended(fault)
    objects = await client.objects()
    assert HCI0 not in objects
    assert "/org/bluez/hci3" in objects


async def test_fault_connects_failing(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """Advertisements are heard, each connect comes up and is aborted, until a power cycle."""
    await scan(client)
    await emulated_world.set_fault("connects-failing")
    with pytest.raises(CallFailed, match="le-connection-abort-by-local"):
        await connect(client)
    assert client.changes(DONGLE, "Connected") == [True, False]
    await heard_again(client)
    await client.power(on=False)
    await client.power(on=True)
    await client.call("StartDiscovery")
    await heard_again(client)
    await connect(client)


async def test_fault_connects_failing_with_another_error(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """The error can be chosen; then there is no link in between."""
    await scan(client)
    await emulated_world.set_fault("connects-failing", error="Input/output error")
    with pytest.raises(CallFailed, match="Input/output error"):
        await connect(client)
    assert client.changes(DONGLE, "Connected") == []


async def test_fault_out_of_range(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """A live link breaks, and nothing is heard until it is over."""
    await scan(client)
    await connect(client)
    await emulated_world.set_fault("out-of-range", link=MAC)
    await client.until(lambda: client.changes(DONGLE, "Connected") == [True, False])
    await hears_nothing(client)
    with pytest.raises(CallFailed, match="le-connection-abort-by-local"):
        await connect(client)
    await emulated_world.clear_fault("out-of-range")
    await heard_again(client)


async def test_fault_held_by_other_central(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """Who is held elsewhere neither advertises nor connects; our link stays ours."""
    await scan(client)
    await emulated_world.set_fault("held-by-other-central")
    await hears_nothing(client)
    with pytest.raises(CallFailed, match="le-connection-abort-by-local"):
        await connect(client)
    await emulated_world.clear_fault("held-by-other-central")
    await connect(client)
    await emulated_world.set_fault("held-by-other-central")
    assert await client.get("Connected", DONGLE, DEVICE) is True


async def test_fault_link_drops(client: Client, emulated_world: EmulatedWorld) -> None:
    """Each link breaks after its time."""
    await scan(client)
    await emulated_world.set_fault("link-drops", seconds=0.1)
    for links in (1, 2):
        await connect(client)
        expected = [True, False] * links
        await client.until(partial(has_changed, client, expected))


class TestTwoAdapters:
    """Faults of one adapter leave the other alone."""

    @pytest.fixture
    def world(self, world: World) -> World:
        """Return the world with a second adapter."""
        second = Adapter(name="hci1", address="00:1A:7D:DA:71:13")
        return replace(world, adapters=(*world.adapters, second))

    @pytest.mark.parametrize("target", ["hci1", "00:1A:7D:DA:71:13"])
    async def test_scanner_silent_on_one(
        self, client: Client, emulated_world: EmulatedWorld, target: str
    ) -> None:
        """One hears nothing while the other does."""
        hci1 = f"{ROOT}/hci1"
        await client.call("StartDiscovery", path=hci1)
        await scan(client)
        await emulated_world.set_fault("scanner-silent", adapter=target)
        other = DONGLE.replace("hci0", "hci1")
        # Its answer comes after what was signalled before the fault.
        await client.get("Powered", path=hci1)
        client.signals.clear()
        await client.until(lambda: len(client.changes(DONGLE, "RSSI")) >= 3)
        assert client.changes(other, "RSSI") == []
        await client.power(on=False)
        assert emulated_world.active_faults()

    async def test_same_fault_on_both(
        self, client: Client, emulated_world: EmulatedWorld
    ) -> None:
        """A fault may be on for several targets; clearing its name clears all."""
        await emulated_world.set_fault("start-refused", adapter="hci0")
        await emulated_world.set_fault("start-refused", adapter="hci1")
        await emulated_world.set_fault("start-refused", adapter="hci1")
        assert len(emulated_world.active_faults()) == 2
        await emulated_world.clear_fault("start-refused")
        for name in ("hci0", "hci1"):
            await client.call("StartDiscovery", path=f"{ROOT}/{name}")


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("surprise", {}, "surprise: no such fault; known are discovery-stuck"),
        ("silent", {"surprise": 1}, "silent.surprise: no such parameter"),
        ("silent", {"unit": "48"}, "silent.unit: must be a number"),
        ("silent", {"unit": True}, "silent.unit: must be a number"),
        ("silent", {"unit": 48.0}, "silent.unit: must be an integer"),
        ("silent", {"unit": 256}, "silent.unit: must be 0 to 255"),
        ("silent", {"link": 7}, "silent.link: must be a text"),
        ("silent", {"link": "x"}, "silent.link: there is no x"),
        ("late-reply", {"delay": float("nan")}, "late-reply.delay: must be 0 to 600"),
        ("start-refused", {"until": "never"}, "start-refused.until: must be one of"),
        (
            "start-refused",
            {"adapter": "hci9"},
            "start-refused.adapter: there is no hci9",
        ),
        ("renumbered", {"to": "x" * 101}, "renumbered.to: is too long"),
    ],
)
async def test_wrong_switches_are_refused(
    emulated_world: EmulatedWorld, name: str, values: dict[str, Any], message: str
) -> None:
    """A switch that does not exist or is set wrongly is refused with the place."""
    with pytest.raises(FaultError) as caught:
        await emulated_world.set_fault(name, **values)
    assert str(caught.value).startswith(message)
    assert list(emulated_world.active_faults()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("late-reply=", None),
        ('late-reply={"delay": 1}', None),
        ("late-reply=7", "late-reply: the parameters must be a JSON object"),
        ("late-reply={", "late-reply: the parameters are not JSON"),
        ("=", ": no such fault"),
    ],
)
def test_switches_are_parsed(text: str, message: str | None) -> None:
    """A switch is a name, with a JSON object of parameters or without."""
    if message is None:
        assert parse_switch(text).name == "late-reply"
    else:
        with pytest.raises(FaultError) as caught:
            parse_switch(text)
        assert str(caught.value).startswith(message)


@given(st.sampled_from(sorted(FAULTS)), st.text())
def test_any_switch_is_parsed_or_refused(name: str, text: str) -> None:
    """Whatever follows the name, the outcome is a fault or the one error."""
    try:
        fault = parse_switch(f"{name}={text}")
    except FaultError:
        return
    assert fault.name == name


def test_fault_bad_cable() -> None:
    """Its battery carries less and the others more: at the bar all have the same voltage."""
    link = load_world(WORLDS / "owner.json").links[0]
    day = SolarDay(seconds=86_400.0, start_hour=12)
    fault = activate("bad-cable", {"unit": 49, "milliohms": 50})
    parts = {unit: part_carried(link, unit, [fault]) for unit in link.units}
    assert sum(parts.values()) == pytest.approx(4.0)
    assert parts[49] < 0.5
    assert {parts[48], parts[50], parts[51]} == {parts[48]}
    devices = {
        device.reply_unit: device
        for device in devices_of(link, day, lambda: 0.0, parts.__getitem__)
    }
    read = {}
    for unit in (48, 49):
        request = modbus.parse_request(modbus.read_request(unit, 5042, 2))
        assert request is not None
        read[unit] = unpack(">hH", devices[unit].answer(request)[3:-2])
    current, voltage = read[49]
    other_current, other_voltage = read[48]
    assert 0 < current < 0.5 * other_current
    at_the_bar = voltage / 10 + 0.05 * current / 100
    assert at_the_bar == pytest.approx(other_voltage / 10, abs=0.2)


def test_bad_cable_of_the_first_battery_by_default() -> None:
    """Without a unit it is the first one behind each link; without the fault all carry alike."""
    link = load_world(WORLDS / "owner.json").links[0]
    assert {part_carried(link, unit, []) for unit in link.units} == {1.0}
    fault = activate("bad-cable", {})
    parts = {unit: part_carried(link, unit, [fault]) for unit in link.units}
    assert min(parts, key=parts.__getitem__) == 48
    elsewhere = activate("bad-cable", {"link": "AA:AA:AA:AA:AA:AA"})
    assert part_carried(link, 48, [elsewhere]) == 1.0


def test_table_is_consistent() -> None:
    """Each row has a kebab-case name, a description and parameters that take their defaults."""
    for name, fault in FAULTS.items():
        assert name == fault.name
        assert name == name.lower()
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz-")
        assert fault.description
        active = activate(name, {})
        assert activate(name, dict(active.values)).values == active.values
        assert isinstance(active.until, Until)
        assert ("adapter" in fault.parameters) is (fault.scope is Scope.ADAPTER)
    assert [row["name"] for row in describe()] == list(FAULTS)


def test_every_fault_is_tested() -> None:
    """For each row there is a test that has its name."""
    tests = " ".join(
        name
        for name in [
            *globals(),
            *vars(test_line),
            *vars(test_field_faults),
            *vars(test_field_faults.TestWeakSignal),
        ]
        if name.startswith("test_fault_")
    )
    assert [name for name in FAULTS if name.replace("-", "_") not in tests] == []


async def test_clearing_what_is_not_on_is_fine(emulated_world: EmulatedWorld) -> None:
    """Clearing a fault that is not on does nothing; one that does not exist is refused."""
    await emulated_world.clear_fault("silent")
    with pytest.raises(FaultError):
        await emulated_world.clear_fault("surprise")
