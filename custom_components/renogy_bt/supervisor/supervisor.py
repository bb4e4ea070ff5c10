# SPDX-License-Identifier: Apache-2.0
"""Keeps Home Assistant's local Bluetooth adapters alive: one supervisor for all banks."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
import logging
from typing import Any, Final

from homeassistant.const import EVENT_HOMEASSISTANT_STARTED, EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..adapter_health.adapter_health import AdapterHealth
from ..adapter_health.connects import is_good
from ..adapter_health.history import StepResult
from ..adapter_health.ladder import RecoveryLevel, RecoveryStep
from ..adapter_health.samples import AdapterSample, Strength, Verdict
from ..adapter_health.status import AdapterEvent, AdapterStatus
from ..adapter_health.timeline import MOST_LOOKS, Timeline
from ..storage.adapters import AdapterStore
from ..storage.flight_records import OF_ADAPTERS, FlightRecordStore
from .link_records import LinkRecords
from .made_up import MadeUpAddresses
from .neighbours import can_watch_adapters, lost_parts
from .poll_gate import PollGate, add_listener
from .recovery import Recovery
from .telling import diagnostics_of, log_event, status_of
from .timelines import timeline_data
from .watch import StackWatch

_LOGGER = logging.getLogger(__name__)

LOOK_PAUSE: Final = 30.0
ANXIOUS_LOOK_PAUSE: Final = 10.0
SHORTEST_PAUSE: Final = 0.2
SIGNAL_KNOWN_FOR: Final = 600.0
"""The strength of a link that was not heard for longer is not that of now, s."""
_SUPERVISOR: HassKey[Supervisor] = HassKey("renogy_bt_supervisor")


@callback
def async_get_supervisor(hass: HomeAssistant) -> Supervisor:
    """Return the one supervisor; it does nothing before a bank attaches to it."""
    if _SUPERVISOR not in hass.data:
        hass.data[_SUPERVISOR] = Supervisor(hass)
    return hass.data[_SUPERVISOR]


@dataclass(frozen=True, slots=True)
class LinkSignal:
    """How strong a link is, and whether that is too little for a connection if it is known."""

    strength: Strength
    is_weak: bool | None


@dataclass(frozen=True, slots=True)
class _Bank:
    links: frozenset[str]
    level: RecoveryLevel


class Supervisor:
    """Looks at every local adapter, judges it, repairs it, and tells of it."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Prepare; nothing is watched yet."""
        self._hass = hass
        self._clock = hass.loop.time
        self._banks: dict[str, _Bank] = {}
        self._changing = asyncio.Lock()
        self._health: dict[str, AdapterHealth] = {}
        self._timelines: dict[str, Timeline] = {}
        self._timeline_store = FlightRecordStore(
            hass, OF_ADAPTERS, self._timelines_data
        )
        self._is_timeline_loaded = False
        self._store = AdapterStore(hass, self._health.values)
        self._statuses: dict[str, AdapterStatus] = {}
        self._listeners: list[Callable[[], None]] = []
        self._event_listeners: list[Callable[[AdapterEvent], None]] = []
        self._wake = asyncio.Event()
        self._records = LinkRecords()
        self.made_up = MadeUpAddresses()
        self.gate = PollGate(hass, self._records, self._wake.set)
        self._looking: asyncio.Task[None] | None = None
        self._look_again: asyncio.TimerHandle | None = None
        self._listening: asyncio.Task[None] | None = None
        self._following: list[CALLBACK_TYPE] = []
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Prepare to watch and repair adapters."""
        self._watch = StackWatch(
            self._hass,
            self._records,
            wake=self._wake.set,
            heard=self.gate.async_heard,
            path_changed=self.gate.async_tell_path,
        )
        self._recovery = Recovery(
            self._hass,
            self._health,
            self._watch.bluez,
            self.gate,
            links=self._links_to_close,
            changed=self._step_changed,
            save=self._store.async_save,
        )

    # The life of the supervisor

    async def async_attach(
        self, bank_id: str, links: Collection[str], level: RecoveryLevel
    ) -> None:
        """Work for this bank, too; its links and level replace those of an earlier call."""
        async with self._changing:
            self._banks[bank_id] = _Bank(frozenset(map(str.upper, links)), level)
            if not can_watch_adapters():
                return
            if self._looking is None:
                await self._async_start()
            self._watch.async_follow_links(self._links)
            self._wake.set()

    async def async_detach(self, bank_id: str) -> None:
        """Stop working for a bank; without a bank the supervisor stops."""
        async with self._changing:
            self._banks.pop(bank_id, None)
            if self._banks:
                self._watch.async_follow_links(self._links)
            else:
                await self._async_stop()

    async def _async_start(self) -> None:
        await self._store.async_load()
        if not self._is_timeline_loaded:
            await self._timeline_store.async_load()
            self._is_timeline_loaded = True
        for address in self._store.left_off():
            self._health_of(address)
        self._begin_anew()
        self._watch.async_start()
        bus = self._hass.bus
        self._following = [
            bus.async_listen(EVENT_HOMEASSISTANT_STARTED, self._async_host_started),
            bus.async_listen(EVENT_HOMEASSISTANT_STOP, self._async_host_stops),
        ]
        self._start_looking()

    async def _async_stop(self) -> None:
        """Let a running step finish, so that no adapter is left off, then stop."""
        if self._looking is None:
            return
        looking, self._looking = self._looking, None
        if self._look_again is not None:
            self._look_again.cancel()
        for task in (looking, self._listening):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await self._recovery.async_stop()
        for stop in self._following:
            stop()
        self._following.clear()
        self.gate.async_cancel()
        await self._watch.async_stop()
        await self._store.async_save()
        await self._timeline_store.async_save()
        self._health.clear()
        self.gate.only_source = None
        self._statuses.clear()
        self._notify()

    @callback
    def _async_host_started(self, _: Event) -> None:
        self._watch.async_host_is_running()

    async def _async_host_stops(self, _: Event) -> None:
        async with self._changing:
            await self._async_stop()

    @property
    def _links(self) -> frozenset[str]:
        return frozenset().union(*(bank.links for bank in self._banks.values()))

    def _links_to_close(self, adapter: str) -> frozenset[str]:
        """Return our links without those that are in use through another adapter or a proxy."""
        in_use = self._records.in_use
        return self._links - (in_use - self._records.in_use_through(adapter))

    @property
    def _level(self) -> RecoveryLevel:
        return min(
            (bank.level for bank in self._banks.values()),
            key=tuple(RecoveryLevel).index,
        )

    # Looking

    def _start_looking(self) -> None:
        self._look_again = None
        self._looking = self._hass.async_create_background_task(
            self._async_run(), "renogy_bt adapter health"
        )
        self._looking.add_done_callback(self._looking_ended)

    @callback
    def _looking_ended(self, looking: asyncio.Task[None]) -> None:
        """Go on later after an error in another library."""
        if looking.cancelled() or looking is not self._looking:
            return
        _LOGGER.error(
            "Looking at the Bluetooth adapters failed, which is tried again in %.0f s",
            LOOK_PAUSE,
            exc_info=looking.exception(),
        )
        self._look_again = self._hass.loop.call_later(LOOK_PAUSE, self._start_looking)

    async def _async_run(self) -> None:
        while True:
            self._wake.clear()
            pause = await self._async_look()
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                continue
            # Signals come in bursts: one look for all of them.
            await asyncio.sleep(SHORTEST_PAUSE)

    async def _async_look(self) -> float:
        """Look at every adapter; return how many seconds later the next look is due."""
        unfinished = {
            address
            for address, health in self._health.items()
            if health.own.running is not None or health.powered_off_by_us
        }
        local = await self._watch.async_begin_look(stay=bool(unfinished))
        addresses = local | unfinished
        for address in self._health.keys() - addresses:
            self._forget(address)
        until = [
            await self._async_look_at(self._health_of(address))
            for address in sorted(addresses)
        ]
        until.append(LOOK_PAUSE)
        if self._watch.bluez.sample().unanswered:
            until.append(ANXIOUS_LOOK_PAUSE)
        self.gate.only_source = self._only_source()
        self._update_statuses()
        self._store.save_now_and_then()
        return max(min(until), SHORTEST_PAUSE)

    def _health_of(self, address: str) -> AdapterHealth:
        if address not in self._health:
            health = self._store.health_of(address)
            health.timeline = self._timelines.setdefault(address, health.timeline)
            health.timeline.cut()
            self._health[address] = health
        return self._health[address]

    def _forget(self, address: str) -> None:
        """Stop looking at an adapter that has no entry in Home Assistant; it may return."""
        self._store.keep(self._health.pop(address))
        self._recovery.forget(address)

    async def _async_look_at(self, health: AdapterHealth) -> float:
        sample = await self._watch.async_sample(
            health.address, was_direct=health.memory.is_direct
        )
        told = health.notice, health.budget.told
        works_again = health.look(sample, self._level, dt_util.utcnow())
        if (health.notice, health.budget.told) != told:
            self._store.save_soon()
            self._timeline_store.save_soon()
        judgement = health.judgement
        assert judgement is not None
        self._tell_events(health)
        if works_again:
            self.gate.async_poll_when_heard()
        self._recovery.consider(health)
        if health.memory.fruitless_starts and judgement.verdict is not Verdict.OK:
            self._listen_on_bus(sample)
        times = [judgement.recheck_at, health.decision.until]
        waits = [at - sample.at for at in times if at is not None and at > sample.at]
        return min(waits, default=LOOK_PAUSE)

    def _listen_on_bus(self, sample: AdapterSample) -> None:
        if self._listening is None or self._listening.done():
            self._listening = self._hass.async_create_background_task(
                self._watch.async_listen_on_bus(sample), "renogy_bt listen on the bus"
            )

    # Steps

    async def async_recover(self, address: str, step: RecoveryStep) -> StepResult:
        """Take a step that the user asks for, and return whether it helped.

        Raises RecoveryRefused when the step cannot be taken now, or not at all.
        """
        return await self._recovery.async_take(self._health.get(address), step)

    def _step_changed(self, health: AdapterHealth) -> None:
        self._update_statuses()
        self._tell_events(health)
        self._store.save_soon()
        self._timeline_store.save_soon()
        self._wake.set()

    def _only_source(self) -> str | None:
        samples = [health.sample for health in self._health.values() if health.sample]
        if len(samples) == 1 and samples[0].only_adapter:
            return samples[0].address
        return None

    # What the rest of the integration reads

    @property
    def is_watching(self) -> bool:
        """Whether the adapters are looked at."""
        return self._looking is not None

    @property
    def adapters(self) -> Mapping[str, AdapterStatus]:
        """The local adapters by address."""
        return self._statuses

    def signal_of(self, link: str) -> LinkSignal | None:
        """Return how strong a link is where it is heard best, None if that is not known.

        It is not weak as far as is known where an adapter with a fault may be why it fails.
        """
        heard = self._records.strengths(link.upper(), self._clock(), SIGNAL_KNOWN_FOR)
        source, strength = max(
            heard, key=lambda each: each[1].mean, default=(None, None)
        )
        if strength is None:
            return None
        status = self._statuses.get(source or "")
        is_excused = status is not None and status.problem
        return LinkSignal(strength, None if is_excused else not is_good(strength))

    @property
    def bus_reachable(self) -> bool | None:
        """Whether bluetoothd can be watched; None where there is nothing to watch."""
        return self._watch.bus_reachable

    @callback
    def async_add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call a function when a status has changed."""
        return add_listener(self._listeners, listener)

    @callback
    def async_add_event_listener(
        self, listener: Callable[[AdapterEvent], None]
    ) -> CALLBACK_TYPE:
        """Call a function for each event."""
        return add_listener(self._event_listeners, listener)

    def diagnostics(self) -> dict[str, Any]:
        """Return what is known, as plain data; addresses are not redacted."""
        return {
            "banks": len(self._banks),
            "level": self._level if self._banks else None,
            "bus_reachable": self.bus_reachable,
            "done_without": dict(lost_parts()),
            "adapters": [
                {
                    **diagnostics_of(health, self._clock()),
                    "timeline": timeline_data(health.timeline, self._most_looks),
                    "timeline_before_start": self._timeline_store.before.get(
                        health.address, []
                    ),
                }
                for health in self._health.values()
            ],
        }

    @property
    def _most_looks(self) -> int:
        """How much of its timeline is told of each adapter: they share the room."""
        return MOST_LOOKS // max(1, len(self._timelines))

    def _timelines_data(self) -> dict[str, list[dict[str, Any]]]:
        return {
            address: timeline_data(timeline, self._most_looks)
            for address, timeline in self._timelines.items()
        }

    def _notify(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    def _update_statuses(self) -> None:
        now = self._clock()
        found = (
            status_of(health, self._records, now, self._statuses.get(address))
            for address, health in self._health.items()
        )
        statuses = {status.address: status for status in found if status is not None}
        if statuses != self._statuses:
            self._statuses = statuses
            self._notify()

    def _tell_events(self, health: AdapterHealth) -> None:
        self._recovery.note_result(health)
        for event in health.take_events():
            log_event(event)
            for listener in tuple(self._event_listeners):
                listener(event)
