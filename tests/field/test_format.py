# SPDX-License-Identifier: Apache-2.0
"""Every case has the one format of its kind, as the page of this folder describes it."""

from collections.abc import Iterator, Set as AbstractSet
import json
from typing import Any

import pytest

from tests.repository.test_documentation import rows, section

from .cases import FOLDER, cases

KINDS = ("batteries", "adapters")
EVIDENCE = {"capture", "dump", "values", "variation", "world"}
README = (FOLDER / "README.md").read_text(encoding="utf-8")
# What a case is tested by; test_values.py goes by the polls.
EXPECTATIONS = {
    "batteries": {
        *("polls", "expect.characteristics", "expect.set_up", "expect.refused"),
        *("expect.values", "expect.outcome"),
    },
    "adapters": {"expect.verdicts"},
}


def documented(kind: str) -> set[str]:
    """Return the places that the page names for a kind of case."""
    tables = README.partition("\n## ")[0], section(README, kind.capitalize())
    return {row[0].strip("`") for text in tables for row in rows(text)}


def told(value: Any, known: AbstractSet[str], path: str = "") -> Iterator[str]:
    """Yield the places of a case, down to those below which nothing is documented."""
    if path:
        yield path
    inner = f"{path}." if path else ""
    if not any(each.startswith(inner) and each != inner for each in known):
        return
    if f"{inner}*" in known or any(each.startswith(f"{inner}*.") for each in known):
        for each in value.values() if isinstance(value, dict) else value:
            yield from told(each, known, f"{inner}*")
    else:
        for key, each in value.items():
            yield from told(each, known, inner + key)


@pytest.mark.parametrize("kind", KINDS)
def test_every_case_is_as_the_page_says(kind: str) -> None:
    """It has nothing that the page does not name, one input, and something that is right."""
    known = documented(kind)
    used: set[str] = set()
    for name, case in cases(kind).items():
        places = {each for each in told(case, known) if not each.endswith("*")}
        assert places <= known, name
        assert {"reports", "title", "evidence", "model"} <= places, name
        assert case["evidence"] in EVIDENCE, name
        assert len(places & {"link", "report"}) == 1, name
        assert places & EXPECTATIONS[kind], name
        used |= places
    assert used == known


def test_there_is_nothing_else() -> None:
    """Every file with a case is in one of the two folders."""
    found = {path.parent.name for path in FOLDER.rglob("*.json")}
    assert found == {*KINDS}


@pytest.mark.parametrize(
    "wrong",
    [
        {"mac": "6C:B2:FD:00:00:01"},
        {"link": {"unit": {}}},
        {"link": {"units": {"48": {"register": {}}}}},
        {"polls": [{"after": 1}]},
        {"expect": {"value": {}}},
    ],
    ids=json.dumps,
)
def test_what_the_page_does_not_name(wrong: dict[str, Any]) -> None:
    """A misspelt key is found wherever it stands."""
    known = documented("batteries")
    assert not {each for each in told(wrong, known) if not each.endswith("*")} <= known
