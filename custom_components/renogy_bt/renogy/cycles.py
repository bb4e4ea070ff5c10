# SPDX-License-Identifier: Apache-2.0
"""Counting cycles where the byte order of the count is not known (protocol 1.6).

One report says that `RNGC` sends the low byte first, another battery of that name does not.
Which of the two a battery is shows over time: a count only grows, and slowly. 5 after 4 is
one more cycle, 1280 after 1024 is none, although both pairs may be the same words.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

MOST_CYCLES: Final = 20_000
# A battery that is cycled once a day for 16 years.
_MOST_LIKELY: Final = 6_000
# Charging and discharging at the highest current take an hour each.
_CYCLES_PER_HOUR: Final = 1
_SECONDS_PER_HOUR: Final = 3600
# An odd word comes alone: what goes on in this many readings is another battery.
_READINGS_TO_START_OVER: Final = 3


def _swapped(raw: int) -> int:
    return int.from_bytes(raw.to_bytes(2, "big"), "little")


@dataclass(frozen=True, slots=True)
class _Seen:
    """A word as it was read, and what it says in each byte order."""

    raw: int
    at: datetime

    def count(self, low_byte_first: bool) -> int:
        return _swapped(self.raw) if low_byte_first else self.raw

    def follows(self, before: _Seen, low_byte_first: bool) -> bool:
        """Tell whether this count can be the one before, some time later."""
        growth = self.count(low_byte_first) - before.count(low_byte_first)
        hours = (self.at - before.at).total_seconds() / _SECONDS_PER_HOUR
        return 0 <= growth <= 1 + _CYCLES_PER_HOUR * max(0.0, hours)


class CycleCounter:
    """What the words of one battery's cycle count have shown so far."""

    def __init__(self) -> None:
        """Start knowing nothing of the byte order."""
        self._low_byte_first: bool | None = None
        self._believed: _Seen | None = None
        self._odd: list[_Seen] = []

    def count(self, raw: int, at: datetime) -> int | None:
        """Return the number of cycles, None while it cannot be told."""
        seen = _Seen(raw, at)
        possible = [each for each in (False, True) if seen.count(each) <= MOST_CYCLES]
        if not possible or not self._goes_on(seen, possible):
            return None
        self._believed = seen
        self._odd.clear()
        if self._low_byte_first is not None:
            return seen.count(self._low_byte_first)
        return _likely(seen)

    def _goes_on(self, seen: _Seen, possible: list[bool]) -> bool:
        """Tell whether a word follows what was seen before, and learn the order from it."""
        if self._believed is None:
            fitting = possible
        else:
            orders = (
                possible if self._low_byte_first is None else [self._low_byte_first]
            )
            fitting = [
                each
                for each in orders
                if each in possible and seen.follows(self._believed, each)
            ]
        if not fitting:
            return self._starts_over(seen, possible)
        if len(fitting) == 1:
            self._low_byte_first = fitting[0]
        return True

    def _starts_over(self, seen: _Seen, possible: list[bool]) -> bool:
        """Tell whether the words go on from another count than before, not for once only."""
        if self._odd and not any(
            seen.follows(self._odd[-1], each) for each in possible
        ):
            self._odd.clear()
        self._odd.append(seen)
        if len(self._odd) < _READINGS_TO_START_OVER:
            return False
        self._low_byte_first = None
        return True


def _likely(seen: _Seen) -> int | None:
    """Return the count of the likelier byte order, None where neither is.

    The other order makes 1024 of 4. Of 256 counts one is a multiple of 256: a word with an
    empty byte is most likely the small count.
    """
    small, large = sorted(seen.count(each) for each in (False, True))
    if small == large or large > _MOST_LIKELY >= small or not large & 0xFF:
        return small
    return None
