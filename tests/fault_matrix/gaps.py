# SPDX-License-Identifier: Apache-2.0
"""How long no new value comes during a fault, for each way to read the batteries."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Protocol

from .cases import CASES, Case
from .readers import HOLDING, KEPT, WITH_INTEGRATION, Reader
from .trial import WATCHED_FOR, Order, Place, strike

READERS: Final = (WITH_INTEGRATION, KEPT, *HOLDING)
SCAN_FAULTS: Final = (
    "scan-session-lost",
    "start-refused",
    "discovery-stuck-witnessed",
    "discovery-stuck-lively-place",
    "dead-scanner",
)
"""The faults that leave connections alone: a kept link is to read on."""
NOT_MEASURED: Final = ("bus-restart",)
"""A library that waits for a bus that is gone stops the moved clock."""
LONGEST_INTERRUPTION: Final = 20.0
"""A recovery step may cut a kept link for so long, s."""
_LOOK_SECONDS: Final = 0.5
_MISSED: Final = 3
"""After so many intervals without a value none is to come."""


@dataclass(frozen=True)
class Gap:
    """The longest time from one reading to the next (s, None: no more came), and the steps taken."""

    fault: str
    reader: str
    interval: float
    seconds: float | None
    steps: tuple[str, ...]

    @property
    def is_too_long(self) -> bool:
        """Whether a kept link had a longer gap than a step needs, though only the scan was broken."""
        return (
            self.reader == KEPT.name
            and self.fault in SCAN_FAULTS
            and (
                self.seconds is None
                or self.seconds > LONGEST_INTERRUPTION + self.interval
            )
        )


class ReadingPlace(Place, Protocol):
    """A place that tells of every value."""

    async def last_value(self) -> datetime | None:
        """Return of when the oldest value is that moves; None where a battery has none."""


def orders(faults: Sequence[str] | None, phases: int) -> list[Order]:
    """Return all trials: of a fault that Home Assistant starts with no link is held yet."""
    return [
        Order(case, reader, (number + 0.5) * WITH_INTEGRATION.interval / phases)
        for case in CASES
        if not (case.at_start or case.name in NOT_MEASURED)
        and (not faults or case.name in faults)
        for reader in READERS
        for number in range(phases)
    ]


async def measure(place: ReadingPlace, order: Order) -> Gap:
    """Live through a fault, and return the longest gap."""
    await strike(place, order.case, order.phase)
    seconds = await _longest(place, order.case, order.reader)
    return Gap(
        order.case.name,
        order.reader.name,
        order.reader.interval,
        None if seconds is None else round(seconds, 1),
        tuple(await place.steps()),
    )


async def _longest(place: ReadingPlace, case: Case, reader: Reader) -> float | None:
    now = asyncio.get_running_loop().time
    began = heard_at = now()
    last, longest, is_there = await place.last_value(), 0.0, True
    limit = max(WATCHED_FOR, case.limit) + (case.lasts or 0)
    while (elapsed := now() - began) < limit:
        if is_there and case.lasts is not None and elapsed >= case.lasts:
            await place.clear_faults()
            is_there = False
        read = await place.last_value()
        if read is not None and read != last:
            if last is not None:
                longest = max(longest, (read - last).total_seconds())
            last, heard_at = read, now()
        await asyncio.sleep(_LOOK_SECONDS)
    return None if now() - heard_at > _MISSED * reader.interval else longest


def worst(gaps: Sequence[Gap]) -> list[Gap]:
    """Return of each fault and reader the longest gap."""
    found: dict[tuple[str, str], Gap] = {}
    for gap in gaps:
        key = gap.fault, gap.reader
        if key not in found or _order(gap) > _order(found[key]):
            found[key] = gap
    return list(found.values())


def _order(gap: Gap) -> float:
    return float("inf") if gap.seconds is None else gap.seconds


def as_json(gaps: Sequence[Gap]) -> list[dict[str, object]]:
    """Return the gaps as plain data."""
    return [asdict(gap) for gap in gaps]


def table(gaps: Sequence[Gap]) -> str:
    """Return the gaps as a table in Markdown."""
    head = ["fault", *(f"{each.name} ({each.interval:g} s)" for each in READERS)]
    lines = [head, ["---"] * len(head)]
    by_reader = {(gap.fault, gap.reader): gap for gap in gaps}
    for fault in dict.fromkeys(gap.fault for gap in gaps):
        of_fault = [by_reader[fault, reader.name] for reader in READERS]
        lines.append([f"`{fault}`", *map(_text, of_fault)])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _text(gap: Gap) -> str:
    seconds = "for good" if gap.seconds is None else f"{gap.seconds:.0f}"
    return f"{seconds} **too long**" if gap.is_too_long else seconds
