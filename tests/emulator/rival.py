# SPDX-License-Identifier: Apache-2.0
"""A second client that begins to scan at the worst moment (the stuck start)."""

import asyncio
from dataclasses import dataclass

from dbus_fast import Message, MessageType

from .bluez_names import ADAPTER, SERVICE
from .dbus_service import Call
from .discovery import DiscoverySessions
from .timers import Timers

SENDER = ":0.1"
RETRY = 0.05


@dataclass(slots=True)
class RivalClient:
    """Calls StartDiscovery until it succeeds, and keeps its session.

    It has no connection of its own: its calls go straight to the adapter's sessions.
    """

    adapter_path: str
    sessions: DiscoverySessions
    timers: Timers
    _retry: asyncio.TimerHandle | None = None
    _started: bool = False

    def start(self) -> None:
        """Begin, unless it has begun."""
        if not self._started:
            self._started = True
            self._call()

    def leave(self) -> None:
        """Give up the session, as a client that leaves the bus."""
        self.timers.cancel(self._retry)
        self._retry = None
        if self._started:
            self._started = False
            self.sessions.sender_left(SENDER)

    def _call(self) -> None:
        message = Message(
            destination=SERVICE,
            path=self.adapter_path,
            interface=ADAPTER,
            member="StartDiscovery",
            sender=SENDER,
            serial=1,
        )
        self.sessions.start(Call(message, self._answered))

    def _answered(self, answer: Message) -> None:
        if answer.message_type is MessageType.ERROR and self._started:
            self._retry = self.timers.call_later(RETRY, self._call)
