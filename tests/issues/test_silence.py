# SPDX-License-Identifier: Apache-2.0
"""A bank that goes on without a silent battery: its values, and the notice."""

from collections.abc import Collection
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt import coordinator
from custom_components.renogy_bt.bank.silence import SilenceWatch, silent_before
from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.renogy import battery
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from tests.banks import (
    bank_entry,
    bank_of,
    bank_state,
    link_of,
    link_settings,
    next_poll,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, FakeAir
from tests.renogy.fake_link import FakeLink, rbt50lfp48s
from tests.translation_check import ENGLISH, placeholders, texts_of

UNITS = (48, 49, 50, 51)
SUMS = ("power", "current", "total_capacity", "remaining_capacity", "stored_energy")


class Clock:
    """The clock that silence is counted by, moved by hand."""

    def __init__(self, hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
        """Begin at an odd moment."""
        self._hass = hass
        self._at = 12_345.0
        advance = SilenceWatch.advance

        def on_this_clock(
            watch: SilenceWatch[Any], _: float, read: Collection[Any]
        ) -> frozenset[Any]:
            return advance(watch, self._at, read)

        monkeypatch.setattr(SilenceWatch, "advance", on_this_clock)

    async def pass_by(self, hours: int) -> None:
        """Let time pass, with two polls an hour."""
        for _ in range(2 * hours):
            self._at += 1800.0
            await next_poll(self._hass)


@pytest.fixture
def clock(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock; a silent battery is asked at each poll."""
    monkeypatch.setattr(battery, "BACKOFF_SECONDS", 0.0)
    return Clock(hass, monkeypatch)


@pytest.fixture
def link(air: FakeAir) -> FakeLink:
    """Return a dongle with four batteries that are charged with 2.5 A each."""
    return air.bring(
        FakeLink({unit: rbt50lfp48s(remaining=25_000, current=250) for unit in UNITS})
    )


def notice(hass: HomeAssistant, entry: MockConfigEntry) -> ir.IssueEntry | None:
    """Return the notice that is shown, if one is."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"left_out_{entry.entry_id}")
    return issue if issue is not None and issue.active else None


async def bank(hass: HomeAssistant, **options: Any) -> MockConfigEntry:
    """Set up the bank, with these options."""
    entry = bank_entry(link_settings(units=UNITS), **{"silent_hours": 3, **options})
    await set_up(hass, entry)
    return entry


def values(entry: MockConfigEntry) -> dict[str, Any]:
    """Return the sums of a bank."""
    summary = bank_of(entry).data.summary
    return {name: getattr(summary, name) for name in SUMS}


async def test_bank_goes_on(hass: HomeAssistant, link: FakeLink, clock: Clock) -> None:
    """With those that answer, it says so; and with all as soon as all are back."""
    entry = await bank(hass)
    whole = values(entry)
    assert whole["total_capacity"] == 200.0
    energy = bank_state(hass, entry, "energy_charged").state
    away = link.units.pop(51)
    await clock.pass_by(2)
    assert set(values(entry).values()) == {None}
    assert notice(hass, entry) is None
    await clock.pass_by(2)
    assert values(entry) == {name: 0.75 * each for name, each in whole.items()}
    responding = bank_state(hass, entry, "batteries_responding")
    assert responding.state == "3"
    assert responding.attributes["of"] == 4
    assert responding.attributes["left_out"] == ["RBT50LFP48S 4"]
    power = bank_state(hass, entry, "power")
    assert power.attributes["left_out"] == ["RBT50LFP48S 4"]
    issue = notice(hass, entry)
    assert issue is not None
    assert issue.translation_placeholders == {
        "bank": "Battery bank",
        "batteries": "RBT50LFP48S 4",
        "hours": "3",
        "counted": "3",
        "all": "4",
    }
    for text in texts_of(ENGLISH["issues"]["left_out"]):
        assert placeholders(text) <= issue.translation_placeholders.keys()
    assert float(bank_state(hass, entry, "energy_charged").state) >= float(energy)
    energy = bank_state(hass, entry, "energy_charged").state

    link.units[51] = away
    await clock.pass_by(1)
    assert values(entry) == whole
    assert notice(hass, entry) is None
    assert "left_out" not in bank_state(hass, entry, "power").attributes
    grown = float(bank_state(hass, entry, "energy_charged").state) - float(energy)
    assert 0 <= grown < 0.1


async def test_over_a_reload(
    hass: HomeAssistant,
    link: FakeLink,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was read last before it is known; the notice stays, ignored or not."""
    entry = await bank(hass)
    link.units.pop(51)
    await clock.pass_by(4)
    ir.async_ignore_issue(hass, DOMAIN, f"left_out_{entry.entry_id}", True)
    read_until: dict[Any, float] = {}

    def four_hours_before(known: dict[Any, float]) -> dict[Any, float]:
        # The clock on the wall has not moved with that of the test.
        read_until.update(known)
        return silent_before({**known, (DONGLE, 51): known[DONGLE, 51] - 4 * 3600.0})

    monkeypatch.setattr(coordinator, "silent_before", four_hours_before)
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    assert read_until.keys() == {(DONGLE, unit) for unit in UNITS}
    await clock.pass_by(1)
    assert values(entry)["total_capacity"] == 150.0
    issue = notice(hass, entry)
    assert issue is not None
    assert issue.dismissed_version is not None


async def test_batteries_in_series_share_their_current(
    hass: HomeAssistant, link: FakeLink, clock: Clock
) -> None:
    """The current is that of every battery; the rest is not known without each of them."""
    entry = await bank(hass, wiring="series")
    link.units.pop(51)
    await clock.pass_by(6)
    assert values(entry) == {**dict.fromkeys(SUMS), "current": 2.5}
    assert bank_state(hass, entry, "voltage").state == "unknown"
    assert notice(hass, entry) is None


async def test_who_waits_for_ever(
    hass: HomeAssistant, link: FakeLink, clock: Clock
) -> None:
    """0 hours is never."""
    entry = await bank(hass, silent_hours=0)
    link.units.pop(51)
    await clock.pass_by(30)
    assert set(values(entry).values()) == {None}
    assert notice(hass, entry) is None


async def test_link_that_is_left_to_another_app(
    hass: HomeAssistant, air: FakeAir, link: FakeLink, clock: Clock
) -> None:
    """Its owner knows: the bank goes on, and nothing is said."""
    other = "60:98:66:ED:FC:11"
    air.bring(FakeLink({48: rbt50lfp48s()}), other, "BT-TH-66EDFC11")
    entry = bank_entry(
        link_settings(), link_settings(other, "BT-TH-66EDFC11", (48,)), silent_hours=3
    )
    await set_up(hass, entry)
    await link_of(entry, other).async_set_polling(False)
    await clock.pass_by(4)
    assert values(entry)["total_capacity"] == 200.0
    assert notice(hass, entry) is None


@pytest.mark.parametrize("removed", [False, True])
async def test_bank_that_is_gone(
    hass: HomeAssistant, link: FakeLink, clock: Clock, removed: bool
) -> None:
    """Of a bank that is disabled or removed nothing is said."""
    entry = await bank(hass)
    link.units.pop(51)
    await clock.pass_by(4)
    assert notice(hass, entry) is not None
    if removed:
        await hass.config_entries.async_remove(entry.entry_id)
    else:
        await hass.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )
    await settle(hass)
    assert notice(hass, entry) is None
