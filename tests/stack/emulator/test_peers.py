# SPDX-License-Identifier: Apache-2.0
"""Other readers of these batteries, unmodified, read what the world says.

renogy-ble and aiobmsble know nothing of this emulator: where they and the world agree,
the emulated protocol is the one that they learned from real batteries.
"""

from collections.abc import Mapping
from dataclasses import replace
import math
from typing import Any

from aiobmsble import BMSConfig
from aiobmsble.bms.renogy_bms import BMS as RenogyBms
from aiobmsble.bms.renogy_pro_bms import BMS as RenogyProBms
from bleak import BleakScanner
from bleak.backends.device import BLEDevice
import pytest
from renogy_ble.ble import RenogyBleClient, RenogyBLEDevice
from renogy_ble.hub import RenogyCommunicationHub

from tests.emulator import EmulatedWorld, Unit, World, load_world
from tests.emulator.__main__ import WORLDS
from tests.stack.conftest import FAST

OWNERS_DONGLE = "6C:B2:FD:A1:B2:C3"
PRO = "60:98:66:00:4F:10"
NARROW = "C4:64:66:3D:0E:21"


async def found(address: str) -> BLEDevice:
    """Return a device that was scanned for."""
    device = await BleakScanner.find_device_by_address(address, timeout=3)
    assert device is not None
    return device


def _signed(word: int) -> int:
    return word - 0x10000 if word & 0x8000 else word


def _long(registers: Mapping[int, int], address: int) -> int:
    return registers.get(address, 0) << 16 | registers.get(address + 1, 0)


def _text(registers: Mapping[int, int], address: int, words: int) -> str:
    data = b"".join(
        registers.get(address + index, 0).to_bytes(2) for index in range(words)
    )
    return data.decode().rstrip("\0 ")


def expected_by_renogy_ble(unit: Unit, current_scale: float = 0.01) -> dict[str, Any]:
    """Return what renogy-ble must make of a unit's registers."""
    words = unit.registers
    cells = [words[5001 + index] / 10 for index in range(words[5000])]
    temperatures = [_signed(words[5018 + index]) / 10 for index in range(words[5017])]
    return {
        "battery_voltage": words[5043] / 10,
        "battery_current": pytest.approx(_signed(words[5042]) * current_scale),
        "battery_remaining_capacity": _long(words, 5044) / 1000,
        "battery_capacity": _long(words, 5046) / 1000,
        "cell_count": len(cells),
        "cell_voltages": cells,
        "battery_temperature_values": temperatures,
    }


def read_client() -> RenogyBleClient:
    """Return a client that connects for each poll."""
    return RenogyBleClient(transport_mode="per_operation")


async def read_by_renogy_ble(address: str) -> dict[str, Any]:
    """Read one battery the way renogy-ha does."""
    device = await found(address)
    client = read_client()
    result = await client.read_device(
        RenogyBLEDevice(device, device_type="battery", advertisement_name=device.name)
    )
    await client.close()
    assert result.success, result.error
    parsed: dict[str, Any] = result.parsed_data
    return parsed


def assert_agree(read: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Compare what was read with what must have been."""
    assert {key: read[key] for key in expected} == expected


async def test_renogy_ble_reads_the_first_battery(
    emulated_world: EmulatedWorld,
) -> None:
    """renogy-ble reads unit 48 completely, as the world has it."""
    unit = emulated_world.world.links[0].units[48]
    read = await read_by_renogy_ble(OWNERS_DONGLE)
    assert_agree(read, expected_by_renogy_ble(unit))
    assert_agree(
        read,
        {
            "device_name": "RBT50LFP48S",
            "serial_number": _text(unit.registers, 5110, 8),
            "sw_version": "V104",
            "battery_cycle_count": unit.registers[5048],
            "charge_mosfet_enabled": True,
            "discharge_mosfet_enabled": True,
            "heater_enabled": False,
            "battery_problem_code": 0,
        },
    )
    assert emulated_world.statistics()[OWNERS_DONGLE].writes == 0


async def test_renogy_ble_hub_reads_all_four(emulated_world: EmulatedWorld) -> None:
    """renogy-ble's hub reads each of the four batteries, as the world has them."""
    device = await found(OWNERS_DONGLE)
    client = RenogyBleClient(transport_mode="persistent_session")
    hub = RenogyCommunicationHub(client, slave_ids=range(48, 52))
    result = await hub.read_batteries(
        RenogyBLEDevice(device, device_type="battery", advertisement_name=device.name),
        rediscover=False,
        include_cell_status=True,
    )
    await client.close()
    assert result.success, result.error
    read = {battery.slave_id: battery.parsed_data for battery in result.batteries}
    units = emulated_world.world.links[0].units
    assert sorted(read) == sorted(units)
    for unit_id, unit in units.items():
        assert_agree(read[unit_id], expected_by_renogy_ble(unit))


def assert_read_by_aiobmsble(
    sample: Mapping[str, Any], unit: Unit, current_scale: float = 0.01
) -> None:
    """Compare aiobmsble's sample with a unit's registers; it floors the capacity."""
    words = unit.registers
    assert_agree(
        sample,
        {
            "voltage": words[5043] / 10,
            "current": pytest.approx(_signed(words[5042]) * current_scale),
            "cycle_charge": _long(words, 5044) / 1000,
            "design_capacity": math.floor(_long(words, 5046) / 1000),
            "cycles": words[5048],
            "cell_count": words[5000],
            "cell_voltages": [words[5001 + n] / 10 for n in range(words[5000])],
            "temp_sensors": words[5017],
            "problem": False,
        },
    )
    temperatures = [float(value) for value in sample["temp_values"]]
    assert temperatures == [_signed(words[5018 + n]) / 10 for n in range(words[5017])]


async def test_aiobmsble_reads_the_first_battery(
    emulated_world: EmulatedWorld,
) -> None:
    """The library of BMS_BLE-HA reads unit 48, as the world has it."""
    bms = RenogyBms(await found(OWNERS_DONGLE), BMSConfig(keep_alive=True))
    information = await bms.device_info()
    sample = await bms.async_update()
    await bms.disconnect()
    unit = emulated_world.world.links[0].units[48]
    assert information["name"] == "RBT50LFP48S"
    assert information["serial_number"] == _text(unit.registers, 5110, 8)
    assert_read_by_aiobmsble(sample, unit)


class TestFamilies:
    """The static world of several families."""

    @pytest.fixture
    def world(self) -> World:
        """Return the families' world, fast."""
        return load_world(WORLDS / "families.json").with_timing(FAST)

    @staticmethod
    def _unit(world: World, address: str) -> Unit:
        (link,) = (link for link in world.links if link.address == address)
        return link.units[48]

    async def test_aiobmsble_reads_the_pro(self, emulated_world: EmulatedWorld) -> None:
        """The Pro's current counts tenths of an ampere."""
        bms = RenogyProBms(await found(PRO), BMSConfig(keep_alive=True))
        sample = await bms.async_update()
        await bms.disconnect()
        assert_read_by_aiobmsble(sample, self._unit(emulated_world.world, PRO), 0.1)

    async def test_renogy_ble_puts_fragments_together(
        self, emulated_world: EmulatedWorld
    ) -> None:
        """At MTU 23 the replies come in 20 bytes, which renogy-ble reassembles."""
        unit = self._unit(emulated_world.world, NARROW)
        assert_agree(await read_by_renogy_ble(NARROW), expected_by_renogy_ble(unit))
        counted = emulated_world.statistics()[NARROW]
        assert counted.notifications > counted.replies


class TestProThatAnswers255:
    """A Pro whose replies carry 255: renogy-ble asks 255 and takes nothing else."""

    @pytest.fixture
    def world(self) -> World:
        """Return a world with that Pro alone."""
        families = load_world(WORLDS / "families.json").with_timing(FAST)
        (link,) = (link for link in families.links if link.address == PRO)
        unit = replace(link.units[48], reply_unit=255)
        return replace(families, links=(replace(link, units={48: unit}),))

    async def test_renogy_ble_reads_the_pro(
        self, emulated_world: EmulatedWorld
    ) -> None:
        """The Pro is read under 255, its current in tenths of an ampere."""
        unit = emulated_world.world.links[0].units[48]
        assert_agree(await read_by_renogy_ble(PRO), expected_by_renogy_ble(unit, 0.1))
