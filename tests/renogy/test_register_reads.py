# SPDX-License-Identifier: Apache-2.0
"""Registers that are asked for beside the polls: bounded, after the polls, over one connection."""

import asyncio

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.renogy_bt.renogy.exceptions import (
    ExceptionReply,
    LinkBusy,
    LinkClosed,
    LinkLost,
    LinkUnreachable,
    RenogyError,
    ReplyTimeout,
)
from tests.renogy.fake_link import (
    CONNECT_SECONDS,
    DISCONNECT_SECONDS,
    drop_in_reply,
    four_batteries,
    kept_link_to,
    link_to,
    silent,
)
from tests.renogy.virtual_time import on_virtual_time

# As documented, not as the code has it.
MOST_WAITING = 8
# A request and its repetition, each 2 s, and a second until the line is quiet.
LONGEST_REQUEST = 6.0


def _now() -> float:
    return asyncio.get_running_loop().time()


@on_virtual_time
async def test_several_reads_share_a_connection() -> None:
    """As many as may wait take one connection."""
    fake = four_batteries()
    link = link_to(fake)
    words = await asyncio.gather(
        *(link.read_registers(48 + each % 4, 5000, 1) for each in range(8))
    )
    assert words == [(15,)] * MOST_WAITING
    assert len(fake.connections) == 1
    await link.close()


@settings(max_examples=25, deadline=None)
@given(calls=st.integers(1, 60), kept=st.booleans())
@on_virtual_time
async def test_a_flood_of_reads(calls: int, kept: bool) -> None:
    """Some are answered, the others are told at once, and the poll comes after one request."""
    fake = four_batteries()
    link = kept_link_to(fake, 10) if kept else link_to(fake)
    await link.poll()
    alone = _now()
    await link.poll()
    alone = _now() - alone
    asked_at = _now()
    reads = [
        asyncio.create_task(link.read_registers(48, 5000, 1)) for _ in range(calls)
    ]
    refused = 0
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for read in reads:
        if read.done():
            assert isinstance(read.exception(), LinkBusy)
            refused += 1
    assert refused == max(calls - MOST_WAITING, 0)
    assert _now() == asked_at
    report = await link.poll()
    assert report.failed == {}
    waited = 2 * DISCONNECT_SECONDS + CONNECT_SECONDS + LONGEST_REQUEST
    assert _now() - asked_at <= alone + waited
    outcomes = await asyncio.gather(*reads, return_exceptions=True)
    assert outcomes.count((15,)) == min(calls, MOST_WAITING)
    await link.close()
    assert all(each.lost.done() for each in fake.connections)


@on_virtual_time
async def test_polls_go_first() -> None:
    """Of reads and a poll that wait for the same poll, the poll comes first."""
    fake = four_batteries()
    link = link_to(fake)
    ended: list[str] = []

    async def poll() -> None:
        await link.poll()
        ended.append("poll")

    async def read() -> None:
        await link.read_registers(48, 5000, 1)
        ended.append("read")

    under_way = asyncio.create_task(poll())
    await asyncio.sleep(CONNECT_SECONDS)
    waiting = [asyncio.create_task(each()) for each in (read, read, poll, read, poll)]
    await asyncio.gather(under_way, *waiting)
    assert ended == ["poll", "poll", "poll", "read", "read", "read"]
    await link.close()


@on_virtual_time
async def test_a_poll_interrupts_a_queue_of_silence() -> None:
    """Requests to a battery that is not there hold a poll up for one of them, not for all."""
    fake = four_batteries()
    link = link_to(fake)
    reads = [
        asyncio.create_task(link.read_registers(60, 5000, 1))
        for _ in range(MOST_WAITING)
    ]
    await asyncio.sleep(CONNECT_SECONDS + 0.1)
    asked_at = _now()
    await link.poll()
    assert sum(read.done() for read in reads) == 1
    assert _now() - asked_at < LONGEST_REQUEST + DISCONNECT_SECONDS + 10
    outcomes = await asyncio.gather(*reads, return_exceptions=True)
    assert {type(each) for each in outcomes} == {ReplyTimeout}
    await link.close()


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [("unreachable", LinkUnreachable), ("lost", LinkLost)],
)
@on_virtual_time
async def test_a_connection_that_fails_answers_all(
    trouble: str, kind: type[RenogyError]
) -> None:
    """Nobody who waits has the same failure tried once more for himself."""
    fake = four_batteries()
    link = link_to(fake)
    if trouble == "unreachable":
        fake.unreachable = "off"
    else:
        fake.always = [drop_in_reply]
    outcomes = await asyncio.gather(
        *(link.read_registers(48, 5000, 30) for _ in range(MOST_WAITING)),
        return_exceptions=True,
    )
    assert {type(each) for each in outcomes} == {kind}
    assert len(fake.connections) <= 1
    fake.unreachable, fake.always = None, []
    assert await link.read_registers(48, 5000, 1) == (15,)
    await link.close()


@on_virtual_time
async def test_each_answer_is_its_own() -> None:
    """A refusal or a silence in between does not concern the others."""
    fake = four_batteries()
    fake.faults[49, "5223x1"] = [silent, silent]
    link = link_to(fake)
    outcomes = await asyncio.gather(
        link.read_registers(48, 5223, 1),
        link.read_registers(48, 5034, 30),
        link.read_registers(49, 5223, 1),
        link.read_registers(50, 5223, 1),
        return_exceptions=True,
    )
    assert outcomes[0] == (48,)
    assert isinstance(outcomes[1], ExceptionReply)
    assert isinstance(outcomes[2], ReplyTimeout)
    assert outcomes[3] == (48,)
    await link.close()


@settings(max_examples=25, deadline=None)
@given(leaving=st.sets(st.integers(0, 7)), after=st.floats(0.0, 3.0))
@on_virtual_time
async def test_who_leaves_delays_nobody(leaving: set[int], after: float) -> None:
    """A caller that was cancelled gives its place free; the others get their answers."""
    fake = four_batteries()
    link = link_to(fake)
    reads = [
        asyncio.create_task(link.read_registers(48, 5000, 1))
        for _ in range(MOST_WAITING)
    ]
    await asyncio.sleep(after)
    for each in leaving:
        reads[each].cancel()
    await asyncio.sleep(0)
    more = [asyncio.create_task(link.read_registers(49, 5000, 1)) for _ in leaving]
    outcomes = await asyncio.gather(*reads, return_exceptions=True)
    for number, outcome in enumerate(outcomes):
        if number not in leaving:
            assert outcome == (15,)
    assert await asyncio.gather(*more) == [(15,)] * len(leaving)
    await link.close()
    assert all(each.lost.done() for each in fake.connections)


@on_virtual_time
async def test_closing_ends_what_waits() -> None:
    """All are told, nothing is connected again, and the link can be used again."""
    fake = four_batteries()
    fake.hangs_on_write = True
    link = link_to(fake)
    reads = [asyncio.create_task(link.read_registers(48, 5000, 1)) for _ in range(5)]
    await asyncio.sleep(CONNECT_SECONDS + 0.1)
    await link.close()
    assert all(read.done() for read in reads)
    assert {type(read.exception()) for read in reads} == {LinkClosed}
    assert len(fake.connections) == 1
    assert fake.connections[0].lost.done()
    fake.hangs_on_write = False
    assert await link.read_registers(48, 5000, 1) == (15,)
    await link.close()


@on_virtual_time
async def test_a_silence_is_not_kept() -> None:
    """A kept connection over which nothing came is made anew."""
    fake = four_batteries()
    link = kept_link_to(fake, 10)
    await link.poll()
    with pytest.raises(ReplyTimeout):
        await link.read_registers(60, 5000, 1)
    await link.poll()
    assert len(fake.connections) == 2
    await link.close()
