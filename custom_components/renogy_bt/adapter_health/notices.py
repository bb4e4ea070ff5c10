# SPDX-License-Identifier: Apache-2.0
"""When the user is told of a trouble, and when no longer: calmly, and only a few times a day.

A trouble begins with a fault and is over once nothing has been wrong for a while; what is told of
it does not follow each turn of the verdict. However an adapter behaves, its notice changes
`MOST_CHANGES` times a day at most. The last of these changes is kept for something new: a notice
goes, or is worded anew, only while a further change is left.
"""

from dataclasses import dataclass, replace
from typing import Self

from .samples import DAY, HOUR, Judgement, Verdict
from .status import Notice
from .troubles import Fault, Trouble

MOST_CHANGES = 4
TOLD_AFTER = 240.0
"""Two cycles of Home Assistant's watchdog: by then a trouble would have mended itself, s."""
TOLD_EARLY = 60.0
"""What no step can mend is told so soon; a restart or another port takes less, s."""
OVER_AFTER = 300.0
"""A trouble that stays away for so long is over: relapses come sooner, s."""
REWORDED_AFTER = HOUR
"""A notice stays as it is for so long, unless something else is to be told, s."""
NEEDS_LIFE = frozenset({Verdict.SILENT, Verdict.CONNECTS_FAILING})
"""Verdicts that are not over while nothing is heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """The notice about one adapter, and how often it has changed."""

    notice: Notice | None = None
    changes: tuple[float, ...] = ()
    """When the notice changed within the last day, oldest first."""
    troubled_since: float | None = None
    """Since when there has been a trouble of any kind."""
    kind: Trouble | None = None
    kind_since: float | None = None
    """Since when the trouble has been of its present kind."""
    calm_since: float | None = None
    """Since when nothing has been wrong, while the trouble is not over yet."""

    @property
    def is_troubled(self) -> bool:
        """Whether a trouble is not over yet."""
        return self.troubled_since is not None

    def in_trouble(self, fault: Fault) -> Self:
        """The notices with a fault that is there now."""
        looked = replace(self, calm_since=None)
        if self.kind is not fault.trouble or self.kind_since is None:
            looked = replace(looked, kind=fault.trouble, kind_since=fault.since)
        since = self.troubled_since
        since = fault.since if since is None else min(since, fault.since)
        return replace(looked, troubled_since=since)

    def without_fault(self, judgement: Judgement, at: float) -> Self:
        """The notices while no fault is there: a trouble that stays away is over."""
        if not self.is_troubled or self._is_undecided(judgement):
            return self
        calm_since = at if self.calm_since is None else self.calm_since
        if at - calm_since < OVER_AFTER:
            return replace(self, calm_since=calm_since)
        if self.notice is None:
            return self.solved()
        if self.left(at) < 2:
            return replace(self, calm_since=calm_since)
        return self.solved().changed(None, at)

    def solved(self) -> Self:
        """The notices once the trouble is over.

        It does not count as a change that a notice goes because the user has solved it.
        """
        return replace(
            self, notice=None, troubled_since=None, kind=None, calm_since=None
        )

    def telling(self, notice: Notice, at: float, *, is_end: bool) -> Self:
        """The notices when the user should know what a notice says, if it is time for it."""
        assert self.troubled_since is not None
        assert self.kind_since is not None
        wait = TOLD_EARLY if is_end else TOLD_AFTER
        shown, left = self.notice, self.left(at)
        if shown is None:
            due = at - self.troubled_since >= wait
        elif shown.trouble is not notice.trouble:
            due = at - self.kind_since >= TOLD_AFTER and left >= 1
        else:
            notice = replace(notice, since=shown.since)
            worn = not self.changes or at - self.changes[-1] >= REWORDED_AFTER
            counts = notice.count > 0 == shown.count
            due = counts or (notice != shown and worn and left >= 3)
        return self.changed(notice, at) if due and left >= 1 else self

    def _is_undecided(self, judgement: Judgement) -> bool:
        """Whether it cannot be told yet whether the trouble is over."""
        if judgement.verdict is Verdict.STARTING:
            return True
        shown = self.notice
        return (
            judgement.verdict is Verdict.QUIET
            and shown is not None
            and shown.verdict in NEEDS_LIFE
        )

    def left(self, at: float) -> int:
        """How many changes are left of those of a day."""
        return MOST_CHANGES - sum(at - changed < DAY for changed in self.changes)

    def changed(self, notice: Notice | None, at: float) -> Self:
        """The notices after one more change."""
        recent = tuple(changed for changed in self.changes if at - changed < DAY)
        return replace(self, notice=notice, changes=(*recent, at))
