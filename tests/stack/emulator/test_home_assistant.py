# SPDX-License-Identifier: Apache-2.0
"""Home Assistant's own Bluetooth integration sees the emulated world."""

import asyncio
from dataclasses import replace

import bleak_retry_connector
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.components import bluetooth
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from tests.emulator import EmulatedWorld, World, modbus
from tests.emulator.gatt_profile import REPLY_CHARACTERISTIC, REQUEST_CHARACTERISTIC

DONGLE = "6C:B2:FD:A1:B2:C3"


async def _heard(
    hass: HomeAssistant, address: str
) -> bluetooth.BluetoothServiceInfoBleak:
    found: asyncio.Future[bluetooth.BluetoothServiceInfoBleak] = (
        hass.loop.create_future()
    )

    def heard(info: bluetooth.BluetoothServiceInfoBleak) -> None:
        if not found.done():
            found.set_result(info)

    cancel = bluetooth.async_register_advertisement_callback(hass, heard, address)
    try:
        async with asyncio.timeout(5):
            return await found
    finally:
        cancel()


@pytest.mark.parametrize("scanner_mode", ["auto", "active", "passive"])
async def test_dongle_is_discovered(
    hass: HomeAssistant, bluetooth_entry: MockConfigEntry
) -> None:
    """The dongle's advertisement reaches Home Assistant in every scanning mode."""
    assert bluetooth_entry.state is ConfigEntryState.LOADED
    await _heard(hass, DONGLE)
    infos = {
        info.address: info for info in bluetooth.async_discovered_service_info(hass)
    }
    info = infos[DONGLE]
    assert info.name == "BT-TH-FDA1B2C3"
    assert info.manufacturer_data == {0xB26C: bytes.fromhex("fda1b2c3")}
    assert info.service_uuids == ["0000ffd0-0000-1000-8000-00805f9b34fb"]
    assert info.connectable


@pytest.mark.parametrize(
    ("scanner_mode", "discovering"),
    [("auto", False), ("active", True), ("passive", False)],
)
async def test_discovering_depends_on_the_mode(
    hass: HomeAssistant,
    bluetooth_entry: MockConfigEntry,
    emulated_world: EmulatedWorld,
    discovering: bool,
) -> None:
    """In health Discovering is true in active mode and false in the others."""
    await _heard(hass, DONGLE)
    assert bluetooth_entry.state is ConfigEntryState.LOADED
    assert emulated_world.adapter().sessions.discovering is discovering


async def test_battery_is_read_through_home_assistant(
    hass: HomeAssistant,
    bluetooth_entry: MockConfigEntry,
    emulated_world: EmulatedWorld,
) -> None:
    """A client by way of Home Assistant's scanner asks a battery and lets go."""
    info = await _heard(hass, DONGLE)
    received: asyncio.Queue[bytes] = asyncio.Queue()
    client = await bleak_retry_connector.establish_connection(
        bleak_retry_connector.BleakClientWithServiceCache, info.device, info.name
    )
    await client.start_notify(
        REPLY_CHARACTERISTIC, lambda _, data: received.put_nowait(bytes(data))
    )
    await client.write_gatt_char(
        REQUEST_CHARACTERISTIC, modbus.read_request(49, 5042, 7), response=False
    )
    async with asyncio.timeout(2):
        reply = await received.get()
    await client.disconnect()
    words = emulated_world.world.links[0].units[49].registers
    assert reply == modbus.read_reply(
        49, [words.get(address, 0) for address in range(5042, 5049)]
    )
    assert emulated_world.peripheral(DONGLE).central is None


class TestStartRefused:
    """A controller that refuses to scan, on a bluetoothd that is not experimental."""

    @pytest.fixture
    def scanner_mode(self) -> str:
        """Return the mode that needs StartDiscovery."""
        return "active"

    @pytest.fixture
    def world(self, world: World) -> World:
        """Return a world without advertisement monitors, so without a fall-back."""
        return replace(world, advertisement_monitor=False)

    @pytest.fixture(autouse=True)
    async def fault(self, emulated_world: EmulatedWorld) -> None:
        """Refuse every start from the beginning."""
        await emulated_world.set_fault("start-refused")

    async def test_home_assistant_retries_until_the_power_cycle(
        self,
        hass: HomeAssistant,
        bluetooth_entry: MockConfigEntry,
        emulated_world: EmulatedWorld,
    ) -> None:
        """The entry retries with BlueZ's error, and a power cycle heals it."""
        assert bluetooth_entry.state is ConfigEntryState.SETUP_RETRY
        assert "org.bluez.Error.InProgress" in (bluetooth_entry.reason or "")
        emulated_world.adapter().lose_power()
        emulated_world.adapter().get_power()
        assert await hass.config_entries.async_reload(bluetooth_entry.entry_id)
        assert bluetooth_entry.state is ConfigEntryState.LOADED
        await _heard(hass, DONGLE)
