# SPDX-License-Identifier: Apache-2.0
"""Health of one adapter: detector, ladder, limits and history put together, without I/O."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from .climb import Climb
from .detector import detect
from .direct import by_its_path
from .events import EventBudget
from .history import (
    AdapterHistory,
    OwnSteps,
    RunningStep,
    StepRecord,
    StepResult,
    VerdictRecord,
)
from .ladder import RecoveryLevel, RecoveryStep, plan_for, remedies_for
from .limits import RateLimiter
from .memory import Memory
from .notices import Notices
from .policy import Decision, Hold, Situation, take_turn
from .recurrence import Recurrence
from .samples import AdapterSample, Judgement, Verdict, latest
from .status import AdapterEvent, EventKind, Notice
from .timeline import Look, State, StepBegun, StepEnded, Timeline
from .troubles import Fault, Trouble, trouble_of

STATE = (
    *("memory", "climb", "limiter", "history", "own", "decision", "open_fault"),
    *("open_trouble", "recurrence", "notices", "budget", "has_given_up"),
)
"""What of an adapter's health a look goes by; each part is immutable."""


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
    open_trouble: Trouble | None = None
    """What kind of trouble that fault is."""
    recurrence: Recurrence = field(default_factory=Recurrence)
    notices: Notices = field(default_factory=Notices)
    budget: EventBudget = field(default_factory=EventBudget)
    has_given_up: bool = False
    """It was told in this trouble that nothing is left to be tried."""
    events: list[AdapterEvent] = field(default_factory=list)
    """What happened since it was last asked for."""
    timeline: Timeline = field(default_factory=Timeline, compare=False)
    """What all this was concluded from."""

    @property
    def judgement(self) -> Judgement | None:
        """What was concluded from the last sample."""
        return self.memory.judgement

    @property
    def notice(self) -> Notice | None:
        """What the user is told."""
        return self.notices.notice

    @property
    def state(self) -> State:
        """What another look goes by, besides what it sees."""
        return {name: getattr(self, name) for name in STATE}

    def look(self, sample: AdapterSample, level: RecoveryLevel, now: datetime) -> bool:
        """Judge a further sample and decide what is to be done about it.

        Returns True if polls that failed may succeed from now on.
        """
        self.timeline.begin(sample.at, lambda: self.state)
        works_again = self._look(sample, level, now)
        assert self.judgement is not None
        self.timeline.looked(
            Look(
                sample=sample,
                own=self.own,
                level=level,
                at=now,
                verdict=self.judgement.verdict,
                reason=self.judgement.reason,
                step=self.decision.step,
            )
        )
        return works_again

    def _look(self, sample: AdapterSample, level: RecoveryLevel, now: datetime) -> bool:
        sample = by_its_path(sample, was_direct=self.memory.is_direct)
        self.sample, before = sample, self.judgement
        self.memory, judgement = detect(self.memory, sample, self.own)
        self.recurrence = self.recurrence.after_look(
            sample, self.memory.life_at, self._reset_at(sample)
        )
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
        self.timeline.stepped(StepBegun(step, at, now, requested))
        running = RunningStep(step=step, at=at, begun_at=now, requested=requested)
        self.own = replace(self.own, running=running)
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
        self.timeline.stepped(StepEnded(now, result, detail))
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
            if step.is_reset and judgement.verdict is Verdict.POWERED_OFF:
                self.own = replace(self.own, switched_on_at=now)
            self.climb = self.climb.after_step(step, judgement, now)
            return
        self.climb = self.climb.after_failed_step(step, judgement, now)
        self._tell(EventKind.STEP_FAILED, step, detail)

    def take_events(self) -> list[AdapterEvent]:
        """Hand over what happened since the last time."""
        events, self.events = self.events, []
        return events

    def _reset_at(self, sample: AdapterSample) -> float | None:
        """When the last step was a reset: when that ended, or now if it still goes on."""
        if self.own.running is not None:
            return sample.at if self.own.running.step.is_reset else None
        step = self.history.last_step
        return self.own.ended_at if step is not None and step.step.is_reset else None

    def _is_overtaken(self, sample: AdapterSample) -> bool:
        """Whether bluetoothd or the adapter has begun anew since the last step began."""
        step, ended_at = self.history.last_step, self.own.ended_at
        if step is None or ended_at is None:
            return False
        anew_at = sample.bus.owner_changed_at
        # A full reset takes the adapter away itself.
        if sample.adapter is not None and step.step is not RecoveryStep.FULL_RESET:
            anew_at = latest(anew_at, sample.adapter.appeared_at)
        return anew_at is not None and anew_at >= ended_at - step.seconds

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
            trouble = trouble_of(verdict, judgement.reason)
            if trouble is not self.open_trouble:
                self._tell_detected(trouble, judgement)
            self.open_fault, self.open_trouble = verdict, trouble
        elif verdict.is_fault or verdict is Verdict.QUIET:
            self.open_fault = self.open_fault or Verdict.QUIET
        return before is not None and before.verdict is Verdict.BLUETOOTHD_HUNG

    def _note_end(self, before: Judgement | None) -> bool:
        """Note that nothing is wrong, and tell whether something was."""
        fault, self.open_fault, self.open_trouble = self.open_fault, None, None
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
                foreign_connections=len(sample.slots.foreign)
                if sample.slots
                else sample.others_connected,
                has_scanner=sample.scanner is not None,
                management_socket=bool(sample.management_socket),
                is_direct=sample.is_direct,
                has_twin=sample.has_twin,
                limiter=self.limiter,
                awaited=awaited,
                stepped_at=self.own.ended_at,
                is_wanted_off=self.memory.power.is_wanted_off(
                    sample.at, self.own.switched_on_at
                ),
                is_overtaken=self._is_overtaken(sample),
                life_at=self.memory.life_at,
                carries_kept_link=self._carries_kept_link(sample),
            ),
        )
        if awaited is not None and result is not None:
            self._note_result(awaited.step, result, requested=awaited.requested)
        if self.decision.tell and self.decision.is_end and not was_told_end:
            if not self.has_given_up:
                self._tell(EventKind.GAVE_UP)
            self.has_given_up = True

    def _carries_kept_link(self, sample: AdapterSample) -> bool:
        """Whether a link is read since the scan was last started, which hears nothing."""
        started_at = self.memory.scan_started_at
        return started_at is not None and any(
            not link.failures and (link.used_at or 0.0) > started_at
            for link in sample.links
        )

    def _note_result(
        self, step: RecoveryStep, result: StepResult, *, requested: bool
    ) -> None:
        self.history = self.history.concluding(result)
        if step.is_reset:
            recovered = result is StepResult.RECOVERED
            self.limiter = self.limiter.after_result(recovered=recovered)
        match result:
            case StepResult.RECOVERED:
                self._tell(EventKind.RECOVERED, step)
                if requested:
                    self.notices = self.notices.solved()
            case StepResult.NO_EFFECT:
                self._tell(EventKind.NO_EFFECT, step)
            case _:
                # Nothing can be said of a step that something else has overtaken.
                pass

    def _tell(
        self,
        kind: EventKind,
        step: RecoveryStep | None = None,
        detail: str | None = None,
    ) -> None:
        assert self.judgement is not None
        assert self.sample is not None
        self.budget, is_told = self.budget.happened(kind, self.sample.at)
        if not is_told:
            return
        self.events.append(
            AdapterEvent(
                address=self.address,
                kind=kind,
                verdict=self.judgement.verdict,
                step=step,
                detail=detail,
            )
        )

    def _tell_detected(self, trouble: Trouble, judgement: Judgement) -> None:
        assert self.sample is not None
        self.budget, kind = self.budget.detected(trouble, self.sample.at)
        if kind is None:
            return
        recurring = kind is EventKind.RECURRING
        self.events.append(
            AdapterEvent(
                address=self.address,
                kind=kind,
                verdict=judgement.verdict,
                detail=judgement.reason,
                count=len(self.budget.detections) if recurring else None,
            )
        )

    def _update_notice(
        self, sample: AdapterSample, judgement: Judgement, now: datetime
    ) -> None:
        fault = self._fault(sample, judgement)
        if fault is None:
            self.notices = self.notices.without_fault(judgement, sample.at)
            self.has_given_up = self.has_given_up and self.notices.is_troubled
            return
        self.notices = self.notices.in_trouble(fault)
        if not self.decision.tell and not fault.count:
            return
        if judgement.standing and self.notice is None and _are_read(sample):
            # Whether that lasts is still to be seen, but nobody has to do anything now.
            return
        decision, tried = self.decision, self.climb.tried
        nothing_helps = decision.is_end and (bool(tried) or not plan_for(judgement))
        notice = Notice(
            trouble=fault.trouble,
            verdict=fault.verdict,
            reason=fault.reason,
            since=now - timedelta(seconds=round(sample.at - fault.since)),
            tried=tried,
            remedies=remedies_for(
                fault.verdict,
                fault.reason,
                management_socket=bool(sample.management_socket),
                has_twin=sample.has_twin,
            ),
            count=fault.count,
        )
        self.notices = self.notices.telling(
            notice, sample.at, is_end=nothing_helps or bool(fault.count)
        )

    def _fault(self, sample: AdapterSample, judgement: Judgement) -> Fault | None:
        """What is wrong, if anything is: what comes again and again before what is so now."""
        if not judgement.in_use:
            return None
        recurring = self.recurrence.fault(sample.at)
        if recurring is not None or not judgement.verdict.is_fault:
            return recurring
        return Fault(
            verdict=judgement.verdict, reason=judgement.reason, since=judgement.since
        )


def _are_read(sample: AdapterSample) -> bool:
    """Whether the last poll of every polled link succeeded, and there is one."""
    polled = [link for link in sample.links if link.polled]
    return bool(polled) and not any(link.failures for link in polled)
