# SPDX-License-Identifier: Apache-2.0
"""What lasts through a restart of Home Assistant, and a scan that bluetoothd does not know of."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from habluetooth import HaScannerMgmt
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapter_health.ladder import RecoveryLevel
from custom_components.renogy_bt.adapter_health.samples import ScanMode, Verdict
from custom_components.renogy_bt.adapter_health.status import EventKind
from custom_components.renogy_bt.supervisor import supervisor as supervisor_module
from homeassistant.components import bluetooth
from homeassistant.components.bluetooth.manager import HomeAssistantBluetoothManager
from homeassistant.core import HomeAssistant
from tests.emulator import EmulatedWorld

from .site import BANK, MINUTE, Site, a_site, a_witness, batteries_of
from .warped_time import warped_time

HOUR = 60 * MINUTE
ADVERTISING = 10.0


def begin_anew(hass: HomeAssistant) -> None:
    """Let nothing remain in memory of adapter health, as over a restart."""
    hass.data.pop(supervisor_module._SUPERVISOR)


async def settled(site: Site, verdict: Verdict, limit: float) -> None:
    """Wait for a verdict; the adapter must not be called well before."""

    def is_judged() -> bool:
        now = site.supervisor.adapters.get(site.address)
        assert now is None or now.verdict is not Verdict.OK
        return now is not None and now.verdict is verdict

    await site.until(is_judged, limit)


@pytest.mark.parametrize("scanner_mode", ["active"])
async def test_deaf_through_restarts(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    bluetooth_entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """A deaf adapter is deaf after each restart, rests as it did, and is told of once."""
    link = batteries_of(emulated_world)[0]
    with warped_time(hass.loop, emulated_world.bus.address):
        async with a_witness(hass, emulated_world, link):
            await stays_deaf(hass, emulated_world, bluetooth_entry, hass_storage)


async def stays_deaf(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    bluetooth_entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """Let an adapter go deaf, restart Home Assistant again and again, and mend it."""
    async with a_site(hass, emulated_world) as site:
        await asyncio.sleep(5 * MINUTE)
        assert site.status.verdict is Verdict.OK
        await emulated_world.set_fault("discovery-stuck", until="cleared")
        await site.until(lambda: site.status.verdict is Verdict.SILENT, 10 * MINUTE)
        await asyncio.sleep(HOUR)
        assert len(site.steps()) >= 2
        before = site.health
        assert before.climb.rest_until is not None
        assert before.judgement is not None
    stored = hass_storage["renogy_bt.bluetooth_health"]["data"]["adapters"]
    assert stored[site.address]["memory"]["fault"]["verdict"] == "silent"
    for _ in range(3):
        begin_anew(hass)
        await hass.config_entries.async_reload(bluetooth_entry.entry_id)
        async with a_site(hass, emulated_world) as site:
            await settled(site, Verdict.SILENT, 10 * MINUTE)
            after = site.health
            assert after.judgement is not None
            assert after.judgement.since == pytest.approx(
                before.judgement.since, abs=5.0
            )
            assert after.climb.tried == before.climb.tried
            assert after.climb.rest_until == pytest.approx(
                before.climb.rest_until, abs=5.0
            )
            assert EventKind.DETECTED not in [each.kind for _, each in site.events]
            assert site.steps() == []
    begin_anew(hass)
    await emulated_world.clear_faults()
    async with a_site(hass, emulated_world) as site:
        await site.until(
            lambda: site.supervisor.adapters and site.status.verdict is Verdict.OK,
            10 * MINUTE,
        )


@dataclass
class ManagementSocket:
    """A management socket over which a scan is started, without bluetoothd's knowledge."""

    can_discover: bool = True
    is_discovering: bool = False

    async def start_discovery(self, _: int) -> bool:
        """Begin to discover."""
        self.is_discovering = True
        return True

    async def stop_discovery(self, _: int) -> bool:
        """End to discover."""
        self.is_discovering = False
        return True

    async def add_adv_pattern_monitor(self, _: int) -> int:
        """Begin to scan passively."""
        self.is_discovering = True
        return 1

    async def remove_adv_monitor(self, _: int, __: int) -> bool:
        """End to scan passively."""
        return await self.stop_discovery(0)


@pytest.fixture
def socket(monkeypatch: pytest.MonkeyPatch) -> ManagementSocket:
    """Have Home Assistant scan with habluetooth's scanner of the management socket."""
    socket = ManagementSocket()
    monkeypatch.setattr(
        HomeAssistantBluetoothManager,
        "get_bluez_mgmt_ctl",
        lambda _: socket,
        raising=False,
    )
    monkeypatch.setattr(bluetooth, "HaScanner", HaScannerMgmt)
    return socket


async def advertise(
    hass: HomeAssistant, world: EmulatedWorld, socket: ManagementSocket
) -> None:
    """Hand on over the socket what the link advertises, for ever."""
    link, adapter = batteries_of(world)[0], world.world.adapters[0]
    while True:
        scanner = bluetooth.async_scanner_by_source(hass, adapter.address)
        if scanner is not None and socket.is_discovering:
            scanner._async_on_advertisement(
                *(link.address, -60, link.name, [], {}, {}, None, {}),
                hass.loop.time(),
            )
        await asyncio.sleep(ADVERTISING)


@pytest.fixture
async def advertising(
    socket: ManagementSocket,
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    bluetooth_entry: MockConfigEntry,
) -> AsyncGenerator[asyncio.Task[None]]:
    """Let time leap and the link advertise."""
    with warped_time(hass.loop, emulated_world.bus.address):
        task = asyncio.create_task(advertise(hass, emulated_world, socket))
        yield task
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.parametrize("scanner_mode", ["active", "passive"])
async def test_scanner_over_the_management_socket(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    socket: ManagementSocket,
    advertising: asyncio.Task[None],
    scanner_mode: str,
) -> None:
    """Bluetoothd never discovers and everything is heard: a healthy adapter, for hours."""
    supervisor = supervisor_module.async_get_supervisor(hass)
    site = Site(hass, emulated_world, supervisor)
    stop = supervisor.async_add_event_listener(site.on_event)
    await supervisor.async_attach(BANK, [site.link.address], RecoveryLevel.FULL)
    await site.until(
        lambda: supervisor.adapters and site.status.verdict is Verdict.OK, 5 * MINUTE
    )
    assert isinstance(
        bluetooth.async_scanner_by_source(hass, site.address), HaScannerMgmt
    )
    assert site.sample.scanner is not None
    assert site.sample.scanner.over_bluetoothd is False
    assert site.sample.scanner.current_mode is ScanMode(scanner_mode)
    for _ in range(3):
        await asyncio.sleep(HOUR)
        assert site.status.verdict is Verdict.OK
        assert site.sample.adapter is not None
        assert not site.sample.adapter.discovering
    await emulated_world.set_fault("bluetoothd-restart", seconds=5)
    await asyncio.sleep(10 * MINUTE)
    assert site.status.verdict is Verdict.OK
    assert site.events == []
    # The dongle is switched off: this may be a quiet place, and nothing certain.
    advertising.cancel()
    await asyncio.sleep(HOUR)
    assert site.status.verdict is Verdict.QUIET
    assert site.events == []
    stop()
    await supervisor.async_detach(BANK)
