# SPDX-License-Identifier: Apache-2.0
"""Links of the field are discovered, and set up as what they are."""

from typing import Any

import pytest

from custom_components.renogy_bt.links.settings import LinkSettings, links_of
from homeassistant.components.bluetooth.manager import HomeAssistantBluetoothManager
from homeassistant.core import HomeAssistant
from tests.banks import battery_state, settle
from tests.fake_air import FakeAir
from tests.flows.walk import discovered
from tests.renogy.fake_link import FakeLink

from .cases import Case, battery, cases_with

CASES = cases_with("expect", "set_up")


def _hear(air: FakeAir, told: Case, heard: dict[str, Any], name: str | None) -> None:
    """Let Home Assistant hear a link; it shows the address where there is no name."""
    air.advertise(
        told["address"],
        name or told["address"],
        manufacturer_data={
            int(company): bytes.fromhex(data)
            for company, data in heard["manufacturer_data"].items()
        },
        service_uuids=heard["services"],
    )


def _assert_states(hass: HomeAssistant, case: Case, link: LinkSettings) -> None:
    for key, expected in case["expect"]["set_up"]["states"].items():
        is_binary = isinstance(expected, bool)
        platform = "binary_sensor" if is_binary else "sensor"
        state = battery_state(hass, key, link.units[0], link.address, platform).state
        assert (state == "on" if is_binary else float(state)) == expected, key


@pytest.mark.usefixtures("translated_flows")
@pytest.mark.parametrize("name", CASES)
async def test_a_link_of_the_field(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It is discovered and set up; its name, family, units and values are right."""
    case = CASES[name]
    told, expected = case["link"], case["expect"]["set_up"]
    heard = told["heard"][-1]

    async def scan(*_: object) -> None:
        if "scan_response" in told:
            _hear(air, told, heard, told["scan_response"])

    monkeypatch.setattr(
        HomeAssistantBluetoothManager, "async_request_active_scan", scan
    )
    air.links[told["address"]] = FakeLink(
        {int(unit): battery(unit, each) for unit, each in told["units"].items()}
    )
    for each in told["heard"]:
        _hear(air, told, each, each["name"])
    flow = await discovered(hass)
    flow.expect_form("bluetooth_confirm")
    await flow.submit(advanced={"unit_ids": told.get("unit_ids", "")})
    flow.expect_form("found")
    await flow.submit(wiring="parallel")
    entry = flow.expect_entry()["result"]
    await settle(hass)
    if "later" in told:
        _hear(air, told, heard, told["later"])
        await settle(hass)
    (link,) = links_of(entry).values()
    assert {
        "name": link.name,
        "family": link.family_key,
        "units": list(link.units),
    } == {key: expected[key] for key in ("name", "family", "units")}
    _assert_states(hass, case, link)
