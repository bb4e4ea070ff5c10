# SPDX-License-Identifier: Apache-2.0
"""The watcher of bluetoothd on a real dbus-daemon with an emulated bluetoothd."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
import pytest

from custom_components.renogy_bt.bluez import system_bus, watcher
from custom_components.renogy_bt.bluez.exceptions import (
    AccessDenied,
    AdapterGone,
    Blocked,
    BlueZError,
    BusUnavailable,
    CallTimedOut,
)
from custom_components.renogy_bt.bluez.models import BusFault
from custom_components.renogy_bt.bluez.system_bus import Signal
from custom_components.renogy_bt.bluez.watcher import BlueZWatcher
from tests.emulator import EmulatedWorld, PrivateBus, World
from tests.insides import bus_of, connection_of, unanswered_calls

LIMIT = 5.0
SHORT_CALL = 0.15
SHORT_PAUSE = 0.05


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pauses and limits be short enough for a test."""
    monkeypatch.setattr(watcher, "FIRST_PAUSE", SHORT_PAUSE)
    monkeypatch.setattr(watcher, "CALL_LIMIT", SHORT_CALL)


@pytest.fixture
def world(world: World) -> World:
    """Return a world with frequent advertisements."""
    return replace(world, advertising_interval=0.05)


class Watched:
    """A watcher with the changes that it told of."""

    def __init__(self, address: str | None = None) -> None:
        """Watch the system bus, or the one at an address."""
        self.changed = asyncio.Event()
        self.changes = 0
        self.watcher = BlueZWatcher(self._on_change, bus_address=address)

    def _on_change(self) -> None:
        self.changes += 1
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a change that makes something so."""
        async with asyncio.timeout(LIMIT):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


async def hang_up(bus: MessageBus) -> None:
    """Close a connection and wait until it is closed."""
    bus.disconnect()
    await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


@pytest.fixture
async def watched(emulated_world: EmulatedWorld) -> AsyncGenerator[Watched]:
    """Watch the emulated world; the adapter is known already."""
    watched = Watched()
    watched.watcher.start()
    await watched.until(lambda: watched.watcher.sample().known)
    yield watched
    await watched.watcher.stop()


def mac(emulated_world: EmulatedWorld) -> str:
    """Return the address of the adapter."""
    return emulated_world.world.adapters[0].address


async def test_adapter_is_known(
    watched: Watched, emulated_world: EmulatedWorld
) -> None:
    """The first look shows the adapter with its properties."""
    adapter = watched.watcher.adapters()[mac(emulated_world)]
    assert adapter.path == "/org/bluez/hci0"
    assert adapter.powered
    assert not adapter.discovering
    assert adapter.passive_scanning
    assert adapter.appeared_at is None
    sample = watched.watcher.sample()
    assert sample.connected
    assert sample.owner is not None
    assert sample.owner_changed_at is None
    assert not watched.watcher.has_zeroed_adapter


async def test_power_is_switched_and_seen(
    watched: Watched, emulated_world: EmulatedWorld
) -> None:
    """Switching power returns when it is done, and the change is told."""
    address = mac(emulated_world)
    await watched.watcher.set_powered("/org/bluez/hci0", powered=False)
    await watched.until(lambda: not watched.watcher.adapters()[address].powered)
    await watched.watcher.set_powered("/org/bluez/hci0", powered=True)
    await watched.until(lambda: watched.watcher.adapters()[address].powered)
    assert watched.watcher.adapters()[address].powered_at is not None


@pytest.mark.parametrize(
    ("fault", "powered", "error"),
    [
        ("rfkill-blocked", True, Blocked),
        ("power-set-failing", False, BlueZError),
        ("unplugged", True, AdapterGone),
        ("bluetoothd-hung", True, CallTimedOut),
    ],
)
async def test_power_that_cannot_be_switched(
    watched: Watched,
    emulated_world: EmulatedWorld,
    fault: str,
    powered: bool,
    error: type[BlueZError],
) -> None:
    """Each reason has an exception of its own, in bounded time."""
    await emulated_world.set_fault(fault)
    with pytest.raises(BlueZError) as caught:
        await watched.watcher.set_powered("/org/bluez/hci0", powered=powered)
    assert type(caught.value) is error


async def test_rfkill_is_seen(watched: Watched, emulated_world: EmulatedWorld) -> None:
    """A blocked adapter says so in its power state."""
    await emulated_world.set_fault("rfkill-blocked")
    adapters = watched.watcher.adapters
    await watched.until(
        lambda: adapters()[mac(emulated_world)].power_state == "off-blocked"
    )


@pytest.mark.parametrize("fault", ["bluetoothd-restart", "bluetoothd-graceful-restart"])
async def test_bluetoothd_restarts(
    watched: Watched, emulated_world: EmulatedWorld, fault: str
) -> None:
    """The owner's going, coming and the time of the change are seen."""
    first_owner = watched.watcher.sample().owner
    active = await emulated_world.set_fault(fault, seconds=0.1)
    await watched.until(lambda: watched.watcher.sample().owner is None)
    with pytest.raises(BusUnavailable):
        await watched.watcher.set_powered("/org/bluez/hci0", powered=True)
    await emulated_world.fault_ended(active)
    await watched.until(lambda: watched.watcher.sample().known)
    sample = watched.watcher.sample()
    assert sample.owner not in (None, first_owner)
    assert sample.owner_changed_at is not None
    assert mac(emulated_world) in watched.watcher.adapters()


async def test_bus_restarts(watched: Watched, emulated_world: EmulatedWorld) -> None:
    """The loss of the bus is survived, and bluetoothd behind a new bus is a new one."""
    active = await emulated_world.set_fault("bus-restart", seconds=0.1)
    await watched.until(lambda: not watched.watcher.sample().connected)
    await emulated_world.fault_ended(active)
    await watched.until(lambda: watched.watcher.sample().known)
    assert watched.watcher.sample().owner_changed_at is not None
    assert mac(emulated_world) in watched.watcher.adapters()


async def test_own_connection_breaks(watched: Watched, bus: PrivateBus) -> None:
    """Losing only the own connection is not taken for a restart of bluetoothd."""
    connection_of(watched.watcher).disconnect()
    await watched.until(lambda: not watched.watcher.sample().connected)
    await watched.until(lambda: watched.watcher.sample().known)
    assert watched.watcher.sample().owner_changed_at is None


async def test_an_adapter_under_another_number_is_found_by_its_address(
    watched: Watched, emulated_world: EmulatedWorld
) -> None:
    """An adapter under another number is found by its address."""
    await emulated_world.set_fault("renumbered", to="hci1", seconds=0.05)
    address = mac(emulated_world)

    def is_back() -> bool:
        adapter = watched.watcher.adapters().get(address)
        return adapter is not None and adapter.name == "hci1"

    await watched.until(is_back)
    assert watched.watcher.adapters()[address].appeared_at is not None


async def test_hung_bluetoothd_is_noticed_and_its_return_too(
    watched: Watched, emulated_world: EmulatedWorld
) -> None:
    """Unanswered questions are counted, only one is open, and the answer is told at once."""
    await emulated_world.set_fault("bluetoothd-hung")
    pending = unanswered_calls(watched.watcher)
    before = len(pending)
    for _ in range(3):
        await watched.watcher.ping()
    sample = watched.watcher.sample()
    assert sample.unanswered == 3
    assert sample.unanswered_since is not None
    assert len(pending) == before + 1
    await emulated_world.clear_fault("bluetoothd-hung")
    await watched.until(lambda: watched.watcher.sample().unanswered == 0)


async def test_probe_of_a_healthy_bluetoothd(watched: Watched) -> None:
    """An answer leaves nothing to tell."""
    changes = watched.changes
    await watched.watcher.ping()
    assert watched.watcher.sample().unanswered == 0
    assert watched.changes == changes


async def test_device_signals_are_not_delivered(
    watched: Watched, emulated_world: EmulatedWorld
) -> None:
    """While devices advertise to a scanning client, the watcher hears of the adapter only."""
    heard: list[Signal] = []
    bus_of(watched.watcher).listen(heard.append)
    async with discovery() as client:
        signals = await watched.watcher.count_device_signals("/org/bluez/hci0", 0.5)
        assert signals > 0
        heard.clear()
        await asyncio.sleep(0.5)
        assert not [
            signal
            for signal in heard
            if signal.member == "PropertiesChanged" and "dev_" in (signal.path or "")
        ]
        assert client.connected


@asynccontextmanager
async def discovery() -> AsyncIterator[MessageBus]:
    """Have another client than Home Assistant search for devices."""
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    for member, signature, body in (
        ("SetDiscoveryFilter", "a{sv}", [{"DuplicateData": Variant("b", True)}]),
        ("StartDiscovery", "", []),
    ):
        reply = await bus.call(
            Message(
                destination="org.bluez",
                path="/org/bluez/hci0",
                interface="org.bluez.Adapter1",
                member=member,
                signature=signature,
                body=body,
            )
        )
        assert reply.message_type is MessageType.METHOD_RETURN
    try:
        yield bus
    finally:
        await hang_up(bus)


async def test_signals_of_others_are_not_believed(
    watched: Watched, emulated_world: EmulatedWorld
) -> None:
    """A client that is not bluetoothd cannot tell us that the adapter is off."""
    liar = await MessageBus(bus_type=BusType.SYSTEM).connect()
    await liar.send(
        Message(
            message_type=MessageType.SIGNAL,
            destination=connection_of(watched.watcher).unique_name,
            path="/org/bluez/hci0",
            interface="org.freedesktop.DBus.Properties",
            member="PropertiesChanged",
            signature="sa{sv}as",
            body=["org.bluez.Adapter1", {"Powered": Variant("b", False)}, []],
        )
    )
    await watched.watcher.ping()
    assert watched.watcher.adapters()[mac(emulated_world)].powered
    await hang_up(liar)


async def test_no_socket(tmp_path: Path) -> None:
    """A bus that is not there is said to be not there, and looked for with growing pauses."""
    watched = Watched(f"unix:path={tmp_path}/nothing")
    watched.watcher.start()
    await watched.until(lambda: watched.changes >= 3)
    sample = watched.watcher.sample()
    assert not sample.connected
    assert sample.fault is BusFault.NO_SOCKET
    with pytest.raises(BusUnavailable):
        await watched.watcher.set_powered("/org/bluez/hci0", powered=True)
    with pytest.raises(BusUnavailable):
        await watched.watcher.count_device_signals("/org/bluez/hci0", 0.1)
    await watched.watcher.ping()
    await watched.watcher.stop()


async def test_pauses_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses between attempts double up to five minutes."""
    pauses: list[float] = []
    real_sleep = asyncio.sleep

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await real_sleep(0)

    monkeypatch.setattr(watcher, "FIRST_PAUSE", 5.0)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    watched = Watched(f"unix:path={tmp_path}/nothing")
    watched.watcher.start()
    async with asyncio.timeout(LIMIT):
        while len(pauses) < 9:
            await real_sleep(0.01)
    await watched.watcher.stop()
    assert pauses[:9] == [5, 10, 20, 40, 80, 160, 300, 300, 300]


async def test_policy_that_forbids_to_ask(refusing_bus: str) -> None:
    """A refusal by policy is told apart from a bus that is down."""
    impostor = await MessageBus(bus_address=refusing_bus).connect()
    await impostor.request_name("org.bluez")
    watched = Watched(refusing_bus)
    watched.watcher.start()
    await watched.until(
        lambda: watched.watcher.sample().fault is BusFault.ACCESS_DENIED
    )
    assert not watched.watcher.sample().connected
    await watched.watcher.stop()
    await hang_up(impostor)


async def test_refusal_to_switch_power(refusing_bus: str) -> None:
    """A call that the policy forbids raises AccessDenied."""
    impostor = await MessageBus(bus_address=refusing_bus).connect()
    await impostor.request_name("org.bluez")
    bus = await system_bus.SystemBus.open(refusing_bus)
    with pytest.raises(AccessDenied):
        await bus.call("org.bluez", "/", "org.freedesktop.DBus.Peer", "Ping")
    bus.close()
    await bus.closed()
    await hang_up(impostor)


async def test_nobody_is_asked_without_an_owner(bus: PrivateBus) -> None:
    """Where bluetoothd does not run, nothing is sent to it that could start it."""
    if not bus.is_running:
        bus.start()
    spy = await MessageBus(bus_address=bus.address).connect()
    seen: list[Message] = []

    def see(message: Message) -> bool:
        seen.append(message)
        # A monitor that answers what it sees is thrown off the bus.
        return message.message_type is MessageType.METHOD_CALL

    spy.add_message_handler(see)
    await spy.call(
        Message(
            destination="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            interface="org.freedesktop.DBus.Monitoring",
            member="BecomeMonitor",
            signature="asu",
            body=[[], 0],
        )
    )
    watched = Watched(bus.address)
    watched.watcher.start()
    await watched.until(lambda: watched.watcher.sample().connected)
    await watched.until(lambda: watched.changes >= 1)
    await watched.watcher.ping()
    sample = watched.watcher.sample()
    assert sample.owner is None
    assert not sample.known
    await watched.watcher.stop()
    async with asyncio.timeout(LIMIT):
        while not any(message.member == "GetNameOwner" for message in seen):
            await asyncio.sleep(0.01)
    assert not [message for message in seen if message.destination == "org.bluez"]
    await hang_up(spy)
