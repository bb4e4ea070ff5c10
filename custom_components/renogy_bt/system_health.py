# SPDX-License-Identifier: Apache-2.0
"""System health of the integration."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.translation import async_get_translations

from .const import DOMAIN
from .coordinator import BankCoordinator
from .issues.refusals import async_names_of
from .links.coordinator import LinkCoordinator
from .supervisor.neighbours import lost_parts
from .supervisor.supervisor import async_get_supervisor

# The words of the event, which has all that the state has, and one for what is not known yet.
_VERDICT: Final = (
    f"component.{DOMAIN}.entity.event.adapter_recovery"
    ".state_attributes.verdict.state.{}"
)


@callback
def async_register(
    hass: HomeAssistant, register: system_health.SystemHealthRegistration
) -> None:
    """Register what the system health page shows."""
    register.async_register_info(_async_info)


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:
    banks: list[BankCoordinator] = [
        entry.runtime_data for entry in hass.config_entries.async_loaded_entries(DOMAIN)
    ]
    links = [link for bank in banks for link in bank.links.values()]
    supervisor = async_get_supervisor(hass)
    texts = await async_get_translations(hass, hass.config.language, "entity", {DOMAIN})
    return {
        "links": len(links),
        "links_paused": sum(link.paused for link in links),
        "batteries": sum(len(bank.labels) for bank in banks),
        "batteries_responding": sum(
            len(link.readings) - len(link.held) for link in links
        ),
        "refused_readings": _refused(hass, links),
        "last_poll": max(
            (link.polled_at for link in links if link.polled_at is not None),
            default=None,
        ),
        "dbus": supervisor.bus_reachable,
        "adapters": ", ".join(
            f"{status.name or address}: "
            + texts.get(_VERDICT.format(status.verdict), status.verdict)
            for address, status in supervisor.adapters.items()
        ),
        "recoveries": sum(
            status.history.recoveries for status in supervisor.adapters.values()
        ),
        "done_without": ", ".join(lost_parts()),
    }


@callback
def _refused(hass: HomeAssistant, links: Iterable[LinkCoordinator]) -> str | int:
    """Return how many readings were refused since the start, and what could not be true."""
    refused: Counter[str] = Counter()
    for link in links:
        refused.update(link.refusals)
    if not refused:
        return 0
    counts = zip(async_names_of(hass, refused), refused.values(), strict=True)
    told = "; ".join(f"{name}: {count}" for name, count in counts)
    return f"{refused.total()} ({told})"
