# SPDX-License-Identifier: Apache-2.0
"""What we do to an adapter, and what has happened to it, newest last."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from ..bluez.models import PowerFault
from .ladder import RecoveryStep
from .samples import Reason, Verdict

CAPACITY = 100
OWN_DOING = 120.0
"""What begins anew so soon after a step of ours does so because of the step, s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStep:
    """A recovery step that is being taken."""

    step: RecoveryStep
    at: datetime
    begun_at: float
    requested: bool = False
    """Asked for by the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSteps:
    """What is being done to an adapter, and what the last of it has left behind."""

    running: RunningStep | None = None
    ended_at: float | None = None
    """When the last recovery step ended."""
    switched_on_at: float | None = None
    """When a step last switched the adapter on because it was off."""
    power_fault: PowerFault | None = None
    """What the last attempt to switch power met."""


class StepResult(StrEnum):
    """How a recovery step ended."""

    PENDING = "pending"
    RECOVERED = "recovered"
    NO_EFFECT = "no_effect"
    FAILED = "failed"
    """It could not be carried out."""
    UNCLEAR = "unclear"
    """Nothing tells whether it helped."""
    ABORTED = "aborted"
    """Its effect will not be known: Home Assistant stopped, the adapter's entry went away, or
    bluetoothd or the adapter began anew in the middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """A recovery step that was taken."""

    at: datetime
    step: RecoveryStep
    verdict: Verdict
    result: StepResult = StepResult.PENDING
    seconds: float = 0.0
    """How long the step itself took."""
    requested: bool = False
    """Asked for by the user."""
    detail: str | None = None
    """Why it could not be carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRecord:
    """A change of verdict."""

    at: datetime
    verdict: Verdict
    reason: Reason


type Record = StepRecord | VerdictRecord


@dataclass(frozen=True, slots=True)
class AdapterHistory:
    """The last verdicts and steps of one adapter."""

    records: tuple[Record, ...] = ()
    recoveries: int = 0
    """Steps that brought the adapter back, over all time."""

    @property
    def last_step(self) -> StepRecord | None:
        """The newest recovery step."""
        return next(
            (r for r in reversed(self.records) if isinstance(r, StepRecord)), None
        )

    @property
    def awaited(self) -> StepRecord | None:
        """The newest recovery step while its effect is not known yet."""
        step = self.last_step
        return step if step and step.result is StepResult.PENDING else None

    def adding(self, record: Record) -> Self:
        """The history with one more record, without the oldest beyond its capacity."""
        return replace(
            self,
            records=(*self.records, record)[-CAPACITY:],
            recoveries=self.recoveries + _is_recovery(record),
        )

    def concluding(self, result: StepResult) -> Self:
        """The history with the result of its newest step, if that is still open."""
        step = self.awaited
        if step is None:
            return self
        concluded = replace(step, result=result)
        return replace(
            self,
            records=tuple(
                concluded if record is step else record for record in self.records
            ),
            recoveries=self.recoveries + _is_recovery(concluded),
        )


def _is_recovery(record: Record) -> bool:
    """Whether a step brought an adapter back; one taken on a sound adapter did not."""
    return (
        isinstance(record, StepRecord)
        and record.result is StepResult.RECOVERED
        and record.verdict is not Verdict.OK
    )
