# SPDX-License-Identifier: Apache-2.0
"""A changed threshold is tried on timelines; what is no threshold is told clearly."""

import json
from pathlib import Path
import subprocess
import sys
from typing import Any

import pytest

from tests.health_months.mutation_table import MUTATIONS

from .__main__ import main
from .errors import ReplayError
from .keep import ADAPTERS, FOLDER, kept_reports
from .test_timelines import lived, told_of
from .thresholds import threshold, thresholds

WITNESSED = "faults.links:WITNESSED_SILENCE"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return diagnostics with the timeline of an adapter that went deaf beside a witness."""
    told = {
        "kind": "diagnostics",
        "version": 1,
        "links": [],
        "bluetooth_health": {
            "adapters": [told_of(lived("deaf-with-a-witness").health.timeline)]
        },
    }
    path = tmp_path / "file.json"
    path.write_text(json.dumps(told), encoding="utf-8")
    return path


def tried(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit status of a process of its own, and what it tells of each file."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.replay", "--json", *arguments],
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode, json.loads(done.stdout)["files"]


def test_another_threshold_judges_otherwise(file: Path) -> None:
    """With more patience the fault is judged later, or not at all; with the same number it is not."""
    status, (told,) = tried(str(file), "--set", f"{WITNESSED}=300")
    assert status == 1
    assert told["file"] == str(file)
    assert any(
        (each["then"], each["now"]) == ("silent", "ok") for each in told["verdicts"]
    )
    assert any(each["then"] is not None for each in told["steps"])
    status, (told,) = tried(str(file), "--set", f"{WITNESSED}=70")
    assert (status, told["verdicts"], told["steps"]) == (0, [], [])


def test_all_kept_timelines_are_tried() -> None:
    """Without a file every case with timelines is looked at; with the same numbers it is as expected."""
    status, told = tried("--set", f"{WITNESSED}=70", "--set", "climb:VERIFICATION=150")
    assert {each["file"] for each in told} == kept_reports().keys() != set()
    differences = 0
    for each in told:
        case = json.loads(
            (FOLDER / ADAPTERS / f"{each['file']}.json").read_text("utf-8")
        )
        for kind in ("verdicts", "steps"):
            for found in each[kind]:
                differences += 1
                del found["then"]
                assert found in case["expect"][kind]
    assert status == (1 if differences else 0)


def test_names_are_those_of_the_mutations() -> None:
    """Every number that is shown to matter can be changed."""
    known = thresholds()
    for mutation in MUTATIONS:
        change = threshold(
            f"{mutation.where}@{mutation.was}={mutation.value}"
            if len(known[mutation.where]) > 1
            else f"{mutation.where}={mutation.value}"
        )
        assert (change.where, change.was) == (mutation.where, mutation.was)
        assert change.value == mutation.value
        assert type(change.value) is type(mutation.was) or mutation.value % 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("faults.links:WITNESED=200", f"{WITNESSED}, .*--thresholds names all"),
        ("os:system=1", "there is no os:system"),
        (f"{WITNESSED}=soon", "must be WHERE=NUMBER"),
        (f"{WITNESSED}=1.2.3", "1.2.3 is no number"),
        (f"{WITNESSED}@71=1", "stand 70; it must be"),
        ("faults.adapter:blocked=1", "stand 60, 180; it must be"),
        ("../x:y=1", "must be WHERE=NUMBER"),
        ("", "must be WHERE=NUMBER"),
    ],
)
def test_what_is_no_threshold(text: str, message: str) -> None:
    """The error says what is wrong, and what there is."""
    with pytest.raises(ReplayError, match=message):
        threshold(text)


def test_the_exit_status_tells_of_it(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No file is replayed with a threshold that is not there."""
    assert main([str(file), "--set", "x:y=1"]) == 2
    assert "there is no x:y" in capsys.readouterr().err


def test_thresholds_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its number."""
    assert main(["--thresholds"]) == 0
    assert f"{WITNESSED} 70" in capsys.readouterr().out.splitlines()
