# SPDX-License-Identifier: Apache-2.0
"""Modbus RTU frames inside GATT writes and notifications (protocol 1.3).

Only function 03 exists here: registers are never written.
"""

from dataclasses import dataclass
from heapq import heappop, heappush
import re
from typing import Final

READ_HOLDING_REGISTERS: Final = 0x03
READ_EXCEPTION: Final = READ_HOLDING_REGISTERS | 0x80
BROADCAST_UNIT: Final = 0xFF
MAX_WORDS: Final = 125

ILLEGAL_ADDRESS: Final = 2
TOO_LONG: Final = 3
# The makers' document names codes 1 to 5, the Modbus standard goes on to 11.
_HIGHEST_EXCEPTION_CODE: Final = 11

_FUNCTIONS: Final = frozenset({READ_HOLDING_REGISTERS, READ_EXCEPTION})
# Most bytes are seen to begin no frame by the one that follows.
_BEGINNING: Final = re.compile(
    rb"(?s:[^\x00](?=[%c%c]|\Z))" % (READ_HOLDING_REGISTERS, READ_EXCEPTION)
)
_HEADER_BYTES: Final = 3
_CRC_BYTES: Final = 2
_EXCEPTION_BYTES: Final = 5
_LONGEST_FRAME: Final = _HEADER_BYTES + 2 * MAX_WORDS + _CRC_BYTES


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


_CRC_TABLE: Final = _crc_table()


def crc16(data: bytes | bytearray | memoryview) -> int:
    """Return the Modbus CRC; it is sent low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


def with_crc(body: bytes) -> bytes:
    """Return the frame that `body`, unit to last data byte, makes."""
    return body + crc16(body).to_bytes(2, "little")


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame whose CRC is right: a read reply or an exception.

    `data` is the register bytes, big-endian; an exception has a code instead.
    """

    unit: int
    data: bytes
    raw: bytes
    exception_code: int | None = None


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A request for `count` registers from `address` on, of one unit."""

    unit: int
    address: int
    count: int

    def __post_init__(self) -> None:
        """Refuse what no frame can say; raises ValueError."""
        if not 1 <= self.unit <= BROADCAST_UNIT:
            raise ValueError(f"No such unit: {self.unit}")
        if not 1 <= self.count <= MAX_WORDS:
            raise ValueError(f"1 to {MAX_WORDS} registers per request: {self.count}")
        if not 0 <= self.address <= 0x10000 - self.count:
            raise ValueError(f"No such registers: {self.address}")

    def encode(self) -> bytes:
        """Return the frame to send."""
        return with_crc(
            bytes((self.unit, READ_HOLDING_REGISTERS))
            + self.address.to_bytes(2, "big")
            + self.count.to_bytes(2, "big")
        )


def _shift_masks() -> tuple[tuple[int, ...], ...]:
    """Return what each bit of a CRC becomes over so many bytes of zero."""
    masks = [tuple(1 << bit for bit in range(16))]
    for _ in range(_LONGEST_FRAME):
        masks.append(
            tuple(value >> 8 ^ _CRC_TABLE[value & 0xFF] for value in masks[-1])
        )
    return tuple(masks)


_SHIFTED: Final = _shift_masks()


def _shifted(crc: int, count: int) -> int:
    """Return what a CRC becomes over so many bytes of zero."""
    result = 0
    for mask in _SHIFTED[count]:
        if crc & 1:
            result ^= mask
        crc >>= 1
    return result


class FrameAssembler:
    """Cuts a stream of notification fragments into frames.

    Fragments are joined, glued frames are split, and what is no frame is skipped until a
    right CRC is found again. At most one unfinished frame is kept, 255 bytes. While
    `is_unfinished`, what came last may be the beginning of a frame. Each byte is looked at once,
    whatever comes: the CRC of a part follows from those of what was received up to its ends.
    """

    def __init__(self) -> None:
        """Start with nothing received."""
        self.is_unfinished = False
        self.skipped_bytes = 0
        self._received = bytearray()
        self._begins_at = 0
        """The place in the stream of the first byte that is kept."""
        self._crcs = [0]
        """The CRC of the stream up to each place, from that one on."""
        self._unfinished: dict[int, None] = {}
        """Where frames may begin, in order."""
        self._ends: list[tuple[int, int]] = []
        """At which place in the stream to look again at each of these."""

    def clear(self) -> None:
        """Forget an unfinished frame."""
        self.skipped_bytes += len(self._received)
        self._unfinished.clear()
        self._ends.clear()
        self._keep_from(self._begins_at + len(self._received))

    def feed(self, fragment: bytes) -> list[Frame]:
        """Take the next bytes and return the frames that they complete."""
        new = self._begins_at + len(self._received)
        self._received += fragment
        crc = self._crcs[-1]
        for byte in fragment:
            crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
            self._crcs.append(crc)
        end = self._begins_at + len(self._received)
        frames: list[Frame] = []
        done = self._begins_at
        for start in self._finished(end):
            done = self._look_at(start, end, done, frames)
        for found in _BEGINNING.finditer(self._received, new - self._begins_at):
            start = self._begins_at + found.start()
            done = self._look_at(start, end, done, frames)
        while self._unfinished and next(iter(self._unfinished)) < done:
            del self._unfinished[next(iter(self._unfinished))]
        keep_from = next(iter(self._unfinished), end)
        self.skipped_bytes += keep_from - done
        self._keep_from(keep_from)
        return frames

    def _finished(self, end: int) -> list[int]:
        """Return where frames may begin of which enough is there by now to go on."""
        starts = []
        while self._ends and self._ends[0][0] <= end:
            _, start = heappop(self._ends)
            if start in self._unfinished:
                starts.append(start)
        return sorted(starts)

    def _look_at(self, start: int, end: int, done: int, frames: list[Frame]) -> int:
        """Look whether a frame begins at a place; return up to where frames were found."""
        if start < done:
            return done
        length = _frame_length(self._received, start - self._begins_at)
        if length and start + length > end:
            # A frame may begin here; the true one may as well begin further on.
            is_header = end - start < _HEADER_BYTES
            self._unfinished[start] = None
            heappush(self._ends, (end + 1 if is_header else start + length, start))
            return done
        self._unfinished.pop(start, None)
        if not length or not self._has_right_crc(start, length):
            return done
        at = start - self._begins_at
        frames.append(_frame(bytes(self._received[at : at + length])))
        self.skipped_bytes += start - done
        return start + length

    def _has_right_crc(self, start: int, length: int) -> bool:
        # The CRC of a whole frame, its own CRC included, is 0.
        at = start - self._begins_at
        return self._crcs[at + length] == _shifted(self._crcs[at] ^ 0xFFFF, length)

    def _keep_from(self, place: int) -> None:
        count = place - self._begins_at
        del self._received[:count]
        del self._crcs[:count]
        self._begins_at = place
        self.is_unfinished = bool(self._received)


def _frame_length(received: bytearray, position: int) -> int:
    """Return the length of the frame that begins here, 0 when none can.

    While the header is unfinished, the length of what is needed to go on.
    """
    header = received[position : position + _HEADER_BYTES]
    if header[0] == 0:
        return 0
    if len(header) > 1 and header[1] not in _FUNCTIONS:
        return 0
    if len(header) < _HEADER_BYTES:
        return _HEADER_BYTES
    if header[1] == READ_EXCEPTION:
        return _EXCEPTION_BYTES if 1 <= header[2] <= _HIGHEST_EXCEPTION_CODE else 0
    if header[2] % 2 or not 2 <= header[2] <= 2 * MAX_WORDS:
        return 0
    return _HEADER_BYTES + header[2] + _CRC_BYTES


def _frame(raw: bytes) -> Frame:
    unit, function, code = raw[:_HEADER_BYTES]
    if function == READ_EXCEPTION:
        return Frame(unit, b"", raw, code)
    return Frame(unit, raw[_HEADER_BYTES:-_CRC_BYTES], raw)
