# SPDX-License-Identifier: Apache-2.0
"""Faults of an adapter over the real stack that are no rows of the fault matrix, or more exactly."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import bleak.backends.bluezdbus.manager as bleak_manager
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.samples import HOUR, Verdict
from custom_components.renogy_bt.adapter_health.traffic import KNOWN_AFTER
from homeassistant.components import bluetooth
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from tests.emulator import EmulatedWorld, World, load_world
from tests.emulator.__main__ import WORLDS

from .conftest import still
from .site import MINUTE, NOTICE_GOES, Site, a_site
from .warped_time import warped_time

CALM = 5 * MINUTE
"""Past the active window that Home Assistant opens after four minutes."""
SECOND_ADAPTER = "B8:27:EB:5A:00:02"


@pytest.fixture
def world() -> World:
    """Return the owner's batteries at their real pace."""
    return still(load_world(WORLDS / "owner.json"))


@pytest.fixture
async def site(
    hass: HomeAssistant, emulated_world: EmulatedWorld, bluetooth_entry: MockConfigEntry
) -> AsyncGenerator[Site]:
    """Return a site that has run for five minutes without anything to tell."""
    with warped_time(hass.loop, emulated_world.bus.address):
        async with a_site(hass, emulated_world) as site:
            await calm(site)
            yield site


async def calm(site: Site) -> None:
    """Let a site run for a while in which nothing is wrong."""
    await asyncio.sleep(CALM)
    assert site.status.verdict is Verdict.OK
    assert site.events == []
    assert [good for _, good in site.polls[-3:]] == [True] * 3


async def mended(site: Site, begun: float, limit: float, *steps: RecoveryStep) -> float:
    """Wait for the steps, then until the batteries are read; return how long all took."""
    await site.until(lambda: site.steps() == list(steps), limit - (site.now() - begun))
    took = await site.until_read(site.now(), limit - (site.now() - begun))
    await site.until(lambda: site.status.verdict is Verdict.OK, MINUTE)
    await site.until(lambda: site.status.notice is None, NOTICE_GOES)
    took = site.now() - begun
    await asyncio.sleep(2 * MINUTE)
    assert site.steps() == list(steps)
    assert site.status.verdict is Verdict.OK
    assert site.status.history.recoveries == 1
    return took


@pytest.mark.parametrize("scanner_mode", ["auto"])
async def test_foreign_power_cycle_of_a_passive_scan(site: Site) -> None:
    """A passive scan survives a power cycle: nothing is done."""
    await site.emulated.set_fault("scan-session-lost")
    await asyncio.sleep(5 * MINUTE)
    assert site.steps() == []
    assert site.status.verdict is Verdict.OK


@pytest.mark.parametrize("scanner_mode", ["auto"])
async def test_powered_off_in_an_active_window(site: Site) -> None:
    """A passive scan that stays deaf when the power is back: read again within 240 s."""
    scanner = bluetooth.async_scanner_by_source(site.hass, site.address)
    assert scanner is not None
    assert await scanner.async_request_active_window(15.0)
    assert site.emulated.adapter().sessions.discovering
    begun = site.now()
    await site.emulated.set_fault("powered-off")
    await mended(site, begun, 240, RecoveryStep.POWER_CYCLE)
    assert site.told == []


@pytest.mark.parametrize("scanner_mode", ["active", "auto"])
@pytest.mark.parametrize("fault", ["bluetoothd-restart", "bluetoothd-graceful-restart"])
async def test_bluetoothd_restarted(site: Site, fault: str) -> None:
    """A bluetoothd that is replaced: read again within 75 s, whatever bleak remembers."""
    begun = site.now()
    await site.emulated.set_fault(fault)
    await mended(site, begun, 75, RecoveryStep.RESTART_SCANNING)
    assert site.told == []


@pytest.mark.parametrize("scanner_mode", ["active", "auto"])
async def test_bus_restarted(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """A restarted system bus: read again within 90 s, and nothing unhandled."""
    begun = site.now()
    await site.emulated.set_fault("bus-restart")
    await mended(site, begun, 90, RecoveryStep.RESTART_SCANNING)
    assert site.told == []
    assert "never retrieved" not in caplog.text


async def test_entry_whose_set_up_ended_in_an_error(
    site: Site, bluetooth_entry: MockConfigEntry
) -> None:
    """Home Assistant does not try again by itself: reloaded, read again within 240 s."""
    await site.hass.config_entries.async_unload(bluetooth_entry.entry_id)
    bluetooth_entry.mock_state(site.hass, ConfigEntryState.SETUP_ERROR, "Unknown error")
    await mended(site, site.now(), 240, RecoveryStep.RESTART_SCANNING)
    assert site.entry.state is ConfigEntryState.LOADED


async def test_discovery_stuck(site: Site) -> None:
    """The only adapter of a place that is known hears nothing: an experiment, after an hour."""
    memory = site.health.memory
    site.health.memory = replace(
        memory, traffic=replace(memory.traffic, watched=KNOWN_AFTER)
    )
    begun = site.now()
    await site.emulated.set_fault("discovery-stuck")
    await mended(site, begun, HOUR + 300, RecoveryStep.POWER_CYCLE)
    assert site.told == []


async def test_discovery_stuck_in_an_unknown_place(site: Site) -> None:
    """Where nothing is known of the place, a silence may be a dongle that was switched off."""
    await site.emulated.set_fault("discovery-stuck")
    await asyncio.sleep(1.5 * HOUR)
    assert site.status.verdict is Verdict.QUIET
    assert site.steps() == []
    assert site.told == []


@pytest.mark.parametrize("lasts", [150, 183, 194, 249, 315])
@pytest.mark.parametrize("expected_lingering_tasks", [True])
async def test_bluetoothd_hung(site: Site, lasts: float) -> None:
    """A hung bluetoothd is told within 120 s; 30 s after it answers, all is well.

    It answers again while Home Assistant tries to start its scan, and between two tries.
    """
    back = await hung(site, lasts)
    await site.until_read(back, 30)
    await site.until(lambda: site.status.notice is None, NOTICE_GOES)
    assert set(site.steps()) <= {RecoveryStep.RESTART_SCANNING}


@pytest.mark.parametrize("expected_lingering_tasks", [True])
async def test_bluetoothd_hung_with_a_scan_that_exists_already(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Starts that nobody waits for any more do not stand in the way of the next one.

    bleak names a passive scan after the address of an object, which the next one can get
    again; here it always does.
    """
    await site.hass.config_entries.async_reload(site.entry.entry_id)
    monkeypatch.setattr(bleak_manager, "id", lambda _: 1, raising=False)
    back = await hung(site, 183)
    await site.until_read(back, 30)
    await site.until(lambda: site.status.notice is None, NOTICE_GOES)
    assert site.steps() == [RecoveryStep.RESTART_SCANNING]
    assert site.entry.state is ConfigEntryState.LOADED


async def hung(site: Site, lasts: float) -> float:
    """Let bluetoothd hang for a while; return when it answers again."""
    begun = site.now()
    await site.emulated.set_fault("bluetoothd-hung")
    await site.until(lambda: site.told, 120)
    assert site.told[0][1] is Verdict.BLUETOOTHD_HUNG
    await asyncio.sleep(begun + lasts - site.now())
    assert site.steps() == []
    await site.emulated.clear_faults()
    return site.now()


class TestWithoutPassiveScanning:
    """A bluetoothd without monitors: Home Assistant cannot fall back to a passive scan."""

    @pytest.fixture
    def world(self, world: World) -> World:
        """Return a world whose bluetoothd has no monitors."""
        return replace(world, advertisement_monitor=False)

    async def test_start_that_is_never_answered(
        self, site: Site, bluetooth_entry: MockConfigEntry
    ) -> None:
        """BlueZ's stuck start: read again within 180 s."""
        begun = site.now()
        await site.emulated.set_fault("stuck-start")
        await site.hass.config_entries.async_reload(bluetooth_entry.entry_id)
        await mended(site, begun, 180 + MINUTE, RecoveryStep.POWER_CYCLE)


class TestTwoAdapters:
    """A second scanner in the same place."""

    @pytest.fixture
    def world(self, world: World) -> World:
        """Return a world with a second adapter."""
        (first,) = world.adapters
        second = replace(first, name="hci1", address=SECOND_ADAPTER)
        return replace(world, adapters=(first, second))

    @pytest.fixture
    async def second_entry(
        self, hass: HomeAssistant, bluetooth_entry: MockConfigEntry
    ) -> AsyncGenerator[MockConfigEntry]:
        """Set up the second adapter."""
        entry = MockConfigEntry(
            domain="bluetooth",
            unique_id=SECOND_ADAPTER,
            title="hci1",
            options={"mode": "passive"},
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        yield entry
        await hass.config_entries.async_unload(entry.entry_id)

    async def test_silent_while_another_scanner_hears(
        self,
        hass: HomeAssistant,
        emulated_world: EmulatedWorld,
        second_entry: MockConfigEntry,
    ) -> None:
        """What another scanner hears and this one does not, is a fault: mended in 180 s."""
        with warped_time(hass.loop, emulated_world.bus.address):
            async with a_site(hass, emulated_world) as site:
                # The second adapter can hear but not connect.
                await emulated_world.set_fault(
                    "connects-failing", adapter="hci1", until="cleared"
                )
                await calm(site)
                begun = site.now()
                await emulated_world.set_fault("discovery-stuck", adapter="hci0")
                await mended(
                    site,
                    begun,
                    180,
                    RecoveryStep.RESTART_SCANNING,
                    RecoveryStep.POWER_CYCLE,
                )
                assert site.supervisor.adapters[SECOND_ADAPTER].notice is None
