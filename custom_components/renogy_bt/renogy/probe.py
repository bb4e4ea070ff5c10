"""Finding the batteries behind a link, and refusing what is none (protocol 1.4, 1.7).

A unit that exists always answers, if only with an exception; silence means no such unit, or a
reply that was lost. So silent ids are asked a second time.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Final

from .decoder import RegisterImage, decode_identity
from .exceptions import (
    DeviceKind,
    ExceptionReply,
    LinkSilent,
    LinkUnreachable,
    NotABattery,
    ReplyTimeout,
)
from .families import Family
from .line import LONGEST_LIMIT, Line, ReplyTimes
from .modbus import BROADCAST_UNIT, Frame, ReadRequest
from .models import BatteryIdentity, FoundBattery, ProbeReport
from .plan import CELL_COUNT, IDENTITY, MODEL, Block
from .registers import MAX_CELLS
from .transport import Connector, open_transport

FIRST_PASS_SECONDS: Final = 1.0
SECOND_PASS_SECONDS: Final = 0.6
PROBE_SECONDS: Final = 60.0

PRODUCT_MODEL: Final = Block(0x000C, 8)
CONTROLLER_UNITS: Final = (96, 97, 16, 17)
INVERTER_UNIT: Final = 32


async def probe_link(
    connector: Connector, family: Family, unit_ids: Collection[int] = ()
) -> ProbeReport:
    """Find the batteries behind a link; `unit_ids` are asked besides the usual ones.

    Raises LinkUnreachable, LinkLost, LinkSilent when nothing answers, NotABattery when
    something else than a battery does.
    """
    if family.refused_as is not None:
        raise NotABattery(family.refused_as)
    transport = await open_transport(connector)
    prober = _Prober(Line(transport, ReplyTimes()), unit_ids)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(PROBE_SECONDS):
                await prober.find_batteries(family)
    finally:
        await transport.disconnect()
    batteries = prober.found()
    if not batteries:
        raise LinkUnreachable("The device answers too slowly")
    return ProbeReport(family=family.key, batteries=batteries)


class _Prober:
    """Asks the units of one link in turn."""

    def __init__(self, line: Line, unit_ids: Collection[int]) -> None:
        self._line = line
        self._unit_ids = tuple(
            unit for unit in dict.fromkeys(unit_ids) if unit != BROADCAST_UNIT
        )
        self._cells: dict[int, int] = {}
        self._identities: dict[int, BatteryIdentity] = {}
        self._answered: set[int] = set()

    async def find_batteries(self, family: Family) -> None:
        """Find the units that are batteries, and read their identities.

        Raises NotABattery or LinkSilent when there is none.
        """
        if family.built_in_bluetooth:
            await self._ask_alone()
        if not self._answered:
            await self._ask_each((*self._unit_ids, *family.probe_units))
        else:
            others = tuple(unit for unit in self._unit_ids if unit not in self._cells)
            await self._ask_units(others, FIRST_PASS_SECONDS)
        if not self._cells:
            await self._refuse()
        for unit in sorted(self._cells):
            self._identities[unit] = await self._identity(unit)

    def found(self) -> tuple[FoundBattery, ...]:
        """Return the batteries in the order of their ids, as far as they were asked."""
        nothing = BatteryIdentity()
        return tuple(
            FoundBattery(
                unit=unit,
                model=self._identities.get(unit, nothing).model,
                serial_number=self._identities.get(unit, nothing).serial_number,
                cells=cells,
            )
            for unit, cells in sorted(self._cells.items())
        )

    async def _ask_each(self, units: tuple[int, ...]) -> None:
        """Ask the units one by one, and 255 only when none of them answers.

        With several batteries on the bus a request to 255 makes them all talk at once.
        """
        asked = tuple(dict.fromkeys(units))
        silent = await self._ask_units(asked, FIRST_PASS_SECONDS)
        if not self._answered:
            await self._ask_alone()
        if BROADCAST_UNIT not in self._answered:
            await self._ask_units(silent, SECOND_PASS_SECONDS)

    async def _ask_units(self, units: tuple[int, ...], limit: float) -> tuple[int, ...]:
        """Ask units for their number of cells; return those that are silent."""
        silent = []
        for unit in units:
            await self._ask_cells(unit, self._patience(unit, limit))
            if unit not in self._answered:
                silent.append(unit)
        return tuple(silent)

    def _patience(self, unit: int, limit: float) -> float:
        """Return how long to wait for a unit that may not exist."""
        if unit in self._line.units_heard:
            # The unit was heard, but too late: it exists and is slow.
            return LONGEST_LIMIT
        return min(limit, SECOND_PASS_SECONDS) if self._answered else limit

    async def _ask_alone(self) -> None:
        """Ask 255, which a lone battery answers under an id of its own or under 255.

        The own id is preferred where the battery answers a request to it.
        """
        for _ in range(2):
            await self._ask_cells(BROADCAST_UNIT, LONGEST_LIMIT)
            if BROADCAST_UNIT in self._answered:
                break
        own_ids = self._line.units_heard - {BROADCAST_UNIT}
        if BROADCAST_UNIT not in self._cells or len(own_ids) != 1:
            return
        (own_id,) = own_ids
        await self._ask_cells(own_id, LONGEST_LIMIT)
        if own_id in self._cells:
            del self._cells[BROADCAST_UNIT]

    async def _ask_cells(self, unit: int, limit: float) -> None:
        """Ask one unit for its number of cells, which makes it a battery."""
        frame = await self._ask(unit, CELL_COUNT, limit)
        if frame is None:
            return
        cells = int.from_bytes(frame.data, "big")
        if 1 <= cells <= MAX_CELLS:
            self._cells[unit] = cells

    async def _ask(self, unit: int, block: Block, limit: float) -> Frame | None:
        """Return a unit's reply, None when it has none or refuses."""
        try:
            frame = await self._line.read(
                ReadRequest(unit, block.address, block.count), limit
            )
        except ReplyTimeout:
            return None
        except ExceptionReply:
            self._answered.add(unit)
            return None
        self._answered.add(unit)
        return frame

    async def _identity(self, unit: int) -> BatteryIdentity:
        """Return what a battery says of itself, in one block or else its model alone."""
        for block in (IDENTITY, IDENTITY, MODEL, MODEL):
            frame = await self._ask(unit, block, LONGEST_LIMIT)
            if frame is not None:
                return decode_identity(RegisterImage([(block.address, frame.data)]))
        return BatteryIdentity()

    async def _refuse(self) -> None:
        """Raise NotABattery for what answers, LinkSilent when nothing does."""
        if self._line.units_heard & {INVERTER_UNIT}:
            raise NotABattery(DeviceKind.INVERTER)
        alone = (BROADCAST_UNIT,) if BROADCAST_UNIT in self._answered else ()
        for unit in (*alone, *CONTROLLER_UNITS):
            if await self._ask(unit, PRODUCT_MODEL, SECOND_PASS_SECONDS) is not None:
                raise NotABattery(DeviceKind.CHARGE_CONTROLLER)
        await self._ask(INVERTER_UNIT, PRODUCT_MODEL, SECOND_PASS_SECONDS)
        if INVERTER_UNIT in self._answered:
            raise NotABattery(DeviceKind.INVERTER)
        if self._answered:
            raise NotABattery(DeviceKind.OTHER)
        raise LinkSilent("Nothing answers behind this device")
