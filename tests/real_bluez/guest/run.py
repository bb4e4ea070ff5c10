# SPDX-License-Identifier: Apache-2.0
"""One run: Home Assistant, the subject, the steps of the scenario, the outcome."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
import logging
from pathlib import Path
import random
from typing import Any

from habluetooth import HaScannerMgmt

from homeassistant import runner
from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant
from tests.emulator.world import Link
from tests.emulator.world_file import load_world
from tests.real_bluez.order import Conduct, Order, Outcome, Route, Sample, Subject
from tests.real_bluez.order_folder import OrderFolder
from tests.real_bluez.radio.control import ask
from tests.real_bluez.scenarios import Kind, scenario_of
from tests.real_bluez.timing import SAMPLE_EVERY, STEADY

from . import subjects
from .event_log import EventLog, LogRecords
from .home_assistant import (
    NotSetUp,
    Watch,
    bluetooth_entry,
    choose_scanners,
    home_assistant,
    write_configuration,
)
from .places import RADIO_SOCKET
from .reads import Reads
from .stage import Stage
from .system_bus import SystemBus
from .values import shown_of, wrong_values

ENTRY_LIMIT = 60.0


class Run:
    """Carries an order out."""

    def __init__(
        self,
        order: Order,
        link: Link,
        neighbours: Sequence[str],
        log: EventLog,
        *,
        resumes: bool,
    ) -> None:
        """Take the order, whom to read, who else is around and where to write.

        `resumes`: Home Assistant was killed in this run, and is started again now.
        """
        self._order = order
        self._scenario = scenario_of(order)
        self._log = log
        self._records = LogRecords(log)
        self._link = link
        self._neighbours = neighbours
        self._resumes = resumes
        self._began = log.now()
        self._reads = Reads(self._link.units, log)
        self._samples: list[Sample] = []

    async def run(self) -> Outcome:
        """Return what the run showed; raises `NotSetUp`."""
        if self._resumes:
            await self._note_radio()
        else:
            write_configuration(tells_connects=self._scenario.still)
        choose_scanners(self._order.host.route)
        async with home_assistant(self._log, self._records) as hass:
            watch = Watch(hass, self._log)
            entry_id = await bluetooth_entry(hass, ENTRY_LIMIT)
            self._note_scanners(hass)
            subject = self._subject(hass)
            await subject.set_up()
            if self._order.subject is Subject.INTEGRATION:
                watch.follow_steps()
            stage = Stage(hass, self._order.host, entry_id, self._neighbours, self._log)
            try:
                began, last_read, moment = await self._perform(stage, watch)
                during = watch.conduct_since(began)
                await self._watch(hass, watch, moment)
                wrong = self._wrong_values(hass)
            finally:
                await stage.close()
                await subject.stop()
            outcome = await self._outcome(watch, during, last_read, moment)
            return replace(outcome, wrong=wrong)

    def _wrong_values(self, hass: HomeAssistant) -> tuple[str, ...]:
        """Return the values that are not the batteries', if these stand still."""
        is_asked = self._order.subject is Subject.INTEGRATION and self._scenario.still
        return tuple(wrong_values(hass, self._link)) if is_asked else ()

    def _subject(self, hass: HomeAssistant) -> subjects.Subject:
        match self._order.subject:
            case Subject.ALONE:
                return subjects.PlainPoller(hass, self._link, self._reads, self._log)
            case Subject.INTEGRATION:
                return subjects.Integration(
                    hass,
                    self._link,
                    self._reads,
                    self._log,
                    self._scenario.interval,
                    kept=self._scenario.kept,
                    wanted=shown_of(self._link) if self._scenario.still else (),
                )

    def _note_scanners(self, hass: HomeAssistant) -> None:
        """Write down which scanner each adapter has; raises `NotSetUp`."""
        kinds = {
            scanner.adapter: type(scanner).__name__
            for scanner in bluetooth.async_current_scanners(hass)
        }
        self._log.write("scanners", **kinds)
        is_direct = self._order.host.route is not Route.BLUETOOTHD
        if is_direct and HaScannerMgmt.__name__ not in kinds.values():
            raise NotSetUp(f"no scanner over the management socket: {kinds}")

    async def _perform(self, stage: Stage, watch: Watch) -> tuple[float, float, float]:
        """Perform the scenario.

        Returns when the fault began, when the last read before it was, and its end. To be
        killed was all of a fault that Home Assistant is started again after.
        """
        if self._resumes:
            return self._began, self._began, self._began
        await asyncio.sleep(max(0.0, self._scenario.before - self._log.now()))
        began = self._log.now()
        self._log.write("fault")
        watch.note_entities()
        last_read = max(self._reads.complete_at, default=0.0)
        for step in self._scenario.fault:
            await stage.perform(step)
        moment = self._log.now()
        if self._scenario.end:
            await asyncio.sleep(self._scenario.lasts)
            for step in self._scenario.end:
                await stage.perform(step)
            moment = self._log.now()
        return began, last_read, moment

    async def _watch(self, hass: HomeAssistant, watch: Watch, moment: float) -> None:
        """Wait for the batteries to be read again, or the whole time of a soak.

        A notice gets its time to go.
        """
        end = moment + self._scenario.watch
        if self._scenario.kind is Kind.SOAK:
            while (left := end - self._log.now()) > 0:
                await asyncio.sleep(min(left, SAMPLE_EVERY))
                self._samples.append(await self._sample(hass))
            return
        if not await self._is_steady(moment, end):
            return
        gone_by = self._log.now() + self._scenario.lingers
        while watch.open_issues() and self._log.now() < gone_by:
            await asyncio.sleep(1)
        if self._order.subject is Subject.INTEGRATION:
            self._samples.append(await self._sample(hass))

    async def _is_steady(self, moment: float, end: float) -> bool:
        """Wait until the batteries go on to be read; tell whether that came about."""
        while (now := self._log.now()) < end + STEADY:
            since = self._reads.steady_since(moment)
            if since is not None and now - since >= STEADY:
                return True
            if now >= end and since is None:
                break
            await asyncio.sleep(1)
        return False

    async def _sample(self, hass: HomeAssistant) -> Sample:
        """Measure what is held, between two polls."""
        seen = len(self._reads.complete_at)
        while len(self._reads.complete_at) == seen:
            await asyncio.sleep(1)
        await asyncio.sleep(self._scenario.interval / 2)
        bus = await SystemBus.connect()
        try:
            sample = Sample(
                at=self._log.now(),
                memory=await asyncio.to_thread(_memory),
                tasks=len(asyncio.all_tasks()),
                names=await bus.unique_names(),
                slots=_slots_in_use(hass),
                links=await self._links(bus),
            )
        finally:
            bus.close()
        self._log.write("sample", sample=str(sample))
        return sample

    async def _links(self, bus: SystemBus) -> int:
        """Return how many links there are, by whoever has the adapters."""
        if self._order.host.bluetoothd:
            return await bus.connected_devices()
        status = await ask(RADIO_SOCKET, "status")
        return sum(each["links"] for each in status["adapters"])

    async def _outcome(
        self, watch: Watch, during: Conduct, last_read: float, moment: float
    ) -> Outcome:
        read_again = self._reads.steady_since(moment)
        status = await self._note_radio()
        return Outcome(
            recovered=None if read_again is None else round(read_again - moment, 1),
            silent=None if read_again is None else round(read_again - last_read, 1),
            complete_polls=len(self._reads.complete_at),
            longest_gap=round(self._reads.longest_gap(), 1),
            repairs=watch.repairs,
            host_resets=self._records.resets,
            controller_resets=sum(each["resets"] for each in status["adapters"]),
            issues=tuple(watch.issues),
            open_issues=watch.open_issues(),
            errors=tuple(self._records.errors),
            samples=tuple(self._samples),
            during=during,
            lost=watch.lost_entities(),
        )

    async def _note_radio(self) -> dict[str, Any]:
        """Write down what the radio does and has counted, and return it."""
        status = await ask(RADIO_SOCKET, "status")
        self._log.write("radio", **status)
        return status


def _memory() -> int:
    """Return the resident memory of this process, in KiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def _slots_in_use(hass: HomeAssistant) -> int:
    in_use = 0
    for scanner in bluetooth.async_current_scanners(hass):
        allocations = scanner.get_allocations()
        if allocations is not None:
            in_use += allocations.slots - allocations.free
    return in_use


def run_order(folder: OrderFolder, began: float, *, resumes: bool) -> None:
    """Run an order and leave its outcome in its folder; raises `NotSetUp`.

    `resumes`: it has killed its Home Assistant, and goes on from there.
    """
    random.seed(0)
    logging.basicConfig(level=logging.WARNING)
    link, *others = load_world(folder.world).links
    loop = runner.create_event_loop()
    asyncio.set_event_loop(loop)
    neighbours = [other.address for other in others]
    log = EventLog(folder.log, began)
    run = Run(folder.order(), link, neighbours, log, resumes=resumes)
    outcome = loop.run_until_complete(run.run())
    loop.run_until_complete(
        asyncio.to_thread(folder.result.write_text, outcome.as_json())
    )
