"""Tests of what is made of a guest's folder."""

from dataclasses import replace
from pathlib import Path

import pytest

from .machine import LOG, difference_of, first_difference, kept_result
from .order import CONFINED, Order, Outcome, Subject

ORDER = Order(scenario="stuck-start", host=CONFINED, subject=Subject.ALONE)


def _run(folder: Path, log: str) -> Path:
    (folder / ORDER.name).mkdir(parents=True)
    (folder / ORDER.name / LOG).write_text(log)
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
    folder = _run(tmp_path, "started\n") / ORDER.name
    (folder / "result.json").write_text(outcome.as_json())

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
