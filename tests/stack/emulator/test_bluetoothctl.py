# SPDX-License-Identifier: Apache-2.0
"""BlueZ's own command line client on the emulated world."""

import asyncio
import os
import subprocess

import pytest

from tests.emulator import EmulatedWorld
from tests.emulator.bus import find_program

from .dbus_client import HCI0, Client


async def bluetoothctl(*arguments: str) -> str:
    """Run bluetoothctl; return what it prints."""
    program = find_program("bluetoothctl")
    assert program is not None, "bluetoothctl is missing (Debian package bluez)"
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"TERM": "dumb"},
    )
    async with asyncio.timeout(10):
        output, _ = await process.communicate()
    return output.decode()


@pytest.mark.usefixtures("emulated_world")
async def test_list_shows_the_adapter() -> None:
    """The adapter is listed."""
    assert "Controller B8:27:EB:5A:00:01 homeassistant" in await bluetoothctl("list")


async def test_show_tells_the_power(emulated_world: EmulatedWorld) -> None:
    """The adapter's state is shown, and follows it."""
    shown = await bluetoothctl("show")
    assert "Powered: yes" in shown
    assert "PowerState: on" in shown
    assert "Discovering: no" in shown
    await emulated_world.set_fault("rfkill-blocked")
    shown = await bluetoothctl("show")
    assert "Powered: no" in shown
    assert "PowerState: off-blocked" in shown


async def test_scan_finds_the_dongle(client: Client) -> None:
    """A scan prints the dongle; its session ends with the program."""
    output = await bluetoothctl("--timeout", "1", "scan", "le")
    assert "Discovery started" in output
    assert "Device 6C:B2:FD:A1:B2:C3 BT-TH-FDA1B2C3" in output
    await client.until(lambda: client.changes(HCI0, "Discovering") == [True, False])


@pytest.mark.usefixtures("emulated_world")
async def test_power_is_switched() -> None:
    """It can switch the adapter."""
    assert "Changing power off succeeded" in await bluetoothctl("power", "off")
    assert "Powered: no" in await bluetoothctl("show")
