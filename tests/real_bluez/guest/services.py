# SPDX-License-Identifier: Apache-2.0
"""Starts dbus-daemon, the radio and bluetoothd, and serves their switches.

They are children of a process with all rights, while Home Assistant may run without.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
import signal
import sys
from typing import Final

from tests.real_bluez.order import Host, Route
from tests.real_bluez.order_folder import OrderFolder
from tests.real_bluez.radio.control import Answer, Verb

from .management import management
from .places import ADAPTERS, BUS_SOCKET, RADIO_SOCKET, RFKILL

_START_LIMIT: Final = 30.0
_STOP_LIMIT: Final = 10.0
_LOOK_AGAIN: Final = 0.05


class ServiceFailed(Exception):
    """A service did not come up or go away; the message names it."""


class Services:
    """The system services of the guest, each at most once."""

    def __init__(
        self, folder: OrderFolder, host: Host, *, plugged: int, beacons: int
    ) -> None:
        """Choose who has the adapters, and what is on the air.

        The world is in the order's folder, and the services' output goes there.
        """
        self._folder = folder
        # Without them Home Assistant does without its scanner for them, for good.
        self._needs_adapters = host.route is not Route.BLUETOOTHD
        self._plugged = plugged
        experimental = ["-E"] if host.monitors else []
        self._owner = "bluetoothd" if host.bluetoothd else "owner"
        self._commands: dict[str, Sequence[str]] = {
            "dbus": ("dbus-daemon", "--system", "--nofork", "--nopidfile"),
            "radio": (
                sys.executable,
                "-m",
                "tests.real_bluez.radio",
                f"--world={folder.world}",
                f"--socket={RADIO_SOCKET}",
                f"--plugged={plugged}",
                f"--beacons={beacons}",
            ),
            "bluetoothd": (
                "/usr/libexec/bluetooth/bluetoothd",
                "--nodetach",
                *experimental,
            ),
            "owner": (sys.executable, "-m", "tests.real_bluez.guest.owner"),
        }
        self._processes: dict[str, asyncio.subprocess.Process] = {}

    async def start_all(self) -> None:
        """Start everything in order; raises `ServiceFailed`."""
        await self.start("dbus")
        await self._appears("dbus", BUS_SOCKET)
        await self.start("radio")
        await self._appears("radio", RADIO_SOCKET)
        await self.start(self._owner)
        if self._needs_adapters:
            await self._until_powered()

    async def start(self, name: str) -> None:
        """Start a service that is not running; its output goes to the share."""
        process = self._processes.get(name)
        if process is not None and process.returncode is None:
            return
        with (self._folder.path / f"{name}.log").open("ab") as output:
            self._processes[name] = await asyncio.create_subprocess_exec(
                *self._commands[name], stdout=output, stderr=output
            )

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a service; raises `KeyError` for one never started."""
        self._processes[name].send_signal(number)

    async def end(self, name: str, number: signal.Signals) -> None:
        """End a service with a signal and wait for it; raises `TimeoutError`."""
        self.send(name, number)
        async with asyncio.timeout(_STOP_LIMIT):
            await self._processes[name].wait()

    async def kill_all(self) -> None:
        """Kill what runs; the adapters go with the radio. Raises `ServiceFailed`."""
        for name, process in reversed(self._processes.items()):
            if process.returncode is None:
                await self.end(name, signal.SIGKILL)
        for path in (BUS_SOCKET, RADIO_SOCKET):
            path.unlink(missing_ok=True)
        await self._wait_for(
            lambda: not any(ADAPTERS.iterdir()), "the adapters did not go away"
        )

    @property
    def verbs(self) -> dict[str, Verb]:
        """Return the switches by name.

        `start NAME`, `signal NAME SIG`, `end NAME SIG`, `rfkill 0|1`.
        """
        return {
            "start": self._start,
            "signal": self._signal,
            "end": self._end,
            "rfkill": self._rfkill,
        }

    async def _start(self, arguments: list[str]) -> Answer:
        await self.start(arguments[0])
        return {}

    async def _signal(self, arguments: list[str]) -> Answer:
        self.send(arguments[0], signal.Signals[arguments[1]])
        return {}

    async def _end(self, arguments: list[str]) -> Answer:
        await self.end(arguments[0], signal.Signals[arguments[1]])
        return {}

    async def _rfkill(self, arguments: list[str]) -> Answer:
        for switch in sorted(RFKILL.iterdir()):
            (switch / "soft").write_text(arguments[0])
        return {}

    async def _appears(self, name: str, path: Path) -> None:
        def is_up() -> bool:
            if self._processes[name].returncode is not None:
                raise ServiceFailed(f"{name} ended at its start")
            return path.exists()

        await self._wait_for(is_up, f"{name} did not come up")

    async def _until_powered(self) -> None:
        """Wait until whoever has the adapters has switched them on."""
        try:
            async with management() as socket, asyncio.timeout(_START_LIMIT):
                while True:
                    on = [await socket.is_powered(i) for i in await socket.indexes()]
                    if len(on) == self._plugged and all(on):
                        return
                    await asyncio.sleep(_LOOK_AGAIN)
        except TimeoutError as error:
            raise ServiceFailed("the adapters were not switched on") from error

    async def _wait_for(self, holds: Callable[[], bool], otherwise: str) -> None:
        try:
            async with asyncio.timeout(_START_LIMIT):
                while not holds():
                    await asyncio.sleep(_LOOK_AGAIN)
        except TimeoutError as error:
            raise ServiceFailed(otherwise) from error
