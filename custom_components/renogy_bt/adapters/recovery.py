# SPDX-License-Identifier: Apache-2.0
"""Recovery of a Bluetooth adapter at the user's request."""

from collections.abc import Mapping
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from ..adapter_health.history import StepResult
from ..adapter_health.ladder import RecoveryStep
from ..adapter_health.status import RecoveryRefused, RefusalReason
from ..bluez.models import PowerFault
from ..const import DOMAIN
from ..supervisor.supervisor import Supervisor, async_get_supervisor
from .advice import async_advice

# The request is wrong; all other reasons are temporary.
_INVALID = frozenset(
    {
        RefusalReason.UNKNOWN_ADAPTER,
        RefusalReason.NOT_AVAILABLE,
        RefusalReason.TWO_ADAPTERS,
    }
)

_POWER_FAULTS: Final[Mapping[PowerFault, str]] = {
    PowerFault.BLOCKED: "recovery_failed_blocked",
    PowerFault.ACCESS_DENIED: "recovery_failed_access_denied",
    PowerFault.ADAPTER_GONE: "recovery_failed_adapter_gone",
    PowerFault.TIMED_OUT: "recovery_failed_no_answer",
    PowerFault.BUS_UNAVAILABLE: "recovery_failed_no_answer",
    PowerFault.NOT_READY: "recovery_failed_refused",
    PowerFault.BUSY: "recovery_failed_refused",
    PowerFault.FAILED: "recovery_failed_refused",
}
FAILURES: Final[Mapping[str, str]] = {
    **{
        f"{action}_{fault}": key
        for action in ("power", "power_on", "power_off")
        for fault, key in _POWER_FAULTS.items()
    },
    "reset_refused": "recovery_failed_reset",
    "reset_timed_out": "recovery_failed_reset",
    **{
        f"{action}_{reason}": "recovery_failed_home_assistant"
        for action in ("unload", "reload")
        for reason in ("failed", "timed_out", "not_allowed")
    },
    "entry_gone": "recovery_entry_gone",
}
"""Translation keys by the reason why a step could not be carried out."""
RESULTS: Final[Mapping[StepResult, str]] = {
    StepResult.ABORTED: "recovery_aborted",
    StepResult.UNCLEAR: "recovery_unclear",
    StepResult.NO_EFFECT: "recovery_without_effect",
}
"""Translation keys by what a step came to, if not by a reason."""


async def async_recover(hass: HomeAssistant, address: str, step: RecoveryStep) -> None:
    """Take a recovery step now and return when its effect shows.

    Raises:
        ServiceValidationError: There is no such adapter, or it cannot do this step.
        HomeAssistantError: The step was refused for now, failed, or did not help.

    """
    supervisor = async_get_supervisor(hass)
    try:
        result = await supervisor.async_recover(address, step)
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
    if result is not StepResult.RECOVERED:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=RESULTS.get(result) or _failure(supervisor, address),
            translation_placeholders={
                "address": address,
                **async_advice(hass),
            },
        )


def _failure(supervisor: Supervisor, address: str) -> str:
    """Return the translation key that says why the last step could not be carried out."""
    status = supervisor.adapters.get(address)
    step = status.history.last_step if status is not None else None
    detail = step.detail if step is not None else None
    return FAILURES.get(detail or "", "recovery_failed")
