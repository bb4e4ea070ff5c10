"""Process 2 of the guest: the services with all rights, Home Assistant as a child."""

import asyncio
from collections.abc import Sequence
import signal
import sys
from typing import Final

from tests.real_bluez.order import Order
from tests.real_bluez.radio.control import serve
from tests.real_bluez.scenarios import scenario_of

from .places import ORDER, SERVICES_SOCKET
from .services import Services

# What a container lacks that was not given these on purpose.
_CONFINED: Final = (
    "setpriv",
    "--bounding-set",
    "-net_admin,-net_raw",
    "--inh-caps",
    "-all",
)


def _command(order: Order) -> Sequence[str]:
    run = (sys.executable, "-m", "tests.real_bluez.guest.run")
    return run if order.host.capable else (*_CONFINED, *run)


async def _main() -> int:
    order = Order.from_json(ORDER.read_text())
    scenario = scenario_of(order)
    services = Services(
        monitors=order.host.monitors,
        plugged=scenario.plugged,
        beacons=scenario.beacons,
    )
    await services.start_all()
    server = await serve(SERVICES_SOCKET, services.verbs)
    try:
        process = await asyncio.create_subprocess_exec(*_command(order))
        return await process.wait()
    finally:
        server.close()
        for name in ("bluetoothd", "radio", "dbus"):
            services.send(name, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
