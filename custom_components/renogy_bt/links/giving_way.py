# SPDX-License-Identifier: Apache-2.0
"""When a link that is kept connected gives its connection slot to others.

Home Assistant does not tell who waits for a slot, only how many are free. Where none has been free
for a while the link gives way: it is connected to for each poll then, and seldom, until the pause
is over. What comes of it decides on the next time: where somebody took the slot the pause grows,
where nobody did the link keeps its slot for longer before it gives way again.
"""

from dataclasses import dataclass, replace
from typing import Final, Self

FULL_SECONDS: Final = 60.0
"""No slot has been free for so long: others may wait for one. A connection that only reads
something is over by then, s."""
SHORTEST_PAUSE: Final = 60.0
"""Long enough for who tries again every few seconds, s."""
LONGEST_PAUSE: Final = 900.0
LONGEST_PATIENCE: Final = 3600.0
CALM_SECONDS: Final = 3600.0
"""A link that has not given way for so long begins anew, s."""
PAUSED_INTERVAL: Final = 60.0
"""How often a link is polled that gives way: the usual interval, s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a link gives way; times are of one clock, s. `until` is the end of the pause."""

    full_since: float | None = None
    until: float | None = None
    ended_at: float | None = None
    pause: float = SHORTEST_PAUSE
    patience: float = FULL_SECONDS
    was_taken: bool = False

    @property
    def gives_way(self) -> bool:
        """Whether the link leaves its slot to others now."""
        return self.until is not None

    def seen(self, at: float, *, full: bool) -> Self:
        """Return the manners after a look at the slots: whether none is free."""
        if self.until is not None:
            taken = self.was_taken or full
            if at < self.until:
                return replace(self, was_taken=taken)
            return self._after_pause(at, taken=taken)
        if not full:
            return replace(self, full_since=None)
        since = at if self.full_since is None else self.full_since
        if at - since < self.patience:
            return replace(self, full_since=since)
        return self._giving_way(at)

    def _giving_way(self, at: float) -> Self:
        is_calm = self.ended_at is None or at - self.ended_at >= CALM_SECONDS
        pause = SHORTEST_PAUSE if is_calm else self.pause
        return replace(
            self, full_since=None, until=at + pause, pause=pause, was_taken=False
        )

    def _after_pause(self, at: float, *, taken: bool) -> Self:
        return replace(
            self,
            until=None,
            ended_at=at,
            pause=min(LONGEST_PAUSE, 2 * self.pause) if taken else SHORTEST_PAUSE,
            patience=FULL_SECONDS
            if taken
            else min(LONGEST_PATIENCE, 2 * self.patience),
        )
