# SPDX-License-Identifier: Apache-2.0
"""The bank and its batteries on Home Assistant's Energy dashboard."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
    do_adhoc_statistics,
)
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.banks import bank_entry, entity_id, link_settings, next_poll, set_up
from tests.demo.energy_dashboard import battery_source
from tests.fake_air import DONGLE, FakeAir
from tests.renogy.fake_link import FakeLink, rbt50lfp48s

# Before all others: the recorder's database is chosen before Home Assistant starts.
pytestmark = pytest.mark.usefixtures("recorder_mock", "all_enabled")

KEYS = ("energy_charged", "energy_discharged", "power", "state_of_charge")


@pytest.fixture
async def bank(hass: HomeAssistant, air: FakeAir) -> MockConfigEntry:
    """Return a bank of a battery that is charged and one that is discharged."""
    air.bring(FakeLink({48: rbt50lfp48s(current=1250), 49: rbt50lfp48s(current=-250)}))
    assert await async_setup_component(hass, "sensor", {})
    assert await async_setup_component(hass, "energy", {})
    entry = bank_entry(link_settings(units=(48, 49)))
    await set_up(hass, entry)
    return entry


class EnergySettings:
    """Home Assistant's energy settings, as the frontend reaches them."""

    def __init__(self, hass: HomeAssistant, socket: Any) -> None:
        """Use an open WebSocket connection."""
        self._hass = hass
        self._socket = socket

    async def command(self, **message: Any) -> Any:
        """Send a command and return its result."""
        await self._socket.send_json_auto_id(message)
        answer = await self._socket.receive_json()
        assert answer["success"], answer
        return answer["result"]

    async def save(self, *sources: dict[str, Any]) -> list[dict[str, Any]]:
        """Save energy sources and return them as Home Assistant completes them."""
        result = await self.command(
            type="energy/save_prefs", energy_sources=list(sources)
        )
        saved: list[dict[str, Any]] = result["energy_sources"]
        return saved

    async def have_statistics(self) -> None:
        """Let the recorder make the statistics of all sensors."""
        await next_poll(self._hass)
        await async_wait_recording_done(self._hass)
        last = max(
            state.last_updated for state in self._hass.states.async_all("sensor")
        )
        do_adhoc_statistics(
            self._hass,
            start=last.replace(minute=last.minute // 5 * 5, second=0, microsecond=0),
        )
        await async_wait_recording_done(self._hass)

    async def complaints(self) -> list[list[str]]:
        """Return what the component has to complain of, for each source."""
        validation = await self.command(type="energy/validate")
        return [
            [issue["type"] for issue in issues]
            for issues in validation["energy_sources"]
        ]


@pytest.fixture
async def settings(
    hass: HomeAssistant, bank: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> EnergySettings:
    """Return the energy settings."""
    return EnergySettings(hass, await hass_ws_client())


def sensors(hass: HomeAssistant, owner: str) -> dict[str, str]:
    """Return what the Energy dashboard asks for of the bank or of a battery, by key."""
    found = {key: entity_id(hass, "sensor", f"{owner}_{key}") for key in KEYS}
    return {key: entity for key, entity in found.items() if entity is not None}


async def test_bank_and_batteries_are_valid(
    hass: HomeAssistant, bank: MockConfigEntry, settings: EnergySettings
) -> None:
    """The bank and each battery are taken as batteries, with nothing to complain of."""
    owners = (bank.entry_id, f"{DONGLE.lower()}_48", f"{DONGLE.lower()}_49")
    sources = [battery_source(sensors(hass, owner), 5.2) for owner in owners]
    saved = await settings.save(*sources)
    await settings.have_statistics()
    assert await settings.complaints() == [[], [], []]
    assert [source["capacity"] for source in saved] == [5.2, 5.2, 5.2]


async def test_power_counts_discharging_as_positive(
    hass: HomeAssistant, bank: MockConfigEntry, settings: EnergySettings
) -> None:
    """As inverted power the dashboard gets the sign that it expects, for bank and battery."""
    sources = [
        battery_source(sensors(hass, owner), 2.6)
        for owner in (bank.entry_id, f"{DONGLE.lower()}_48", f"{DONGLE.lower()}_49")
    ]
    rates = [source["stat_rate"] for source in await settings.save(*sources)]
    shown = []
    for source, rate in zip(sources, rates, strict=True):
        own, inverted = (
            hass.states.get(entity)
            for entity in (source["power_config"]["stat_rate_inverted"], rate)
        )
        assert own is not None
        assert inverted is not None
        assert float(inverted.state) == -float(own.state)
        shown.append(float(inverted.state))
    assert [power > 0 for power in shown] == [False, False, True]
    # Home Assistant checks the power of a grid connection only; a battery's is to be as good.
    grids = [
        {"type": "grid", "stat_rate": rate, "cost_adjustment_day": 0} for rate in rates
    ]
    await settings.save(*sources, *grids)
    await settings.have_statistics()
    assert await settings.complaints() == [[]] * 6


async def test_state_of_charge_is_a_share_with_statistics(
    hass: HomeAssistant, bank: MockConfigEntry, settings: EnergySettings
) -> None:
    """The state of charge has what the dashboard needs of it: % and a mean in the statistics."""
    source = battery_source(sensors(hass, bank.entry_id), 5.2)
    await settings.save(source)
    await settings.have_statistics()
    (metadata,) = await settings.command(
        type="recorder/get_statistics_metadata", statistic_ids=[source["stat_soc"]]
    )
    assert metadata["statistics_unit_of_measurement"] == "%"
    assert metadata["mean_type"] == 1
    state = hass.states.get(source["stat_soc"])
    assert state is not None
    assert state.attributes["device_class"] == "battery"


async def test_wrong_sensor_is_complained_of(
    hass: HomeAssistant, bank: MockConfigEntry, settings: EnergySettings
) -> None:
    """The same check does find something to complain of where there is something."""
    source = battery_source(sensors(hass, bank.entry_id), 5.2)
    source["stat_energy_to"] = source["power_config"]["stat_rate_inverted"]
    await settings.save(source)
    await settings.have_statistics()
    assert await settings.complaints() == [
        [
            "entity_unexpected_device_class",
            "entity_state_class_measurement_no_last_reset",
        ]
    ]
