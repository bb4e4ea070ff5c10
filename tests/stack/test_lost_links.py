# SPDX-License-Identifier: Apache-2.0
"""Two dongles of one bank, one of which is lost: the other one's values come in time."""

from dataclasses import replace

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from tests.banks import (
    bank_entry,
    bank_of,
    bank_state,
    battery_state,
    link_of,
    link_settings,
    set_up,
    settle,
)
from tests.emulator import EmulatedWorld, Unit, World
from tests.emulator.peripheral import Central
from tests.fake_air import DONGLE, DONGLE_NAME

from .integration import assert_true_values, heard, owner_world, poll, until

pytestmark = pytest.mark.usefixtures("integration")

OTHER = "6C:B2:FD:A1:B2:C4"
OTHER_NAME = "BT-TH-FDA1B2C4"

# What the time-out of a connect is in these tests.
CONNECT_SECONDS = 0.9

ADVERTISES = [
    pytest.param(False, id="not advertising"),
    pytest.param(True, id="advertising, but not to be connected to"),
]


@pytest.fixture
def world() -> World:
    """Return the owner's dongle with one battery, twice."""
    world = owner_world()
    (link,) = world.links
    link = replace(link, units={48: link.units[48]})
    return replace(world, links=(link, replace(link, name=OTHER_NAME, address=OTHER)))


@pytest.fixture
def unit(world: World) -> Unit:
    """Return the battery that is behind each dongle."""
    return world.links[0].units[48]


@pytest.fixture
async def bank(
    hass: HomeAssistant, emulated_world: EmulatedWorld, integration: None
) -> MockConfigEntry:
    """Return a bank with both dongles."""
    await heard(hass, DONGLE, OTHER)
    entry = bank_entry(
        link_settings(DONGLE, DONGLE_NAME, (48,)),
        link_settings(OTHER, OTHER_NAME, (48,)),
    )
    await set_up(hass, entry)
    assert bank_state(hass, entry, "batteries_responding").state == "2"
    return entry


async def lose(world: EmulatedWorld, advertises: bool) -> None:
    """Let the first dongle be gone, or advertise and take no connection."""
    if advertises:
        world.peripheral(DONGLE).__dict__["connect"] = _refuse
    else:
        await world.set_fault("out-of-range", link=DONGLE)


async def give_back(world: EmulatedWorld) -> None:
    """Let the first dongle be as it was."""
    world.peripheral(DONGLE).__dict__.pop("connect", None)
    await world.clear_faults()


def _refuse(_: Central) -> bool:
    return False


@pytest.mark.parametrize("advertises", ADVERTISES)
async def test_values_of_the_other_link_come_in_time(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    emulated_world: EmulatedWorld,
    unit: Unit,
    advertises: bool,
) -> None:
    """Once a dongle is lost, the other one is published while it is still being looked for."""
    await lose(emulated_world, advertises)
    await poll(hass, bank)
    assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
    assert_true_values(hass, unit, OTHER)
    lost, other = link_of(bank), link_of(bank, OTHER)
    for _ in range(3):
        looking = hass.async_create_task(lost.async_refresh())
        await until(lambda: lost.is_polling)
        read_at = other.readings[48].read_at
        began_at = hass.loop.time()
        await other.async_refresh()
        assert hass.loop.time() - began_at < CONNECT_SECONDS
        assert other.readings[48].read_at > read_at
        assert bank_of(bank).data.readings[OTHER, 48] is other.readings[48]
        assert bank_of(bank).data.fresh == {(OTHER, 48)}
        assert_true_values(hass, unit, OTHER)
        await looking
        await settle(hass)
        assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE


@pytest.mark.parametrize("advertises", ADVERTISES)
async def test_lost_link_comes_back(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    emulated_world: EmulatedWorld,
    unit: Unit,
    advertises: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A dongle that takes connections again is read when heard, with no poll of the bank's."""
    monkeypatch.setattr(
        "custom_components.renogy_bt.links.retries.HEARD_RETRY_SECONDS", 0.2
    )
    await lose(emulated_world, advertises)
    await poll(hass, bank)
    await give_back(emulated_world)
    await until(lambda: battery_state(hass, "voltage").state != STATE_UNAVAILABLE)
    await settle(hass)
    assert_true_values(hass, unit)
    assert_true_values(hass, unit, OTHER)
    assert bank_state(hass, bank, "batteries_responding").state == "2"
