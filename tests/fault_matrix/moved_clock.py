# SPDX-License-Identifier: Apache-2.0
"""One case of the matrix under a moved clock, in one process with all of Home Assistant."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
import json
import random
import tempfile
from typing import Final
from unittest.mock import patch

from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_test_home_assistant,
)

from homeassistant import loader
from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BaseHaScanner
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, frame
from homeassistant.util import dt as dt_util
from tests.banks import bank_of, link_settings
from tests.demo.check import battery_identifier
from tests.demo.flows import DOMAIN
from tests.emulator import EmulatedWorld, World
from tests.emulator.__main__ import WORLDS
from tests.emulator.faults import parse_switch
from tests.emulator.world import Link
from tests.emulator.world_file import parse_world
from tests.stack.field.home import Home, at_home, set_up_bank
from tests.stack.host import (
    bluetooth_set_up,
    leaping_clock,
    private_system_bus,
    running_world,
)
from tests.stack.site import a_witness, batteries_of
from tests.stack.warped_time import Clock

from . import components
from .cases import Case
from .readers import WITH_INTEGRATION, Reader
from .trial import Outcome, strike, watch

SETTLED: Final = 300.0
"""Past the active window that Home Assistant opens after four minutes, s."""
_HTTP: Final = "homeassistant.components.http.HomeAssistantHTTP"


@dataclass(frozen=True, kw_only=True)
class MovedPlace:
    """Home Assistant with the integration, or alone with a plain poller."""

    hass: HomeAssistant
    emulated: EmulatedWorld
    case: Case
    reader: Reader
    home: Home | None
    """What the integration did; None where it is not there."""
    began: datetime | None
    """When the fault began, where Home Assistant started with it."""

    async def live_through(self, phase: float) -> Outcome:
        """Let the fault begin so long after a poll, and watch what becomes of it."""
        began = self.began or await strike(self, self.case, phase)
        return await watch(self, self.case, began)

    async def last_read(self) -> datetime | None:
        """Return when every battery had last been read."""
        reads = []
        for entity_id in self._read_entities():
            state = self.hass.states.get(entity_id)
            if state is None or state.state in (STATE_UNKNOWN, STATE_UNAVAILABLE):
                return None
            reads.append(datetime.fromisoformat(state.state))
        return min(reads)

    async def last_value(self) -> datetime | None:
        """Return of when the oldest value is that moves; None where a battery has none."""
        if self.home is None:
            return await self.last_read()
        links = bank_of(self.home.entry).links.values()
        reads = [each.read_at for link in links for each in link.readings.values()]
        units = sum(len(link.settings.units) for link in links)
        return min(reads) if len(reads) == units else None

    def _read_entities(self) -> list[str]:
        if self.home is None:
            return [f"{self.reader.component}.read"]
        registry = er.async_get(self.hass)
        entities = er.async_entries_for_config_entry(registry, self.home.entry.entry_id)
        return [
            entity.entity_id
            for entity in entities
            if entity.translation_key == "last_read"
        ]

    async def issues(self) -> Sequence[str]:
        """Return what is shown to the user."""
        shown = self.home.shown().values() if self.home is not None else ()
        return [key for key in shown if key is not None]

    async def steps(self) -> Sequence[str]:
        """Return the recovery steps that were taken, oldest first."""
        return self.home.steps if self.home is not None else ()

    @property
    def _scanner(self) -> BaseHaScanner:
        scanner = bluetooth.async_scanner_by_source(
            self.hass, self.emulated.world.adapters[0].address
        )
        assert scanner is not None
        return scanner

    async def scan_started(self) -> str:
        """Return when the scan that runs was started."""
        return str((await self._scanner.async_diagnostics())["start_time"])

    async def open_window(self, seconds: float) -> None:
        """Have Home Assistant scan actively for a while."""
        assert await self._scanner.async_request_active_window(seconds)

    async def begin_faults(self) -> None:
        """Let the faults of the case begin."""
        await begin_faults(self.emulated, self.case)

    async def clear_faults(self) -> None:
        """Take every fault away."""
        await self.emulated.clear_faults()


async def begin_faults(emulated: EmulatedWorld, case: Case) -> None:
    """Let the faults of a case begin."""
    for switch in case.switches:
        fault = parse_switch(switch)
        await emulated.set_fault(fault.name, **fault.values)


def world_of(case: Case) -> World:
    """Return the world of a case."""
    return parse_world(json.dumps(case.world_data(WORLDS / "owner.json")))


@asynccontextmanager
async def a_place(
    hass: HomeAssistant,
    emulated: EmulatedWorld,
    adapter: MockConfigEntry,
    clock: Clock,
    case: Case,
    *,
    reader: Reader = WITH_INTEGRATION,
) -> AsyncGenerator[MovedPlace]:
    """Have batteries read, in peace so far; or with the fault, where a case starts with it."""
    began: datetime | None = None
    if case.at_start:
        began = dt_util.utcnow()
        await begin_faults(emulated, case)
        await hass.config_entries.async_reload(adapter.entry_id)
        assert adapter.state is ConfigEntryState.SETUP_RETRY
    link = batteries_of(emulated)[0]
    async with a_witness(hass, emulated, link) if case.witness else nullcontext():
        watched: AbstractContextManager[Home | None] = nullcontext()
        if reader.component is None:
            _want_last_read(hass, link)
            settings = link_settings(kept_interval=reader.kept_interval)
            entry = await set_up_bank(hass, settings)
            watched = at_home(hass, emulated, clock, entry)
        else:
            component = import_module(f"{components.__name__}.{reader.component}")
            config = {component.DOMAIN: {"address": link.address}}
            assert await component.async_setup(hass, config)
        with watched as home:
            if not case.at_start:
                await asyncio.sleep(SETTLED)
            yield MovedPlace(
                hass=hass,
                emulated=emulated,
                case=case,
                reader=reader,
                home=home,
                began=began,
            )


def _want_last_read(hass: HomeAssistant, link: Link) -> None:
    """Have these sensors enabled, which are off by default, as a user would have."""
    registry = er.async_get(hass)
    for unit in link.units:
        identifier = battery_identifier(link.address, unit)
        registry.async_get_or_create("sensor", DOMAIN, f"{identifier}_last_read")


@asynccontextmanager
async def a_home_assistant() -> AsyncGenerator[HomeAssistant]:
    """Run a Home Assistant outside of a test; nothing in it is reached through the network."""
    with (
        tempfile.TemporaryDirectory(prefix="renogy_bt-faults-") as folder,
        patch(f"{_HTTP}.async_bind"),
        patch(f"{_HTTP}.start"),
    ):
        async with async_test_home_assistant(config_dir=folder) as hass:
            frame.async_setup(hass)
            # Have custom integrations looked for, which a test does not.
            hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
            yield hass
            await hass.async_stop(force=True)


async def run_trial(case: Case, reader: Reader, phase: float) -> Outcome:
    """Live through one case in a Home Assistant of its own."""
    async with a_trial(case, reader) as place:
        return await place.live_through(phase)


@asynccontextmanager
async def a_trial(case: Case, reader: Reader) -> AsyncGenerator[MovedPlace]:
    """Have batteries read in a Home Assistant of its own."""
    random.seed(case.name)
    with private_system_bus() as bus:
        async with (
            running_world(world_of(case), bus) as emulated,
            a_home_assistant() as hass,
            bluetooth_set_up(hass, emulated, case.mode) as adapter,
            leaping_clock(hass, emulated) as clock,
            a_place(hass, emulated, adapter, clock, case, reader=reader) as place,
        ):
            yield place
