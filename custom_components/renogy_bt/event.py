# SPDX-License-Identifier: Apache-2.0
"""Events of the Bluetooth adapters, and the alarms of the batteries."""

from datetime import datetime
from typing import override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID, EntityCategory, Platform
from homeassistant.core import CoreState, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.start import async_at_started

from .adapter_health.status import AdapterEvent, EventKind
from .adapters.devices import async_add_adapter_entities
from .batteries.alarm_words import async_alarm_words, async_over_words
from .const import ATTR_BATTERY, ATTR_TEXT, EVENT_ALARM
from .coordinator import RenogyConfigEntry
from .entity import AdapterEntity, RenogyBatteryEntity
from .links.coordinator import LinkCoordinator
from .renogy.alarm_changes import (
    ActiveAlarms,
    AlarmChange,
    AlarmChangeKind,
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

# Not a diagnostic entity: a trigger for a device or an area leaves those out.
ALARM_EVENT = EventEntityDescription(
    key="alarm",
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
    alarm that began or ended while the bank was not loaded fires once it is, and an alarm that
    goes on does not fire again. What is news while Home Assistant starts waits until it has
    started, because no automation listens before. Only fresh readings count: an old or a
    missing reading raises and clears nothing. An alarm is cleared when it has stayed away for a
    while, so that a value at its limit is told once.
    """

    def __init__(self, store: AlarmStore, link: LinkCoordinator, unit: int) -> None:
        """Remember the store of the alarms that were told."""
        super().__init__(link, ALARM_EVENT, unit)
        self._store = store
        self._active = ActiveAlarms()
        self._last_read: datetime | None = None
        self._untold: list[AlarmChange] = []

    @property
    @override
    def available(self) -> bool:
        """Return True: the last event stays true while the battery is silent."""
        return True

    @override
    async def async_added_to_hass(self) -> None:
        """Go on from the alarms that were told, once the last event is a state.

        Home Assistant writes the restored state after this method. A trigger for events needs
        that state: it takes no change from unavailable, and none before the first state.
        """
        await super().async_added_to_hass()
        self._active, self._untold = ActiveAlarms(self._store.known(self.battery)), []
        self._last_read = None
        self.async_on_remove(self.hass.loop.call_soon(self._async_begin).cancel)

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Write the alarms that were told before they are read again."""
        await self._store.async_flush()
        await super().async_will_remove_from_hass()

    @callback
    def _async_begin(self) -> None:
        """Look at the present reading, and tell what is news after the start."""
        self._handle_coordinator_update()
        self.async_on_remove(async_at_started(self.hass, self._async_tell))

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        if self.unit not in self.coordinator.fresh or not self._has_news:
            return
        # Listeners are called for other reasons than a poll, too.
        if self.reading.read_at == self._last_read:
            return
        self._last_read = self.reading.read_at
        active = self._active.read(self.reading.status, self.hass.loop.time())
        self._untold += alarm_changes(self._active.alarms, active.alarms)
        self._active = active
        if self.hass.state is CoreState.running:
            self._async_tell(self.hass)

    @callback
    def _async_tell(self, _: HomeAssistant) -> None:
        """Tell what is news, each alarm by a change of the state; store what was told."""
        for change in self._untold:
            self._async_fire(change)
        self._untold.clear()
        self._store.async_remember(self.battery, self._active.alarms)

    @callback
    def _async_fire(self, change: AlarmChange) -> None:
        words = async_alarm_words(self.hass, change.alarm)
        is_over = change.kind is AlarmChangeKind.CLEARED
        text = async_over_words(self.hass, change.alarm) if is_over else words.name
        self._trigger_event(
            change.kind,
            {
                "alarm": change.alarm.key,
                "severity": change.alarm.severity,
                "cells": list(change.alarm.parts),
                ATTR_TEXT: text,
                "described": text if is_over else str(words),
            },
        )
        self.async_write_ha_state()
        device = self.device_entry
        self.hass.bus.async_fire(
            EVENT_ALARM,
            {
                ATTR_ENTITY_ID: self.entity_id,
                ATTR_DEVICE_ID: device and device.id,
                ATTR_BATTERY: device and (device.name_by_user or device.name),
                ATTR_TEXT: text,
            },
        )


class AdapterRecoveryEvent(AdapterEntity, EventEntity):
    """Fires for every fault, recovery step and result of one adapter."""

    _platform = Platform.EVENT

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
