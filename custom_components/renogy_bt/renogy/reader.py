# SPDX-License-Identifier: Apache-2.0
"""Reads the blocks of one battery over a line, by the battery's plan."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from .decoder import RegisterImage
from .exceptions import ExceptionReply, InvalidBlock, ReplyTimeout, Unconfirmed
from .line import Line
from .modbus import ILLEGAL_ADDRESS, TOO_LONG, Frame, ReadRequest
from .models import BatteryReading
from .plan import NARROWER, Block, ReadPlan

# A battery that has answered in this reading is there: a reply lost then is worth one more try.
RETRIES_MORE_WHEN_THERE: Final = 1


def image_of(frames: Mapping[Block, Frame]) -> RegisterImage:
    """Return the registers that blocks hold."""
    return RegisterImage(
        [(block.address, frame.data) for block, frame in frames.items()]
    )


class BlockReader:
    """One reading of one battery, with a budget of retries.

    `answered` tells whether the battery said anything at all, `gave_up` that it was silent on
    something that a reading can do without, `objections` what of it could not be believed.
    """

    def __init__(
        self,
        line: Line,
        unit: int,
        plan: ReadPlan,
        retries: int,
        clock: Callable[[], float],
    ) -> None:
        """Start with nothing read."""
        self.frames: dict[Block, Frame] = {}
        self.answered = False
        self.gave_up = False
        self.objections: list[str] = []
        self.retried = 0
        self._line = line
        self._unit = unit
        self._plan = plan
        self._retries = retries
        self._clock = clock
        self._bypassed: list[Block] = []

    @property
    def image(self) -> RegisterImage:
        """The registers that were read."""
        return image_of(self.frames)

    async def read_believable(
        self,
        block: Block,
        decode: Callable[[RegisterImage, datetime], BatteryReading],
        now: Callable[[], datetime],
        require: Callable[[BatteryReading, float], None],
    ) -> BatteryReading:
        """Return what a block says, and ask once more where that cannot be believed.

        Raises as `read` does, and as `decode` and `require` do.
        """
        while True:
            await self.read(block)
            try:
                reading = decode(self.image, now())
                require(reading, self._clock())
            except InvalidBlock as error:
                self.objections.append(str(error))
                if not self._start_over(blames=not isinstance(error, Unconfirmed)):
                    raise
            else:
                self.confirm()
                return reading

    async def read(self, block: Block) -> None:
        """Read a block or, where the battery does not give it, narrower ones.

        Raises ReplyTimeout, ExceptionReply or LinkLost.
        """
        if self._plan.asks(block, self._clock()) and await self._ask(block):
            return
        if (narrower := NARROWER.get(block)) is None:
            raise ExceptionReply(ILLEGAL_ADDRESS)
        for form in narrower:
            await self.read(form)
        self._bypassed.append(block)

    def confirm(self) -> None:
        """Let the plan learn from a reading that can be believed."""
        self._plan.answered(self.frames, self._bypassed, self._clock())

    def _start_over(self, *, blames: bool) -> bool:
        """Drop what cannot be believed; tell whether the battery may be read once more.

        Blocks that are to blame, since they never gave anything believable, are then asked in their
        narrower forms.
        """
        if not self._spend_retry():
            return False
        for block in self.frames if blames else ():
            self._plan.unanswered(block)
        self.frames.clear()
        self._bypassed.clear()
        return True

    async def _ask(self, block: Block) -> bool:
        """Ask for a block; return False when its narrower forms are to be asked instead."""
        confirming = False
        while True:
            request = ReadRequest(self._unit, block.address, block.count)
            try:
                frame = await self._line.read(request)
            except ExceptionReply as error:
                self.answered = True
                if error.code in {ILLEGAL_ADDRESS, TOO_LONG}:
                    if confirming or self._is_beyond_doubt(block):
                        self._plan.refused(block, self._clock())
                        return False
                    confirming = True
                    continue
                if self._plan.unanswered(block):
                    return False
                if not self._may_repeat(block):
                    raise
            except ReplyTimeout:
                if self._plan.unanswered(block):
                    if self._may_narrow(block):
                        return False
                    raise
                if not self._may_repeat(block):
                    raise
            else:
                self.answered = True
                self.frames[block] = frame
                return True

    def _is_beyond_doubt(self, block: Block) -> bool:
        """Tell whether an exception is certainly the answer to this very request.

        An exception names no address: it may be a late answer to a request given up before.
        """
        return (
            not self._plan.is_proven(block)
            and self._unit not in self._line.unanswered_units
        )

    def _may_narrow(self, block: Block) -> bool:
        """Tell whether, after a silence, the narrower form is asked at once."""
        if not NARROWER[block]:
            self.gave_up = True
            return True
        return self._plan.narrower_has_answered(block) or self._spend_retry()

    def _may_repeat(self, block: Block) -> bool:
        """Tell whether a block is asked again."""
        is_worth_more = self.answered and self._retries > 0
        if self._spend_retry(RETRIES_MORE_WHEN_THERE if is_worth_more else 0):
            return True
        if block not in NARROWER:
            self._plan.forget_doubts()
        return False

    def _spend_retry(self, more: int = 0) -> bool:
        if self.retried >= self._retries + more:
            return False
        self.retried += 1
        return True
