# SPDX-License-Identifier: Apache-2.0
"""When a link that could not be read is tried again, before its next regular poll is due."""

from dataclasses import dataclass
from typing import Final

RETRY_SECONDS: Final = 30.0
"""Pause after the first poll that did not reach the link, doubled with each further one."""
HEARD_RETRY_SECONDS: Final = 5.0
"""The same for a link that is heard; only polls that began for that reason double it."""
NEW_RETRY_SECONDS: Final = 30.0
"""The longest pause of a link that is heard and has not failed for long, s."""
NEW_SECONDS: Final = 900.0
"""So long a failure is new: most hang-ups of proxies and adapters are over by then, s."""
LONGEST_RETRY_SECONDS: Final = 300.0
LONGEST_SELDOM_HEARD_RETRY_SECONDS: Final = 60.0
"""The same for a link that is heard, but seldom, where its interval is shorter, s."""
LONGEST_SILENT_RETRY_SECONDS: Final = 60.0
"""The longest pause of a kept link whose batteries are silent, where its interval is shorter, s."""


@dataclass(slots=True)
class Retries:
    """How the last polls of one link failed; times are of a clock that never jumps, s.

    `heard_from` is the time from which the link is polled as soon as it is heard, None as long
    as its polls succeed. `pause` is how long a link waits that is polled more often, 0 as long as
    its polls succeed.
    """

    interval: float
    heard_from: float | None = None
    is_for_hearing: bool = False
    pause: float = 0.0
    _silences: int = 0
    _failing_since: float | None = None
    _failures: int = 0
    _heard_in_vain: int = 0
    _works_at: float = float("-inf")

    def is_due(self, at: float) -> bool:
        """Tell whether a link that is heard now is to be polled for that."""
        return self.heard_from is not None and at >= self.heard_from

    def reached(self) -> float | None:
        """Take note that the link was read; return since when it had failed, None if never."""
        since, self._failing_since = self._failing_since, None
        self.heard_from = None
        self._failures = self._heard_in_vain = self._silences = 0
        self.pause = 0.0
        return since

    def unreached(
        self,
        at: float,
        began_at: float,
        *,
        is_heard_seldom: bool = False,
        was_tried: bool = True,
    ) -> float:
        """Take note of a poll that did not reach the link; return the pause before the next.

        Where a link is heard seldom, that it is heard again brings no poll for minutes. Where
        nothing was tried because the link was not heard, its first advertisement brings one.
        """
        first = min(RETRY_SECONDS, self.interval)
        longest = LONGEST_RETRY_SECONDS
        if is_heard_seldom:
            usual = max(self.interval, LONGEST_SELDOM_HEARD_RETRY_SECONDS)
            longest = min(usual, longest)
        pause = min(first * 2.0**self._failures, longest)
        self._failures = min(self._failures + 1, 10)
        self._failed(at, began_at)
        if not was_tried and not self.is_for_hearing:
            self.heard_from = at
        self.pause = pause
        return pause

    def silent(self, at: float, began_at: float) -> float:
        """Take note of a poll that connected and got no answer.

        Return the pause of a link that is polled every few seconds; others keep their time.
        """
        self._failures = 0
        longest = max(self.interval, LONGEST_SILENT_RETRY_SECONDS)
        self.pause = min(self.interval * 2.0**self._silences, longest)
        self._silences = min(self._silences + 1, 10)
        self._failed(at, began_at)
        return self.pause

    def path_works(self, at: float, failing_since: float | None = None) -> bool:
        """Take note that an adapter or proxy works again; tell whether to poll the link now.

        Where another link noticed it, `failing_since` is when that link began to fail: a link
        that failed long before it has a trouble of its own.
        """
        if self._failing_since is None or (
            failing_since is not None
            and self._failing_since
            < failing_since - self.interval - LONGEST_RETRY_SECONDS
        ):
            return False
        self._heard_in_vain = 0
        self.heard_from = self._works_at = at
        return True

    def _failed(self, at: float, began_at: float) -> None:
        if self._failing_since is None:
            self._failing_since = at
        self._heard_in_vain = min(self._heard_in_vain + self.is_for_hearing, 10)
        is_new = at - self._failing_since < NEW_SECONDS
        longest = NEW_RETRY_SECONDS if is_new else LONGEST_RETRY_SECONDS
        pause = min(HEARD_RETRY_SECONDS * 2.0**self._heard_in_vain, longest)
        # A poll over the path as it was before says nothing about the path as it is now.
        self.heard_from = at if self._works_at >= began_at else at + pause
