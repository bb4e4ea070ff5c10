# SPDX-License-Identifier: Apache-2.0
"""How long one callback keeps the event loop from everything else."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, thread_time
from unittest.mock import patch


@dataclass(slots=True)
class Stalls:
    """The longest callback so far: in seconds of the clock, and of CPU time."""

    longest: float = 0.0
    longest_cpu: float = 0.0
    longest_cpu_of: str = ""


@contextmanager
def watch_stalls() -> Generator[Stalls]:
    """Time every callback that the event loop runs."""
    stalls = Stalls()
    plain_run = asyncio.Handle._run

    def timed_run(handle: asyncio.Handle) -> None:
        clock, cpu = perf_counter(), thread_time()
        plain_run(handle)
        if (taken := thread_time() - cpu) > stalls.longest_cpu:
            stalls.longest_cpu, stalls.longest_cpu_of = taken, repr(handle)
        stalls.longest = max(stalls.longest, perf_counter() - clock)

    with patch.object(asyncio.Handle, "_run", timed_run):
        yield stalls
