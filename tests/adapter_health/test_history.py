# SPDX-License-Identifier: Apache-2.0
"""The history of verdicts and steps."""

from datetime import UTC, datetime, timedelta

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.adapter_health.history import (
    AdapterHistory,
    StepRecord,
    StepResult,
    VerdictRecord,
)
from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.samples import Reason, Verdict
from tests.histories import steps_in
from tests.restart import after_restart

# As documented, not as the code has it.
CAPACITY = 100

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
STEP = StepRecord(
    at=NOW, step=RecoveryStep.RESTART_SCANNING, verdict=Verdict.SILENT, seconds=1.5
)
CHANGE = VerdictRecord(at=NOW, verdict=Verdict.SILENT, reason=Reason.HEARD_ELSEWHERE)


def test_the_oldest_go_first() -> None:
    """The ring keeps the newest records only."""
    history = AdapterHistory()
    for minutes in range(CAPACITY + 10):
        at = NOW + timedelta(minutes=minutes)
        history = history.adding(
            VerdictRecord(at=at, verdict=Verdict.OK, reason=Reason.WORKING)
        )
    assert len(history.records) == CAPACITY
    assert history.records[0].at == NOW + timedelta(minutes=10)


def test_a_step_is_concluded_once() -> None:
    """The result of the newest step is filled in, and a recovery is counted once."""
    history = (
        AdapterHistory().adding(STEP).adding(CHANGE).concluding(StepResult.RECOVERED)
    )
    assert history.last_step is not None
    assert history.last_step.result is StepResult.RECOVERED
    assert history.recoveries == 1
    assert history.concluding(StepResult.NO_EFFECT) is history
    assert history.records[1] is CHANGE


def test_concluding_without_a_step() -> None:
    """Where no step was taken there is nothing to conclude."""
    history = AdapterHistory().adding(CHANGE)
    assert history.concluding(StepResult.RECOVERED) is history
    assert history.last_step is None


def test_a_finished_step_counts_when_it_is_added() -> None:
    """A step that is added with its result counts as a recovery too."""
    finished = StepRecord(
        at=NOW,
        step=RecoveryStep.POWER_CYCLE,
        verdict=Verdict.SILENT,
        result=StepResult.RECOVERED,
    )
    assert AdapterHistory().adding(finished).recoveries == 1


def test_it_survives_a_restart() -> None:
    """What is stored is read again; a step that was open is aborted."""
    failed = StepRecord(
        at=NOW,
        step=RecoveryStep.POWER_CYCLE,
        verdict=Verdict.SILENT,
        result=StepResult.FAILED,
        requested=True,
        detail="blocked",
    )
    history = AdapterHistory().adding(CHANGE).adding(failed).adding(STEP)
    kept = after_restart(AdapterHealth("", history=history)).history
    assert kept.records[:2] == (CHANGE, failed)
    assert kept.last_step is not None
    assert kept.last_step.result is StepResult.ABORTED
    assert len(steps_in(kept)) == 2
