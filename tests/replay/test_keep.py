# SPDX-License-Identifier: Apache-2.0
"""Tests of the cases that are made of files: they say the same, and are no way to other files."""

import json
from pathlib import Path

import pytest

from . import keep
from .__main__ import main, timelines
from .errors import ReplayError
from .field_report import Diagnostics
from .keep import (
    ADAPTERS,
    BATTERIES,
    cases_of,
    of_adapters,
    of_batteries,
    path_of,
    write_case,
)
from .reading import parse_report, read_report
from .test_hostile_files import whole
from .test_reading import diagnostics, failed
from .world import world_of

FIRST_RELEASE = Path(__file__).parent / "files" / "diagnostics_0_1_0.json"


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(failed()),
        json.dumps(diagnostics()),
        FIRST_RELEASE.read_text(encoding="utf-8"),
    ],
    ids=["failed set-up", "diagnostics", "first release"],
)
def test_a_case_says_the_same(text: str) -> None:
    """The world that is made of it is the one of the file, and it is made of itself again."""
    report = parse_report(text)
    kept = of_batteries(report)
    again = parse_report(json.dumps(kept))
    assert world_of(again) == world_of(report)
    assert of_batteries(again) == kept
    assert of_adapters(report) is None, "there is no timeline in it"


def test_a_case_of_adapters_says_the_same() -> None:
    """It is judged like the file, without its batteries."""
    report = parse_report(json.dumps(whole()))
    kept = of_adapters(report)
    again = parse_report(json.dumps(kept))
    assert timelines(again) == timelines(report)
    assert isinstance(again, Diagnostics)
    assert again.links == ()
    assert of_batteries(again) is None


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a", "A_case", "with space", "x" * 61, "a\n_case"]
)
def test_names_that_are_none(name: str) -> None:
    """A name is never a path."""
    with pytest.raises(ReplayError, match="--keep"):
        path_of(BATTERIES, name)


def test_a_case_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are written once, one of each kind, and can be read by people and programs."""
    monkeypatch.setattr(keep, "FOLDER", tmp_path)
    file = tmp_path / "file"
    file.write_text(json.dumps(whole()), encoding="utf-8")
    assert main([str(file), "--keep", "cold_pack"]) == 0
    report = read_report(file)
    cases = {
        kind: json.loads((tmp_path / kind / "cold_pack.json").read_text("utf-8"))
        for kind in (BATTERIES, ADAPTERS)
    }
    assert cases == cases_of("cold_pack", report, timelines(report))
    assert "6C:B2:FD:00:00:01/48" in cases[BATTERIES]["expect"]["values"]
    assert cases[ADAPTERS]["expect"]["steps"]
    assert main([str(file), "--keep", "cold_pack"]) == 2


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (json.dumps(failed()), {BATTERIES}),
        (json.dumps(diagnostics()), {BATTERIES}),
        (FIRST_RELEASE.read_text(encoding="utf-8"), {BATTERIES}),
        (json.dumps({**diagnostics()["data"], "links": []}), set()),
    ],
    ids=["failed set-up", "diagnostics", "first release", "bank that is not set up"],
)
def test_what_a_case_is_made_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, kinds: set[str]
) -> None:
    """There is one of each kind that the file tells of, and an error where it tells of none."""
    monkeypatch.setattr(keep, "FOLDER", tmp_path / "field")
    file = tmp_path / "file"
    file.write_text(text, encoding="utf-8")
    status = main([str(file), "--keep", "a_case"])
    assert {path.parent.name for path in tmp_path.rglob("*.json")} == kinds
    assert status == (0 if kinds else 2)


def test_a_file_that_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit status tells it, and the message where and why."""
    file = tmp_path / "file"
    file.write_text('{"kind": "cake"}', encoding="utf-8")
    assert main([str(file)]) == 2
    assert "kind: must be one of" in capsys.readouterr().err


def test_short_lists_stand_on_one_line(tmp_path: Path) -> None:
    """The content is the same."""
    case = {"list": [[1, 2], ["a", "b"]], "none": [], "text": "[ x ]"}
    write_case(tmp_path / "case.json", case)
    text = (tmp_path / "case.json").read_text(encoding="utf-8")
    assert "[1, 2]" in text
    assert json.loads(text) == case
