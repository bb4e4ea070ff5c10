# SPDX-License-Identifier: Apache-2.0
"""An owner's site: Home Assistant, the emulated world, the supervisor and a poller."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.adapter_health.ladder import (
    RecoveryLevel,
    RecoveryStep,
)
from custom_components.renogy_bt.adapter_health.notices import OVER_AFTER
from custom_components.renogy_bt.adapter_health.samples import (
    AdapterSample,
    Reason,
    Verdict,
)
from custom_components.renogy_bt.adapter_health.status import (
    AdapterEvent,
    AdapterStatus,
    EventKind,
)
from custom_components.renogy_bt.links.connection import async_connector
from custom_components.renogy_bt.renogy.exceptions import RenogyError
from custom_components.renogy_bt.renogy.families import family_of
from custom_components.renogy_bt.renogy.link import RenogyLink
from custom_components.renogy_bt.supervisor.supervisor import (
    Supervisor,
    async_get_supervisor,
)
from homeassistant.components import bluetooth
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from tests.demo.components.witness import SOURCE as WITNESS, WitnessScanner
from tests.emulator import EmulatedWorld
from tests.emulator.world import Kind, Link
from tests.insides import health_of

BANK = "bank"
INTERVAL = 60.0
MINUTE = 60.0
NOTICE_GOES = OVER_AFTER + MINUTE
"""By then the notice of a fault that is over is gone."""

# Setting an entry up, or unloading it: a bool in Home Assistant 2026.10, None in 2026.11.
type EntryMethod = Callable[[HomeAssistant, ConfigEntry], Awaitable[object]]


@dataclass
class Site:
    """What a test sees of the site; all times are of the leaping clock."""

    hass: HomeAssistant
    emulated: EmulatedWorld
    supervisor: Supervisor
    events: list[tuple[float, AdapterEvent]] = field(default_factory=list)
    polls: list[tuple[float, bool]] = field(default_factory=list)
    """(begin, whether all batteries were read) of each poll."""
    read_at: list[float] = field(default_factory=list)
    """When all batteries had been read."""
    interval: float = INTERVAL
    told: list[tuple[float, Verdict]] = field(default_factory=list)
    _poll_now: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def address(self) -> str:
        """The address of the adapter."""
        return self.emulated.world.adapters[0].address

    @property
    def link(self) -> Link:
        """The link that is polled."""
        return batteries_of(self.emulated)[0]

    @property
    def entry(self) -> ConfigEntry:
        """The entry of the adapter in Home Assistant's `bluetooth`."""
        entry = self.hass.config_entries.async_entry_for_domain_unique_id(
            "bluetooth", self.address
        )
        assert entry is not None
        return entry

    @property
    def status(self) -> AdapterStatus:
        """The status of the adapter."""
        return self.supervisor.adapters[self.address]

    @property
    def health(self) -> AdapterHealth:
        """What is known of the adapter and what was done to it."""
        return health_of(self.supervisor)[self.address]

    @property
    def sample(self) -> AdapterSample:
        """What was last seen of the adapter."""
        assert self.health.sample is not None
        return self.health.sample

    @property
    def reason(self) -> Reason | None:
        """The sign that the adapter is judged by."""
        judgement = self.health.judgement
        return judgement.reason if judgement is not None else None

    @property
    def is_powered(self) -> bool:
        """Whether the adapter is on."""
        return self.emulated.adapter().controller.powered

    def now(self) -> float:
        """The time on the loop."""
        return self.hass.loop.time()

    def steps(self) -> list[RecoveryStep]:
        """The steps that were taken."""
        return [
            event.step
            for _, event in self.events
            if event.kind is EventKind.STEP_STARTED and event.step is not None
        ]

    async def until(self, condition: Callable[[], object], limit: float) -> float:
        """Wait until something is so; return how long it took."""
        begun = self.now()
        while not condition():
            assert self.now() - begun <= limit, (
                f"not within {limit:.0f} s: {self.status}\n{self.events}\n{self.polls}"
            )
            await asyncio.sleep(0.5)
        return self.now() - begun

    async def until_read(self, since: float, limit: float) -> float:
        """Wait until a poll that began after a time has read all batteries."""
        await self.until(
            lambda: any(good and at >= since for at, good in self.polls), limit
        )
        return self.now() - since

    async def poll_for_ever(self) -> None:
        """Poll the link as a coordinator does."""
        link = self.link
        client = RenogyLink(
            link.name,
            tuple(link.units),
            async_connector(self.hass, link.address, link.name),
            family=family_of(link.name),
            clock=self.now,
        )
        try:
            while True:
                self._poll_now.clear()
                begun = self.now()
                good = False
                with suppress(RenogyError):
                    report = await client.poll()
                    good = len(report.readings) == len(link.units) and not report.failed
                self.polls.append((begun, good))
                if good:
                    self.read_at.append(self.now())
                try:
                    async with asyncio.timeout(self.interval):
                        await self._poll_now.wait()
                except TimeoutError:
                    continue
        finally:
            await client.close()

    def on_status(self) -> None:
        """Keep what the user is told."""
        status = self.supervisor.adapters.get(self.address)
        verdict = (
            status.notice.verdict if status is not None and status.notice else None
        )
        if verdict is not None and (not self.told or self.told[-1][1] is not verdict):
            self.told.append((self.now(), verdict))

    def on_event(self, event: AdapterEvent) -> None:
        """Keep an event."""
        self.events.append((self.now(), event))

    def on_poll(self) -> None:
        """Poll now."""
        self._poll_now.set()


def batteries_of(emulated: EmulatedWorld) -> list[Link]:
    """Return the links with batteries behind them, without mere passers-by."""
    return [link for link in emulated.world.links if link.kind is Kind.BATTERY]


@asynccontextmanager
async def a_site(
    hass: HomeAssistant,
    emulated: EmulatedWorld,
    level: RecoveryLevel = RecoveryLevel.FULL,
) -> AsyncGenerator[Site]:
    """Have a site with a running supervisor and poller."""
    supervisor = async_get_supervisor(hass)
    site = Site(hass, emulated, supervisor)
    stops = [
        supervisor.async_add_listener(site.on_status),
        supervisor.async_add_event_listener(site.on_event),
        supervisor.gate.async_add_poll_listener(site.on_poll),
    ]
    links = [link.address for link in batteries_of(emulated)]
    await supervisor.async_attach(BANK, links, level)
    poller = asyncio.create_task(site.poll_for_ever())
    try:
        yield site
    finally:
        poller.cancel()
        await asyncio.wait([poller])
        for stop in stops:
            stop()
        await supervisor.async_detach(BANK)


WITNESS_HEARS_EVERY = 2.0
"""Advertisements come more often, and some get lost, s."""


@asynccontextmanager
async def a_witness(
    hass: HomeAssistant, emulated: EmulatedWorld, link: Link
) -> AsyncGenerator[None]:
    """Have a second scanner hear a link whenever that advertises."""
    scanner = WitnessScanner(WITNESS, "witness", None, False)
    stop = scanner.async_setup()
    unregister = bluetooth.async_register_scanner(hass, scanner)

    async def hear_for_ever() -> None:
        peripheral = emulated.peripheral(link.address)
        while True:
            if peripheral.is_connectable:
                scanner.hear(link.address, link.name)
            await asyncio.sleep(WITNESS_HEARS_EVERY)

    hearing = asyncio.create_task(hear_for_ever())
    try:
        yield
    finally:
        hearing.cancel()
        await asyncio.wait([hearing])
        unregister()
        stop()
