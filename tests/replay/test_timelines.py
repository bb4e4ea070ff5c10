# SPDX-License-Identifier: Apache-2.0
"""Tests of adapters' timelines: done again, they are judged as they were; and they stay small."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
import json
from random import Random
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.renogy_bt.adapter_health import detector
from custom_components.renogy_bt.adapter_health.timeline import (
    KEPT_BEFORE,
    MOST_LOOKS,
    Look,
    Timeline,
)
from custom_components.renogy_bt.supervisor.made_up import MadeUpAddresses
from custom_components.renogy_bt.supervisor.timelines import timeline_data
from tests.emulator.json_checks import WorldFileError
from tests.health_months.registry import BENIGN, FAULTY
from tests.health_months.simulation import ADAPTER, Place
import tests.health_months.worlds  # noqa: F401

from .test_reading import ANYTHING, places
from .timelines import Replayed, replay_adapters

HOUR = 3600.0
SOON = 0.02
"""Share of the usual time after which something happens."""


def lived(name: str, hours: float = 1.5) -> Place:
    """Return a place in which hours have passed, whose faults begin soon."""
    place = {**BENIGN, **FAULTY}[name].place(management_socket=False, pace=SOON)
    place.run(hours * HOUR)
    return place


def told_of(timeline: Timeline, most: int = MOST_LOOKS) -> dict[str, Any]:
    """Return an adapter as it stands in a file, without its address."""
    told: dict[str, Any] = MadeUpAddresses().in_data(
        {"address": ADAPTER, "timeline": timeline_data(timeline, most)}
    )
    return told


def replayed(told: dict[str, Any]) -> Replayed:
    """Return what the timeline comes to today."""
    return replay_adapters((json.loads(json.dumps(told)),), "adapters")


@pytest.mark.parametrize("name", [*BENIGN, *FAULTY])
def test_every_world_is_judged_as_it_was(name: str) -> None:
    """The same verdicts come at the same times, and the same steps are decided on."""
    timeline = lived(name).health.timeline
    told = told_of(timeline)
    assert ADAPTER not in json.dumps(told)
    again = replayed(told)
    assert again.verdicts
    assert [each for each in again.verdicts if each.differs] == []
    assert [each for each in again.steps if each.differs] == []
    looks = [
        entry
        for part in timeline.parts
        for entry in part.entries
        if isinstance(entry, Look)
    ]
    assert {each.then for each in again.verdicts} == {
        look.verdict.value for look in looks
    }
    assert [step.at for step in again.steps] == [
        look.at for look in looks if look.step is not None
    ]


@pytest.mark.parametrize("name", ["session-lost", "deaf-with-a-witness", "powered-off"])
def test_a_fault_is_kept_from_before_it_until_it_is_over(name: str) -> None:
    """Ten minutes before the verdict are there, the steps, and the verdict that ends it."""
    place = lived(name)
    times = [at for at, verdict in place.verdicts if verdict.is_fault]
    looks = [
        entry
        for part in place.health.timeline.parts
        for entry in part.entries
        if isinstance(entry, Look)
    ]
    first = next(look for look in looks if look.verdict.is_fault)
    assert first.sample.at == times[0]
    before = [look for look in looks if look.sample.at < first.sample.at]
    assert (
        first.sample.at - before[0].sample.at
        >= min(KEPT_BEFORE, first.sample.at - 1000.0) - 60.0
    )
    assert any(look.step is not None for look in looks)
    assert any(not look.verdict.is_fault for look in looks[looks.index(first) :]), (
        "its end"
    )


def test_what_is_far_from_any_change_is_dropped() -> None:
    """A day on which nothing happens leaves its last minutes, and its beginning."""
    place = Place()
    place.run(24 * HOUR)
    timeline = place.health.timeline
    looks = sum(part.looks for part in timeline.parts)
    assert 20 <= looks <= 60
    assert place.now - timeline.parts[-2].began_at <= KEPT_BEFORE


@pytest.mark.parametrize(
    "name", ["bluetoothd-crashes-every-two-minutes", "loose-plug", "deaf-for-good"]
)
def test_it_stays_small(name: str) -> None:
    """A fault that comes again and again, or stays, fills neither the memory nor the file."""
    place = FAULTY[name].place(management_socket=False, pace=SOON)
    for _ in range(24):
        place.run(HOUR)
        looks = sum(part.looks for part in place.health.timeline.parts)
        assert looks <= MOST_LOOKS + 20
    told = told_of(place.health.timeline)
    assert len(json.dumps(told)) < 150_000
    assert len(json.dumps(told_of(place.health.timeline, 40))) < 60_000
    assert not replayed(told).differs


def test_a_changed_threshold_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be judged otherwise today is seen side by side."""
    told = told_of(lived("session-lost").health.timeline)
    assert not replayed(told).differs
    monkeypatch.setattr(detector, "SIGNS", ())
    again = replayed(told)
    assert again.differs
    changed = next(each for each in again.verdicts if each.differs)
    assert changed.then == "session_lost"
    assert changed.now != "session_lost"


def test_a_reload_of_the_bank_is_a_cut() -> None:
    """What follows begins with a state of its own, and is judged from there."""
    place = lived("session-lost", 0.5)
    timeline = place.health.timeline
    timeline.cut()
    place.health.memory = replace(place.health.memory, looked_at=None)
    place.run(600.0)
    told = told_of(timeline)
    assert sum(part["state"] is not None for part in told["timeline"]) >= 2
    assert not replayed(told).differs


def test_the_first_release_told_only_verdicts() -> None:
    """What would be judged now cannot be told."""
    record = {
        "at": "2026-11-25T12:00:00+00:00",
        "verdict": "silent",
        "reason": "heard_elsewhere",
    }
    again = replay_adapters(({"history": {"records": [record]}},), "adapters")
    (verdict,) = again.verdicts
    assert (verdict.then, verdict.now) == ("silent", None)
    assert not again.differs


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda told: told.pop("address"), "adapters[0].address: must look like"),
        (
            lambda told: told["timeline"][0].pop("state"),
            "adapters[0].timeline[0].state: is missing",
        ),
        (
            lambda told: told["timeline"][0]["state"]["memory"].update(looked_at="x"),
            "adapters[0].timeline[0].state.memory.looked_at: must be a number",
        ),
        (
            lambda told: told["timeline"][0]["entries"][0].update(kind="boat"),
            "adapters[0].timeline[0].entries[0].kind: must be look",
        ),
        (
            lambda told: told["timeline"][0]["entries"][0]["sample"].pop("bus"),
            "adapters[0].timeline[0].entries[0].sample.bus: is missing",
        ),
        (
            lambda told: told["timeline"][0]["entries"][0].update(at="2026-11-25"),
            "must be a moment with a time zone",
        ),
    ],
)
def test_what_is_refused(spoil: Callable[[Any], Any], message: str) -> None:
    """The place of what is wrong is told."""
    told = told_of(lived("session-lost", 0.5).health.timeline)
    spoil(told)
    with pytest.raises(WorldFileError) as refused:
        replayed(told)
    assert message in str(refused.value)


def test_anything_anywhere() -> None:
    """Whatever stands in whatever place: it is run or refused, and no other error comes."""
    text = json.dumps(told_of(lived("deaf-with-a-witness", 1.0).health.timeline, 60))
    everywhere = [place for place in places(json.loads(text)) if place]
    Random(1).shuffle(everywhere)

    @settings(max_examples=200, deadline=None)
    @given(st.sampled_from(everywhere), ANYTHING)
    def spoiled(place: tuple[str | int, ...], value: Any) -> None:
        told = json.loads(text)
        inner = told
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = value
        with suppress(WorldFileError):
            replay_adapters((told,), "adapters")

    spoiled()
