"""Moments outlive a restart as their ages, whatever has become of these meanwhile."""

from math import inf, nan

import pytest

from custom_components.renogy_bt.adapter_health.ages import DAY, age_of, moment_of


def test_a_moment_is_found_again_by_another_clock() -> None:
    """What was 40 s ago before a restart is as long ago after it."""
    assert age_of(960.0, 1000.0) == 40.0
    assert moment_of(age_of(960.0, 1000.0), 5.0, DAY) == -35.0


@pytest.mark.parametrize(("moment", "now"), [(None, 5.0), (5.0, None), (None, None)])
def test_what_never_was_has_no_age(moment: float | None, now: float | None) -> None:
    """Neither has what was before any clock was looked at."""
    assert age_of(moment, now) is None


@pytest.mark.parametrize("age", [0, 0.0, 1, DAY])
def test_ages_up_to_the_oldest_are_taken(age: float) -> None:
    """The oldest itself is still taken."""
    assert moment_of(age, 0.0, DAY) == -age


@pytest.mark.parametrize("age", [None, "40", True, False, -1.0, DAY + 1, nan, inf, []])
def test_what_cannot_be_an_age_is_forgotten(age: object) -> None:
    """A damaged file says nothing, rather than something wrong."""
    assert moment_of(age, 0.0, DAY) is None
