# SPDX-License-Identifier: Apache-2.0
"""A weak signal is told when it has lasted, and for as long as it lasts."""

from random import Random

from custom_components.renogy_bt.renogy.weak_signal import WeakSignal

MINUTE = 60.0
HOUR = 3600.0
DAY = 24 * HOUR


class Followed:
    """A weak signal's watch that is polled every minute."""

    def __init__(self) -> None:
        """Begin at an odd moment."""
        self.signal = WeakSignal()
        self.at = 12_345.0
        self.changes = 0

    def poll(
        self, reached: bool, is_weak: bool | None, seconds: float = MINUTE
    ) -> bool:
        """Poll for a while with the same result; return whether the signal is too weak."""
        for _ in range(round(seconds / MINUTE)):
            self.at += MINUTE
            before = self.signal.is_on
            self.signal.polled(self.at, reached=reached, is_weak=is_weak)
            self.changes += self.signal.is_on is not before
        return self.signal.is_on


def test_weak_and_never_reached() -> None:
    """Half an hour without a single poll is long enough."""
    followed = Followed()
    assert not followed.poll(False, True, 29 * MINUTE)
    assert followed.poll(False, True, 2 * MINUTE)


def test_weak_and_read_all_the_same() -> None:
    """Who reads well has no trouble, however weak."""
    followed = Followed()
    assert not followed.poll(True, True, DAY)


def test_strong_and_never_reached() -> None:
    """What is heard well fails for another reason."""
    followed = Followed()
    assert not followed.poll(False, False, DAY)


def test_strength_that_is_not_known() -> None:
    """Nothing is blamed on what is not known, or on a link while an adapter is at fault."""
    followed = Followed()
    assert not followed.poll(False, None, DAY)


def test_now_and_then_reached() -> None:
    """A link that takes one poll in five is no use, and that is told once."""
    followed, chance = Followed(), Random(3)
    for _ in range(3 * 24 * 60):
        followed.poll(chance.random() < 0.2, True)
    assert followed.signal.is_on
    assert followed.changes == 1


def test_now_and_then_missed() -> None:
    """A link that misses one poll in five is worth no word."""
    followed, chance = Followed(), Random(3)
    for _ in range(3 * 24 * 60):
        followed.poll(chance.random() < 0.8, True)
    assert followed.changes == 0


def test_fading_over_the_day() -> None:
    """What is weak by night and good by day comes and goes once a day."""
    followed = Followed()
    for _ in range(10):
        followed.poll(True, False, 12 * HOUR)
        followed.poll(False, True, 12 * HOUR)
    assert followed.changes <= 2 * 10


def test_fading_within_the_hour() -> None:
    """What comes and goes all day is told at most four times a day."""
    for period in (10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR):
        followed = Followed()
        for _ in range(round(5 * DAY / period)):
            followed.poll(True, True, period / 2)
            followed.poll(False, True, period / 2)
        assert followed.changes <= 5 * 4, period


def test_good_again() -> None:
    """A link that was moved closer is fine after half an hour of reading."""
    followed = Followed()
    assert followed.poll(False, True, HOUR)
    assert followed.poll(True, False, 25 * MINUTE)
    assert not followed.poll(True, False, 10 * MINUTE)


def test_better_but_still_weak() -> None:
    """A weak link that is read again is believed after some hours."""
    followed = Followed()
    assert followed.poll(False, True, HOUR)
    assert followed.poll(True, True, 3 * HOUR)
    assert not followed.poll(True, True, 7 * HOUR)


def test_gone_altogether() -> None:
    """A link that is not heard any more is not weak for ever."""
    followed = Followed()
    assert followed.poll(False, True, HOUR)
    assert not followed.poll(False, None, 12 * HOUR)


def test_gap_between_polls() -> None:
    """Nobody knows what was in a gap: it does not count as half an hour in vain."""
    followed = Followed()
    followed.poll(False, True, 10 * MINUTE)
    followed.at += HOUR
    assert not followed.poll(False, True, 10 * MINUTE)
