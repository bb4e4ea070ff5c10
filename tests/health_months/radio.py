"""The radio of a simulated place: how strong a link arrives, and what that carries."""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, sqrt
from random import Random

from custom_components.renogy_bt.supervisor.link_records import LinkRecords

MINUTE = 60.0
HOUR = 3600.0
DAY = 24 * HOUR
DONGLE = "6C:B2:FD:A1:B2:C3"
PROXY = "AA:BB:CC:00:00:09"

HALF_HEARD = -94.0
"""Strength at which half of the advertisements are lost, dBm."""
HALF_CONNECTED = -84.0
"""Strength at which half of the connections come about, dBm."""
HEARD_SLOPE = 2.0
CONNECTED_SLOPE = 1.5
ADVERTISEMENT_EVERY = 2.0
FADING = 900.0
"""Time in which a strength is forgotten: people, doors and weather come and go, s."""
TOLD_ANEW = 8
"""BlueZ tells a strength anew only when it has changed by so much, dB."""
GOOD_STRENGTH = -60.0
STRONG = -75.0
"""A stronger signal always arrives, dBm."""

RETRY = 30.0
HEARD_RETRY = 5.0
LONGEST_RETRY = 300.0

type When = Callable[[float], bool]


def always(_: float) -> bool:
    """Say yes at any time."""
    return True


def never(_: float) -> bool:
    """Say no at any time."""
    return False


def between(begin: float, end: float) -> When:
    """Say yes from one time to another."""
    return lambda now: begin <= now < end


def nightly(begin_hour: float, end_hour: float) -> When:
    """Say yes each night from one hour to another past midnight."""
    return lambda now: not end_hour <= (now / HOUR) % 24 < begin_hour


def daily(begin: float, end: float) -> When:
    """Say yes each day from one second of the day to another."""
    return lambda now: begin <= now % DAY < end


def except_(when: When) -> When:
    """Say yes whenever another says no."""
    return lambda now: not when(now)


def _chance(strength: float, half: float, slope: float) -> float:
    return 1.0 / (1.0 + exp(min((half - strength) / slope, 500.0)))


@dataclass(slots=True)
class Link:
    """One of our Bluetooth links in the simulated air."""

    address: str = DONGLE
    present: When = always
    """Whether it is switched on and in reach."""
    accepts: When = always
    """Whether it accepts connections."""
    visible: float = 1.0
    """Share of the looks at which an advertisement of it reaches Home Assistant."""
    rssi: tuple[float, float] = (GOOD_STRENGTH, 2.0)
    """Mean and spread of its strength at the adapter, dBm and dB."""
    heard_elsewhere: When = never
    """Whether another scanner hears it (and cannot connect to it)."""
    reached_elsewhere: When = never
    """Whether polls reach it through another scanner."""
    rssi_elsewhere: float = GOOD_STRENGTH
    polled: bool = True
    stale: bool = False
    """BlueZ holds a connection to it that nobody uses."""
    heard_at: float = 0.0
    """When it was last heard by anybody."""
    next_poll: float = 0.0
    retry_when_heard_from: float | None = None
    failures: int = 0
    """Polls in a row that failed."""
    heard_in_vain: int = 0
    """Polls in a row that failed although they were due because the link was heard."""
    told: float | None = None
    """Strength that was last told."""
    strength: float = GOOD_STRENGTH
    """Strength at this moment."""
    faded_at: float = 0.0
    fade: float = 0.0

    def note_poll(
        self, now: float, *, works: bool, interval: float, is_retry: bool
    ) -> None:
        """Plan the next poll, as the link's coordinator does."""
        if works:
            self.failures = self.heard_in_vain = 0
            self.retry_when_heard_from = None
            self.next_poll = now + interval
            return
        first = min(RETRY, interval)
        pause = min(first * 2.0 ** min(self.failures, 10), max(LONGEST_RETRY, first))
        self.next_poll = now + pause
        self.failures += 1
        self.heard_in_vain += is_retry
        wait = HEARD_RETRY * 2.0 ** min(self.heard_in_vain, 10)
        self.retry_when_heard_from = now + min(wait, LONGEST_RETRY)

    def move_to(self, now: float, random: Random) -> None:
        """Let the strength drift to a later time."""
        mean, spread = self.rssi
        kept = exp(-max(now - self.faded_at, 0.0) / FADING)
        slow = 0.8 * spread
        self.fade = kept * self.fade + slow * sqrt(1 - kept * kept) * random.gauss()
        self.faded_at = now
        self.strength = mean + self.fade + 0.6 * spread * random.gauss()

    def is_heard(self, seconds: float, random: Random) -> bool:
        """Whether any of the advertisements of a stretch of time arrives."""
        if self.visible < 1 and random.random() >= self.visible:
            return False
        if self.strength > STRONG:
            return True
        lost = 1.0 - _chance(self.strength, HALF_HEARD, HEARD_SLOPE)
        still_lost: float = lost ** max(seconds / ADVERTISEMENT_EVERY, 1.0)
        return random.random() >= still_lost

    def is_reached(self, random: Random) -> bool:
        """Whether the strength carries a connection this time."""
        if self.strength > STRONG:
            return True
        return random.random() < _chance(self.strength, HALF_CONNECTED, CONNECTED_SLOPE)

    def tell(
        self,
        records: LinkRecords,
        source: str,
        at: float,
        *,
        tells_every_strength: bool,
    ) -> None:
        """Have an advertisement told to the records, with the strength that is told with it."""
        strength = self.strength
        if (
            self.told is None
            or tells_every_strength
            or abs(strength - self.told) >= TOLD_ANEW
        ):
            self.told = strength
        records.advertisement(self.address, source, at, round(self.told))
