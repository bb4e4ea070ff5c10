"""Which alarms a battery has raised and cleared from one reading to the next."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from .models import Alarm, BatteryStatus
from .registers import ALARM_SOURCES


class AlarmChangeKind(StrEnum):
    """What became of an alarm."""

    RAISED = "raised"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmChange:
    """An alarm that was raised or cleared, with the cells or sensors that this is about."""

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
    """Return what changed between two sets of alarms, what was cleared first.

    An alarm that spreads is raised once more, with the cells that it did not have before. It
    is cleared when its last cell is free of it, with the cells that it had last.
    """
    before = {alarm.key: alarm for alarm in known}
    after = {alarm.key: alarm for alarm in active}
    cleared = (alarm for key, alarm in before.items() if key not in after)
    raised = (_news(before.get(key), alarm) for key, alarm in after.items())
    return (
        *(AlarmChange(kind=AlarmChangeKind.CLEARED, alarm=each) for each in cleared),
        *(
            AlarmChange(kind=AlarmChangeKind.RAISED, alarm=each)
            for each in raised
            if each
        ),
    )


def _news(before: Alarm | None, now: Alarm) -> Alarm | None:
    """Return an alarm with the parts that are new in it, None when nothing is."""
    if before is None:
        return now
    parts = tuple(part for part in now.parts if part not in before.parts)
    return replace(now, parts=parts) if parts else None
