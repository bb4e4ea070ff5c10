# SPDX-License-Identifier: Apache-2.0
"""How soon batteries are read again once the only proxy works again, at the usual interval."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.links.coordinator import LinkCoordinator
from homeassistant.core import HomeAssistant
from tests.banks import bank_entry, link_of, link_settings
from tests.emulator import EmulatedWorld, World, load_world
from tests.emulator.__main__ import WORLDS
from tests.emulator.esphome_proxy import EspHomeProxy

from .conftest import still
from .proxy import is_known, proxy_of
from .warped_time import Clock

FAULTS = (20.0, 90.0, 400.0)
"""How long a fault lasts after a poll has failed for it, s."""
LONGEST_PAUSE = 30.0
ADVERTISING = 2.0
POLL = 5.0
CONNECT = 20.0
type Change = Callable[[EspHomeProxy, bool], None]


def hang_connects(proxy: EspHomeProxy, on: bool) -> None:
    """Have connections hang that are being made."""
    if on:
        proxy.faults.goes_on.clear()
    else:
        proxy.faults.goes_on.set()


def fail_connects(proxy: EspHomeProxy, on: bool) -> None:
    """Refuse connections."""
    proxy.faults.connects_fail = on


def fail_gatt(proxy: EspHomeProxy, on: bool) -> None:
    """Refuse every request over a connection."""
    proxy.faults.gatt_fails = on


def hang_gatt(proxy: EspHomeProxy, on: bool) -> None:
    """Have nothing come of any request over a connection."""
    proxy.faults.gatt_hangs = on


def hang(proxy: EspHomeProxy, on: bool) -> None:
    """Have the proxy do nothing at all; its connection to Home Assistant stands."""
    proxy.hang(hangs=on)


@pytest.fixture
def world() -> World:
    """Return the owner's batteries at their real pace."""
    return still(load_world(WORLDS / "owner.json"))


@pytest.fixture
async def proxy(
    hass: HomeAssistant,
    bluetooth_entry: MockConfigEntry,
    emulated_world: EmulatedWorld,
    clock: Clock,
) -> AsyncGenerator[EspHomeProxy]:
    """Return a proxy that hears the batteries, and is the only way to them."""
    await hass.config_entries.async_remove(bluetooth_entry.entry_id)
    async with proxy_of(hass, emulated_world) as proxy:
        proxy.listen()
        yield proxy


@pytest.fixture
async def bank(
    hass: HomeAssistant, proxy: EspHomeProxy, clock: Clock
) -> MockConfigEntry:
    """Return the owner's bank, which is read."""
    entry = bank_entry(link_settings())
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await clock.until(lambda: link_of(entry).fresh, 120)
    return entry


async def seconds_to_reading(link: LinkCoordinator, clock: Clock) -> float:
    """Wait for the next poll that reads a battery; return how long that took."""
    before = link.succeeded_at
    return await clock.until(lambda: link.succeeded_at != before, 600)


@pytest.mark.parametrize(
    ("change", "limit"),
    [
        (fail_connects, LONGEST_PAUSE + POLL),
        (fail_gatt, LONGEST_PAUSE + POLL),
        (hang_gatt, LONGEST_PAUSE + CONNECT),
        (hang_connects, LONGEST_PAUSE + CONNECT),
        (hang, LONGEST_PAUSE + CONNECT),
    ],
    ids=["connects-fail", "requests-fail", "requests-hang", "connects-hang", "hangs"],
)
async def test_proxy_that_works_again(
    proxy: EspHomeProxy,
    bank: MockConfigEntry,
    clock: Clock,
    change: Change,
    limit: float,
    record_property: Callable[[str, object], None],
) -> None:
    """No fault of up to a quarter of an hour is made longer by more than half a minute."""
    link = link_of(bank)
    for seconds in FAULTS:
        change(proxy, True)
        await clock.until(lambda: link.retries.heard_from is not None, 120)
        await asyncio.sleep(seconds)
        change(proxy, False)
        took = await seconds_to_reading(link, clock)
        record_property(f"{seconds:.0f}", round(took, 1))
        assert took <= limit + ADVERTISING
        await asyncio.sleep(70)


async def test_proxy_that_is_switched_off_for_long(
    hass: HomeAssistant,
    proxy: EspHomeProxy,
    bank: MockConfigEntry,
    clock: Clock,
    record_property: Callable[[str, object], None],
) -> None:
    """The first advertisement that it hears after two hours brings the poll."""
    link = link_of(bank)
    proxy.stop()
    await asyncio.sleep(7200)
    assert not link.last_update_success
    await proxy.start()
    await clock.until(lambda: is_known(hass), 120)
    took = await seconds_to_reading(link, clock)
    record_property("7200", round(took, 1))
    assert took <= POLL + 2 * ADVERTISING
