# SPDX-License-Identifier: Apache-2.0
"""Whether the signal of a link is too weak to read it, said calmly: not with each poll."""

from dataclasses import dataclass
from math import exp
from typing import Final

STEADY_SECONDS: Final = 1800.0
"""A signal that never carried a poll for so long is too weak, and a good one that did is not."""
SPAN_SECONDS: Final = 4 * 3600.0
"""Time that the share of polls in vain is taken over: fading comes and goes within minutes."""
MOST_IN_VAIN: Final = 0.5
LEAST_IN_VAIN: Final = 0.1
FORGOTTEN_SHARE: Final = 0.01
LONGEST_GAP: Final = 1800.0
"""After a longer gap between polls, nobody knows what happened in between."""


@dataclass(slots=True)
class WeakSignal:
    """Follows the polls of one link; times are of a clock that never jumps (s)."""

    is_on: bool = False
    """Whether the signal is too weak."""
    in_vain: float = 0.0
    """Share of the time of late in which the signal was weak and polls failed."""
    _polled_at: float | None = None
    _steady_since: float | None = None
    _was: bool | None = None

    @property
    def is_forgotten(self) -> bool:
        """Whether polls in vain are so long ago that they do not matter any more."""
        return not self.is_on and self.in_vain < FORGOTTEN_SHARE

    def polled(self, at: float, *, reached: bool, is_weak: bool | None) -> None:
        """Take note of a poll; `is_weak` is None where the strength is not known, or no excuse."""
        passed = 0.0 if self._polled_at is None else at - self._polled_at
        self._polled_at = at
        now = bool(is_weak) and not reached
        if passed > LONGEST_GAP or self._steady_since is None or now is not self._was:
            self._steady_since, self._was = at, now
        fading = exp(-max(min(passed, LONGEST_GAP), 0.0) / SPAN_SECONDS)
        self.in_vain = fading * self.in_vain + (1.0 - fading) * now
        is_steady = at - self._steady_since >= STEADY_SECONDS
        if now and (is_steady or self.in_vain >= MOST_IN_VAIN):
            self.is_on, self.in_vain = True, max(self.in_vain, MOST_IN_VAIN)
        elif self.in_vain <= LEAST_IN_VAIN or (
            is_steady and reached and is_weak is False
        ):
            self.is_on = False
