# SPDX-License-Identifier: Apache-2.0
"""The line to the batteries: one request outstanding at a time on an open connection."""

import asyncio
from dataclasses import dataclass
from typing import Final

from .exceptions import ExceptionReply, LinkLost, ReplyTimeout
from .modbus import BROADCAST_UNIT, Frame, FrameAssembler, ReadRequest
from .recording import (
    BYTES_OF_NOTIFICATION,
    MOST_BYTES,
    MOST_DROPS,
    MOST_EXCHANGES,
    Drop,
    Exchange,
    Outcome,
    Received,
    Recording,
)
from .transport import Transport

# A line on which nothing came for this long is quiet.
QUIET_SECONDS: Final = 0.2
# A reply under way is waited for beyond its limit, but no longer than this.
LONGEST_EXTENSION: Final = 1.0

# A reply is waited for a multiple of what this unit and length usually takes, within limits.
SHORTEST_LIMIT: Final = 0.5
LONGEST_LIMIT: Final = 2.0
# On a real dongle the slowest of 20 replies took 1.7 times the mean (protocol 1.8).
USUAL_TIMES: Final = 4.0
# A unit that may be gone is asked for the shortest reply there is, which takes no longer than
# the quickest that the other units usually give.
KNOCK_TIMES: Final = 1.2
_NEW_WEIGHT: Final = 0.25
# On a kept connection a reply that is owed for longer never comes: replies that are 2.3 s late
# have been seen.
LONGEST_OWED: Final = 5.0
# What answers nothing: late replies, and those to another master of the line, which carries 960
# bytes a second (protocol 1.8). More than twice of that no line can bring: somebody talks
# without being asked.
UNASKED_BYTES: Final = 4096
UNASKED_BYTES_PER_SECOND: Final = 2000.0


UNASKED: Final = "The peripheral talks without being asked"

MOST_HEARD: Final = 512
"""So many of the last frames of a link are known again: four batteries give a dozen a poll."""


class ReplyTimes:
    """The usual reply times of a link, by unit and number of registers, in seconds."""

    def __init__(self) -> None:
        """Start knowing nothing."""
        self._usual: dict[tuple[int, int], float] = {}

    def limit(self, unit: int, count: int) -> float:
        """Return how long to wait for this reply."""
        usual = self._usual.get((unit, count), LONGEST_LIMIT)
        return min(LONGEST_LIMIT, max(SHORTEST_LIMIT, USUAL_TIMES * usual))

    def knock_limit(self, unit: int) -> float:
        """Return how long to wait for a sign of life from a unit that has long been silent.

        This is the shortest limit wherever the other units answer at their usual speed.
        """
        quickest: dict[int, float] = {}
        for (known, _), seconds in self._usual.items():
            if known != unit:
                quickest[known] = min(seconds, quickest.get(known, seconds))
        slowest = max(quickest.values(), default=LONGEST_LIMIT)
        return min(LONGEST_LIMIT, max(SHORTEST_LIMIT, KNOCK_TIMES * slowest))

    def answered(self, unit: int, count: int, seconds: float) -> None:
        """Learn from a reply."""
        usual = self._usual.setdefault((unit, count), seconds)
        self._usual[unit, count] = usual + _NEW_WEIGHT * (seconds - usual)

    def unanswered(self, unit: int, count: int) -> None:
        """Wait longer next time: the line may have become slow."""
        if (unit, count) in self._usual:
            self._usual[unit, count] = min(LONGEST_LIMIT, 2 * self._usual[unit, count])

    def as_milliseconds(self, unit: int) -> dict[str, int]:
        """Return one unit's usual reply times by number of registers, for diagnostics."""
        return {
            str(count): round(1000 * seconds)
            for (known, count), seconds in self._usual.items()
            if known == unit
        }


class HeardFrames:
    """The frames that came from a link last, to tell an old one that is sent again."""

    def __init__(self) -> None:
        """Start with nothing heard."""
        self._heard_in: dict[int, int] = {}
        self._request = 0

    def asks(self) -> None:
        """Take note of a request: what was heard up to now is old."""
        self._request += 1

    def is_old(self, frame: Frame) -> bool:
        """Take note of a frame; tell whether the very same came before the last request."""
        key = hash(frame.raw)
        heard_in = self._heard_in[key] = self._heard_in.pop(key, self._request)
        if len(self._heard_in) > MOST_HEARD:
            del self._heard_in[next(iter(self._heard_in))]
        return heard_in < self._request


def is_answered_by(
    request: ReadRequest, frame: Frame, broadcast_answerer: int | None
) -> bool:
    """Tell whether a frame answers a request, by unit, function and byte count.

    A request to 255 is answered under the battery's own id (protocol 1.4):
    `broadcast_answerer` is the one that did so before, None when any may.
    """
    unit = broadcast_answerer if request.unit == BROADCAST_UNIT else request.unit
    if unit is not None and frame.unit != unit:
        return False
    return frame.exception_code is not None or len(frame.data) == 2 * request.count


@dataclass(slots=True)
class LineCounters:
    """What happened on a line."""

    requests: int = 0
    timeouts: int = 0
    dropped_frames: int = 0


class Line:
    """Reads registers over a transport.

    A reply counts only when it answers the outstanding request; everything else is dropped
    and counted. Where a notification ends in what may be the beginning of another frame, the
    rest of that frame is waited for. Of two replies that fit, one that was `heard` before the
    request was sent, over this or an earlier connection, is the wrong one. When a request ends
    without a reply the line is quiet: the wait goes on while bytes keep coming. `units_heard` are
    the units that any frame came from, `unanswered_units` those that owe a reply, which may still
    come late, `garbled_units` those from which bytes that are no frame came instead of a reply.
    Requests and what comes in are kept in `recording`, on the clock of the event loop. `missing`
    counts the requests in a row after which nothing came at all.
    """

    def __init__(
        self,
        transport: Transport,
        times: ReplyTimes,
        recording: Recording,
        heard: HeardFrames | None = None,
    ) -> None:
        """Take over the notifications of an open connection."""
        self.counters = LineCounters()
        self.units_heard: set[int] = set()
        self.unanswered_units: set[int] = set()
        self.garbled_units: set[int] = set()
        self.missing = 0
        self._recording = recording
        self._asked: Exchange | None = None
        self._transport = transport
        self._times = times
        self._assembler = FrameAssembler()
        self._request: ReadRequest | None = None
        self._reply: asyncio.Future[Frame] | None = None
        self._answer: Frame | None = None
        self._answer_is_old = False
        self._is_written = False
        self._heard = heard or HeardFrames()
        self._bytes = 0
        self._frames = 0
        self._asked_bytes = 0
        self._hang_up: asyncio.Future[None] | None = None
        self._broadcast_answerer: int | None = None
        self._last_byte_at = 0.0
        self._owed: dict[tuple[int, int], float] = {}
        self._unanswered: dict[tuple[int, int], float] = {}
        self._loop = asyncio.get_running_loop()
        self._began_at = self._loop.time()
        self._settling: asyncio.TimerHandle | None = None
        transport.on_notification(self._received)
        transport.lost.add_done_callback(self._lost)

    def begin_poll(self, recording: Recording) -> None:
        """Begin the records of another poll on the same connection."""
        self._recording, self._asked = recording, None
        self.counters = LineCounters()
        self.units_heard = set()
        self.garbled_units = set()
        self._bytes = self._frames = self._asked_bytes = 0
        self._began_at = self._loop.time()
        since = self._loop.time() - LONGEST_OWED
        owed = (self._owed | self._unanswered).items()
        self._owed = {reply: at for reply, at in owed if at >= since}
        self._unanswered.clear()
        self.unanswered_units = {unit for unit, _ in self._owed}

    def owes(self, unit: int, count: int) -> bool:
        """Tell whether a reply of this length to an earlier poll may still come."""
        return (unit, count) in self._owed

    async def knock(self, request: ReadRequest) -> bool:
        """Tell whether a unit that has long been silent answers; raises LinkLost."""
        try:
            await self.read(request, self._times.knock_limit(request.unit))
        except ReplyTimeout:
            return False
        except ExceptionReply:
            return True
        return True

    async def read(self, request: ReadRequest, limit: float | None = None) -> Frame:
        """Return the reply to a request.

        The wait ends after `limit` seconds, by default a multiple of what a reply usually takes.
        Raises ReplyTimeout, ExceptionReply or LinkLost.
        """
        if limit is None:
            limit = self._times.limit(request.unit, request.count)
        self._drop_unfinished()
        sent_at = self._loop.time()
        heard = (self._bytes, self._frames)
        exchange = self._recorded(request, sent_at)
        try:
            frame = await self._exchange(request, sent_at + limit)
        except TimeoutError:
            exchange.outcome = Outcome.SILENT
            self.counters.timeouts += 1
            self.unanswered_units.add(request.unit)
            self._unanswered[request.unit, request.count] = sent_at
            self.missing += 1
            if self._bytes > heard[0] and self._frames == heard[1]:
                self.garbled_units.add(request.unit)
            self._times.unanswered(request.unit, request.count)
            raise ReplyTimeout(
                f"Unit {request.unit} did not answer within {limit:.1f} s"
            ) from None
        finally:
            exchange.ended_at = self._loop.time()
        self._asked_bytes += len(frame.raw)
        if frame.exception_code is not None:
            exchange.outcome = Outcome.REFUSED
            raise ExceptionReply(frame.exception_code)
        exchange.outcome = Outcome.ANSWERED
        self._times.answered(request.unit, request.count, self._loop.time() - sent_at)
        return frame

    def _recorded(self, request: ReadRequest, sent_at: float) -> Exchange:
        """Return the record of a request, which is kept while there is room."""
        exchange = Exchange(sent_at, request.encode(), outcome=Outcome.BROKEN_OFF)
        self._asked = exchange
        if len(self._recording.exchanges) < MOST_EXCHANGES:
            self._recording.exchanges.append(exchange)
        else:
            self._recording.left_out += 1
        return exchange

    def _record(self, fragment: bytes) -> None:
        """Keep a notification with the request that it followed, while there is room."""
        recording, size = self._recording, BYTES_OF_NOTIFICATION + len(fragment)
        if self._asked is None:
            return
        if recording.left_out or recording.size + size > MOST_BYTES:
            recording.left_out += 1
            return
        recording.size += size
        self._asked.received.append(Received(self._last_byte_at, fragment))

    def _drop(self, reason: Drop) -> None:
        self.counters.dropped_frames += 1
        if self._asked is not None and len(self._asked.dropped) < MOST_DROPS:
            self._asked.dropped.append(reason)

    async def _exchange(self, request: ReadRequest, deadline: float) -> Frame:
        """Send a request and return its reply; raises TimeoutError or LinkLost."""
        if self._transport.lost.done():
            raise LinkLost("The connection has ended")
        if self._hang_up is not None:
            raise LinkLost(UNASKED)
        reply: asyncio.Future[Frame] = self._loop.create_future()
        self._request, self._reply = request, reply
        self._is_written = False
        self._heard.asks()
        self.counters.requests += 1
        try:
            async with asyncio.timeout_at(deadline):
                await self._transport.write(request.encode())
            self._is_written = True
            while not reply.done() and (remaining := self._remaining(deadline)) > 0:
                await asyncio.wait({reply}, timeout=remaining)
            self._settle()
            if not reply.done():
                raise TimeoutError
            return reply.result()
        finally:
            self._request = self._reply = self._answer = None
            self._settle_no_more()
            # Nobody waits for a reply that failed while its request was being sent.
            if not reply.cancel():
                reply.exception()

    def _remaining(self, deadline: float) -> float:
        """Return how long to wait still: to the deadline, and until the line is quiet."""
        quiet_at = self._last_byte_at + QUIET_SECONDS
        end = max(deadline, min(quiet_at, deadline + LONGEST_EXTENSION))
        return end - self._loop.time()

    def _received(self, fragment: bytes) -> None:
        if self._hang_up is not None:
            return
        self._last_byte_at = self._loop.time()
        self._bytes += len(fragment)
        if self._bytes - self._asked_bytes > self._most_unasked:
            self._break_off()
            return
        self.missing = 0
        self._record(fragment)
        skipped = self._assembler.skipped_bytes
        for frame in self._assembler.feed(fragment):
            self._take(frame)
        self._count_garbage(skipped)
        if self._answer is not None:
            self._settle_soon()

    @property
    def _most_unasked(self) -> float:
        seconds = self._last_byte_at - self._began_at
        return UNASKED_BYTES + UNASKED_BYTES_PER_SECOND * seconds

    def _break_off(self) -> None:
        """End a connection over which a peripheral talks without being asked."""
        self._drop(Drop.UNASKED)
        self._assembler.clear()
        self._hang_up = asyncio.ensure_future(self._transport.disconnect())
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(LinkLost(UNASKED))

    def _take(self, frame: Frame) -> None:
        """Keep a frame that may be the answer, in place of one that came before it.

        Replies come in the order of their requests: of several to the same request the last one
        is the right one, unless it was heard before and the other one was not. A reply that is
        followed by a late reply to another request is a late one, too; an old one says that of an old one only.
        """
        self._frames += 1
        self.units_heard.add(frame.unit)
        is_old = self._heard.is_old(frame)
        request = self._request
        if request is None or (self._reply is not None and self._reply.done()):
            self._drop(Drop.UNASKED)
            return
        is_answer = is_answered_by(request, frame, self._broadcast_answerer)
        if is_answer and is_old and self._answer and not self._answer_is_old:
            self._drop(Drop.REPEATED)
            return
        is_late = (self._answer_is_old or not is_old) and self._is_late(frame)
        if self._answer is not None and (is_answer or is_late):
            self._answer = None
            self._drop(Drop.OVERTAKEN)
        if not is_answer:
            self._drop(Drop.OTHER)
            return
        if request.unit == BROADCAST_UNIT:
            self._broadcast_answerer = frame.unit
        self._answer, self._answer_is_old = frame, is_old

    def _is_late(self, frame: Frame) -> bool:
        """Tell whether a frame that is no answer may be one that is owed since a time-out."""
        return (
            self._answer is not None
            and frame.unit == self._answer.unit
            and frame.unit in self.unanswered_units
        )

    def _settle_soon(self) -> None:
        """Take the answer now or, when another frame seems to follow it, a little later.

        What is an old frame, and came while the request was still being sent, is the answer only
        if nothing else comes.
        """
        self._settle_no_more()
        if self._answer_is_old and not self._is_written:
            return
        if self._assembler.is_unfinished:
            self._settling = self._loop.call_later(QUIET_SECONDS, self._settle)
        else:
            self._settle()

    def _settle_no_more(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None

    def _settle(self) -> None:
        """Make the answer that was kept, if there is one, the reply."""
        if self._answer is None or self._reply is None or self._reply.done():
            return
        self._reply.set_result(self._answer)

    def _drop_unfinished(self) -> None:
        skipped = self._assembler.skipped_bytes
        self._assembler.clear()
        self._count_garbage(skipped)

    def _count_garbage(self, skipped_before: int) -> None:
        """Count a run of bytes that was no frame as one dropped frame."""
        if self._assembler.skipped_bytes > skipped_before:
            self._drop(Drop.NO_FRAME)

    def _lost(self, _: asyncio.Future[None]) -> None:
        self._settle()
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(LinkLost("The connection ended while reading"))
