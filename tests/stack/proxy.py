# SPDX-License-Identifier: Apache-2.0
"""Bluetooth proxies in Home Assistant: its own `esphome`, connected to emulated devices.

Which path a connection takes is decided by habluetooth, and what a proxy tells and does goes
through bleak-esphome and aioesphomeapi, as in a house.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from unittest.mock import AsyncMock, Mock

import bluetooth_data_tools
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from zeroconf import Zeroconf

from homeassistant.components import bluetooth, zeroconf
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.emulator import EmulatedWorld
from tests.emulator.esphome_api import LOOPBACK
from tests.emulator.esphome_proxy import NAME, PROXY, EspHomeProxy

from .integration import until

PROXY_NAME = f"{NAME} ({PROXY})"
VOICE = ("assist_pipeline", "ffmpeg", "http", "intent")
"""What `esphome` needs for voice assistants only; no proxy has one here."""


def _import_on_the_clock_of_home_assistant() -> None:
    """Import the scanner of bleak-esphome, which takes its clock when it is imported.

    The clock of Home Assistant leaps in some tests.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            bluetooth_data_tools,
            "monotonic_time_coarse",
            lambda: bluetooth.MONOTONIC_TIME(),
        )
        import bleak_esphome.backend.scanner  # noqa: F401, PLC0415


_import_on_the_clock_of_home_assistant()


@contextmanager
def _without_voice_and_search() -> Iterator[None]:
    """Have `esphome` serve no web page for voices, and look for no device on the network."""
    with pytest.MonkeyPatch.context() as patch:
        esphome = "homeassistant.components.esphome"
        patch.setattr(f"{esphome}.ffmpeg_proxy.async_setup", Mock())
        patch.setattr(f"{esphome}.assist_satellite.async_setup", AsyncMock())
        patch.setattr(
            zeroconf, "async_get_instance", AsyncMock(return_value=Mock(spec=Zeroconf))
        )
        yield


@asynccontextmanager
async def proxy_of(
    hass: HomeAssistant, world: EmulatedWorld, attenuation: float = 0.0
) -> AsyncGenerator[EspHomeProxy]:
    """Run a proxy in the world that Home Assistant knows and is connected to."""
    proxy = EspHomeProxy(world, attenuation)
    await proxy.start()
    hass.config.components.update(VOICE)
    entry = MockConfigEntry(
        domain="esphome",
        # Home Assistant would listen for devices with the address for unique id to dial in.
        unique_id=NAME,
        data={
            "host": LOOPBACK,
            "port": proxy.server.port,
            "password": "",
            "noise_psk": "",
            "device_name": NAME,
        },
        options={"bluetooth_scanning_mode": "active"},
    )
    entry.add_to_hass(hass)
    with _without_voice_and_search():
        assert await async_setup_component(hass, "esphome", {})
        await until(lambda: is_known(hass))
        try:
            yield proxy
        finally:
            await hass.config_entries.async_remove(entry.entry_id)
            proxy.stop()


def slots_free(hass: HomeAssistant) -> int:
    """Return how many connections Home Assistant may make through the proxy at present."""
    scanner = bluetooth.async_scanner_by_source(hass, PROXY)
    slots = None if scanner is None else scanner.get_allocations()
    return 0 if slots is None else slots.free


def is_known(hass: HomeAssistant) -> bool:
    """Return whether Home Assistant may connect through the proxy."""
    scanner = bluetooth.async_scanner_by_source(hass, PROXY)
    return scanner is not None and scanner.get_allocations() is not None


async def heard_by_proxy(
    hass: HomeAssistant, proxy: EspHomeProxy, address: str, rssi: int
) -> None:
    """Have a proxy pass an advertisement on, and wait until Home Assistant has it."""
    proxy.hear(address, rssi)

    def has_arrived() -> bool:
        scanner = bluetooth.async_scanner_by_source(hass, PROXY)
        if scanner is None:
            return False
        found = scanner.get_discovered_device_advertisement_data(address)
        return found is not None and found[1].rssi == rssi

    await until(has_arrived)
