# SPDX-License-Identifier: Apache-2.0
"""The notice of a bank that was not full for long: only while it is used, and over restarts."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from habluetooth import get_manager
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from tests.banks import bank_entry, link_settings, next_poll, set_up, settle
from tests.fake_air import FakeAir
from tests.renogy.fake_link import FakeLink, rbt50lfp48s
from tests.translation_check import ENGLISH, placeholders, texts_of

UNITS = (48, 49)


@pytest.fixture
def link(air: FakeAir) -> FakeLink:
    """Return a dongle with two batteries that are not full."""
    link = air.bring(FakeLink({unit: rbt50lfp48s(remaining=29_000) for unit in UNITS}))
    for battery in link.units.values():
        battery.put(5107, [0])
    return link


async def bank(hass: HomeAssistant, **options: Any) -> MockConfigEntry:
    """Set up the bank, with these options."""
    options = {"update_interval": 600, "full_charge_days": 2, **options}
    # The link is not heard again, and time passes in leaps: nothing is to be forgotten for that.
    forgetting = get_manager()._cancel_unavailable_tracking
    assert forgetting is not None
    forgetting.cancel()
    entry = bank_entry(link_settings(units=UNITS), **options)
    await set_up(hass, entry)
    return entry


def notice(hass: HomeAssistant, entry: MockConfigEntry) -> ir.IssueEntry | None:
    """Return the notice that is shown, if one is."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"not_full_{entry.entry_id}")
    return issue if issue is not None and issue.active else None


async def live(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    link: FakeLink,
    days: float,
    *,
    used: bool = True,
) -> None:
    """Let days pass, with a poll every half an hour; a bank that is used goes up and down."""
    for number in range(int(48 * days)):
        freezer.tick(timedelta(minutes=30))
        if used:
            for battery in link.units.values():
                battery.put(5044, [0, 25_000 + 500 * abs(number % 16 - 8)])
        await next_poll(hass, 601)


async def test_notice_comes_and_goes(
    hass: HomeAssistant, link: FakeLink, freezer: FrozenDateTimeFactory
) -> None:
    """It names the bank, the battery and the days; a full charge ends it."""
    entry = await bank(hass)
    await live(hass, freezer, link, 1.9)
    assert notice(hass, entry) is None
    await live(hass, freezer, link, 1.5)
    issue = notice(hass, entry)
    assert issue is not None
    assert issue.translation_placeholders == {
        "bank": "Battery bank",
        "battery": "RBT50LFP48S 1",
        "days": "3",
        "limit": "2",
    }
    for text in texts_of(ENGLISH["issues"]["not_full"]):
        assert placeholders(text) <= issue.translation_placeholders.keys()
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    assert notice(hass, entry) is not None
    link.units[48].put(5107, [0x0800])
    await live(hass, freezer, link, 0.05)
    assert notice(hass, entry) is not None
    link.units[49].put(5107, [0x0800])
    await live(hass, freezer, link, 0.05)
    assert notice(hass, entry) is None


@pytest.mark.parametrize("days", [0, 30])
async def test_limit_is_an_option(
    hass: HomeAssistant, link: FakeLink, freezer: FrozenDateTimeFactory, days: int
) -> None:
    """A longer time is kept to, and 0 switches the notice off."""
    entry = await bank(hass, full_charge_days=days)
    await live(hass, freezer, link, 4)
    assert notice(hass, entry) is None


async def test_bank_that_rests(
    hass: HomeAssistant, link: FakeLink, freezer: FrozenDateTimeFactory
) -> None:
    """A camper in winter is not told to be charged."""
    entry = await bank(hass)
    await live(hass, freezer, link, 5, used=False)
    assert notice(hass, entry) is None


async def test_days_are_kept_over_a_reload(
    hass: HomeAssistant, link: FakeLink, freezer: FrozenDateTimeFactory
) -> None:
    """What was counted before goes on."""
    entry = await bank(hass)
    await live(hass, freezer, link, 1.5)
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    await live(hass, freezer, link, 1.8)
    assert notice(hass, entry) is not None
