# SPDX-License-Identifier: Apache-2.0
"""The radio of a simulated place: how strong a link arrives, and what that carries."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from math import exp, sqrt
from random import Random

from custom_components.renogy_bt.links.breathing import Company
from custom_components.renogy_bt.links.retries import Retries
from custom_components.renogy_bt.supervisor.link_records import LinkRecords
from tests.emulator.radio import FAST_SHARE, SLOW_SECONDS, SLOW_SHARE, reach_of

MINUTE = 60.0
HOUR = 3600.0
DAY = 24 * HOUR
DONGLE = "6C:B2:FD:A1:B2:C3"
PROXY = "AA:BB:CC:00:00:09"

ADVERTISEMENT_EVERY = 10.0
"""An advertisement that reaches Home Assistant if the radio lets it, s: hosts scan half the time."""
CONNECTS = 12
"""So often a poll tries to connect before it gives up."""
READING = 3.0
"""Time for which a connection must last, s."""
TOLD_ANEW = 8
"""BlueZ tells a strength anew only when it has changed by so much, dB."""
GOOD_STRENGTH = -60.0

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


_reach = cache(reach_of)


@dataclass(slots=True)
class KeptConnection:
    """How a link is kept connected from poll to poll."""

    interval: float = 5.0
    source: str | None = None
    """The adapter or proxy that holds the connection, None while there is none."""
    breath_began_at: float | None = None
    """Since when it is let go for the scanner."""
    breathed_at: float | None = None
    company: Company = field(default_factory=Company)

    @property
    def breathes(self) -> bool:
        """Whether it is let go for the scanner."""
        return self.breath_began_at is not None


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
    kept: KeptConnection | None = None
    """How it is kept connected, None where each poll connects."""
    stale: bool = False
    """BlueZ holds a connection to it that nobody uses."""
    heard_at: float = 0.0
    """When it was last heard by anybody."""
    known_at: float = 0.0
    """When an advertisement of it last arrived, told of or not."""
    next_poll: float = 0.0
    retries: Retries = field(default_factory=lambda: Retries(MINUTE))
    told: float | None = None
    """Strength that was last told."""
    strength: float = GOOD_STRENGTH
    """Strength of the advertisement that was last heard."""
    level: float = GOOD_STRENGTH
    """Strength at this moment, apart from each packet's luck."""
    faded_at: float = 0.0
    fade: float = 0.0

    def note_poll(
        self,
        now: float,
        *,
        works: bool,
        interval: float,
        is_retry: bool,
        is_heard_seldom: bool,
    ) -> None:
        """Plan the next poll, as the link's coordinator does."""
        if works:
            self.retries.reached()
            self.next_poll = now + interval
            return
        self.retries.interval = interval
        self.retries.is_for_hearing = is_retry
        self.next_poll = now + self.retries.unreached(
            now, now, is_heard_seldom=is_heard_seldom
        )

    @property
    def is_held(self) -> bool:
        """Whether it is connected between its polls, and so does not advertise."""
        return self.kept is not None and self.kept.source is not None

    def is_lost(self, seconds: float, random: Random) -> bool:
        """Whether a connection breaks within a stretch of time, because the link is too weak."""
        reach = _reach(float(round(self.level)))
        return random.random() >= exp(-seconds * reach.breaks)

    def move_to(self, now: float, random: Random) -> None:
        """Let the strength drift to a later time."""
        mean, spread = self.rssi
        kept = exp(-max(now - self.faded_at, 0.0) / SLOW_SECONDS)
        self.fade = kept * self.fade + sqrt(1 - kept * kept) * random.gauss()
        self.faded_at = now
        self.level = mean + SLOW_SHARE * spread * self.fade

    def is_heard(self, seconds: float, random: Random) -> bool:
        """Whether any of the advertisements of a stretch of time arrives, and how strongly."""
        for _ in range(max(round(seconds / ADVERTISEMENT_EVERY), 1)):
            strength = self.level + FAST_SHARE * self.rssi[1] * random.gauss()
            if random.random() < _reach(float(round(strength))).heard:
                self.strength = strength
                return True
        return False

    def is_reported(self, random: Random) -> bool:
        """Whether bluetoothd tells of an advertisement that has arrived."""
        return self.visible >= 1 or random.random() < self.visible

    def is_reached(self, random: Random) -> bool:
        """Whether a connection comes about in the time of a poll, and lasts long enough."""
        reach = _reach(float(round(self.level)))
        lasting = reach.connects * exp(-READING * reach.breaks)
        return random.random() >= (1.0 - lasting) ** CONNECTS

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
