"""The faults of the matrix, as data."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class ScanMode(StrEnum):
    """Scanning mode of the adapter's entry in Home Assistant."""

    AUTO = "auto"
    ACTIVE = "active"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row of the matrix; all times in seconds.

    `switch` is a fault switch of the emulated world. The time until the batteries are read again
    counts from the fault, or, where the fault is cleared `lasts` seconds later, from its end.
    `issue_within` is when the user must have been told, counted from the fault.
    """

    name: str
    switch: str
    limit: float
    mode: ScanMode = ScanMode.AUTO
    at_start: bool = False
    lasts: float | None = None
    issue_within: float | None = None
    witness: bool = False
    lively_for: float = 0.0
    world: dict[str, object] = field(default_factory=dict)


CASES: Final = (
    Case(
        name="scan-session-lost",
        switch="scan-session-lost",
        mode=ScanMode.ACTIVE,
        limit=75,
    ),
    Case(name="bluetoothd-restart", switch="bluetoothd-restart", limit=75),
    Case(name="bus-restart", switch="bus-restart", limit=90),
    Case(name="renumbered", switch="renumbered", limit=60),
    Case(
        name="start-refused-at-start",
        switch="start-refused",
        world={"advertisement_monitor": False},
        at_start=True,
        limit=180,
    ),
    Case(
        name="start-refused",
        switch="start-refused",
        world={"advertisement_monitor": False},
        limit=180,
    ),
    Case(
        name="discovery-stuck-witnessed",
        switch="discovery-stuck",
        witness=True,
        limit=180,
    ),
    Case(
        name="discovery-stuck-lively-place",
        switch="discovery-stuck",
        lively_for=720,
        limit=300,
    ),
    Case(name="powered-off", switch="powered-off", mode=ScanMode.ACTIVE, limit=240),
    Case(
        name="rfkill-blocked",
        switch="rfkill-blocked",
        lasts=240,
        issue_within=240,
        limit=240,
    ),
    Case(name="connects-failing", switch="connects-failing", limit=900),
    Case(
        name="bluetoothd-hung",
        switch="bluetoothd-hung",
        lasts=150,
        issue_within=120,
        limit=30,
    ),
    Case(
        name="unplugged",
        switch="unplugged",
        lasts=200,
        issue_within=180,
        limit=30,
    ),
)
