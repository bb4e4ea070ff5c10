# SPDX-License-Identifier: Apache-2.0
"""Switches of the links."""

from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import RenogyConfigEntry
from .entity import RenogyLinkEntity

# One link need not wait until another link is disconnected.
PARALLEL_UPDATES = 0

POLLING = SwitchEntityDescription(key="polling", entity_category=EntityCategory.CONFIG)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: RenogyConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the switches of a bank's links."""
    for link in entry.runtime_data.links.values():
        async_add_entities(
            [PollingSwitch(link, POLLING)], config_subentry_id=link.subentry_id
        )


class PollingSwitch(RenogyLinkEntity, SwitchEntity):
    """Polls a link while on; while off, Renogy's app can connect."""

    @property
    @override
    def is_on(self) -> bool:
        """Return whether the link is polled."""
        return not self.coordinator.paused

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Poll the link from now on, beginning at once."""
        await self.coordinator.async_set_polling(True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Stop polling the link, and disconnect it."""
        await self.coordinator.async_set_polling(False)
