"""Starts dbus-daemon, the radio and bluetoothd, and serves their switches.

They are children of a process with all rights, while Home Assistant may run without.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
import signal
import sys
from typing import Final

from tests.real_bluez.radio.control import Answer, Verb

from .places import BUS_SOCKET, RADIO_SOCKET, RFKILL, SHARE, WORLD

_START_LIMIT: Final = 30.0
_STOP_LIMIT: Final = 10.0
_LOOK_AGAIN: Final = 0.05


class ServiceFailed(Exception):
    """A service did not come up; the message names it."""


class Services:
    """The system services of the guest, each at most once."""

    def __init__(self, *, monitors: bool, plugged: int, beacons: int) -> None:
        """Choose bluetoothd's experimental monitors and what is on the air."""
        experimental = ["-E"] if monitors else []
        self._commands: dict[str, Sequence[str]] = {
            "dbus": ("dbus-daemon", "--system", "--nofork", "--nopidfile"),
            "radio": (
                sys.executable,
                "-m",
                "tests.real_bluez.radio",
                f"--world={WORLD}",
                f"--socket={RADIO_SOCKET}",
                f"--plugged={plugged}",
                f"--beacons={beacons}",
            ),
            "bluetoothd": (
                "/usr/libexec/bluetooth/bluetoothd",
                "--nodetach",
                *experimental,
            ),
        }
        self._processes: dict[str, asyncio.subprocess.Process] = {}

    async def start_all(self) -> None:
        """Start everything in order; raises `ServiceFailed`."""
        await self.start("dbus")
        await self._appears("dbus", BUS_SOCKET)
        await self.start("radio")
        await self._appears("radio", RADIO_SOCKET)
        await self.start("bluetoothd")

    async def start(self, name: str) -> None:
        """Start a service that is not running; its output goes to the share."""
        process = self._processes.get(name)
        if process is not None and process.returncode is None:
            return
        with (SHARE / f"{name}.log").open("ab") as output:
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
        try:
            async with asyncio.timeout(_START_LIMIT):
                while not path.exists():
                    if self._processes[name].returncode is not None:
                        raise ServiceFailed(f"{name} ended at its start")
                    await asyncio.sleep(_LOOK_AGAIN)
        except TimeoutError as error:
            raise ServiceFailed(f"{name} did not come up") from error
