# SPDX-License-Identifier: Apache-2.0
"""Whether batteries can be in parallel: all of them have the voltage of one bar then.

LiFePO4 cells are between 2.5 V, where a battery switches itself off, and 3.65 V. Batteries of as many cells in
series may so be as far apart as one is to 1.46, as long as one of them is switched off; batteries of other
numbers of cells can never be joined.
"""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from ..renogy.models import BatteryReading

SAME_VOLTAGE: Final = 1.10
"""Of batteries this close, as one is to this, nothing is said, whatever cells they tell: a
long cable, its fuse and the load make a tenth at most, and 15 and 16 cells are a fifteenth apart."""
OTHER_CELLS: Final = 1.10
"""Numbers of cells further apart are not sold for the same voltage: 15 and 16 are, 12 and 15 are not."""
OTHER_VOLTAGE: Final = 1.50
"""More than 3.65 V to 2.5 V: batteries of as many cells are never this far apart."""
LEAST_CELL: Final = 2.5
"""A battery with less a cell has switched itself off, or measures wrongly: its voltage says nothing, V."""
FEWEST_CELLS: Final = 4
"""Batteries that do not tell their cells have at least these: there is nothing below 12 V."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """What tells whether a battery can be joined with another one: 0 cells are not known, nor is no voltage."""

    cells: int
    voltage: float | None = None

    @property
    def shown(self) -> float | None:
        """The voltage, None where it says nothing because the battery is off."""
        least = LEAST_CELL * (self.cells or FEWEST_CELLS)
        return None if self.voltage is None or self.voltage < least else self.voltage


def pack_of(reading: BatteryReading) -> Pack:
    """Return what a reading tells."""
    return Pack(cells=len(reading.cell_voltages), voltage=reading.voltage)


def can_be_joined(packs: Collection[Pack]) -> bool:
    """Return whether batteries can be in parallel, as far as one look at them tells."""
    return not any(_are_other(*pair) for pair in combinations(set(packs), 2))


def can_read_as_joined(readings: Collection[BatteryReading]) -> bool:
    """Return the same of what was read; a battery that is off says nothing then."""
    packs = [pack_of(each) for each in readings]
    return can_be_joined([each for each in packs if each.shown is not None])


def _are_other(one: Pack, other: Pack) -> bool:
    """Return whether two batteries are of other voltages; the cells tell where these do not."""
    cells_differ = (
        one.cells > 0
        and other.cells > 0
        and ratio(one.cells, other.cells) > OTHER_CELLS
    )
    if one.shown is None or other.shown is None:
        return cells_differ
    apart = ratio(one.shown, other.shown)
    return apart > OTHER_VOLTAGE or (cells_differ and apart > SAME_VOLTAGE)


def ratio(one: float, other: float) -> float:
    """Return how many times one is the other, whichever is larger."""
    return max(one, other) / min(one, other)
