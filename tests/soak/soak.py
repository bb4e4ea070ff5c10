# SPDX-License-Identifier: Apache-2.0
"""Days of one home with a trouble every ten minutes, under a clock that leaps."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
import errno
import json
from pathlib import Path
import random
from random import Random
import shutil
import tempfile
from time import process_time
from typing import Final

from custom_components.renogy_bt.const import (
    CONF_RECOVERY,
    CONF_UPDATE_INTERVAL,
    DOMAIN,
)
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from tests.banks import bank_of
from tests.bench.stalls import Stalls, watch_stalls
from tests.emulator import EmulatedWorld, World, load_world
from tests.stack.host import leaping_time, private_system_bus, running_world
from tests.stack.warped_time import WallClock
from tests.upgrade import STORAGE_0_1_0, WORLD_0_1_0

from .host import STORAGE, Life, a_life, disk_that_fails
from .report import DAY, EVERY, RETURN_LIMIT, Report
from .troubles import (
    CLOCK_SET,
    DISK_FULL,
    ENDS,
    KILL,
    KILL_WHILE_FULL,
    RELOAD,
    Kind,
    Trouble,
    random_trouble,
)
from .watch import Errors, Totals, held, watched_errors

_LOOK: Final = 1.0


def the_home() -> World:
    """Return the world in which version 0.1.0 was, with days of the usual length."""
    world = load_world(WORLD_0_1_0)
    assert world.solar_day is not None
    return replace(world, solar_day=replace(world.solar_day, seconds=DAY))


async def soak(
    days: float, seed: int, tell: Callable[[str], None] = lambda _: None
) -> Report:
    """Live through so many days; `tell` gets a line for each trouble."""
    # When Home Assistant polls is a matter of chance, too.
    random.seed(seed)
    loop = asyncio.get_running_loop()
    with (
        tempfile.TemporaryDirectory(prefix="renogy_bt-soak-") as folder,
        private_system_bus() as bus,
    ):
        async with running_world(the_home(), bus) as emulated:
            with (
                leaping_time(loop, emulated) as wall,
                watched_errors(loop) as errors,
                watch_stalls() as stalls,
            ):
                home = _Home(Path(folder), emulated, wall, errors, stalls, tell)
                await home.live(days, Random(seed))
                return home.report(days, seed)


class _Home:
    """The home: its disk, its clock, its Bluetooth world, and what is known of all lives."""

    def __init__(
        self,
        folder: Path,
        emulated: EmulatedWorld,
        wall: WallClock,
        errors: Errors,
        stalls: Stalls,
        tell: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._emulated = emulated
        self._wall = wall
        self._errors = errors
        self._stalls = stalls
        self._tell = tell
        self._totals = Totals()
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._seen = Report(0.0, 0)

    def report(self, days: float, seed: int) -> Report:
        """Return what came of it."""
        return replace(
            self._seen,
            days=days,
            seed=seed,
            cpu=process_time(),
            errors=self._errors.seen,
            fallen=self._totals.fallen,
        )

    @property
    def _age(self) -> float:
        return self._loop.time() - self._began

    async def live(self, days: float, chance: Random) -> None:
        """Start again and again until the days are over, the second half with a backup of 0.1.0."""
        for until in (days * DAY / 2, days * DAY):
            self._put_backup_back()
            while self._age < until:
                async with a_life(self._folder, self._emulated) as life:
                    self._totals.follow(life.hass)
                    await self._from_start_to_end(life, until, chance)

    def _put_backup_back(self) -> None:
        """Go on with what version 0.1.0 has stored."""
        shutil.rmtree(self._folder / STORAGE, ignore_errors=True)
        shutil.copytree(STORAGE_0_1_0, self._folder / STORAGE)
        _choose_defaults(self._folder / STORAGE / "core.config_entries")
        self._totals.highest.clear()

    async def _from_start_to_end(
        self, life: Life, until: float, chance: Random
    ) -> None:
        self._seen.held.append([])
        await self._return(life.hass, "start")
        self._stalls.longest_cpu = 0.0
        while self._age < until:
            await asyncio.sleep(EVERY - self._age % EVERY)
            await self._look(life.hass)
            trouble = random_trouble(chance, self._emulated.world)
            self._seen.troubles[trouble.kind] += 1
            await self._live_through(life, trouble)
            if trouble.name in ENDS:
                self._tell(f"{self._age / DAY:.3f} d: {trouble.name}")
                return
            await self._return(life.hass, trouble.name)

    async def _look(self, hass: HomeAssistant) -> None:
        """Take down how long callbacks took, and what is held."""
        longest = (self._stalls.longest_cpu, self._stalls.longest_cpu_of)
        self._seen.callbacks.append(longest)
        self._seen.held[-1].append(await held(hass, self._emulated.bus.address))
        self._stalls.longest_cpu = 0.0

    async def _live_through(self, life: Life, trouble: Trouble) -> None:
        match trouble.kind:
            case Kind.DISK:
                code = errno.ENOSPC if trouble.name == DISK_FULL else errno.EROFS
                with disk_that_fails(code):
                    await asyncio.sleep(trouble.lasts)
            case Kind.CLOCK:
                assert trouble.name == CLOCK_SET
                self._wall.set_forward(trouble.values["seconds"])
            case Kind.HOST if trouble.name == KILL:
                life.kill()
            case Kind.HOST if trouble.name == KILL_WHILE_FULL:
                with disk_that_fails(errno.ENOSPC):
                    await asyncio.sleep(trouble.lasts)
                    life.kill()
            case Kind.HOST if trouble.name in ENDS:
                pass
            case Kind.HOST:
                await _reload(life.hass, trouble.name)
            case _:
                await self._strike(trouble)

    async def _strike(self, trouble: Trouble) -> None:
        values = dict(trouble.values)
        if trouble.name == "renumbered":
            values["to"] = self._emulated.free_name()
        await self._emulated.set_fault(trouble.name, **values)
        await asyncio.sleep(trouble.lasts)
        await self._emulated.clear_faults()

    async def _return(self, hass: HomeAssistant, after: str) -> None:
        """Wait until every battery that is polled has been read since."""
        began, since = self._loop.time(), dt_util.utcnow()
        what = f"{self._age / DAY:.3f} d: {after}"
        while (took := self._loop.time() - began) < RETURN_LIMIT:
            if not _not_read(hass, since):
                self._seen.returns.append(took)
                self._tell(f"{what}: {took:.0f} s")
                return
            await asyncio.sleep(_LOOK)
        missed = f"{what}: {', '.join(_not_read(hass, since))}"
        self._seen.not_returned.append(missed)
        self._tell(f"{missed} NOT READ")


def _choose_defaults(path: Path) -> None:
    """Have the banks polled and their adapter recovered as by default, as most people have it."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    for entry in stored["data"]["entries"]:
        for option in (CONF_UPDATE_INTERVAL, CONF_RECOVERY):
            entry["options"].pop(option, None)
    path.write_text(json.dumps(stored), encoding="utf-8")


def _banks(hass: HomeAssistant) -> list[ConfigEntry]:
    return hass.config_entries.async_entries(
        DOMAIN, include_ignore=False, include_disabled=False
    )


async def _reload(hass: HomeAssistant, name: str) -> None:
    domain = DOMAIN if name == RELOAD else "bluetooth"
    for entry in hass.config_entries.async_entries(domain, include_ignore=False):
        if entry.state is ConfigEntryState.LOADED:
            await hass.config_entries.async_reload(entry.entry_id)


def _not_read(hass: HomeAssistant, since: datetime) -> list[str]:
    """Return the batteries that are to be polled and were not read since."""
    late: list[str] = []
    for bank in _banks(hass):
        if bank.state is not ConfigEntryState.LOADED:
            late.append(bank.title)
            continue
        late += [
            f"{link.settings.name} {unit} ({link.last_exception!r})"
            for link in bank_of(bank).links.values()
            if link.settings.polling
            for unit in link.settings.units
            if (reading := link.readings.get(unit)) is None or reading.read_at <= since
        ]
    return late
