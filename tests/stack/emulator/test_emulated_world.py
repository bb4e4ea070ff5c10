# SPDX-License-Identifier: Apache-2.0
"""The world as an object: it starts once, and leaves nothing behind."""

import asyncio
from dataclasses import replace
import os
from pathlib import Path

import pytest

from tests.emulator import BusUnavailable, EmulatedWorld, PrivateBus, World
import tests.emulator.bus as bus_module
from tests.emulator.dbus_connection import BusError

from .dbus_client import connected


def descriptors() -> int:
    """Return how many file descriptors are open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def timers() -> int:
    """Return how many timers wait on the running loop."""
    scheduled = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    return sum(not handle.cancelled() for handle in scheduled)


@pytest.mark.parametrize(
    "fault",
    [
        None,
        "bluetoothd-hung",
        "bluetoothd-restart",
        "bus-restart",
        "unplugged",
        "stuck-start",
    ],
)
async def test_nothing_is_left(
    world: World, bus: PrivateBus, fault: str | None
) -> None:
    """After the stop there is no task, timer or descriptor more, whatever went on."""
    tasks, before = asyncio.all_tasks(), descriptors()
    waiting = timers()
    async with EmulatedWorld(world, bus) as emulated, connected(bus.address) as client:
        await client.call("StartDiscovery")
        await client.until(lambda: bool(client.signals))
        if fault is not None:
            await emulated.set_fault(fault)
    assert asyncio.all_tasks() == tasks
    assert timers() == waiting
    if not bus.is_running:
        bus.start()
    assert descriptors() == before


async def test_second_world_on_a_bus_is_refused(
    emulated_world: EmulatedWorld, world: World, bus: PrivateBus
) -> None:
    """Two worlds cannot own org.bluez; the first is not disturbed."""
    before = asyncio.all_tasks()
    with pytest.raises(BusError, match=r"org\.bluez is taken"):
        await EmulatedWorld(world, bus).start()
    assert asyncio.all_tasks() == before
    async with connected(bus.address) as client:
        assert await client.get("Address") == world.adapters[0].address


async def test_world_can_start_again(world: World, bus: PrivateBus) -> None:
    """The same world starts anew after its stop."""
    emulated = EmulatedWorld(world, bus)
    for _ in range(2):
        async with emulated, connected(bus.address) as client:
            await client.call("StartDiscovery")
            assert emulated.adapter("hci0").sessions.discovering
    with pytest.raises(KeyError):
        emulated.adapter("hci9")


async def test_world_without_a_bus_is_refused(world: World) -> None:
    """Without a bus there is no world."""
    with pytest.raises(OSError):
        await EmulatedWorld(world, PrivateBus(Path("/nonexistent/socket"))).start()


def test_bus_is_alive_and_goes(tmp_path: Path) -> None:
    """A bus listens on the wanted socket and takes it away."""
    private_bus = PrivateBus(tmp_path / "bus")
    private_bus.start()
    process_id = private_bus.process_id
    assert process_id is not None
    assert private_bus.address == f"unix:path={tmp_path}/bus"
    assert (tmp_path / "bus").is_socket()
    private_bus.stop()
    private_bus.stop()
    assert not (tmp_path / "bus").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(process_id, 0)


async def test_any_path_will_do(tmp_path: Path) -> None:
    """A socket's path may have characters that addresses and XML must escape."""
    folder = tmp_path / "a & b, <c>=%"
    folder.mkdir()
    private_bus = PrivateBus(folder / "bus")
    private_bus.start()
    async with connected(private_bus.address) as client:
        assert client.bus.unique_name is not None
    private_bus.stop()


def test_bus_that_cannot_listen_says_so(tmp_path: Path) -> None:
    """A daemon that does not come up is an error, at once."""
    private_bus = PrivateBus(tmp_path / "missing" / "bus")
    with pytest.raises(BusUnavailable, match="does not start: .*No such file"):
        private_bus.start()
    private_bus.stop()


def test_missing_daemon_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a dbus-daemon the reason names it."""
    monkeypatch.setattr(bus_module, "find_program", lambda _: None)
    with pytest.raises(BusUnavailable, match="there is no dbus-daemon"):
        PrivateBus().start()


async def test_world_ages(world: World, bus: PrivateBus) -> None:
    """A world's age counts from its start."""
    async with EmulatedWorld(replace(world, links=()), bus) as emulated:
        first = emulated.age()
        await asyncio.sleep(0.02)
        assert first < emulated.age() < 5


async def test_world_that_is_older(world: World, bus: PrivateBus) -> None:
    """A world can be some seconds old when it starts."""
    async with EmulatedWorld(replace(world, links=()), bus, age=300) as emulated:
        assert 300 <= emulated.age() < 305
