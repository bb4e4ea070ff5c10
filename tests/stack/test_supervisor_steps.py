# SPDX-License-Identifier: Apache-2.0
"""Steps of the supervisor that others get in the way of: each ends, and the adapter is on."""

import asyncio
import logging
from unittest.mock import AsyncMock, Mock, patch

from bleak.exc import BleakError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapter_health.history import StepResult
from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.bluez.watcher import BlueZWatcher
from custom_components.renogy_bt.supervisor import neighbours, watch
from homeassistant.components import bluetooth
from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryDisabler,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryNotReady
from tests.histories import steps_in
from tests.insides import connection_of, watch_of

from .site import MINUTE, EntryMethod, Site

SET_UP = "homeassistant.components.bluetooth.async_setup_entry"
UNLOAD = "homeassistant.components.bluetooth.async_unload_entry"


def recovering(site: Site, step: RecoveryStep) -> asyncio.Task[StepResult]:
    """Have a step begin."""
    return asyncio.create_task(site.supervisor.async_recover(site.address, step))


def detail(site: Site) -> str | None:
    """Return what is written down of the last step that failed."""
    return steps_in(site.status.history)[-1].detail


async def switch_off(site: Site) -> None:
    """Have somebody switch the adapter off, and that arrive everywhere."""
    await site.emulated.set_fault("powered-off")
    await asyncio.sleep(1)
    assert not site.is_powered


async def test_full_reset_that_hangs(site: Site) -> None:
    """A kernel that does not come back from a reset is given up, and the adapter is on."""

    async def hang(hci: int, mac: str, gone_silent: bool = False) -> bool:
        await site.emulated.set_fault("powered-off")
        await asyncio.sleep(3600)
        return True

    with (
        patch.object(neighbours, "recover_adapter", hang),
        patch.object(watch, "async_has_management_socket", return_value=True),
    ):
        await site.until(lambda: site.sample.management_socket, MINUTE)
        begun = site.now()
        result = await recovering(site, RecoveryStep.FULL_RESET)
    assert result is StepResult.FAILED
    assert 90 <= site.now() - begun <= 120
    assert detail(site) == "reset_timed_out"
    assert site.is_powered
    assert site.entry.state is ConfigEntryState.LOADED


async def test_power_that_does_not_come(site: Site) -> None:
    """A bluetoothd that only says that it has switched an adapter on is not believed."""
    await switch_off(site)

    async def do_nothing(self: BlueZWatcher, path: str, powered: bool) -> None:
        assert powered

    with patch.object(BlueZWatcher, "set_powered", do_nothing):
        assert await recovering(site, RecoveryStep.POWER_CYCLE) is StepResult.FAILED
    assert detail(site) == "power_on_timed_out"


async def test_entry_disabled_while_power_is_switched(
    site: Site, bluetooth_entry: MockConfigEntry
) -> None:
    """An adapter is switched on although nobody wants to scan with it any more."""
    await switch_off(site)
    await site.emulated.set_fault("power-set-failing")
    recovery = recovering(site, RecoveryStep.POWER_CYCLE)
    await asyncio.sleep(1)
    await site.hass.config_entries.async_set_disabled_by(
        bluetooth_entry.entry_id, ConfigEntryDisabler.USER
    )
    await site.emulated.clear_fault("power-set-failing")
    assert await recovery is StepResult.ABORTED
    assert site.is_powered
    assert bluetooth_entry.state is ConfigEntryState.NOT_LOADED


async def test_power_cycle_of_an_adapter_that_is_gone(site: Site) -> None:
    """What is not there is not switched, and the step says why."""
    await site.emulated.set_fault("unplugged")
    assert await recovering(site, RecoveryStep.POWER_CYCLE) is StepResult.FAILED
    assert detail(site) == "power_adapter_gone"
    await site.emulated.clear_faults()
    await site.until_read(site.now(), 5 * MINUTE)


async def test_adapter_switched_off_while_its_entry_is_unloaded(
    site: Site, bluetooth_entry: MockConfigEntry
) -> None:
    """An adapter that somebody else has switched off meanwhile is only switched on."""
    bluetooth_entry.async_on_unload(lambda: switch_off(site))
    switched: list[bool] = []
    set_powered = BlueZWatcher.set_powered

    async def note(self: BlueZWatcher, path: str, powered: bool) -> None:
        switched.append(powered)
        await set_powered(self, path, powered)

    with patch.object(BlueZWatcher, "set_powered", note):
        assert await recovering(site, RecoveryStep.POWER_CYCLE) is StepResult.RECOVERED
    assert switched == [True]
    assert site.is_powered


async def test_adapters_that_cannot_be_looked_up(site: Site) -> None:
    """A look at the adapters that fails does not end a step: the rest of it may still help."""
    looked_up = AsyncMock(side_effect=OSError("no bus"))
    manager = Mock(async_get_bluetooth_adapters=looked_up)
    with patch.object(neighbours, "get_manager", return_value=manager):
        assert (
            await recovering(site, RecoveryStep.RESTART_SCANNING)
            is StepResult.RECOVERED
        )
    looked_up.assert_awaited()


async def test_set_up_that_takes_too_long(
    site: Site, bluetooth_entry: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """A step does not wait for ever; what it left to Home Assistant still counts."""
    caplog.set_level(logging.DEBUG)
    set_up: EntryMethod = bluetooth.async_setup_entry

    async def slow(hass: HomeAssistant, entry: ConfigEntry) -> object:
        await asyncio.sleep(100)
        return await set_up(hass, entry)

    with patch(SET_UP, slow):
        assert await recovering(site, RecoveryStep.POWER_CYCLE) is StepResult.RECOVERED
    assert "set_up_timed_out" in caplog.text
    assert site.is_powered
    assert bluetooth_entry.state is ConfigEntryState.LOADED


@pytest.mark.parametrize("expected_lingering_timers", [True])
async def test_reload_that_fails_late(
    site: Site, bluetooth_entry: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """What goes wrong after a step has given up waiting is nobody's unhandled error."""
    caplog.set_level(logging.DEBUG)

    async def refuse_slowly(hass: HomeAssistant, entry: ConfigEntry) -> bool:
        await asyncio.sleep(120)
        return False

    with patch(UNLOAD, refuse_slowly):
        unload = asyncio.create_task(
            site.hass.config_entries.async_unload(bluetooth_entry.entry_id)
        )
        await asyncio.sleep(1)
        assert (
            await recovering(site, RecoveryStep.RESTART_SCANNING) is StepResult.FAILED
        )
        assert detail(site) == "reload_timed_out"
        assert not await unload
        await asyncio.sleep(1)
    assert "Ended late" in caplog.text


async def test_connection_attempt_that_does_not_end(site: Site) -> None:
    """A step gives others time to connect, but not for ever."""
    scanner = bluetooth.async_scanner_by_source(site.hass, site.address)
    assert scanner is not None
    begun = site.now()
    with scanner.connecting():
        recovery = recovering(site, RecoveryStep.RESTART_SCANNING)
        await asyncio.sleep(9)
        assert site.entry.state is ConfigEntryState.LOADED
        assert await recovery is StepResult.RECOVERED
    assert site.now() - begun >= 10


async def test_entry_deleted_before_the_reload(
    site: Site, bluetooth_entry: MockConfigEntry
) -> None:
    """An entry that is deleted while a step waits for a connection stays deleted."""
    scanner = bluetooth.async_scanner_by_source(site.hass, site.address)
    assert scanner is not None
    with scanner.connecting():
        recovery = recovering(site, RecoveryStep.RESTART_SCANNING)
        await asyncio.sleep(3)
        await site.hass.config_entries.async_remove(bluetooth_entry.entry_id)
        assert await recovery in {StepResult.ABORTED, StepResult.FAILED}
    await site.until(lambda: site.address not in site.supervisor.adapters, MINUTE)
    assert site.is_powered


async def test_bleak_that_cannot_leave_the_bus(site: Site) -> None:
    """A scan that exists already is tried once more even if bleak stays on the bus."""
    attempts = 0
    set_up: EntryMethod = bluetooth.async_setup_entry

    async def refuse_once(hass: HomeAssistant, entry: ConfigEntry) -> object:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise ConfigEntryNotReady("org.bluez.Error.AlreadyExists")
        return await set_up(hass, entry)

    with (
        patch(SET_UP, refuse_once),
        patch.object(
            neighbours, "get_global_bluez_manager", side_effect=BleakError("gone")
        ),
    ):
        assert (
            await recovering(site, RecoveryStep.RESTART_SCANNING)
            is StepResult.RECOVERED
        )
    assert attempts == 2


@pytest.mark.parametrize("scanner_mode", ["active"])
async def test_devices_that_bluetoothd_reports(site: Site) -> None:
    """What bluetoothd hears is listened to no more often than every five minutes."""
    stack_watch = watch_of(site.supervisor)
    with patch.object(watch, "async_has_management_socket", return_value=True):
        sample = await stack_watch.async_sample(site.address)
        assert sample.heard_on_bus_at is None
        await stack_watch.async_listen_on_bus(sample)
        sample = await stack_watch.async_sample(site.address)
        assert sample.heard_on_bus_at == site.now()
        await asyncio.sleep(MINUTE)
        await stack_watch.async_listen_on_bus(
            await stack_watch.async_sample(site.address)
        )
        assert (await stack_watch.async_sample(site.address)).heard_on_bus_at == (
            sample.heard_on_bus_at
        )


async def test_nothing_is_heard_over_a_broken_connection(site: Site) -> None:
    """A bus that cannot be listened on tells nothing of an adapter."""
    stack_watch = watch_of(site.supervisor)
    with patch.object(watch, "async_has_management_socket", return_value=True):
        sample = await stack_watch.async_sample(site.address)
        connection_of(stack_watch.bluez).disconnect()
        await site.until(lambda: not stack_watch.bluez.sample().connected, 10)
        await stack_watch.async_listen_on_bus(sample)
        assert (await stack_watch.async_sample(site.address)).heard_on_bus_at is None
    await site.until(lambda: site.supervisor.bus_reachable, MINUTE)
