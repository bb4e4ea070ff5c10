# SPDX-License-Identifier: Apache-2.0
"""Whether a battery of a parallel bank carries far less or more than its share for long.

Three things are looked at.

* **What it carries**, hour by hour of real current, charging and discharging apart. A battery with
  another charge than the others carries less in one direction and more in the other, until they are
  even; a bad cable, a tired cell or an open switch show in both. What a difference in charge explains, and
  the ends of the range, where batteries are full one after the other, do not count.
* **What it takes of each change** of the bank's current. Over hours a bank evens out what a tired battery
  does; at the moment of a change it is the resistances that decide.
* **What its way to the others takes off its voltage.** All batteries have the voltage of the bar, less
  what their cables take off. That a battery's own voltage stays behind the more, the more it carries, is
  the resistance of its cable, fuse and lugs, whatever is said of its charge. This
  tells of many cables that the shares alone do not.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
import math
from typing import Final

from ..renogy.models import AlarmSeverity, BatteryReading
from .sharing import currents_of, fair_parts, is_one_moment, is_real

FAR_LESS: Final = 0.6
"""Healthy banks keep within 0.85 and 1.2 of their shares over an hour."""
FAR_MORE: Final = 1.6
LESS_NO_MORE: Final = 0.75
MORE_NO_MORE: Final = 1.4
HOUR: Final = 3600.0
HOURS_EACH_WAY: Final = 2
HOURS_ONE_WAY: Final = 8
"""Where a bank was never seen to be charged, or to be discharged."""
LONGEST_GAP: Final = 750.0
"""The longest interval, 600 s, and what a poll and its retry may take. A reading stands for no more time."""

NEARLY_FULL: Final = 97.0
NEARLY_EMPTY: Final = 6.0
"""Near the ends of the range the voltage follows the charge so steeply that it decides the current, %."""
USUAL: Final = 0.2
"""So far do healthy batteries depart from their shares."""
UNEVEN: Final = 2.0
"""A battery with so much more charge than the others is charged less and discharged more, %."""

LEAST_RESISTANCE: Final = 0.002
"""So much do healthy ways differ by cable, fuse and lugs, ohms."""
RESISTANCE_PER_CELL: Final = 0.0004
"""A third of what a pack itself has: below it the current hardly changes, ohms."""
RESISTANCE_GONE: Final = 0.7
"""At this share of the limit a way is well again."""
_STEP: Final = 0.1
_CORRELATED: Final = 10.0
ROUNDING: Final = _CORRELATED * 2 * _STEP * _STEP / 12
"""What the steps of two voltages add to a line, in squares of V; the voltage moves slowly, so some ten
readings have the same error."""
ACCURACY: Final = 0.25
"""How well one stretch must know the resistance, as a share of the limit."""
BEYOND_DOUBT: Final = 4.0
"""In standard deviations; three stretches in a row must say so."""
STRETCHES: Final = 3
LEAST_STRETCH: Final = 1200.0
LONGEST_STRETCH: Final = 3 * 24 * 3600.0
LEAST_READINGS: Final = 20
LEAST_PAUSE: Final = 30.0
"""Readings sooner after each other tell the same twice, s."""


class Suspicion(StrEnum):
    """What is the matter with a battery."""

    LESS = "less"
    MORE = "more"
    CABLE = "cable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A battery that does not carry its share, in % of the bank's current.

    `resistance` is what its way has more than those of the others, in ohms, where that was measured.
    """

    suspicion: Suspicion
    carried: float
    fair: float
    resistance: float | None = None


@dataclass(slots=True)
class _Hours:
    """The hours of real current in one direction; each is what was carried of the fair share."""

    seconds: float = 0.0
    carried: float = 0.0
    fair: float = 0.0
    ended: deque[float] = field(default_factory=lambda: deque(maxlen=HOURS_ONE_WAY))

    def add(self, seconds: float, carried: float, fair: float) -> None:
        self.seconds += seconds
        self.carried += seconds * carried
        self.fair += seconds * fair
        if self.seconds >= HOUR:
            self.ended.append(self.carried / self.fair)
            self.seconds = self.carried = self.fair = 0.0

    def last(self, number: int) -> list[float]:
        return list(self.ended)[-number:]


@dataclass(slots=True)
class _Stretch:
    """A line through voltages and currents, and through own currents and the bank's."""

    began: float
    number: int = 0
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    xx: float = 0.0
    xy: float = 0.0
    xz: float = 0.0
    zz: float = 0.0

    def add(self, own: float, lag: float, bank: float) -> None:
        self.number += 1
        self.x += own
        self.y += lag
        self.z += bank
        self.xx += own * own
        self.xy += own * lag
        self.xz += own * bank
        self.zz += bank * bank

    @property
    def swing(self) -> float:
        return self.xx - self.x * self.x / self.number

    @property
    def resistance(self) -> float:
        return (self.x * self.y / self.number - self.xy) / self.swing

    def decides(self, limit: float) -> bool:
        """Return whether the resistance is known well, or is beyond the limit without doubt."""
        if self.swing <= 0:
            return False
        deviation = math.sqrt(ROUNDING / self.swing)
        return (
            deviation <= ACCURACY * limit
            or self.resistance - limit >= BEYOND_DOUBT * deviation
        )

    @property
    def part_of_changes(self) -> float:
        varied = self.zz - self.z * self.z / self.number
        return (self.xz - self.x * self.z / self.number) / varied if varied > 0 else 0.0


@dataclass(slots=True)
class _Record:
    """What was seen of one battery."""

    charging: _Hours = field(default_factory=_Hours)
    discharging: _Hours = field(default_factory=_Hours)
    stretch: _Stretch | None = None
    ways: deque[tuple[float, float]] = field(
        default_factory=lambda: deque(maxlen=STRETCHES)
    )


class SharingWatch[K]:
    """Watches the batteries of one parallel bank.

    `noticed` are the batteries that were noticed before.
    """

    def __init__(self, noticed: Iterable[K] = ()) -> None:
        """Begin without any reading."""
        self._noticed = set(noticed)
        self._records: dict[K, _Record] = {}
        self._capacities: dict[K, float] = {}
        self._at: float | None = None
        self._compared_at: float | None = None

    @property
    def noticed(self) -> Collection[K]:
        """The batteries that are noticed."""
        return self._noticed

    def forget(self, batteries: Collection[K]) -> None:
        """Begin anew: another battery has taken the place of one."""
        if batteries:
            self._records.clear()
            self._noticed.difference_update(batteries)

    def advance(
        self, at: float, readings: Mapping[K, BatteryReading]
    ) -> Mapping[K, Finding]:
        """Take the readings of a round at a time of a clock that never jumps (s).

        All batteries are there, and fresh. What is found is returned, which may be nothing of a battery
        that was noticed before a restart and is noticed still.
        """
        elapsed = 0.0 if self._at is None else min(at - self._at, LONGEST_GAP)
        self._at = at
        currents = currents_of(readings)
        if currents is None or len(readings) < 2 or elapsed <= 0:
            return {}
        self._forget_exchanged(readings)
        if _is_between(readings.values()):
            self._take_hours(elapsed, readings, currents)
            self._take_changes(at, readings, currents)
        return self._found(fair_parts(readings), readings)

    def _forget_exchanged(self, readings: Mapping[K, BatteryReading]) -> None:
        """Begin anew where a capacity says that another battery is there."""
        capacities = {key: each.total_capacity for key, each in readings.items()}
        if before := self._capacities:
            self.forget(
                [
                    key
                    for key, capacity in capacities.items()
                    if abs(capacity - before.get(key, 0.0)) > 0.05 * capacity
                ]
            )
        self._capacities = capacities

    def _take_hours(
        self,
        seconds: float,
        readings: Mapping[K, BatteryReading],
        currents: Mapping[K, float],
    ) -> None:
        total = sum(currents.values())
        fair = fair_parts(readings)
        if not is_real(total, readings.values()) or _evens_out(
            readings, currents, {key: part * total for key, part in fair.items()}
        ):
            return
        for key in readings:
            record = self._records.setdefault(key, _Record())
            hours = record.charging if total > 0 else record.discharging
            hours.add(seconds, currents[key], fair[key] * total)

    def _take_changes(
        self,
        at: float,
        readings: Mapping[K, BatteryReading],
        currents: Mapping[K, float],
    ) -> None:
        pause = LEAST_PAUSE if self._compared_at is None else at - self._compared_at
        if pause < LEAST_PAUSE or not is_one_moment(readings.values()):
            return
        self._compared_at = at
        bank = sum(currents.values())
        volts = sum(each.voltage for each in readings.values())
        for key, reading in readings.items():
            others = (volts - reading.voltage) / (len(readings) - 1)
            record = self._records.setdefault(key, _Record())
            if record.stretch is None or at - record.stretch.began > LONGEST_STRETCH:
                record.stretch = _Stretch(at)
            stretch = record.stretch
            stretch.add(currents[key], reading.voltage - others, bank)
            if (
                stretch.number >= LEAST_READINGS
                and at - stretch.began >= LEAST_STRETCH
                and stretch.decides(_limit(reading))
            ):
                record.ways.append((stretch.resistance, stretch.part_of_changes))
                record.stretch = None

    def _found(
        self, fair: Mapping[K, float], readings: Mapping[K, BatteryReading]
    ) -> dict[K, Finding]:
        found: dict[K, Finding] = {}
        for key, record in self._records.items():
            limit = _limit(readings[key])
            finding = (
                _bad_way(record, fair[key], limit)
                or _far_less(record, fair[key])
                or _stays_behind(record, fair[key])
            )
            if finding is not None:
                found[key] = finding
        # Where one carries less, the others carry more.
        if not found:
            for key, record in self._records.items():
                if (finding := _far_more(record, fair[key])) is not None:
                    found[key] = finding
        self._noticed.update(found)
        self._noticed -= {
            key
            for key in self._noticed - found.keys()
            if key in self._records
            and _is_well(self._records[key], fair[key], _limit(readings[key]))
        }
        return found


def _is_between(readings: Collection[BatteryReading]) -> bool:
    """Return whether all batteries are well between full and empty, and none is cut off."""
    return all(
        NEARLY_EMPTY <= each.state_of_charge <= NEARLY_FULL
        and not each.status.fully_charged
        and not _protects_itself(each)
        for each in readings
    )


def _protects_itself(reading: BatteryReading) -> bool:
    return any(
        alarm.severity is AlarmSeverity.PROTECTION for alarm in reading.status.alarms
    )


def _evens_out[K](
    readings: Mapping[K, BatteryReading],
    currents: Mapping[K, float],
    fair: Mapping[K, float],
) -> bool:
    """Return whether a battery carries what it does because its charge differs from the others'."""
    charge = sum(
        each.state_of_charge * each.total_capacity for each in readings.values()
    )
    capacity = sum(each.total_capacity for each in readings.values())
    for key, reading in readings.items():
        own = reading.state_of_charge * reading.total_capacity
        others = (charge - own) / (capacity - reading.total_capacity)
        fuller = reading.state_of_charge - others
        beyond = currents[key] - fair[key]
        if (
            abs(fuller) > UNEVEN
            and abs(beyond) > USUAL * abs(fair[key])
            and fuller * beyond < 0
        ):
            return True
    return False


def _limit(reading: BatteryReading) -> float:
    return LEAST_RESISTANCE + RESISTANCE_PER_CELL * len(reading.cell_voltages)


def _hours_of(record: _Record) -> list[float]:
    """Return the hours that are judged, empty while there are too few."""
    charging = record.charging.last(HOURS_EACH_WAY)
    discharging = record.discharging.last(HOURS_EACH_WAY)
    if min(len(charging), len(discharging)) >= HOURS_EACH_WAY:
        return charging + discharging
    for one, other in ((charging, record.discharging), (discharging, record.charging)):
        if not one and len(other.ended) >= HOURS_ONE_WAY:
            return list(other.ended)
    return []


def _far_less(record: _Record, fair: float) -> Finding | None:
    hours = _hours_of(record)
    if not hours or max(hours) >= FAR_LESS:
        return None
    return _finding(Suspicion.LESS, hours, fair)


def _stays_behind(record: _Record, fair: float) -> Finding | None:
    """Tell of a battery that takes too little of each change, although the hours even it out."""
    parts = [part for _, part in record.ways]
    if len(parts) < STRETCHES or max(parts) >= FAR_LESS * fair:
        return None
    return _finding(Suspicion.LESS, [each / fair for each in parts], fair)


def _far_more(record: _Record, fair: float) -> Finding | None:
    hours = _hours_of(record)
    if not hours or min(hours) <= FAR_MORE:
        return None
    return _finding(Suspicion.MORE, hours, fair)


def _finding(suspicion: Suspicion, hours: list[float], fair: float) -> Finding:
    carried = 100 * fair * sum(hours) / len(hours)
    return Finding(suspicion=suspicion, carried=carried, fair=100 * fair)


def _bad_way(record: _Record, fair: float, limit: float) -> Finding | None:
    if len(record.ways) < STRETCHES or min(way for way, _ in record.ways) <= limit:
        return None
    part = sum(part for _, part in record.ways) / STRETCHES
    # Beside a battery that carries nothing, whose voltage stands still, charge that comes and goes looks like this.
    if part >= fair:
        return None
    return Finding(
        suspicion=Suspicion.CABLE,
        carried=100 * part,
        fair=100 * fair,
        resistance=sum(way for way, _ in record.ways) / STRETCHES,
    )


def _is_well(record: _Record, fair: float, limit: float) -> bool:
    """Return whether what was seen since speaks against all that a battery may be noticed for."""
    ways = list(record.ways)[-2:]
    if any(
        way > RESISTANCE_GONE * limit or part < LESS_NO_MORE * fair
        for way, part in ways
    ):
        return False
    hours = record.charging.last(1) + record.discharging.last(1)
    if any(not LESS_NO_MORE < each < MORE_NO_MORE for each in hours):
        return False
    return len(ways) >= 2 or len(hours) == 2
