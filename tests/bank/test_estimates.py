# SPDX-License-Identifier: Apache-2.0
"""Tests of the time estimates."""

from itertools import pairwise

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.bank.estimates import (
    CurrentSmoother,
    TimeEstimate,
    estimate,
)


@pytest.mark.parametrize(
    ("average", "current", "remaining", "total", "expected"),
    [
        pytest.param(10, 10, 40, 50, TimeEstimate(to_full=3600), id="charging"),
        pytest.param(-10, -9, 40, 50, TimeEstimate(to_empty=14400), id="discharging"),
        pytest.param(10, -1, 40, 50, TimeEstimate(), id="charge has turned"),
        pytest.param(-10, 1, 40, 50, TimeEstimate(), id="load has turned"),
        pytest.param(0.2, 0.2, 40, 50, TimeEstimate(), id="idle"),
        pytest.param(0.2, 10, 40, 50, TimeEstimate(), id="about as much as before"),
        pytest.param(10, 0.2, 40, 50, TimeEstimate(), id="charge has ended"),
        pytest.param(-10, 0, 40, 50, TimeEstimate(), id="load has ended"),
        pytest.param(10, 10, 51, 50, TimeEstimate(to_full=0), id="above full"),
        pytest.param(-0.25, -0.25, 49, 50, TimeEstimate(), id="more than a week"),
        pytest.param(None, 1, 49, 50, TimeEstimate(), id="no average"),
        pytest.param(10, None, 49, 50, TimeEstimate(), id="no current"),
        pytest.param(10, 10, None, 50, TimeEstimate(), id="no remaining capacity"),
        pytest.param(10, 10, 10, 0, TimeEstimate(), id="no total capacity"),
    ],
)
def test_the_time_left_follows_from_current_and_capacity(
    average: float | None,
    current: float | None,
    remaining: float | None,
    total: float | None,
    expected: TimeEstimate,
) -> None:
    """The time left follows from current and capacities, or is unknown."""
    assert estimate(average, current, remaining, total) == expected


@pytest.mark.parametrize(
    ("remaining", "to_reserve"),
    [(50.0, 4 * 3600.0), (20.0, 3600.0), (10.0, 0.0), (3.0, 0.0)],
)
def test_reserve_is_reached_before_empty(remaining: float, to_reserve: float) -> None:
    """Of 100 Ah at 10 A, with a reserve of 10 %."""
    found = estimate(-10, -10, remaining, 100, 0.1)
    assert found.to_reserve == to_reserve
    assert found.to_empty == remaining * 360
    assert estimate(10, 10, remaining, 100, 0.1).to_reserve is None
    assert estimate(-0.1, -0.1, remaining, 100, 0.1) == TimeEstimate()


def test_a_fridge_does_not_make_it_jump() -> None:
    """A load that comes for ten minutes moves the average by less than half of it a minute."""
    smoother = CurrentSmoother()
    for minute in range(120):
        smoother.add(minute * 60, 20)
    before = smoother.current
    assert before == pytest.approx(20)
    after = smoother.add(120 * 60, 12)
    assert 18.5 < after < 20


def test_the_beginning_is_a_plain_mean() -> None:
    """The first readings weigh the same."""
    smoother = CurrentSmoother()
    smoother.add(0, 10)
    smoother.add(60, 20)
    assert smoother.add(120, 30) == pytest.approx(20)


def test_a_long_gap_begins_anew() -> None:
    """What was before a gap longer than any interval says nothing."""
    smoother = CurrentSmoother()
    smoother.add(0, 10)
    assert smoother.add(751, 5) == 5


def test_a_clock_that_goes_back_begins_anew() -> None:
    """A clock that goes back gives no weight below zero."""
    smoother = CurrentSmoother()
    smoother.add(100, 10)
    assert smoother.add(50, 5) == 5


@given(
    st.lists(
        st.tuples(
            st.floats(min_value=0, max_value=1000),
            st.floats(min_value=-500, max_value=500),
        ),
        min_size=1,
        max_size=50,
    )
)
def test_the_average_stays_among_the_readings(
    steps: list[tuple[float, float]],
) -> None:
    """The average never leaves the range of what was read."""
    smoother = CurrentSmoother()
    at = 0.0
    for elapsed, current in steps:
        at += elapsed
        smoother.add(at, current)
    assert smoother.current is not None
    currents = [current for _, current in steps]
    assert min(currents) - 1e-9 <= smoother.current <= max(currents) + 1e-9


def test_a_charge_with_a_fridge() -> None:
    """Through a charge the time to full is about right and calm, though a fridge comes and goes."""
    smoother = CurrentSmoother()
    remaining, total = 20.0, 100.0
    estimates: list[float] = []
    while remaining < total:
        minute = len(estimates)
        current = 20.0 - (5.0 if minute % 30 >= 20 else 0.0)
        average = smoother.add(60.0 * minute, current)
        to_full = estimate(average, current, remaining, total).to_full
        assert to_full is not None
        estimates.append(to_full)
        remaining += current / 60
    for minute, seconds in enumerate(estimates):
        left = 60.0 * (len(estimates) - minute)
        assert seconds == pytest.approx(left, rel=0.2, abs=120)
    for before, after in pairwise(estimates):
        assert abs(after - before) <= 0.04 * before + 120


def test_a_charge_that_ends() -> None:
    """When the sun is gone there is no time to full, at once."""
    smoother = CurrentSmoother()
    for minute in range(60):
        average = smoother.add(60.0 * minute, 20.0)
    assert estimate(average, 20.0, 50, 100).to_full == 9000
    average = smoother.add(3600.0, 0.1)
    assert average > 15
    assert estimate(average, 0.1, 50, 100) == TimeEstimate()


@given(
    interval=st.floats(min_value=10, max_value=600),
    jitter=st.lists(st.floats(min_value=-0.2, max_value=0.05), min_size=40),
    direction=st.sampled_from([-1, 1]),
)
def test_smooth_at_every_interval(
    interval: float, jitter: list[float], direction: int
) -> None:
    """One reading of a fridge moves the average by a third of what it draws, or by less."""
    smoother = CurrentSmoother()
    at = 0.0
    for share in jitter:
        at += interval * (1 + share)
        assert smoother.add(at, direction * 20.0) == pytest.approx(direction * 20)
    after = smoother.add(at + interval, direction * 11.0)
    assert 17 <= abs(after) < 20


@given(
    interval=st.floats(min_value=10, max_value=600),
    before=st.lists(st.floats(min_value=-200, max_value=200), min_size=1, max_size=60),
    current=st.floats(min_value=1, max_value=200),
    direction=st.sampled_from([-1, 1]),
)
def test_a_change_of_direction(
    interval: float, before: list[float], current: float, direction: int
) -> None:
    """Whatever was before, the time is of the direction of now; after a change it is exact."""
    smoother = CurrentSmoother()
    at = 0.0
    for each in before:
        at += interval
        smoother.add(at, each)
    average = smoother.add(at + interval, direction * current)
    found = estimate(average, direction * current, 60, 100)
    assert (found.to_full if direction < 0 else found.to_empty) is None
    if before[-1] * direction < 0:
        charge = 40 if direction > 0 else 60
        seconds = found.to_full if direction > 0 else found.to_empty
        assert seconds == pytest.approx(charge / current * 3600, abs=30)
