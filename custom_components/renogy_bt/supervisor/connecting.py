"""Attempts to connect to links, which a recovery step breaks off."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

CLEAN_UP_LIMIT: Final = 10.0
"""How long an attempt that is broken off may take to take back what it has begun, s."""


class ConnectingBrokenOff(Exception):
    """An attempt to connect has made room for a recovery step."""


@dataclass(eq=False, slots=True)
class _Attempt:
    link: str
    going_on: asyncio.Timeout = field(default_factory=lambda: asyncio.timeout(None))
    cleaning_up: asyncio.Timeout = field(default_factory=lambda: asyncio.timeout(None))


class ConnectionAttempts:
    """The attempts that are under way: they have not led to a connection yet."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start with none; `clock` is that of the event loop."""
        self._clock = clock
        self._under_way: set[_Attempt] = set()

    @asynccontextmanager
    async def attempt(self, link: str) -> AsyncIterator[None]:
        """Have a connection to a link made within this context.

        Raises ConnectingBrokenOff when it is broken off: what was begun has been taken back
        then, unless that took too long, as with a bluetoothd that does not answer.
        """
        attempt = _Attempt(link)
        self._under_way.add(attempt)
        try:
            async with attempt.cleaning_up, attempt.going_on:
                yield
        except TimeoutError as error:
            if not attempt.going_on.expired():
                raise
            raise ConnectingBrokenOff from error
        finally:
            self._under_way.discard(attempt)

    def break_off(self, concerns: Callable[[str], bool]) -> None:
        """Break the attempts off that lead to certain links."""
        now = self._clock()
        for attempt in [each for each in self._under_way if concerns(each.link)]:
            self._under_way.discard(attempt)
            attempt.going_on.reschedule(now)
            attempt.cleaning_up.reschedule(now + CLEAN_UP_LIMIT)
