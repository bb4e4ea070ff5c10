# SPDX-License-Identifier: Apache-2.0
"""Our own connection to the system bus; every wait has a limit."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
import os
from typing import Any, Final

from .exceptions import BlueZError, BusUnavailable, CallTimedOut, error_for
from .models import BusFault

try:
    from dbus_fast import (
        AuthError,
        BusType,
        DBusFastError,
        Message,
        MessageFlag,
        MessageType,
        Variant,
        unpack_variants,
    )
    from dbus_fast.aio import MessageBus
    from dbus_fast.auth import AuthExternal
except ImportError as error:
    # Without these names nothing may connect, but everything else can be imported.
    missing: str | None = str(error)
else:
    missing = None

CALL_LIMIT: Final = 5.0
DBUS: Final = "org.freedesktop.DBus"
DBUS_PATH: Final = "/org/freedesktop/DBus"


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal that came over the bus, variants unpacked."""

    sender: str | None
    path: str | None
    member: str | None
    signature: str
    body: list[Any]


class SystemBus:
    """One connection; when it breaks, it is replaced by a new one."""

    def __init__(self, bus: MessageBus) -> None:
        """Use a connection that is up."""
        self._bus = bus
        self._handlers: list[Callable[[Message], bool]] = []

    @classmethod
    async def open(cls, address: str | None = None) -> SystemBus:
        """Connect to the system bus, or to the one at an address; raises BusUnavailable."""
        # bleak uses the same setting.
        uid = os.environ.get("BLEAK_DBUS_AUTH_UID", "")
        try:
            bus = MessageBus(
                bus_address=address,
                bus_type=BusType.SYSTEM,
                auth=AuthExternal(uid=int(uid)) if uid.isdigit() else None,
            )
            async with asyncio.timeout(CALL_LIMIT):
                return cls(await bus.connect())
        except FileNotFoundError as error:
            raise BusUnavailable(str(error), BusFault.NO_SOCKET) from error
        except (PermissionError, AuthError) as error:
            raise BusUnavailable(str(error), BusFault.ACCESS_DENIED) from error
        except (OSError, EOFError, TimeoutError, DBusFastError) as error:
            raise BusUnavailable(_text(error)) from error

    @property
    def connected(self) -> bool:
        """Whether the connection is up."""
        return self._bus.connected

    def listen(self, handler: Callable[[Signal], None]) -> None:
        """Call a handler with every signal."""

        def show(message: Message) -> bool:
            if message.message_type is MessageType.SIGNAL:
                handler(_signal_of(message))
            return False

        self._handlers.append(show)
        self._bus.add_message_handler(show)

    def close(self) -> None:
        """Close the connection; the handlers get no more signals."""
        for handler in self._handlers:
            self._bus.remove_message_handler(handler)
        self._handlers.clear()
        self._bus.disconnect()

    async def closed(self) -> None:
        """Wait until the connection is closed; raises BusUnavailable when it broke."""
        try:
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        except (OSError, EOFError, DBusFastError) as error:
            raise BusUnavailable(_text(error)) from error

    async def call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: list[Any] | None = None,
        *,
        limit: float | None = CALL_LIMIT,
    ) -> list[Any]:
        """Call a method and return the values of its reply, variants unpacked.

        The call never starts a service. Raises a BlueZError: CallTimedOut when there is no
        answer within the limit, BusUnavailable, or the exception for the error reply.
        """
        if not self.connected:
            raise BusUnavailable("There is no connection to the system bus")
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=body or [],
            flags=MessageFlag.NO_AUTOSTART,
        )
        try:
            async with asyncio.timeout(limit):
                reply = await self._bus.call(message)
        except TimeoutError as error:
            raise CallTimedOut(f"{member} was not answered within {limit} s") from error
        except (OSError, EOFError, DBusFastError) as error:
            raise BusUnavailable(_text(error)) from error
        if reply.message_type is MessageType.ERROR:
            raise _error_of(reply)
        values: list[Any] = unpack_variants(reply.body)
        return values

    async def call_bus(self, member: str, *arguments: str) -> list[Any]:
        """Call a method of the bus itself that takes strings."""
        return await self.call(
            DBUS, DBUS_PATH, DBUS, member, "s" * len(arguments), list(arguments)
        )


def variant(signature: str, value: object) -> object:
    """Return a value with its type, for a call that takes any type."""
    return Variant(signature, value)


def first(body: list[Any]) -> object:
    """Return the first value of a reply, None if there is none."""
    return body[0] if body else None


def _signal_of(message: Message) -> Signal:
    return Signal(
        message.sender,
        message.path,
        message.member,
        message.signature,
        unpack_variants(message.body),
    )


def _error_of(reply: Message) -> BlueZError:
    text = first(reply.body)
    return error_for(reply.error_name, text if isinstance(text, str) else "")


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__
