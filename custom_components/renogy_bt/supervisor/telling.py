# SPDX-License-Identifier: Apache-2.0
"""Makes status, diagnostics and log lines of what is known of an adapter."""

from dataclasses import asdict
from datetime import datetime, timedelta
import logging
from typing import Any, Final

from homeassistant.util import dt as dt_util

from ..adapter_health.adapter_health import AdapterHealth
from ..adapter_health.samples import AdapterSample, latest
from ..adapter_health.status import AdapterEvent, AdapterStatus, EventKind
from ..storage.adapters import data_of
from .link_records import LinkRecords

_LOGGER = logging.getLogger(__name__)

OTHER_PATH_WITHIN: Final = 300.0
_BAD_NEWS: Final = (
    *(EventKind.DETECTED, EventKind.RECURRING),
    *(EventKind.STEP_FAILED, EventKind.GAVE_UP),
)


def status_of(
    health: AdapterHealth,
    records: LinkRecords,
    now: float,
    before: AdapterStatus | None,
) -> AdapterStatus | None:
    """Return the status of an adapter that was looked at; `before` is its last status."""
    judgement, sample = health.judgement, health.sample
    if judgement is None or sample is None:
        return None
    address = health.address
    return AdapterStatus(
        address=address,
        name=_name(sample),
        verdict=judgement.verdict,
        problem=judgement.verdict.is_fault and judgement.in_use,
        notice=health.notice,
        advertisement_rate=round(
            records.rate(address, sample.at) + sample.devices_heard, 1
        ),
        last_advertisement=_last_advertisement(
            sample, now, before.last_advertisement if before is not None else None
        ),
        history=health.history,
        has_other_path=records.heard_elsewhere(address, sample.at, OTHER_PATH_WITHIN),
    )


def _name(sample: AdapterSample) -> str | None:
    """Return the hciN of an adapter, None if it is not there."""
    if sample.adapter is not None:
        return sample.adapter.name
    return sample.scanner.name if sample.is_direct and sample.scanner else None


def _last_advertisement(
    sample: AdapterSample, now: float, before: datetime | None
) -> datetime | None:
    """Return the time of the last advertisement; a start of the scan does not count."""
    heard_at = latest(
        sample.scanner.heard_at if sample.scanner else None,
        *(link.heard_at for link in sample.links),
    )
    if heard_at is None:
        return before
    ago = timedelta(seconds=now - heard_at)
    moment = (dt_util.utcnow() - ago).replace(microsecond=0)
    return moment if before is None else max(moment, before)


def diagnostics_of(health: AdapterHealth, now: float) -> dict[str, Any]:
    """Return all that is known of an adapter, as plain data."""
    judgement, sample = health.judgement, health.sample
    return {
        **data_of(health, now),
        "address": health.address,
        "judgement": asdict(judgement) if judgement is not None else None,
        "decision": asdict(health.decision),
        "own_steps": asdict(health.own),
        "sample": asdict(sample) if sample is not None else None,
    }


def log_event(event: AdapterEvent) -> None:
    """Write one line about what happened to an adapter."""
    often = f"{event.count} times in the last hour" if event.count else None
    details = [event.verdict, event.step, event.detail, often]
    _LOGGER.log(
        logging.WARNING if event.kind in _BAD_NEWS else logging.INFO,
        "Bluetooth adapter %s: %s (%s)",
        event.address,
        event.kind.replace("_", " "),
        ", ".join(detail for detail in details if detail),
    )
