"""Taking turns in connecting: a controller makes one connection at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class TurnIsOver(Exception):
    """Another link wanted to connect, and this one had its time."""


class ConnectingTurns:
    """One link at a time may connect; one that takes long keeps no other one waiting.

    A turn that takes longer than its patience is broken off as soon as another link waits:
    so a link that does not answer delays nobody.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin with nobody connecting; `clock` is that of the event loop."""
        self._clock = clock
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._running: asyncio.Timeout | None = None
        self._patient_until = 0.0

    @asynccontextmanager
    async def turn(self, patience: float) -> AsyncIterator[None]:
        """Have a connection made within this context, undisturbed for `patience` seconds.

        Raises TurnIsOver when it took longer and another link waited.
        """
        self._waiting += 1
        self._hurry()
        try:
            await self._lock.acquire()
        finally:
            self._waiting -= 1
        try:
            async with asyncio.timeout(None) as self._running:
                self._patient_until = self._clock() + patience
                if self._waiting:
                    self._hurry()
                yield
        except TimeoutError as error:
            if self._running is None or not self._running.expired():
                raise
            raise TurnIsOver from error
        finally:
            self._running = None
            self._lock.release()

    def _hurry(self) -> None:
        """Let the running turn end when its patience is over."""
        if self._running is not None:
            self._running.reschedule(max(self._clock(), self._patient_until))
