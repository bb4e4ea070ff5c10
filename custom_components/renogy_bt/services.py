"""Actions of the integration."""

from typing import Final

import probatio

from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_register_admin_service

from .bluetooth_health.models import Rung
from .bluetooth_health.supervisor import Supervisor, async_get_supervisor
from .const import DOMAIN
from .recovery import async_recover

ACTION_RECOVER_ADAPTER: Final = "recover_adapter"
ATTR_ADAPTER: Final = "adapter"
ATTR_LEVEL: Final = "level"

LEVELS: Final = {
    "restart_scanning": Rung.RELOAD,
    "power_cycle": Rung.POWER_CYCLE,
    "full_reset": Rung.FULL_RESET,
}

RECOVER_ADAPTER_SCHEMA: Final = probatio.Schema(
    {
        probatio.Optional(ATTR_ADAPTER): cv.string,
        probatio.Optional(ATTR_LEVEL, default="power_cycle"): probatio.In(LEVELS),
    }
)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""

    async def recover_adapter(call: ServiceCall) -> None:
        supervisor = async_get_supervisor(hass)
        await async_recover(
            supervisor,
            _adapter(supervisor, call.data.get(ATTR_ADAPTER)),
            LEVELS[call.data[ATTR_LEVEL]],
        )

    async_register_admin_service(
        hass,
        DOMAIN,
        ACTION_RECOVER_ADAPTER,
        recover_adapter,
        schema=RECOVER_ADAPTER_SCHEMA,
    )


def _adapter(supervisor: Supervisor, address: str | None) -> str:
    """Return the address of the adapter that is meant; the only one needs no naming."""
    if address is not None:
        return address.strip().upper()
    if len(supervisor.adapters) != 1:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="which_adapter",
            translation_placeholders={
                "adapters": ", ".join(sorted(supervisor.adapters)) or "–"
            },
        )
    return next(iter(supervisor.adapters))
