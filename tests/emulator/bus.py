# SPDX-License-Identifier: Apache-2.0
"""A private dbus-daemon."""

import ctypes
from pathlib import Path
import select
import shutil
import signal
import subprocess
import tempfile
from typing import BinaryIO
from urllib.parse import quote

START_LIMIT = 10.0
STOP_LIMIT = 5.0
_CHECKOUT = Path(__file__).parents[2]

# What needs no escape in an address (D-Bus specification, server addresses).
_UNESCAPED = "-_/.\\*"
_CONFIGURATION = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
  <limit name="reply_timeout">3600000</limit>
</busconfig>
"""


def _die_with_parent() -> None:
    signal_at_end_of_parent(signal.SIGKILL)


class BusUnavailable(RuntimeError):
    """There is no dbus-daemon, or it does not start."""


_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def signal_at_end_of_parent(number: signal.Signals) -> None:
    """Have the kernel signal this process when the thread that started it ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, number)


def find_program(name: str) -> Path | None:
    """Return a program of the checkout's own tools, else of the search path."""
    own = _CHECKOUT / ".tools" / "bin" / name
    if own.is_file():
        return own
    found = shutil.which(name)
    return Path(found) if found else None


class PrivateBus:
    """A dbus-daemon on a socket of its own.

    Starting takes some ten milliseconds and waits for the daemon to listen, so that no
    client can come too early. The same object can be started again after `kill`, on the
    same socket.
    """

    def __init__(
        self, socket: Path | None = None, *, ends_with_parent: bool = False
    ) -> None:
        """Take a socket's path; without one it lies in a new temporary folder.

        With `ends_with_parent` the kernel kills the daemon when the thread that calls
        `start` ends, even by a kill; for processes without other threads.
        """
        self._ends_with_parent = ends_with_parent
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._wanted = socket
        self._process: subprocess.Popen[bytes] | None = None
        self.socket: Path | None = None

    @property
    def address(self) -> str:
        """Return what DBUS_SYSTEM_BUS_ADDRESS is to say."""
        return f"unix:path={quote(str(self.socket), safe=_UNESCAPED)}"

    @property
    def process_id(self) -> int | None:
        """Return the daemon's process id while it runs."""
        return self._process.pid if self._process else None

    @property
    def is_running(self) -> bool:
        """Tell whether the daemon runs."""
        return self._process is not None

    def start(self) -> None:
        """Start the daemon and wait until it listens.

        Raises `BusUnavailable` with the reason.
        """
        program = find_program("dbus-daemon")
        if program is None:
            raise BusUnavailable("there is no dbus-daemon (Debian package dbus)")
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="emulated-bus-")
        folder = Path(self._folder.name)
        self.socket = self._wanted or folder / "socket"
        self.socket.unlink(missing_ok=True)
        configuration = folder / "bus.conf"
        configuration.write_text(_CONFIGURATION.format(address=self.address))
        log_file = folder / "daemon.log"
        with log_file.open("wb") as log:
            self._process = self._spawn(program, configuration, log)
        if not self._is_listening(self._process):
            self.kill()
            raise BusUnavailable(
                f"dbus-daemon does not start: {log_file.read_text().strip()}"
            )

    def _spawn(
        self, program: Path, configuration: Path, log: BinaryIO
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                program,
                f"--config-file={configuration}",
                "--nofork",
                "--nopidfile",
                "--print-address=1",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            # Only a process with one thread asks for it.
            preexec_fn=_die_with_parent if self._ends_with_parent else None,  # noqa: PLW1509
        )

    @staticmethod
    def _is_listening(process: subprocess.Popen[bytes]) -> bool:
        """Wait until the daemon says where it listens, or has ended."""
        assert process.stdout is not None
        readable, _, _ = select.select([process.stdout], [], [], START_LIMIT)
        return bool(readable and process.stdout.readline())

    def kill(self) -> None:
        """Kill the daemon; every client loses its connection."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait(STOP_LIMIT)
        if process.stdout is not None:
            process.stdout.close()

    def stop(self) -> None:
        """Kill the daemon and take its socket and folder away."""
        self.kill()
        if self.socket is not None:
            self.socket.unlink(missing_ok=True)
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
