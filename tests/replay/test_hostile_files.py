# SPDX-License-Identifier: Apache-2.0
"""Tests of files that were made to do harm: each is run or refused, soon, and the place is told."""

from collections.abc import Callable
from copy import deepcopy
import json
from pathlib import Path
import re
from time import process_time
import tracemalloc
from typing import Any, Final

from hypothesis import given, settings, strategies as st
import pytest

from .__main__ import EXIT_UNUSABLE, main, timelines
from .errors import ReplayError
from .keep import cases_of
from .reading import MAX_FILE_BYTES, parse_report
from .test_reading import places
from .timelines import MAX_LOOKS
from .world import checked_world, world_of

FIELD: Final = Path(__file__).parents[1] / "field"
DEEP: Final[list[Any]] = json.loads("[" * 400 + "]" * 400)
HARM: Final[tuple[Any, ...]] = (
    *(None, True, 0, -1, 255, 256, 65536, 10**400, -(10**400), 1e308, -0.0),
    *("", "0" * 100_000, "../../etc/passwd", "/dev/zero", "file:///etc/passwd"),
    *("$(reboot)", "{0.__class__}", "%s%n", "!!python/object:os.system"),
    *("\x00", "\x1b[2J", "\ud800", "\u202e", "é" * 500, "6C:B2:FD:00:00:01", "48"),
    *([], [[]], {}, {"": None}, {"__proto__": {}}, {"kind": "look"}, DEEP),
    *([0] * 5000, [{"kind": "look"}] * 5000, {str(each): 0 for each in range(5000)}),
)
"""What may stand where something else belongs: other types, sizes, depths, numbers and texts."""
PLACED: Final = re.compile(r"[a-z_]+[\w.\[\]/-]*: ")
"""A place, of the file or of the world that would be made of it."""
SECONDS: Final = 30.0
BYTES: Final = 300_000_000


def report_of(name: str) -> dict[str, Any]:
    """Return what a recorder has made."""
    case = json.loads((FIELD / f"{name}.json").read_text(encoding="utf-8"))
    report: dict[str, Any] = case["report"]
    return report


def whole() -> dict[str, Any]:
    """Return diagnostics with batteries, and with an adapter at which something was done."""
    report = report_of("batteries/four_packs_on_a_dongle")
    report["bluetooth_health"] = report_of("adapters/a5_crash_loop")["bluetooth_health"]
    return report


def used(text: str) -> str | None:
    """Do all that is done with a file before Home Assistant is started; return why it is refused."""
    try:
        report = parse_report(text)
        adapters = timelines(report)
        checked_world(world_of(report))
        cases_of("a_case", report, adapters)
    except ReplayError as error:
        return str(error)
    return None


def damaged(data: Any, place: tuple[str | int, ...], how: str, other: Any) -> None:
    """Damage a document in one place."""
    *way, last = place
    inner = data
    for step in way:
        inner = inner[step]
    match how:
        case "put":
            inner[last] = deepcopy(other)
        case "remove":
            del inner[last]
        case "repeat":
            inner[last] = [inner[last]] * 200
        case "wrap":
            inner[last] = {"data": inner[last]}


@pytest.mark.parametrize(
    "made",
    [whole, lambda: report_of("batteries/charge_controller_on_a_dongle")],
    ids=["diagnostics", "failed set-up"],
)
def test_damage_anywhere(made: Callable[[], dict[str, Any]]) -> None:
    """One or several places are damaged: no error but the one that tells the place comes."""
    text = json.dumps(made())
    everywhere = [place for place in places(json.loads(text)) if place]

    @settings(max_examples=150, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(everywhere),
                st.sampled_from(("put", "put", "remove", "repeat", "wrap")),
                st.sampled_from(HARM),
            ),
            min_size=1,
            max_size=3,
        )
    )
    def spoiled(damages: list[tuple[tuple[str | int, ...], str, Any]]) -> None:
        data = json.loads(text)
        for number, (place, how, other) in enumerate(damages):
            if how == "repeat" and number:
                # What is repeated again and again is too large for a file.
                continue
            # An earlier damage may have taken the place away.
            try:
                damaged(data, place, how, other)
            except LookupError, TypeError:
                continue
        refusal = used(json.dumps(data))
        if refusal is not None:
            assert refusal.isprintable()
            assert len(refusal) < 500
            assert PLACED.match(refusal) or refusal == "not usable: nested too deeply"

    spoiled()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 37_000), st.integers(0, 50), st.binary(max_size=8))
def test_bytes_that_are_lost_or_changed(at: int, lost: int, instead: bytes) -> None:
    """A file that was cut or overwritten is read or refused."""
    content = bytearray(json.dumps(whole()).encode())
    content[at : at + lost] = instead
    assert used(content.decode(errors="replace")) != ""


def many_looks() -> dict[str, Any]:
    """Return a timeline of looks that cost two dozen characters each."""
    report = whole()
    (adapter,) = report["bluetooth_health"]["adapters"]
    part = adapter["timeline"][0]
    look = next(each for each in part["entries"] if each["kind"] == "look")
    part["entries"] = [look, *[{"kind": "look"}] * 390]
    again = {"state": None, "entries": part["entries"]}
    adapter["timeline"] = [part, *[again] * 150]
    return report


def large_looks() -> dict[str, Any]:
    """Return a timeline of as many looks as are allowed, at more links than anybody has."""
    report = many_looks()
    (adapter,) = report["bluetooth_health"]["adapters"]
    sample = adapter["timeline"][0]["entries"][0]["sample"]
    sample["links"] = sample["links"] * 40
    adapter["timeline"] = adapter["timeline"][:2]
    return report


def many_replies() -> dict[str, Any]:
    """Return exchanges that are as many and as long as is allowed."""
    report = whole()
    link = report["links"][0]
    exchange = link["recording"]["answers"]["48"][0]["exchanges"][0]
    exchange["replies"] = [[0.1, "ff" * 500]] * 200
    link["recording"]["answers"]["48"][0]["exchanges"] = [exchange] * 3
    return report


@pytest.mark.parametrize("made", [many_looks, large_looks, many_replies])
def test_it_is_soon_over(made: Callable[[], dict[str, Any]]) -> None:
    """However much is asked for, time and memory are bounded."""
    text = json.dumps(made())
    assert len(text) < MAX_FILE_BYTES
    tracemalloc.start()
    began = process_time()
    refusal = used(text)
    seconds = process_time() - began
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refusal is None or f"must have at most {MAX_LOOKS} looks" in refusal
    assert seconds < SECONDS
    assert most < BYTES


def test_a_file_of_fifty_megabytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No more of it is read than a file may have."""
    file = tmp_path / "file.json"
    with file.open("wb") as large:
        large.write(b'{"kind": "diagnostics", "links": [')
        large.truncate(50_000_000)
    tracemalloc.start()
    assert main([str(file)]) == EXIT_UNUSABLE
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert f"larger than {MAX_FILE_BYTES} bytes" in capsys.readouterr().err
    assert most < 3 * MAX_FILE_BYTES
