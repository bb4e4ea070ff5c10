# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with batteries and links in use, over the real stack."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.links.connection import CONNECTIONS
from custom_components.renogy_bt.renogy.transport import connect
from homeassistant.components import bluetooth
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
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
from tests.emulator import EmulatedWorld, Unit, World
from tests.fake_air import DONGLE, DONGLE_NAME
from tests.flows.walk import Flow

from .integration import assert_true_values, heard, owner_world, poll, until

pytestmark = pytest.mark.usefixtures("integration")


@pytest.fixture
def world() -> World:
    """Return the owner's batteries, and one more that is at the factory's unit id."""
    world = owner_world()
    (link,) = world.links
    spare = replace(link.units[50], unit_id=247)
    return replace(world, links=(replace(link, units={**link.units, 247: spare}),))


@pytest.fixture
def units(world: World) -> Mapping[int, Unit]:
    """Return the batteries of the world by unit id."""
    return world.links[0].units


@pytest.fixture
async def entry(hass: HomeAssistant) -> MockConfigEntry:
    """Return the owner's bank, set up."""
    await heard(hass, DONGLE)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    return entry


async def test_battery_silent_and_back(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    emulated_world: EmulatedWorld,
    units: Mapping[int, Unit],
) -> None:
    """One battery that falls silent is unavailable, and back with its next answer."""
    await emulated_world.set_fault("silent", unit=49)
    await poll(hass, entry)
    assert battery_state(hass, "voltage", 49).state == STATE_UNAVAILABLE
    for unit in (48, 50, 51):
        assert_true_values(hass, units[unit])
    assert bank_state(hass, entry, "power").state == STATE_UNKNOWN
    await emulated_world.clear_faults()
    await poll(hass, entry)
    assert_true_values(hass, units[49])
    assert bank_state(hass, entry, "batteries_responding").state == "4"


async def test_link_lost_in_the_middle_of_a_poll(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    emulated_world: EmulatedWorld,
    units: Mapping[int, Unit],
) -> None:
    """A connection that breaks while a battery answers costs that poll only."""
    await emulated_world.set_fault("disconnect-mid-reply", unit=50)
    await poll(hass, entry)
    assert link_of(entry).failed.keys() == {50, 51}
    assert_true_values(hass, units[48])
    await emulated_world.clear_faults()
    await poll(hass, entry)
    assert link_of(entry).failed == {}


@pytest.mark.parametrize(
    "fault",
    ["late-reply", "wrong-crc", "foreign-unit", "all-ff-reply", "glued-notifications"],
)
async def test_no_wrong_value_is_shown(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    emulated_world: EmulatedWorld,
    units: Mapping[int, Unit],
    fault: str,
) -> None:
    """Whatever a battery sends in place of its replies, it shows its own values or none."""
    await emulated_world.set_fault(fault, unit=49)
    for _ in range(2):
        await poll(hass, entry)
        if battery_state(hass, "voltage", 49).state != STATE_UNAVAILABLE:
            assert_true_values(hass, units[49])
        assert_true_values(hass, units[48])
    await emulated_world.clear_faults()
    await poll(hass, entry)
    assert_true_values(hass, units[49])


async def test_held_by_another_central(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    emulated_world: EmulatedWorld,
    units: Mapping[int, Unit],
) -> None:
    """While the maker's app has the dongle everything is unavailable; then it is back."""
    await emulated_world.set_fault("held-by-other-central")
    await poll(hass, entry)
    assert not link_of(entry).last_update_success
    assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
    await emulated_world.clear_faults()
    await poll(hass, entry)
    assert_true_values(hass, units[48])


@pytest.mark.usefixtures("all_enabled")
async def test_what_served_the_poll(
    hass: HomeAssistant, entry: MockConfigEntry, world: World
) -> None:
    """The adapter whose connection slot the dongle holds while it is read has served it."""
    (adapter,) = world.adapters
    served_by = link_state(hass, "last_poll_served_by").state
    assert served_by == f"{adapter.name} ({adapter.address})"


async def test_lent_to_the_makers_app(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    emulated_world: EmulatedWorld,
    units: Mapping[int, Unit],
) -> None:
    """With its polling off the dongle is free for the app, and read when that has ended."""
    peripheral = emulated_world.peripheral(DONGLE)
    found = link_state(hass, "polling", platform="switch").entity_id
    polling = hass.async_create_task(link_of(entry).async_refresh())
    await until(lambda: peripheral.central is not None)
    await hass.services.async_call(
        "switch", "turn_off", {"entity_id": found}, blocking=True
    )
    assert peripheral.central is None
    await polling
    await emulated_world.set_fault("held-by-other-central")
    connects = emulated_world.statistics()[DONGLE].connects
    for _ in range(4):
        await poll(hass, entry)
    assert link_of(entry).last_update_success
    assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
    assert emulated_world.statistics()[DONGLE].failed_connects == 0
    assert emulated_world.statistics()[DONGLE].connects == connects
    await emulated_world.clear_faults()
    await heard(hass, DONGLE)
    await hass.services.async_call(
        "switch", "turn_on", {"entity_id": found}, blocking=True
    )
    await settle(hass)
    assert_true_values(hass, units[48])


async def test_link_that_returns_is_polled_at_once(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    emulated_world: EmulatedWorld,
    units: Mapping[int, Unit],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A dongle that disappears and returns is read by its first advertisement."""
    monkeypatch.setattr(
        "custom_components.renogy_bt.links.retries.HEARD_RETRY_SECONDS", 0.0
    )
    await emulated_world.set_fault("out-of-range")
    await poll(hass, entry)
    assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
    await emulated_world.clear_faults()
    await until(lambda: battery_state(hass, "voltage").state != STATE_UNAVAILABLE)
    assert_true_values(hass, units[48])


async def test_unit_ids_that_change(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    emulated_world: EmulatedWorld,
    units: Mapping[int, Unit],
) -> None:
    """A battery that has moved to another unit id is found by a rescan, the old one is kept."""
    await emulated_world.set_fault("silent", unit=50)
    await poll(hass, entry)
    assert battery_state(hass, "voltage", 50).state == STATE_UNAVAILABLE
    (subentry_id,) = entry.subentries
    flow = Flow(hass, hass.config_entries.subentries)
    await flow.begin((entry.entry_id, "link"), "reconfigure", subentry_id=subentry_id)
    await flow.choose("rescan")
    await flow.submit()
    placeholders = flow.expect_form("rescanned_silent")
    assert placeholders["silent"] == "3"
    assert placeholders["news"] == "New at position: 247"
    await flow.submit()
    flow.expect_abort("reconfigure_successful")
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    await settle(hass)
    assert_true_values(hass, units[247])
    assert battery_state(hass, "voltage", 50).state == STATE_UNAVAILABLE


async def test_unload_while_polling(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    emulated_world: EmulatedWorld,
) -> None:
    """Unloading in the middle of a poll frees the dongle and leaves nothing behind."""
    peripheral = emulated_world.peripheral(DONGLE)
    polling = hass.async_create_task(link_of(entry).async_refresh())
    await until(lambda: peripheral.central is not None)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await polling
    assert peripheral.central is None
    assert CONNECTIONS not in hass.data
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert not any("renogy_bt" in name or "Disconnect" in name for name in names)


async def test_left_over_connection_is_closed(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    emulated_world: EmulatedWorld,
    units: Mapping[int, Unit],
) -> None:
    """What a crashed Home Assistant has left connected does not keep the bank from working."""
    await hass.config_entries.async_unload(entry.entry_id)
    device = bluetooth.async_ble_device_from_address(hass, DONGLE)
    assert device is not None
    transport = await connect(device, DONGLE_NAME)
    assert emulated_world.peripheral(DONGLE).central is not None
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    assert_true_values(hass, units[48])
    assert transport.lost.done()
