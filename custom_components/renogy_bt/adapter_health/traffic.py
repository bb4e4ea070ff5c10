"""Learned traffic of an adapter: which silence is normal in this place.

A sign of life is an advertisement heard or a connection made through the
adapter. What is learned is how long the silences between them are.
"""

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
LIVELY_DEVICES = 3.0
"""Devices that cannot all fall silent at once by chance."""
SMOOTHING = 0.05
LONGEST_INTERVAL = 600.0
"""A longer silence is an event, not an interval between signs of life, s."""
FAMILIARITY = 20
"""Looks after which the average number of devices can be trusted."""
MOST_DEVICES = 1000
MOST_SILENCES = 1e9
LEAST_SILENCE = 120.0
"""Shortest silence that can mean anything: advertisements are sampled every 30 s."""
MARGIN = 1.5
MISSES = 4.0
"""Usual intervals that must pass without a sign of life."""


@dataclass(frozen=True, slots=True)
class LearnedTraffic:
    """Silences seen at one adapter, and how many devices it usually hears."""

    weights: tuple[float, ...] = (0.0,) * len(EDGES)
    """Number of silences in each class of `EDGES`, the older ones faded."""
    interval: float = 0.0
    """Running mean of the silences, s."""
    devices: float = 0.0
    """Running mean of the devices heard at a time."""
    looks: int = 0
    since_faded: float = 0.0
    """Time since the weights were last faded, s."""

    def after_silence(self, seconds: float) -> Self:
        """What is known once a silence of this place has ended by itself."""
        if not seconds > 0:
            return self
        usual = min(seconds, LONGEST_INTERVAL)
        interval = (
            self.interval + SMOOTHING * (usual - self.interval)
            if self.interval
            else usual
        )
        passed = min(self.since_faded + seconds, 10 * MEMORY)
        weights = self.weights
        if seconds > SHORT:
            fading = _fading(passed)
            faded = [weight * fading for weight in weights]
            faded[min(bisect_left(EDGES, seconds), len(EDGES) - 1)] += 1.0
            weights, passed = tuple(faded), 0.0
        return self.__class__(weights, interval, self.devices, self.looks, passed)

    def after_look(self, devices: int) -> Self:
        """What is known after another look at a working adapter."""
        heard = min(max(devices, 0), MOST_DEVICES)
        if self.looks >= FAMILIARITY and abs(heard - self.devices) < 0.01:
            return self
        share = max(SMOOTHING, 1.0 / (self.looks + 1))
        return replace(
            self,
            devices=self.devices + share * (heard - self.devices),
            looks=min(self.looks + 1, FAMILIARITY),
        )

    @property
    def faded_weights(self) -> tuple[float, ...]:
        """The weights as they are by now."""
        fading = _fading(self.since_faded)
        return tuple(weight * fading for weight in self.weights)

    @property
    def longest_silence(self) -> float:
        """Longest silence that is remembered of this place, s."""
        least = REMEMBERED / _fading(self.since_faded)
        return max(
            (
                edge
                for edge, weight in zip(EDGES, self.weights, strict=True)
                if weight >= least
            ),
            default=0.0,
        )

    @property
    def meaningful_silence(self) -> float:
        """Silence that is out of the ordinary here, s."""
        return max(LEAST_SILENCE, MARGIN * self.longest_silence, MISSES * self.interval)

    @property
    def is_lively(self) -> bool:
        """Whether so many devices are usually heard that silence cannot be chance."""
        return self.looks >= FAMILIARITY and self.devices >= LIVELY_DEVICES


def _fading(seconds: float) -> float:
    return float(0.5 ** (seconds / MEMORY))
