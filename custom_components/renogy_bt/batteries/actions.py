# SPDX-License-Identifier: Apache-2.0
"""Actions on a link or a battery that the user chooses by its device."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.helpers.service import async_get_device_and_config_entry
from homeassistant.util.json import JsonObjectType

from ..const import DOMAIN
from ..coordinator import BankCoordinator
from ..links.coordinator import LinkCoordinator
from ..links.probing import ProbeProblem, async_told
from ..links.rescan import Rescan, async_rescan
from ..links.settings import LinkSettings, battery_identifier, links_of, position
from ..renogy.exceptions import ExceptionReply, LinkBusy, RenogyError, ReplyTimeout
from ..renogy.registers import REGISTER_RANGE
from .probe import polling_is_off


async def async_rescan_link(
    hass: HomeAssistant, device_id: str, *, connect_anyway: bool
) -> JsonObjectType:
    """Probe a link, store and return the batteries behind it.

    Raises:
        ServiceValidationError: The device belongs to no link, its bank is not loaded, or the
            link is left to another app.
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
    if not link.polling and not connect_anyway:
        raise polling_is_off(link)
    rescan = await async_rescan(hass, entry, subentry_id)
    if isinstance(rescan, ProbeProblem):
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=(
                "link_is_no_battery" if rescan.final else f"link_{rescan.key}"
            ),
            translation_placeholders={"link": link.name, "reason": rescan.told},
        )
    return _as_response(rescan)


async def async_read_registers(
    hass: HomeAssistant,
    device_id: str,
    address: int,
    count: int,
    *,
    connect_anyway: bool,
) -> JsonObjectType:
    """Read registers of a battery and return the words as they are.

    Raises:
        ServiceValidationError: The device is not a battery, its bank is not loaded, there are
            no such registers, or the link is left to another app.
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
    if link.paused and not connect_anyway:
        raise polling_is_off(link.settings)
    try:
        words = await link.client.read_registers(unit, address, count)
    except RenogyError as error:
        key, told = async_told(hass, link.address, error)
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=_read_problem(error) or f"link_{key}",
            translation_placeholders={
                "link": link.settings.name,
                "battery": _name_of(device),
                "first": str(address),
                "last": str(last),
                "reason": str(error) if isinstance(error, ExceptionReply) else told,
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


def _read_problem(error: RenogyError) -> str | None:
    """Return the translation key of what kept registers from being read, but for the link."""
    match error:
        case LinkBusy():
            return "registers_busy"
        case ReplyTimeout():
            return "registers_no_answer"
        case ExceptionReply():
            return "registers_refused"
        case _:
            return None


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
