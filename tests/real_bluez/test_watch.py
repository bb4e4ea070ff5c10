# SPDX-License-Identifier: Apache-2.0
"""Tests of what is noted of Home Assistant in the guest."""

import json
from pathlib import Path
import time
from typing import override

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, issue_registry as ir

from .guest.event_log import EventLog
from .guest.home_assistant import DOMAIN, Watch

ISSUE = "adapter_service_b827eb5a0001"


class _Clocked(EventLog):
    """A log whose clock is set by the test."""

    at: float = 0.0

    @override
    def now(self) -> float:
        return self.at


def _raise(hass: HomeAssistant, count: int) -> None:
    ir.async_create_issue(
        hass,
        DOMAIN,
        ISSUE,
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key="adapter_service_crashes",
        translation_placeholders={"count": str(count)},
    )


async def test_notices_are_noted_by_their_text(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    """A notice that is worded anew is still the same; the highest number counts."""
    watch = Watch(hass, EventLog(tmp_path / "log"))
    for count in (3, 9, 5):
        _raise(hass, count)
        await hass.async_block_till_done()

    assert watch.open_issues() == ("adapter_service_crashes",)
    conduct = watch.conduct_since(0.0)
    assert conduct.notices == ("adapter_service_crashes",)
    assert conduct.counted == 9

    ir.async_delete_issue(hass, DOMAIN, ISSUE)
    await hass.async_block_till_done()

    assert watch.open_issues() == ()
    assert watch.issues == ["adapter_service_crashes"]
    actions = [
        json.loads(line)["action"]
        for line in (tmp_path / "log").read_text().splitlines()
    ]
    assert actions == ["create", "update", "update", "remove"]


async def test_states_are_noted_from_a_moment_on(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    """The state at that moment counts, those before it do not."""
    log = _Clocked(tmp_path / "log")
    watch = Watch(hass, log)
    entity = er.async_get(hass).async_get_or_create(
        "sensor", DOMAIN, "adapter_00:11_state", translation_key="adapter_state"
    )
    for log.at, state in enumerate(("starting", "ok", "silent", "ok")):
        hass.states.async_set(entity.entity_id, state)
        await hass.async_block_till_done()

    assert watch.conduct_since(0.0).states == ("starting", "ok", "silent")
    assert watch.conduct_since(1.5).states == ("ok", "silent")


def test_log_of_a_run_goes_on_after_a_kill(tmp_path: Path) -> None:
    """The second Home Assistant of a run writes below the first one's lines, by one clock."""
    first = EventLog(tmp_path / "log")
    first.write("killed")
    EventLog(tmp_path / "log", time.monotonic() - 500).write("started")

    killed, started = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert (killed["kind"], started["kind"]) == ("killed", "started")
    assert 500 <= started["t"] < 560


async def test_entities_that_are_lost_are_noted(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    """Lost is what goes or becomes unavailable; a value that is not known is still there."""
    watch = Watch(hass, EventLog(tmp_path / "log"))
    names = ("stays", "goes", "unavailable", "unknown")
    entities = [
        er.async_get(hass).async_get_or_create("sensor", DOMAIN, name).entity_id
        for name in names
    ]
    for entity in entities:
        hass.states.async_set(entity, "1")
    hass.states.async_set("sensor.of_another", "1")
    watch.note_entities()
    _, goes, unavailable, unknown = entities
    hass.states.async_remove(goes)
    hass.states.async_set(unavailable, "unavailable")
    hass.states.async_set(unknown, "unknown")
    hass.states.async_remove("sensor.of_another")

    assert watch.lost_entities() == (goes, unavailable)
