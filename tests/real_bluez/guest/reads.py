# SPDX-License-Identifier: Apache-2.0
"""When the batteries were read."""

from collections.abc import Collection
from itertools import pairwise
from typing import Protocol

from tests.real_bluez.timing import LONGEST_GAP


class Log(Protocol):
    """What knows the time of the run and takes events."""

    def now(self) -> float:
        """Return the age of the run, in seconds."""

    def write(self, kind: str) -> None:
        """Write an event."""


class Reads:
    """When each battery was read, and when all of them had been read anew."""

    def __init__(self, units: Collection[int], log: Log) -> None:
        """Take the units that a complete poll has."""
        self._units = units
        self._log = log
        self._at: dict[int, float] = {}
        self.complete_at: list[float] = []

    def read(self, unit: int) -> None:
        """Note that a battery has just been read."""
        self._at[unit] = self._log.now()
        oldest = min(self._at.get(each, 0.0) for each in self._units)
        last = self.complete_at[-1] if self.complete_at else 0.0
        if oldest > last:
            self.complete_at.append(self._log.now())
            self._log.write("complete")

    def steady_since(self, moment: float) -> float | None:
        """Return since when, after a moment, complete reads have come without a gap."""
        since: float | None = None
        next_read = self._log.now()
        for at in reversed(self.complete_at):
            if at <= moment or next_read - at > LONGEST_GAP:
                break
            since = next_read = at
        return since

    def longest_gap(self) -> float:
        """Return the longest time between two complete reads, in seconds."""
        return max((after - at for at, after in pairwise(self.complete_at)), default=0)
