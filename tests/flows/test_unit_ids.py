# SPDX-License-Identifier: Apache-2.0
"""Unit ids that only the owner of the batteries knows (field report Grmume#3)."""

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.flows.unit_ids import WrongUnitIds, parse_unit_ids
from custom_components.renogy_bt.links.settings import links_of
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from tests.banks import bank_entry, battery_state, link_settings, set_up, settle
from tests.fake_air import DONGLE, FakeAir
from tests.flows.walk import Flow, add_integration, add_link, discovered, rescan_link
from tests.renogy.fake_link import FakeLink, four_batteries, rbt50lfp48s

OTHER = "60:98:66:ED:FC:11"
OTHER_NAME = "BT-TH-66EDFC11"
FORMS = pytest.mark.usefixtures("translated_flows")


def two_with_own_ids() -> FakeLink:
    """Return a dongle whose batteries answer on 10 and 11."""
    return FakeLink({10: rbt50lfp48s(), 11: rbt50lfp48s()})


def units_in(entry: ConfigEntry) -> list[tuple[int, ...]]:
    """Return the unit ids of each link of a bank."""
    return [link.units for link in links_of(entry).values()]


def is_open(flow: Flow) -> bool:
    """Return whether the part of the form with the advanced field is unfolded."""
    return not flow.step["data_schema"].schema["advanced"].options["collapsed"]


async def submit_with_ids(flow: Flow, text: str, **fields: str) -> None:
    """Submit a form with the advanced field filled in."""
    await flow.submit(**fields, advanced={"unit_ids": text})


@FORMS
async def test_discovered_dongle(hass: HomeAssistant, air: FakeAir) -> None:
    """Nothing answers under the usual ids; with the owner's ids both batteries are found."""
    air.bring(two_with_own_ids())
    flow = await discovered(hass)
    assert not is_open(flow)
    await flow.submit()
    flow.expect_form("bluetooth_confirm", "no_answer")
    assert is_open(flow)
    await submit_with_ids(flow, "10, 11")
    flow.expect_form("found")
    await flow.submit(wiring="parallel")
    assert units_in(flow.expect_entry()["result"]) == [(10, 11)]


@FORMS
async def test_picked_dongle(hass: HomeAssistant, air: FakeAir) -> None:
    """The owner's ids are asked besides the usual ones."""
    link = two_with_own_ids()
    link.units[48] = rbt50lfp48s()
    air.bring(link)
    flow = await add_integration(hass)
    await submit_with_ids(flow, "10-11", address=DONGLE)
    flow.expect_form("found")
    await flow.submit(wiring="parallel")
    assert units_in(flow.expect_entry()["result"]) == [(10, 11, 48)]


@FORMS
async def test_added_link(hass: HomeAssistant, air: FakeAir) -> None:
    """A link that is added to a bank can have ids of its owner, too."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    air.bring(two_with_own_ids(), OTHER, OTHER_NAME)
    flow = await add_link(hass, entry)
    await submit_with_ids(flow, "11;10", address=OTHER)
    flow.expect_form("found")
    await flow.submit()
    await settle(hass)
    assert units_in(entry) == [(48, 49, 50, 51), (10, 11)]


@FORMS
async def test_look_for_batteries_again(hass: HomeAssistant, air: FakeAir) -> None:
    """Ids that were told once are asked again by themselves; further ones can be told."""
    link = air.bring(two_with_own_ids())
    entry = bank_entry(link_settings(units=(10,)))
    await set_up(hass, entry)
    (subentry,) = entry.subentries.values()
    flow = await rescan_link(hass, entry, subentry)
    await submit_with_ids(flow, "11")
    assert flow.expect_form("rescanned")["news"] == "New at position: 11"
    await flow.submit()
    await settle(hass)
    assert units_in(entry) == [(10, 11)]
    assert battery_state(hass, "voltage", 11).state == "52.4"

    link.asked.clear()
    flow = await rescan_link(hass, entry, subentry)
    await flow.submit()
    flow.expect_form("rescanned")
    assert {10, 11} <= {asked.unit for asked in link.asked}


@FORMS
@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("0", "0"),
        ("10, 248", "248"),
        ("254", "254"),
        ("48, 255", "255"),
        ("ten", "ten"),
        ("10, 0x30", "0x30"),
        ("-5", "-5"),
        ("3.5", "3.5"),
        ("12-10", "12-10"),
        ("240-255", "240-255"),
        ("1-247", "1-247"),
        ("99999999999999999999", "99999999999999999999"),
        ("١٠", "١٠"),
    ],
)
async def test_wrong_ids(
    hass: HomeAssistant, air: FakeAir, text: str, wrong: str
) -> None:
    """What is no list of ids is told with the part that is wrong; nothing is connected."""
    air.bring(two_with_own_ids())
    flow = await add_integration(hass)
    await submit_with_ids(flow, text, address=DONGLE)
    assert flow.expect_form("pick", "unit_ids_wrong")["reason"] == wrong
    assert is_open(flow)
    assert air.attempts == []
    await submit_with_ids(flow, "10, 11", address=DONGLE)
    flow.expect_form("found")


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("", ()),
        ("  ,; ", ()),
        ("10", (10,)),
        ("255", (255,)),
        ("11, 10 11;12", (10, 11, 12)),
        ("33 - 35, 1", (1, 33, 34, 35)),
        ("1\u20133", (1, 2, 3)),
        ("1-32", tuple(range(1, 33))),
    ],
)
def test_lists_of_ids(text: str, units: tuple[int, ...]) -> None:
    """Commas, semicolons and blanks separate ids, a dash makes a range."""
    assert parse_unit_ids(text) == units


@given(
    st.sets(st.integers(1, 247), max_size=32), st.sampled_from([",", ", ", " ", ";"])
)
def test_any_ids_are_taken(units: set[int], separator: str) -> None:
    """Up to 32 different ids come back in order, however they are written."""
    text = separator.join(map(str, units))
    assert parse_unit_ids(text) == tuple(sorted(units))


@given(st.text(max_size=60))
def test_any_text_is_taken_or_refused(text: str) -> None:
    """Whatever is typed is refused, or can be asked."""
    try:
        units = parse_unit_ids(text)
    except WrongUnitIds:
        return
    assert units == (255,) or all(1 <= unit <= 247 for unit in units)
    assert len(units) <= 32
