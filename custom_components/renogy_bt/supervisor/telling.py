"""Puts what is known of an adapter into the words of the rest of the integration."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.util import dt as dt_util

from ..adapter_health.adapter_health import AdapterHealth
from ..adapter_health.samples import AdapterSample
from ..adapter_health.status import AdapterStatus
from ..storage.adapters import data_of
from .link_records import LinkRecords

OTHER_PATH_WITHIN: Final = 300.0
SAME_MOMENT: Final = 2.0
"""Times of the monotonic clock become moments that differ by so much each time, s."""


def status_of(
    health: AdapterHealth,
    sample: AdapterSample,
    records: LinkRecords,
    now: float,
    before: AdapterStatus | None,
) -> AdapterStatus:
    """The status of an adapter after a sample, `before` being its last status."""
    judgement = health.judgement
    assert judgement is not None
    address = health.address
    since = _moment(judgement.since, now)
    if before is not None and abs((since - before.since).total_seconds()) < SAME_MOMENT:
        since = before.since
    return AdapterStatus(
        address=address,
        name=sample.adapter.name if sample.adapter is not None else None,
        verdict=judgement.verdict,
        reason=judgement.reason,
        evidence=judgement.evidence,
        since=since,
        problem=judgement.verdict.is_fault and judgement.in_use,
        notice=health.notice,
        running=health.running,
        advertisement_rate=round(
            records.rate(address, sample.at) + sample.devices_heard, 1
        ),
        last_advertisement=_last_advertisement(
            sample, now, before.last_advertisement if before is not None else None
        ),
        recoveries=health.history.recoveries,
        history=health.history,
        management_socket=sample.management_socket,
        has_other_path=records.heard_elsewhere(address, sample.at, OTHER_PATH_WITHIN),
    )


def _last_advertisement(
    sample: AdapterSample, now: float, before: datetime | None
) -> datetime | None:
    """The last real advertisement; starting to scan sets the scanner's own time as well."""
    times = [link.heard_at for link in sample.links if link.heard_at is not None]
    scanner = sample.scanner
    if scanner is not None and scanner.last_detection > scanner.start_time:
        times.append(scanner.last_detection)
    if not times:
        return before
    moment = _moment(max(times), now).replace(microsecond=0)
    return moment if before is None else max(moment, before)


def _moment(at: float, now: float) -> datetime:
    return dt_util.utcnow() - timedelta(seconds=now - at)


def diagnostics_of(
    health: AdapterHealth, sample: AdapterSample | None, now: float
) -> dict[str, Any]:
    """Everything known of an adapter, as plain data."""
    return {
        **data_of(health, now),
        "address": health.address,
        "judgement": asdict(health.judgement) if health.judgement is not None else None,
        "decision": asdict(health.decision),
        "running": health.running,
        "sample": asdict(sample) if sample is not None else None,
    }
