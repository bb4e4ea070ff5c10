# SPDX-License-Identifier: Apache-2.0
"""Tests of how long a reply is waited for."""

import pytest

from custom_components.renogy_bt.renogy.line import ReplyTimes

# As documented, not as the code has it.
LONGEST_LIMIT = 2.0
SHORTEST_LIMIT = 0.5


def test_an_unknown_reply_is_waited_for_longest() -> None:
    """Nothing is known of a unit at first."""
    assert ReplyTimes().limit(48, 53) == LONGEST_LIMIT


@pytest.mark.parametrize(
    ("usual", "limit"), [(0.05, SHORTEST_LIMIT), (0.2, 0.8), (0.3, 1.2), (0.9, 2.0)]
)
def test_the_limit_is_a_multiple_of_what_is_usual(usual: float, limit: float) -> None:
    """Within half a second and two seconds."""
    times = ReplyTimes()
    for _ in range(3):
        times.answered(48, 53, usual)
    assert times.limit(48, 53) == pytest.approx(limit)


def test_units_and_lengths_are_apart() -> None:
    """A slow battery, or a long reply, says nothing of the others."""
    times = ReplyTimes()
    times.answered(48, 53, 0.3)
    assert times.limit(49, 53) == LONGEST_LIMIT
    assert times.limit(48, 10) == LONGEST_LIMIT
    assert times.as_milliseconds(48) == {"53": 300}
    assert times.as_milliseconds(49) == {}


def test_what_is_usual_follows_slowly() -> None:
    """One slow reply does not make the line slow."""
    times = ReplyTimes()
    times.answered(48, 10, 0.2)
    times.answered(48, 10, 0.4)
    assert times.limit(48, 10) == pytest.approx(1.0)


def test_silence_makes_patient() -> None:
    """A line that became slow is not given up for ever."""
    times = ReplyTimes()
    times.unanswered(48, 10)
    assert times.limit(48, 10) == LONGEST_LIMIT
    times.answered(48, 10, 0.2)
    times.unanswered(48, 10)
    assert times.limit(48, 10) == pytest.approx(1.6)
    for _ in range(10):
        times.unanswered(48, 10)
    assert times.limit(48, 10) == LONGEST_LIMIT
    assert times.as_milliseconds(48) == {"10": 2000}


def test_a_sign_of_life_is_waited_for_as_the_other_units_suggest() -> None:
    """Half a second on a line of usual speed, longer on a slow or unknown one."""
    times = ReplyTimes()
    assert times.knock_limit(51) == LONGEST_LIMIT
    for unit in (48, 49):
        times.answered(unit, 110, 0.4)
        times.answered(unit, 10, 0.2)
    times.answered(51, 53, 0.3)
    for _ in range(5):
        times.unanswered(51, 53)
    assert times.knock_limit(51) == SHORTEST_LIMIT
    times.answered(50, 53, 1.0)
    assert times.knock_limit(51) == pytest.approx(1.2)
    times.answered(47, 53, 1.9)
    assert times.knock_limit(51) == LONGEST_LIMIT
