"""Run scenarios on the real kernel and bluetoothd, and print a table.

Home Assistant, bluetoothd, dbus-daemon and the kernel's Bluetooth run for real in User
Mode Linux under a virtual clock; the controller, the air and the batteries are emulated.
Each scenario runs with Home Assistant alone and with the integration. Exit status: 0 when
everything holds, 1 when something does not, 2 when nothing could be run.
"""

import argparse
import asyncio
from collections.abc import Sequence
import json
import os
from pathlib import Path
import sys

from homeassistant.const import __version__ as home_assistant_version

from .machine import Result, run_guest, take_snapshot
from .order import HOSTS, Order, Subject
from .preparation import TOOLS, Guest, PreparationFailed, prepare
from .report import document, rows_of, table
from .scenarios import BY_NAME, SCENARIOS


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/test-real-bluez",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Scenarios:\n"
        + "\n".join(f"  {each.name:22} {each.description}" for each in SCENARIOS),
    )
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help="which ones; all by default"
    )
    parser.add_argument("--host", choices=HOSTS, help="only this kind of host")
    parser.add_argument("--subject", choices=list(Subject), help="only this one")
    parser.add_argument("--json", action="store_true", help="print JSON, no table")
    parser.add_argument(
        "--real-time", action="store_true", help="let the clock run as it does"
    )
    parser.add_argument(
        "--long", action="store_true", help="also those that take hours"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument(
        "--runs",
        type=Path,
        default=TOOLS / "runs",
        metavar="DIR",
        help="where logs are kept; %(default)s by default",
    )
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.scenarios if name not in BY_NAME]:
        parser.error(f"{unknown[0]}: not a scenario")
    if arguments.jobs < 1:
        parser.error("--jobs must be at least 1")
    return arguments


def _orders(arguments: argparse.Namespace) -> list[Order]:
    """Return what to run, the longest first."""
    chosen = [BY_NAME[name] for name in arguments.scenarios] or [
        scenario for scenario in SCENARIOS if arguments.long or not scenario.is_long
    ]
    return [
        Order(scenario=scenario.name, host=host, subject=subject)
        for scenario in sorted(chosen, key=lambda each: -each.length)
        for host in scenario.hosts
        if arguments.host in (None, host.name)
        for subject in scenario.subjects
        if arguments.subject in (None, subject)
    ]


async def _run(
    guest: Guest, orders: Sequence[Order], arguments: argparse.Namespace
) -> list[Result]:
    turn = asyncio.Semaphore(arguments.jobs)
    code = await asyncio.to_thread(take_snapshot, arguments.runs)

    async def run(order: Order) -> Result:
        async with turn:
            result = await run_guest(
                guest, order, arguments.runs, code, real_time=arguments.real_time
            )
            sys.stderr.write(
                f"{order.name}: {result.failure or 'done'}, {result.seconds} s\n"
            )
            return result

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run(order)) for order in orders]
    return [task.result() for task in tasks]


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
    rows = rows_of(asyncio.run(_run(guest, orders, arguments)))
    versions = {**guest.versions, "home_assistant": home_assistant_version}
    if arguments.json:
        print(json.dumps(document(rows, versions), indent=1))
    else:
        print(", ".join(f"{name} {version}" for name, version in versions.items()))
        print(table(rows))
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
