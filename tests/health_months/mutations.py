# SPDX-License-Identifier: Apache-2.0
"""Every number of adapter health is shown to matter by a world that another number fails."""

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

from .mutant import BREATHING, PACKAGE, Mutation, numbers_of, problems_of

FOLDER = Path(__file__).parents[2].joinpath(*PACKAGE.split("."))


def numbers() -> Iterator[tuple[str, float, int]]:
    """Yield where each number stands, the number, and how many equal ones stand before it."""
    modules = {
        ".".join(path.relative_to(FOLDER).with_suffix("").parts): path
        for path in sorted(FOLDER.rglob("*.py"))
    }
    modules[BREATHING] = FOLDER.parent.joinpath(*BREATHING.split(".")).with_suffix(
        ".py"
    )
    for module, path in modules.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name, written in numbers_of(tree).items():
            found = [n.value for n in written if isinstance(n.value, int | float)]
            for place, value in enumerate(found):
                yield f"{module}:{name}", value, found[:place].count(value)


def controls(mutations: Iterable[Mutation]) -> list[Mutation]:
    """Return for each life that mutations are tried in the same one with nothing changed."""
    lives = {}
    for mutation in mutations:
        life = mutation.world, mutation.management, mutation.days, mutation.pace
        lives[life] = replace(mutation, value=mutation.was)
    return list(lives.values())


def problems_of_each(
    mutations: Iterable[Mutation],
    jobs: int | None = None,
    done: Callable[[Mutation], None] = lambda _: None,
) -> dict[Mutation, tuple[str, ...]]:
    """Return what is wrong in the world of each mutation."""
    chosen = list(mutations)
    problems = {}
    # Each mutation leaves changed modules behind, so each gets a process of its own.
    with get_context("fork").Pool(jobs, maxtasksperchild=1) as pool:
        outcomes = pool.imap(problems_of, chosen, chunksize=1)
        for mutation, found in zip(chosen, outcomes, strict=True):
            done(mutation)
            problems[mutation] = found
    return problems
