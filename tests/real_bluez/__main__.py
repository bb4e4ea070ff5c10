# SPDX-License-Identifier: Apache-2.0
"""Run scenarios on the real kernel and bluetoothd, and print a table.

Home Assistant, bluetoothd, dbus-daemon and the kernel's Bluetooth run for real in User
Mode Linux under a virtual clock; the controller, the air and the batteries are emulated.
Each scenario runs with Home Assistant alone and with the integration. Exit status: 0 when
everything holds, 1 when something does not, 2 when nothing could be run.
"""

import argparse
import asyncio
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
import fcntl
from itertools import cycle, islice
import json
import os
from pathlib import Path
import signal
import sys
from typing import Final

from homeassistant.const import __version__ as home_assistant_version

from .machine import Machine, Result, difference_of, kept_result, take_snapshot
from .order import HOSTS, PHASES, Order, Subject
from .preparation import TOOLS, Guest, PreparationFailed, prepare
from .report import document, rows_of, table
from .rows import even_rows
from .scenarios import BY_NAME, SCENARIOS, Kind

SECOND_RUNS: Final = "again"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/test-real-bluez",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Scenarios:\n"
        + "\n".join(f"  {each.name:22} {each.description}" for each in SCENARIOS),
    )
    parser.add_argument(
        "scenarios",
        nargs="*",
        metavar="SCENARIO",
        help="which ones; all by default. The name of a host: all of that host",
    )
    parser.add_argument("--host", choices=HOSTS, help="only this kind of host")
    parser.add_argument("--subject", choices=list(Subject), help="only this one")
    parser.add_argument("--json", action="store_true", help="print JSON, no table")
    parser.add_argument(
        "--real-time", action="store_true", help="let the clock run as it does"
    )
    parser.add_argument(
        "--in-full", action="store_true", help="the long runs for 30 days"
    )
    parser.add_argument(
        "--phases",
        action="store_true",
        help=f"have each fault come at {PHASES} moments between two polls",
    )
    parser.add_argument(
        "--twice", action="store_true", help="run all twice: both logs must be the same"
    )
    parser.add_argument(
        "--kept", action="store_true", help="run nothing, judge the runs in DIR"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.process_cpu_count() or 1, metavar="N"
    )
    parser.add_argument(
        "--runs",
        type=Path,
        default=TOOLS / "runs",
        metavar="DIR",
        help="where logs are kept; %(default)s by default",
    )
    arguments = parser.parse_args()
    known = BY_NAME.keys() | HOSTS.keys()
    if unknown := [name for name in arguments.scenarios if name not in known]:
        parser.error(f"{unknown[0]}: neither a scenario nor a host")
    if arguments.twice and arguments.real_time:
        parser.error("--twice: only a virtual clock runs alike twice")
    if arguments.jobs < 1:
        parser.error("--jobs must be at least 1")
    return arguments


def _orders(arguments: argparse.Namespace) -> list[Order]:
    """Return what to run."""
    named = set(arguments.scenarios) or BY_NAME.keys()
    return [
        Order(
            scenario=scenario.name,
            host=host,
            subject=subject,
            in_full=arguments.in_full,
            phase=phase,
        )
        for scenario in SCENARIOS
        for host in scenario.hosts
        if named & {scenario.name, host.name}
        if arguments.host in (None, host.name)
        for subject in scenario.subjects
        if arguments.subject in (None, subject)
        for phase in range(
            PHASES if arguments.phases and scenario.kind is Kind.FAULT else 1
        )
    ]


async def _run(
    guest: Guest, orders: Sequence[Order], arguments: argparse.Namespace
) -> list[Result]:
    # Guests have process groups of their own: they end with this task, not with a signal.
    if (this := asyncio.current_task()) is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    rows = even_rows(orders, arguments.jobs)
    code = await asyncio.to_thread(take_snapshot, arguments.runs)
    processors = _processors(arguments.jobs)

    async def run(row: Sequence[Order], runs: Path, name: str) -> list[Result]:
        processor = await processors.get()
        machine = Machine(
            guest=guest,
            code=code,
            runs=runs,
            real_time=arguments.real_time,
            processor=processor,
        )
        results = []
        async with aclosing(machine.carry_out(row, name)) as carried_out:
            async for result in carried_out:
                results.append(result)
                outcome = result.failure or "done"
                sys.stderr.write(
                    f"{result.order.name}: {outcome}, {result.seconds} s\n"
                )
        processors.put_nowait(processor)
        return results

    folders = [arguments.runs]
    if arguments.twice:
        folders.append(arguments.runs / SECOND_RUNS)
    for folder in folders:
        folder.mkdir(exist_ok=True)
    async with asyncio.TaskGroup() as group:
        tasks = [
            [group.create_task(run(row, runs, f"guest-{number}")) for runs in folders]
            for number, row in enumerate(rows, 1)
        ]
    results = [result for first, *_ in tasks for result in first.result()]
    if not arguments.twice:
        return results
    return [
        replace(result, difference=difference_of(result.order, *folders))
        for result in results
    ]


def _processors(number: int) -> asyncio.Queue[int]:
    """Return as many turns, each with a processor to take it on."""
    turns = asyncio.Queue[int]()
    for processor in islice(cycle(sorted(os.sched_getaffinity(0))), number):
        turns.put_nowait(processor)
    return turns


@contextmanager
def _reserved(runs: Path) -> Iterator[None]:
    """Keep a folder of runs to this process; raises `BlockingIOError` if another has it."""
    runs.mkdir(parents=True, exist_ok=True)
    with (runs / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _kept(orders: Sequence[Order], runs: Path) -> list[Result]:
    found = (kept_result(order, runs) for order in orders)
    return [result for result in found if result is not None]


def main() -> int:
    """Run and return the exit status."""
    arguments = _arguments()
    try:
        guest = prepare()
    except PreparationFailed as error:
        print(error, file=sys.stderr)
        return 2
    arguments.runs = arguments.runs.resolve()
    orders = _orders(arguments)
    if not orders:
        print("nothing to run", file=sys.stderr)
        return 2
    try:
        with _reserved(arguments.runs):
            results = (
                _kept(orders, arguments.runs)
                if arguments.kept
                else asyncio.run(_run(guest, orders, arguments))
            )
    except BlockingIOError:
        print(f"{arguments.runs} is in use by another run", file=sys.stderr)
        return 2
    except asyncio.CancelledError:
        print("stopped", file=sys.stderr)
        return 2
    rows = rows_of(results)
    versions = {**guest.versions, "home_assistant": home_assistant_version}
    if arguments.json:
        print(json.dumps(document(rows, versions), indent=1))
    else:
        print(", ".join(f"{name} {version}" for name, version in versions.items()))
        print(table(rows))
    return 0 if rows and all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
