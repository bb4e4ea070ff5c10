# SPDX-License-Identifier: Apache-2.0
"""What the rest of the integration is told about adapters."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .history import AdapterHistory
from .ladder import RecoveryStep
from .samples import Reason, Verdict
from .troubles import Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something the user should be told of."""

    trouble: Trouble
    verdict: Verdict
    reason: Reason
    since: datetime
    tried: tuple[RecoveryStep, ...] = ()
    """Steps that were taken in vain."""
    remedies: tuple[RecoveryStep, ...] = ()
    """Steps that the user can have taken; none if no step of ours can help."""
    count: int = 0
    """How often it happened in the last hour, where that is what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterStatus:
    """The state of one adapter."""

    address: str
    name: str | None = None
    """The adapter's hciN while it is there."""
    verdict: Verdict = Verdict.UNKNOWN
    problem: bool = False
    """A fault, and a link of ours depends on the adapter."""
    notice: Notice | None = None
    advertisement_rate: float | None = None
    """Advertisements of our links and other devices heard, per minute."""
    last_advertisement: datetime | None = None
    history: AdapterHistory = field(default_factory=AdapterHistory)
    has_other_path: bool = False
    """Another scanner hears our links."""


class EventKind(StrEnum):
    """What can happen to an adapter."""

    DETECTED = "detected"
    RECURRING = "recurring"
    """Faults come so often that not each of them is told."""
    STEP_STARTED = "step_started"
    RECOVERED = "recovered"
    NO_EFFECT = "no_effect"
    STEP_FAILED = "step_failed"
    GAVE_UP = "gave_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterEvent:
    """Something that happened to an adapter."""

    address: str
    kind: EventKind
    verdict: Verdict
    step: RecoveryStep | None = None
    detail: str | None = None
    count: int | None = None
    """How many faults were found in the last hour, where not each of them is told."""


class RefusalReason(StrEnum):
    """Why a step that the user asked for is not taken."""

    UNKNOWN_ADAPTER = "unknown_adapter"
    BUSY = "busy"
    LIMIT = "limit"
    STOPPING = "stopping"
    ENTRY_GONE = "entry_gone"
    NOT_AVAILABLE = "not_available"
    TWO_ADAPTERS = "two_adapters"


class RecoveryRefused(Exception):
    """A step that the user asked for is not taken."""

    def __init__(
        self, reason: RefusalReason, wait_seconds: float | None = None
    ) -> None:
        """Keep why, and for how long if that is known."""
        super().__init__(reason)
        self.reason = reason
        self.wait_seconds = wait_seconds
