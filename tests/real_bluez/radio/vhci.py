# SPDX-License-Identifier: Apache-2.0
"""The kernel's virtual controller device: packets of one adapter, both ways."""

import asyncio
from collections.abc import Callable
import errno
import os
from typing import Final

DEVICE: Final = "/dev/vhci"
VENDOR_PACKET: Final = 0xFF
_PRIMARY_CONTROLLER: Final = 0x00
_LONGEST_PACKET: Final = 4096
# The host is off: a chip's last words to it get lost, they do not unplug the chip.
_HOST_IS_OFF: Final = frozenset({errno.ENXIO, errno.ENODEV})


class VirtualController:
    """An open /dev/vhci: the kernel has an adapter as long as it is open.

    It is the sink of what the controller sends to the host. Every read brings one
    packet, given to `received` with its type byte first.
    """

    def __init__(self, received: Callable[[bytes], None]) -> None:
        """Make the kernel see an adapter; raises `OSError`."""
        self._received = received
        self._loop = asyncio.get_running_loop()
        self._file = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        os.write(self._file, bytes((VENDOR_PACKET, _PRIMARY_CONTROLLER)))
        self._loop.add_reader(self._file, self._readable)

    def close(self) -> None:
        """Take the adapter away from the kernel."""
        if self._file >= 0:
            self._loop.remove_reader(self._file)
            os.close(self._file)
            self._file = -1

    def on_packet(self, packet: bytes) -> None:
        """Give a packet to the host, which may be off."""
        if self._file < 0:
            return
        try:
            os.write(self._file, packet)
        except OSError as error:
            if error.errno not in _HOST_IS_OFF:
                raise

    def _readable(self) -> None:
        try:
            packet = os.read(self._file, _LONGEST_PACKET)
        except BlockingIOError:
            return
        if packet and packet[0] != VENDOR_PACKET:
            self._received(packet)
