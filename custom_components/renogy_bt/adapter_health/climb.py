# SPDX-License-Identifier: Apache-2.0
"""How far the climb up the recovery ladder has come, and how steps turned out."""

from dataclasses import dataclass, replace
from typing import Any, Self

from .history import OWN_DOING, StepResult
from .ladder import GENTLE_STEPS, RecoveryStep
from .samples import HOUR, OUT_OF_USE, Evidence, Judgement, Reason, Verdict

VERIFICATION = 150.0
"""A step whose effect cannot be seen by then had none, s."""
RELAPSE = HOUR
"""A fault that returns within this time continues the climb where it ended, s."""
LONGEST_REST = 72 * HOUR
NEW_BEGINNINGS = frozenset(
    {
        Reason.OWNER_CHANGED,
        Reason.ADAPTER_RETURNED,
        Reason.NOT_FOUND_BY_HOST,
        Reason.OTHER_INDEX,
    }
)
RESTARTED = NEW_BEGINNINGS | {Reason.STALLED}
"""Reasons that a new bluetoothd or a new adapter is enough of an explanation for."""
STILL_COUNTED = 2
"""So many gentle steps put the next one off after a new beginning, which makes it a minute.

Some crashes of bluetoothd are caused by the very poll that a restart of the scan makes possible.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """How far the climb has come for one adapter."""

    against: Verdict | None = None
    """Fault that was last worked on."""
    tried: tuple[RecoveryStep, ...] = ()
    """Steps that did not help against it."""
    failed: tuple[RecoveryStep, ...] = ()
    """Steps that could not be carried out and rest for a while; that is no evidence."""
    failures: int = 0
    """Steps of this climb that could not be carried out."""
    failed_at: float | None = None
    calm_since: float | None = None
    """Since when nothing has called for steps, after the adapter was found to be well."""
    climbs: int = 0
    """Climbs in vain."""
    rest_until: float | None = None
    gentle_steps: tuple[float, ...] = ()
    """Times of the gentle steps of the last hour."""
    experiment_at: float | None = None
    """When a silence without corroboration was last experimented on."""

    def after_step(self, step: RecoveryStep, judgement: Judgement, now: float) -> Self:
        """The climb after a step that has been carried out."""
        gentle = self.gentle_steps
        if step in GENTLE_STEPS:
            gentle = (*(at for at in gentle if 0.0 <= now - at < HOUR), now)
        experiment = judgement.reason is Reason.UNEXPLAINED_SILENCE
        return replace(
            self,
            against=judgement.verdict if calls_for_steps(judgement) else self.against,
            gentle_steps=gentle,
            experiment_at=now if experiment else self.experiment_at,
        )

    def after_failed_step(
        self, step: RecoveryStep, judgement: Judgement, now: float
    ) -> Self:
        """The climb after a step that could not be carried out."""
        return replace(
            self.after_step(step, judgement, now),
            experiment_at=self.experiment_at,
            failed=_with(self.failed, step),
            failures=self.failures + 1,
            failed_at=now,
        )

    def after_result(self, step: RecoveryStep, result: StepResult) -> Self:
        """The climb once the effect of a step is known."""
        match result:
            case StepResult.RECOVERED:
                return replace(self, failed=(), failures=0)
            case StepResult.NO_EFFECT:
                return replace(self, tried=_with(self.tried, step))
            case _:
                return self

    def from_the_foot(self, **changes: Any) -> Self:
        """The climb with nothing tried and nothing failed yet."""
        return replace(self, tried=(), failed=(), failures=0, **changes)

    def rested(self) -> Self:
        """The climb begun again, because the user asks for another try."""
        return self.from_the_foot(climbs=0, rest_until=None)

    def under(
        self,
        judgement: Judgement,
        now: float,
        stepped_at: float | None,
        *,
        is_overtaken: bool = False,
    ) -> Self:
        """The climb as it stands under a new judgement: where it begins or ends.

        The last step `is_overtaken` if bluetoothd or the adapter has begun anew since.
        """
        if judgement.verdict is Verdict.OK:
            if self.calm_since is None:
                return replace(self, calm_since=now, climbs=0, rest_until=None)
            if now - self.calm_since >= RELAPSE and self.against is not None:
                return self.from_the_foot(against=None)
            return self
        if not calls_for_steps(judgement):
            return self
        if is_overtaken and judgement.reason in RESTARTED:
            return replace(self._begun_anew(), against=judgement.verdict)
        if self._is_new_beginning(judgement, stepped_at):
            return replace(self.rested(), against=judgement.verdict, calm_since=None)
        return self if self.calm_since is None else replace(self, calm_since=None)

    def _begun_anew(self) -> Self:
        """The climb once bluetoothd or the adapter has begun anew.

        Where the last step had helped, there is no reason to put the next one off for long.
        """
        had_helped = self.calm_since is not None
        gentle = self.gentle_steps[-STILL_COUNTED:] if had_helped else self.gentle_steps
        return replace(self.rested(), gentle_steps=gentle, calm_since=None)

    def _is_new_beginning(self, judgement: Judgement, stepped_at: float | None) -> bool:
        if self.calm_since is not None and self.against is not judgement.verdict:
            return True
        if judgement.verdict in (
            Verdict.MISSING,
            Verdict.BLUETOOTHD_DOWN,
            Verdict.BUS_LOST,
        ):
            return self.against is not judgement.verdict
        return (
            judgement.reason in NEW_BEGINNINGS
            and stepped_at is not None
            and judgement.since - stepped_at > OWN_DOING
        )


def _with(
    steps: tuple[RecoveryStep, ...], step: RecoveryStep
) -> tuple[RecoveryStep, ...]:
    return steps if step in steps else (*steps, step)


def calls_for_steps(judgement: Judgement) -> bool:
    """Whether a verdict calls for steps: a fault, or a silence worth an experiment."""
    return judgement.verdict.is_fault or judgement.evidence is Evidence.WEAK


def result_of_step(
    taken_under: Verdict,
    judgement: Judgement,
    passed: float,
    *,
    is_overtaken: bool = False,
) -> StepResult | None:
    """Tell from a later judgement whether a step helped, None while that cannot be told.

    A fault of something that has begun anew since is no word on the step.
    """
    match judgement.verdict:
        case Verdict.BUS_LOST | Verdict.BLUETOOTHD_DOWN:
            return StepResult.ABORTED
        case verdict if is_overtaken and verdict.is_fault:
            return StepResult.ABORTED
        case Verdict.OK:
            return StepResult.RECOVERED
        case Verdict.UNKNOWN if judgement.reason in OUT_OF_USE:
            return StepResult.ABORTED
        case Verdict.UNKNOWN:
            return StepResult.UNCLEAR if passed >= VERIFICATION else None
        case Verdict.QUIET if taken_under in (Verdict.SILENT, Verdict.QUIET):
            return StepResult.NO_EFFECT
        case Verdict.STARTING | Verdict.QUIET:
            is_certain = False
        case _:
            is_certain = not judgement.standing
    return StepResult.NO_EFFECT if is_certain or passed >= VERIFICATION else None
