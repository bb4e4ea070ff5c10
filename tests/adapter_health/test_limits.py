# SPDX-License-Identifier: Apache-2.0
"""The limit on resets holds under any clock."""

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.adapter_health.limits import RateLimiter
from tests.restart import after_restart

# As documented, not as the code has it.
HOUR = 3600.0
MOST_CREDIT = 300.0
RESETS_PER_HOUR = 10
SHORTEST_PAUSE = 60.0

STEPS = st.lists(
    st.tuples(st.floats(0.0, 400.0), st.booleans(), st.booleans()),
    min_size=1,
    max_size=400,
)


def test_first_reset_is_free() -> None:
    """Nothing has to be waited for before the first reset."""
    assert RateLimiter().at(5.0).wait == 0


def test_pause_grows_with_failure_and_ends_with_success() -> None:
    """Each reset in vain doubles the pause, up to an hour."""
    limiter = RateLimiter().after_reset(0.0)
    pauses = []
    for _ in range(8):
        pauses.append(limiter.pause)
        limiter = limiter.after_result(recovered=False)
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert limiter.after_result(recovered=True).pause == SHORTEST_PAUSE


def test_ten_in_a_rolling_hour() -> None:
    """The eleventh reset waits until the first one is an hour old."""
    limiter = RateLimiter()
    for number in range(RESETS_PER_HOUR):
        limiter = limiter.at(number * 61.0)
        assert limiter.wait == 0
        limiter = limiter.after_reset(number * 61.0).after_result(recovered=True)
    now = 9 * 61.0 + 200
    assert limiter.at(now).wait == pytest.approx(HOUR - now)
    assert limiter.at(now).wait_on_request == pytest.approx(HOUR - now)


@given(STEPS)
def test_limit_is_never_exceeded(steps: list[tuple[float, bool, bool]]) -> None:
    """Whenever a reset is allowed, at most nine lie within the hour and none within 60 s."""
    limiter, now = RateLimiter(), 0.0
    resets: list[float] = []
    for passed, wanted, recovered in steps:
        now += passed
        limiter = limiter.at(now)
        if wanted and limiter.wait == 0:
            assert sum(now - at < HOUR - 1e-6 for at in resets) < RESETS_PER_HOUR
            assert not resets or now - resets[-1] >= SHORTEST_PAUSE - 1e-6
            resets.append(now)
            limiter = limiter.after_reset(now).after_result(recovered=recovered)


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=50),
    st.integers(1, RESETS_PER_HOUR),
)
def test_clock_changes_only_make_it_stricter(clock: list[float], resets: int) -> None:
    """Each look credits at most five minutes, however the clock leaps."""
    limiter = RateLimiter(ages=(0.0,) * resets, looked_at=0.0)
    for looks, now in enumerate(clock, 1):
        limiter = limiter.at(now)
        assert all(0 <= age <= looks * MOST_CREDIT for age in limiter.ages)
        assert 0 <= limiter.wait <= HOUR


def test_a_clock_set_back_blocks_for_an_hour_at_most() -> None:
    """After a leap back the time goes on counting from there."""
    limiter = RateLimiter(ages=(0.0,) * RESETS_PER_HOUR, looked_at=1e9)
    now = 0.0
    while limiter.wait:
        limiter = limiter.at(now)
        now += 30.0
        assert now <= HOUR + 60
    assert limiter.ages == ()


def test_it_survives_a_restart() -> None:
    """Ages are kept; the time of the restart itself is not credited."""
    limiter = RateLimiter().after_reset(100.0).after_result(recovered=False).at(130.0)
    health = after_restart(AdapterHealth("", limiter=limiter), stopped_at=130.0)
    kept = health.limiter.at(1e6)
    assert kept.ages == (30.0,)
    assert kept.failures == 1
    assert kept.at(1e6 + 30).wait == pytest.approx(60)
