# SPDX-License-Identifier: Apache-2.0
"""What distance does to radio: strengths that vary, packets lost, links that break.

`CURVE` is the one place that says what a strength is good for. Common receivers of hosts
give up at -90 to -94 dBm in a cable (LE 1M, a third of the packets lost); rooms take
several dB of that, because other radios share the band. One advertisement is one packet
one way. A connection takes dozens of packets both ways within a second, the dongle's
small receiver among them, so it fails some 4 dB earlier: reports of connects that abort
begin at about -80 dBm (hbldh/bleak#993), and at -85 to -95 dBm some advertisements
arrive and hardly a connect succeeds (BMS_BLE-HA#245, #705, #815). The chance of one
connect is small there because a poll tries it a dozen times, and one success is enough.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
import math
from random import Random


@dataclass(frozen=True, slots=True)
class Reach:
    """What a strength in dBm is good for.

    `heard` and `connects` are the chances of one advertisement and of one connect,
    `breaks` how often a connection breaks, per second.
    """

    strength: float
    heard: float
    connects: float
    breaks: float


CURVE = (
    Reach(-76, heard=1.0, connects=1.0, breaks=0.0),
    Reach(-80, heard=0.97, connects=0.8, breaks=0.005),
    Reach(-82, heard=0.9, connects=0.25, breaks=0.05),
    Reach(-84, heard=0.8, connects=0.03, breaks=0.3),
    Reach(-86, heard=0.6, connects=0.003, breaks=1.0),
    Reach(-88, heard=0.4, connects=0.0003, breaks=2.0),
    Reach(-92, heard=0.1, connects=0.0, breaks=4.0),
    Reach(-96, heard=0.01, connects=0.0, breaks=6.0),
    Reach(-100, heard=0.0, connects=0.0, breaks=10.0),
)

SLOW_SHARE = 0.5
FAST_SHARE = 0.87
"""Of a spread: what people and doors do, and what each packet's channel does (squares add up)."""
SLOW_SECONDS = 300.0
"""How long the slow part remembers itself: somebody sits, a door stays open."""
RECHECK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Signal:
    """How strong a peripheral is at an adapter without attenuation, in dBm.

    Without a spread it stays as it is.
    """

    mean: float
    spread: float | None = None


def reach_of(strength: float) -> Reach:
    """Return what a strength is good for, between the rows of the table on a straight line."""
    if strength >= CURVE[0].strength:
        return CURVE[0]
    for above, below in pairwise(CURVE):
        if strength >= below.strength:
            share = (above.strength - strength) / (above.strength - below.strength)
            return Reach(
                strength,
                *(
                    getattr(above, name)
                    + share * (getattr(below, name) - getattr(above, name))
                    for name in ("heard", "connects", "breaks")
                ),
            )
    return CURVE[-1]


@dataclass(slots=True)
class _Drift:
    """The slow part of a strength, in spreads, which it wanders around the mean."""

    value: float
    at: float


@dataclass(slots=True)
class Receiver:
    """How one radio, of an adapter or of a proxy, gets on with the peripherals.

    `now` is the clock of the world; `attenuation` in dB is taken from what it hears.
    """

    seed: int
    address: str
    attenuation: float
    now: Callable[[], float]
    _random: dict[str, Random] = field(default_factory=dict)
    _drift: dict[str, _Drift] = field(default_factory=dict)

    def level(self, peripheral: str, signal: Signal) -> float:
        """Return how strong a peripheral is at present, apart from each packet's luck."""
        level = signal.mean - self.attenuation
        if signal.spread:
            level += SLOW_SHARE * signal.spread * self._drifted(peripheral)
        return level

    def hears(self, peripheral: str, signal: Signal, wobble: float) -> int | None:
        """Return the strength of one advertisement, None when it is lost."""
        luck = self._luck(peripheral)
        fast = FAST_SHARE * (signal.spread or 0.0) * luck.gauss(0.0, 1.0)
        strength = self.level(peripheral, signal) + wobble + fast
        if luck.random() >= reach_of(strength).heard:
            return None
        return round(strength)

    def hears_response(self, peripheral: str, strength: float) -> bool:
        """Tell whether a scan response arrives: its request went the same way before."""
        return self._luck(peripheral).random() < reach_of(strength).heard ** 2

    def reaches(self, peripheral: str, signal: Signal) -> bool:
        """Tell whether anything can be heard at all."""
        return reach_of(self.level(peripheral, signal)).heard > 0.0

    def misses_nothing(self, peripheral: str, signal: Signal) -> bool:
        """Tell whether every advertisement is heard."""
        return reach_of(self.level(peripheral, signal)).heard >= 1.0

    def connects(self, peripheral: str, signal: Signal) -> bool:
        """Tell whether a connect to a peripheral that was just heard succeeds."""
        chance = reach_of(self.level(peripheral, signal)).connects
        return self._luck(peripheral).random() < chance

    def lasts(self, peripheral: str, signal: Signal) -> float:
        """Return after how many seconds a connection breaks, unless it changes before."""
        breaks = reach_of(self.level(peripheral, signal)).breaks
        return self._luck(peripheral).expovariate(breaks) if breaks else math.inf

    def _luck(self, peripheral: str) -> Random:
        if peripheral not in self._random:
            self._random[peripheral] = Random(
                f"{self.seed} {self.address} {peripheral}"
            )
        return self._random[peripheral]

    def _drifted(self, peripheral: str) -> float:
        """Return the slow part now: a random walk that is drawn back to the mean."""
        luck, now = self._luck(peripheral), self.now()
        drift = self._drift.get(peripheral)
        if drift is None:
            drift = self._drift[peripheral] = _Drift(luck.gauss(0.0, 1.0), now)
        # A test's own clock may end, and the real one go on from an earlier time.
        kept = math.exp(-max(0.0, now - drift.at) / SLOW_SECONDS)
        drift.value = kept * drift.value + math.sqrt(1 - kept**2) * luck.gauss(0.0, 1.0)
        drift.at = now
        return drift.value
