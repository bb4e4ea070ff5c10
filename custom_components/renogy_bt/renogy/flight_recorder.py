# SPDX-License-Identifier: Apache-2.0
"""The flight recorder of a link: how the last polls went, and what went over the line.

It always runs, keeps little, and leaves out what is the peripheral's own before it keeps
anything.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from .exchanges import asked_block, exchange_data, redacted_exchanges
from .plan import IDENTITY
from .recording import Drop, Exchange, Outcome
from .redaction import Redaction

MOST_POLLS: Final = 60
"""Polls of which it is kept how each request went: an hour of them."""
MOST_FAILING: Final = 4
"""Failing polls whose frames are kept: the first of a row may differ from the next."""
BETWEEN_POLLS: Final = 30.0
"""Polls that went alike are kept no closer than this, besides the newest one, s.

A link that is kept connected is polled every 2 s: an hour of it is worth more than two minutes.
"""
MOST_REQUESTS: Final = 64
"""Requests of one poll of which it is kept how they went; sixteen batteries make 64."""
MOST_REQUEST_TEXT: Final = 32_768
"""What is kept of requests together, in characters: an hour of eight batteries."""
MOST_ANSWERS: Final = 16
"""Answers that are kept of one battery: a plan has 13 blocks."""
MOST_UNITS: Final = 32
MOST_DROPPED: Final = 16
"""Frames that were refused, with the reason."""
MOST_FRAME_BYTES: Final = 255
"""A frame is no longer than that; what is no frame may be."""
BYTES_OF_EXCHANGE: Final = 48
BYTES_OF_NOTIFICATION: Final = 16
"""What each counts besides the bytes that came in: it takes memory of its own."""
MOST_FAILING_BYTES: Final = 12_288
"""So much is kept of the failing polls together."""
MOST_ANSWER_BYTES: Final = 32_768
"""So much is kept of the answers together; those of sixteen batteries take 23,000."""
MOST_TEXT: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class PollOfLink:
    """One poll as the recorder gets it; `began_at` is of the clock of the exchanges."""

    at: datetime
    began_at: float
    seconds: float | None
    exchanges: Sequence[Exchange]
    fresh: Collection[int] = ()
    failed: Mapping[int, str]
    refused: Mapping[int, str]
    error: str | None = None
    served_by: str | None = None
    rssi: int | None = None

    @property
    def went(self) -> object:
        """How the poll went, to be compared."""
        return self.error, self.failed, self.refused

    @property
    def is_failing(self) -> bool:
        """Whether it did not bring every reading."""
        return bool(self.error is not None or self.failed or self.refused)


@dataclass(frozen=True, slots=True)
class _KeptPoll:
    poll: PollOfLink
    requests: str
    """A line for each."""

    @property
    def at(self) -> datetime:
        return self.poll.at

    @property
    def went(self) -> object:
        return self.poll.went

    def as_data(self) -> dict[str, Any]:
        poll = self.poll
        return {
            "at": poll.at.isoformat(timespec="milliseconds"),
            "seconds": None if poll.seconds is None else round(poll.seconds, 3),
            "served_by": poll.served_by,
            "rssi": poll.rssi,
            "error": poll.error,
            "failed": {str(unit): str(why) for unit, why in poll.failed.items()},
            "refused": {str(unit): check for unit, check in poll.refused.items()},
            "requests": self.requests.splitlines(),
        }


@dataclass(frozen=True, slots=True)
class _Exchanges:
    at: datetime
    began_at: float
    exchanges: tuple[Exchange, ...]
    went: object = None

    @property
    def size(self) -> int:
        """How much room it takes."""
        return sum(map(_size, self.exchanges))

    def as_data(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(timespec="milliseconds"),
            "exchanges": [
                exchange_data(each, self.began_at) for each in self.exchanges
            ],
        }


@dataclass(frozen=True, slots=True)
class _Dropped:
    at: datetime
    data: bytes
    reasons: tuple[Drop, ...]

    def as_data(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(timespec="milliseconds"),
            "received": self.data.hex(),
            "reasons": [str(reason) for reason in self.reasons],
        }


class FlightRecorder:
    """Keeps what tells why a link is read as it is, within bounds and without secrets."""

    def __init__(self, redaction: Redaction, *, links: int = 1) -> None:
        """Begin with nothing; `links` share the room that a bank has."""
        self._redaction = redaction
        self.has_news = False
        """Whether the last poll failed and the one before did not, or the other way round."""
        self._polls: deque[_KeptPoll] = deque(maxlen=max(4, MOST_POLLS // links))
        self._most_text = MOST_REQUEST_TEXT // links
        self._failing: deque[_Exchanges] = deque(maxlen=MOST_FAILING)
        self._failing_bytes = MOST_FAILING_BYTES // links
        self._answers: dict[int, dict[bytes, _Exchanges]] = {}
        self._answer_bytes = 0
        self._units_left_out: set[int] = set()
        self._most_answer_bytes = MOST_ANSWER_BYTES // links
        self._dropped: deque[_Dropped] = deque(maxlen=max(2, MOST_DROPPED // links))

    def polled(self, poll: PollOfLink) -> None:
        """Keep a poll."""
        exchanges = redacted_exchanges(poll.exchanges, self._redaction)
        kept = _kept(poll, exchanges)
        self.has_news = poll.is_failing is not self.is_failing
        _thin(self._polls)
        self._polls.append(kept)
        while (
            len(self._polls) > 1
            and sum(len(each.requests) for each in self._polls) > self._most_text
        ):
            self._polls.popleft()
        if poll.is_failing:
            told = tuple(_beginning(exchanges, self._failing_bytes))
            self._keep_failing(_Exchanges(poll.at, poll.began_at, told, kept.went))
        for exchange in exchanges:
            if exchange.dropped:
                self._keep_dropped(poll.at, exchange)
            if exchange.request[0] in poll.fresh or _is_detail(exchange):
                self._keep_answer(poll, exchange)

    @property
    def is_failing(self) -> bool:
        """Whether the last poll failed."""
        return bool(self._polls) and self._polls[-1].poll.is_failing

    def as_data(
        self, units: Collection[int] | None = None, polls: int = MOST_POLLS
    ) -> dict[str, Any]:
        """Return what is kept as plain data; of the answers those of these units."""
        return {
            "polls": [each.as_data() for each in list(self._polls)[-polls:]],
            "answers": {
                str(unit): [each.as_data() for each in answers.values()]
                for unit, answers in self._answers.items()
                if units is None or unit in units
            },
            "failing": [each.as_data() for each in self._failing],
            "dropped": [each.as_data() for each in self._dropped],
        }

    def _keep_answer(self, poll: PollOfLink, exchange: Exchange) -> None:
        """Keep the answer of a battery that was read, in place of the one before.

        Silence takes the place of no answer: a reply that was lost says nothing of the block.
        Of a battery for which there is no room nothing is kept: a part would be taken for the whole.
        """
        unit = exchange.request[0]
        if unit in self._units_left_out:
            return
        if unit not in self._answers and len(self._answers) >= MOST_UNITS:
            return
        answers = self._answers.setdefault(unit, {})
        if exchange.outcome is Outcome.SILENT and exchange.request in answers:
            return
        answer = _Exchanges(poll.at, poll.began_at, (exchange,))
        if exchange.request in answers:
            self._drop_answer(answers, exchange.request)
        elif len(answers) >= MOST_ANSWERS:
            self._drop_answer(answers, next(iter(answers)))
        if self._answer_bytes + answer.size > self._most_answer_bytes:
            for request in tuple(answers):
                self._drop_answer(answers, request)
            del self._answers[unit]
            self._units_left_out.add(unit)
            return
        self._answer_bytes += answer.size
        answers[exchange.request] = answer

    def _drop_answer(self, answers: dict[bytes, _Exchanges], request: bytes) -> None:
        self._answer_bytes -= answers.pop(request).size

    def _keep_failing(self, exchanges: _Exchanges) -> None:
        _thin(self._failing)
        self._failing.append(exchanges)
        while sum(each.size for each in self._failing) > self._failing_bytes:
            self._failing.popleft()

    def _keep_dropped(self, at: datetime, exchange: Exchange) -> None:
        data = b"".join(received.data for received in exchange.received)
        reasons = tuple(exchange.dropped)
        self._dropped.append(_Dropped(at, data[: 2 * MOST_FRAME_BYTES], reasons))


def _size(exchange: Exchange) -> int:
    """Return how much room an exchange takes."""
    return BYTES_OF_EXCHANGE + sum(
        BYTES_OF_NOTIFICATION + len(received.data) for received in exchange.received
    )


def _beginning(exchanges: Iterable[Exchange], room: int) -> Iterator[Exchange]:
    """Yield the first exchanges that have room together."""
    for exchange in exchanges:
        room -= _size(exchange)
        if room < 0:
            return
        yield exchange


def _thin(kept: deque[_KeptPoll] | deque[_Exchanges]) -> None:
    """Drop the newest one where it came close after one that went alike."""
    if len(kept) < 2 or kept[-1].went != kept[-2].went:
        return
    if abs(kept[-1].at - kept[-2].at) < timedelta(seconds=BETWEEN_POLLS):
        kept.pop()


def _is_detail(exchange: Exchange) -> bool:
    """Tell whether a battery was asked what it is: it is asked that where it told no reading, too."""
    address = int.from_bytes(exchange.request[2:4], "big")
    return exchange.outcome is Outcome.ANSWERED and address >= IDENTITY.address


def _kept(poll: PollOfLink, exchanges: Sequence[Exchange]) -> _KeptPoll:
    requests = "\n".join(_request(each) for each in exchanges[:MOST_REQUESTS])
    # What was sent and came in is kept elsewhere, or not at all.
    return _KeptPoll(
        PollOfLink(
            at=poll.at,
            began_at=poll.began_at,
            seconds=poll.seconds,
            exchanges=(),
            failed=poll.failed,
            refused=poll.refused,
            error=None if poll.error is None else poll.error[:MOST_TEXT],
            served_by=poll.served_by,
            rssi=poll.rssi,
        ),
        requests,
    )


def _request(exchange: Exchange) -> str:
    """Say what was asked of whom, how that went, and how long it took in ms."""
    block = asked_block(exchange.request)
    asked = f"{exchange.request[0]}:{block}"
    ended = exchange.ended_at
    took = "" if ended is None else f" {1000 * (ended - exchange.at):.0f}"
    return f"{asked} {exchange.outcome}{took}"
