# SPDX-License-Identifier: Apache-2.0
"""Learned traffic of an adapter: which silence is normal in this place.

A sign of life is an advertisement heard or a connection made through the
adapter. What is learned is how long the silences between them are.
"""

from dataclasses import dataclass, replace
from typing import Self

from .samples import DAY, HOUR
from .spans import LearnedSpans

LIVELY_DEVICES = 3.0
"""Devices that cannot all fall silent at once by chance."""
SMOOTHING = 0.05
KNOWN_AFTER = 14 * DAY
"""A place whose nights, weekends and fortnights have not been seen is not known, s."""
FAMILIARITY = 20
"""Looks after which the average number of devices can be trusted."""
MOST_DEVICES = 1000
LONGEST_WATCH = 1e9
LEAST_SILENCE = 120.0
"""Shortest silence that can mean anything: advertisements are sampled every 30 s."""
MARGIN = 1.5
MISSES = 4.0
"""Usual intervals that must pass without a sign of life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedTraffic(LearnedSpans):
    """Silences seen at one adapter, and how many devices it usually hears."""

    interval: float = 0.0
    """Running mean of the silences, s."""
    devices: float = 0.0
    """Running mean of the devices heard at a time."""
    looks: int = 0
    watched: float = 0.0
    """Time over which silences were seen to begin and end, s."""

    def after_silence(self, seconds: float, listened: float) -> Self:
        """What is known once a silence of this place has ended by itself.

        Who ended it could be heard for the `listened` seconds at its end alone: a peripheral is
        silent while it is connected.
        """
        if not (seconds > 0 and 0 <= listened <= seconds):
            return self
        # A longer silence is an event, not an interval between signs of life.
        usual = min(listened, HOUR)
        interval = (
            self.interval + SMOOTHING * (usual - self.interval)
            if self.interval
            else usual
        )
        watched = min(self.watched + seconds, LONGEST_WATCH)
        return replace(
            self.after_span(listened, seconds), interval=interval, watched=watched
        )

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
    def meaningful_silence(self) -> float:
        """Silence that is out of the ordinary here, s."""
        return max(LEAST_SILENCE, MARGIN * self.longest, MISSES * self.interval)

    @property
    def is_known(self) -> bool:
        """Whether this place was watched for so long that its habits are known."""
        return self.watched >= KNOWN_AFTER

    @property
    def is_lively(self) -> bool:
        """Whether so many devices are usually heard that silence cannot be chance."""
        return self.looks >= FAMILIARITY and self.devices >= LIVELY_DEVICES
