# SPDX-License-Identifier: Apache-2.0
"""The makers' other devices are refused by their names."""

import pytest

from homeassistant.core import HomeAssistant
from tests.banks import settle
from tests.fake_air import FakeAir
from tests.flows.walk import add_integration, discovery_flows

from .cases import cases_with

ADDRESS = "4C:E1:74:00:00:21"
CASES = [
    pytest.param(name, case["expect"]["refused"], id=name)
    for case in cases_with("expect", "refused").values()
    for name in case["link"]["names"]
]


@pytest.mark.usefixtures("translated_flows")
@pytest.mark.parametrize(("name", "reason"), CASES)
async def test_a_device_of_another_kind(
    hass: HomeAssistant, air: FakeAir, name: str, reason: str
) -> None:
    """It is not discovered, though it spells its address; who picks it is told what it is."""
    data = {0xE14C: bytes.fromhex("74000021")}
    air.advertise(ADDRESS, name, manufacturer_data=data)
    await settle(hass)
    assert discovery_flows(hass) == []
    flow = await add_integration(hass)
    await flow.submit(address=ADDRESS)
    assert flow.expect_abort(reason)["name"] == name
    assert air.attempts == []
