# SPDX-License-Identifier: Apache-2.0
"""A BT-2 and the batteries behind it: the emulated line, with trouble by chance."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from random import Random
from typing import Any, Final, Protocol, override

from tests.emulator.devices import Battery, Device
from tests.emulator.faults import ActiveFault
from tests.emulator.line import Delivery, Line
from tests.emulator.modbus import Request
from tests.emulator.statistics import LinkStatistics
from tests.emulator.world import Timing, Unit

from .bank import registers_at
from .metering import CpuMeter, MeteredTimers
from .troubles import Dice

NOTIFICATION_BYTES: Final = 248
TIMING: Final = Timing()

# The registers that mean something (protocol 1.5); what is between them is reserve.
MEANINGFUL: Final = frozenset(
    address
    for low, high in ((5000, 5033), (5035, 5052), (5100, 5141), (5200, 5223))
    for address in range(low, high + 1)
)


class Central(Protocol):
    """Who is connected to the dongle."""

    def notified(self, data: bytes) -> None:
        """Take a notification of the reply characteristic."""

    def link_lost(self) -> None:
        """Take note that the link broke."""


class _TroubledLine(Line):
    """The emulated line, where chance has a hand in each reply."""

    def __init__(
        self, dice: Dice, answered: Callable[[Request], None], **line: Any
    ) -> None:
        super().__init__(**line)
        self.unanswered = 0
        self._dice = dice
        self._answered = answered

    @override
    def _answer(self, request: Request, faults: list[ActiveFault]) -> bytes | None:
        frame = super()._answer(request, faults)
        self.unanswered += frame is None
        self._dice.note(request, frame)
        return frame

    @override
    def _delivery(
        self, request: Request, frame: bytes, faults: list[ActiveFault]
    ) -> Delivery | None:
        befalling = self._dice.befalling()
        if not befalling and len(frame) > 2 * request.count:
            self._answered(request)
        return super()._delivery(request, frame, [*faults, *befalling])


class Dongle:
    """One peripheral with its batteries, for one central at a time.

    `registers` are the words of each unit as they are now, `words` the meaningful ones that
    were delivered as they should, each as unit and address, once.
    """

    def __init__(self, units: Iterable[Unit], dice: Dice) -> None:
        """Start at epoch 0 with nobody connected."""
        self.statistics = LinkStatistics()
        self.meter = CpuMeter()
        self.registers: dict[int, Mapping[int, int]] = {}
        self.words: set[tuple[int, int]] = set()
        self._units = tuple(units)
        self._devices: list[Device] = []
        self._dice = dice
        self._central: Central | None = None
        self._line = _TroubledLine(
            dice,
            self._count_words,
            devices=self._devices,
            timing=TIMING,
            timers=MeteredTimers(self.meter),
            statistics=self.statistics,
            faults=dice.standing,
            deliver=self._deliver,
            break_link=self._break_link,
            payload=NOTIFICATION_BYTES,
            random=Random(0),
        )
        self.move_to(0)

    def move_to(self, epoch: int) -> None:
        """Let the world be at an epoch."""
        self.registers = {
            unit.unit_id: registers_at(unit, epoch) for unit in self._units
        }
        self._devices[:] = [
            Battery(
                Unit(
                    unit_id=unit.unit_id,
                    registers=self.registers[unit.unit_id],
                    readable=unit.readable,
                ),
                None,
                partial(float, 0.0),
            )
            for unit in self._units
        ]

    @property
    def line_seconds(self) -> float:
        """The least time that anybody would need for what was connected and answered."""
        statistics = self.statistics
        in_vain = self._line.unanswered * TIMING.reply
        return statistics.connect_seconds + statistics.reply_seconds - in_vain

    @property
    def is_free(self) -> bool:
        """Tell whether nobody is connected."""
        return self._central is None

    def connect(self, central: Central) -> None:
        """Give the link to a central."""
        self._central = central
        self.statistics.connects += 1
        self.statistics.connect_seconds += TIMING.connect

    def disconnect(self, central: Central) -> None:
        """Take the link back from the central that has it."""
        if self._central is central:
            self._central = None
            self._line.clear()
            self.statistics.disconnects += 1

    def write(self, data: bytes) -> None:
        """Take a write to the request characteristic."""
        self.meter.enter()
        self._line.write(data)
        self.meter.leave()

    def _deliver(self, piece: bytes) -> None:
        if self._central is not None:
            self.statistics.notifications += 1
            self.meter.leave()
            self._central.notified(piece)
            self.meter.enter()

    def _break_link(self) -> None:
        central = self._central
        if central is not None:
            self.disconnect(central)
            self.meter.leave()
            central.link_lost()
            self.meter.enter()

    def _count_words(self, request: Request) -> None:
        self.words.update(
            (request.unit, address)
            for address in range(request.address, request.address + request.count)
            if address in MEANINGFUL
        )
