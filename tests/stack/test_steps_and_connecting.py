# SPDX-License-Identifier: Apache-2.0
"""Recovery steps that begin while a link is being connected to, over the real stack."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from bleak_retry_connector import clear_cache
from habluetooth import get_manager
import pytest

from custom_components.renogy_bt.adapter_health.history import StepResult
from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.links.connection import async_connector
from custom_components.renogy_bt.supervisor.poll_gate import CLEAN_UP_LIMIT
from homeassistant.components import bluetooth
from tests.emulator import World, load_world
from tests.emulator.__main__ import WORLDS

from .conftest import still
from .site import MINUTE, Site

# The longest that a step without a fault takes, and the poll after it.
STEP = 6.0
POLL = 5.0
STEPS = [
    RecoveryStep.OWN_LINKS,
    RecoveryStep.RESTART_SCANNING,
    RecoveryStep.POWER_CYCLE,
]
ALL_FREE: tuple[int, list[str]] = (5, [])

pytestmark = pytest.mark.usefixtures("idle")


@pytest.fixture
def world() -> World:
    """Return the owner's batteries at their real pace, behind a link that resolves slowly."""
    world = still(load_world(WORLDS / "owner.json"))
    return replace(world, timing=replace(world.timing, service_resolution=2.0))


async def soon(site: Site, condition: Callable[[], object]) -> None:
    """Wait until something is so, and notice it at once."""
    begun = site.now()
    while not condition():
        assert site.now() - begun <= MINUTE
        await asyncio.sleep(0.01)


def connects_in_progress(site: Site) -> int:
    """Return how many connections Home Assistant is making through the adapter."""
    scanner = bluetooth.async_scanner_by_source(site.hass, site.address)
    return 0 if scanner is None else scanner.connections_in_progress()


def slots(site: Site) -> tuple[int, list[str]]:
    """Return how many connection slots are free, and who holds the others."""
    allocations = get_manager().async_current_allocations(site.address)
    assert allocations
    return allocations[0].free, allocations[0].allocated


def is_connected(site: Site) -> bool:
    """Tell whether the link is connected, whoever knows of it."""
    return site.emulated.peripheral(site.link.address).central is not None


@pytest.fixture
async def idle(site: Site) -> None:
    """Let the last poll hang up, too."""
    await soon(site, lambda: slots(site) == ALL_FREE)


async def connect_in_vain(site: Site) -> None:
    """Have a poll begin to connect to a link that has just gone out of range."""
    await site.emulated.set_fault("out-of-range")
    site.on_poll()
    await soon(site, lambda: connects_in_progress(site))
    assert slots(site) == (4, [site.link.address])


async def connect_half(site: Site) -> None:
    """Have a poll connect to the link, and no more yet: its services are to be found anew."""
    await clear_cache(site.link.address)
    site.on_poll()
    await soon(site, lambda: is_connected(site))
    assert connects_in_progress(site)


def taking(site: Site, step: RecoveryStep) -> asyncio.Task[StepResult]:
    """Have a step begin."""
    return asyncio.create_task(site.supervisor.async_recover(site.address, step))


async def poll_over(site: Site) -> bool:
    """Wait until the poll that is under way is over; return whether it was a good one."""
    before = len(site.polls)
    await soon(site, lambda: len(site.polls) > before)
    return site.polls[-1][1]


@pytest.mark.parametrize("step", STEPS)
async def test_connecting_in_vain_gives_way_to_a_step(
    site: Site, step: RecoveryStep
) -> None:
    """A poll stops connecting at once, and goes on with that right after the step."""
    polling = site.now()
    await connect_in_vain(site)
    begun = site.now()
    recovery = taking(site, step)
    await soon(site, lambda: not connects_in_progress(site))
    assert site.now() - begun < 0.5
    assert slots(site) == ALL_FREE
    await site.emulated.clear_faults()
    assert await poll_over(site)
    assert site.polls[-1][0] == pytest.approx(polling, abs=0.1)
    assert site.now() - begun <= STEP + POLL
    assert await recovery is StepResult.RECOVERED
    assert not any(link.failures for link in site.sample.links)
    await soon(site, lambda: slots(site) == ALL_FREE)


async def test_connection_that_does_not_stand_yet_is_ended(site: Site) -> None:
    """Nothing stays connected of what was half made."""
    await connect_half(site)
    begun = site.now()
    recovery = taking(site, RecoveryStep.RESTART_SCANNING)
    await soon(site, lambda: slots(site) == ALL_FREE)
    assert site.now() - begun < site.emulated.world.timing.disconnect + 0.5
    assert not is_connected(site)
    assert await poll_over(site)
    assert site.now() - begun <= STEP + POLL + 2
    assert await recovery is StepResult.RECOVERED


async def test_bluetoothd_hangs_while_connecting_ends(site: Site) -> None:
    """Where bluetoothd takes no disconnect any more, nobody waits for it for long."""
    await connect_in_vain(site)
    await site.emulated.set_fault("bluetoothd-hung")
    begun = site.now()
    recovery = taking(site, RecoveryStep.RESTART_SCANNING)
    await soon(site, lambda: not connects_in_progress(site))
    assert site.now() - begun < CLEAN_UP_LIMIT + 0.5
    await site.emulated.clear_faults()
    await recovery
    await site.until_read(site.now(), 3 * MINUTE)
    await soon(site, lambda: slots(site) == ALL_FREE)


@pytest.mark.parametrize("step", STEPS)
async def test_reading_goes_on_when_a_step_begins(
    site: Site, step: RecoveryStep
) -> None:
    """A poll that has connected is given the time to read on."""
    statistics = site.emulated.peripheral(site.link.address).statistics
    before = statistics.requests
    connects = statistics.connects
    site.on_poll()
    await soon(site, lambda: statistics.requests > before)
    recovery = taking(site, step)
    assert await poll_over(site)
    assert statistics.connects == connects + 1
    assert await recovery is StepResult.RECOVERED


async def test_nothing_is_connected_to_in_the_middle_of_a_step(site: Site) -> None:
    """A connection that is wanted in the middle of a step is made after it."""
    connector = async_connector(site.hass, site.link.address, site.link.name)
    statistics = site.emulated.peripheral(site.link.address).statistics
    recovery = taking(site, RecoveryStep.POWER_CYCLE)
    await soon(site, lambda: not site.is_powered)
    attempts = (statistics.connects, statistics.failed_connects)
    connecting = asyncio.ensure_future(connector())
    while site.health.own.running is not None:
        assert not connecting.done()
        assert not connects_in_progress(site)
        assert (statistics.connects, statistics.failed_connects) == attempts
        await asyncio.sleep(0.01)
    ended = site.now()
    transport = await connecting
    assert site.now() - ended < POLL
    assert (statistics.connects, statistics.failed_connects) == (
        attempts[0] + 1,
        attempts[1],
    )
    await transport.disconnect()
    assert await recovery is StepResult.RECOVERED
