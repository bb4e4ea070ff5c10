"""The recovery ladder: a pure policy from verdict and past steps to the next step."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from .ages import HOUR
from .climb import (
    GENTLE_RUNGS,
    LONGEST_REST,
    RELAPSE,
    Ladder,
    conclude,
    follow,
    is_to_be_worked_on,
)
from .history import StepResult
from .limits import RateLimiter
from .samples import (
    Evidence,
    HostState,
    Judgement,
    Reason,
    RecoveryLevel,
    Rung,
    Verdict,
)

RESTS = (0.5 * HOUR, 2 * HOUR, 6 * HOUR)
"""Pauses after a climb in vain, s; the last one repeats."""
FAILURE_PAUSES = (60.0, 120.0, 240.0, *RESTS)
"""Pauses after steps that could not be carried out, s; the last one repeats."""
TOLD_FAILURES = 3
"""So many of them the user should know of."""
EXPERIMENT_PAUSE = 6 * HOUR
"""Least time between experiments in two different silences, s."""
EXPERIMENT_RESTS = (12 * HOUR, 24 * HOUR, LONGEST_REST)
"""Pauses between experiments in one silence, s; the last one repeats."""
OTHERS_TURN = 600.0
"""How long other integrations' connections are waited for before the user is told, s."""
LONG_WAIT = 300.0
"""A wait for the limits that the user should know of, s."""
GENTLE_PAUSE = 30.0
LONGEST_GENTLE_PAUSE = 1800.0

DISRUPTIVE_RUNGS = (Rung.RELOAD, Rung.POWER_CYCLE, Rung.FULL_RESET)
"""Rungs that drop every connection through the adapter."""
NOTHING_WORKS = frozenset(
    {Verdict.START_REFUSED, Verdict.POWERED_OFF, Verdict.RENUMBERED}
)
"""Verdicts under which no connection of anybody is worth sparing."""

PLANS: Mapping[Verdict, tuple[Rung, ...]] = {
    Verdict.SESSION_LOST: (Rung.RELOAD, Rung.POWER_CYCLE, Rung.FULL_RESET, Rung.TELL),
    Verdict.RENUMBERED: (Rung.RELOAD, Rung.TELL),
    # A reload would only repeat what Home Assistant has just tried.
    Verdict.START_REFUSED: (Rung.POWER_CYCLE, Rung.FULL_RESET, Rung.TELL),
    Verdict.SILENT: (Rung.RELOAD, Rung.POWER_CYCLE, Rung.TELL),
    Verdict.POWERED_OFF: (Rung.POWER_CYCLE, Rung.TELL),
    Verdict.CONNECTS_FAILING: (
        Rung.OWN_LINKS,
        Rung.RELOAD,
        Rung.POWER_CYCLE,
        Rung.FULL_RESET,
        Rung.TELL,
    ),
}
PLANS_BY_REASON: Mapping[Reason, tuple[Rung, ...]] = {
    Reason.UNEXPLAINED_SILENCE: (Rung.RELOAD, Rung.POWER_CYCLE),
    Reason.STALE_LINK: (Rung.OWN_LINKS, Rung.RELOAD, Rung.TELL),
    Reason.SLOTS_FULL: (Rung.OWN_LINKS, Rung.TELL),
    Reason.ADAPTER_ZEROED: (Rung.RELOAD, Rung.TELL),
    Reason.ENTRY_UNLOADED: (Rung.RELOAD, Rung.TELL),
}
LEVELS: Mapping[RecoveryLevel, tuple[Rung, ...]] = {
    RecoveryLevel.OFF: (),
    RecoveryLevel.GENTLE: GENTLE_RUNGS,
    RecoveryLevel.FULL: (*GENTLE_RUNGS, Rung.POWER_CYCLE, Rung.FULL_RESET),
}
PATIENCE: Mapping[tuple[Verdict, Evidence, Rung], float] = {
    (Verdict.CONNECTS_FAILING, Evidence.WEAK, Rung.RELOAD): 240.0,
    (Verdict.CONNECTS_FAILING, Evidence.WEAK, Rung.POWER_CYCLE): 600.0,
    (Verdict.CONNECTS_FAILING, Evidence.WEAK, Rung.FULL_RESET): 900.0,
    (Verdict.CONNECTS_FAILING, Evidence.CERTAIN, Rung.POWER_CYCLE): 300.0,
}
"""Age that a fault must have before a rung is worth it, s."""


REMEDIES: Mapping[Verdict, tuple[Rung, ...]] = {
    Verdict.SESSION_LOST: (Rung.RELOAD, Rung.POWER_CYCLE, Rung.FULL_RESET),
    Verdict.RENUMBERED: (Rung.RELOAD,),
    Verdict.START_REFUSED: (Rung.POWER_CYCLE, Rung.FULL_RESET),
    Verdict.SILENT: (Rung.RELOAD, Rung.POWER_CYCLE, Rung.FULL_RESET),
    Verdict.POWERED_OFF: (Rung.POWER_CYCLE,),
    Verdict.CONNECTS_FAILING: (
        Rung.OWN_LINKS,
        Rung.RELOAD,
        Rung.POWER_CYCLE,
        Rung.FULL_RESET,
    ),
}
"""Steps that the user can ask for, whatever was tried before."""


class Hold(StrEnum):
    """Why no step is taken now."""

    NOTHING_TO_DO = "nothing_to_do"
    HOST_BUSY = "host_busy"
    NOT_IN_USE = "not_in_use"
    VERIFYING = "verifying"
    EVIDENCE = "evidence"
    OTHERS_CONNECTED = "others_connected"
    LIMIT = "limit"
    FAILING = "failing"
    RESTING = "resting"
    LADDER_ENDED = "ladder_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What besides the verdict decides on the next step."""

    at: float
    level: RecoveryLevel
    host: HostState = HostState.RUNNING
    foreign_connections: int = 0
    management_socket: bool = False
    limiter: RateLimiter = field(default_factory=RateLimiter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The next step, or why there is none."""

    rung: Rung | None = None
    hold: Hold | None = None
    until: float | None = None
    """When to decide again, if that is known."""
    tell: bool = False
    """Whether the user should know."""


def decide(
    ladder: Ladder, judgement: Judgement, situation: Situation
) -> tuple[Ladder, Decision]:
    """Choose the next step against a judged fault."""
    if not is_to_be_worked_on(judgement):
        if ladder.opened is None:
            return ladder, Decision(hold=Hold.NOTHING_TO_DO, until=judgement.recheck_at)
        return ladder, _verifying(ladder, judgement)
    if situation.host is not HostState.RUNNING:
        return ladder, Decision(hold=Hold.HOST_BUSY)
    if not judgement.in_use:
        return ladder, Decision(hold=Hold.NOT_IN_USE)
    if ladder.opened is not None:
        return ladder, _verifying(ladder, judgement)
    if judgement.verdict is Verdict.QUIET:
        return _decide_on_experiment(ladder, judgement, situation)
    ladder = _after_rest(ladder, situation.at)
    rung = _next_rung(ladder, judgement, situation)
    if rung is not Rung.TELL:
        return ladder, _try(rung, ladder, judgement, situation)
    if ladder.failed:
        return ladder, _failing(ladder)
    if not ladder.tried:
        return ladder, Decision(hold=Hold.LADDER_ENDED, tell=True)
    if ladder.rest_until is None:
        rest = RESTS[min(ladder.climbs, len(RESTS) - 1)]
        ladder = replace(
            ladder, rest_until=situation.at + rest, climbs=ladder.climbs + 1
        )
    return ladder, Decision(hold=Hold.RESTING, until=ladder.rest_until, tell=True)


def _verifying(ladder: Ladder, judgement: Judgement) -> Decision:
    experiment = ladder.opened_for is Reason.UNEXPLAINED_SILENCE
    return Decision(
        hold=Hold.VERIFYING,
        until=judgement.recheck_at,
        tell=_is_to_be_told(ladder) and not experiment and judgement.in_use,
    )


def _is_to_be_told(ladder: Ladder) -> bool:
    return bool(ladder.tried) or ladder.failures >= TOLD_FAILURES


def _failing(ladder: Ladder) -> Decision:
    return Decision(
        hold=Hold.FAILING,
        until=_end_of_failure_pause(ladder),
        tell=_is_to_be_told(ladder),
    )


def _end_of_failure_pause(ladder: Ladder) -> float | None:
    if ladder.failed_at is None:
        return None
    pause = FAILURE_PAUSES[min(ladder.failures, len(FAILURE_PAUSES)) - 1]
    return ladder.failed_at + pause


def _after_rest(ladder: Ladder, now: float) -> Ladder:
    """The ladder with the rungs whose rest is over to be climbed again."""
    retry_at = _end_of_failure_pause(ladder)
    if ladder.failed and (retry_at is None or now >= retry_at):
        ladder = replace(ladder, failed=())
    if ladder.rest_until is None or now < ladder.rest_until:
        return ladder
    return replace(ladder, tried=(), failures=0, rest_until=None)


def _decide_on_experiment(
    ladder: Ladder, judgement: Judgement, situation: Situation
) -> tuple[Ladder, Decision]:
    """One reload and one power cycle, then long pauses."""
    ladder = _after_rest(ladder, situation.at)
    if ladder.rest_until is not None:
        return ladder, Decision(hold=Hold.RESTING, until=ladder.rest_until)
    begun_at = ladder.experiment_at
    if begun_at is not None and not ladder.tried and not ladder.failures:
        until = begun_at + EXPERIMENT_PAUSE
        if ladder.climbs == 0 and situation.at < until:
            return ladder, Decision(hold=Hold.RESTING, until=until)
    rung = _next_rung(ladder, judgement, situation)
    if rung is not Rung.TELL:
        return ladder, replace(_try(rung, ladder, judgement, situation), tell=False)
    if ladder.failed:
        return ladder, replace(_failing(ladder), tell=False)
    if not ladder.tried:
        return ladder, Decision(hold=Hold.LADDER_ENDED)
    rest = EXPERIMENT_RESTS[min(ladder.climbs, len(EXPERIMENT_RESTS) - 1)]
    ladder = replace(
        ladder, tried=(), rest_until=situation.at + rest, climbs=ladder.climbs + 1
    )
    return ladder, Decision(hold=Hold.RESTING, until=ladder.rest_until)


def _next_rung(ladder: Ladder, judgement: Judgement, situation: Situation) -> Rung:
    plan = PLANS_BY_REASON.get(judgement.reason) or PLANS.get(judgement.verdict, ())
    allowed = LEVELS[situation.level]
    if judgement.verdict is Verdict.SILENT and situation.management_socket:
        # Home Assistant has reset the adapter itself by now, more than once.
        return Rung.TELL
    if judgement.verdict is Verdict.POWERED_OFF and _was_just_powered_on(
        ladder, situation.at
    ):
        # Somebody wants it off.
        return Rung.TELL
    return next(
        (
            rung
            for rung in plan
            if rung in allowed
            and rung not in ladder.tried
            and rung not in ladder.failed
            and (rung is not Rung.FULL_RESET or situation.management_socket)
        ),
        Rung.TELL,
    )


def _was_just_powered_on(ladder: Ladder, now: float) -> bool:
    return (
        ladder.fault is Verdict.POWERED_OFF
        and ladder.recovered_at is not None
        and now - ladder.recovered_at < RELAPSE
    )


def _try(
    rung: Rung, ladder: Ladder, judgement: Judgement, situation: Situation
) -> Decision:
    """Take the rung unless something is in its way."""
    now = situation.at
    tell = _is_to_be_told(ladder)
    ripe_at = judgement.since + PATIENCE.get(
        (judgement.verdict, judgement.evidence, rung), 0.0
    )
    if now < ripe_at:
        return Decision(hold=Hold.EVIDENCE, until=ripe_at, tell=tell)
    spared = judgement.severed or judgement.verdict in NOTHING_WORKS
    if rung in DISRUPTIVE_RUNGS and situation.foreign_connections and not spared:
        told_at = judgement.since + OTHERS_TURN
        return Decision(
            hold=Hold.OTHERS_CONNECTED,
            until=told_at if now < told_at else None,
            tell=tell or now >= told_at,
        )
    wait = situation.limiter.wait if rung.is_reset else _gentle_wait(ladder, now)
    if wait > 0:
        return Decision(
            hold=Hold.LIMIT, until=now + wait, tell=tell or wait > LONG_WAIT
        )
    return Decision(rung=rung, tell=tell)


def _gentle_wait(ladder: Ladder, now: float) -> float:
    recent = [at for at in ladder.gentle_steps if 0.0 <= now - at < HOUR]
    if not recent:
        return 0.0
    pause = min(GENTLE_PAUSE * 2.0 ** (len(recent) - 1), LONGEST_GENTLE_PAUSE)
    return max(recent[-1] + pause - now, 0.0)


def take_turn(
    ladder: Ladder, judgement: Judgement, situation: Situation
) -> tuple[Ladder, StepResult | None, Decision]:
    """Conclude the last step if it can be told, then choose the next one."""
    ladder, result = conclude(ladder, judgement, situation.at)
    ladder = follow(ladder, judgement, situation.at)
    ladder, decision = decide(ladder, judgement, situation)
    return ladder, result, decision


def remedies_for(judgement: Judgement, *, management_socket: bool) -> tuple[Rung, ...]:
    """The steps that the user can ask for against a fault, the gentlest first."""
    return tuple(
        rung
        for rung in REMEDIES.get(judgement.verdict, ())
        if rung is not Rung.FULL_RESET or management_socket
    )
