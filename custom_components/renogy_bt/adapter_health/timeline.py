# SPDX-License-Identifier: Apache-2.0
"""The flight recorder of an adapter: what its health was fed with, so that it can be done again.

All of the last ten minutes is kept. Of what is older, only what stands around a change: ten
minutes before it, until it is over. Times are of the clock of the samples.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from .history import OwnSteps, StepResult
from .ladder import RecoveryLevel, RecoveryStep
from .samples import AdapterSample, Reason, Verdict

KEPT_BEFORE = 600.0
"""What goes before a change is kept for so long, s."""
LONGEST_PART = 300.0
MOST_LOOKS_OF_PART = 20
MOST_LOOKS = 160
"""Looks of one adapter; a sample takes about 2 KB of memory, and 0.4 KB in a file."""

type State = Mapping[str, Any]
"""The parts of an adapter's health by their names; each is immutable."""


@dataclass(frozen=True, slots=True)
class Look:
    """A sample, with what is judged and decided by other things than samples beside it."""

    sample: AdapterSample
    own: OwnSteps
    level: RecoveryLevel
    at: datetime
    verdict: Verdict
    reason: Reason
    step: RecoveryStep | None
    """The step that was decided on."""


@dataclass(frozen=True, slots=True)
class StepBegun:
    """A recovery step that began."""

    step: RecoveryStep
    at: datetime
    now: float
    requested: bool


@dataclass(frozen=True, slots=True)
class StepEnded:
    """The end of the step that was being taken."""

    now: float
    result: StepResult
    detail: str | None


type Entry = Look | StepBegun | StepEnded


@dataclass(slots=True, eq=False)
class Part:
    """A part of the timeline, and the state before it; `follows` the part before without a gap."""

    began_at: float
    state: State
    follows: bool
    entries: list[Entry] = field(default_factory=list)
    looks: int = 0
    has_changes: bool = False
    """A verdict has changed in it, or a step was taken."""
    is_troubled: bool = False
    """There was a fault in it."""

    def is_full(self, now: float) -> bool:
        """Whether what comes now is of the next part."""
        is_old = not 0.0 <= now - self.began_at < LONGEST_PART
        return is_old or self.looks >= MOST_LOOKS_OF_PART


@dataclass(slots=True)
class Timeline:
    """What happened to one adapter."""

    parts: list[Part] = field(default_factory=list)
    _is_cut: bool = True

    def cut(self) -> None:
        """Take note that what comes next does not follow what was."""
        self._is_cut = True

    def begin(self, now: float, state: Callable[[], State]) -> None:
        """Begin another part if it is time to; `state` gives the state before it."""
        if not self._is_cut and not self.parts[-1].is_full(now):
            return
        self._thin(now)
        follows, self._is_cut = not self._is_cut, False
        self.parts.append(Part(now, state(), follows))

    def looked(self, look: Look) -> None:
        """Keep a look."""
        part = self.parts[-1]
        before = self._verdict_before(part)
        part.entries.append(look)
        part.looks += 1
        part.has_changes |= before is not look.verdict
        part.is_troubled |= look.verdict.is_fault

    def stepped(self, entry: StepBegun | StepEnded) -> None:
        """Keep the beginning or the end of a step."""
        if self.parts:
            self.parts[-1].entries.append(entry)
            self.parts[-1].has_changes = True

    def kept(self, most: int) -> list[Part]:
        """Return the newest parts with so many looks together, the newest one at least."""
        kept: list[Part] = []
        for part in reversed(self.parts):
            most -= part.looks
            if most < 0 and kept:
                break
            kept.append(part)
        return kept[::-1]

    @staticmethod
    def _verdict_before(part: Part) -> Verdict | None:
        looks = (each for each in reversed(part.entries) if isinstance(each, Look))
        last = next(looks, None)
        if last is not None:
            return last.verdict
        judgement = part.state["memory"].judgement
        return None if judgement is None else judgement.verdict

    def _thin(self, now: float) -> None:
        """Drop what is far from any change, and what there is too much of, the oldest first."""
        kept: list[Part] = []
        changed_at = now
        for part in reversed(self.parts):
            if part.has_changes or changed_at - part.began_at <= (
                KEPT_BEFORE + LONGEST_PART
            ):
                kept.append(part)
            if part.has_changes:
                changed_at = part.began_at
        kept.reverse()
        looks = sum(part.looks for part in kept)
        while looks > MOST_LOOKS - MOST_LOOKS_OF_PART:
            dropped = next((each for each in kept if not each.has_changes), kept[0])
            kept.remove(dropped)
            looks -= dropped.looks
        numbers = [number for number, part in enumerate(self.parts) if part in kept]
        for before, number in pairwise([-2, *numbers]):
            self.parts[number].follows &= number == before + 1
        self.parts = kept
