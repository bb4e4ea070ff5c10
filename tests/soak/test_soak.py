# SPDX-License-Identifier: Apache-2.0
"""What a soak finds fault with, and what it lets pass."""

import asyncio
from collections import Counter
from dataclasses import replace
import logging
from random import Random
from typing import Any

from dbus_fast.aio import MessageBus
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import pytest_socket

from custom_components.renogy_bt.const import DOMAIN
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from tests.emulator.faults import activate

from .report import EVERY, MOST_GROWTH, RETURN_LIMIT, Report, grown
from .soak import the_home
from .troubles import ENDS, LONGEST, Kind, random_trouble
from .watch import Errors, Held, Totals

LEVEL = Held(
    left_by_bleak=0,
    tasks=20,
    listeners=50,
    descriptors=30,
    names=5,
    rules=40,
    memory=200_000,
)


@pytest.fixture
def total(hass: HomeAssistant) -> str:
    """Return the entity id of a total of ours."""
    entry = MockConfigEntry(domain=DOMAIN)
    entry.add_to_hass(hass)
    registry = er.async_get(hass)
    return registry.async_get_or_create(
        "sensor", DOMAIN, "total", config_entry=entry
    ).entity_id


async def test_total_that_falls(hass: HomeAssistant, total: str) -> None:
    """It is told of, through a restart too; to be unavailable meanwhile is fine."""
    totals = Totals()
    totals.follow(hass)
    for state in ("1.5", STATE_UNAVAILABLE, "1.5", "2"):
        hass.states.async_set(total, state, {"state_class": "total_increasing"})
        await hass.async_block_till_done()
    assert totals.fallen == []
    hass.states.async_set(total, "1.9", {"state_class": "total_increasing"})
    await hass.async_block_till_done()
    assert totals.fallen == [f"{total}: 2 -> 1.9"]


async def test_other_states_may_fall(hass: HomeAssistant, total: str) -> None:
    """A value that is no total may, and what is of others."""
    totals = Totals()
    totals.follow(hass)
    for state in ("2", "1"):
        hass.states.async_set(total, state, {"state_class": "measurement"})
        hass.states.async_set("sensor.x", state, {"state_class": "total_increasing"})
        await hass.async_block_till_done()
    assert totals.fallen == []


def logged(errors: Errors, name: str, error: Exception | None) -> None:
    """Log something, with an error or without one."""
    info = None if error is None else (type(error), error, None)
    errors.emit(logging.LogRecord(name, logging.ERROR, "", 0, "What", (), info))


def test_errors_that_nobody_handles() -> None:
    """Ours and Home Assistant's count; what neighbours say of a broken bus does not."""
    errors = Errors()
    logged(errors, "habluetooth.scanner", ValueError())
    logged(errors, f"custom_components.{DOMAIN}", None)
    assert not errors.seen
    logged(errors, f"custom_components.{DOMAIN}", ValueError("bad"))
    logged(errors, "homeassistant.core", KeyError("key"))
    assert sum(errors.seen.values()) == 2


async def test_ends_of_bus_connections_are_no_errors() -> None:
    """What dbus_fast raises about its own connection nobody asks for; the same elsewhere counts."""
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
    errors = Errors()
    loop = asyncio.get_running_loop()
    with pytest.raises(OSError) as raised:
        await MessageBus(bus_address="unix:path=/nowhere/bus").connect()
    errors.on_loop(loop, {"message": "never retrieved", "exception": raised.value})
    assert not errors.seen
    errors.on_loop(loop, {"message": "never retrieved", "exception": EOFError()})
    assert sum(errors.seen.values()) == 1


@pytest.mark.parametrize(
    "key", ["tasks", "listeners", "descriptors", "names", "rules", "memory"]
)
def test_what_grows(key: str) -> None:
    """More of anything all through the last quarter is told of; a moment's more is not."""
    more = replace(LEVEL, **{key: getattr(LEVEL, key) + 10_000})
    level = [LEVEL, more, *[LEVEL] * 4, more, more, LEVEL, more, LEVEL, more]
    assert grown(level) == []
    (told,) = grown([*[LEVEL] * 9, more, more, more])
    assert told.startswith(key)
    assert Report(1.0, 0, held=[[*[LEVEL] * 9, more, more, more]]).misses
    assert not Report(1.0, 0, held=[[LEVEL] * 12, [more] * 12]).misses
    assert grown([*[LEVEL] * 8, more, more, more]) == []


def test_memory_may_settle() -> None:
    """Some more memory is held after the first hours of a process; a leak is more than that."""
    half = replace(LEVEL, memory=LEVEL.memory + MOST_GROWTH)
    assert grown([LEVEL] * 9 + [half] * 3) == []


def test_callback_that_takes_long() -> None:
    """Fifty milliseconds are bearable, more are not."""
    assert Report(1.0, 0, callbacks=[(0.05, "reload")]).misses == []
    assert Report(1.0, 0, callbacks=[(0.051, "reload")]).misses


@pytest.mark.parametrize(
    "miss",
    [
        {"not_returned": ["fault: battery"]},
        {"fallen": ["total: 2 -> 1"]},
        {"errors": Counter({"error": 1})},
    ],
)
def test_what_is_not_as_promised(miss: dict[str, Any]) -> None:
    """Each of it makes a soak fail."""
    assert Report(1.0, 0, returns=[5.0]).misses == []
    assert len(Report(1.0, 0, **miss).misses) == 1
    assert Report(1.0, 0, **miss).as_json()["misses"]


def test_troubles_are_of_every_kind_and_possible() -> None:
    """Chance brings each of them, the same for the same seed, and leaves time to return."""
    world = the_home()
    troubles = [random_trouble(Random(seed), world) for seed in range(400)]
    assert {each.kind for each in troubles} == set(Kind)
    for seed, trouble in enumerate(troubles):
        assert trouble == random_trouble(Random(seed), world)
        if trouble.kind in (Kind.BATTERY, Kind.LINK, Kind.ADAPTER, Kind.BUS):
            activate(trouble.name, trouble.values)
    assert {each.name for each in troubles} >= set(ENDS)
    assert LONGEST + RETURN_LIMIT < EVERY
