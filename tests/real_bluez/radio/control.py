# SPDX-License-Identifier: Apache-2.0
"""The radio's switches, as lines of text on a UNIX socket.

A request is one line, `VERB ARGUMENT...`; the answer is one line of JSON, an object,
with the key `error` where the request could not be carried out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
import json
from pathlib import Path
from typing import Any

MAX_LINE = 10_000

type Answer = Mapping[str, Any]
type Verb = Callable[[list[str]], Awaitable[Answer]]


class SwitchError(ValueError):
    """A request that cannot be carried out; the message says why."""


async def serve(path: Path, verbs: Mapping[str, Verb]) -> asyncio.Server:
    """Answer requests on a socket until the server is closed."""

    async def answer(line: bytes) -> Answer:
        verb, *arguments = line.decode().strip().split(" ", 2) or [""]
        if verb not in verbs:
            return {"error": f"{verb}: not a verb"}
        try:
            return await verbs[verb](arguments)
        except (ValueError, KeyError, IndexError) as error:
            return {"error": f"{verb}: {error}"}

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await answer(line)).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    return await asyncio.start_unix_server(talk, path, limit=MAX_LINE)


async def ask(path: Path, request: str) -> dict[str, Any]:
    """Send one request and return its answer; raises `SwitchError`, `OSError`."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(request.encode() + b"\n")
        await writer.drain()
        answer: dict[str, Any] = json.loads(await reader.readline())
    finally:
        writer.close()
    if "error" in answer:
        raise SwitchError(answer["error"])
    return answer
