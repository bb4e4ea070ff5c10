"""The recovery ladder: a pure policy from verdict and past steps to the next step."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from .climb import (
    GENTLE_STEPS,
    LONGEST_REST,
    RELAPSE,
    Ladder,
    conclude,
    follow,
    is_to_be_worked_on,
)
from .history import StepResult
from .limits import RateLimiter
from .own_steps import RecoveryStep
from .samples import HOUR, Evidence, HostState, Judgement, Reason, Verdict


class RecoveryLevel(StrEnum):
    """How far recovery may go by itself, the most cautious first."""

    OFF = "off"
    GENTLE = "gentle"
    FULL = "full"


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

DISRUPTIVE_STEPS = (
    RecoveryStep.RESTART_SCANNING,
    RecoveryStep.POWER_CYCLE,
    RecoveryStep.FULL_RESET,
)
"""Steps that drop every connection through the adapter."""
NOTHING_WORKS = frozenset(
    {Verdict.START_REFUSED, Verdict.POWERED_OFF, Verdict.RENUMBERED}
)
"""Verdicts under which no connection of anybody is worth sparing."""

PLANS: Mapping[Verdict, tuple[RecoveryStep, ...]] = {
    Verdict.SESSION_LOST: (
        RecoveryStep.RESTART_SCANNING,
        RecoveryStep.POWER_CYCLE,
        RecoveryStep.FULL_RESET,
        RecoveryStep.TELL,
    ),
    Verdict.RENUMBERED: (RecoveryStep.RESTART_SCANNING, RecoveryStep.TELL),
    # A reload would only repeat what Home Assistant has just tried.
    Verdict.START_REFUSED: (
        RecoveryStep.POWER_CYCLE,
        RecoveryStep.FULL_RESET,
        RecoveryStep.TELL,
    ),
    Verdict.SILENT: (
        RecoveryStep.RESTART_SCANNING,
        RecoveryStep.POWER_CYCLE,
        RecoveryStep.TELL,
    ),
    Verdict.POWERED_OFF: (RecoveryStep.POWER_CYCLE, RecoveryStep.TELL),
    Verdict.CONNECTS_FAILING: (
        RecoveryStep.OWN_LINKS,
        RecoveryStep.RESTART_SCANNING,
        RecoveryStep.POWER_CYCLE,
        RecoveryStep.FULL_RESET,
        RecoveryStep.TELL,
    ),
}
PLANS_BY_REASON: Mapping[Reason, tuple[RecoveryStep, ...]] = {
    Reason.UNEXPLAINED_SILENCE: (
        RecoveryStep.RESTART_SCANNING,
        RecoveryStep.POWER_CYCLE,
    ),
    Reason.STALE_LINK: (
        RecoveryStep.OWN_LINKS,
        RecoveryStep.RESTART_SCANNING,
        RecoveryStep.TELL,
    ),
    Reason.SLOTS_FULL: (RecoveryStep.OWN_LINKS, RecoveryStep.TELL),
    Reason.ADAPTER_ZEROED: (RecoveryStep.RESTART_SCANNING, RecoveryStep.TELL),
    Reason.ENTRY_UNLOADED: (RecoveryStep.RESTART_SCANNING, RecoveryStep.TELL),
}
ALLOWED: Mapping[RecoveryLevel, tuple[RecoveryStep, ...]] = {
    RecoveryLevel.OFF: (),
    RecoveryLevel.GENTLE: GENTLE_STEPS,
    RecoveryLevel.FULL: (
        *GENTLE_STEPS,
        RecoveryStep.POWER_CYCLE,
        RecoveryStep.FULL_RESET,
    ),
}
PATIENCE: Mapping[tuple[Verdict, Evidence, RecoveryStep], float] = {
    (Verdict.CONNECTS_FAILING, Evidence.WEAK, RecoveryStep.RESTART_SCANNING): 240.0,
    (Verdict.CONNECTS_FAILING, Evidence.WEAK, RecoveryStep.POWER_CYCLE): 600.0,
    (Verdict.CONNECTS_FAILING, Evidence.WEAK, RecoveryStep.FULL_RESET): 900.0,
    (Verdict.CONNECTS_FAILING, Evidence.CERTAIN, RecoveryStep.POWER_CYCLE): 300.0,
}
"""Age that a fault must have before a step is worth it, s."""


REMEDIES: Mapping[Verdict, tuple[RecoveryStep, ...]] = {
    Verdict.SESSION_LOST: (
        RecoveryStep.RESTART_SCANNING,
        RecoveryStep.POWER_CYCLE,
        RecoveryStep.FULL_RESET,
    ),
    Verdict.RENUMBERED: (RecoveryStep.RESTART_SCANNING,),
    Verdict.START_REFUSED: (RecoveryStep.POWER_CYCLE, RecoveryStep.FULL_RESET),
    Verdict.SILENT: (
        RecoveryStep.RESTART_SCANNING,
        RecoveryStep.POWER_CYCLE,
        RecoveryStep.FULL_RESET,
    ),
    Verdict.POWERED_OFF: (RecoveryStep.POWER_CYCLE,),
    Verdict.CONNECTS_FAILING: (
        RecoveryStep.OWN_LINKS,
        RecoveryStep.RESTART_SCANNING,
        RecoveryStep.POWER_CYCLE,
        RecoveryStep.FULL_RESET,
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

    step: RecoveryStep | None = None
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
    step = _next_step(ladder, judgement, situation)
    if step is not RecoveryStep.TELL:
        return ladder, _try(step, ladder, judgement, situation)
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
    """The ladder with the steps whose rest is over to be climbed again."""
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
    step = _next_step(ladder, judgement, situation)
    if step is not RecoveryStep.TELL:
        return ladder, replace(_try(step, ladder, judgement, situation), tell=False)
    if ladder.failed:
        return ladder, replace(_failing(ladder), tell=False)
    if not ladder.tried:
        return ladder, Decision(hold=Hold.LADDER_ENDED)
    rest = EXPERIMENT_RESTS[min(ladder.climbs, len(EXPERIMENT_RESTS) - 1)]
    ladder = replace(
        ladder, tried=(), rest_until=situation.at + rest, climbs=ladder.climbs + 1
    )
    return ladder, Decision(hold=Hold.RESTING, until=ladder.rest_until)


def _next_step(
    ladder: Ladder, judgement: Judgement, situation: Situation
) -> RecoveryStep:
    plan = PLANS_BY_REASON.get(judgement.reason) or PLANS.get(judgement.verdict, ())
    allowed = ALLOWED[situation.level]
    if judgement.verdict is Verdict.SILENT and situation.management_socket:
        # Home Assistant has reset the adapter itself by now, more than once.
        return RecoveryStep.TELL
    if judgement.verdict is Verdict.POWERED_OFF and _was_just_powered_on(
        ladder, situation.at
    ):
        # Somebody wants it off.
        return RecoveryStep.TELL
    return next(
        (
            step
            for step in plan
            if step in allowed
            and step not in ladder.tried
            and step not in ladder.failed
            and (step is not RecoveryStep.FULL_RESET or situation.management_socket)
        ),
        RecoveryStep.TELL,
    )


def _was_just_powered_on(ladder: Ladder, now: float) -> bool:
    return (
        ladder.fault is Verdict.POWERED_OFF
        and ladder.recovered_at is not None
        and now - ladder.recovered_at < RELAPSE
    )


def _try(
    step: RecoveryStep, ladder: Ladder, judgement: Judgement, situation: Situation
) -> Decision:
    """Take the step unless something is in its way."""
    now = situation.at
    tell = _is_to_be_told(ladder)
    ripe_at = judgement.since + PATIENCE.get(
        (judgement.verdict, judgement.evidence, step), 0.0
    )
    if now < ripe_at:
        return Decision(hold=Hold.EVIDENCE, until=ripe_at, tell=tell)
    spared = judgement.severed or judgement.verdict in NOTHING_WORKS
    if step in DISRUPTIVE_STEPS and situation.foreign_connections and not spared:
        told_at = judgement.since + OTHERS_TURN
        return Decision(
            hold=Hold.OTHERS_CONNECTED,
            until=told_at if now < told_at else None,
            tell=tell or now >= told_at,
        )
    wait = situation.limiter.wait if step.is_reset else _gentle_wait(ladder, now)
    if wait > 0:
        return Decision(
            hold=Hold.LIMIT, until=now + wait, tell=tell or wait > LONG_WAIT
        )
    return Decision(step=step, tell=tell)


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


def remedies_for(
    judgement: Judgement, *, management_socket: bool
) -> tuple[RecoveryStep, ...]:
    """The steps that the user can ask for against a fault, the gentlest first."""
    return tuple(
        step
        for step in REMEDIES.get(judgement.verdict, ())
        if step is not RecoveryStep.FULL_RESET or management_socket
    )
