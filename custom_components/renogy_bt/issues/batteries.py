# SPDX-License-Identifier: Apache-2.0
"""Notices about batteries that were replaced."""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, issue_registry as ir

from ..batteries.devices import plain_battery_name
from ..const import DOCUMENTATION_URL, DOMAIN
from ..coordinator import BankCoordinator, RenogyConfigEntry
from ..links.coordinator import LinkCoordinator
from ..links.markdown import escaped
from ..links.settings import battery_identifier
from ..renogy.battery import is_same_identity
from ..renogy.models import BatteryId, BatteryIdentity, BatteryReading
from ..renogy.redaction import Redaction
from .identifiers import battery_issue_id, end_of_serial, mark_of
from .links import ATTR_ENTRY_ID, ATTR_SUBENTRY_ID, async_get_link_issues

ATTR_UNIT: Final = "unit"
ATTR_MODEL: Final = "model"
ATTR_CELLS: Final = "cells"
ATTR_SERIAL_BEFORE: Final = "serial_before"

REPLACED: Final = "battery_replaced"

_UNKNOWN: Final = "–"
_BEFORE: Final = ("model_before", "serial_before", "capacity_before", "cells_before")


class ReplacedBatteries:
    """Shows a notice for each battery of a bank that was replaced by another battery.

    The device tells what the battery was before a restart. The notice stays, over restarts
    too, until the user confirms the new battery or the old battery is back.
    """

    def __init__(self, hass: HomeAssistant, entry: RenogyConfigEntry) -> None:
        """Remember the batteries as their devices show them, before the devices are updated."""
        self._hass = hass
        self._entry = entry
        self._bank = entry.runtime_data
        self._known = {
            (link.address, unit): self._told((link.address, unit))
            for link, unit in self._bank.batteries()
        }
        self._readings: dict[BatteryId, BatteryReading] = {}
        self._polled_at: dict[str, datetime | None] = {}

    @callback
    def async_follow(self) -> None:
        """Follow the links, and drop the notices about batteries that are gone."""
        kept = {
            battery_issue_id(REPLACED, link, unit)
            for link, unit in self._bank.batteries()
        }
        async_forget_identities(self._hass, self._entry, kept)
        for link in self._bank.links.values():
            self._entry.async_on_unload(
                link.async_add_listener(partial(self._async_update, link))
            )

    @callback
    def _async_update(self, link: LinkCoordinator) -> None:
        """Compare the batteries in a link's new report with what is known of them."""
        if (
            link.error is not None
            or self._polled_at.get(link.address) == link.polled_at
        ):
            return
        self._polled_at[link.address] = link.polled_at
        report = link.data
        for unit in link.settings.units:
            battery = (link.address, unit)
            identity = report.identities.get(unit)
            known = self._known[battery]
            is_same = identity is None or is_same_identity(known, identity)
            if unit in report.identity_changed or not is_same:
                self._async_changed(
                    link,
                    unit,
                    identity or BatteryIdentity(),
                    report.readings.get(unit),
                )
            if identity is None:
                # Nobody knows yet whose reading this is.
                continue
            self._known[battery] = identity
            if unit in report.fresh:
                self._readings[battery] = report.readings[unit]

    def _told(self, battery: BatteryId) -> BatteryIdentity:
        """Return what a battery told of itself before this start."""
        device = dr.async_get(self._hass).async_get_device_by_identifier(
            (DOMAIN, battery_identifier(battery)), self._entry.entry_id
        )
        if device is None:
            return BatteryIdentity()
        return BatteryIdentity(model=device.model, serial_number=device.serial_number)

    @callback
    def _async_changed(
        self,
        link: LinkCoordinator,
        unit: int,
        identity: BatteryIdentity,
        reading: BatteryReading | None,
    ) -> None:
        """Show a notice, unless the old battery is back or two batteries share the unit id.

        The scale of the current is not known of the other battery, whichever it is.
        """
        link.async_forget_current_scale(unit)
        battery = (link.address, unit)
        redaction = Redaction(link.address, link.settings.name)
        issue_id = battery_issue_id(REPLACED, link, unit)
        issue = ir.async_get(self._hass).async_get_issue(DOMAIN, issue_id)
        known = self._known[battery]
        reading_before = self._readings.get(battery)
        before = _described(known, reading_before, "_before", redaction)
        mark: str | int | float | None = self._mark_of(known)
        if issue is not None and issue.translation_placeholders is not None:
            first = issue.translation_placeholders
            before = {key: first.get(key, _UNKNOWN) for key in _BEFORE}
            mark = (issue.data or {}).get(ATTR_SERIAL_BEFORE)
        new_mark = self._mark_of(identity)
        is_back = (
            issue is not None
            and identity.serial_number not in {None, known.serial_number}
            and new_mark == mark
        )
        if is_back or unit in async_get_link_issues(self._hass).colliding(link.address):
            ir.async_delete_issue(self._hass, DOMAIN, issue_id)
            return
        now = _described(identity, reading, "", redaction)
        if now["serial"] == before["serial_before"] and new_mark != mark:
            now["serial"] = f"≠ {now['serial']}"
        name = plain_battery_name(self._hass, self._bank, battery)
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            issue_id,
            data={
                ATTR_ENTRY_ID: self._entry.entry_id,
                ATTR_SUBENTRY_ID: link.subentry_id,
                ATTR_UNIT: unit,
                ATTR_MODEL: identity.model and redaction.model(identity.model),
                ATTR_CELLS: len(reading.cell_voltages) if reading else None,
                ATTR_SERIAL_BEFORE: mark,
            },
            is_fixable=True,
            is_persistent=True,
            learn_more_url=f"{DOCUMENTATION_URL}#troubleshooting",
            severity=ir.IssueSeverity.WARNING,
            translation_key=REPLACED,
            translation_placeholders={
                "bank": redaction.text(self._entry.title),
                "battery": escaped(redaction.text(name)),
                **before,
                **now,
            },
        )

    def _mark_of(self, identity: BatteryIdentity) -> str | None:
        """Return what tells two serial numbers apart, None where none is known."""
        serial = identity.serial_number
        return None if serial is None else mark_of(self._hass, serial)


@callback
def async_forget_identities(
    hass: HomeAssistant, entry: ConfigEntry, kept: Collection[str] = ()
) -> None:
    """Delete the notices about replaced batteries of a bank, except those that are kept."""
    async_forget_notices(hass, entry, {REPLACED}, kept)


@callback
def async_forget_notices(
    hass: HomeAssistant,
    entry: ConfigEntry,
    kinds: Collection[str],
    kept: Collection[str] = (),
) -> None:
    """Delete the notices of these kinds about a bank, except those that are kept."""
    for (domain, issue_id), issue in tuple(ir.async_get(hass).issues.items()):
        if (
            domain == DOMAIN
            and issue.translation_key in kinds
            and issue.data is not None
            and issue.data.get(ATTR_ENTRY_ID) == entry.entry_id
            and issue_id not in kept
        ):
            ir.async_delete_issue(hass, DOMAIN, issue_id)


def issue_ids_of(kind: str, bank: BankCoordinator) -> dict[BatteryId, str]:
    """Return the ids of the notices of a kind about each battery of a bank."""
    return {
        (link.address, unit): battery_issue_id(kind, link, unit)
        for link, unit in bank.batteries()
    }


def replaced_batteries(bank: BankCoordinator) -> list[BatteryId]:
    """Return the batteries in whose place the last poll has found another one."""
    return [
        (link.address, unit)
        for link, unit in bank.batteries()
        if unit in link.data.identity_changed
    ]


@callback
def async_end_notices(
    hass: HomeAssistant, ids: Mapping[BatteryId, str], noticed: Collection[BatteryId]
) -> None:
    """Delete the notices that are shown about batteries of which there is none to give."""
    for battery, issue_id in ids.items():
        if battery not in noticed and is_shown(hass, issue_id):
            ir.async_delete_issue(hass, DOMAIN, issue_id)


def without_serials(
    hass: HomeAssistant, redaction: Redaction, told: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str | None]]:
    """Return the placeholders and data of a notice that version 0.1.0 has stored, as of today."""
    serial = told.get("serial_before", _UNKNOWN)
    ends = {
        key: end_of_serial(told[key]) or _UNKNOWN
        for key in ("serial_before", "serial")
        if told.get(key, _UNKNOWN) != _UNKNOWN
    }
    named = {
        key: redaction.text(told[key]) for key in ("bank", "battery") if key in told
    }
    mark = None if serial == _UNKNOWN else mark_of(hass, serial)
    return {**told, **named, **ends}, {ATTR_SERIAL_BEFORE: mark}


@callback
def is_shown(hass: HomeAssistant, issue_id: str) -> bool:
    """Return whether a notice is there, ignored or not; after a restart it is not until it is raised again."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    return issue is not None and issue.active


def _described(
    identity: BatteryIdentity,
    reading: BatteryReading | None,
    suffix: str,
    redaction: Redaction,
) -> dict[str, str]:
    """Return what distinguishes a battery from others, as placeholders."""
    model, serial = identity.model, end_of_serial(identity.serial_number)
    return {
        f"model{suffix}": escaped(redaction.model(model)) if model else _UNKNOWN,
        f"serial{suffix}": escaped(serial) if serial else _UNKNOWN,
        f"capacity{suffix}": f"{reading.total_capacity:.1f}" if reading else _UNKNOWN,
        f"cells{suffix}": str(len(reading.cell_voltages)) if reading else _UNKNOWN,
    }
