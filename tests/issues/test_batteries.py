# SPDX-License-Identifier: Apache-2.0
"""Batteries that are others than before: told once, kept until confirmed, or until undone."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.const import DOMAIN, REPORT_HELP_URL
from custom_components.renogy_bt.links.settings import KnownBattery, links_of
from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.setup import async_setup_component
from tests.banks import (
    bank_entry,
    bank_of,
    bank_state,
    battery_state,
    link_id,
    link_of,
    link_settings,
    next_poll,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, FakeAir
from tests.flows.walk import Flow
from tests.renogy.fake_link import FakeBattery, FakeLink, rbt50lfp48s, text_words
from tests.translation_check import ENGLISH, placeholders, texts_of

ISSUE = f"battery_replaced_{link_id()}-49"
OTHER_SERIAL = "OTHER-PACK-00001"

pytestmark = pytest.mark.usefixtures("translated_flows")


@pytest.fixture
def link(air: FakeAir) -> FakeLink:
    """Return a dongle with two batteries."""
    return air.bring(FakeLink({48: rbt50lfp48s(), 49: rbt50lfp48s()}))


@pytest.fixture
async def entry(hass: HomeAssistant, link: FakeLink) -> MockConfigEntry:
    """Return their bank, set up."""
    assert await async_setup_component(hass, "repairs", {})
    entry = bank_entry(link_settings(units=(48, 49)))
    await set_up(hass, entry)
    # The first poll leaves what a battery tells of itself for the next one.
    await next_poll(hass)
    return entry


def another(model: str = "RBT100LFP48S") -> FakeBattery:
    """Return another battery: another model with another capacity."""
    battery = rbt50lfp48s(serial=OTHER_SERIAL)
    battery.put(5122, text_words(model, 8))
    battery.put(5044, [1, 0, 1, 34_464])
    return battery


def notice(hass: HomeAssistant) -> ir.IssueEntry | None:
    """Return the notice that is shown, if one is."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, ISSUE)
    return issue if issue is not None and issue.active else None


def told(hass: HomeAssistant) -> dict[str, str]:
    """Return what the notice says; all that its text needs is given."""
    issue = notice(hass)
    assert issue is not None
    assert issue.translation_placeholders is not None
    # The dialogue adds the way to report.
    given = issue.translation_placeholders.keys() | {"report_url"}
    for text in texts_of(ENGLISH["issues"]["battery_replaced"]):
        assert placeholders(text) <= given
    return issue.translation_placeholders


async def repair(hass: HomeAssistant) -> Flow:
    """Open the dialogue of the notice."""
    manager = repairs_flow_manager(hass)
    assert manager is not None
    return await Flow(hass, manager).begin(DOMAIN, "user", issue_id=ISSUE)


async def swap(hass: HomeAssistant, link: FakeLink, battery: FakeBattery) -> None:
    """Unplug the second battery and plug another one in, which has to say twice what it is."""
    del link.units[49]
    await next_poll(hass)
    link.units[49] = battery
    await next_poll(hass)
    await next_poll(hass)


async def restart(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Set the bank up again."""
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    await next_poll(hass)


@pytest.mark.usefixtures("all_enabled")
async def test_battery_that_was_replaced(
    hass: HomeAssistant,
    link: FakeLink,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """What changed is told; confirmed, the new battery is what is known."""
    charged = battery_state(hass, "energy_charged", 49).state
    await swap(hass, link, another())
    issue = notice(hass)
    assert issue is not None
    assert issue.is_fixable
    assert issue.is_persistent
    assert issue.severity is ir.IssueSeverity.WARNING
    changed = told(hass)
    assert changed["battery"] == "RBT50LFP48S 2"
    assert changed["bank"] == "Battery bank"
    assert (changed["model_before"], changed["model"]) == (
        "RBT50LFP48S",
        "RBT100LFP48S",
    )
    assert (changed["serial_before"], changed["serial"]) == (
        "…00",
        "…01",
    )
    assert (changed["capacity_before"], changed["capacity"]) == ("50.0", "100.0")
    flow = await repair(hass)
    assert flow.expect_form("confirm") == {**changed, "report_url": REPORT_HELP_URL}
    await flow.submit()
    flow.expect_entry()
    await settle(hass)
    assert notice(hass) is None
    (known,) = links_of(entry).values()
    assert known.batteries[1] == KnownBattery(unit=49, model="RBT100LFP48S", cells=15)
    device = device_registry.async_get_device_by_identifier(
        (DOMAIN, f"{DONGLE.lower()}_49"), entry.entry_id
    )
    assert device is not None
    assert device.name == "RBT100LFP48S 2"
    assert battery_state(hass, "energy_charged", 49).state == charged
    for _ in range(3):
        await next_poll(hass)
    await restart(hass, entry)
    assert notice(hass) is None


async def test_battery_that_was_replaced_while_home_assistant_was_down(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry
) -> None:
    """What a battery told of itself before the start is known from its device."""
    assert await hass.config_entries.async_unload(entry.entry_id)
    link.units[49] = another()
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    await next_poll(hass)
    changed = told(hass)
    assert (changed["serial_before"], changed["serial"]) == (
        "…00",
        "…01",
    )
    assert changed["capacity_before"] == "–"


@pytest.mark.parametrize("is_replaced", [True, False])
async def test_scale_of_a_battery_that_was_replaced_meanwhile(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry, is_replaced: bool
) -> None:
    """The scale that was found of a battery is not that of another one in its place."""
    coordinator = link_of(entry)
    coordinator.async_tell_current_scale(49, 10)
    await settle(hass)
    assert await hass.config_entries.async_unload(entry.entry_id)
    if is_replaced:
        link.units[49] = another()
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    await next_poll(hass)
    (stored,) = links_of(entry).values()
    assert (stored.batteries[1].scale is None) is is_replaced
    assert (49 in link_of(entry).scales.found) is not is_replaced


async def test_notice_outlives_a_restart(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry
) -> None:
    """It is as it was, until the battery from before is back."""
    mine = link.units[49]
    await swap(hass, link, another())
    before = told(hass)
    await restart(hass, entry)
    assert told(hass) == before
    await swap(hass, link, mine)
    assert notice(hass) is None


async def test_third_battery(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry
) -> None:
    """The notice compares what is there now with what was confirmed last."""
    await swap(hass, link, another())
    third = another("RBT200LFP48S")
    third.put(5110, text_words("THIRD-PACK-00001", 8))
    await restart(hass, entry)
    await swap(hass, link, third)
    changed = told(hass)
    assert (changed["model_before"], changed["model"]) == (
        "RBT50LFP48S",
        "RBT200LFP48S",
    )


async def test_nothing_changed(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry
) -> None:
    """A missed poll, a battery that was away, and a restart are nothing to tell."""
    mine = link.units[49]
    await swap(hass, link, mine)
    assert notice(hass) is None
    link.unreachable = "abort-by-local"
    await next_poll(hass)
    link.unreachable = None
    await next_poll(hass)
    await restart(hass, entry)
    del link.units[49]
    await restart(hass, entry)
    link.units[49] = mine
    for _ in range(2):
        await next_poll(hass)
    assert battery_state(hass, "voltage", 49).state == "52.4"
    assert notice(hass) is None


async def test_battery_that_does_not_tell_who_it_is(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry
) -> None:
    """What is not read is no evidence."""
    link.units[49].readable = ((5000, 5052), (5100, 5109))
    await restart(hass, entry)
    await swap(hass, link, link.units[49])
    assert notice(hass) is None


@pytest.mark.usefixtures("all_enabled")
async def test_calibrated_capacity(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry
) -> None:
    """A battery that corrects its capacity a little is the same one, and counts at once."""
    link.units[49].put(5046, [0, 48_000])
    await next_poll(hass)
    assert notice(hass) is None
    assert battery_state(hass, "total_capacity", 49).state == "48.0"
    assert bank_state(hass, entry, "total_capacity").state == "98.0"


@pytest.mark.usefixtures("all_enabled")
async def test_changed_capacity(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry
) -> None:
    """Another capacity is another battery, or its capacity was set anew: the user knows."""
    charged = float(battery_state(hass, "energy_charged", 49).state)
    link.units[49].put(5044, [0, 20_000, 0, 40_000])
    await next_poll(hass)
    assert notice(hass) is None
    await next_poll(hass)
    changed = told(hass)
    assert (changed["capacity_before"], changed["capacity"]) == ("50.0", "40.0")
    assert changed["serial_before"] == changed["serial"] == "…00"
    assert battery_state(hass, "state_of_charge", 49).state == "50.0"
    assert bank_state(hass, entry, "total_capacity").state == "90.0"
    assert float(battery_state(hass, "energy_charged", 49).state) >= charged
    bank_of(entry).async_update_listeners()
    await (await repair(hass)).submit()
    bank_of(entry).async_update_listeners()
    assert notice(hass) is None
    await next_poll(hass)
    assert notice(hass) is None


async def test_batteries_that_answer_by_turns(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry
) -> None:
    """Two with one id are told as such, not as a replacement with every turn."""
    mine, other = link.units[49], another()
    for battery in (other, mine, other, mine, other):
        link.units[49] = battery
        await next_poll(hass)
    assert notice(hass) is None
    collision = ir.async_get(hass).async_get_issue(
        DOMAIN, f"link_ids_collide_{link_id()}"
    )
    assert collision is not None


async def test_battery_that_is_not_set_up_any_more(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry
) -> None:
    """With the battery its notice goes, and an open dialogue says so."""
    await swap(hass, link, another())
    flow = await repair(hass)
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_update_subentry(
        entry, subentry, data=link_settings(units=(48,)).as_data()
    )
    await settle(hass)
    assert notice(hass) is None
    (await flow.submit()).expect_abort("over")


async def test_dialogue_of_a_link_that_is_gone(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry
) -> None:
    """When the link is removed while the dialogue is open, there is nothing to confirm."""
    await swap(hass, link, another())
    flow = await repair(hass)
    issue = notice(hass)
    assert issue is not None
    (subentry_id,) = entry.subentries
    assert await hass.config_entries.async_unload(entry.entry_id)
    hass.config_entries.async_remove_subentry(entry, subentry_id)
    assert notice(hass) is issue
    (await flow.submit()).expect_abort("over")


@pytest.mark.parametrize("removed", [False, True])
async def test_bank_that_is_gone(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry, removed: bool
) -> None:
    """Of the batteries of a bank that is disabled or removed nothing is said."""
    await swap(hass, link, another())
    assert notice(hass) is not None
    if removed:
        await hass.config_entries.async_remove(entry.entry_id)
    else:
        await hass.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )
    await settle(hass)
    assert notice(hass) is None
