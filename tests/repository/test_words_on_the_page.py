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

from custom_components.renogy_bt.const import CONF_RESERVE
from custom_components.renogy_bt.links.stored_data import NUMBERS
import homeassistant.components
from homeassistant.util.yaml import load_yaml_dict
from tests.repository import INTEGRATION, ROOT
from tests.translation_check import ENGLISH

from .test_documentation import README, rows, section

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


# What documents for users set in bold though it is no word of a page.
EMPHASISED = {
    *("Not supported", "unavailable", "only reads", "Elsewhere", "report"),
    *("diagnostics", "Charge", "discharge", "full discharge", "alarm", "50", "200"),
    *("What it carries", "What it takes of each change"),
    *("What its cable takes off its voltage", "ten resets", "drops off", "stops"),
    *("An outage that ends by itself is learned", "replaced", "too long"),
    *("not been there since Home Assistant started", "controller did not start"),
    # Of HACS, of the logo of the page, and of the device of an adapter, whose name goes on.
    *("Custom repositories", "Renogy Bluetooth batteries", "Bluetooth adapter"),
}
FOR_USERS = (
    "README.md",
    *(
        f"docs/{name}.md"
        for name in (
            "adapter-health",
            "automations",
            "demo",
            "entities",
            "field-reports",
        )
    ),
)


@cache
def words() -> frozenset[str]:
    """Return the English words of all pages: ours, the frontend's, those of triggers, the blueprints' names."""
    folder = Path(hass_frontend.__file__).parent / "static" / "translations"
    pages = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in folder.glob("**/en-*.json")
        if re.fullmatch(r"en-[0-9a-f]{32}\.json", path.name)
    ]
    components = Path(homeassistant.components.__file__).parent
    for component in ("battery", "event", "notify"):
        path = components / component / "translations" / "en.json"
        pages.append(json.loads(path.read_text(encoding="utf-8")))
    blueprints = [
        load_yaml_dict(str(path))["blueprint"]["name"]
        for path in (ROOT / "blueprints").rglob("*.yaml")
    ]
    known = {each for page in (ENGLISH, *pages) for each in texts(page)}
    # A choice is named by what stands before its explanation, in the middle of a sentence.
    known |= {text.partition(":")[0].lower() for text in texts(ENGLISH["selector"])}
    for name in blueprints:
        short = name.removeprefix("Renogy batteries: ")
        known.add(short[:1].upper() + short[1:])
    return frozenset(known)


def named(text: str) -> Iterator[str]:
    """Yield what a document sets in bold, each place of a path for itself, but for whole sentences."""
    text = " ".join(re.sub(r"```.*?```", "", text, flags=re.DOTALL).split())
    for each in re.findall(r"\*\*(.+?)\*\*(?!\*)", text):
        if not each.endswith((".", ":")):
            yield from each.replace("*n*", "{number}").split(" > ")


@pytest.mark.parametrize("document", FOR_USERS)
def test_documents_name_what_there_is(document: str) -> None:
    """What a document sets in bold is on a page, word for word: ours, or the frontend's."""
    found = set(named((ROOT / document).read_text(encoding="utf-8")))
    assert found - words() - EMPHASISED == set()


def test_what_is_emphasised_is_somewhere() -> None:
    """No exception outlives what it was made for."""
    found = {
        each
        for document in FOR_USERS
        for each in named((ROOT / document).read_text(encoding="utf-8"))
    }
    assert EMPHASISED - found == set()
    assert EMPHASISED & words() <= {"Charge", "Custom repositories"}


def test_readme_quotes_what_is_said() -> None:
    """A symptom in quotation marks is what a notice or a dialogue says, cut where the dots are."""
    said = [re.sub(r"\{\w+\}", "…", each) for each in texts(ENGLISH)]
    symptoms = [cells[0] for cells in rows(section(README, "The batteries"))]
    quoted = [each for text in symptoms for each in re.findall(r'"(.+?)"', text)]
    assert len(quoted) > 15
    for each in quoted:
        parts = [part.strip() for part in each.split("…") if part.strip()]
        pattern = re.compile(".*".join(map(re.escape, parts)))
        assert any(pattern.search(text) for text in said), each


def test_readme_tells_the_limits_of_options() -> None:
    """The default of each number in the options, and how far it goes where that is told."""
    labels = ENGLISH["options"]["step"]["init"]["data"]
    told = {
        cells[0].strip("*"): cells[1]
        for cells in rows(section(README, "Configuration"))
    }
    for key, (default, least, most) in NUMBERS.items():
        text = told[labels[key]]
        assert re.search(rf"\b(usually,? {default}\b|{default}( %)? usually)", text), (
            key
        )
        if limits := re.search(r"(\d+) to (\d+)", text):
            assert (int(limits[1]), int(limits[2])) == (least, most), key
        if limit := re.search(r"at most (\d+)", text):
            assert int(limit[1]) == most, key
        if least == 0 and key != CONF_RESERVE:
            assert re.search(r"\b0 (switches it off|waits for ever)", text), key
