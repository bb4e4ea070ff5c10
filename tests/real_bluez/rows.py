# SPDX-License-Identifier: Apache-2.0
"""Which guest carries which orders out."""

from collections.abc import Sequence
from typing import Final

from .order import Order
from .scenarios import scenario_of

# What a start of Home Assistant costs, as virtual seconds of polling.
_START: Final = 500.0


def even_rows(orders: Sequence[Order], number: int) -> list[list[Order]]:
    """Return at most so many rows of orders, of about the same length, each the longest first.

    The same orders always make the same rows: what a guest did before is part of a run.
    """
    rows: list[list[Order]] = [[] for _ in range(min(number, len(orders)))]
    lengths = [0.0] * len(rows)
    for order in sorted(orders, key=_length, reverse=True):
        shortest = lengths.index(min(lengths))
        rows[shortest].append(order)
        lengths[shortest] += _length(order)
    return rows


def _length(order: Order) -> float:
    return _START + scenario_of(order).length
