# SPDX-License-Identifier: Apache-2.0
"""Modbus RTU as Renogy devices speak it (protocol 1.3): the server's side."""

from collections.abc import Sequence
from dataclasses import dataclass

BROADCAST_UNIT = 0xFF

READ_HOLDING_REGISTERS = 0x03
WRITE_FUNCTIONS = frozenset({0x05, 0x06, 0x0F, 0x10, 0x78, 0x79})
EXCEPTION_FLAG = 0x80

UNSUPPORTED_FUNCTION = 1
ILLEGAL_ADDRESS = 2
TOO_LONG = 3

MAX_WORDS = 125
_READ_REQUEST_LENGTH = 8
_SHORTEST_FRAME = 4


def crc16(data: bytes) -> int:
    """Return the CRC of Modbus RTU: polynomial 0xA001, initial value 0xFFFF."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    return crc


def with_crc(body: bytes) -> bytes:
    """Return the frame of a body: its CRC follows, low byte first."""
    return body + crc16(body).to_bytes(2, "little")


def has_valid_crc(frame: bytes) -> bool:
    """Tell whether a frame is long enough and ends with its CRC."""
    return len(frame) >= _SHORTEST_FRAME and with_crc(frame[:-2]) == frame


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks of one unit.

    `address` and `count` are those of a read; other functions carry 0 there.
    """

    unit: int
    function: int
    address: int
    count: int
    frame: bytes

    @property
    def is_read(self) -> bool:
        """Tell a read of holding registers from everything else."""
        return self.function == READ_HOLDING_REGISTERS

    @property
    def is_write(self) -> bool:
        """Tell a function that changes the device."""
        return self.function in WRITE_FUNCTIONS


def parse_request(frame: bytes) -> Request | None:
    """Return the request in a frame, None where a device would ignore it."""
    if not has_valid_crc(frame):
        return None
    unit, function = frame[0], frame[1]
    if function != READ_HOLDING_REGISTERS:
        return Request(unit, function, 0, 0, frame)
    if len(frame) != _READ_REQUEST_LENGTH:
        return None
    return Request(
        unit,
        function,
        int.from_bytes(frame[2:4], "big"),
        int.from_bytes(frame[4:6], "big"),
        frame,
    )


def read_request(unit: int, address: int, count: int) -> bytes:
    """Return the frame that asks a unit for registers."""
    return with_crc(
        bytes((unit, READ_HOLDING_REGISTERS))
        + address.to_bytes(2, "big")
        + count.to_bytes(2, "big")
    )


def read_reply(unit: int, words: Sequence[int]) -> bytes:
    """Return the frame that answers a read."""
    data = b"".join(word.to_bytes(2, "big") for word in words)
    return with_crc(bytes((unit, READ_HOLDING_REGISTERS, len(data))) + data)


def exception_reply(unit: int, function: int, code: int) -> bytes:
    """Return the frame that refuses a request."""
    return with_crc(bytes((unit, function | EXCEPTION_FLAG, code)))


def relabelled(frame: bytes, unit: int) -> bytes:
    """Return the same frame as another unit would send it."""
    return with_crc(bytes((unit,)) + frame[1:-2])
