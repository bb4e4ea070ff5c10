"""Actions on a link or a battery that the user chooses by its device."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.helpers.service import async_get_device_and_config_entry
from homeassistant.util.json import JsonObjectType

from ..const import DOMAIN
from ..coordinator import BankCoordinator
from ..links.connection import LinkNotSeen
from ..links.coordinator import LinkCoordinator
from ..links.probing import ProbeProblem
from ..links.rescan import Rescan, async_rescan
from ..links.settings import LinkSettings, battery_identifier, links_of, position
from ..renogy.exceptions import (
    ExceptionReply,
    LinkClosed,
    LinkLost,
    LinkUnreachable,
    RenogyError,
    ReplyTimeout,
)
from ..renogy.registers import REGISTER_RANGE

# The more special an error, the earlier.
READ_ERRORS: Final[Mapping[type[RenogyError], str]] = MappingProxyType(
    {
        LinkNotSeen: "link_not_reachable",
        LinkClosed: "link_closed",
        LinkUnreachable: "link_cannot_connect",
        LinkLost: "link_connection_lost",
        ReplyTimeout: "registers_no_answer",
        ExceptionReply: "registers_refused",
    }
)
"""Translation keys by what can go wrong while registers are read."""

RESCAN_PROBLEMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "not_reachable": "link_not_reachable",
        "cannot_connect": "link_cannot_connect",
        "connection_lost": "link_connection_lost",
        "no_answer": "link_no_answer",
    }
)
"""Translation keys by the problem of a probe that may pass."""


async def async_rescan_link(hass: HomeAssistant, device_id: str) -> JsonObjectType:
    """Look which batteries are behind a link, store and return them.

    Raises:
        ServiceValidationError: The device is none of a link, or its bank is not loaded.
        HomeAssistantError: The link could not be read.

    """
    device, entry = _device_and_bank(hass, device_id)
    subentry_id = device.config_subentry_id
    link = links_of(entry).get(subentry_id or "")
    if subentry_id is None or link is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="device_has_no_link",
            translation_placeholders={"device": _name_of(device)},
        )
    rescan = await async_rescan(hass, entry, subentry_id)
    if isinstance(rescan, ProbeProblem):
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=RESCAN_PROBLEMS.get(rescan.key, "link_is_no_battery"),
            translation_placeholders={"link": link.name, "reason": rescan.reason},
        )
    return _as_response(rescan)


async def async_read_registers(
    hass: HomeAssistant, device_id: str, address: int, count: int
) -> JsonObjectType:
    """Read registers of a battery and return the words as they are.

    Raises:
        ServiceValidationError: The device is no battery, its bank is not loaded, or there are
            no such registers.
        HomeAssistantError: The battery could not be read.

    """
    device, entry = _device_and_bank(hass, device_id)
    link, unit = _battery_of(device, entry)
    last = address + count - 1
    if address not in REGISTER_RANGE or last not in REGISTER_RANGE:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="registers_outside",
            translation_placeholders={
                "first": str(address),
                "last": str(last),
                "lowest": str(REGISTER_RANGE[0]),
                "highest": str(REGISTER_RANGE[-1]),
            },
        )
    try:
        words = await link.async_read_registers(unit, address, count)
    except tuple(READ_ERRORS) as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=next(
                key for kind, key in READ_ERRORS.items() if isinstance(error, kind)
            ),
            translation_placeholders={
                "link": link.settings.name,
                "battery": _name_of(device),
                "first": str(address),
                "last": str(last),
                "reason": str(error),
            },
        ) from error
    return {"unit": unit, "address": address, "words": list(words)}


@callback
def _device_and_bank(
    hass: HomeAssistant, device_id: str
) -> tuple[DeviceEntry, ConfigEntry]:
    """Return a device of a loaded bank; raises ServiceValidationError."""
    return async_get_device_and_config_entry(
        hass, DOMAIN, device_id, include_child_devices=False
    )


def _battery_of(device: DeviceEntry, entry: ConfigEntry) -> tuple[LinkCoordinator, int]:
    bank: BankCoordinator = entry.runtime_data
    for link, unit in bank.batteries():
        if (DOMAIN, battery_identifier((link.address, unit))) in device.identifiers:
            return link, unit
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="device_is_no_battery",
        translation_placeholders={"device": _name_of(device)},
    )


def _name_of(device: DeviceEntry) -> str:
    return device.name_by_user or device.name or device.id


def _as_response(rescan: Rescan) -> JsonObjectType:
    link: LinkSettings = rescan.result()
    silent = {battery.unit for battery in rescan.silent}
    return {
        "batteries": [
            {
                "unit": battery.unit,
                "position": position(battery.unit, link.units),
                "model": battery.model,
                "cells": battery.cells,
                "answers": battery.unit not in silent,
                "new": battery.unit in rescan.added,
            }
            for battery in link.batteries
        ]
    }
