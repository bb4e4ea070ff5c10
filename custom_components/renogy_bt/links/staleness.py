# SPDX-License-Identifier: Apache-2.0
"""A watch over the age of values that does not depend on a poll having failed."""

import asyncio
from collections.abc import Callable
from typing import Final

from ..const import DEFAULT_UPDATE_INTERVAL
from ..renogy.link import POLL_SECONDS
from ..renogy.transport import DISCONNECT_SECONDS, LONGEST_CONNECT_SECONDS

LONGEST_POLL: Final = 2 * DISCONNECT_SECONDS + LONGEST_CONNECT_SECONDS + POLL_SECONDS
"""A poll waits for the last disconnect, for its connection and a repair meanwhile, and reads, s."""
SLACK: Final = 20.0
"""Two polls are never further apart than an interval, the longest poll and this, s."""


def longest_pause(interval: float) -> float:
    """Return how long the values of a poll are shown while no other poll ends, s.

    By the default interval that is five minutes, as long as the library holds a reading. A link
    that is polled every few seconds is polled every minute at times, when it is let go.
    """
    return max(interval, DEFAULT_UPDATE_INTERVAL) + LONGEST_POLL + SLACK


class Staleness:
    """Tells that no poll of one link has ended for too long, whatever the reason is."""

    def __init__(self, interval: float, too_old: Callable[[], None]) -> None:
        """Prepare; `too_old` is called when what was last read is not to be shown any more."""
        self._loop = asyncio.get_running_loop()
        self._seconds = longest_pause(interval)
        self._too_old = too_old
        self._timer: asyncio.TimerHandle | None = None

    def poll_ended(self) -> None:
        """Take note that a poll has ended: it tells itself what may be shown."""
        self.stop()
        self._timer = self._loop.call_later(self._seconds, self._too_old)

    def stop(self) -> None:
        """Watch no longer, until another poll ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
