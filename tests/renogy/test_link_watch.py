# SPDX-License-Identifier: Apache-2.0
"""What is trouble with a link, and what is not."""

from collections.abc import Collection
from typing import Any

import pytest

from custom_components.renogy_bt.renogy.link_watch import (
    LinkTrouble,
    LinkWatch,
    PollOutcome,
    TroubleKind,
)

# As documented, not as the code has it.
CHANGES_WINDOW = 24 * 3600.0
FIRST_PROBE_PAUSE = 6 * 3600.0
SILENT_SECONDS = 900.0
UNREACHABLE_SECONDS = 1800.0

MINUTE = 60.0
HOUR = 3600.0
DAY = 24 * HOUR
WEEK = 7 * DAY
UNITS = (48, 49, 50, 51)

GOOD = PollOutcome(reached=True, answering=UNITS)
GONE = PollOutcome(reached=False)
EXCUSED = PollOutcome(reached=False, excused=True)


def without(*silent: int, **more: Any) -> PollOutcome:
    """Return a poll in which some units were silent."""
    return PollOutcome(
        reached=True,
        answering=[unit for unit in UNITS if unit not in silent],
        silent=silent,
        **more,
    )


class Link:
    """A link that is polled, and behind which others are looked for when it is time."""

    def __init__(self, answering: Collection[int] = UNITS) -> None:
        """Begin at an odd moment; `answering` is what a search finds."""
        self._watch = LinkWatch(UNITS)
        self._at = 12_345.0
        self.answering = answering
        self.searches = 0

    def polls(
        self, poll: PollOutcome, seconds: float = MINUTE, every: float = MINUTE
    ) -> TroubleKind | None:
        """Poll for a while with the same result; return what is wrong in the end."""
        for _ in range(int(seconds / every)):
            self._at += every
            self._watch.polled(self._at, poll)
            if self._watch.is_probe_due():
                self._watch.probe_begins()
                self.searches += 1
                self._watch.probed(self.answering)
        return self.trouble.kind if self.trouble else None

    @property
    def trouble(self) -> LinkTrouble | None:
        """What is wrong now."""
        return self._watch.trouble


@pytest.fixture
def link() -> Link:
    """Return a link that works."""
    link = Link()
    assert link.polls(GOOD, HOUR) is None
    return link


def test_link_that_was_never_polled() -> None:
    """Of it nothing is known."""
    watch = LinkWatch(UNITS)
    assert watch.trouble is None
    assert not watch.is_probe_due()


# Unreachable


def test_unreachable_for_long(link: Link) -> None:
    """Half an hour without a connection is trouble, the first one ends it."""
    assert link.polls(GONE, UNREACHABLE_SECONDS) is None
    assert link.polls(GONE) is TroubleKind.UNREACHABLE
    assert link.polls(GONE, WEEK) is TroubleKind.UNREACHABLE
    assert link.polls(GOOD) is None


def test_missed_polls_are_no_trouble(link: Link) -> None:
    """What comes back within half an hour, again and again, is not told."""
    for _ in range(20):
        assert link.polls(GONE, UNREACHABLE_SECONDS) is None
        assert link.polls(GOOD) is None


def test_something_else_is_to_blame(link: Link) -> None:
    """An adapter with a fault takes the blame, and the half hour begins after it."""
    assert link.polls(GONE, 20 * MINUTE) is None
    assert link.polls(EXCUSED, DAY) is None
    assert link.polls(GONE, 20 * MINUTE) is None
    assert link.polls(GONE, 20 * MINUTE) is TroubleKind.UNREACHABLE
    assert link.polls(EXCUSED) is None


def test_time_that_nobody_saw_does_not_count(link: Link) -> None:
    """A Home Assistant that slept for a day does not blame the link for the day."""
    assert link.polls(GONE) is None
    assert link.polls(GONE, DAY, every=DAY) is None
    assert link.polls(GONE, 20 * MINUTE) is None


def test_link_on_which_nothing_answers_is_reached(link: Link) -> None:
    """A dongle whose batteries are all switched off can be reached."""
    assert link.polls(PollOutcome(reached=True, silent=UNITS), DAY) is None


# Changed ids


def test_id_that_changed(link: Link) -> None:
    """When another id answers in place of a silent one, it is told which."""
    link.answering = (48, 49, 51, 247)
    assert link.polls(without(50), SILENT_SECONDS) is None
    assert link.polls(without(50)) is TroubleKind.IDS_CHANGED
    assert link.trouble == LinkTrouble(
        kind=TroubleKind.IDS_CHANGED, silent=(50,), others=(247,)
    )


def test_all_ids_changed(link: Link) -> None:
    """Also when not one of the known ones answers."""
    link.answering = (247,)
    poll = PollOutcome(reached=True, silent=UNITS)
    assert link.polls(poll, 2 * SILENT_SECONDS) is TroubleKind.IDS_CHANGED
    assert link.trouble is not None
    assert link.trouble.silent == UNITS


def test_battery_that_is_away_for_a_week(link: Link) -> None:
    """A battery that is switched off has no other id; it is looked for now and then."""
    link.answering = (48, 49, 51)
    assert link.polls(without(50), WEEK) is None
    assert 7 <= link.searches <= 9
    assert link.polls(GOOD, HOUR) is None


def test_link_that_works_is_not_searched(link: Link) -> None:
    """Looking keeps the radio busy: it takes a battery that is lost."""
    link.polls(GOOD, DAY)
    for _ in range(50):
        link.polls(without(50), SILENT_SECONDS)
        link.polls(GOOD)
    link.polls(GONE, DAY)
    assert link.searches == 0


def test_ids_that_come_back(link: Link) -> None:
    """When all known ids answer again, it is over."""
    link.answering = (48, 49, 51, 52)
    assert link.polls(without(50), HOUR) is TroubleKind.IDS_CHANGED
    assert link.polls(GOOD) is None
    link.answering = UNITS
    assert link.polls(without(50), HOUR) is None
    assert link.searches == 2


def test_stranger_that_is_gone_again(link: Link) -> None:
    """Where a later search finds nobody, there is nothing to tell any more."""
    link.answering = (48, 49, 51, 52)
    assert link.polls(without(50), HOUR) is TroubleKind.IDS_CHANGED
    link.answering = (48, 49, 51)
    assert link.polls(without(50), FIRST_PROBE_PAUSE) is None


def test_battery_that_answers_the_search(link: Link) -> None:
    """One that is silent in polls, but answers when it is looked for, is not lost."""
    link.answering = (*UNITS, 52)
    assert link.polls(without(50), SILENT_SECONDS + MINUTE) is None


def test_id_trouble_gives_way_to_an_unreachable_link(link: Link) -> None:
    """Of a link that is gone only that is told, and the other trouble after it."""
    link.answering = (48, 49, 51, 52)
    assert link.polls(without(50), HOUR) is TroubleKind.IDS_CHANGED
    assert link.polls(GONE, HOUR) is TroubleKind.UNREACHABLE
    assert link.polls(without(50)) is TroubleKind.IDS_CHANGED


# Colliding ids


def test_two_batteries_with_one_id(link: Link) -> None:
    """Answers that are garbled for ten minutes are those of two."""
    poll = without(49, garbled=(49,))
    assert link.polls(poll, 10 * MINUTE) is None
    assert link.polls(poll) is TroubleKind.IDS_COLLIDE
    assert link.trouble == LinkTrouble(
        kind=TroubleKind.IDS_COLLIDE, silent=(49,), others=(49,)
    )
    assert link.polls(GOOD) is None


def test_batteries_that_are_asked_seldom(link: Link) -> None:
    """One that has long been silent is asked every five minutes only."""
    assert link.polls(without(49, garbled=(49,)), HOUR, every=5 * MINUTE) is (
        TroubleKind.IDS_COLLIDE
    )


def test_garbled_answers_by_accident(link: Link) -> None:
    """A bad radio garbles an answer now and then, and good ones come in between."""
    for _ in range(50):
        assert link.polls(without(49, garbled=(49,)), 5 * MINUTE) is None
        assert link.polls(GOOD) is None


def test_noise_in_place_of_a_battery_that_is_off(link: Link) -> None:
    """A garbled answer once in an hour is nobody's."""
    for _ in range(50):
        assert link.polls(without(49, garbled=(49,))) is None
        assert link.polls(without(49), HOUR) is None


def test_collision_that_ends_in_silence(link: Link) -> None:
    """When both batteries are gone, so is the trouble."""
    assert link.polls(without(49, garbled=(49,)), HOUR) is TroubleKind.IDS_COLLIDE
    assert link.polls(without(49), 2 * HOUR) is None


def test_batteries_that_take_turns_and_are_never_confirmed(link: Link) -> None:
    """Each reading of the other battery may be a lie; one reading after the other is none."""
    doubted = PollOutcome(reached=True, answering=UNITS, unconfirmed=(51,))
    for _ in range(2):
        assert link.polls(doubted) is None
        assert link.polls(GOOD, HOUR) is None
    assert link.polls(doubted) is TroubleKind.IDS_COLLIDE


def test_battery_that_is_confirmed_has_changed_once(link: Link) -> None:
    """One that is put in and taken out again is no other trouble."""
    doubted = PollOutcome(reached=True, answering=UNITS, unconfirmed=(51,))
    changed = PollOutcome(reached=True, answering=UNITS, changed=(51,))
    for _ in range(2):
        for poll in (doubted, changed, GOOD):
            assert link.polls(poll) is None


def test_batteries_that_answer_by_turns(link: Link) -> None:
    """Who is another one for the third time within a day is two batteries."""
    changed = PollOutcome(reached=True, answering=UNITS, changed=(51,))
    for _ in range(2):
        assert link.polls(changed) is None
        assert link.polls(GOOD, HOUR) is None
    assert link.polls(changed) is TroubleKind.IDS_COLLIDE
    assert link.polls(GOOD, CHANGES_WINDOW) is None


def test_turns_that_are_over(link: Link) -> None:
    """An hour of one battery alone ends the notice, and no less; silence does not."""
    changed = PollOutcome(reached=True, answering=UNITS, changed=(51,))
    for _ in range(3):
        link.polls(changed)
        link.polls(GOOD, 5 * MINUTE)
    assert link.polls(without(51), 3 * HOUR) is TroubleKind.IDS_COLLIDE
    assert link.polls(GOOD, HOUR) is TroubleKind.IDS_COLLIDE
    assert link.polls(GOOD, 5 * MINUTE) is None


def test_turns_that_are_seldom_do_not_come_and_go(link: Link) -> None:
    """Where the batteries change every five hours, four hours without a change are no end."""
    changed = PollOutcome(reached=True, answering=UNITS, changed=(51,))
    for _ in range(2):
        link.polls(changed)
        link.polls(GOOD, 5 * HOUR)
    for _ in range(5):
        assert link.polls(changed) is TroubleKind.IDS_COLLIDE
        assert link.polls(GOOD, 5 * HOUR) is TroubleKind.IDS_COLLIDE


def test_battery_that_is_replaced_now_and_then(link: Link) -> None:
    """Another battery once a day is no collision."""
    changed = PollOutcome(reached=True, answering=UNITS, changed=(51,))
    for _ in range(10):
        assert link.polls(changed) is None
        assert link.polls(GOOD, DAY) is None
