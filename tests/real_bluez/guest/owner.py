# SPDX-License-Identifier: Apache-2.0
"""Sets adapters up as they appear, as a rule of udev does where there is no bluetoothd.

The kernel leaves a new adapter off, and its Low Energy too.
"""

import asyncio
import logging
from typing import Final

from .management import (
    INDEX_ADDED,
    ON,
    SET_LE,
    SET_POWERED,
    ManagementSocket,
    management,
)

_LOGGER: Final = logging.getLogger(__name__)


async def _set_up(socket: ManagementSocket, index: int) -> None:
    for setting in (SET_LE, SET_POWERED):
        status, _ = await socket.command(setting, index, ON)
        _LOGGER.info("hci%d: setting %#x on: status %#x", index, setting, status)


async def _main() -> None:
    async with management() as news, management() as commands:
        for index in await commands.indexes():
            await _set_up(commands, index)
        while True:
            packet = await news.receive()
            if packet.event == INDEX_ADDED:
                await _set_up(commands, packet.index)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(_main())
