# SPDX-License-Identifier: Apache-2.0
"""CPU time, told apart: what the system under test takes, and what emulating its line takes."""

import asyncio
from collections.abc import Callable
from time import thread_time
from typing import override

from tests.emulator.timers import Timers


class CpuMeter:
    """Adds up the CPU seconds of the emulation.

    The emulation is entered when a system writes or a timer of the line runs, and left while
    a system takes a notification.
    """

    def __init__(self) -> None:
        """Start outside of the emulation."""
        self.emulation = 0.0
        self._entered_at = 0.0

    def enter(self) -> None:
        """Go on in the emulation."""
        self._entered_at = thread_time()

    def leave(self) -> None:
        """Go on in the system under test, or in the event loop on its behalf."""
        self.emulation += thread_time() - self._entered_at


class MeteredTimers(Timers):
    """Timers of the emulation."""

    def __init__(self, meter: CpuMeter) -> None:
        """Bind to the running event loop."""
        super().__init__()
        self._meter = meter

    @override
    def call_later(
        self, delay: float, callback: Callable[[], None]
    ) -> asyncio.TimerHandle:
        def metered() -> None:
            self._meter.enter()
            callback()
            self._meter.leave()

        return super().call_later(delay, metered)
