# SPDX-License-Identifier: Apache-2.0
"""An ESPHome device's own API, in plain text: frames of messages over a loopback connection.

The messages are those of aioesphomeapi, which Home Assistant talks to such devices with.
"""

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, Protocol, override

from aioesphomeapi.core import MESSAGE_TYPE_TO_PROTO

api_pb2: Final[Any] = import_module("aioesphomeapi.api_pb2")
"""The messages; protobuf makes them when it is imported, so that they have no types."""
LOOPBACK: Final = "127.0.0.1"
PLAIN_TEXT: Final = 0
_NUMBER_OF: Final = {
    message.DESCRIPTOR.full_name: number
    for number, message in MESSAGE_TYPE_TO_PROTO.items()
}


class Message(Protocol):
    """One message, as protobuf makes it."""

    DESCRIPTOR: Any

    def SerializeToString(self) -> bytes:
        """Return it as it is sent."""

    def ParseFromString(self, data: bytes) -> int:
        """Take over what was sent."""


type Handler = Callable[["ApiConnection", Message], None]


def varint(value: int) -> bytes:
    """Return a number in groups of seven bits, the lowest first."""
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*octets, value))


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number and where it ends; raises IndexError when it is not whole."""
    value = shift = 0
    while True:
        octet = data[at]
        at += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            return value, at
        shift += 7


def frame(message: Message) -> bytes:
    """Return a message as it goes over the line."""
    payload = message.SerializeToString()
    number = _NUMBER_OF[message.DESCRIPTOR.full_name]
    return bytes((PLAIN_TEXT,)) + varint(len(payload)) + varint(number) + payload


class ApiConnection(asyncio.Protocol):
    """One client of the device."""

    def __init__(
        self, handle: Handler, closed: Callable[[ApiConnection], None]
    ) -> None:
        """Give every message to `handle`."""
        self._handle = handle
        self._closed = closed
        self._transport: asyncio.Transport | None = None
        self._unread = b""
        self.is_read = True
        """Whether messages are handled; a device that hangs leaves them where they are."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._closed(self)

    @override
    def data_received(self, data: bytes) -> None:
        self._unread += data
        self.read()

    def read(self) -> None:
        """Handle all whole frames."""
        while self.is_read and (message := self._next()) is not None:
            self._handle(self, message)

    def _next(self) -> Message | None:
        """Return the next message that is whole, None without one."""
        try:
            length, at = read_varint(self._unread, 1)
            number, at = read_varint(self._unread, at)
        except IndexError:
            return None
        if len(self._unread) < at + length:
            return None
        assert self._unread[0] == PLAIN_TEXT
        payload, self._unread = (
            self._unread[at : at + length],
            self._unread[at + length :],
        )
        message: Message = MESSAGE_TYPE_TO_PROTO[number]()
        message.ParseFromString(payload)
        return message

    def send(self, message: Message) -> None:
        """Send a message, unless the device hangs."""
        if self._transport is not None and self.is_read:
            self._transport.write(frame(message))

    def close(self) -> None:
        """End the connection without a word."""
        if self._transport is not None:
            self._transport.abort()


class ApiServer:
    """Serves a device's API on a free port of loopback."""

    def __init__(
        self, handle: Handler, closed: Callable[[ApiConnection], None]
    ) -> None:
        """Begin switched off."""
        self._handle = handle
        self._client_closed = closed
        self._server: asyncio.Server | None = None
        self.clients: list[ApiConnection] = []
        self.port = 0

    async def start(self) -> None:
        """Listen; the port of the first start is kept."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._client, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Be gone at once, with every connection."""
        if self._server is not None:
            self._server.close()
        for client in tuple(self.clients):
            client.close()

    def _client(self) -> ApiConnection:
        client = ApiConnection(self._handle, self._closed)
        self.clients.append(client)
        return client

    def _closed(self, client: ApiConnection) -> None:
        self.clients.remove(client)
        self._client_closed(client)


def answer_as_device(client: ApiConnection, message: Message, information: Any) -> bool:
    """Answer what is asked of any device; return whether that was it."""
    match message:
        case api_pb2.HelloRequest():
            client.send(
                api_pb2.HelloResponse(
                    api_version_major=1,
                    api_version_minor=14,
                    server_info=information.esphome_version,
                    name=information.name,
                )
            )
        case api_pb2.PingRequest():
            client.send(api_pb2.PingResponse())
        case api_pb2.DeviceInfoRequest():
            client.send(information)
        case api_pb2.ListEntitiesRequest():
            client.send(api_pb2.ListEntitiesDoneResponse())
        case api_pb2.DisconnectRequest():
            client.send(api_pb2.DisconnectResponse())
        case _:
            return False
    return True
