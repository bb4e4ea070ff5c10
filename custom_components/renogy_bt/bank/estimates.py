# SPDX-License-Identifier: Apache-2.0
"""Time to full and to empty, from a smoothed current."""

from dataclasses import dataclass
import math
from typing import Final

# A fridge that starts changes the estimate over minutes, not at once.
SMOOTHING_SECONDS: Final = 600.0
# At long intervals, too: one reading counts for no more than this.
MOST_WEIGHT: Final = 0.3
# The longest interval, 600 s, and what a poll and its retry may take.
LONGEST_GAP: Final = 750.0
# A current below this share of the capacity per hour says nothing about the time left.
IDLE_RATE: Final = 0.005
# Beyond this the answer is no more than noise.
LONGEST_SECONDS: Final = 7 * 24 * 3600.0
_SECONDS_PER_HOUR: Final = 3600.0
# An estimate is no better than this.
_RESOLUTION: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEstimate:
    """Seconds until full, until empty, and until only the reserve is left; None if not known."""

    to_full: float | None = None
    to_empty: float | None = None
    to_reserve: float | None = None


class CurrentSmoother:
    """An average of the current over ``SMOOTHING_SECONDS``, for readings at uneven times.

    It begins as the plain mean of what it has seen, so that the first reading does not
    outweigh the next readings. It begins anew after a long gap, and when the current changes
    its direction: how fast a battery was charged says nothing about how fast it is emptied.
    """

    def __init__(self) -> None:
        """Begin without any reading."""
        self._began = 0.0
        self._at = 0.0
        self.current: float | None = None

    def add(self, at: float, current: float) -> float:
        """Take a current (A) at a time of a clock that never jumps (s); return the average."""
        elapsed, age = at - self._at, at - self._began
        self._at = at
        if (
            self.current is None
            or not 0 <= elapsed <= LONGEST_GAP
            or not _is_same_direction(self.current, current)
        ):
            self._began, self.current = at, current
            return current
        weight = min(-math.expm1(-elapsed / SMOOTHING_SECONDS), MOST_WEIGHT)
        if age > 0:
            weight = max(weight, elapsed / (age + elapsed))
        self.current += weight * (current - self.current)
        return self.current


def _is_same_direction(average: float, current: float) -> bool:
    """Return whether both charge or both discharge; no current at all has both directions."""
    return min(average, current) >= 0 or max(average, current) <= 0


def estimate(
    average: float | None,
    current: float | None,
    remaining: float | None,
    total: float | None,
    reserve: float | None = None,
) -> TimeEstimate:
    """Return the time left at this average current (A), of these capacities (Ah).

    `reserve` is a share of the total, if one is wanted; it is reached where no more than that remains.

    Without an average and a present current of one direction that are both large enough there
    is no estimate: the average still shows a charge that has ended or turned into a discharge.
    """
    if average is None or current is None or remaining is None or not total:
        return TimeEstimate()
    if min(abs(average), abs(current)) < IDLE_RATE * total:
        return TimeEstimate()
    if not _is_same_direction(average, current):
        return TimeEstimate()
    if current > 0:
        return TimeEstimate(to_full=_seconds(max(total - remaining, 0.0), average))
    return TimeEstimate(
        to_empty=_seconds(max(remaining, 0.0), -average),
        to_reserve=None
        if reserve is None
        else _seconds(max(remaining - reserve * total, 0.0), -average),
    )


def _seconds(charge: float, current: float) -> float | None:
    seconds = charge / current * _SECONDS_PER_HOUR
    if seconds > LONGEST_SECONDS:
        return None
    return round(seconds / _RESOLUTION) * _RESOLUTION
