# SPDX-License-Identifier: Apache-2.0
"""Which alarms a battery has raised and cleared from one reading to the next."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from .models import Alarm, BatteryStatus
from .registers import ALARM_SOURCES


class AlarmChangeKind(StrEnum):
    """What happened to an alarm."""

    RAISED = "raised"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """An alarm that was raised or cleared, with the cells or sensors concerned."""

    kind: AlarmChangeKind
    alarm: Alarm


def active_alarms(known: Iterable[Alarm], status: BatteryStatus) -> tuple[Alarm, ...]:
    """Return the alarms that are active after a reading.

    `known` are those that were active before it. An alarm whose word was not read this time
    is taken to be as it was.
    """
    return (
        *status.alarms,
        *(
            alarm
            for alarm in known
            if ALARM_SOURCES[alarm.key].address not in status.alarm_words
        ),
    )


def alarm_changes(
    known: Iterable[Alarm], active: Iterable[Alarm]
) -> tuple[AlarmChange, ...]:
    """Return the changes between two sets of alarms, cleared alarms first.

    An alarm that spreads to more cells is raised once more, with the new cells. An alarm is
    cleared when its last cell is free of it, with the cells that it had last.
    """
    before = {alarm.key: alarm for alarm in known}
    after = {alarm.key: alarm for alarm in active}
    cleared = (alarm for key, alarm in before.items() if key not in after)
    raised = (_news(before.get(key), alarm) for key, alarm in after.items())
    return (
        *(AlarmChange(AlarmChangeKind.CLEARED, each) for each in cleared),
        *(AlarmChange(AlarmChangeKind.RAISED, each) for each in raised if each),
    )


def _news(before: Alarm | None, now: Alarm) -> Alarm | None:
    """Return an alarm with those of its parts that are new, None when nothing is new."""
    if before is None:
        return now
    parts = tuple(part for part in now.parts if part not in before.parts)
    return replace(now, parts=parts) if parts else None
