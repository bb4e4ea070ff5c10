# SPDX-License-Identifier: Apache-2.0
"""The faults of the matrix, as data."""

from dataclasses import dataclass, field
from enum import StrEnum
import json
from pathlib import Path
from typing import Any, Final

_PASSERS_BY: Final = 8
# Without a solar day the registers stay as the file says.
_STILL: Final = {"solar_day": None}


class ScanMode(StrEnum):
    """Scanning mode of the adapter's entry in Home Assistant."""

    AUTO = "auto"
    ACTIVE = "active"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row of the matrix; all times in seconds.

    `switches` are fault switches of the emulated world, in their order. The time until the batteries are read again
    counts from the fault, or, where the fault is cleared `lasts` seconds later, from its end;
    `limit` is for its median over the phases of the poll.
    `issue_within` is when the user must have been told, counted from the fault.

    With a `window` the fault only sets the scene: Home Assistant's watchdog restarts the scan in
    the middle of an active window of that length, and the time counts from the window's end.
    """

    name: str
    switches: tuple[str, ...]
    limit: float
    mode: ScanMode = ScanMode.AUTO
    at_start: bool = False
    lasts: float | None = None
    issue_within: float | None = None
    witness: bool = False
    known_for: float = 30.0
    lively: bool = False
    window: float | None = None
    world: dict[str, object] = field(default_factory=dict)

    def world_data(self, base: Path) -> dict[str, Any]:
        """Return a world file's data with what this case changes in it."""
        data = json.loads(base.read_text()) | _STILL | self.world
        if self.lively:
            data["links"] += [
                {
                    "name": f"Passer-by {number}",
                    "address": f"5A:00:00:00:00:{number:02X}",
                    "kind": "silent",
                }
                for number in range(_PASSERS_BY)
            ]
        return dict(data)


CASES: Final = (
    Case(
        name="scan-session-lost",
        switches=("scan-session-lost",),
        mode=ScanMode.ACTIVE,
        limit=60,
    ),
    Case(name="bluetoothd-restart", switches=("bluetoothd-restart",), limit=60),
    Case(name="bus-restart", switches=("bus-restart",), limit=60),
    Case(name="renumbered", switches=("renumbered",), limit=60),
    Case(
        name="start-refused-at-start",
        switches=("start-refused",),
        world={"advertisement_monitor": False},
        at_start=True,
        limit=60,
    ),
    Case(
        name="start-refused",
        # A scan that runs goes on: only when it ends, the refusal shows.
        switches=("scan-session-lost", "start-refused"),
        world={"advertisement_monitor": False},
        limit=60,
    ),
    Case(
        name="discovery-stuck-witnessed",
        switches=("discovery-stuck",),
        witness=True,
        known_for=150,
        limit=90,
    ),
    Case(
        name="discovery-stuck-lively-place",
        switches=("discovery-stuck",),
        lively=True,
        known_for=720,
        limit=300,
    ),
    Case(
        name="dead-scanner",
        switches=('discovery-stuck={"until": "cleared"}',),
        window=100,
        limit=60,
    ),
    Case(name="powered-off", switches=("powered-off",), mode=ScanMode.ACTIVE, limit=60),
    Case(
        name="rfkill-blocked",
        switches=("rfkill-blocked",),
        lasts=240,
        issue_within=240,
        limit=60,
    ),
    Case(name="connects-failing", switches=("connects-failing",), limit=300),
    Case(
        name="bluetoothd-hung",
        switches=("bluetoothd-hung",),
        lasts=150,
        issue_within=120,
        limit=30,
    ),
    Case(
        name="unplugged",
        switches=("unplugged",),
        lasts=200,
        issue_within=180,
        limit=30,
    ),
)
