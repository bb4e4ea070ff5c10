# SPDX-License-Identifier: Apache-2.0
"""A Home Assistant that starts, stops and is killed on the files of one folder."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
import os
from pathlib import Path
import shutil
from typing import Any, Final
from unittest.mock import patch

from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_test_home_assistant,
)

from custom_components.renogy_bt.const import DOMAIN
from homeassistant import bootstrap, loader
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    category_registry as cr,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    frame,
    issue_registry as ir,
    label_registry as lr,
    restore_state as rs,
)
from homeassistant.setup import async_setup_component
from tests.emulator import EmulatedWorld
from tests.stack.host import disconnect_bleak

STORAGE: Final = ".storage"
_REGISTRIES: Final = (ar, cr, dr, er, fr, ir, lr, rs)
_HTTP: Final = "homeassistant.components.http.HomeAssistantHTTP"
_WRITER: Final = "homeassistant.util.file.AtomicWriter"


class Life:
    """One run of Home Assistant, from a start to its end."""

    def __init__(self, hass: HomeAssistant, folder: Path) -> None:
        """Begin it."""
        self.hass = hass
        self._folder = folder
        self._kept = folder / "kept"

    def kill(self) -> None:
        """End it as a power cut does: what is written from now on is not on the disk."""
        shutil.copytree(self._folder / STORAGE, self._kept)

    def forget_what_was_written(self) -> None:
        """Put the files back that were there when it was killed, if it was."""
        if self._kept.exists():
            shutil.rmtree(self._folder / STORAGE)
            self._kept.rename(self._folder / STORAGE)


@asynccontextmanager
async def a_life(folder: Path, emulated: EmulatedWorld) -> AsyncGenerator[Life]:
    """Run Home Assistant from a start to its end."""
    with patch(f"{_HTTP}.async_bind"), patch(f"{_HTTP}.start"):
        async with async_test_home_assistant(
            config_dir=str(folder),
            load_registries=False,
            initial_state=CoreState.not_running,
        ) as hass:
            life = Life(hass, folder)
            await _start(hass, emulated)
            yield life
            await hass.async_stop(force=True)
            # The scan of a process ends with it: here it has to be ended, or it would go on over
            # a connection that is closed, whose descriptor is somebody else's in the next life.
            for entry in hass.config_entries.async_entries("bluetooth"):
                await hass.config_entries.async_unload(entry.entry_id)
            await disconnect_bleak()
            life.forget_what_was_written()


@contextmanager
def disk_that_fails(code: int) -> Generator[None]:
    """Have no file written, with an error of the operating system."""

    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(code, os.strerror(code))

    with patch(_WRITER, fail):
        yield


async def _start(hass: HomeAssistant, emulated: EmulatedWorld) -> None:
    """Load what the files say, and set everything up."""
    frame.async_setup(hass)
    # Have custom integrations looked for, which a test does not.
    hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
    dr.async_setup(hass)
    for registry in _REGISTRIES:
        await registry.async_load(hass)
    hass.data[bootstrap.DATA_REGISTRIES_LOADED] = None
    await hass.config_entries.async_initialize()
    known = {
        entry.unique_id for entry in hass.config_entries.async_entries("bluetooth")
    }
    for adapter in emulated.world.adapters:
        if adapter.address not in known:
            MockConfigEntry(
                domain="bluetooth", unique_id=adapter.address, title=adapter.name
            ).add_to_hass(hass)
    assert await async_setup_component(hass, "bluetooth", {})
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_start()
