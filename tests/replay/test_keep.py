"""Tests of the cases that are made of files: they say the same, and are no way to other files."""

import json
from pathlib import Path

import pytest

from . import keep
from .__main__ import main, timelines
from .errors import ReplayError
from .keep import case_of, minimal, path_of, write_case
from .reading import parse_report, read_report
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
    again = parse_report(json.dumps(minimal(report)))
    assert world_of(again) == world_of(report)
    assert minimal(again) == minimal(report)
    assert timelines(again) == timelines(report) or text.startswith('{"data"')


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a", "A_case", "with space", "x" * 61, "a\n_case"]
)
def test_names_that_are_none(name: str) -> None:
    """A name is never a path."""
    with pytest.raises(ReplayError, match="--keep"):
        path_of(name)


def test_a_case_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is written once, and can be read by people and programs."""
    monkeypatch.setattr(keep, "FOLDER", tmp_path)
    file = tmp_path / "file"
    file.write_text(json.dumps(diagnostics()), encoding="utf-8")
    assert main([str(file), "--keep", "cold_pack"]) == 0
    written = tmp_path / "cold_pack.json"
    case = json.loads(written.read_text(encoding="utf-8"))
    report = read_report(file)
    assert case == case_of("cold_pack", report, timelines(report))
    assert case["expect"]["values"] == {"6C:B2:FD:00:00:01/48": {"voltage": 52.4}}
    assert main([str(file), "--keep", "cold_pack"]) == 2


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
