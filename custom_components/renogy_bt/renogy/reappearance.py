"""When to look for a link that failed: as soon as it is heard, or after a while."""

from collections.abc import Callable
from typing import Final

FIRST_PAUSE: Final = 5.0
FIRST_SEARCH_PAUSE: Final = 30.0
LONGEST_PAUSE: Final = 300.0


class Reappearance:
    """Watches for the return of one link.

    A link is held off for a pause after each failure, so that one that advertises but takes
    no connection is not polled without end: the pause, in seconds, doubles with every poll
    that was started here in vain. A link that is not heard is due after a longer pause, which
    doubles with every failure.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start with a link that has not failed; `clock` counts seconds."""
        self._clock = clock
        self._pause = FIRST_PAUSE
        self._not_before: float | None = None
        self._tried = False
        self._search_pause = FIRST_SEARCH_PAUSE
        self._due_at: float | None = None

    @property
    def seems_back(self) -> bool:
        """Whether the link, when it is heard, has not been heard and polled in vain before."""
        return self._pause <= FIRST_PAUSE

    def poll_succeeded(self) -> None:
        """Take note that the link was reached: its advertisements mean nothing."""
        self._pause = FIRST_PAUSE
        self._not_before = None
        self._tried = False
        self._search_pause = FIRST_SEARCH_PAUSE
        self._due_at = None

    def poll_failed(self) -> None:
        """Take note that the link was not reached: its next advertisement counts."""
        if self._tried:
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._tried = False
        self._not_before = self._clock() + self._pause
        self._due_at = self._clock() + self._search_pause
        self._search_pause = min(2 * self._search_pause, LONGEST_PAUSE)

    def advertisement_heard(self) -> bool:
        """Tell whether to poll the link now; true once for each failed poll."""
        if self._not_before is None or self._clock() < self._not_before:
            return False
        self._not_before = None
        self._due_at = self._clock()
        self._tried = True
        return True

    def is_due(self) -> bool:
        """Tell whether to look for the link when there is time for it."""
        return self._due_at is not None and self._clock() >= self._due_at
