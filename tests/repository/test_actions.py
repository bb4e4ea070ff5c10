# SPDX-License-Identifier: Apache-2.0
"""The actions: what is registered, what services.yaml describes, and what has texts and icons."""

import json
from typing import Any

import probatio
import pytest

from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.renogy.modbus import MAX_WORDS
from custom_components.renogy_bt.renogy.registers import REGISTER_RANGE
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import validate_selector
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
from tests.repository import INTEGRATION
from tests.translation_check import ENGLISH

DESCRIBED = load_yaml_dict(str(INTEGRATION / "services.yaml"))
ICONS = json.loads((INTEGRATION / "icons.json").read_text(encoding="utf-8"))
FIELD_KEYS = {"default", "example", "required", "selector"}


def fields(action: str) -> dict[str, Any]:
    """Return the fields of an action as services.yaml describes them."""
    described: dict[str, Any] = DESCRIBED[action].get("fields", {})
    return described


@pytest.mark.usefixtures("air")
async def test_every_action_is_described(hass: HomeAssistant) -> None:
    """What is registered is what is described, with the same fields, a text and an icon."""
    assert await async_setup_component(hass, DOMAIN, {})
    registered = hass.services.async_services_for_domain(DOMAIN)
    assert registered.keys() == DESCRIBED.keys()
    assert registered.keys() == ENGLISH["services"].keys()
    assert registered.keys() == ICONS["services"].keys()
    for name, service in registered.items():
        schema = service.schema
        assert isinstance(schema, probatio.Schema)
        taken = {str(key) for key in schema.schema}
        assert (
            taken == fields(name).keys() == ENGLISH["services"][name]["fields"].keys()
        )


@pytest.mark.parametrize("action", DESCRIBED)
def test_fields_can_be_shown(action: str) -> None:
    """Every field has a selector that Home Assistant knows, with a text for each option."""
    assert DESCRIBED[action].keys() <= {"fields", "target"}
    for field in fields(action).values():
        assert field.keys() <= FIELD_KEYS
        validate_selector(field["selector"])
        select = field["selector"].get("select") or {}
        if key := select.get("translation_key"):
            assert set(select["options"]) == ENGLISH["selector"][key]["options"].keys()


def test_registers_that_can_be_chosen() -> None:
    """The form offers the registers of the map, as many as fit into a reply."""
    offered = {
        name: (field["selector"]["number"]["min"], field["selector"]["number"]["max"])
        for name, field in fields("read_registers").items()
        if "number" in field["selector"]
    }
    assert offered == {
        "address": (REGISTER_RANGE[0], REGISTER_RANGE[-1]),
        "count": (1, MAX_WORDS),
    }


@pytest.mark.parametrize("action", DESCRIBED)
def test_icons_are_of_the_known_kind(action: str) -> None:
    """An action's icon is one of Material Design's."""
    assert ICONS["services"][action].keys() == {"service"}
    assert ICONS["services"][action]["service"].startswith("mdi:")
