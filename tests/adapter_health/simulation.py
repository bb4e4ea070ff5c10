"""A simulated place: an adapter, the air around it, Home Assistant, and our recovery.

Only what the detector is shown is simulated, in steps of 30 s, with the habits of Home
Assistant that matter: its scanner watchdog, its resets where it has a management socket, and
the restart of the scan when its config entry is reloaded.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
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
    EntrySample,
    EntryState,
    HostState,
    Judgement,
    LinkSample,
    ScanMode,
    ScannerSample,
    SlotSample,
    Strength,
    Verdict,
)
from custom_components.renogy_bt.bluez.models import AdapterObject, BusSample

START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = 30.0
MINUTE = 60.0
HOUR = 3600.0
DAY = 24 * HOUR
ADAPTER = "B8:27:EB:00:00:01"
DONGLE = "6C:B2:FD:A1:B2:C3"
PROXY = "AA:BB:CC:00:00:09"
WATCHDOG = 90.0

type When = Callable[[float], bool]


def always(_: float) -> bool:
    """Say yes at any time."""
    return True


def never(_: float) -> bool:
    """Say no at any time."""
    return False


def between(begin: float, end: float) -> When:
    """Say yes from one time to another."""
    return lambda now: begin <= now < end


def nightly(begin_hour: float, end_hour: float) -> When:
    """Say yes each night from one hour to another past midnight."""
    return lambda now: not end_hour <= (now / HOUR) % 24 < begin_hour


@dataclass(slots=True)
class Link:
    """One of our Bluetooth links in the simulated air."""

    address: str = DONGLE
    present: When = always
    """Whether it is switched on and in reach."""
    accepts: When = always
    """Whether it accepts connections."""
    visible: float = 1.0
    """Share of the looks at which an advertisement of it reaches Home Assistant."""
    heard_elsewhere: When = never
    """Whether another scanner hears it (and cannot connect to it)."""
    reached_elsewhere: When = never
    """Whether polls reach it through another scanner."""
    polled: bool = True
    stale: bool = False
    heard_at: float | None = None
    elsewhere_at: float | None = None
    failures: int = 0
    failing_since: float | None = None
    failed_at: float | None = None
    connected_at: float | None = None
    next_poll: float = 0.0


@dataclass
class Place:
    """An adapter, what is around it and what is done to it."""

    links: list[Link] = field(default_factory=lambda: [Link()])
    mode: ScanMode = ScanMode.ACTIVE
    level: RecoveryLevel = RecoveryLevel.FULL
    management_socket: bool = False
    only_adapter: bool = True
    poll_interval: float = 60.0
    poll_luck: float = 1.0
    """Share of the polls that succeed although nothing is wrong."""
    other_devices: Callable[[float], int] = lambda _: 0
    foreign: tuple[str, ...] = ()
    seed: int = 1
    now: float = 1000.0

    powered: bool = True
    power_state: str = "on"
    name: str | None = "hci0"
    scanner_name: str = "hci0"
    session: bool = True
    """Whether Home Assistant's discovery session is alive."""
    stale_discovering: bool = False
    window: When = never
    """Whether an AUTO scanner is in an active window."""
    deaf: bool = False
    """Nothing is heard, until a power cycle."""
    disconnecting: bool = False
    """Every connect fails, until a power cycle."""
    refusing: bool = False
    """Every start of a scan is refused, until a power cycle."""
    incurable: bool = False
    entry: EntryState = EntryState.LOADED
    entry_reason: str | None = None
    host: HostState = HostState.RUNNING
    running_since: float = 0.0
    bus: BusSample = field(default_factory=lambda: BusSample(owner=":1.5"))
    bus_lost: bool = False
    """The bus is lost for Home Assistant too."""
    appeared_at: float | None = None
    powered_at: float | None = None
    clock_jumped: bool = False
    heard_on_bus_at: float | None = None
    zeroed_adapter: bool = False
    scanning: bool = True
    connecting: bool = False
    """Whether somebody is connecting, for which the scan pauses."""
    slots: SlotSample | None = None

    health: AdapterHealth = field(default_factory=lambda: AdapterHealth(ADAPTER))
    steps: list[tuple[float, RecoveryStep, Verdict]] = field(default_factory=list)
    results: list[StepResult] = field(default_factory=list)
    verdicts: list[tuple[float, Verdict]] = field(default_factory=list)
    told: list[tuple[float, Verdict]] = field(default_factory=list)
    over_bluetoothd: bool = True
    """Whether bluetoothd knows of the scan."""
    has_twin: bool = False
    untold: frozenset[str] = frozenset()
    """Facts of the scanner that Home Assistant does not tell."""
    start_time: float = 0.0
    last_detection: float = 0.0
    last_connected_at: float | None = 0.0
    heard: int = 0
    next_watchdog: float = 0.0

    def __post_init__(self) -> None:
        """Start with a scan that has just begun."""
        self.random = Random(self.seed)
        self.start_time = self.last_detection = self.now - 1

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

    def run(self, seconds: float) -> None:
        """Let time pass, looking every 30 s and whenever a suspicion is due."""
        end = self.now + seconds
        while self.now < end:
            due = self.now + STEP
            recheck_at = self.judgement.recheck_at if self.judgement else None
            if recheck_at is not None and self.now < recheck_at < due:
                due = recheck_at
            self.look_at(min(due, end))

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
        before = self.judgement
        awaited = self.health.history.awaited
        self.health.look(self.sample(), self.level, self.moment())
        judgement = self.judgement
        assert judgement is not None
        if before is None or judgement.verdict is not before.verdict:
            self.verdicts.append((now, judgement.verdict))
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
        self.clock_jumped = False

    def moment(self) -> datetime:
        """The time of the last look by the calendar."""
        return START + timedelta(seconds=self.now)

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
        )

    def _air(self) -> None:
        can_hear = self.can_hear
        self.heard = self.other_devices(self.now) if can_hear else 0
        if self.heard:
            self.last_detection = self.now
        for link in self.links:
            if not link.present(self.now):
                continue
            if can_hear and (link.visible >= 1 or self.random.random() < link.visible):
                link.heard_at = self.last_detection = self.now
                self.heard += 1
            if link.heard_elsewhere(self.now):
                link.elsewhere_at = self.now

    def _host_watchdog(self) -> None:
        if self.now < self.next_watchdog:
            return
        self.next_watchdog = self.now + STEP
        if (
            self.entry is EntryState.LOADED
            and self.now - self.last_detection > WATCHDOG
        ):
            if self.management_socket and self.last_detection <= self.start_time:
                self._power_cycle()
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
        # A new scan reports every device in reach, however quiet the bus was about it.
        for link in self.links:
            if self.can_hear and link.present(self.now):
                link.heard_at = self.last_detection = self.now + 0.5

    def _polls(self) -> None:
        for link in self.links:
            if not link.polled or self.now < link.next_poll:
                continue
            link.next_poll = self.now + self.poll_interval
            works = (
                link.present(self.now)
                and link.accepts(self.now)
                and not self.disconnecting
                and not self.deaf
                and self.powered
                and self.name is not None
                and self.entry is EntryState.LOADED
                and (self.poll_luck >= 1 or self.random.random() < self.poll_luck)
            )
            if works:
                link.connected_at = self.last_connected_at = self.now
            if works or link.reached_elsewhere(self.now):
                link.failures, link.failing_since = 0, None
            else:
                link.failures += 1
                link.failed_at = self.now
                link.failing_since = link.failing_since or self.now

    def _take_step(self, step: RecoveryStep, judgement: Judgement) -> None:
        self.steps.append((self.now, step, judgement.verdict))
        self.health.begin_step(step, self.moment(), self.now, requested=False)
        if step.is_reset:
            self._power_cycle()
        if step is not RecoveryStep.OWN_LINKS:
            self._reload()
        self.health.end_step(self.now, StepResult.PENDING)
        for link in self.links:
            link.next_poll = self.now

    def _power_cycle(self) -> None:
        self.session = False
        if self.incurable or self.power_state == "off-blocked":
            return
        self.powered = True
        self.powered_at = self.now
        self.deaf = self.disconnecting = self.refusing = self.stale_discovering = False

    def _reload(self) -> None:
        if self.name is not None:
            self.scanner_name = self.name
        if self.name is None or self.refusing or not self.powered:
            self.entry = EntryState.RETRYING
            self.entry_reason = (
                "adapter None not found"
                if self.name is None
                else "Failed to start Bluetooth"
            )
            return
        self.entry = EntryState.LOADED
        self._start_scan()

    def current_mode(self) -> ScanMode:
        """The mode that the scanner is in."""
        if self.mode is not ScanMode.AUTO:
            return self.mode
        return ScanMode.ACTIVE if self.window(self.now) else ScanMode.PASSIVE

    def sample(self) -> AdapterSample:
        """What is shown to the detector."""
        current = self.current_mode()
        discovering = (
            self.powered
            and current is ScanMode.ACTIVE
            and self.session
            and self.over_bluetoothd
        )
        adapter = None
        if self.name is not None:
            adapter = AdapterObject(
                path=f"/org/bluez/{self.name}",
                address=ADAPTER,
                powered=self.powered,
                discovering=discovering or self.stale_discovering,
                power_state=self.power_state,
                appeared_at=self.appeared_at,
                powered_at=self.powered_at,
            )
        scanner = None
        if self.entry is EntryState.LOADED:
            scanner = ScannerSample(
                name=self.scanner_name,
                requested_mode=self.mode,
                current_mode=current,
                scanning=self.scanning and not self.connecting,
                connecting=int(self.connecting),
                start_time=self.start_time,
                last_detection=self.last_detection,
                last_connected_at=self.last_connected_at,
                over_bluetoothd=self.over_bluetoothd,
            )
        if scanner is not None and self.untold:
            hidden: dict[str, Any] = dict.fromkeys(self.untold)
            scanner = replace(scanner, **hidden)
        return AdapterSample(
            at=self.now,
            address=ADAPTER,
            host=self.host,
            running_since=self.running_since,
            bus=self.bus,
            adapter=adapter,
            zeroed_adapter=self.zeroed_adapter,
            entry=EntrySample(state=self.entry, reason=self.entry_reason),
            scanner=scanner,
            links=tuple(self._link_sample(link) for link in self.links),
            slots=self.slots
            or (
                SlotSample(slots=5, free=5 - len(self.foreign), foreign=self.foreign)
                if self.foreign
                else None
            ),
            devices_heard=self.heard,
            management_socket=self.management_socket,
            only_adapter=self.only_adapter,
            other_path=any(
                link.elsewhere_at is not None and self.now - link.elsewhere_at <= DAY
                for link in self.links
            ),
            has_twin=self.has_twin,
            heard_on_bus_at=self.heard_on_bus_at,
            clock_jumped=self.clock_jumped,
        )

    @staticmethod
    def _link_sample(link: Link) -> LinkSample:
        elsewhere = (
            ((PROXY, link.elsewhere_at),) if link.elsewhere_at is not None else ()
        )
        return LinkSample(
            address=link.address,
            polled=link.polled,
            heard_at=link.heard_at,
            strength=Strength(mean=-60.0),
            heard_elsewhere=elsewhere,
            failures=link.failures,
            failing_since=link.failing_since,
            failed_at=link.failed_at,
            connected_at=link.connected_at,
            stale=link.stale,
        )
