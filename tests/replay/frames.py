# SPDX-License-Identifier: Apache-2.0
"""Recorded requests and replies, and the registers in them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from tests.emulator.modbus import (
    EXCEPTION_FLAG,
    ILLEGAL_ADDRESS,
    READ_HOLDING_REGISTERS,
    Request,
    has_valid_crc,
    parse_request,
    read_reply,
)

_HEADER: Final = 3
_CRC: Final = 2
_EXCEPTION: Final = 5


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what came until the next one, each by its time in s."""

    at: float
    request: bytes
    replies: tuple[tuple[float, bytes], ...]
    redacted: bool = False

    @property
    def asked(self) -> Request | None:
        """What was asked, None where that is no read."""
        request = parse_request(self.request)
        return request if request is not None and request.is_read else None

    @property
    def received(self) -> bytes:
        """All that came in."""
        return b"".join(data for _, data in self.replies)

    @property
    def turn(self) -> list[list[float | str]]:
        """The replies as the world file has them."""
        return [[max(at - self.at, 0.0), data.hex()] for at, data in self.replies]

    @property
    def answer(self) -> Answer | None:
        """The reply to the request among what came in, None where there is none."""
        asked = self.asked
        if asked is None:
            return None
        answers = list(_answers(self.received, asked, is_redacted=self.redacted))
        # Of several replies to the same request the last one is the right one.
        return answers[-1] if answers else None


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply: the unit that it names, and its words, or the code of an exception."""

    unit: int
    words: tuple[int, ...] = ()
    code: int | None = None

    @property
    def is_refusal(self) -> bool:
        """Whether there are no such registers, as an emulated battery says it by itself."""
        return self.code == ILLEGAL_ADDRESS

    def frame(self) -> bytes:
        """Return the frame of the words."""
        return read_reply(self.unit, self.words)


def _answers(came: bytes, asked: Request, *, is_redacted: bool) -> Iterator[Answer]:
    """Yield the frames that may answer; the checksum of a redacted one is wrong."""
    length = _HEADER + 2 * asked.count + _CRC
    for start in range(len(came)):
        function = came[start + 1 : start + 2]
        is_own = asked.unit in {came[start], 0xFF}
        if function == bytes((READ_HOLDING_REGISTERS,)):
            frame = came[start : start + length]
            is_whole = len(frame) == length and frame[2] == 2 * asked.count
            if is_own and is_whole and (is_redacted or has_valid_crc(frame)):
                data = frame[_HEADER:-_CRC]
                words = (
                    int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2)
                )
                yield Answer(frame[0], tuple(words))
        elif function == bytes((READ_HOLDING_REGISTERS | EXCEPTION_FLAG,)):
            frame = came[start : start + _EXCEPTION]
            if is_own and has_valid_crc(frame):
                yield Answer(frame[0], code=frame[2])


def latest(exchanges: Iterable[Exchange]) -> dict[bytes, Exchange]:
    """Return the last exchange of each request."""
    return {exchange.request: exchange for exchange in exchanges}
