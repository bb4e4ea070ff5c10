# SPDX-License-Identifier: Apache-2.0
"""Listening on the bus: whether bluetoothd hears what Home Assistant does not."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapter_health.samples import AdapterSample
from custom_components.renogy_bt.supervisor import watch
from custom_components.renogy_bt.supervisor.link_records import LinkRecords
from custom_components.renogy_bt.supervisor.watch import StackWatch
from homeassistant.core import HomeAssistant
from tests.emulator import EmulatedWorld, World

from .test_bluez_watcher import LIMIT, discovery


@pytest.fixture
def world(world: World) -> World:
    """Return a world with frequent advertisements."""
    return replace(world, advertising_interval=0.05)


@pytest.fixture
async def discovering(emulated_world: EmulatedWorld) -> AsyncGenerator[None]:
    """Have another client than Home Assistant search for devices."""
    async with discovery():
        yield


class Listening:
    """A watch with a sample of the adapter, and how often it asked to be looked at."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Prepare a watch of no link."""
        self.wakes = 0
        self.watch = StackWatch(
            hass,
            LinkRecords(),
            wake=self._wake,
            heard=lambda: None,
            path_changed=lambda _: None,
        )

    def _wake(self) -> None:
        self.wakes += 1

    async def sample(self, address: str) -> AdapterSample:
        """Take a sample of the adapter once bluetoothd has told of it."""
        await self.watch.async_begin_look(stay=True)
        async with asyncio.timeout(LIMIT):
            while address not in self.watch.bluez.adapters():
                await asyncio.sleep(0.01)
        sample = await self.watch.async_sample(address)
        return replace(sample, management_socket=True)


@pytest.fixture
async def listening(
    hass: HomeAssistant,
    bluetooth_entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncGenerator[Listening]:
    """Watch Home Assistant's adapter, and listen on the bus for a moment only."""
    monkeypatch.setattr(watch, "LISTEN_ON_BUS", 0.5)
    listening = Listening(hass)
    yield listening
    await listening.watch.async_stop()


@pytest.mark.usefixtures("discovering")
async def test_devices_that_only_bluetoothd_reports(
    listening: Listening, emulated_world: EmulatedWorld
) -> None:
    """What bluetoothd reports is noted, and worth a look; it is not listened to again soon."""
    address = emulated_world.world.adapters[0].address
    sample = await listening.sample(address)
    wakes = listening.wakes
    await listening.watch.async_listen_on_bus(sample)
    heard_at = (await listening.sample(address)).heard_on_bus_at
    assert heard_at is not None
    assert listening.wakes > wakes
    await listening.watch.async_listen_on_bus(sample)
    assert (await listening.sample(address)).heard_on_bus_at == heard_at


async def test_nothing_is_reported(
    listening: Listening, emulated_world: EmulatedWorld
) -> None:
    """Silence on the bus too is no sign of Home Assistant's own fault."""
    await emulated_world.set_fault("discovery-stuck", until="cleared")
    address = emulated_world.world.adapters[0].address
    sample = await listening.sample(address)
    await listening.watch.async_listen_on_bus(sample)
    assert (await listening.sample(address)).heard_on_bus_at is None


async def test_bus_that_cannot_be_listened_to(
    listening: Listening, emulated_world: EmulatedWorld
) -> None:
    """A bus that was left tells nothing, and that is no error."""
    address = emulated_world.world.adapters[0].address
    sample = await listening.sample(address)
    await listening.watch.async_stop()
    await listening.watch.async_listen_on_bus(sample)
    assert sample.heard_on_bus_at is None
