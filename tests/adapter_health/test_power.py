# SPDX-License-Identifier: Apache-2.0
"""An adapter that somebody else switches off, and whether that is meant."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from custom_components.renogy_bt.adapter_health.history import OwnSteps, RunningStep
from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.power import Power
from custom_components.renogy_bt.adapter_health.samples import ScanMode, Verdict
from custom_components.renogy_bt.bluez.models import AdapterObject
from tests.health_months.radio import DAY, HOUR, MINUTE
from tests.health_months.simulation import Place

NIGHT = (22 * HOUR, 6 * HOUR)


def running(mode: ScanMode = ScanMode.ACTIVE) -> Place:
    """A place where everything works."""
    place = Place(mode=mode, now=0.0)
    place.run(20 * MINUTE)
    assert place.is_judged(Verdict.OK)
    return place


def switch(place: Place, *, on: bool) -> None:
    """Switch the adapter by another hand; Home Assistant begins to scan again by itself."""
    if place.powered is on:
        return
    place.powered = on
    place.session = False
    if on:
        place.powered_at = place.now
    place.look_at(place.now + 0.5)


def switched_on(place: Place) -> int:
    """How often we have switched it on."""
    return sum(
        step is RecoveryStep.POWER_CYCLE and verdict is Verdict.POWERED_OFF
        for _, step, verdict in place.steps
    )


ON = AdapterObject(
    path="/org/bluez/hci0",
    address="B8:27:EB:00:00:01",
    powered=True,
    discovering=False,
)
OFF = replace(ON, powered=False)


def taking(step: RecoveryStep) -> OwnSteps:
    """A step of ours that is under way."""
    at = datetime(2026, 11, 23, tzinfo=UTC)
    return OwnSteps(running=RunningStep(step=step, at=at, begun_at=99.0))


@pytest.mark.parametrize("on_after", [30.0, 600.0])
def test_reset_that_leaves_the_adapter_off(on_after: float) -> None:
    """Whoever switches it on again, nobody but us had switched it off."""
    step, ended = taking(RecoveryStep.POWER_CYCLE), OwnSteps(ended_at=105.0)
    power = (
        Power()
        .after_look(ON, OwnSteps(), 90.0)
        .after_look(OFF, step, 100.0)
        .after_look(OFF, ended, 110.0)
    )
    assert power.off_since is None
    assert not power.is_wanted_off(120.0, switched_on_at=50.0)
    on_at = 110.0 + on_after
    power = power.after_look(replace(ON, powered_at=on_at), ended, on_at + 1.0)
    assert power.offs == power.cycles == ()
    # The next off is somebody else's again.
    power = power.after_look(replace(OFF, powered_at=on_at), ended, on_at + 60.0)
    assert power.off_since == on_at + 60.0


def test_reset_after_which_another_hand_switches_it_off() -> None:
    """An adapter that was on in between was not left off by us."""
    step, ended = taking(RecoveryStep.POWER_CYCLE), OwnSteps(ended_at=105.0)
    power = Power().after_look(ON, OwnSteps(), 90.0).after_look(OFF, step, 100.0)
    power = power.after_look(replace(OFF, powered_at=104.0), ended, 130.0)
    assert power.off_since == 130.0


def test_off_by_another_hand_during_a_step_without_a_reset() -> None:
    """It is seen as soon as the step is over."""
    step, ended = taking(RecoveryStep.RESTART_SCANNING), OwnSteps(ended_at=105.0)
    power = Power().after_look(ON, OwnSteps(), 90.0).after_look(OFF, step, 100.0)
    assert power.off_since is None
    assert power.after_look(OFF, ended, 110.0).off_since == 110.0


def test_reset_of_an_adapter_that_was_off() -> None:
    """A step that switches an adapter on does not make the off before it ours."""
    step = taking(RecoveryStep.POWER_CYCLE)
    power = Power().after_look(OFF, OwnSteps(), 90.0).after_look(OFF, step, 100.0)
    assert power.off_since == 90.0


def test_switched_on_once_and_then_left_off_for_a_day() -> None:
    """Whoever switches it off again means it, for a day."""
    place = running()
    switch(place, on=False)
    place.run(10 * MINUTE)
    assert switched_on(place) == 1
    place.run(3 * HOUR)
    switch(place, on=False)
    place.run(DAY - MINUTE)
    assert switched_on(place) == 1
    assert not place.powered
    assert place.told[-1][1] is Verdict.POWERED_OFF
    place.run(10 * MINUTE)
    assert switched_on(place) == 2
    assert place.powered


def test_on_by_another_hand_ends_that() -> None:
    """An adapter that its owner has switched on again is switched on once again."""
    place = running()
    switch(place, on=False)
    place.run(10 * MINUTE)
    switch(place, on=False)
    place.run(2 * HOUR)
    switch(place, on=True)
    place.run(HOUR)
    assert switched_on(place) == 1
    switch(place, on=False)
    place.run(10 * MINUTE)
    assert switched_on(place) == 2


@pytest.mark.parametrize("mode", [ScanMode.ACTIVE, ScanMode.AUTO])
def test_off_every_night(mode: ScanMode) -> None:
    """A program that switches it off at night is taken for a fault once, in the first night."""
    place = running(mode)
    begin, end = NIGHT
    place.run(begin - place.now)
    for _ in range(30):
        switch(place, on=False)
        place.run(DAY - begin + end)
        switch(place, on=True)
        place.run(begin - end)
    assert switched_on(place) == 1


def test_off_for_some_minutes_every_hour() -> None:
    """A program is known after some times, however long its pauses are."""
    place = running()
    for _ in range(3 * 24):
        switch(place, on=False)
        place.run(5 * MINUTE)
        switch(place, on=True)
        place.run(55 * MINUTE)
    assert switched_on(place) <= 3


@pytest.mark.parametrize(("seconds_off", "most"), [(2.0, 0), (40.0, 0), (90.0, 1)])
@pytest.mark.parametrize("mode", [ScanMode.ACTIVE, ScanMode.AUTO])
def test_power_cycled_every_ten_minutes(
    mode: ScanMode, seconds_off: float, most: int
) -> None:
    """A program that cycles power all the time: Home Assistant begins to scan again by itself.

    One that leaves it off for longer than polls are patient is taken for a fault once.
    """
    place = running(mode)
    for _ in range(7 * 24 * 6):
        switch(place, on=False)
        place.run(seconds_off)
        switch(place, on=True)
        place.run(10 * MINUTE - seconds_off - 1)
    assert len(place.resets) <= most
    assert len(place.steps) <= 3
    assert place.told == []


def test_wish_outlasts_a_restart() -> None:
    """An adapter that is wanted off stays off through a restart of Home Assistant."""
    place = running()
    switch(place, on=False)
    place.run(10 * MINUTE)
    switch(place, on=False)
    place.run(3 * HOUR)
    for seconds in place.restart_host():
        place.run(seconds)
    place.run(3 * HOUR)
    assert switched_on(place) == 1
