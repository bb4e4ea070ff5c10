# SPDX-License-Identifier: Apache-2.0
"""Taking turns in connecting: nobody is kept waiting by a link that does not answer."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from custom_components.renogy_bt.links.connection import ConnectingTurns, TurnIsOver
from tests.renogy.virtual_time import on_virtual_time


def now() -> float:
    """Return the time of the loop."""
    return asyncio.get_running_loop().time()


async def hang() -> None:
    """Connect in vain."""
    await asyncio.Event().wait()


async def hang_and_take_back() -> None:
    """Connect in vain, and take back what was begun, which takes its time."""
    try:
        await hang()
    finally:
        await asyncio.sleep(2)


def begin(
    turns: ConnectingTurns,
    patience: float,
    connect: Callable[[], Awaitable[object]] = hang,
) -> asyncio.Task[float]:
    """Have a turn taken; its result is when it was over."""

    async def take() -> float:
        async with turns.turn(patience):
            await connect()
        return now()

    return asyncio.create_task(take())


@on_virtual_time
async def test_one_at_a_time() -> None:
    """A turn begins when the one before is over, in the order of asking."""
    turns = ConnectingTurns(now)
    tasks = [begin(turns, 4, lambda: asyncio.sleep(1)) for _ in range(3)]
    over = [await task for task in tasks]
    assert over == pytest.approx([1, 2, 3], abs=0.01)


@on_virtual_time
async def test_turn_is_not_broken_off_while_nobody_waits() -> None:
    """A connection that takes long may take long where no other link is kept waiting."""
    assert await begin(ConnectingTurns(now), 1, lambda: asyncio.sleep(20)) >= 20


@pytest.mark.parametrize("asked_at", [0.0, 0.5, 7.0])
@on_virtual_time
async def test_patience_ends_when_another_waits(asked_at: float) -> None:
    """Whoever had its time is broken off for the next one, and not before it had its time."""
    turns = ConnectingTurns(now)
    slow = begin(turns, 4)
    await asyncio.sleep(asked_at)
    assert not slow.done()
    next_one = begin(turns, 4, lambda: asyncio.sleep(0))
    assert await next_one == pytest.approx(max(4, asked_at), abs=0.01)
    with pytest.raises(TurnIsOver):
        await slow


@on_virtual_time
async def test_next_one_waits_until_all_is_taken_back() -> None:
    """The controller is free when what was begun has been taken back."""
    turns = ConnectingTurns(now)
    slow = begin(turns, 1, hang_and_take_back)
    await asyncio.sleep(0)
    next_one = begin(turns, 1, lambda: asyncio.sleep(0))
    assert await next_one == pytest.approx(3, abs=0.01)
    with pytest.raises(TurnIsOver):
        await slow


@on_virtual_time
async def test_third_one_waits_while_all_is_taken_back() -> None:
    """A link that comes while a turn is being broken off waits like any other."""
    turns = ConnectingTurns(now)
    slow = begin(turns, 1, hang_and_take_back)
    await asyncio.sleep(0)
    second = begin(turns, 1, lambda: asyncio.sleep(0))
    await asyncio.sleep(2)
    third = begin(turns, 1, lambda: asyncio.sleep(0))
    assert await second == pytest.approx(3, abs=0.01)
    assert await third == pytest.approx(3, abs=0.01)
    with pytest.raises(TurnIsOver):
        await slow


@on_virtual_time
async def test_own_errors_stay_what_they_are() -> None:
    """A time-out of the connecting itself is not the end of the turn."""
    turns = ConnectingTurns(now)

    async def connect() -> None:
        async with asyncio.timeout(2):
            await hang()

    slow = begin(turns, 4, connect)
    await asyncio.sleep(0)
    next_one = begin(turns, 4, lambda: asyncio.sleep(0))
    with pytest.raises(TimeoutError):
        await slow
    assert await next_one == pytest.approx(2, abs=0.01)


@on_virtual_time
async def test_whoever_gives_up_holds_nothing() -> None:
    """A turn, and the waiting for one, can be cancelled."""
    turns = ConnectingTurns(now)
    tasks = [begin(turns, 4) for _ in range(3)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)
    await begin(turns, 4, lambda: asyncio.sleep(0))
