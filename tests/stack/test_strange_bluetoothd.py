# SPDX-License-Identifier: Apache-2.0
"""The watcher of bluetoothd facing one that says strange things, or that goes away."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus
import pytest

from custom_components.renogy_bt.bluez import watcher
from custom_components.renogy_bt.bluez.exceptions import (
    AccessDenied,
    BlueZError,
    BusUnavailable,
    CallTimedOut,
)
from custom_components.renogy_bt.bluez.models import BusFault
from custom_components.renogy_bt.bluez.system_bus import SystemBus
from custom_components.renogy_bt.bluez.watcher import BlueZWatcher
from tests.emulator import PrivateBus
from tests.insides import connection_of, is_counting, runner_of

from .test_bluez_watcher import SHORT_CALL, Watched, hang_up

HCI0 = "/org/bluez/hci0"
MAC = "B8:27:EB:00:00:01"
PROPERTIES = "org.freedesktop.DBus.Properties"
ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
OBJECTS = {
    HCI0: {ADAPTER: {"Address": Variant("s", MAC), "Powered": Variant("b", True)}}
}


class Bluetoothd:
    """Owns org.bluez with one adapter; it refuses or does not answer when told to."""

    def __init__(self, connection: MessageBus) -> None:
        """Answer on a connection."""
        self.connection = connection
        self.refuses = False
        self.is_mute = False
        connection.add_message_handler(self._answer)

    @classmethod
    async def start(cls, address: str) -> Bluetoothd:
        """Take the name org.bluez on a bus."""
        connection = await MessageBus(bus_address=address).connect()
        await connection.request_name("org.bluez")
        return cls(connection)

    async def stop(self) -> None:
        """Leave the bus."""
        await hang_up(self.connection)

    def _answer(self, message: Message) -> Message | bool:
        if message.message_type is not MessageType.METHOD_CALL:
            return False
        if self.is_mute:
            return True
        if self.refuses:
            return Message.new_error(message, "org.bluez.Error.Failed", "Not now")
        if message.member == "GetManagedObjects":
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [OBJECTS])
        return Message.new_method_return(message)

    async def say(
        self,
        to: BlueZWatcher,
        member: str,
        signature: str,
        *body: Any,
        path: str = HCI0,
    ) -> None:
        """Send a signal to a watcher that no match rule of its own asks for."""
        await self.connection.send(
            Message(
                message_type=MessageType.SIGNAL,
                destination=connection_of(to).unique_name,
                path=path,
                interface=PROPERTIES,
                member=member,
                signature=signature,
                body=list(body),
            )
        )


@pytest.fixture
async def bluetoothd(bus: PrivateBus) -> AsyncGenerator[Bluetoothd]:
    """Run this bluetoothd on the private bus."""
    if not bus.is_running:
        bus.start()
    daemon = await Bluetoothd.start(bus.address)
    yield daemon
    if daemon.connection.connected:
        await daemon.stop()


@asynccontextmanager
async def watching(bus: PrivateBus) -> AsyncGenerator[Watched]:
    """Watch a bus for a while."""
    watched = Watched(bus.address)
    watched.watcher.start()
    try:
        yield watched
    finally:
        await watched.watcher.stop()


@pytest.fixture
async def watched(bluetoothd: Bluetoothd, bus: PrivateBus) -> AsyncGenerator[Watched]:
    """Watch it; its adapter is known already."""
    async with watching(bus) as watched:
        await watched.until(lambda: watched.watcher.sample().known)
        yield watched


@pytest.mark.parametrize(
    ("member", "signature", "body"),
    [
        pytest.param("Nonsense", "", (), id="unknown member"),
        pytest.param("PropertiesChanged", "s", (ADAPTER,), id="other signature"),
        pytest.param(
            "PropertiesChanged",
            "sa{sv}as",
            ("org.bluez.Media1", {"Powered": Variant("b", False)}, []),
            id="other interface",
        ),
        pytest.param(
            "PropertiesChanged",
            "sa{sv}as",
            (ADAPTER, {"Powered": Variant("s", "off")}, []),
            id="other type",
        ),
        pytest.param("InterfacesRemoved", "oas", ("/", [ADAPTER]), id="other path"),
        pytest.param(
            "NameOwnerChanged", "sss", ("org.bluez", "", ""), id="not the bus"
        ),
    ],
)
async def test_signals_without_sense_change_nothing(
    watched: Watched,
    bluetoothd: Bluetoothd,
    member: str,
    signature: str,
    body: tuple[Any, ...],
) -> None:
    """Whatever bluetoothd sends, only what makes sense is taken in."""
    before = watched.watcher.adapters(), watched.watcher.sample()
    await bluetoothd.say(watched.watcher, member, signature, *body)
    await watched.watcher.ping()
    assert (watched.watcher.adapters(), watched.watcher.sample()) == before


async def test_only_advertisements_of_the_adapter_are_counted(
    watched: Watched, bluetoothd: Bluetoothd
) -> None:
    """Connections, and devices of another adapter, are no signs of life of this one."""
    counting = asyncio.create_task(watched.watcher.count_device_signals(HCI0, 0.2))
    # Until the counting has begun, nothing is counted.
    while not is_counting(watched.watcher):
        await asyncio.sleep(0)
    rssi = {"RSSI": Variant("n", -60)}
    for path, changed in (
        (f"{HCI0}/dev_1", rssi),
        (f"{HCI0}/dev_2", {"Connected": Variant("b", True)}),
        ("/org/bluez/hci1/dev_1", rssi),
        (HCI0, rssi),
    ):
        await bluetoothd.say(
            watched.watcher,
            "PropertiesChanged",
            "sa{sv}as",
            DEVICE,
            changed,
            [],
            path=path,
        )
    assert await counting == 1


async def test_bluetoothd_that_does_not_tell_is_asked_again(
    bluetoothd: Bluetoothd, bus: PrivateBus
) -> None:
    """A refusal is an answer: bluetoothd is there, but its adapters are not known."""
    bluetoothd.refuses = True
    async with watching(bus) as watched:
        await watched.until(lambda: watched.watcher.sample().owner is not None)
        await watched.watcher.ping()
        sample = watched.watcher.sample()
        assert not sample.known
        assert sample.unanswered == 0
        bluetoothd.refuses = False
        await watched.watcher.ping()
        assert watched.watcher.sample().known


async def test_call_of_a_bluetoothd_that_is_gone_tells_nothing_of_the_next(
    watched: Watched,
    bluetoothd: Bluetoothd,
    bus: PrivateBus,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What one bluetoothd left unanswered is not held against the one after it."""
    monkeypatch.setattr(watcher, "CALL_LIMIT", SHORT_CALL)
    bluetoothd.is_mute = True
    call = asyncio.create_task(watched.watcher.set_powered(HCI0, powered=False))
    await asyncio.sleep(0)
    owner = watched.watcher.sample().owner
    await bluetoothd.connection.release_name("org.bluez")
    successor = await Bluetoothd.start(bus.address)
    with pytest.raises(CallTimedOut):
        await call
    sample = watched.watcher.sample()
    assert sample.owner != owner
    assert sample.unanswered == 0
    await successor.stop()


async def test_bus_that_ends_during_a_call(
    watched: Watched, bluetoothd: Bluetoothd, bus: PrivateBus
) -> None:
    """A call ends with its bus, and is no sign of a hung bluetoothd."""
    bluetoothd.is_mute = True
    call = asyncio.create_task(watched.watcher.set_powered(HCI0, powered=False))
    await asyncio.sleep(0)
    bus.kill()
    with pytest.raises(BusUnavailable):
        await call
    await watched.until(lambda: not watched.watcher.sample().connected)
    assert watched.watcher.sample().unanswered == 0


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (AccessDenied("no"), BusFault.ACCESS_DENIED),
        (CallTimedOut("late"), BusFault.UNREACHABLE),
        (BusUnavailable("gone"), BusFault.UNREACHABLE),
    ],
)
async def test_bus_that_cannot_be_used(
    bus: PrivateBus,
    monkeypatch: pytest.MonkeyPatch,
    error: BlueZError,
    fault: BusFault,
) -> None:
    """Why the bus cannot be watched is told, whatever it refuses."""
    if not bus.is_running:
        bus.start()

    async def refuse(self: SystemBus, member: str, *arguments: str) -> list[Any]:
        raise error

    monkeypatch.setattr(SystemBus, "call_bus", refuse)
    async with watching(bus) as watched:
        await watched.until(lambda: watched.watcher.sample().fault is not None)
        assert watched.watcher.sample().fault is fault
        assert not watched.watcher.sample().connected


async def test_watch_begins_once_and_ends_at_any_time(bus: PrivateBus) -> None:
    """Starting twice is one watch, and what was never started can be stopped."""
    if not bus.is_running:
        bus.start()
    never_started = Watched(bus.address)
    await never_started.watcher.stop()
    async with watching(bus) as watched:
        runner = runner_of(watched.watcher)
        watched.watcher.start()
        assert runner_of(watched.watcher) is runner
