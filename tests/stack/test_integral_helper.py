# SPDX-License-Identifier: Apache-2.0
"""Home Assistant's own helpers over our power, for an hour on the real stack.

They live on what is reported while nothing changes: without it an Integral draws a straight
line from the last change to the next, and a Derivative never comes to rest.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
from tests.banks import bank_entry, bank_state, battery_state, link_of, link_settings
from tests.emulator import EmulatedWorld, Unit, World, load_world
from tests.emulator.__main__ import WORLDS
from tests.emulator.solar_day import CURRENT, battery_moment
from tests.emulator.world import SolarDay
from tests.fake_air import DONGLE

from .conftest import still
from .integration import expected, heard
from .site import MINUTE
from .warped_time import Clock

pytestmark = pytest.mark.usefixtures("all_enabled")

HOUR = 3600.0
INTERVAL = 60.0
SILENT = 49
DAY = SolarDay(seconds=24 * HOUR, start_hour=8)

EXACT = 1e-3
"""Where the power stands still a sum is as exact as the seconds that it is told by."""
SAMPLED = 0.01
"""What a power that moves may do unseen from one poll to the next, of all that flows."""

INTEGRALS: Mapping[str, Mapping[str, Any]] = {
    "trapezoidal": {"method": "trapezoidal"},
    "left": {"method": "left"},
    "trapezoidal, 30 s": {"method": "trapezoidal", "max_sub_interval": {"seconds": 30}},
    "left, 30 s": {"method": "left", "max_sub_interval": {"seconds": 30}},
}


@pytest.fixture
def scanner_mode() -> str:
    """Have Home Assistant scan actively: a scanner that is restarted keeps its mode then.

    In auto mode habluetooth raises AssertionError when it was restarted for the silence of a
    lost dongle, which is not what these tests are about.
    """
    return "active"


@dataclass(frozen=True)
class Source:
    """A power that is summed up, and the batteries that it is of."""

    entity_id: str
    units: tuple[int, ...]


class Measurement:
    """Helpers over the powers of a bank, from the end of one poll to that of another."""

    def __init__(
        self, hass: HomeAssistant, clock: Clock, entry: MockConfigEntry
    ) -> None:
        """Remember what is measured; nothing is yet."""
        self.hass = hass
        self.clock = clock
        self.link = link_of(entry)
        self.sources = [
            Source(bank_state(hass, entry, "power").entity_id, (48, 49, 50, 51)),
            Source(battery_state(hass, "power", 48).entity_id, (48,)),
            Source(battery_state(hass, "power", SILENT).entity_id, (SILENT,)),
        ]
        self.missing = dict.fromkeys(self.sources, 0.0)
        """How long each source has told no number, s."""
        self._integrals: dict[tuple[Source, str], str] = {}
        self._last_numbers: dict[Source, float] = {}

    async def begin(self) -> None:
        """Set the helpers up, just after a poll."""
        await self.until_polled()
        for source in self.sources:
            for name, options in INTEGRALS.items():
                self._integrals[source, name] = await helper(
                    self.hass,
                    "integration",
                    2,
                    {"source": source.entity_id, "unit_time": "h", **options},
                )
            async_track_state_change_event(
                self.hass, source.entity_id, self._note_missing(source)
            )

    def _note_missing(
        self, source: Source
    ) -> Callable[[Event[EventStateChangedData]], None]:
        @callback
        def note(event: Event[EventStateChangedData]) -> None:
            old, new = event.data["old_state"], event.data["new_state"]
            assert old is not None
            assert new is not None
            if is_number(old.state) and not is_number(new.state):
                self._last_numbers[source] = old.last_reported.timestamp()
            elif is_number(new.state) and source in self._last_numbers:
                before = self._last_numbers.pop(source)
                self.missing[source] += new.last_reported.timestamp() - before

        return note

    async def until_polled(self) -> None:
        """Wait for the end of the next poll."""
        before = self.link.polled_at
        await self.clock.until(lambda: self.link.polled_at != before, 2 * INTERVAL)

    def sum_of(self, source: Source, name: str) -> float:
        """Return what an Integral shows, in Wh."""
        state = self.hass.states.get(self._integrals[source, name])
        assert state is not None
        return float(state.state)


def is_number(state: str) -> bool:
    """Tell whether a state is a number."""
    return state.lstrip("-")[:1].isdigit()


async def helper(
    hass: HomeAssistant, domain: str, minor_version: int, options: Mapping[str, Any]
) -> str:
    """Set a helper up as its dialogue does, and return the id of its entity."""
    entry = MockConfigEntry(
        domain=domain,
        title=domain,
        options={"name": domain, **options},
        version=1,
        minor_version=minor_version,
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    (entity,) = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return entity.entity_id


async def derivative_of(hass: HomeAssistant, source: Source) -> str:
    """Set a Derivative over ten minutes up."""
    options = {
        "source": source.entity_id,
        "round": 2,
        "unit_time": "min",
        "time_window": {"minutes": 10},
    }
    return await helper(hass, "derivative", 4, options)


async def mean_of(hass: HomeAssistant, source: Source) -> str:
    """Set Statistics up that tell the mean of what was reported."""
    options = {
        "entity_id": source.entity_id,
        "state_characteristic": "mean",
        "max_age": {"hours": 2},
        "keep_last_sample": False,
        "percentile": 50,
        "precision": 2,
    }
    return await helper(hass, "statistics", 3, options)


def set_current(unit: Unit, amperes: float) -> None:
    """Let a current flow through a battery from now on."""
    assert isinstance(unit.registers, dict)
    unit.registers[CURRENT] = round(100 * amperes) & 0xFFFF


class TestSteadyPower:
    """A bank whose power stays as it is until something happens."""

    @pytest.fixture
    def world(self) -> World:
        """Return the owner's batteries, charged with 10 A each."""
        world = still(load_world(WORLDS / "owner.json"))
        (link,) = world.links
        units = {
            unit_id: replace(unit, registers={**unit.registers, CURRENT: 1000})
            for unit_id, unit in link.units.items()
        }
        return replace(world, links=(replace(link, units=units),))

    @pytest.fixture
    def units(self, world: World) -> Mapping[int, Unit]:
        """Return the batteries by unit id."""
        return world.links[0].units

    def watts(self, units: Mapping[int, Unit], source: Source) -> float:
        """Return the power that flows into a source's batteries now."""
        return sum(expected(units[unit])["power"] for unit in source.units)

    @pytest.fixture
    async def measurement(
        self, hass: HomeAssistant, emulated_world: EmulatedWorld, clock: Clock
    ) -> Measurement:
        """Return helpers that begin now."""
        return await begun(hass, clock)

    async def test_constant_power(
        self, measurement: Measurement, units: Mapping[int, Unit]
    ) -> None:
        """An hour of a power that never changes is an hour's energy."""
        seconds = await an_hour(measurement)
        for source in measurement.sources:
            right = self.watts(units, source) * seconds / HOUR
            assert right > 500
            for name in INTEGRALS:
                assert measurement.sum_of(source, name) == pytest.approx(
                    right, rel=EXACT
                ), name

    async def test_power_that_changes_at_once(
        self,
        hass: HomeAssistant,
        measurement: Measurement,
        units: Mapping[int, Unit],
    ) -> None:
        """Forty minutes of nothing and twenty of much: each counts for its own time.

        What a step did within its interval nobody knows. The Derivative is back at rest, and
        the Statistics know that there was nothing for twice as long.
        """
        for unit in units.values():
            set_current(unit, 0)
        await measurement.until_polled()
        bank = measurement.sources[0]
        derivative = await derivative_of(hass, bank)
        mean = await mean_of(hass, bank)
        before = {
            (source, name): measurement.sum_of(source, name)
            for source in measurement.sources
            for name in INTEGRALS
        }
        await asyncio.sleep(40 * MINUTE)
        await measurement.until_polled()
        for unit in units.values():
            set_current(unit, 50)
        await asyncio.sleep(20 * MINUTE)
        await measurement.until_polled()
        for source in measurement.sources:
            power = self.watts(units, source)
            step = power * INTERVAL / HOUR
            for name in INTEGRALS:
                gained = measurement.sum_of(source, name) - before[source, name]
                assert gained == pytest.approx(power * 20 / 60, abs=1.5 * step), name
        assert number(hass, derivative) == 0
        assert number(hass, mean) == pytest.approx(self.watts(units, bank) / 3, rel=0.1)

    async def test_lost_link(
        self,
        measurement: Measurement,
        emulated_world: EmulatedWorld,
        units: Mapping[int, Unit],
    ) -> None:
        """A quarter of an hour without the dongle counts for nothing, the rest for all."""

        async def lose() -> None:
            await emulated_world.set_fault("out-of-range", link=DONGLE)

        seconds = await an_hour(measurement, lose, emulated_world.clear_faults)
        for source in measurement.sources:
            missing = measurement.missing[source]
            assert 15 * MINUTE <= missing <= 15 * MINUTE + 3 * INTERVAL
            self.assert_sum_of_what_is_known(measurement, units, source, seconds)

    async def test_silent_battery(
        self,
        measurement: Measurement,
        emulated_world: EmulatedWorld,
        units: Mapping[int, Unit],
    ) -> None:
        """A silent battery counts for nothing, its neighbour for all; the bank is not known."""

        async def silence() -> None:
            await emulated_world.set_fault("silent", unit=SILENT)

        seconds = await an_hour(measurement, silence, emulated_world.clear_faults)
        bank, neighbour, silent = measurement.sources
        assert measurement.missing[neighbour] == 0
        for source in (bank, silent):
            # A battery that is silent for long is looked for every five minutes.
            missing = measurement.missing[source]
            assert 15 * MINUTE <= missing <= 20 * MINUTE + 3 * INTERVAL
        for source in measurement.sources:
            self.assert_sum_of_what_is_known(measurement, units, source, seconds)

    def assert_sum_of_what_is_known(
        self,
        measurement: Measurement,
        units: Mapping[int, Unit],
        source: Source,
        seconds: float,
    ) -> None:
        """Check the sums; up to the news that it is missing a power may be told to last."""
        power = self.watts(units, source)
        known = power * (seconds - measurement.missing[source]) / HOUR
        edge = power * (INTERVAL + 10) / HOUR if measurement.missing[source] else 0
        for name in INTEGRALS:
            shown = measurement.sum_of(source, name)
            assert known * (1 - EXACT) <= shown <= known * (1 + EXACT) + edge, name


class TestMovingPower:
    """A bank in the morning sun, with loads."""

    @pytest.fixture
    def world(self) -> World:
        """Return the owner's batteries on a day that is as long as a day."""
        return replace(load_world(WORLDS / "owner.json"), solar_day=DAY)

    async def test_changing_power(
        self,
        hass: HomeAssistant,
        emulated_world: EmulatedWorld,
        world: World,
        clock: Clock,
    ) -> None:
        """An hour of a power that moves all the time is what flows second by second."""
        measurement = await begun(hass, clock)
        began = emulated_world.age()
        await an_hour(measurement)
        ended = emulated_world.age()
        for source in measurement.sources:
            watts = [
                self.watts(world.links[0].units, source, second + 0.5)
                for second in range(int(began), int(ended))
            ]
            right, throughput = sum(watts) / HOUR, sum(map(abs, watts)) / HOUR
            swing = max(watts) - min(watts)
            assert swing > 0.3 * throughput
            for name in INTEGRALS:
                # Other rules are behind by half an interval, all along a rise or fall.
                lag = 0 if name == "trapezoidal" else swing * INTERVAL / HOUR
                assert measurement.sum_of(source, name) == pytest.approx(
                    right, abs=SAMPLED * throughput + lag
                ), name

    def watts(self, units: Mapping[int, Unit], source: Source, age: float) -> float:
        """Return the power that flows into a source's batteries at an age of the world."""
        moments = [battery_moment(DAY, units[unit], age) for unit in source.units]
        return sum(each.current * sum(each.cell_voltages) for each in moments)


async def begun(hass: HomeAssistant, clock: Clock) -> Measurement:
    """Set a bank up, and helpers over its powers, just after a poll."""
    await heard(hass, DONGLE)
    entry = bank_entry(link_settings())
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await clock.until(
        lambda: is_number(bank_state(hass, entry, "power").state), INTERVAL
    )
    measurement = Measurement(hass, clock, entry)
    await measurement.begin()
    return measurement


async def an_hour(
    measurement: Measurement,
    lose: Callable[[], Any] | None = None,
    give_back: Callable[[], Any] | None = None,
) -> float:
    """Let an hour pass, a quarter of it with a loss; return the time between two polls, s."""
    began = measurement.clock.now()
    await asyncio.sleep(20 * MINUTE)
    if lose is not None:
        await lose()
    await asyncio.sleep(15 * MINUTE)
    if give_back is not None:
        await give_back()
    await asyncio.sleep(25 * MINUTE)
    await measurement.until_polled()
    return measurement.clock.now() - began


def number(hass: HomeAssistant, entity_id: str) -> float:
    """Return the state of an entity as a number."""
    state = hass.states.get(entity_id)
    assert state is not None
    return float(state.state)
