# SPDX-License-Identifier: Apache-2.0
"""A world lived through with another number in one place of adapter health."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
import importlib
from types import ModuleType
from typing import override

from tests.mutants.loading import Change, load_anew

ROOT = "custom_components.renogy_bt"
PACKAGE = f"{ROOT}.adapter_health"
BREATHING = "links.breathing"
"""When kept links are let go, so that their silence is not taken for the adapter's."""
LOADED_ANEW = (
    PACKAGE,
    "custom_components.renogy_bt.links",
    "custom_components.renogy_bt.storage",
    "custom_components.renogy_bt.supervisor.link_records",
    "custom_components.renogy_bt.supervisor.telling",
    "custom_components.renogy_bt.issues.adapters",
    "tests.restart",
    "tests.health_months.simulation",
    "tests.health_months.radio",
    "tests.health_months.registry",
    "tests.health_months.keeper",
    "tests.health_months.kept",
    "tests.health_months.benign",
    "tests.health_months.passing",
    "tests.health_months.faulty",
    "tests.health_months.rare",
    "tests.health_months.worlds",
    "tests.health_months.world",
)
"""What knows the numbers, and is therefore imported again."""


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """Another number in one place, and the world that shows that it is wrong."""

    where: str
    """Module below `adapter_health` or `BREATHING`, a colon, and the constant or function with the number."""
    was: float
    """The number as it is written there."""
    value: float
    """The other number."""
    world: str
    nth: int = 0
    """Which one, where the same number is written there several times."""
    management: bool = False
    days: float = 0.25
    pace: float = 0.1

    @override
    def __str__(self) -> str:
        """The number, where it stands and what it is changed to."""
        return f"{self.where} {self.was:g} -> {self.value:g}"

    @property
    def module(self) -> str:
        """The full name of the module."""
        module = self.where.partition(":")[0]
        package = ROOT if module == BREATHING else PACKAGE
        return f"{package}.{module}"

    @property
    def name(self) -> str:
        """The name of the constant or function in its module."""
        return self.where.partition(":")[2]


def _place(
    written: Mapping[str, list[ast.Constant]], mutation: Mutation
) -> ast.Constant:
    """Return where the number of a mutation stands."""
    numbers = written.get(mutation.name, ())
    equal = [number for number in numbers if number.value == mutation.was]
    if len(equal) <= mutation.nth:
        raise LookupError(f"no {mutation.was} in {mutation.where}")
    return equal[mutation.nth]


def numbers_of(tree: ast.Module) -> dict[str, list[ast.Constant]]:
    """Return the numbers that mean something, by definition; 0, 1 and 2 seldom do."""
    return {
        name: [
            number
            for number in ast.walk(node)
            if isinstance(number, ast.Constant)
            and isinstance(number.value, int | float)
            and not isinstance(number.value, bool)
            and number.value not in (0, 1, 2)
        ]
        for node in _definitions(tree)
        for name in _names(node)
    }


def _definitions(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield the constants and functions of a module, and the methods of its classes."""
    for node in tree.body:
        yield from node.body if isinstance(node, ast.ClassDef) else (node,)


def _names(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def changes_of(mutations: Iterable[Mutation]) -> dict[str, Change]:
    """Return what the mutations change, by the name of the module."""
    by_module: dict[str, list[Mutation]] = {}
    for mutation in mutations:
        by_module.setdefault(mutation.module, []).append(mutation)
    return {module: _change(mine) for module, mine in by_module.items()}


def _change(mutations: Iterable[Mutation]) -> Change:
    """Return the change of one module by all its mutations."""

    def change(tree: ast.Module) -> None:
        written = numbers_of(tree)
        # Each is found by what is written there, before any is changed.
        places = [(_place(written, each), each.value) for each in mutations]
        for place, value in places:
            place.value = value

    return change


def mutated_worlds(mutation: Mutation) -> tuple[ModuleType, ModuleType]:
    """Return the modules `world` and `worlds` of a world in which the number is another one.

    Leaves modules behind that know the other number: to be called in a process of its own.
    """
    load_anew(changes_of((mutation,)), LOADED_ANEW)
    return (
        importlib.import_module("tests.health_months.world"),
        importlib.import_module("tests.health_months.worlds"),
    )


def problems_of(mutation: Mutation) -> tuple[str, ...]:
    """Return what the named world shows to be wrong with the mutation."""
    world, worlds = mutated_worlds(mutation)
    outcome = world.live(
        worlds.WORLDS[mutation.world],
        management=mutation.management,
        days=mutation.days,
        pace=mutation.pace,
    )
    problems: tuple[str, ...] = outcome.problems
    return problems
