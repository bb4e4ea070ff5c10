# SPDX-License-Identifier: Apache-2.0
"""Limits on resets: ten in a rolling hour, apart by a pause that grows with failure."""

from dataclasses import dataclass, replace
from math import isfinite
from typing import Self

from .samples import HOUR

RESETS_PER_HOUR = 10
SHORTEST_PAUSE = 60.0
MOST_CREDIT = 300.0
"""Longest time a single look at the clock may credit."""


@dataclass(frozen=True, slots=True)
class RateLimiter:
    """Ages of the resets of the last hour, by a clock of its own.

    The clock is only trusted for short stretches: it is looked at with every
    sample, a step backwards counts as no time and a leap forwards as
    `MOST_CREDIT` at most. So a clock that is set, a suspended machine or a
    restart can make the limit stricter for an hour, never looser, and never
    for good.
    """

    ages: tuple[float, ...] = ()
    """Seconds since each reset, oldest first."""
    failures: int = 0
    """Resets in a row that did not help."""
    looked_at: float | None = None

    def at(self, now: float) -> Self:
        """The limiter at a later time."""
        if not self.ages:
            return self
        passed = 0.0
        if self.looked_at is not None and isfinite(now):
            passed = min(max(now - self.looked_at, 0.0), MOST_CREDIT)
        ages = tuple(age + passed for age in self.ages if age + passed < HOUR)
        return replace(
            self, ages=ages, looked_at=now if isfinite(now) else self.looked_at
        )

    @property
    def pause(self) -> float:
        """Seconds that must lie between two resets now; older ones than an hour do not count."""
        return min(SHORTEST_PAUSE * 2.0 ** min(self.failures, 10), HOUR)

    @property
    def wait(self) -> float:
        """Seconds until the next reset is allowed; 0 if it is now."""
        return self._wait(self.pause)

    @property
    def wait_on_request(self) -> float:
        """Seconds until a reset is allowed that the user asks for."""
        return self._wait(SHORTEST_PAUSE)

    def _wait(self, pause: float) -> float:
        if not self.ages:
            return 0.0
        wait = pause - self.ages[-1]
        if len(self.ages) >= RESETS_PER_HOUR:
            wait = max(wait, HOUR - self.ages[-RESETS_PER_HOUR])
        return max(wait, 0.0)

    def after_reset(self, now: float) -> Self:
        """The limiter with one more reset, taken now."""
        limiter = self.at(now)
        return replace(limiter, ages=(*limiter.ages, 0.0), looked_at=now)

    def after_result(self, *, recovered: bool) -> Self:
        """The limiter once it is known whether the last reset helped."""
        return replace(self, failures=0 if recovered else self.failures + 1)
