"""What pollers ask before and tell after each poll."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class PollGate(Protocol):
    """Holds pollers off while an adapter is being repaired."""

    async def ready(self, link: str) -> None:
        """Return when a link may be polled; bounded, even if a step should hang."""

    def connecting(self, link: str) -> AbstractAsyncContextManager[None]:
        """Have a connection to a link made within this context.

        Raises ConnectingBrokenOff if an adapter that it may go through is repaired, or begins
        to be: it would be in the way of that, and come to nothing by it.
        """

    def poll_started(self, link: str) -> None:
        """Take note that a poll of a link begins."""

    def poll_ended(self, link: str, *, connected: bool) -> bool:
        """Take note that a poll is over, and whether the link could be connected to.

        Returns True if a failure is excused: a recovery step ran meanwhile.
        """

    def polling_paused(self, link: str) -> None:
        """Take note that a link is not polled until a poll of it begins again.

        What came of its last polls means nothing any more.
        """

    def async_add_poll_listener(
        self, callback: Callable[[], None]
    ) -> Callable[[], None]:
        """Have something called when polling at once makes sense; returns how to stop that."""
