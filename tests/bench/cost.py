# SPDX-License-Identifier: Apache-2.0
"""What the integration costs a real Home Assistant; runs in a process of its own.

`python -m tests.bench.cost 4` prints one JSON object, on the real clock.
"""

import argparse
import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
import gc
import importlib
import json
import logging
import pkgutil
from time import perf_counter, process_time, thread_time
import tracemalloc
from typing import Any, Final, Self
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_STATE_CHANGED, EVENT_STATE_REPORTED
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .figures import Cost
from .home_assistant import home_assistant, links_of
from .stalls import Stalls, watch_stalls

POLLS: Final = 10
POLLS_FOR_MEMORY: Final = 3
IDLE_SECONDS: Final = 3.0
# A poll is over when its disconnects are.
_DISCONNECT_SECONDS: Final = 0.5
_FIRST_POLL_SECONDS: Final = 60.0
_INTEGRATION: Final = "custom_components.renogy_bt"


@dataclass(frozen=True, slots=True)
class _Spent:
    """Seconds by the clock, and of CPU time."""

    seconds: float
    cpu: float

    @classmethod
    def so_far(cls) -> Self:
        return cls(perf_counter(), process_time())

    def __sub__(self, other: _Spent) -> _Spent:
        return _Spent(self.seconds - other.seconds, self.cpu - other.cpu)


@dataclass(frozen=True, slots=True)
class _SetUp:
    """What a start waits for (s), and until all batteries were read: CPU time, callbacks."""

    seconds: float
    cpu: float
    stalls: Stalls


@dataclass(slots=True)
class _Polls:
    seconds: float = 0.0
    cpu: float = 0.0
    state_writes: int = 0
    stalls: Stalls = field(default_factory=Stalls)


async def measure(batteries: int, *, memory: bool) -> Cost:
    """Set a bank up and poll it, for its memory or for everything else."""
    async with home_assistant(links_of(batteries)) as hass:
        if memory:
            gc.collect()
            tracemalloc.start()
        import_cpu = await hass.async_add_executor_job(_import_integration)
        first_setup, setup, bank = await _set_up(hass, batteries)
        polls, memory_mb = _Polls(), None
        if memory:
            memory_mb = await _memory_after_polls(bank)
        else:
            polls = await _poll_often(hass, bank)
        registry = er.async_get(hass)
        return Cost(
            batteries=batteries,
            links=len(links_of(batteries)),
            entities=sum(
                entry.platform == "renogy_bt" for entry in registry.entities.values()
            ),
            import_cpu_ms=round(1000 * import_cpu, 1),
            first_setup_cpu_ms=round(1000 * first_setup.cpu, 1),
            setup_ms=round(1000 * setup.seconds, 1),
            setup_cpu_ms=round(1000 * setup.cpu, 1),
            first_setup_stall_cpu_ms=round(1000 * first_setup.stalls.longest_cpu, 1),
            setup_stall_cpu_ms=round(1000 * setup.stalls.longest_cpu, 1),
            poll_seconds=round(polls.seconds / POLLS, 3),
            poll_cpu_ms=round(1000 * polls.cpu / POLLS, 2),
            poll_cpu_ms_per_battery=round(1000 * polls.cpu / POLLS / batteries, 3),
            state_writes=polls.state_writes / POLLS,
            stall_ms=round(1000 * polls.stalls.longest, 1),
            stall_cpu_ms=round(1000 * polls.stalls.longest_cpu, 1),
            memory_mb=memory_mb,
        )


def _import_integration() -> float:
    """Import every module of the integration; return the CPU seconds that it took."""
    started_at = thread_time()
    package = importlib.import_module(_INTEGRATION)
    for module in pkgutil.walk_packages(package.__path__, f"{_INTEGRATION}."):
        importlib.import_module(module.name)
    return thread_time() - started_at


async def _set_up(hass: HomeAssistant, batteries: int) -> tuple[_SetUp, _SetUp, Any]:
    """Set the bank up for the first time, then once more, as at every start.

    Returns what each took, and the bank.
    """
    # Not before the integration's import was timed.
    from tests.banks import bank_entry, link_settings  # noqa: PLC0415

    entry = bank_entry(
        *(
            link_settings(link.address, link.name, link.units)
            for link in links_of(batteries)
        )
    )
    entry.add_to_hass(hass)
    first = await _timed_set_up(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()
    again = await _timed_set_up(hass, entry)
    return first, again, entry.runtime_data


@contextmanager
def _without_the_garbage_of_others() -> Generator[None]:
    """Have collections look at what is made from now on only.

    One of all that Home Assistant is takes a multiple of a poll, and comes when it likes.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def _timed_set_up(hass: HomeAssistant, entry: ConfigEntry) -> _SetUp:
    with _without_the_garbage_of_others(), watch_stalls() as stalls:
        before = _Spent.so_far()
        if not await hass.config_entries.async_setup(entry.entry_id):
            raise RuntimeError(f"The bank cannot be set up: {entry.reason}")
        seconds = (_Spent.so_far() - before).seconds
        links = entry.runtime_data.links.values()
        async with asyncio.timeout(_FIRST_POLL_SECONDS):
            while any(link.polled_at is None for link in links):
                await asyncio.sleep(0.05)
        await hass.async_block_till_done()
        cpu = (_Spent.so_far() - before).cpu
    return _SetUp(seconds, cpu, stalls)


async def _poll(bank: Any) -> None:
    links = bank.links.values()
    await asyncio.gather(*(link.async_refresh() for link in links))
    for link in links:
        if not link.last_update_success or link.failed:
            raise RuntimeError(f"A poll failed: {link.last_exception}")


async def _poll_often(hass: HomeAssistant, bank: Any) -> _Polls:
    polls = _Polls()

    @callback
    def count(_: Event[Any]) -> None:
        polls.state_writes += 1

    await _poll(bank)
    await asyncio.sleep(_DISCONNECT_SECONDS)
    idle_share = await _idle_cpu_share()
    for event in (EVENT_STATE_CHANGED, EVENT_STATE_REPORTED):
        hass.bus.async_listen(event, count, event_filter=callback(lambda _: True))
    with (
        # As at the usual interval, each poll stores the energy.
        patch(f"{_INTEGRATION}.coordinator.ENERGY_SECONDS", 0.0),
        _without_the_garbage_of_others(),
        watch_stalls() as polls.stalls,
    ):
        for _ in range(POLLS):
            before = _Spent.so_far()
            await _poll(bank)
            polls.seconds += (_Spent.so_far() - before).seconds
            await asyncio.sleep(_DISCONNECT_SECONDS)
            spent = _Spent.so_far() - before
            polls.cpu += spent.cpu - idle_share * spent.seconds
    return polls


async def _idle_cpu_share() -> float:
    """Return the CPU seconds per second that Home Assistant takes between polls."""
    before = _Spent.so_far()
    await asyncio.sleep(IDLE_SECONDS)
    spent = _Spent.so_far() - before
    return spent.cpu / spent.seconds


async def _memory_after_polls(bank: Any) -> float:
    """Return what the integration and its polls left allocated, in 10^6 bytes."""
    for _ in range(POLLS_FOR_MEMORY):
        await _poll(bank)
        await asyncio.sleep(_DISCONNECT_SECONDS)
    gc.collect()
    return round(tracemalloc.get_traced_memory()[0] / 1e6, 2)


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cost")
    parser.add_argument("batteries", type=int, help="how many")
    parser.add_argument("--memory", action="store_true", help="measure memory instead")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    cost = asyncio.run(measure(arguments.batteries, memory=arguments.memory))
    print(json.dumps(asdict(cost)))  # noqa: T201


if __name__ == "__main__":
    main()
