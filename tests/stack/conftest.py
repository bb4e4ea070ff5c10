"""Fixtures that put the real Bluetooth stack on the emulated world.

`world` is the data of the world a test lives in: a test module overrides it by a fixture
of the same name. `emulated_world` is that world, running on the test's own event loop.
`bluetooth_entry` sets up Home Assistant's own `bluetooth` integration on it, nothing
mocked; `scanner_mode` says how it scans. Only what reaches the kernel is absent, as in a
container without privileges.

pytest-homeassistant-custom-component replaces the Bluetooth stack for a whole session:
run this folder in a pytest run of its own.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator
from dataclasses import replace
from functools import partial
from pathlib import Path
import subprocess

import bleak.backends.bluezdbus.manager as bleak_manager
from bleak_retry_connector.bleak_manager import _reset_dbus_socket_cache
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import pytest_socket

from custom_components.renogy_bt.adapter_health.samples import Verdict
from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.issues import links as link_issues
from custom_components.renogy_bt.links import (
    coordinator as link_coordinator,
    signal as link_signal,
)
from custom_components.renogy_bt.renogy.link import RenogyLink
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.emulator import EmulatedWorld, PrivateBus, World, load_world
from tests.emulator.__main__ import WORLDS
from tests.emulator.bus import find_program
from tests.emulator.dbus_connection import close_connection

from .site import MINUTE, Site, a_site
from .warped_time import Clock, warped_time

FAST = 0.1


@pytest.fixture(scope="session", autouse=True)
def mock_bluetooth_adapters() -> None:
    """Leave the Bluetooth stack as it is, in place of the plugin's fixture."""


@pytest.fixture(scope="session")
def bus() -> Generator[PrivateBus]:
    """Run one dbus-daemon for the session; it is the system bus of every test."""
    private_bus = PrivateBus()
    private_bus.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBUS_SYSTEM_BUS_ADDRESS", private_bus.address)
        yield private_bus
    private_bus.stop()


@pytest.fixture(autouse=True)
def unix_sockets() -> None:
    """Let tests reach the private bus, and be refused a Bluetooth socket by the kernel."""
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)


@pytest.fixture
async def refusing_bus(tmp_path: Path) -> AsyncGenerator[str]:
    """A bus whose policy forbids to talk to org.bluez, as AppArmor or a bad policy does."""
    configuration = tmp_path / "bus.conf"
    configuration.write_text(
        f"""<busconfig><type>session</type><listen>unix:path={tmp_path}/socket</listen>
        <auth>EXTERNAL</auth><policy context="default"><allow user="*"/><allow own="*"/>
        <allow send_destination="*"/><allow receive_sender="*"/>
        <deny send_destination="org.bluez"/></policy></busconfig>"""
    )
    program = find_program("dbus-daemon")
    assert program is not None
    process = await asyncio.create_subprocess_exec(
        program,
        f"--config-file={configuration}",
        "--nofork",
        "--nopidfile",
        "--print-address=1",
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert await process.stdout.readline()
    yield f"unix:path={tmp_path}/socket"
    process.kill()
    await process.wait()


@pytest.fixture
def world() -> World:
    """Return the owner's four batteries, ten times as fast, with the sun standing still."""
    return still(load_world(WORLDS / "owner.json")).with_timing(FAST)


def still(world: World) -> World:
    """Return a world without a solar day: its registers stay as the file says."""
    return replace(world, solar_day=None)


@pytest.fixture
async def emulated_world(
    world: World, bus: PrivateBus
) -> AsyncGenerator[EmulatedWorld]:
    """Run the world for one test; bleak's connection to it is closed afterwards."""
    if not bus.is_running:
        bus.start()
    _reset_dbus_socket_cache()
    async with EmulatedWorld(world, bus) as emulated:
        yield emulated
        await _disconnect_bleak()


async def _disconnect_bleak() -> None:
    """Close the bus connection that bleak keeps for each event loop."""
    manager = bleak_manager._global_instances.pop(asyncio.get_running_loop(), None)
    if manager is not None and manager._bus is not None:
        await close_connection(manager._bus)


@pytest.fixture
def scanner_mode() -> str:
    """Return how Home Assistant scans: auto, active or passive."""
    return "auto"


@pytest.fixture
async def bluetooth_entry(
    hass: HomeAssistant, emulated_world: EmulatedWorld, scanner_mode: str
) -> AsyncGenerator[MockConfigEntry]:
    """Set up Home Assistant's `bluetooth` on the first adapter; return its entry."""
    adapter = emulated_world.world.adapters[0]
    entry = MockConfigEntry(
        domain="bluetooth",
        unique_id=adapter.address,
        title=adapter.name,
        options={"mode": scanner_mode},
    )
    entry.add_to_hass(hass)
    assert await async_setup_component(hass, "bluetooth", {})
    await hass.async_block_till_done()
    yield entry
    is_there = hass.config_entries.async_get_entry(entry.entry_id) is not None
    if is_there and entry.state.recoverable:
        await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()


@pytest.fixture
async def site(
    hass: HomeAssistant, emulated_world: EmulatedWorld, bluetooth_entry: MockConfigEntry
) -> AsyncGenerator[Site]:
    """Return a site whose adapter works."""
    with warped_time(hass.loop, emulated_world.bus.address):
        async with a_site(hass, emulated_world) as site:
            await site.until(
                lambda: site.supervisor.adapters and site.status.verdict is Verdict.OK,
                MINUTE,
            )
            await site.until(lambda: any(good for _, good in site.polls), MINUTE)
            yield site


@pytest.fixture
async def unhurried_integration(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    bluetooth_entry: MockConfigEntry,
) -> AsyncGenerator[None]:
    """Let the integration be discovered and set up; nothing of it outlives the test."""
    yield
    await remove_banks(hass)


@pytest.fixture
async def clock(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    unhurried_integration: None,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncGenerator[Clock]:
    """Let time leap for everybody, links and notices included; then remove the bank."""
    clock = Clock(hass)
    monkeypatch.setattr(
        link_coordinator, "RenogyLink", partial(RenogyLink, clock=clock.now)
    )
    monkeypatch.setattr(link_issues, "monotonic", clock.now)
    monkeypatch.setattr(link_signal, "monotonic", clock.now)
    with warped_time(hass.loop, emulated_world.bus.address):
        yield clock
        await remove_banks(hass)


async def remove_banks(hass: HomeAssistant) -> None:
    """Remove all banks, and what offers to set one up."""
    for entry in hass.config_entries.async_entries(DOMAIN):
        await hass.config_entries.async_remove(entry.entry_id)
    for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN):
        hass.config_entries.flow.async_abort(flow["flow_id"])
    await hass.async_block_till_done(wait_background_tasks=True)


@pytest.fixture
def integration(unhurried_integration: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the integration be set up on hardware that is emulated ten times as fast.

    The patience with units that are silent and links that take no connection is scaled alike.
    """
    for name, seconds in {
        "links.connection.CONNECT_SECONDS": 0.9,
        "links.connection.FAILING_TURN_SECONDS": 0.1,
        "links.connection.TURN_SECONDS": 0.4,
        "renogy.line.QUIET_SECONDS": 0.02,
        "renogy.probe.FIRST_ANSWER_SECONDS": 0.1,
        "renogy.probe.SHORTEST_WAIT": 0.06,
        "renogy.probe.LONGEST_LIMIT": 0.2,
        "renogy.line.LONGEST_LIMIT": 0.2,
        "renogy.line.SHORTEST_LIMIT": 0.1,
        "renogy.transport.CONNECT_SECONDS": 0.9,
    }.items():
        monkeypatch.setattr(f"custom_components.renogy_bt.{name}", seconds)
