# SPDX-License-Identifier: Apache-2.0
"""The told day: what moves agrees with itself."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, strategies as st
import pytest

from tests.emulator import SolarDay, Unit, load_world
from tests.emulator.__main__ import WORLDS
from tests.emulator.solar_day import (
    age_at,
    battery_moment,
    charge_rate,
    charge_since_midnight,
    moving_registers,
)

DAY = SolarDay(seconds=600, start_hour=10)
UNITS = load_world(WORLDS / "owner.json").links[0].units
TIMES = st.floats(0, 10_000)
UNIT_IDS = st.sampled_from(sorted(UNITS))


def _signed(word: int) -> int:
    return word - 0x10000 if word & 0x8000 else word


def _capacity(words: dict[int, int], unit: Unit) -> float:
    return (words[5044] << 16 | words[5045]) / 1000


def test_day_begins_with_what_the_file_says() -> None:
    """At the beginning a pack has the charge of its registers."""
    for unit in UNITS.values():
        words = moving_registers(DAY, unit, 0.0)
        assert (words[5044], words[5045]) == (
            unit.registers.get(5044, 0),
            unit.registers[5045],
        )


@given(UNIT_IDS, TIMES)
def test_day_repeats(unit_id: int, elapsed: float) -> None:
    """A day later everything is as it was, within a count of each word."""
    unit = UNITS[unit_id]
    now, later = (
        moving_registers(DAY, unit, moment) for moment in (elapsed, elapsed + 600)
    )
    for address in now.keys() - {5044, 5045, 5107}:
        assert abs(_signed(now[address]) - _signed(later[address])) <= 60
    assert _capacity(now, unit) == pytest.approx(_capacity(later, unit), abs=0.05)


@pytest.mark.parametrize("unit_id", sorted(UNITS))
def test_charge_is_the_integral_of_the_current(unit_id: int) -> None:
    """Remaining capacity follows the current, told minute by told minute."""
    unit = UNITS[unit_id]
    step = 600 / 1440
    moments = [battery_moment(DAY, unit, minute * step) for minute in range(1441)]
    for before, after in pairwise(moments):
        mean = (before.current + after.current) / 2
        gained = (after.state_of_charge - before.state_of_charge) * 50
        assert gained == pytest.approx(mean / 60, abs=0.02)
    assert min(moment.state_of_charge for moment in moments) > 0.2
    assert max(moment.state_of_charge for moment in moments) > 0.9
    assert max(moment.current for moment in moments) > 4
    assert min(moment.current for moment in moments) < -3


@given(UNIT_IDS, TIMES)
def test_words_agree_with_each_other(unit_id: int, elapsed: float) -> None:
    """The module voltage is the sum of the cells, the status says what flows."""
    unit = UNITS[unit_id]
    words = moving_registers(DAY, unit, elapsed)
    cells = [words[5001 + index] for index in range(15)]
    assert sum(cells) <= words[5043] <= sum(cells) + 15
    assert all(25 <= cell <= 37 for cell in cells)
    current = _signed(words[5042])
    status = words[5107]
    if current > 1:
        assert status & 0xC000 == 0x8000
    elif current < -1:
        assert status & 0xC000 == 0x4000
    temperatures = [_signed(words[5018 + index]) for index in range(15)]
    assert all(50 <= temperature <= 450 for temperature in temperatures)
    assert 0 <= _capacity(words, unit) <= 51


def test_packs_differ() -> None:
    """No two packs are the same at noon."""
    noon = [moving_registers(DAY, unit, 50.0) for unit in UNITS.values()]
    assert len({(words[5042], words[5045]) for words in noon}) == 4


def test_full_and_empty_packs_stand_still() -> None:
    """At an end of its charge a pack has no current, and says so when it is full."""
    for remaining, elapsed, full in ((50_000, 100.0, True), (0, 550.0, False)):
        unit = replace(
            UNITS[48],
            registers=dict(UNITS[48].registers) | {5044: 0, 5045: remaining},
        )
        words = moving_registers(DAY, unit, elapsed)
        assert words[5042] == 0
        assert words[5045] == remaining
        assert bool(words[5107] & 0x0800) is full


def test_pack_without_capacity_is_no_trouble() -> None:
    """A unit whose registers say nothing stays without charge and current."""
    words = moving_registers(DAY, Unit(unit_id=48), 50.0)
    assert (words[5042], words[5043], words[5045]) == (0, 0, 0)


@given(st.floats(0, 24), st.floats(0, 24))
def test_gain_of_charge_is_continuous(one: float, other: float) -> None:
    """No instant changes the charge by more than the current can."""
    gained = charge_since_midnight(other) - charge_since_midnight(one)
    assert abs(gained) <= 0.2 * abs(other - one) + 1e-9


def test_sun_charges_and_night_discharges() -> None:
    """The sun charges at noon, the evening discharges."""
    assert charge_rate(12) > 0 > charge_rate(20)


@given(st.floats(0, 24, exclude_max=True))
def test_age_at_an_hour(hour: float) -> None:
    """A world of that age is at that hour, for the first time."""
    age = age_at(DAY, hour)
    assert 0 <= age <= DAY.seconds
    told = (DAY.start_hour + age * 24 / DAY.seconds) % 24
    assert min(abs(told - hour), 24 - abs(told - hour)) < 1e-6
