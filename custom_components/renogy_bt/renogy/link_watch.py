# SPDX-License-Identifier: Apache-2.0
"""What has been wrong with a link for so long that its owner should know."""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

UNREACHABLE_SECONDS: Final = 1800.0
# After a longer gap between polls, nobody knows what happened in between.
LONGEST_GAP: Final = 1800.0

# A battery has to be silent so long before the link is probed: most are just switched off.
SILENT_SECONDS: Final = 900.0
FIRST_PROBE_PAUSE: Final = 6 * 3600.0
LONGEST_PROBE_PAUSE: Final = 24 * 3600.0

# So many garbled answers in the window, over at least so long, are no chance.
GARBLED_ANSWERS: Final = 4
GARBLED_SECONDS: Final = 600.0
GARBLED_WINDOW: Final = 3600.0
# One change is a new battery; repeated changes are two batteries with one unit id.
CHANGES: Final = 3
CHANGES_WINDOW: Final = 24 * 3600.0
# Batteries that take turns have ceased to when one of them has answered for so long without a
# change, and for so many times the longest pause that there was between two changes.
CALM_SECONDS: Final = 3600.0
CALM_PAUSES: Final = 3


class TroubleKind(StrEnum):
    """What can be wrong with a link."""

    UNREACHABLE = "unreachable"
    WEAK_SIGNAL = "weak_signal"
    IDS_CHANGED = "ids_changed"
    IDS_COLLIDE = "ids_collide"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTrouble:
    """What is wrong, and the unit ids that it is about.

    `silent` are ids of the bank that do not answer, `others` ids that do, or that several
    batteries seem to have.
    """

    kind: TroubleKind
    silent: tuple[int, ...] = ()
    others: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PollOutcome:
    """What one poll of a link brought, by unit id.

    A link that was not `reached` may be `excused`: something else is to blame. The signal of a
    link may be `too_weak`, which shows in many polls, not in this one alone. `silent` are
    the unit ids without an answer, `garbled` the unit ids whose answers were not frames,
    `changed` the unit ids that another battery than before answered for, `unconfirmed` those
    for which one did that may do so only once.
    """

    reached: bool
    excused: bool = False
    too_weak: bool = False
    answering: Collection[int] = ()
    silent: Collection[int] = ()
    garbled: Collection[int] = ()
    changed: Collection[int] = ()
    unconfirmed: Collection[int] = ()


class LinkWatch:
    """Follows the polls of one link; times are of a clock that never jumps (s).

    A silent battery is no trouble of the link: it may be switched off or away. Its unit id has
    changed only if a battery that is not set up answers. So the link is probed while a battery
    is silent, but seldom, because a probe keeps the radio busy.
    """

    def __init__(self, units: Iterable[int]) -> None:
        """Begin with the unit ids that the link should have."""
        self.units = frozenset(units)
        self._polled_at: float | None = None
        self._unreached_since: float | None = None
        self._silent_since: dict[int, float] = {}
        self._strangers: frozenset[int] = frozenset()
        self._probe_from = 0.0
        self._probe_pause = FIRST_PROBE_PAUSE
        self._garbled_at: dict[int, deque[float]] = {}
        self._changed_at: dict[int, deque[float]] = {}
        self._steady_since: dict[int, float] = {}
        self._unconfirmed: frozenset[int] = frozenset()
        self._is_reached = False
        self._is_too_weak = False

    def polled(self, at: float, poll: PollOutcome) -> None:
        """Take note of a poll."""
        if self._polled_at is not None and at - self._polled_at > LONGEST_GAP:
            self._unreached_since = None
        self._polled_at = at
        self._is_reached, self._is_too_weak = poll.reached, poll.too_weak
        if poll.reached or poll.excused:
            self._unreached_since = None
        elif self._unreached_since is None:
            self._unreached_since = at
        steady = {*poll.answering} - {*poll.changed, *poll.unconfirmed}
        self._steady_since = {unit: self._steady_since.get(unit, at) for unit in steady}
        for unit in poll.answering:
            self._silent_since.pop(unit, None)
            self._garbled_at.pop(unit, None)
        for unit in poll.silent:
            self._silent_since.setdefault(unit, at)
        for unit in poll.garbled:
            _note(self._garbled_at, unit, at, GARBLED_WINDOW)
        # What was seen a poll ago and is confirmed now is one change.
        for unit in {*poll.unconfirmed, *poll.changed} - (
            self._unconfirmed - frozenset(poll.unconfirmed)
        ):
            _note(self._changed_at, unit, at, CHANGES_WINDOW)
        self._unconfirmed = frozenset(poll.unconfirmed)
        if not self._silent_since:
            self._strangers = frozenset()
            self._probe_from, self._probe_pause = 0.0, FIRST_PROBE_PAUSE

    def is_probe_due(self) -> bool:
        """Return whether it is time to probe the link."""
        at = self._polled_at
        return (
            at is not None
            and self._is_reached
            and at >= self._probe_from
            and any(
                at - since >= SILENT_SECONDS for since in self._silent_since.values()
            )
        )

    def probe_begins(self) -> None:
        """Take note that a probe begins, whatever its result."""
        assert self._polled_at is not None
        self._probe_from = self._polled_at + self._probe_pause
        self._probe_pause = min(2 * self._probe_pause, LONGEST_PROBE_PAUSE)

    def probed(self, found: Collection[int]) -> None:
        """Take note of the unit ids that a probe found."""
        self._strangers = frozenset(found) - self.units
        for unit in found:
            self._silent_since.pop(unit, None)

    def rescanned(self, found: Collection[int]) -> None:
        """Begin anew with unit ids that collided, after their owner looked for batteries.

        The owner has seen to the cables before. If that has not helped, it shows again.
        """
        for unit in found:
            self._garbled_at.pop(unit, None)
            self._changed_at.pop(unit, None)

    @property
    def trouble(self) -> LinkTrouble | None:
        """The trouble that the owner of the link should know, or None."""
        at = self._polled_at
        if at is None:
            return None
        if self._is_too_weak:
            return LinkTrouble(kind=TroubleKind.WEAK_SIGNAL)
        if (
            self._unreached_since is not None
            and at - self._unreached_since >= UNREACHABLE_SECONDS
        ):
            return LinkTrouble(kind=TroubleKind.UNREACHABLE)
        silent = tuple(sorted(self._silent_since))
        if colliding := self._colliding(at):
            return LinkTrouble(
                kind=TroubleKind.IDS_COLLIDE, silent=silent, others=colliding
            )
        if self._strangers and silent:
            return LinkTrouble(
                kind=TroubleKind.IDS_CHANGED,
                silent=silent,
                others=tuple(sorted(self._strangers)),
            )
        return None

    def _colliding(self, at: float) -> tuple[int, ...]:
        """Return the unit ids that several batteries seem to have."""
        garbled = {
            unit
            for unit, times in self._garbled_at.items()
            if len(times) >= GARBLED_ANSWERS
            and times[-1] - times[0] >= GARBLED_SECONDS
            and at - times[-1] <= GARBLED_WINDOW
        }
        changing = {
            unit
            for unit, times in self._changed_at.items()
            if sum(at - each <= CHANGES_WINDOW for each in times) >= CHANGES
            and not self._is_calm(at, unit, times)
        }
        return tuple(sorted(garbled | changing))

    def _is_calm(self, at: float, unit: int, changes: Sequence[float]) -> bool:
        """Return whether one battery alone has answered for long enough."""
        longest = max(later - earlier for earlier, later in pairwise(changes))
        steady = at - self._steady_since.get(unit, at)
        return steady > max(CALM_SECONDS, CALM_PAUSES * longest)


def _note(times: dict[int, deque[float]], unit: int, at: float, window: float) -> None:
    """Note a time for a unit id, and forget the times before the window."""
    noted = times.setdefault(unit, deque())
    noted.append(at)
    while at - noted[0] > window:
        noted.popleft()
