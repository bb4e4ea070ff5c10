# SPDX-License-Identifier: Apache-2.0
"""Discovery sessions as bluetoothd keeps them (BlueZ's src/adapter.c).

One session for each sender; a single place for the client whose call waits for the
kernel, which is why a second client can make the first one wait for ever.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from .bluez_names import busy, fail, invalid_arguments, not_ready
from .dbus_service import Call
from .discovery_filter import DiscoveryFilter, merged_filter, parse_filter


class Outcome(Enum):
    """How the kernel answers a command."""

    SUCCESS = "success"
    REFUSED = "refused"


class Kernel(Protocol):
    """What discovery needs of the controller."""

    @property
    def powered(self) -> bool:
        """Tell whether the controller is on."""

    @property
    def is_scanning(self) -> bool:
        """Tell whether a discovery runs in the kernel."""

    def start_discovery(self, done: Callable[[Outcome], None]) -> None:
        """Begin to scan; tell the outcome later."""

    def stop_discovery(self, done: Callable[[Outcome], None]) -> None:
        """End the scan; tell the outcome later."""


@dataclass(slots=True, eq=False)
class _Client:
    sender: str
    filter: DiscoveryFilter | None = None
    waiting: Call | None = None


@dataclass(slots=True)
class DiscoverySessions:
    """The discovery of one adapter.

    `discovering` is the adapter's property of that name; `changed` is called when it
    changes, `ended` when the last session has gone.
    """

    kernel: Kernel
    changed: Callable[[bool], None]
    ended: Callable[[], None]
    discovering: bool = False
    _clients: list[_Client] = field(default_factory=list)
    prepared: list[_Client] = field(default_factory=list)
    _pending: _Client | None = None
    _current_filter: DiscoveryFilter | None = None
    _generation: int = 0

    @property
    def has_clients(self) -> bool:
        """Tell whether anybody has a session."""
        return bool(self._clients)

    def senders(self) -> list[str]:
        """Return who has a session."""
        return [client.sender for client in self._clients]

    @property
    def has_waiting_client(self) -> bool:
        """Tell whether a client's StartDiscovery waits for the kernel."""
        return self._pending is not None and self._pending in self._clients

    @property
    def wants_duplicates(self) -> bool:
        """Tell whether a client asked for data signals without a change."""
        return any(
            client.filter is not None and client.filter.duplicate
            for client in self._clients
        )

    def admits(self, uuids: tuple[str, ...], rssi: int) -> bool:
        """Tell whether a device passes at least one client's filter."""
        return any(
            client.filter is None or client.filter.admits(uuids, rssi)
            for client in self._clients
        )

    def set_filter(self, call: Call) -> None:
        """Answer Adapter1.SetDiscoveryFilter."""
        if not self.kernel.powered:
            not_ready(call)
            return
        try:
            wanted = parse_filter(call.body[0])
        except ValueError:
            invalid_arguments(call)
            return
        if client := self._find(self._clients, call.sender):
            client.filter = wanted
            self._apply_filter()
        elif client := self._find(self.prepared, call.sender):
            client.filter = wanted
            if wanted is None:
                self.prepared.remove(client)
        elif wanted is not None:
            self.prepared.append(_Client(call.sender, wanted))
        call.reply()

    def start(self, call: Call) -> None:
        """Answer Adapter1.StartDiscovery, now or when the kernel has answered."""
        if not self.kernel.powered:
            not_ready(call)
            return
        if self._find(self._clients, call.sender):
            busy(call)
            return
        client = self._find(self.prepared, call.sender)
        if client is None:
            client = _Client(call.sender)
        else:
            self.prepared.remove(client)
        self._clients.insert(0, client)
        if not self._needs_start():
            call.reply()
            return
        client.waiting = call
        self._pending = client
        self._start_kernel()

    def stop(self, call: Call) -> None:
        """Answer Adapter1.StopDiscovery; only the caller's own session counts."""
        if not self.kernel.powered:
            not_ready(call)
            return
        client = self._find(self._clients, call.sender)
        if client is None:
            fail(call, "No discovery started")
        elif client.waiting is not None:
            busy(call)
        elif self._end_session(client):
            call.reply()
        else:
            client.waiting = call
            self._pending = client

    def sender_left(self, sender: str) -> None:
        """Free what a sender had that left the bus."""
        if client := self._find(self.prepared, sender):
            self.prepared.remove(client)
        if client := self._find(self._clients, sender):
            client.waiting = client.filter = None
            if not self._end_session(client):
                self._pending = client

    def drop_all(self) -> None:
        """Free every session, as a power-off does (adapter_stop)."""
        self._generation += 1
        if self._pending is not None and self._pending.waiting is not None:
            busy(self._pending.waiting)
        self._pending = None
        self._clients.clear()
        self.prepared.clear()
        self._current_filter = None
        self.discovering = False
        self.ended()
        self.changed(False)

    @staticmethod
    def _find(clients: list[_Client], sender: str) -> _Client | None:
        return next((client for client in clients if client.sender == sender), None)

    def _needs_start(self) -> bool:
        """Tell whether the kernel must be asked; equal filters count as running."""
        merged = merged_filter([client.filter for client in self._clients])
        if merged == self._current_filter and self.discovering:
            return False
        self._current_filter = merged
        return True

    def _apply_filter(self) -> None:
        if self._needs_start():
            self._start_kernel()

    def _start_kernel(self) -> None:
        generation = self._generation
        self.kernel.start_discovery(lambda outcome: self._started(outcome, generation))

    def _started(self, outcome: Outcome, generation: int) -> None:
        if generation != self._generation:
            return
        if not self._clients:
            if outcome is Outcome.SUCCESS:
                self.kernel.stop_discovery(lambda _: None)
            return
        client = self._answer_pending(outcome)
        if outcome is Outcome.SUCCESS:
            if not self.discovering:
                self.discovering = True
                self.changed(True)
        elif client is not None:
            self._remove(client)

    def _answer_pending(self, outcome: Outcome) -> _Client | None:
        """Answer the one client whose call is remembered; any other waits for ever."""
        client, self._pending = self._pending, None
        if client is None or client.waiting is None:
            return client
        call, client.waiting = client.waiting, None
        if outcome is Outcome.SUCCESS:
            call.reply()
        else:
            busy(call)
        return client

    def _end_session(self, client: _Client) -> bool:
        """End one session; False when the kernel has yet to answer."""
        if len(self._clients) > 1:
            self._remove(client)
            self._apply_filter()
            return True
        if not self.kernel.is_scanning:
            self._remove(client)
            self._no_longer_discovering()
            return True
        generation = self._generation
        self.kernel.stop_discovery(lambda outcome: self._stopped(outcome, generation))
        return False

    def _stopped(self, outcome: Outcome, generation: int) -> None:
        if generation != self._generation:
            return
        client = self._answer_pending(outcome)
        if client is not None:
            self._remove(client)
        if outcome is Outcome.SUCCESS:
            self._no_longer_discovering()

    def _no_longer_discovering(self) -> None:
        self.discovering = False
        self.changed(False)

    def _remove(self, client: _Client) -> None:
        if client in self._clients:
            self._clients.remove(client)
            if client.filter is not None:
                self.prepared.append(client)
        if self._pending is client:
            self._pending = None
        if not self._clients:
            self.ended()
