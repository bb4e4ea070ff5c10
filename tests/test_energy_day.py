# SPDX-License-Identifier: Apache-2.0
"""A day of sun and loads: what is counted, against the exact integral."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
import random
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.bank.energy import (
    EnergyCounter,
    EnergyTotals,
    PowerSample,
)
from custom_components.renogy_bt.const import DEFAULT_UPDATE_INTERVAL
from custom_components.renogy_bt.diagnostics import async_get_config_entry_diagnostics
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from tests.banks import (
    bank_entry,
    bank_of,
    bank_state,
    battery_state,
    link_of,
    link_settings,
    set_up,
    settle,
)
from tests.emulator.__main__ import WORLDS
from tests.emulator.solar_day import (
    CURRENT,
    MODULE_VOLTAGE,
    battery_moment,
    moving_registers,
)
from tests.emulator.world import SolarDay, Unit
from tests.emulator.world_file import load_world
from tests.energy_clock import EnergyClock
from tests.fake_air import FakeAir
from tests.renogy.fake_link import FakeBattery, FakeLink

HOUR = 3600.0
MIDNIGHT = SolarDay(seconds=24 * HOUR, start_hour=0)
UNIT = load_world(WORLDS / "owner.json").links[0].units[48]
TOLERANCE = 0.005
# The emulated current changes with every full minute: polls come in between.
DAWN = 7 * HOUR + 30


def exact(unit: Unit, start: float, end: float) -> EnergyTotals:
    """Return the energy of a battery between two times of the day (s), second by second."""
    charged = discharged = 0.0
    for second in range(int(start), int(end)):
        moment = battery_moment(MIDNIGHT, unit, second + 0.5)
        watts = moment.current * sum(moment.cell_voltages)
        charged += max(watts, 0.0)
        discharged -= min(watts, 0.0)
    return EnergyTotals(charged=charged / HOUR, discharged=discharged / HOUR)


def read_power(unit: Unit, at: float) -> float:
    """Return the power that the registers tell, rounded as they are."""
    words = moving_registers(MIDNIGHT, unit, at)
    current = words[CURRENT] - (0x10000 if words[CURRENT] & 0x8000 else 0)
    return current / 100 * words[MODULE_VOLTAGE] / 10


@pytest.mark.parametrize("lost", [0.0, 0.05, 0.3])
def test_a_whole_day(lost: float) -> None:
    """At the default interval a day is right within half a percent, with lost polls too."""
    generator = random.Random(4)
    counter = EnergyCounter(EnergyTotals(), DEFAULT_UPDATE_INTERVAL)
    at = 0.0
    while at <= 24 * HOUR:
        if generator.random() >= lost or at == 0:
            counter.add(PowerSample(at=at, power=read_power(UNIT, at)))
        at += DEFAULT_UPDATE_INTERVAL
    ideal = exact(UNIT, 0, 24 * HOUR)
    assert min(ideal.charged, ideal.discharged) > 500
    assert counter.totals.charged == pytest.approx(ideal.charged, rel=TOLERANCE)
    assert counter.totals.discharged == pytest.approx(ideal.discharged, rel=TOLERANCE)


@dataclass
class Morning:
    """A bank of one battery that lives through a morning, poll by poll."""

    hass: HomeAssistant
    entry: MockConfigEntry
    link: FakeLink
    clock: EnergyClock
    began_at: float

    @property
    def at(self) -> float:
        """The time of the day, s."""
        return self.began_at + self.clock.now - 1_000.0

    def shown(self) -> EnergyTotals:
        """Return the totals of the bank, in Wh."""
        energy = bank_of(self.entry).data.meter.energy
        assert energy is not None
        for way in ("charged", "discharged"):
            state = bank_state(self.hass, self.entry, f"energy_{way}").state
            # Down to a Wh, never up: what is shown was there.
            assert 0 <= getattr(energy, way) / 1000 - float(state) < 0.001
        return energy

    def tick(self, seconds: float = DEFAULT_UPDATE_INTERVAL) -> None:
        """Let some time pass for the battery and for the clock."""
        self.clock.now += seconds
        self.link.units[48].registers.update(moving_registers(MIDNIGHT, UNIT, self.at))

    async def live(self, polls: int, is_lost: Callable[[], bool]) -> None:
        """Let some polls pass, of which some may be lost; totals never fall."""
        before = EnergyTotals()
        for _ in range(polls):
            self.tick()
            self.link.unreachable = "lost" if is_lost() else None
            await link_of(self.entry).async_refresh()
            await settle(self.hass)
            if bank_state(self.hass, self.entry, "power").state == STATE_UNAVAILABLE:
                continue
            now = self.shown()
            assert now.charged >= before.charged
            assert now.discharged >= before.discharged
            before = now


@pytest.fixture
async def morning(
    all_enabled: None,
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    air: FakeAir,
    clock: EnergyClock,
) -> Morning:
    """Return a bank at seven in the morning, still being discharged."""
    battery = FakeBattery(registers=dict(UNIT.registers), readable=UNIT.readable)
    link = air.bring(FakeLink({48: battery}))
    began_at = DAWN
    battery.registers.update(moving_registers(MIDNIGHT, UNIT, began_at))
    entry = bank_entry(link_settings(units=(48,)))
    await set_up(hass, entry)
    return Morning(hass, entry, link, clock, began_at)


def never() -> bool:
    """Lose no poll."""
    return False


def sometimes(seed: int, share: float) -> Callable[[], bool]:
    """Lose a share of the polls, but never as many in a row as to lose their energy."""
    generator = random.Random(seed)
    in_a_row = 0

    def is_lost() -> bool:
        nonlocal in_a_row
        lost = in_a_row < 3 and generator.random() < share
        in_a_row = in_a_row + 1 if lost else 0
        return lost

    return is_lost


def assert_about(shown: EnergyTotals, ideal: EnergyTotals, missing: float = 0) -> None:
    """Check that totals are right, but for up to so many Wh that may be missing."""
    for is_shown, is_ideal in (
        (shown.charged, ideal.charged),
        (shown.discharged, ideal.discharged),
    ):
        assert is_shown <= is_ideal * (1 + TOLERANCE)
        assert is_shown >= is_ideal * (1 - TOLERANCE) - missing


async def test_a_morning_in_home_assistant(
    hass: HomeAssistant, morning: Morning
) -> None:
    """From the registers to the state of the bank, with lost polls, nothing gets lost."""
    await morning.live(180, sometimes(1, 0.2))
    await morning.live(1, never)
    ideal = exact(UNIT, DAWN, morning.at)
    entry = morning.entry
    assert min(ideal.charged, ideal.discharged) > 10
    assert_about(morning.shown(), ideal)
    for state in (
        bank_state(hass, entry, "energy_charged"),
        battery_state(hass, "energy_discharged", 48),
    ):
        assert state.attributes["counted_by"] == "charge_counter"
    diagnostics = await async_get_config_entry_diagnostics(hass, entry)
    (battery,) = diagnostics["links"][0]["batteries"]
    assert battery["energy"]["way"] == "charge_counter"
    assert battery["energy"]["charging"]["fits"] > 4


async def test_counter_that_does_not_move_is_told(
    hass: HomeAssistant, morning: Morning
) -> None:
    """Where the charge counter is no use, the sensors and the diagnostics say that power counts."""
    registers = morning.link.units[48].registers
    remaining = {each: registers[each] for each in (5044, 5045)}
    for _ in range(90):
        morning.tick()
        registers.update(remaining)
        await link_of(morning.entry).async_refresh()
        await settle(hass)
    ideal = exact(UNIT, DAWN, morning.at)
    assert_about(morning.shown(), ideal)
    state = bank_state(hass, morning.entry, "energy_charged")
    assert state.attributes["counted_by"] == "sampled_power"
    diagnostics = await async_get_config_entry_diagnostics(hass, morning.entry)
    assert diagnostics["links"][0]["batteries"][0]["energy"]["reason"] == "unproven"


@pytest.mark.parametrize("killed", [False, True])
async def test_restart_in_the_morning(
    hass: HomeAssistant, hass_storage: dict[str, Any], morning: Morning, killed: bool
) -> None:
    """A restart costs at most one interval of energy, a sudden end too; totals never fall."""
    await morning.live(60, never)
    before = morning.shown()
    key = f"renogy_bt.energy.{morning.entry.entry_id}"
    on_disk = dict(hass_storage[key])
    await hass.config_entries.async_unload(morning.entry.entry_id)
    if killed:
        hass_storage[key] = on_disk
    morning.tick(2 * DEFAULT_UPDATE_INTERVAL)
    await hass.config_entries.async_setup(morning.entry.entry_id)
    await settle(hass)
    after = morning.shown()
    assert after.charged >= before.charged
    assert after.discharged >= before.discharged
    await morning.live(60, never)
    ideal = exact(UNIT, DAWN, morning.at)
    one_interval = abs(read_power(UNIT, morning.at)) * DEFAULT_UPDATE_INTERVAL / HOUR
    assert_about(morning.shown(), ideal, one_interval)


async def test_outage_in_the_morning(morning: Morning) -> None:
    """What happened in an outage of more than five intervals is not invented."""
    await morning.live(100, never)
    last_seen = morning.at
    await morning.live(10, lambda: True)
    await morning.live(20, never)
    back = last_seen + 11 * DEFAULT_UPDATE_INTERVAL
    known = _sum([exact(UNIT, DAWN, last_seen), exact(UNIT, back, morning.at)])
    assert_about(morning.shown(), known)


def _sum(totals: Iterable[EnergyTotals]) -> EnergyTotals:
    return sum(totals, start=EnergyTotals())
