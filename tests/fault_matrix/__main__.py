"""Measure the fault matrix: `scripts/fault-matrix --help`."""

import argparse
import asyncio
from dataclasses import dataclass
import json
import sys
from typing import Any

from tests.demo.errors import DemoError

from .cases import CASES, Case
from .run import Outcome, Trial

_NAMES = [case.name for case in CASES]


@dataclass(frozen=True)
class Row:
    """One fault with Home Assistant alone (None: not measured) and with the integration."""

    case: Case
    alone: Outcome | None
    healed: Outcome

    @property
    def holds(self) -> bool:
        """Return whether the integration kept what is promised for this fault."""
        told = self.healed.issue_seconds
        return (
            self.healed.seconds is not None
            and self.healed.seconds <= self.case.limit
            and (
                self.case.issue_within is None
                or (told is not None and told <= self.case.issue_within)
            )
        )

    def as_json(self) -> dict[str, Any]:
        """Return the row of the `--json` document."""
        return {
            "name": self.case.name,
            "alone_s": self.alone.seconds if self.alone else None,
            "with_s": self.healed.seconds,
            "limit_s": self.case.limit,
            "issue_s": self.healed.issue_seconds,
            "issue_limit_s": self.case.issue_within,
            "steps": list(self.healed.steps),
            "issues": list(self.healed.issues),
        }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/fault-matrix",
        description="Every adapter fault against Home Assistant alone and with renogy_bt, "
        "on the emulated world, in real time. The exit status is 0 when every limit is kept.",
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
        "--skip-alone", action="store_true", help="only with the integration"
    )
    parser.add_argument(
        "--jobs", type=int, default=4, help="how many at the same time (default 4)"
    )
    return parser.parse_args()


async def _measure(arguments: argparse.Namespace) -> list[Row]:
    slots = asyncio.Semaphore(arguments.jobs)

    async def trial(case: Case, *, with_integration: bool) -> Outcome:
        async with slots:
            outcome = await Trial(case, with_integration=with_integration).run()
        who = "with renogy_bt" if with_integration else "alone"
        print(f"{case.name}, {who}: {outcome}", file=sys.stderr, flush=True)
        return outcome

    async def row(case: Case) -> Row:
        async with asyncio.TaskGroup() as trials:
            healed = trials.create_task(trial(case, with_integration=True))
            alone = (
                None
                if arguments.skip_alone
                else trials.create_task(trial(case, with_integration=False))
            )
        return Row(case, alone.result() if alone else None, healed.result())

    chosen = [c for c in CASES if not arguments.fault or c.name in arguments.fault]
    async with asyncio.TaskGroup() as rows:
        tasks = [rows.create_task(row(case)) for case in chosen]
    return [task.result() for task in tasks]


def _table(rows: list[Row]) -> str:
    lines = [
        "| fault | alone s | with renogy_bt s | limit s | told after s | steps | issues |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [
            row.case.name,
            _seconds(row.alone) if row.alone else "not measured",
            _seconds(row.healed) + ("" if row.holds else " **too long**"),
            f"{row.case.limit:.0f}",
            "–"
            if row.healed.issue_seconds is None
            else f"{row.healed.issue_seconds:.0f}",
            ", ".join(row.healed.steps) or "–",
            ", ".join(row.healed.issues) or "–",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _seconds(outcome: Outcome) -> str:
    return "over 600" if outcome.seconds is None else f"{outcome.seconds:.0f}"


def main() -> int:
    """Measure, print and return the exit status."""
    arguments = _arguments()
    try:
        rows = asyncio.run(_measure(arguments))
    except ExceptionGroup as group:
        failed, others = group.split(DemoError)
        if others is not None:
            raise
        print(f"scripts/fault-matrix: {failed}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps({"faults": [row.as_json() for row in rows]}, indent=2))
    else:
        print(_table(rows))
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
