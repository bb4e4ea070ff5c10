# SPDX-License-Identifier: Apache-2.0
"""How much Home Assistant's recorder keeps of a bank; runs in a process of its own.

`python -m tests.bench.recorder 4` prints one JSON object. A real recorder writes a real SQLite
file, in a real Home Assistant on the emulated stack, while the clock leaps through a sunny day.
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass
from functools import partial
import json
import logging
import os
from pathlib import Path
import sqlite3
import tempfile
from typing import Any, Final

import pytest
from pytest_homeassistant_custom_component.common import async_test_home_assistant

from homeassistant.components.logbook.helpers import is_sensor_continuous
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.recorder import async_initialize_recorder, get_instance
from homeassistant.setup import async_setup_component
from tests.demo.home_assistant import write_configuration
from tests.emulator import EmulatedWorld, PrivateBus, load_world
from tests.stack.warped_time import warped_time

from .figures import RecorderGrowth
from .home_assistant import hear, links_of, set_up_bluetooth, world_of

HOUR: Final = 3600.0
FIRST_HOUR: Final = 6.0
HOURS: Final = 24
BUSY_HOURS: Final = 4
STARTING_SECONDS: Final = 300.0
# Fewer advertisements than a dongle sends: nothing that is recorded depends on them.
ADVERTISING_SECONDS: Final = 5.0
_DATABASE: Final = "home-assistant_v2.db"
_PORT: Final = 8123
_FIRST_POLL_SECONDS: Final = 60.0


async def measure(
    batteries: int, hours: int = HOURS, kept_interval: int | None = None
) -> RecorderGrowth:
    """Let a bank be recorded for so many hours, with all defaults but for kept links."""
    with tempfile.TemporaryDirectory(prefix="renogy_bt-bench-") as folder:
        async with _recording(Path(folder), batteries, kept_interval) as hass:
            await asyncio.sleep(STARTING_SECONDS)
            lines = _count_logbook_lines(hass)
            sizes = [await _size(hass)]
            for hour in range(1, hours + 1):
                ends_at = sizes[0].at + hour * HOUR
                await asyncio.sleep(ends_at - hass.loop.time())
                sizes.append(await _size(hass))
            lines_per_day = 24 * lines.total() / hours
    busiest = max(
        later.growth_since(before)
        for before, later in zip(sizes, sizes[BUSY_HOURS:], strict=False)
    )
    return RecorderGrowth(
        batteries=batteries,
        kb_per_hour=round(sizes[-1].growth_since(sizes[0]), 1),
        busiest_kb_per_hour=round(busiest, 1),
        logbook_lines_per_day=round(lines_per_day, 1),
    )


@dataclass(frozen=True, slots=True)
class _Size:
    """How large the database is (bytes) at a time of the loop (s)."""

    bytes: int
    at: float

    def growth_since(self, before: _Size) -> float:
        """Return by how many 10^3 bytes an hour it grew."""
        return (self.bytes - before.bytes) / 1000 / (self.at - before.at) * HOUR


def _count_logbook_lines(hass: HomeAssistant) -> Counter[str]:
    """Count from now on the lines that the logbook shows, by entity."""
    lines: Counter[str] = Counter()
    registry = er.async_get(hass)

    @callback
    def count(event: Event[EventStateChangedData]) -> None:
        before, after = event.data["old_state"], event.data["new_state"]
        if before is None or after is None or before.state == after.state:
            return
        if after.domain != "sensor" or not is_sensor_continuous(
            hass, registry, after.entity_id
        ):
            lines[after.entity_id] += 1

    hass.bus.async_listen(EVENT_STATE_CHANGED, count)
    return lines


@asynccontextmanager
async def _recording(
    folder: Path, batteries: int, kept_interval: int | None
) -> AsyncGenerator[HomeAssistant]:
    """Run a Home Assistant that records a bank; by now all batteries were read."""
    # Not before bleak knows the bus.
    from custom_components.renogy_bt.links import coordinator  # noqa: PLC0415
    from custom_components.renogy_bt.renogy.link import RenogyLink  # noqa: PLC0415

    world_file = folder / "world.json"
    world = {
        **world_of(links_of(batteries)),
        "solar_day": {"seconds": 24 * HOUR, "start_hour": FIRST_HOUR},
        "advertising_interval": ADVERTISING_SECONDS,
    }
    world_file.write_text(json.dumps(world))
    write_configuration(folder, _PORT)
    bus = PrivateBus()
    bus.start()
    os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = bus.address
    loop = asyncio.get_running_loop()
    try:
        async with (
            EmulatedWorld(load_world(world_file), bus),
            async_test_home_assistant(config_dir=str(folder)) as hass,
        ):
            # In its own thread: the clock would leap over its start.
            await _set_up_recorder(hass, folder / _DATABASE)
            with pytest.MonkeyPatch.context() as patch, warped_time(loop, bus.address):
                patch.setattr(
                    coordinator, "RenogyLink", partial(RenogyLink, clock=loop.time)
                )
                try:
                    await set_up_bluetooth(hass, links_of(batteries))
                    await hear(hass, links_of(batteries))
                    await _set_up_bank(hass, batteries, kept_interval)
                    yield hass
                finally:
                    await hass.async_stop(force=True)
    finally:
        bus.stop()


async def _set_up_recorder(hass: HomeAssistant, database: Path) -> None:
    async_initialize_recorder(hass)
    settings = {"db_url": f"sqlite:///{database}"}
    if not await async_setup_component(hass, "recorder", {"recorder": settings}):
        raise RuntimeError("The recorder cannot be set up")
    await get_instance(hass).async_recorder_ready.wait()


async def _set_up_bank(
    hass: HomeAssistant, batteries: int, kept_interval: int | None
) -> None:
    from tests.banks import bank_entry, link_settings  # noqa: PLC0415

    entry = bank_entry(
        *(
            link_settings(
                each.address, each.name, each.units, kept_interval=kept_interval
            )
            for each in links_of(batteries)
        )
    )
    entry.add_to_hass(hass)
    if not await hass.config_entries.async_setup(entry.entry_id):
        raise RuntimeError(f"The bank cannot be set up: {entry.reason}")
    links: Any = entry.runtime_data.links.values()
    async with asyncio.timeout(_FIRST_POLL_SECONDS):
        while any(link.polled_at is None for link in links):
            await asyncio.sleep(1.0)


async def _size(hass: HomeAssistant) -> _Size:
    """Return how large the database is by now."""
    recorder = get_instance(hass)
    # What is not written yet is waited for; the clock leaps on by a few seconds.
    await recorder.async_block_till_done()
    file = recorder.db_url.removeprefix("sqlite:///")
    return _Size(await hass.async_add_executor_job(_bytes, file), hass.loop.time())


def _bytes(database: str) -> int:
    with closing(sqlite3.connect(database)) as connection:
        count, size = (
            connection.execute(f"PRAGMA {what}").fetchone()[0]
            for what in ("page_count", "page_size")
        )
    return int(count * size)


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.recorder")
    parser.add_argument("batteries", type=int, help="how many")
    parser.add_argument("--hours", type=int, default=HOURS, help="how long, at least 4")
    parser.add_argument(
        "--kept", type=int, metavar="SECONDS", help="keep the link, and poll so often"
    )
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    growth = asyncio.run(measure(arguments.batteries, arguments.hours, arguments.kept))
    print(json.dumps(asdict(growth)))  # noqa: T201


if __name__ == "__main__":
    main()
