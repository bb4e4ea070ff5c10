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

    What is news is told by the alarms that were told of last, which outlive Home Assistant: an
    alarm that arose or ended meanwhile fires once it is read after the start, one that just
    goes on does not fire again. Nothing fires before Home Assistant has started, since no
    automation listens before. A battery's first alarms ever are news. Only fresh readings
    count: one that is held or missing raises and clears nothing.
    """

    def __init__(self, store: AlarmStore, link: LinkCoordinator, unit: int) -> None:
        """Remember where it is kept which alarms were told of."""
        super().__init__(link, ALARM_EVENT, unit)
        self._store = store

    @property
    @override
    def available(self) -> bool:
        """Return True: what happened last stays true while a battery is silent."""
        return True

    @override
    async def async_added_to_hass(self) -> None:
        """Look at the reading that is there already."""
        await super().async_added_to_hass()
        self._async_fire_changes()

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Have what was told written before it is read again."""
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
                "step": event.step,
                "detail": event.detail,
            },
        )
        self.async_write_ha_state()
