# SPDX-License-Identifier: Apache-2.0
"""Registers that somebody asks for beside the polls: few at a time, over one connection."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from .exceptions import ExceptionReply, LinkBusy, RenogyError, ReplyTimeout
from .modbus import Frame, ReadRequest

MOST_WAITING: Final = 8
"""So many requests wait for one link. They take 2 s where all is well, and half a minute where
no battery answers: nobody waits for longer without knowing why."""

type Ask = Callable[[ReadRequest], Awaitable[Frame]]


@dataclass(frozen=True, slots=True)
class _Asked:
    request: ReadRequest
    answer: asyncio.Future[Frame]


class RegisterReads:
    """The requests that wait for one link, in the order in which they came.

    They are answered one after the other over one connection. Whoever is to go first, a poll, gets
    the link after the request that is under way.
    """

    def __init__(self, name: str, connect: Callable[[], Awaitable[None]]) -> None:
        """Prepare; `connect` gets the link when it is free, and calls `answer` with it."""
        self._name = name
        self._connect = connect
        self._waiting: deque[_Asked] = deque()
        self._answering: asyncio.Task[None] | None = None

    async def read(self, request: ReadRequest) -> Frame:
        """Return the reply to a request; raises LinkBusy when too many wait already.

        Raises LinkUnreachable, LinkLost, ReplyTimeout or ExceptionReply as well.
        """
        self._forget_who_left()
        if len(self._waiting) >= MOST_WAITING:
            raise LinkBusy(f"{self._name}: {MOST_WAITING} requests wait already")
        asked = _Asked(request, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._answering is None:
            self._answering = asyncio.create_task(
                self._answer_all(), name=f"Read registers of {self._name}"
            )
        return await asked.answer

    async def answer(self, ask: Ask, is_awaited: Callable[[], bool]) -> None:
        """Answer what waits over a connection, at least one, until a poll waits for the link."""
        has_answered = False
        while self._is_anybody_waiting() and not (has_answered and is_awaited()):
            has_answered = True
            asked = self._waiting[0]
            try:
                frame = await ask(asked.request)
            except (ReplyTimeout, ExceptionReply) as error:
                self._settle(asked, error)
            else:
                self._settle(asked, frame)

    async def ended(self) -> None:
        """Wait until nothing is answered any more, after the link was closed."""
        if self._answering is not None:
            await asyncio.wait({self._answering})

    async def _answer_all(self) -> None:
        """Connect until nobody waits; a connection that fails is the answer to all who wait."""
        try:
            while self._is_anybody_waiting():
                await self._connect()
        except RenogyError as error:
            while self._waiting:
                self._settle(self._waiting[0], error)
        finally:
            self._answering = None
            for asked in self._waiting:
                asked.answer.cancel()

    def _is_anybody_waiting(self) -> bool:
        self._forget_who_left()
        return bool(self._waiting)

    def _forget_who_left(self) -> None:
        self._waiting = deque(each for each in self._waiting if not each.answer.done())

    def _settle(self, asked: _Asked, answer: Frame | RenogyError) -> None:
        if asked in self._waiting:
            self._waiting.remove(asked)
        if asked.answer.done():
            return
        if isinstance(answer, RenogyError):
            asked.answer.set_exception(answer)
        else:
            asked.answer.set_result(answer)
