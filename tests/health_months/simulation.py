# SPDX-License-Identifier: Apache-2.0
"""A simulated place: an adapter, the air around it, Home Assistant, and our recovery.

Only what the detector is shown is simulated, in steps of 30 s and whenever something happens,
with the habits of Home Assistant that matter: its scanner watchdog, its resets where it has a
management socket, and the restart of the scan when its config entry is reloaded. What happens in
a place are its plays: generators that do something to the place and yield for how long they wait.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from random import Random
from typing import Any

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.adapter_health.history import StepResult
from custom_components.renogy_bt.adapter_health.ladder import (
    RecoveryLevel,
    RecoveryStep,
)
from custom_components.renogy_bt.adapter_health.policy import Decision
from custom_components.renogy_bt.adapter_health.samples import (
    AdapterSample,
    ConnectFailure,
    EntrySample,
    EntryState,
    HostState,
    Judgement,
    ListedAdapter,
    ScanMode,
    ScannerSample,
    SlotSample,
    Verdict,
)
from custom_components.renogy_bt.adapter_health.status import AdapterEvent, Notice
from custom_components.renogy_bt.adapter_health.traffic import KNOWN_AFTER
from custom_components.renogy_bt.bluez.models import AdapterObject, BusSample
from custom_components.renogy_bt.supervisor.link_records import LinkRecords
from tests.restart import after_restart

from .keeper import Keeper
from .radio import DAY, MINUTE, PROXY, Link, When, never

START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = 30.0
ADAPTER = "B8:27:EB:00:00:01"
ACTIVE_SCAN = 45.0
"""Longer than in fact, so that the next look here falls into it, s."""
WATCHDOG = 90.0
OWNER = ":1.5"
PATH_KNOWN = 195.0
"""Home Assistant knows a path to a link for so long after it was heard, s."""
LONGEST_RETRY_PAUSE = 600.0
KERNELS_DISCOVERY = 10.24
"""How long the kernel discovers when it is asked to, s."""
POLL_AFTER = 10.0
"""A poll that waits for an advertisement does so no longer, s."""

type Play = Iterator[float]


@dataclass
class Place:
    """An adapter, what is around it and what is done to it."""

    links: list[Link] = field(default_factory=lambda: [Link()])
    mode: ScanMode = ScanMode.ACTIVE
    level: RecoveryLevel = RecoveryLevel.FULL
    management_socket: bool | None = False
    only_adapter: bool = True
    poll_interval: float = 60.0
    poll_luck: float = 1.0
    """Share of the polls that succeed although nothing is wrong."""
    other_devices: Callable[[float], int] = lambda _: 0
    foreign: tuple[str, ...] = ()
    seed: int = 1
    pace: float = 1.0
    """Share of the usual time that passes before something happens, and between two times."""
    now: float = 1000.0

    powered: bool = True
    power_state: str = "on"
    name: str | None = "hci0"
    scanner_name: str = "hci0"
    has_twin: bool = False
    """There is another adapter with this address."""
    other_path: bool = True
    """Whether the other scanner can connect, if one hears a link."""
    session: bool = True
    """Whether Home Assistant's discovery session is alive."""
    stale_discovering: bool = False
    over_bluetoothd: bool = True
    """Whether bluetoothd knows of the scan: a scanner may use the management socket."""
    ends_after: float | None = None
    """How long a scan goes on by itself, None if somebody renews it, s."""
    window: When = never
    """Whether an AUTO scanner is in an active window."""
    active_until: float = 0.0
    """Until when an AUTO scanner scans actively because it was asked to."""
    discovering_changed_at: float | None = None
    deaf: bool = False
    """Nothing is heard, until a power cycle."""
    disconnecting: bool = False
    """Every connect fails, until a power cycle."""
    connects_while_discovering: bool = False
    """A connect succeeds only while the controller discovers."""
    connects_denied: bool = False
    """A policy of the host denies every connect, whatever the adapter."""
    refusing: bool = False
    """Every start of a scan is refused, until a power cycle."""
    incurable: bool = False
    needs_full_reset: bool = False
    """A power cycle alone cures nothing."""
    returns_after_reset: bool = False
    """A full reset has the adapter drop off the bus for a moment."""
    steps_fail: bool = False
    """No recovery step can be carried out."""
    entry: EntryState = EntryState.LOADED
    entry_reason: str | None = None
    host: HostState = HostState.RUNNING
    running_since: float = 0.0
    bus: BusSample = field(default_factory=lambda: BusSample(owner=OWNER))
    bus_lost: bool = False
    """The bus is lost for Home Assistant too."""
    appeared_at: float | None = None
    powered_at: float | None = None
    clock_jumped: bool = False
    heard_on_bus_at: float | None = None
    zeroed_adapter: bool = False
    other_adapters: frozenset[str] = frozenset()
    scanning: bool = True
    connecting: bool = False
    """Whether somebody is connecting, for which the scan pauses."""
    slots: SlotSample | None = None

    health: AdapterHealth = field(default_factory=lambda: AdapterHealth(ADAPTER))
    records: LinkRecords = field(default_factory=LinkRecords)
    steps: list[tuple[float, RecoveryStep, Verdict]] = field(default_factory=list)
    results: list[StepResult] = field(default_factory=list)
    verdicts: list[tuple[float, Verdict]] = field(default_factory=list)
    told: list[tuple[float, Verdict]] = field(default_factory=list)
    notices: list[tuple[float, Notice | None]] = field(default_factory=list)
    """Changes of the notice of the adapter, and of its text."""
    accusations: set[Verdict] = field(default_factory=set)
    """Faults that the adapter was said to have while a link depended on it."""
    events: list[tuple[float, AdapterEvent]] = field(default_factory=list)
    host_resets: int = 0
    """How often Home Assistant has reset the adapter by itself."""
    broken_at: float | None = None
    """When something broke that does not work again yet."""
    first_broken_at: float | None = None
    repairs: list[float] = field(default_factory=list)
    """How long each thing that broke did not work, s."""
    mended_at: list[float] = field(default_factory=list)
    """When each of these things worked again."""
    tells_names: bool = True
    """Whether Home Assistant tells under which number it knows the adapter."""
    untold: frozenset[str] = frozenset()
    """Facts of the scanner that Home Assistant does not tell."""
    start_time: float = 0.0
    last_detection: float = 0.0
    last_connected_at: float | None = 0.0
    heard: int = 0
    counted_at: float = 0.0
    """When devices were last heard, where a scan ends by itself."""
    next_watchdog: float = 0.0
    watched: bool = True
    """Whether the integration runs and looks."""
    heard_from: float | None = None
    """When links that are waited for have been heard, if they can be."""
    clock_set_by: float = 0.0
    """How far the wall clock is off, s."""

    def __post_init__(self) -> None:
        """Start with a scan that has just begun."""
        self.random = Random(self.seed)
        self.start_time = self.last_detection = self.aired_at = self.now - 1
        self._plays: list[tuple[float, int, Play]] = []
        self._played = 0
        self._discovering = self.discovers and self.over_bluetoothd
        self.keeper = Keeper(self)

    @property
    def is_direct(self) -> bool:
        """Whether the integration can know that the adapter is worked without bluetoothd."""
        return not self.over_bluetoothd and "over_bluetoothd" not in self.untold

    @property
    def resets(self) -> list[tuple[float, RecoveryStep, Verdict]]:
        """The steps that reset the radio."""
        return [step for step in self.steps if step[1].is_reset]

    @property
    def judgement(self) -> Judgement | None:
        """What the last look was judged to show."""
        return self.health.judgement

    @property
    def decision(self) -> Decision:
        """What the last look led to."""
        return self.health.decision

    def is_judged(self, verdict: Verdict) -> bool:
        """Whether this was the verdict of the last look."""
        return self.judgement is not None and self.judgement.verdict is verdict

    # Time

    def play(self, play: Play) -> None:
        """Have something happen in this place from now on."""
        self._played += 1
        heappush(self._plays, (self.now, self._played, play))

    def run(self, seconds: float) -> None:
        """Let time pass, looking every 30 s, when something happens and when it is due.

        A link that is heard after a step is polled at once, and the adapter looked at.
        """
        end = self.now + seconds
        while self.now < end:
            due = min(self.now + STEP, end)
            judgement = self.judgement
            for at in (
                judgement.recheck_at if judgement else None,
                self.decision.until,
                self._plays[0][0] if self._plays else None,
                self.heard_from,
                *(self.keeper.next_turn(link) for link in self.links if link.kept),
            ):
                if at is not None and self.now < at < due:
                    due = at
            self._act(due)
            self.look_at(due)

    def _act(self, now: float) -> None:
        """Have happen what is due."""
        while self._plays and self._plays[0][0] <= now:
            at, number, play = heappop(self._plays)
            self.now = max(self.now, at)
            pause = next(play, None)
            if pause is not None:
                heappush(self._plays, (at + pause, number, play))

    def run_until(self, condition: Callable[[], bool], limit: float) -> float:
        """Let time pass until something is so, and return how long that took."""
        begun = self.now
        while not condition():
            assert self.now - begun <= limit, (
                f"not within {limit:.0f} s: {self.judgement}"
            )
            self.run(5.0)
        return self.now - begun

    def look_at(self, now: float) -> None:
        """Let time pass to the next look, take it and do what it calls for."""
        self.now = now
        self._air()
        self._host_watchdog()
        self._polls()
        self._note_repair()
        if not self.watched:
            return
        before = self.judgement
        awaited = self.health.history.awaited
        works_again = self.health.look(self.sample(), self.level, self.moment())
        judgement = self.judgement
        assert judgement is not None
        if before is None or judgement.verdict is not before.verdict:
            self.verdicts.append((now, judgement.verdict))
        if judgement.verdict.is_fault and judgement.in_use:
            self.accusations.add(judgement.verdict)
        if awaited is not None and self.health.history.awaited is None:
            step = self.health.history.last_step
            assert step is not None
            self.results.append(step.result)
        if self.decision.tell and (
            not self.told or self.told[-1][1] is not judgement.verdict
        ):
            self.told.append((now, judgement.verdict))
        if self.decision.step is not None:
            self._take_step(self.decision.step, judgement)
        elif works_again:
            self._poll_when_heard()
        self._show()
        self.clock_jumped = False

    def moment(self) -> datetime:
        """The time of the last look by the calendar."""
        return START + timedelta(seconds=self.now + self.clock_set_by)

    def _show(self) -> None:
        """Keep what the user sees: the issue, and the events."""
        self.events += ((self.now, event) for event in self.health.take_events())
        before = self.notices[-1][1] if self.notices else None
        if self.health.notice != before:
            self.notices.append((self.now, self.health.notice))

    # The air and the polls

    @property
    def can_hear(self) -> bool:
        """Whether anything reaches Home Assistant through the adapter."""
        return (
            self.session
            and not self.deaf
            and self.powered
            and self.name is not None
            and self.name == self.scanner_name
            and self.entry is EntryState.LOADED
            and (
                self.ends_after is None or self.now - self.start_time <= self.ends_after
            )
        )

    @property
    def discovers(self) -> bool:
        """Whether the controller discovers."""
        return (
            self.powered and self.session and self.current_mode() is ScanMode.ACTIVE
        ) or self.stale_discovering

    def _air(self) -> None:
        can_hear = self.can_hear
        passed = min(max(self.now - self.aired_at, 1.0), STEP)
        self.aired_at = self.now
        self.records.keep([link.address for link in self.links])
        if can_hear or self.ends_after is None or self.now - self.counted_at > MINUTE:
            self.heard = self.other_devices(self.now) if can_hear else 0
        if can_hear and self.heard:
            self.last_detection = self.counted_at = self.now
        for link in self.links:
            if not link.present(self.now):
                continue
            link.move_to(self.now, self.random)
            if link.is_held:
                continue
            if can_hear and link.is_heard(passed, self.random):
                link.known_at = self.now
                if link.is_reported(self.random):
                    self._hear(link, self.now)
                    self.heard += 1
            if link.heard_elsewhere(self.now):
                link.heard_at = link.known_at = self.now
                self.records.advertisement(
                    link.address, PROXY, self.now, round(link.rssi_elsewhere)
                )

    def _hear(self, link: Link, at: float) -> None:
        link.heard_at = link.known_at = at
        self.last_detection = at
        link.tell(
            self.records,
            ADAPTER,
            at,
            tells_every_strength=not self.over_bluetoothd,
        )

    def _host_watchdog(self) -> None:
        if self.now < self.next_watchdog:
            return
        self.next_watchdog = self.now + STEP
        if (
            self.entry is EntryState.LOADED
            and self.now - self.last_detection > WATCHDOG
        ):
            # Without bluetoothd the watchdog starts the scan again, and nothing else.
            resets = self.management_socket and self.over_bluetoothd
            if resets and self.last_detection <= self.start_time:
                self.host_resets += 1
                self.power_cycle()
            self._start_scan()

    def _start_scan(self) -> None:
        if (
            self.refusing
            or not self.powered
            or self.bus_lost
            or self.name != self.scanner_name
        ):
            self.scanning = False
            return
        self.scanning = self.session = True
        self.start_time = self.last_detection = self.now
        if self.ends_after is not None and self.can_hear:
            self.heard = self.other_devices(self.now)
            if self.heard:
                self.last_detection = self.counted_at = self.now + 0.5
        # A new scan reports every device in reach, however quiet the bus was about it.
        for link in self.links:
            if (
                self.can_hear
                and not link.is_held
                and link.present(self.now)
                and link.is_heard(STEP, self.random)
            ):
                self._hear(link, self.now + 0.5)

    def _polls(self) -> None:
        for link in self.links:
            if link.kept is not None and not self.keeper.is_to_connect(link):
                continue
            is_retry = link.heard_at == self.now and link.retries.is_due(self.now)
            if link.polled and (is_retry or self.now >= link.next_poll):
                self._poll(link, is_retry=is_retry)

    def _poll(self, link: Link, *, is_retry: bool) -> None:
        here = self._reaches(link)
        works = here or link.reached_elsewhere(self.now)
        interval = self.poll_interval if link.kept is None else link.kept.interval
        link.note_poll(
            self.now,
            works=works,
            interval=interval,
            is_retry=is_retry,
            is_heard_seldom=not self.over_bluetoothd and self._knows(link),
        )
        self.records.connecting(link.address, self.now)
        if not works:
            self.records.failed(link.address, self.now, self._failure(link))
            return
        source = ADAPTER if here else PROXY
        self.records.allocated(source, [link.address])
        self.records.connected(link.address, self.now, None)
        if link.kept is not None:
            link.kept.source = source
        else:
            self.records.disconnected(link.address, self.now)
        if here:
            self.last_connected_at = self.now

    def _reaches(self, link: Link) -> bool:
        """Whether a poll gets through to a link by the adapter."""
        return (
            self.powered
            and self.name is not None
            and self.entry is EntryState.LOADED
            and not (self.disconnecting or self.deaf or self.connects_denied)
            and (self.discovers or not self.connects_while_discovering)
            and self._knows(link)
            and link.present(self.now)
            and link.accepts(self.now)
            and link.is_reached(self.random)
            and (self.poll_luck >= 1 or self.random.random() < self.poll_luck)
        )

    def _knows(self, link: Link) -> bool:
        """Whether Home Assistant knows a path to a link."""
        return self.now - link.known_at <= PATH_KNOWN

    def carries(self, link: Link, seconds: float) -> bool:
        """Whether a connection to a link through the adapter has lasted so long."""
        return (
            self.powered
            and self.name is not None
            and link.present(self.now)
            and not link.is_lost(seconds, self.random)
        )

    @property
    def silence(self) -> float | None:
        """For how long Home Assistant's scanner has heard nothing, None without one, s."""
        is_loaded = self.entry is EntryState.LOADED
        return self.now - self.last_detection if is_loaded else None

    def _failure(self, link: Link) -> ConnectFailure:
        """How a poll that does not get through fails."""
        if not self._knows(link):
            return ConnectFailure.NOT_HEARD
        if self.slots is not None and not self.slots.free:
            return ConnectFailure.NO_SLOT
        if self.connects_denied:
            return ConnectFailure.DENIED
        return ConnectFailure.FAILED

    def _poll_when_heard(self) -> None:
        for link in self.links:
            link.next_poll = min(link.next_poll, self.now + POLL_AFTER)
            link.retries.heard_from = self.now
        self.heard_from = self.now + POLL_AFTER

    # What breaks, and what is done about it

    def breaks(self) -> None:
        """Count from now how long it takes until everything works again."""
        if self.broken_at is None:
            self.broken_at = self.now
        if self.first_broken_at is None:
            self.first_broken_at = self.now

    def _note_repair(self) -> None:
        broken_at = self.broken_at
        if broken_at is None or not self.can_hear:
            return
        samples = self.records.samples(ADAPTER, self.now, ())
        if all(
            (sample.connected_at or 0.0) > broken_at or not link.polled
            for link, sample in zip(self.links, samples, strict=True)
        ) and any((sample.heard_at or 0.0) > broken_at for sample in samples):
            self.repairs.append(self.now - broken_at)
            self.mended_at.append(self.now)
            self.broken_at = None

    def _take_step(self, step: RecoveryStep, judgement: Judgement) -> None:
        self.steps.append((self.now, step, judgement.verdict))
        self.health.begin_step(step, self.moment(), self.now, requested=False)
        if self.steps_fail:
            self.health.end_step(self.now, StepResult.FAILED)
            return
        if step.is_reset:
            is_full = step is RecoveryStep.FULL_RESET
            self.power_cycle(cures=is_full or not self.needs_full_reset)
            if is_full and self.returns_after_reset:
                self.appeared_at = self.powered_at = self.now + 3.0
        if step is not RecoveryStep.OWN_LINKS:
            self.reload()
        else:
            for link in self.links:
                link.stale = False
        self.health.end_step(self.now, StepResult.PENDING)
        if judgement.verdict is Verdict.CONNECTS_FAILING:
            self.active_until = self.now + ACTIVE_SCAN
        self._poll_when_heard()

    def power_cycle(self, *, cures: bool = True) -> None:
        """Switch the adapter off and on: a scan ends, and so does what is curable."""
        self.session = False
        self.keeper.cut(ADAPTER)
        if self.power_state == "off-blocked" or self.name is None:
            return
        self.powered = True
        self.powered_at = self.now
        if cures and not self.incurable:
            self.deaf = self.disconnecting = self.refusing = False
            self.stale_discovering = False

    def reload(self) -> None:
        """Set Home Assistant's entry of the adapter up again."""
        self.keeper.cut(ADAPTER)
        if self.name is not None:
            self.scanner_name = self.name
        if self.name is None or self.refusing or not self.powered or self.bus_lost:
            self.entry = EntryState.RETRYING
            self.entry_reason = (
                "adapter None not found"
                if self.name is None
                else "Failed to start Bluetooth"
            )
            return
        self.entry = EntryState.LOADED
        self._start_scan()

    def retries(self) -> Play:
        """Have Home Assistant try again to set the entry up, as it does."""
        pause = 5.0
        while True:
            if self.entry is EntryState.RETRYING:
                found = self.name is not None and self.name == self.scanner_name
                if found and self.powered and not self.refusing and not self.bus_lost:
                    self.entry, pause = EntryState.LOADED, 5.0
                    self._start_scan()
                else:
                    pause = min(2 * pause, LONGEST_RETRY_PAUSE)
            yield pause if self.entry is EntryState.RETRYING else STEP

    def unplug(self) -> None:
        """Take the adapter away."""
        self.name, self.session = None, False

    def plug_in(self, name: str = "hci0") -> None:
        """Bring the adapter back."""
        self.name, self.session, self.powered = name, False, True
        self.appeared_at = self.powered_at = self.now

    def restart_bluetoothd(self, owner: str, down: float = 1.0) -> Play:
        """Have bluetoothd end, and begin again after a while."""
        self.bus, self.session = BusSample(owner=None, known=False), False
        yield down
        self.bus = BusSample(owner=owner, owner_changed_at=self.now)
        self.appeared_at = self.powered_at = None

    def reload_bank(self) -> None:
        """Have the user's bank loaded again: the integration begins anew from storage."""
        self.health = after_restart(
            self.health, stopped_at=self.now, started_at=self.now
        )
        self.keeper.cut(None)
        self.records = LinkRecords()

    def restart_host(self, down: float = 20.0, starting: float = 60.0) -> Play:
        """Restart Home Assistant, through what is stored."""
        self.watched, self.host = False, HostState.STOPPING
        stopped_at = self.now
        self.keeper.cut(None)
        self.entry, before = EntryState.NOT_LOADED, self.entry
        yield down
        self.health = after_restart(
            self.health, stopped_at=stopped_at, started_at=self.now
        )
        self.records = LinkRecords()
        self.appeared_at = self.powered_at = None
        self.last_connected_at = 0.0
        self.bus = replace(self.bus, owner_changed_at=None)
        self.watched, self.host = True, HostState.STARTING
        if before in (EntryState.DISABLED, EntryState.ABSENT):
            self.entry = before
        else:
            self.entry = EntryState.IN_PROGRESS
            yield 5.0
            self.reload()
        yield starting
        self.host, self.running_since = HostState.RUNNING, self.now

    def become_known(self) -> None:
        """Let it be as if this place had been watched for weeks."""
        traffic = replace(self.health.memory.traffic, watched=KNOWN_AFTER)
        self.health.memory = replace(self.health.memory, traffic=traffic)

    def work_directly(self) -> None:
        """Have the adapter worked by habluetooth's scanner over the management socket.

        It starts the kernel's discovery and does not renew it. It knows no AUTO mode.
        """
        self.over_bluetoothd = False
        self.bus = BusSample(owner=None, known=False)
        if self.mode is not ScanMode.PASSIVE:
            self.mode, self.ends_after = ScanMode.ACTIVE, KERNELS_DISCOVERY

    def suspend(self, seconds: float) -> None:
        """Stop the machine for a while."""
        self.now += seconds
        self.clock_jumped = True

    # What is shown to the detector

    def current_mode(self) -> ScanMode:
        """The mode that the scanner is in."""
        if self.mode is not ScanMode.AUTO:
            return self.mode
        active = self.window(self.now) or self.now < self.active_until
        return ScanMode.ACTIVE if active else ScanMode.PASSIVE

    def sample(self) -> AdapterSample:
        """What is shown to the detector."""
        return AdapterSample(
            at=self.now,
            address=ADAPTER,
            host=self.host,
            running_since=self.running_since,
            bus=self.bus,
            adapter=self._adapter_object(),
            zeroed_adapter=self.zeroed_adapter,
            other_adapters=self.other_adapters,
            host_names=frozenset({self.scanner_name}) if self.tells_names else None,
            entry=EntrySample(state=self.entry, reason=self.entry_reason),
            scanner=self._scanner_sample(),
            links=self.records.samples(ADAPTER, self.now, self._left_behind()),
            slots=self._slot_sample(),
            others_connected=len(self.foreign),
            devices_heard=self.heard,
            management_socket=self.management_socket,
            only_adapter=self.only_adapter,
            other_path=self.other_path
            and self.records.heard_by([PROXY], self.now, DAY),
            has_twin=self.has_twin,
            heard_on_bus_at=self.heard_on_bus_at,
            clock_jumped=self.clock_jumped,
            listed=self._listed(),
        )

    def _listed(self) -> ListedAdapter | None:
        """What the kernel lists, which is asked when something fails where nobody else tells."""
        is_asked = self.entry is not EntryState.LOADED or not self.scanning
        if not self.is_direct or not (is_asked or self.records.has_failures):
            return None
        return ListedAdapter(self.name, self.name is not None and self.powered)

    def _adapter_object(self) -> AdapterObject | None:
        discovering = self.discovers and self.over_bluetoothd
        if discovering is not self._discovering:
            self._discovering, self.discovering_changed_at = discovering, self.now
        if self.name is None:
            return None
        return AdapterObject(
            path=f"/org/bluez/{self.name}",
            address=ADAPTER,
            powered=self.powered,
            discovering=discovering,
            discovering_changed_at=self.discovering_changed_at,
            power_state=self.power_state,
            appeared_at=self.appeared_at,
            powered_at=self.powered_at,
        )

    def _scanner_sample(self) -> ScannerSample | None:
        if self.entry is not EntryState.LOADED:
            return None
        scanner = ScannerSample(
            name=self.scanner_name,
            requested_mode=self.mode,
            current_mode=self.current_mode(),
            scanning=self.scanning and not self.connecting,
            connecting=int(self.connecting),
            start_time=self.start_time,
            last_detection=self.last_detection,
            last_connected_at=self.last_connected_at,
            over_bluetoothd=self.over_bluetoothd,
        )
        if not self.untold:
            return scanner
        hidden: dict[str, Any] = dict.fromkeys(self.untold)
        return replace(scanner, **hidden)

    def _left_behind(self) -> list[str]:
        return [link.address for link in self.links if link.stale]

    def _slot_sample(self) -> SlotSample | None:
        if self.entry is not EntryState.LOADED:
            return None
        if self.slots is not None or not self.foreign:
            return self.slots
        return SlotSample(slots=5, free=5 - len(self.foreign), foreign=self.foreign)
