# SPDX-License-Identifier: Apache-2.0
"""How a parallel bank shares its current: what the shares add up to, and when they are unknown."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.bank.sharing import Sharing, sharing_of
from custom_components.renogy_bt.bank.summary import Wiring
from custom_components.renogy_bt.renogy.models import BatteryReading, BatteryStatus

# As documented, not as the code has it.
LONGEST_ROUND = 30.0

AT = datetime(2026, 11, 23, tzinfo=UTC)


def battery(
    current: float | None, capacity: float = 50.0, voltage: float = 52.0
) -> BatteryReading:
    """Return a reading of a battery that is half full."""
    return BatteryReading(
        read_at=AT,
        cell_voltages=(3.3,) * 15,
        cell_temperatures=(),
        current_count=0,
        current=current,
        voltage=voltage,
        remaining_capacity=capacity / 2,
        total_capacity=capacity,
        status=BatteryStatus(),
    )


BANK = {48: battery(-10.0), 49: battery(-10.0, voltage=52.3), 50: battery(-1.0)}


def test_share_is_measured_by_capacity() -> None:
    """A battery of twice the capacity is to carry twice as much."""
    bank = {48: battery(-10.0), 49: battery(-20.0, capacity=100.0)}
    assert sharing_of(bank, 2, Wiring.PARALLEL) == Sharing(
        shares={48: 100.0, 49: 100.0}, current_spread=0.0, voltage_spread=0.0
    )


def test_battery_that_stays_behind() -> None:
    """It carries 1 A where 7 A would be fair."""
    assert sharing_of(BANK, 3, Wiring.PARALLEL) == Sharing(
        shares={48: 142.9, 49: 142.9, 50: 14.3}, current_spread=9.0, voltage_spread=0.3
    )


def test_batteries_that_even_out() -> None:
    """A battery that is charged by the others has a share below zero."""
    bank = {48: battery(-20.0), 49: battery(4.0)}
    assert sharing_of(bank, 2, Wiring.PARALLEL).shares == {48: 250.0, 49: -50.0}


def test_small_current_is_not_shared_out() -> None:
    """Packs balance each other at rest: of 4 A in 150 Ah no share is told, the spreads are."""
    bank = {key: replace(each, current=-1.4) for key, each in BANK.items()}
    bank[50] = replace(bank[50], current=2.0)
    sharing = sharing_of(bank, 3, Wiring.PARALLEL)
    assert sharing.shares == {}
    assert sharing.current_spread == pytest.approx(3.4)
    assert sharing.voltage_spread == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("expected", "wiring"), [(4, Wiring.PARALLEL), (3, Wiring.SERIES)]
)
def test_unknown_where_it_has_no_meaning(expected: int, wiring: Wiring) -> None:
    """Without one of the batteries nothing is known of the bank; in series all carry the same."""
    assert sharing_of(BANK, expected, wiring) == Sharing(shares={})


def test_one_battery_shares_with_none() -> None:
    """A bank of one battery has nothing to share, nor has one before the first poll."""
    assert sharing_of({48: BANK[48]}, 1, Wiring.PARALLEL) == Sharing(shares={})
    assert sharing_of({}, 3, Wiring.PARALLEL) == Sharing(shares={})


def test_unknown_scale_of_a_current() -> None:
    """The voltages can be compared all the same."""
    bank = {**BANK, 50: battery(None)}
    assert sharing_of(bank, 3, Wiring.PARALLEL) == Sharing(
        shares={}, voltage_spread=0.3
    )


@pytest.mark.parametrize(("late", "is_known"), [(0.0, True), (1.0, False)])
def test_readings_of_other_moments_are_not_compared(
    late: float, is_known: bool
) -> None:
    """A load may have come between them."""
    read_at = AT + timedelta(seconds=LONGEST_ROUND + late)
    bank = {**BANK, 50: replace(BANK[50], read_at=read_at)}
    sharing = sharing_of(bank, 3, Wiring.PARALLEL)
    assert bool(sharing.shares) is is_known
    assert (sharing.voltage_spread is not None) is is_known


CURRENTS = st.floats(-200, 200).map(lambda value: round(value, 2))
CAPACITIES = st.floats(10, 400).map(lambda value: round(value, 3))


@given(
    st.lists(
        # Batteries whose voltages are further apart are in no bank together.
        st.tuples(CURRENTS, CAPACITIES, st.floats(42, 60)),
        min_size=2,
        max_size=16,
    )
)
def test_shares_add_up(packs: list[tuple[float, float, float]]) -> None:
    """Weighted by capacity, the shares of a bank are 100 %; spreads are never negative."""
    bank = {
        number: battery(current, capacity, voltage)
        for number, (current, capacity, voltage) in enumerate(packs)
    }
    sharing = sharing_of(bank, len(bank), Wiring.PARALLEL)
    assert sharing.current_spread is not None
    assert sharing.current_spread >= 0
    assert sharing.voltage_spread is not None
    assert sharing.voltage_spread >= 0
    total = sum(each.total_capacity for each in bank.values())
    is_real = abs(sum(each.current or 0.0 for each in bank.values())) >= 0.05 * total
    if abs(abs(sum(each.current or 0.0 for each in bank.values())) / total - 0.05) > (
        1e-9
    ):
        assert bool(sharing.shares) is is_real
    if sharing.shares:
        weighted = sum(sharing.shares[key] * bank[key].total_capacity for key in bank)
        assert weighted / total == pytest.approx(100.0, abs=0.1)


@given(st.permutations(range(3)))
def test_order_does_not_matter(order: list[int]) -> None:
    """A bank is the same however its batteries are listed."""
    keys = list(BANK)
    shuffled = {keys[index]: BANK[keys[index]] for index in order}
    assert sharing_of(shuffled, 3, Wiring.PARALLEL) == sharing_of(
        BANK, 3, Wiring.PARALLEL
    )
