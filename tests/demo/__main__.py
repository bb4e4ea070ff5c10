# SPDX-License-Identifier: Apache-2.0
"""Run the demo: `scripts/demo --help`."""

import argparse
import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
import signal
import sys
import tempfile
import time
from typing import Final

from tests.emulator.__main__ import fault_rows
from tests.emulator.solar_day import hour_of

from .check import (
    bank_diagnostics,
    bank_entity,
    check_document,
    enable_all_entities,
    wait_for_batteries,
    wait_for_verdict,
    watched_since,
)
from .client import HomeAssistantClient
from .dashboard import save_dashboard
from .emulator import DEFAULT_WORLD, EmulatorProcess
from .energy_dashboard import (
    fill_energy_dashboard,
    join_present_to_history,
    work_out_history,
)
from .errors import DemoError
from .flows import LinkRefused, leave_resets_to_the_user, set_up_links
from .home_assistant import CHECKOUT, HOST, log_tail
from .measure import measure_poll
from .notices import hide_what_is_not_ours
from .running import running

DEFAULT_PORT: Final = 8123
CHECK_LIMIT_SECONDS: Final = 170.0
# What is judged of a fault is waited for so long, where the diagnostics are to tell it.
JUDGED_BY_SECONDS: Final = 156.0
# A second scanner is believed after a minute.
WITNESSED_SECONDS: Final = 62.0
# The adapter health believes a second scanner after it has heard the same for a minute.
PLACE_KNOWN_SECONDS: Final = 100.0
EXIT_INTERRUPTED: Final = 130

BAD_CABLE: Final = "bad-cable"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Home Assistant with renogy_bt on emulated Bluetooth batteries.",
        epilog=f"faults (name, what it falls on, what it does; its parameters):\n{fault_rows()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="no browser: print one JSON document with all states on stdout, then end",
    )
    parser.add_argument(
        "--world",
        type=Path,
        metavar="FILE",
        help="the emulated world (JSON), one of your own or one of these: "
        f"{', '.join(_worlds())} (default: {DEFAULT_WORLD.name})",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME",
        help='start with this fault, see below; NAME or NAME={"parameter": value}',
    )
    parser.add_argument(
        "--port",
        type=int,
        help=f"where Home Assistant listens on {HOST} "
        f"(default {DEFAULT_PORT}; with --check any free one)",
    )
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="configuration folder, kept afterwards (default: a temporary one)",
    )
    parser.add_argument(
        "--diagnostics",
        type=Path,
        metavar="FILE",
        help="with --check: write the bank's diagnostics there, as they are downloaded; the "
        "report of the set-up where that failed",
    )
    arguments = parser.parse_args()
    if arguments.diagnostics is not None and not arguments.check:
        parser.error("--diagnostics needs --check")
    if arguments.port is None and not arguments.check:
        arguments.port = DEFAULT_PORT
    return arguments


def _worlds() -> list[str]:
    """Return the world files that are there, as they are named on the command line."""
    return sorted(
        str(path.relative_to(CHECKOUT)) for path in DEFAULT_WORLD.parent.glob("*.json")
    )


def _log(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _running(
    arguments: argparse.Namespace, folder: Path, *, hour: float | None = None
) -> AbstractAsyncContextManager[tuple[EmulatorProcess, HomeAssistantClient, str]]:
    """Run what the arguments ask for."""
    return running(
        folder,
        world=arguments.world,
        faults=arguments.fault,
        port=arguments.port,
        hour=hour,
        log=_log,
    )


async def _check(arguments: argparse.Namespace, folder: Path) -> None:
    began = time.monotonic()
    async with _running(arguments, folder) as (emulator, client, _):
        started = time.monotonic() - began
        _log(f"Home Assistant runs after {started:.1f} s")
        try:
            set_up_began = await _set_up(client, emulator)
        except LinkRefused as refused:
            if arguments.diagnostics is not None and refused.report:
                arguments.diagnostics.write_text(refused.report)
                _log(f"The report of the set-up is in {arguments.diagnostics}")
            raise
        first_readings = time.monotonic() - began
        _log(f"Every battery has values after {first_readings:.1f} s")
        await enable_all_entities(client)
        await wait_for_batteries(client, emulator.batteries)
        seconds = {
            "started": round(started, 2),
            "first_readings": round(first_readings, 2),
            "set_up": round(began + first_readings - set_up_began, 2),
            **await measure_poll(client, emulator, await bank_entity(client)),
        }
        is_judged = arguments.diagnostics is not None and emulator.has_adapter_faults
        if is_judged:
            await _witnessed(client)
        # No value is waited for after this: with such a fault there may be none for long.
        await _begin_faults(emulator)
        if is_judged:
            await _judged(client, began + JUDGED_BY_SECONDS)
        if arguments.diagnostics is not None:
            arguments.diagnostics.write_text(
                json.dumps(await bank_diagnostics(client), indent=2)
            )
        print(json.dumps(await check_document(client, seconds), indent=2))
        if is_judged:
            # Home Assistant stops sooner when nothing is stuck.
            await emulator.clear_faults()


async def _show(arguments: argparse.Namespace, folder: Path) -> None:
    now = datetime.now().astimezone()
    async with _running(arguments, folder, hour=hour_of(now)) as (
        emulator,
        client,
        url,
    ):
        history = asyncio.create_task(
            work_out_history(arguments.world or DEFAULT_WORLD, now)
        )
        await _set_up(client, emulator)
        await hide_what_is_not_ours(client)
        if emulator.batteries:
            await save_dashboard(client)
            await fill_energy_dashboard(client, await history)
        _log(f"Ready: open {url} (Ctrl+C ends the demo)")
        if any(fault.startswith(BAD_CABLE) for fault in arguments.fault):
            _log("The notice about the bad cable takes some hours of readings")
        if emulator.has_late_faults:
            if emulator.has_adapter_faults:
                await leave_resets_to_the_user(client)
                _log("Recovery is set to gentle, so that the notice waits for you")
            _log(f"The fault begins in {PLACE_KNOWN_SECONDS:.0f} s")
            await asyncio.sleep(PLACE_KNOWN_SECONDS)
            await _begin_faults(emulator)
            if not emulator.has_adapter_faults:
                _log("What comes of it is told once it has lasted for about 40 minutes")
        if emulator.batteries:
            await join_present_to_history(client)
        await asyncio.Event().wait()


async def _set_up(client: HomeAssistantClient, emulator: EmulatorProcess) -> float:
    """Set every link up, and return when the first was begun with."""
    began = await set_up_links(
        client, emulator.owner_units, _log, kept_intervals=emulator.kept_intervals
    )
    await wait_for_batteries(client, emulator.batteries)
    return began


async def _witnessed(client: HomeAssistantClient) -> None:
    """Wait until what a second scanner hears is believed."""
    known_at = await watched_since(client) + timedelta(seconds=WITNESSED_SECONDS)
    await asyncio.sleep((known_at - datetime.now(UTC)).total_seconds())


async def _judged(client: HomeAssistantClient, until: float) -> None:
    """Let the fault be judged, so that the diagnostics hold what was."""
    try:
        async with asyncio.timeout(until - time.monotonic()):
            _log(f"The adapter is judged: {await wait_for_verdict(client)}")
    except TimeoutError:
        _log("The fault is not judged yet")


async def _begin_faults(emulator: EmulatorProcess) -> None:
    for name in await emulator.begin_late_faults():
        _log(f"The fault {name} begins")


async def _main(arguments: argparse.Namespace) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with tempfile.TemporaryDirectory(prefix="renogy_bt-demo-") as temporary:
        folder = (arguments.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        if not arguments.check:
            await _show(arguments, folder)
            return
        try:
            async with asyncio.timeout(CHECK_LIMIT_SECONDS):
                await _check(arguments, folder)
        except TimeoutError as err:
            raise DemoError(
                f"Not every battery had values within {CHECK_LIMIT_SECONDS:.0f} s. "
                f"The end of Home Assistant's log:\n{log_tail(folder)}"
            ) from err


def main() -> int:
    """Run the demo and return the exit status."""
    try:
        asyncio.run(_main(_arguments()))
    except DemoError as err:
        print(f"scripts/demo: {err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt, asyncio.CancelledError:
        return EXIT_INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
