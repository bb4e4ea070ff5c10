# SPDX-License-Identifier: Apache-2.0
"""Attempts to connect that make room for a recovery step."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from custom_components.renogy_bt.supervisor.poll_gate import (
    CLEAN_UP_LIMIT,
    ConnectingBrokenOff,
    ConnectionAttempts,
)
from tests.renogy.virtual_time import on_virtual_time

LINK = "6C:B2:FD:A1:B2:C3"
OTHER = "60:98:66:ED:FC:11"


def any_link(_: str) -> bool:
    """Tell that every link is concerned."""
    return True


async def hang() -> None:
    """Connect in vain."""
    await asyncio.Event().wait()


def under_way(
    attempts: ConnectionAttempts,
    link: str = LINK,
    connect: Callable[[], Awaitable[None]] = hang,
) -> asyncio.Task[None]:
    """Have an attempt begin."""

    async def attempt() -> None:
        async with attempts.attempt(link):
            await connect()

    return asyncio.create_task(attempt())


def attempts_on_this_loop() -> ConnectionAttempts:
    """Return attempts, none of which is under way."""
    return ConnectionAttempts(asyncio.get_running_loop().time)


@on_virtual_time
async def test_attempt_is_broken_off_at_once() -> None:
    """What has not connected yet ends when it is told to, and only then."""
    attempts = attempts_on_this_loop()
    attempt = under_way(attempts)
    await asyncio.sleep(19)
    assert not attempt.done()
    attempts.break_off(any_link)
    with pytest.raises(ConnectingBrokenOff):
        await attempt
    assert asyncio.get_running_loop().time() == pytest.approx(19, abs=0.01)


@on_virtual_time
async def test_only_those_concerned_are_broken_off() -> None:
    """Attempts to other links go on."""
    attempts = attempts_on_this_loop()
    attempt, other = under_way(attempts), under_way(attempts, OTHER)
    await asyncio.sleep(0)
    attempts.break_off(lambda link: link == LINK)
    await asyncio.wait({attempt, other}, timeout=1)
    assert attempt.done()
    assert not other.done()
    other.cancel()
    await asyncio.wait({attempt, other})


@on_virtual_time
async def test_connection_that_stands_is_not_broken_off() -> None:
    """An attempt that has led to a connection is none any more."""
    attempts = attempts_on_this_loop()
    async with attempts.attempt(LINK):
        await asyncio.sleep(1)
    attempts.break_off(any_link)
    await asyncio.sleep(2 * CLEAN_UP_LIMIT)


@on_virtual_time
async def test_what_was_begun_is_taken_back() -> None:
    """An attempt is over when it has cleaned up, which takes its time."""
    attempts = attempts_on_this_loop()
    taken_back = False

    async def connect() -> None:
        nonlocal taken_back
        try:
            await hang()
        finally:
            await asyncio.sleep(2)
            taken_back = True

    attempt = under_way(attempts, connect=connect)
    await asyncio.sleep(0)
    attempts.break_off(any_link)
    attempts.break_off(any_link)
    with pytest.raises(ConnectingBrokenOff):
        await attempt
    assert taken_back
    assert asyncio.get_running_loop().time() == pytest.approx(2, abs=0.01)


@on_virtual_time
async def test_taking_back_is_bounded() -> None:
    """A bluetoothd that does not answer keeps nobody for ever."""
    attempts = attempts_on_this_loop()

    async def connect() -> None:
        try:
            await hang()
        finally:
            await hang()

    attempt = under_way(attempts, connect=connect)
    await asyncio.sleep(0)
    attempts.break_off(any_link)
    with pytest.raises(ConnectingBrokenOff):
        await attempt
    assert asyncio.get_running_loop().time() == pytest.approx(CLEAN_UP_LIMIT, abs=0.01)


@on_virtual_time
async def test_own_errors_stay_what_they_are() -> None:
    """A time-out of the connecting itself says nothing of a recovery step."""
    attempts = attempts_on_this_loop()

    async def connect() -> None:
        async with asyncio.timeout(20):
            await hang()

    with pytest.raises(TimeoutError):
        await under_way(attempts, connect=connect)


@pytest.mark.parametrize("broken_off", [False, True])
@on_virtual_time
async def test_whoever_gives_up_has_given_up(broken_off: bool) -> None:
    """Cancelling whoever connects is not mistaken for a recovery step."""
    attempts = attempts_on_this_loop()
    attempt = under_way(attempts)
    await asyncio.sleep(0)
    if broken_off:
        attempts.break_off(any_link)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
