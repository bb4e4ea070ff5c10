# SPDX-License-Identifier: Apache-2.0
"""A pure room: its modules, their mutants, and which of its tests may notice one."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
import random

from .mutator import Mutant, mutants_of

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components" / "renogy_bt"
PACKAGE = "custom_components.renogy_bt"
# What asks a bus or a radio is tried on an emulated one, and those tests are no part of the room.
PURE = ("renogy", "bank", "adapter_health")


def modules_of(room: str) -> dict[str, Path]:
    """Return the files of a room, by the name of their module below the integration."""
    return {
        ".".join(path.relative_to(INTEGRATION).with_suffix("").parts): path
        for path in sorted((INTEGRATION / room).rglob("*.py"))
    }


def mutants_in(room: str) -> list[Mutant]:
    """Return every mutant of a room."""
    return [
        mutant
        for module, path in modules_of(room).items()
        for mutant in mutants_of(module, path.read_text(encoding="utf-8"))
    ]


def sample(mutants: Iterable[Mutant], count: int, seed: int) -> list[Mutant]:
    """Return some of the mutants, the same ones for the same seed."""
    each = [*mutants]
    return random.Random(seed).sample(each, min(count, len(each)))


type Seconds = Mapping[str, float]
type TestsAt = Mapping[str, Mapping[int, frozenset[str]]]


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What the tests of a room run when nothing is changed."""

    seconds: Seconds
    """How long each test takes."""
    tests_at: TestsAt
    """By module and line: the tests that run it."""


class Choice:
    """Chooses the tests that may notice a mutant, the most likely and shortest first."""

    def __init__(self, room: str, trace: Trace) -> None:
        """Read where each name stands in the room."""
        self._trace = trace
        self._lines_with: dict[str, set[tuple[str, int]]] = {}
        self._made_of: dict[str, set[str]] = {}
        for module, path in modules_of(room).items():
            for statement, line, name in _uses(path.read_text(encoding="utf-8")):
                self._lines_with.setdefault(name, set()).add((module, line))
                if statement is not None:
                    self._made_of.setdefault(name, set()).add(statement)

    def tests_for(self, mutant: Mutant) -> list[str]:
        """Return the tests that run the place, or what is made of it."""
        if mutant.is_imported:
            tests = self._tests_with(mutant.name.split("."))
        else:
            tests = self._tests_at((mutant.module, line) for line in mutant.lines)
        file = f"test_{mutant.module.rpartition('.')[2]}.py"
        mirrored = {test for test in self._trace.seconds if f"/{file}::" in test}
        if mutant.is_imported:
            tests |= mirrored
        return sorted(
            tests, key=lambda test: (test not in mirrored, self._trace.seconds[test])
        )

    def _tests_at(self, places: Iterable[tuple[str, int]]) -> set[str]:
        return {
            test
            for module, line in places
            for test in self._trace.tests_at.get(module, {}).get(line, ())
        }

    def _tests_with(self, names: Iterable[str]) -> set[str]:
        """Return the tests that run a line with one of the names, or with what is made of it."""
        known: set[str] = set()
        new = set(names)
        while new:
            known |= new
            new = {made for name in new for made in self._made_of.get(name, ())} - known
        tests = self._tests_at(
            place for name in known for place in self._lines_with.get(name, ())
        )
        return tests or set(self._trace.seconds)


def _uses(source: str) -> Iterator[tuple[str | None, int, str]]:
    """Yield each name that is read: by which constant it is read, if by one, and the line."""
    for statement in ast.parse(source).body:
        made = _made_by(statement)
        for node in ast.walk(statement):
            match node:
                case ast.Name(id=name) | ast.Attribute(attr=name):
                    yield made, node.lineno, name


def _made_by(statement: ast.stmt) -> str | None:
    """Return the name of the constant or class that a statement makes."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=made)]):
            return made
        case ast.AnnAssign(target=ast.Name(id=made)) | ast.ClassDef(name=made):
            return made
    return None
