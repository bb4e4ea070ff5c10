# SPDX-License-Identifier: Apache-2.0
"""Tests of files of the first release, which had no recorder: they are read, whatever state they tell of."""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

import pytest

from .__main__ import document, timelines
from .comparison import compare
from .field_report import Diagnostics
from .reading import parse_report
from .world import checked_world, world_of

FILE = Path(__file__).parent / "files" / "diagnostics_0_1_0.json"


def of_bank(data: dict[str, Any]) -> dict[str, Any]:
    """Return the diagnostics of the bank as they were downloaded."""
    return data


def of_bank_that_is_not_set_up(data: dict[str, Any]) -> dict[str, Any]:
    """Return what they tell before anything was read."""
    return {key: data[key] for key in ("state", "stored_links", "bluetooth_health")}


def of_device(data: dict[str, Any]) -> dict[str, Any]:
    """Return the diagnostics of its dongle."""
    return {"stored_link": data["stored_links"][0], "link": data["links"][0]}


def of_silent_bank(data: dict[str, Any]) -> dict[str, Any]:
    """Return what they tell while nothing answers."""
    for battery in data["links"][0]["batteries"]:
        battery |= {"reading": None, "failure": "silent"}
    return data


def without_frames(data: dict[str, Any]) -> dict[str, Any]:
    """Return what they tell before the first frame was kept."""
    data["links"][0]["client"]["units"] = {}
    return data


@pytest.mark.parametrize(
    ("made", "values", "verdicts"),
    [
        (of_bank, 184, 1),
        (of_bank_that_is_not_set_up, 0, 1),
        (of_device, 184, 0),
        (of_silent_bank, 0, 1),
        (without_frames, 184, 1),
    ],
)
def test_what_the_first_release_told(
    made: Callable[[dict[str, Any]], dict[str, Any]], values: int, verdicts: int
) -> None:
    """Nothing is an error: what no file of it holds is impossible to tell."""
    told = made(json.loads(FILE.read_text(encoding="utf-8"))["data"])
    report = parse_report(json.dumps({"home_assistant": {}, "data": told}))
    assert isinstance(report, Diagnostics)
    checked_world(world_of(report))
    adapters = timelines(report)
    assert document(compare(report, None, None), adapters)["values"] == {
        "same": 0,
        "different": 0,
        "unknown": values,
    }
    assert [each.now for each in adapters.verdicts] == [None] * verdicts
    assert not adapters.differs
