"""Recovery of a Bluetooth adapter at the user's request."""

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .bluetooth_health.history import StepResult
from .bluetooth_health.models import Rung
from .bluetooth_health.supervisor import RecoveryRefused, RefusalReason, Supervisor
from .const import DOMAIN

# What the caller asked for cannot be had, as against: not now.
_INVALID = frozenset({RefusalReason.UNKNOWN_ADAPTER, RefusalReason.NOT_AVAILABLE})


async def async_recover(supervisor: Supervisor, address: str, rung: Rung) -> None:
    """Run a recovery step now and return once its effect shows.

    Raises:
        ServiceValidationError: There is no such adapter, or it cannot do this step.
        HomeAssistantError: The step was refused for now, failed, or did not help.

    """
    try:
        result = await supervisor.async_recover(address, rung)
    except RecoveryRefused as error:
        kind = (
            ServiceValidationError if error.reason in _INVALID else HomeAssistantError
        )
        raise kind(
            translation_domain=DOMAIN,
            translation_key=f"recovery_{error.reason}",
            translation_placeholders={
                "address": address,
                "seconds": f"{error.wait_seconds or 0:.0f}",
            },
        ) from error
    if result is StepResult.NO_EFFECT:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="recovery_without_effect",
            translation_placeholders={"address": address},
        )
    if result is not StepResult.RECOVERED:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="recovery_failed",
            translation_placeholders={"address": address},
        )
