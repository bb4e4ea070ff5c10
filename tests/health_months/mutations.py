"""Every number of adapter health that means something, and the world that shows it."""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from multiprocessing import get_context
from pathlib import Path

from .mutant import PACKAGE, Mutation, numbers_of, problems_of

FOLDER = Path(__file__).parents[2].joinpath(*PACKAGE.split("."))

MUTATIONS: tuple[Mutation, ...] = ()

EXEMPT: Mapping[str, str] = {}
"""Numbers that decide nothing between two worlds, by where they stand, and why."""


def numbers() -> Iterator[tuple[str, float]]:
    """Yield where each number stands, and the number."""
    for path in sorted(FOLDER.rglob("*.py")):
        module = ".".join(path.relative_to(FOLDER).with_suffix("").parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name, found in numbers_of(tree).items():
            for number in found:
                yield f"{module}:{name}", number


def survivors(
    mutations: Iterable[Mutation],
    jobs: int | None = None,
    done: Callable[[Mutation], None] = lambda _: None,
) -> list[Mutation]:
    """Return the mutations that their world does not show to be wrong."""
    alive = []
    chosen = list(mutations)
    # Each mutation leaves changed modules behind, so each gets a process of its own.
    with get_context("fork").Pool(jobs, maxtasksperchild=1) as pool:
        outcomes = pool.imap(problems_of, chosen, chunksize=1)
        for mutation, problems in zip(chosen, outcomes, strict=True):
            done(mutation)
            if not problems:
                alive.append(mutation)
    return alive
