# SPDX-License-Identifier: Apache-2.0
"""What is known of the adapters goes through a restart, and damage gives nothing away."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import json
from typing import Any

from hypothesis import given, strategies as st
import probatio
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.adapter_health.climb import LONGEST_REST, Climb
from custom_components.renogy_bt.adapter_health.connects import (
    CLASSES,
    MOST_TRIES,
    failures_needed,
)
from custom_components.renogy_bt.adapter_health.discovery_need import DiscoveryNeed
from custom_components.renogy_bt.adapter_health.history import StepResult
from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.limits import (
    RESETS_PER_HOUR,
    RateLimiter,
)
from custom_components.renogy_bt.adapter_health.memory import Memory
from custom_components.renogy_bt.adapter_health.outages import LONGEST_TRIAL, Outages
from custom_components.renogy_bt.adapter_health.samples import Reason, Strength, Verdict
from custom_components.renogy_bt.storage.adapters import (
    SAVE_DELAY,
    SAVE_SOON,
    AdapterStore,
    data_of,
    health_from_data,
)
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from tests.fake_air import DONGLE
from tests.histories import steps_in
from tests.restart import after_restart

from .files import ADAPTER, ADAPTERS, CHANGE, HEALTH, LEFT_OFF, STEP, Folder, changed

HOUR = 3600.0
DAY = 24 * HOUR


@pytest.fixture
def hass_storage() -> dict[str, Any]:
    """Leave storage as it is: files are written and read."""
    return {}


def health_with(path: str, value: Any) -> AdapterHealth:
    """Return the health in a file with another value at a place, at a time of 5 s."""
    return health_from_data(ADAPTER, changed(HEALTH, tuple(path.split()), value), 5.0)


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the calendar to so many seconds after the file was written."""

    def set_calendar(seconds: float) -> None:
        now = datetime(2026, 11, 23, 13, tzinfo=UTC) + timedelta(seconds=seconds)
        monkeypatch.setattr(dt_util, "utcnow", lambda: now)

    set_calendar(0.0)
    return set_calendar


@pytest.mark.usefixtures("calendar")
def test_nothing_changes_without_a_restart_in_between() -> None:
    """What was read is written as it was, moments as their ages."""
    health = health_from_data(ADAPTER, HEALTH, 5.0)
    assert json.loads(json.dumps(data_of(health, 5.0))) == HEALTH


@pytest.mark.parametrize(
    ("away", "counted"),
    [(0.0, 0.0), (2 * DAY, 2 * DAY), (-DAY, 0.0), (20_000 * DAY, 0.0)],
    ids=["at once", "two days", "set back", "never set before"],
)
def test_time_without_home_assistant(
    calendar: Callable[[float], None], away: float, counted: float
) -> None:
    """A fault gets older meanwhile, unless the calendar was wrong; pauses go on where they were."""
    calendar(away)
    health = health_from_data(ADAPTER, HEALTH, 5.0)
    memory, climb = health.memory, health.climb
    assert memory.open_fault is not None
    assert memory.open_fault.judgement.since == 5.0 - 90_000.0 - counted
    assert memory.open_fault.seen_at == -10.0
    assert memory.links[DONGLE].learned.since == 5.0 - 7 * DAY
    assert memory.outages.doubted_since == 5.0 - DAY - counted
    assert memory.power.offs == (5.0 - 2 * DAY - counted, 5.0 - DAY - counted)
    assert health.own.switched_on_at == 5.0 - 90_000.0 - counted
    assert climb.rest_until == 1805.0
    assert memory.heard_at == 1.5
    assert health.limiter.ages == (900.0, 30.0)


def test_what_was_worked_on_goes_on() -> None:
    """Nothing that was tried, and nothing that was told, is forgotten."""
    health = health_from_data(ADAPTER, HEALTH, 5.0)
    climb = health.climb
    assert climb.against is Verdict.SILENT
    assert climb.tried == (RecoveryStep.RESTART_SCANNING, RecoveryStep.POWER_CYCLE)
    assert climb.failed == (RecoveryStep.FULL_RESET,)
    assert (climb.failures, climb.climbs) == (2, 1)
    assert health.open_fault is Verdict.SILENT
    assert health.has_given_up
    fault = health.memory.open_fault
    assert fault is not None
    assert fault.judgement.verdict is Verdict.SILENT
    assert fault.judgement.reason is Reason.HEARD_ELSEWHERE
    assert fault.depended_on
    learned = health.memory.links[DONGLE].learned
    assert (learned.tries[4], learned.failed[4]) == (200.0, 2.5)
    assert health.own.ended_at == -55.0
    assert health.memory.discovery_need == DiscoveryNeed(successes=2, failures=7)
    assert health.memory.outages.doubted == 240.5


def test_file_of_before_doubts_were_kept() -> None:
    """What the first files of this version lack is as in a new adapter; all else is read."""
    memory = HEALTH["memory"]
    outages = {key: memory["outages"][key] for key in ("edges", "weights")}
    old = {key: item for key, item in memory.items() if key != "discovery_need"}
    data = HEALTH | {"memory": old | {"outages": outages}}
    health = health_from_data(ADAPTER, data, 5.0)
    known = health_from_data(ADAPTER, HEALTH, 5.0).memory
    assert health.memory == replace(
        known,
        discovery_need=DiscoveryNeed(),
        outages=Outages(learned=known.outages.learned),
        open_fault=health.memory.open_fault,
        power=health.memory.power,
    )


def test_long_outage_in_doubt() -> None:
    """What is written can be read, however long an outage has lasted."""
    outages = Outages(doubted_since=-9 * DAY, doubted=8 * DAY, proven_at=-DAY)
    health = AdapterHealth(ADAPTER, memory=Memory(outages=outages))
    kept = after_restart(health, stopped_at=0.0, started_at=60.0).memory.outages
    assert kept.doubted == LONGEST_TRIAL
    assert kept.doubted_since == pytest.approx(-9 * DAY, abs=1.0)
    assert kept.proven_at == pytest.approx(-DAY, abs=1.0)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("memory discovery_need successes", 101),
        ("memory discovery_need failures", -1),
        ("memory discovery_need", {"successes": 1}),
        ("memory outages doubted", LONGEST_TRIAL + 1),
        ("memory outages doubted_ago", -1.0),
        ("memory outages proven_ago", float("inf")),
    ],
)
def test_doubts_without_bound(path: str, value: object) -> None:
    """No file brings counts and times that could not be ours."""
    with pytest.raises(probatio.Invalid):
        health_with(path, value)


def test_adapter_that_was_left_off_was_so_by_us() -> None:
    """After a restart, too, no other hand is suspected; one that was seen stays known."""
    assert health_from_data(ADAPTER, LEFT_OFF, 5.0).memory.power.is_off_by_us
    seen = changed(LEFT_OFF, ("memory", "off_ago"), 60.0)
    for data in (seen, HEALTH):
        assert not health_from_data(ADAPTER, data, 5.0).memory.power.is_off_by_us


def test_adapter_that_was_left_off_is_not_kept_waiting() -> None:
    """What was done before does not delay switching it on."""
    assert health_from_data(ADAPTER, LEFT_OFF, 5.0).own.ended_at is None


@pytest.mark.parametrize("mean", [-60.0, -82.0], ids=["good", "familiar"])
@pytest.mark.parametrize("failed", [49.0, 200.0, MOST_TRIES])
def test_more_failures_than_polls(failed: float, mean: float) -> None:
    """No file makes more polls fail than there were: a share of them is one of all."""
    connects = HEALTH["memory"]["connects"][DONGLE] | {
        "tries": [1.0] * CLASSES,
        "failed": [failed] * CLASSES,
    }
    learned = health_with("memory connects", {DONGLE: connects}).memory.links[DONGLE]
    assert learned.learned.failed == (1.0,) * CLASSES
    rate = learned.learned.failure_rate(Strength(mean=mean), 0.0)
    assert rate is None or failures_needed(rate) > 0


@pytest.mark.parametrize("rest", [-1.0, LONGEST_REST + 1, float("inf"), "for ever"])
def test_rest_without_an_end(rest: object) -> None:
    """No file makes an adapter wait for ever."""
    with pytest.raises(probatio.Invalid):
        health_with("ladder rest_for", rest)


@pytest.mark.parametrize("age", [0, 0.0, 1, DAY])
def test_moments_are_ages(age: float) -> None:
    """A moment is found again by another clock."""
    assert health_with("memory heard_ago", age).memory.heard_at == 5.0 - age


def test_old_moments_stay_known() -> None:
    """However long the adapter has heard nothing, it is known that it did before."""
    assert health_with("memory heard_ago", 9 * DAY).memory.heard_at == 5.0 - 9 * DAY


def test_moments_of_the_future_are_now() -> None:
    """A stamp by another clock does not make the file unreadable."""
    memory = Memory(looked_at=100.0, heard_at=130.0, used_at=90.0)
    climb = Climb(experiment_at=200.0)
    health = AdapterHealth(ADAPTER, memory=memory, climb=climb)
    kept = after_restart(health, stopped_at=100.0, started_at=7.0)
    assert kept.memory.heard_at == 7.0
    assert kept.memory.used_at == -3.0
    assert kept.climb.experiment_at == 7.0


@given(st.lists(st.floats(0.0, 2 * HOUR), max_size=50), st.integers(0, 10**9))
def test_limits_outlive_any_order_and_number(ages: list[float], failures: int) -> None:
    """The newest resets of the last hour count, however many there were."""
    limiter = {"ages": ages, "failures": failures}
    kept = health_with("limiter", limiter).limiter
    assert list(kept.ages) == sorted((age for age in ages if age < HOUR), reverse=True)
    assert kept.at(0.0).pause <= HOUR
    if kept.ages:
        assert kept.wait >= kept.pause - kept.ages[-1]


def test_step_that_was_open_is_aborted() -> None:
    """A step that was still open when Home Assistant went down stays undecided."""
    health = health_with("history records", [STEP | {"result": "pending"}])
    assert steps_in(health.history)[0].result is StepResult.ABORTED
    assert health.history.recoveries == 1


def test_step_that_was_open_is_not_taken_again() -> None:
    """If its fault is found again, it did not help: the climb goes on after it."""
    ladder = HEALTH["ladder"] | {"tried": []}
    records = [STEP | {"result": "pending"}]
    data = changed(HEALTH, ("history", "records"), records) | {"ladder": ladder}
    health = health_from_data(ADAPTER, data, 5.0)
    assert health.climb.tried == (RecoveryStep.POWER_CYCLE,)
    assert health.limiter.failures == 2
    of_a_sound_one = [records[0] | {"verdict": "ok"}]
    data = changed(data, ("history", "records"), of_a_sound_one)
    assert health_from_data(ADAPTER, data, 5.0).climb.tried == ()


def test_many_records() -> None:
    """A longer history than ours is cut when there is something to add, not refused."""
    history = health_with("history records", [CHANGE] * 200).history
    assert len(history.adding(history.records[0]).records) == 100


async def test_steps_under_their_old_names(
    hass: HomeAssistant, folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    """Histories that called a step a rung, and restarting the scan a reload, are taken over."""
    new_steps = [STEP | {"step": "restart_scanning"}, STEP | {"step": "own_links"}]
    old_steps = [
        {"rung": old, **{key: item for key, item in STEP.items() if key != "step"}}
        for old in ("reload", "own_links")
    ]
    path = ("adapters", ADAPTER, "history", "records")
    old = changed(older_data(), path, [CHANGE, *old_steps])
    folder.put(ADAPTERS.key(""), ADAPTERS.frame(data=old, minor_version=1))
    store = AdapterStore(hass, present())
    await store.async_load()
    steps = [record.step for record in steps_in(store.health_of(ADAPTER).history)]
    assert steps == [RecoveryStep.RESTART_SCANNING, RecoveryStep.OWN_LINKS]
    written = json.loads(folder.content(ADAPTERS.key("")) or b"")
    assert written["minor_version"] == 3
    kept = written["data"]["adapters"][ADAPTER]["history"]["records"]
    assert kept == [CHANGE, *new_steps]
    assert "cannot be read" not in caplog.text


def older_data() -> dict[str, Any]:
    """Return what version 1.2 wrote."""
    memory = {key: HEALTH["memory"][key] for key in ("traffic", "heard_ago")}
    health = {
        "memory": memory | {"used_ago": 7.5, "witnesses": []},
        "ladder": {"experiment_ago": 7200.0, "powered_on_ago": 60.0},
        **{key: HEALTH[key] for key in ("limiter", "history", "powered_off_by_us")},
    }
    return {"adapters": {ADAPTER: health}}


async def test_file_of_before_the_climb_was_kept(
    hass: HomeAssistant, folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    """What version 1.2 kept is taken over; what it did not keep is as in a new adapter."""
    folder.put(ADAPTERS.key(""), ADAPTERS.frame(data=older_data(), minor_version=2))
    store = AdapterStore(hass, present())
    await store.async_load()
    health, now = store.health_of(ADAPTER), hass.loop.time()
    assert health.memory.used_at == pytest.approx(now - 7.5, abs=1.0)
    assert health.climb.experiment_at == pytest.approx(now - 7200.0, abs=1.0)
    assert health.own.switched_on_at == pytest.approx(now - 60.0, abs=1.0)
    assert len(health.limiter.ages) == 2
    assert health.climb.tried == ()
    assert health.open_fault is None
    assert health.memory.open_fault is None
    assert "cannot be read" not in caplog.text


def present(*healths: AdapterHealth) -> Any:
    """Return the adapters that are there."""
    return lambda: healths


class Writing:
    """A store, and whether its file is written in time."""

    def __init__(self, hass: HomeAssistant, folder: Folder) -> None:
        """Begin without a file."""
        self.hass, self.folder = hass, folder
        self.store = AdapterStore(hass, present(AdapterHealth(ADAPTER)))

    async def is_written_within(self, seconds: float) -> bool:
        """Let time pass, and take the file away again."""
        async_fire_time_changed(
            self.hass, dt_util.utcnow() + timedelta(seconds=seconds)
        )
        await self.hass.async_block_till_done()
        is_written = self.folder.content(ADAPTERS.key("")) is not None
        self.folder.clear()
        return is_written


async def test_soon_stays_soon(hass: HomeAssistant, folder: Folder) -> None:
    """Neither the regular write nor another one that is due soon puts it off."""
    writing = Writing(hass, folder)
    writing.store.save_soon()
    writing.store.save_now_and_then()
    await asyncio.sleep(0.01)
    writing.store.save_soon()
    assert not await writing.is_written_within(SAVE_SOON - 1)
    assert await writing.is_written_within(SAVE_SOON)


async def test_soon_is_sooner_than_now_and_then(
    hass: HomeAssistant, folder: Folder
) -> None:
    """A regular write that waits is brought forward, and each later change is written, too."""
    writing = Writing(hass, folder)
    writing.store.save_now_and_then()
    assert not await writing.is_written_within(SAVE_SOON)
    for _ in range(2):
        writing.store.save_soon()
        assert await writing.is_written_within(SAVE_SOON)
    assert not await writing.is_written_within(SAVE_DELAY)


async def test_saving_at_once_takes_the_place_of_soon(
    hass: HomeAssistant, folder: Folder
) -> None:
    """What is told after that is written again."""
    writing = Writing(hass, folder)
    writing.store.save_soon()
    await writing.store.async_save()
    assert await writing.is_written_within(0)
    writing.store.save_soon()
    assert await writing.is_written_within(SAVE_SOON)


async def test_adapters_that_are_gone_are_kept(
    hass: HomeAssistant, folder: Folder
) -> None:
    """What is known of an adapter that is not there is written again with the others."""
    folder.put(ADAPTERS.key(""), ADAPTERS.frame())
    other = AdapterHealth("B8:27:EB:00:00:03", powered_off_by_us=True)
    store = AdapterStore(hass, present(other))
    await store.async_load()
    assert list(store.left_off()) == [ADAPTER, "B8:27:EB:00:00:02"]
    await store.async_save()
    written = json.loads(folder.content(ADAPTERS.key("")) or b"")["data"]["adapters"]
    assert written[ADAPTER] == LEFT_OFF
    assert written[other.address]["powered_off_by_us"] is True
    again = AdapterStore(hass, present())
    await again.async_load()
    assert again.health_of(ADAPTER).history == store.health_of(ADAPTER).history
    assert again.health_of(other.address).powered_off_by_us


@pytest.mark.parametrize(
    "content", [b"", b"{", ADAPTERS.frame(data={}), ADAPTERS.frame(version=2)]
)
async def test_file_that_is_lost_gives_no_extra_resets(
    hass: HomeAssistant, folder: Folder, content: Any
) -> None:
    """Nobody knows how often an adapter was reset: none is before an hour is over."""
    folder.put(ADAPTERS.key(""), content)
    store = AdapterStore(hass, present())
    await store.async_load()
    limiter = store.health_of(ADAPTER).limiter.at(0.0)
    assert limiter.ages == (0.0,) * RESETS_PER_HOUR
    assert limiter.wait == limiter.wait_on_request == HOUR
    for now in range(0, 3601, 60):
        limiter = limiter.at(float(now))
    assert limiter.wait == 0


async def test_new_adapter_has_all_its_resets(
    hass: HomeAssistant, folder: Folder
) -> None:
    """Without a file, and for an adapter that a good file does not know, nothing is held back."""
    store = AdapterStore(hass, present())
    await store.async_load()
    assert store.health_of(ADAPTER).limiter == RateLimiter()
    folder.put(ADAPTERS.key(""), ADAPTERS.frame())
    await store.async_load()
    assert store.health_of("B8:27:EB:00:00:03").limiter == RateLimiter()
    assert len(store.health_of(ADAPTER).limiter.ages) == 2


async def test_file_that_was_deleted_gives_no_extra_resets(
    hass: HomeAssistant, folder: Folder
) -> None:
    """Who deletes the last bank and adds it again finds the resets of the last hour spent."""
    folder.put(ADAPTERS.key(""), ADAPTERS.frame())
    health: list[AdapterHealth] = []
    store = AdapterStore(hass, lambda: health)
    await store.async_load()
    health.append(store.health_of(ADAPTER))
    health[0].limiter = health[0].limiter.after_reset(hass.loop.time())
    await store.async_save()
    before = health.pop()
    await AdapterStore(hass, present()).async_remove()
    assert folder.content(ADAPTERS.key("")) is None
    await store.async_load()
    after = store.health_of(ADAPTER)
    assert after.history.records == () != before.history.records
    assert len(after.limiter.ages) == 3
    assert after.limiter.wait_on_request > 0
    assert store.health_of("B8:27:EB:00:00:03").limiter == RateLimiter()
