# SPDX-License-Identifier: Apache-2.0
"""An installation of version 0.1.0 goes on with today's version, and loses nothing.

Its `.storage` was made by that version (see tests/upgrade); the world is the one in which it
was made, and Home Assistant really reads and writes the files.
"""

from dataclasses import asdict
import json
import logging
from pathlib import Path
import shutil
from typing import Any

import pytest

from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.supervisor.supervisor import async_get_supervisor
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    category_registry as cr,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    issue_registry as ir,
    label_registry as lr,
    restore_state as rs,
)
from homeassistant.setup import async_setup_component
from tests.banks import entity_id, settle
from tests.emulator import EmulatedWorld, World, load_world
from tests.upgrade import STORAGE_0_1_0, WORLD_0_1_0, files, stored

from .conftest import FAST, still
from .integration import heard, until

ADAPTER = "B8:27:EB:5A:00:01"
UNPOLLED = "C4:64:66:3D:0E:21"
REGISTRIES = (ar, cr, dr, er, fr, ir, lr, rs)


@pytest.fixture
def world() -> World:
    """Return the world in which the installation was, with the sun standing still."""
    return still(load_world(WORLD_0_1_0)).with_timing(FAST)


@pytest.fixture
def hass_storage() -> dict[str, Any]:
    """Leave storage as it is: files are written and read."""
    return {}


@pytest.fixture
def load_registries() -> bool:
    """Have no empty registries made."""
    return False


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Let Home Assistant start where version 0.1.0 stopped."""
    folder = Path(hass_tmp_config_dir) / ".storage"
    shutil.copytree(STORAGE_0_1_0, folder, dirs_exist_ok=True)
    return hass_tmp_config_dir


@pytest.fixture(autouse=True)
async def registries(hass: HomeAssistant) -> None:
    """Load what Home Assistant loads at its start."""
    hass.set_state(CoreState.not_running)
    dr.async_setup(hass)
    for registry in REGISTRIES:
        await registry.async_load(hass)
    await hass.config_entries.async_initialize()
    hass.set_state(CoreState.running)


@pytest.mark.usefixtures("integration")
async def test_installation_of_version_0_1_0(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Settings, entities, devices, totals, alarms and histories are as they were."""
    addresses = [link.address for link in emulated_world.world.links]
    await heard(hass, *addresses)
    assert await async_setup_component(hass, DOMAIN, {})
    await settle(hass)
    await until(lambda: ADAPTER in async_get_supervisor(hass).adapters)
    await settle(hass)
    banks = hass.config_entries.async_entries(DOMAIN, include_ignore=False)
    assert [bank.state for bank in banks] == [ConfigEntryState.LOADED] * 2
    _assert_settings_are_kept(hass)
    _assert_entities_are_kept(hass)
    _assert_devices_are_kept(hass)
    _assert_totals_are_shown(hass)
    _assert_events_are_kept(hass)
    _assert_issues_are_kept(hass)
    _assert_history_is_shown(hass)
    for bank in banks:
        await hass.config_entries.async_unload(bank.entry_id)
    await hass.async_block_till_done()
    _assert_files_go_on(Path(hass.config.path(".storage")))
    assert [r.getMessage() for r in caplog.records if r.levelno > logging.WARNING] == []


def _changed(before: dict[str, Any], after: Any, *keys: str) -> dict[str, Any]:
    """Return what became of the values under some keys, where that is something else."""
    now = {key: getattr(after, key) for key in keys}
    return {key: now[key] for key in keys if now[key] != before[key]}


def _assert_settings_are_kept(hass: HomeAssistant) -> None:
    entries = stored("core.config_entries")["entries"]
    assert len(entries) == 3
    for before in entries:
        after = hass.config_entries.async_get_entry(before["entry_id"])
        assert after is not None
        keys = ("title", "unique_id", "source", "disabled_by", "options")
        assert _changed(before, after, *keys) == {}
        for subentry in before["subentries"]:
            now = after.subentries[subentry["subentry_id"]]
            assert _changed(subentry, now, "title", "unique_id", "data") == {}
        assert len(after.subentries) == len(before["subentries"])


def _assert_entities_are_kept(hass: HomeAssistant) -> None:
    registry = er.async_get(hass)
    entities = stored("core.entity_registry")["entities"]
    assert len(entities) > 400
    for before in entities:
        after = registry.entities.get_entry(before["id"])
        assert after is not None, before["entity_id"]
        keys = (
            *("entity_id", "unique_id", "config_entry_id", "config_subentry_id"),
            *("device_id", "disabled_by", "hidden_by", "name", "icon", "area_id"),
        )
        assert _changed(before, after, *keys) == {}, before["entity_id"]
        if after.disabled_by is None:
            state = hass.states.get(after.entity_id)
            assert state is not None, after.entity_id
            assert "restored" not in state.attributes, after.entity_id


def _assert_devices_are_kept(hass: HomeAssistant) -> None:
    registry = dr.async_get(hass)
    devices = stored("core.device_registry")["devices"]
    for before in devices:
        after = registry.async_get(before["id"])
        assert after is not None, before["name"]
        identifiers = [list(identifier) for identifier in after.identifiers]
        assert identifiers == before["identifiers"]
        keys = ("name_by_user", "area_id", "disabled_by", "via_device_id")
        assert _changed(before, after, *keys) == {}, before["name"]
    ours = [
        device
        for bank in hass.config_entries.async_entries(DOMAIN)
        for device in dr.async_entries_for_config_entry(registry, bank.entry_id)
    ]
    assert len(ours) == len(devices)


def _assert_totals_are_shown(hass: HomeAssistant) -> None:
    for bank, before in files("energy").items():
        totals = {bank: before["bank"]} | {
            key.lower().replace("/", "_"): each
            for key, each in before["batteries"].items()
        }
        for owner, each in totals.items():
            for direction in ("charged", "discharged"):
                state = _state(hass, "sensor", f"{owner}_energy_{direction}")
                # The battery of the link that is left to the phone app shows nothing.
                if owner.startswith(UNPOLLED.lower()):
                    assert state == STATE_UNAVAILABLE
                else:
                    # Down to a Wh.
                    assert 0 <= each[direction] / 1000 - float(state) < 0.001


def _assert_events_are_kept(hass: HomeAssistant) -> None:
    events = stored("core.restore_state")
    assert len(events) == 7
    for event in events:
        before = event["state"]
        after = hass.states.get(before["entity_id"])
        assert after is not None
        assert after.state == before["state"], before["entity_id"]


def _assert_issues_are_kept(hass: HomeAssistant) -> None:
    """What the user chose to ignore stays ignored, without address and serial numbers."""
    (before,) = stored("repairs.issue_registry")["issues"]
    (after,) = (
        issue
        for issue in ir.async_get(hass).issues.values()
        if issue.domain == DOMAIN and issue.translation_key == "battery_replaced"
    )
    assert after.issue_id == f"battery_replaced_{before['data']['subentry_id']}-50"
    told = before["translation_placeholders"]
    told |= {"serial_before": "…08", "serial": "…99"}
    keys = ("dismissed_version", "translation_placeholders", "is_persistent")
    assert _changed(before, after, *keys) == {}
    assert after.data is not None
    assert after.data.items() >= before["data"].items()


def _assert_history_is_shown(hass: HomeAssistant) -> None:
    before = stored("renogy_bt.bluetooth_health")["adapters"][ADAPTER]["history"]
    after = async_get_supervisor(hass).adapters[ADAPTER]
    assert after.history.recoveries == before["recoveries"] == 3
    assert _state(hass, "sensor", f"adapter_{ADAPTER.lower()}_recoveries") == "3"
    records = after.history.records[: len(before["records"])]
    for old, new in zip(before["records"], records, strict=True):
        if (step := old.pop("rung", None)) is not None:
            old["step"] = "restart_scanning" if step == "reload" else step
        assert {**asdict(new), "at": new.at.isoformat()} == old


def _assert_files_go_on(folder: Path) -> None:
    """Nothing was kept beside, and what is written now is what was, and more."""
    assert list(folder.glob("*.corrupt.*")) == []
    written = {path.name: json.loads(path.read_text()) for path in folder.iterdir()}
    health = written["renogy_bt.bluetooth_health"]["data"]["adapters"][ADAPTER]
    before = stored("renogy_bt.bluetooth_health")["adapters"][ADAPTER]
    assert len(health["limiter"]["ages"]) == len(before["limiter"]["ages"]) == 3
    assert health["memory"]["witnesses"] == before["memory"]["witnesses"]
    for bank, energy in files("energy").items():
        data = written[f"renogy_bt.energy.{bank}"]["data"]
        for battery, totals in energy["batteries"].items():
            assert data["batteries"][battery] == pytest.approx(totals, abs=0.01)
        assert data["bank"] == pytest.approx(energy["bank"], abs=0.01)
    for bank, alarms in files("alarms").items():
        assert written[f"renogy_bt.alarms.{bank}"]["data"] == alarms


def _state(hass: HomeAssistant, platform: str, unique_id: str) -> str:
    entity = entity_id(hass, platform, unique_id)
    assert entity is not None, unique_id
    state = hass.states.get(entity)
    assert state is not None, entity
    return state.state
