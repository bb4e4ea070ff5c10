# SPDX-License-Identifier: Apache-2.0
"""CPU time of a poll in one Home Assistant, beside BMS_BLE-HA; runs in a process of its own.

`python -m tests.bench.beside FOLDER` prints a JSON list. FOLDER is the `custom_components` folder
of BMS_BLE-HA, as a user installs it. Every way to read one battery has a dongle of its own, and
the ways take turns: what else the machine does comes to all of them.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
import gc
import json
import logging
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, Final
from unittest.mock import patch

from pytest_homeassistant_custom_component.common import MockConfigEntry

import custom_components
from custom_components.renogy_bt import coordinator
from homeassistant import loader
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from tests.banks import bank_entry, link_settings

from .figures import PollCost
from .home_assistant import FIRST_UNIT, BankLink, home_assistant, links_of
from .systems import OWN, PEER

POLLS: Final = 40
_PEERS_DOMAIN: Final = "bms_ble"
# A poll is over when its disconnects are.
_POLL_SECONDS: Final = 0.5
_IDLE_SECONDS: Final = 5.0
_NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to read a battery; `entry` makes the config entry for a dongle.

    `stores` tells whether each poll stores the energy, as it does at intervals of 45 s and more.
    """

    system: str
    mode: str
    entry: Callable[[BankLink], MockConfigEntry]
    poll: Callable[[ConfigEntry[Any]], Awaitable[None]]
    stores: bool = True


def _own_entry(kept_interval: int | None) -> Callable[[BankLink], MockConfigEntry]:
    def entry(link: BankLink) -> MockConfigEntry:
        settings = link_settings(
            link.address, link.name, link.units, kept_interval=kept_interval
        )
        return bank_entry(settings)

    return entry


async def _own_poll(entry: ConfigEntry[Any]) -> None:
    for link in entry.runtime_data.links.values():
        await link.async_refresh()
        if not link.last_update_success or link.failed:
            raise RuntimeError(f"A poll failed: {link.last_exception}")


def _peers_entry(keep_alive: bool) -> Callable[[BankLink], MockConfigEntry]:
    def entry(link: BankLink) -> MockConfigEntry:
        return MockConfigEntry(
            domain=_PEERS_DOMAIN,
            unique_id=link.address,
            title=link.name,
            version=3,
            data={"type": "aiobmsble.bms.renogy_bms"},
            options={"advanced_options": {"keep_alive": keep_alive}},
        )

    return entry


async def _peers_poll(entry: ConfigEntry[Any]) -> None:
    await entry.runtime_data.async_refresh()
    if not entry.runtime_data.last_update_success:
        raise RuntimeError(f"A poll failed: {entry.runtime_data.last_exception}")


WAYS: Final = (
    Way(OWN, "connect_per_poll", _own_entry(None), _own_poll),
    Way(OWN, "kept", _own_entry(60), _own_poll),
    Way(OWN, "kept, two speeds", _own_entry(2), _own_poll, stores=False),
    Way(PEER, "reconnect", _peers_entry(keep_alive=False), _peers_poll),
    Way(PEER, "keep_alive", _peers_entry(keep_alive=True), _peers_poll),
)


def dongles() -> list[BankLink]:
    """Return a dongle with one battery for each way."""
    return [
        BankLink(each.address, each.name, (FIRST_UNIT,))
        for each in links_of(4 * len(WAYS))
    ]


async def measure(folder: Path, polls: int = POLLS) -> list[PollCost]:
    """Poll in all ways by turns; return the median of each, without what goes on anyway."""
    custom_components.__path__.append(str(folder))
    links = dongles()
    async with home_assistant(links) as hass:
        hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
        entries = [
            await _set_up(hass, way.entry(link))
            for way, link in zip(WAYS, links, strict=True)
        ]
        spent: list[list[float]] = [[] for _ in WAYS]
        gc.collect()
        gc.freeze()
        idle = await _cpu_seconds(asyncio.sleep(_IDLE_SECONDS))
        for _ in range(polls):
            for way, entry, of_way in zip(WAYS, entries, spent, strict=True):
                pause = 0.0 if way.stores else _NEVER
                with patch.object(coordinator, "ENERGY_SECONDS", pause):
                    of_way.append(await _cpu_seconds(_poll_and_rest(way.poll(entry))))
        share = idle / _IDLE_SECONDS
        return [
            PollCost(
                system=way.system,
                mode=way.mode,
                poll_cpu_ms=round(1000 * (median(of_way) - share * _POLL_SECONDS), 2),
            )
            for way, of_way in zip(WAYS, spent, strict=True)
        ]


async def _set_up(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    entry.add_to_hass(hass)
    if not await hass.config_entries.async_setup(entry.entry_id):
        raise RuntimeError(f"{entry.domain} cannot be set up: {entry.reason}")
    await hass.async_block_till_done()
    return entry


async def _poll_and_rest(poll: Awaitable[None]) -> None:
    await asyncio.gather(poll, asyncio.sleep(_POLL_SECONDS))


async def _cpu_seconds(awaitable: Awaitable[Any]) -> float:
    before = process_time()
    await awaitable
    return process_time() - before


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.beside")
    parser.add_argument("folder", type=Path, help="custom_components of BMS_BLE-HA")
    logging.disable(logging.WARNING)
    costs = asyncio.run(measure(parser.parse_args().folder))
    print(json.dumps([asdict(cost) for cost in costs]))  # noqa: T201


if __name__ == "__main__":
    main()
