# SPDX-License-Identifier: Apache-2.0
"""Tests of what is made of a guest's folder."""

from dataclasses import replace
import os
from pathlib import Path
import sys

import pytest

from .machine import Machine, Result, difference_of, first_difference, kept_result
from .order import CONFINED, Order, Outcome, Subject
from .order_folder import OrderFolder
from .preparation import Guest

ORDER = Order(scenario="stuck-start", host=CONFINED, subject=Subject.ALONE)


def _run(folder: Path, log: str) -> Path:
    of_order = OrderFolder(folder / ORDER.name)
    of_order.write(ORDER, "{}")
    of_order.log.write_text(log)
    return folder


def test_runs_that_are_alike_differ_nowhere(tmp_path: Path) -> None:
    """Two logs of the same lines are no complaint."""
    first = _run(tmp_path / "first", "started\nfault\n")
    second = _run(tmp_path / "second", "started\nfault\n")

    assert difference_of(ORDER, first, second) is None


def test_runs_without_a_log_are_not_alike(tmp_path: Path) -> None:
    """Two guests that did not start prove nothing."""
    assert difference_of(ORDER, tmp_path / "first", tmp_path / "second") == "no log"


def test_kept_run_is_read_again(tmp_path: Path) -> None:
    """What a run left behind is judged later; an order that was not run is left out."""
    outcome = Outcome(recovered=50, silent=80, complete_polls=9)
    folder = OrderFolder(_run(tmp_path, "started\n") / ORDER.name)
    folder.result.write_text(outcome.as_json())

    result = kept_result(ORDER, tmp_path)

    assert result is not None and result.outcome == outcome
    assert kept_result(replace(ORDER, subject=Subject.INTEGRATION), tmp_path) is None


@pytest.mark.parametrize(
    ("second", "difference"),
    [
        (["started", "fault at 3"], "line 2: fault at 2 / fault at 3"),
        (["started"], "line 2: fault at 2 / (end)"),
        (["started", "fault at 2", "end"], "line 3: (end) / end"),
    ],
)
def test_first_difference_is_named(second: list[str], difference: str) -> None:
    """Another line, a missing line and one too many are found."""
    assert first_difference(["started", "fault at 2"], second) == difference


# Carries out what the script on its command line names, as the guest does, and crashes
# after the order that it is told.
KERNEL = """#!{python}
import pathlib, re, sys
script, = (word.removeprefix("script=") for word in sys.argv if word.startswith("script="))
for name in re.findall("/share/([^ \\n]+)", pathlib.Path(script).read_text()):
    folder = pathlib.Path(name)
    if name == "{crashes_in}":
        (folder / "output").write_text("Segmentation fault\\n")
        sys.exit(1)
    (folder / "result.json").write_text('{outcome}')
    (folder / "status").write_text("0")
"""
DEAF = replace(ORDER, scenario="deaf")
HUNG = replace(ORDER, scenario="hung")


async def _carried_out(tmp_path: Path, crashes_in: str) -> list[Result]:
    kernel = tmp_path / "kernel"
    outcome = Outcome(recovered=50, silent=80, complete_polls=9).as_json()
    kernel.write_text(
        KERNEL.format(python=sys.executable, crashes_in=crashes_in, outcome=outcome)
    )
    kernel.chmod(0o755)
    guest = Guest(
        kernel=kernel,
        entropy=tmp_path / "none.so",
        root=tmp_path,
        site_packages=tmp_path,
        radio_packages=tmp_path,
        versions={},
    )
    machine = Machine(
        guest=guest,
        code=tmp_path,
        runs=tmp_path,
        real_time=False,
        processor=min(os.sched_getaffinity(0)),
    )
    carried_out = machine.carry_out([DEAF, ORDER, HUNG], "guest")
    return [result async for result in carried_out]


async def test_orders_share_a_guest(tmp_path: Path) -> None:
    """Each order has its outcome, in turn."""
    results = await _carried_out(tmp_path, "nothing")

    assert [result.order for result in results] == [DEAF, ORDER, HUNG]
    assert all(result.outcome is not None for result in results)
    assert not any(result.failure for result in results)


@pytest.mark.parametrize("number", range(3))
async def test_order_that_loses_its_guest_fails_alone(
    tmp_path: Path, number: int
) -> None:
    """A guest that does not survive an order is followed by another one."""
    lost = (DEAF, ORDER, HUNG)[number]

    results = await _carried_out(tmp_path, lost.name)

    assert [result.order for result in results] == [DEAF, ORDER, HUNG]
    failures = {result.order: result.failure for result in results if result.failure}
    assert failures == {lost: "Segmentation fault"}
    assert [result.order for result in results if result.outcome is None] == [lost]
