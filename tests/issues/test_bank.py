# SPDX-License-Identifier: Apache-2.0
"""The notice of a bank out of balance: there when it lasts, and gone when it is over."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.issues import bank as bank_issues
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from tests.banks import (
    bank_entry,
    bank_of,
    battery_state,
    link_settings,
    next_poll,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, FakeAir
from tests.renogy.fake_link import FakeLink, rbt50lfp48s
from tests.translation_check import ENGLISH, placeholders, texts_of

HOUR = 3600.0


class Clock:
    """The clock that the notice goes by, moved by hand."""

    def __init__(self, hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
        """Begin at an odd moment."""
        self._hass = hass
        self._at = 12_345.0
        monkeypatch.setattr(bank_issues, "monotonic", lambda: self._at)

    async def pass_by(self, seconds: float) -> None:
        """Let time pass, with a poll every ten minutes."""
        while seconds > 0:
            self._at += min(seconds, 600.0)
            seconds -= 600.0
            await next_poll(self._hass)


@pytest.fixture
def clock(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock."""
    return Clock(hass, monkeypatch)


@pytest.fixture
def link(air: FakeAir) -> FakeLink:
    """Return a dongle whose second battery is at 40 %, the first at 99.7 %."""
    return air.bring(FakeLink({48: rbt50lfp48s(), 49: rbt50lfp48s(remaining=20_000)}))


def charge(link: FakeLink, remaining: int) -> None:
    """Charge the second battery to so many mAh."""
    link.units[49].put(5044, [0, remaining])


def notice(hass: HomeAssistant, entry: MockConfigEntry) -> ir.IssueEntry | None:
    """Return the notice that is shown, if one is."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"imbalance_{entry.entry_id}")
    return issue if issue is not None and issue.active else None


async def bank(hass: HomeAssistant, **options: Any) -> MockConfigEntry:
    """Set up the bank, with these options."""
    entry = bank_entry(link_settings(units=(48, 49)), **options)
    await set_up(hass, entry)
    return entry


async def test_notice_comes_and_goes(
    hass: HomeAssistant, link: FakeLink, clock: Clock
) -> None:
    """It says which bank, how far apart, and which battery; it ends well below the limit."""
    entry = await bank(hass)
    await clock.pass_by(HOUR - 600)
    assert notice(hass, entry) is None
    await clock.pass_by(1200)
    issue = notice(hass, entry)
    assert issue is not None
    assert not issue.is_fixable
    assert not issue.is_persistent
    assert issue.severity is ir.IssueSeverity.WARNING
    assert issue.translation_key == "imbalance"
    assert issue.translation_placeholders == {
        "bank": "Battery bank",
        "spread": "60",
        "limit": "20",
        "battery": "RBT50LFP48S 2",
    }
    for text in texts_of(ENGLISH["issues"]["imbalance"]):
        assert placeholders(text) <= issue.translation_placeholders.keys()
    charge(link, 41_000)
    await clock.pass_by(600)
    assert notice(hass, entry) is not None
    charge(link, 42_500)
    await clock.pass_by(600)
    assert notice(hass, entry) is None


async def test_battery_has_the_users_name(
    hass: HomeAssistant,
    link: FakeLink,
    clock: Clock,
    device_registry: dr.DeviceRegistry,
) -> None:
    """A battery that the user has renamed is called so."""
    entry = await bank(hass)
    device = device_registry.async_get_device_by_identifier(
        (DOMAIN, f"{DONGLE.lower()}_49"), entry.entry_id
    )
    assert device is not None
    device_registry.async_update_device(device.id, name_by_user="Cellar, left")
    await clock.pass_by(2 * HOUR)
    issue = notice(hass, entry)
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["battery"] == "Cellar, left"


@pytest.mark.parametrize("limit", [0, 50])
async def test_limit_is_an_option(
    hass: HomeAssistant, air: FakeAir, clock: Clock, limit: int
) -> None:
    """A wider limit is kept to, and 0 switches the notice off."""
    air.bring(FakeLink({48: rbt50lfp48s(), 49: rbt50lfp48s(remaining=26_000)}))
    entry = await bank(hass, imbalance_limit=limit)
    await clock.pass_by(3 * HOUR)
    assert notice(hass, entry) is None


async def test_bank_in_balance(
    hass: HomeAssistant, link: FakeLink, clock: Clock
) -> None:
    """Batteries within the limit give nothing to say."""
    charge(link, 41_000)
    entry = await bank(hass)
    await clock.pass_by(3 * HOUR)
    assert notice(hass, entry) is None


async def test_missing_battery_is_no_balance(
    hass: HomeAssistant, link: FakeLink, clock: Clock
) -> None:
    """While one is silent the notice is neither raised nor withdrawn."""
    entry = await bank(hass)
    await clock.pass_by(2 * HOUR)
    away = link.units.pop(49)
    await clock.pass_by(HOUR)
    assert notice(hass, entry) is not None
    link.unreachable = "out of range"
    await clock.pass_by(HOUR)
    assert notice(hass, entry) is not None
    link.unreachable = None
    link.units[49] = away


async def test_changed_capacity(
    hass: HomeAssistant, link: FakeLink, clock: Clock
) -> None:
    """A battery that recalibrates its capacity has another share of charge with the next poll."""
    entry = await bank(hass)
    await clock.pass_by(2 * HOUR)
    assert notice(hass, entry) is not None
    link.units[49].put(5046, [0, 20_500])
    await clock.pass_by(600)
    await clock.pass_by(600)
    assert float(battery_state(hass, "state_of_charge", 49).state) > 97
    assert bank_of(entry).data.summary.total_capacity == 70.5
    assert notice(hass, entry) is None


async def test_reload_keeps_the_notice(
    hass: HomeAssistant, link: FakeLink, clock: Clock
) -> None:
    """A bank that is set up again still has it, ignored or not."""
    entry = await bank(hass)
    await clock.pass_by(2 * HOUR)
    ir.async_ignore_issue(hass, DOMAIN, f"imbalance_{entry.entry_id}", True)
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    issue = notice(hass, entry)
    assert issue is not None
    assert issue.dismissed_version is not None


async def test_limit_that_is_raised(
    hass: HomeAssistant, link: FakeLink, clock: Clock
) -> None:
    """Above what the batteries are apart it ends the notice, however close to it."""
    charge(link, 29_000)
    entry = await bank(hass, imbalance_limit=30)
    await clock.pass_by(2 * HOUR)
    issue = notice(hass, entry)
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["spread"] == "42"
    hass.config_entries.async_update_entry(
        entry, options={**entry.options, "imbalance_limit": 45}
    )
    await settle(hass)
    await clock.pass_by(600)
    assert notice(hass, entry) is None


async def test_notice_that_was_switched_off(
    hass: HomeAssistant, link: FakeLink, clock: Clock
) -> None:
    """With the option the notice goes at once."""
    entry = await bank(hass)
    await clock.pass_by(2 * HOUR)
    assert notice(hass, entry) is not None
    hass.config_entries.async_update_entry(
        entry, options={**entry.options, "imbalance_limit": 0}
    )
    await settle(hass)
    assert notice(hass, entry) is None


@pytest.mark.parametrize("removed", [False, True])
async def test_bank_that_is_gone(
    hass: HomeAssistant, link: FakeLink, clock: Clock, removed: bool
) -> None:
    """Of a bank that is disabled or removed nothing is said."""
    entry = await bank(hass)
    await clock.pass_by(2 * HOUR)
    assert notice(hass, entry) is not None
    if removed:
        await hass.config_entries.async_remove(entry.entry_id)
    else:
        await hass.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )
    await settle(hass)
    assert notice(hass, entry) is None
