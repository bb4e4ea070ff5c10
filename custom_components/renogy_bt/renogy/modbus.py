"""Modbus RTU frames inside GATT writes and notifications (protocol 1.3).

Only function 03 exists here: registers are never written.
"""

from dataclasses import dataclass
from typing import Final

READ_HOLDING_REGISTERS: Final = 0x03
READ_EXCEPTION: Final = READ_HOLDING_REGISTERS | 0x80
BROADCAST_UNIT: Final = 0xFF
MAX_WORDS: Final = 125

ILLEGAL_ADDRESS: Final = 2
TOO_LONG: Final = 3
# The makers' document names codes 1 to 5, the Modbus standard goes on to 11.
_HIGHEST_EXCEPTION_CODE: Final = 11

_HEADER_BYTES: Final = 3
_CRC_BYTES: Final = 2
_EXCEPTION_BYTES: Final = 5


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


class FrameAssembler:
    """Cuts a stream of notification fragments into frames.

    Fragments are joined, glued frames are split, and what is no frame is skipped until a
    right CRC is found again. At most one unfinished frame is kept, 255 bytes. While
    `is_unfinished`, what came last may be the beginning of a frame.
    """

    def __init__(self) -> None:
        """Start with nothing received."""
        self._received = bytearray()
        self.is_unfinished = False
        self.skipped_bytes = 0

    def clear(self) -> None:
        """Forget an unfinished frame."""
        self.skipped_bytes += len(self._received)
        self._received.clear()
        self.is_unfinished = False

    def feed(self, fragment: bytes) -> list[Frame]:
        """Take the next bytes and return the frames that they complete."""
        received = self._received
        received += fragment
        frames = []
        position = done = 0
        unfinished: int | None = None
        while position < len(received):
            length = _frame_length(received, position)
            end = position + length
            if length and end > len(received):
                # A frame may begin here; the true one may as well begin further on.
                unfinished = position if unfinished is None else unfinished
            elif length and _has_right_crc(received, position, end):
                frames.append(_frame(bytes(received[position:end])))
                self.skipped_bytes += position - done
                position = done = end
                unfinished = None
                continue
            position += 1
        keep_from = len(received) if unfinished is None else unfinished
        self.skipped_bytes += keep_from - done
        del received[:keep_from]
        self.is_unfinished = bool(received)
        return frames


def _frame_length(received: bytearray, position: int) -> int:
    """Return the length of the frame that begins here, 0 when none can.

    While the header is unfinished, the length of what is needed to go on.
    """
    header = received[position : position + _HEADER_BYTES]
    if header[0] == 0:
        return 0
    if len(header) > 1 and header[1] not in {READ_HOLDING_REGISTERS, READ_EXCEPTION}:
        return 0
    if len(header) < _HEADER_BYTES:
        return _HEADER_BYTES
    if header[1] == READ_EXCEPTION:
        return _EXCEPTION_BYTES if 1 <= header[2] <= _HIGHEST_EXCEPTION_CODE else 0
    if header[2] % 2 or not 2 <= header[2] <= 2 * MAX_WORDS:
        return 0
    return _HEADER_BYTES + header[2] + _CRC_BYTES


def _has_right_crc(received: bytearray, start: int, end: int) -> bool:
    # The CRC of a whole frame, its own CRC included, is 0.
    with memoryview(received) as view, view[start:end] as frame:
        return crc16(frame) == 0


def _frame(raw: bytes) -> Frame:
    unit, function, code = raw[:_HEADER_BYTES]
    if function == READ_EXCEPTION:
        return Frame(unit, b"", raw, code)
    return Frame(unit, raw[_HEADER_BYTES:-_CRC_BYTES], raw)
