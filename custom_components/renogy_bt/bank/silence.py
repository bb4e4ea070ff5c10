# SPDX-License-Identifier: Apache-2.0
"""Which batteries of a bank have been silent for so long that the bank goes on without them."""

from collections.abc import Collection, Mapping
from typing import Final

LONGEST_GAP: Final = 1800.0
"""Between looks further apart nothing was read: not of the others either, s."""


def silent_before[K](read_until: Mapping[K, float]) -> dict[K, float]:
    """Return for how long each battery has not been read while another one was, in s.

    `read_until` are the last readings before a start, by any clock.
    """
    last = max(read_until.values(), default=0.0)
    return {battery: last - each for battery, each in read_until.items()}


class SilenceWatch[K]:
    """Counts for how long each battery of a bank has been silent, in s of a clock that never jumps.

    Only the time counts in which others are read: where nobody answers, it is not for the battery.
    A limit of 0 has every battery waited for.
    """

    def __init__(
        self, batteries: Collection[K], limit: float, silent: Mapping[K, float]
    ) -> None:
        """Go on from what was before the start."""
        self._limit = limit
        self._silent = {battery: silent.get(battery, 0.0) for battery in batteries}
        self._at: float | None = None

    def advance(self, at: float, read: Collection[K]) -> frozenset[K]:
        """Take which batteries have a reading, and return those that the bank goes on without."""
        elapsed = 0.0 if self._at is None else at - self._at
        self._at = at
        passed = elapsed if read and elapsed <= LONGEST_GAP else 0.0
        for battery, silent in self._silent.items():
            self._silent[battery] = 0.0 if battery in read else silent + passed
        if not self._limit:
            return frozenset()
        return frozenset(
            battery for battery, silent in self._silent.items() if silent >= self._limit
        )
