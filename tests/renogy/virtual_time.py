# SPDX-License-Identifier: Apache-2.0
"""An event loop whose clock jumps over every wait: hours pass in milliseconds, no sleep is real."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial, wraps
import selectors
from typing import Any, override


class _JumpingSelector(selectors.SelectSelector):
    """Advances the clock instead of waiting."""

    now = 0.0

    @override
    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("Nothing is left that could wake the program")
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop on a virtual clock that starts at 0."""

    def __init__(self) -> None:
        """Start at 0."""
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    @override
    def time(self) -> float:
        return self._jumping.now


def run[T](main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a program on a clock of its own; tasks left over and unseen errors fail."""
    unseen: list[dict[str, Any]] = []

    async def supervised() -> T:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: unseen.append(context))
        result = await main()
        left_over = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left_over, f"Tasks left over: {left_over}"
        return result

    loop = VirtualTimeLoop()
    try:
        result = loop.run_until_complete(supervised())
    finally:
        loop.close()
    assert not unseen, f"Errors that nobody saw: {unseen}"
    return result


def on_virtual_time[**P, T](
    test: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, T]:
    """Run a test on a clock of its own."""

    @wraps(test)
    def timed(*args: P.args, **kwargs: P.kwargs) -> T:
        return run(partial(test, *args, **kwargs))

    return timed
