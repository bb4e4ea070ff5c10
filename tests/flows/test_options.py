# SPDX-License-Identifier: Apache-2.0
"""The options of a bank."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import get_schema_suggested_value

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import InvalidData
from tests.banks import bank_entry, bank_state, link_of, link_settings, set_up, settle
from tests.fake_air import FakeAir
from tests.renogy.fake_link import four_batteries

pytestmark = pytest.mark.usefixtures("translated_flows")


async def test_changed_options_are_applied(hass: HomeAssistant, air: FakeAir) -> None:
    """What is set is offered as it is, and takes effect at once."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings(), update_interval=120)
    await set_up(hass, entry)
    assert link_of(entry).update_interval == timedelta(seconds=120)
    assert bank_state(hass, entry, "voltage").state == "52.4"

    flow = await hass.config_entries.options.async_init(entry.entry_id)
    assert flow["data_schema"] is not None
    schema = flow["data_schema"].schema
    assert get_schema_suggested_value(schema, "update_interval") == 120
    assert get_schema_suggested_value(schema, "wiring") == "parallel"
    await hass.config_entries.options.async_configure(
        flow["flow_id"],
        {
            "wiring": "series",
            "update_interval": 30.0,
            "failed_polls": 3.0,
            "silent_hours": 48.0,
            "imbalance_limit": 0.0,
            "reserve": 20.0,
            "full_charge_days": 14.0,
            "recovery": "gentle",
        },
    )
    await settle(hass)
    assert entry.options == {
        "wiring": "series",
        "update_interval": 30,
        "failed_polls": 3,
        "silent_hours": 48,
        "imbalance_limit": 0,
        "reserve": 20,
        "full_charge_days": 14,
        "recovery": "gentle",
    }
    assert link_of(entry).update_interval == timedelta(seconds=30)
    assert bank_state(hass, entry, "voltage").state == "209.6"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("update_interval", 9),
        ("update_interval", 601),
        ("failed_polls", 0),
        ("failed_polls", 11),
        ("silent_hours", -1),
        ("silent_hours", 169),
        ("imbalance_limit", -1),
        ("imbalance_limit", 51),
        ("reserve", -1),
        ("reserve", 91),
        ("full_charge_days", -1),
        ("full_charge_days", 366),
    ],
)
async def test_numbers_have_limits(
    hass: HomeAssistant, air: FakeAir, option: str, value: int
) -> None:
    """An interval that would block the radio, or show values of long ago, is refused."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    flow = await hass.config_entries.options.async_init(entry.entry_id)
    with pytest.raises(InvalidData):
        await hass.config_entries.options.async_configure(
            flow["flow_id"],
            {"wiring": "parallel", "update_interval": 60, option: value},
        )
    assert entry.options["update_interval"] == 60


@pytest.mark.parametrize("stored", [{}, {"failed_polls": 99}, {"failed_polls": "x"}])
async def test_options_of_an_older_version_or_damaged(
    hass: HomeAssistant, air: FakeAir, stored: dict[str, Any]
) -> None:
    """What is stored and cannot be offered is offered as the default, and saved as that."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings(), **stored)
    await set_up(hass, entry)
    flow = await hass.config_entries.options.async_init(entry.entry_id)
    assert flow["data_schema"] is not None
    schema = flow["data_schema"].schema
    assert get_schema_suggested_value(schema, "failed_polls") == 1
    await hass.config_entries.options.async_configure(
        flow["flow_id"], {"wiring": "parallel", "update_interval": 60}
    )
    await settle(hass)
    assert entry.options["failed_polls"] == 1
