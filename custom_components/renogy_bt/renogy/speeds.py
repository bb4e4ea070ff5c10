# SPDX-License-Identifier: Apache-2.0
"""How much of its batteries a poll of a kept link reads.

A link that connects for each poll reads everything each time. A kept link that is polled more
often reads what moves with every poll, and the rest in turns, so that no round takes much longer
than the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

FAST_BELOW: Final = 20.0
"""From this interval on every poll reads everything: four batteries take 2.2 s of it, s."""
STATUS_SECONDS: Final = 10.0
"""A protection that acts is told within this time, s."""
EVERYTHING_SECONDS: Final = 60.0
"""Cells and temperatures are as old as by the usual interval at most, s."""
_ROUNDS_AHEAD: Final = 2
"""What would be too late in the next round is read now, and a round may come late itself."""


class Extent(IntEnum):
    """What of a battery is read; each extent holds what those before it hold.

    `ELECTRICAL` is current, voltage and capacity, `STATUS` the switches and protections besides.
    """

    ELECTRICAL = 1
    STATUS = 2
    EVERYTHING = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRead:
    """When the status of a battery was last read, and when everything; s, -inf for never."""

    status: float
    everything: float


def is_fast(interval: float | None) -> bool:
    """Tell whether polls at this interval need not read everything; None is for each poll."""
    return interval is not None and interval < FAST_BELOW


def extents(
    now: float, interval: float, last: Mapping[int, LastRead]
) -> dict[int, Extent]:
    """Return what this poll reads of each battery, by unit id."""
    status = _due(
        now, interval, STATUS_SECONDS, {unit: last[unit].status for unit in last}
    )
    everything = _due(
        now,
        interval,
        EVERYTHING_SECONDS,
        {unit: last[unit].everything for unit in last},
    )
    return {
        unit: Extent.EVERYTHING
        if unit in everything
        else Extent.STATUS
        if unit in status
        else Extent.ELECTRICAL
        for unit in last
    }


def _due(
    now: float, interval: float, limit: float, read_at: Mapping[int, float]
) -> set[int]:
    """Return the units that are read now, so that none is older than the limit.

    Where nobody is due yet the oldest is read early: they come one after the other from then on.
    """
    patience = limit - _ROUNDS_AHEAD * interval
    due = {unit for unit, at in read_at.items() if now - at > patience}
    if due or not read_at:
        return due
    if now - max(read_at.values()) >= patience / len(read_at):
        return {min(read_at, key=lambda unit: read_at[unit])}
    return due
