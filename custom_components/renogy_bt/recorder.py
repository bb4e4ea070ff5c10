# SPDX-License-Identifier: Apache-2.0
"""Units that mean the same in statistics: what changed its unit goes on with what was kept of it."""

from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .const import DOMAIN

_RECOVERIES: Final = "adapter_recoveries"
_UNITS_OF_RECOVERIES: Final = ("recoveries", "Wiederherstellungen", "herstellingen")
"""What version 0.1.0 counted them in, in the languages that it had; they have no unit any more."""


@callback
def async_custom_equivalent_units(
    hass: HomeAssistant,
) -> dict[str, dict[str | None, str]]:
    """Return, by entity id, which units stand for one and the same."""
    registry = er.async_get(hass)
    return {
        entity.entity_id: dict.fromkeys((None, *_UNITS_OF_RECOVERIES), "")
        for entry in hass.config_entries.async_entries(DOMAIN)
        for entity in er.async_entries_for_config_entry(registry, entry.entry_id)
        if entity.translation_key == _RECOVERIES
    }
