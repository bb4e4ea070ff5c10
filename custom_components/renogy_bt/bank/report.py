"""What one poll of a whole bank brought."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ..renogy.exceptions import LinkSilent
from ..renogy.models import (
    BatteryConfiguration,
    BatteryId,
    BatteryIdentity,
    BatteryReading,
    LinkReport,
    PollStatistics,
    ReadingFailure,
)
from ..renogy.outcome import LinkOutcome
from .meters import MeterReadings
from .summary import BankSummary, Wiring, summarise


@dataclass(frozen=True, slots=True, kw_only=True)
class BankReport:
    """Readings of all batteries of a bank, by battery.

    A battery that brought nothing new is in `failed`; it is in `readings` as well while its
    last good reading may be held. Identities and configurations are the last known ones.
    `links` holds the statistics of each link's poll by address, None where it failed or was
    left out.
    """

    readings: Mapping[BatteryId, BatteryReading]
    failed: Mapping[BatteryId, ReadingFailure]
    identities: Mapping[BatteryId, BatteryIdentity]
    configurations: Mapping[BatteryId, BatteryConfiguration]
    identity_changed: tuple[BatteryId, ...] = ()
    links: Mapping[str, PollStatistics | None] = field(default_factory=dict)
    summary: BankSummary[BatteryId]
    meters: MeterReadings[BatteryId] = field(default_factory=MeterReadings)
    polled_at: datetime

    @property
    def fresh(self) -> Collection[BatteryId]:
        """The batteries that brought new readings."""
        return self.readings.keys() - self.failed.keys()


def bank_report(
    batteries: Collection[BatteryId],
    outcomes: Mapping[str, LinkOutcome],
    previous: BankReport | None,
    *,
    wiring: Wiring,
    polled_at: datetime,
) -> BankReport:
    """Put the polls of a bank's links, by address, together: what its batteries brought."""
    reports = {
        address: outcome
        for address, outcome in outcomes.items()
        if isinstance(outcome, LinkReport)
    }
    readings = {
        (address, unit): reading
        for address, report in reports.items()
        for unit, reading in report.readings.items()
    }
    changed = tuple(
        (address, unit)
        for address, report in reports.items()
        for unit in report.identity_changed
    )
    return BankReport(
        readings=readings,
        failed=_failures(batteries, outcomes),
        identities=_kept(
            previous.identities if previous else {},
            {address: report.identities for address, report in reports.items()},
            changed,
        ),
        configurations=_kept(
            previous.configurations if previous else {},
            {address: report.configurations for address, report in reports.items()},
            changed,
        ),
        identity_changed=changed,
        links={
            address: (
                outcome.statistics
                if isinstance(outcome, LinkReport) and outcome.polled
                else None
            )
            for address, outcome in outcomes.items()
        },
        summary=summarise(readings, len(batteries), wiring),
        polled_at=polled_at,
    )


def _kept[V](
    before: Mapping[BatteryId, V],
    now: Mapping[str, Mapping[int, V]],
    changed: Collection[BatteryId],
) -> dict[BatteryId, V]:
    """Add what a poll brought to what is known, but nothing of a battery that was replaced."""
    known = {
        battery: value for battery, value in before.items() if battery not in changed
    }
    for address, values in now.items():
        known.update({(address, unit): value for unit, value in values.items()})
    return known


def _failures(
    batteries: Iterable[BatteryId], outcomes: Mapping[str, LinkOutcome]
) -> dict[BatteryId, ReadingFailure]:
    failures = {
        battery: _failure(battery[1], outcomes[battery[0]]) for battery in batteries
    }
    return {battery: failure for battery, failure in failures.items() if failure}


def _failure(unit: int, outcome: LinkOutcome) -> ReadingFailure | None:
    if isinstance(outcome, LinkReport):
        return outcome.failed.get(unit)
    if isinstance(outcome, LinkSilent):
        return ReadingFailure.SILENT
    return ReadingFailure.LINK_LOST
