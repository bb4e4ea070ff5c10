# SPDX-License-Identifier: Apache-2.0
"""Live through the months: `scripts/health-months --help`."""

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
import json
from multiprocessing import get_context
import os
import sys
from typing import Any

from .mutant import Mutation
from .mutation_table import MUTATIONS
from .mutations import controls, problems_of_each
from .world import DAYS, Outcome, live
from .worlds import KNOWN_FAILING, PLAIN, WORLDS


def _arguments() -> argparse.Namespace:
    worlds = "\n".join(f"  {world.name}: {world.what}" for world in PLAIN.values())
    parser = argparse.ArgumentParser(
        prog="scripts/health-months",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Thirty simulated days of every benign and every faulty world through the\n"
        "detector and the ladder, without and with Home Assistant's management socket. The exit\n"
        "status is 0 when every adapter of a benign world was left alone, no world has more than\n"
        "4 changes of notices or 12 events in a day, and what broke was mended or told in time.\n"
        "With --mutations each number of adapter health is changed, and its world has to fail:\n"
        "the exit status is 0 when no changed number survives. That takes some minutes.",
        epilog="worlds, each also as NAME-disturbed (restarts, rights and clocks change), benign ones\n"
        f"as NAME-direct (Home Assistant works the adapter without bluetoothd):\n{worlds}",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="only these worlds (default: all)"
    )
    parser.add_argument(
        "--mutations",
        action="store_true",
        help="show that each number matters (of these worlds alone, if any are named)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument(
        "--days", type=float, default=DAYS, help="how many days of each (default 30)"
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=os.cpu_count() or 1,
        help="how many worlds at the same time (default: one a core)",
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - WORLDS.keys():
        parser.error(f"no such world: {', '.join(sorted(unknown))}")
    return arguments


def _live(job: tuple[str, bool, float]) -> Outcome:
    name, management, days = job
    return live(WORLDS[name], management=management, days=days)


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.name,
        "benign": outcome.benign,
        "management": outcome.management,
        "days": outcome.days,
        "resets": outcome.resets,
        "reloads": outcome.reloads,
        "notice_changes": outcome.notice_changes,
        "notice_changes_worst_day": outcome.notice_changes_worst_day,
        "events_worst_day": outcome.events_worst_day,
        "recovered_s": outcome.recovered_s,
    }


def _table(outcomes: list[Outcome]) -> Iterator[str]:
    yield (
        "| world | benign | rights | resets | reloads | notices | worst day | events | "
        "recovered s | not as promised |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for outcome in outcomes:
        took = outcome.recovered_s
        cells = [
            outcome.name,
            "yes" if outcome.benign else "no",
            "yes" if outcome.management else "no",
            outcome.resets,
            outcome.reloads,
            outcome.notice_changes,
            outcome.notice_changes_worst_day,
            outcome.events_worst_day,
            "–" if took is None else f"{took:.0f}",
            "; ".join(outcome.problems) or "–",
        ]
        yield f"| {' | '.join(map(str, cells))} |"


def _mutated(names: list[str], jobs: int) -> int:
    """Live through worlds with other numbers, print what survives, return the exit status."""
    mutations = [each for each in MUTATIONS if not names or each.world in names]
    unchanged = controls(mutations)
    number = 0

    def done(mutation: Mutation) -> None:
        nonlocal number
        number += 1
        print(
            f"{number}/{len(unchanged) + len(mutations)} {mutation.world}",
            file=sys.stderr,
            flush=True,
        )

    failing = 0
    for control, found in problems_of_each(unchanged, jobs, done).items():
        if found:
            failing += 1
            print(f"{control.world} fails with nothing changed: {'; '.join(found)}")
    for mutation, found in problems_of_each(mutations, jobs, done).items():
        if not found:
            failing += 1
            print(f"{mutation} survives in {mutation.world}")
    print(f"{len(mutations)} changed numbers, {failing} not as promised")
    return 1 if failing else 0


def main() -> int:
    """Live through the chosen worlds, print and return the exit status."""
    arguments = _arguments()
    if arguments.mutations:
        return _mutated(arguments.names, arguments.jobs)
    names = arguments.names or list(WORLDS)
    jobs = [
        (name, rights, arguments.days)
        for name in names
        for rights in WORLDS[name].rights
    ]
    outcomes: list[Outcome] = []
    with ProcessPoolExecutor(arguments.jobs, get_context("fork")) as pool:
        for done, outcome in enumerate(pool.map(_live, jobs), 1):
            outcomes.append(outcome)
            print(f"{done}/{len(jobs)} {outcome.name}", file=sys.stderr, flush=True)
    if arguments.json:
        print(
            json.dumps(
                {"worlds": [_as_json(outcome) for outcome in outcomes]}, indent=2
            )
        )
    else:
        print("\n".join(_table(outcomes)))
    failing = sorted({o.name for o in outcomes if o.problems})
    for name in failing:
        why = KNOWN_FAILING.get(name)
        print(
            f"not as promised: {name}{f' (known: {why})' if why else ''}",
            file=sys.stderr,
        )
    return 1 if failing else 0


if __name__ == "__main__":
    sys.exit(main())
