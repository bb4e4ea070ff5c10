# SPDX-License-Identifier: Apache-2.0
"""Tests of which guest carries which orders out."""

import pytest

from .order import CONFINED, HAOS, Order, Subject
from .rows import even_rows
from .scenarios import SCENARIOS, scenario_of

ORDERS = [
    Order(scenario=scenario.name, host=host, subject=subject)
    for scenario in SCENARIOS
    for host in (HAOS, CONFINED)
    for subject in Subject
]


@pytest.mark.parametrize("number", [1, 2, 5])
def test_every_order_is_in_one_row(number: int) -> None:
    """Nothing is lost and nothing is done twice."""
    rows = even_rows(ORDERS, number)

    assert len(rows) == number
    assert sorted(order.name for row in rows for order in row) == sorted(
        order.name for order in ORDERS
    )


def test_rows_are_even_and_begin_with_the_longest() -> None:
    """No row is longer than another by more than its shortest order."""
    rows = even_rows(ORDERS, 3)
    lengths = [[scenario_of(order).length for order in row] for row in rows]

    assert all(row == sorted(row, reverse=True) for row in lengths)
    totals = [sum(row) + 500 * len(row) for row in lengths]
    assert max(totals) - min(totals) <= max(row[-1] for row in lengths) + 500


def test_fewer_orders_than_guests_make_no_empty_row() -> None:
    """A guest without an order is not started."""
    assert even_rows(ORDERS[:1], 4) == [[ORDERS[0]]]
    assert even_rows([], 4) == []
