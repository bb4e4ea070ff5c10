# SPDX-License-Identifier: Apache-2.0
"""What a detector remembers from sample to sample."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..bluez.models import AdapterObject, BusSample
from .connects import NO_LINKS, LinkMemories, remembered
from .discovery_need import DiscoveryNeed
from .history import OwnSteps
from .outages import Outages
from .power import Power
from .samples import (
    DAY,
    AdapterSample,
    EntryState,
    HostState,
    Judgement,
    Reason,
    ScanMode,
    ScannerSample,
    Verdict,
    latest,
)
from .traffic import LearnedTraffic

LONGEST_GAP = 150.0
"""Samples further apart than this do not join up: the host was stopped or stuck, s."""
LONGEST_HEARD_GAP = 90.0
LONGEST_DIRECT_GAP = 150.0
"""Without bluetoothd the kernel's discovery ends after 10 s. Home Assistant starts it again at the
first look of its watchdog, every 30 s, that finds 90 s of silence; one start may go by unheard, s."""
FRESH = 45.0
SHARED_FOR = 60.0
"""A link that moves from one scanner to another is heard by both for a shorter time, s."""
CAUSED_WITHIN = 300.0
"""Traffic that returns so soon after something was done to the adapter may be due to that."""
CAUSED_AT_ONCE = 20.0
"""The same where many devices are always heard: the first of them comes at once."""
SHORT_SILENCE = 120.0
JUST_REPLACED = 30.0
HUNG_AFTER = 3
"""Calls in a row without an answer that make a bluetoothd a hung one."""
BUS_FAULTS = frozenset(
    {Verdict.BLUETOOTHD_HUNG, Verdict.BLUETOOTHD_DOWN, Verdict.BUS_LOST}
)
HEARD_UNDISCOVERED = 60.0
"""Who hears for so long while Discovering is false scans without bluetoothd's knowledge, s."""
REPLAY = 5.0
"""What is heard so soon after a scan has ended was still on its way, s."""
NOTHING_HELD: Mapping[Reason, float] = MappingProxyType({})
NOTHING_SHARED: Mapping[tuple[str, str], float] = MappingProxyType({})


def was_used(used_at: float | None, fault_since: float) -> bool:
    """Whether a link used the adapter within the day before a fault began."""
    return used_at is not None and fault_since - used_at <= DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFault:
    """A fault that was believed and is not proven to be over."""

    judgement: Judgement
    seen_at: float
    """When its sign was last seen."""
    depended_on: bool = False
    """Whether a link had used the adapter when something first was wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """State of one adapter's detector."""

    traffic: LearnedTraffic = field(default_factory=LearnedTraffic)
    looked_at: float | None = None
    steady_since: float = 0.0
    """Since when samples follow each other without a break while the host runs."""
    is_bus_sick: bool = False
    """Bluetoothd could not be asked; what failed meanwhile may be due to that."""
    is_stalled: bool = False
    """What Home Assistant gave up meanwhile, it has not begun again since."""
    life_at: float | None = None
    """Last sign of life: an advertisement heard or a connection made."""
    advert_at: float | None = None
    """Last advertisement of any device."""
    heard_at: float | None = None
    """Last time that one of our links was heard or connected."""
    heard_since: float | None = None
    """Since when our links have been heard without a longer gap."""
    used_at: float | None = None
    """Last time that one of our links was connected, or heard by this adapter alone."""
    scan_started_at: float | None = None
    untold_at: float | None = None
    """When it was last not known since when the scanner has heard nothing."""
    fruitless_starts: int = 0
    """Starts of the scan in a row that brought nothing."""
    retrying_since: float | None = None
    """Since when the set-up of the entry has failed, while it is tried again."""
    shared_since: Mapping[tuple[str, str], float] = NOTHING_SHARED
    witnesses: frozenset[tuple[str, str]] = frozenset()
    """(link, source) that this adapter and another scanner heard at the same time."""
    disturbed_at: float | None = None
    """When something last happened to the adapter that can bring traffic back."""
    power: Power = field(default_factory=Power)
    undiscovered_since: float | None = None
    """Since when Home Assistant scans actively while bluetoothd does not discover."""
    is_undiscovered: bool = False
    """Much was heard meanwhile: bluetoothd does not know of this scan."""
    was_seen: bool = False
    """Bluetoothd has had the adapter since Home Assistant began to watch."""
    seen_beside: frozenset[str] | None = None
    """Other adapters that were there when the adapter last was, None if that is not known."""
    held: Mapping[Reason, float] = NOTHING_HELD
    """Since when each sign has been seen."""
    links: LinkMemories = NO_LINKS
    """What is known of each of our links at this adapter."""
    discovery_need: DiscoveryNeed = field(default_factory=DiscoveryNeed)
    outages: Outages = field(default_factory=Outages)
    """Times in which nothing could be connected."""
    open_fault: OpenFault | None = None
    judgement: Judgement | None = None
    is_direct: bool = False
    """Home Assistant works the adapter without bluetoothd, as far as a scanner has told."""


def observe(memory: Memory, sample: AdapterSample, own: OwnSteps) -> Memory:
    """What is remembered after a further sample; signs are not judged here."""
    scanner, links = sample.scanner, sample.links
    bus_sick = _is_bus_sick(sample.bus)
    cured = memory.is_bus_sick and not bus_sick
    broken = cured or _is_broken(memory, sample)
    steady_since = sample.at if broken else memory.steady_since
    life_at = latest(memory.life_at, _life_at(sample))
    advert_at = latest(memory.advert_at, _advert_at(sample))
    undiscovered_since = _undiscovered_since(memory, sample)
    touched_at = _touched_at(sample, own)
    disturbed_at = _disturbed_at(memory, touched_at)
    used_at = latest(*(link.used_at for link in links))
    heard_at = latest(memory.heard_at, used_at, *(link.heard_at for link in links))
    heard_here_alone = (link.heard_at for link in links if not link.heard_elsewhere)
    shared_since = _shared_since(memory, sample)
    traffic = memory.traffic
    if own.running is None:
        began = scanner.start_time if scanner is not None else None
        traffic = _learned(
            memory,
            sample,
            life_at,
            steady_since,
            disturbed_at,
            latest(began, touched_at),
        )
    return Memory(
        traffic=traffic,
        looked_at=sample.at,
        steady_since=steady_since,
        is_bus_sick=bus_sick,
        is_stalled=_is_idle(sample)
        and (
            memory.is_stalled
            or (cured and _was_bus_fault_believed(memory))
            or _is_just_replaced(sample)
        ),
        life_at=life_at,
        advert_at=advert_at,
        heard_at=heard_at,
        heard_since=_heard_since(memory, heard_at, longest_gap(sample)),
        used_at=latest(memory.used_at, used_at, *heard_here_alone),
        scan_started_at=memory.scan_started_at
        if scanner is None or scanner.start_time is None
        else scanner.start_time,
        untold_at=sample.at
        if scanner is not None and not scanner.tells_silence
        else memory.untold_at,
        fruitless_starts=_fruitless_starts(memory, scanner, life_at),
        retrying_since=_retrying_since(memory, sample),
        shared_since=shared_since,
        witnesses=_witnesses(memory, sample, shared_since),
        disturbed_at=disturbed_at,
        power=memory.power.after_look(_known_adapter(sample), own, sample.at),
        undiscovered_since=undiscovered_since,
        is_undiscovered=_is_undiscovered(memory, sample, undiscovered_since, advert_at),
        was_seen=memory.was_seen
        or sample.adapter is not None
        or (sample.is_direct and scanner is not None),
        seen_beside=memory.seen_beside
        if sample.adapter is None
        else sample.other_adapters,
        held=NOTHING_HELD if broken or _has_stepped(memory, own) else memory.held,
        links=remembered(memory.links, sample, disturbed_at),
        discovery_need=memory.discovery_need.after_look(sample, memory.links),
        outages=memory.outages.after_look(sample, touched_at, broken=broken),
        open_fault=memory.open_fault,
        judgement=memory.judgement,
        is_direct=sample.is_direct,
    )


def _is_broken(memory: Memory, sample: AdapterSample) -> bool:
    return (
        memory.looked_at is None
        or not 0.0 <= sample.at - memory.looked_at <= LONGEST_GAP
        or sample.clock_jumped
        or sample.host is not HostState.RUNNING
    )


def _has_stepped(memory: Memory, own: OwnSteps) -> bool:
    """Whether a recovery step has ended since the last sample."""
    ended_at, looked_at = own.ended_at, memory.looked_at
    return ended_at is not None and looked_at is not None and ended_at >= looked_at


def _is_bus_sick(bus: BusSample) -> bool:
    return not bus.connected or not bus.owner or bus.unanswered >= HUNG_AFTER


def _was_bus_fault_believed(memory: Memory) -> bool:
    return memory.judgement is not None and memory.judgement.verdict in BUS_FAULTS


def _is_just_replaced(sample: AdapterSample) -> bool:
    """Whether bluetoothd is so new that what Home Assistant gave up was of the one before."""
    changed_at = sample.bus.owner_changed_at
    return changed_at is not None and 0.0 <= sample.at - changed_at <= JUST_REPLACED


def _is_idle(sample: AdapterSample) -> bool:
    """Whether Home Assistant neither scans nor is about to."""
    if sample.entry.state is EntryState.RETRYING:
        return True
    return sample.scanner is not None and sample.scanner.has_stopped


def _life_at(sample: AdapterSample) -> float | None:
    """The last sign of life that a sample shows.

    To connect takes an adapter that hears; a connection that stands goes on while it is deaf.
    """
    scanner = sample.scanner
    times = [_advert_at(sample), *(link.connected_at for link in sample.links)]
    if scanner is not None:
        times.append(scanner.last_connected_at or None)
    return _not_ahead(latest(*times), sample.at)


def _advert_at(sample: AdapterSample) -> float | None:
    """The last advertisement that a sample shows."""
    scanner = sample.scanner
    times = [link.heard_at for link in sample.links]
    if scanner is not None:
        times.append(scanner.heard_at)
    return _not_ahead(latest(*times), sample.at)


def _not_ahead(at: float | None, now: float) -> float | None:
    """A time that is not in the future: a clock that was set back must not hide silence."""
    return None if at is None else min(at, now)


def _known_adapter(sample: AdapterSample) -> AdapterObject | None:
    """The adapter, if bluetoothd tells of it now."""
    return sample.adapter if sample.bus.tells_adapters else None


def _undiscovered_since(memory: Memory, sample: AdapterSample) -> float | None:
    """Since when an active scan has not shown in Discovering; None while it does."""
    scanner, adapter = sample.scanner, _known_adapter(sample)
    if adapter is None or scanner is None:
        return memory.undiscovered_since
    if (
        scanner.current_mode is not ScanMode.ACTIVE
        or scanner.has_stopped
        or adapter.discovering
    ):
        return None
    since = memory.undiscovered_since
    return sample.at if since is None else since


def _is_undiscovered(
    memory: Memory,
    sample: AdapterSample,
    since: float | None,
    advert_at: float | None,
) -> bool:
    """Whether more was heard than could be of a scan that bluetoothd makes."""
    if since is not None and advert_at is not None:
        return memory.is_undiscovered or advert_at - since >= HEARD_UNDISCOVERED
    adapter, scanner = _known_adapter(sample), sample.scanner
    shows = (
        adapter is not None
        and adapter.discovering
        and scanner is not None
        and scanner.current_mode is ScanMode.ACTIVE
    )
    return memory.is_undiscovered and not shows


def longest_gap(sample: AdapterSample) -> float:
    """Longest time without an advertisement of a link that is heard, s."""
    return LONGEST_DIRECT_GAP if sample.is_direct else LONGEST_HEARD_GAP


def _heard_since(
    memory: Memory, heard_at: float | None, longest: float
) -> float | None:
    before = memory.heard_at
    if heard_at is None or heard_at == before:
        return memory.heard_since
    if before is None or heard_at - before > longest:
        return heard_at
    return memory.heard_since


def _disturbed_at(memory: Memory, touched_at: float | None) -> float | None:
    before = memory.judgement
    times = [memory.disturbed_at, touched_at]
    if before is not None and before.verdict.is_fault:
        times.append(memory.looked_at)
    return latest(*times)


def _touched_at(sample: AdapterSample, own: OwnSteps) -> float | None:
    """When something was last done to the adapter, by us or by others."""
    adapter = sample.adapter
    times = [own.ended_at, sample.bus.owner_changed_at]
    if adapter is not None:
        times += [adapter.appeared_at, adapter.powered_at]
    return latest(*times)


def _retrying_since(memory: Memory, sample: AdapterSample) -> float | None:
    state, since = sample.entry.state, memory.retrying_since
    if state is EntryState.RETRYING:
        return sample.at if since is None else since
    return since if state is EntryState.IN_PROGRESS else None


def _fruitless_starts(
    memory: Memory, scanner: ScannerSample | None, life_at: float | None
) -> int:
    if scanner is None:
        return 0
    before, began = memory.scan_started_at, scanner.start_time
    if before is None or began is None or not scanner.tells_silence:
        return memory.fruitless_starts
    if life_at is not None and life_at > before:
        return 0
    return memory.fruitless_starts + (began > before)


def _fresh(sample: AdapterSample) -> float:
    """How old the last advertisement of a link may be that two scanners hear, s."""
    return LONGEST_DIRECT_GAP if sample.is_direct else FRESH


def _shared_since(
    memory: Memory, sample: AdapterSample
) -> Mapping[tuple[str, str], float]:
    """Since when each link has been heard here and by another scanner at the same time.

    A link that is kept connected is heard for a moment only, now and then.
    """
    shared: dict[tuple[str, str], float] = {}
    fresh = _fresh(sample)
    for link in sample.links:
        for source, heard_at in link.heard_elsewhere:
            if (
                link.heard_at is not None
                and link.listened(min(link.heard_at, heard_at), sample.at) <= fresh
            ):
                pair = (link.address, source)
                shared[pair] = memory.shared_since.get(pair, sample.at)
    return shared or NOTHING_SHARED


def _witnesses(
    memory: Memory, sample: AdapterSample, shared_since: Mapping[tuple[str, str], float]
) -> frozenset[tuple[str, str]]:
    shared_for = SHARED_FOR + _fresh(sample) - FRESH
    proven = (
        pair for pair, since in shared_since.items() if sample.at - since >= shared_for
    )
    found = frozenset(proven)
    return memory.witnesses if found <= memory.witnesses else memory.witnesses | found


def _learned(
    memory: Memory,
    sample: AdapterSample,
    life_at: float | None,
    steady_since: float,
    disturbed_at: float | None,
    touched_at: float | None,
) -> LearnedTraffic:
    """Learn from a silence that has ended, unless something else than the place ended it."""
    traffic, before = memory.traffic, memory.life_at
    if life_at is None or life_at == before:
        return traffic
    if sample.entry.state is EntryState.LOADED:
        traffic = traffic.after_look(sample.devices_heard)
    if before is None or before < max(steady_since, memory.untold_at or before):
        return traffic
    silence = life_at - before
    if silence > SHORT_SILENCE and _is_caused(
        life_at, disturbed_at, touched_at, traffic
    ):
        return traffic
    listened = [link.listened(before, life_at) for link in sample.links]
    return traffic.after_silence(silence, min(listened, default=silence))


def _is_caused(
    life_at: float,
    disturbed_at: float | None,
    touched_at: float | None,
    traffic: LearnedTraffic,
) -> bool:
    """Whether something was done to the adapter that may have ended a silence."""
    if traffic.is_lively:
        return touched_at is not None and life_at - touched_at < CAUSED_AT_ONCE
    return disturbed_at is not None and life_at - disturbed_at < CAUSED_WITHIN
