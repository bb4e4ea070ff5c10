# SPDX-License-Identifier: Apache-2.0
"""Links that are kept connected for hours: what Home Assistant does meanwhile, and what is left.

`RENOGY_KEPT_HOURS` has the tests last so many hours; what came of 12 and 24 of them stands in
docs/reliability.md.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace
import gc
from itertools import pairwise
import os
from pathlib import Path
import sys

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus
import pytest

from custom_components.renogy_bt.links.connection import async_slots
from custom_components.renogy_bt.links.keeping import LetGo
from custom_components.renogy_bt.supervisor.supervisor import async_get_supervisor
from homeassistant.core import HomeAssistant
from tests.banks import link_of
from tests.emulator import EmulatedWorld, World, load_world
from tests.emulator.__main__ import WORLDS

from .conftest import still
from .test_kept_links import (
    HOUR,
    LONGEST_GAP,
    PASSER_BY,
    followed,
    host_resets,
    kept_bank,
    peripheral,
)
from .warped_time import Clock

__all__ = ["host_resets"]

HOURS = float(os.environ.get("RENOGY_KEPT_HOURS", "1"))
INTERVAL = 5
QUARTERS = 4


@pytest.fixture
def scanner_mode() -> str:
    """Return how Home Assistant scans, as on most hosts."""
    return "active"


@pytest.fixture
def world(is_lively: bool) -> World:
    """Return the owner's batteries at their real pace, alone or with a thermometer."""
    world = still(load_world(WORLDS / "owner.json"))
    others = [PASSER_BY] if is_lively else []
    return replace(world, links=(*world.links, *others))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is held at one moment; `memory` in KiB."""

    tasks: int
    names: int
    slots: int
    links: int
    memory: int


async def held(hass: HomeAssistant, emulated_world: EmulatedWorld) -> Held:
    """Return what is held now."""
    gc.collect()
    return Held(
        tasks=len(asyncio.all_tasks()),
        names=len(await names_on(emulated_world.bus.address)),
        slots=sum(slots.slots - slots.free for slots in async_slots(hass).values()),
        links=sum(
            not each.is_connectable for each in emulated_world.peripherals.values()
        ),
        memory=resident_memory(),
    )


async def names_on(address: str) -> Collection[str]:
    """Return the connections to a bus, without the one that asks."""
    bus = await MessageBus(bus_address=address).connect()
    reply = await bus.call(
        Message(
            destination="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            interface="org.freedesktop.DBus",
            member="ListNames",
        )
    )
    assert reply is not None and reply.message_type is MessageType.METHOD_RETURN
    names = {name for name in reply.body[0] if name.startswith(":")} - {bus.unique_name}
    bus.disconnect()
    return names


def resident_memory() -> int:
    """Return the resident memory of this process, in KiB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


@pytest.mark.parametrize("is_lively", [False, True])
async def test_hours_of_a_kept_link_leave_the_adapter_alone(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    clock: Clock,
    host_resets: list[str],
    is_lively: bool,
) -> None:
    """The adapter is left alone by everybody, no value is old, and nothing is left behind."""
    entry = await kept_bank(hass, clock, INTERVAL)
    link = link_of(entry)
    before = peripheral(emulated_world).statistics.connects
    seen: list[Held] = []
    with followed(entry, clock) as times:
        for _ in range(QUARTERS):
            await asyncio.sleep(HOURS * HOUR / QUARTERS)
            await clock.until(
                lambda: link.client.is_connected and not link.is_polling, LONGEST_GAP
            )
            seen.append(await held(hass, emulated_world))
    gaps = [after - before for before, after in pairwise(times)]
    assert link.kept is not None
    # To be seen with `pytest -s`.
    sys.stdout.write(
        f"{HOURS:g} h, {len(times)} polls, {max(gaps):.1f} s apart at most,"
        f" {link.kept.let_go}, own resets {len(host_resets)}, {seen}\n"
    )
    assert host_resets == []
    assert max(gaps) <= LONGEST_GAP
    supervisor = async_get_supervisor(hass)
    assert [each.history.recoveries for each in supervisor.adapters.values()] == [0]
    if is_lively:
        assert link.kept.let_go == {}
        assert peripheral(emulated_world).statistics.connects == before
    else:
        assert set(link.kept.let_go) == {LetGo.BREATH}
    assert {(each.slots, each.links) for each in seen} == {(1, 1)}
    assert seen[-1].tasks <= seen[0].tasks
    assert seen[-1].names <= seen[0].names
