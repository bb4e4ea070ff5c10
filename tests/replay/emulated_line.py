# SPDX-License-Identifier: Apache-2.0
"""An emulated line below the device library, on a virtual clock."""

import asyncio
from random import Random

from custom_components.renogy_bt.renogy.transport import Transport
from tests.emulator.devices import devices_of
from tests.emulator.line import Line
from tests.emulator.statistics import LinkStatistics
from tests.emulator.world import Link, Timing
from tests.renogy.fake_link import FakeLink


class EmulatedLine:
    """An emulated line as a link of the library's tests, on the loop's virtual clock."""

    def __init__(self, link: Link, timing: Timing = Timing()) -> None:
        """Wire it up; nobody is connected."""
        self.link = link
        self.fake = FakeLink({})
        self._line = Line(
            devices=devices_of(link, None, lambda: 0.0),
            timing=timing,
            timers=asyncio.get_running_loop(),  # type: ignore[arg-type]
            statistics=LinkStatistics(),
            faults=lambda _: [],
            deliver=self._deliver,
            break_link=lambda: None,
            payload=248,
            random=Random(1),
            replies=link.replies,
        )

    def _deliver(self, piece: bytes) -> None:
        self.fake.connections[-1].notify(piece)

    async def connect(self) -> Transport:
        """Connect, and have the line answer."""
        transport = await self.fake.connector()()
        transport.write = self._write  # type: ignore[method-assign]
        return transport

    async def _write(self, frame: bytes) -> None:
        self._line.write(frame)
