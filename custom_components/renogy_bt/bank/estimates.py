"""Time to full and to empty, from a smoothed current."""

from dataclasses import dataclass
import math
from typing import Final

# A fridge that starts changes the estimate over minutes, not at once.
SMOOTHING_SECONDS: Final = 600.0
# A current below this share of the capacity per hour says nothing about the time left.
IDLE_RATE: Final = 0.005
# Beyond this the answer is no more than noise.
LONGEST_SECONDS: Final = 7 * 24 * 3600.0
_SECONDS_PER_HOUR: Final = 3600.0
# An estimate is no better than this.
_RESOLUTION: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEstimate:
    """Seconds until full or empty; None if that is not known."""

    to_full: float | None = None
    to_empty: float | None = None


class CurrentSmoother:
    """An average of the current over ``SMOOTHING_SECONDS``, for readings at uneven times.

    It begins as the plain mean of what it has seen, so that the first reading does not
    outweigh the next readings. After a gap longer than the averaging time it begins anew.
    """

    def __init__(self) -> None:
        """Begin without any reading."""
        self._began = 0.0
        self._at: float | None = None
        self.current: float | None = None

    def add(self, at: float, current: float) -> float:
        """Take a current (A) at a time of a clock that never jumps (s); return the average."""
        elapsed = SMOOTHING_SECONDS + 1 if self._at is None else at - self._at
        if self.current is None or not 0 <= elapsed <= SMOOTHING_SECONDS:
            self._began, self._at, self.current = at, at, current
            return current
        weight = -math.expm1(-elapsed / SMOOTHING_SECONDS)
        age = at - self._began
        if 0 < age < SMOOTHING_SECONDS:
            weight = max(weight, elapsed / (age + elapsed))
        self._at = at
        self.current += weight * (current - self.current)
        return self.current


def estimate(
    average: float | None,
    current: float | None,
    remaining: float | None,
    total: float | None,
) -> TimeEstimate:
    """Return the time left at this average current (A), of these capacities (Ah).

    Without an average and a present current that are both large enough there is no estimate:
    the average still shows a charge that has ended.
    """
    if average is None or current is None or remaining is None or not total:
        return TimeEstimate()
    if min(abs(average), abs(current)) < IDLE_RATE * total:
        return TimeEstimate()
    if average > 0:
        return TimeEstimate(to_full=_seconds(max(total - remaining, 0.0), average))
    return TimeEstimate(to_empty=_seconds(max(remaining, 0.0), -average))


def _seconds(charge: float, current: float) -> float | None:
    seconds = charge / current * _SECONDS_PER_HOUR
    if seconds > LONGEST_SECONDS:
        return None
    return round(seconds / _RESOLUTION) * _RESOLUTION
