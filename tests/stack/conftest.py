# SPDX-License-Identifier: Apache-2.0
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
from pathlib import Path
import subprocess

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import pytest_socket

from custom_components.renogy_bt.adapter_health.samples import Verdict
from homeassistant.core import HomeAssistant
from tests.emulator import EmulatedWorld, PrivateBus, World, load_world
from tests.emulator.__main__ import WORLDS
from tests.emulator.bus import find_program

from .host import (
    bluetooth_set_up,
    leaping_clock,
    private_system_bus,
    remove_banks,
    running_world,
)
from .site import MINUTE, Site, a_site
from .warped_time import Clock, warped_time

FAST = 0.1


@pytest.fixture(scope="session", autouse=True)
def mock_bluetooth_adapters() -> None:
    """Leave the Bluetooth stack as it is, in place of the plugin's fixture."""


@pytest.fixture(autouse=True)
def lasting_values() -> None:
    """Let values get too old, as they do: here polls go on while time passes."""


@pytest.fixture(scope="session")
def bus() -> Generator[PrivateBus]:
    """Run one dbus-daemon for the session; it is the system bus of every test."""
    with private_system_bus() as private_bus:
        yield private_bus


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
    """Run the world for one test."""
    async with running_world(world, bus) as emulated:
        yield emulated


@pytest.fixture
def scanner_mode() -> str:
    """Return how Home Assistant scans: auto, active or passive."""
    return "auto"


@pytest.fixture
async def bluetooth_entry(
    hass: HomeAssistant, emulated_world: EmulatedWorld, scanner_mode: str
) -> AsyncGenerator[MockConfigEntry]:
    """Set up Home Assistant's `bluetooth` on the first adapter; return its entry."""
    async with bluetooth_set_up(hass, emulated_world, scanner_mode) as entry:
        yield entry


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
    hass: HomeAssistant, emulated_world: EmulatedWorld, unhurried_integration: None
) -> AsyncGenerator[Clock]:
    """Let time leap for everybody; then remove the bank."""
    async with leaping_clock(hass, emulated_world) as clock:
        yield clock


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
