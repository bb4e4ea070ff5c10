# SPDX-License-Identifier: Apache-2.0
"""Adapters that Home Assistant works without bluetoothd, by habluetooth's own scanner for that."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from habluetooth import HaScannerMgmt
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapter_health.ladder import (
    RecoveryLevel,
    RecoveryStep,
)
from custom_components.renogy_bt.adapter_health.samples import ScanMode, Verdict
from custom_components.renogy_bt.supervisor import (
    neighbours,
    supervisor as supervisor_module,
    watch,
)
from homeassistant.components import bluetooth
from homeassistant.components.bluetooth.manager import HomeAssistantBluetoothManager
from homeassistant.core import HomeAssistant
from tests.emulator import EmulatedWorld
from tests.insides import watch_of

from .site import BANK, MINUTE, Site, batteries_of
from .warped_time import warped_time

HOUR = 60 * MINUTE
ADVERTISING = 8.0
KERNELS_DISCOVERY = 10.24
"""How long the kernel discovers when it is asked to, s."""


@dataclass
class ManagementSocket:
    """A management socket over which a scan is started, without bluetoothd's knowledge."""

    can_discover: bool = True
    is_deaf: bool = False
    others: int = 0
    """Devices around besides the link."""
    scans_until: float = 0.0
    resets: list[tuple[int, str, bool]] = field(default_factory=list)

    @property
    def hears(self) -> bool:
        """Whether a scan goes on and hears."""
        now = asyncio.get_running_loop().time()
        return now < self.scans_until and not self.is_deaf

    async def start_discovery(self, _: int) -> bool:
        """Begin to discover; that ends by itself, as it does in the kernel."""
        self.scans_until = asyncio.get_running_loop().time() + KERNELS_DISCOVERY
        return True

    async def stop_discovery(self, _: int) -> bool:
        """End to discover; the kernel refuses when that has ended by itself."""
        is_discovering = asyncio.get_running_loop().time() < self.scans_until
        self.scans_until = 0.0
        return is_discovering

    async def add_adv_pattern_monitor(self, _: int) -> int:
        """Begin to scan passively."""
        self.scans_until = float("inf")
        return 1

    async def remove_adv_monitor(self, _: int, __: int) -> bool:
        """End to scan passively."""
        return await self.stop_discovery(0)

    async def reset(self, hci: int, mac: str, gone_silent: bool) -> bool:
        """Reset the adapter, which hears after that."""
        self.resets.append((hci, mac, gone_silent))
        self.is_deaf, self.scans_until = False, 0.0
        return True


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
    """Hand on over the socket what the link and devices around it advertise, for ever."""
    link, adapter = batteries_of(world)[0], world.world.adapters[0]
    while True:
        scanner = bluetooth.async_scanner_by_source(hass, adapter.address)
        others = [
            (f"11:22:33:44:55:{n:02X}", f"other {n}") for n in range(socket.others)
        ]
        for address, name in [(link.address, link.name), *others]:
            if scanner is not None and socket.hears:
                scanner._async_on_advertisement(
                    *(address, -60, name, [], {}, {}, None, {}), hass.loop.time()
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
        assert site.sample.is_direct
        (known,) = watch_of(supervisor).bluez.adapters_at(site.address)
        assert not known.discovering
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


@pytest.mark.parametrize("scanner_mode", ["active"])
async def test_deaf_adapter_is_reset_by_the_kernel(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    socket: ManagementSocket,
    advertising: asyncio.Task[None],
    hass_storage: dict[str, Any],
) -> None:
    """Home Assistant resets no such adapter: the integration has the kernel do it, over the socket.

    Should Home Assistant be killed meanwhile, its next start knows that the adapter may be off.
    """
    supervisor = supervisor_module.async_get_supervisor(hass)
    site = Site(hass, emulated_world, supervisor)

    def is_left_off() -> bool:
        stored = hass_storage["renogy_bt.bluetooth_health"]["data"]["adapters"]
        return bool(stored[site.address]["powered_off_by_us"])

    left_off = []

    async def reset(hci: int, mac: str, gone_silent: bool) -> bool:
        left_off.append(is_left_off())
        return await socket.reset(hci, mac, gone_silent)

    # So many devices do not fall silent at once by chance.
    socket.others = 6
    stop = supervisor.async_add_event_listener(site.on_event)
    with (
        patch.object(neighbours, "recover_adapter", reset),
        patch.object(watch, "async_has_management_socket", return_value=True),
    ):
        await supervisor.async_attach(BANK, [site.link.address], RecoveryLevel.FULL)
        # As many looks at devices as it takes to know this place, and some more.
        await asyncio.sleep(50 * MINUTE)
        assert site.status.verdict is Verdict.OK
        assert site.sample.is_direct
        assert site.status.name == "hci0"
        assert site.events == []
        socket.is_deaf = True
        await site.until(lambda: socket.resets, 20 * MINUTE)
        await site.until(lambda: site.status.verdict is Verdict.OK, 5 * MINUTE)
    assert socket.resets == [(0, site.address, False)]
    assert left_off == [True]
    assert not is_left_off()
    assert site.steps() == [RecoveryStep.RESTART_SCANNING, RecoveryStep.POWER_CYCLE]
    assert site.is_powered
    assert site.status.verdict is Verdict.OK
    stop()
    await supervisor.async_detach(BANK)
