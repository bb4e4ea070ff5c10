# SPDX-License-Identifier: Apache-2.0
"""Process 2 of the guest: the services with all rights, Home Assistant as a child.

`python -m tests.real_bluez.guest START FOLDER...`: one order after another, each from the
same moment on and with services and a Home Assistant of its own.
"""

import asyncio
from pathlib import Path
import shutil
import sys
import time
import traceback

from tests.real_bluez.order_folder import OrderFolder
from tests.real_bluez.radio.control import serve
from tests.real_bluez.scenarios import scenario_of

from .places import CONFIGURATION, KNOWN_DEVICES, SERVICES_SOCKET
from .runners import RunnerLost, Runners
from .services import ServiceFailed, Services


def _begin(start: int) -> None:
    """Forget the order before: its devices, its configuration and its time."""
    for left in (KNOWN_DEVICES, CONFIGURATION):
        shutil.rmtree(left, ignore_errors=True)
    time.clock_settime_ns(time.CLOCK_REALTIME, start)


async def _carry_out(folder: OrderFolder, runners: Runners) -> int:
    """Return the exit status of an order; raises `ServiceFailed`, `RunnerLost`."""
    order = folder.order()
    scenario = scenario_of(order)
    services = Services(
        folder,
        order.host,
        plugged=scenario.plugged,
        beacons=scenario.beacons,
    )
    try:
        await services.start_all()
        async with await serve(SERVICES_SOCKET, services.verbs):
            return await runners.run(folder, capable=order.host.capable)
    finally:
        await services.kill_all()


async def _main(start: int, folders: list[OrderFolder]) -> None:
    runners = Runners()
    try:
        for folder in folders:
            _begin(start)
            try:
                status = await _carry_out(folder, runners)
            except ServiceFailed, RunnerLost:
                folder.add_output(traceback.format_exc())
                status = 1
            folder.set_over(status)
    finally:
        await runners.end()


if __name__ == "__main__":
    asyncio.run(
        _main(int(sys.argv[1]), [OrderFolder(Path(path)) for path in sys.argv[2:]])
    )
