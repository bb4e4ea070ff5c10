# SPDX-License-Identifier: Apache-2.0
"""Tests of the line: the vectors of protocol 1.10 H in every order, mixed with time-outs."""

import asyncio
from functools import partial
from itertools import permutations
from typing import override

import pytest

from custom_components.renogy_bt.renogy.exceptions import (
    ExceptionReply,
    LinkLost,
    ReplyTimeout,
)
from custom_components.renogy_bt.renogy.line import Line, ReplyTimes, is_answered_by
from custom_components.renogy_bt.renogy.modbus import (
    Frame,
    FrameAssembler,
    ReadRequest,
    with_crc,
)
from custom_components.renogy_bt.renogy.recording import Recording
from tests.renogy.fake_link import FakeLink, FakeTransport
from tests.renogy.vectors import CAPTURES, EXCEPTIONS, MIXED, REFUSED
from tests.renogy.virtual_time import on_virtual_time, run

# As documented, not as the code has it.
LONGEST_EXTENSION = 1.0

A1 = CAPTURES["A1"].reply
A2 = CAPTURES["A2"].reply
A3 = CAPTURES["A3"].reply
A5 = CAPTURES["A5"].reply
A1_FRAME = FrameAssembler().feed(A1)[0]
ASK_A1 = ReadRequest(48, 5042, 6)
ASK_A3 = ReadRequest(48, 5104, 28)
ASK_A5 = ReadRequest(48, 5000, 34)

# Which of the mixed vectors hold an answer to what was asked.
ANSWERED = {"H4": A5, "H5": A1, "H6": A1, "H7": A3, "H8": A5}


class QuietTransport(FakeTransport):
    """A connection whose other end does nothing by itself."""

    def __init__(self) -> None:
        """Start connected."""
        super().__init__(FakeLink({}))
        self.written: list[bytes] = []

    @override
    async def write(self, frame: bytes) -> None:
        self.written.append(frame)


def recording() -> Recording:
    """Return a recording that begins now."""
    return Recording(asyncio.get_running_loop().time())


def _line() -> tuple[QuietTransport, Line]:
    transport = QuietTransport()
    return transport, Line(transport, ReplyTimes(), recording())


def _later(transport: FakeTransport, seconds: float, *fragments: bytes) -> None:
    loop = asyncio.get_running_loop()
    for index, fragment in enumerate(fragments):
        loop.call_later(seconds + index / 1000, transport.notify, fragment)


def _now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("name", MIXED)
@on_virtual_time
async def test_mixed_vectors(name: str) -> None:
    """Only the answer to what was asked is taken from what comes."""
    mixed = MIXED[name]

    transport, line = _line()
    _later(transport, 0.2, *mixed.notifications)
    answer = line.read(ReadRequest(mixed.unit, mixed.address, mixed.count), 1.0)
    if name in ANSWERED:
        assert (await answer).raw == ANSWERED[name]
    elif name == "H9":
        # The right answer by its form: what it says is for the plausibility checks.
        assert set((await answer).data) == {0xFF}
    else:
        with pytest.raises(ReplyTimeout):
            await answer


def test_wrong_frames_in_every_order() -> None:
    """Whatever comes before the answer, in whichever order, is dropped."""

    async def answered_after(order: tuple[bytes, ...]) -> None:
        transport, line = _line()
        _later(transport, 0.1, *order, A1)
        assert (await line.read(ASK_A1, 1.0)).raw == A1
        assert line.counters.dropped_frames >= 3

    for order in permutations([A2, A3, A5, A1[:11], REFUSED[0], b"\x00\x30\x03"]):
        run(partial(answered_after, order))


def test_answers_to_requests_given_up_are_dropped() -> None:
    """Late replies, in any order, never pass for the answer to a later request."""
    requests = {A1: ASK_A1, A2: ReadRequest(49, 5042, 6), A3: ASK_A3, A5: ASK_A5}

    async def answered_late_in(order: tuple[bytes, ...]) -> None:
        transport, line = _line()
        for late in order:
            with pytest.raises(ReplyTimeout):
                await line.read(requests[late], 0.5)
        last = order[-1]
        _later(transport, 0.1, *order[:-1])
        _later(transport, 0.3, last)
        assert (await line.read(requests[last], 1.0)).raw == last
        assert line.counters.dropped_frames == len(order) - 1
        assert line.counters.timeouts == len(order)
        assert line.unanswered_units == {48, 49}

    for order in permutations([A1, A2, A3, A5]):
        run(partial(answered_late_in, order))


@on_virtual_time
async def test_the_request_is_written_as_it_is() -> None:
    """One write, one frame."""
    transport, line = _line()
    _later(transport, 0.1, A1)
    await line.read(ASK_A1, 1.0)
    assert transport.written == [ASK_A1.encode()]
    assert line.counters.requests == 1
    assert line.units_heard == {48}


@on_virtual_time
async def test_the_reply_is_taken_when_its_last_fragment_is_in() -> None:
    """No time passes between the last fragment and the end of the wait."""
    transport, line = _line()
    _later(transport, 0.2, *(A5[at : at + 20] for at in range(0, len(A5), 20)))
    await line.read(ASK_A5, 2.0)
    assert _now() == pytest.approx(0.203, abs=1e-6)


@pytest.mark.parametrize(("unit", "code", "reply"), EXCEPTIONS)
@on_virtual_time
async def test_exceptions_are_raised_at_once(
    unit: int, code: int, reply: bytes
) -> None:
    """A refusal is not waited out."""
    transport, line = _line()
    _later(transport, 0.2, reply)
    with pytest.raises(ExceptionReply) as caught:
        await line.read(ReadRequest(unit, 5000, 110), 2.0)
    assert caught.value.code == code
    assert _now() == pytest.approx(0.2)


@on_virtual_time
async def test_exceptions_of_other_units_are_not_ours() -> None:
    """Unit 49's refusal is no answer of unit 48."""
    transport, line = _line()
    _later(transport, 0.1, EXCEPTIONS[5][2], A1)
    assert (await line.read(ASK_A1, 1.0)).raw == A1


@on_virtual_time
async def test_silence_ends_at_the_limit() -> None:
    """Without a byte the wait is no longer than it was to be."""
    _, line = _line()
    with pytest.raises(ReplyTimeout):
        await line.read(ASK_A1, 0.7)
    assert _now() == pytest.approx(0.7)


@on_virtual_time
async def test_a_reply_under_way_is_waited_for() -> None:
    """Fragments that arrive around the limit are not thrown away."""
    transport, line = _line()
    _later(transport, 0.49, A5[:20], A5[20:40])
    _later(transport, 0.6, A5[40:])
    assert (await line.read(ASK_A5, 0.5)).raw == A5


@on_virtual_time
async def test_the_line_is_quiet_after_a_time_out() -> None:
    """The next request waits for the end of what still comes in."""
    transport, line = _line()
    _later(transport, 0.45, A3)
    _later(transport, 0.6, A3)
    with pytest.raises(ReplyTimeout):
        await line.read(ASK_A1, 0.5)
    assert _now() == pytest.approx(0.8)


@on_virtual_time
async def test_endless_chatter_is_not_waited_out() -> None:
    """A line that is never quiet does not hold a request for ever."""
    transport, line = _line()
    for tenth in range(100):
        _later(transport, tenth / 10, A3)
    with pytest.raises(ReplyTimeout):
        await line.read(ASK_A1, 0.5)
    assert _now() == pytest.approx(0.5 + LONGEST_EXTENSION)


@on_virtual_time
async def test_a_lost_link_ends_the_wait() -> None:
    """Nobody waits for a time-out on a dead link, nor writes to it again."""
    transport, line = _line()
    asyncio.get_running_loop().call_later(0.1, transport.drop)
    with pytest.raises(LinkLost):
        await line.read(ASK_A1, 2.0)
    assert _now() == pytest.approx(0.1)
    with pytest.raises(LinkLost):
        await line.read(ASK_A1, 2.0)
    assert len(transport.written) == 1


@on_virtual_time
async def test_a_link_lost_between_requests_is_noticed() -> None:
    """The loss of an idle link surfaces with the next request."""
    transport, line = _line()
    transport.drop()
    await asyncio.sleep(0)
    with pytest.raises(LinkLost):
        await line.read(ASK_A1, 2.0)


@on_virtual_time
async def test_a_write_that_hangs_is_given_up() -> None:
    """A Bluetooth daemon that never answers costs no more than a lost reply."""

    class HangingTransport(QuietTransport):
        @override
        async def write(self, frame: bytes) -> None:
            await asyncio.Event().wait()

    line = Line(HangingTransport(), ReplyTimes(), recording())
    with pytest.raises(ReplyTimeout):
        await line.read(ASK_A1, 1.5)
    assert _now() == pytest.approx(1.5)


@on_virtual_time
async def test_a_link_lost_while_writing() -> None:
    """The loss is reported once, and leaves no error that nobody sees."""

    class LosingTransport(QuietTransport):
        @override
        async def write(self, frame: bytes) -> None:
            self.drop()
            await asyncio.sleep(0.01)
            raise LinkLost("write failed")

    line = Line(LosingTransport(), ReplyTimes(), recording())
    with pytest.raises(LinkLost, match="write failed"):
        await line.read(ASK_A1, 1.5)


@on_virtual_time
async def test_a_reply_that_overtakes_the_write() -> None:
    """A reply may be in before the write is acknowledged."""

    class SlowTransport(QuietTransport):
        @override
        async def write(self, frame: bytes) -> None:
            self.notify(A1)
            await asyncio.sleep(0.3)

    line = Line(SlowTransport(), ReplyTimes(), recording())
    assert (await line.read(ASK_A1, 1.0)).raw == A1


@pytest.mark.parametrize("size", [20, 248])
@on_virtual_time
async def test_an_older_reply_glued_in_front_is_not_the_answer(size: int) -> None:
    """Of two replies that fit the last one counts, however they are cut."""
    older = with_crc(A1[:5] + bytes((A1[5] ^ 1,)) + A1[6:-2])
    stream = older + A1

    transport, line = _line()
    parts = [stream[at : at + size] for at in range(0, len(stream), size)]
    _later(transport, 0.1, *parts)
    assert (await line.read(ASK_A1, 1.0)).raw == A1
    assert line.counters.dropped_frames == 1
    assert _now() < 0.15


@on_virtual_time
async def test_an_old_reply_that_a_late_one_brings_along_is_not_the_answer() -> None:
    """After a time-out, what stands in front of the late reply is older still."""
    transport, line = _line()
    with pytest.raises(ReplyTimeout):
        await line.read(ASK_A5, 0.5)
    _later(transport, 0.1, A1 + A5)
    with pytest.raises(ReplyTimeout):
        await line.read(ASK_A1, 0.5)
    assert line.counters.dropped_frames == 2
    _later(transport, 0.1, A5 + A1)
    assert (await line.read(ASK_A1, 0.5)).raw == A1


@on_virtual_time
async def test_what_only_looks_like_another_frame_costs_little() -> None:
    """The beginning of a frame behind the answer is waited for until the line is quiet."""
    transport, line = _line()
    _later(transport, 0.1, A1 + A5[:7])
    assert (await line.read(ASK_A1, 1.0)).raw == A1
    assert _now() == pytest.approx(0.3)
    _later(transport, 0.1, A5)
    assert (await line.read(ASK_A5, 1.0)).raw == A5


@on_virtual_time
async def test_an_answer_outlives_the_link() -> None:
    """An answer that is in when the connection ends is an answer."""
    transport, line = _line()
    _later(transport, 0.1, A1 + A5[:7])
    asyncio.get_running_loop().call_later(0.15, transport.drop)
    assert (await line.read(ASK_A1, 1.0)).raw == A1


@on_virtual_time
async def test_a_second_answer_is_dropped() -> None:
    """A repetition of the answer is counted as dropped."""
    transport, line = _line()
    _later(transport, 0.1, A1 + A1)
    await line.read(ASK_A1, 1.0)
    assert line.counters.dropped_frames == 1


@on_virtual_time
async def test_the_rest_of_a_given_up_reply_does_not_spoil_the_next() -> None:
    """What was left unfinished is dropped when the next request goes out."""
    transport, line = _line()
    _later(transport, 0.1, A5[:50])
    with pytest.raises(ReplyTimeout):
        await line.read(ASK_A5, 0.5)
    _later(transport, 0.1, A5[50:], A1)
    assert (await line.read(ASK_A1, 0.5)).raw == A1


@on_virtual_time
async def test_whoever_answers_255_first_is_the_one() -> None:
    """A second battery that answers under another id is not mixed in."""
    to_anyone = ReadRequest(255, 5042, 6)

    transport, line = _line()
    _later(transport, 0.1, A1)
    assert (await line.read(to_anyone, 1.0)).unit == 48
    _later(transport, 0.1, A2, A1)
    assert (await line.read(to_anyone, 1.0)).unit == 48
    assert line.counters.dropped_frames == 1


@on_virtual_time
async def test_the_limit_is_learned() -> None:
    """Without a given limit, four times the usual reply time is waited."""
    transport, line = _line()
    _later(transport, 0.2, A1)
    await line.read(ASK_A1)
    began = _now()
    with pytest.raises(ReplyTimeout):
        await line.read(ASK_A1)
    assert _now() - began == pytest.approx(0.8)


def test_a_reply_answers_its_request() -> None:
    """Unit and byte count tell the answer to a request."""
    assert is_answered_by(ASK_A1, A1_FRAME, None)


@pytest.mark.parametrize(("unit", "count"), [(49, 6), (48, 5), (48, 7), (247, 6)])
def test_other_replies_do_not_answer(unit: int, count: int) -> None:
    """A frame of another unit or length is not the answer."""
    assert not is_answered_by(ReadRequest(unit, 5042, count), A1_FRAME, None)


def test_an_exception_answers_whatever_was_asked() -> None:
    """An exception of the unit answers a request of any length, one of another unit none."""
    exception = Frame(48, b"", b"", 2)
    assert is_answered_by(ASK_A1, exception, None)
    assert not is_answered_by(ReadRequest(49, 5042, 6), exception, None)


def test_a_request_to_255_is_answered_by_one_unit_only() -> None:
    """Whoever answers first is the one; an id given once is not mistaken for another."""
    to_anyone = ReadRequest(255, 5042, 6)
    assert is_answered_by(to_anyone, A1_FRAME, None)
    assert is_answered_by(to_anyone, A1_FRAME, 48)
    assert not is_answered_by(to_anyone, A1_FRAME, 49)
