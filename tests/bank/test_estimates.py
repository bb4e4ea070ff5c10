"""Tests of the time estimates."""

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.bank.estimates import (
    CurrentSmoother,
    TimeEstimate,
    estimate,
)


@pytest.mark.parametrize(
    ("current", "remaining", "total", "expected"),
    [
        pytest.param(10, 40, 50, TimeEstimate(to_full=3600), id="charging"),
        pytest.param(-10, 40, 50, TimeEstimate(to_empty=14400), id="discharging"),
        pytest.param(0.2, 40, 50, TimeEstimate(), id="idle"),
        pytest.param(10, 51, 50, TimeEstimate(to_full=0), id="above full"),
        pytest.param(-0.25, 49, 50, TimeEstimate(), id="more than a week"),
        pytest.param(None, 49, 50, TimeEstimate(), id="no current"),
        pytest.param(10, None, 50, TimeEstimate(), id="no remaining capacity"),
        pytest.param(10, 10, 0, TimeEstimate(), id="no total capacity"),
    ],
)
def test_estimate(
    current: float | None,
    remaining: float | None,
    total: float | None,
    expected: TimeEstimate,
) -> None:
    """The time left follows from current and capacities, or is unknown."""
    assert estimate(current, remaining, total) == expected


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
    """What was before a gap longer than the averaging time says nothing."""
    smoother = CurrentSmoother()
    smoother.add(0, 10)
    assert smoother.add(601, -5) == -5


def test_a_clock_that_goes_back_begins_anew() -> None:
    """A clock that goes back gives no weight below zero."""
    smoother = CurrentSmoother()
    smoother.add(100, 10)
    assert smoother.add(50, -5) == -5


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
