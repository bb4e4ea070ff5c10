# SPDX-License-Identifier: Apache-2.0
"""Tests of a room, run in a process of their own on what is imported anew."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
import importlib
import io
import os
import resource
from time import perf_counter

from coverage import Coverage
from hypothesis import Phase, settings
import pytest

from .loading import load_anew
from .mutator import Mutant, change_of
from .room import PACKAGE, ROOT, Seconds, TestsAt, modules_of

LOADED_ANEW = (PACKAGE, "tests")
PATIENCE = 60.0
"""A test that goes on for so long, s, and ten times as long as it usually does, has noticed."""
MOST_MEMORY = 4 * 2**30
QUIET = ("-q", "-p", "no:cacheprovider", "--tb=short")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is to be tried: the mutant, and the tests that may notice it."""

    mutant: Mutant
    tests: Sequence[str]
    longest: float = 0.0
    """How long the longest of them usually takes, s."""


def prepare() -> None:
    """Import what every trial needs and none changes, before the first is forked."""
    for module in (
        "tests.plugin_bridge",
        "pytest_homeassistant_custom_component.plugins",
        "tests.conftest",
    ):
        importlib.import_module(module)


class _Traced:
    """Takes the time of each test, and has what it runs noted under its name."""

    def __init__(self, coverage: Coverage) -> None:
        self.seconds: dict[str, float] = {}
        self._coverage = coverage

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        began = perf_counter()
        self._coverage.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self._coverage.switch_context("")
            self.seconds[item.nodeid] = perf_counter() - began


class _Chosen:
    """Runs some of the collected tests, in the order that was chosen."""

    def __init__(self, tests: Iterable[str]) -> None:
        self._place = {test: place for place, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        chosen = [item for item in items if item.nodeid in self._place]
        items[:] = sorted(chosen, key=lambda item: self._place[item.nodeid])


def trace(room: str) -> tuple[Seconds, TestsAt]:
    """Run the tests of a room with nothing changed; they have to pass.

    Returns the parts of a `Trace`: what a class is called is another class here by now.
    """
    _settle()
    coverage = Coverage(data_file=None, config_file=False, source=[f"{PACKAGE}.{room}"])
    coverage.set_option("run:core", "ctrace")
    traced = _Traced(coverage)
    load_anew({}, LOADED_ANEW)
    coverage.start()
    output, code = _run((*QUIET, str(ROOT / "tests" / room)), traced)
    coverage.stop()
    if code:
        raise RuntimeError(f"the tests of {room} fail as they are:\n{output}")
    data = coverage.get_data()
    tests_at = {
        module: {
            line: frozenset(filter(None, contexts))
            for line, contexts in data.contexts_by_lineno(str(path)).items()
        }
        for module, path in modules_of(room).items()
    }
    return traced.seconds, tests_at


def is_noticed(trial: Trial) -> bool:
    """Whether one of the tests fails with the mutant."""
    _settle()
    change = change_of(trial.mutant)
    load_anew({f"{PACKAGE}.{trial.mutant.module}": change}, LOADED_ANEW)
    files = dict.fromkeys(test.partition("::")[0] for test in trial.tests)
    limit = f"--timeout={PATIENCE + 10 * trial.longest:.0f}"
    _, code = _run((*QUIET, "-x", limit, *files), _Chosen(trial.tests))
    return code != pytest.ExitCode.OK


def _run(arguments: Sequence[str], plugin: object) -> tuple[str, int]:
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        code = pytest.main([*arguments], plugins=[plugin])
    return output.getvalue(), int(code)


def _settle() -> None:
    """Have each try come out the same, and none run away with the machine."""
    os.chdir(ROOT)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    settings.register_profile(
        "mutants",
        database=None,
        deadline=None,
        derandomize=True,
        phases=(Phase.explicit, Phase.generate),
    )
    settings.load_profile("mutants")
