# SPDX-License-Identifier: Apache-2.0
"""What the entities of a bank show, for its diagnostics."""

from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import (
    ATTR_DEVICE_CLASS,
    ATTR_UNIT_OF_MEASUREMENT,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    Platform,
)
from homeassistant.core import HomeAssistant, State, callback
from homeassistant.helpers import entity_registry as er

from .settings import battery_identifier, links_of

type Published = dict[str, float | str | bool | None]
"""States by key; only numbers, truth values and words that the integration has chosen."""

_NO_STATE: Final = frozenset({STATE_UNKNOWN, STATE_UNAVAILABLE})
_STATE_CLASS: Final = "state_class"
_ENUM: Final = "enum"


@callback
def async_published(hass: HomeAssistant, entry: ConfigEntry) -> dict[str, Published]:
    """Return what a bank and its batteries show, by their device identifiers.

    Texts and moments are left out: they tell names and addresses, or are of no use later.
    """
    batteries = [
        battery_identifier(battery)
        for link in links_of(entry).values()
        for battery in link.battery_ids
    ]
    # The longest first: an identifier may be the beginning of another one.
    owners = sorted((entry.entry_id, *batteries), key=len, reverse=True)
    published: dict[str, Published] = {}
    for entity in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id):
        owner = next(
            (each for each in owners if entity.unique_id.startswith(f"{each}_")), None
        )
        state = hass.states.get(entity.entity_id)
        if owner is None or state is None:
            continue
        key = entity.unique_id.removeprefix(f"{owner}_")
        if entity.domain == Platform.BINARY_SENSOR:
            is_known = state.state not in _NO_STATE
            shown: float | str | bool | None = (
                state.state == STATE_ON if is_known else None
            )
        elif entity.domain == Platform.SENSOR and _is_told(state, entity):
            shown = _value(state)
        else:
            continue
        published.setdefault(owner, {})[key] = shown
    return published


def _is_told(state: State, entity: er.RegistryEntry) -> bool:
    return (
        ATTR_UNIT_OF_MEASUREMENT in state.attributes
        or _STATE_CLASS in state.attributes
        or entity.original_device_class == _ENUM
        or state.attributes.get(ATTR_DEVICE_CLASS) == _ENUM
    )


def _value(state: State) -> float | str | None:
    if state.state in _NO_STATE:
        return None
    try:
        return float(state.state)
    except ValueError:
        return state.state
