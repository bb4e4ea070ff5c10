"""The recovery ladder: a pure policy from verdict and past steps to the next step."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from .history import StepResult
from .models import Evidence, HostState, Judgement, Reason, RecoveryLevel, Rung, Verdict
from .rate_limiter import RateLimiter

HOUR = 3600.0
VERIFICATION = 150.0
"""A step whose effect cannot be seen by then had none, s."""
RELAPSE = HOUR
"""A fault that returns within this time continues the climb where it ended, s."""
RESTS = (0.5 * HOUR, 2 * HOUR, 6 * HOUR)
"""Pauses after a climb in vain, s; the last one repeats."""
EXPERIMENT_PAUSE = 6 * HOUR
"""Least time between experiments in two different silences, s."""
EXPERIMENT_RESTS = (12 * HOUR, 24 * HOUR, 72 * HOUR)
"""Pauses between experiments in one silence, s; the last one repeats."""
OTHERS_TURN = 600.0
"""How long other integrations' connections are waited for before the user is told, s."""
LONG_WAIT = 300.0
"""A wait for the limits that the user should know of, s."""
GENTLE_PAUSE = 30.0
LONGEST_GENTLE_PAUSE = 1800.0

GENTLE_RUNGS = (Rung.OWN_LINKS, Rung.RELOAD)
DISRUPTIVE_RUNGS = (Rung.RELOAD, Rung.POWER_CYCLE, Rung.FULL_RESET)
"""Rungs that drop every connection through the adapter."""
NOTHING_WORKS = frozenset(
    {Verdict.START_REFUSED, Verdict.POWERED_OFF, Verdict.RENUMBERED}
)
"""Verdicts under which no connection of anybody is worth sparing."""
NEW_BEGINNINGS = frozenset(
    {
        Reason.OWNER_CHANGED,
        Reason.ADAPTER_RETURNED,
        Reason.NOT_FOUND_BY_HOST,
        Reason.OTHER_INDEX,
    }
)
OWN_DOING = 120.0
"""Such a beginning so soon after a step is the step's doing, s."""

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


class Hold(StrEnum):
    """Why no step is taken now."""

    NOTHING_TO_DO = "nothing_to_do"
    HOST_BUSY = "host_busy"
    NOT_IN_USE = "not_in_use"
    VERIFYING = "verifying"
    EVIDENCE = "evidence"
    OTHERS_CONNECTED = "others_connected"
    LIMIT = "limit"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """How far the climb has come for one adapter."""

    fault: Verdict | None = None
    """Fault that was last worked on."""
    tried: tuple[Rung, ...] = ()
    """Rungs that did not help against it."""
    opened: Rung | None = None
    """Step whose effect is not known yet."""
    opened_for: Reason | None = None
    stepped_at: float | None = None
    recovered_at: float | None = None
    """When a step last helped."""
    calm_since: float | None = None
    """Since when nothing is wrong."""
    climbs: int = 0
    """Climbs in vain."""
    rest_until: float | None = None
    gentle_steps: tuple[float, ...] = ()
    """Times of the gentle steps of the last hour."""
    experiment_at: float | None = None
    """When a silence without corroboration was last experimented on."""

    def with_step(self, rung: Rung, judgement: Judgement, now: float) -> Self:
        """The ladder after a step that has been carried out."""
        gentle = self.gentle_steps
        if rung in GENTLE_RUNGS:
            gentle = (*(at for at in gentle if 0.0 <= now - at < HOUR), now)
        experiment = judgement.reason is Reason.UNEXPLAINED_SILENCE
        return replace(
            self,
            fault=judgement.verdict,
            opened=rung,
            opened_for=judgement.reason,
            stepped_at=now,
            gentle_steps=gentle,
            experiment_at=now if experiment else self.experiment_at,
        )

    def with_failed_step(self, rung: Rung, judgement: Judgement, now: float) -> Self:
        """The ladder after a step that could not be carried out."""
        opened = self.with_step(rung, judgement, now)
        return replace(opened, opened=None, tried=_with(self.tried, rung))

    def rested(self) -> Self:
        """The ladder from its foot again, because the user asks for another try."""
        return replace(self, tried=(), climbs=0, rest_until=None)

    def to_json(self, now: float) -> dict[str, Any]:
        """What is worth keeping over a restart, as plain data."""
        return {
            "experiment_ago": None
            if self.experiment_at is None
            else now - self.experiment_at,
            "powered_on_ago": (
                now - self.recovered_at
                if self.fault is Verdict.POWERED_OFF and self.recovered_at is not None
                else None
            ),
        }

    @classmethod
    def from_json(cls, data: object, now: float) -> Self:
        """The ladder kept by `to_json`; what is damaged is forgotten."""
        if not isinstance(data, Mapping):
            return cls()
        powered_on_at = _ago(data.get("powered_on_ago"), now, RELAPSE)
        return cls(
            experiment_at=_ago(data.get("experiment_ago"), now, EXPERIMENT_RESTS[-1]),
            fault=None if powered_on_at is None else Verdict.POWERED_OFF,
            recovered_at=powered_on_at,
        )


def _ago(seconds: object, now: float, most: float) -> float | None:
    if (
        isinstance(seconds, int | float)
        and not isinstance(seconds, bool)
        and 0 <= seconds <= most
    ):
        return now - seconds
    return None


def _with(tried: tuple[Rung, ...], rung: Rung) -> tuple[Rung, ...]:
    return tried if rung in tried else (*tried, rung)


def conclude(
    ladder: Ladder, judgement: Judgement, now: float
) -> tuple[Ladder, StepResult | None]:
    """Tell from a later judgement whether the last step helped, once that can be told."""
    result = _result(ladder, judgement, now)
    match result:
        case None:
            return ladder, None
        case StepResult.RECOVERED:
            return replace(ladder, opened=None, recovered_at=now), result
        case StepResult.NO_EFFECT if ladder.opened is not None:
            return replace(
                ladder, opened=None, tried=_with(ladder.tried, ladder.opened)
            ), result
        case _:
            return replace(ladder, opened=None), result


def _result(ladder: Ladder, judgement: Judgement, now: float) -> StepResult | None:
    if ladder.opened is None:
        return None
    was_silent = ladder.fault in (Verdict.SILENT, Verdict.QUIET)
    match judgement.verdict:
        case Verdict.OK:
            return StepResult.RECOVERED
        case Verdict.UNKNOWN:
            return StepResult.ABORTED
        case Verdict.STARTING:
            started = ladder.stepped_at if ladder.stepped_at is not None else now
            return StepResult.NO_EFFECT if now - started >= VERIFICATION else None
        case Verdict.QUIET if not was_silent:
            return StepResult.RECOVERED
        case _:
            return StepResult.NO_EFFECT


def follow(ladder: Ladder, judgement: Judgement, now: float) -> Ladder:
    """The ladder as it stands under a new judgement: where the climb begins or ends."""
    if judgement.verdict is Verdict.OK:
        if ladder.calm_since is None:
            return replace(ladder, calm_since=now, climbs=0, rest_until=None)
        if now - ladder.calm_since >= RELAPSE and ladder.fault is not None:
            return replace(ladder, fault=None, tried=())
        return ladder
    if not _is_to_be_worked_on(judgement):
        return ladder
    if _is_new_beginning(ladder, judgement):
        return replace(
            ladder,
            fault=judgement.verdict,
            tried=(),
            calm_since=None,
            climbs=0,
            rest_until=None,
        )
    return ladder if ladder.calm_since is None else replace(ladder, calm_since=None)


def _is_to_be_worked_on(judgement: Judgement) -> bool:
    return judgement.verdict.is_fault or judgement.evidence is Evidence.WEAK


def _is_new_beginning(ladder: Ladder, judgement: Judgement) -> bool:
    if ladder.calm_since is not None and ladder.fault is not judgement.verdict:
        return True
    if judgement.verdict in (
        Verdict.MISSING,
        Verdict.BLUETOOTHD_DOWN,
        Verdict.BUS_LOST,
    ):
        return ladder.fault is not judgement.verdict
    return (
        judgement.reason in NEW_BEGINNINGS
        and ladder.stepped_at is not None
        and judgement.since - ladder.stepped_at > OWN_DOING
    )


def decide(
    ladder: Ladder, judgement: Judgement, situation: Situation
) -> tuple[Ladder, Decision]:
    """Choose the next step against a judged fault."""
    if not _is_to_be_worked_on(judgement):
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
        tell=bool(ladder.tried) and not experiment and judgement.in_use,
    )


def _after_rest(ladder: Ladder, now: float) -> Ladder:
    if ladder.rest_until is None or now < ladder.rest_until:
        return ladder
    return replace(ladder, tried=(), rest_until=None)


def _decide_on_experiment(
    ladder: Ladder, judgement: Judgement, situation: Situation
) -> tuple[Ladder, Decision]:
    """One reload and one power cycle, then long pauses."""
    ladder = _after_rest(ladder, situation.at)
    if ladder.rest_until is not None:
        return ladder, Decision(hold=Hold.RESTING, until=ladder.rest_until)
    begun_at = ladder.experiment_at
    if begun_at is not None and not ladder.tried:
        until = begun_at + EXPERIMENT_PAUSE
        if ladder.climbs == 0 and situation.at < until:
            return ladder, Decision(hold=Hold.RESTING, until=until)
    rung = _next_rung(ladder, judgement, situation)
    if rung is not Rung.TELL:
        return ladder, replace(_try(rung, ladder, judgement, situation), tell=False)
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
    tell = bool(ladder.tried)
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
