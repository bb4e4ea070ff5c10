# SPDX-License-Identifier: Apache-2.0
"""A link that is kept connected while an adapter falls silent: by chance, or because it is deaf."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from custom_components.renogy_bt.adapter_health.ladder import (
    RecoveryLevel,
    RecoveryStep,
)
from custom_components.renogy_bt.adapter_health.samples import Verdict
from custom_components.renogy_bt.adapter_health.status import AdapterEvent, EventKind
from custom_components.renogy_bt.const import CONF_RECOVERY
from custom_components.renogy_bt.links.keeping import LetGo
from custom_components.renogy_bt.supervisor.supervisor import async_get_supervisor
from homeassistant.core import HomeAssistant
from tests.banks import link_of
from tests.emulator import EmulatedWorld, World, load_world
from tests.emulator.__main__ import WORLDS
from tests.emulator.world import Kind, Link

from .conftest import still
from .site import MINUTE
from .test_kept_links import GAP_AT_STEP, followed, host_resets, kept_bank
from .warped_time import Clock

__all__ = ["host_resets"]

PASSERS_BY = tuple(
    Link(
        name=f"Passer-by {number}",
        address=f"5A:00:00:00:00:0{number}",
        kind=Kind.SILENT,
    )
    for number in range(4)
)
KNOWN_FOR = 13 * MINUTE


@pytest.fixture
def scanner_mode() -> str:
    """Return how Home Assistant scans, as on most hosts."""
    return "active"


@pytest.fixture
def world() -> World:
    """Return the owner's batteries at their real pace among four other devices."""
    world = still(load_world(WORLDS / "owner.json"))
    return replace(world, links=(*world.links, *PASSERS_BY))


async def test_it_is_read_on_while_the_scan_sticks(
    hass: HomeAssistant, emulated_world: EmulatedWorld, clock: Clock
) -> None:
    """Only the steps that mend the adapter interrupt it, although nothing is heard."""
    entry = await kept_bank(hass, clock, 5)
    await asyncio.sleep(KNOWN_FOR)
    supervisor, events = async_get_supervisor(hass), list[AdapterEvent]()
    stop = supervisor.async_add_event_listener(events.append)
    link = link_of(entry)
    with followed(entry, clock) as times:
        await emulated_world.set_fault("discovery-stuck")
        await clock.until(
            lambda: EventKind.RECOVERED in [event.kind for event in events],
            5 * MINUTE,
        )
        await asyncio.sleep(5 * MINUTE)
    stop()
    assert max(after - before for before, after in pairwise(times)) <= GAP_AT_STEP
    assert link.kept is not None
    assert LetGo.BREATH not in link.kept.let_go
    steps = [each.step for each in events if each.kind is EventKind.STEP_STARTED]
    # Home Assistant has restarted the scan by itself, which takes no connection away.
    assert steps == [RecoveryStep.POWER_CYCLE]


async def test_it_is_read_on_where_nothing_mends_the_adapter(
    hass: HomeAssistant, emulated_world: EmulatedWorld, clock: Clock
) -> None:
    """Who wants no recovery steps keeps the values, which a breath would take for good."""
    entry = await kept_bank(hass, clock, 5)
    hass.config_entries.async_update_entry(
        entry, options={**entry.options, CONF_RECOVERY: RecoveryLevel.OFF}
    )
    await hass.config_entries.async_reload(entry.entry_id)
    await asyncio.sleep(KNOWN_FOR)
    await emulated_world.set_fault("discovery-stuck", until="cleared")
    with followed(entry, clock) as times:
        await asyncio.sleep(30 * MINUTE)
    (status,) = async_get_supervisor(hass).adapters.values()
    assert status.verdict is Verdict.SILENT
    assert max(after - before for before, after in pairwise(times)) <= 15
    kept = link_of(entry).kept
    assert kept is not None
    assert kept.let_go == {}
    await emulated_world.clear_faults()
    await clock.until(
        lambda: not async_get_supervisor(hass).adapters[status.address].problem,
        10 * MINUTE,
    )


async def test_it_breathes_where_the_others_leave(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    clock: Clock,
    host_resets: list[str],
) -> None:
    """Whoever lives here goes out: nothing is wrong, and nobody touches the adapter."""
    entry = await kept_bank(hass, clock, 5)
    await asyncio.sleep(KNOWN_FOR)
    for passer_by in PASSERS_BY:
        await emulated_world.set_fault("out-of-range", link=passer_by.address)
        await asyncio.sleep(MINUTE)
    with followed(entry, clock) as times:
        await asyncio.sleep(30 * MINUTE)
    kept = link_of(entry).kept
    assert kept is not None
    assert set(kept.let_go) == {LetGo.BREATH}
    assert max(after - before for before, after in pairwise(times)) <= 15
    assert host_resets == []
    (status,) = async_get_supervisor(hass).adapters.values()
    assert status.verdict is Verdict.OK
    assert status.history.recoveries == 0


async def test_it_breathes_in_the_end_where_all_others_leave_at_once(
    hass: HomeAssistant, emulated_world: EmulatedWorld, clock: Clock
) -> None:
    """A bag with all of them is taken away: after five minutes the scanner hears the link."""
    entry = await kept_bank(hass, clock, 5)
    await asyncio.sleep(KNOWN_FOR)
    for passer_by in PASSERS_BY:
        await emulated_world.set_fault("out-of-range", link=passer_by.address)
    kept = link_of(entry).kept
    assert kept is not None
    await clock.until(lambda: kept.let_go[LetGo.BREATH], 6 * MINUTE)
    await asyncio.sleep(2 * MINUTE)
    (status,) = async_get_supervisor(hass).adapters.values()
    assert status.verdict is Verdict.OK
    before = status.history.recoveries
    await asyncio.sleep(30 * MINUTE)
    (status,) = async_get_supervisor(hass).adapters.values()
    assert status.history.recoveries == before
