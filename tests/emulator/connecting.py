# SPDX-License-Identifier: Apache-2.0
"""How the kernel makes LE links: it waits for an advertisement, then one at a time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from .peripheral import Peripheral
from .timers import Timers
from .world import Timing


@dataclass(slots=True, eq=False)
class ConnectAttempt:
    """One wish for a link.

    `hears` tells whether the adapter would notice the peripheral's advertisements,
    `link_up` and `not_found` are the two ways it ends.
    """

    peripheral: Peripheral
    hears: Callable[[], bool]
    link_up: Callable[[], None]
    not_found: Callable[[], None]
    limit: asyncio.TimerHandle | None = None
    creation: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class ConnectQueue:
    """The connects of one adapter.

    Waiting for an advertisement holds nobody up; creating the link does.
    """

    timing: Timing
    timers: Timers
    _waiting: list[ConnectAttempt] = field(default_factory=list)
    _ready: list[ConnectAttempt] = field(default_factory=list)
    _creating: ConnectAttempt | None = None

    def start(
        self,
        peripheral: Peripheral,
        hears: Callable[[], bool],
        link_up: Callable[[], None],
        not_found: Callable[[], None],
        *,
        at_once: bool,
    ) -> ConnectAttempt:
        """Begin to connect: `at_once` where no advertisement can be missed."""
        attempt = ConnectAttempt(peripheral, hears, link_up, not_found)
        attempt.limit = self.timers.call_later(
            self.timing.connect_limit, lambda: self._give_up(attempt)
        )
        if at_once and hears() and peripheral.is_connectable:
            self._ready.append(attempt)
            self._create_next()
        else:
            self._waiting.append(attempt)
        return attempt

    def advertised(self, peripheral: Peripheral) -> None:
        """Take note that a peripheral was heard."""
        for attempt in [a for a in self._waiting if a.peripheral is peripheral]:
            self._waiting.remove(attempt)
            self._ready.append(attempt)
        self._create_next()

    def cancel(self, attempt: ConnectAttempt) -> None:
        """Forget an attempt; neither of its ends will come."""
        self.timers.cancel(attempt.limit)
        self.timers.cancel(attempt.creation)
        for queue in (self._waiting, self._ready):
            if attempt in queue:
                queue.remove(attempt)
        if self._creating is attempt:
            self._creating = None
            self._create_next()

    def _give_up(self, attempt: ConnectAttempt) -> None:
        self.cancel(attempt)
        attempt.not_found()

    def _create_next(self) -> None:
        if self._creating is None and self._ready:
            attempt = self._creating = self._ready.pop(0)
            attempt.creation = self.timers.call_later(
                self.timing.link_up, lambda: self._created(attempt)
            )

    def _created(self, attempt: ConnectAttempt) -> None:
        if not (attempt.hears() and attempt.peripheral.is_connectable):
            self._creating = None
            self._waiting.append(attempt)
            self._create_next()
            return
        self.cancel(attempt)
        attempt.link_up()
