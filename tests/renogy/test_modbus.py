# SPDX-License-Identifier: Apache-2.0
"""Tests of framing: requests, reassembly and the matching of replies."""

import pytest

from custom_components.renogy_bt.renogy.modbus import (
    FrameAssembler,
    ReadRequest,
    crc16,
    with_crc,
)
from tests.renogy.vectors import CAPTURES, EXCEPTIONS, REFUSED, REQUESTS

# As documented, not as the code has it.
MAX_WORDS = 125

A1 = CAPTURES["A1"].reply
A2 = CAPTURES["A2"].reply
A3 = CAPTURES["A3"].reply
A5 = CAPTURES["A5"].reply
REPLIES = [capture.reply for capture in CAPTURES.values() if capture.reply]
LONGEST = with_crc(bytes((48, 3, 2 * MAX_WORDS)) + bytes(2 * MAX_WORDS))


def _frames(*fragments: bytes) -> list[bytes]:
    assembler = FrameAssembler()
    return [frame.raw for each in fragments for frame in assembler.feed(each)]


def _parts(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize(("unit", "address", "count", "frame"), REQUESTS)
def test_requests_are_encoded_as_captured(
    unit: int, address: int, count: int, frame: bytes
) -> None:
    """A read request is byte for byte what the makers' app and public clients send."""
    assert ReadRequest(unit, address, count).encode() == frame


@pytest.mark.parametrize(
    ("unit", "address", "count"),
    [
        (0, 5000, 1),
        (256, 5000, 1),
        (48, -1, 1),
        (48, 65_535, 2),
        (48, 5000, 0),
        (48, 5000, 126),
    ],
)
def test_requests_that_no_frame_can_carry_are_refused(
    unit: int, address: int, count: int
) -> None:
    """A unit, address or count outside Modbus is an error of the caller."""
    with pytest.raises(ValueError):
        ReadRequest(unit, address, count)


def test_the_last_register_and_the_longest_request_can_be_asked() -> None:
    """The edges of the address space and of the length belong to it."""
    assert ReadRequest(1, 65_535, 1).encode()[2:4] == b"\xff\xff"
    assert ReadRequest(255, 0, MAX_WORDS).encode()[5] == MAX_WORDS


@pytest.mark.parametrize("reply", REPLIES)
def test_captured_replies_are_frames(reply: bytes) -> None:
    """Every captured reply is recognised whole, with its unit and registers."""
    (frame,) = FrameAssembler().feed(reply)
    assert frame.raw == reply
    assert frame.unit == reply[0]
    if frame.exception_code is None:
        assert frame.data == reply[3:-2]


@pytest.mark.parametrize(("unit", "code", "reply"), EXCEPTIONS)
def test_exception_replies_are_frames(unit: int, code: int, reply: bytes) -> None:
    """An exception is recognised with its unit and code as soon as it is in."""
    assert with_crc(bytes((unit, 0x83, code))) == reply
    assembler = FrameAssembler()
    assert assembler.feed(reply[:-1]) == []
    (frame,) = assembler.feed(reply[-1:])
    assert (frame.unit, frame.exception_code) == (unit, code)


@pytest.mark.parametrize("reply", REFUSED)
def test_frames_with_a_wrong_crc_are_refused(reply: bytes) -> None:
    """A reply with a wrong CRC or an odd byte count is no frame."""
    assert _frames(reply) == []
    assert _frames(reply, A3) == [A3]


@pytest.mark.parametrize("size", range(1, 25))
@pytest.mark.parametrize("reply", [A1, A3, A5, LONGEST, EXCEPTIONS[0][2]])
def test_fragments_are_joined(reply: bytes, size: int) -> None:
    """A reply arrives whole however it was cut into notifications."""
    assembler = FrameAssembler()
    parts = _parts(reply, size)
    for part in parts[:-1]:
        assert assembler.feed(part) == []
    assert [frame.raw for frame in assembler.feed(parts[-1])] == [reply]
    assert assembler.skipped_bytes == 0


@pytest.mark.parametrize("size", [1, 7, 20, 64, 1000])
def test_glued_frames_are_split(size: int) -> None:
    """Frames that follow one another without a gap are all found."""
    glued = A1 + A3 + A2 + A5 + EXCEPTIONS[3][2]
    assert _frames(*_parts(glued, size)) == [A1, A3, A2, A5, EXCEPTIONS[3][2]]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00",
        b"\x30",
        b"\x30\x03",
        b"\x30\x03\xfa",
        b"\x30\x83",
        b"\x30\x83\x02",
        A5[:-1],
        A5[:40],
        A5[17:],
        b"main recv data[30] [",
        bytes(range(256)),
    ],
)
@pytest.mark.parametrize("size", [3, 20, 1000])
def test_a_frame_behind_garbage_is_found(garbage: bytes, size: int) -> None:
    """No garbage, not even the beginning of a longer frame, holds back the frame behind it."""
    assert _frames(*_parts(garbage + A1, size)) == [A1]


def test_skipped_bytes_are_counted() -> None:
    """What was no frame is counted, an unfinished frame once it is given up."""
    assembler = FrameAssembler()
    assembler.feed(b"\x00\x00\x00" + A1 + A3[:10])
    assert assembler.skipped_bytes == 3
    assembler.clear()
    assert assembler.skipped_bytes == 13
    assert [frame.raw for frame in assembler.feed(A2)] == [A2]
    assert assembler.skipped_bytes == 13


def test_what_is_kept_is_bounded() -> None:
    """Endless beginnings of frames never pile up beyond the longest frame."""
    assembler = FrameAssembler()
    for _ in range(1000):
        assembler.feed(b"\x30\x03\xfa")
    assert 0 < 3 * 1000 - assembler.skipped_bytes <= 255


def test_crc_is_that_of_the_standard() -> None:
    """The CRC of the usual check text is the one that the catalogues list for Modbus."""
    assert crc16(b"123456789") == 0x4B37
