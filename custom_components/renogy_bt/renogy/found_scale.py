# SPDX-License-Identifier: Apache-2.0
"""The scale of one battery's current: the table's, what was measured, what the user said."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from .current_scale import DIVISORS, ChargeSample, ScaleEvidence


class ScaleSource(StrEnum):
    """From where the scale of a battery's current is known.

    `CONTRADICTED` is no scale to use: what was measured contradicts what was believed.
    `SETTLED` is the user's word on a contradiction, and final.
    """

    MEASURED = "measured"
    TOLD = "told"
    CONTRADICTED = "contradicted"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundScale:
    """What was found of the scale of one battery's current: so many counts are one ampere."""

    divisor: int
    source: ScaleSource

    @classmethod
    def from_stored(cls, divisor: Any, source: Any) -> Self | None:
        """Return what was stored, None where it cannot be what was found."""
        if divisor not in DIVISORS or source not in list(ScaleSource):
            return None
        return cls(divisor=int(divisor), source=ScaleSource(source))

    @property
    def used_divisor(self) -> int | None:
        """The number of counts in one ampere, None while that is contradicted."""
        return None if self.source is ScaleSource.CONTRADICTED else self.divisor


def used_divisor(table: int | None, found: FoundScale | None) -> int | None:
    """Return the counts in one ampere by what was found, or else by the table of families."""
    return table if found is None else found.used_divisor


def judged(
    table: int | None, found: FoundScale | None, measured: int | None
) -> FoundScale | None:
    """Return what is found of a scale after a measurement, None where the table is enough."""
    if (
        found is not None
        and found.source is ScaleSource.CONTRADICTED
        and found.divisor == table
    ):
        # The table has come to agree: the name is known by now, for instance.
        found = None
    if measured is None:
        return found
    if found is None:
        believed = table
    elif found.source is ScaleSource.SETTLED or found.divisor == measured:
        return found
    elif found.source is ScaleSource.CONTRADICTED:
        # The measurement has come back to the table.
        believed = table
    else:
        believed = found.divisor
    if believed == measured:
        return None
    source = ScaleSource.MEASURED if believed is None else ScaleSource.CONTRADICTED
    return FoundScale(divisor=measured, source=source)


def told(found: FoundScale | None, divisor: int) -> FoundScale:
    """Return what the user says of a scale, after what was found so far."""
    is_final = found is not None and found.source in {
        ScaleSource.CONTRADICTED,
        ScaleSource.SETTLED,
    }
    return FoundScale(
        divisor=divisor, source=ScaleSource.SETTLED if is_final else ScaleSource.TOLD
    )


class BatteryScale:
    """Follows the scale of one battery's current.

    `table` is the number of counts in one ampere by the table of families, None where that is
    not proven; `found` is what was found besides.
    """

    def __init__(self, table: int | None, found: FoundScale | None) -> None:
        """Begin with what was measured before, if anything was."""
        self.found = judged(table, found, None)
        self._table = table
        is_measured = found is not None and found.source is ScaleSource.MEASURED
        self._evidence = ScaleEvidence(
            measured=found.divisor if found is not None and is_measured else None
        )

    @property
    def divisor(self) -> int | None:
        """The number of counts in one ampere, None while that is not known."""
        return used_divisor(self._table, self.found)

    @property
    def is_in_question(self) -> bool:
        """Whether the scale is not known, or about to be contradicted."""
        return not self._is_settled and self._evidence.is_in_question(self.divisor)

    @property
    def _is_settled(self) -> bool:
        return self.found is not None and self.found.source is ScaleSource.SETTLED

    def missed(self) -> None:
        """Take note of a poll that brought nothing."""
        self._evidence = self._evidence.interrupted()

    def take(self, sample: ChargeSample) -> None:
        """Take a poll; what the user has settled is measured no more."""
        if self._is_settled:
            return
        self._evidence = self._evidence.advanced(sample)
        self.found = judged(self._table, self.found, self._evidence.measured)

    def tell(self, divisor: int) -> None:
        """Take the user's word."""
        self.found = told(self.found, divisor)
        self._evidence = ScaleEvidence()

    def forget(self) -> None:
        """Begin anew: this is another battery."""
        self.found = None
        self._evidence = ScaleEvidence()

    def diagnostics(self) -> dict[str, Any]:
        """Return what is used and why."""
        return {
            "divisor": self.divisor,
            "table_divisor": self._table,
            "found": None if self.found is None else str(self.found.source),
            **self._evidence.diagnostics(),
        }
