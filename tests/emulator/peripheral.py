# SPDX-License-Identifier: Apache-2.0
"""A Bluetooth peripheral: it advertises, serves one central, and talks to its line."""

from collections.abc import Callable, Collection
from random import Random
from typing import Protocol

from .advertisement import Advertisement, advertisement_of
from .devices import Device
from .faults import ActiveFault
from .line import Line
from .radio import Signal
from .statistics import LinkStatistics
from .timers import Timers
from .world import Link, World


class Central(Protocol):
    """Who holds a link: an adapter's view of the peripheral."""

    def notified(self, data: bytes) -> None:
        """Take a notification of the reply characteristic."""

    def link_lost(self) -> None:
        """Take note that the link broke."""


class Peripheral:
    """One link of the world, seen from the air.

    It advertises every interval until a central has it; one central at a time.
    """

    def __init__(
        self,
        link: Link,
        devices: list[Device],
        world: World,
        timers: Timers,
        faults: Callable[[], Collection[ActiveFault]],
        advertise: Callable[[Peripheral, int], None],
    ) -> None:
        """Prepare a peripheral; `advertise` gets it with the swing of each advert, in dB."""
        self.link = link
        self.advertisement: Advertisement = advertisement_of(link)
        self.statistics = LinkStatistics()
        self._world = world
        self._timers = timers
        self._faults = faults
        self._advertise = advertise
        self._central: Central | None = None
        self._random = Random(f"{world.seed} {link.address}")
        self._above = False
        self._line = Line(
            devices=devices,
            timing=world.timing,
            timers=timers,
            statistics=self.statistics,
            faults=self._faults_of_unit,
            deliver=self._deliver,
            break_link=self.break_link,
            payload=link.mtu - 3,
            random=self._random,
            replies=link.replies,
        )

    def start(self) -> None:
        """Begin to advertise, at a random moment of the first interval."""
        self._timers.call_later(
            self._random.random() * self._world.advertising_interval, self._tick
        )

    def _tick(self) -> None:
        self._timers.call_later(self._world.advertising_interval, self._tick)
        if self.is_connectable:
            self._advertise(self, self._swing())

    @property
    def signal(self) -> Signal:
        """Return how strong it is."""
        weak = next(iter(self._faults_of_link("weak-signal")), None)
        if weak is not None:
            return Signal(weak.number("rssi"), weak.number("spread"))
        return Signal(self.link.rssi, self.link.spread)

    def _swing(self) -> int:
        """Return by how much the next advertisement is off the mean: up and down in turn.

        Chance takes the place of that where the strength has a spread.
        """
        if self.signal.spread is not None:
            return 0
        self._above = not self._above
        wobble = self._world.rssi_wobble
        return wobble if self._above else -wobble

    def _faults_of_link(self, *names: str) -> list[ActiveFault]:
        return [
            fault
            for fault in self._faults()
            if fault.name in names and fault.falls_on_link(self.link.address)
        ]

    def _faults_of_unit(self, unit: int) -> list[ActiveFault]:
        address = self.link.address
        return [
            fault
            for fault in self._faults()
            if "link" in fault.values
            and (
                fault.falls_on_unit(address, unit)
                if "unit" in fault.values
                else fault.falls_on_link(address)
            )
        ]

    @property
    def is_in_range(self) -> bool:
        """Tell whether radio gets through at all."""
        return not self._faults_of_link("out-of-range")

    @property
    def is_connectable(self) -> bool:
        """Tell whether it advertises and would take a central."""
        return (
            self._central is None
            and self.is_in_range
            and not self._faults_of_link("held-by-other-central")
        )

    @property
    def central(self) -> Central | None:
        """Return who holds the link."""
        return self._central

    def connect(self, central: Central) -> bool:
        """Give the link to a central; False when it is not to be had."""
        if not self.is_connectable:
            return False
        self._central = central
        self.statistics.connects += 1
        self.statistics.connect_seconds += self._world.timing.connect
        for fault in self._faults_of_link("link-drops"):
            self._timers.call_later(
                fault.number("seconds"), lambda: self.break_of(central)
            )
        return True

    def break_of(self, central: Central) -> None:
        """Break the link if it is this central's."""
        if self._central is central:
            self.break_link()

    def disconnect(self, central: Central) -> None:
        """Take the link back from a central that has it."""
        if self._central is central:
            self._central = None
            self._line.clear()
            self.statistics.disconnects += 1

    def break_link(self) -> None:
        """Break the link, if there is one, and tell the central."""
        central = self._central
        if central is not None:
            self.disconnect(central)
            central.link_lost()

    def write_request(self, data: bytes) -> None:
        """Take a write to the request characteristic."""
        self._line.write(data)

    def _deliver(self, piece: bytes) -> None:
        if self._central is not None:
            self.statistics.notifications += 1
            self._central.notified(piece)
