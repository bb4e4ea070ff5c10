# SPDX-License-Identifier: Apache-2.0
"""Errors of Home Assistant's own that nobody handles."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
import gc
from typing import Any


@contextmanager
def unhandled(
    loop: asyncio.AbstractEventLoop, kind: type[BaseException]
) -> Generator[list[BaseException]]:
    """Collect the errors of a kind, which would fail the test; others still do."""
    errors: list[BaseException] = []
    handler = loop.get_exception_handler()

    def collect(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, kind):
            errors.append(error)
        elif handler is not None:
            handler(loop, context)

    loop.set_exception_handler(collect)
    yield errors
    gc.collect()
    loop.set_exception_handler(handler)
