# SPDX-License-Identifier: Apache-2.0
"""Values that nothing renews become unavailable, whatever keeps polls from ending."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from hypothesis import assume, given, settings, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.renogy_bt.links.staleness import Staleness
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from tests.banks import (
    bank_entry,
    bank_state,
    battery_state,
    link_of,
    link_settings,
    link_state,
    set_up,
    settle,
)
from tests.fake_air import FakeAir
from tests.renogy.fake_link import four_batteries
from tests.renogy.virtual_time import on_virtual_time

# As documented, not as the code has it.
LIMIT = 300.0


@pytest.fixture(autouse=True)
def lasting_values() -> None:
    """Let values get too old."""


async def pass_time(hass: HomeAssistant, seconds: float) -> None:
    """Let timers run; whoever hangs is not waited for."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=seconds))
    await hass.async_block_till_done()


def shown(hass: HomeAssistant, entry: MockConfigEntry) -> set[bool]:
    """Return whether the values of the batteries and of the bank are shown."""
    states = [battery_state(hass, "voltage", unit) for unit in (48, 49, 50, 51)]
    states.append(bank_state(hass, entry, "voltage"))
    return {state.state != STATE_UNAVAILABLE for state in states}


async def _for_ever(*_: Any, **__: Any) -> Any:
    await asyncio.Event().wait()


def _hanging_poll(entry: MockConfigEntry, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(link_of(entry).client, "poll", _for_ever)


def _hanging_store(entry: MockConfigEntry, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(link_of(entry), "_keep", _for_ever)


def _no_timer(entry: MockConfigEntry, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(link_of(entry), "async_refresh", _for_ever)
    patch.setattr(link_of(entry), "_handle_refresh_interval", _for_ever)


REASONS: list[Callable[[MockConfigEntry, pytest.MonkeyPatch], None]] = [
    *(_hanging_poll, _hanging_store, _no_timer)
]


@pytest.mark.parametrize("reason", REASONS)
async def test_no_poll_ends(
    hass: HomeAssistant,
    air: FakeAir,
    bank: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    reason: Callable[[MockConfigEntry, pytest.MonkeyPatch], None],
) -> None:
    """The values are shown for the limit, and not longer; with the next poll they are back."""
    with monkeypatch.context() as patch:
        reason(bank, patch)
        await pass_time(hass, 61)
        await pass_time(hass, LIMIT - 2)
        assert shown(hass, bank) == {True}
        await pass_time(hass, LIMIT + 1)
        # The bank waits for who is being polled, but not for long.
        await pass_time(hass, 6)
        assert shown(hass, bank) == {False}
        assert bank_state(hass, bank, "batteries_responding").state == STATE_UNAVAILABLE
        told = [each for each in caplog.messages if "too old to be shown" in each]
        assert len(told) == 1
        # What is known of the link itself is no reading.
        assert link_state(hass, "polling", platform="switch").state == "on"
        for task in asyncio.all_tasks():
            if "refresh" in task.get_name():
                task.cancel()
        await hass.async_block_till_done()
    # Home Assistant has lost track of it meanwhile.
    air.advertise()
    await link_of(bank).async_refresh()
    await settle(hass)
    assert shown(hass, bank) == {True}


async def test_polls_that_end_renew_the_time(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """Nothing is taken away while polls end, however they end."""
    for _ in range(3):
        await pass_time(hass, LIMIT - 2)
        await settle(hass)
        assert shown(hass, bank) == {True}
        await link_of(bank).async_refresh()


async def test_nothing_is_left_behind(
    hass: HomeAssistant, bank: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """A bank that is unloaded has no timer, a poll that ends late starts none."""
    link = link_of(bank)
    assert await hass.config_entries.async_unload(bank.entry_id)
    await link.async_refresh()
    await pass_time(hass, 10 * LIMIT)
    assert not [each for each in caplog.messages if "too old to be shown" in each]


@settings(max_examples=100, deadline=None)
@given(
    interval=st.sampled_from([2.0, 10.0, 60.0, 600.0]),
    pauses=st.lists(st.floats(0.5, 2000.0), max_size=12),
)
@on_virtual_time
async def test_the_limit(interval: float, pauses: list[float]) -> None:
    """It is an interval and the longest poll, for any run of polls."""
    longest = max(interval, 60.0) + 240.0
    assume(all(abs(pause - longest) > 0.01 for pause in pauses))

    loop = asyncio.get_running_loop()
    told: list[float] = []
    watch = Staleness(interval, lambda: told.append(loop.time()))
    expected = []
    watch.poll_ended()
    for pause in pauses:
        if pause > longest:
            expected.append(loop.time() + longest)
        await asyncio.sleep(pause)
        watch.poll_ended()
    watch.stop()
    await asyncio.sleep(10 * longest)
    assert told == pytest.approx(expected)


async def test_who_is_not_polled_is_not_watched(
    hass: HomeAssistant,
    air: FakeAir,
    bank: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A link that is left to another app is silent by intention; after that it is watched."""
    await link_of(bank).async_set_polling(False)
    await pass_time(hass, LIMIT + 1)
    assert not [each for each in caplog.messages if "too old to be shown" in each]
    air.advertise()
    await link_of(bank).async_set_polling(True)
    await settle(hass)
    await pass_time(hass, LIMIT - 2)
    assert shown(hass, bank) == {True}


async def test_a_hold_has_its_own_time(hass: HomeAssistant, air: FakeAir) -> None:
    """Who wants no gap after failed polls keeps the values as long as was chosen."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings(), failed_polls=10)
    await set_up(hass, entry)
    link.unreachable = "abort-by-local"
    refresh: Callable[[], Awaitable[None]] = link_of(entry).async_refresh
    await refresh()
    await pass_time(hass, LIMIT + 1)
    await settle(hass)
    assert shown(hass, entry) == {True}
