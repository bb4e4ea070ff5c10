# SPDX-License-Identifier: Apache-2.0
"""Batteries whose readings are refused: told apart from silent ones, calmly, until it is over."""

from collections.abc import Callable

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.const import DOMAIN
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from tests.banks import (
    bank_entry,
    battery_state,
    link_id,
    link_settings,
    next_poll,
    set_up,
)
from tests.fake_air import FakeAir
from tests.renogy.fake_link import FakeLink, rbt50lfp48s
from tests.translation_check import ENGLISH, placeholders, texts_of

ISSUE = f"readings_refused_{link_id()}-49"

type Clock = Callable[[float], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return what moves the clock that notices go by."""
    seconds = [1000.0]
    monkeypatch.setattr(
        "custom_components.renogy_bt.issues.refusals.monotonic", lambda: seconds[0]
    )

    def move(by: float) -> None:
        seconds[0] += by

    return move


@pytest.fixture
def link(air: FakeAir) -> FakeLink:
    """Return a dongle with two batteries."""
    return air.bring(FakeLink({48: rbt50lfp48s(), 49: rbt50lfp48s()}))


@pytest.fixture
async def entry(hass: HomeAssistant, clock: Clock, link: FakeLink) -> MockConfigEntry:
    """Return their bank, set up."""
    entry = bank_entry(link_settings(units=(48, 49)))
    await set_up(hass, entry)
    return entry


def spoil(link: FakeLink, voltage: int = 100) -> None:
    """Let a battery say 10 V, which its cells deny."""
    link.units[49].put(5043, [voltage])


def mend(link: FakeLink) -> None:
    """Let the battery be as it was."""
    link.units[49] = rbt50lfp48s()


def notice(hass: HomeAssistant) -> ir.IssueEntry | None:
    """Return the notice that is shown, if one is."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, ISSUE)
    return issue if issue is not None and issue.active else None


async def polls(
    hass: HomeAssistant, clock: Clock, count: int, every: float = 61
) -> None:
    """Let so many polls pass."""
    for _ in range(count):
        clock(every)
        await next_poll(hass)


async def test_refused_readings_are_told(
    hass: HomeAssistant,
    clock: Clock,
    link: FakeLink,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The notice names what cannot be true, and goes with the next good reading."""
    spoil(link)
    await polls(hass, clock, 5)
    assert notice(hass) is None
    assert battery_state(hass, "voltage", unit=49).state == STATE_UNAVAILABLE
    assert "RBT50LFP48S 2 answers is refused, it cannot be true (sum_of_cells)" in (
        caplog.text
    )
    assert "does not answer" not in caplog.text
    await polls(hass, clock, 1)
    issue = notice(hass)
    assert issue is not None
    assert issue.translation_placeholders is not None
    values = issue.translation_placeholders["values"]
    assert values == "- Voltage, which is not the sum of the cell voltages"
    assert "RBT50LFP48S 2" in issue.translation_placeholders["battery"]
    for text in texts_of(ENGLISH["issues"]["readings_refused"]):
        assert placeholders(text) <= issue.translation_placeholders.keys()
    mend(link)
    await polls(hass, clock, 1)
    assert notice(hass) is None
    assert battery_state(hass, "voltage", unit=49).state == "52.4"


async def test_quick_polls_raise_nothing_in_a_hurry(
    hass: HomeAssistant, clock: Clock, link: FakeLink, entry: MockConfigEntry
) -> None:
    """Many refused readings within five minutes are not yet told."""
    spoil(link)
    await polls(hass, clock, 20, every=10)
    assert notice(hass) is None


async def test_one_good_reading_in_four_is_no_trouble(
    hass: HomeAssistant, clock: Clock, link: FakeLink, entry: MockConfigEntry
) -> None:
    """A disturbed line refuses readings, but not for long."""
    for _ in range(6):
        spoil(link)
        await polls(hass, clock, 4, every=120)
        mend(link)
        await polls(hass, clock, 1)
        assert notice(hass) is None


async def test_a_silent_battery_is_not_refused(
    hass: HomeAssistant,
    clock: Clock,
    link: FakeLink,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A battery that is switched off raises nothing, and the log says that it is silent."""
    del link.units[49]
    await polls(hass, clock, 10)
    assert notice(hass) is None
    assert "RBT50LFP48S 2 does not answer (silent)" in caplog.text
    assert "is refused" not in caplog.text


async def test_the_notice_stays_while_the_battery_is_silent(
    hass: HomeAssistant, clock: Clock, link: FakeLink, entry: MockConfigEntry
) -> None:
    """Silence proves no value: only a good reading ends the notice, which never changes."""
    spoil(link)
    await polls(hass, clock, 6)
    first = notice(hass)
    assert first is not None
    spoil(link, voltage=0)
    await polls(hass, clock, 2)
    del link.units[49]
    await polls(hass, clock, 2)
    assert notice(hass) is first
    mend(link)
    await polls(hass, clock, 1)
    assert notice(hass) is None


async def test_the_notice_goes_with_the_bank(
    hass: HomeAssistant, clock: Clock, link: FakeLink, entry: MockConfigEntry
) -> None:
    """A bank that is removed leaves nothing behind."""
    spoil(link)
    await polls(hass, clock, 6)
    assert notice(hass) is not None
    await hass.config_entries.async_remove(entry.entry_id)
    assert notice(hass) is None
