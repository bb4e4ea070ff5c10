# SPDX-License-Identifier: Apache-2.0
"""Judges an adapter: a pure state machine over its samples."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from .faults import SIGNS
from .faults.over import end_of
from .faults.sign import Sign
from .history import OwnSteps
from .memory import NOTHING_HELD, Memory, OpenFault, observe, was_used
from .samples import (
    OUT_OF_USE,
    AdapterSample,
    EntryState,
    Evidence,
    HostState,
    Judgement,
    Reason,
    Verdict,
)
from .view import QUIET_AFTER, View

SETTLING_TIME = 60.0
"""How long a step or a start may take to show its effect, s."""
POLLING_TIME = 120.0
"""How long polls that failed before a step may take to show its effect, s."""


def detect(
    memory: Memory, sample: AdapterSample, own: OwnSteps
) -> tuple[Memory, Judgement]:
    """Judge a further sample of an adapter, knowing what is being done to the adapter.

    Returns the memory for the next sample and the judgement of this one.
    """
    memory = observe(memory, sample, own)
    if own.running is not None and memory.judgement is not None:
        return replace(memory, held=NOTHING_HELD), memory.judgement
    if sample.host is not HostState.RUNNING:
        held: Mapping[Reason, float] = NOTHING_HELD
        judgement = _pausing(memory, sample)
    else:
        held, judgement = _judge(View(sample, memory, own))
    open_fault = _open_fault(memory, sample, judgement)
    memory = replace(memory, held=held, open_fault=open_fault, judgement=judgement)
    return memory, judgement


def _open_fault(
    memory: Memory, sample: AdapterSample, judgement: Judgement
) -> OpenFault | None:
    """The fault that is not proven to be over after a judgement."""
    before = memory.open_fault
    if judgement.verdict is Verdict.OK or judgement.reason in OUT_OF_USE:
        return None
    if judgement.verdict.is_fault and not judgement.standing:
        return OpenFault(
            judgement=judgement,
            seen_at=sample.at,
            depended_on=before.depended_on
            if before is not None
            else was_used(memory.used_at, judgement.since),
        )
    return before


def _judge(view: View) -> tuple[Mapping[Reason, float], Judgement]:
    """Believe the first sign of the table that has been there long enough."""
    held: dict[Reason, float] = {}
    suspected: tuple[float, Reason] | None = None
    believed: Judgement | None = None
    for sign in _candidates(view):
        if sign.reason in held or not sign.is_seen(view):
            continue
        seen_since = view.memory.held.get(sign.reason, view.at)
        held[sign.reason] = seen_since
        if believed is not None:
            continue
        since = sign.since(view, seen_since)
        due = sign.due(view, since)
        if view.at >= due:
            believed = _believe(view, sign, since)
        elif suspected is None or due < suspected[0]:
            suspected = (due, sign.reason)
    if believed is None:
        believed = _without_fault(view, suspected)
    return held or NOTHING_HELD, believed


def _candidates(view: View) -> Iterator[Sign]:
    for is_possible, signs in SIGNS:
        if is_possible(view):
            yield from signs


def _believe(view: View, sign: Sign, since: float) -> Judgement:
    since = _begun(view.memory, sign.verdict, since)
    return Judgement(
        verdict=sign.verdict,
        since=since,
        evidence=sign.evidence,
        reason=sign.reason,
        severed=sign.severed,
        in_use=_is_in_use(view, since),
    )


def _begun(memory: Memory, verdict: Verdict, since: float) -> float:
    """Since when a verdict holds.

    It may be the verdict of the last sample already. A fault lasts until it is proven to be
    over, through steps and starts and whatever is seen of it in between.
    """
    fault = memory.open_fault
    for before in (memory.judgement, fault.judgement if fault is not None else None):
        if before is not None and before.verdict is verdict:
            since = min(since, before.since)
    return since


def _is_in_use(view: View, fault_since: float) -> bool:
    """Whether a link depends on the adapter, or did so when the fault began."""
    if not view.sample.links:
        return False
    fault = view.memory.open_fault
    return (
        (fault is not None and fault.depended_on)
        or not view.has_other_path
        or was_used(view.memory.used_at, fault_since)
    )


def _without_fault(view: View, suspected: tuple[float, Reason] | None) -> Judgement:
    recheck_at, suspicion = suspected or (None, None)
    fault = view.memory.open_fault
    is_open = fault is not None and not end_of(fault).proof(view, fault)
    if (
        fault is not None
        and is_open
        and end_of(fault).stands
        and not _has_just_begun(view)
    ):
        return replace(
            fault.judgement, standing=True, suspicion=suspicion, recheck_at=recheck_at
        )
    verdict, reason = _harmless_verdict(view, suspicion, is_open=is_open)
    return Judgement(
        verdict=verdict,
        since=_begun(view.memory, verdict, view.at),
        evidence=Evidence.NONE,
        reason=reason,
        suspicion=suspicion,
        recheck_at=recheck_at,
        in_use=_is_in_use(view, view.at),
    )


def _has_just_begun(view: View) -> bool:
    """Whether a step or a start was so lately that its effect is awaited."""
    return (
        view.sample.entry.state is EntryState.IN_PROGRESS
        or view.scanner is None
        or not view.is_there
        or _is_settling(view)
    )


def _harmless_verdict(
    view: View, suspicion: Reason | None, *, is_open: bool
) -> tuple[Verdict, Reason]:
    """What is so without a fault; nothing works again before that is proven."""
    if view.sample.entry.state is EntryState.IN_PROGRESS:
        return Verdict.STARTING, Reason.ENTRY_STARTING
    before = view.memory.judgement
    was_fault = before is not None and before.verdict.is_fault
    if _has_just_begun(view) or (was_fault and suspicion is not None):
        return Verdict.STARTING, Reason.SETTLING
    quiet_after = max(QUIET_AFTER, view.memory.traffic.meaningful_silence)
    if (
        is_open
        or view.silence >= quiet_after
        or view.has_heard_nothing_since(view.stepped_at)
    ):
        return Verdict.QUIET, Reason.NOTHING_HEARD
    return Verdict.OK, Reason.WORKING


def _is_settling(view: View) -> bool:
    """Whether it cannot be told yet how a step or the beginning of the watch turned out."""
    began = view.memory.steady_since
    stepped_at = view.stepped_at
    if stepped_at is not None:
        # Polls that failed before a step say nothing of it until one of them succeeds.
        if view.are_all_failing and view.at - stepped_at < POLLING_TIME:
            return True
        began = max(began, stepped_at)
    return view.has_heard_nothing_since(began) and view.at - began < SETTLING_TIME


def _pausing(memory: Memory, sample: AdapterSample) -> Judgement:
    starting = sample.host is HostState.STARTING
    return Judgement(
        verdict=Verdict.STARTING,
        since=_begun(memory, Verdict.STARTING, sample.at),
        evidence=Evidence.NONE,
        reason=Reason.HOST_STARTING if starting else Reason.HOST_STOPPING,
        in_use=False,
    )
