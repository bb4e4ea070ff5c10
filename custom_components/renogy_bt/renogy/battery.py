# SPDX-License-Identifier: Apache-2.0
"""One battery behind a link, and what is remembered of it from poll to poll."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from .confirmation import ANOTHER_BATTERY, Confirmation
from .cycles import CycleCounter
from .decoder import (
    RegisterImage,
    decode_configuration,
    decode_electrical,
    decode_identity,
    decode_reading,
)
from .exceptions import ExceptionReply, InvalidBlock, ReplyTimeout
from .families import Family
from .line import Line
from .modbus import Frame, ReadRequest
from .models import (
    BatteryConfiguration,
    BatteryIdentity,
    BatteryReading,
    ReadingFailure,
)
from .plan import (
    CELL_COUNT,
    CONFIGURATION,
    ELECTRICAL,
    ELECTRICAL_LONGER,
    EVERYTHING,
    IDENTITY,
    PROTECTIONS,
    Block,
    ReadPlan,
)
from .reader import BlockReader, image_of
from .registers import SETTLED_ELECTRICAL, SETTLED_STATUS
from .speeds import Extent, LastRead

# A reading is held this long while polls bring nothing that can be believed.
HELD_POLLS: Final = 3
HELD_SECONDS: Final = 300.0
# Where polls come every few seconds a reading of this age is no old one: by the shortest
# interval of a link that connects for each poll it is as old before the next.
RECENT_SECONDS: Final = 10.0

FIRST_CONTACT_RETRIES: Final = 2
SILENT_POLLS_UNTIL_BACKOFF: Final = 3
# Three polls at the shortest interval of a link that connects for each.
SILENT_SECONDS_UNTIL_BACKOFF: Final = 20.0
BACKOFF_SECONDS: Final = 300.0

DETAILS_SECONDS: Final = 6 * 3600.0
DETAILS_RETRY_SECONDS: Final = 300.0


def is_same_identity(before: BatteryIdentity, after: BatteryIdentity) -> bool:
    """Tell whether two identities can be of one battery; a missing text is no evidence."""
    return all(
        old is None or new is None or old == new
        for old, new in (
            (before.serial_number, after.serial_number),
            (before.model, after.model),
        )
    )


class Battery:
    """A unit: how to read it, what it said last, and how it has been answering.

    `identity_changed` tells that this is another battery than the last report was about.
    `answered` is about the poll under way; `failure` is why that poll brought nothing new, None
    when it did and `last_reading` is of it; `refused_by` is the check that a reading failed which
    holds what cannot be true. `may_answer_late` tells that the battery was given less time than
    the slowest one needs. `extent` is what the poll read where it succeeded.
    """

    def __init__(
        self,
        unit: int,
        family: Family,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        *,
        is_fast: bool = False,
    ) -> None:
        """Start knowing nothing but the unit id; `is_fast` is polled every few seconds."""
        self.unit = unit
        self.identity: BatteryIdentity | None = None
        self.configuration: BatteryConfiguration | None = None
        self.failure: ReadingFailure | None = ReadingFailure.NOT_POLLED
        self.refused_by: str | None = None
        self.answered = False
        self.may_answer_late = False
        self.identity_changed = False
        self.asked_at = float("-inf")
        self.retries = 0
        self.extent: Extent | None = None
        self._is_fast = is_fast
        self._whole: Mapping[Block, Frame] = {}
        self._status_at = self._everything_at = float("-inf")
        self._silent_since = 0.0
        self._family = self._family_by_name = family
        self._clock = clock
        self._now = now
        self._plan = ReadPlan()
        self.last_reading: BatteryReading | None = None
        self._last_reading_at = float("-inf")
        self._failed_polls = 0
        self._silent_polls = 0
        self._fruitless_polls = 0
        self.details_due_at = float("-inf")
        self._counters: Counter[str] = Counter()
        self._doubted: Counter[str] = Counter()
        self._cycle_counter = CycleCounter()
        self._last_objection: str | None = None
        self._confirmation = Confirmation()

    def begin_poll(self) -> None:
        """Forget the results of the last poll."""
        if self.failure is None and self.last_reading is not None:
            self._confirmation.believe(self.last_reading, self._last_reading_at)
        self.failure = ReadingFailure.NOT_POLLED
        self.refused_by = None
        self.answered = False
        self.may_answer_late = False
        self.retries = 0
        self.extent = None
        self._confirmation.begin_poll()
        self._failed_polls += 1

    def ask_again(self) -> None:
        """Take note that the silence of this poll was that of the connection."""
        if self.failure is ReadingFailure.SILENT:
            self.failure = ReadingFailure.NOT_POLLED

    @property
    def last_read(self) -> LastRead:
        """When the status was last read, and when everything."""
        return LastRead(status=self._status_at, everything=self._everything_at)

    def count_current_by(self, divisor: int | None) -> None:
        """Take so many counts of the current for one ampere, None where that is not known."""
        self._family = self._family_by_name.counting(divisor)
        self._confirmation.count_current_by(divisor)
        if self.last_reading is not None:
            self.last_reading = self.last_reading.counting(divisor)

    def is_to_be_read(self) -> bool:
        """Tell whether this poll still has to ask; a long-silent battery is asked seldom."""
        is_due = (
            not self._is_long_silent or self._clock() - self.asked_at >= BACKOFF_SECONDS
        )
        return is_due and self.failure is ReadingFailure.NOT_POLLED

    @property
    def _is_long_silent(self) -> bool:
        return self._silent_polls >= SILENT_POLLS_UNTIL_BACKOFF and (
            not self._is_fast
            or self._clock() - self._silent_since >= SILENT_SECONDS_UNTIL_BACKOFF
        )

    @property
    def is_recent(self) -> bool:
        """Whether the last reading of a battery that is polled every few seconds is no old one."""
        return self._is_fast and self._age <= RECENT_SECONDS

    @property
    def _age(self) -> float:
        return self._clock() - self._last_reading_at

    @property
    def held_reading(self) -> BatteryReading | None:
        """The last good reading while it may be held."""
        is_held = self._failed_polls <= HELD_POLLS and self._age <= HELD_SECONDS
        return self.last_reading if is_held or self.is_recent else None

    async def poll(
        self, line: Line, *, brief: bool = False, extent: Extent = Extent.EVERYTHING
    ) -> None:
        """Read the measurements and the status, as far as they are wanted; raises LinkLost.

        A brief poll does not try whether the battery gives everything at once.
        """
        self.asked_at = self._clock()
        if extent < Extent.EVERYTHING and await self._read_part(line, extent):
            return
        if self._owes_any(line, self._plan.blocks(EVERYTHING, self._clock())):
            self._leave_out()
            return
        if brief:
            self._plan.put_off(EVERYTHING)
        retries = self._retry_budget()
        knocks = self._is_long_silent
        if knocks:
            if not await self._knock(line):
                self.may_answer_late = True
                self._fail(ReadingFailure.SILENT)
                return
            retries = FIRST_CONTACT_RETRIES
        reader = BlockReader(line, self.unit, self._plan, retries, self._clock)
        reader.answered = knocks
        try:
            reading = await reader.read_believable(
                EVERYTHING,
                partial(
                    decode_reading,
                    family=self._family,
                    configuration=self.configuration,
                    cycle_counter=self._cycle_counter,
                ),
                self._now,
                partial(self._confirmation.require, configuration=self.configuration),
            )
        except ReplyTimeout:
            # A battery that answered in part is there, but its reading is not whole.
            self._fail(
                ReadingFailure.INVALID if reader.answered else ReadingFailure.SILENT
            )
        except ExceptionReply:
            self._fail(ReadingFailure.REFUSED)
        except InvalidBlock as error:
            self.refused_by = error.check
            self._fail(ReadingFailure.INVALID)
        else:
            self._whole = reader.frames
            self._succeed(reading, Extent.EVERYTHING)
        finally:
            self.answered = reader.answered
            self._keep_records(reader)

    async def _read_part(self, line: Line, extent: Extent) -> bool:
        """Read what moves from poll to poll; return False where everything is to be read.

        That is so where there is nothing to add the new values to, where the battery does not give
        these blocks, and where what they say is odd: only what is of one moment can be compared.
        Raises LinkLost.
        """
        before, now = self.last_reading, self._clock()
        forms = [
            block
            for block in (ELECTRICAL, ELECTRICAL_LONGER)
            if self._plan.asks(block, now)
        ]
        if before is None or self._fruitless_polls or not forms:
            return False
        if extent is Extent.STATUS and not self._plan.asks(PROTECTIONS, now):
            return False
        usable = [block for block in forms if not line.owes(self.unit, block.count)]
        if not usable:
            self._leave_out()
            return True
        reader = BlockReader(
            line, self.unit, self._plan, self._retry_budget(), self._clock
        )
        try:
            reading = await self._read_electrical(reader, usable[0], before)
            if reading is None:
                return self.failure is not ReadingFailure.NOT_POLLED
            if extent is Extent.STATUS:
                is_owed = line.owes(self.unit, PROTECTIONS.count)
                if is_owed or not await self._try(reader, PROTECTIONS):
                    # The status is due again in the next poll.
                    extent = Extent.ELECTRICAL
                elif not self._is_settled(reader.image, SETTLED_STATUS):
                    return False
        finally:
            self.answered = reader.answered
            self._keep_records(reader)
        reader.confirm()
        self._succeed(reading, extent)
        return True

    async def _read_electrical(
        self, reader: BlockReader, block: Block, before: BatteryReading
    ) -> BatteryReading | None:
        """Return the reading with new electrical values, None where they cannot be had alone.

        Silence of a battery that gives them alone is the silence of the battery.
        """
        if not await self._try(reader, block):
            if not reader.answered and self._plan.is_proven(block):
                self._fail(ReadingFailure.SILENT)
            return None
        try:
            reading = decode_electrical(reader.image, self._now(), self._family, before)
            self._confirmation.require(reading, self._clock(), self.configuration)
            self._confirmation.require(reading, self._clock(), self.configuration)
        except InvalidBlock as error:
            self._object(str(error))
            return None
        is_settled = self._is_settled(reader.image, SETTLED_ELECTRICAL)
        return reading if is_settled else None

    def _owes_any(self, line: Line, blocks: Iterable[Block]) -> bool:
        """Tell whether a late reply could pass for one to these blocks, and be an old one."""
        return any(line.owes(self.unit, block.count) for block in blocks)

    def _leave_out(self) -> None:
        """Ask nothing in this poll, so that no late reply passes for a new one."""
        self.failure = ReadingFailure.SILENT

    async def _try(self, reader: BlockReader, block: Block) -> bool:
        """Tell whether the battery gives a block that a wider one can stand in for."""
        try:
            await reader.read(block)
        except ReplyTimeout:
            self._plan.missed(block, self._clock())
            return False
        except ExceptionReply:
            return False
        return True

    def _is_settled(self, image: RegisterImage, addresses: range) -> bool:
        """Tell whether what does not move is as it was when everything was read."""
        return image.words(addresses) == image_of(self._whole).words(addresses)

    async def read_details(self, line: Line) -> None:
        """Read identity and configuration, which are due; raises LinkLost.

        Neither is part of a reading: what could not be read is tried again later.
        """
        self.details_due_at = self._clock() + DETAILS_RETRY_SECONDS
        identity = await self._read_detail(line, IDENTITY)
        if identity is not None:
            self._learn_identity(decode_identity(identity))
        configuration = await self._read_detail(line, CONFIGURATION)
        if configuration is not None:
            self._learn_configuration(configuration)
        if identity is not None and configuration is not None:
            self.details_due_at = self._clock() + DETAILS_SECONDS

    def answered_again(self) -> None:
        """Take note of a sign of life: the next poll asks for everything.

        After a silence the identity is read anew: cables may have been moved.
        """
        if self._silent_polls:
            self._silent_polls = 0
            self.details_due_at = self._clock()

    def link_lost(self) -> None:
        """Take note that the connection ended before this battery was read."""
        if self.failure is ReadingFailure.NOT_POLLED:
            self.failure = ReadingFailure.LINK_LOST
            self._counters[ReadingFailure.LINK_LOST] += 1

    def diagnostics(self) -> dict[str, Any]:
        """Return what is remembered."""
        now = self._clock()
        return {
            "plan": [str(block) for block in self._plan.blocks(EVERYTHING, now)],
            "silent_polls": self._silent_polls,
            "counters": dict(self._counters),
            "last_objection": self._last_objection,
            "doubted_values": dict(self._doubted),
        }

    def _retry_budget(self) -> int:
        """Return how often to ask again: never, while a battery fails poll after poll."""
        if self._fruitless_polls:
            return 0
        return 1 if self._counters["good"] else FIRST_CONTACT_RETRIES

    def _keep_records(self, reader: BlockReader) -> None:
        self.retries += reader.retried
        for objection in reader.objections:
            self._object(objection)

    async def _knock(self, line: Line) -> bool:
        """Tell, in as little time as can be, whether a long-silent battery is back."""
        return await line.knock(
            ReadRequest(self.unit, CELL_COUNT.address, CELL_COUNT.count)
        )

    async def _read_detail(self, line: Line, block: Block) -> RegisterImage | None:
        """Return what the battery gives of a block, None when it was silent or refused."""
        reader = BlockReader(line, self.unit, self._plan, 1, self._clock)
        try:
            await reader.read(block)
        except ReplyTimeout, ExceptionReply:
            self._plan.forget_doubts()
            return None
        finally:
            self._keep_records(reader)
        reader.confirm()
        return None if reader.gave_up else reader.image

    def _object(self, objection: str) -> None:
        self._counters["invalid_blocks"] += 1
        self._last_objection = objection

    def _succeed(self, reading: BatteryReading, extent: Extent) -> None:
        if self._confirmation.is_another:
            self._forget_identity()
        self.answered_again()
        self.failure = None
        self.extent = extent
        self.last_reading = reading
        self._last_reading_at = self._clock()
        if extent >= Extent.STATUS:
            self._status_at = self._last_reading_at
        if extent is Extent.EVERYTHING:
            self._everything_at = self._last_reading_at
        self._failed_polls = self._fruitless_polls = 0
        self._counters["good"] += 1
        self._doubted.update(reading.doubted)

    def _fail(self, failure: ReadingFailure) -> None:
        self.failure = failure
        self._fruitless_polls += 1
        self._counters[failure] += 1
        if failure is not ReadingFailure.SILENT:
            self.answered_again()
            return
        if not self.is_recent:
            # A silent battery is gone: an old reading would pass for a new one.
            self._last_reading_at = float("-inf")
        if not self._silent_polls:
            self._silent_since = self._clock()
        self._silent_polls += 1
        if self._silent_polls == SILENT_POLLS_UNTIL_BACKOFF:
            self._plan = ReadPlan()

    def _learn_identity(self, identity: BatteryIdentity) -> None:
        if self.identity is not None and identity == BatteryIdentity():
            # The registers hold only ones or blanks where the battery once told a name.
            return
        if self.identity is not None and not is_same_identity(self.identity, identity):
            self._forget_identity()
            if self.failure is not None:
                self._begin_anew()
        self.identity = identity

    def _begin_anew(self) -> None:
        """Drop the reading of the battery before, which is no measure for this one.

        Where this poll's reading said, too, that this is another battery, that is confirmed now.
        """
        doubted, self._confirmation = self._confirmation.doubted, Confirmation()
        self.last_reading = None
        self._last_reading_at = float("-inf")
        if doubted is not None and self.refused_by == ANOTHER_BATTERY:
            self.refused_by = None
            self._succeed(doubted, Extent.EVERYTHING)

    def _learn_configuration(self, image: RegisterImage) -> None:
        try:
            self.configuration = decode_configuration(image)
        except InvalidBlock as error:
            self._object(str(error))

    def _forget_identity(self) -> None:
        """Take the unit for another battery from now on."""
        self.identity_changed = True
        self._counters["identity_changed"] += 1
        self.identity = self.configuration = None
        self.count_current_by(self._family_by_name.known_divisor)
        self._plan = ReadPlan()
        self.details_due_at = self._clock()
