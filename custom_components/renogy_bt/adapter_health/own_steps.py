"""What this integration itself does to an adapter."""

from enum import StrEnum


class RecoveryStep(StrEnum):
    """A step of the recovery ladder, from gentle to strong."""

    OWN_LINKS = "own_links"
    RESTART_SCANNING = "restart_scanning"
    POWER_CYCLE = "power_cycle"
    FULL_RESET = "full_reset"
    TELL = "tell"

    @property
    def is_reset(self) -> bool:
        """Whether the step resets the radio and so counts against the limit."""
        return self in (RecoveryStep.POWER_CYCLE, RecoveryStep.FULL_RESET)
