"""Every fault of an adapter over the real stack: noticed in time, mended, told where needed."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from dataclasses import replace
import gc

import bleak.backends.bluezdbus.manager as bleak_manager
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.bluetooth_health.models import Rung, Verdict
from homeassistant.components import bluetooth
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from tests.emulator import EmulatedWorld, World, load_world
from tests.emulator.__main__ import WORLDS

from .conftest import still
from .site import MINUTE, Site, a_site
from .unhandled import unhandled
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


async def mended(site: Site, begun: float, limit: float, *rungs: Rung) -> float:
    """Wait for the steps, then until the batteries are read; return how long all took."""
    await site.until(lambda: site.rungs() == list(rungs), limit - (site.now() - begun))
    took = await site.until_read(site.now(), limit - (site.now() - begun))
    await site.until(lambda: site.status.verdict is Verdict.OK, MINUTE)
    await site.until(lambda: site.status.notice is None, MINUTE)
    took = site.now() - begun
    await asyncio.sleep(2 * MINUTE)
    assert site.rungs() == list(rungs)
    assert site.status.verdict is Verdict.OK
    assert site.status.recoveries == 1
    return took


@pytest.mark.parametrize("scanner_mode", ["active"])
async def test_scan_session_lost(site: Site) -> None:
    """A foreign power cycle in active mode: read again within 75 s."""
    begun = site.now()
    await site.emulated.set_fault("scan-session-lost")
    await mended(site, begun, 75, Rung.RELOAD)
    assert site.told == []


@pytest.mark.parametrize("scanner_mode", ["auto"])
async def test_foreign_power_cycle_of_a_passive_scan(site: Site) -> None:
    """A passive scan survives a power cycle: nothing is done."""
    await site.emulated.set_fault("scan-session-lost")
    await asyncio.sleep(5 * MINUTE)
    assert site.rungs() == []
    assert site.status.verdict is Verdict.OK


@pytest.mark.parametrize("scanner_mode", ["active", "auto"])
@pytest.mark.parametrize("fault", ["bluetoothd-restart", "bluetoothd-graceful-restart"])
async def test_bluetoothd_restarted(site: Site, fault: str) -> None:
    """A bluetoothd that is replaced: read again within 75 s, whatever bleak remembers."""
    begun = site.now()
    await site.emulated.set_fault(fault)
    await mended(site, begun, 75, Rung.RELOAD)
    assert site.told == []


@pytest.mark.parametrize("scanner_mode", ["active", "auto"])
async def test_bus_restarted(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """A restarted system bus: read again within 90 s, and nothing unhandled."""
    begun = site.now()
    await site.emulated.set_fault("bus-restart")
    await mended(site, begun, 90, Rung.RELOAD)
    assert site.told == []
    assert "never retrieved" not in caplog.text


async def test_renumbered(site: Site) -> None:
    """An adapter that becomes hci1: read again within 60 s."""
    begun = site.now()
    await site.emulated.set_fault("renumbered", to="hci1")
    await mended(site, begun, 60, Rung.RELOAD)
    assert site.status.name == "hci1"
    assert site.told == []


async def test_discovery_stuck(site: Site) -> None:
    """The only adapter hears nothing any more: read again within 300 s, by an experiment."""
    begun = site.now()
    await site.emulated.set_fault("discovery-stuck")
    await mended(site, begun, 300, Rung.RELOAD, Rung.POWER_CYCLE)
    assert site.told == []


async def test_powered_off(site: Site) -> None:
    """An adapter that somebody switched off: read again within 240 s."""
    begun = site.now()
    await site.emulated.set_fault("powered-off")
    await mended(site, begun, 240, Rung.POWER_CYCLE)
    assert site.told == []


# What is connected when the adapter goes or bluetoothd hangs, bleak leaves behind.
@pytest.mark.parametrize("expected_lingering_tasks", [True])
async def test_blocked(site: Site) -> None:
    """A blocked adapter is the user's to unblock; then it is read again by itself."""
    begun = site.now()
    await site.emulated.set_fault("rfkill-blocked")
    await site.until(lambda: site.told, 120)
    assert site.told[0][1] is Verdict.BLOCKED
    assert site.status.notice is not None
    assert site.status.notice.remedies == ()
    assert site.now() - begun <= 120
    await asyncio.sleep(5 * MINUTE)
    assert site.rungs() == []
    await site.emulated.clear_faults()
    await site.until(lambda: site.status.notice is None, 4 * MINUTE)
    await site.until_read(site.now(), 2 * MINUTE)


@pytest.mark.parametrize("expected_lingering_tasks", [True])
async def test_unplugged_and_back(site: Site) -> None:
    """An unplugged adapter is told within 180 s; 30 s after its return all is well."""
    begun = site.now()
    await site.emulated.set_fault("unplugged")
    await site.until(lambda: site.told, 180)
    assert site.told[0][1] is Verdict.MISSING
    assert site.now() - begun <= 180
    await asyncio.sleep(10 * MINUTE)
    assert site.rungs() == []
    back = site.now()
    await site.emulated.clear_faults()
    await site.until_read(back, 30)
    await site.until(lambda: site.status.notice is None, 30 - (site.now() - back))


async def test_connects_failing(site: Site) -> None:
    """Advertisements without connections, until a power cycle: read again within 900 s."""
    begun = site.now()
    await site.emulated.set_fault("connects-failing")
    await mended(site, begun, 900, Rung.OWN_LINKS, Rung.RELOAD, Rung.POWER_CYCLE)


@pytest.mark.parametrize("lasts", [150, 183, 194, 249, 315])
@pytest.mark.parametrize("expected_lingering_tasks", [True])
async def test_bluetoothd_hung(site: Site, lasts: float) -> None:
    """A hung bluetoothd is told within 120 s; 30 s after it answers, all is well.

    It answers again while Home Assistant tries to start its scan, and between two tries.
    """
    back = await hung(site, lasts)
    await site.until_read(back, 30)
    await site.until(lambda: site.status.notice is None, MINUTE)
    assert set(site.rungs()) <= {Rung.RELOAD}


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
    await site.until(lambda: site.status.notice is None, MINUTE)
    assert site.rungs() == [Rung.RELOAD]
    assert site.entry.state is ConfigEntryState.LOADED


async def hung(site: Site, lasts: float) -> float:
    """Let bluetoothd hang for a while; return when it answers again."""
    begun = site.now()
    await site.emulated.set_fault("bluetoothd-hung")
    await site.until(lambda: site.told, 120)
    assert site.told[0][1] is Verdict.BLUETOOTHD_HUNG
    await asyncio.sleep(begun + lasts - site.now())
    assert site.rungs() == []
    await site.emulated.clear_faults()
    return site.now()


@pytest.fixture
def broken_window(hass: HomeAssistant) -> Generator[list[BaseException]]:
    """Collect the error that habluetooth's broken window leaves unhandled."""
    with unhandled(hass.loop, AssertionError) as errors:
        yield errors


@pytest.mark.parametrize("expected_lingering_tasks", [True])
async def test_dead_scanner_after_an_active_window(
    broken_window: list[BaseException], site: Site
) -> None:
    """Habluetooth's scanner that dies with a window: read again within 75 s of its death."""
    await site.emulated.set_fault("discovery-stuck", until="cleared")
    scanner = bluetooth.async_scanner_by_source(site.hass, site.address)
    assert scanner is not None
    await asyncio.sleep(60)
    began = (await scanner.async_diagnostics())["start_time"]
    assert await scanner.async_request_active_window(100.0)
    # The watchdog restarts the scan while the window is open.
    while (await scanner.async_diagnostics())["start_time"] == began:
        assert not site.rungs()
        await asyncio.sleep(1)
    await site.emulated.clear_faults()
    await site.until(lambda: not site.emulated.adapter().sessions.discovering, 120)
    begun = site.now()
    await site.until(site.rungs, 75)
    await site.until_read(site.now(), 75 - (site.now() - begun))
    assert site.rungs() == [Rung.RELOAD]
    await asyncio.sleep(MINUTE)
    gc.collect()
    assert broken_window


class TestWithoutPassiveScanning:
    """A bluetoothd without monitors: Home Assistant cannot fall back to a passive scan."""

    @pytest.fixture
    def world(self, world: World) -> World:
        """Return a world whose bluetoothd has no monitors."""
        return replace(world, advertisement_monitor=False)

    async def test_start_refused_while_running(
        self, site: Site, bluetooth_entry: MockConfigEntry
    ) -> None:
        """A start that is refused until a power cycle: read again within 180 s."""
        begun = site.now()
        await site.emulated.set_fault("start-refused")
        await site.hass.config_entries.async_reload(bluetooth_entry.entry_id)
        assert bluetooth_entry.state is ConfigEntryState.SETUP_RETRY
        await mended(site, begun, 180, Rung.POWER_CYCLE)

    async def test_start_that_is_never_answered(
        self, site: Site, bluetooth_entry: MockConfigEntry
    ) -> None:
        """BlueZ's stuck start: read again within 180 s."""
        begun = site.now()
        await site.emulated.set_fault("stuck-start")
        await site.hass.config_entries.async_reload(bluetooth_entry.entry_id)
        await mended(site, begun, 180 + MINUTE, Rung.POWER_CYCLE)

    async def test_start_refused_from_the_beginning(
        self,
        hass: HomeAssistant,
        emulated_world: EmulatedWorld,
        bluetooth_entry: MockConfigEntry,
    ) -> None:
        """A start that is refused before anything was ever heard: read within 180 s."""
        with warped_time(hass.loop, emulated_world.bus.address):
            await emulated_world.set_fault("start-refused")
            await hass.config_entries.async_reload(bluetooth_entry.entry_id)
            async with a_site(hass, emulated_world) as site:
                await mended(site, site.now(), 180, Rung.POWER_CYCLE)


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
                await mended(site, begun, 180, Rung.RELOAD, Rung.POWER_CYCLE)
                assert site.supervisor.adapters[SECOND_ADAPTER].notice is None
