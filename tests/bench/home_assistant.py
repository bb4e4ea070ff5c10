# SPDX-License-Identifier: Apache-2.0
"""A Home Assistant whose Bluetooth is an emulated world, for measuring what a bank costs it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
import os
from pathlib import Path
import tempfile
from typing import Any, Final

from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_test_home_assistant,
)

from homeassistant import loader
from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame
from homeassistant.setup import async_setup_component
from tests.demo.emulator import DEFAULT_WORLD, run_emulator
from tests.demo.home_assistant import CHECKOUT, choose_port, write_configuration
from tests.emulator.world import Adapter, Timing

FIRST_UNIT: Final = 48
MOST_UNITS_PER_LINK: Final = 4
# An adapter has five connection slots; a link that waits for one waits four seconds.
LINKS_PER_ADAPTER: Final = 5
# What a poll costs does not depend on how long it waits: the line is ten times as fast.
SPEED: Final = 0.1
# From one poll to the next nearly everything moves.
DAY_SECONDS: Final = 120.0
_HEARD_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class BankLink:
    """A dongle of the bank."""

    address: str
    name: str
    units: tuple[int, ...]


def links_of(batteries: int) -> list[BankLink]:
    """Return the dongles that so many batteries need."""
    return [
        BankLink(
            f"6C:B2:FD:A1:B2:{number:02X}",
            f"BT-TH-FDA1B2{number:02X}",
            tuple(
                range(FIRST_UNIT, FIRST_UNIT + min(MOST_UNITS_PER_LINK, batteries - at))
            ),
        )
        for number, at in enumerate(range(0, batteries, MOST_UNITS_PER_LINK))
    ]


def adapters_of(links: Sequence[BankLink]) -> list[Adapter]:
    """Return as many local adapters as these dongles need."""
    return [
        Adapter(name=f"hci{number}", address=f"B8:27:EB:5A:00:{number + 1:02X}")
        for number in range(-(-len(links) // LINKS_PER_ADAPTER))
    ]


def world_of(links: Sequence[BankLink]) -> dict[str, Any]:
    """Return a world file with these dongles; the batteries are the owner's over and over."""
    world = json.loads(DEFAULT_WORLD.read_text())
    (link,) = world["links"]
    units = list(link["units"].values())
    timing = Timing().scaled(SPEED)
    return {
        **world,
        "adapters": [
            {"name": each.name, "address": each.address} for each in adapters_of(links)
        ],
        "solar_day": {"seconds": DAY_SECONDS, "start_hour": 9},
        "timing": {name: getattr(timing, name) for name in Timing.__slots__},
        "links": [
            {
                **link,
                "name": each.name,
                "address": each.address,
                "units": {
                    str(unit): units[place % len(units)]
                    for place, unit in enumerate(each.units)
                },
            }
            for each in links
        ],
    }


@asynccontextmanager
async def home_assistant(links: Sequence[BankLink]) -> AsyncGenerator[HomeAssistant]:
    """Run a Home Assistant that hears these dongles.

    The emulated world is a process of its own: its CPU time is not Home Assistant's.
    """
    with tempfile.TemporaryDirectory(prefix="renogy_bt-bench-") as folder:
        world = Path(folder) / "world.json"
        world.write_text(json.dumps(world_of(links)))
        write_configuration(Path(folder), choose_port(None))
        async with run_emulator(world, ()) as emulator:
            os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = emulator.bus_address
            os.environ["PATH"] = f"{CHECKOUT / '.tools' / 'bin'}:{os.environ['PATH']}"
            async with async_test_home_assistant(config_dir=folder) as hass:
                try:
                    await set_up_bluetooth(hass, links)
                    await hear(hass, links)
                    yield hass
                finally:
                    await hass.async_stop(force=True)


async def set_up_bluetooth(hass: HomeAssistant, links: Sequence[BankLink]) -> None:
    """Set up Home Assistant's own Bluetooth integration; let it find custom ones."""
    # As a start does: from 2026.11 on, what a custom integration returns is looked at with it.
    frame.async_setup(hass)
    hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
    for adapter in adapters_of(links):
        entry = MockConfigEntry(
            domain="bluetooth", unique_id=adapter.address, title=adapter.name
        )
        entry.add_to_hass(hass)
    if not await async_setup_component(hass, "bluetooth", {}):
        raise RuntimeError("Bluetooth cannot be set up")
    await hass.async_block_till_done()


async def hear(hass: HomeAssistant, links: Sequence[BankLink]) -> None:
    """Wait until Home Assistant could connect to every dongle."""
    async with asyncio.timeout(_HEARD_SECONDS):
        for link in links:
            while not bluetooth.async_address_present(hass, link.address):
                await asyncio.sleep(0.05)
