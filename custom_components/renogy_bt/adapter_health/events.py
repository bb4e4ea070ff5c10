# SPDX-License-Identifier: Apache-2.0
"""How many events of an adapter are told: a budget a day, the last of it for what is new."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Self

from .samples import DAY, HOUR
from .status import EventKind
from .troubles import Trouble

MOST_EVENTS = 12
"""Events of one adapter within a day."""
FOR_STEPS = 7
"""So many of them may tell of steps and their results."""
FOR_REPEATS = 8
"""Once there were so many, a kind of trouble that was told within the day is not told again."""
FOR_SUMMARIES = 10
"""The same for what sums up an hour or a whole trouble: that it comes again, and the end."""
SUMMARY_EVERY = DAY / (FOR_SUMMARIES - FOR_REPEATS)
"""What is told again in a day is spread over it, s."""
MOST_DETECTIONS = 120
_NONE: Mapping[Trouble, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBudget:
    """The events of the last day, and whether the end of a trouble is still to be told."""

    told: tuple[float, ...] = ()
    kinds: Mapping[Trouble, float] = field(default_factory=lambda: _NONE)
    """When each kind of trouble was last told."""
    owes_end: bool = False
    """A trouble was told and its end was not: that one event is always left."""
    summed_at: float | None = None
    detections: tuple[float, ...] = ()
    """When something was detected in the last hour, whether or not that was told."""

    def detected(self, trouble: Trouble, at: float) -> tuple[Self, EventKind | None]:
        """The budget after a fault was found, and what is told of that."""
        recent = tuple(when for when in self.detections if 0.0 <= at - when < HOUR)
        budget = replace(self, detections=(*recent, at)[-MOST_DETECTIONS:])
        known_at = self.kinds.get(trouble)
        is_new = known_at is None or at - known_at >= DAY
        if budget.spent(at) < (MOST_EVENTS - 1 if is_new else FOR_REPEATS):
            kinds = MappingProxyType({**self.kinds, trouble: at})
            return (
                replace(budget.telling(at), kinds=kinds, owes_end=True),
                EventKind.DETECTED,
            )
        is_due = self.summed_at is None or at - self.summed_at >= SUMMARY_EVERY
        if is_due and budget.spent(at) < FOR_SUMMARIES:
            return replace(budget.telling(at), summed_at=at), EventKind.RECURRING
        return budget, None

    def happened(self, kind: EventKind, at: float) -> tuple[Self, bool]:
        """The budget after something else happened, and whether that is told."""
        match kind:
            case EventKind.RECOVERED:
                most = MOST_EVENTS if self.owes_end else FOR_STEPS
            case EventKind.GAVE_UP:
                most = FOR_SUMMARIES
            case _:
                most = FOR_STEPS
        budget = replace(self, owes_end=False) if kind is EventKind.RECOVERED else self
        if self.spent(at) >= most:
            return budget, False
        return budget.telling(at), True

    def spent(self, at: float) -> int:
        """How many events were told within the last day."""
        return sum(at - told < DAY for told in self.told)

    def telling(self, at: float) -> Self:
        """The budget after one more event was told."""
        recent = tuple(told for told in self.told if at - told < DAY)
        return replace(self, told=(*recent, at))
