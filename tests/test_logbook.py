# SPDX-License-Identifier: Apache-2.0
"""Alarms in the logbook."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.renogy_bt.const import DOMAIN, EVENT_ALARM
from custom_components.renogy_bt.logbook import async_describe_events
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from tests.alarm_clock import AlarmClock
from tests.banks import bank_entry, battery_state, link_settings, next_poll, set_up
from tests.fake_air import FakeAir
from tests.renogy.fake_link import FakeLink, rbt50lfp48s


@pytest.mark.parametrize(
    ("language", "raised", "cleared"),
    [
        ("en", "Charge over-current", "Charge over-current is over"),
        ("de", "Überstrom beim Laden", "Überstrom beim Laden ist vorbei"),
    ],
)
async def test_alarms_are_told_in_words(
    hass: HomeAssistant,
    air: FakeAir,
    alarm_clock: AlarmClock,
    language: str,
    raised: str,
    cleared: str,
) -> None:
    """The logbook names the battery as its owner does, and the alarm as everything else does."""
    hass.config.language = language
    battery = rbt50lfp48s()
    air.bring(FakeLink({48: battery}))
    entry = bank_entry(link_settings(units=(48,)))
    await set_up(hass, entry)
    (device,) = (
        each
        for each in dr.async_entries_for_config_entry(
            dr.async_get(hass), entry.entry_id
        )
        if each.serial_number
    )
    dr.async_get(hass).async_update_device(device.id, name_by_user="Fridge")
    fired = async_capture_events(hass, EVENT_ALARM)
    battery.put(5106, [0x000E | 1 << 9])
    await next_poll(hass)
    battery.put(5106, [0x000E])
    await alarm_clock.polls(hass)
    describe: dict[tuple[str, str], Any] = {}

    @callback
    def note(domain: str, event_type: str, description: Any) -> None:
        describe[domain, event_type] = description

    async_describe_events(hass, note)
    shown = [describe[DOMAIN, EVENT_ALARM](event) for event in fired]
    event = battery_state(hass, "alarm", platform="event").entity_id
    assert shown == [
        {"name": "Fridge", "message": message, "entity_id": event}
        for message in (raised, cleared)
    ]
