# SPDX-License-Identifier: Apache-2.0
"""Trials under a moved clock, several at the same time, each worker with a clock of its own."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
import json
import logging
import multiprocessing
import os
import subprocess
import sys
from typing import Final

# Before the test framework of Home Assistant, which has a folder of this name too and needs a
# bridge to a newer Home Assistant than its own.
import custom_components.renogy_bt  # noqa: F401
import tests.plugin_bridge  # noqa: F401

from .gaps import Gap
from .moved_clock import run_trial
from .trial import Order, Outcome, told

_GAP_SECONDS: Final = 300.0


def all_in_moved_time(orders: Sequence[Order], jobs: int | None) -> list[Outcome]:
    """Make all trials, as many at the same time as there are processors if not told."""
    workers = min(jobs or os.process_cpu_count() or 1, len(orders))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        outcomes = pool.map(_outcome, orders)
        return [told(*made) for made in zip(orders, outcomes, strict=True)]


def all_gaps(orders: Sequence[Order], jobs: int | None) -> list[Gap]:
    """Measure the gap of all trials, as many at the same time as there are processors."""
    with ThreadPoolExecutor(jobs or os.process_cpu_count() or 1) as pool:
        return list(pool.map(_gap, orders))


def _gap(order: Order) -> Gap:
    arguments = order.case.name, order.reader.name, str(order.phase)
    finished = subprocess.run(
        [sys.executable, "-m", "tests.fault_matrix.gap_trial", *arguments],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_GAP_SECONDS,
    )
    if finished.returncode:
        raise RuntimeError(f"{arguments} has measured nothing:\n{finished.stderr}")
    return Gap(**json.loads(finished.stdout))


def _outcome(order: Order) -> Outcome:
    # What others log of a fault is no part of the result.
    logging.disable(logging.CRITICAL)
    return asyncio.run(run_trial(order.case, order.reader, order.phase))
