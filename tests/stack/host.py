# SPDX-License-Identifier: Apache-2.0
"""Home Assistant's real Bluetooth on the emulated world, and a clock that leaps for everybody."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

import bleak.backends.bluezdbus.manager as bleak_manager
from bleak_retry_connector.bleak_manager import _reset_dbus_socket_cache
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.issues import links as link_issues
from custom_components.renogy_bt.links import (
    coordinator as link_coordinator,
    signal as link_signal,
)
from custom_components.renogy_bt.renogy.link import RenogyLink
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.emulator import EmulatedWorld, PrivateBus, World
from tests.emulator.dbus_connection import close_connection

from .warped_time import Clock, WallClock, warped_time


@contextmanager
def private_system_bus() -> Generator[PrivateBus]:
    """Run a dbus-daemon that is the system bus of everything in this process."""
    private_bus = PrivateBus()
    private_bus.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DBUS_SYSTEM_BUS_ADDRESS", private_bus.address)
            yield private_bus
    finally:
        # A run that breaks off leaves no daemon behind.
        private_bus.stop()


@asynccontextmanager
async def running_world(world: World, bus: PrivateBus) -> AsyncGenerator[EmulatedWorld]:
    """Run a world on a bus; bleak's connection to it is closed afterwards."""
    if not bus.is_running:
        bus.start()
    _reset_dbus_socket_cache()
    async with EmulatedWorld(world, bus) as emulated:
        yield emulated
        await disconnect_bleak()


async def disconnect_bleak() -> None:
    """Close the bus connection that bleak keeps for each event loop."""
    manager = bleak_manager._global_instances.pop(asyncio.get_running_loop(), None)
    if manager is not None and manager._bus is not None:
        await close_connection(manager._bus)


@asynccontextmanager
async def bluetooth_set_up(
    hass: HomeAssistant, emulated: EmulatedWorld, mode: str
) -> AsyncGenerator[MockConfigEntry]:
    """Have Home Assistant's `bluetooth` on the first adapter, in a scanning mode."""
    adapter = emulated.world.adapters[0]
    entry = MockConfigEntry(
        domain="bluetooth",
        unique_id=adapter.address,
        title=adapter.name,
        options={"mode": mode},
    )
    entry.add_to_hass(hass)
    assert await async_setup_component(hass, "bluetooth", {})
    await hass.async_block_till_done()
    yield entry
    is_there = hass.config_entries.async_get_entry(entry.entry_id) is not None
    if is_there and entry.state.recoverable:
        await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()


@asynccontextmanager
async def leaping_clock(
    hass: HomeAssistant, emulated: EmulatedWorld
) -> AsyncGenerator[Clock]:
    """Let time leap for everybody; then remove the banks."""
    with leaping_time(hass.loop, emulated):
        yield Clock(hass)
        await remove_banks(hass)


@contextmanager
def leaping_time(
    loop: asyncio.AbstractEventLoop, emulated: EmulatedWorld
) -> Generator[WallClock]:
    """Let time leap for everybody, links and notices included."""

    def now() -> float:
        return loop.time()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(link_coordinator, "RenogyLink", partial(RenogyLink, clock=now))
        patch.setattr(link_issues, "monotonic", now)
        patch.setattr(link_signal, "monotonic", now)
        with warped_time(loop, emulated.bus.address) as wall_clock:
            yield wall_clock


async def remove_banks(hass: HomeAssistant) -> None:
    """Remove all banks, and what offers to set one up."""
    for entry in hass.config_entries.async_entries(DOMAIN):
        await hass.config_entries.async_remove(entry.entry_id)
    for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN):
        hass.config_entries.flow.async_abort(flow["flow_id"])
    await hass.async_block_till_done(wait_background_tasks=True)
