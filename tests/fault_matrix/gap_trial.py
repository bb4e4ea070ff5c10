# SPDX-License-Identifier: Apache-2.0
"""One trial of a gap, in a process of its own: others' libraries leave something behind."""

import argparse
import asyncio
from dataclasses import asdict
import json
import logging

# Before the test framework of Home Assistant, as in `processes`.
import custom_components.renogy_bt  # noqa: F401
import tests.plugin_bridge  # noqa: F401

from .cases import CASES
from .gaps import READERS, Gap, measure
from .moved_clock import a_trial
from .trial import Order


async def _measure(order: Order) -> Gap:
    async with a_trial(order.case, order.reader) as place:
        return await measure(place, order)


def main() -> None:
    """Measure, and print the gap as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault_matrix.gap_trial")
    parser.add_argument("fault")
    parser.add_argument("reader")
    parser.add_argument("phase", type=float)
    arguments = parser.parse_args()
    (case,) = (each for each in CASES if each.name == arguments.fault)
    (reader,) = (each for each in READERS if each.name == arguments.reader)
    # What others log of a fault is no part of the result.
    logging.disable(logging.CRITICAL)
    gap = asyncio.run(_measure(Order(case, reader, arguments.phase)))
    print(json.dumps(asdict(gap)))  # noqa: T201


if __name__ == "__main__":
    main()
