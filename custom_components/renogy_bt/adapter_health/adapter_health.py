"""Health of one adapter: detector, ladder, limits and history put together, without I/O."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ..bluez.models import PowerFault
from .climb import Ladder
from .detector import detect
from .history import AdapterHistory, StepRecord, StepResult, VerdictRecord
from .ladder import Decision, Hold, RecoveryLevel, Situation, remedies_for, take_turn
from .limits import RateLimiter
from .memory import Memory
from .own_steps import RecoveryStep
from .samples import AdapterSample, Judgement, Verdict
from .status import AdapterEvent, EventKind, Notice

NOTICE_LINGERS = 90.0
"""A notice outlives its fault by so long while nothing is heard, s.

Home Assistant's own resets make a deaf adapter look well for some moments.
"""


@dataclass(slots=True)
class AdapterHealth:
    """What is known of one adapter and what has been done to it."""

    address: str
    memory: Memory = field(default_factory=Memory)
    ladder: Ladder = field(default_factory=Ladder)
    limiter: RateLimiter = field(default_factory=RateLimiter)
    history: AdapterHistory = field(default_factory=AdapterHistory)
    judgement: Judgement | None = None
    decision: Decision = field(default_factory=Decision)
    notice: Notice | None = None
    noticed_at: float | None = None
    """When what the notice says was last so."""
    has_given_up: bool = False
    """It was told that nothing is left to be tried, and nothing was since."""
    running: RecoveryStep | None = None
    stepped_at: float | None = None
    power_fault: PowerFault | None = None
    powered_off_by_us: bool = False
    """A step has switched the adapter off and not yet on again."""
    known_fault: Verdict | None = None
    """Fault that was last told of and is not over."""
    events: list[AdapterEvent] = field(default_factory=list)
    """What happened since it was last asked for."""

    def look(
        self, sample: AdapterSample, level: RecoveryLevel, now: datetime
    ) -> Decision:
        """Judge a further sample and decide what is to be done about it."""
        before = self.judgement
        self.memory, judgement = detect(self.memory, sample)
        self.judgement = judgement
        if before is None or before.verdict is not judgement.verdict:
            self._note_verdict(judgement, now)
        if self.running is not None:
            self.decision = Decision(hold=Hold.VERIFYING, tell=self.decision.tell)
            return self.decision
        self.limiter = self.limiter.at(sample.at)
        situation = Situation(
            at=sample.at,
            level=level,
            host=sample.host,
            foreign_connections=len(sample.slots.foreign) if sample.slots else 0,
            management_socket=sample.management_socket,
            limiter=self.limiter,
        )
        step = self.ladder.opened
        resting = self.decision.hold in (Hold.RESTING, Hold.LADDER_ENDED)
        self.ladder, result, self.decision = take_turn(
            self.ladder, judgement, situation
        )
        if result is not None and step is not None:
            self._note_result(step, result)
        if (
            not resting
            and not self.has_given_up
            and self.decision.tell
            and self.decision.hold
            in (
                Hold.RESTING,
                Hold.LADDER_ENDED,
            )
        ):
            self.has_given_up = True
            self._tell(EventKind.GAVE_UP)
        self._update_notice(sample, judgement, now)
        return self.decision

    def begin_step(self, step: RecoveryStep, now: float) -> None:
        """Take note that a step is being taken."""
        self.running = step
        self.has_given_up = False
        if step.is_reset:
            self.limiter = self.limiter.after_reset(now)
        self._tell(EventKind.STEP_STARTED, step)

    def end_step(
        self,
        step: RecoveryStep,
        begun: datetime,
        now: float,
        seconds: float,
        *,
        requested: bool,
        failure: str | None = None,
        aborted: bool = False,
    ) -> None:
        """Take note that a step is over, and of why it could not be carried out if so."""
        assert self.judgement is not None
        self.running = None
        self.stepped_at = now
        result = StepResult.PENDING
        if aborted:
            result = StepResult.ABORTED
        elif failure is not None:
            result = StepResult.FAILED
        self.history = self.history.adding(
            StepRecord(
                at=begun,
                step=step,
                verdict=self.judgement.verdict,
                result=result,
                seconds=round(seconds, 1),
                requested=requested,
                detail=failure,
            )
        )
        if failure is None and not aborted:
            self.ladder = self.ladder.with_step(step, self.judgement, now)
            return
        self.ladder = self.ladder.with_failed_step(step, self.judgement, now)
        self._tell(EventKind.STEP_FAILED, step, failure)

    def try_again(self) -> None:
        """Forget rests and vain attempts, because the user asks for a step."""
        self.ladder = self.ladder.rested()

    def take_events(self) -> list[AdapterEvent]:
        """Hand over what happened since the last time."""
        events, self.events = self.events, []
        return events

    def _note_verdict(self, judgement: Judgement, now: datetime) -> None:
        self.history = self.history.adding(
            VerdictRecord(at=now, verdict=judgement.verdict, reason=judgement.reason)
        )
        if judgement.verdict.is_fault and judgement.in_use:
            if judgement.verdict is not self.known_fault:
                self.known_fault = judgement.verdict
                self._tell(EventKind.DETECTED, detail=judgement.reason)
        elif judgement.verdict is Verdict.OK:
            # A step that helped says so itself, once it is concluded.
            if self.known_fault is not None and self.ladder.opened is None:
                self._tell(EventKind.RECOVERED)
            self.known_fault = None

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
            case _:
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
        until = self.decision.until
        next_try = None
        if until is not None and self.decision.hold in (
            Hold.RESTING,
            Hold.FAILING,
            Hold.LIMIT,
        ):
            next_try = now + timedelta(seconds=round(until - sample.at))
        since = now - timedelta(seconds=round(sample.at - judgement.since))
        notice = Notice(
            verdict=judgement.verdict,
            reason=judgement.reason,
            since=since,
            tried=self.ladder.tried,
            remedies=remedies_for(
                judgement, management_socket=sample.management_socket
            ),
            next_try=next_try,
        )
        self.notice = _unless_same(self.notice, notice)

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
    times = [
        at
        for link in sample.links
        for at in (link.heard_at, link.connected_at)
        if at is not None
    ]
    scanner = sample.scanner
    if scanner is not None and scanner.last_detection > scanner.start_time:
        times.append(scanner.last_detection)
    return max(times, default=since) > since


def _unless_same(before: Notice | None, notice: Notice) -> Notice:
    """The notice as it was, if only the rounding of its times differs."""
    if before is None:
        return notice
    steady = replace(notice, since=before.since, next_try=before.next_try)
    moved = abs((notice.since - before.since).total_seconds()) > 5
    if notice.next_try is not None and before.next_try is not None:
        moved = moved or abs((notice.next_try - before.next_try).total_seconds()) > 5
    else:
        moved = moved or notice.next_try is not before.next_try
    return notice if moved or steady != before else before
