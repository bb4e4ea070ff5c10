# SPDX-License-Identifier: Apache-2.0
"""What a file from the field says, after it has been checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from custom_components.renogy_bt.const import DEFAULT_RESERVE
from tests.replay.frames import Exchange

type Value = float | str | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedBattery:
    """One battery behind a link."""

    unit: int
    published: Mapping[str, Value]
    answers: tuple[Exchange, ...] = ()
    failure: str | None = None
    has_found_scale: bool = False
    model: str | None = None

    @property
    def is_failing(self) -> bool:
        """Whether the last poll brought no reading of it."""
        return self.failure is not None

    @property
    def is_lost(self) -> bool:
        """Whether the connection broke before all of it was read, which cannot be done again."""
        return self.failure == "link_lost" and not self.was_shown

    @property
    def was_shown(self) -> bool:
        """Whether any value was known."""
        return any(value is not None for value in self.published.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedLink:
    """One link; `failing` is what went over the line in its last failing poll.

    `beginning` is what of its name was told, None where none was heard.

    `is_silent` tells that nothing was read of it: it was out of reach, or not polled.
    """

    address: str
    name: str | None
    family: str
    beginning: str | None = None
    batteries: tuple[ReportedBattery, ...] = ()
    failing: tuple[Exchange, ...] = ()
    is_silent: bool = False
    is_paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """The diagnostics of a bank, a link or a battery."""

    links: tuple[ReportedLink, ...]
    published: Mapping[str, Value] = field(default_factory=dict)
    wiring: str = "parallel"
    reserve: float = DEFAULT_RESERVE
    adapters: tuple[Any, ...] = ()
    """Adapters as they stand in the file: their timelines are checked where they are read."""
    adapters_path: str = "bluetooth_health.adapters"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRun:
    """The report of a probe or of a set-up that failed."""

    outcome: str
    was_connected: bool
    link: ReportedLink
    exchanges: tuple[Exchange, ...]
    unit_ids: tuple[int, ...] = ()
    found: tuple[tuple[int, str | None], ...] = ()
    """The batteries that were found, by unit id and model."""


type FieldReport = Diagnostics | ProbeRun
