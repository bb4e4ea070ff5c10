# SPDX-License-Identifier: Apache-2.0
"""Every limit of time of the policy, not before and not after: the numbers are those of the docs."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from custom_components.renogy_bt.adapter_health.climb import Climb, result_of_step
from custom_components.renogy_bt.adapter_health.history import StepRecord, StepResult
from custom_components.renogy_bt.adapter_health.ladder import (
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
    Judgement,
    Reason,
    Verdict,
)
from tests.health_months.radio import Link
from tests.health_months.simulation import Place

from .test_policy import OK, judgement

HOUR = 3600.0
SILENT = judgement(Verdict.SILENT)
FAILING = judgement(Verdict.CONNECTS_FAILING)
QUIET = judgement(Verdict.QUIET, evidence=Evidence.WEAK)
LOST = judgement(Verdict.SESSION_LOST, reason=Reason.NOT_DISCOVERING)

OWN_LINKS, RESTART, POWER_CYCLE, FULL_RESET = RecoveryStep
BEFORE = 0.5
"""So long before its time is over something is not so yet, s."""


def decided(climb: Climb, judged: Judgement, at: float, **more: object) -> Decision:
    """Return what is decided at a time where everything is allowed."""
    situation = Situation(at=at, level=RecoveryLevel.FULL, **more)  # type: ignore[arg-type]
    return take_turn(climb, judged, situation)[2]


def awaited(step: RecoveryStep, judged: Judgement) -> StepRecord:
    """Return a step whose effect is not known yet."""
    return StepRecord(
        at=datetime(2026, 11, 23, tzinfo=UTC), step=step, verdict=judged.verdict
    )


@pytest.mark.parametrize(
    ("evidence", "tried", "step", "age"),
    [
        (Evidence.WEAK, (OWN_LINKS,), RESTART, 120.0),
        (Evidence.WEAK, (OWN_LINKS, RESTART), POWER_CYCLE, 210.0),
        (Evidence.WEAK, (OWN_LINKS, RESTART, POWER_CYCLE), FULL_RESET, 300.0),
        (Evidence.CERTAIN, (OWN_LINKS, RESTART), POWER_CYCLE, 210.0),
    ],
)
def test_the_age_that_a_fault_must_have_before_a_step(
    evidence: Evidence,
    tried: tuple[RecoveryStep, ...],
    step: RecoveryStep,
    age: float,
) -> None:
    """Connections that fail are given time before everybody's are cut."""
    climb = Climb(against=Verdict.CONNECTS_FAILING, tried=tried)
    judged = replace(FAILING, since=1000.0, evidence=evidence)
    early = decided(climb, judged, 1000.0 + age - BEFORE, management_socket=True)
    assert (early.step, early.hold) == (None, Hold.EVIDENCE)
    assert early.until == 1000.0 + age
    assert decided(climb, judged, 1000.0 + age, management_socket=True).step is step


def test_certain_failures_wait_for_nothing_else() -> None:
    """Only a power cycle, and only where connections fail, has to wait for the age of its fault."""
    for tried, step in (((), OWN_LINKS), ((OWN_LINKS,), RESTART)):
        climb = Climb(against=Verdict.CONNECTS_FAILING, tried=tried)
        assert decided(climb, FAILING, 0.0).step is step
    most = Climb(
        against=Verdict.CONNECTS_FAILING, tried=(OWN_LINKS, RESTART, POWER_CYCLE)
    )
    assert decided(most, FAILING, 0.0, management_socket=True).step is FULL_RESET
    cut = Climb(against=Verdict.SESSION_LOST, tried=(RESTART,))
    assert decided(cut, LOST, 0.0).step is POWER_CYCLE


@pytest.mark.parametrize(
    ("judged", "climbs", "rest"),
    [
        (SILENT, 0, 0.5 * HOUR),
        (SILENT, 1, 2 * HOUR),
        (SILENT, 2, 6 * HOUR),
        (SILENT, 9, 6 * HOUR),
        (FAILING, 0, 6 * HOUR),
        (FAILING, 1, 24 * HOUR),
        (FAILING, 2, 72 * HOUR),
        (FAILING, 9, 72 * HOUR),
    ],
)
def test_the_rest_after_a_climb_in_vain(
    judged: Judgement, climbs: int, rest: float
) -> None:
    """The ladder is at rest until then, and begins again at its foot."""
    tried = (OWN_LINKS, RESTART, POWER_CYCLE)
    climb = Climb(against=judged.verdict, tried=tried, climbs=climbs)
    situation = Situation(at=1000.0, level=RecoveryLevel.FULL)
    climb, _, decision = take_turn(climb, judged, situation)
    resting = Decision(hold=Hold.RESTING, until=1000.0 + rest, tell=True)
    assert decision == resting
    assert climb.climbs == climbs + 1
    assert decided(climb, judged, 1000.0 + rest - BEFORE) == resting
    again = decided(climb, judged, 1000.0 + rest)
    assert again.step is (RESTART if judged is SILENT else OWN_LINKS)
    assert not again.tell


def test_the_pause_between_experiments_in_two_silences() -> None:
    """Six hours, if the adapter has been heard since; in one silence there is no second one."""
    climb = Climb().after_step(POWER_CYCLE, QUIET, 1000.0)
    pause = 6 * HOUR
    early = decided(climb, QUIET, 1000.0 + pause - BEFORE, life_at=1001.0)
    assert early == Decision(hold=Hold.RESTING, until=1000.0 + pause)
    assert decided(climb, QUIET, 1000.0 + pause, life_at=1001.0).step is POWER_CYCLE
    for life_at in (None, 999.0, 1000.0):
        late = decided(climb, QUIET, 1000.0 + 100 * pause, life_at=life_at)
        assert late == Decision(hold=Hold.RESTING)


@pytest.mark.parametrize(
    ("failures", "pause"),
    [
        (1, 60.0),
        (2, 120.0),
        (3, 240.0),
        (4, 0.5 * HOUR),
        (5, 2 * HOUR),
        (6, 6 * HOUR),
        (7, 6 * HOUR),
    ],
)
def test_the_pause_after_steps_that_could_not_be_carried_out(
    failures: int, pause: float
) -> None:
    """It grows with their number; the third failure is told."""
    refused = judgement(Verdict.START_REFUSED)
    climb = Climb(
        against=Verdict.START_REFUSED,
        failed=(POWER_CYCLE,),
        failures=failures,
        failed_at=1000.0,
    )
    assert decided(climb, refused, 1000.0 + pause - BEFORE) == Decision(
        hold=Hold.FAILING, until=1000.0 + pause, tell=failures >= 3
    )
    assert decided(climb, refused, 1000.0 + pause).step is POWER_CYCLE


def test_connections_of_others_are_waited_for_ten_minutes_before_that_is_told() -> None:
    """Until then nobody is told, and the time is known; after that nothing is waited for."""
    judged = replace(SILENT, since=1000.0)
    early = decided(Climb(), judged, 1600.0 - BEFORE, foreign_connections=1)
    assert early == Decision(hold=Hold.OTHERS_CONNECTED, until=1600.0)
    late = decided(Climb(), judged, 1600.0, foreign_connections=1)
    assert late == Decision(hold=Hold.OTHERS_CONNECTED, tell=True)
    tried = Climb(against=Verdict.SILENT, tried=(RESTART,))
    told = decided(tried, judged, 1001.0, foreign_connections=1)
    assert told == Decision(hold=Hold.OTHERS_CONNECTED, until=1600.0, tell=True)


def test_what_needs_no_sparing() -> None:
    """Connections of others count where a step ends them, and something is left of them."""
    severed = replace(SILENT, severed=True)
    assert decided(Climb(), severed, 0.0, foreign_connections=1).step is RESTART
    off = judgement(Verdict.POWERED_OFF, reason=Reason.POWER_OFF)
    assert decided(Climb(), off, 0.0, foreign_connections=1).step is POWER_CYCLE
    without = {"foreign_connections": 1, "has_scanner": False}
    assert decided(Climb(), SILENT, 0.0, **without).step is RESTART
    tried = Climb(against=Verdict.SILENT, tried=(RESTART,))
    assert decided(tried, SILENT, 0.0, **without).hold is Hold.OTHERS_CONNECTED
    assert decided(Climb(), FAILING, 0.0, foreign_connections=1).step is OWN_LINKS


@pytest.mark.parametrize(("wait", "is_told"), [(300.0, False), (300.5, True)])
def test_a_long_wait_for_the_limits_is_told(wait: float, is_told: bool) -> None:
    """From five minutes on; the step comes when the wait is over."""
    tried = Climb(against=Verdict.SESSION_LOST)
    refused = judgement(Verdict.START_REFUSED)
    limiter = RateLimiter(ages=(960.0 - wait,), failures=4, looked_at=1000.0)
    assert decided(tried, refused, 1000.0, limiter=limiter) == Decision(
        hold=Hold.LIMIT, until=1000.0 + wait, tell=is_told
    )
    for passed, step in ((wait - BEFORE, None), (wait, POWER_CYCLE)):
        # A look credits five minutes at most.
        later = limiter.at(1000.0 + passed / 2).at(1000.0 + passed)
        assert decided(tried, refused, 1000.0 + passed, limiter=later).step is step


@pytest.mark.parametrize(
    ("steps", "pause"),
    [
        ((1000.0,), 30.0),
        ((900.0, 1000.0), 60.0),
        ((800.0, 900.0, 1000.0), 120.0),
        ((1000.0 - HOUR + 29.0, 1000.0), 60.0),
        ((1000.0 - HOUR + 60.0, 1000.0), 60.0),
        ((1000.0 - HOUR, 1000.0), 30.0),
    ],
)
def test_the_pause_between_gentle_steps(steps: tuple[float, ...], pause: float) -> None:
    """Half a minute, doubled by each further one of the last hour."""
    climb = Climb(against=Verdict.SESSION_LOST, gentle_steps=steps)
    if steps[0] + HOUR < 1000.0 + pause:
        # By then the older one is no longer of the last hour.
        pause = steps[0] + HOUR - 1000.0
        pause = max(pause, 30.0)
    early = decided(climb, LOST, 1000.0 + pause - BEFORE)
    assert (early.step, early.hold) == (None, Hold.LIMIT)
    assert decided(climb, LOST, 1000.0 + pause).step is RESTART


def test_a_clock_that_was_set_back_keeps_no_gentle_step_waiting() -> None:
    """A step of the future is none of the last hour."""
    climb = Climb(against=Verdict.SESSION_LOST, gentle_steps=(5000.0,))
    assert decided(climb, LOST, 1000.0).step is RESTART
    kept = climb.after_step(RESTART, LOST, 1000.0)
    assert kept.gentle_steps == (1000.0,)
    later = kept.after_step(RESTART, LOST, 1000.0 + HOUR - BEFORE)
    assert later.gentle_steps == (1000.0, 1000.0 + HOUR - BEFORE)
    assert kept.after_step(RESTART, LOST, 1000.0 + HOUR).gentle_steps == (4600.0,)


@pytest.mark.parametrize(
    ("judged", "at_once", "later"),
    [
        (OK, StepResult.RECOVERED, StepResult.RECOVERED),
        (SILENT, StepResult.NO_EFFECT, StepResult.NO_EFFECT),
        (replace(SILENT, standing=True), None, StepResult.NO_EFFECT),
        (judgement(Verdict.STARTING), None, StepResult.NO_EFFECT),
        (judgement(Verdict.UNKNOWN), None, StepResult.UNCLEAR),
        (judgement(Verdict.BUS_LOST), StepResult.ABORTED, StepResult.ABORTED),
        (judgement(Verdict.BLUETOOTHD_DOWN), StepResult.ABORTED, StepResult.ABORTED),
    ],
)
def test_the_effect_of_a_step_is_awaited_for_two_and_a_half_minutes(
    judged: Judgement, at_once: StepResult | None, later: StepResult
) -> None:
    """What is certain is known at once; what may still change is believed then, not before."""
    for taken_under in (Verdict.SESSION_LOST, Verdict.CONNECTS_FAILING):
        assert result_of_step(taken_under, judged, 0.0) is at_once
        assert result_of_step(taken_under, judged, 150.0 - BEFORE) is at_once
        assert result_of_step(taken_under, judged, 150.0) is later


@pytest.mark.parametrize("evidence", [Evidence.NONE, Evidence.WEAK])
def test_a_silence_that_is_called_quiet_after_a_step_is_no_recovery(
    evidence: Evidence,
) -> None:
    """Silence that is left was not mended; after another fault that is to be awaited."""
    quiet = judgement(Verdict.QUIET, evidence=evidence)
    for silence in (Verdict.SILENT, Verdict.QUIET):
        assert result_of_step(silence, quiet, 0.0) is StepResult.NO_EFFECT
    for fault in (Verdict.SESSION_LOST, Verdict.START_REFUSED, Verdict.POWERED_OFF):
        assert result_of_step(fault, quiet, 150.0 - BEFORE) is None
        assert result_of_step(fault, quiet, 150.0) is StepResult.NO_EFFECT
    climb = Climb().after_step(RESTART, SILENT, 100.0)
    situation = Situation(
        at=140.0,
        level=RecoveryLevel.FULL,
        awaited=awaited(RESTART, SILENT),
        stepped_at=100.0,
    )
    climb, result, decision = take_turn(climb, quiet, situation)
    assert result is StepResult.NO_EFFECT
    if evidence is Evidence.NONE:
        assert (climb.tried, decision.step) == ((RESTART,), None)
    else:
        # Such a silence is worth an experiment, whatever was tried against the fault.
        assert decision.step is POWER_CYCLE


def test_a_step_whose_effect_does_not_show_is_followed_by_the_next() -> None:
    """Up to its limit nothing else is done; then it has not helped, and the climb goes on."""
    standing = replace(LOST, standing=True)
    step = {"awaited": awaited(RESTART, LOST), "stepped_at": 1000.0}
    climb = Climb().after_step(RESTART, LOST, 1000.0)
    early = decided(climb, standing, 1150.0 - BEFORE, **step)
    assert early == Decision(hold=Hold.VERIFYING)
    situation = Situation(at=1150.0, level=RecoveryLevel.FULL, **step)  # type: ignore[arg-type]
    climb, result, late = take_turn(climb, standing, situation)
    assert result is StepResult.NO_EFFECT
    assert (late.hold, late.tell) == (Hold.EVIDENCE, True)
    assert decided(climb, LOST, 1151.0).step is POWER_CYCLE


@pytest.mark.parametrize(("calm", "tried"), [(HOUR - BEFORE, (RESTART,)), (HOUR, ())])
def test_a_relapse_within_the_hour_goes_on_with_what_was_not_tried(
    calm: float, tried: tuple[RecoveryStep, ...]
) -> None:
    """After an hour in peace what was tried is forgotten, and not before."""
    climb = Climb(against=Verdict.SILENT, tried=(RESTART,), climbs=2, rest_until=9e9)
    climb = climb.under(OK, 1000.0, None)
    assert (climb.climbs, climb.rest_until, climb.calm_since) == (0, None, 1000.0)
    climb = climb.under(OK, 1000.0 + calm, None)
    assert climb.tried == tried
    climb = climb.under(SILENT, 1000.0 + calm + 1.0, None)
    assert climb.tried == tried
    assert climb.calm_since is None
    step = POWER_CYCLE if tried else RESTART
    assert decided(climb, SILENT, 1000.0 + calm + 2.0).step is step


def test_what_begins_anew_soon_after_a_step_is_no_new_beginning() -> None:
    """A step takes things away itself; what changes two minutes later changed without it."""
    climb = Climb(against=Verdict.SESSION_LOST, tried=(RESTART,))
    returned = judgement(Verdict.SESSION_LOST, reason=Reason.ADAPTER_RETURNED)
    soon = replace(returned, since=1120.0)
    assert climb.under(soon, 1130.0, 1000.0).tried == (RESTART,)
    assert climb.under(soon, 1130.0, None).tried == (RESTART,)
    later = replace(returned, since=1120.0 + BEFORE)
    assert climb.under(later, 1130.0, 1000.0).tried == ()


def test_another_try_on_request_does_not_leave_the_ladder_at_rest() -> None:
    """Who asks for a step gets the whole ladder after it, as if nothing had been tried."""
    place = Place(links=[Link()])
    place.run(60.0)
    worn = Climb(
        against=Verdict.SILENT,
        tried=(RESTART, POWER_CYCLE),
        failed=(FULL_RESET,),
        failures=2,
        failed_at=900.0,
        climbs=3,
        rest_until=1e6,
    )
    place.health.climb = worn
    for requested, climb in ((False, worn), (True, Climb(against=Verdict.SILENT))):
        place.health.begin_step(
            POWER_CYCLE, place.moment(), place.now, requested=requested
        )
        assert replace(place.health.climb, failed_at=None) == replace(
            climb, failed_at=None
        )


def test_resets_of_the_last_hour() -> None:
    """Ten, not nine and not eleven, make the next one wait until the first is an hour old."""
    nine = RateLimiter(ages=tuple(range(900, 0, -100)), looked_at=0.0)
    assert nine.wait == 0.0
    ten = replace(nine, ages=(1000.0, *nine.ages))
    assert ten.wait == ten.wait_on_request == HOUR - 1000.0
    eleven = replace(ten, ages=(1100.0, *ten.ages))
    assert eleven.wait == HOUR - 1000.0
    assert RateLimiter(ages=(HOUR - 1.0,), looked_at=0.0).at(0.5).ages == (3599.5,)
    assert RateLimiter(ages=(HOUR - 1.0,), looked_at=0.0).at(1.0).ages == ()


def test_the_pause_between_two_resets() -> None:
    """A minute, doubled by each one in vain; who asks for one waits for the minute alone."""
    limiter = RateLimiter(ages=(59.5,), looked_at=0.0)
    assert (limiter.wait, limiter.wait_on_request) == (0.5, 0.5)
    assert limiter.at(0.5).wait == 0.0
    twice = replace(limiter, failures=1)
    assert (twice.wait, twice.wait_on_request) == (60.5, 0.5)


def test_how_much_time_a_look_at_the_clock_credits() -> None:
    """Five minutes at most, and none where there was no look before."""
    limiter = RateLimiter(ages=(0.0,), looked_at=1000.0)
    for passed, credited in ((-5.0, 0.0), (299.0, 299.0), (300.0, 300.0), (301, 300.0)):
        assert limiter.at(1000.0 + passed).ages == (credited,)
    assert replace(limiter, looked_at=None).at(1000.0).ages == (0.0,)
    assert replace(limiter, looked_at=None).at(1000.0).looked_at == 1000.0
    assert limiter.at(float("inf")) == limiter
