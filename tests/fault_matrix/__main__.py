# SPDX-License-Identifier: Apache-2.0
"""Measure the fault matrix: `scripts/fault-matrix --help`."""

import argparse
import asyncio
from collections.abc import Sequence
import json
import sys
from typing import Final

from tests.demo.errors import DemoError

from . import gaps
from .cases import CASES
from .processes import all_gaps, all_in_moved_time
from .readers import ALONE, WITH_INTEGRATION
from .real_time import Trial
from .rows import Measured, Row, table
from .trial import Order, Outcome, told

_NAMES: Final = [case.name for case in CASES]
_INTERVAL: Final = 60.0
_REAL_TIME_JOBS: Final = 4
_GAP_PHASES: Final = 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/fault-matrix",
        description="Every adapter fault against Home Assistant alone and with renogy_bt, on the "
        "emulated world, at several phases of the poll. All of it takes two to six minutes "
        "under a moved clock, and most of an hour in real time. The exit status is 0 when every "
        "limit is kept: a fault's median, and the median of Home Assistant alone. "
        "The document of --json has for each fault the medians alone_s and with_s, the same at "
        "the worst phase (alone_worst_s, with_worst_s; null: not within ten minutes), limit_s, "
        "when the user was told (issue_s, issue_worst_s, issue_limit_s), and the steps taken and "
        "issues shown at most of the phases; misses says which limits were not kept.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument(
        "--fault",
        action="append",
        choices=_NAMES,
        metavar="NAME",
        help=f"only this one; can be given again ({', '.join(_NAMES)})",
    )
    parser.add_argument(
        "--gaps",
        action="store_true",
        help="instead, the longest time without a new value during each fault: for each poll, "
        "over a kept link, and by the libraries of others that hold their link. A recovery step "
        "may cut a kept link for 20 s where only the scan is broken",
    )
    parser.add_argument(
        "--skip-alone", action="store_true", help="only with the integration"
    )
    parser.add_argument(
        "--real-time",
        action="store_true",
        help="the cross-check: a Home Assistant of its own for each trial, in real time",
    )
    parser.add_argument(
        "--phases",
        type=int,
        metavar="N",
        help="phases of the poll at which a fault begins (default 6, in real time 1)",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        help="how many trials at the same time "
        f"(default one a processor, in real time {_REAL_TIME_JOBS})",
    )
    return parser.parse_args()


def _orders(arguments: argparse.Namespace) -> list[Order]:
    """Return all trials, those of a row in a row."""
    count = arguments.phases or (1 if arguments.real_time else 6)
    return [
        Order(case, reader, (number + 0.5) * _INTERVAL / count)
        for case in CASES
        if not arguments.fault or case.name in arguments.fault
        for reader in (WITH_INTEGRATION, ALONE)
        if reader.has_integration or not arguments.skip_alone
        for number in range(count)
    ]


async def _all_in_real_time(orders: Sequence[Order], jobs: int | None) -> list[Outcome]:
    slots = asyncio.Semaphore(jobs or _REAL_TIME_JOBS)

    async def measured(order: Order) -> Outcome:
        async with slots:
            trial = Trial(order.case, with_integration=order.reader.has_integration)
            return told(order, await trial.run(order.phase))

    async with asyncio.TaskGroup() as trials:
        tasks = [trials.create_task(measured(order)) for order in orders]
    return [task.result() for task in tasks]


def _rows(orders: Sequence[Order], outcomes: Sequence[Outcome]) -> list[Row]:
    by_row: dict[tuple[str, bool], list[Outcome]] = {}
    for order, outcome in zip(orders, outcomes, strict=True):
        key = order.case.name, order.reader.has_integration
        by_row.setdefault(key, []).append(outcome)

    def measured(name: str, *, with_integration: bool) -> Measured | None:
        found = by_row.get((name, with_integration))
        return Measured(tuple(found)) if found else None

    return [
        Row(case, measured(case.name, with_integration=False), healed)
        for case in CASES
        if (healed := measured(case.name, with_integration=True)) is not None
    ]


def _measure_gaps(arguments: argparse.Namespace) -> int:
    """Measure gaps, print them and return the exit status."""
    orders = gaps.orders(arguments.fault, arguments.phases or _GAP_PHASES)
    measured = gaps.worst(all_gaps(orders, arguments.jobs))
    if arguments.json:
        print(json.dumps({"gaps": gaps.as_json(measured)}, indent=2))
    else:
        print(gaps.table(measured))
    return 1 if any(gap.is_too_long for gap in measured) else 0


def main() -> int:
    """Measure, print and return the exit status."""
    arguments = _arguments()
    if arguments.gaps:
        return _measure_gaps(arguments)
    orders = _orders(arguments)
    try:
        outcomes = (
            asyncio.run(_all_in_real_time(orders, arguments.jobs))
            if arguments.real_time
            else all_in_moved_time(orders, arguments.jobs)
        )
    except ExceptionGroup as group:
        failed, others = group.split(DemoError)
        if others is not None:
            raise
        print(f"scripts/fault-matrix: {failed}", file=sys.stderr)
        return 1
    rows = _rows(orders, outcomes)
    if arguments.json:
        print(json.dumps({"faults": [row.as_json() for row in rows]}, indent=2))
    else:
        print(table(rows))
    return 1 if any(row.misses for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
