# SPDX-License-Identifier: Apache-2.0
"""Which batteries keep their last reading although polls bring no new one."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from ..const import CONF_FAILED_POLLS
from .stored_data import number_option

CLOSE: Final = 0.5
"""A hold that ends within so many seconds is over: timers may be early."""


def hold_of(options: Mapping[str, Any], interval: float) -> Hold | None:
    """Return what holds last readings, None where the first failed poll ends them."""
    polls = number_option(options, CONF_FAILED_POLLS)
    return Hold(polls, interval) if polls > 1 else None


class Hold:
    """Holds the last readings of one link's batteries; times are of a clock that never jumps (s).

    A battery that a poll does not read is held until as many polls have failed as make it
    unavailable. Polls count that are due at the interval: those that are tried in between
    would use them up within seconds, and those that are put off would stretch them.
    """

    def __init__(self, polls: int, interval: float) -> None:
        """Begin with nothing to hold; the first of the failed `polls` begins the time."""
        self._seconds = (polls - 1) * interval
        self._missed_since: dict[int, float | None] = {}

    @property
    def held(self) -> frozenset[int]:
        """The unit ids that were not read of late, and keep their last readings."""
        return frozenset(
            unit for unit, since in self._missed_since.items() if since is not None
        )

    @property
    def ends_at(self) -> float | None:
        """When the next hold ends, None without one."""
        since = [each for each in self._missed_since.values() if each is not None]
        return min(since) + self._seconds if since else None

    def polled(self, at: float, fresh: Collection[int]) -> None:
        """Take note of a poll and the units that it read."""
        for unit, since in self._missed_since.items():
            if since is None and unit not in fresh:
                self._missed_since[unit] = at
        self._missed_since |= dict.fromkeys(fresh)
        self.expire(at)

    def expire(self, at: float) -> None:
        """Let go of the units whose time is over, until they are read again."""
        for unit in self.held:
            since = self._missed_since[unit]
            if since is not None and at >= since + self._seconds - CLOSE:
                del self._missed_since[unit]

    def forget(self) -> None:
        """Hold nothing: the link is not polled any more."""
        self._missed_since.clear()
