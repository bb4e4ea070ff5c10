"""Holds pollers off while an adapter is repaired, and has them poll when that makes sense."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
import logging
from typing import Final, override

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .connecting import ConnectingBrokenOff, ConnectionAttempts
from .link_records import LinkRecords
from .poll_gate import PollGate
from .sampling import async_may_connect_through

_LOGGER = logging.getLogger(__name__)

READY_LIMIT: Final = 120.0
POLLS_LIMIT: Final = 3.0
"""How long a step waits for polls to end before it takes the adapter from them, s."""
POLL_AFTER: Final = 10.0
"""A poll that waits for an advertisement does so no longer, s."""


class Pollers(PollGate):
    """The banks that poll, as seen by the supervisor."""

    def __init__(
        self, hass: HomeAssistant, records: LinkRecords, wake: Callable[[], None]
    ) -> None:
        """Let everybody poll; `wake` is called when a look at the adapters is worth it."""
        self._hass = hass
        self._loop = hass.loop
        self._records = records
        self._wake = wake
        self.only_source: Callable[[], str | None] = lambda: None
        """Tells the source that every poll goes through, if there is only one."""
        self._open = asyncio.Event()
        self._open.set()
        self._held_for: str | None = None
        self._held_at = 0.0
        self._attempts = ConnectionAttempts(hass.loop.time)
        self._steps = 0
        self._timer: asyncio.TimerHandle | None = None
        self._listeners: list[Callable[[], None]] = []

    @override
    async def ready(self, link: str) -> None:
        try:
            async with asyncio.timeout(READY_LIMIT):
                await self._open.wait()
        except TimeoutError:
            _LOGGER.debug("%s: Not held off any longer", link)

    @override
    @asynccontextmanager
    async def connecting(self, link: str) -> AsyncIterator[None]:
        if self._is_held_off(link):
            raise ConnectingBrokenOff
        async with self._attempts.attempt(link):
            yield

    def _is_held_off(self, link: str) -> bool:
        """Tell whether a link should not be connected to, as long as `ready` holds it off."""
        return (
            self._held_for is not None
            and self._loop.time() - self._held_at < READY_LIMIT
            and async_may_connect_through(self._hass, self._held_for, link)
        )

    @override
    @callback
    def poll_started(self, link: str) -> None:
        # A step in the middle of which a poll begins disturbs it as well.
        before = self._steps if self._open.is_set() else self._steps - 1
        self._records.poll_started(link.upper(), self._loop.time(), before)

    @override
    @callback
    def poll_ended(self, link: str, *, connected: bool) -> bool:
        excused = self._records.poll_ended(
            link.upper(),
            self._loop.time(),
            connected=connected,
            only_source=self.only_source() if connected else None,
            steps=self._steps,
        )
        if not connected:
            self._wake()
        return excused

    @override
    @callback
    def polling_paused(self, link: str) -> None:
        self._records.polling_paused(link.upper())

    @override
    @callback
    def async_add_poll_listener(self, callback: Callable[[], None]) -> CALLBACK_TYPE:
        return add_listener(self._listeners, callback)

    async def async_hold(self, adapter: str) -> None:
        """Let no poll begin, and wait a little for those that are going on.

        What is still connecting, perhaps through the adapter, is broken off: it has nothing
        to lose, and would have to be waited for after the step.
        """
        self._open.clear()
        self._held_for, self._held_at = adapter, self._loop.time()
        self._steps += 1
        self._attempts.break_off(
            partial(async_may_connect_through, self._hass, adapter)
        )
        for _ in range(int(POLLS_LIMIT / 0.1)):
            if not self._records.polling:
                return
            await asyncio.sleep(0.1)

    @callback
    def async_release(self) -> None:
        """Let polls begin again."""
        self._steps += 1
        self._held_for = None
        self._open.set()

    @callback
    def async_poll_when_heard(self) -> None:
        """Have the links polled as soon as one is heard, or after a while."""
        self.async_cancel()
        self._timer = self._loop.call_later(POLL_AFTER, self.async_poll_now)

    @callback
    def async_heard(self) -> None:
        """Take note that a link is heard."""
        if self._timer is not None and self._open.is_set():
            self.async_poll_now()
            self._wake()

    @callback
    def async_poll_now(self) -> None:
        """Have the links polled."""
        self.async_cancel()
        for listener in tuple(self._listeners):
            listener()

    @callback
    def async_cancel(self) -> None:
        """Do not have the links polled any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def add_listener[T](listeners: list[T], listener: T) -> CALLBACK_TYPE:
    """Add a listener to a list; returns what takes it out again."""
    listeners.append(listener)

    @callback
    def remove() -> None:
        if listener in listeners:
            listeners.remove(listener)

    return remove
