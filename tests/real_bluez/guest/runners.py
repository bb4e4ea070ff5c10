# SPDX-License-Identifier: Apache-2.0
"""The processes that Home Assistant runs in: one with all rights, one confined."""

import asyncio
from asyncio.subprocess import PIPE, Process
import sys
from typing import Final

from tests.real_bluez.order_folder import OrderFolder

# What a container lacks that was not given these on purpose.
_CONFINED: Final = (
    "setpriv",
    "--bounding-set",
    "-net_admin,-net_raw",
    "--inh-caps",
    "-all",
)


class RunnerLost(Exception):
    """A runner ended before its order did."""


class Runners:
    """Starts each runner when it is first needed."""

    def __init__(self) -> None:
        """Begin without any."""
        self._processes: dict[bool, Process] = {}

    async def run(self, folder: OrderFolder, *, capable: bool) -> int:
        """Have an order run and return its exit status; raises `RunnerLost`."""
        if capable not in self._processes:
            self._processes[capable] = await _start(capable=capable)
        process = self._processes[capable]
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"{folder.path}\n".encode())
        await process.stdin.drain()
        if not (status := await process.stdout.readline()):
            del self._processes[capable]
            raise RunnerLost(f"with exit status {await process.wait()}")
        return int(status)

    async def end(self) -> None:
        """End them all."""
        for process in self._processes.values():
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()


async def _start(*, capable: bool) -> Process:
    return await asyncio.create_subprocess_exec(
        *(() if capable else _CONFINED),
        *(sys.executable, "-m", "tests.real_bluez.guest.runner"),
        stdin=PIPE,
        stdout=PIPE,
    )
