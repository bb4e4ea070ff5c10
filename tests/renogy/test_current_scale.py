# SPDX-License-Identifier: Apache-2.0
"""Tests of measuring the scale of a battery's current."""

from dataclasses import replace
from itertools import product
import math
import random

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.renogy_bt.renogy.current_scale import ChargeSample, ScaleEvidence
from custom_components.renogy_bt.renogy.found_scale import (
    BatteryScale,
    FoundScale,
    ScaleSource,
    judged,
    told,
    used_divisor,
)
from tests.current_scale.campaign import campaign
from tests.current_scale.worlds import LOADS

# As documented, not as the code has it.
DIVISORS = (10, 100)
HUNDREDTHS = 100
TENTHS = 10

HOUR = 3600.0


def polled(
    currents: list[tuple[float, float]],
    divisor: int,
    *,
    interval: float = 60.0,
    unevenness: float = 0.2,
    capacity: float = 100.0,
    remaining: float = 60.0,
    counted: float = 1.0,
    offset: float = 0.0,
    evidence: ScaleEvidence | None = None,
    begins: float = 0.0,
) -> ScaleEvidence:
    """Return the evidence after currents (A) that last so many hours each.

    The counter takes `counted` of what flows; the sensor is off by `offset`, in A.
    """
    evidence = evidence or ScaleEvidence()
    uneven = random.Random(7)
    at = begins * HOUR
    for current, hours in currents:
        ends = at + hours * HOUR
        while at < ends:
            evidence = evidence.advanced(
                ChargeSample(
                    at=at,
                    count=round((current + offset) * divisor),
                    remaining=round(remaining, 3),
                    total=capacity,
                )
            )
            seconds = interval * uneven.uniform(1 - unevenness, 1)
            at += seconds
            remaining += counted * current * seconds / HOUR
    return evidence


@pytest.mark.parametrize("divisor", DIVISORS)
def test_a_battery_at_two_currents_is_known(divisor: int) -> None:
    """Two hours of discharge and an hour of charge tell a factor of ten."""
    assert polled([(-8.0, 2.0), (12.0, 1.5)], divisor).measured == divisor


@pytest.mark.parametrize("divisor", DIVISORS)
def test_a_steady_current_is_known_where_polls_are_uneven(divisor: int) -> None:
    """One current suffices at last, if no load can be in step with the polls."""
    currents = [(-8.0, 6.0)]
    assert polled(currents, divisor).measured == divisor
    assert polled(currents, divisor, unevenness=0.0).measured is None
    assert polled(currents, divisor, interval=300.0).measured is None


@pytest.mark.parametrize("divisor", DIVISORS)
def test_long_intervals_need_more_time_and_know_in_the_end(divisor: int) -> None:
    """A week of days with a load and a charger is enough at 600 s."""
    week = [(-4.0, 10.0), (8.0, 5.0)] * 7
    assert polled(week, divisor, interval=600.0).measured == divisor


def test_rest_and_a_pinned_counter_say_nothing() -> None:
    """A pack at rest, one that is full, and a counter that stands still leave it open."""
    assert polled([(0.0, 200.0)], HUNDREDTHS).measured is None
    assert polled([(-0.02, 200.0)], HUNDREDTHS).measured is None
    pinned = polled([(-5.0, 5.0), (9.0, 5.0)], TENTHS, counted=0.0)
    assert pinned.measured is None
    assert pinned.stretches > 10
    full = polled([(5.0, 30.0), (2.0, 30.0)], TENTHS, remaining=99.0, counted=1e-3)
    assert full.measured is None
    assert full.stretches == 0


def test_a_sensor_that_is_off_does_not_pass_for_another_scale() -> None:
    """0.9 A of offset makes a tenth of 1 A; no other current is a tenth then."""
    assert polled([(-1.0, 30.0)], HUNDREDTHS, offset=0.9).measured is None
    currents = [(-1.0, 5.0), (-4.0, 2.0), (6.0, 2.0)] * 3
    assert polled(currents, HUNDREDTHS, offset=0.9).measured in {None, HUNDREDTHS}


def test_a_gap_a_missed_poll_and_a_calibration_break_a_stretch() -> None:
    """What happened meanwhile is not known."""
    begun = polled([(-8.0, 0.06)], HUNDREDTHS)
    assert begun.stretch is not None and begun.stretch.intervals >= 2
    assert begun.interrupted().stretch is None
    last = begun.stretch.last
    late = replace(last, at=last.at + 901)
    calibrated = replace(last, at=last.at + 60, total=99.7)
    for sample in (late, calibrated):
        stretch = begun.advanced(sample).stretch
        assert stretch is not None and stretch.intervals == 0


def test_a_fit_of_one_scale_throws_away_what_spoke_for_the_other() -> None:
    """Evidence that contradicts itself proves nothing."""
    leaning = polled([(-8.0, 0.5)], TENTHS)
    assert leaning.leaning is not None and leaning.leaning.divisor == TENTHS
    other = polled([(-8.0, 0.5)], HUNDREDTHS, evidence=leaning.interrupted(), begins=1)
    assert other.leaning is not None
    assert (other.leaning.divisor, other.measured) == (HUNDREDTHS, None)


@pytest.mark.parametrize(("divisor", "drift"), [(HUNDREDTHS, -19.0), (TENTHS, 2.35)])
def test_a_counter_that_is_put_right_slowly_does_not_pass_for_another_scale(
    divisor: int, drift: float
) -> None:
    """For an hour it moves as the other scale would, at one current."""
    for before in (0.0, 3.0):
        evidence = polled([(-2.6, before)], divisor, interval=30.0, remaining=90.0)
        evidence = polled(
            [(-2.6, 1.0)],
            divisor,
            interval=30.0,
            remaining=70.0,
            counted=1 - drift / 2.6,
            evidence=evidence.interrupted(),
            begins=4.0,
        )
        assert evidence.measured in {None, divisor}
    # Nor does it when it lasts, once the scale was measured.
    known = polled([(-2.6, 3.0), (5.0, 1.0), (-2.6, 2.0)], divisor, interval=30.0)
    assert known.measured == divisor
    lasting = polled(
        [(-2.6, 2.5)],
        divisor,
        interval=30.0,
        remaining=97.0,
        counted=1 - drift / 2.6,
        evidence=known.interrupted(),
        begins=7.0,
    )
    assert lasting.measured == divisor


def test_bursts_that_the_polls_hardly_meet_do_not_pass_for_tenths() -> None:
    """A base of 0.5 A and 60 A for 8 % of the time average ten times the base."""
    uneven = random.Random(3)
    evidence, at, remaining = ScaleEvidence(), 0.0, 80.0
    for _ in range(3000):
        is_hit = uneven.random() < 0.08
        evidence = evidence.advanced(
            ChargeSample(
                at=at,
                count=-50 - 6000 * is_hit,
                remaining=round(remaining, 3),
                total=100.0,
            )
        )
        assert evidence.measured != TENTHS
        seconds = 60 * uneven.uniform(0.8, 1)
        at += seconds
        remaining -= 5.3 * seconds / HOUR
        if remaining < 10:
            remaining, evidence = 80.0, evidence.interrupted()


@settings(max_examples=60, deadline=None)
@given(
    divisor=st.sampled_from(DIVISORS),
    interval=st.sampled_from([10.0, 30.0, 60.0, 120.0]),
    capacity=st.sampled_from([50.0, 100.0, 300.0]),
    rates=st.lists(st.floats(-0.4, 0.4), min_size=2, max_size=12),
    losses=st.floats(0, 0.05),
)
def test_no_currents_make_a_wrong_scale(
    divisor: int,
    interval: float,
    capacity: float,
    rates: list[float],
    losses: float,
) -> None:
    """Whatever flows, as long as the counter counts it."""
    level, currents = 0.5, []
    for rate in rates:
        hours = 0.3 / max(abs(rate), 0.1)
        direction = math.copysign(1, 0.5 - level)
        level += direction * abs(rate) * hours
        currents.append((direction * abs(rate) * capacity, hours))
    evidence = polled(
        currents,
        divisor,
        interval=interval,
        capacity=capacity,
        remaining=capacity / 2,
        counted=1 - losses,
    )
    assert evidence.measured in {None, divisor}


def test_a_part_of_the_campaign() -> None:
    """Batteries of every load and oddity: none gets a wrong scale, many get the right one."""
    figures = campaign(540, seed=20_000)
    assert {load for load, _ in figures} == set(LOADS)
    assert not [found for each in figures.values() for found in each.wrong]
    known = sum(len(each.seconds) for each in figures.values())
    assert known > sum(each.batteries for each in figures.values()) / 3


# What is found


@pytest.mark.parametrize(
    ("table", "measured", "found", "used"),
    [
        (None, None, None, None),
        (100, None, None, 100),
        (100, 100, None, 100),
        (None, 10, FoundScale(divisor=10, source=ScaleSource.MEASURED), 10),
        (100, 10, FoundScale(divisor=10, source=ScaleSource.CONTRADICTED), None),
        (10, 100, FoundScale(divisor=100, source=ScaleSource.CONTRADICTED), None),
    ],
)
def test_a_measurement_completes_or_contradicts_the_table(
    table: int | None, measured: int | None, found: FoundScale | None, used: int | None
) -> None:
    """Where there is no proof it is used; where it contradicts one, nothing is."""
    assert judged(table, None, measured) == found
    assert used_divisor(table, found) == used


@pytest.mark.parametrize(("table", "divisor"), product([None, 10, 100], DIVISORS))
def test_the_users_word_counts_and_is_doubted_once(
    table: int | None, divisor: int
) -> None:
    """A measurement that contradicts it asks again; the second word is final."""
    other = TENTHS + HUNDREDTHS - divisor
    word = told(None, divisor)
    assert used_divisor(table, word) == divisor
    assert judged(table, word, divisor) == word
    doubted = judged(table, word, other)
    assert doubted == FoundScale(divisor=other, source=ScaleSource.CONTRADICTED)
    assert used_divisor(table, doubted) is None
    for final in DIVISORS:
        settled = told(doubted, final)
        assert used_divisor(table, settled) == final
        for measured in DIVISORS:
            assert judged(table, settled, measured) == settled


def test_a_contradiction_that_is_measured_away_is_over() -> None:
    """The table holds again, and without one the last measurement."""
    doubt = FoundScale(divisor=10, source=ScaleSource.CONTRADICTED)
    assert judged(100, doubt, 10) == doubt
    # The name was heard meanwhile, and the table says now what was measured.
    assert judged(10, doubt, None) is judged(10, doubt, 10) is None
    assert judged(100, doubt, None) == doubt
    assert judged(100, doubt, 100) is None
    measured = FoundScale(divisor=100, source=ScaleSource.MEASURED)
    assert judged(None, doubt, 100) == measured


@pytest.mark.parametrize(
    ("divisor", "source"),
    [
        (1, "told"),
        ("10", "told"),
        (None, "told"),
        (10, "guessed"),
        (10, None),
        ([], {}),
    ],
)
def test_what_was_stored_wrongly_is_ignored(divisor: object, source: object) -> None:
    """A store that was edited does not invent a scale."""
    assert FoundScale.from_stored(divisor, source) is None


def test_another_battery_begins_anew() -> None:
    """What was found is of the battery that is gone."""
    scale = BatteryScale(None, FoundScale(divisor=10, source=ScaleSource.TOLD))
    assert (scale.divisor, scale.is_in_question) == (10, False)
    scale.forget()
    assert (scale.divisor, scale.found, scale.is_in_question) == (None, None, True)


@pytest.mark.parametrize(
    ("source", "measured"),
    [
        (ScaleSource.MEASURED, 10),
        (ScaleSource.TOLD, None),
        (ScaleSource.CONTRADICTED, None),
    ],
)
def test_what_was_measured_counts_after_a_restart(
    source: ScaleSource, measured: int | None
) -> None:
    """One current alone does not contradict it, as it would not have before."""
    scale = BatteryScale(100, FoundScale(divisor=10, source=source))
    assert scale.diagnostics()["measured_divisor"] == measured


def test_what_the_user_settled_is_not_in_question() -> None:
    """Polls need not be uneven any more."""
    settled = FoundScale(divisor=10, source=ScaleSource.SETTLED)
    scale = BatteryScale(None, settled)
    for minute in range(90):
        scale.take(
            ChargeSample(
                at=minute * 60.0,
                count=-300 if minute < 45 else -100,
                remaining=90.0 - minute * 0.05,
                total=100.0,
            )
        )
        assert not scale.is_in_question
    assert scale.found == settled
    assert scale.diagnostics()["stretches"] == 0
