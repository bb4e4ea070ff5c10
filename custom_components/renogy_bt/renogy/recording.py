"""What goes over a connection, kept for a report: requests, replies and their times."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, override

from .exceptions import LinkUnreachable
from .gatt import OfferedCharacteristic
from .transport import Connector, Transport, TransportDelegate

MOST_EXCHANGES: Final = 300
"""A probe that finds nothing, with 32 ids listed by the user, makes about 200 requests."""
MOST_BYTES: Final = 16_384
"""So much is kept of what came in: a babbling peripheral must not fill the memory."""
BYTES_OF_NOTIFICATION: Final = 6
"""What a notification counts besides its bytes: so long is its time in the report."""


@dataclass(frozen=True, slots=True)
class Received:
    """One notification, by the time since the recording began, s."""

    at: float
    data: bytes


class Outcome(StrEnum):
    """How a request went."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """By an exception."""
    SILENT = "silent"
    BROKEN_OFF = "broken_off"
    """The connection was lost, or the time of the poll was over."""


class Drop(StrEnum):
    """Why a frame was not taken for the answer."""

    UNASKED = "unasked"
    """No request was outstanding any more."""
    OTHER = "other"
    """It answers another question: the unit or the length differs."""
    OVERTAKEN = "overtaken"
    """Another reply followed it."""
    NO_FRAME = "no_frame"
    """Bytes whose checksum is wrong, or that are no frame at all."""


@dataclass(slots=True)
class Exchange:
    """One request, by the time since the recording began, and what came until the next one.

    `dropped` tells why what came was not taken for the answer, `redacted` that bytes of a
    reply were replaced.
    """

    at: float
    request: bytes
    received: list[Received] = field(default_factory=list)
    outcome: Outcome | None = None
    ended_at: float | None = None
    dropped: list[Drop] = field(default_factory=list)
    redacted: bool = False


class Recording:
    """Keeps what goes over the connections that a connector makes, within bounds.

    `connected_at` is None until a connection stands, `left_out` counts the requests and
    notifications for which there was no room.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin now."""
        self.exchanges: list[Exchange] = []
        self.characteristics: tuple[OfferedCharacteristic, ...] = ()
        self.connected_at: float | None = None
        self.left_out = 0
        self._bytes = 0
        self._clock = clock
        self._began_at = clock()

    @property
    def now(self) -> float:
        """The time since the recording began, s."""
        return self._clock() - self._began_at

    def of(self, connector: Connector) -> Connector:
        """Return a connector whose connections are recorded."""

        async def connect() -> Transport:
            try:
                transport = await connector()
            except LinkUnreachable as error:
                self.characteristics = error.characteristics
                raise
            self.connected_at = self.now
            self.characteristics = transport.characteristics
            return _RecordedTransport(transport, self)

        return connect

    def sent(self, frame: bytes) -> None:
        """Keep a request."""
        if len(self.exchanges) < MOST_EXCHANGES:
            self.exchanges.append(Exchange(self.now, frame))
        else:
            self.left_out += 1

    def received(self, data: bytes) -> None:
        """Keep a notification with the request that it followed."""
        size = BYTES_OF_NOTIFICATION + len(data)
        is_kept = self.exchanges and self._bytes + size <= MOST_BYTES
        if not is_kept or self.left_out:
            self.left_out += 1
            return
        self._bytes += size
        self.exchanges[-1].received.append(Received(self.now, data))


class _RecordedTransport(TransportDelegate):
    """A transport whose frames are recorded."""

    def __init__(self, transport: Transport, recording: Recording) -> None:
        super().__init__(transport)
        self._recording = recording

    @override
    async def write(self, frame: bytes) -> None:
        self._recording.sent(frame)
        await super().write(frame)

    @override
    def on_notification(self, callback: Callable[[bytes], None]) -> None:
        def received(data: bytes) -> None:
            self._recording.received(data)
            callback(data)

        super().on_notification(received)
