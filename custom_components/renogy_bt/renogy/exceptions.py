# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between this library and a battery."""

from enum import StrEnum
from typing import Final

from .gatt import OfferedCharacteristic


class DeviceKind(StrEnum):
    """What a peripheral is, when it is not a battery (protocol 1.4, 1.7)."""

    CHARGE_CONTROLLER = "charge_controller"
    INVERTER = "inverter"
    SHUNT = "shunt"
    MONITOR = "monitor"
    OTHER = "not_a_battery"


LONGEST_REASON: Final = 300
"""A sentence or two; what a bus or a peripheral tells may be of any length."""


class RenogyError(Exception):
    """Base of every error that this library raises; its reason is one line that can be printed."""

    def __init__(self, reason: str = "") -> None:
        """Leave out of the reason what moves a cursor or turns the direction of a text."""
        shown = "".join(filter(str.isprintable, " ".join(reason.split())))
        super().__init__(shown[:LONGEST_REASON])


class LinkUnreachable(RenogyError):
    """No connection could be made; the message is a reason a human can read.

    `characteristics` are what the peripheral offers, where it was asked before it failed.
    """

    def __init__(
        self, reason: str, characteristics: tuple[OfferedCharacteristic, ...] = ()
    ) -> None:
        """Remember what the peripheral offers."""
        super().__init__(reason)
        self.characteristics = characteristics


class LinkClosed(LinkUnreachable):
    """The link was closed by its owner while, or before, it was used."""


class LinkBusy(RenogyError):
    """Too much is asked of the link at once."""


class LinkSilent(RenogyError):
    """The connection stands, but no unit behind it answers.

    `garbled` are the units from which bytes that are no frame came instead of a reply.
    """

    def __init__(self, reason: str, garbled: tuple[int, ...] = ()) -> None:
        """Remember which units were garbled."""
        super().__init__(reason)
        self.garbled = garbled


class LinkLost(RenogyError):
    """The connection ended while it was in use."""


class NotABattery(RenogyError):
    """The peripheral answers, but is something else than a battery."""

    def __init__(self, kind: DeviceKind) -> None:
        """Remember what the peripheral is."""
        super().__init__(f"Not a battery: {kind}")
        self.kind = kind


class ReplyTimeout(RenogyError):
    """A unit did not answer a request in time."""


class ExceptionReply(RenogyError):
    """A unit answered with a Modbus exception (protocol 1.3)."""

    def __init__(self, code: int) -> None:
        """Remember the exception code, 1 to 5 by the makers' document."""
        super().__init__(f"Modbus exception {code}")
        self.code = code


class InvalidBlock(RenogyError):
    """A block holds values that cannot be true (protocol 1.9)."""

    def __init__(self, check: str, reason: str) -> None:
        """Remember the check that failed, by its name."""
        super().__init__(f"{check}: {reason}")
        self.check = check


class Unconfirmed(InvalidBlock):
    """A block says what is hardly true, and the next poll is to say the same."""
