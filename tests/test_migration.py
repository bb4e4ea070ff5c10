# SPDX-License-Identifier: Apache-2.0
"""Banks that another version stored."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.links.settings import (
    LinkSettings,
    async_bank_of_link,
    links_of,
)
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from tests.banks import link_settings, set_up, settle
from tests.fake_air import DONGLE, FakeAir
from tests.renogy.fake_link import four_batteries

OTHER = "60:98:66:ED:FC:11"


def stored(link: LinkSettings, *without: str) -> dict[str, Any]:
    """Return a link as it is stored, or was before it had these keys."""
    subentry = link.as_subentry().as_dict()
    data = {key: item for key, item in link.as_data().items() if key not in without}
    return {**subentry, "data": data}


def old_bank(**changes: Any) -> MockConfigEntry:
    """Return a bank from before links could be left to others, but for one link."""
    paused = link_settings(address=OTHER, name="BT-TH-66EDFC11", polling=False)
    links = [stored(link_settings(), "polling"), stored(paused)]
    return MockConfigEntry(
        domain=DOMAIN,
        title="Battery bank",
        options={"wiring": "series", "update_interval": 30},
        subentries_data=links,
        **{"version": 1, "minor_version": 1, **changes},
    )


async def test_bank_of_an_older_minor_version(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """Links that do not say whether they are polled are polled; all else stays as it was."""
    air.bring(four_batteries())
    entry = old_bank()
    before = entry.as_dict()
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert (entry.version, entry.minor_version) == (1, 3)
    polled = {link.address: link.polling for link in links_of(entry).values()}
    assert polled == {DONGLE: True, OTHER: False}
    after = entry.as_dict()
    for subentry in (*before["subentries"], *after["subentries"]):
        subentry["data"] = {**subentry["data"], "polling": None}
    changing = {"minor_version", "modified_at"}
    assert {k: v for k, v in after.items() if k not in changing} == {
        k: v for k, v in before.items() if k not in changing
    }


async def test_bank_of_a_newer_minor_version(hass: HomeAssistant, air: FakeAir) -> None:
    """It is readable by the agreement on minor versions, and stays what it is."""
    air.bring(four_batteries())
    links = [stored(link_settings())]
    entry = MockConfigEntry(
        domain=DOMAIN, version=1, minor_version=7, subentries_data=links
    )
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.minor_version == 7


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"version": 2}, ConfigEntryState.MIGRATION_ERROR),
        ({"disabled_by": ConfigEntryDisabler.USER}, ConfigEntryState.NOT_LOADED),
    ],
)
async def test_bank_that_is_not_brought_up_to_date(
    hass: HomeAssistant, air: FakeAir, changes: dict[str, Any], state: ConfigEntryState
) -> None:
    """It is left as it is, its links are known as taken, and it can be removed."""
    air.bring(four_batteries())
    entry = old_bank(**changes)
    before = entry.as_dict()["subentries"]
    entry.add_to_hass(hass)
    if entry.disabled_by is None:
        await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is state
    assert entry.as_dict()["subentries"] == before
    assert links_of(entry) == {}
    assert async_bank_of_link(hass, DONGLE) is entry
    assert async_bank_of_link(hass, "60:98:66:ED:FC:12") is None
    await hass.config_entries.async_remove(entry.entry_id)
    await settle(hass)
    assert async_bank_of_link(hass, DONGLE) is None
