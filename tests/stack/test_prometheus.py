# SPDX-License-Identifier: Apache-2.0
"""Home Assistant's own export to Prometheus carries the bank, over the real stack."""

import prometheus_client
from prometheus_client.parser import text_string_to_metric_families
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.banks import bank_entry, bank_state, battery_state, link_settings, set_up
from tests.emulator import EmulatedWorld, World
from tests.fake_air import DONGLE

from .integration import about, expected, heard, owner_world, poll

pytestmark = pytest.mark.usefixtures("integration")

POWER = "homeassistant_sensor_power_w"
CHARGE = "homeassistant_sensor_battery_percent"
ENERGY = "homeassistant_sensor_energy_kwh"
AVAILABLE = "homeassistant_entity_available"


@pytest.fixture
def world() -> World:
    """Return the owner's four batteries."""
    return owner_world()


@pytest.fixture
async def bank(
    hass: HomeAssistant, emulated_world: EmulatedWorld, monkeypatch: pytest.MonkeyPatch
) -> MockConfigEntry:
    """Return the owner's bank, exported from the beginning."""
    # The client library keeps one for the whole process.
    monkeypatch.setattr(
        prometheus_client, "REGISTRY", prometheus_client.CollectorRegistry()
    )
    assert await async_setup_component(hass, "prometheus", {"prometheus": {}})
    await heard(hass, DONGLE)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    return entry


async def exported(hass_client: ClientSessionGenerator) -> dict[str, dict[str, float]]:
    """Return what Prometheus gets: values by metric and entity."""
    client = await hass_client()
    response = await client.get("/api/prometheus")
    assert response.status == 200
    metrics: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(await response.text()):
        for sample in family.samples:
            if (entity := sample.labels.get("entity")) is not None:
                metrics.setdefault(sample.name, {})[entity] = sample.value
    return metrics


def total(world: World, key: str) -> float:
    """Return the sum over the world's batteries."""
    return sum(expected(unit)[key] for unit in world.links[0].units.values())


async def test_bank_and_batteries_are_exported(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    emulated_world: EmulatedWorld,
    hass_client: ClientSessionGenerator,
) -> None:
    """Power, charge and energy are there under names made of device class and unit."""
    metrics = await exported(hass_client)
    power = bank_state(hass, bank, "power").entity_id
    assert metrics[POWER][power] == about("power", total(emulated_world.world, "power"))
    for unit_id, unit in emulated_world.world.links[0].units.items():
        charge = battery_state(hass, "state_of_charge", unit_id).entity_id
        assert metrics[CHARGE][charge] == about(
            "state_of_charge", expected(unit)["state_of_charge"]
        )
    for key in ("energy_charged", "energy_discharged"):
        assert metrics[ENERGY][bank_state(hass, bank, key).entity_id] == 0


async def test_no_stale_value_is_exported(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    emulated_world: EmulatedWorld,
    hass_client: ClientSessionGenerator,
) -> None:
    """While nothing can be read the values are gone, and that is exported instead."""
    power = bank_state(hass, bank, "power").entity_id
    assert (await exported(hass_client))[AVAILABLE][power] == 1
    await emulated_world.set_fault("out-of-range")
    await poll(hass, bank)
    metrics = await exported(hass_client)
    assert power not in metrics.get(POWER, {})
    assert metrics[AVAILABLE][power] == 0
    await emulated_world.clear_faults()
    await heard(hass, DONGLE)
    await poll(hass, bank)
    metrics = await exported(hass_client)
    assert metrics[POWER][power] == about("power", total(emulated_world.world, "power"))
