# SPDX-License-Identifier: Apache-2.0
"""What goes over connections, kept for a report: requests, replies and their times."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from .gatt import OfferedCharacteristic

MOST_EXCHANGES: Final = 300
"""A probe that finds nothing, with 32 ids listed by the user, makes about 200 requests."""
MOST_BYTES: Final = 16_384
"""So much is kept of what came in: a babbling peripheral must not fill the memory."""
BYTES_OF_NOTIFICATION: Final = 6
"""What a notification counts besides its bytes: so long is its time in the report."""
MOST_DROPS: Final = 16
"""So many are named for one request: a babbling line must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Received:
    """One notification, by the clock of the line, s."""

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
    REPEATED = "repeated"
    """The same came before the request, and another reply came after it."""
    NO_FRAME = "no_frame"
    """Bytes whose checksum is wrong, or that are no frame at all."""


@dataclass(slots=True)
class Exchange:
    """One request, by the clock of the line, and what came until the next one.

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


@dataclass(slots=True)
class Recording:
    """What went over lines since it began, as far as there was room; a line writes it.

    `connected_at` is None until a connection stands, `left_out` counts the requests and
    notifications for which there was no room, `size` the bytes for which there was.
    """

    began_at: float
    exchanges: list[Exchange] = field(default_factory=list)
    left_out: int = 0
    size: int = 0
    connected_at: float | None = None
    characteristics: tuple[OfferedCharacteristic, ...] = ()
