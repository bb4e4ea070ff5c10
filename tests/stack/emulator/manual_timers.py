# SPDX-License-Identifier: Apache-2.0
"""Timers whose clock only the test moves."""

import asyncio
from collections.abc import Callable, Coroutine
import heapq
from itertools import count
from typing import Any, cast, override

from tests.emulator.timers import Timers


class _Handle:
    """A timer; stands in for `asyncio.TimerHandle`."""

    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class ManualTimers(Timers):
    """Timers in virtual time; callbacks run inside `advance`, in order."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._time = 0.0
        self._order = count()
        self._queue: list[tuple[float, int, _Handle, Callable[[], None]]] = []

    @override
    def now(self) -> float:
        return self._time

    @override
    def call_later(
        self, delay: float, callback: Callable[[], None]
    ) -> asyncio.TimerHandle:
        handle = _Handle()
        heapq.heappush(
            self._queue, (self._time + delay, next(self._order), handle, callback)
        )
        return cast(asyncio.TimerHandle, handle)

    @override
    def cancel(self, handle: asyncio.TimerHandle | None) -> None:
        if handle is not None:
            handle.cancel()

    @override
    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        coroutine.close()
        raise AssertionError("nothing here needs a task")

    def advance(self, seconds: float) -> None:
        """Move the clock, running what falls due on the way."""
        end = self._time + seconds
        while self._queue and self._queue[0][0] <= end:
            self._time, _, handle, callback = heapq.heappop(self._queue)
            if not handle.cancelled:
                callback()
        self._time = end

    @property
    def waiting(self) -> int:
        """Return how many timers are still to fire."""
        return sum(not handle.cancelled for _, _, handle, _ in self._queue)
