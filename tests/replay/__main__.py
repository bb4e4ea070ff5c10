# SPDX-License-Identifier: Apache-2.0
"""Run what people sent once more: `scripts/replay --help`."""

import argparse
import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
import json
from pathlib import Path
import sys
import time
from typing import Any

from tests.demo.errors import DemoError
from tests.emulator.json_checks import WorldFileError

from .comparison import Compared, compare, compare_probe
from .errors import ReplayError
from .field_report import Diagnostics, FieldReport, ProbeRun
from .keep import keep, kept_reports
from .reading import read_report
from .running import Outcome, run_world
from .thresholds import threshold, thresholds, timelines_with
from .timelines import Judged, Replayed, replay_adapters
from .world import checked_world, world_of

type ReplayAdapters = Callable[[tuple[Any, ...], str], Replayed]

NOTHING = Replayed()
_HEAD = f"{'at':19} {'adapter':18} {'':8} {'then':20} now"
EXIT_DIFFERENT = 1
EXIT_UNUSABLE = 2


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/replay",
        description=(
            "Run a diagnostics file or the report of a probe or of a set-up that failed once "
            "more: the recorded frames are said again in an emulated world, which is read on "
            "the real stack, and compared with what was shown then."
        ),
        epilog="Exit status: 0 when nothing differs, 1 when something does, 2 when the file "
        "cannot be used.",
    )
    parser.add_argument("files", type=Path, metavar="FILE", nargs="*")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="WHERE=NUMBER",
        dest="changes",
        help="take only the timelines of the adapters through a detector and a ladder with "
        "another threshold (--set can be given again): those of the files, or of all cases of "
        'tests/field; with --json {"files": [{"file", "verdicts", "steps"}]}',
    )
    parser.add_argument(
        "--thresholds",
        action="store_true",
        help="name the thresholds with their numbers",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document instead of a table"
    )
    parser.add_argument(
        "--keep",
        metavar="NAME",
        help="instead of running it make a case of it in tests/field/batteries, and of its "
        "adapters in tests/field/adapters, with what was shown as what is expected",
    )
    options = parser.parse_args(arguments)
    if not (options.changes or options.thresholds) and len(options.files) != 1:
        parser.error("one FILE is needed")
    return options


def _log(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def timelines(
    report: FieldReport, replayed: ReplayAdapters = replay_adapters
) -> Replayed:
    """Take the adapters' timelines through today's detector; raises ReplayError."""
    if isinstance(report, ProbeRun):
        return Replayed()
    try:
        return replayed(report.adapters, report.adapters_path)
    except WorldFileError as error:
        raise ReplayError(str(error)) from error
    except RecursionError as error:
        raise ReplayError("not usable: nested too deeply") from error


def replay(report: FieldReport) -> list[Compared]:
    """Run a report once more and compare; raises ReplayError or DemoError."""
    world = world_of(report)
    checked = checked_world(world)
    match report:
        case ProbeRun():
            outcome = Outcome(None)
            if report.was_connected:
                units = {report.link.address: list(report.unit_ids)}
                outcome = asyncio.run(run_world(world, [], units, _log))
            return compare_probe(report, outcome.document, outcome.refusal)
        case Diagnostics():
            outcome = Outcome(None)
            if any(link.units for link in checked.links):
                shown = [
                    (link.address, battery.unit)
                    for link in report.links
                    for battery in link.batteries
                    if battery.was_shown and not (link.is_silent or link.is_paused)
                ]
                outcome = asyncio.run(run_world(world, shown, {}, _log))
            return compare(report, outcome.document, outcome.refusal)


def document(
    values: Sequence[Compared], adapters: Replayed = NOTHING
) -> dict[str, Any]:
    """Return the document of `--json`."""
    return {
        "values": {
            "same": sum(each.is_known and each.is_same for each in values),
            "different": sum(each.differs for each in values),
            "unknown": sum(not each.is_known for each in values),
        },
        "differences": [
            {"what": each.what, "then": each.then, "now": each.now}
            for each in values
            if each.differs
        ],
        "verdicts": [_judged(each) for each in adapters.verdicts],
        "steps": [_judged(each) for each in adapters.steps],
    }


def _judged(judged: Judged) -> dict[str, Any]:
    return {
        "at": judged.at.isoformat(),
        "adapter": judged.adapter,
        "then": judged.then,
        "now": judged.now,
    }


def _table(told: dict[str, Any]) -> str:
    counts = (f"{count:6} values {how}" for how, count in told["values"].items())
    differences = (
        f"  {each['what']}: then {each['then']}, now {each['now']}"
        for each in told["differences"]
    )
    return "\n".join((*counts, *differences, "", _HEAD, *_lines(told)))


def _lines(told: dict[str, Any]) -> Iterator[str]:
    for kind, nothing in (("verdicts", "impossible to tell"), ("steps", "-")):
        for each in told[kind]:
            yield (
                f"{each['at'][:19]} {each['adapter']:18} {kind:8} "
                f"{each['then'] or '-':20} {each['now'] or nothing}"
            )


def _thresholds() -> Iterator[str]:
    for where, values in thresholds().items():
        yield f"{where} {' '.join(f'{value:g}' for value in values)}"


def _try(changes: Iterable[str], files: Sequence[Path], *, as_json: bool) -> int:
    """Judge timelines by other thresholds, print what comes of it, return the exit status."""
    with_changes = timelines_with([threshold(each) for each in changes])
    reports = {str(path): read_report(path) for path in files} or kept_reports()
    tried = {
        name: timelines(report, with_changes.replay_adapters)
        for name, report in reports.items()
    }
    if as_json:
        told = [
            {"file": name, **_differing(adapters)} for name, adapters in tried.items()
        ]
        print(json.dumps({"files": told}, indent=2))
    else:
        print(_HEAD)
        for name, adapters in tried.items():
            print(f"{name}: {'changed' if adapters.differs else 'the same'}")
            for line in _lines(_differing(adapters)):
                print(line)
    return EXIT_DIFFERENT if any(each.differs for each in tried.values()) else 0


def _differing(adapters: Replayed) -> dict[str, Any]:
    return {
        "verdicts": [_judged(each) for each in adapters.verdicts if each.differs],
        "steps": [_judged(each) for each in adapters.steps if each.differs],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay a file and return the exit status."""
    options = _arguments(arguments)
    try:
        if options.thresholds:
            print("\n".join(_thresholds()))
            return 0
        if options.changes:
            return _try(options.changes, options.files, as_json=options.json)
        report = read_report(options.files[0])
        adapters = timelines(report)
        if options.keep is not None:
            for path in keep(options.keep, report, adapters):
                _log(f"{path}: what was shown is what is expected")
            return 0
        values = replay(report)
    except (ReplayError, DemoError) as error:
        print(f"scripts/replay: {error}", file=sys.stderr)
        return EXIT_UNUSABLE
    told = document(values, adapters)
    print(json.dumps(told, indent=2) if options.json else _table(told))
    differs = any(each.differs for each in values) or adapters.differs
    return EXIT_DIFFERENT if differs else 0


if __name__ == "__main__":
    sys.exit(main())
