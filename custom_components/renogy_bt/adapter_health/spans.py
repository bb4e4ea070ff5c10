# SPDX-License-Identifier: Apache-2.0
"""How long something lasts at a place when it ends by itself: silences, outages."""

from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import Self

from .samples import DAY

EDGES = (
    *(90.0, 120.0, 180.0, 240.0, 360.0, 480.0, 720.0, 960.0, 1440.0, 1920.0, 2700.0),
    *(3600.0, 5400.0, 7200.0, 10800.0, 14400.0, 21600.0, 28800.0, 43200.0, 57600.0),
    *(86400.0, 172800.0, 345600.0, 691200.0),
)
"""Upper edges of the classes of silences, s; longer ones fall into the last."""
SHORT = 60.0
"""Silences up to this length only count for the mean, s."""
MEMORY = 14 * DAY
"""Time in which the weight of a silence falls to a half, s."""
REMEMBERED = 0.3
"""Least weight at which a class of silences still counts as seen here."""
MOST_SPANS = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedSpans:
    """Spans of time that were seen at a place."""

    weights: tuple[float, ...] = (0.0,) * len(EDGES)
    """Number of spans in each class of `EDGES`, the older ones faded."""
    since_faded: float = 0.0
    """Time since the weights were last faded, s."""

    def after_span(self, seconds: float, passed: float) -> Self:
        """What is known after a further span; so much time has passed since the last one."""
        total = min(self.since_faded + passed, 10 * MEMORY)
        if seconds <= SHORT:
            return replace(self, since_faded=total)
        fading = _fading(total)
        faded = [weight * fading for weight in self.weights]
        faded[min(bisect_left(EDGES, seconds), len(EDGES) - 1)] += 1.0
        return replace(self, weights=tuple(faded), since_faded=0.0)

    @property
    def faded_weights(self) -> tuple[float, ...]:
        """The weights as they are by now."""
        fading = _fading(self.since_faded)
        return tuple(weight * fading for weight in self.weights)

    @property
    def longest(self) -> float:
        """Longest span that is remembered of this place, s."""
        least = REMEMBERED / _fading(self.since_faded)
        return max(
            (
                edge
                for edge, weight in zip(EDGES, self.weights, strict=True)
                if weight >= least
            ),
            default=0.0,
        )


def _fading(seconds: float) -> float:
    return float(0.5 ** (seconds / MEMORY))
