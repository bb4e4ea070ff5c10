# SPDX-License-Identifier: Apache-2.0
"""What the supervisor cannot use: each ends in a defined state, and the adapter is on."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from typing import Any, cast
from unittest.mock import patch

from bleak.exc import BleakError
from dbus_fast.aio import MessageBus
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.adapter_health.history import StepResult
from custom_components.renogy_bt.adapter_health.ladder import (
    RecoveryLevel,
    RecoveryStep,
)
from custom_components.renogy_bt.adapter_health.samples import Reason, Verdict
from custom_components.renogy_bt.adapter_health.status import RecoveryRefused
from custom_components.renogy_bt.storage.adapters import STORAGE_KEY, data_of
from custom_components.renogy_bt.supervisor import neighbours, watch
from custom_components.renogy_bt.supervisor.supervisor import (
    Supervisor,
    async_get_supervisor,
)
from homeassistant.components.bluetooth import BaseHaScanner, async_unload_entry
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from tests.emulator import EmulatedWorld
from tests.emulator.dbus_connection import close_connection
from tests.histories import steps_in

from .site import BANK, MINUTE, NOTICE_GOES, EntryMethod, Site, a_site
from .unhandled import unhandled
from .warped_time import warped_time

LINK = "6C:B2:FD:A1:B2:C3"


# The bus


@pytest.fixture
def dead_connection(hass: HomeAssistant) -> Generator[None]:
    """Bear what Home Assistant's watchdog does not handle when the bus is gone."""
    with unhandled(hass.loop, OSError):
        yield


@pytest.mark.parametrize(
    ("has_socket", "reason"),
    [(True, Reason.BUS_DOWN), (False, Reason.BUS_NO_SOCKET)],
)
@pytest.mark.usefixtures("dead_connection")
@pytest.mark.parametrize("expected_lingering_tasks", [True])
async def test_no_bus(site: Site, has_socket: bool, reason: Reason) -> None:
    """A bus that is gone is told within three minutes; nothing is tried without it."""
    bus = site.emulated.bus
    assert bus.socket is not None
    begun = site.now()
    await site.emulated.set_fault("bus-restart", seconds=600)
    if not has_socket:
        bus.socket.unlink()
    await site.until(lambda: site.told, 180)
    assert site.now() - begun >= 120
    assert site.status.verdict is Verdict.BUS_LOST
    await site.until(lambda: site.reason is reason, MINUTE)
    assert site.status.notice is not None
    assert site.status.notice.remedies == ()
    assert site.supervisor.bus_reachable is False
    assert (
        await site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
        is StepResult.FAILED
    )
    assert steps_in(site.status.history)[-1].detail == "power_on_bus_unavailable"
    # The bus is back after ten minutes; our pauses between tries grow to five.
    await site.until(lambda: site.status.verdict is Verdict.OK, 20 * MINUTE)
    await site.until(lambda: site.status.notice is None, NOTICE_GOES)
    assert site.supervisor.bus_reachable is True


def reason_now(supervisor: Supervisor) -> str:
    """Return the sign that the only adapter is judged by."""
    (adapter,) = supervisor.diagnostics()["adapters"]
    return str(adapter["judgement"]["reason"])


async def test_bus_that_refuses_us_only(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    bluetooth_entry: MockConfigEntry,
    refusing_bus: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where AppArmor forbids us what Home Assistant uses well, nobody is bothered."""
    impostor = await MessageBus(bus_address=refusing_bus).connect()
    await impostor.request_name("org.bluez")
    with warped_time(hass.loop, emulated_world.bus.address, refusing_bus):
        # bleak is connected already, and stays so.
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", refusing_bus)
        supervisor = async_get_supervisor(hass)
        await supervisor.async_attach(BANK, [LINK], RecoveryLevel.FULL)
        await asyncio.sleep(10 * MINUTE)
        (status,) = supervisor.adapters.values()
        assert status.verdict is Verdict.UNKNOWN
        assert reason_now(supervisor) == Reason.BUS_UNWATCHED
        assert status.notice is None
        assert supervisor.bus_reachable is False
        # A reload needs bluetoothd's word for nothing; without the scan the refusal is told.
        await hass.config_entries.async_unload(bluetooth_entry.entry_id)
        await asyncio.sleep(5 * MINUTE)
        (status,) = supervisor.adapters.values()
        assert status.verdict is Verdict.BUS_LOST
        assert reason_now(supervisor) == Reason.BUS_ACCESS_DENIED
        assert status.notice is not None
        assert steps_in(status.history) == ()
        await supervisor.async_detach(BANK)
    await close_connection(impostor)


# Steps that get into trouble


@pytest.fixture
async def with_management_socket(site: Site) -> AsyncGenerator[None]:
    """Let a full reset be possible."""
    with patch.object(watch, "async_has_management_socket", return_value=True):
        await site.until(lambda: site.sample.management_socket, MINUTE)
        yield


@pytest.mark.usefixtures("with_management_socket")
async def test_full_reset_that_leaves_the_adapter_off(
    site: Site, hass_storage: dict[str, Any]
) -> None:
    """A kernel that fails half-way through a reset does not have the last word."""
    stored: list[Any] = []

    async def reset(hci: int, mac: str, gone_silent: bool = False) -> bool:
        stored.append(hass_storage[STORAGE_KEY]["data"]["adapters"][site.address])
        await site.emulated.set_fault("powered-off")
        raise PermissionError

    with patch.object(neighbours, "recover_adapter", reset):
        result = await site.supervisor.async_recover(
            site.address, RecoveryStep.FULL_RESET
        )
    assert result is StepResult.FAILED
    assert steps_in(site.status.history)[-1].detail == "reset_refused"
    assert site.is_powered
    assert site.entry.state is ConfigEntryState.LOADED
    # Whoever is killed in the middle of it remembers both the reset and what is to be done.
    assert stored[0]["powered_off_by_us"] is True
    assert stored[0]["limiter"]["ages"] == [0.0]
    kept = hass_storage[STORAGE_KEY]["data"]["adapters"][site.address]
    assert kept["powered_off_by_us"] is False


@pytest.mark.usefixtures("with_management_socket")
async def test_full_reset_of_an_adapter_that_is_gone(site: Site) -> None:
    """An adapter that is not there is not mistaken for another one."""
    calls: list[int] = []

    async def reset(hci: int, mac: str, gone_silent: bool = False) -> bool:
        calls.append(hci)
        return True

    await site.emulated.set_fault("unplugged")
    with patch.object(neighbours, "recover_adapter", reset):
        result = await site.supervisor.async_recover(
            site.address, RecoveryStep.FULL_RESET
        )
    assert result is StepResult.FAILED
    assert steps_in(site.status.history)[-1].detail == "power_adapter_gone"
    assert calls == []
    await site.emulated.clear_faults()


@pytest.mark.usefixtures("with_management_socket")
async def test_step_that_does_not_end_when_the_last_bank_goes(site: Site) -> None:
    """It is broken off after a minute, and puts back what it has to."""
    resetting = asyncio.Event()

    async def reset(hci: int, mac: str, gone_silent: bool = False) -> bool:
        await site.emulated.set_fault("powered-off")
        resetting.set()
        await asyncio.sleep(3600)
        return True

    with patch.object(neighbours, "recover_adapter", reset):
        recovery = asyncio.create_task(
            site.supervisor.async_recover(site.address, RecoveryStep.FULL_RESET)
        )
        await resetting.wait()
        begun = site.now()
        await site.supervisor.async_detach(BANK)
    assert 60 <= site.now() - begun <= 80
    assert await recovery is StepResult.ABORTED
    assert site.is_powered
    assert site.entry.state is ConfigEntryState.LOADED


@pytest.mark.usefixtures("with_management_socket")
async def test_full_reset_keeps_its_hands_off_a_hung_scanner(site: Site) -> None:
    """An entry that is unloaded only because Home Assistant gave up waiting is left alone."""
    scanner_stop = asyncio.Event()

    async def hang() -> None:
        await scanner_stop.wait()

    site.entry.async_on_unload(hang)
    with patch.object(neighbours, "recover_adapter") as reset:
        result = await site.supervisor.async_recover(
            site.address, RecoveryStep.FULL_RESET
        )
    scanner_stop.set()
    assert result is StepResult.FAILED
    assert steps_in(site.status.history)[-1].detail == "unload_timed_out"
    assert not reset.called
    assert site.entry.state is ConfigEntryState.LOADED


@pytest.mark.parametrize(
    "step", [RecoveryStep.POWER_CYCLE, RecoveryStep.RESTART_SCANNING]
)
async def test_unload_that_takes_too_long(site: Site, step: RecoveryStep) -> None:
    """A step does not wait for ever; the entry comes back when Home Assistant lets it."""
    unload: EntryMethod = async_unload_entry

    async def slow(hass: HomeAssistant, entry: ConfigEntry) -> object:
        await asyncio.sleep(100)
        return await unload(hass, entry)

    with patch("homeassistant.components.bluetooth.async_unload_entry", slow):
        begun = site.now()
        result = await site.supervisor.async_recover(site.address, step)
        assert result is StepResult.FAILED
        assert site.now() - begun <= 130
        detail = steps_in(site.status.history)[-1].detail
        assert detail in {"unload_timed_out", "reload_timed_out"}
        assert site.is_powered
        await asyncio.sleep(MINUTE)
    await site.until(lambda: site.entry.state is ConfigEntryState.LOADED, 5 * MINUTE)


async def test_adapter_that_is_blocked(site: Site) -> None:
    """Switching on what is blocked is not tried again and again; the user learns why."""
    await site.emulated.set_fault("rfkill-blocked")
    await asyncio.sleep(1)
    begun = site.now()
    result = await site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
    assert result is StepResult.FAILED
    assert site.now() - begun < 10
    assert steps_in(site.status.history)[-1].detail == "power_on_blocked"
    await site.emulated.clear_faults()


async def test_own_links_that_cannot_be_dropped(site: Site) -> None:
    """What bleak refuses does not end a step: the rest of it may still help."""
    with patch.object(neighbours, "clear_cache", side_effect=BleakError("busy")):
        result = await site.supervisor.async_recover(
            site.address, RecoveryStep.RESTART_SCANNING
        )
    assert result is StepResult.RECOVERED


async def test_scanner_that_cannot_be_asked(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """An error in what others tell does not end the watch."""
    with patch.object(
        watch, "async_scanner_sample", side_effect=ValueError("new mode")
    ):
        await asyncio.sleep(2 * MINUTE)
    assert "Looking at the Bluetooth adapters failed" in caplog.text
    assert "new mode" in caplog.text
    caplog.clear()
    await site.emulated.set_fault("powered-off")
    await site.until(lambda: site.steps() == [RecoveryStep.POWER_CYCLE], 5 * MINUTE)


async def test_scanner_that_does_not_answer(site: Site) -> None:
    """What a scanner keeps to itself is not known, and above all not zero."""

    class Silent:
        """A scanner whose diagnostics do not come."""

        adapter = "hci0"
        requested_mode = current_mode = None
        scanning = True
        connecting_count = 0

        def connections_in_progress(self) -> int:
            return 0

        async def async_diagnostics(self) -> dict[str, Any]:
            await asyncio.sleep(3600)
            return {}

    begun = site.now()
    sample = await neighbours.async_scanner_sample(cast(BaseHaScanner, Silent()))
    assert site.now() - begun <= 10
    assert sample.start_time is sample.last_detection is None
    assert sample.last_connected_at is None
    assert neighbours.lost_parts() == {}


async def test_last_bank_goes_while_looking_has_failed(site: Site) -> None:
    """Nothing looks at adapters any more once nobody is left to do it for."""
    with patch.object(
        watch, "async_scanner_sample", side_effect=ValueError("new mode")
    ) as asked:
        await site.until(lambda: asked.called, MINUTE)
        await asyncio.sleep(1)
        await site.supervisor.async_detach(BANK)
        asked.reset_mock()
        await asyncio.sleep(5 * MINUTE)
        assert not asked.called
    assert site.supervisor.adapters == {}


# What was stored


def stored(data: Any, version: int = 1, minor: int = 1) -> dict[str, Any]:
    """Return a file of the store."""
    return {
        "version": version,
        "minor_version": minor,
        "key": STORAGE_KEY,
        "data": data,
    }


DAMAGED = stored({"adapters": [1]})
NEWER = stored({"something": "else"}, version=2)


@pytest.mark.parametrize("file", [DAMAGED, NEWER], ids=["damaged", "newer"])
async def test_unreadable_storage(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    bluetooth_entry: MockConfigEntry,
    hass_storage: dict[str, Any],
    file: dict[str, Any],
) -> None:
    """Adapters are watched and mended without a memory; only resets wait for an hour.

    A damaged file is written anew; what a newer version wrote is left as it is.
    """
    hass_storage[STORAGE_KEY] = file
    with warped_time(hass.loop, emulated_world.bus.address):
        async with a_site(hass, emulated_world) as site:
            recover = site.supervisor.async_recover
            await site.until(lambda: site.supervisor.adapters, MINUTE)
            assert steps_in(site.status.history) == ()
            with pytest.raises(RecoveryRefused):
                await recover(site.address, RecoveryStep.POWER_CYCLE)
            result = await recover(site.address, RecoveryStep.RESTART_SCANNING)
            assert result is StepResult.RECOVERED
            await asyncio.sleep(61 * MINUTE)
            result = await recover(site.address, RecoveryStep.POWER_CYCLE)
            assert result is StepResult.RECOVERED
        if file is NEWER:
            assert hass_storage[STORAGE_KEY] == file
            return
        adapters = hass_storage[STORAGE_KEY]["data"]["adapters"]
        records = adapters[site.address]["history"]["records"]
        assert [record["step"] for record in records if "step" in record] == [
            RecoveryStep.RESTART_SCANNING,
            RecoveryStep.POWER_CYCLE,
        ]


async def test_adapter_that_was_left_off_and_whose_entry_is_gone(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    bluetooth_entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """What a killed step has switched off is switched on, whoever uses the adapter now."""
    address = emulated_world.world.adapters[0].address
    left_off = data_of(AdapterHealth(address, powered_off_by_us=True), 0.0)
    hass_storage[STORAGE_KEY] = stored({"adapters": {address: left_off}}, minor=3)
    await hass.config_entries.async_remove(bluetooth_entry.entry_id)
    await emulated_world.set_fault("powered-off")
    supervisor = async_get_supervisor(hass)
    with warped_time(hass.loop, emulated_world.bus.address):
        await supervisor.async_attach(BANK, [LINK], RecoveryLevel.FULL)
        await asyncio.sleep(MINUTE)
        assert emulated_world.adapter().controller.powered
        assert supervisor.adapters == {}
        assert supervisor.bus_reachable is None
        await supervisor.async_detach(BANK)


async def test_limits_outlive_an_entry(
    site: Site, bluetooth_entry: MockConfigEntry
) -> None:
    """An entry that is deleted and made anew does not bring a new allowance of resets."""
    result = await site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
    assert result is StepResult.RECOVERED
    await site.hass.config_entries.async_remove(bluetooth_entry.entry_id)
    await site.until(lambda: not site.supervisor.adapters, MINUTE)
    again = MockConfigEntry(
        domain="bluetooth", unique_id=site.address, options={"mode": "auto"}
    )
    again.add_to_hass(site.hass)
    await site.hass.config_entries.async_setup(again.entry_id)
    await site.until(lambda: site.supervisor.adapters, MINUTE)
    assert [step.step for step in steps_in(site.status.history)] == [
        RecoveryStep.POWER_CYCLE
    ]
    with pytest.raises(RecoveryRefused):
        await site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
    await site.hass.config_entries.async_unload(again.entry_id)
