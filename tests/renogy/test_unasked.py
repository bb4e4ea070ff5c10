# SPDX-License-Identifier: Apache-2.0
"""Bytes that nobody has asked for: they cost little, and a peripheral that floods is left."""

import asyncio
import sys
from types import FrameType
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.renogy_bt.renogy.exceptions import RenogyError
from custom_components.renogy_bt.renogy.modbus import FrameAssembler, crc16, with_crc
from tests.renogy.fake_link import (
    DISCONNECT_SECONDS,
    FakeLink,
    four_batteries,
    kept_link_to,
    link_to,
)
from tests.renogy.virtual_time import on_virtual_time

INTERVAL = 10.0
# As documented, not as the code has it.
BURST = 4096
BYTES_PER_SECOND = 2000
LINE_BYTES_PER_SECOND = 960
FOREIGN = with_crc(bytes((97, 3, 40)) + bytes(range(40)))


def naive(stream: bytes) -> list[bytes]:
    """Return the frames in a whole stream: the earliest right one first, none inside another."""
    frames, at = [], 0
    while at < len(stream):
        unit, rest = stream[at], stream[at + 1 :]
        length = 0
        if unit and rest[:1] == b"\x83" and rest[1:2] and 1 <= rest[1] <= 11:
            length = 5
        elif unit and rest[:1] == b"\x03" and rest[1:2]:
            length = 5 + rest[1] if 2 <= rest[1] <= 250 and rest[1] % 2 == 0 else 0
        frame = stream[at : at + length]
        if length and len(frame) == length and crc16(frame) == 0:
            frames.append(frame)
            at += length
        else:
            at += 1
    return frames


NOISE = st.one_of(
    st.binary(max_size=40),
    st.integers(1, 60).map(lambda times: b"\x30\x03\xfa" * times),
    st.integers(0, 120).map(
        lambda words: with_crc(bytes((48, 3, 2 * words)) + bytes(2 * words))
    ),
    st.integers(0, 255).map(lambda code: with_crc(bytes((48, 0x83, code)))),
)


@settings(max_examples=300, deadline=None)
@given(pieces=st.lists(NOISE, max_size=6), data=st.data())
def test_frames_are_those_of_the_whole_stream(
    pieces: list[bytes], data: st.DataObject
) -> None:
    """However it is cut, no frame is made up, none overlaps, and no byte is lost count of."""
    stream = b"".join(pieces)
    assembler, found, at = FrameAssembler(), [], 0
    while at < len(stream):
        size = data.draw(st.sampled_from((1, 2, 3, 20, 244)))
        found += [frame.raw for frame in assembler.feed(stream[at : at + size])]
        at += size
    at = 0
    for frame in found:
        assert crc16(frame) == 0
        at = stream.index(frame, at) + len(frame)
    whole = FrameAssembler()
    assert [frame.raw for frame in whole.feed(stream)] == naive(stream)
    # What comes in parts is settled earlier, with no more bytes left over than of one frame.
    assembler.clear()
    assert sum(map(len, found)) + assembler.skipped_bytes == len(stream)


def _calls(stream: bytes, size: int) -> int:
    """Return how many functions run while a stream is cut into frames."""
    counted = 0

    def count(_: FrameType, event: str, __: Any) -> None:
        nonlocal counted
        counted += event in {"call", "c_call"}

    assembler = FrameAssembler()
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        for at in range(0, len(stream), size):
            assembler.feed(stream[at : at + size])
    finally:
        sys.setprofile(before)
    return counted


@pytest.mark.parametrize("size", [1, 20, 244])
@pytest.mark.parametrize(
    "noise",
    [b"\x30\x03\xfa", b"\x30\x03", b"\x30", b"\xff", b"\x30\x83\x05\x00\x00", FOREIGN],
)
def test_work_is_linear_in_bytes(noise: bytes, size: int) -> None:
    """No stream makes a byte be looked at again and again."""
    short, long = (noise * 30_000)[:3000], (noise * 30_000)[:12_000]
    assert _calls(long, size) <= 4.2 * _calls(short, size)
    assert _calls(long, size) <= 40 * len(long)


async def flood(fake: FakeLink, bytes_per_second: float, seconds: float) -> None:
    """Let every connection bring bytes that nobody has asked for."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + seconds
    while loop.time() < ends_at:
        for connection in fake.connections:
            if not connection.lost.done():
                connection.notify(FOREIGN)
        await asyncio.sleep(len(FOREIGN) / bytes_per_second)


@on_virtual_time
async def test_a_flood_ends_the_connection_of_a_poll() -> None:
    """The poll fails within bounds; when the flood is over all is as before."""
    fake = four_batteries()
    link = link_to(fake)
    await link.poll()
    flooding = asyncio.create_task(flood(fake, 50_000, 60))
    began_at = asyncio.get_running_loop().time()
    try:
        report = await link.poll()
        assert not report.fresh
    except RenogyError:
        pass
    assert asyncio.get_running_loop().time() - began_at < 36
    flooding.cancel()
    await asyncio.sleep(5)
    assert all(connection.lost.done() for connection in fake.connections)
    assert (await link.poll()).failed == {}
    await link.close()


@on_virtual_time
async def test_a_flood_ends_a_kept_connection() -> None:
    """It is ended between two polls as well, after no more than a burst."""
    fake = four_batteries()
    link = kept_link_to(fake, INTERVAL)
    await link.poll()
    connection = fake.connections[-1]
    began_at = asyncio.get_running_loop().time()
    flooding = asyncio.create_task(flood(fake, 50_000, 5))
    await connection.lost
    # What it may have sent meanwhile includes a burst and the bytes of the poll's time.
    assert asyncio.get_running_loop().time() - began_at < DISCONNECT_SECONDS + 1
    assert not link.is_connected
    await flooding
    assert (await link.poll()).failed == {}
    await link.close()


@pytest.mark.parametrize("kept", [False, True])
@on_virtual_time
async def test_another_master_is_no_flood(kept: bool) -> None:
    """As much as a line can carry ends nothing, however long it lasts."""
    fake = four_batteries()
    link = kept_link_to(fake, INTERVAL) if kept else link_to(fake)
    await link.poll()
    connections = len(fake.connections)
    other = asyncio.create_task(flood(fake, LINE_BYTES_PER_SECOND, 600))
    for _ in range(20):
        await asyncio.sleep(INTERVAL)
        report = await link.poll()
        assert report.fresh
    assert len(fake.connections) == connections + (0 if kept else 20)
    other.cancel()
    await asyncio.sleep(1)
    await link.close()
