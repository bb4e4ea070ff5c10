# SPDX-License-Identifier: Apache-2.0
"""One trial: batteries are read once a minute, a fault begins, and what becomes of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
import sys
from typing import Final, Protocol

from homeassistant.util import dt as dt_util

from .cases import Case
from .readers import Reader
from .return_of_reads import LASTING, ReturnOfReads

WATCHED_FOR: Final = 600.0
_LOOK_SECONDS: Final = 0.5
_BEFORE_WINDOW: Final = 60.0
_RESTART_SECONDS: Final = 90.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a fault.

    `seconds` until the batteries were read again for good, None where that took over ten minutes;
    `issue_seconds` until the user was told, None where that was not needed; `steps_in_vain` were
    taken while a fault was there that only the outside can end.
    """

    seconds: float | None
    issue_seconds: float | None = None
    steps: tuple[str, ...] = ()
    steps_in_vain: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()


@dataclass(frozen=True)
class Order:
    """A trial to be made: a fault that begins so long after a poll."""

    case: Case
    reader: Reader
    phase: float


def told(order: Order, outcome: Outcome) -> Outcome:
    """Say on the standard error what came of a trial, and return that."""
    trial = f"{order.case.name}, {order.phase:.0f} s after a poll, {order.reader.name}"
    sys.stderr.write(f"{trial}: {outcome}\n")
    return outcome


class Place(Protocol):
    """A Home Assistant on an emulated world; every wait is on its event loop."""

    async def last_read(self) -> datetime | None:
        """Return when every battery had last been read."""

    async def issues(self) -> Sequence[str]:
        """Return what is shown to the user."""

    async def steps(self) -> Sequence[str]:
        """Return the recovery steps that were taken, oldest first."""

    async def scan_started(self) -> str:
        """Return when the scan that runs was started."""

    async def open_window(self, seconds: float) -> None:
        """Have Home Assistant scan actively for a while."""

    async def begin_faults(self) -> None:
        """Let the faults of the case begin."""

    async def clear_faults(self) -> None:
        """Take every fault away."""


async def strike(place: Place, case: Case, phase: float) -> datetime:
    """Let a fault begin so long after a poll; return from when its time counts."""
    await asyncio.sleep(case.known_for)
    before = await place.last_read()
    while await place.last_read() == before:
        await asyncio.sleep(_LOOK_SECONDS)
    await asyncio.sleep(phase)
    if case.window is not None:
        return await _kill_scanner(place, case.window)
    began = dt_util.utcnow()
    await place.begin_faults()
    return began


async def _kill_scanner(place: Place, window: float) -> datetime:
    """Have the scan restarted in an active window; return when the window has ended."""
    before = await place.scan_started()
    await place.begin_faults()
    await asyncio.sleep(_BEFORE_WINDOW)
    opened = _now()
    await place.open_window(window)
    async with asyncio.timeout(_RESTART_SECONDS):
        while await place.scan_started() == before:
            await asyncio.sleep(_LOOK_SECONDS)
    await place.clear_faults()
    await asyncio.sleep(opened + window - _now())
    return dt_util.utcnow()


async def watch(place: Place, case: Case, began: datetime) -> Outcome:
    """Follow a fault that began at a time until the batteries are read for good."""
    start = _now()
    issues: list[str] = []
    issue_seconds: float | None = None
    in_vain: tuple[str, ...] = ()
    returned = None if case.lasts is not None else ReturnOfReads(began)
    limit = max(WATCHED_FOR, case.limit) + (case.lasts or 0) + LASTING.total_seconds()
    while (elapsed := _now() - start) < limit:
        if returned is None and case.lasts is not None and elapsed >= case.lasts:
            in_vain = tuple(await place.steps())
            await place.clear_faults()
            returned = ReturnOfReads(dt_util.utcnow())
        issues += [issue for issue in await place.issues() if issue not in issues]
        if issues and issue_seconds is None:
            issue_seconds = round(elapsed, 1)
        if returned is not None:
            returned.note(await place.last_read())
            if returned.seconds is not None:
                break
        await asyncio.sleep(_LOOK_SECONDS)
    seconds = returned.seconds if returned is not None else None
    return Outcome(
        seconds=None if seconds is None else round(seconds, 1),
        issue_seconds=issue_seconds,
        steps=tuple(await place.steps()),
        steps_in_vain=in_vain,
        issues=tuple(issues),
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
