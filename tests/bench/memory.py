# SPDX-License-Identifier: Apache-2.0
"""The memory that a system takes; only meaningful in a process that has not loaded it yet."""

import tracemalloc
from typing import Final

import bleak_retry_connector  # noqa: F401

from .bank import owners_units, registers_at
from .session import Job, measure
from .systems import Contender
from .troubles import NO_TROUBLE

POLLS: Final = 10


def peak_memory(contender: Contender) -> float:
    """Return the most that Python objects took while loading and polling, in 10^6 bytes.

    What all systems share is loaded before: bleak, bleak_retry_connector and the emulation.
    """
    for unit in owners_units():
        registers_at(unit, 0)
    tracemalloc.start()
    measure(Job(contender=contender, trouble=NO_TROUBLE.key, polls=POLLS))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6
