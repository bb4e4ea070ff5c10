# SPDX-License-Identifier: Apache-2.0
"""Adding a link on a bank's page, and looking for its batteries again."""

import asyncio
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.links.settings import (
    Connection,
    KnownBattery,
    LinkSettings,
    links_of,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import InvalidData
from homeassistant.helpers import device_registry as dr
from tests.banks import (
    bank_entry,
    bank_state,
    battery_state,
    entity_id,
    link_of,
    link_settings,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, DONGLE_NAME, FakeAir
from tests.flows.walk import (
    add_integration,
    add_link,
    discovery_flows,
    options_of,
    reconfigure_link,
    rescan_link,
)
from tests.renogy.fake_link import FakeLink, four_batteries, rbt50lfp48s, silent

pytestmark = pytest.mark.usefixtures("translated_flows")

OTHER = "60:98:66:ED:FC:11"
OTHER_NAME = "BT-TH-66EDFC11"


def first_link(entry: MockConfigEntry) -> ConfigSubentry:
    """Return the config subentry of a bank's first link."""
    return next(iter(entry.subentries.values()))


def stored(entry: MockConfigEntry) -> LinkSettings:
    """Return a bank's first link."""
    return next(iter(links_of(entry).values()))


async def test_link_is_added_on_the_bank_page(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """A second dongle is picked, its batteries are shown, then the bank has them."""
    air.bring(FakeLink({48: rbt50lfp48s(), 49: rbt50lfp48s()}), OTHER, OTHER_NAME)
    flow = await add_link(hass, bank)
    flow.expect_form("pick")
    assert options_of(flow.step, "address") == [OTHER]
    await flow.submit(address=OTHER)
    assert flow.expect_form("found")["batteries"].count("RBT50LFP48S") == 2
    await flow.submit()
    flow.expect_entry()
    assert [link.address for link in links_of(bank).values()] == [DONGLE, OTHER]
    assert [subentry.unique_id for subentry in bank.subentries.values()] == [
        DONGLE,
        OTHER,
    ]
    assert bank_state(hass, bank, "batteries_responding").state == "6"
    assert battery_state(hass, "voltage", 49, OTHER).state == "52.4"
    assert discovery_flows(hass) == []


async def test_added_link_can_be_tried_again(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """A link that takes no connection leads back to the list with the reason."""
    link = air.bring(FakeLink({48: rbt50lfp48s()}), OTHER, OTHER_NAME)
    link.unreachable = "le-connection-abort-by-local"
    flow = await add_link(hass, bank)
    await flow.submit(address=OTHER)
    placeholders = flow.expect_form("pick", "cannot_connect")
    assert (
        placeholders["reason"]
        == "It is heard, but the attempt to connect was broken off."
    )
    link.unreachable = None
    await flow.submit(address=OTHER)
    await flow.submit()
    flow.expect_entry()


async def test_nothing_to_add(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """With every link in range in a bank, the flow ends and says so."""
    (await add_link(hass, bank)).expect_abort("no_devices_found")


async def test_link_that_is_added_meanwhile(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """A link that got into another bank while the flow was open is not added twice."""
    air.bring(FakeLink({48: rbt50lfp48s()}), OTHER, OTHER_NAME)
    flow = await add_link(hass, bank)
    await flow.submit(address=OTHER)
    await hass.config_entries.async_add(
        bank_entry(link_settings(OTHER, OTHER_NAME, (48,)))
    )
    await flow.submit()
    flow.expect_abort("already_configured")
    assert len(bank.subentries) == 1


async def test_rescan_finds_the_same(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """A rescan that finds what is known changes nothing and reloads nothing."""
    before = stored(bank)
    flow = await rescan_link(hass, bank, first_link(bank))
    assert flow.expect_form("rescan")["name"] == DONGLE_NAME
    coordinator = bank.runtime_data
    await flow.submit()
    assert flow.expect_form("rescanned")["news"] == "No battery is new."
    await flow.submit()
    assert flow.expect_abort("nothing_changed") == {"name": DONGLE_NAME}
    assert stored(bank) == before
    assert bank.runtime_data is coordinator


async def test_found_batteries_have_the_names_of_their_owner(
    hass: HomeAssistant,
    air: FakeAir,
    bank: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """People know a battery by its name, its charge, its voltage and the end of its serial number."""
    link = air.links[DONGLE]
    link.units[48] = rbt50lfp48s(serial="22RBH4A05102|137", remaining=20_400)
    # This one does not let its serial number be read, nor its charge alone.
    link.units[49].readable = ((5000, 5034), (5035, 5052), (5122, 5129))
    link.faults[49, "5042x7"] = [silent]
    device = device_registry.async_get_device_by_identifier(
        ("renogy_bt", f"{DONGLE.lower()}_48"), bank.entry_id
    )
    assert device is not None
    device_registry.async_update_device(device.id, name_by_user="Cellar | left")
    flow = await rescan_link(hass, bank, first_link(bank))
    await flow.submit()
    rows = flow.expect_form("rescanned")["batteries"].splitlines()
    assert rows[:3] == [
        r"| 1 | 48 | Cellar \| left · RBT50LFP48S | 15 | 41 % | 52.4 V | …\|137 |",
        "| 2 | 49 | RBT50LFP48S | 15 | – | – | – |",
        "| 3 | 50 | RBT50LFP48S | 15 | 100 % | 52.4 V | …0000 |",
    ]


async def test_names_stay_when_a_link_joins(
    hass: HomeAssistant, air: FakeAir, device_registry: dr.DeviceRegistry
) -> None:
    """A single battery is named by its model; the second one tells itself apart, whoever leaves."""

    def names() -> list[str]:
        return sorted(
            each.name or ""
            for each in dr.async_entries_for_config_entry(
                device_registry, entry.entry_id
            )
            # The identifiers of batteries end in their units.
            if any("_" in identifier for _, identifier in each.identifiers)
        )

    air.bring(FakeLink({48: rbt50lfp48s()}))
    flow = await add_integration(hass)
    await flow.submit(address=DONGLE)
    await flow.submit(wiring="parallel")
    entry = flow.expect_entry()["result"]
    assert names() == ["RBT50LFP48S"]
    assert entity_id(hass, "sensor", f"{DONGLE.lower()}_48_voltage") == (
        "sensor.rbt50lfp48s_voltage"
    )
    air.bring(FakeLink({48: rbt50lfp48s(), 49: rbt50lfp48s()}), OTHER, OTHER_NAME)
    flow = await add_link(hass, entry)
    await flow.submit(address=OTHER)
    await flow.submit()
    assert names() == ["RBT50LFP48S", "RBT50LFP48S 1", "RBT50LFP48S 2"]
    air.links[DONGLE].units[49] = rbt50lfp48s()
    flow = await rescan_link(hass, entry, next(iter(entry.subentries.values())))
    await flow.submit()
    await flow.submit()
    flow.expect_abort("reconfigure_successful")
    await settle(hass)
    added = "RBT50LFP48S 2 (B2C3)"
    assert names() == ["RBT50LFP48S", "RBT50LFP48S 1", "RBT50LFP48S 2", added]
    hass.config_entries.async_remove_subentry(
        entry, next(iter(entry.subentries.keys()))
    )
    await settle(hass)
    assert names() == ["RBT50LFP48S 1", "RBT50LFP48S 2"]


async def test_rescan_finds_a_new_battery(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """A battery that was added behind the dongle gets its device and entities."""
    air.links[DONGLE].units[52] = rbt50lfp48s()
    flow = await rescan_link(hass, bank, first_link(bank))
    await flow.submit()
    assert flow.expect_form("rescanned")["news"] == "New at position: 5"
    await flow.submit()
    flow.expect_abort("reconfigure_successful")
    await settle(hass)
    assert stored(bank).units == (48, 49, 50, 51, 52)
    assert battery_state(hass, "voltage", 52).state == "52.4"
    assert bank_state(hass, bank, "batteries_responding").state == "5"


async def test_rescan_keeps_a_silent_battery(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """A known battery that does not answer stays, unless the user says otherwise."""
    del air.links[DONGLE].units[50]
    flow = await rescan_link(hass, bank, first_link(bank))
    await flow.submit()
    placeholders = flow.expect_form("rescanned_silent")
    assert placeholders["silent"] == "3"
    assert placeholders["news"] == "No battery is new."
    assert options_of(flow.step, "forget") == ["50"]
    await flow.submit()
    flow.expect_abort("nothing_changed")
    await settle(hass)
    assert stored(bank).units == (48, 49, 50, 51)


async def test_rescan_forgets_a_battery_at_the_users_wish(
    hass: HomeAssistant,
    air: FakeAir,
    bank: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """A silent battery that the user drops loses its device and entities."""
    del air.links[DONGLE].units[50]
    flow = await rescan_link(hass, bank, first_link(bank))
    await flow.submit()
    await flow.submit(forget=["50"])
    flow.expect_abort("reconfigure_successful")
    await settle(hass)
    assert stored(bank).units == (48, 49, 51)
    identifier = f"{DONGLE.lower()}_50"
    assert entity_id(hass, "sensor", f"{identifier}_voltage") is None
    assert not device_registry.async_get_devices(
        identifiers={("renogy_bt", identifier)}
    )
    assert bank_state(hass, bank, "current").state == "0.0"


async def test_rescan_learns_a_model(hass: HomeAssistant, air: FakeAir) -> None:
    """A model that was not known before is taken over, one that is not told is kept."""
    link = air.bring(four_batteries())
    entry = bank_entry(
        LinkSettings(
            address=DONGLE,
            name=DONGLE_NAME,
            family_key="standard",
            batteries=(
                KnownBattery(unit=48, model=None, cells=15),
                KnownBattery(unit=49, model="RBT50LFP48S", cells=15),
            ),
        )
    )
    for unit in (50, 51):
        del link.units[unit]
    link.units[49].readable = ((5000, 5052), (5100, 5109))
    await set_up(hass, entry)
    flow = await rescan_link(hass, entry, first_link(entry))
    await flow.submit()
    flow.expect_form("rescanned")
    await flow.submit()
    assert [battery.model for battery in stored(entry).batteries] == [
        "RBT50LFP48S",
        "RBT50LFP48S",
    ]


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        pytest.param({"unreachable": "abort-by-local"}, "cannot_connect", id="held"),
        pytest.param({"wedged": True}, "no_answer", id="silent"),
    ],
)
async def test_rescan_can_be_tried_again(
    hass: HomeAssistant,
    air: FakeAir,
    bank: MockConfigEntry,
    trouble: dict[str, Any],
    error: str,
) -> None:
    """A rescan that fails says why, changes nothing, and can be repeated."""
    link = air.links[DONGLE]
    fine = {name: getattr(link, name) for name in trouble}
    vars(link).update(trouble)
    flow = await rescan_link(hass, bank, first_link(bank))
    await flow.submit()
    flow.expect_form("rescan", error)
    assert stored(bank).units == (48, 49, 50, 51)
    vars(link).update(fine)
    await flow.submit()
    flow.expect_form("rescanned")
    await flow.submit()
    flow.expect_abort("nothing_changed")


async def test_rescan_of_a_link_that_is_left_to_another_app(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """The dialogue connects only when its user says so, and polling stays off."""
    await link_of(bank).async_set_polling(False)
    before = len(air.attempts)
    flow = await rescan_link(hass, bank, first_link(bank))
    for _ in range(2):
        await flow.submit()
        flow.expect_form("rescan", "polling_off")
    assert len(air.attempts) == before
    await flow.submit(connect_anyway=True)
    flow.expect_form("rescanned")
    assert len(air.attempts) == before + 1
    await flow.submit()
    flow.expect_abort("nothing_changed")
    assert not stored(bank).polling


async def test_rescan_and_poll_take_turns(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """A poll that comes due during a rescan waits for it: a dongle takes one connection."""
    flow = await rescan_link(hass, bank, first_link(bank))
    await asyncio.gather(flow.submit(), link_of(bank).async_refresh())
    flow.expect_form("rescanned")
    assert link_of(bank).last_update_success
    assert battery_state(hass, "voltage").state != STATE_UNAVAILABLE


async def test_link_is_kept_connected_from_its_menu(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """The choice is stored with the link, the bank reloads, and the way back is the same."""
    assert stored(bank).connection is Connection.FOR_EACH_POLL
    flow = await reconfigure_link(hass, bank, first_link(bank))
    await flow.choose("connection")
    assert flow.expect_form("connection")["name"] == DONGLE_NAME
    await flow.submit(connection="kept", kept_interval=2)
    flow.expect_abort("reconfigure_successful")
    await settle(hass)
    assert stored(bank).kept_interval == 2
    assert link_of(bank).client.is_connected
    assert battery_state(hass, "voltage").state == "52.4"
    flow = await reconfigure_link(hass, bank, first_link(bank))
    await flow.choose("connection")
    await flow.submit(connection="for_each_poll", kept_interval=2)
    flow.expect_abort("reconfigure_successful")
    await settle(hass)
    assert stored(bank).kept_interval is None
    assert not link_of(bank).client.is_connected


@pytest.mark.parametrize("interval", [1, 601, 0, -2])
async def test_intervals_of_kept_links_have_limits(
    hass: HomeAssistant, bank: MockConfigEntry, interval: int
) -> None:
    """2 to 600 s: what the form does not take changes nothing."""
    flow = await reconfigure_link(hass, bank, first_link(bank))
    await flow.choose("connection")
    with pytest.raises(InvalidData):
        await flow.submit(connection="kept", kept_interval=interval)
    assert stored(bank).kept_interval is None


async def test_a_rescan_keeps_how_a_link_is_connected_to(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """The probe of a rescan gets the link, which is kept connected again after it."""
    flow = await reconfigure_link(hass, bank, first_link(bank))
    await flow.choose("connection")
    await flow.submit(connection="kept", kept_interval=600)
    await settle(hass)
    assert link_of(bank).client.is_connected
    flow = await rescan_link(hass, bank, first_link(bank))
    await flow.submit()
    assert flow.expect_form("rescanned")["news"] == "No battery is new."
    await flow.submit()
    assert flow.expect_abort("nothing_changed") == {"name": DONGLE_NAME}
    assert stored(bank).kept_interval == 600


async def test_a_link_is_added_to_be_kept(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """The choice is there when a link is added, under Advanced."""
    air.bring(FakeLink({48: rbt50lfp48s()}), OTHER, OTHER_NAME)
    flow = await add_link(hass, bank)
    await flow.submit(
        address=OTHER, advanced={"connection": "kept", "kept_interval": 5}
    )
    await flow.submit()
    flow.expect_entry()
    added = links_of(bank)
    assert [link.kept_interval for link in added.values()] == [None, 5]
