# SPDX-License-Identifier: Apache-2.0
"""When a link that is kept connected gives its connection slot to others."""

import pytest

from custom_components.renogy_bt.links.giving_way import (
    CALM_SECONDS,
    FULL_SECONDS,
    LONGEST_PATIENCE,
    LONGEST_PAUSE,
    SHORTEST_PAUSE,
    Manners,
)

STEP = 5.0


def lived(
    manners: Manners, begin: float, seconds: float, *, full: bool
) -> tuple[Manners, float]:
    """Return the manners after a while in which no slot, or one, was free."""
    at = begin
    while at < begin + seconds:
        manners = manners.seen(at, full=full)
        at += STEP
    return manners, at


def until(manners: Manners, begin: float, *, gives_way: bool, full: bool) -> float:
    """Return when manners change."""
    at = begin
    while manners.gives_way is not gives_way:
        manners = manners.seen(at, full=full)
        at += STEP
        assert at - begin < 10 * LONGEST_PATIENCE
    return at - begin


def test_a_minute_without_a_free_slot() -> None:
    """Not before: a connection that only reads something is over by then."""
    manners, at = lived(Manners(), 0.0, FULL_SECONDS, full=True)
    assert not manners.gives_way
    manners, _ = lived(manners, at, STEP, full=True)
    assert manners.gives_way


def test_a_slot_that_was_free_in_between_begins_the_minute_anew() -> None:
    """Who waits has had a chance."""
    manners, at = lived(Manners(), 0.0, FULL_SECONDS - STEP, full=True)
    manners = manners.seen(at, full=False)
    manners, _ = lived(manners, at + STEP, FULL_SECONDS, full=True)
    assert not manners.gives_way


@pytest.mark.parametrize("full", [False, True])
def test_the_pause_ends(*, full: bool) -> None:
    """However it goes, the link is kept again after the pause."""
    manners, at = lived(Manners(), 0.0, 2 * FULL_SECONDS, full=True)
    assert manners.gives_way
    assert until(manners, at, gives_way=False, full=full) <= SHORTEST_PAUSE + STEP


def test_the_pause_grows_where_others_take_the_slot() -> None:
    """Twice as long each time, up to a quarter of an hour."""
    manners, at, pauses = Manners(), 0.0, []
    for _ in range(6):
        at += until(manners, at, gives_way=True, full=True)
        while not manners.gives_way:
            manners = manners.seen(at, full=True)
            at += STEP
        pauses.append(manners.pause)
        while manners.gives_way:
            manners = manners.seen(at, full=True)
            at += STEP
    assert pauses[:4] == [60, 120, 240, 480]
    assert pauses[-1] == LONGEST_PAUSE


def test_who_gives_way_in_vain_keeps_the_slot_for_longer() -> None:
    """Three links that fill a proxy need not take turns for ever."""
    manners, at, patience = Manners(), 0.0, []
    for _ in range(8):
        began = at
        while not manners.gives_way:
            manners = manners.seen(at, full=True)
            at += STEP
        patience.append(at - began)
        while manners.gives_way:
            manners = manners.seen(at, full=False)
            at += STEP
    assert patience == sorted(patience)
    assert patience[0] <= FULL_SECONDS + 2 * STEP
    assert LONGEST_PATIENCE <= patience[-1] <= LONGEST_PATIENCE + 2 * STEP


def test_after_a_calm_hour_the_pause_is_short_again() -> None:
    """What was crowded once is not crowded for ever."""
    manners = Manners(pause=LONGEST_PAUSE, ended_at=0.0)
    manners, _ = lived(manners, CALM_SECONDS, 2 * FULL_SECONDS, full=True)
    assert manners.gives_way
    assert manners.pause == SHORTEST_PAUSE
