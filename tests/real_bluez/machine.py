"""Runs a guest: one order, one User Mode Linux, one folder of results."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
import json
import os
from pathlib import Path
import shutil
import signal
import time
from typing import Final

from .order import Order, Outcome
from .preparation import CHECKOUT, Guest, compile_folder
from .scenarios import Scenario, scenario_of

WORLD: Final = CHECKOUT / "tests" / "emulator" / "worlds" / "owner.json"
LOG: Final = "log.jsonl"
MEMORY: Final = "2048M"
# 2026-11-01, in nanoseconds: the guest's clock begins alike in every run.
START: Final = 1_793_500_000_000_000_000
# Real seconds, on a machine that has other work too.
_BOOT_LIMIT: Final = 300.0
_VIRTUAL_COST: Final = 0.15
_CODE: Final = (
    "custom_components",
    "tests/__init__.py",
    "tests/emulator",
    "tests/real_bluez",
)
_RUN: Final = """\
export PYTHONPATH=/share:/packages:/radio PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/dbus/system_bus_socket
exec python3.14 -m tests.real_bluez.guest
"""


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


async def run_guest(
    guest: Guest, order: Order, runs: Path, code: Path, *, real_time: bool
) -> Result:
    """Boot a guest, wait for its end, and return what came of it."""
    scenario = scenario_of(order)
    share = runs / order.name
    await asyncio.to_thread(_fill_share, share, code, order, scenario)
    began = time.monotonic()
    limit = _BOOT_LIMIT + scenario.length * (1.5 if real_time else _VIRTUAL_COST)
    in_time = await _boot(guest, share, limit, real_time=real_time)
    seconds = round(time.monotonic() - began, 1)
    outcome, failure = _read_share(share)
    if not in_time:
        outcome, failure = None, f"not over within {limit:.0f} s"
    return Result(order=order, outcome=outcome, failure=failure, seconds=seconds)


def kept_result(order: Order, runs: Path) -> Result | None:
    """Return what came of an order the last time, None if it was not run."""
    share = runs / order.name
    if not share.exists():
        return None
    outcome, failure = _read_share(share)
    return Result(order=order, outcome=outcome, failure=failure, seconds=0.0)


def difference_of(order: Order, runs: Path, others: Path) -> str | None:
    """Return where the logs of two runs of an order part, None if they do not."""
    return first_difference(_log_lines(runs, order), _log_lines(others, order))


def _log_lines(runs: Path, order: Order) -> list[str]:
    log = runs / order.name / LOG
    return log.read_text().splitlines() if log.exists() else []


def first_difference(first: Sequence[str], second: Sequence[str]) -> str | None:
    """Return the first pair of lines that is not the same twice, None without any."""
    for number, pair in enumerate(zip_longest(first, second, fillvalue="(end)"), 1):
        if pair[0] != pair[1]:
            return f"line {number}: {pair[0]} / {pair[1]}"
    return None if first else "no log"


def _fill_share(share: Path, code: Path, order: Order, scenario: Scenario) -> None:
    """Write a new share: the code, the world and the order."""
    shutil.rmtree(share, ignore_errors=True)
    shutil.copytree(code, share)
    world = json.loads(WORLD.read_text()) | {"adapters": scenario.adapters}
    (share / "world.json").write_text(json.dumps(world))
    (share / "order.json").write_text(order.as_json())
    (share / "run").write_text(_RUN)


def _read_share(share: Path) -> tuple[Outcome | None, str | None]:
    result = share / "result.json"
    if result.exists():
        return Outcome.from_json(result.read_text()), None
    output = share / "output"
    lines = output.read_text(errors="replace").splitlines() if output.exists() else []
    return None, lines[-1] if lines else "the guest did not start"


async def _boot(guest: Guest, share: Path, limit: float, *, real_time: bool) -> bool:
    """Run a kernel until it ends; kill it at the limit. Tell whether it ended by itself."""
    clock = [] if real_time else ["time-travel=inf-cpu", f"time-travel-start={START}"]
    command = [
        *("nice", str(guest.kernel), f"mem={MEMORY}", "seccomp=on", *clock),
        *("rootfstype=hostfs", f"rootflags={guest.root}", "ro"),
        *("init=/guest-init", "con=null", "con0=fd:0,fd:1", "norandmaps"),
        *("quiet", "loglevel=4", f"share={share}"),
        *(f"packages={guest.site_packages}", f"radio={guest.radio_packages}"),
    ]
    with (share / "kernel.log").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        async with asyncio.timeout(limit):
            await process.wait()
    except TimeoutError:
        return False
    finally:
        if process.returncode is None:
            # The kernel's own processes share its group.
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return True
