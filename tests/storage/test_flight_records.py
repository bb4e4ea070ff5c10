# SPDX-License-Identifier: Apache-2.0
"""What flight recorders keep goes through a restart, and is written only when something happens."""

from datetime import timedelta
import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.renogy_bt.storage.flight_records import (
    LONGEST,
    OF_ADAPTERS,
    PAUSE,
    SAVE_DELAY,
    FlightRecordStore,
)
from custom_components.renogy_bt.supervisor.timelines import timeline_data
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from tests.health_months.simulation import ADAPTER
from tests.insides import write_records
from tests.replay.test_timelines import lived, replayed

from .files import Folder

PARTS = [{"state": None, "entries": [{"kind": "look"}]}]


@pytest.fixture
def hass_storage() -> dict[str, Any]:
    """Leave storage as it is: files are written and read."""
    return {}


async def test_a_fault_is_known_after_a_restart(
    hass: HomeAssistant, folder: Folder
) -> None:
    """What stands around it is read as it was, and comes to the same verdicts."""
    timeline = lived("session-lost").health.timeline
    parts = timeline_data(timeline, 160)
    store = FlightRecordStore(hass, OF_ADAPTERS, lambda: {ADAPTER: parts})
    store.save_soon()
    await store.async_save()
    later = FlightRecordStore(hass, OF_ADAPTERS, dict)
    await later.async_load()
    assert later.before == {ADAPTER: json.loads(json.dumps(parts))}
    told = {
        "address": "02:00:00:00:00:01",
        "timeline_before_start": later.before[ADAPTER],
        "timeline": [],
    }
    again = replayed(told)
    assert "session_lost" in {each.then for each in again.verdicts}
    assert again.steps
    assert not again.differs


async def test_nothing_is_written_while_nothing_happens(
    hass: HomeAssistant, folder: Folder
) -> None:
    """Neither in between nor at the end."""
    store = FlightRecordStore(hass, OF_ADAPTERS, lambda: {ADAPTER: PARTS})
    await store.async_load()
    await store.async_save()
    assert not (folder.path / OF_ADAPTERS).exists()
    assert store.before == {}


async def test_it_is_written_in_a_while(hass: HomeAssistant, folder: Folder) -> None:
    """What is told or done is not lost when Home Assistant is killed a minute later."""
    store = FlightRecordStore(hass, OF_ADAPTERS, lambda: {ADAPTER: PARTS})
    store.save_soon()
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=SAVE_DELAY + 1))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (folder.path / OF_ADAPTERS).exists()


@pytest.mark.parametrize("told", ["", "1", "[", "x", "[" * 10_000])
async def test_a_text_that_is_no_record(
    hass: HomeAssistant, folder: Folder, told: str
) -> None:
    """It tells nothing, and hurts nothing."""
    store = FlightRecordStore(hass, OF_ADAPTERS, dict)
    await write_records(store, {ADAPTER: told})
    await store.async_load()
    assert store.before == {}


async def test_what_is_too_long_is_not_written(
    hass: HomeAssistant, folder: Folder
) -> None:
    """A file that could not be read again would be set aside as damaged."""
    store = FlightRecordStore(
        hass,
        OF_ADAPTERS,
        lambda: {ADAPTER: PARTS, "other": [{"entries": "x" * LONGEST}]},
    )
    store.save_soon()
    await store.async_save()
    await store.async_load()
    assert store.before == {ADAPTER: PARTS}


async def test_what_changes_often_is_written_seldom(
    hass: HomeAssistant, folder: Folder
) -> None:
    """A link that fails at every other poll has its file written every five minutes at most."""
    store = FlightRecordStore(hass, OF_ADAPTERS, lambda: {ADAPTER: PARTS})
    store.save_soon()
    await store.async_save()
    (folder.path / OF_ADAPTERS).unlink()
    store.save_soon()
    for seconds, is_written in ((PAUSE - 5, False), (PAUSE + 5, True)):
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=seconds))
        await hass.async_block_till_done(wait_background_tasks=True)
        assert (folder.path / OF_ADAPTERS).exists() is is_written
