# SPDX-License-Identifier: Apache-2.0
"""Tests of the changes that `scripts/mutate` makes, and of the tests that it chooses."""

import ast
from itertools import pairwise

import pytest

from tests.test_architecture import MAY_IMPORT

from .__main__ import EQUIVALENT
from .mutator import change_of, mutants_of
from .room import PURE, Choice, Trace, modules_of, mutants_in, sample

SOURCE = '''
"""A module."""

from enum import StrEnum

LIMIT = 900.0
"""A limit."""
FEW = 3


class Kind(StrEnum):
    """Words are not changed."""

    ONE = "one"


def is_over(passed: float, *, known: bool = True) -> bool:
    """Whether it is over."""
    if not known:
        raise ValueError(f"not known {2}")
    return passed >= LIMIT or passed < 0.0
'''


def changed(source: str) -> dict[str, str]:
    """Return what each mutant of a source looks like, by its key."""
    sources = {}
    for mutant in mutants_of("room.module", source):
        tree = ast.parse(source)
        change_of(mutant)(tree)
        compile(tree, "module", "exec")
        sources[mutant.key] = ast.unparse(tree)
    return sources


def test_every_mutant_is_another_module() -> None:
    """Each differs from what is written, and from every other."""
    sources = changed(SOURCE)
    assert len({*sources.values(), ast.unparse(ast.parse(SOURCE))}) == len(sources) + 1


def test_what_is_changed() -> None:
    """Numbers both ways, comparisons at their edge, what is said to be so, what is done."""
    assert [*changed(SOURCE)] == [
        "LIMIT: LIMIT = 900.0 -> LIMIT = 1125.0",
        "LIMIT: LIMIT = 900.0 -> LIMIT = 720.0",
        "FEW: FEW = 3 -> FEW = 4",
        "FEW: FEW = 3 -> FEW = 2",
        "is_over: True -> False",
        "is_over: if not known: raise ValueError(f'not known {2}') ->"
        " if known: raise ValueError(f'not known {2}')",
        "is_over: if not known: raise ValueError(f'not known {2}') -> if not known: pass",
        "is_over: return passed >= LIMIT or passed < 0.0 -> return None",
        "is_over: return passed >= LIMIT or passed < 0.0 ->"
        " return passed >= LIMIT and passed < 0.0",
        "is_over: return passed >= LIMIT or passed < 0.0 ->"
        " return passed > LIMIT or passed < 0.0",
        "is_over: return passed >= LIMIT or passed < 0.0 ->"
        " return passed < LIMIT or passed < 0.0",
        "is_over: return passed >= LIMIT or passed < 0.0 ->"
        " return passed >= LIMIT or passed <= 0.0",
        "is_over: return passed >= LIMIT or passed < 0.0 ->"
        " return passed >= LIMIT or passed > 0.0",
        "is_over: return passed >= LIMIT or passed < 0.0 ->"
        " return passed >= LIMIT or passed < 1.0",
    ]


def test_mutants_that_read_alike_are_told_apart() -> None:
    """The same change at two places has two keys."""
    keys = [*changed("def f(a):\n    g(a < 1)\n    g(a < 1)\n")]
    assert len(keys) == len({*keys})
    assert keys[-1].endswith(" (2)")


def test_pure_rooms() -> None:
    """Those that know neither Home Assistant nor a bus."""
    free = {room for room, known in MAY_IMPORT.items() if "homeassistant" not in known}
    assert {*PURE} == free - {"const", "bluez"}


def test_a_sample_is_the_same_for_the_same_seed() -> None:
    """And another one for another seed; all there are where more are asked for."""
    mutants = mutants_in("bank")
    assert sample(mutants, 20, 1) == sample(mutants, 20, 1) != sample(mutants, 20, 2)
    assert {*sample(mutants, 10**6, 1)} == {*mutants}


def test_equivalent_mutants_are_there_and_have_their_reason() -> None:
    """Nothing is excused that has gone meanwhile, and nothing without a word."""
    for module, reasons in EQUIVALENT.items():
        room = module.partition(".")[0]
        source = modules_of(room)[module].read_text(encoding="utf-8")
        assert reasons.keys() <= {each.key for each in mutants_of(module, source)}
        assert all(len(reason.split()) > 2 for reason in reasons.values())
        assert [*reasons] == sorted(reasons)
    assert all(one < other for one, other in pairwise(EQUIVALENT))


@pytest.mark.parametrize(
    ("key", "chosen"),
    [
        # In a function: who runs its line, of the room's own file first, then the shortest.
        ("advance", ["test_silence.py::near", "test_other.py::far"]),
        # Beside the functions: who runs a line with the name, or with what is made of it.
        ("LONGEST_GAP", ["test_silence.py::near", "test_other.py::far"]),
    ],
)
def test_tests_that_may_notice(key: str, chosen: list[str]) -> None:
    """The tests that run the place, none that does not."""
    mutants = mutants_of(
        "bank.silence", modules_of("bank")["bank.silence"].read_text(encoding="utf-8")
    )
    mutant = next(each for each in mutants if key in each.key)
    source = modules_of("bank")["bank.silence"].read_text(encoding="utf-8")
    lines = range(1, len(source.splitlines()) + 1)
    near, far = "tests/bank/test_silence.py::near", "tests/bank/test_other.py::far"
    trace = Trace(
        seconds={near: 2.0, far: 1.0, "tests/bank/test_third.py::idle": 0.1},
        tests_at={"bank.silence": dict.fromkeys(lines, frozenset({near, far}))},
    )
    tests = Choice("bank", trace).tests_for(mutant)
    assert [test.removeprefix("tests/bank/") for test in tests] == chosen
