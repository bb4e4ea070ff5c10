"""How long to wait for a reply: a multiple of what this unit and length usually takes."""

from typing import Final

SHORTEST_LIMIT: Final = 0.5
LONGEST_LIMIT: Final = 2.0
# On a real dongle the slowest of 20 replies took 1.7 times the mean (protocol 1.8).
USUAL_TIMES: Final = 4.0
# A unit that may be gone is asked for the shortest reply there is, which takes no longer than
# the quickest that the other units usually give.
KNOCK_TIMES: Final = 1.2
_NEW_WEIGHT: Final = 0.25


class ReplyTimes:
    """The usual reply times of a link, by unit and number of registers, in seconds."""

    def __init__(self) -> None:
        """Start knowing nothing."""
        self._usual: dict[tuple[int, int], float] = {}

    def limit(self, unit: int, count: int) -> float:
        """Return how long to wait for this reply."""
        usual = self._usual.get((unit, count), LONGEST_LIMIT)
        return min(LONGEST_LIMIT, max(SHORTEST_LIMIT, USUAL_TIMES * usual))

    def knock_limit(self, unit: int) -> float:
        """Return how long to wait for a sign of life from a unit that has long been silent.

        It is the shortest limit wherever the other units answer at their usual speed.
        """
        quickest: dict[int, float] = {}
        for (known, _), seconds in self._usual.items():
            if known != unit:
                quickest[known] = min(seconds, quickest.get(known, seconds))
        slowest = max(quickest.values(), default=LONGEST_LIMIT)
        return min(LONGEST_LIMIT, max(SHORTEST_LIMIT, KNOCK_TIMES * slowest))

    def answered(self, unit: int, count: int, seconds: float) -> None:
        """Learn from a reply."""
        usual = self._usual.setdefault((unit, count), seconds)
        self._usual[unit, count] = usual + _NEW_WEIGHT * (seconds - usual)

    def unanswered(self, unit: int, count: int) -> None:
        """Wait longer next time: the line may have become slow."""
        if (unit, count) in self._usual:
            self._usual[unit, count] = min(LONGEST_LIMIT, 2 * self._usual[unit, count])

    def as_milliseconds(self, unit: int) -> dict[int, int]:
        """Return one unit's usual reply times by number of registers."""
        return {
            count: round(1000 * seconds)
            for (known, count), seconds in self._usual.items()
            if known == unit
        }
