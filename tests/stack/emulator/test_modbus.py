# SPDX-License-Identifier: Apache-2.0
"""Frames as Renogy devices send and take them."""

from hypothesis import given, strategies as st
import pytest

from tests.emulator import modbus

from .captures import load_captures


@pytest.mark.parametrize("row", load_captures("requests"), ids=lambda row: row["name"])
def test_request_is_the_captured_one(row: dict[str, int | str]) -> None:
    """A read request has the bytes of the conformance vectors, and is understood."""
    unit, address, count = (int(row[key]) for key in ("unit", "address", "count"))
    frame = modbus.read_request(unit, address, count)
    assert frame.hex() == row["request"]
    request = modbus.parse_request(frame)
    assert request == modbus.Request(unit, 3, address, count, frame)


@pytest.mark.parametrize(
    "row", load_captures("exceptions"), ids=lambda row: row["name"]
)
def test_exception_is_the_captured_one(row: dict[str, int | str]) -> None:
    """An exception reply has the bytes of the conformance vectors."""
    frame = modbus.exception_reply(int(row["unit"]), 3, int(row["code"]))
    assert frame.hex() == row["reply"]


@pytest.mark.parametrize(
    "row",
    [row for row in load_captures("frames") if row["reply"] is not None],
    ids=lambda row: row["name"],
)
def test_captured_replies_are_valid_and_reproducible(row: dict[str, str]) -> None:
    """Each captured reply has a valid CRC and comes out of its own words again."""
    frame = bytes.fromhex(row["reply"])
    assert modbus.has_valid_crc(frame)
    if not frame[1] & modbus.EXCEPTION_FLAG:
        data = frame[3:-2]
        words = [
            int.from_bytes(data[index : index + 2], "big")
            for index in range(0, len(data), 2)
        ]
        assert modbus.read_reply(frame[0], words) == frame


@pytest.mark.parametrize("row", load_captures("refused"), ids=lambda row: row["name"])
def test_frames_to_refuse_are_invalid(row: dict[str, str]) -> None:
    """The frames that clients must refuse have no valid CRC here either."""
    assert not modbus.has_valid_crc(bytes.fromhex(row["reply"]))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x30",
        bytes.fromhex("300313b20006654b"),
        modbus.with_crc(bytes.fromhex("300313b200")),
        modbus.with_crc(bytes.fromhex("300313b2000600")),
    ],
    ids=["empty", "one byte", "bad crc", "short", "long"],
)
def test_what_is_no_request_is_ignored(frame: bytes) -> None:
    """A device takes no notice of what is not a whole request with its CRC."""
    assert modbus.parse_request(frame) is None


@pytest.mark.parametrize("function", sorted(modbus.WRITE_FUNCTIONS))
def test_writes_are_known_as_such(function: int) -> None:
    """Every function that changes a device is recognised."""
    request = modbus.parse_request(modbus.with_crc(bytes((48, function, 1, 2, 3))))
    assert request is not None
    assert request.is_write
    assert not request.is_read


@given(st.binary(min_size=1, max_size=250), st.data())
def test_one_flipped_bit_is_always_noticed(body: bytes, data: st.DataObject) -> None:
    """No frame survives a flipped bit."""
    frame = bytearray(modbus.with_crc(body))
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    assert not modbus.has_valid_crc(bytes(frame))
