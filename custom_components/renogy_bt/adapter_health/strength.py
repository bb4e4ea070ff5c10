# SPDX-License-Identifier: Apache-2.0
"""How strongly a link is heard: not the last value, but each value for as long as it lasted.

BlueZ tells a strength anew only when it has changed by about 8 dB, proxies tell every one. So
the last value alone may be old, or one of many.
"""

from dataclasses import dataclass
from math import exp, sqrt
from typing import Self

from .samples import Strength

POSSIBLE = range(-126, 21)
"""The strengths of the Bluetooth specification, dBm; other values mean: not known."""
SPAN = 600.0
"""Time in which the weight of a strength falls to a third, s."""
SHORTEST_HOLD = 1.0
"""The least time for which a strength that was told counts, s."""
FALL = 10.0
"""One packet is seldom so much weaker than the others by chance: somebody moved, or shut a door, dB."""


@dataclass(frozen=True, slots=True)
class StrengthOverTime:
    """The strengths of one link at one source, weighted by the time that each lasted."""

    told_at: float
    told: int
    seconds: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    def heard(self, at: float, strength: int) -> Self:
        """What is known after a further advertisement."""
        if at < self.told_at:
            return self
        seconds, total, squares = self._until(at)
        return self.__class__(at, strength, seconds, total, squares)

    def strength(self, at: float) -> Strength:
        """The strength of late, or of when the link was last heard."""
        seconds, total, squares = self._until(max(at, self.told_at))
        mean = total / seconds
        if self.told < mean - FALL:
            # What was before a fall carries no connection after it.
            return Strength(mean=float(self.told))
        spread = sqrt(max(squares / seconds - mean * mean, 0.0))
        return Strength(mean=round(mean, 1), spread=round(spread, 1))

    def _until(self, at: float) -> tuple[float, float, float]:
        """The sums up to a time, the older parts of them faded."""
        passed = at - self.told_at
        fading = exp(-passed / SPAN)
        lasted = SPAN * (1.0 - exp(-max(passed, SHORTEST_HOLD) / SPAN))
        return (
            self.seconds * fading + lasted,
            self.total * fading + lasted * self.told,
            self.squares * fading + lasted * self.told**2,
        )
