# SPDX-License-Identifier: Apache-2.0
"""Child processes that never outlive the demo."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
import ctypes
import os
from pathlib import Path
import signal
from typing import IO

from .errors import DemoError

STOP_SECONDS = 20.0
_PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    """Ask the kernel for SIGTERM should the demo be killed outright (prctl(2))."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@asynccontextmanager
async def child_process(
    name: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str] = os.environ,
    folder: Path | None = None,
    stdout: int | IO[bytes] = asyncio.subprocess.DEVNULL,
    stderr: int | IO[bytes] | None = None,
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run a command, in a session of its own and in `folder`, while the context lasts.

    It is asked to stop with SIGTERM and, after ``STOP_SECONDS``, killed.

    Raises:
        DemoError: The command cannot be started.

    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
    except OSError as err:
        raise DemoError(f"{name} cannot be started: {err}") from err
    try:
        yield process
    finally:
        await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
