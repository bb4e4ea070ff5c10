# SPDX-License-Identifier: Apache-2.0
"""The gate that every connection to a link passes; a recovery step closes it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
import logging
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from ..adapter_health.samples import ConnectFailure
from .link_records import LinkRecords
from .neighbours import failure_of
from .sampling import async_direct_source, async_lacks_slot, async_may_connect_through

_LOGGER = logging.getLogger(__name__)

CLOSED_LIMIT: Final = 120.0
"""So long after a step began the gate lets all links pass, even if the step hangs, s."""
POLLS_LIMIT: Final = 3.0
"""How long a step waits for polls to end before it takes the adapter from them, s."""
POLL_AFTER: Final = 10.0
"""A poll that waits for an advertisement does so no longer, s."""
CLEAN_UP_LIMIT: Final = 10.0
"""How long an attempt that is broken off may take to clean up, s."""


class PathChange(StrEnum):
    """Why a link that failed may be read again."""

    LINK_READ = "another link is read again"
    SCANNERS_CHANGED = "an adapter or proxy came or went"
    SLOT_FREED = "a connection slot is free again"


@dataclass(frozen=True, slots=True)
class PathNews:
    """What somebody noticed of the ways to the links.

    `failing_since` is the time at which the link began to fail that is read again.
    """

    change: PathChange
    failing_since: float | None = None


class ConnectingBrokenOff(Exception):
    """An attempt to connect was broken off by a recovery step."""


@dataclass(eq=False, slots=True)
class _Attempt:
    link: str
    going_on: asyncio.Timeout = field(default_factory=lambda: asyncio.timeout(None))
    cleaning_up: asyncio.Timeout = field(default_factory=lambda: asyncio.timeout(None))


class ConnectionAttempts:
    """The attempts to connect that are under way."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin without an attempt; `clock` is the clock of the event loop."""
        self._clock = clock
        self._under_way: set[_Attempt] = set()

    @asynccontextmanager
    async def attempt(self, link: str) -> AsyncIterator[None]:
        """Let the caller connect to a link within this context.

        Raises ConnectingBrokenOff when the attempt is broken off. The attempt has cleaned up
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
        """Break off the attempts to connect to certain links."""
        now = self._clock()
        for attempt in [each for each in self._under_way if concerns(each.link)]:
            self._under_way.discard(attempt)
            attempt.going_on.reschedule(now)
            attempt.cleaning_up.reschedule(now + CLEAN_UP_LIMIT)


class PollGate:
    """Holds connections off during a recovery step, and records how attempts end."""

    def __init__(
        self, hass: HomeAssistant, records: LinkRecords, wake: Callable[[], None]
    ) -> None:
        """Begin open; `wake` is called when the adapters are worth a look."""
        self._hass = hass
        self._loop = hass.loop
        self._records = records
        self._wake = wake
        self.only_source: str | None = None
        """The source that every connection goes through, if there is only one."""
        self._open = asyncio.Event()
        self._open.set()
        self._closed_at = 0.0
        self._attempts = ConnectionAttempts(hass.loop.time)
        self._steps = 0
        """How many recovery steps have begun, plus how many have ended."""
        self._timer: asyncio.TimerHandle | None = None
        self._listeners: list[Callable[[], None]] = []
        self._path_listeners: list[Callable[[PathNews], None]] = []
        records.slot_freed = partial(
            self.async_tell_path, PathNews(PathChange.SLOT_FREED)
        )
        self._holders: dict[str, list[Callable[[], None]]] = {}

    @asynccontextmanager
    async def connecting(self, link: str) -> AsyncIterator[None]:
        """Let the caller connect to a link within this context, when the gate is open.

        Raises ConnectingBrokenOff if the attempt failed and a recovery step was running at any
        time during the attempt: the link is not to blame.
        """
        address = link.upper()
        await self._until_open(link)
        # A step that is running when the attempt begins disturbs the attempt, too.
        steps = self._steps if self._open.is_set() else None
        self._records.connecting(address, self._loop.time())
        try:
            async with self._attempts.attempt(link):
                yield
        except ConnectingBrokenOff, asyncio.CancelledError:
            self._records.given_up(address, self._loop.time())
            raise
        except Exception as error:
            # The caller decides what to do about the error.
            if self._steps != steps:
                self._records.given_up(address, self._loop.time())
                raise ConnectingBrokenOff from error
            failure = failure_of(error)
            # Who waits for a slot runs out of time before being told that there is none.
            if failure is ConnectFailure.FAILED and async_lacks_slot(self._hass, link):
                failure = ConnectFailure.NO_SLOT
            self._records.failed(address, self._loop.time(), failure)
            self._wake()
            raise
        source = self.only_source or async_direct_source(self._hass, address)
        self._records.connected(address, self._loop.time(), source)

    async def _until_open(self, link: str) -> None:
        try:
            async with asyncio.timeout_at(self._closed_at + CLOSED_LIMIT):
                await self._open.wait()
        except TimeoutError:
            _LOGGER.debug("%s: Not held off any longer", link)

    @callback
    def disconnected(self, link: str) -> None:
        """Take note that the connection to a link has ended."""
        self._records.disconnected(link.upper(), self._loop.time())

    @callback
    def polling_paused(self, link: str) -> None:
        """Take note that a link is not polled for now, and forget how its polls went."""
        self._records.polling_paused(link.upper())

    def has_lacked_slot(self, link: str) -> bool:
        """Return whether the last attempt to connect to a link failed for want of a slot."""
        return self._records.failure(link.upper()) is ConnectFailure.NO_SLOT

    @callback
    def async_add_poll_listener(self, callback: Callable[[], None]) -> CALLBACK_TYPE:
        """Call a function when it is time to poll at once; return what ends that."""
        return add_listener(self._listeners, callback)

    @callback
    def async_add_path_listener(
        self, listener: Callable[[PathNews], None]
    ) -> CALLBACK_TYPE:
        """Call a function when a link that failed may be read again; return what ends that."""
        return add_listener(self._path_listeners, listener)

    @callback
    def async_tell_path(self, news: PathNews) -> None:
        """Tell the links why one of them may be read again."""
        for listener in tuple(self._path_listeners):
            listener(news)

    @callback
    def async_add_holder(self, link: str, let_go: Callable[[], None]) -> CALLBACK_TYPE:
        """Have a function called when a step is about to cut a link that is kept connected."""
        return add_listener(self._holders.setdefault(link.upper(), []), let_go)

    @callback
    def still_connected(self, link: str) -> None:
        """Take note that a link that is kept connected was read just now."""
        self._records.still_connected(link.upper(), self._loop.time())

    async def async_hold(self, adapter: str) -> None:
        """Close the gate, and wait a little for connections through an adapter that are in use.

        Attempts to connect that may go through the adapter are broken off: they would only
        delay the step. Links that are kept connected through it are let go.
        """
        self._open.clear()
        self._closed_at = self._loop.time()
        self._steps += 1
        self._attempts.break_off(
            partial(async_may_connect_through, self._hass, adapter)
        )
        for link in self._records.in_use_through(adapter):
            for let_go in self._holders.get(link, ()):
                let_go()
        for _ in range(int(POLLS_LIMIT / 0.1)):
            if not self._records.in_use_through(adapter):
                return
            await asyncio.sleep(0.1)

    @callback
    def async_release(self) -> None:
        """Open the gate."""
        self._steps += 1
        self._open.set()

    @callback
    def async_poll_when_heard(self) -> None:
        """Have the links polled when one of them is heard, or after a while."""
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
        """Cancel the poll that waits for a link to be heard."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def add_listener[T](listeners: list[T], listener: T) -> CALLBACK_TYPE:
    """Add a listener to a list; return a function that removes it."""
    listeners.append(listener)

    @callback
    def remove() -> None:
        if listener in listeners:
            listeners.remove(listener)

    return remove
