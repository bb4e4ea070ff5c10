# SPDX-License-Identifier: Apache-2.0
"""Try whether the tests of the pure rooms notice changes: `scripts/mutate --help`."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
import json
from multiprocessing import get_context
from multiprocessing.pool import Pool
import os
from pathlib import Path
import sys

from .mutator import Mutant
from .room import PURE, Choice, Trace, mutants_in, sample
from .trial import Trial, is_noticed, prepare, trace

COUNT = 140
LEAST = 0.93
EQUIVALENT: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("equivalent.json").read_text(encoding="utf-8")
)
"""By module: the mutants that do the same as what is written, and why."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """What came of the mutants of a room."""

    room: str
    tried: int
    equivalent: int
    survivors: Sequence[Mutant]

    @property
    def share(self) -> float:
        """The part of the mutants that was noticed."""
        tried = self.tried or 1
        return (tried - len(self.survivors)) / tried


def main() -> int:
    """Try mutants of the named rooms; 0 when enough are noticed in each."""
    arguments = _arguments()
    prepare()
    with get_context("fork").Pool(arguments.jobs, maxtasksperchild=1) as pool:
        scores = [
            _score(room, arguments.count, arguments.seed, pool)
            for room in arguments.rooms or PURE
        ]
    if arguments.json:
        json.dump([_as_json(score) for score in scores], sys.stdout, indent=2)
        print()
    else:
        print("\n".join(_table(scores)))
    return 0 if all(score.share >= LEAST for score in scores) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/mutate",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Changes the pure rooms place by place (a comparison, a number, a line that is\n"
        "left out) and runs the tests of the room on each change, until one fails. Nothing is\n"
        f"written to the tree. The exit status is 0 when at least {LEAST:.0%} of the changes are\n"
        "noticed in each room; those that tests/mutants/equivalent.json shows to change nothing\n"
        "are left out.",
    )
    parser.add_argument(
        "rooms", nargs="*", metavar="ROOM", help=f"default: {' '.join(PURE)}"
    )
    parser.add_argument(
        "--count",
        type=int,
        default=COUNT,
        help=f"how many changes of each room (default {COUNT}; 0: all)",
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="which of all changes are tried (default 1)"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="default: one a core"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    arguments = parser.parse_args()
    if unknown := set(arguments.rooms) - set(PURE):
        parser.error(f"no pure room: {', '.join(sorted(unknown))}")
    return arguments


def _score(room: str, count: int, seed: int, pool: Pool) -> Score:
    everything = mutants_in(room)
    chosen = sample(everything, count or len(everything), seed)
    meant = [
        mutant
        for mutant in chosen
        if mutant.key not in EQUIVALENT.get(mutant.module, {})
    ]
    print(f"{room}: the tests as they are", file=sys.stderr)
    seconds, tests_at = pool.apply(trace, (room,))
    choice = Choice(room, Trace(seconds=seconds, tests_at=tests_at))
    trials = [
        Trial(
            mutant=mutant,
            tests=(tests := choice.tests_for(mutant)),
            longest=max(map(seconds.__getitem__, tests), default=0.0),
        )
        for mutant in meant
    ]
    noticed = pool.imap(is_noticed, trials, chunksize=1)
    survivors = []
    for number, (trial, is_killed) in enumerate(zip(trials, noticed, strict=True), 1):
        if not is_killed:
            survivors.append(trial.mutant)
            print(
                f"{room} {number}/{len(trials)}: {_named(trial.mutant)}"
                f" [{len(trial.tests)} tests]",
                file=sys.stderr,
            )
    return Score(
        room=room,
        tried=len(meant),
        equivalent=len(chosen) - len(meant),
        survivors=survivors,
    )


def _named(mutant: Mutant) -> str:
    return f"{mutant.module}:{mutant.lines.start} {mutant.key}"


def _table(scores: Iterable[Score]) -> Iterator[str]:
    yield "| room | changes | the same | noticed |"
    yield "| --- | ---: | ---: | ---: |"
    for score in scores:
        noticed = score.tried - len(score.survivors)
        yield (
            f"| {score.room} | {score.tried} | {score.equivalent} |"
            f" {noticed} ({score.share:.1%}) |"
        )
    for score in scores:
        yield from (f"not noticed: {_named(each)}" for each in score.survivors)


def _as_json(score: Score) -> dict[str, object]:
    return {
        "room": score.room,
        "changes": score.tried,
        "equivalent": score.equivalent,
        "noticed": score.tried - len(score.survivors),
        "survivors": [_named(each) for each in score.survivors],
    }


if __name__ == "__main__":
    sys.exit(main())
