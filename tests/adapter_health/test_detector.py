# SPDX-License-Identifier: Apache-2.0
"""What the detector keeps in mind, over steps and restarts."""

from dataclasses import replace

import pytest

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.adapter_health.detector import detect
from custom_components.renogy_bt.adapter_health.history import OwnSteps, RunningStep
from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.memory import Memory
from custom_components.renogy_bt.adapter_health.samples import (
    EntryState,
    HostState,
    Reason,
    Verdict,
)
from tests.health_months.radio import DONGLE, HOUR, MINUTE, PROXY, Link, always
from tests.health_months.simulation import Place
from tests.restart import after_restart


def test_a_running_step_suspends_judgement() -> None:
    """While a step takes the adapter apart, the last verdict stands."""
    place = Place()
    place.run(10 * MINUTE)
    memory, judgement = place.health.memory, place.judgement
    step = RunningStep(
        step=RecoveryStep.POWER_CYCLE, at=place.moment(), begun_at=place.now
    )
    for second in range(0, 100, 10):
        sample = replace(
            place.sample(),
            at=place.now + second,
            adapter=None,
            scanner=None,
        )
        memory, during = detect(memory, sample, OwnSteps(running=step))
        assert during == judgement
    assert memory.held == {}


def test_first_look() -> None:
    """Before anything was heard, an adapter is starting."""
    place = Place(links=[])
    place.look_at(place.now)
    assert place.is_judged(Verdict.STARTING)
    place.run(2 * MINUTE)
    assert place.is_judged(Verdict.OK)
    place.run(10 * MINUTE)
    assert place.is_judged(Verdict.QUIET)


def test_nothing_is_judged_while_home_assistant_stops() -> None:
    """While Home Assistant stops nothing is judged any more."""
    place = Place()
    place.run(10 * MINUTE)
    place.host = HostState.STOPPING
    place.look_at(place.now + 1)
    assert place.judgement is not None
    assert place.judgement.reason is Reason.HOST_STOPPING


def test_entry_that_is_being_set_up() -> None:
    """A set-up that is under way is a start, however long it takes."""
    place = Place()
    place.run(10 * MINUTE)
    place.entry = EntryState.IN_PROGRESS
    place.run(10 * MINUTE)
    assert place.judgement is not None
    assert place.judgement.reason is Reason.ENTRY_STARTING


def test_memory_survives_a_restart() -> None:
    """Traffic, use and witnesses are kept; the clock starts anew."""
    place = Place(links=[Link(heard_elsewhere=always)], only_adapter=False)
    place.run(HOUR)
    kept = after_restart(
        AdapterHealth(DONGLE, memory=place.health.memory), started_at=50.0
    ).memory
    assert kept.traffic.interval == pytest.approx(
        place.health.memory.traffic.interval, rel=0.01
    )
    assert kept.witnesses == {(DONGLE, PROXY)}
    assert kept.used_at == pytest.approx(50.0, abs=60)
    assert kept.heard_at == pytest.approx(50.0, abs=60)
    assert kept.life_at == pytest.approx(50.0, abs=60)
    assert kept.looked_at is None


def test_memory_of_nothing() -> None:
    """An adapter that has never been looked at is stored as such."""
    assert after_restart(AdapterHealth(DONGLE)).memory == Memory()
