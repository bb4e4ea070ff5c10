# SPDX-License-Identifier: Apache-2.0
"""Checks every step that a flow shows against the English translation."""

from collections.abc import Iterable, Mapping
import json
from pathlib import Path
import string
from typing import Any

import pytest

import custom_components.renogy_bt
from custom_components.renogy_bt.const import DOMAIN
from homeassistant.components.repairs.issue_handler import RepairsFlowManager
from homeassistant.config_entries import (
    ConfigEntriesFlowManager,
    ConfigSubentryFlowManager,
    OptionsFlowManager,
)
from homeassistant.data_entry_flow import (
    FlowManager,
    FlowResultType,
    section as Section,
)
from homeassistant.helpers import issue_registry as ir

PACKAGE = Path(custom_components.renogy_bt.__path__[0])
ENGLISH: dict[str, Any] = json.loads(
    (PACKAGE / "translations" / "en.json").read_text(encoding="utf-8")
)


ANY_ADAPTER_ISSUE = "adapter_connects_failing"
"""The dialogue of this one offers every step."""


def placeholders(text: str) -> set[str]:
    """Return the names of the placeholders in a translation."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def _section(flow: Any, manager: FlowManager[Any, Any, Any]) -> Mapping[str, Any]:
    section: Mapping[str, Any]
    match manager:
        case ConfigEntriesFlowManager():
            section = ENGLISH["config"]
        case ConfigSubentryFlowManager():
            section = ENGLISH["config_subentries"][flow.handler[1]]
        case OptionsFlowManager():
            section = ENGLISH["options"]
        case RepairsFlowManager():
            issue = ir.async_get(flow.hass).async_get_issue(flow.handler, flow.issue_id)
            # The issue may be over while its dialogue is still open. The id of an adapter's issue
            # does not tell its text then, but all of them have the same steps.
            key = issue.translation_key if issue else flow.issue_id.rpartition("_")[0]
            texts = ENGLISH["issues"].get(key) or ENGLISH["issues"][ANY_ADAPTER_ISSUE]
            section = texts["fix_flow"]
        case _:
            raise AssertionError(f"no translations for {manager}")
    return section


def texts_of(tree: Any) -> Iterable[str]:
    """Yield every text in a part of the translation."""
    if isinstance(tree, str):
        yield tree
    else:
        for value in tree.values():
            yield from texts_of(value)


def _texts_of_fields(step: Mapping[str, Any], schema: Any) -> Iterable[str]:
    """Yield the texts of a form's fields, and of its sections with theirs."""
    for key, field in schema.schema.items() if schema else ():
        if isinstance(field, Section):
            texts = step["sections"][str(key)]
            yield from (texts["name"], texts["description"])
            yield from _texts_of_fields(texts, field.schema)
        else:
            yield step["data"][str(key)]
            yield step["data_description"][str(key)]


def _check(section: Mapping[str, Any], step_id: str, result: Mapping[str, Any]) -> None:
    texts: list[str] = []
    match result["type"]:
        case FlowResultType.FORM:
            step = section["step"][step_id]
            # A form may ask less than it can, its text must make sense then too.
            texts += [
                text for key, text in step.items() if key in {"title", "description"}
            ]
            texts += _texts_of_fields(step, result["data_schema"])
            texts += [
                section["error"][error] for error in (result["errors"] or {}).values()
            ]
        case FlowResultType.MENU:
            step = section["step"][step_id]
            texts += [step["title"], step["description"]]
            texts += [step["menu_options"][option] for option in result["menu_options"]]
        case FlowResultType.SHOW_PROGRESS:
            texts.append(section["progress"][result["progress_action"]])
        case FlowResultType.ABORT if not result.get("translation_domain"):
            texts.append(section["abort"][result["reason"]])
    given = (result.get("description_placeholders") or {}).keys()
    for text in texts:
        assert placeholders(text) <= given, f"{step_id}: {text}"


@pytest.fixture
def translated_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test when a flow shows something that the translation does not have."""
    handle_step = FlowManager._async_handle_step

    async def checked(
        self: FlowManager[Any, Any, Any], flow: Any, step_id: str, user_input: Any
    ) -> Any:
        result = await handle_step(self, flow, step_id, user_input)
        domain = flow.__class__.__module__.split(".")[1]
        if domain == DOMAIN:
            _check(_section(flow, self), result.get("step_id", step_id), result)
        return result

    monkeypatch.setattr(FlowManager, "_async_handle_step", checked)
