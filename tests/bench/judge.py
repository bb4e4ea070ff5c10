# SPDX-License-Identifier: Apache-2.0
"""Compares what a system publishes with the truth, and counts."""

from dataclasses import dataclass
from typing import Final

from .bank import FIRST_UNIT
from .dongle import Dongle
from .outages import Outages
from .systems import Published
from .truth import ELECTRICAL, Value, Values, truth_of, wrong_values

# A reading may be shown on for five minutes; after that it passes for a new one.
LONGEST_HELD_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """The truth that a battery was last read at, and when."""

    truth: dict[str, Value]
    at: float


class Judge:
    """Judges polls one after the other.

    A battery counts as read when everything is published that the polls in peace published
    of it. Values that are held are true when they were true at the poll that read them, and so
    is the rest where a poll read the electrical values alone.
    """

    def __init__(self, dongle: Dongle, batteries: int) -> None:
        """Expect this many batteries of the dongle."""
        self.outages = Outages()
        self._dongle = dongle
        self._units = range(FIRST_UNIT, FIRST_UNIT + batteries)
        self._usual: dict[int, int] = {}
        self._seen: dict[int, _Seen] = {}
        self._whole: dict[int, dict[str, Value]] = {}
        self._in_peace = True
        self._reset()

    def _reset(self) -> None:
        self.complete = self.partial = self.failed = 0
        self.readings = self.expected = 0
        self.held_readings = self.wrong_readings = self.wrong_values = 0

    def peace_ends(self) -> None:
        """Know by now what is usually published."""
        self._in_peace = False

    def count_from_here(self) -> None:
        """Count from zero; what was wrong before is wrong all the same."""
        wrong_readings, wrong_values = self.wrong_readings, self.wrong_values
        self._reset()
        self.wrong_readings, self.wrong_values = wrong_readings, wrong_values

    def judge(self, published: Published, now: float) -> None:
        """Take a poll's values; `now` is when they became known."""
        truths = {
            unit: truth_of(registers)
            for unit, registers in self._dongle.registers.items()
        }
        complete = fresh = 0
        for unit in self._units:
            values = published.values.get(unit, {})
            is_fresh = bool(values) and unit not in published.held
            is_complete = is_fresh and len(values) >= self._usual.get(unit, 0)
            self.outages.polled(unit, now, complete=is_complete)
            fresh += is_fresh
            complete += is_complete
        self._count_poll(complete, fresh)
        for unit, values in published.values.items():
            truth = truths.get(unit)
            if truth is not None and unit in published.live:
                truth = self._whole[unit] | {name: truth[name] for name in ELECTRICAL}
            elif truth is not None and unit not in published.held:
                self._whole[unit] = truth
            self._judge_values(unit, values, truth, now, held=unit in published.held)

    def _count_poll(self, complete: int, fresh: int) -> None:
        self.readings += complete
        self.expected += len(self._units)
        if complete == len(self._units):
            self.complete += 1
        elif fresh:
            self.partial += 1
        else:
            self.failed += 1

    def _judge_values(
        self,
        unit: int,
        values: Values,
        truth: dict[str, Value] | None,
        now: float,
        *,
        held: bool,
    ) -> None:
        if held:
            self.held_readings += 1
        elif truth is not None:
            if self._in_peace:
                self._usual[unit] = len(values)
            self._seen[unit] = _Seen(truth, now)
        wrong = self._wrong(unit, values, now)
        self.wrong_values += wrong
        self.wrong_readings += wrong > 0

    def _wrong(self, unit: int, values: Values, now: float) -> int:
        seen = self._seen.get(unit)
        if seen is None or now - seen.at > LONGEST_HELD_SECONDS:
            return len(values)
        return wrong_values(values, seen.truth)
