"""Events of the Bluetooth adapters, and the alarms of the batteries."""

from typing import override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import CoreState, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .adapter_health.status import AdapterEvent, EventKind
from .adapters.devices import async_add_adapter_entities
from .coordinator import RenogyConfigEntry
from .entity import AdapterEntity, RenogyBatteryEntity
from .links.coordinator import LinkCoordinator
from .renogy.alarm_changes import (
    AlarmChange,
    AlarmChangeKind,
    active_alarms,
    alarm_changes,
)
from .storage.alarms import AlarmStore

PARALLEL_UPDATES = 0

RECOVERY_EVENT = EventEntityDescription(
    key="recovery",
    translation_key="adapter_recovery",
    entity_category=EntityCategory.DIAGNOSTIC,
    event_types=list(EventKind),
)

ALARM_EVENT = EventEntityDescription(
    key="alarm",
    entity_category=EntityCategory.DIAGNOSTIC,
    event_types=list(AlarmChangeKind),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: RenogyConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the event entities of a bank, and of the adapters that it shows."""
    bank = entry.runtime_data
    async_add_adapter_entities(
        hass,
        entry,
        async_add_entities,
        lambda supervisor, address: [
            AdapterRecoveryEvent(supervisor, address, RECOVERY_EVENT)
        ],
    )
    for link, unit in bank.batteries():
        async_add_entities(
            [BatteryAlarmEvent(bank.alarm_store, link, unit)],
            config_subentry_id=link.subentry_id,
        )


class BatteryAlarmEvent(RenogyBatteryEntity, EventEntity):
    """Fires for every alarm that a battery raises or clears.

    An alarm is news if it is not among the alarms that were told last, which are stored. So an
    alarm that began or ended while Home Assistant was down fires after the start, and an alarm
    that goes on does not fire again. Nothing fires before Home Assistant has started, because
    no automation listens before. Only fresh readings count: an old or a missing reading raises
    and clears nothing.
    """

    def __init__(self, store: AlarmStore, link: LinkCoordinator, unit: int) -> None:
        """Remember the store of the alarms that were told."""
        super().__init__(link, ALARM_EVENT, unit)
        self._store = store

    @property
    @override
    def available(self) -> bool:
        """Return True: the last event stays true while the battery is silent."""
        return True

    @override
    async def async_added_to_hass(self) -> None:
        """Look at the present reading."""
        await super().async_added_to_hass()
        self._async_fire_changes()

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Write the alarms that were told before they are read again."""
        await self._store.async_flush()
        await super().async_will_remove_from_hass()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        self._async_fire_changes()

    @callback
    def _async_fire_changes(self) -> None:
        if (
            self.hass.state is not CoreState.running
            or self.unit not in self.coordinator.fresh
        ):
            return
        known = self._store.known(self.battery)
        active = active_alarms(known, self.reading.status)
        for change in alarm_changes(known, active):
            self._async_fire(change)
        self._store.async_remember(self.battery, active)

    @callback
    def _async_fire(self, change: AlarmChange) -> None:
        self._trigger_event(
            change.kind,
            {
                "alarm": change.alarm.key,
                "severity": change.alarm.severity,
                "cells": list(change.alarm.parts),
            },
        )
        self.async_write_ha_state()


class AdapterRecoveryEvent(AdapterEntity, EventEntity):
    """Fires for every fault, recovery step and result of one adapter."""

    @override
    async def async_added_to_hass(self) -> None:
        """Listen for events, too."""
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
                "step": event.step,
                "detail": event.detail,
                "count": event.count,
            },
        )
        self.async_write_ha_state()
