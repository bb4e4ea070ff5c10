# SPDX-License-Identifier: Apache-2.0
"""One round trip: a run, its file, what the file comes to, and whether that is the same."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
import logging
from pathlib import Path
from typing import Any

# Before the test framework of Home Assistant, see tests/fault_matrix/processes.py.
import custom_components.renogy_bt  # noqa: F401
from tests.demo.components.witness import SOURCE as WITNESS
from tests.emulator.esphome_proxy import PROXY
import tests.plugin_bridge  # noqa: F401
from tests.replay.__main__ import timelines
from tests.replay.comparison import Compared, compare, compare_probe
from tests.replay.field_report import Diagnostics, ProbeRun
from tests.replay.reading import parse_report
from tests.replay.timelines import Replayed
from tests.replay.world import checked_world, world_of

from .living import Lived, ReadAgain, live, read_again
from .runs import RUNS, Run, random_run
from .secrets import given_away, secrets_of

LARGEST = 300_000


@dataclass(frozen=True, kw_only=True)
class Trip:
    """What came of a round trip."""

    name: str
    characters: int = 0
    same: int = 0
    unknown: int = 0
    verdicts: int = 0
    steps: int = 0
    problems: tuple[str, ...] = field(default=())


def broken_off(name: str, error: BaseException) -> Trip:
    """Return what comes of a round trip that ended with an error."""
    return Trip(name=name, problems=(f"broken off: {error!r}",))


def run_of(name: str) -> Run:
    """Return a run by its name."""
    kind, _, seed = name.partition("random-")
    return random_run(int(seed)) if not kind and seed else RUNS[name]


def trip(name: str, keep: Path | None = None) -> Trip:
    """Make a round trip; the file is kept where that is asked for."""
    # What others log of a fault is no part of the result.
    logging.disable(logging.CRITICAL)
    run = run_of(name)
    lived = asyncio.run(live(run))
    if keep is not None:
        keep.write_text(lived.text, encoding="utf-8")
    report = parse_report(lived.text)
    judged = timelines(report)
    values = _values(report)
    problems = [
        f"{each.what}: then {each.then}, now {each.now}"
        for each in values
        if each.differs
    ]
    problems += [
        f"{each.adapter} {each.at:%H:%M:%S}: then {each.then}, now {each.now}"
        for each in (*judged.verdicts, *judged.steps)
        if each.differs
    ]
    problems += _otherwise(run, lived, judged)
    secrets = [*secrets_of(run.world, (WITNESS, PROXY)), *lived.position]
    problems += [f"gives away {each}" for each in given_away(lived.text, secrets)]
    if len(lived.text) > LARGEST:
        problems.append(f"{len(lived.text)} characters, {LARGEST} at most")
    return Trip(
        name=name,
        characters=len(lived.text),
        same=sum(each.is_known and each.is_same for each in values),
        unknown=sum(not each.is_known for each in values),
        verdicts=len(judged.verdicts),
        steps=len(judged.steps),
        problems=tuple(problems),
    )


def _values(report: Diagnostics | ProbeRun) -> Sequence[Compared]:
    world = checked_world(world_of(report))
    again = ReadAgain(None)
    match report:
        case ProbeRun():
            if report.was_connected:
                units = {report.link.address: report.unit_ids}
                again = asyncio.run(read_again(world, units))
            return compare_probe(report, again.document, again.refusal)
        case Diagnostics():
            if any(link.units for link in world.links):
                again = asyncio.run(read_again(world))
            return compare(report, again.document, again.refusal)


def _otherwise(run: Run, lived: Lived, judged: Replayed) -> list[str]:
    """Say what of the run was judged or done otherwise than its file tells."""
    if run.fails_at_set_up or run.is_probed:
        return []
    told: dict[str, tuple[list[Any], tuple[str, ...]]] = {
        "verdicts": (_in_turn([each.now for each in judged.verdicts]), lived.verdicts),
        "steps": ([each.now for each in judged.steps if each.now], lived.steps),
    }
    return [
        f"{what}: told {now}, but there were {list(then)}"
        for what, (now, then) in told.items()
        if now[-len(then) :] != list(then)[-len(now) :] or bool(now) is not bool(then)
    ]


def _in_turn(verdicts: Sequence[str | None]) -> list[str | None]:
    """Return verdicts without those that follow the same one."""
    return [
        each
        for number, each in enumerate(verdicts)
        if number == 0 or verdicts[number - 1] != each
    ]
