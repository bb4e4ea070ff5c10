# SPDX-License-Identifier: Apache-2.0
"""A Home Assistant that runs on an emulated world."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from .client import HomeAssistantClient, open_client, wait_for_port
from .emulator import EmulatorProcess, run_emulator
from .errors import DemoError
from .home_assistant import (
    HOST,
    INTEGRATION,
    WITNESS,
    choose_port,
    log_tail,
    run_home_assistant,
    witness_configuration,
    write_configuration,
)


@asynccontextmanager
async def running(
    folder: Path,
    *,
    world: Path | None = None,
    faults: Iterable[str] = (),
    port: int | None = None,
    hour: float | None = None,
    log: Callable[[str], None],
) -> AsyncGenerator[tuple[EmulatorProcess, HomeAssistantClient, str]]:
    """Run the emulated world and, on it, Home Assistant; log in to it.

    It listens on any free port where none is given; the world's day begins at an hour, if one is.
    """
    port = choose_port(port)
    url = f"http://{HOST}:{port}"
    async with run_emulator(world, faults, hour=hour) as emulator:
        log(f"The emulated world is up: {emulator.description}")
        _configure(folder, port, emulator)
        async with (
            run_home_assistant(folder, emulator.bus_address) as process,
            open_client(url) as client,
        ):
            log(f"Home Assistant starts at {url}")
            watch = asyncio.create_task(process.wait())
            start = asyncio.create_task(_log_in(client, port))
            await asyncio.wait({watch, start}, return_when=asyncio.FIRST_COMPLETED)
            if not start.done():
                start.cancel()
                raise DemoError(
                    f"Home Assistant ended by itself with status {watch.result()}:\n{log_tail(folder)}"
                )
            await start
            try:
                yield emulator, client, url
            finally:
                watch.cancel()


def _configure(folder: Path, port: int, emulator: EmulatorProcess) -> None:
    """Prepare Home Assistant; where an adapter will fail, a second scanner proves it."""
    if emulator.has_adapter_faults and emulator.link_addresses:
        write_configuration(
            folder,
            port,
            components=(INTEGRATION, WITNESS),
            configuration=witness_configuration(emulator.link_addresses[0]),
        )
    else:
        write_configuration(folder, port)


async def _log_in(client: HomeAssistantClient, port: int) -> None:
    await wait_for_port(HOST, port)
    await client.log_in()
    await client.wait_until_running()
