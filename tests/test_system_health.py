# SPDX-License-Identifier: Apache-2.0
"""What the system health page says of the integration."""

from datetime import datetime
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import get_system_health_info

from custom_components.renogy_bt.adapter_health.history import AdapterHistory
from custom_components.renogy_bt.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.banks import bank_entry, link_of, link_settings, next_poll, set_up
from tests.fake_air import FakeAir
from tests.fake_supervisor import (
    OTHER_ADAPTER,
    FakeAdapters,
    adapter_status,
    faulty_status,
)
from tests.renogy.fake_link import FakeLink, four_batteries, rbt50lfp48s
from tests.translation_check import ENGLISH

OTHER = "60:98:66:ED:FC:11"
OTHER_NAME = "BT-TH-66EDFC11"


@pytest.fixture(autouse=True)
async def integration(hass: HomeAssistant, air: FakeAir) -> None:
    """Set the integration and the system health page up."""
    assert await async_setup_component(hass, "system_health", {})
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()


async def info_of(hass: HomeAssistant) -> dict[str, Any]:
    """Return what the page shows; all of it has a name."""
    info: dict[str, Any] = await get_system_health_info(hass, DOMAIN)
    assert info.keys() == ENGLISH["system_health"]["info"].keys()
    return info


async def test_without_a_bank(hass: HomeAssistant) -> None:
    """Without any bank there is nothing to tell, and nothing fails."""
    assert await info_of(hass) == {
        "links": 0,
        "links_paused": 0,
        "batteries": 0,
        "batteries_responding": 0,
        "refused_readings": 0,
        "last_poll": None,
        "dbus": None,
        "adapters": "",
        "recoveries": 0,
        "done_without": "",
    }


async def test_two_banks(
    hass: HomeAssistant, air: FakeAir, adapters: FakeAdapters
) -> None:
    """Banks and adapters are added up; a bank that lost its link has no battery responding."""
    link = air.bring(four_batteries())
    lost = air.bring(FakeLink({48: rbt50lfp48s()}), OTHER, OTHER_NAME)
    first = bank_entry(link_settings())
    second = bank_entry(link_settings(OTHER, OTHER_NAME, (48,)))
    await set_up(hass, first)
    await set_up(hass, second)
    adapters.show(
        adapter_status(history=AdapterHistory(recoveries=2)),
        faulty_status(
            address=OTHER_ADAPTER, name=None, history=AdapterHistory(recoveries=1)
        ),
    )
    info = await info_of(hass)
    polled_at = info.pop("last_poll")
    assert isinstance(polled_at, datetime)
    assert polled_at == link_of(second, OTHER).polled_at
    assert info == {
        "links": 2,
        "links_paused": 0,
        "batteries": 5,
        "batteries_responding": 5,
        "refused_readings": 0,
        "dbus": None,
        "adapters": f"hci0: Working, {OTHER_ADAPTER}: Hears nothing",
        "recoveries": 3,
        "done_without": "",
    }
    link.units.pop(50)
    lost.unreachable = "abort-by-local"
    await next_poll(hass)
    assert (await info_of(hass))["batteries_responding"] == 3
    await link_of(second, OTHER).async_set_polling(False)
    assert (await info_of(hass))["links_paused"] == 1


async def test_refused_readings(hass: HomeAssistant, air: FakeAir) -> None:
    """They are counted over all links, and what cannot be true is said in words."""
    link = air.bring(FakeLink({48: rbt50lfp48s(), 49: rbt50lfp48s()}))
    await set_up(hass, bank_entry(link_settings(units=(48, 49))))
    link.units[49].put(5043, [300])
    await next_poll(hass)
    await next_poll(hass)
    told = (await info_of(hass))["refused_readings"]
    assert told == "2 (Voltage, which is not the sum of the cell voltages: 2)"
