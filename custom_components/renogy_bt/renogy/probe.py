# SPDX-License-Identifier: Apache-2.0
"""Finding the batteries behind a link, and refusing what is none (protocol 1.4, 1.7).

A unit that exists always answers, if only with an exception; silence means no such unit, or a
reply that was lost. So silent ids are asked again, those that are likely more often.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Final

from .decoder import RegisterImage, decode_found, decode_identity
from .exceptions import (
    DeviceKind,
    ExceptionReply,
    LinkSilent,
    LinkUnreachable,
    NotABattery,
    ReplyTimeout,
)
from .families import Family
from .line import LONGEST_LIMIT, SHORTEST_LIMIT, USUAL_TIMES, Line, ReplyTimes
from .modbus import BROADCAST_UNIT, Frame, ReadRequest
from .models import FoundBattery, OtherDevice, ProbeReport
from .plan import CELL_COUNT, ELECTRICAL, MODEL, Block
from .recording import Recording
from .registers import MAX_CELLS
from .transport import Connector, open_transport
from .units import CONTROLLERS, INVERTER, candidates, is_far, is_neighbour, kind_of

FIRST_ANSWER_SECONDS: Final = 0.5
"""How long an id is waited for while nothing has answered yet, s."""
SHORTEST_WAIT: Final = 0.2
"""Less than the quickest reply of a real line takes (protocol 1.8), s."""
PROBE_SECONDS: Final = 60.0

PRODUCT_MODEL: Final = Block(0x000C, 8)
# With what follows it, so as not to be as long as the model: a late reply to one is none to the other.
SERIAL_NUMBER: Final = Block(5110, 12)

ASKS: Final = 3
"""How often a silent id is asked. With 5 % of the replies lost, one in 8,000 stays hidden."""
ASKS_OF_NEIGHBOUR: Final = 5
"""The same for an id next to one that answers, which is where the next battery is."""
ASKS_OF_FAR: Final = 2
"""The same for an id behind two that are silent, where hardly ever a battery is."""
ASKS_IN_TROUBLE: Final = 6
"""The same for every id of a line that was seen to lose replies."""
ASKS_IN_VAIN: Final = 2
"""The same while nothing has answered at all; ids of a wide search are then asked once."""


async def probe_link(
    connector: Connector,
    family: Family,
    unit_ids: Collection[int] = (),
    recording: Recording | None = None,
) -> ProbeReport:
    """Find the batteries behind a link; `unit_ids` are asked besides the usual ones.

    What goes over the line is kept in a recording, if one is given.

    Raises LinkUnreachable, LinkLost, LinkSilent when nothing answers, NotABattery when
    something else than a battery does.
    """
    if family.refused_as is not None:
        raise NotABattery(family.refused_as)
    clock = asyncio.get_running_loop().time
    recording = recording or Recording(clock())
    try:
        transport = await open_transport(connector)
    except LinkUnreachable as error:
        recording.characteristics = error.characteristics
        raise
    recording.connected_at = clock()
    recording.characteristics = transport.characteristics
    prober = _Prober(Line(transport, ReplyTimes(), recording), unit_ids)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(PROBE_SECONDS):
                await prober.find_batteries(family)
    finally:
        await transport.disconnect()
    batteries = prober.batteries
    if not batteries:
        if prober.has_heard_nothing:
            raise LinkSilent("Nothing answers behind this device")
        raise LinkUnreachable("The device answers too slowly")
    return ProbeReport(
        family=family.key, batteries=batteries, others=prober.other_devices
    )


class _Prober:
    """Asks the units of one link in turn."""

    def __init__(self, line: Line, listed: Iterable[int]) -> None:
        self._line = line
        self._listed = tuple(
            unit for unit in dict.fromkeys(listed) if unit != BROADCAST_UNIT
        )
        self._cells: dict[int, int] = {}
        self._models: dict[int, str | None] = {}
        self._details: dict[int, FoundBattery] = {}
        self._answered: set[int] = set()
        self._silences: Counter[int] = Counter()
        self._slowest_reply = 0.0
        self._is_in_trouble = False
        self._is_alone = False
        """One battery, and nothing else, is known to be there."""
        self._clock = asyncio.get_running_loop().time

    @property
    def batteries(self) -> tuple[FoundBattery, ...]:
        """The batteries in the order of their ids, as far as they were asked."""
        return tuple(
            self._details.get(unit)
            or FoundBattery(unit=unit, model=self._models.get(unit), cells=cells)
            for unit, cells in sorted(self._cells.items())
        )

    @property
    def has_heard_nothing(self) -> bool:
        """Whether no unit answered or was heard."""
        return not self._answered and not self._line.units_heard

    @property
    def other_devices(self) -> tuple[OtherDevice, ...]:
        """What else answers."""
        return tuple(
            OtherDevice(unit=unit, kind=kind_of(unit))
            for unit in sorted(self._answered - self._cells.keys() - {BROADCAST_UNIT})
        )

    async def find_batteries(self, family: Family) -> None:
        """Find the units that are batteries, and read their models.

        Raises NotABattery or LinkSilent when there is none.
        """
        if family.built_in_bluetooth:
            await self._ask_built_in(family)
        if not self._cells:
            await self._ask_each()
        if not self._cells:
            await self._refuse()
        if not self._is_alone:
            await self._notice_others()
        for unit in sorted(self._cells):
            self._models[unit] = await self._model(unit)
        for unit in sorted(self._cells):
            await self._ask_details(unit)

    async def _ask_built_in(self, family: Family) -> None:
        """Ask a battery that is alone, first under the id that its family has."""
        if family.own_unit != BROADCAST_UNIT:
            await self._ask_cells(family.own_unit)
        self._is_alone = bool(self._cells)
        if not self._is_alone:
            await self._ask_alone()
        if self._is_alone:
            for unit in self._listed:
                if unit not in self._answered:
                    await self._ask_cells(unit)

    async def _ask_each(self) -> None:
        """Ask the units one by one, and 255 only when none of them answers.

        With several batteries on the bus a request to 255 makes them all talk at once.
        """
        for unit in (*self._listed, *candidates((), wide=False)):
            await self._ask_cells(unit)
        if not self._answered:
            await self._ask_alone()
        if self._is_alone:
            return
        await self._search(wide=False)
        if not self._cells:
            await self._search(wide=True)

    async def _notice_others(self) -> None:
        """Ask once for what may stand beside the batteries on one line."""
        for unit in CONTROLLERS[:2]:
            if unit not in self._answered:
                await self._ask_cells(unit)

    async def _search(self, *, wide: bool) -> None:
        """Ask the silent ids again, those first that were asked least often."""
        while (unit := self._next_silent(wide=wide)) is not None:
            await self._ask_cells(unit)

    def _next_silent(self, *, wide: bool) -> int | None:
        units = dict.fromkeys(
            (*self._listed, *candidates(self._cells, wide=wide), *self._heard_late)
        )
        silent = [
            unit
            for unit in units
            if unit not in self._answered
            and self._silences[unit] < self._asks_due(unit)
        ]
        return min(silent, key=lambda unit: self._silences[unit], default=None)

    def _asks_due(self, unit: int) -> int:
        """Return how often an id is asked before its silence is believed."""
        if unit in self._heard_late or self._is_in_trouble:
            return ASKS_IN_TROUBLE
        if unit in self._listed or is_neighbour(unit, self._cells):
            return ASKS_OF_NEIGHBOUR
        if self._answered:
            return ASKS_OF_FAR if is_far(unit, self._cells) else ASKS
        return ASKS_IN_VAIN if unit in candidates((), wide=False) else 1

    @property
    def _heard_late(self) -> set[int]:
        """The units that were heard when they were not waited for any more."""
        return self._line.units_heard - self._answered - {BROADCAST_UNIT}

    def _patience(self, unit: int) -> float:
        """Return how long to wait for a unit that may not exist, by what the line has shown.

        A reply that takes longer is not lost: the unit is heard while another one is asked.
        """
        if unit in self._heard_late:
            return LONGEST_LIMIT
        if not self._slowest_reply:
            return FIRST_ANSWER_SECONDS
        return min(LONGEST_LIMIT, max(SHORTEST_WAIT, self._slowest_reply))

    @property
    def _patience_with_battery(self) -> float:
        """How long to wait for the model of a battery that has told its cells."""
        usual = USUAL_TIMES * self._slowest_reply
        return min(LONGEST_LIMIT, max(SHORTEST_LIMIT, usual))

    async def _ask_alone(self) -> None:
        """Ask 255, which a lone battery answers under an id of its own or under 255.

        The own id is preferred where the battery answers a request to it.
        """
        for _ in range(ASKS_IN_VAIN):
            await self._ask_cells(BROADCAST_UNIT, LONGEST_LIMIT)
            if BROADCAST_UNIT in self._answered:
                break
        self._is_alone = BROADCAST_UNIT in self._cells
        own_ids = self._line.units_heard - {BROADCAST_UNIT}
        if not self._is_alone or len(own_ids) != 1:
            return
        (own_id,) = own_ids
        for _ in range(ASKS):
            await self._ask_cells(own_id, self._patience_with_battery)
            if own_id in self._cells:
                del self._cells[BROADCAST_UNIT]
                break

    async def _ask_cells(self, unit: int, limit: float | None = None) -> None:
        """Ask one unit for its number of cells, which makes it a battery."""
        patience = self._patience(unit) if limit is None else limit
        frame = await self._ask(unit, CELL_COUNT, patience)
        if frame is None:
            return
        cells = int.from_bytes(frame.data, "big")
        if 1 <= cells <= MAX_CELLS:
            self._cells[unit] = cells

    async def _ask(self, unit: int, block: Block, limit: float) -> Frame | None:
        """Return a unit's reply, None when it has none or refuses."""
        asked_at, frame = self._clock(), None
        try:
            frame = await self._line.read(
                ReadRequest(unit, block.address, block.count), limit
            )
        except ReplyTimeout:
            self._is_in_trouble |= unit in self._answered
            self._silences[unit] += 1
            return None
        except ExceptionReply:
            pass
        self._is_in_trouble |= unit not in self._answered and self._silences[unit] > 0
        self._answered.add(unit)
        self._slowest_reply = max(self._slowest_reply, self._clock() - asked_at)
        return frame

    async def _model(self, unit: int) -> str | None:
        """Return the model that a battery tells."""
        for _ in range(ASKS):
            frame = await self._ask(unit, MODEL, self._patience_with_battery)
            if frame is not None:
                return decode_identity(
                    RegisterImage([(MODEL.address, frame.data)])
                ).model
        return None

    async def _ask_details(self, unit: int) -> None:
        """Ask once for what people know a battery by: nothing depends on it."""
        answered = []
        for block in (ELECTRICAL, SERIAL_NUMBER):
            frame = await self._ask(unit, block, self._patience_with_battery)
            if frame is not None:
                answered.append((block.address, frame.data))
        self._details[unit] = decode_found(
            RegisterImage(answered), unit, self._models[unit], self._cells[unit]
        )

    async def _refuse(self) -> None:
        """Raise NotABattery for what answers, LinkSilent when nothing does."""
        if INVERTER in self._line.units_heard:
            raise NotABattery(DeviceKind.INVERTER)
        alone = (BROADCAST_UNIT,) if BROADCAST_UNIT in self._answered else ()
        for unit in (*alone, *CONTROLLERS):
            if await self._ask(unit, PRODUCT_MODEL, FIRST_ANSWER_SECONDS) is not None:
                raise NotABattery(DeviceKind.CHARGE_CONTROLLER)
        await self._ask(INVERTER, PRODUCT_MODEL, FIRST_ANSWER_SECONDS)
        if INVERTER in self._answered:
            raise NotABattery(DeviceKind.INVERTER)
        if self._answered:
            raise NotABattery(DeviceKind.OTHER)
        raise LinkSilent("Nothing answers behind this device")
