# SPDX-License-Identifier: Apache-2.0
"""Nothing of ours stays behind: after a kill in the middle of a write, and after the last bank."""

from functools import partial
from pathlib import Path
import subprocess
import sys
from typing import Any

import pytest

from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.storage.adapters import STORAGE_KEY
from custom_components.renogy_bt.storage.flight_records import OF_ADAPTERS
from custom_components.renogy_bt.storage.leftovers import async_remove_leftovers
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from tests.banks import bank_entry, link_settings, set_up, settle
from tests.fake_air import FakeAir
from tests.renogy.fake_link import four_batteries

from .files import ADAPTERS, ENERGY, KINDS, Folder, Kind


@pytest.fixture
def hass_storage() -> dict[str, Any]:
    """Leave storage as it is: files are written and read."""
    return {}


# Writes a file as Home Assistant does, and is killed before the file has its name.
KILLED = """
import json, os, signal, sys
from homeassistant.util import file
file.os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
import atomicwrites
atomicwrites.replace_atomic = file.os.replace
how, path, content = sys.argv[1:]
getattr(file, how)(path, content)
"""


@pytest.mark.parametrize("how", ["write_utf8_file_atomic", "write_utf8_file"])
async def test_a_write_that_was_killed_leaves_nothing_after_the_next_start(
    hass: HomeAssistant, folder: Folder, how: str
) -> None:
    """The file that was there is as it was."""
    before = folder.put(ENERGY.key("test"), ENERGY.frame())
    content = before.decode().replace("1500.5", "1600.5")
    path = folder.path / ENERGY.key("test")
    command = [sys.executable, "-c", KILLED, how, path, content]
    run = partial(subprocess.run, command, check=False)
    killed = await hass.async_add_executor_job(run)
    assert killed.returncode < 0
    (left,) = folder.path.glob("tmp*")
    assert left.stat().st_size > 0
    await async_remove_leftovers(hass)
    assert folder.names == [path.name]
    assert folder.content(ENERGY.key("test")) == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("indent", [None, 2])
async def test_what_is_ours_is_known_by_its_beginning(
    hass: HomeAssistant, folder: Folder, kind: Kind, indent: int | None
) -> None:
    """Whole or cut off behind its key."""
    for at, name in ((None, "tmpabcd1234"), (150, "tmp_0zz9qq7")):
        raw = folder.put(name, kind.frame())
        (folder.path / name).write_bytes(raw[:at])
    await async_remove_leftovers(hass)
    assert folder.names == []


OTHERS: dict[str, bytes] = {
    "tmpabcd1234": b"",
    "tmpabcd1235": b'{"version":1,"minor_version":1,"key":"core.restore_state","data":[',
    "tmpabcd1236": b'{"version":1,"key":"other","data":{"key":"renogy_bt.energy.x"}}',
    "tmpabcd1237": b'{"version":1,"minor_version":1,"key":"renogy_bt_other.x"',
    "tmpabcd1238": b"\x00" * 400,
    "tmpabcd": b'{"version":1,"minor_version":1,"key":"renogy_bt.energy.x"',
    "tmpabcd1234.txt": b'{"version":1,"minor_version":1,"key":"renogy_bt.energy.x"',
    "renogy_bt.energy.x": b'{"version":1,"minor_version":1,"key":"renogy_bt.energy.x"',
}


async def test_what_is_not_ours_stays(hass: HomeAssistant, folder: Folder) -> None:
    """Files of others, files that say nothing, links and folders."""
    for name, content in OTHERS.items():
        folder.put(name, content)
    (folder.path / "tmpfolder_1").mkdir()
    elsewhere = Path(hass.config.path("elsewhere"))
    elsewhere.write_bytes(OTHERS["renogy_bt.energy.x"])
    (folder.path / "tmplinklink").symlink_to(elsewhere)
    before = folder.names
    await async_remove_leftovers(hass)
    assert folder.names == before


async def test_without_a_folder(hass: HomeAssistant) -> None:
    """A first start has nothing to remove."""
    await async_remove_leftovers(hass)


async def test_the_last_bank_takes_the_histories_of_the_adapters_along(
    hass: HomeAssistant, air: FakeAir, folder: Folder
) -> None:
    """As long as a bank is left, even one that is disabled, they stay."""
    leftover = folder.path / "tmpabcd1234"
    folder.put(leftover.name, ENERGY.frame())
    folder.put(STORAGE_KEY, ADAPTERS.frame())
    folder.put(OF_ADAPTERS, {"version": 1, "key": OF_ADAPTERS, "data": {"records": {}}})
    air.bring(four_batteries())
    first, second = bank_entry(link_settings()), bank_entry(title="Other")
    await set_up(hass, first)
    assert not leftover.exists()
    await set_up(hass, second)
    await hass.config_entries.async_set_disabled_by(
        second.entry_id, ConfigEntryDisabler.USER
    )
    await hass.config_entries.async_remove(first.entry_id)
    await settle(hass)
    assert folder.content(STORAGE_KEY) is not None
    assert folder.content(OF_ADAPTERS) is not None
    await hass.config_entries.async_remove(second.entry_id)
    await settle(hass)
    assert not [each for each in folder.names if each.startswith(DOMAIN)]


async def test_bank_takes_what_was_damaged_along(
    hass: HomeAssistant, air: FakeAir, folder: Folder
) -> None:
    """What is kept of its damaged files goes with their notices; what is of others stays."""
    air.bring(four_batteries())
    bank, other = bank_entry(link_settings()), bank_entry(title="Other")
    keys = [ENERGY.key(each.entry_id) for each in (bank, other)]
    for key in keys:
        folder.put(key, b'{"data": []}')
    for each in (bank, other):
        await set_up(hass, each)
    beside = [f"{key}.corrupt.before" for key in keys]
    for name in beside:
        folder.put(name, b"{")
    await hass.config_entries.async_remove(bank.entry_id)
    await settle(hass)
    assert folder.kept_beside(keys[0]) == []
    assert folder.kept_beside(keys[1]) == [b'{"data": []}', b"{"]
    assert damaged_files(hass) == {keys[1]}
    await hass.config_entries.async_remove(other.entry_id)
    await settle(hass)
    assert not [each for each in folder.names if each.startswith(DOMAIN)]
    assert damaged_files(hass) == set()


def damaged_files(hass: HomeAssistant) -> set[str]:
    """Return which files are said to be damaged."""
    return {
        (issue.translation_placeholders or {})["file"]
        for issue in ir.async_get(hass).issues.values()
        if issue.translation_key == "stored_data_damaged"
    }
