# SPDX-License-Identifier: Apache-2.0
"""Buttons of the Bluetooth adapters."""

from typing import override

from homeassistant.components.button import (
    ButtonDeviceClass,
    ButtonEntity,
    ButtonEntityDescription,
)
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .adapter_health.ladder import RecoveryStep
from .adapters.devices import async_add_adapter_entities
from .adapters.recovery import async_recover
from .coordinator import RenogyConfigEntry
from .entity import AdapterEntity

PARALLEL_UPDATES = 1

POWER_CYCLE = ButtonEntityDescription(
    key="power_cycle",
    translation_key="adapter_power_cycle",
    device_class=ButtonDeviceClass.RESTART,
    entity_category=EntityCategory.CONFIG,
    entity_registry_enabled_default=False,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: RenogyConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the buttons of the adapters that this bank shows."""
    async_add_adapter_entities(
        hass,
        entry,
        async_add_entities,
        lambda supervisor, address: [
            AdapterPowerCycleButton(supervisor, address, POWER_CYCLE)
        ],
    )


class AdapterPowerCycleButton(AdapterEntity, ButtonEntity):
    """Switches one adapter off and on again, with Home Assistant's scanner stopped meanwhile."""

    _platform = Platform.BUTTON

    @override
    async def async_press(self) -> None:
        """Power cycle the adapter and wait until that shows an effect."""
        await async_recover(self.hass, self._address, RecoveryStep.POWER_CYCLE)
