# SPDX-License-Identifier: Apache-2.0
"""Alarms in the logbook, in words."""

from collections.abc import Callable
from typing import Any

from homeassistant.const import ATTR_ENTITY_ID, ATTR_NAME
from homeassistant.core import Event, HomeAssistant, callback

from .const import ATTR_BATTERY, ATTR_TEXT, DOMAIN, EVENT_ALARM


@callback
def async_describe_events(
    hass: HomeAssistant,
    async_describe_event: Callable[
        [str, str, Callable[[Event[Any]], dict[str, Any]]], None
    ],
) -> None:
    """Describe the alarms of the batteries."""

    @callback
    def describe(event: Event[Any]) -> dict[str, Any]:
        return {
            ATTR_NAME: event.data[ATTR_BATTERY],
            "message": event.data[ATTR_TEXT],
            ATTR_ENTITY_ID: event.data[ATTR_ENTITY_ID],
        }

    async_describe_event(DOMAIN, EVENT_ALARM, describe)
