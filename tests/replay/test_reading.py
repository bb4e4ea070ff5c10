# SPDX-License-Identifier: Apache-2.0
"""Tests of the reading of files from the field: what is in them is hostile."""

from collections.abc import Callable
import contextlib
import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest
import yaml  # type: ignore[import-untyped]

from .errors import ReplayError
from .field_report import Diagnostics, ProbeRun
from .reading import MAX_FILE_BYTES, parse_report, read_report
from .world import checked_world, world_of
from .yaml_text import read_yaml

REQUEST = "300313880035" + "049b"


def exchange() -> dict[str, Any]:
    """Return an exchange as it stands in a file."""
    return {"at": 0.5, "request": REQUEST, "replies": [[0.7, "308302" + "0000"]]}


def failed() -> dict[str, Any]:
    """Return the report of a set-up that failed."""
    return {
        "kind": "failed_set_up",
        "version": 1,
        "outcome": "no_answer",
        "address": "6C:B2:FD:00:00:01",
        "family": "standard",
        "advertisement": {"name": "BT-TH", "name_length": 14},
        "unit_ids": [10],
        "connected_at": 0.1,
        "exchanges": [exchange()],
    }


def diagnostics() -> dict[str, Any]:
    """Return the diagnostics of a bank with one battery, in the frame of a download."""
    return {
        "home_assistant": {"version": "2026.11.0"},
        "data": {
            "kind": "diagnostics",
            "version": 1,
            "options": {"wiring": "parallel"},
            "published": {"voltage": 52.4},
            "links": [
                {
                    "paused": False,
                    "last_update_success": True,
                    "client": {"family": "standard"},
                    "batteries": [
                        {"unit": 48, "failure": None, "published": {"voltage": 52.4}}
                    ],
                    "recording": {
                        "address": "6C:B2:FD:00:00:01",
                        "advertisement": None,
                        "answers": {"48": [{"exchanges": [exchange()]}]},
                        "failing": [],
                    },
                }
            ],
        },
    }


def test_what_is_read() -> None:
    """Both kinds of files are read, and a world can be made of each."""
    report = parse_report(json.dumps(failed()))
    assert isinstance(report, ProbeRun)
    assert (report.outcome, report.unit_ids) == ("no_answer", (10,))
    assert report.link.name == "BT-TH-00000001"
    bank = parse_report(json.dumps(diagnostics()))
    assert isinstance(bank, Diagnostics)
    assert bank.published == {"voltage": 52.4}
    for each in (report, bank):
        (link,) = checked_world(world_of(each)).links
        assert link.address == "6C:B2:FD:00:00:01"


type Spoil = Callable[[dict[str, Any]], None]


def _set(*path: str | int, value: Any) -> Spoil:
    def spoil(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        data[path[-1]] = value

    return spoil


LINK = ("data", "links", 0)
RECORDING = (*LINK, "recording")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_set("data", "kind", value="cake"), "data.kind: must be one of"),
        (_set("data", "kind", value=["diagnostics"]), "data.kind: must be one of"),
        (_set("data", "version", value=2), "data.version: must be 1"),
        (_set("data", "links", value={}), "data.links: must be a list"),
        (_set("data", "links", value=[{}] * 17), "data.links: must have 0 to 16"),
        (_set(*LINK, "client", "family", value="x"), "links[0].client.family"),
        (
            _set(*LINK, "batteries", 0, "unit", value=True),
            "data.links[0].batteries[0].unit: must be an integer",
        ),
        (
            _set(*LINK, "batteries", 0, "published", "voltage", value="../x"),
            "batteries[0].published.voltage: must look like",
        ),
        (
            _set(*LINK, "batteries", 0, "published", value={"../../etc": 1}),
            "published",
        ),
        (
            _set(*LINK, "batteries", 0, "published", "voltage", value=1e99),
            "published.voltage: must be",
        ),
        (_set(*RECORDING, "address", value="x" * 17), "recording.address"),
        (
            _set(*RECORDING, "answers", "48", value=[{"exchanges": "ab"}]),
            "data.links[0].recording.answers.48[0].exchanges: must be a list",
        ),
        (
            _set(
                *(*RECORDING, "answers", "48", 0, "exchanges", 0, "request"),
                value="zz",
            ),
            "exchanges[0].request: must be bytes in hexadecimal",
        ),
        (
            _set(
                *(*RECORDING, "answers", "48", 0, "exchanges", 0, "replies", 0),
                value=[-1, "00"],
            ),
            "exchanges[0].replies[0][0]: must be 0 to",
        ),
        (
            _set(
                *(*RECORDING, "answers", "48", 0, "exchanges", 0, "replies"),
                value=[[0, "00"]] * 513,
            ),
            "exchanges[0].replies: must have",
        ),
        (
            _set(*RECORDING, "advertisement", value={"name": "$(rm)"}),
            "advertisement.name: must look like",
        ),
    ],
)
def test_what_is_refused(spoil: Spoil, message: str) -> None:
    """The place of what is wrong is told, and the reason."""
    data = diagnostics()
    spoil(data)
    with pytest.raises(ReplayError) as refused:
        parse_report(json.dumps(data))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be an object"),
        ("{", "not JSON"),
        ("a: &a {b: 1}\nc: *a", "aliases"),
        ("a: 1\na: 2", "given twice"),
        ("a: !!python/object:os.system {}", "neither JSON nor YAML"),
        ("- " * 2000 + "a", "nested too deeply"),
        ("a: [", "neither JSON nor YAML"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "must be an object"),
        ('{"kind": NaN}', "NaN is not a number"),
        ('{"kind": 1, "kind": 2}', "given twice"),
        ("{}", "kind: must be one of"),
    ],
)
def test_texts_that_are_no_report(text: str, message: str) -> None:
    """Each is refused with a reason."""
    with pytest.raises(ReplayError, match=message):
        parse_report(text)


@pytest.mark.parametrize("made", [failed, diagnostics])
def test_the_response_of_an_action(made: Callable[[], dict[str, Any]]) -> None:
    """Home Assistant shows it as YAML, which says the same."""
    data = made()
    data["at"] = "2026-11-29T06:34:30+00:00"
    data["address_like_a_number"] = "10:20:30:00:00:01"
    data["bytes_like_numbers"] = ["310313e8", "31e10388", "01038899", "31031388"]
    data["numbers"] = [1e-7, -1.5e21, 0.25, -3]
    text = yaml.safe_dump(data)
    assert read_yaml(text) == data
    assert parse_report(text) == parse_report(json.dumps(data))


def test_numbers_as_the_developer_tools_show_them() -> None:
    """They leave the digits behind the point out where there are none."""
    assert read_yaml("a: [1.e-7, -1.5e+21, '1e5', 1e5]") == {
        "a": [1e-7, -1.5e21, "1e5", "1e5"]
    }


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing one, a large one, and one that is no text."""
    path = tmp_path / "file.json"
    with pytest.raises(ReplayError, match="No such file"):
        read_report(path)
    path.write_bytes(b" " * (MAX_FILE_BYTES + 1))
    with pytest.raises(ReplayError, match="larger than"):
        read_report(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ReplayError, match="not UTF-8"):
        read_report(path)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def places(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return every place in a document."""
    inner: list[tuple[str | int, Any]] = []
    if isinstance(data, dict):
        inner = list(data.items())
    elif isinstance(data, list):
        inner = list(enumerate(data))
    return [
        path,
        *(each for key, value in inner for each in places(value, (*path, key))),
    ]


@pytest.mark.parametrize("made", [failed, diagnostics])
def test_anything_anywhere(made: Callable[[], dict[str, Any]]) -> None:
    """Whatever stands in whatever place: it is read or refused, and no other error comes."""
    everywhere = [place for place in places(made()) if place]

    @settings(max_examples=300, deadline=None)
    @given(st.sampled_from(everywhere), ANYTHING)
    def spoiled(place: tuple[str | int, ...], value: Any) -> None:
        data = made()
        _set(*place, value=value)(data)
        with contextlib.suppress(ReplayError):
            checked_world(world_of(parse_report(json.dumps(data))))

    spoiled()
