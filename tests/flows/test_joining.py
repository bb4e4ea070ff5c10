# SPDX-License-Identifier: Apache-2.0
"""Who joins batteries that cannot be in parallel is asked, whichever way it happens."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.links.settings import links_of
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from tests.banks import bank_entry, bank_of, bank_state, link_settings, set_up
from tests.fake_air import DONGLE, FakeAir
from tests.flows.walk import Flow, add_integration, add_link, discovered, rescan_link
from tests.renogy.fake_link import FakeLink, rbt50lfp48s, rbt12100lfp

pytestmark = pytest.mark.usefixtures("translated_flows")

OTHER = "60:98:66:ED:FC:11"
OTHER_NAME = "BT-TH-66EDFC11"
CELLAR = "| Cellar, left | 15 | 48.0 V |"
TWELVE_VOLTS = "| RBT12100LFP | 4 | 12.8 V |"


@pytest.fixture
async def bank(hass: HomeAssistant, air: FakeAir) -> MockConfigEntry:
    """Return a bank of one battery of 48 V that has its owner's name; one of 12 V is in range."""
    air.bring(FakeLink({48: rbt50lfp48s()}))
    entry = bank_entry(link_settings(units=(48,)))
    await set_up(hass, entry)
    registry = dr.async_get(hass)
    device = registry.async_get_device_by_identifier(
        (DOMAIN, f"{DONGLE.lower()}_48"), entry.entry_id
    )
    assert device is not None
    registry.async_update_device(device.id, name_by_user="Cellar, left")
    air.bring(FakeLink({48: rbt12100lfp()}), OTHER, OTHER_NAME)
    return entry


def addresses(entry: MockConfigEntry) -> list[str]:
    """Return the addresses of a bank's links."""
    return [link.address for link in links_of(entry).values()]


async def found(hass: HomeAssistant, bank: MockConfigEntry, way: str) -> Flow:
    """Go on to where the batteries of the other link are joined to the bank."""
    if way == "page of the bank":
        flow = await add_link(hass, bank)
        await flow.submit(address=OTHER)
        return await flow.submit()
    flow = await discovered(hass)
    await flow.submit()
    await flow.submit()
    return await flow.choose("add_to_bank")


@pytest.mark.parametrize("way", ["page of the bank", "discovery"])
async def test_link_of_another_voltage(
    hass: HomeAssistant, bank: MockConfigEntry, way: str
) -> None:
    """All batteries are named with their cells and volts; nothing is changed without a yes."""
    flow = await found(hass, bank, way)
    rows = flow.expect_form("mixed")["batteries"].splitlines()
    assert rows == [CELLAR, TWELVE_VOLTS]
    await flow.submit()
    if way == "discovery":
        assert flow.expect_menu("bank") == ["add_to_bank", "new_bank"]
    else:
        flow.expect_abort("not_joined")
    assert addresses(bank) == [DONGLE]


@pytest.mark.parametrize("way", ["page of the bank", "discovery"])
async def test_link_of_another_voltage_all_the_same(
    hass: HomeAssistant, bank: MockConfigEntry, way: str
) -> None:
    """Who insists has them in one bank, which shows what it can; nothing is asked twice."""
    flow = await found(hass, bank, way)
    await flow.submit(join_anyway=True)
    assert addresses(bank) == [DONGLE, OTHER]
    assert bank_state(hass, bank, "voltage").state == "unknown"
    assert bank_state(hass, bank, "batteries_responding").state == "2"
    assert bank_of(bank).data.summary.stored_energy is not None
    link = next(iter(bank.subentries.values()))
    flow = await rescan_link(hass, bank, link)
    await flow.submit()
    await flow.submit()
    flow.expect_abort("nothing_changed")


async def test_bank_in_series(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """A string may be of different batteries; to have them in parallel is asked about."""
    hass.config_entries.async_update_entry(
        bank, options={**bank.options, "wiring": "series"}
    )
    flow = await found(hass, bank, "page of the bank")
    flow.expect_entry()
    options = Flow(hass, hass.config_entries.options)
    await options.begin(bank.entry_id, "user")
    given = {"wiring": "parallel", "update_interval": 30, "failed_polls": 1}
    await options.submit(**given)
    assert options.expect_form("mixed")["batteries"].splitlines()[0] == CELLAR
    await options.submit()
    options.expect_form("init")
    assert bank.options["wiring"] == "series"
    await options.submit(**given)
    await options.submit(join_anyway=True)
    options.expect_entry()
    assert bank.options["wiring"] == "parallel"
    # Who changes something else of such a bank is not asked again.
    again = await Flow(hass, hass.config_entries.options).begin(bank.entry_id, "user")
    await again.submit(**{**given, "update_interval": 60})
    again.expect_entry()


async def test_new_bank(hass: HomeAssistant, air: FakeAir) -> None:
    """Behind one dongle: the wiring may be chosen again."""
    air.bring(FakeLink({48: rbt50lfp48s(), 49: rbt12100lfp()}))
    flow = await add_integration(hass)
    await flow.submit(address=DONGLE)
    await flow.submit(wiring="parallel")
    rows = flow.expect_form("mixed")["batteries"].splitlines()
    assert rows == ["| RBT50LFP48S 1 | 15 | 48.0 V |", "| RBT12100LFP 2 | 4 | 12.8 V |"]
    await flow.submit(join_anyway=False)
    flow.expect_form("new_bank")
    await flow.submit(wiring="series")
    assert flow.expect_entry()["result"].options["wiring"] == "series"


async def test_rescan_that_finds_another_voltage(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """A battery that somebody has plugged in is asked about before it joins the bank."""
    air.links[DONGLE].units[49] = rbt12100lfp()
    link = next(iter(bank.subentries.values()))
    flow = await rescan_link(hass, bank, link)
    await flow.submit()
    await flow.submit()
    assert len(flow.expect_form("mixed")["batteries"].splitlines()) == 2
    await flow.submit()
    flow.expect_abort("not_joined")
    assert [each.units for each in links_of(bank).values()] == [(48,)]


async def test_batteries_of_15_and_16_cells(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """Both are sold for 48 V: nothing is asked."""
    other = rbt50lfp48s()
    other.put(5000, [16, *[33] * 16])
    air.bring(FakeLink({48: other}), OTHER, OTHER_NAME)
    flow = await found(hass, bank, "page of the bank")
    flow.expect_entry()
    assert addresses(bank) == [DONGLE, OTHER]
