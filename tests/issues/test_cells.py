# SPDX-License-Identifier: Apache-2.0
"""The notices of cells that depart from the others: there when it lasts, gone when it is over."""

import pytest

from custom_components.renogy_bt.const import DOMAIN, REPORT_HELP_URL
from custom_components.renogy_bt.issues import cells as cell_issues
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from tests.banks import bank_entry, link_id, link_settings, next_poll, set_up, settle
from tests.fake_air import FakeAir
from tests.renogy.fake_link import FakeBattery, FakeLink, rbt50lfp48s
from tests.translation_check import ENGLISH, placeholders, texts_of

UNITS = (48, 49)
ISSUE = f"cell_departs_{link_id()}-49"


class Bank:
    """A bank whose clock and cells are moved by hand."""

    def __init__(
        self, hass: HomeAssistant, link: FakeLink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Begin at an odd moment."""
        self._hass = hass
        self.link = link
        self._at = 12_345.0
        monkeypatch.setattr(cell_issues, "monotonic", lambda: self._at)

    async def live(self, cell: int, hours: float) -> None:
        """Let a cell of the second battery have this voltage, in 0.1 V, with a poll every ten minutes."""
        self.link.units[49].put(5001, [33] * 6 + [cell] + [33] * 8)
        for _ in range(int(hours * 6)):
            self._at += 600.0
            await next_poll(self._hass)

    def notice(self) -> ir.IssueEntry | None:
        """Return the notice about the second battery that is shown, if one is."""
        issue = ir.async_get(self._hass).async_get_issue(DOMAIN, ISSUE)
        return issue if issue is not None and issue.active else None

    def notices(self) -> int:
        """Return how many notices about cells are shown."""
        return sum(
            issue.active and issue.issue_id.startswith("cell_departs")
            for issue in ir.async_get(self._hass).issues.values()
        )


def half_full(serial: str = "22RBH4A051020000", cycles: int = 41) -> FakeBattery:
    """Return a battery that is half full, and says so."""
    battery = rbt50lfp48s(serial=serial, remaining=25_000, cycles=cycles)
    battery.put(5107, [0])
    battery.put(5001, [33] * 15)
    battery.put(5043, [495])
    return battery


@pytest.fixture
def bank(hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch) -> Bank:
    """Return a bank of two batteries that are half full."""
    link = air.bring(FakeLink({unit: half_full() for unit in UNITS}))
    return Bank(hass, link, monkeypatch)


@pytest.mark.parametrize(
    ("cell", "kind", "wiring"),
    [
        (31, cell_issues.CELL_LOWER, "parallel"),
        (36, cell_issues.CELL_HIGHER, "series"),
    ],
)
async def test_notice_comes_and_goes(
    hass: HomeAssistant, bank: Bank, cell: int, kind: str, wiring: str
) -> None:
    """It names the battery, the cell and by more than what it departs, whatever the wiring."""
    await set_up(hass, bank_entry(link_settings(units=UNITS), wiring=wiring))
    await bank.live(cell, 11)
    assert bank.notice() is None
    await bank.live(cell, 2)
    issue = bank.notice()
    assert issue is not None
    assert bank.notices() == 1
    assert not issue.is_fixable
    assert issue.severity is ir.IssueSeverity.WARNING
    assert issue.translation_key == kind
    assert issue.translation_placeholders == {
        "bank": "Battery bank",
        "battery": "RBT50LFP48S 2",
        "cell": "7",
        "millivolts": f"{abs(cell - 33) - 1}00",
        "report_url": REPORT_HELP_URL,
    }
    for text in texts_of(ENGLISH["issues"][kind]):
        assert placeholders(text) <= issue.translation_placeholders.keys()
    await bank.live(33, 22)
    assert bank.notice() is not None
    await bank.live(33, 8)
    assert bank.notice() is None


async def test_sound_bank(hass: HomeAssistant, bank: Bank) -> None:
    """Nothing is said of cells on both sides of a step."""
    await set_up(hass, bank_entry(link_settings(units=UNITS)))
    await bank.live(32, 13)
    await bank.live(34, 13)
    assert bank.notices() == 0


async def test_only_battery_of_a_bank(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is watched as well."""
    link = air.bring(FakeLink({49: half_full()}))
    bank = Bank(hass, link, monkeypatch)
    await set_up(hass, bank_entry(link_settings(units=(49,))))
    await bank.live(31, 13)
    assert bank.notice() is not None


async def test_silence_says_nothing(hass: HomeAssistant, bank: Bank) -> None:
    """What a battery read last, before it fell silent, counts once."""
    await set_up(hass, bank_entry(link_settings(units=UNITS)))
    await bank.live(31, 1)
    away = bank.link.units.pop(49)
    for _ in range(100):
        await next_poll(hass)
    bank.link.units[49] = away
    assert bank.notice() is None


async def test_reload_keeps_the_notice(hass: HomeAssistant, bank: Bank) -> None:
    """A bank that is set up again still has it, ignored or not."""
    entry = bank_entry(link_settings(units=UNITS))
    await set_up(hass, entry)
    await bank.live(31, 13)
    ir.async_ignore_issue(hass, DOMAIN, ISSUE, True)
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    await bank.live(31, 1)
    issue = bank.notice()
    assert issue is not None
    assert issue.dismissed_version is not None


async def test_other_battery_takes_the_place(hass: HomeAssistant, bank: Bank) -> None:
    """What was wrong with the old one is not said of the new one."""
    await set_up(hass, bank_entry(link_settings(units=UNITS)))
    await bank.live(31, 13)
    assert bank.notice() is not None
    bank.link.units[49] = half_full("99XYZ0000000001", cycles=3)
    await bank.live(33, 4)
    assert bank.notice() is None


@pytest.mark.parametrize("way", ["removed", "disabled"])
async def test_bank_that_is_gone(hass: HomeAssistant, bank: Bank, way: str) -> None:
    """Of a bank that is disabled or removed nothing is said."""
    entry = bank_entry(link_settings(units=UNITS))
    await set_up(hass, entry)
    await bank.live(31, 13)
    assert bank.notice() is not None
    if way == "removed":
        await hass.config_entries.async_remove(entry.entry_id)
    else:
        await hass.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )
    await settle(hass)
    assert bank.notice() is None
