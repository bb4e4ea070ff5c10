# SPDX-License-Identifier: Apache-2.0
"""Links that are lost: they delay nobody, are tried again, and are read when they are back."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.links.retries import LONGEST_RETRY_SECONDS
from custom_components.renogy_bt.renogy.models import ReadingFailure
from custom_components.renogy_bt.supervisor.poll_gate import PathChange, PathNews
from custom_components.renogy_bt.supervisor.supervisor import async_get_supervisor
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from tests.banks import (
    bank_entry,
    bank_of,
    bank_state,
    battery_state,
    entity_id,
    link_of,
    link_settings,
    next_poll,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, FakeAir
from tests.insides import next_poll_at
from tests.renogy.fake_link import FakeLink, rbt50lfp48s

OTHER = "60:98:66:ED:FC:11"
OTHER_NAME = "BT-TH-66EDFC11"
CONNECTION = "custom_components.renogy_bt.links.connection"


class HangingAir:
    """Holds up connections to some links until they are given up."""

    def __init__(self, air: FakeAir, monkeypatch: pytest.MonkeyPatch) -> None:
        """Hold up none yet."""
        self._air = air
        self.hanging: set[str] = set()
        monkeypatch.setattr(f"{CONNECTION}.connect", self._connect)

    async def _connect(self, device: Any, name: str) -> Any:
        if device.address in self.hanging:
            self._air.attempts.append("hanging")
            await asyncio.Event().wait()
        return await self._air.connect(device, name)


@pytest.fixture
def hanging(air: FakeAir, monkeypatch: pytest.MonkeyPatch) -> HangingAir:
    """Return what holds up connections."""
    return HangingAir(air, monkeypatch)


@pytest.fixture
async def bank(hass: HomeAssistant, air: FakeAir) -> MockConfigEntry:
    """Return a bank of two links with one battery each."""
    air.bring(FakeLink({48: rbt50lfp48s()}))
    air.bring(FakeLink({48: rbt50lfp48s()}), OTHER, OTHER_NAME)
    entry = bank_entry(
        link_settings(units=(48,)), link_settings(OTHER, OTHER_NAME, (48,))
    )
    await set_up(hass, entry)
    assert bank_state(hass, entry, "batteries_responding").state == "2"
    return entry


async def lose(hass: HomeAssistant, air: FakeAir, *addresses: str) -> None:
    """Let links fail in a poll."""
    for address in addresses or (DONGLE,):
        air.links[address].unreachable = "abort-by-local"
    await next_poll(hass)
    air.attempts.clear()


def let_retry_when_heard(entry: MockConfigEntry, address: str = DONGLE) -> None:
    """Have the pause be over that a lost link is given before it is tried when heard."""
    link_of(entry, address).retries.heard_from = 0.0


def voltage(hass: HomeAssistant, address: str = DONGLE) -> str:
    """Return the voltage that is shown of a link's battery."""
    return battery_state(hass, "voltage", 48, address).state


async def test_a_lost_link_keeps_nobody_waiting(
    hass: HomeAssistant,
    air: FakeAir,
    bank: MockConfigEntry,
    hanging: HangingAir,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A link is read while connecting to a lost link goes on; the bank adds up without it."""
    await lose(hass, air)
    monkeypatch.setattr(f"{CONNECTION}.FAILING_TURN_SECONDS", 0.0)
    hanging.hanging = {DONGLE}
    lost = asyncio.create_task(link_of(bank).async_refresh())
    for amperes in (5, 6, 7):
        air.links[OTHER].units[48].put(5042, [100 * amperes])
        await link_of(bank, OTHER).async_refresh()
        await hass.async_block_till_done()
        assert battery_state(hass, "current", 48, OTHER).state == f"{amperes}.0"
        assert bank_state(hass, bank, "batteries_responding").state == "1"
        assert not lost.done()
    assert voltage(hass) == STATE_UNAVAILABLE
    assert bank_state(hass, bank, "current").state == STATE_UNKNOWN
    assert link_of(bank).failed == {48: ReadingFailure.LINK_LOST}
    assert "abort-by-local" in str(link_of(bank).error)
    await link_of(bank).client.close()
    await lost


async def test_lost_link_is_tried_less_and_less_often(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """The pause after a failure grows from half a minute to five minutes, and ends with success."""
    air.links[DONGLE].unreachable = "abort-by-local"
    link = link_of(bank)
    pauses = []
    for _ in range(6):
        before = hass.loop.time()
        await link.async_refresh()
        pauses.append(round((next_poll_at(link) - before) / 10) * 10)
    assert pauses == [30, 60, 120, 240, LONGEST_RETRY_SECONDS, LONGEST_RETRY_SECONDS]
    air.links[DONGLE].unreachable = None
    await link.async_refresh()
    assert next_poll_at(link) - hass.loop.time() == pytest.approx(60, abs=2)
    await settle(hass)


@pytest.mark.parametrize(("interval", "pause"), [(10, 10), (30, 30), (600, 30)])
async def test_first_retry_comes_after_the_interval_at_the_latest(
    hass: HomeAssistant, air: FakeAir, interval: int, pause: int
) -> None:
    """A link that is polled often is tried again as often at first."""
    link = air.bring(FakeLink({48: rbt50lfp48s()}))
    entry = bank_entry(link_settings(units=(48,)), update_interval=interval)
    await set_up(hass, entry)
    link.unreachable = "abort-by-local"
    await link_of(entry).async_refresh()
    pause_now = next_poll_at(link_of(entry)) - hass.loop.time()
    assert pause_now == pytest.approx(pause, abs=2)


async def test_a_lost_link_that_is_heard(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """The first advertisement of a lost link brings it back, without waiting for a poll."""
    await lose(hass, air)
    air.links[DONGLE].unreachable = None
    air.advertise()
    await settle(hass)
    assert air.attempts == [], "it was lost a moment ago"
    let_retry_when_heard(bank)
    air.advertise()
    await settle(hass)
    assert voltage(hass) == "52.4"
    assert bank_state(hass, bank, "batteries_responding").state == "2"
    assert air.attempts == [DONGLE]


async def test_heard_but_not_to_be_connected_to(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """A link that advertises and takes no connection is tried less and less often."""
    await lose(hass, air)
    link = link_of(bank)
    pauses = []
    for _ in range(8):
        let_retry_when_heard(bank)
        air.advertise()
        await settle(hass)
        assert link.retries.heard_from is not None
        pauses.append(round(link.retries.heard_from - hass.loop.time()))
    assert pauses == [10, 20, 30, 30, 30, 30, 30, 30]
    assert air.attempts == [DONGLE] * 8
    assert voltage(hass, OTHER) == "52.4"


async def test_polls_by_the_clock_do_not_make_deaf_to_advertisements(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """A link that was away for long is polled soon after it is heard again."""
    await lose(hass, air)
    link = link_of(bank)
    for _ in range(10):
        await link.async_refresh()
    assert link.retries.heard_from is not None
    assert link.retries.heard_from - hass.loop.time() < 6


async def test_a_link_that_is_read_again_brings_the_others_back(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """Links that failed together are polled at once when one of them is read, whoever asked."""
    await lose(hass, air, DONGLE, OTHER)
    for address in (DONGLE, OTHER):
        air.links[address].unreachable = None
    await link_of(bank, OTHER).async_refresh()
    await settle(hass)
    assert voltage(hass) == voltage(hass, OTHER) == "52.4"
    assert air.attempts == [OTHER, DONGLE]


async def test_a_link_that_failed_for_long_has_its_own_trouble(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """A battery that is off for good is not looked for whenever another one has hiccups."""
    await lose(hass, air)
    retries, long_ago = link_of(bank).retries, hass.loop.time() - 7200.0
    retries.reached()
    retries.unreached(long_ago, long_ago)
    await lose(hass, air, OTHER)
    air.attempts.clear()
    air.links[OTHER].unreachable = None
    await link_of(bank, OTHER).async_refresh()
    await settle(hass)
    assert air.attempts == [OTHER]


async def test_good_links_are_not_polled_for_news(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """What is read anyway is not polled because a proxy came back or a slot became free."""
    air.attempts.clear()
    gate = async_get_supervisor(hass).gate
    for change in PathChange:
        gate.async_tell_path(PathNews(change, hass.loop.time()))
        air.advertise()
    await settle(hass)
    assert air.attempts == []


async def test_proxy_that_is_there_again(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """The first advertisement after a proxy came back brings the poll; no pause is waited for."""
    await lose(hass, air)
    air.links[DONGLE].unreachable = None
    async_get_supervisor(hass).gate.async_tell_path(
        PathNews(PathChange.SCANNERS_CHANGED)
    )
    await settle(hass)
    assert air.attempts == [], "nothing was heard through it yet"
    air.advertise()
    await settle(hass)
    assert voltage(hass) == "52.4"


@pytest.mark.parametrize("lacked", [True, False])
async def test_slot_that_is_free_again(
    hass: HomeAssistant,
    air: FakeAir,
    bank: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    lacked: bool,
) -> None:
    """A link that failed for want of a slot is polled as soon as one is free; no other is."""
    await lose(hass, air)
    air.links[DONGLE].unreachable = None
    gate = async_get_supervisor(hass).gate
    monkeypatch.setattr(gate, "has_lacked_slot", lambda _: lacked)
    gate.async_tell_path(PathNews(PathChange.SLOT_FREED))
    await settle(hass)
    assert air.attempts == [DONGLE] * lacked


async def test_paused_link_is_left_alone(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """A link whose polling is off is not polled, whatever is noticed."""
    await lose(hass, air)
    await link_of(bank).async_set_polling(False)
    gate = async_get_supervisor(hass).gate
    for change in PathChange:
        gate.async_tell_path(PathNews(change, hass.loop.time()))
        air.advertise()
    await settle(hass)
    assert air.attempts == []


async def test_log_tells_of_a_poll_only_where_one_follows(
    hass: HomeAssistant,
    air: FakeAir,
    bank: MockConfigEntry,
    hanging: HangingAir,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing is said to be polled while the poll that is under way has not yet connected."""
    await lose(hass, air)
    hanging.hanging = {DONGLE}
    link = link_of(bank)
    poll = hass.async_create_task(link.async_refresh())
    while "hanging" not in air.attempts:
        await asyncio.sleep(0)
    let_retry_when_heard(bank)
    caplog.set_level("DEBUG")
    air.advertise()
    async_get_supervisor(hass).gate.async_tell_path(
        PathNews(PathChange.LINK_READ, hass.loop.time())
    )
    assert "polling" not in caplog.text
    await link.client.close()
    await poll
    await settle(hass)


async def test_all_links_are_lost(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """What is heard is read at once, whatever the others do."""
    await lose(hass, air, DONGLE, OTHER)
    await next_poll(hass)
    assert sorted(air.attempts) == sorted([DONGLE, OTHER])
    assert bank_state(hass, bank, "voltage").state == STATE_UNAVAILABLE
    air.attempts.clear()
    air.links[OTHER].unreachable = None
    let_retry_when_heard(bank, OTHER)
    air.advertise(OTHER, OTHER_NAME)
    await settle(hass)
    assert air.attempts == [OTHER, DONGLE], "what failed with it is tried, too"
    assert voltage(hass, OTHER) == "52.4"
    assert voltage(hass) == STATE_UNAVAILABLE
    assert bank_state(hass, bank, "voltage").state == "52.4"


async def test_switch_of_a_lost_link(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """A lost link is not tried while its polling is off, and at once when it is on again."""
    await lose(hass, air)
    switch = entity_id(hass, "switch", f"{DONGLE.lower()}_polling")
    target = {"entity_id": switch}
    await hass.services.async_call("switch", "turn_off", target, blocking=True)
    air.advertise()
    await next_poll(hass)
    assert air.attempts == [OTHER]
    air.links[DONGLE].unreachable = None
    await hass.services.async_call("switch", "turn_on", target, blocking=True)
    await settle(hass)
    assert voltage(hass) == "52.4"


@pytest.mark.parametrize("way", ["switch off", "unload"])
async def test_what_goes_on_ends(
    hass: HomeAssistant,
    air: FakeAir,
    bank: MockConfigEntry,
    hanging: HangingAir,
    way: str,
) -> None:
    """A connection that is being made ends with the link's polling, and with the bank."""
    hanging.hanging = {DONGLE}
    poll = hass.async_create_task(link_of(bank).async_refresh())
    while "hanging" not in air.attempts:
        await asyncio.sleep(0)
    if way == "unload":
        assert await hass.config_entries.async_unload(bank.entry_id)
    else:
        await link_of(bank).async_set_polling(False)
    await poll
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert not any("renogy_bt poll" in name for name in names)
    assert air.attempts.count("hanging") == 1
    await settle(hass)


async def test_a_poll_that_waits_is_not_asked_for_twice(
    hass: HomeAssistant,
    air: FakeAir,
    bank: MockConfigEntry,
    hanging: HangingAir,
) -> None:
    """Whoever wants a poll while one is about to connect is content with that one."""
    hanging.hanging = {DONGLE}
    link = link_of(bank)
    air.attempts.clear()
    poll = hass.async_create_task(link.async_refresh())
    while "hanging" not in air.attempts:
        await asyncio.sleep(0)
    link.async_poll_now()
    await link.client.close()
    await poll
    await settle(hass)
    assert air.attempts == ["hanging"]


async def test_bank_adds_up_once_a_round(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """Links that are polled together are one report of the bank."""
    reports = 0

    def count() -> None:
        nonlocal reports
        reports += 1

    bank_of(bank).async_add_listener(count)
    await next_poll(hass)
    assert reports == 1
    await link_of(bank, OTHER).async_refresh()
    assert reports == 2


async def test_bank_does_not_wait_long_for_a_slow_link(
    hass: HomeAssistant,
    air: FakeAir,
    bank: MockConfigEntry,
    hanging: HangingAir,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A link whose poll takes long is not waited for longer than a round may take."""
    monkeypatch.setattr("custom_components.renogy_bt.coordinator.ROUND_SECONDS", 0.5)
    monkeypatch.setattr(f"{CONNECTION}.TURN_SECONDS", 0.1)
    hanging.hanging = {DONGLE}
    slow = hass.async_create_task(link_of(bank).async_refresh())
    while "hanging" not in air.attempts:
        await asyncio.sleep(0)
    air.links[OTHER].units[48].put(5042, [500])
    await link_of(bank, OTHER).async_refresh()
    assert bank_state(hass, bank, "current").state == "0.0"
    assert not slow.done()
    while bank_state(hass, bank, "current").state != "5.0":
        await asyncio.sleep(0.01)
    await link_of(bank).client.close()
    await slow


async def test_scales_are_measured_by_some_of_the_polls_of_a_fast_link(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two seconds apart they would tell the same twice; the pauses are uneven all the same."""
    air.bring(FakeLink({48: rbt50lfp48s()}))
    entry = bank_entry(link_settings(units=(48,), kept_interval=2))
    await set_up(hass, entry)
    link = link_of(entry)
    taken: list[float] = []
    monkeypatch.setattr(link.scales, "polled", lambda at, _: taken.append(at))
    now = hass.loop.time()
    for step in range(200):
        monkeypatch.setattr(hass.loop, "time", lambda at=now + 2 * step: at)
        link.polled_at = dt_util.utcnow() + timedelta(seconds=step)
        link.async_update_listeners()
    monkeypatch.undo()
    pauses = [after - before for before, after in pairwise(taken)]
    assert min(pauses) >= 10
    assert max(pauses) <= 16
    assert len(set(pauses)) > 1
    await hass.config_entries.async_unload(entry.entry_id)
