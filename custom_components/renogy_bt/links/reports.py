# SPDX-License-Identifier: Apache-2.0
"""The report of a probe, for the user to send: docs/field-reports.md has its fields."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
import json
from typing import Any, Final

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BluetoothServiceInfoBleak
from homeassistant.const import __version__ as home_assistant_version
from homeassistant.core import HomeAssistant, callback
from homeassistant.loader import async_get_integration

from ..const import DOMAIN
from ..renogy.exchanges import exchange_data, redacted_exchanges
from ..renogy.families import family_of, local_name
from ..renogy.gatt import OfferedCharacteristic
from ..renogy.models import ProbeReport
from ..renogy.recording import Recording
from ..renogy.redaction import Redaction, redacted_name

FAILED: Final = "failed_set_up"
PROBE: Final = "probe"
"""The kinds of reports: of a probe that found no battery, and of one that did."""
FOUND: Final = "found"
"""The outcome of a probe that found batteries; the others are ends of translation keys."""
VERSION: Final = 1

# A peripheral may advertise and offer what it likes.
MOST_LISTED: Final = 64
MOST_TEXT: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt to find batteries behind a link, and what went over its connection."""

    address: str
    name: str | None
    unit_ids: tuple[int, ...]
    recording: Recording


async def async_report(
    hass: HomeAssistant,
    attempt: Attempt,
    outcome: str,
    reason: str = "",
    found: ProbeReport | None = None,
) -> dict[str, Any]:
    """Return the report of an attempt, with what it found if it did not fail."""
    integration = await async_get_integration(hass, DOMAIN)
    recording = attempt.recording
    heard = bluetooth.async_last_service_info(hass, attempt.address, connectable=False)
    # A name that was heard after the attempt began is not to be told either.
    heard_name = None if heard is None else local_name(heard.name)
    redaction = Redaction(attempt.address, attempt.name or heard_name)
    return {
        "kind": FAILED if found is None else PROBE,
        "version": VERSION,
        "integration": str(integration.version),
        "home_assistant": home_assistant_version,
        "outcome": outcome,
        "reason": redaction.text(without_names(hass, reason))[:MOST_TEXT],
        "found": None if found is None else _found(found, redaction),
        "seconds": round(hass.loop.time() - recording.began_at, 3),
        "address": redaction.address,
        "family": family_of(attempt.name).key,
        "advertisement": None
        if heard is None
        else advertisement_data(heard, redaction),
        "unit_ids": list(attempt.unit_ids),
        "connected_at": None
        if recording.connected_at is None
        else round(recording.connected_at - recording.began_at, 3),
        "characteristics": characteristics_data(recording.characteristics),
        "exchanges": [
            exchange_data(each, recording.began_at)
            for each in redacted_exchanges(recording.exchanges, redaction)
        ],
        "left_out": recording.left_out,
    }


def _found(report: ProbeReport, redaction: Redaction) -> dict[str, Any]:
    return {
        "family": report.family,
        "batteries": [
            {
                "unit": battery.unit,
                "model": battery.model and redaction.model(battery.model),
                "cells": battery.cells,
            }
            for battery in report.batteries
        ],
        "others": [
            {"unit": other.unit, "kind": str(other.kind)} for other in report.others
        ],
    }


@callback
def without_names(hass: HomeAssistant, text: str) -> str:
    """Return a text without the names of the adapters and proxies that Home Assistant has."""
    names = {scanner.name for scanner in bluetooth.async_current_scanners(hass)}
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, "a scanner")
    return text


def as_text(report: dict[str, Any]) -> str:
    """Return a report as JSON with one exchange a line: people read it too."""
    exchanges = ",\n".join(
        json.dumps(each, separators=(",", ":")) for each in report["exchanges"]
    )
    head = json.dumps(report | {"exchanges": []}, indent=1)
    return head.replace('"exchanges": []', f'"exchanges": [\n{exchanges}\n ]', 1)


def characteristics_data(
    offered: Iterable[OfferedCharacteristic],
) -> list[dict[str, Any]]:
    """Return what a peripheral offers, as plain data."""
    return [
        {
            "service": each.service,
            "uuid": each.uuid,
            "properties": list(each.properties),
        }
        for each in islice(offered, MOST_LISTED)
    ]


def advertisement_data(
    info: BluetoothServiceInfoBleak, redaction: Redaction
) -> dict[str, Any]:
    """Return what was heard of a peripheral, as plain data."""
    name = local_name(info.name)
    return {
        "name": redacted_name(name),
        "name_length": len(name or ""),
        "services": info.service_uuids[:MOST_LISTED],
        "manufacturer_data": [
            redaction.data(company.to_bytes(2, "little") + data).hex()
            for company, data in islice(info.manufacturer_data.items(), MOST_LISTED)
        ],
        "service_data": {
            uuid: redaction.data(data).hex()
            for uuid, data in islice(info.service_data.items(), MOST_LISTED)
        },
        "rssi": info.rssi,
        "connectable": info.connectable,
    }
