# SPDX-License-Identifier: Apache-2.0
"""The past that the demo gives its bank, and how the present goes on from it."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
    do_adhoc_statistics,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from tests.banks import (
    bank_entry,
    bank_state,
    battery_state,
    link_settings,
    next_poll,
    set_up,
)
from tests.emulator.solar_day import age_at, hour_of, moving_registers
from tests.emulator.world_file import load_world
from tests.fake_air import FakeAir
from tests.renogy.fake_link import four_batteries

from .client import HomeAssistantClient, Json, open_client
from .emulator import DEFAULT_WORLD
from .energy_dashboard import fill_energy_dashboard, join_present_to_history
from .history import HOURS, History, hourly_history

WORLD = load_world(DEFAULT_WORLD)
# Ten past ten, in a zone of its own.
NOW = datetime.fromisoformat("2026-11-25T10:10:00+01:00")


@pytest.fixture(scope="module")
def history() -> History:
    """Return the history of the owner's bank."""
    return hourly_history(WORLD, NOW)


def column(history: History, key: str, name: str) -> list[float]:
    """Return one column of the bank's statistics."""
    return [float(row[name]) for row in history[None, key]]


def test_full_hours_up_to_now(history: History) -> None:
    """There are all hours of two days; the last one is the last full hour."""
    for rows in history.values():
        starts = [datetime.fromisoformat(str(row["start"])) for row in rows]
        assert len(starts) == HOURS
        assert starts[-1] == datetime(2026, 11, 25, 8, tzinfo=UTC)
        assert all(b - a == timedelta(hours=1) for a, b in pairwise(starts))


def test_sun_is_up_at_noon(history: History) -> None:
    """By the local clock the bank is charged at noon and discharged at night."""
    power = {
        datetime.fromisoformat(str(row["start"])).hour: float(row["mean"])
        for row in history[None, "power"]
    }
    assert max(power, key=lambda hour: power[hour]) in (11, 12)
    assert power[12] > 1000
    assert all(power[hour] < 0 for hour in (0, 1, 2, 3, 4, 5, 18, 19, 20, 21, 22, 23))


def test_energy_is_the_integral_of_the_power(history: History) -> None:
    """What went in less what went out is what the mean power of each hour adds up to."""
    balance = [
        charged - discharged
        for charged, discharged in zip(
            column(history, "energy_charged", "sum"),
            column(history, "energy_discharged", "sum"),
            strict=True,
        )
    ]
    power = column(history, "power", "mean")
    assert balance[-1] - balance[0] == pytest.approx(sum(power[1:]) / 1000, abs=0.1)
    for key in ("energy_charged", "energy_discharged"):
        sums = column(history, key, "sum")
        assert all(b >= a >= 0 for a, b in pairwise(sums))


def test_world_goes_on_from_there(history: History) -> None:
    """A world that begins at that hour has the charge that the history ends with."""
    day = WORLD.solar_day
    assert day is not None
    remaining = total = 0
    for unit in WORLD.links[0].units.values():
        words = moving_registers(day, unit, age_at(day, hour_of(NOW)))
        remaining += words[5044] << 16 | words[5045]
        total += unit.registers[5046] << 16 | unit.registers[5047]
    charge = 100 * remaining / total
    rising = column(history, "state_of_charge", "max")
    assert rising[-1] < charge < rising[-1] + 3


def test_no_sun_no_history() -> None:
    """A world where the sun stands still has no past."""
    assert hourly_history(replace(WORLD, solar_day=None), NOW) == {}


def test_battery_that_cannot_be_read_leaves_no_history() -> None:
    """Nothing is made up for a battery whose registers cannot be true."""
    (link,) = WORLD.links
    unit = link.units[48]
    broken = replace(unit, registers={**unit.registers, 5046: 0, 5047: 0})
    world = replace(WORLD, links=(replace(link, units={48: broken}),))
    assert hourly_history(world, NOW) == {}


def test_batteries_that_cannot_be_in_parallel_have_a_past_of_their_own() -> None:
    """What they would have in common is not told."""
    families = load_world(DEFAULT_WORLD.with_name("families.json"))
    twelve_volts = next(
        link
        for link in families.links
        if [unit.registers[5000] for unit in link.units.values()] == [4]
    )
    found = hourly_history(replace(WORLD, links=(*WORLD.links, twelve_volts)), NOW)
    assert (None, "voltage") not in found
    assert len([owner for owner, key in found if owner and key == "voltage"]) == 5


# The recorder's database is chosen before Home Assistant starts.
@pytest.mark.usefixtures("recorder_mock")
class TestEnergyDashboard:
    """The preferences and the statistics in a real recorder."""

    @pytest.fixture
    def units(self) -> tuple[int, ...]:
        """Return the owner's batteries."""
        return (48, 49, 50, 51)

    @pytest.fixture
    async def bank(
        self, hass: HomeAssistant, air: FakeAir, units: tuple[int, ...]
    ) -> MockConfigEntry:
        """Return the owner's bank."""
        air.bring(four_batteries())
        for component in ("sensor", "energy", "config"):
            assert await async_setup_component(hass, component, {})
        entry = bank_entry(link_settings(units=units))
        await set_up(hass, entry)
        return entry

    @pytest.fixture
    async def client(
        self,
        hass: HomeAssistant,
        bank: MockConfigEntry,
        hass_client: ClientSessionGenerator,
        hass_access_token: str,
    ) -> AsyncGenerator[HomeAssistantClient]:
        """Return the demo's own client."""
        url = str((await hass_client()).make_url("")).rstrip("/")
        async with open_client(url) as client:
            client._token = hass_access_token
            await client._open_socket()
            yield client

    async def test_present_goes_on_from_the_past(
        self, hass: HomeAssistant, bank: MockConfigEntry, client: HomeAssistantClient
    ) -> None:
        """After the import the recorder's own sums begin where the history ends."""
        now = dt_util.now()
        history = [
            {"battery": None, "key": key, "rows": rows}
            for (owner, key), rows in hourly_history(WORLD, now).items()
            if owner is None
        ]
        await fill_energy_dashboard(client, history)
        await async_wait_recording_done(hass)
        assert (await client.command("energy/validate"))["energy_sources"] == [[]]
        await next_poll(hass)
        await async_wait_recording_done(hass)
        charged = bank_state(hass, bank, "energy_charged")
        last = charged.last_updated
        do_adhoc_statistics(
            hass,
            start=last.replace(minute=last.minute // 5 * 5, second=0, microsecond=0),
        )
        await async_wait_recording_done(hass)
        await join_present_to_history(client)
        await async_wait_recording_done(hass)

        async def sums(period: str) -> list[float]:
            answer: Json = await client.command(
                "recorder/statistics_during_period",
                start_time=(now - timedelta(days=3)).isoformat(),
                statistic_ids=[charged.entity_id],
                period=period,
                types=["sum"],
            )
            return [row["sum"] for row in answer[charged.entity_id]]

        past, (present,) = await sums("hour"), await sums("5minute")
        assert past[-1] > 10
        assert present == pytest.approx(past[-1])
        # Joined once, it is left as it is.
        await join_present_to_history(client)
        await async_wait_recording_done(hass)
        assert await sums("5minute") == [present]

    @pytest.mark.parametrize("units", [(48,)])
    async def test_a_single_battery_is_the_battery_of_the_dashboard(
        self, hass: HomeAssistant, bank: MockConfigEntry, client: HomeAssistantClient
    ) -> None:
        """Its bank has no second set of the same values."""
        await fill_energy_dashboard(client, [])
        (source,) = (await client.command("energy/get_prefs"))["energy_sources"]
        charged = battery_state(hass, "energy_charged")
        assert source["stat_energy_to"] == charged.entity_id
        assert source["capacity"] == pytest.approx(2.6, abs=0.2)

    async def test_preferences_of_a_kept_folder_are_left_alone(
        self, bank: MockConfigEntry, client: HomeAssistantClient
    ) -> None:
        """What was set in a folder that is used again stays, and nothing is imported twice."""
        await fill_energy_dashboard(client, [])
        own = await client.command("energy/get_prefs")
        own["energy_sources"][0]["name"] = "Mine"
        await client.command("energy/save_prefs", energy_sources=own["energy_sources"])
        await fill_energy_dashboard(client, [])
        assert await client.command("energy/get_prefs") == own
