"""Health of one adapter: detector, ladder, limits and history put together, without I/O."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from .climb import Climb
from .detector import detect
from .history import (
    AdapterHistory,
    OwnSteps,
    RunningStep,
    StepRecord,
    StepResult,
    VerdictRecord,
)
from .ladder import RecoveryLevel, RecoveryStep, remedies_for
from .limits import RateLimiter
from .memory import Memory
from .policy import Decision, Hold, Situation, take_turn
from .samples import AdapterSample, Judgement, Verdict, latest
from .status import AdapterEvent, EventKind, Notice

NOTICE_LINGERS = 90.0
"""A notice outlives its fault by so long while nothing is heard, s.

Home Assistant's own resets make a deaf adapter look well for some moments.
"""
SAME_MOMENT = timedelta(seconds=5)
"""Times of the monotonic clock become moments that differ by less each time."""


@dataclass(slots=True)
class AdapterHealth:
    """What is known of one adapter and what has been done to it."""

    address: str
    memory: Memory = field(default_factory=Memory)
    climb: Climb = field(default_factory=Climb)
    limiter: RateLimiter = field(default_factory=RateLimiter)
    history: AdapterHistory = field(default_factory=AdapterHistory)
    own: OwnSteps = field(default_factory=OwnSteps)
    powered_off_by_us: bool = False
    """A step has switched the adapter off and not yet on again."""
    sample: AdapterSample | None = None
    """What was seen last."""
    decision: Decision = field(default_factory=Decision)
    open_fault: Verdict | None = None
    """Fault that was told of and is not over; QUIET for what was not worth telling."""
    notice: Notice | None = None
    noticed_at: float | None = None
    """When what the notice says was last so."""
    has_given_up: bool = False
    """It was told that nothing is left to be tried, and nothing was since."""
    events: list[AdapterEvent] = field(default_factory=list)
    """What happened since it was last asked for."""

    @property
    def judgement(self) -> Judgement | None:
        """What was concluded from the last sample."""
        return self.memory.judgement

    def look(self, sample: AdapterSample, level: RecoveryLevel, now: datetime) -> bool:
        """Judge a further sample and decide what is to be done about it.

        Returns True if polls that failed may succeed from now on.
        """
        self.sample, before = sample, self.judgement
        self.memory, judgement = detect(self.memory, sample, self.own)
        works_again = self._compare(before, judgement, now)
        if self.own.running is not None:
            self.decision = Decision(hold=Hold.VERIFYING, tell=self.decision.tell)
            return works_again
        self._decide(sample, judgement, level)
        self._update_notice(sample, judgement, now)
        return works_again

    def begin_step(
        self, step: RecoveryStep, at: datetime, now: float, *, requested: bool
    ) -> None:
        """Take note that a step is being taken; one that the user asks for begins anew."""
        if requested:
            self.climb = self.climb.rested()
        running = RunningStep(step=step, at=at, begun_at=now, requested=requested)
        self.own = replace(self.own, running=running)
        self.has_given_up = False
        if step.is_reset:
            self.limiter = self.limiter.after_reset(now)
        self._tell(EventKind.STEP_STARTED, step)

    def end_step(
        self, now: float, result: StepResult, detail: str | None = None
    ) -> None:
        """Take note that the step is over: PENDING if its effect is to be seen."""
        running, judgement = self.own.running, self.judgement
        assert running is not None
        assert judgement is not None
        step = running.step
        self.own = replace(self.own, running=None, ended_at=now)
        self.history = self.history.adding(
            StepRecord(
                at=running.at,
                step=step,
                verdict=judgement.verdict,
                result=result,
                seconds=round(now - running.begun_at, 1),
                requested=running.requested,
                detail=detail,
            )
        )
        if result is StepResult.PENDING:
            self.climb = self.climb.after_step(step, judgement, now)
            return
        self.climb = self.climb.after_failed_step(step, judgement, now)
        self._tell(EventKind.STEP_FAILED, step, detail)

    def take_events(self) -> list[AdapterEvent]:
        """Hand over what happened since the last time."""
        events, self.events = self.events, []
        return events

    def _compare(
        self, before: Judgement | None, judgement: Judgement, now: datetime
    ) -> bool:
        """Note what has changed since the last sample, and tell whether things work again."""
        verdict = judgement.verdict
        if before is not None and before.verdict is verdict:
            return False
        self.history = self.history.adding(
            VerdictRecord(at=now, verdict=verdict, reason=judgement.reason)
        )
        if verdict is Verdict.OK:
            return self._note_end(before)
        if verdict.is_fault and judgement.in_use:
            if verdict is not self.open_fault:
                self.open_fault = verdict
                self._tell(EventKind.DETECTED, detail=judgement.reason)
        elif verdict.is_fault or verdict is Verdict.QUIET:
            self.open_fault = self.open_fault or Verdict.QUIET
        return before is not None and before.verdict is Verdict.BLUETOOTHD_HUNG

    def _note_end(self, before: Judgement | None) -> bool:
        """Note that nothing is wrong, and tell whether something was."""
        fault, self.open_fault = self.open_fault, None
        # A step that helped says so itself, once it is concluded.
        if fault is not None and fault.is_fault and self.history.awaited is None:
            self._tell(EventKind.RECOVERED)
        if fault is not None:
            return True
        has_started = before is not None and before.verdict is Verdict.STARTING
        links = self.sample.links if self.sample is not None else ()
        return has_started and any(link.failures for link in links)

    def _decide(
        self, sample: AdapterSample, judgement: Judgement, level: RecoveryLevel
    ) -> None:
        self.limiter = self.limiter.at(sample.at)
        awaited = self.history.awaited
        was_told_end = self.decision.tell and self.decision.is_end
        self.climb, result, self.decision = take_turn(
            self.climb,
            judgement,
            Situation(
                at=sample.at,
                level=level,
                host=sample.host,
                foreign_connections=len(sample.slots.foreign) if sample.slots else 0,
                management_socket=bool(sample.management_socket),
                limiter=self.limiter,
                awaited=awaited,
                stepped_at=self.own.ended_at,
                is_wanted_off=self.memory.power.is_wanted_off(
                    sample.at, self.climb.switched_on_at
                ),
            ),
        )
        if awaited is not None and result is not None:
            self._note_result(awaited.step, result)
        if self.decision.tell and self.decision.is_end and not was_told_end:
            if not self.has_given_up:
                self._tell(EventKind.GAVE_UP)
            self.has_given_up = True

    def _note_result(self, step: RecoveryStep, result: StepResult) -> None:
        self.history = self.history.concluding(result)
        if step.is_reset:
            recovered = result is StepResult.RECOVERED
            self.limiter = self.limiter.after_result(recovered=recovered)
        match result:
            case StepResult.RECOVERED:
                self._tell(EventKind.RECOVERED, step)
            case StepResult.NO_EFFECT:
                self._tell(EventKind.NO_EFFECT, step)
            case StepResult.ABORTED:
                self._tell(EventKind.STEP_FAILED, step)

    def _tell(
        self,
        kind: EventKind,
        step: RecoveryStep | None = None,
        detail: str | None = None,
    ) -> None:
        assert self.judgement is not None
        self.events.append(
            AdapterEvent(
                address=self.address,
                kind=kind,
                verdict=self.judgement.verdict,
                step=step,
                detail=detail,
            )
        )

    def _update_notice(
        self, sample: AdapterSample, judgement: Judgement, now: datetime
    ) -> None:
        if not self.decision.tell:
            if self._is_notice_over(sample, judgement):
                self.notice = None
                self.has_given_up = False
            return
        if not judgement.verdict.is_fault:
            # The effect of a step is not known yet: what was told still stands.
            return
        self.noticed_at = sample.at
        since = now - timedelta(seconds=round(sample.at - judgement.since))
        if self.notice is not None and abs(since - self.notice.since) <= SAME_MOMENT:
            since = self.notice.since
        self.notice = Notice(
            verdict=judgement.verdict,
            reason=judgement.reason,
            since=since,
            tried=self.climb.tried,
            remedies=remedies_for(
                judgement.verdict, management_socket=bool(sample.management_socket)
            ),
        )

    def _is_notice_over(self, sample: AdapterSample, judgement: Judgement) -> bool:
        """Whether the adapter is heard again, or nothing has been wrong for a while."""
        if (
            self.notice is None
            or self.noticed_at is None
            or judgement.verdict is Verdict.UNKNOWN
            or sample.at - self.noticed_at >= NOTICE_LINGERS
        ):
            return True
        return not judgement.verdict.is_fault and _was_heard(sample, self.noticed_at)


def _was_heard(sample: AdapterSample, since: float) -> bool:
    """Whether anything came through the adapter since; a mere start of the scan did not."""
    heard_at = latest(
        sample.scanner.heard_at if sample.scanner else None,
        *(at for link in sample.links for at in (link.heard_at, link.connected_at)),
    )
    return heard_at is not None and heard_at > since
