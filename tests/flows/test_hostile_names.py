# SPDX-License-Identifier: Apache-2.0
"""Names, models and reasons from the air, in every dialogue and notice: shown as text, and cut."""

import ast
from collections.abc import Iterator, Mapping
import json
from pathlib import Path
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowManager
from homeassistant.helpers import issue_registry as ir
from tests.banks import bank_entry, link_settings, next_poll, set_up, settle
from tests.fake_air import DONGLE, FakeAir
from tests.flows.walk import add_integration, discovered, reconfigure_link
from tests.renogy.fake_link import FakeLink, rbt50lfp48s, text_words
from tests.translation_check import PACKAGE, placeholders, texts_of

pytestmark = pytest.mark.usefixtures("translated_flows")

NAME = "BT-TH-![x](//host/p)<img src=//h>\u202e`*_\x1b[31m| www.h.org " + "A" * 200
MODEL = "![x](//a.bc/d)|`"
REASON = f"le-connection-abort ({NAME})\n# head {MODEL}" + "z" * 5000

# As documented, not as the code has it.
LONGEST = 300

# Markdown of our own, links of our own.
TABLES = {"batteries", "values"}
URLS = {"issue_url", "reports_url", "report_url"}
# What each placeholder is: from the air, the bus or another library, or our own.
FOREIGN = {
    *("adapter", "battery", "device", "link", "model", "model_before", "name"),
    *("place", "reason"),
}
OWN = {
    *("adapters", "address", "bank", "batteries", "capacity", "capacity_before"),
    *("all", "counted", "day", "host_log", "hour", "hours", "minute", "month"),
    *("restart_service", "unblock", "year"),
    *("alarm", "carried", "cell", "cells", "cells_before", "content", "count"),
    *("days", "detail", "millivolts", "numbers"),
    *("fair", "file", "first", "highest", "last", "limit", "lowest", "minutes"),
    *("new", "news", "number", "others", "positions", "resistance", "seconds"),
    *("serial", "serial_before"),
    *("silent", "since", "spread", "step", "steps", "strength", "values", *URLS),
}
# What begins a picture, a link, code, a table or emphasis.
BEGINS = re.compile(r"(?<!\\)[`*_\[\]<>|!#~&]|(?<=:)//")


def check_text(key: str, text: str) -> None:
    """Fail where a text that is shown as Markdown begins anything, or may be of any length."""
    if key in URLS:
        return
    for line in text.split("\n") if key in TABLES else [text]:
        assert line.isprintable(), key
        assert len(line) <= 2 * LONGEST, key
        plain = line.replace("\\\\", "")
        if key in TABLES:
            plain = re.sub(r"(?<!\\)\|", "", plain)
        assert not BEGINS.search(plain), (key, line)


def labels(schema: Any) -> Iterator[str]:
    """Yield the labels of the choices in a form."""
    for field in getattr(schema, "schema", {}).values():
        for option in getattr(field, "config", {}).get("options", ()):
            if isinstance(option, dict):
                yield option["label"]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Check what every step of a flow and every notice says; return which they were."""
    found: set[str] = set()
    handle_step = FlowManager._async_handle_step
    create_issue = ir.async_create_issue

    async def checked(
        self: FlowManager[Any, Any, Any], flow: Any, step_id: str, given: Any
    ) -> Any:
        result = await handle_step(self, flow, step_id, given)
        told: Mapping[str, str] = result.get("description_placeholders") or {}
        for key, text in told.items():
            check_text(key, text)
        for label in labels(result.get("data_schema")):
            assert label.isprintable() and len(label) <= 160
        titles = getattr(flow, "context", {}).get("title_placeholders", {})
        for title in titles.values():
            assert title.isprintable() and len(title) <= 48
        found.add(str(result.get("step_id") or result.get("reason")))
        return result

    def told(hass: HomeAssistant, domain: str, issue_id: str, **issue: Any) -> None:
        for key, text in (issue.get("translation_placeholders") or {}).items():
            check_text(key, text)
        found.add(issue["translation_key"])
        create_issue(hass, domain, issue_id, **issue)

    monkeypatch.setattr(FlowManager, "_async_handle_step", checked)
    monkeypatch.setattr(ir, "async_create_issue", told)
    return found


@pytest.fixture
def link(air: FakeAir) -> FakeLink:
    """Return a dongle and batteries that mean harm."""
    units = {48: rbt50lfp48s(), 49: rbt50lfp48s()}
    for unit in units.values():
        unit.put(5122, text_words(MODEL, 8))
    return air.bring(FakeLink(units), name=NAME)


async def test_every_step_of_a_discovered_link(
    hass: HomeAssistant, link: FakeLink, seen: set[str]
) -> None:
    """From the card to the bank, with a failure on the way."""
    flow = await discovered(hass)
    link.unreachable = REASON
    await flow.submit()
    flow.expect_form("bluetooth_confirm", "cannot_connect")
    link.unreachable = None
    await flow.submit()
    await flow.submit(wiring="parallel")
    flow.expect_entry()
    assert seen >= {"bluetooth_confirm", "probe", "found"}


async def test_every_step_of_a_picked_link(
    hass: HomeAssistant, air: FakeAir, link: FakeLink, seen: set[str]
) -> None:
    """Beside a bank that is there: the list, the menu of banks and the end."""
    await set_up(hass, bank_entry(link_settings("60:98:66:ED:FC:11", "BT-TH-66EDFC11")))
    flow = await add_integration(hass)
    await flow.submit(address=DONGLE)
    await flow.submit()
    flow.expect_menu("bank")
    await flow.choose("add_to_bank")
    flow.expect_abort("added_to_bank")
    assert seen >= {"pick", "found", "bank", "added_to_bank"}


async def test_every_step_of_a_device_that_is_no_battery(
    hass: HomeAssistant, link: FakeLink, seen: set[str]
) -> None:
    """What it is is said with its name."""
    for unit in link.units.values():
        unit.registers.clear()
        unit.readable = ((10, 30),)
    flow = await discovered(hass)
    await flow.submit()
    assert "refused" in seen or "bluetooth_confirm" in seen


async def test_every_step_of_a_link_that_is_set_up(
    hass: HomeAssistant, link: FakeLink, seen: set[str]
) -> None:
    """Its menu, its connection and the look for batteries."""
    (await discovered(hass)).expect_form("bluetooth_confirm")
    flow = await add_integration(hass)
    await flow.submit(address=DONGLE)
    await flow.submit(wiring="parallel")
    entry = flow.expect_entry()["result"]
    await settle(hass)
    (subentry,) = entry.subentries.values()
    await (await reconfigure_link(hass, entry, subentry)).choose("connection")
    del link.units[49]
    rescan = await (await reconfigure_link(hass, entry, subentry)).choose("rescan")
    await rescan.submit()
    rescan.expect_form("rescanned_silent")
    assert seen >= {"reconfigure", "connection", "rescan", "rescanned_silent"}


async def test_names_in_notices_do_no_harm(
    hass: HomeAssistant, link: FakeLink, seen: set[str]
) -> None:
    """A battery that was replaced by another one, and a link of which nothing can be read."""
    entry = bank_entry(link_settings(name=NAME, units=(48, 49)), title="Battery bank")
    await set_up(hass, entry)
    await next_poll(hass)
    del link.units[49]
    await next_poll(hass)
    link.units[49] = rbt50lfp48s(serial="<img src=//h/p>")
    link.units[49].put(5122, text_words(MODEL[::-1], 8))
    for _ in range(2):
        await next_poll(hass)
    damaged = MockConfigEntry(
        domain=DOMAIN,
        title="Battery bank 2",
        version=1,
        minor_version=3,
        subentries_data=[
            {"data": {}, "subentry_type": "link", "title": NAME, "unique_id": None}
        ],
    )
    await set_up(hass, damaged)
    assert seen >= {"battery_replaced", "damaged_link"}


def _literals() -> Iterator[tuple[str, str, str]]:
    """Yield each placeholder of a notice with what is put in its place, by file."""
    for path in sorted((PACKAGE / "issues").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            for key, value in (
                zip(node.keys, node.values, strict=True)
                if isinstance(node, ast.Dict)
                else ()
            ):
                if isinstance(key, ast.Constant) and key.value in FOREIGN:
                    yield path.name, str(key.value), ast.unparse(value)


def test_what_is_foreign_is_escaped_in_each_notice() -> None:
    """Whoever adds a notice does not forget it."""
    found = list(_literals())
    assert len(found) >= 10
    for file, key, value in found:
        assert re.search(
            r"\b(escaped|battery_name|_name_of|async_in_words)\(", value
        ), (file, key)


@pytest.mark.parametrize("language", ["en", "nl", "de"])
def test_it_is_known_of_each_placeholder_where_its_text_comes_from(
    language: str,
) -> None:
    """A new one is foreign or our own: then the tests above are right about it."""
    path = Path(PACKAGE) / "translations" / f"{language}.json"
    used = {
        name
        for text in texts_of(json.loads(path.read_text(encoding="utf-8")))
        for name in placeholders(text)
    }
    assert used - FOREIGN - OWN == set()
