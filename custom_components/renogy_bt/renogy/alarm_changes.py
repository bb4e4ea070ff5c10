# SPDX-License-Identifier: Apache-2.0
"""Which alarms a battery has raised and cleared from one reading to the next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from .models import Alarm, BatteryStatus
from .registers import ALARM_SOURCES

# A value that lies at its limit has an alarm in every other reading. Three readings without it
# are no chance, and three minutes are longer than such a value takes to swing: loads and
# chargers that switch on and off do so within a minute or two.
CLEAR_READINGS: Final = 3
CLEAR_SECONDS: Final = 180.0

WHOLE: Final = 0
"""The number that stands for the battery itself, where an alarm is about no cell or sensor."""

type AlarmPart = tuple[str, int]
"""The key of an alarm, and the number of the cell or sensor that has it."""


class AlarmChangeKind(StrEnum):
    """What happened to an alarm."""

    RAISED = "raised"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """An alarm that was raised or cleared, with the cells or sensors concerned."""

    kind: AlarmChangeKind
    alarm: Alarm


@dataclass(frozen=True, slots=True)
class Absence:
    """Since when a part of a battery is free of an alarm, and in how many readings it was."""

    since: float
    readings: int = 1

    def is_over(self, now: float) -> bool:
        """Return whether the alarm has stayed away for long enough to be over."""
        return self.readings >= CLEAR_READINGS and now - self.since >= CLEAR_SECONDS


@dataclass(frozen=True, slots=True)
class ActiveAlarms:
    """The alarms of a battery that are not over yet.

    A part is the number of a cell or a sensor, or `WHOLE`. `absences` are those parts of the
    alarms that the last reading was free of.
    """

    alarms: tuple[Alarm, ...] = ()
    absences: Mapping[AlarmPart, Absence] = MappingProxyType({})

    def read(self, status: BatteryStatus, now: float) -> ActiveAlarms:
        """Return the alarms after a fresh reading, at a moment of a monotonic clock.

        What the reading has is active at once. What it is free of is active until it was absent
        for long enough. An alarm whose word was not read this time is taken to be as it was.
        """
        present = _parts_of(status.alarms)
        absences: dict[AlarmPart, Absence] = {}
        kept: list[AlarmPart] = []
        for part in _parts_of(self.alarms):
            if part in present:
                kept.append(part)
                continue
            absence = self.absences.get(part)
            if ALARM_SOURCES[part[0]].address in status.alarm_words:
                absence = (
                    Absence(now)
                    if absence is None
                    else replace(absence, readings=absence.readings + 1)
                )
                if absence.is_over(now):
                    continue
            kept.append(part)
            if absence is not None:
                absences[part] = absence
        # In an order that stays, whatever comes and goes: the alarms are stored when they change.
        parts = dict.fromkeys((*kept, *present))
        return ActiveAlarms(_alarms_of(parts), MappingProxyType(absences))


def _parts_of(alarms: Iterable[Alarm]) -> dict[AlarmPart, None]:
    """Return the parts that have an alarm, each once, in order."""
    return {
        (alarm.key, part): None for alarm in alarms for part in alarm.parts or (WHOLE,)
    }


def _alarms_of(parts: Iterable[AlarmPart]) -> tuple[Alarm, ...]:
    numbers: dict[str, list[int]] = {}
    for key, part in parts:
        numbers.setdefault(key, []).append(part)
    return tuple(
        Alarm(
            key=key,
            severity=ALARM_SOURCES[key].severity,
            parts=() if found == [WHOLE] else tuple(sorted(found)),
        )
        for key, found in numbers.items()
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
