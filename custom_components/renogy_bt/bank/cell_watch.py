# SPDX-License-Identifier: Apache-2.0
"""Whether a cell of a battery has departed from its other cells for hours.

Batteries tell their cells in steps of 0.1 V, cut off or rounded. Cells that differ by millivolts fall on both
sides of a step, for as long as the battery rests there: one step says nothing. Two steps are more than
0.1 V. Near full and near empty the voltage of a cell follows its charge so steeply that sound cells are
as far apart, and a large current adds what their resistances differ by; so only what is seen between
the ends, at little current, counts.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ..renogy.models import BatteryReading
from .sharing_watch import LONGEST_GAP

STEP: Final = 0.1
FAR: Final = 0.15
"""More than one step, less than two. Sound cells keep within 0.03 V where they are judged, V."""
LEVEL: Final = (3.15, 3.38)
"""The voltage of a cell that is well between full and empty, whatever the counter of the battery says, V."""
BETWEEN: Final = (15.0, 90.0)
"""Where a cell of 5 % less charge than the others hardly shows it, %."""
LITTLE: Final = 0.2
"""At a current of this share of the capacity per hour, the resistances of sound cells differ by some 0.01 V."""
LEAST_CELLS: Final = 3
"""Of two cells nobody knows which one departs."""
SPELL: Final = 6 * 3600.0
"""What was seen in so much time is judged at once, s."""
PART: Final = 0.05
"""A cell that is 0.12 V off is two steps off at a fifth of all voltages. One reading in a spell is less."""
SPELLS: Final = 2
"""So many in a row raise a notice: most of a day and a night."""
CALM_SPELLS: Final = 4
"""So many in a row end it; a cell that is just far enough off is not seen to be so in each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartedCell:
    """A cell that departs from the others, counted from 1: upwards or not, and at times by more than so much, in V."""

    cell: int
    is_higher: bool
    beyond: float


@dataclass(slots=True)
class _Record:
    """What was seen of the cells of one battery in this spell; `run` counts the last ones that said the same."""

    cells: int
    seconds: float = 0.0
    far: list[float] = field(default_factory=list)
    departed: list[float] = field(default_factory=list)
    suspect: int | None = None
    run: int = 0

    def begin(self) -> None:
        self.seconds = 0.0
        self.far = [0.0] * self.cells
        self.departed = [0.0] * self.cells

    def add(self, seconds: float, voltages: tuple[float, ...]) -> None:
        self.seconds += seconds
        if max(voltages) - min(voltages) < FAR:
            return
        for cell, departure in enumerate(departures(voltages)):
            if abs(departure) >= FAR:
                self.far[cell] += seconds
                self.departed[cell] += seconds * departure

    def end(self) -> DepartedCell | None:
        """Judge the spell: return the cell that was far from the others in as many spells as it takes."""
        most = max(range(self.cells), key=lambda cell: self.far[cell])
        suspect = most if self.far[most] >= PART * self.seconds else None
        self.run = self.run + 1 if suspect == self.suspect else 1
        self.suspect = suspect
        if suspect is None or self.run < SPELLS:
            return None
        told = self.departed[suspect] / self.far[suspect]
        return DepartedCell(
            cell=suspect + 1,
            is_higher=told > 0,
            # Steps show up to one step more than there is.
            beyond=max(abs(told) - STEP, STEP),
        )

    @property
    def is_calm(self) -> bool:
        return self.suspect is None and self.run >= CALM_SPELLS


class CellWatch[K]:
    """Watches the cells of batteries; `noticed` are the batteries that were noticed before."""

    def __init__(self, noticed: Iterable[K] = ()) -> None:
        """Begin without any reading."""
        self._noticed = set(noticed)
        self._records: dict[K, _Record] = {}
        self._at: dict[K, float] = {}

    @property
    def noticed(self) -> Collection[K]:
        """The batteries that have a cell that departs."""
        return self._noticed

    def forget(self, batteries: Iterable[K]) -> None:
        """Begin anew with batteries that are others now."""
        for key in batteries:
            self._noticed.discard(key)
            self._records.pop(key, None)

    def advance(
        self, at: float, readings: Mapping[K, BatteryReading]
    ) -> Mapping[K, DepartedCell]:
        """Take fresh readings at a time of a clock that never jumps (s); return what is news."""
        found: dict[K, DepartedCell] = {}
        for key, reading in readings.items():
            elapsed = min(at - self._at.get(key, at), LONGEST_GAP)
            self._at[key] = at
            voltages = reading.cell_voltages
            record = self._records.get(key)
            if record is None or record.cells != len(voltages):
                record = self._records[key] = _Record(len(voltages))
                record.begin()
            if elapsed <= 0 or not says_something(reading):
                continue
            record.add(elapsed, voltages)
            if record.seconds < SPELL:
                continue
            if (departed := record.end()) is not None:
                found[key] = departed
                self._noticed.add(key)
            elif record.is_calm:
                self._noticed.discard(key)
            record.begin()
        return found


def says_something(reading: BatteryReading) -> bool:
    """Return whether sound cells of a battery would be alike now."""
    cells = reading.cell_voltages
    return (
        len(cells) >= LEAST_CELLS
        and reading.current is not None
        and abs(reading.current) <= LITTLE * reading.total_capacity
        and BETWEEN[0] <= reading.state_of_charge <= BETWEEN[1]
        and LEVEL[0] <= sorted(cells)[len(cells) // 2] <= LEVEL[1]
    )


def departures(voltages: tuple[float, ...]) -> list[float]:
    """Return how far each cell is from the middle one, or from the nearer of the two in the middle, in V."""
    ordered = sorted(voltages)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return [min(each - low, 0.0) + max(each - high, 0.0) for each in voltages]
