# SPDX-License-Identifier: Apache-2.0
"""Tests of whether batteries can be in parallel, by one look at them."""

from datetime import UTC, datetime

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.bank.joining import Pack, can_be_joined, pack_of
from custom_components.renogy_bt.bank.limits import CurrentLimits, limits_of
from custom_components.renogy_bt.bank.sharing import Sharing, sharing_of
from custom_components.renogy_bt.bank.summary import Wiring, summarise
from custom_components.renogy_bt.renogy.models import BatteryReading, BatteryStatus

EMPTY_CELL, FULL_CELL = 2.5, 3.65
SOLD = (4, 8, 12, 15, 16)
"""The numbers of cells that batteries have."""

cell = st.floats(min_value=EMPTY_CELL, max_value=FULL_CELL)
cells = st.sampled_from(SOLD)


def battery(
    count: int, per_cell: float, current: float = 0.0, capacity: float = 100.0
) -> BatteryReading:
    """Return a reading of a battery with so many cells of so much."""
    return BatteryReading(
        read_at=datetime(2026, 11, 23, tzinfo=UTC),
        cell_voltages=(round(per_cell, 3),) * count,
        cell_temperatures=(20.0,),
        current_count=round(100 * current),
        current=current,
        voltage=round(per_cell * count, 1),
        remaining_capacity=capacity / 2,
        total_capacity=capacity,
        charge_current_limit=50.0,
        discharge_current_limit=50.0,
        status=BatteryStatus(charge_mosfet=True, discharge_mosfet=True),
    )


@given(count=cells, one=cell, other=cell)
def test_as_many_cells_can_be_joined(count: int, one: float, other: float) -> None:
    """One may rest behind an open switch, at any charge, while the other is charged."""
    packs = [pack_of(battery(count, each)) for each in (one, other)]
    assert can_be_joined(packs)
    assert can_be_joined([Pack(cells=count), *packs])


@given(
    pair=st.sampled_from([(4, 8), (4, 12), (4, 15), (4, 16), (8, 15), (8, 16)]),
    one=cell,
    other=cell,
)
def test_other_voltages_cannot(pair: tuple[int, int], one: float, other: float) -> None:
    """No charge hides that a battery of 12 V is none of 24 or 48 V."""
    packs = [pack_of(battery(*each)) for each in zip(pair, (one, other), strict=True)]
    assert not can_be_joined(packs)
    assert not can_be_joined([Pack(cells=each.cells) for each in packs])


@given(
    bar=st.floats(min_value=40.0, max_value=54.7),
    error=st.floats(min_value=-0.01, max_value=0.01),
    lost=st.floats(min_value=0.0, max_value=0.06),
)
def test_families_of_48_volts_can(bar: float, error: float, lost: float) -> None:
    """15 and 16 cells are sold for one voltage; meters are not exact, and cables take some off."""
    packs = [
        Pack(cells=15, voltage=round(bar * (1 + error), 1)),
        Pack(cells=16, voltage=round(bar * (1 - lost), 1)),
    ]
    assert can_be_joined(packs)
    assert can_be_joined([Pack(cells=15), Pack(cells=16)])


@pytest.mark.parametrize("off", [0.0, 0.8, 9.5])
def test_battery_that_is_off_says_nothing(off: float) -> None:
    """Its management system has disconnected it: what it reads at its terminals is not its own."""
    assert can_be_joined([Pack(cells=4, voltage=off), Pack(cells=4, voltage=14.6)])
    assert can_be_joined([Pack(cells=0, voltage=off), Pack(cells=4, voltage=14.6)])


def test_cells_that_are_not_told() -> None:
    """Then the voltages tell; nothing is said where these do not either."""
    assert can_be_joined([Pack(cells=0), Pack(cells=16), Pack(cells=15)])
    assert can_be_joined([Pack(cells=0, voltage=13.2), Pack(cells=4, voltage=14.6)])
    assert not can_be_joined(
        [Pack(cells=0, voltage=13.2), Pack(cells=15, voltage=52.4)]
    )


def test_cells_that_the_voltage_contradicts() -> None:
    """Batteries of one voltage are joined, whatever they count as a cell."""
    assert can_be_joined([Pack(cells=5, voltage=13.2), Pack(cells=4, voltage=13.3)])
    assert can_be_joined([])


def test_values_of_12_and_48_volts() -> None:
    """What the batteries have in common is unknown, in parallel; what adds up is not."""
    mixed = {1: battery(4, 3.3, 10.0), 2: battery(15, 3.5, 20.0)}
    bank = summarise(mixed, 2, Wiring.PARALLEL)
    assert bank.voltage is bank.current is bank.state_of_charge is None
    assert bank.remaining_capacity is bank.total_capacity is None
    assert bank.power == pytest.approx(13.2 * 10 + 52.5 * 20)
    assert bank.stored_energy == pytest.approx(50 * 13.2 + 50 * 52.5)
    assert bank.batteries_responding == 2
    assert sharing_of(mixed, 2, Wiring.PARALLEL) == Sharing(shares={})
    assert limits_of(mixed, 2, Wiring.PARALLEL) == CurrentLimits()


def test_mixed_batteries_in_series() -> None:
    """A string of 12 and 24 V is odd, and right: the voltages add up."""
    bank = summarise({1: battery(4, 3.3), 2: battery(8, 3.3)}, 2, Wiring.SERIES)
    assert bank.voltage == pytest.approx(39.6)
    assert bank.total_capacity == 100.0
    assert bank.state_of_charge == 50.0


def test_batteries_that_were_long_seen_apart() -> None:
    """What a look does not show may be known from many."""
    pair = {1: battery(4, 3.0), 2: battery(4, 3.3)}
    assert summarise(pair, 2, Wiring.PARALLEL).voltage == pytest.approx(12.6)
    bank = summarise(pair, 2, Wiring.PARALLEL, are_apart=True)
    assert bank.voltage is bank.total_capacity is None
    assert summarise(pair, 2, Wiring.SERIES, are_apart=True).voltage == 25.2


@given(
    batteries=st.lists(st.tuples(cells, cell), min_size=1, max_size=6),
    wiring=st.sampled_from(Wiring),
)
def test_no_voltage_is_nonsense(
    batteries: list[tuple[int, float]], wiring: Wiring
) -> None:
    """A bank in parallel has the voltage of any of its batteries, give or take a charge, or none."""
    readings = {index: battery(*each) for index, each in enumerate(batteries)}
    bank = summarise(readings, len(readings), wiring)
    voltages = [each.voltage for each in readings.values()]
    if wiring is Wiring.SERIES:
        assert bank.voltage == pytest.approx(sum(voltages))
    elif bank.voltage is not None:
        assert max(voltages) <= 1.5 * min(voltages)
        assert min(voltages) - 0.001 <= bank.voltage <= max(voltages) + 0.001
    assert bank.stored_energy == pytest.approx(
        sum(each.remaining_capacity * each.voltage for each in readings.values())
    )
