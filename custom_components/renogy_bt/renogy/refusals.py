# SPDX-License-Identifier: Apache-2.0
"""Batteries that answer, poll after poll, what cannot be true."""

from collections.abc import Collection, Mapping
from typing import Final

# A busy or disturbed line refuses a reading now and then: with one in ten refused, five in a
# row come once in 10^5 polls, and then still have to last.
REFUSED_POLLS: Final = 5
# No longer is a reading held: from then on the battery is unavailable because of it.
REFUSED_SECONDS: Final = 300.0


class RefusalWatch:
    """Follows the polls of one link; times are of a clock that never jumps (s).

    Only a good reading ends what began: a battery that falls silent meanwhile, or a link that
    is lost, tells nothing about the values.
    """

    def __init__(self) -> None:
        """Begin with nothing refused."""
        self._refused: dict[int, _Run] = {}

    def polled(
        self, at: float, refused: Mapping[int, str], fresh: Collection[int]
    ) -> None:
        """Take note of the checks that readings failed, and of the good readings."""
        for unit in fresh:
            self._refused.pop(unit, None)
        for unit, check in refused.items():
            self._refused.setdefault(unit, _Run(at)).add(at, check)

    def refused(self, unit: int) -> tuple[str, ...]:
        """Return the checks that a battery has failed for long, none otherwise."""
        run = self._refused.get(unit)
        return tuple(sorted(run.checks)) if run is not None and run.is_long else ()


class _Run:
    """A run of refused readings of one battery."""

    def __init__(self, began_at: float) -> None:
        self.checks: set[str] = set()
        self._began_at = self._last_at = began_at
        self._polls = 0

    def add(self, at: float, check: str) -> None:
        self.checks.add(check)
        self._last_at = at
        self._polls += 1

    @property
    def is_long(self) -> bool:
        lasted = self._last_at - self._began_at
        return self._polls >= REFUSED_POLLS and lasted >= REFUSED_SECONDS
