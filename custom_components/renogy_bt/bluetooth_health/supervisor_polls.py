"""Holds pollers off while an adapter is repaired, and has them poll when that makes sense."""

import asyncio
from collections.abc import Callable
import logging
from typing import Final, override

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .link_records import LinkRecords
from .poll_gate import PollGate

_LOGGER = logging.getLogger(__name__)

READY_LIMIT: Final = 120.0
POLLS_LIMIT: Final = 3.0
"""How long a step waits for polls to end before it takes the adapter from them, s."""
POLL_AFTER: Final = 10.0
"""A poll that waits for an advertisement does so no longer, s."""
POLL_PAUSE: Final = 15.0
"""Least time between two requests for a poll, s."""
POLL_AGAIN: Final = 1.0
"""A bank that polls its links in turn begins with the next one within this time, s."""


class Pollers(PollGate):
    """The banks that poll, as seen by the supervisor."""

    def __init__(
        self, hass: HomeAssistant, records: LinkRecords, wake: Callable[[], None]
    ) -> None:
        """Let everybody poll; `wake` is called when a look at the adapters is worth it."""
        self._loop = hass.loop
        self._records = records
        self._wake = wake
        self.only_source: Callable[[], str | None] = lambda: None
        """Tells the source that every poll goes through, if there is only one."""
        self._open = asyncio.Event()
        self._open.set()
        self._steps = 0
        self._timer: asyncio.TimerHandle | None = None
        self._behind: set[str] = set()
        """Links whose last poll got no connection, or was before the last step."""
        self._is_wanted = False
        """Whether they are to be polled as soon as that makes sense."""
        self._asked_at: float | None = None
        self._ask_timer: asyncio.TimerHandle | None = None
        self._listeners: list[Callable[[], None]] = []

    @override
    async def ready(self, link: str) -> None:
        try:
            async with asyncio.timeout(READY_LIMIT):
                await self._open.wait()
        except TimeoutError:
            _LOGGER.debug("%s: Not held off any longer", link)

    @override
    @callback
    def poll_started(self, link: str) -> None:
        self._records.poll_started(link.upper(), self._loop.time(), self._steps)

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
        if connected:
            self._behind.discard(link.upper())
        else:
            self._behind.add(link.upper())
            self._wake()
        if self._is_wanted:
            self._ask_in(POLL_AGAIN)
        return excused

    @override
    @callback
    def async_add_poll_listener(self, callback: Callable[[], None]) -> CALLBACK_TYPE:
        return add_listener(self._listeners, callback)

    async def async_hold(self) -> None:
        """Let no poll begin, and wait a little for those that are going on."""
        self._open.clear()
        self._steps += 1
        # What was asked for before the step says nothing about the time after it.
        self.async_cancel()
        self._asked_at = None
        for _ in range(int(POLLS_LIMIT / 0.1)):
            if not self._records.polling:
                return
            await asyncio.sleep(0.1)

    @callback
    def async_release(self) -> None:
        """Let polls begin again."""
        self._steps += 1
        self._behind.update(self._records.addresses)
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
        """Have the links polled, unless the last poll or a running one connects to them."""
        self.async_cancel()
        self._is_wanted = True
        self._ask()

    @callback
    def _ask(self) -> None:
        """Ask for the poll that is wanted; while one is going on, its end is waited for."""
        if not self._is_wanted or self._records.polling:
            return
        self._behind.intersection_update(self._records.addresses)
        if not self._behind:
            self._is_wanted = False
            return
        now = self._loop.time()
        if (
            self._asked_at is not None
            and (wait := self._asked_at + POLL_PAUSE - now) > 0
        ):
            self._ask_in(wait)
            return
        self._asked_at = now
        self._is_wanted = False
        for listener in tuple(self._listeners):
            listener()

    def _ask_in(self, seconds: float) -> None:
        if self._ask_timer is not None:
            self._ask_timer.cancel()
        self._ask_timer = self._loop.call_later(seconds, self._ask)

    @callback
    def async_cancel(self) -> None:
        """Do not have the links polled any more."""
        for timer in (self._timer, self._ask_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._ask_timer = None
        self._is_wanted = False


def add_listener[T](listeners: list[T], listener: T) -> CALLBACK_TYPE:
    """Add a listener to a list; returns what takes it out again."""
    listeners.append(listener)

    @callback
    def remove() -> None:
        if listener in listeners:
            listeners.remove(listener)

    return remove
