# SPDX-License-Identifier: Apache-2.0
"""An event loop whose clock leaps over waiting, with everything on it still real.

Home Assistant, habluetooth, bleak, the emulated bluetoothd and the batteries share one event
loop; only the dbus-daemon between them is a process of its own. When the loop has nothing to
do, no job runs in a thread and the daemon has handed on all it was given, then nothing can
happen before the next timer: the clock leaps to it.
"""

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
import os
import selectors
import socket
import sys
import time
from typing import Any, override

from dbus_fast import Message
import pytest

from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity as entity_helper, event as event_helper
from homeassistant.util import dt as dt_util

JOB_PAUSE = 0.0005
"""How long, really, to wait for a job in a thread before looking again, s."""
ROUNDS = 3
"""Round trips after which a daemon with nothing else to do has delivered everything."""
PATIENCE = 5.0


class _DaemonProbe:
    """Makes sure that a dbus-daemon has handed on what it was given before."""

    def __init__(self, address: str) -> None:
        self._path = address.removeprefix("unix:path=").partition(",")[0]
        self._socket: socket.socket | None = None
        self._serial = 1

    def settle(self) -> None:
        """Make a round trip; a daemon that is not there has nothing to hand on."""
        try:
            if self._socket is None:
                self._connect()
            self._call("org.freedesktop.DBus.Peer", "Ping")
        except OSError:
            self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(self._path)
        self._socket.sendall(
            b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode()
        )
        self._socket.sendall(b"\r\n")
        assert self._receive_line().startswith(b"OK")
        self._socket.sendall(b"BEGIN\r\n")
        self._serial = 1
        self._call("org.freedesktop.DBus", "Hello")

    def _receive_line(self) -> bytes:
        line = b""
        while not line.endswith(b"\r\n"):
            line += self._receive(1)
        return line

    def _call(self, interface: str, member: str) -> None:
        assert self._socket is not None
        message = Message(
            destination="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            interface=interface,
            member=member,
            serial=self._serial,
        )
        self._serial += 1
        self._socket.sendall(message._marshall(False))
        # The kinds of messages: 2 is a reply, anything else may come before it.
        while self._receive_message() != 2:
            pass

    def _receive_message(self) -> int:
        header = self._receive(16)
        body, fields = (int.from_bytes(header[at : at + 4], "little") for at in (4, 12))
        self._receive(-(-fields // 8) * 8 + body)
        return header[1]

    def _receive(self, count: int) -> bytes:
        assert self._socket is not None
        data = b""
        while len(data) < count:
            if not (more := self._socket.recv(count - len(data))):
                raise ConnectionResetError
            data += more
        return data


class _LeapingSelector(selectors.BaseSelector):
    """Lets the rest of a time-out have passed when nothing can happen before it."""

    def __init__(
        self, selector: selectors.BaseSelector, daemons: Sequence[_DaemonProbe]
    ) -> None:
        self._selector = selector
        self._daemons = daemons
        self.leapt = 0.0
        self.jobs = 0

    @override
    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None or timeout <= 0:
            return self._selector.select(timeout)
        if self.jobs:
            return self._selector.select(JOB_PAUSE)
        for _ in range(ROUNDS):
            if events := self._selector.select(0):
                return events
            for daemon in self._daemons:
                daemon.settle()
        if not (events := self._selector.select(0)):
            self.leapt += timeout
        return events

    @override
    def register(self, fileobj: Any, events: int, data: Any = None) -> Any:
        return self._selector.register(fileobj, events, data)

    @override
    def unregister(self, fileobj: Any) -> Any:
        return self._selector.unregister(fileobj)

    @override
    def modify(self, fileobj: Any, events: int, data: Any = None) -> Any:
        return self._selector.modify(fileobj, events, data)

    @override
    def close(self) -> None:
        self._selector.close()

    @override
    def get_key(self, fileobj: Any) -> Any:
        return self._selector.get_key(fileobj)

    @override
    def get_map(self) -> Any:
        return self._selector.get_map()


@dataclass
class Clock:
    """The clock that leaps."""

    hass: HomeAssistant

    def now(self) -> float:
        """The time on the loop."""
        return self.hass.loop.time()

    async def until(self, condition: Callable[[], object], limit: float) -> float:
        """Wait until something is so; return how long it took."""
        begun = self.now()
        while not condition():
            assert self.now() - begun <= limit, f"not within {limit:.0f} s"
            await asyncio.sleep(0.1)
        return self.now() - begun


@dataclass
class WallClock:
    """The time of day: it goes on with the clock that leaps, and can be set."""

    set_by: float = 0.0

    def set_forward(self, seconds: float) -> None:
        """Set it, forward or back, as a time server does, or a machine that has slept."""
        self.set_by += seconds


@contextmanager
def warped_time(
    loop: asyncio.AbstractEventLoop, *addresses: str
) -> Generator[WallClock]:
    """Let the clocks of a loop, of habluetooth and of Home Assistant leap together.

    `addresses` are those of all buses that somebody talks over.
    """
    daemons = [_DaemonProbe(address) for address in addresses]
    leaping = _LeapingSelector(loop._selector, daemons)  # type: ignore[attr-defined]
    run_in_executor = loop.run_in_executor

    start = time.monotonic()

    def now() -> float:
        return start + leaping.leapt

    def counted(*arguments: Any) -> asyncio.Future[Any]:
        leaping.jobs += 1
        job = run_in_executor(*arguments)

        def done(_: asyncio.Future[Any]) -> None:
            leaping.jobs -= 1

        job.add_done_callback(done)
        return job

    began, real_time, real_utcnow = now(), time.time(), dt_util.utcnow()
    wall = WallClock()

    def wall_clock() -> float:
        return real_time + now() - began + wall.set_by

    def utcnow() -> datetime:
        return real_utcnow + timedelta(seconds=now() - began + wall.set_by)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "_selector", leaping)
        patch.setattr(loop, "time", now)
        patch.setattr(loop, "run_in_executor", counted)
        patch.setattr(dt_util, "utcnow", utcnow)
        patch.setattr(time, "time", wall_clock)
        patch.setattr(entity_helper, "timer", wall_clock)
        patch.setattr(event_helper, "time_tracker_utcnow", utcnow)
        patch.setattr(event_helper, "time_tracker_timestamp", wall_clock)
        patch.setattr(bluetooth, "MONOTONIC_TIME", now)
        for name, module in list(sys.modules.items()):
            if name.startswith("habluetooth.") and hasattr(
                module, "monotonic_time_coarse"
            ):
                patch.setattr(module, "monotonic_time_coarse", now)
        try:
            yield wall
        finally:
            for daemon in daemons:
                daemon.close()
            # What was timed by the leaping clock must not keep the real one waiting.
            for handle in loop._scheduled:  # type: ignore[attr-defined]
                with suppress(AttributeError):
                    handle._when -= leaping.leapt
