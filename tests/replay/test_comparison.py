# SPDX-License-Identifier: Apache-2.0
"""Tests of the comparison: what is the same, what differs, and what cannot be told."""

from dataclasses import replace
import json
from typing import Any

import pytest

from .__main__ import document
from .comparison import Compared, compare, compare_probe
from .field_report import Diagnostics, ProbeRun, Value
from .reading import parse_report
from .test_reading import diagnostics, failed

ADDRESS = "6C:B2:FD:00:00:01"


def shown(**entities: Value) -> dict[str, Any]:
    """Return what a replay shows of the one battery and its bank."""
    battery = {"link": ADDRESS, "unit": 48, "model": "X", "entities": entities}
    return {"batteries": [battery], "bank": dict(entities)}


def bank(**published: Value) -> Diagnostics:
    """Return diagnostics of a bank in which its battery shows these values."""
    data = diagnostics()
    data["data"]["links"][0]["batteries"][0]["published"] = published
    data["data"]["published"] = published
    report = parse_report(json.dumps(data))
    assert isinstance(report, Diagnostics)
    return report


@pytest.mark.parametrize(
    ("then", "now", "is_same"),
    [
        (52.4, 52.4, True),
        (52.4, 52.40000001, True),
        (52, 52.0, True),
        (52.4, 52.5, False),
        (True, True, True),
        (True, 1.0, False),
        (None, None, True),
        (None, 0.0, False),
        ("idle", "idle", True),
        ("idle", "charging", False),
        (52.4, None, False),
    ],
)
def test_numbers_are_the_same_as_far_as_they_are_shown(
    then: Value, now: Value, is_same: bool
) -> None:
    """Numbers are the same as far as they are shown; unknown is no number."""
    assert Compared("x", then, now).differs is not is_same


@pytest.mark.parametrize(
    ("key", "then", "now", "is_same"),
    [
        ("state_of_charge", 99.684, 99.7, True),
        ("state_of_charge", 99.6, 99.7, False),
        ("voltage", 52.425, 52.4, True),
        ("voltage", 52.5, 52.4, False),
        ("power", -131.04, -131.0, True),
        ("power", -131.1, -131.0, False),
        ("stored_energy", 2.6117208, 2.612, True),
        ("stored_energy", 2.611, 2.612, False),
        ("remaining_capacity", 49.842, 49.843, False),
        ("cell_voltage_spread", 0.1, 0.2, False),
    ],
)
def test_values_of_an_earlier_version(
    key: str, then: float, now: float, is_same: bool
) -> None:
    """It told more digits than are known: those do not count, a whole step does."""
    compared = compare(bank(**{key: then}), shown(**{key: now}), None)
    assert [each.differs for each in compared] == [not is_same] * 2


def of_bank(report: Diagnostics, *shown_units: int) -> dict[str, bool]:
    """Return which of the bank's values can be told, where these batteries are shown."""
    batteries = [
        {"link": ADDRESS, "unit": unit, "model": "X", "entities": {}}
        for unit in shown_units
    ]
    compared = compare(report, {"batteries": batteries, "bank": {}}, None)
    return {each.what: each.is_known for each in compared if "bank" in each.what}


def test_the_bank_is_told_where_it_is_whole() -> None:
    """A battery that cannot be set up again, as it was silent, leaves the bank unknown."""
    report = bank(voltage=52.4, current_spread=1.0)
    told = {"bank.voltage": True, "bank.current_spread": True}
    assert of_bank(report, 48) == told
    assert of_bank(report) == dict.fromkeys(told, False)
    link = report.links[0]
    two = replace(report, links=(link, replace(link, batteries=())))
    assert of_bank(two, 48) == told | {"bank.current_spread": False}


@pytest.mark.parametrize(
    ("failure", "is_known"),
    [("link_lost", False), ("not_polled", True), ("silent", True), (None, True)],
)
def test_a_connection_that_broke(failure: str | None, is_known: bool) -> None:
    """What a battery says that was not read for it cannot be told; one that is silent is again."""
    report = bank(voltage=None)
    (battery,) = report.links[0].batteries
    link = replace(report.links[0], batteries=(replace(battery, failure=failure),))
    (told, _) = compare(replace(report, links=(link,)), shown(voltage=52.4), None)
    assert told.is_known is is_known


def test_the_reserve_of_another_owner() -> None:
    """Whether it is reached is told only where the replay has the same."""
    report = bank(voltage=52.4, reserve_reached=True)
    known = {"bank.voltage": True, "bank.reserve_reached": True}
    assert of_bank(report, 48) == known
    told = of_bank(replace(report, reserve=60), 48)
    assert told == known | {"bank.reserve_reached": False}


def test_a_share_of_a_bank_in_series() -> None:
    """There is none, while a replay takes every bank for parallel: it is told of those only."""
    report = bank(current_share=100.0)
    (told, _) = compare(report, shown(current_share=100.0), None)
    assert told.is_known
    (told, _) = compare(
        replace(report, wiring="series"), shown(current_share=1.0), None
    )
    assert not told.is_known


def test_a_value_that_differs_is_named() -> None:
    """With what it was and what it is, of the battery and of the bank."""
    told = document(
        compare(bank(voltage=52.4, current=1.0), shown(voltage=52.5, current=1.0), None)
    )
    assert told["values"] == {"same": 2, "different": 2, "unknown": 0}
    assert told["differences"][0] == {
        "what": f"{ADDRESS}/48.voltage",
        "then": 52.4,
        "now": 52.5,
    }


def test_what_rests_on_the_past_is_unknown() -> None:
    """Energy was counted over days; no file holds them."""
    values = compare(bank(energy_charged=12.0), shown(energy_charged=0.0), None)
    told = document(values)
    assert told["values"] == {"same": 0, "different": 0, "unknown": 2}


def test_a_set_up_that_fails_now() -> None:
    """It is a difference, even though nothing can be compared."""
    told = document(compare(bank(voltage=52.4), None, "no_answer"))
    assert told["values"] == {"same": 0, "different": 1, "unknown": 2}
    assert told["differences"][0]["now"] == "no_answer"


@pytest.mark.parametrize(
    ("outcome", "refusal", "expected"),
    [
        ("no_answer", "no_answer", (1, 0, 0)),
        ("no_answer", "charge_controller", (0, 1, 0)),
        ("cannot_connect", None, (0, 0, 1)),
    ],
)
def test_the_outcome_of_a_probe(
    outcome: str, refusal: str | None, expected: tuple[int, int, int]
) -> None:
    """It is the same or not; what rests on the radio cannot be told."""
    report = parse_report(json.dumps({**failed(), "outcome": outcome}))
    assert isinstance(report, ProbeRun)
    told = document(compare_probe(report, None, refusal))
    assert tuple(told["values"].values()) == expected


def test_what_a_probe_found() -> None:
    """Each battery is to be found again, as what it is."""
    found = {
        "family": "standard",
        "batteries": [
            {"unit": 48, "model": "X", "cells": 15},
            {"unit": 49, "model": "X", "cells": 15},
        ],
    }
    report = parse_report(
        json.dumps({**failed(), "kind": "probe", "outcome": "found", "found": found})
    )
    assert isinstance(report, ProbeRun)
    told = document(compare_probe(report, shown(), None))
    assert told["values"] == {"same": 2, "different": 1, "unknown": 0}
    assert told["differences"][0]["what"] == f"{ADDRESS}/49.model"
