"""What is known of the adapters goes through a restart, and damage gives nothing away."""

from dataclasses import replace
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.adapter_health.climb import LONGEST_REST, Climb
from custom_components.renogy_bt.adapter_health.history import StepResult
from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.limits import (
    LONGEST_PAUSE,
    RESETS_PER_HOUR,
    RateLimiter,
)
from custom_components.renogy_bt.adapter_health.memory import Memory
from custom_components.renogy_bt.adapter_health.samples import Verdict
from custom_components.renogy_bt.storage.adapters import (
    AdapterStore,
    data_of,
    health_from_data,
)
from homeassistant.core import HomeAssistant
from tests.restart import after_restart

from .files import ADAPTER, ADAPTERS, CHANGE, HEALTH, STEP, Folder, changed

HOUR = 3600.0
DAY = 24 * HOUR


@pytest.fixture
def hass_storage() -> dict[str, Any]:
    """Leave storage as it is: files are written and read."""
    return {}


def health_with(path: str, value: Any) -> AdapterHealth:
    """Return the health in a file with another value at a place, at a time of 5 s."""
    return health_from_data(ADAPTER, changed(HEALTH, tuple(path.split()), value), 5.0)


def test_nothing_changes_without_a_restart_in_between() -> None:
    """What was read is written as it was, moments as their ages."""
    health = health_from_data(ADAPTER, HEALTH, 5.0)
    health.memory = replace(health.memory, looked_at=5.0)
    assert json.loads(json.dumps(data_of(health, 5.0))) == HEALTH


@pytest.mark.parametrize("age", [0, 0.0, 1, DAY])
def test_ages_up_to_the_oldest_are_taken(age: float) -> None:
    """A moment is found again by another clock; the oldest itself is still taken."""
    assert health_with("memory heard_ago", age).memory.heard_at == 5.0 - age


def test_older_moments_mean_nothing() -> None:
    """What was too long ago is as good as never."""
    assert health_with("memory heard_ago", DAY + 1).memory.heard_at is None
    assert health_with("memory used_ago", DAY + 1).memory.used_at is None
    health = health_with("ladder experiment_ago", LONGEST_REST + 1)
    assert health.climb.experiment_at is None
    assert health_with("ladder powered_on_ago", HOUR + 1).climb == replace(
        health_from_data(ADAPTER, HEALTH, 5.0).climb, against=None
    )


def test_adapter_that_was_switched_on_by_us() -> None:
    """Whoever switches it off again within the hour wants it off, after a restart too."""
    climb = health_with("ladder powered_on_ago", 60.0).climb
    assert climb.against is Verdict.POWERED_OFF
    assert climb.recovered_at == -55.0


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
    assert kept.at(0.0).pause <= LONGEST_PAUSE
    if kept.ages:
        assert kept.wait >= kept.pause - kept.ages[-1]


def test_step_that_was_open_is_aborted() -> None:
    """A step that was still open when Home Assistant went down stays undecided."""
    history = health_with("history records", [STEP | {"result": "pending"}]).history
    assert history.steps[0].result is StepResult.ABORTED
    assert history.recoveries == 1


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
    old = changed(ADAPTERS.data, path, [CHANGE, *old_steps])
    folder.put(ADAPTERS.key(""), ADAPTERS.frame(data=old, minor_version=1))
    store = AdapterStore(hass, present())
    await store.async_load()
    steps = [record.step for record in store.health_of(ADAPTER).history.steps]
    assert steps == [RecoveryStep.RESTART_SCANNING, RecoveryStep.OWN_LINKS]
    written = json.loads(folder.content(ADAPTERS.key("")) or b"")
    assert written["minor_version"] == 2
    assert written["data"] == changed(ADAPTERS.data, path, [CHANGE, *new_steps])
    assert "cannot be read" not in caplog.text


def present(*healths: AdapterHealth) -> Any:
    """Return the adapters that are there."""
    return lambda: healths


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
    assert written[ADAPTER] == HEALTH
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
