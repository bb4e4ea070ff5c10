"""Trials under a moved clock, several at the same time, each worker with a clock of its own."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
import logging
import multiprocessing
import os

# Before the test framework of Home Assistant, which has a folder of this name too and needs a
# bridge to a newer Home Assistant than its own.
import custom_components.renogy_bt  # noqa: F401
import tests.plugin_bridge  # noqa: F401

from .gaps import Gap, measure
from .moved_clock import a_trial, run_trial
from .trial import Order, Outcome, told


def all_in_moved_time(orders: Sequence[Order], jobs: int | None) -> list[Outcome]:
    """Make all trials, as many at the same time as there are processors if not told."""
    return [
        told(*made)
        for made in zip(orders, _side_by_side(_outcome, orders, jobs), strict=True)
    ]


def all_gaps(orders: Sequence[Order], jobs: int | None) -> list[Gap]:
    """Measure the gap of all trials, as many at the same time as there are processors."""
    return list(_side_by_side(_gap, orders, jobs))


def _side_by_side[T](
    make: Callable[[Order], T], orders: Sequence[Order], jobs: int | None
) -> Iterator[T]:
    workers = min(jobs or os.process_cpu_count() or 1, len(orders))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(make, orders)


def _outcome(order: Order) -> Outcome:
    # What others log of a fault is no part of the result.
    logging.disable(logging.CRITICAL)
    return asyncio.run(run_trial(order.case, order.reader, order.phase))


def _gap(order: Order) -> Gap:
    logging.disable(logging.CRITICAL)
    return asyncio.run(_measure(order))


async def _measure(order: Order) -> Gap:
    async with a_trial(order.case, order.reader) as place:
        return await measure(place, order)
