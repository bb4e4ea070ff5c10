# SPDX-License-Identifier: Apache-2.0
"""The notice of batteries that cannot be in parallel: what it says, and when it is over."""

from collections.abc import Collection

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.bank.joining_watch import JoiningWatch
from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.renogy.models import BatteryReading
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from tests.banks import bank_entry, bank_state, link_settings, next_poll, set_up, settle
from tests.fake_air import FakeAir
from tests.renogy.fake_link import FakeLink, rbt50lfp48s, rbt12100lfp
from tests.translation_check import ENGLISH, placeholders, texts_of

MINUTE = 60.0


class Clock:
    """The clock that the bank is watched by, moved by hand."""

    def __init__(self, hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
        """Begin at an odd moment."""
        self._hass = hass
        self._at = 12_345.0
        advance = JoiningWatch.advance

        def on_this_clock(
            watch: JoiningWatch,
            _: float,
            readings: Collection[BatteryReading],
            expected: int,
        ) -> bool:
            return advance(watch, self._at, readings, expected)

        monkeypatch.setattr(JoiningWatch, "advance", on_this_clock)

    async def pass_by(self, minutes: int) -> None:
        """Let time pass, with a poll every five minutes."""
        for _ in range(minutes // 5):
            self._at += 5 * MINUTE
            await next_poll(self._hass)


@pytest.fixture
def clock(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock."""
    return Clock(hass, monkeypatch)


@pytest.fixture
def link(air: FakeAir) -> FakeLink:
    """Return a dongle with a battery of 48 V and one of 12 V."""
    return air.bring(FakeLink({48: rbt50lfp48s(), 49: rbt12100lfp()}))


def notice(hass: HomeAssistant, entry: MockConfigEntry) -> ir.IssueEntry | None:
    """Return the notice that is shown, if one is."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"not_joined_{entry.entry_id}")
    return issue if issue is not None and issue.active else None


async def bank(hass: HomeAssistant, wiring: str = "parallel") -> MockConfigEntry:
    """Set up the bank."""
    entry = bank_entry(link_settings(units=(48, 49)), wiring=wiring)
    await set_up(hass, entry)
    return entry


async def test_notice_comes_and_goes(
    hass: HomeAssistant, link: FakeLink, clock: Clock
) -> None:
    """It names the batteries, their cells and volts; values of the bank are back when it is over."""
    entry = await bank(hass)
    assert bank_state(hass, entry, "voltage").state == "unknown"
    await clock.pass_by(5)
    assert notice(hass, entry) is None
    await clock.pass_by(10)
    issue = notice(hass, entry)
    assert issue is not None
    assert issue.translation_key == "not_joined"
    assert issue.translation_placeholders == {
        "bank": "Battery bank",
        "batteries": "| RBT50LFP48S 1 | 15 | 52.4 V |\n| RBT50LFP48S 2 | 4 | 13.2 V |",
    }
    for text in texts_of(ENGLISH["issues"]["not_joined"]):
        assert placeholders(text) <= issue.translation_placeholders.keys()
    assert bank_state(hass, entry, "power").state != "unknown"

    link.units[49] = rbt50lfp48s(serial="22RBH4A051020001")
    await clock.pass_by(15)
    assert notice(hass, entry) is None
    assert bank_state(hass, entry, "voltage").state == "52.4"


async def test_who_sets_the_wiring_to_series_is_rid_of_the_notice(
    hass: HomeAssistant, link: FakeLink, clock: Clock
) -> None:
    """Such batteries may follow one another; who finds out sets the wiring, and the notice goes."""
    entry = await bank(hass)
    await clock.pass_by(15)
    assert notice(hass, entry) is not None
    hass.config_entries.async_update_entry(
        entry, options={**entry.options, "wiring": "series"}
    )
    await settle(hass)
    assert notice(hass, entry) is None
    await clock.pass_by(60)
    assert notice(hass, entry) is None
    assert bank_state(hass, entry, "voltage").state == "65.6"


async def test_reload_keeps_the_notice(
    hass: HomeAssistant, link: FakeLink, clock: Clock
) -> None:
    """A bank that is set up again still has it, ignored or not, also while a battery is silent."""
    entry = await bank(hass)
    await clock.pass_by(15)
    ir.async_ignore_issue(hass, DOMAIN, f"not_joined_{entry.entry_id}", True)
    away = link.units.pop(49)
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    await clock.pass_by(60)
    issue = notice(hass, entry)
    assert issue is not None
    assert issue.dismissed_version is not None
    link.units[49] = away


async def test_battery_that_leaves_the_bank(
    hass: HomeAssistant, link: FakeLink, clock: Clock
) -> None:
    """Of a single battery there is nothing to say."""
    entry = await bank(hass)
    await clock.pass_by(15)
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_update_subentry(
        entry, subentry, data=link_settings(units=(48,)).as_data()
    )
    await settle(hass)
    assert notice(hass, entry) is None


async def test_bank_that_fits(hass: HomeAssistant, air: FakeAir, clock: Clock) -> None:
    """Batteries of one voltage give nothing to say."""
    air.bring(FakeLink({48: rbt12100lfp(), 49: rbt12100lfp()}))
    entry = await bank(hass)
    await clock.pass_by(60)
    assert notice(hass, entry) is None
    assert bank_state(hass, entry, "voltage").state == "13.2"


@pytest.mark.parametrize("removed", [False, True])
async def test_bank_that_is_gone(
    hass: HomeAssistant, link: FakeLink, clock: Clock, removed: bool
) -> None:
    """Of a bank that is disabled or removed nothing is said."""
    entry = await bank(hass)
    await clock.pass_by(15)
    assert notice(hass, entry) is not None
    if removed:
        await hass.config_entries.async_remove(entry.entry_id)
    else:
        await hass.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )
    await settle(hass)
    assert notice(hass, entry) is None
