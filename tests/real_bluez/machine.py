# SPDX-License-Identifier: Apache-2.0
"""Runs guests: User Mode Linux with the services, Home Assistant and a row of orders."""

import asyncio
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import zip_longest
import json
import os
from pathlib import Path
import shutil
import signal
import time
from typing import Any, Final

from .order import Order, Outcome
from .order_folder import OrderFolder
from .preparation import CHECKOUT, Guest, compile_folder
from .scenarios import scenario_of

WORLD: Final = CHECKOUT / "tests" / "emulator" / "worlds" / "owner.json"
MEMORY: Final = "2048M"
# 2026-11-01, in nanoseconds: every order begins then.
START: Final = 1_793_500_000_000_000_000
# Real seconds, on a machine that has other work too: for a start and one order.
_START_LIMIT: Final = 300.0
_VIRTUAL_COST: Final = 0.15
_LOOK_AGAIN: Final = 0.2
_CODE: Final = (
    "custom_components",
    "tests/__init__.py",
    "tests/emulator",
    "tests/real_bluez",
)
_RUN: Final = """\
export PYTHONPATH=/code:/packages:/radio PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/dbus/system_bus_socket
{clock}
exec python3.14 -m tests.real_bluez.guest {start} {folders}
"""
# Only where time passes in waits alone.
_STILL_CLOCK: Final = "export LD_PRELOAD=/still_clock.so"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of an order: its outcome, or why there is none. `seconds` of real time.

    `difference`: where the log of a second run was another one, if there was one and it was.
    """

    order: Order
    outcome: Outcome | None
    failure: str | None
    seconds: float
    difference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a guest is run from, and where.

    `runs`: the folder of its share and its logs. `processor`: the one that it gets. Its
    kernel and its programs take turns all the time, which costs a third more between two.
    """

    guest: Guest
    code: Path
    runs: Path
    real_time: bool
    processor: int

    async def carry_out(
        self, orders: Sequence[Order], name: str
    ) -> AsyncGenerator[Result]:
        """Yield what came of each order, in turn.

        They share a guest. One that does not survive an order is followed by another.
        """
        world = json.loads(WORLD.read_text())
        for order in orders:
            self._folder(order).write(order, json.dumps(_world_of(order, world)))
        left = list(orders)
        while left:
            async with self._running(left, name) as process:
                while left:
                    result = await self._next(process, left[0])
                    left.pop(0)
                    yield result
                    if not self._folder(result.order).is_over:
                        break

    def _folder(self, order: Order) -> OrderFolder:
        return OrderFolder(self.runs / order.name)

    async def _next(self, process: Process, order: Order) -> Result:
        """Wait for the order that is being carried out."""
        folder = self._folder(order)
        scenario = scenario_of(order)
        cost = 1.5 if self.real_time else _VIRTUAL_COST
        limit = _START_LIMIT + scenario.length * cost
        began = time.monotonic()
        failure: str | None = None
        try:
            async with asyncio.timeout(limit):
                while not folder.is_over and process.returncode is None:
                    await asyncio.sleep(_LOOK_AGAIN)
        except TimeoutError:
            failure = f"not over within {limit:.0f} s"
        return Result(
            order=order,
            outcome=None if failure else folder.outcome(),
            failure=failure or folder.failure(),
            seconds=round(time.monotonic() - began, 1),
        )

    @asynccontextmanager
    async def _running(
        self, orders: Sequence[Order], name: str
    ) -> AsyncIterator[Process]:
        """Have a kernel carry orders out as long as the context lasts."""
        folders = " ".join(f"/share/{order.name}" for order in orders)
        script = self.runs / f"{name}.sh"
        clock = "" if self.real_time else _STILL_CLOCK
        script.write_text(_RUN.format(clock=clock, start=START, folders=folders))
        with (self.runs / f"{name}.log").open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *self._command(script.name),
                stdin=DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd=self.runs,
                env={**os.environ, "LD_PRELOAD": str(self.guest.entropy)},
            )
        os.sched_setaffinity(process.pid, {self.processor})
        try:
            yield process
        finally:
            if process.returncode is None:
                # The kernel's own processes share its group.
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()

    def _command(self, script: str) -> Sequence[str | Path]:
        guest = self.guest
        clock = ["time-travel=inf-cpu", f"time-travel-start={START}"]
        return [
            *("nice", guest.kernel, f"mem={MEMORY}", "seccomp=on", "norandmaps"),
            *([] if self.real_time else clock),
            *("con=null", "con0=fd:0,fd:1", "quiet", "loglevel=4"),
            *("rootfstype=hostfs", f"rootflags={guest.root}", "ro", "init=/guest-init"),
            # All of this is part of the guest's entropy: the same in two runs of one folder.
            *("share=/proc/self/cwd", f"script={script}", f"code={self.code}"),
            f"packages={guest.site_packages}",
            f"radio={guest.radio_packages}",
        ]


def _world_of(order: Order, world: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is on the air of an order."""
    scenario = scenario_of(order)
    sun = {"solar_day"} if scenario.still else set()
    rest = {key: value for key, value in world.items() if key not in sun}
    links = [*world["links"], *(_neighbour(n) for n in range(scenario.neighbours))]
    return rest | {"adapters": scenario.adapters, "links": links}


def _neighbour(number: int) -> dict[str, Any]:
    """Return a device that is not ours, and takes connections."""
    return {
        "name": f"Lamp {number}",
        "address": f"C8:F0:9E:5A:00:{number:02X}",
        "kind": "silent",
        "services": False,
    }


def take_snapshot(runs: Path) -> Path:
    """Copy the code as it is now, compiled, so that all runs are of the same."""
    code = runs / "code"
    shutil.rmtree(code, ignore_errors=True)
    (code / "tests").mkdir(parents=True)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in _CODE:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, code / name, ignore=ignored)
        else:
            shutil.copy2(source, code / name)
    compile_folder(code)
    return code


def kept_result(order: Order, runs: Path) -> Result | None:
    """Return what came of an order the last time, None if it was not run."""
    folder = OrderFolder(runs / order.name)
    if not folder.path.exists():
        return None
    return Result(
        order=order, outcome=folder.outcome(), failure=folder.failure(), seconds=0.0
    )


def difference_of(order: Order, runs: Path, others: Path) -> str | None:
    """Return where the logs of two runs of an order part, None if they do not."""
    return first_difference(_log_lines(runs, order), _log_lines(others, order))


def _log_lines(runs: Path, order: Order) -> list[str]:
    log = OrderFolder(runs / order.name).log
    return log.read_text().splitlines() if log.exists() else []


def first_difference(first: Sequence[str], second: Sequence[str]) -> str | None:
    """Return the first pair of lines that is not the same twice, None without any."""
    for number, pair in enumerate(zip_longest(first, second, fillvalue="(end)"), 1):
        if pair[0] != pair[1]:
            return f"line {number}: {pair[0]} / {pair[1]}"
    return None if first else "no log"
