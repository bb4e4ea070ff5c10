# SPDX-License-Identifier: Apache-2.0
"""The policy of recovery: from a verdict and the steps so far to the next step."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from .climb import Climb, calls_for_steps, result_of_step
from .history import StepRecord, StepResult
from .ladder import (
    ALLOWED,
    DISRUPTIVE_STEPS,
    NOTHING_WORKS,
    PATIENCE,
    RecoveryLevel,
    RecoveryStep,
    plan_for,
    possible_steps,
)
from .limits import RateLimiter
from .samples import HOUR, HostState, Judgement, Verdict

RESTS = (0.5 * HOUR, 2 * HOUR, 6 * HOUR)
"""Pauses after a climb in vain, s; the last one repeats."""
CONNECT_RESTS = (6 * HOUR, 24 * HOUR, 72 * HOUR)
"""The same where connections fail: what a whole climb does not mend, another will not, s."""
FAILURE_PAUSES = (60.0, 120.0, 240.0, *RESTS)
"""Pauses after steps that could not be carried out, s; the last one repeats."""
TOLD_FAILURES = 3
"""So many of them the user should know of."""
EXPERIMENT_PAUSE = 6 * HOUR
"""Least time between experiments in two different silences, s; in one silence there is one."""
OTHERS_TURN = 600.0
"""How long other integrations' connections are waited for before the user is told, s."""
LONG_WAIT = 300.0
"""A wait for the limits that the user should know of, s."""
GENTLE_PAUSE = 30.0


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
    has_scanner: bool = True
    """Home Assistant has a scanner, with which connections end when the entry is reloaded."""
    management_socket: bool = False
    is_direct: bool = False
    """Home Assistant works the adapter without bluetoothd, and never resets it."""
    limiter: RateLimiter = field(default_factory=RateLimiter)
    awaited: StepRecord | None = None
    """The last step while its effect is not known yet."""
    stepped_at: float | None = None
    """When the last step ended."""
    has_twin: bool = False
    """Another adapter has the same address: a reset might fall on the other one."""
    is_wanted_off: bool = False
    """Somebody who means it has switched the adapter off."""
    is_overtaken: bool = False
    """Bluetoothd or the adapter has begun anew since the last step began."""
    life_at: float | None = None
    """Last sign of life, if any was ever seen."""
    carries_kept_link: bool = False
    """A link of ours that stays connected is read through the adapter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The next step, or why there is none."""

    step: RecoveryStep | None = None
    hold: Hold | None = None
    until: float | None = None
    """When to decide again, if that is known."""
    tell: bool = False
    """Whether the user should know."""

    @property
    def is_end(self) -> bool:
        """Whether no step is left for now."""
        return self.hold in (Hold.RESTING, Hold.LADDER_ENDED)


def take_turn(
    climb: Climb, judgement: Judgement, situation: Situation
) -> tuple[Climb, StepResult | None, Decision]:
    """Conclude the last step if its effect is known, then choose the next one."""
    awaited, now = situation.awaited, situation.at
    result: StepResult | None = None
    if awaited is not None:
        stepped_at = now if situation.stepped_at is None else situation.stepped_at
        result = result_of_step(
            awaited.verdict,
            judgement,
            now - stepped_at,
            is_overtaken=situation.is_overtaken,
        )
        if result is not None:
            climb = climb.after_result(awaited.step, result)
            situation = replace(situation, awaited=None)
    climb = climb.under(
        judgement,
        now,
        situation.stepped_at,
        is_overtaken=situation.is_overtaken,
    )
    climb, decision = decide(climb, judgement, situation)
    return climb, result, decision


def decide(
    climb: Climb, judgement: Judgement, situation: Situation
) -> tuple[Climb, Decision]:
    """Choose the next step against what was judged."""
    awaited = situation.awaited
    if not calls_for_steps(judgement):
        if awaited is not None:
            return climb, _verifying(climb, judgement, awaited)
        return climb, Decision(hold=Hold.NOTHING_TO_DO, until=judgement.recheck_at)
    if situation.host is not HostState.RUNNING:
        return climb, Decision(hold=Hold.HOST_BUSY)
    if not judgement.in_use:
        return climb, Decision(hold=Hold.NOT_IN_USE)
    if awaited is not None:
        return climb, _verifying(climb, judgement, awaited)
    if judgement.standing:
        # No step without a sign: nobody would see whether it helps.
        return climb, Decision(
            hold=Hold.EVIDENCE, until=judgement.recheck_at, tell=_is_told(climb)
        )
    climb = _after_rest(climb, situation.at)
    if judgement.verdict is Verdict.QUIET:
        climb, decision = _experiment(climb, judgement, situation)
        return climb, replace(decision, tell=False)
    return _work_on(climb, judgement, situation)


def _work_on(
    climb: Climb, judgement: Judgement, situation: Situation
) -> tuple[Climb, Decision]:
    """Take the next step of the plan; where there is none, tell the user and rest."""
    step = _next_step(climb, judgement, situation)
    if step is not None:
        return climb, _try(step, climb, judgement, situation)
    if climb.failed:
        until = _end_of_failure_pause(climb)
        return climb, Decision(hold=Hold.FAILING, until=until, tell=_is_told(climb))
    if not climb.tried:
        return climb, Decision(hold=Hold.LADDER_ENDED, tell=True)
    if climb.rest_until is None:
        failing = judgement.verdict is Verdict.CONNECTS_FAILING
        rests = CONNECT_RESTS if failing else RESTS
        rest = rests[min(climb.climbs, len(rests) - 1)]
        climb = replace(climb, rest_until=situation.at + rest, climbs=climb.climbs + 1)
    return climb, Decision(hold=Hold.RESTING, until=climb.rest_until, tell=True)


def _experiment(
    climb: Climb, judgement: Judgement, situation: Situation
) -> tuple[Climb, Decision]:
    """Take the step that may help, once in a silence."""
    tried_at = climb.experiment_at
    if tried_at is not None:
        if situation.life_at is None or situation.life_at <= tried_at:
            return climb, Decision(hold=Hold.RESTING)
        if situation.at < tried_at + EXPERIMENT_PAUSE:
            return climb, Decision(hold=Hold.RESTING, until=tried_at + EXPERIMENT_PAUSE)
    return _work_on(replace(climb, tried=()), judgement, situation)


def _verifying(climb: Climb, judgement: Judgement, awaited: StepRecord) -> Decision:
    is_experiment = awaited.verdict is Verdict.QUIET
    return Decision(
        hold=Hold.VERIFYING,
        until=judgement.recheck_at,
        tell=_is_told(climb) and not is_experiment and judgement.in_use,
    )


def _is_told(climb: Climb) -> bool:
    return bool(climb.tried) or climb.failures >= TOLD_FAILURES


def _end_of_failure_pause(climb: Climb) -> float | None:
    if climb.failed_at is None:
        return None
    pause = FAILURE_PAUSES[min(climb.failures, len(FAILURE_PAUSES)) - 1]
    return climb.failed_at + pause


def _after_rest(climb: Climb, now: float) -> Climb:
    """The climb with the steps whose rest is over to be taken again."""
    retry_at = _end_of_failure_pause(climb)
    if climb.failed and (retry_at is None or now >= retry_at):
        climb = replace(climb, failed=())
    if climb.rest_until is None or now < climb.rest_until:
        return climb
    return replace(climb, tried=(), failures=0, rest_until=None)


def _next_step(
    climb: Climb, judgement: Judgement, situation: Situation
) -> RecoveryStep | None:
    is_reset_by_host = situation.management_socket and not situation.is_direct
    if judgement.verdict is Verdict.SILENT and is_reset_by_host:
        # Home Assistant has reset the adapter itself by now, more than once.
        return None
    if judgement.verdict is Verdict.POWERED_OFF and situation.is_wanted_off:
        return None
    possible = possible_steps(
        plan_for(judgement),
        management_socket=situation.management_socket,
        has_twin=situation.has_twin,
    )
    out_of_question = {*climb.tried, *climb.failed}
    if (
        judgement.verdict is Verdict.SILENT
        and situation.carries_kept_link
        and situation.level is RecoveryLevel.FULL
    ):
        # Home Assistant has restarted the scan in vain, and to cut the link takes more hope.
        out_of_question.add(RecoveryStep.RESTART_SCANNING)
    return next(
        (
            step
            for step in possible
            if step in ALLOWED[situation.level] and step not in out_of_question
        ),
        None,
    )


def _try(
    step: RecoveryStep, climb: Climb, judgement: Judgement, situation: Situation
) -> Decision:
    """Take the step unless something is in its way."""
    now = situation.at
    tell = _is_told(climb)
    ripe_at = judgement.since + PATIENCE.get(
        (judgement.verdict, judgement.evidence, step), 0.0
    )
    if now < ripe_at:
        return Decision(hold=Hold.EVIDENCE, until=ripe_at, tell=tell)
    nothing_to_spare = judgement.severed or judgement.verdict in NOTHING_WORKS
    if (
        step in DISRUPTIVE_STEPS
        and (step.is_reset or situation.has_scanner)
        and situation.foreign_connections
        and not nothing_to_spare
    ):
        told_at = judgement.since + OTHERS_TURN
        return Decision(
            hold=Hold.OTHERS_CONNECTED,
            until=told_at if now < told_at else None,
            tell=tell or now >= told_at,
        )
    wait = situation.limiter.wait if step.is_reset else _gentle_wait(climb, now)
    if wait > 0:
        return Decision(
            hold=Hold.LIMIT, until=now + wait, tell=tell or wait > LONG_WAIT
        )
    return Decision(step=step, tell=tell)


def _gentle_wait(climb: Climb, now: float) -> float:
    recent = [at for at in climb.gentle_steps if 0.0 <= now - at < HOUR]
    if not recent:
        return 0.0
    pause = GENTLE_PAUSE * 2.0 ** (len(recent) - 1)
    return max(recent[-1] + pause - now, 0.0)
