# SPDX-License-Identifier: Apache-2.0
"""Lives through a run on the real stack under a moved clock, and through what is made of its file."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
import random
from typing import Any, Final
from unittest.mock import PropertyMock, patch

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.diagnostics import async_get_config_entry_diagnostics
from custom_components.renogy_bt.links.probing import (
    ProbeProblem,
    async_probe_link,
    async_probe_report,
)
from custom_components.renogy_bt.links.published import async_published
from custom_components.renogy_bt.links.reports import FOUND
from custom_components.renogy_bt.links.settings import (
    LinkSettings,
    battery_identifier,
    links_of,
)
from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.json import json_dumps
from homeassistant.setup import async_setup_component
from tests.banks import bank_entry
from tests.demo.emulator import USUAL_UNITS
from tests.emulator import EmulatedWorld, World
from tests.emulator.faults import parse_switch
from tests.emulator.world import Kind, Link, NameIn
from tests.fault_matrix.moved_clock import a_home_assistant
from tests.stack.field.home import at_home
from tests.stack.host import (
    bluetooth_set_up,
    leaping_clock,
    private_system_bus,
    running_world,
)
from tests.stack.site import a_witness
from tests.stack.warped_time import Clock

from .runs import MINUTE, Run

type Json = dict[str, Any]

SETTLED: Final = 5 * MINUTE
"""Past the active window that Home Assistant opens after four minutes."""
NEARER: Final = -20.0
"""Attenuation of a proxy that stands nearer to the links than the adapter, dB."""
HEARD_WITHIN: Final = 2 * MINUTE
READ_AGAIN: Final = 4 * MINUTE
"""Some polls: what is read every six hours only comes with the second one."""


@dataclass(frozen=True, slots=True)
class Lived:
    """The file of a run, and what was judged and done in it as far as was seen from outside."""

    text: str
    verdicts: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    position: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """What a file comes to: the document of `--check`, and why a link was refused, if one was."""

    document: Json | None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    hass: HomeAssistant
    emulated: EmulatedWorld
    clock: Clock


@asynccontextmanager
async def _a_place(world: World, mode: str) -> AsyncGenerator[_Place]:
    with private_system_bus() as bus:
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            stack.enter_context(
                patch.object(
                    Entity,
                    "entity_registry_enabled_default",
                    PropertyMock(return_value=True),
                )
            )
            emulated = await enter(running_world(world, bus))
            hass = await enter(a_home_assistant())
            await enter(bluetooth_set_up(hass, emulated, mode))
            clock = await enter(leaping_clock(hass, emulated))
            assert await async_setup_component(hass, DOMAIN, {})
            yield _Place(hass, emulated, clock)


async def live(run: Run) -> Lived:
    """Live through a run, and download its file."""
    random.seed(run.name)
    async with _a_place(run.world, run.mode) as place:
        hass = place.hass
        async with _beside(run, place):
            if run.fails_at_set_up or run.is_probed:
                await _heard(place, run.world.links)
                await _begin(place.emulated, run)
                return Lived(await _probed(place, run), position=_position(hass))
            entry = await _set_up_as_in(run, place)
            with at_home(hass, place.emulated, place.clock, entry) as home:
                await asyncio.sleep(SETTLED)
                await _begin(place.emulated, run)
                await asyncio.sleep(run.seconds)
                told = await async_get_config_entry_diagnostics(hass, entry)
                return Lived(
                    json_dumps({"data": told}),
                    tuple(map(str, home.verdicts)),
                    tuple(map(str, home.steps)),
                    _position(hass),
                )


@asynccontextmanager
async def _beside(run: Run, place: _Place) -> AsyncGenerator[None]:
    """Have somebody else hear the links, where a run has that."""
    if run.has_proxy:
        # Home Assistant's `esphome` takes a second to be imported.
        from tests.stack.proxy import proxy_of  # noqa: PLC0415

        async with proxy_of(place.hass, place.emulated, NEARER) as proxy:
            listening = proxy.listen()
            yield
            listening()
    elif run.has_witness:
        async with a_witness(place.hass, place.emulated, run.world.links[0]):
            yield
    else:
        yield


async def _probed(place: _Place, run: Run) -> str:
    """Return the report of a set-up that fails, or of a probe."""
    if run.is_probed:
        (link,) = run.world.links
        told = await async_probe_report(place.hass, link.address, link.name)
        assert told["outcome"] == FOUND
        return json_dumps(told)
    problem = await _set_up(place, run.world.links)
    assert isinstance(problem, ProbeProblem), "the set-up does not fail"
    return problem.report


async def _set_up_as_in(run: Run, place: _Place) -> MockConfigEntry:
    """Set the links of a run up; return the bank of the first one."""
    links = run.world.links
    banks = [[link] for link in links] if run.is_split else [links]
    entries = [
        await _set_up(place, bank, kept_interval=run.kept_interval, options=run.options)
        for bank in banks
    ]
    for entry in entries:
        assert isinstance(entry, MockConfigEntry), entry
    (first, *_) = entries
    assert isinstance(first, MockConfigEntry)
    return first


async def read_again(
    world: World, unit_ids: Mapping[str, Iterable[int]] = {}
) -> ReadAgain:
    """Set the world of a file up and read it."""
    async with _a_place(world, "auto") as place:
        entry = await _set_up(place, world.links, unit_ids)
        if isinstance(entry, ProbeProblem):
            return ReadAgain(None, entry.key)
        await asyncio.sleep(READ_AGAIN)
        return ReadAgain(_document(place.hass, entry))


def _position(hass: HomeAssistant) -> tuple[str, ...]:
    return str(hass.config.latitude), str(hass.config.longitude)


async def _heard(place: _Place, links: Iterable[Link]) -> None:
    await place.clock.until(
        lambda: all(
            bluetooth.async_ble_device_from_address(place.hass, link.address)
            for link in links
        ),
        HEARD_WITHIN,
    )


async def _begin(emulated: EmulatedWorld, run: Run) -> None:
    for switch in run.switches:
        fault = parse_switch(switch)
        await emulated.set_fault(fault.name, **fault.values)


async def _set_up(
    place: _Place,
    links: Iterable[Link],
    unit_ids: Mapping[str, Iterable[int]] = {},
    *,
    kept_interval: int | None = None,
    options: Mapping[str, Any] = {},
) -> MockConfigEntry | ProbeProblem:
    """Set links up as a user does; return the bank, or why there is none."""
    settings = []
    of_batteries = [link for link in links if link.kind is Kind.BATTERY]
    for link in of_batteries or links:
        await _heard(place, [link])
        name = link.name if link.name_in is NameIn.ADVERTISEMENT else link.address
        asked = {*(link.units.keys() - USUAL_UNITS), *unit_ids.get(link.address, ())}
        outcome = await async_probe_link(place.hass, link.address, name, sorted(asked))
        if isinstance(outcome, ProbeProblem):
            return outcome
        found = LinkSettings.from_probe(link.address, outcome.name, outcome.report)
        settings.append(replace(found, kept_interval=kept_interval))
    entry = bank_entry(*settings, **options)
    entry.add_to_hass(place.hass)
    assert await place.hass.config_entries.async_setup(entry.entry_id)
    return entry


def _document(hass: HomeAssistant, entry: MockConfigEntry) -> Json:
    """Return what is shown, as `scripts/demo --check` tells it."""
    published = async_published(hass, entry)
    return {
        "batteries": [
            {
                "link": link.address,
                "unit": battery.unit,
                "model": battery.model,
                "entities": published.get(
                    battery_identifier((link.address, battery.unit)), {}
                ),
            }
            for link in links_of(entry).values()
            for battery in link.batteries
        ],
        "bank": published.get(entry.entry_id, {}),
    }
