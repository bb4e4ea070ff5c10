# SPDX-License-Identifier: Apache-2.0
"""How a battery ages: measured against emulated batteries whose truth is known, or unknown."""

from dataclasses import replace
from datetime import UTC, datetime
import math

from hypothesis import given, strategies as st
import numpy as np
import pytest

from custom_components.renogy_bt.bank.energy import EnergyTotals
from custom_components.renogy_bt.bank.health import (
    BatteryHealth,
    aged,
    capacity_health,
    nominal_capacity,
)
from custom_components.renogy_bt.renogy.models import BatteryReading, BatteryStatus

MINUTE = 60.0
READING = BatteryReading(
    read_at=datetime(2026, 11, 23, tzinfo=UTC),
    cell_voltages=(3.3,) * 15,
    cell_temperatures=(18.0, 20.0),
    current_count=0,
    current=0.0,
    voltage=50.0,
    remaining_capacity=25.0,
    total_capacity=50.0,
    status=BatteryStatus(),
)


@pytest.mark.parametrize(
    ("model", "capacity"),
    [
        ("RBT50LFP48S", 50.0),
        ("RBT100LFP12S-G1", 100.0),
        ("RBT100LFP12SH-G1", 100.0),
        ("RBT200LFP12-BT", 200.0),
        ("RBT12100LFP-BT", 100.0),
        ("RBT12200LFP-B", 200.0),
        ("RBT12500LFP-SHBT", 500.0),
        ("RBT2450LFP", 50.0),
        ("RBT", None),
        ("RBT5LFP48S", None),
        ("LFP12", None),
        ("", None),
        (None, None),
    ],
)
def test_capacity_of_a_name(model: str | None, capacity: float | None) -> None:
    """The maker spells the capacity in two ways; other names spell none."""
    assert nominal_capacity(model) == capacity


def test_capacity_that_is_left() -> None:
    """Of the model's, or of the most that was seen where the name says nothing that can be."""
    health = BatteryHealth(highest_total=49.0)
    assert capacity_health(health, 40.0, "RBT50LFP48S") == 80.0
    assert capacity_health(health, 50.4, "RBT50LFP48S") == 100.0
    assert capacity_health(health, 39.2, None) == pytest.approx(80.0)
    assert capacity_health(health, 39.2, "RBT200LFP12-BT") == pytest.approx(80.0)
    assert capacity_health(BatteryHealth(), 39.2, None) is None


class Swings:
    """A battery that goes from full to full."""

    def __init__(self) -> None:
        """Begin before it is read."""
        self.health = BatteryHealth()
        self.charged = self.discharged = 0.0
        self._now = 0.0

    def read(
        self,
        charge: float,
        *,
        charged: float = 0.0,
        discharged: float = 0.0,
        is_seen: bool = True,
        is_known: bool = True,
    ) -> None:
        """Read it, after so much went in and out."""
        self._now += MINUTE
        self.charged += charged
        self.discharged += discharged
        self.health = aged(
            self.health,
            self._now,
            replace(READING, remaining_capacity=charge / 2),
            EnergyTotals(charged=self.charged, discharged=self.discharged)
            if is_known
            else None,
            is_seen=is_seen,
            is_full=charge >= 99.5,
        )

    def swing(self, down_to: float, out: float, put_in: float) -> None:
        """Go down and up again."""
        self.read(down_to, discharged=out)
        self.read(100, charged=put_in)


def test_efficiency_is_that_of_whole_swings() -> None:
    """Three are needed; the last thirty count, by their energy."""
    battery = Swings()
    battery.swing(50, 1000.0, 500.0)
    for _ in range(2):
        battery.swing(40, 960.0, 1000.0)
    assert battery.health.efficiency is None
    battery.swing(40, 480.0, 500.0)
    assert battery.health.efficiency == pytest.approx(96.0)
    for _ in range(30):
        battery.swing(40, 900.0, 1000.0)
    assert battery.health.efficiency == pytest.approx(90.0)


def test_swings_that_say_nothing() -> None:
    """Small ones, those with a gap or without a known current, and those that cannot be."""
    battery = Swings()
    battery.read(100)
    for _ in range(5):
        battery.swing(85, 100.0, 100.0)
        battery.swing(40, 300.0, 1000.0)
        battery.swing(40, 1100.0, 1000.0)
        battery.read(50, discharged=500.0)
        battery.read(60, is_seen=False)
        battery.read(100, charged=500.0)
        battery.read(50, discharged=500.0)
        battery.read(60, is_known=False)
        battery.read(100, charged=500.0)
        battery.read(100)
    assert battery.health.swings == ()


def steps(
    random: np.random.Generator,
    ohms: float,
    amperes: float,
    number: int,
    every: float = MINUTE,
    *,
    step_volts: float = 0.1,
    gains: tuple[float, float] = (1.0, 1.0),
) -> BatteryHealth:
    """Let loads come and go on a battery of this resistance, which tells its voltage in steps of 0.1 V.

    Its sensors make current and voltage so many times what they are.
    """
    health = BatteryHealth()
    for step in range(number):
        current = round(float(random.uniform(-amperes, amperes)), 2)
        open_circuit = 49.5 + 0.3 * math.sin(step / 300)
        health = aged(
            health,
            step * every,
            replace(
                READING,
                current=current * gains[0],
                voltage=step_volts
                * math.trunc(gains[1] * (open_circuit + ohms * current) / step_volts),
            ),
            None,
            is_seen=True,
            is_full=False,
        )
    return health


@pytest.mark.parametrize("ohms", [0.02, 0.04, 0.08])
def test_resistance_is_within_what_it_says(ohms: float) -> None:
    """Nineteen times of twenty; and it says the temperature."""
    right = 0
    for seed in range(100):
        found = steps(np.random.default_rng(seed), ohms, 25.0, 300).resistance
        assert found is not None
        assert 0.0567 * found.ohms <= found.within <= 0.15 * found.ohms
        assert found.temperature == pytest.approx(19.0)
        right += abs(found.ohms - ohms) <= found.within
    assert right >= 90


@pytest.mark.parametrize("gains", [(1.025, 0.99), (0.975, 1.01)])
@pytest.mark.parametrize("ohms", [0.02, 0.04, 0.08])
def test_sensors_that_are_off_are_allowed_for(
    ohms: float, gains: tuple[float, float]
) -> None:
    """With gains that are as wrong as they may be the truth is still within what is said, as often."""
    right = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        found = steps(random, ohms, 25.0, 300, gains=gains).resistance
        assert found is not None
        right += abs(found.ohms - ohms) <= found.within
    assert right >= 38


@pytest.mark.parametrize("ohms", [0.02, 0.08, 0.4])
def test_steps_alone_do_not_make_it_certain(ohms: float) -> None:
    """However plain the steps are: the sensors, and what loads were before, leave 8.4 %."""
    found = steps(
        np.random.default_rng(1), ohms, 2500.0, 1000, step_volts=0.001
    ).resistance
    assert found is not None
    assert found.within / found.ohms == pytest.approx(0.0845, abs=0.001)


def test_resistance_that_is_not_known() -> None:
    """Few steps, small ones, and too long or too short intervals say nothing; nor does a voltage that does not follow."""
    random = np.random.default_rng(1)
    assert steps(random, 0.04, 25.0, 5).resistance is None
    assert steps(random, 0.04, 2.0, 2000).resistance is None
    assert steps(random, 0.04, 25.0, 2000, every=600.0).resistance is None
    assert steps(random, 0.0, 25.0, 2000).resistance is None
    assert steps(random, -0.04, 25.0, 2000).resistance is None


def test_polls_that_come_fast_are_compared_over_a_while() -> None:
    """Every two seconds the voltage has not followed yet."""
    health = steps(np.random.default_rng(1), 0.04, 25.0, 6000, every=2.0)
    assert health.resistance is not None
    assert health.resistance.ohms == pytest.approx(0.04, rel=0.1)


@given(
    st.lists(
        st.tuples(
            st.floats(-200, 200),
            st.floats(10, 60),
            st.floats(0, 100),
            st.floats(-100, 10_000),
            st.booleans(),
        ),
        max_size=20,
    )
)
def test_nothing_impossible_is_told(
    readings: list[tuple[float, float, float, float, bool]],
) -> None:
    """Whatever is read, in whatever order."""
    health, now = BatteryHealth(), 1000.0
    for current, voltage, charge, after, is_seen in readings:
        now += after
        reading = replace(
            READING, current=current, voltage=voltage, remaining_capacity=charge / 2
        )
        energy = EnergyTotals(charged=max(now, 0.0), discharged=charge)
        health = aged(
            health, now, reading, energy, is_seen=is_seen, is_full=charge > 99
        )
        assert health.efficiency is None or 50 <= health.efficiency <= 100
        resistance = health.resistance
        assert resistance is None or 0 < resistance.within < resistance.ohms
        left = capacity_health(health, 50.0, None)
        assert left is not None
        assert 0 < left <= 100
