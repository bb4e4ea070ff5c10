# SPDX-License-Identifier: Apache-2.0
"""The notices of batteries that do not carry their share: there when it lasts, gone when it is over."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.const import DOMAIN, REPORT_HELP_URL
from custom_components.renogy_bt.issues import sharing as sharing_issues
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from tests.banks import bank_entry, link_id, link_settings, next_poll, set_up, settle
from tests.fake_air import FakeAir
from tests.renogy.fake_link import FakeBattery, FakeLink, rbt50lfp48s
from tests.translation_check import ENGLISH, placeholders, texts_of

UNITS = (48, 49, 50)
ISSUE = f"current_share_{link_id()}-49"


class Bank:
    """A bank whose clock and currents are moved by hand."""

    def __init__(
        self, hass: HomeAssistant, link: FakeLink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Begin at an odd moment."""
        self._hass = hass
        self.link = link
        self._at = 12_345.0
        monkeypatch.setattr(sharing_issues, "monotonic", lambda: self._at)

    async def carry(self, currents: tuple[int, ...], hours: float) -> None:
        """Let these currents, in 0.01 A, flow for a while, with a poll every ten minutes."""
        for unit, current in zip(UNITS, currents, strict=True):
            self.link.units[unit].put(5042, [current & 0xFFFF])
        await self.wait(hours)

    async def wait(self, hours: float) -> None:
        """Let time pass."""
        for _ in range(int(hours * 6)):
            self._at += 600.0
            await next_poll(self._hass)

    async def carry_unfairly(self) -> None:
        """Let the second battery carry far too little, for long enough both ways."""
        await self.carry((1000, 200, 1000), 3)
        await self.carry((-1000, -200, -1000), 3)

    def notice(self) -> ir.IssueEntry | None:
        """Return the notice about the second battery that is shown, if one is."""
        issue = ir.async_get(self._hass).async_get_issue(DOMAIN, ISSUE)
        return issue if issue is not None and issue.active else None

    def notices(self) -> int:
        """Return how many notices are shown."""
        return sum(
            issue.active and issue.issue_id.startswith("current_share")
            for issue in ir.async_get(self._hass).issues.values()
        )


def half_full(serial: str = "22RBH4A051020000", cycles: int = 41) -> FakeBattery:
    """Return a battery that is half full, and says so."""
    battery = rbt50lfp48s(serial=serial, remaining=25_000, cycles=cycles)
    battery.put(5107, [0])
    return battery


@pytest.fixture
def bank(hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch) -> Bank:
    """Return a bank of three batteries that are half full."""
    link = air.bring(FakeLink({unit: half_full() for unit in UNITS}))
    return Bank(hass, link, monkeypatch)


async def entry_of(hass: HomeAssistant, **options: Any) -> MockConfigEntry:
    """Set the bank up, with these options."""
    entry = bank_entry(link_settings(units=UNITS), **options)
    await set_up(hass, entry)
    return entry


async def test_notice_comes_and_goes(hass: HomeAssistant, bank: Bank) -> None:
    """It names the battery, what it carries, what it should, and no other battery."""
    await entry_of(hass)
    await bank.carry((1000, 200, 1000), 3)
    assert bank.notice() is None
    await bank.carry((-1000, -200, -1000), 3)
    issue = bank.notice()
    assert issue is not None
    assert bank.notices() == 1
    assert not issue.is_fixable
    assert issue.severity is ir.IssueSeverity.WARNING
    assert issue.translation_key == "carries_less"
    assert issue.translation_placeholders == {
        "bank": "Battery bank",
        "battery": "RBT50LFP48S 2",
        "carried": "9",
        "fair": "33",
        "resistance": "0",
        "report_url": REPORT_HELP_URL,
    }
    for kind in sharing_issues.SHARING_NOTICES.values():
        for text in texts_of(ENGLISH["issues"][kind]):
            assert placeholders(text) <= issue.translation_placeholders.keys()
    await bank.carry((1000, 1000, 1000), 2)
    await bank.carry((-1000, -1000, -1000), 2)
    assert bank.notice() is None


async def test_fair_bank(hass: HomeAssistant, bank: Bank) -> None:
    """Nothing is said of batteries that carry about their share."""
    await entry_of(hass)
    await bank.carry((1000, 850, 1100), 9)
    await bank.carry((-1000, -850, -1100), 9)
    assert bank.notices() == 0


async def test_series_has_no_shares(hass: HomeAssistant, bank: Bank) -> None:
    """In series one current flows through all, and what their sensors differ by is no share."""
    await entry_of(hass, wiring="series")
    await bank.carry_unfairly()
    assert bank.notices() == 0


@pytest.mark.parametrize("is_noticed", [False, True])
async def test_missing_battery_says_nothing(
    hass: HomeAssistant, bank: Bank, is_noticed: bool
) -> None:
    """While one is silent, what the others carry is not judged, and a notice stays."""
    await entry_of(hass)
    if is_noticed:
        await bank.carry_unfairly()
    else:
        await bank.carry((1000, 200, 1000), 1)
    await bank.carry((1000, 1000, 1000) if is_noticed else (1000, 200, 1000), 0)
    away = bank.link.units.pop(50)
    await bank.wait(12)
    bank.link.units[50] = away
    assert (bank.notice() is not None) is is_noticed


async def test_reload_keeps_the_notice(hass: HomeAssistant, bank: Bank) -> None:
    """A bank that is set up again still has it, ignored or not."""
    entry = await entry_of(hass)
    await bank.carry_unfairly()
    ir.async_ignore_issue(hass, DOMAIN, ISSUE, True)
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    issue = bank.notice()
    assert issue is not None
    assert issue.dismissed_version is not None


async def test_other_battery_takes_the_place(hass: HomeAssistant, bank: Bank) -> None:
    """What was wrong with the old one is not said of the new one."""
    await entry_of(hass)
    await bank.carry_unfairly()
    assert bank.notice() is not None
    bank.link.units[49] = half_full("99XYZ0000000001", cycles=3)
    for _ in range(8):
        await bank.carry((-1000, -1000, -1000), 0.5)
    assert bank.notice() is None


@pytest.mark.parametrize("way", ["removed", "disabled", "series"])
async def test_bank_that_is_gone(hass: HomeAssistant, bank: Bank, way: str) -> None:
    """Of a bank that is disabled, removed or wired otherwise nothing is said."""
    entry = await entry_of(hass)
    await bank.carry_unfairly()
    assert bank.notice() is not None
    if way == "removed":
        await hass.config_entries.async_remove(entry.entry_id)
    elif way == "disabled":
        await hass.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )
    else:
        hass.config_entries.async_update_entry(
            entry, options={**entry.options, "wiring": "series"}
        )
    await settle(hass)
    assert bank.notice() is None
