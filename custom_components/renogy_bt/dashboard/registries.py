# SPDX-License-Identifier: Apache-2.0
"""What the registries of Home Assistant say of the banks, for a dashboard."""

from collections import Counter
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util.json import JsonObjectType

from ..adapters.devices import async_adapter_devices
from ..const import DOMAIN
from ..links.settings import (
    LinkSettings,
    async_banks,
    battery_identifier,
    link_identifier,
    links_of,
)
from .layout import SENSOR_NAMES, WORDS, Bank, Device, Words, dashboard

_WORD: Final = f"component.{DOMAIN}.selector.dashboard.options."
_SENSOR_NAME: Final = f"component.{DOMAIN}.entity.sensor."


async def async_create_dashboard(
    hass: HomeAssistant, language: str | None
) -> JsonObjectType:
    """Return a dashboard of all banks, in Home Assistant's language unless another is asked for.

    Raises:
        ServiceValidationError: There is no bank.

    """
    banks = [
        _bank(hass, entry) for entry in async_banks(hass) if entry.disabled_by is None
    ]
    if not banks:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="dashboard_without_bank"
        )
    words = await _async_words(hass, language or hass.config.language)
    adapters = (_device(hass, each) for each in async_adapter_devices(hass))
    return dashboard(banks, adapters, words)


async def _async_words(hass: HomeAssistant, language: str) -> Words:
    texts = await async_get_translations(hass, language, "selector", {DOMAIN})
    names = await async_get_translations(hass, language, "entity", {DOMAIN})
    return {
        **{word: texts[_WORD + word] for word in WORDS},
        **{key: names[f"{_SENSOR_NAME}{key}.name"] for key in SENSOR_NAMES},
    }


@callback
def _bank(hass: HomeAssistant, entry: ConfigEntry) -> Bank:
    links = links_of(entry).values()
    return Bank(
        device=_find(hass, entry, entry.entry_id) or Device(entry.title),
        batteries=tuple(
            device
            for link in links
            for battery in link.battery_ids
            if (device := _find(hass, entry, battery_identifier(battery)))
        ),
        links=tuple(
            device
            for link in links
            if (device := _find(hass, entry, _identifier_of_link(link)))
        ),
    )


def _identifier_of_link(link: LinkSettings) -> str:
    """Return the identifier of the device that has a link's entities."""
    if link.is_dongle:
        return link_identifier(link.address)
    return battery_identifier(link.battery_ids[0])


@callback
def _find(hass: HomeAssistant, entry: ConfigEntry, identifier: str) -> Device | None:
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, identifier), entry.entry_id
    )
    return None if device is None else _device(hass, device)


@callback
def _device(hass: HomeAssistant, device: DeviceEntry) -> Device:
    """Return a device with its entities that are enabled and shown.

    Those of which it has several, as the cells, have one key together, and are left out.
    """
    registry = er.async_get(hass)
    keys = [
        (f"{entity.domain}.{entity.translation_key}", entity)
        for entity in er.async_entries_for_device(registry, device.id)
        if entity.platform == DOMAIN
    ]
    numbers = Counter(key for key, _ in keys)
    return Device(
        name=device.name_by_user or device.name or device.id,
        entities={
            key: entity.entity_id
            for key, entity in keys
            if entity.hidden_by is None and numbers[key] == 1
        },
    )
