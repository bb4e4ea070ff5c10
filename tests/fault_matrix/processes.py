"""Trials under a moved clock, several at the same time, each worker with a clock of its own."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
import logging
import multiprocessing
import os

# Before the test framework of Home Assistant, which has a folder of this name too and needs a
# bridge to a newer Home Assistant than its own.
import custom_components.renogy_bt  # noqa: F401
import tests.plugin_bridge  # noqa: F401

from .moved_clock import run_trial
from .trial import Order, Outcome, told


def all_in_moved_time(orders: Sequence[Order], jobs: int | None) -> list[Outcome]:
    """Make all trials, as many at the same time as there are processors if not told."""
    workers = min(jobs or os.process_cpu_count() or 1, len(orders))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        outcomes = pool.map(_in_moved_time, orders)
        return [told(*made) for made in zip(orders, outcomes, strict=True)]


def _in_moved_time(order: Order) -> Outcome:
    # What others log of a fault is no part of the result.
    logging.disable(logging.CRITICAL)
    return asyncio.run(
        run_trial(
            order.case, with_integration=order.with_integration, phase=order.phase
        )
    )
