"""When a lost link is worth a poll at once."""

from custom_components.renogy_bt.renogy.reappearance import (
    FIRST_PAUSE,
    FIRST_SEARCH_PAUSE,
    LONGEST_PAUSE,
    Reappearance,
)


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        """Start at 0."""
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_link_that_never_failed() -> None:
    """Advertisements of a link that works mean nothing."""
    assert not Reappearance(Clock()).advertisement_heard()


def test_first_advertisement_after_a_failure() -> None:
    """One advertisement brings one poll, and none in the moment of the failure itself."""
    clock = Clock()
    link = Reappearance(clock)
    link.poll_failed()
    assert not link.advertisement_heard()
    clock.now += FIRST_PAUSE
    assert link.advertisement_heard()
    assert not link.advertisement_heard()


def test_success_disarms() -> None:
    """A link that was reached again is not polled for its advertisements."""
    clock = Clock()
    link = Reappearance(clock)
    link.poll_failed()
    link.poll_succeeded()
    clock.now += LONGEST_PAUSE
    assert not link.advertisement_heard()


def test_link_that_advertises_but_cannot_be_reached() -> None:
    """In a day of advertisements without success the polls stay few."""
    clock = Clock()
    link = Reappearance(clock)
    link.poll_failed()
    polls = 0
    while clock.now < 86_400:
        clock.now += 1
        if link.advertisement_heard():
            polls += 1
            link.poll_failed()
    assert polls < 300
    assert polls > 200


def test_success_forgets_earlier_failures() -> None:
    """After a success the next loss is answered as quickly as the first."""
    clock = Clock()
    link = Reappearance(clock)
    for _ in range(10):
        link.poll_failed()
        clock.now += LONGEST_PAUSE
        assert link.advertisement_heard()
    link.poll_succeeded()
    link.poll_failed()
    clock.now += FIRST_PAUSE
    assert link.advertisement_heard()


def test_polls_that_come_due_do_not_lengthen_the_pause() -> None:
    """Only polls that were started by an advertisement count as vain tries."""
    clock = Clock()
    link = Reappearance(clock)
    for _ in range(10):
        link.poll_failed()
        clock.now += 60
    assert link.advertisement_heard()


def test_link_that_is_not_heard() -> None:
    """A lost link is due after a pause, which doubles with every failure up to a limit."""
    clock = Clock()
    link = Reappearance(clock)
    assert not link.is_due()
    pause = FIRST_SEARCH_PAUSE
    for _ in range(10):
        link.poll_failed()
        clock.now += pause - 1
        assert not link.is_due()
        clock.now += 1
        assert link.is_due()
        pause = min(2 * pause, LONGEST_PAUSE)
    assert pause == LONGEST_PAUSE
    link.poll_succeeded()
    clock.now += 2 * LONGEST_PAUSE
    assert not link.is_due()
    link.poll_failed()
    clock.now += FIRST_SEARCH_PAUSE
    assert link.is_due()


def test_link_that_is_heard_is_due() -> None:
    """What is heard is looked for; in vain once, it no longer seems back."""
    clock = Clock()
    link = Reappearance(clock)
    link.poll_failed()
    clock.now += FIRST_PAUSE
    assert link.seems_back
    assert link.advertisement_heard()
    assert link.is_due()
    link.poll_failed()
    assert not link.seems_back
    link.poll_succeeded()
    assert link.seems_back
