# SPDX-License-Identifier: Apache-2.0
"""Tests of the energy counters."""

import math
import random

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.bank.energy import (
    BankEnergy,
    EnergyCounter,
    EnergyTotals,
    PowerSample,
    energy_between,
)

HOUR = 3600.0
DAY = 24 * HOUR
powers = st.floats(min_value=-20_000, max_value=20_000)
gaps = st.floats(min_value=-1_000, max_value=10_000)


def sample(at: float, power: float) -> PowerSample:
    """Return a power sample."""
    return PowerSample(at=at, power=power)


@pytest.mark.parametrize(
    ("start", "end", "charged", "discharged"),
    [
        pytest.param(100, 100, 100, 0, id="steady charge"),
        pytest.param(-100, -300, 0, 200, id="growing discharge"),
        pytest.param(100, -100, 25, 25, id="even change of sign"),
        pytest.param(300, -100, 112.5, 12.5, id="uneven change of sign"),
        pytest.param(0, 200, 100, 0, id="from idle"),
        pytest.param(0, -200, 0, 100, id="from idle, discharging"),
        pytest.param(0, 0, 0, 0, id="idle"),
    ],
)
def test_an_hour_between_two_samples(
    start: float, end: float, charged: float, discharged: float
) -> None:
    """The area under the line between two samples goes to the right direction."""
    energy = energy_between(sample(0, start), sample(HOUR, end), HOUR)
    assert energy == EnergyTotals(charged=charged, discharged=discharged)


@pytest.mark.parametrize("elapsed", [0, -10, 300.1, DAY])
def test_nothing_is_invented(elapsed: float) -> None:
    """A clock that stands still or goes back, or a long gap, adds nothing."""
    energy = energy_between(sample(1000, 500), sample(1000 + elapsed, 500), 300)
    assert energy == EnergyTotals()


def test_counting_goes_on_after_a_gap() -> None:
    """After a gap the counter goes on from the next two readings."""
    counter = EnergyCounter(EnergyTotals(charged=10, discharged=20), update_interval=60)
    for at in (0, 60, DAY, DAY + 60):
        counter.add(sample(at, 600))
    assert counter.totals == EnergyTotals(charged=30, discharged=20)


@given(st.lists(st.tuples(gaps, powers), max_size=30))
def test_totals_never_fall(steps: list[tuple[float, float]]) -> None:
    """Whatever comes in, totals never fall and stay finite."""
    counter = EnergyCounter(EnergyTotals(), update_interval=60)
    at, before = 0.0, counter.totals
    for gap, power in steps:
        at += gap
        counter.add(sample(at, power))
        after = counter.totals
        assert after.charged >= before.charged
        assert after.discharged >= before.discharged
        assert math.isfinite(after.charged + after.discharged)
        before = after


def _power(at: float) -> float:
    """Return the power of a day: sun, a steady load, and a fridge of two seconds' slope."""
    sun = max(0.0, math.sin(math.pi * (at / HOUR - 6) / 12)) * 900
    return sun - 120 - (90 if at % 1800 < 600 else 0)


def test_a_day_of_sun_and_loads() -> None:
    """Over a day with uneven intervals the error stays within half a percent."""
    generator = random.Random(1)
    counter = EnergyCounter(EnergyTotals(), update_interval=60)
    at = 0.0
    while at < DAY:
        counter.add(sample(at, _power(at)))
        at += generator.uniform(55, 65)
    seconds = range(int(DAY))
    charged = sum(max(_power(second + 0.5), 0) for second in seconds) / HOUR
    discharged = sum(max(-_power(second + 0.5), 0) for second in seconds) / HOUR
    assert counter.totals.charged == pytest.approx(charged, rel=0.005)
    assert counter.totals.discharged == pytest.approx(discharged, rel=0.005)


def test_the_bank_adds_up_what_its_batteries_gain() -> None:
    """The bank's total grows by what each battery gains, from where it was."""
    energy = BankEnergy(
        {"a": EnergyTotals(charged=5)}, EnergyTotals(charged=100), update_interval=60
    )
    energy.add({"a": sample(0, 600), "b": sample(0, -300)})
    energy.add({"a": sample(60, 600), "b": sample(60, -300)})
    assert energy.batteries == {
        "a": EnergyTotals(charged=15),
        "b": EnergyTotals(discharged=5),
    }
    assert energy.bank == EnergyTotals(charged=110, discharged=5)


def test_a_silent_battery_keeps_its_total() -> None:
    """A battery that does not answer neither gains nor loses."""
    energy = BankEnergy({"a": EnergyTotals(charged=5)}, EnergyTotals(), 60)
    energy.add({"b": sample(0, 60)})
    energy.add({"b": sample(60, 60)})
    assert energy.batteries["a"] == EnergyTotals(charged=5)
    assert energy.bank == EnergyTotals(charged=1)
