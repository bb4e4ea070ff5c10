"""System health of the integration."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN
from .coordinator import BankCoordinator
from .supervisor.supervisor import async_get_supervisor


@callback
def async_register(
    hass: HomeAssistant, register: system_health.SystemHealthRegistration
) -> None:
    """Register what the system health page shows."""
    register.async_register_info(_async_info)


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:
    coordinators: list[BankCoordinator] = [
        entry.runtime_data for entry in hass.config_entries.async_loaded_entries(DOMAIN)
    ]
    supervisor = async_get_supervisor(hass)
    polls = [coordinator.data.polled_at for coordinator in coordinators]
    return {
        "links": sum(len(coordinator.links) for coordinator in coordinators),
        "links_paused": sum(
            link.paused
            for coordinator in coordinators
            for link in coordinator.links.values()
        ),
        "batteries": sum(len(coordinator.labels) for coordinator in coordinators),
        "batteries_responding": sum(
            len(coordinator.data.readings)
            for coordinator in coordinators
            if coordinator.last_update_success
        ),
        "last_poll": max(polls, default=None),
        "dbus": supervisor.bus_reachable,
        "adapters": ", ".join(
            f"{status.name or address}: {status.verdict}"
            for address, status in supervisor.adapters.items()
        ),
        "recoveries": sum(
            status.history.recoveries for status in supervisor.adapters.values()
        ),
    }
