# SPDX-License-Identifier: Apache-2.0
"""The kernel's management socket, as another program uses it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
import socket
import struct
from typing import Final

from btsocket import btmgmt_socket  # type: ignore[import-untyped]

COMMAND_COMPLETE: Final = 0x0001
COMMAND_STATUS: Final = 0x0002
INDEX_ADDED: Final = 0x0004
READ_INDEX_LIST: Final = 0x0003
READ_INFORMATION: Final = 0x0004
SET_POWERED: Final = 0x0005
SET_LE: Final = 0x000D
GET_CONNECTIONS: Final = 0x0015
START_DISCOVERY: Final = 0x0023
STOP_DISCOVERY: Final = 0x0024
NO_INDEX: Final = 0xFFFF
ON: Final = b"\x01"
OFF: Final = b"\x00"
LOW_ENERGY: Final = b"\x06"
ANSWER_LIMIT: Final = 10.0
_HEADER: Final = struct.Struct("<HHH")
_ANSWER: Final = struct.Struct("<HB")
_INDEX: Final = struct.Struct("<H")
# Address, version, manufacturer and supported settings come before the current settings.
_SETTINGS: Final = struct.Struct("<13xI")
_POWERED: Final = 1
_LONGEST: Final = 4096


@dataclass(frozen=True, slots=True)
class Packet:
    """An event, of an adapter or of none."""

    event: int
    index: int
    contents: bytes


class ManagementSocket:
    """An open socket; commands are given one at a time."""

    def __init__(self, opened: socket.socket) -> None:
        """Take a socket that does not block."""
        self._socket = opened
        self._loop = asyncio.get_running_loop()

    async def receive(self) -> Packet:
        """Return the next event."""
        data = await self._loop.sock_recv(self._socket, _LONGEST)
        event, index, length = _HEADER.unpack_from(data)
        return Packet(event, index, data[_HEADER.size : _HEADER.size + length])

    async def command(
        self, opcode: int, index: int, contents: bytes = b""
    ) -> tuple[int, bytes]:
        """Return the status of a command and what it gives; raises `TimeoutError`."""
        self._socket.send(_HEADER.pack(opcode, index, len(contents)) + contents)
        async with asyncio.timeout(ANSWER_LIMIT):
            while True:
                packet = await self.receive()
                if packet.event not in (COMMAND_COMPLETE, COMMAND_STATUS):
                    continue
                answered, status = _ANSWER.unpack_from(packet.contents)
                if (answered, packet.index) == (opcode, index):
                    return status, packet.contents[_ANSWER.size :]

    async def indexes(self) -> list[int]:
        """Return the adapters that are there."""
        _, found = await self.command(READ_INDEX_LIST, NO_INDEX)
        return [index for (index,) in _INDEX.iter_unpack(found[_INDEX.size :])]

    async def is_powered(self, index: int) -> bool:
        """Return whether an adapter is on."""
        status, found = await self.command(READ_INFORMATION, index)
        if status:
            return False
        (settings,) = _SETTINGS.unpack_from(found)
        return bool(settings & _POWERED)


@asynccontextmanager
async def management() -> AsyncIterator[ManagementSocket]:
    """Have the socket open as long as the context lasts."""
    opened = btmgmt_socket.open()
    try:
        opened.setblocking(False)
        yield ManagementSocket(opened)
    finally:
        opened.close()
