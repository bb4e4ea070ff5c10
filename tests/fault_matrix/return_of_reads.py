# SPDX-License-Identifier: Apache-2.0
"""When the batteries are really read again after a fault, and not just once more."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

# One poll a minute, and what it may take itself: a longer gap means that a poll failed.
LONGEST_GAP: Final = timedelta(seconds=100)
# So long readings must go on: what bleak remembers of a device works once more after a fault.
LASTING: Final = timedelta(seconds=150)


@dataclass(slots=True)
class ReturnOfReads:
    """Follows the times at which every battery had last been read.

    A reading counts when it ends after the fault began (or, where the fault is taken away, after
    its end) and when readings go on from there.
    """

    began: datetime
    _first: datetime | None = None
    _last: datetime | None = None

    def note(self, read: datetime | None) -> None:
        """Take note of when every battery had last been read."""
        if read is None or read <= self.began or read == self._last:
            return
        if self._last is None or read - self._last > LONGEST_GAP:
            self._first = read
        self._last = read

    @property
    def seconds(self) -> float | None:
        """How long it took until the batteries were read for good; None if they are not yet."""
        if self._first is None or self._last is None:
            return None
        if self._last - self._first < LASTING:
            return None
        return (self._first - self.began).total_seconds()
