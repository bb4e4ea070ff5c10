# SPDX-License-Identifier: Apache-2.0
"""The shape of a translation of a custom integration, as hassfest asks for it."""

import re
from typing import Any, Final

import probatio

from homeassistant.helpers import config_validation as cv
from tests.translation_check import placeholders

_KEY: Final = re.compile(r"^(?!.+[_-]{2})(?![_-])[a-z0-9-_]+(?<![_-])$")
_ADDRESS: Final = re.compile(
    r"((ftps?|scp|https?|mqtts?|socket|socks5)://|www\.)", re.IGNORECASE
)


def _key(value: Any) -> str:
    if not isinstance(value, str) or not _KEY.match(value):
        raise probatio.Invalid("not a valid translation key")
    return value


def _text(value: Any) -> str:
    """Refuse what Home Assistant does not show well, or not at all."""
    text = cv.string_with_no_html(value)
    if not text or text != text.strip():
        raise probatio.Invalid("empty, or blanks around the text")
    if _ADDRESS.search(text):
        raise probatio.Invalid("an address, give it as a placeholder")
    if "[%key" in text:
        raise probatio.Invalid("a reference, only the core resolves them")
    if re.search(r"'{\w+}'", text):
        raise probatio.Invalid("a placeholder in single quotes")
    if not all(name.isidentifier() for name in placeholders(text)):
        raise probatio.Invalid("a placeholder that is no identifier")
    return text


def _plain(value: Any) -> str:
    """Refuse a placeholder where Home Assistant fills none in."""
    if placeholders(_text(value)):
        raise probatio.Invalid("a placeholder where there can be none")
    return str(value)


_TEXTS: Final = {_key: _text}
_PLAIN_TEXTS: Final = {_key: _plain}


def _described_fields_exist(step: dict[str, Any]) -> dict[str, Any]:
    if not step.get("data_description", {}).keys() <= step.get("data", {}).keys():
        raise probatio.Invalid("the description of a field that has no name")
    return step


def _flow(*, is_subentry: bool = False) -> probatio.Schema:
    fields: dict[Any, Any] = {
        probatio.Optional("data"): _TEXTS,
        probatio.Optional("data_description"): _TEXTS,
    }
    part: dict[Any, Any] = {
        probatio.Required("name"): _text,
        probatio.Optional("description"): _text,
        **fields,
    }
    step: dict[Any, Any] = {
        probatio.Optional("title"): _text,
        probatio.Optional("description"): _text,
        **fields,
        probatio.Optional("sections"): {
            _key: probatio.All(part, _described_fields_exist)
        },
        probatio.Optional("menu_options"): _TEXTS,
        probatio.Optional("menu_option_descriptions"): _TEXTS,
        probatio.Optional("submit"): _text,
    }
    flow: dict[Any, Any] = {
        probatio.Optional("flow_title"): _text,
        probatio.Required("step"): {
            _key: probatio.All(step, _described_fields_exist),
        },
        probatio.Optional("error"): _TEXTS,
        probatio.Optional("abort"): _TEXTS,
        probatio.Optional("progress"): _TEXTS,
        probatio.Optional("create_entry"): _TEXTS,
    }
    if not is_subentry:
        flow[probatio.Optional("initiate_flow")] = {probatio.Required("user"): _text}
    if is_subentry:
        flow[probatio.Required("entry_type")] = _text
        flow[probatio.Required("initiate_flow")] = {
            probatio.Required("user"): _text,
            probatio.Optional("reconfigure"): _text,
        }
    return probatio.Schema(flow)


_ATTRIBUTE: Final = {
    probatio.Optional("name"): _plain,
    probatio.Optional("state"): _PLAIN_TEXTS,
}
_ENTITY: Final = {
    probatio.Required("name"): _text,
    probatio.Optional("state"): _PLAIN_TEXTS,
    probatio.Optional("state_attributes"): {_key: _ATTRIBUTE},
    probatio.Optional("unit_of_measurement"): _plain,
}
_NAMED: Final = {
    probatio.Required("name"): _text,
    probatio.Required("description"): _text,
}
_ISSUE: Final = probatio.Any(
    # One that the user cannot fix here, and one that has a dialogue.
    {probatio.Required("title"): _text, probatio.Required("description"): _text},
    {probatio.Required("title"): _text, probatio.Required("fix_flow"): _flow()},
)

TRANSLATION: Final = probatio.Schema(
    {
        probatio.Required("config"): _flow(),
        probatio.Required("config_subentries"): {cv.slug: _flow(is_subentry=True)},
        probatio.Required("device"): {_key: {probatio.Required("name"): _text}},
        probatio.Required("entity"): {cv.slug: {_key: _ENTITY}},
        probatio.Required("exceptions"): {
            cv.slug: {probatio.Required("message"): _text}
        },
        probatio.Required("issues"): {_key: _ISSUE},
        probatio.Required("options"): _flow(),
        probatio.Required("selector"): {
            cv.slug: {probatio.Required("options"): _TEXTS}
        },
        probatio.Required("services"): {
            _key: {**_NAMED, probatio.Optional("fields"): {_key: _NAMED}}
        },
        probatio.Required("system_health"): {probatio.Required("info"): _TEXTS},
    }
)
