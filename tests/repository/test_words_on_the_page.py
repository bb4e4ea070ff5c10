# SPDX-License-Identifier: Apache-2.0
"""Texts name buttons, menus and entities by the words that are on the page."""

from collections.abc import Iterator
from functools import cache
import json
from pathlib import Path
import re
from typing import Any

import hass_frontend
import pytest

from tests.repository import INTEGRATION, ROOT
from tests.translation_check import ENGLISH

SUBMIT = "ui.panel.config.integrations.config_flow.submit"
LANGUAGES = sorted(path.stem for path in (INTEGRATION / "translations").glob("*.json"))


@cache
def frontend(language: str) -> dict[str, str]:
    """Return the words of the frontend's page of integrations and notices."""
    folder = Path(hass_frontend.__file__).parent / "static" / "translations" / "config"
    (path,) = (
        path
        for path in folder.glob(f"{language}-*.json")
        if re.fullmatch(rf"{language}-[0-9a-f]{{32}}\.json", path.name)
    )
    words: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return words


def texts(node: Any) -> Iterator[str]:
    """Yield every text of a translation, in its order."""
    if isinstance(node, str):
        yield node
    else:
        for each in node.values():
            yield from texts(each)


def bold(text: str) -> set[str]:
    """Return what a text shows as words of the page."""
    return set(re.findall(r"\*\*(.+?)\*\*", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_button_of_the_dialogues(language: str) -> None:
    """Who is told to press the button finds it: its word is the frontend's own."""
    path = INTEGRATION / "translations" / f"{language}.json"
    translated = json.loads(path.read_text(encoding="utf-8"))
    ours, english = (
        list(texts(document["issues"])) for document in (translated, ENGLISH)
    )
    button = frontend("en")[SUBMIT]
    told = [
        text
        for text, original in zip(ours, english, strict=True)
        if button in bold(original)
    ]
    assert told
    for text in told:
        assert frontend(language)[SUBMIT] in bold(text)


def test_readme_names_what_there_is() -> None:
    """What the README sets in bold beside "select" is on the page: ours, or the frontend's."""
    known = {*texts(ENGLISH), *texts(frontend("en"))}
    # Of HACS, and of the page of the actions.
    elsewhere = {"Custom repositories", "Perform action"}
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    named = set(re.findall(r"\b[Ss]elect (?:\[)?\*\*([^*>]+?)\*\*", text))
    assert named
    assert named - known - elsewhere == set()
