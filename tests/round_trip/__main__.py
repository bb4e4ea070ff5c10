# SPDX-License-Identifier: Apache-2.0
"""Make round trips: `scripts/round-trip --help`."""

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
import json
import multiprocessing
import os
from pathlib import Path
import sys

from .demos import Told, run_demos
from .runs import RUNS
from .trip import Trip, broken_off, trip


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/round-trip",
        description="Every world and every fault of the project on the real stack under a "
        "moved clock: run it, download the diagnostics (or the report of the set-up that "
        "failed), run that file again on the real stack, and compare values, verdicts and "
        "steps; no address, serial number, full name or position may stand in the file, in "
        "whatever encoding. The exit status is 0 when all is the same.",
        epilog=f"runs: {', '.join(RUNS)}, random-SEED",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="only these runs (default: all)"
    )
    parser.add_argument(
        "--random",
        type=int,
        default=20,
        metavar="N",
        help="worlds at random besides all (default 20)",
    )
    parser.add_argument(
        "--demos",
        action="store_true",
        help="instead: three runs of scripts/demo in real time (a normal day, a fault of the "
        "adapter, a set-up that fails), and scripts/replay on the file of each",
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the files there")
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument("--jobs", type=int, default=os.process_cpu_count() or 1)
    arguments = parser.parse_args()
    arguments.names = arguments.names or [
        *RUNS,
        *(f"random-{seed}" for seed in range(arguments.random)),
    ]
    unknown = [
        name
        for name in arguments.names
        if name not in RUNS and not name.removeprefix("random-").isdecimal()
    ]
    if unknown:
        parser.error(f"no such run: {', '.join(unknown)}")
    return arguments


def _table(trips: Sequence[Trip]) -> Iterator[str]:
    yield "| run | characters | same | unknown | verdicts | steps | otherwise |"
    yield "|---|---|---|---|---|---|---|"
    for each in trips:
        cells = (
            *(each.name, each.characters, each.same, each.unknown),
            *(each.verdicts, each.steps, "; ".join(each.problems) or "–"),
        )
        yield f"| {' | '.join(map(str, cells))} |"


def _all(names: Sequence[str], keep: Path | None, jobs: int) -> Iterator[Trip]:
    kept = [None if keep is None else keep / f"{name}.json" for name in names]
    context = multiprocessing.get_context("spawn")
    # Each has a process of its own: what one leaves behind is not in the way of the next.
    with ProcessPoolExecutor(jobs, context, max_tasks_per_child=1) as pool:
        trips = [pool.submit(trip, *each) for each in zip(names, kept, strict=True)]
        for number, (name, each) in enumerate(zip(names, trips, strict=True), 1):
            # A run that breaks off leaves the others be.
            error = each.exception()
            done = each.result() if error is None else broken_off(name, error)
            told = ": ".join((done.name, *done.problems))
            print(f"{number}/{len(names)} {told}", file=sys.stderr, flush=True)
            yield done


def _demos() -> int:
    """Run the demos and their files, print what came of it and return the exit status."""
    failing = 0
    for name, told, is_right in run_demos():
        failing += not is_right
        came = "no file" if told is None else f"{told['values']}, {_turns(told)}"
        print(f"{name}: {'right' if is_right else 'WRONG'}, {came}", flush=True)
    return 1 if failing else 0


def _turns(told: Told) -> str:
    """Return what was judged then and is judged now, in turn."""
    verdicts = (f"{each['then']}/{each['now']}" for each in told["verdicts"])
    return ", ".join(verdicts) or "no verdicts"


def main() -> int:
    """Make the round trips, print what came of them and return the exit status."""
    arguments = _arguments()
    if arguments.demos:
        return _demos()
    if arguments.keep is not None:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    trips = list(_all(arguments.names, arguments.keep, arguments.jobs))
    if arguments.json:
        print(json.dumps({"runs": [asdict(each) for each in trips]}, indent=2))
    else:
        print("\n".join(_table(trips)))
    return 1 if any(each.problems for each in trips) else 0


if __name__ == "__main__":
    sys.exit(main())
