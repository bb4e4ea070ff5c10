# SPDX-License-Identifier: Apache-2.0
"""How long batteries were not read."""


class Outages:
    """The outages of the batteries of one bank, on the clock of its polls."""

    def __init__(self) -> None:
        """Start with every battery there."""
        self.ended: list[float] = []
        self._began: dict[int, float] = {}

    def trouble_ended(self, now: float) -> None:
        """Count from now on what is still missing: before, nobody could have read it."""
        self._began = dict.fromkeys(self._began, now)

    def polled(self, unit: int, now: float, *, complete: bool) -> None:
        """Take note whether a poll that ended now has read a battery."""
        if not complete:
            self._began.setdefault(unit, now)
        elif (began := self._began.pop(unit, None)) is not None:
            self.ended.append(now - began)

    @property
    def mean(self) -> float | None:
        """The mean length of the outages that ended, in seconds."""
        return sum(self.ended) / len(self.ended) if self.ended else None

    @property
    def longest(self) -> float | None:
        """The longest outage that ended, in seconds."""
        return max(self.ended, default=None)
