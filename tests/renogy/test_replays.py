# SPDX-License-Identifier: Apache-2.0
"""Old replies that are sent again: behind the right one, in front of it, between two requests."""

import asyncio
from collections import defaultdict
from typing import override

from hypothesis import Phase, given, settings, strategies as st
import pytest

from custom_components.renogy_bt.renogy.exceptions import RenogyError, ReplyTimeout
from custom_components.renogy_bt.renogy.line import HeardFrames, Line, ReplyTimes
from custom_components.renogy_bt.renogy.modbus import with_crc
from custom_components.renogy_bt.renogy.recording import Drop
from tests.renogy.fake_link import Delivery, FakeLink, link_to, rbt50lfp48s
from tests.renogy.test_line import A1, A3, ASK_A1, ASK_A3, QuietTransport, recording
from tests.renogy.virtual_time import on_virtual_time

# As documented, not as the code has it.
KNOWN_AGAIN = 512


def with_word(number: int) -> bytes:
    """Return a reply to the same request with another first word."""
    return with_crc(A1[:3] + number.to_bytes(2, "big") + A1[5:-2])


def later(transport: QuietTransport, seconds: float, *fragments: bytes) -> None:
    """Send notifications, one after the other."""
    loop = asyncio.get_running_loop()
    for index, fragment in enumerate(fragments):
        loop.call_later(seconds + index / 1000, transport.notify, fragment)


def a_line(
    heard: HeardFrames | None = None, transport: QuietTransport | None = None
) -> tuple[QuietTransport, Line]:
    """Return a line over a connection of its own."""
    transport = transport or QuietTransport()
    return transport, Line(transport, ReplyTimes(), recording(), heard)


async def answered(line: Line, transport: QuietTransport, *fragments: bytes) -> bytes:
    """Ask, let these notifications come, and return what is taken for the answer."""
    later(transport, 0.2, *fragments)
    return (await line.read(ASK_A1, 1.0)).raw


def cut(stream: bytes, size: int) -> list[bytes]:
    """Return a stream in notifications of this size."""
    return [stream[at : at + size] for at in range(0, len(stream), size)]


@pytest.mark.parametrize("size", [20, 244])
@pytest.mark.parametrize("order", ["behind", "in front", "both"])
@on_virtual_time
async def test_a_reply_that_came_before_the_request_is_not_the_answer(
    size: int, order: str
) -> None:
    """Wherever it is glued to the right one, and however both are cut."""
    old, right = with_word(1), with_word(2)
    stream = {
        "behind": right + old,
        "in front": old + right,
        "both": old + right + old,
    }[order]

    transport, line = a_line()
    assert await answered(line, transport, old) == old
    assert await answered(line, transport, *cut(stream, size)) == right
    assert await answered(line, transport, with_word(3)) == with_word(3)


@on_virtual_time
async def test_a_replay_over_another_connection_is_known_again() -> None:
    """What a link has said is remembered while Home Assistant runs, not while it is connected."""
    heard = HeardFrames()

    transport, line = a_line(heard)
    await answered(line, transport, with_word(1))
    transport, line = a_line(heard)
    glued = with_word(2) + with_word(1)
    assert await answered(line, transport, glued) == with_word(2)


@on_virtual_time
async def test_what_came_as_no_answer_is_known_again() -> None:
    """A late reply, one between two requests and one that was dropped are old from then on."""
    transport, line = a_line()
    with pytest.raises(ReplyTimeout):
        await line.read(ASK_A1, 0.5)
    later(transport, 0.1, with_word(1))
    await asyncio.sleep(1)
    assert await answered(line, transport, with_word(2) + with_word(1)) == (
        with_word(2)
    )
    assert line.counters.dropped_frames == 2


@on_virtual_time
async def test_a_value_that_has_not_changed_is_taken_at_once() -> None:
    """The same reply as before is the answer where nothing else comes, without a pause."""
    transport, line = a_line()
    for _ in range(3):
        began = asyncio.get_running_loop().time()
        assert await answered(line, transport, with_word(1)) == with_word(1)
        now = asyncio.get_running_loop().time()
        assert now - began == pytest.approx(0.2, abs=0.005)


@on_virtual_time
async def test_of_two_old_or_two_new_replies_the_last_counts() -> None:
    """They cannot be told apart but by the order, which is that of the requests."""
    transport, line = a_line()
    assert await answered(line, transport, with_word(1) + with_word(2)) == (
        with_word(2)
    )
    assert await answered(line, transport, with_word(2) + with_word(1)) == (
        with_word(1)
    )


@on_virtual_time
async def test_the_late_reply_is_the_answer_to_the_repeated_request() -> None:
    """It says what the same registers held a moment ago: nothing tells it from the right one."""
    transport, line = a_line()
    with pytest.raises(ReplyTimeout):
        await line.read(ASK_A1, 0.5)
    assert await answered(line, transport, with_word(1)) == with_word(1)


@on_virtual_time
async def test_the_late_reply_is_no_answer_to_a_request_for_other_registers() -> None:
    """It has another length."""
    transport, line = a_line()
    with pytest.raises(ReplyTimeout):
        await line.read(ASK_A3, 0.5)
    assert await answered(line, transport, A3, with_word(1)) == with_word(1)


@on_virtual_time
async def test_a_replay_glued_to_a_late_reply_is_not_the_answer() -> None:
    """The right answer was garbled; the late reply is known by now, too, since it was asked for again."""
    transport, line = a_line()
    assert await answered(line, transport, with_word(1)) == with_word(1)
    with pytest.raises(ReplyTimeout):
        await line.read(ASK_A3, 0.5)
    later(transport, 0.1, A3)
    assert (await line.read(ASK_A3, 0.5)).raw == A3
    garbled = with_word(2)[:-1] + bytes([with_word(2)[-1] ^ 1])
    with pytest.raises(ReplyTimeout):
        await answered(line, transport, garbled, with_word(1) + A3)


class SlowlyWriting(QuietTransport):
    """A connection over which it takes a while to send a request, and something comes meanwhile."""

    meanwhile = b""

    @override
    async def write(self, frame: bytes) -> None:
        later(self, 0.1, self.meanwhile)
        await asyncio.sleep(0.2)


@on_virtual_time
async def test_an_old_reply_while_the_request_is_sent_is_not_the_answer() -> None:
    """What came before waits for what comes after."""
    transport = SlowlyWriting()
    _, line = a_line(None, transport)
    transport.meanwhile = with_word(1)
    assert (await line.read(ASK_A1, 1.0)).raw == with_word(1)
    later(transport, 0.4, with_word(2))
    assert (await line.read(ASK_A1, 1.0)).raw == with_word(2)


@on_virtual_time
async def test_an_unchanged_reply_that_overtakes_the_write_is_still_the_answer() -> (
    None
):
    """Where nothing else comes within the limit, it was the reply."""
    transport = SlowlyWriting()
    _, line = a_line(None, transport)
    transport.meanwhile = with_word(1)
    for _ in range(2):
        assert (await line.read(ASK_A1, 1.0)).raw == with_word(1)


@on_virtual_time
async def test_a_replay_is_recorded_as_such() -> None:
    """A report tells why a frame was dropped."""
    transport = QuietTransport()
    kept = recording()
    line = Line(transport, ReplyTimes(), kept)
    await answered(line, transport, with_word(1))
    await answered(line, transport, with_word(2) + with_word(1))
    assert kept.exchanges[-1].dropped == [Drop.REPEATED]


@on_virtual_time
async def test_not_more_than_the_last_frames_are_known_again() -> None:
    """A babbling peripheral does not fill the memory; what is heard again is kept longer."""
    transport, line = a_line()
    for number in range(KNOWN_AGAIN):
        await answered(line, transport, with_word(number))
    glued = with_word(60_000) + with_word(1)
    assert await answered(line, transport, glued) == with_word(60_000)
    glued = with_word(60_001) + with_word(2)
    assert await answered(line, transport, glued) == with_word(2)


class Replaying(FakeLink):
    """A dongle that glues old replies to the right ones, as `data` decides.

    Each battery loses some charge from reply to reply. What comes before the right one comes in one piece with its beginning: alone, nothing would
    tell it from an answer.
    """

    def __init__(self, data: st.DataObject) -> None:
        """Start with two batteries, and nothing sent."""
        super().__init__({48: rbt50lfp48s(), 49: rbt50lfp48s(remaining=30_000)})
        self._data = data
        self._sent: defaultdict[int, list[bytes]] = defaultdict(list)
        self._this_poll: list[tuple[int, bytes]] = []
        self.before: dict[int, float] = {}

    def begin_poll(self) -> None:
        """Take what was sent until now for old."""
        for unit, frame in self._this_poll:
            self._sent[unit].append(frame)
        self._this_poll.clear()
        self.before = {unit: self.remaining(unit) for unit in self.units}

    def remaining(self, unit: int) -> float:
        """Return the charge that a battery tells."""
        return self.units[unit].registers[5045] / 1000

    @override
    def deliver(self, unit: int, address: int, count: int) -> Delivery | None:
        self.units[unit].registers[5045] -= 1
        right = super().deliver(unit, address, count)
        assert right is not None
        (frame,) = right.fragments
        old = st.lists(st.sampled_from(self._sent[unit] or [b""]), max_size=2)
        if self._data.draw(st.integers(0, 7)) == 0:
            return None
        self._this_poll.append((unit, frame))
        front, behind = (b"".join(self._data.draw(old)) for _ in range(2))
        if frame[1] & 0x80:
            # A refusal ends its request at once: what follows comes alone, after the next one.
            behind = b""
        stream = front + frame + behind
        end = len(front) + len(frame)
        first = self._data.draw(st.integers(len(front) + 1, len(stream)))
        size = self._data.draw(st.sampled_from([20, 100, 244]))
        if behind and first <= end and (end - first) % size == 0:
            # What is behind comes in one piece with the end of the right one.
            first += 1
        return Delivery(
            seconds=right.seconds,
            fragments=(stream[:first], *cut(stream[first:], size)),
        )


@settings(max_examples=60, deadline=None, phases=[Phase.generate], derandomize=True)
@given(st.data())
@on_virtual_time
async def test_no_poll_shows_what_an_earlier_one_has_shown(data: st.DataObject) -> None:
    """However old replies are glued to the right ones, and whichever are lost."""
    fake = Replaying(data)
    link = link_to(fake)
    for _ in range(4):
        fake.begin_poll()
        try:
            report = await link.poll()
        except RenogyError:
            continue
        for unit, reading in report.readings.items():
            if unit in report.fresh:
                least, most = fake.remaining(unit), fake.before[unit]
                assert least <= reading.remaining_capacity < most
    await link.close()
