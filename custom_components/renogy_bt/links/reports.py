"""The report of a probe, for the user to send: docs/field-reports.md has its fields."""

from collections.abc import Iterator
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
from ..renogy.families import family_of, local_name
from ..renogy.modbus import FrameAssembler, ReadRequest
from ..renogy.models import ProbeReport
from ..renogy.plan import MODEL
from ..renogy.probe import PRODUCT_MODEL
from ..renogy.recording import Exchange, Recording
from ..renogy.redaction import Redaction, Span, redacted_name

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
        "reason": redaction.text(_without_names(hass, reason))[:MOST_TEXT],
        "found": None if found is None else _found(found, redaction),
        "seconds": _rounded(recording.now),
        "address": redaction.address,
        "family": family_of(attempt.name).key,
        "advertisement": None if heard is None else _advertisement(heard, redaction),
        "unit_ids": list(attempt.unit_ids),
        "connected_at": _rounded(recording.connected_at),
        "characteristics": [
            {
                "service": each.service,
                "uuid": each.uuid,
                "properties": list(each.properties),
            }
            for each in recording.characteristics[:MOST_LISTED]
        ],
        "exchanges": list(_exchanges(recording.exchanges, redaction)),
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
def _without_names(hass: HomeAssistant, text: str) -> str:
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


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _advertisement(
    info: BluetoothServiceInfoBleak, redaction: Redaction
) -> dict[str, Any]:
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


def _exchanges(
    exchanges: list[Exchange], redaction: Redaction
) -> Iterator[dict[str, Any]]:
    """Yield the exchanges without what is the peripheral's own.

    What came in is looked at in one piece: what is left out may be cut by notifications.
    """
    stream = b"".join(
        received.data for exchange in exchanges for received in exchange.received
    )
    redacted = redaction.data(stream, list(_models(exchanges)))
    position = 0
    for exchange in exchanges:
        replies = []
        is_redacted = False
        for received in exchange.received:
            end = position + len(received.data)
            kept = redacted[position:end]
            is_redacted |= kept != received.data
            replies.append([_rounded(received.at), kept.hex()])
            position = end
        yield {
            "at": _rounded(exchange.at),
            "request": exchange.request.hex(),
            "replies": replies,
            **({"redacted": True} if is_redacted else {}),
        }


def _models(exchanges: list[Exchange]) -> Iterator[Span]:
    """Yield where in all that came in the models stand that were asked for."""
    begin = 0
    for exchange in exchanges:
        came = b"".join(received.data for received in exchange.received)
        unit = exchange.request[0]
        for block in (MODEL, PRODUCT_MODEL):
            asked = ReadRequest(unit, block.address, block.count).encode()
            if asked != exchange.request:
                continue
            for frame in FrameAssembler().feed(came):
                if len(frame.data) == 2 * block.count:
                    start = begin + came.index(frame.data)
                    yield start, start + len(frame.data)
        begin += len(came)
