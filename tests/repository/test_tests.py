# SPDX-License-Identifier: Apache-2.0
"""Tests read as promises: how they are written is held here, so that it stays so."""

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
import re

import pytest

TESTS = Path(__file__).parents[1]

INSIDES: dict[str, str] = {
    "banks.py": "waits for what Home Assistant does in the background",
    "bench/stalls.py": "takes the time of every callback of the event loop",
    "demo/test_history.py": "ends the connection of the client on purpose",
    "fake_air.py": "has Home Assistant forget what it heard, as hours of silence do",
    "flows/test_flood_of_discoveries.py": "has a peripheral fall silent, as minutes do",
    "flows/test_hostile_names.py": "sees what every dialogue shows",
    "issues/test_full_charges.py": "keeps a peripheral heard while days pass",
    "insides.py": "what of our own objects tests look at, or put in place",
    "plugin_bridge.py": "lets an older test plugin run with a newer Home Assistant",
    "stack/emulator/test_emulated_world.py": "counts the timers that are left",
    "stack/host.py": "has bleak forget the bus of the test before",
    "stack/test_direct_scanner.py": "lets the scanner of the kernel hear something",
    "stack/test_ways.py": "follows a value into Home Assistant",
    "stack/warped_time.py": "moves the clock of an event loop",
    "test_blueprints.py": "keeps a peripheral heard while hours pass",
    "translation_check.py": "sees what every dialogue shows",
    "ways/tracer.py": "follows calls",
}
"""The files that reach behind what others show, and what for."""


@cache
def parsed() -> dict[str, ast.Module]:
    """Return every module of the tests, by where it stands."""
    return {
        str(path.relative_to(TESTS)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(TESTS.rglob("*.py"))
    }


def private_names(tree: ast.Module) -> Iterator[str]:
    """Yield what a module reads of others that is not meant for it."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=value, attr=name):
                if not is_private(name) or is_own(value):
                    continue
                yield name
            case ast.ImportFrom(names=names):
                yield from (each.name for each in names if is_private(each.name))


def is_private(name: str) -> bool:
    """Whether a name is not meant for others."""
    return name.startswith("_") and not name.startswith("__")


def is_own(node: ast.expr) -> bool:
    """Whether an attribute is asked of the object or class itself."""
    match node:
        case ast.Name(id="self" | "cls") | ast.Call(func=ast.Name(id="super")):
            return True
    return False


def functions_of_tests() -> Iterator[
    tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]
]:
    """Yield every test with its file."""
    for name, tree in parsed().items():
        for node in ast.walk(tree):
            if isinstance(
                node, ast.FunctionDef | ast.AsyncFunctionDef
            ) and node.name.startswith("test_"):
                yield name, node


def test_no_test_reaches_behind_what_others_show() -> None:
    """Few files do, each for a reason that stands here."""
    reaching = {name for name, tree in parsed().items() if any(private_names(tree))}
    assert reaching == INSIDES.keys()


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("link._timer", ["_timer"]),
        ("self.link._timer", ["_timer"]),
        ("from homeassistant.core import _name", ["_name"]),
        ("self._timer, cls._timer, super()._timer, link.__class__, link.timer", []),
    ],
)
def test_what_reaches_behind(source: str, names: list[str]) -> None:
    """What is asked of another object, and what is imported."""
    assert [*private_names(ast.parse(source))] == names


def test_names_are_promises() -> None:
    """A name of one word says of what a test is, not what holds."""
    short = [
        f"{file}: {test.name}"
        for file, test in functions_of_tests()
        if re.fullmatch(r"test_[a-z0-9]+", test.name)
    ]
    assert short == []


def test_nothing_is_promised_twice_in_one_file() -> None:
    """Of two tests of one name only the last would run."""
    for file, tree in parsed().items():
        classes = [each.body for each in tree.body if isinstance(each, ast.ClassDef)]
        for body in (tree.body, *classes):
            names = Counter(
                each.name
                for each in body
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
                and each.name.startswith("test_")
            )
            assert not names or max(names.values()) == 1, file


def test_what_takes_time_is_the_test_itself() -> None:
    """No test wraps all that it does in a coroutine that it then runs: `on_virtual_time` does."""
    wrapped = [
        f"{file}: {test.name}"
        for file, test in functions_of_tests()
        for inner in ast.walk(test)
        if isinstance(inner, ast.AsyncFunctionDef)
        and inner is not test
        and (inner.name == "main" or ast.unparse(test.body[-1]) == f"run({inner.name})")
    ]
    assert wrapped == []
