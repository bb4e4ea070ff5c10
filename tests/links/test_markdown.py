# SPDX-License-Identifier: Apache-2.0
"""Text from the air: shown as it is, never as an image, a link or a line of its own."""

import re

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.flows.link import battery_rows
from custom_components.renogy_bt.links.markdown import escaped
from custom_components.renogy_bt.renogy.families import local_name
from custom_components.renogy_bt.renogy.models import FoundBattery

HOSTILE = (
    *("![x](//host/p)", "[x](http://host)", "<img src=//host/p>", "`code`", "a|b"),
    *("https://host/p", "www.host.org", "# head", "**bold**", "a_b_c", "~~x~~", "&lt;"),
)


def shown(text: str) -> str:
    """Return what is shown of a text in which characters are escaped."""
    return re.sub(r"\\(.)", r"\1", text).replace("\\//", "//")


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_begins_anything(text: str) -> None:
    """Each character that Markdown knows is taken for itself."""
    made = escaped(text)
    assert not re.search(r"(?<!\\)[`*_\[\]<>|!#~&]", made)
    assert "://" not in made
    assert not re.search(r"www\.", made)
    assert shown(made) == text


@given(text=st.text(max_size=600))
def test_whatever_is_told(text: str) -> None:
    """It is one line, has a bound, and nothing but what can be printed is left out."""
    made = escaped(text)
    assert made.isprintable() and len(made) <= 2 * 300
    assert shown(made) == "".join(filter(str.isprintable, text))[:300]


@pytest.mark.parametrize("name", ["BT-TH-FDA1B2C3", "RNGRBP 12 (left)", "Accu 1"])
def test_usual_names_stay_as_they_are(name: str) -> None:
    """Nobody sees a backslash in a name that means no harm."""
    assert escaped(name) == name
    assert local_name(name) == name


@given(name=st.text(max_size=400))
def test_names_can_be_printed(name: str) -> None:
    """A name moves no cursor, breaks no line of the log, and is no longer than one can be."""
    told = local_name(name)
    assert told is None or (told.isprintable() and 1 <= len(told) <= 248)


def test_a_model_stays_in_its_cell() -> None:
    """A table of batteries has a row for each, whatever they tell."""
    model = "|![x](//h/p)|"
    rows = battery_rows([FoundBattery(unit=48, model=model, cells=4)], [48])
    assert len(re.findall(r"(?<!\\)\|", rows)) == 8
    assert "![x]" not in rows
