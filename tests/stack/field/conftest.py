# SPDX-License-Identifier: Apache-2.0
"""A home in the field, in which nothing was wrong so far."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from tests.emulator import EmulatedWorld, World, load_world
from tests.emulator.__main__ import WORLDS
from tests.stack.conftest import still
from tests.stack.warped_time import Clock

from .home import CALM, Home, at_home, set_up_bank


@pytest.fixture
def world() -> World:
    """Return the owner's batteries at their real pace."""
    return still(load_world(WORLDS / "owner.json"))


@pytest.fixture
async def home(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    bluetooth_entry: MockConfigEntry,
    clock: Clock,
) -> AsyncGenerator[Home]:
    """Return a home in which nothing was wrong for ten minutes; it is counted from now."""
    entry = await set_up_bank(hass)
    with at_home(hass, emulated_world, clock, entry) as home:
        await asyncio.sleep(CALM)
        home.assert_untouched()
        assert home.good_polls
        assert home.shown() == {}
        home.forget()
        yield home
