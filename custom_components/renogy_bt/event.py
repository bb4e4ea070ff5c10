"""Events of the Bluetooth adapters."""

from typing import override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .adapters import AdapterEntity, async_add_adapter_entities
from .bluetooth_health.supervisor import AdapterEvent, EventKind
from .coordinator import RenogyConfigEntry

PARALLEL_UPDATES = 0

RECOVERY_EVENT = EventEntityDescription(
    key="recovery",
    translation_key="adapter_recovery",
    entity_category=EntityCategory.DIAGNOSTIC,
    event_types=list(EventKind),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: RenogyConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the event entities of the adapters that this bank shows."""
    async_add_adapter_entities(
        hass,
        entry,
        async_add_entities,
        lambda supervisor, address: [
            AdapterRecoveryEvent(supervisor, address, RECOVERY_EVENT)
        ],
    )


class AdapterRecoveryEvent(AdapterEntity, EventEntity):
    """Fires for every fault, recovery step and result of one adapter."""

    @override
    async def async_added_to_hass(self) -> None:
        """Listen for events besides changes."""
        await super().async_added_to_hass()
        self.async_on_remove(
            self._supervisor.async_add_event_listener(self._async_handle)
        )

    @callback
    def _async_handle(self, event: AdapterEvent) -> None:
        if event.address != self._address:
            return
        self._trigger_event(
            event.kind,
            {
                "verdict": event.verdict,
                "step": event.rung,
                "detail": event.detail,
            },
        )
        self.async_write_ha_state()
