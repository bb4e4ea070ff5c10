# SPDX-License-Identifier: Apache-2.0
"""Timers and tasks of the emulated world, so that stopping leaves none behind."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Timers:
    """Callbacks on the running event loop that are cancelled together."""

    def __init__(self) -> None:
        """Bind to the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._handles: set[asyncio.TimerHandle] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def now(self) -> float:
        """Return the loop's clock, in seconds."""
        return self._loop.time()

    def call_later(
        self, delay: float, callback: Callable[[], None]
    ) -> asyncio.TimerHandle:
        """Call back after `delay` seconds, unless cancelled before."""

        def run() -> None:
            self._handles.discard(handle)
            callback()

        handle = self._loop.call_later(delay, run)
        self._handles.add(handle)
        return handle

    def cancel(self, handle: asyncio.TimerHandle | None) -> None:
        """Cancel one timer; None and a timer that already fired are fine."""
        if handle is not None:
            handle.cancel()
            self._handles.discard(handle)

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine until it ends or everything is cancelled."""
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def cancel_timers(self) -> None:
        """Cancel every timer; tasks run on."""
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()

    async def stop(self) -> None:
        """Cancel every timer and task, and wait for the tasks to be gone.

        Raises what a task failed with, if one did.
        """
        self.cancel_timers()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result
