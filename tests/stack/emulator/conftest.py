# SPDX-License-Identifier: Apache-2.0
"""Fixtures for the tests of the emulated world itself."""

from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from tests.emulator import EmulatedWorld, World, load_world
from tests.emulator.__main__ import WORLDS
from tests.stack.conftest import FAST, still

from .dbus_client import Client, connected


@pytest.fixture
def world() -> World:
    """Return the owner's world, fast, still, and with ten advertisements a second."""
    owner = still(load_world(WORLDS / "owner.json")).with_timing(FAST)
    return replace(
        owner,
        advertising_interval=0.1,
        temporary_timeout=0.4,
        timing=replace(owner.timing, connect_limit=0.8),
    )


@pytest.fixture
async def client(emulated_world: EmulatedWorld) -> AsyncGenerator[Client]:
    """Connect a client."""
    async with connected(emulated_world.bus.address) as client:
        yield client


@pytest.fixture
async def other_client(emulated_world: EmulatedWorld) -> AsyncGenerator[Client]:
    """Connect a second client."""
    async with connected(emulated_world.bus.address) as client:
        yield client
