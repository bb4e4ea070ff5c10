# SPDX-License-Identifier: Apache-2.0
"""How many discovered links are offered at once.

Names and addresses in the air cost nothing to make up: without a bound, somebody near could fill
the page with cards. Home Assistant itself withdraws the card of a device that falls silent.
"""

from typing import Final

from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN

MOST_OFFERED: Final = 8
"""More new links at once no house has seen; all others can be picked by hand."""
MOST_WAITING: Final = 64


class OfferedLinks:
    """The flows that offer a link, and the addresses that wait until there is room."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Start with nothing offered."""
        self._hass = hass
        self._flows: set[str] = set()
        self._waiting: dict[str, None] = {}

    @callback
    def async_offer(self, flow_id: str, address: str) -> bool:
        """Tell whether a flow may offer a link; if not, the link waits."""
        if len(self._flows) < MOST_OFFERED:
            self._flows.add(flow_id)
            self._waiting.pop(address, None)
            return True
        if len(self._waiting) < MOST_WAITING:
            self._waiting[address] = None
        return False

    @callback
    def async_end(self, flow_id: str) -> None:
        """Let the next one that is still heard be offered in place of a flow that is over."""
        if flow_id not in self._flows:
            return
        self._flows.remove(flow_id)
        while self._waiting:
            address = next(iter(self._waiting))
            del self._waiting[address]
            if bluetooth.async_address_present(self._hass, address, connectable=False):
                bluetooth.async_rediscover_address(self._hass, address)
                return


_OFFERED: HassKey[OfferedLinks] = HassKey(f"{DOMAIN}_offered_links")


@callback
def async_offered_links(hass: HomeAssistant) -> OfferedLinks:
    """Return the links that are offered."""
    if (offered := hass.data.get(_OFFERED)) is None:
        offered = hass.data[_OFFERED] = OfferedLinks(hass)
    return offered
