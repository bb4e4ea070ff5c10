"""Diagnostics tell everything but who and where."""

import json
from typing import Any

from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.banks import bank_entry, link_settings, next_poll, set_up
from tests.fake_air import DONGLE, DONGLE_NAME, FakeAir
from tests.renogy.fake_link import four_batteries

SERIAL = "22RBH4A051020000"


def assert_anonymous(diagnostics: Any) -> None:
    """Check that neither addresses nor names nor serial numbers are told, not even in hex."""
    text = json.dumps(diagnostics).lower()
    for secret in (
        DONGLE,
        DONGLE.replace(":", ""),
        DONGLE_NAME,
        SERIAL,
        SERIAL.encode().hex(),
    ):
        assert secret.lower() not in text


async def test_diagnostics_of_a_bank(
    hass: HomeAssistant, air: FakeAir, hass_client: ClientSessionGenerator
) -> None:
    """Readings, failures, statistics and the plans of each link are there."""
    await async_setup_component(hass, "diagnostics", {})
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    del link.units[50]
    await next_poll(hass)
    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert_anonymous(diagnostics)
    assert diagnostics["state"] == "loaded"
    assert diagnostics["options"] == {"wiring": "parallel", "update_interval": 60}
    assert diagnostics["last_update_success"] is True
    (stored,) = diagnostics["stored_links"]
    assert stored["units"][0] == {"unit": 48, "model": "RBT50LFP48S", "cells": 15}
    (told,) = diagnostics["links"]
    assert told["last_error"] is None
    assert told["last_poll"]["requests"] > 0
    assert told["last_poll"]["seconds"] > 0
    assert told["client"]["units"].keys() == {"48", "49", "50", "51"}
    failures = {battery["unit"]: battery["failure"] for battery in told["batteries"]}
    assert failures == {48: None, 49: None, 50: "silent", 51: None}
    first, _, silent, _ = told["batteries"]
    assert first["reading"]["voltage"] == 52.4
    assert first["identity"]["model"] == "RBT50LFP48S"
    assert first["identity"]["serial_number"] == "**REDACTED**"
    assert first["configuration"]["cell_over_voltage"] == 3.7
    assert first["link_quality"] == 100
    assert silent["position"] == 3
    assert silent["reading"] is None
    assert silent["link_quality"] == 50


async def test_diagnostics_of_a_bank_that_lost_its_link(
    hass: HomeAssistant, air: FakeAir, hass_client: ClientSessionGenerator
) -> None:
    """The reason of a failure is told without the name and address in it."""
    await async_setup_component(hass, "diagnostics", {})
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    link.unreachable = f"{DONGLE_NAME} ({DONGLE}): abort-by-local"
    await next_poll(hass)
    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert_anonymous(diagnostics)
    assert diagnostics["last_update_success"] is False
    assert "abort-by-local" in diagnostics["last_exception"]
    assert "abort-by-local" in diagnostics["links"][0]["last_error"]


async def test_diagnostics_of_a_bank_that_waits(
    hass: HomeAssistant, air: FakeAir, hass_client: ClientSessionGenerator
) -> None:
    """A bank that could not be set up tells what is stored, and why it waits."""
    await async_setup_component(hass, "diagnostics", {})
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert_anonymous(diagnostics)
    assert "never seen" in diagnostics["reason"]
    assert "links" not in diagnostics
