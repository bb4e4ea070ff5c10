# SPDX-License-Identifier: Apache-2.0
"""The policy keeps its limits whatever happens, and always comes to an end."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.adapter_health.climb import Climb
from custom_components.renogy_bt.adapter_health.history import StepRecord, StepResult
from custom_components.renogy_bt.adapter_health.ladder import (
    DISRUPTIVE_STEPS,
    NOTHING_WORKS,
    PLANS,
    RecoveryLevel,
    RecoveryStep,
)
from custom_components.renogy_bt.adapter_health.limits import RateLimiter
from custom_components.renogy_bt.adapter_health.policy import (
    Decision,
    Hold,
    Situation,
    take_turn,
)
from custom_components.renogy_bt.adapter_health.samples import (
    Evidence,
    HostState,
    Judgement,
    Reason,
    Verdict,
)
from tests.restart import after_restart

# As documented, not as the code has it.
EXPERIMENT_PAUSE = 21600.0
HOUR = 3600.0
RESETS_PER_HOUR = 10
RESTS = (1800.0, 7200.0, 21600.0)
SHORTEST_PAUSE = 60.0

REASONS = {
    Verdict.SILENT: [Reason.HEARD_ELSEWHERE, Reason.UNUSUAL_SILENCE],
    Verdict.QUIET: [Reason.UNEXPLAINED_SILENCE],
    Verdict.CONNECTS_FAILING: [
        Reason.CONNECTS_FAIL,
        Reason.STALE_LINK,
        Reason.SLOTS_FULL,
    ],
    Verdict.SESSION_LOST: [Reason.OWNER_CHANGED, Reason.NOT_DISCOVERING],
    Verdict.MISSING: [Reason.ADAPTER_GONE, Reason.ADAPTER_ZEROED],
    Verdict.HOME_ASSISTANT_SIDE: [Reason.ENTRY_FAILED, Reason.ENTRY_UNLOADED],
}


def judgement(
    verdict: Verdict,
    *,
    since: float = 0.0,
    evidence: Evidence = Evidence.CERTAIN,
    reason: Reason | None = None,
    severed: bool = False,
    in_use: bool = True,
) -> Judgement:
    """A judgement with the usual reason of its verdict."""
    return Judgement(
        verdict=verdict,
        since=since,
        evidence=evidence,
        reason=reason or REASONS.get(verdict, [Reason.WORKING])[0],
        severed=severed,
        in_use=in_use,
    )


OK = judgement(Verdict.OK)


def record(step: RecoveryStep, judged: Judgement) -> StepRecord:
    """What the history has of a step whose effect is not known yet."""
    return StepRecord(
        at=datetime(2026, 11, 23, tzinfo=UTC), step=step, verdict=judged.verdict
    )


class Climber:
    """A policy in use: takes the steps that it decides on."""

    def __init__(
        self, level: RecoveryLevel = RecoveryLevel.FULL, **situation: object
    ) -> None:
        """Start at the foot."""
        self.level = level
        self.situation = situation
        self.climb = Climb()
        self.limiter = RateLimiter()
        self.awaited: StepRecord | None = None
        self.stepped_at: float | None = None
        self.steps: list[tuple[float, RecoveryStep]] = []
        self.results: list[StepResult] = []

    def turn(self, at: float, judged: Judgement, **situation: object) -> Decision:
        """Look once and take the step that is decided on."""
        self.limiter = self.limiter.at(at)
        circumstances = Situation(
            at=at,
            level=self.level,
            limiter=self.limiter,
            awaited=self.awaited,
            stepped_at=self.stepped_at,
            **(self.situation | situation),  # type: ignore[arg-type]
        )
        self.climb, result, decision = take_turn(self.climb, judged, circumstances)
        if result is not None:
            self.results.append(result)
            self.awaited = None
            if self.steps and self.steps[-1][1].is_reset:
                recovered = result is StepResult.RECOVERED
                self.limiter = self.limiter.after_result(recovered=recovered)
        if decision.step is not None:
            self.steps.append((at, decision.step))
            if decision.step.is_reset:
                self.limiter = self.limiter.after_reset(at)
            self.climb = self.climb.after_step(decision.step, judged, at)
            self.awaited, self.stepped_at = record(decision.step, judged), at
        return decision

    @property
    def taken(self) -> list[RecoveryStep]:
        """The steps taken."""
        return [step for _, step in self.steps]


@st.composite
def judgements(draw: st.DrawFn) -> Judgement:
    """Any judgement that a detector can come to."""
    verdict = draw(st.sampled_from(Verdict))
    evidence = draw(st.sampled_from(Evidence))
    if verdict is not Verdict.QUIET and not verdict.is_fault:
        evidence = Evidence.NONE
    return judgement(
        verdict,
        evidence=evidence,
        reason=draw(st.sampled_from(REASONS.get(verdict, [Reason.WORKING]))),
        severed=draw(st.booleans()),
        in_use=draw(st.booleans()),
    )


LOOKS = st.lists(
    st.tuples(
        st.floats(1.0, 900.0),
        judgements(),
        st.sampled_from(HostState),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=120,
)


@settings(max_examples=150, deadline=None)
@given(LOOKS, st.sampled_from(RecoveryLevel), st.booleans())
def test_limits_hold_whatever_is_judged(
    looks: list[tuple[float, Judgement, HostState, int]],
    level: RecoveryLevel,
    socket: bool,
) -> None:
    """No history of verdicts leads to a forbidden step or to one too many."""
    climber = Climber(level, management_socket=socket)
    now = 0.0
    for passed, judged, host, foreign in looks:
        now += passed
        before = [at for at, step in climber.steps if step.is_reset]
        decision = climber.turn(now, judged, host=host, foreign_connections=foreign)
        step = decision.step
        if decision.tell:
            assert judged.in_use
            assert judged.verdict is not Verdict.QUIET
        if step is None:
            continue
        assert host is HostState.RUNNING
        assert judged.in_use
        assert judged.verdict.is_fault or judged.evidence is Evidence.WEAK
        assert level is not RecoveryLevel.OFF
        if step.is_reset:
            assert level is RecoveryLevel.FULL
            assert sum(now - at < HOUR - 1e-6 for at in before) < RESETS_PER_HOUR
            assert not before or now - before[-1] >= SHORTEST_PAUSE - 1e-6
        if step is RecoveryStep.FULL_RESET:
            assert socket
        if step in DISRUPTIVE_STEPS and foreign:
            assert judged.severed or judged.verdict in NOTHING_WORKS


@given(st.sampled_from([v for v in Verdict if v.is_fault]), st.booleans())
def test_every_climb_ends_with_telling(verdict: Verdict, socket: bool) -> None:
    """A fault that nothing cures is told, at the latest after the whole plan."""
    climber = Climber(management_socket=socket)
    judged = judgement(
        verdict, since=-1e4, reason=REASONS.get(verdict, [Reason.POWER_OFF])[0]
    )
    for turn in range(40):
        decision = climber.turn(turn * 120.0, judged)
        if decision.hold in (Hold.RESTING, Hold.LADDER_ENDED):
            break
    assert decision.tell
    assert len(climber.steps) <= len(PLANS.get(verdict, ())) + 1
    assert len(set(climber.taken)) == len(climber.taken)


def test_a_climb_in_vain_is_tried_again_after_growing_pauses() -> None:
    """After the end of the ladder come half an hour, two hours, six hours."""
    climber = Climber()
    for minute in range(60 * 24):
        climber.turn(minute * 60.0, judgement(Verdict.SILENT))
    first_steps = [
        at for at, step in climber.steps if step is RecoveryStep.RESTART_SCANNING
    ]
    pauses = [later - at for at, later in pairwise(first_steps)]
    expected = [*RESTS, RESTS[-1], RESTS[-1]][: len(pauses)]
    assert all(
        0 <= pause - rest < 600 for pause, rest in zip(pauses, expected, strict=True)
    )
    assert len(climber.steps) <= 12


def test_a_fault_that_returns_goes_on_where_the_climb_ended() -> None:
    """Within an hour the step that did not help is not tried again, the one that did is."""
    climber = Climber()
    climber.turn(0, judgement(Verdict.SILENT))
    climber.turn(40, judgement(Verdict.SILENT))
    climber.turn(80, OK)
    climber.turn(900, judgement(Verdict.SILENT))
    assert climber.taken == [
        RecoveryStep.RESTART_SCANNING,
        RecoveryStep.POWER_CYCLE,
        RecoveryStep.POWER_CYCLE,
    ]


def test_a_fault_that_returns_later_starts_gently() -> None:
    """After an hour in peace the ladder starts at its foot."""
    climber = Climber()
    climber.turn(0, judgement(Verdict.SILENT))
    climber.turn(40, judgement(Verdict.SILENT))
    for minute in range(2, 80):
        climber.turn(minute * 60.0, OK)
    climber.turn(5000, judgement(Verdict.SILENT))
    assert climber.taken[-1] is RecoveryStep.RESTART_SCANNING


def test_another_fault_after_a_recovery_starts_gently() -> None:
    """What did not help against one fault may help against another."""
    climber = Climber()
    climber.turn(0, judgement(Verdict.SILENT))
    climber.turn(40, judgement(Verdict.SILENT))
    climber.turn(80, OK)
    climber.turn(200, judgement(Verdict.SESSION_LOST))
    assert climber.taken[-1] is RecoveryStep.RESTART_SCANNING


def test_a_fault_that_turns_into_another_is_one_climb() -> None:
    """A reload that ends in a refused start goes on with a power cycle."""
    climber = Climber()
    climber.turn(0, judgement(Verdict.SESSION_LOST))
    climber.turn(40, judgement(Verdict.START_REFUSED))
    assert climber.taken == [RecoveryStep.RESTART_SCANNING, RecoveryStep.POWER_CYCLE]
    assert climber.results == [StepResult.NO_EFFECT]


def test_an_adapter_that_came_back_is_a_new_beginning() -> None:
    """After unplugging, nothing that was tried before counts, not even a rest."""
    climber = Climber()
    for minute in range(10):
        climber.turn(minute * 60.0, judgement(Verdict.SILENT))
    assert climber.climb.rest_until is not None
    climber.turn(700, judgement(Verdict.MISSING, since=650))
    climber.turn(
        900, judgement(Verdict.SESSION_LOST, since=890, reason=Reason.ADAPTER_RETURNED)
    )
    assert climber.taken[-1] is RecoveryStep.RESTART_SCANNING


def test_the_effect_of_a_step_is_awaited() -> None:
    """While it cannot be told whether a step helped, no further one is taken."""
    climber = Climber()
    climber.turn(0, judgement(Verdict.SILENT))
    settling = judgement(
        Verdict.STARTING, evidence=Evidence.NONE, reason=Reason.SETTLING
    )
    assert climber.turn(30, settling).hold is Hold.VERIFYING
    assert climber.turn(160, settling).hold is Hold.NOTHING_TO_DO
    assert climber.results == [StepResult.NO_EFFECT]


def test_a_gentle_step_is_not_repeated_without_pause() -> None:
    """A session that is lost again and again is reloaded with growing pauses."""
    climber = Climber()
    for second in range(0, 3600, 10):
        judged = judgement(Verdict.SESSION_LOST) if second % 20 else OK
        climber.turn(float(second), judged)
    assert 5 <= len(climber.steps) <= 9


def crashing(every: float, after_step: Judgement) -> Climber:
    """A policy while bluetoothd crashes for an hour, and what is judged after each step."""
    climber, lost = (
        Climber(),
        judgement(Verdict.SESSION_LOST, reason=Reason.OWNER_CHANGED),
    )
    at = 0.0
    while at < 3600:
        if climber.turn(at, lost, is_overtaken=True).step is not None:
            climber.turn(at + 1, after_step)
        at += every
    return climber


def test_each_crash_is_answered_where_that_helps() -> None:
    """A crash loses every scan, and a restart of the scan a minute is no harm then."""
    assert len(crashing(120.0, OK).steps) == 30
    times = [at for at, _ in crashing(5.0, OK).steps]
    assert min(after - before for before, after in pairwise(times[1:])) >= 60


def test_crashes_that_a_step_may_cause_are_answered_ever_more_seldom() -> None:
    """A bluetoothd that crashes before anything works again gets growing pauses."""
    starting = judgement(
        Verdict.STARTING, evidence=Evidence.NONE, reason=Reason.SETTLING
    )
    assert 5 <= len(crashing(120.0, starting).steps) <= 9


@pytest.mark.parametrize(
    ("level", "first"),
    [
        (RecoveryLevel.FULL, RecoveryStep.POWER_CYCLE),
        (RecoveryLevel.GENTLE, RecoveryStep.RESTART_SCANNING),
    ],
)
def test_a_kept_link_is_not_cut_for_what_was_tried_in_vain(
    level: RecoveryLevel, first: RecoveryStep
) -> None:
    """Home Assistant has restarted the scan itself; where a reset is not allowed it is tried."""
    _, _, decision = take_turn(
        Climb(),
        judgement(Verdict.SILENT),
        Situation(at=200.0, level=level, carries_kept_link=True),
    )
    assert decision.step is first
    _, _, decision = take_turn(
        Climb(), judgement(Verdict.SILENT), Situation(at=200.0, level=level)
    )
    assert decision.step is RecoveryStep.RESTART_SCANNING


def test_an_adapter_that_is_wanted_off_is_left_off() -> None:
    """Nothing is done against what somebody wants; when that is so, test_power.py says."""
    climber = Climber()
    off = judgement(Verdict.POWERED_OFF, reason=Reason.POWER_OFF)
    assert climber.turn(0, off, is_wanted_off=True) == Decision(
        hold=Hold.LADDER_ENDED, tell=True
    )
    assert climber.taken == []
    climber.turn(60, off)
    assert climber.taken == [RecoveryStep.POWER_CYCLE]


def test_after_a_step_that_could_not_be_carried_out_comes_the_next() -> None:
    """A step that failed rests while there is another one."""
    climb = Climb().after_failed_step(
        RecoveryStep.RESTART_SCANNING, judgement(Verdict.SILENT), 10.0
    )
    situation = Situation(at=20.0, level=RecoveryLevel.FULL)
    assert (
        take_turn(climb, judgement(Verdict.SILENT), situation)[2].step
        is RecoveryStep.POWER_CYCLE
    )


def test_a_step_that_cannot_be_carried_out_is_tried_again_and_again() -> None:
    """The pauses grow, it never counts as tried, and the third failure is told."""
    refused = judgement(Verdict.START_REFUSED)
    climb = Climb()
    taken: list[float] = []
    told: list[float] = []
    for at in map(float, range(0, 24 * 3600, 10)):
        situation = Situation(at=at, level=RecoveryLevel.FULL)
        climb, _, decision = take_turn(climb, refused, situation)
        if decision.tell and not told:
            told.append(at)
        if decision.step is not None:
            taken.append(at)
            climb = climb.after_failed_step(decision.step, refused, at)
    assert climb.tried == ()
    pauses = [after - before for before, after in pairwise(taken)]
    assert pauses[:6] == [60, 120, 240, *RESTS]
    assert set(pauses[6:]) <= {RESTS[-1]}
    assert taken[2] < told[0] < taken[3]


def test_failures_are_forgotten_with_their_fault() -> None:
    """A step that helps, another fault and the user's wish begin anew."""
    refused = judgement(Verdict.START_REFUSED)
    failed = Climb()
    for at in (0.0, 60.0, 180.0):
        failed = failed.after_failed_step(RecoveryStep.POWER_CYCLE, refused, at)
    situation = Situation(at=200.0, level=RecoveryLevel.FULL)
    decision = take_turn(failed, refused, situation)[2]
    assert (decision.hold, decision.tell) == (Hold.FAILING, True)
    assert (
        take_turn(failed.rested(), refused, situation)[2].step
        is RecoveryStep.POWER_CYCLE
    )
    helped = take_turn(
        failed.after_step(RecoveryStep.POWER_CYCLE, refused, 190.0),
        OK,
        replace(situation, awaited=record(RecoveryStep.POWER_CYCLE, refused)),
    )[0]
    assert (helped.failed, helped.failures) == ((), 0)
    missing = take_turn(failed, judgement(Verdict.MISSING), situation)[0]
    assert (missing.failed, missing.failures) == ((), 0)


def test_a_failed_experiment_is_no_experiment() -> None:
    """An experiment that could not be carried out is made up for within minutes."""
    silence = judgement(Verdict.QUIET, evidence=Evidence.WEAK)
    situation = Situation(at=150.0, level=RecoveryLevel.FULL)
    climb, _, decision = take_turn(Climb(), silence, situation)
    assert decision.step is RecoveryStep.POWER_CYCLE
    climb = climb.after_failed_step(RecoveryStep.POWER_CYCLE, silence, 150.0)
    for at, step in ((180.0, None), (210.0, RecoveryStep.POWER_CYCLE)):
        situation = Situation(at=at, level=RecoveryLevel.FULL)
        assert take_turn(climb, silence, situation)[2].step is step


def test_another_try_starts_at_the_foot() -> None:
    """When the user asks for another try, rests and failures are forgotten."""
    climber = Climber()
    for minute in range(10):
        climber.turn(minute * 60.0, judgement(Verdict.SILENT))
    climber.climb = climber.climb.rested()
    climber.turn(5000.0, judgement(Verdict.SILENT))
    assert climber.taken[-1] is RecoveryStep.RESTART_SCANNING


def test_experiments_are_rare() -> None:
    """One power cycle in a silence of weeks, never a notice."""
    climber = Climber()
    silence = judgement(Verdict.QUIET, evidence=Evidence.WEAK)
    decisions = [climber.turn(minute * 60.0, silence) for minute in range(60 * 24 * 21)]
    assert climber.taken == [RecoveryStep.POWER_CYCLE]
    assert not any(decision.tell for decision in decisions)


def test_gentle_recovery_does_not_experiment() -> None:
    """Restarting the scan, which Home Assistant does by itself, would bring nothing."""
    climber = Climber(RecoveryLevel.GENTLE)
    silence = judgement(Verdict.QUIET, evidence=Evidence.WEAK)
    decisions = [climber.turn(minute * 60.0, silence) for minute in range(60)]
    assert climber.taken == []
    assert not any(decision.tell for decision in decisions)


def test_a_new_silence_waits_for_the_pause_between_experiments() -> None:
    """A silence soon after the last experiment is not experimented on, even after a restart."""
    climber = Climber()
    silence = judgement(Verdict.QUIET, evidence=Evidence.WEAK)
    climber.turn(0, silence)
    assert climber.taken == [RecoveryStep.POWER_CYCLE]
    climber.turn(120, OK)
    climber.turn(120 + HOUR, OK)
    climber.climb = after_restart(
        AdapterHealth("", climb=climber.climb), stopped_at=3800.0, started_at=3800.0
    ).climb
    assert climber.turn(4000, silence, life_at=150.0).hold is Hold.RESTING
    decision = climber.turn(EXPERIMENT_PAUSE + 1, silence, life_at=150.0)
    assert decision.step is RecoveryStep.POWER_CYCLE


@pytest.mark.parametrize(
    ("reason", "at", "result"),
    [
        (Reason.ENTRY_DISABLED, 40, StepResult.ABORTED),
        (Reason.ENTRY_ABSENT, 40, StepResult.ABORTED),
        (Reason.SCANNER_UNKNOWN, 149, None),
        (Reason.SCANNER_UNKNOWN, 150, StepResult.UNCLEAR),
        (Reason.BUS_UNWATCHED, 150, StepResult.UNCLEAR),
    ],
)
def test_unknown_state_ends_a_step_without_a_result(
    reason: Reason, at: float, result: StepResult | None
) -> None:
    """A step is aborted if its entry is taken away, and unclear if nothing is told any more."""
    climber = Climber()
    climber.turn(0, judgement(Verdict.SILENT))
    climber.turn(at, judgement(Verdict.UNKNOWN, evidence=Evidence.NONE, reason=reason))
    assert climber.results == ([] if result is None else [result])
