"""How far the climb up the recovery ladder has come, and how steps turned out."""

from dataclasses import dataclass, replace
from typing import Self

from .history import StepResult
from .own_steps import RecoveryStep
from .samples import HOUR, Evidence, Judgement, Reason, Verdict

VERIFICATION = 150.0
"""A step whose effect cannot be seen by then had none, s."""
RELAPSE = HOUR
"""A fault that returns within this time continues the climb where it ended, s."""
LONGEST_REST = 72 * HOUR

GENTLE_STEPS = (RecoveryStep.OWN_LINKS, RecoveryStep.RESTART_SCANNING)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """How far the climb has come for one adapter."""

    fault: Verdict | None = None
    """Fault that was last worked on."""
    tried: tuple[RecoveryStep, ...] = ()
    """Steps that did not help against it."""
    failed: tuple[RecoveryStep, ...] = ()
    """Steps that could not be carried out and rest for a while; that is no evidence."""
    failures: int = 0
    """Steps of this climb that could not be carried out."""
    failed_at: float | None = None
    opened: RecoveryStep | None = None
    """Step whose effect is not known yet."""
    opened_for: Reason | None = None
    opened_verdict: Verdict | None = None
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

    def with_step(self, step: RecoveryStep, judgement: Judgement, now: float) -> Self:
        """The ladder after a step that has been carried out."""
        gentle = self.gentle_steps
        if step in GENTLE_STEPS:
            gentle = (*(at for at in gentle if 0.0 <= now - at < HOUR), now)
        experiment = judgement.reason is Reason.UNEXPLAINED_SILENCE
        return replace(
            self,
            fault=judgement.verdict if is_to_be_worked_on(judgement) else self.fault,
            opened=step,
            opened_for=judgement.reason,
            opened_verdict=judgement.verdict,
            stepped_at=now,
            gentle_steps=gentle,
            experiment_at=now if experiment else self.experiment_at,
        )

    def with_failed_step(
        self, step: RecoveryStep, judgement: Judgement, now: float
    ) -> Self:
        """The ladder after a step that could not be carried out."""
        return replace(
            self.with_step(step, judgement, now),
            opened=None,
            experiment_at=self.experiment_at,
            failed=_with(self.failed, step),
            failures=self.failures + 1,
            failed_at=now,
        )

    def rested(self) -> Self:
        """The ladder from its foot again, because the user asks for another try."""
        return replace(self, tried=(), failed=(), failures=0, climbs=0, rest_until=None)


def _with(
    tried: tuple[RecoveryStep, ...], step: RecoveryStep
) -> tuple[RecoveryStep, ...]:
    return tried if step in tried else (*tried, step)


def conclude(
    ladder: Ladder, judgement: Judgement, now: float
) -> tuple[Ladder, StepResult | None]:
    """Tell from a later judgement whether the last step helped, once that can be told."""
    result = _result(ladder, judgement, now)
    match result:
        case None:
            return ladder, None
        case StepResult.RECOVERED:
            return replace(
                ladder, opened=None, recovered_at=now, failed=(), failures=0
            ), result
        case StepResult.NO_EFFECT if ladder.opened is not None:
            return replace(
                ladder, opened=None, tried=_with(ladder.tried, ladder.opened)
            ), result
        case _:
            return replace(ladder, opened=None), result


def _result(ladder: Ladder, judgement: Judgement, now: float) -> StepResult | None:
    if ladder.opened is None:
        return None
    was_silent = ladder.opened_verdict in (Verdict.SILENT, Verdict.QUIET)
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
            return replace(ladder, fault=None, tried=(), failed=(), failures=0)
        return ladder
    if not is_to_be_worked_on(judgement):
        return ladder
    if _is_new_beginning(ladder, judgement):
        return replace(
            ladder,
            fault=judgement.verdict,
            tried=(),
            failed=(),
            failures=0,
            calm_since=None,
            climbs=0,
            rest_until=None,
        )
    return ladder if ladder.calm_since is None else replace(ladder, calm_since=None)


def is_to_be_worked_on(judgement: Judgement) -> bool:
    """Whether a verdict calls for steps: a fault, or a silence worth an experiment."""
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
