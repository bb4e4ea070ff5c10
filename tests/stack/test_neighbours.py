# SPDX-License-Identifier: Apache-2.0
"""Without any one of the names of other libraries that the product can do without."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import replace
import importlib
import logging
import sys
from typing import Any, Final
from unittest.mock import AsyncMock, Mock

from bleak.backends.bluezdbus import manager as bleak_manager
import habluetooth
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    get_system_health_info,
)

import custom_components
from custom_components.renogy_bt.const import DOMAIN
from homeassistant import config_entries
from homeassistant.components import bluetooth
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.banks import bank_entry, battery_state, link_settings
from tests.emulator import EmulatedWorld, Kind, Link, World, load_world
from tests.emulator.__main__ import WORLDS
from tests.fake_air import DONGLE
from tests.neighbour_names import FACTS, Name, names

from .conftest import still
from .warped_time import warped_time

PACKAGE: Final = f"custom_components.{DOMAIN}"
NEIGHBOURS: Final = f"{PACKAGE}.supervisor.neighbours"
HOURS: Final = 3
HALF_A_DAY: Final = 12 * 3600
PASSER_BY: Final = Link(name="Passer-by", address="5A:00:00:00:00:01", kind=Kind.SILENT)
TELL_WHAT_IS_HEARD: Final = {
    Name("scanner", "async_diagnostics"),
    *(name for name in names() if name.of == FACTS),
}
POLL_PAUSE: Final = 300
UNITS: Final = (48, 49, 50, 51)


class Stranger:
    """An object that has changed: some names are gone, others give something else."""

    def __init__(
        self, real: object, gone: str | None = None, **changed: Callable[..., object]
    ) -> None:
        """Stand in for an object."""
        self._real = real
        self._gone = gone
        self._changed = changed

    def __getattr__(self, name: str) -> Any:
        """Return what the real object has, unless that is gone."""
        if name == self._gone:
            raise AttributeError(f"{type(self._real).__name__} has no {name}")
        return self._changed.get(name) or getattr(self._real, name)


def changed_manager(name: Name) -> Stranger:
    """Return habluetooth's manager without a name of its own or of what it tells."""
    real = habluetooth.get_manager()

    def register(callback: Callable[[object], None], source: None = None) -> object:
        return real.async_register_allocation_callback(
            lambda allocations: callback(Stranger(allocations, name.name)), source
        )

    if name.of == "allocations":
        return Stranger(real, async_register_allocation_callback=register)
    return Stranger(real, name.name)


def changed_scanner(name: Name, real: Any) -> Any:
    """Return a scanner without a name of its own or of what it tells."""

    async def tell() -> Mapping[str, object]:
        facts = await real.async_diagnostics()
        return {key: value for key, value in facts.items() if key != name.name}

    def allocations() -> object:
        return Stranger(real.get_allocations(), name.name)

    match name.of, real:
        case _, None:
            return None
        case "scanner", _:
            return Stranger(real, name.name)
        case "slots", _:
            return Stranger(real, get_allocations=allocations)
        case _:
            return Stranger(real, async_diagnostics=tell)


def changed_bleak(name: Name) -> Callable[[], Awaitable[Stranger]]:
    """Return what gives bleak's manager of the bus without a name of its own or of the bus."""
    get = bleak_manager.get_global_bluez_manager

    async def get_changed() -> Stranger:
        real = await get()
        if name.of == "manager":
            return Stranger(real, name.name)
        bus = Mock(disconnect=Mock(), wait_for_disconnect=AsyncMock())
        return Stranger(real, _bus=Stranger(bus, name.name))  # type: ignore[arg-type]

    return get_changed


def take_away(name: Name, patch: pytest.MonkeyPatch) -> None:
    """Have other libraries call something by another name."""
    match name.of:
        case "get_manager()" | "allocations":
            manager = changed_manager(name)
            patch.setattr(habluetooth, "get_manager", lambda: manager)
        case "manager" | "bus":
            patch.setattr(
                bleak_manager, "get_global_bluez_manager", changed_bleak(name)
            )
        case "scanner" | "slots" | "facts":
            by_source = bluetooth.async_scanner_by_source
            current = bluetooth.async_current_scanners
            patch.setattr(
                bluetooth,
                "async_scanner_by_source",
                lambda *each: changed_scanner(name, by_source(*each)),
            )
            patch.setattr(
                bluetooth,
                "async_current_scanners",
                lambda hass: [changed_scanner(name, each) for each in current(hass)],
            )
        case _:
            module = importlib.import_module(name.of)
            patch.setattr(module, f"new_{name.name}", getattr(module, name.name), False)
            patch.delattr(module, name.name)


@pytest.fixture
def world() -> World:
    """Return the owner's four batteries at their real pace, and somebody who passes by.

    They are heard every ten seconds: each signal on the bus takes real time.
    """
    world = still(load_world(WORLDS / "owner.json"))
    return replace(world, links=(*world.links, PASSER_BY), advertising_interval=10.0)


@pytest.fixture
def unimported(
    bluetooth_entry: MockConfigEntry, enable_custom_integrations: None
) -> Generator[pytest.MonkeyPatch]:
    """Have the integration imported anew by this test; return what changes the libraries.

    Every other test goes on with what was imported before.
    """
    with pytest.MonkeyPatch.context() as patch:
        for module in list(sys.modules):
            if module == PACKAGE or module.startswith(f"{PACKAGE}."):
                patch.delitem(sys.modules, module)
        patch.setattr(custom_components, DOMAIN, None)
        patch.setitem(
            config_entries.HANDLERS, DOMAIN, config_entries.HANDLERS.get(DOMAIN)
        )
        yield patch


def fresh(module: str) -> Any:
    """Return a module as this test has imported it."""
    return sys.modules[f"{PACKAGE}.{module}"]


async def set_up_when_heard(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Set a bank up once its link is heard."""
    while not bluetooth.async_ble_device_from_address(hass, DONGLE):
        await asyncio.sleep(1)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)


def steps_taken(supervisor: Any) -> list[str]:
    """Return the recovery steps in the histories of all adapters."""
    return [
        record["rung"]
        for adapter in supervisor.diagnostics()["adapters"]
        for record in adapter["history"]["records"]
        if "rung" in record
    ]


@pytest.mark.parametrize("name", [None, *names()], ids=str)
async def test_batteries_are_read_and_no_step_is_taken(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    unimported: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: Name | None,
) -> None:
    """For hours everything works but what needs the name, which is told once."""
    logging.getLogger().setLevel(logging.WARNING)
    hass.loop.set_debug(False)
    assert await async_setup_component(hass, "system_health", {})
    if name is not None:
        take_away(name, unimported)
    with warped_time(hass.loop, emulated_world.bus.address):
        entry = bank_entry(link_settings(), update_interval=POLL_PAUSE)
        await set_up_when_heard(hass, entry)
        await asyncio.sleep(HOURS * 3600)
        assert entry.state is ConfigEntryState.LOADED
        for unit in UNITS:
            float(battery_state(hass, "voltage", unit).state)
        polls = emulated_world.statistics()[DONGLE].connects
        assert polls >= HOURS * 3600 / POLL_PAUSE - 1
        supervisor = fresh("supervisor.supervisor").async_get_supervisor(hass)
        assert steps_taken(supervisor) == []
        assert not any(status.problem for status in supervisor.adapters.values())
        has_health = name is None or not name.of.startswith("dbus_fast")
        assert len(supervisor.adapters) == has_health
        if name is not None and name.of in ("manager", "bus"):
            # Only a step that goes wrong needs these.
            await fresh("supervisor.neighbours").async_reconnect_bleak()
        if name is not None and name.name == "time_since_last_detection":
            # Only a link that is kept connected needs this.
            adapter = emulated_world.world.adapters[0].address
            assert fresh("supervisor.sampling").async_silences(hass, {adapter}) == {}
        info = await get_system_health_info(hass, DOMAIN)
        assert bool(info["done_without"]) is (name is not None)
        told = [each for each in caplog.records if each.name == NEIGHBOURS]
        assert len([each for each in told if each.levelname == "WARNING"]) == (
            name is not None
        )
        if name is not None:
            assert name.name in caplog.text
        await hass.config_entries.async_remove(entry.entry_id)
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


@pytest.mark.parametrize("name", sorted(TELL_WHAT_IS_HEARD, key=str), ids=str)
async def test_dongle_that_is_switched_off(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    unimported: pytest.MonkeyPatch,
    name: Name,
) -> None:
    """Half a day without the dongle is no fault of an adapter that hears others."""
    logging.getLogger().setLevel(logging.WARNING)
    hass.loop.set_debug(False)
    take_away(name, unimported)
    with warped_time(hass.loop, emulated_world.bus.address):
        entry = bank_entry(link_settings(), update_interval=POLL_PAUSE)
        await set_up_when_heard(hass, entry)
        await asyncio.sleep(600)
        await emulated_world.set_fault("out-of-range", link=DONGLE)
        await asyncio.sleep(HALF_A_DAY)
        supervisor = fresh("supervisor.supervisor").async_get_supervisor(hass)
        assert steps_taken(supervisor) == []
        (status,) = supervisor.adapters.values()
        assert not status.problem
        await hass.config_entries.async_remove(entry.entry_id)
