# SPDX-License-Identifier: Apache-2.0
"""Whatever is stored of a bank: it is read with defaults, or left out with a reason."""

import random
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapter_health.ladder import RecoveryLevel
from custom_components.renogy_bt.bank.summary import Wiring
from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.links.settings import damaged_links_of, links_of
from custom_components.renogy_bt.links.stored_data import (
    NUMBERS,
    choice_option,
    number_option,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from tests.banks import battery_state, link_of, link_settings, set_up, settle
from tests.fake_air import FakeAir
from tests.flows.walk import rescan_link
from tests.fuzz.stored_bank import (
    OTHER,
    OTHER_NAME,
    RANGES,
    check,
    damage,
    entry_of,
    good_bank,
)
from tests.renogy.fake_link import FakeLink, four_batteries, rbt50lfp48s

TRIES = 10_000


def test_what_is_right_is_taken_as_it_is() -> None:
    """Defaults are for what is wrong only."""
    entry = entry_of(good_bank())
    assert entry is not None
    check(entry)
    assert list(links_of(entry).values()) == [
        link_settings(kept_interval=10),
        link_settings(OTHER, OTHER_NAME, (255,)),
    ]
    assert RANGES.keys() == NUMBERS.keys()
    for key, (_, most) in RANGES.items():
        assert number_option(entry.options, key) == most
    wiring = choice_option(entry.options, "wiring", Wiring.PARALLEL)
    assert wiring is Wiring.SERIES
    recovery = choice_option(entry.options, "recovery", RecoveryLevel.FULL)
    assert recovery is RecoveryLevel.GENTLE


def test_ten_thousand_damages() -> None:
    """None of them raises, and none makes anything that cannot be."""
    chance = random.Random(20)
    read = 0
    for _ in range(TRIES // 10):
        stored = good_bank()
        for _ in range(10):
            damage(chance, stored)
            if (entry := entry_of(stored)) is not None:
                check(entry)
                read += 1
    assert read > TRIES // 3


DAMAGED_LINKS: list[Any] = [
    pytest.param({"units": []}, id="no units"),
    pytest.param({"units": None}, id="units missing"),
    pytest.param({"units": [{"unit": "48"}]}, id="unit of text"),
    pytest.param({"units": [{"unit": 0}, {"model": "x"}]}, id="no such unit"),
    pytest.param({"units": "48"}, id="units of text"),
]


@pytest.mark.parametrize("changes", DAMAGED_LINKS)
@pytest.mark.usefixtures("translated_flows")
async def test_a_damaged_link(
    hass: HomeAssistant,
    air: FakeAir,
    caplog: pytest.LogCaptureFixture,
    changes: dict[str, Any],
) -> None:
    """It is left out and told of, nobody else suffers, and a rescan mends it."""
    air.bring(four_batteries())
    air.bring(FakeLink({255: rbt50lfp48s()}), OTHER, OTHER_NAME)
    stored = good_bank()
    stored["options"] = {"wiring": "?", "update_interval": 5, "recovery": 7}
    stored["links"][1]["data"] |= changes
    entry = entry_of(stored)
    other_bank = MockConfigEntry(domain=DOMAIN, version=1, minor_version=3)
    assert entry is not None
    await set_up(hass, other_bank)
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert battery_state(hass, "voltage").state == "52.4"
    (damaged,) = damaged_links_of(entry)
    issue_id = f"damaged_link_{damaged.subentry_id}"
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None and issue.translation_key == "damaged_link"
    assert len([each for each in caplog.messages if "names no battery" in each]) == 1
    # Another poll, the page of the options and the rescan do not stumble over it.
    await link_of(entry).async_refresh()
    assert link_of(entry).last_update_success
    form = await hass.config_entries.options.async_init(entry.entry_id)
    assert form["type"] is FlowResultType.FORM
    flow = await rescan_link(hass, entry, damaged)
    await flow.submit()
    flow.expect_form("rescanned")
    await flow.submit()
    flow.expect_abort("reconfigure_successful")
    await settle(hass)
    assert damaged_links_of(entry) == []
    assert battery_state(hass, "voltage", 255, OTHER).state == "52.4"
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None


@pytest.mark.usefixtures("translated_flows")
async def test_a_link_without_an_address(hass: HomeAssistant, air: FakeAir) -> None:
    """Its dialogues end with the reason, and it can be removed."""
    stored = good_bank()
    stored["links"] = [{"data": {"units": [{"unit": 48}]}, "unique_id": "x"}]
    entry = entry_of(stored)
    assert entry is not None
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    (damaged,) = damaged_links_of(entry)
    result = await hass.config_entries.subentries.async_init(
        (entry.entry_id, "link"),
        context={"source": "reconfigure", "subentry_id": damaged.subentry_id},
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "damaged"
    assert result["description_placeholders"] == {"name": "A link"}
    assert hass.config_entries.async_remove_subentry(entry, damaged.subentry_id)
    await settle(hass)
    assert not [each for _, each in ir.async_get(hass).issues if "damaged" in each]


async def test_address_that_is_no_text_keeps_no_bank_from_starting(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """What all banks share when they are set up goes by the addresses of all links."""
    stored = good_bank()
    stored["links"][-1]["unique_id"] = {"no": "address"}
    entry = entry_of(stored)
    assert entry is not None
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert await hass.config_entries.async_unload(entry.entry_id)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 10**6), damages=st.integers(1, 6))
def test_any_damage_lets_the_bank_start(
    hass: HomeAssistant, air: FakeAir, seed: int, damages: int
) -> None:
    """It is set up with what can be read, and unloaded without an error."""
    chance = random.Random(seed)
    stored = good_bank()
    for _ in range(damages):
        damage(chance, stored)
    if (entry := entry_of(stored)) is None:
        return
    run = hass.loop.run_until_complete
    run(set_up(hass, entry))
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data.links.keys() == {
        link.address for link in links_of(entry).values()
    }
    # It stays beside those that follow, whose polls are not to stumble over it.
    assert run(hass.config_entries.async_unload(entry.entry_id))
    run(settle(hass))
