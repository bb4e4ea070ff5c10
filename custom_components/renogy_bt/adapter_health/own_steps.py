"""What this integration itself does to an adapter."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ..bluez.models import PowerFault


class RecoveryStep(StrEnum):
    """A step of the recovery ladder, from gentle to strong."""

    OWN_LINKS = "own_links"
    RESTART_SCANNING = "restart_scanning"
    POWER_CYCLE = "power_cycle"
    FULL_RESET = "full_reset"

    @property
    def is_reset(self) -> bool:
        """Whether the step resets the radio and so counts against the limit."""
        return self in (RecoveryStep.POWER_CYCLE, RecoveryStep.FULL_RESET)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStep:
    """A recovery step that is being taken."""

    step: RecoveryStep
    at: datetime
    begun_at: float
    requested: bool = False
    """Asked for by the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSteps:
    """What is being done to an adapter, and what the last of it has left behind."""

    running: RunningStep | None = None
    ended_at: float | None = None
    """When the last recovery step ended."""
    power_fault: PowerFault | None = None
    """What the last attempt to switch power met."""
