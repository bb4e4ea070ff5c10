# SPDX-License-Identifier: Apache-2.0
"""The integration on Home Assistant's real Bluetooth, which hears the emulated world."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.const import DOMAIN
from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant
from tests.banks import entity_id, poll_links, settle
from tests.emulator import Unit, World, load_world
from tests.emulator.__main__ import WORLDS
from tests.fake_air import DONGLE

from .conftest import FAST, still

PATIENCE = 5.0


def owner_world() -> World:
    """Return the owner's four batteries, fast, and with a kernel that gives up quickly."""
    world = still(load_world(WORLDS / "owner.json")).with_timing(FAST)
    return replace(world, timing=replace(world.timing, connect_limit=0.2))


async def until(condition: Callable[[], object]) -> None:
    """Wait for what the real stack does in its own time."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


async def heard(hass: HomeAssistant, *addresses: str) -> None:
    """Wait until Home Assistant could connect to these links."""
    await until(
        lambda: all(
            bluetooth.async_ble_device_from_address(hass, address)
            for address in addresses
        )
    )


async def discovery_of(hass: HomeAssistant, address: str) -> str:
    """Wait until a link is offered to the user; return the flow's id."""
    flows = hass.config_entries.flow

    def offered() -> list[str]:
        return [
            flow["flow_id"]
            for flow in flows.async_progress_by_handler(
                DOMAIN, match_context={"unique_id": address}
            )
        ]

    await until(offered)
    return offered()[0]


async def poll(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Poll every link of a bank now."""
    await poll_links(entry)
    await settle(hass)


def signed(word: int) -> int:
    """Return a register as a signed number."""
    return word - 0x10000 if word & 0x8000 else word


def expected(unit: Unit) -> dict[str, float]:
    """Return what a battery's entities say by its registers (protocol 1.5)."""
    registers = unit.registers

    def double(address: int) -> int:
        return registers.get(address, 0) << 16 | registers.get(address + 1, 0)

    remaining, total = double(5044) / 1000, double(5046) / 1000
    voltage, current = registers[5043] / 10, signed(registers.get(5042, 0)) / 100
    cells = [registers[5001 + index] / 10 for index in range(registers[5000])]
    temperatures = [
        signed(registers[5018 + index]) / 10 for index in range(registers[5017])
    ]
    return {
        "voltage": voltage,
        "current": current,
        "power": voltage * current,
        "remaining_capacity": remaining,
        "total_capacity": total,
        "state_of_charge": 100 * remaining / total,
        "stored_energy": remaining * voltage / 1000,
        "cycles": registers[5048],
        "temperature": sum(temperatures) / len(temperatures),
        "temperature_min": min(temperatures),
        "temperature_max": max(temperatures),
        "cell_voltage_min": min(cells),
        "cell_voltage_max": max(cells),
        "cell_voltage_spread": max(cells) - min(cells),
        "board_temperature": signed(registers[5035]) / 10,
        "charge_voltage_limit": registers[5049] / 10,
        "discharge_voltage_limit": registers[5050] / 10,
        "charge_current_limit": registers[5051] / 100,
        "discharge_current_limit": signed(registers[5052]) / 100,
        **{f"cell_voltage_{n}": value for n, value in enumerate(cells, 1)},
        **{f"cell_temperature_{n}": value for n, value in enumerate(temperatures, 1)},
    }


# What is worked out is rounded to what was measured; half of such a step may be missing.
_STEPS = {
    "power": 0.1,
    "state_of_charge": 0.1,
    "temperature": 0.1,
    "stored_energy": 0.001,
}


def about(key: str, value: float) -> Any:
    """Return what a state that says this value is compared with."""
    return pytest.approx(value, abs=_STEPS.get(key, 0.0) / 2 + 0.006)


def assert_true_values(hass: HomeAssistant, unit: Unit, address: str = DONGLE) -> None:
    """Check that every value which a battery shows is what its registers say."""
    shown = 0
    for key, value in expected(unit).items():
        found = entity_id(hass, "sensor", f"{address.lower()}_{unit.unit_id}_{key}")
        assert found is not None, key
        if (state := hass.states.get(found)) is not None:
            shown += 1
            assert float(state.state) == about(key, value), key
    assert shown >= 6
