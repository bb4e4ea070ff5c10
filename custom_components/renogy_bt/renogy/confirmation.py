# SPDX-License-Identifier: Apache-2.0
"""Readings that are believed only when the next poll says the same.

A frame with the right unit, length and CRC may still lie once: a bit that was flipped before the
CRC was made, or another battery's values. What a pack itself says that it cannot do, and a change
that no current can have caused, waits for one more poll. What is really so, such as a
recalibration or another battery, is still so then.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from .exceptions import Unconfirmed
from .models import BatteryConfiguration, BatteryReading

# Packs bear surges beyond what they allow for long; a small current is no surge.
CURRENT_MARGIN: Final = 1.5
CURRENT_SLACK: Final = 5.0
# In A per Ah, where a pack tells no limit: batteries of this maker allow up to 2.
USUAL_LIMIT: Final = 2.0
# Of the total capacity: a counter that is put right may jump so far, and that is no lie.
CHARGE_SLACK: Final = 0.3
# What goes on for longer is no lie but an odd battery, which is better shown than left out.
MOST_DOUBTED: Final = 2
# A protection acts before a value is far beyond its threshold.
CELL_VOLTAGE_MARGIN: Final = 0.5
TEMPERATURE_MARGIN: Final = 20.0
# A calibration moves the capacity by parts per thousand (protocol 1.5).
SAME_CAPACITY: Final = 0.1
ANOTHER_BATTERY: Final = "unconfirmed_battery"
"""The check that a reading fails which is of another battery than the last one."""
_SECONDS_PER_HOUR: Final = 3600.0


def is_same_battery(before: BatteryReading, after: BatteryReading) -> bool:
    """Tell whether two readings of one unit id can be of one battery.

    Serial numbers repeat in the field (protocol 1.4), so what differs between batteries counts:
    the number of cells, the capacity, and cycles, which never become fewer.
    """
    if len(before.cell_voltages) != len(after.cell_voltages):
        return False
    change = abs(after.total_capacity - before.total_capacity)
    if change > SAME_CAPACITY * before.total_capacity:
        return False
    return (
        before.cycles is None or after.cycles is None or after.cycles >= before.cycles
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A reading, the time of it (s, of a clock that never jumps), and what its pack can do.

    `charging` and `discharging` are the largest limits that the pack has told, in A: a limit falls
    when the pack is full, empty or cold.
    """

    reading: BatteryReading
    at: float
    charging: float = 0.0
    discharging: float = 0.0

    def after(self, reading: BatteryReading, at: float) -> Seen:
        """Return what is seen with a later reading of the same pack."""
        return Seen(
            reading=reading,
            at=at,
            charging=max(self.charging, abs(reading.charge_current_limit or 0.0)),
            discharging=max(
                self.discharging, abs(reading.discharge_current_limit or 0.0)
            ),
        )

    def counting(self, divisor: int | None) -> Seen:
        """Return the same with so many counts of the current in one ampere."""
        return replace(self, reading=self.reading.counting(divisor))

    @property
    def most_charging(self) -> float:
        """The largest current that charges the pack, in A."""
        return self._most(self.charging)

    @property
    def most_discharging(self) -> float:
        """The largest current that is drawn from the pack, in A."""
        return self._most(self.discharging)

    def _most(self, limit: float) -> float:
        return CURRENT_MARGIN * (limit or USUAL_LIMIT * self.reading.total_capacity) + (
            CURRENT_SLACK
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """A reading to be judged, and what was seen before; None where nothing was."""

    before: Seen | None
    now: Seen
    configuration: BatteryConfiguration | None

    def is_new(self, is_odd: Callable[[Seen], bool]) -> bool:
        """Tell whether something is odd that was not so before."""
        return is_odd(self.now) and (self.before is None or not is_odd(self.before))


def _is_another_battery(change: _Change) -> bool:
    return change.before is not None and not is_same_battery(
        change.before.reading, change.now.reading
    )


def _is_beyond_current_limit(change: _Change) -> bool:
    def is_beyond(seen: Seen) -> bool:
        current = seen.reading.current
        return current is not None and not (
            -seen.most_discharging <= current <= seen.most_charging
        )

    return change.is_new(is_beyond)


def _is_charge_not_carried(change: _Change) -> bool:
    """Tell whether more charge came or went than the largest current carries in the time."""
    before, now = change.before, change.now
    if before is None:
        return False
    hours = max(0.0, now.at - before.at) / _SECONDS_PER_HOUR
    slack = CHARGE_SLACK * now.reading.total_capacity
    gained = now.reading.remaining_capacity - before.reading.remaining_capacity
    return not (
        -now.most_discharging * hours - slack
        <= gained
        <= now.most_charging * hours + slack
    )


def _is_beyond_protection(
    values: Callable[[BatteryReading], Iterable[float | None]],
    thresholds: Callable[[BatteryConfiguration], Iterable[float | None]],
    margin: float,
) -> Callable[[_Change], bool]:
    """Return a check against thresholds of protections; one that acts shows that it is true."""

    def check(change: _Change) -> bool:
        if change.configuration is None or change.now.reading.status.alarms:
            return False
        known = [each for each in thresholds(change.configuration) if each is not None]
        if len(known) < 2:
            return False
        lowest, highest = min(known) - margin, max(known) + margin
        return change.is_new(
            lambda seen: any(
                value is not None and not lowest <= value <= highest
                for value in values(seen.reading)
            )
        )

    return check


CHECKS: Final[Mapping[str, Callable[[_Change], bool]]] = MappingProxyType(
    {
        ANOTHER_BATTERY: _is_another_battery,
        "unconfirmed_current": _is_beyond_current_limit,
        "unconfirmed_charge": _is_charge_not_carried,
        "unconfirmed_cell_voltage": _is_beyond_protection(
            lambda reading: reading.cell_voltages,
            lambda limits: (limits.cell_under_voltage, limits.cell_over_voltage),
            CELL_VOLTAGE_MARGIN,
        ),
        "unconfirmed_temperature": _is_beyond_protection(
            lambda reading: reading.cell_temperatures,
            lambda limits: (
                limits.charge_low_temperature,
                limits.charge_high_temperature,
                limits.discharge_low_temperature,
                limits.discharge_high_temperature,
            ),
            TEMPERATURE_MARGIN,
        ),
    }
)
"""What tells that a reading is to be confirmed, by the name of the check."""


class Confirmation:
    """What of one battery is believed, and what waits for the next poll to say the same.

    `is_another` tells of the reading that passed last whether it is of another battery than the
    one that was believed before.
    """

    def __init__(self) -> None:
        """Start with nothing seen."""
        self.is_another = False
        self._believed: Seen | None = None
        self._waiting: Seen | None = None
        self._doubted: Seen | None = None
        self._in_a_row = 0

    @property
    def doubted(self) -> BatteryReading | None:
        """The reading of this poll that is to be confirmed."""
        return None if self._doubted is None else self._doubted.reading

    def begin_poll(self) -> None:
        """Let what was doubted in the last poll be confirmed by this one."""
        self._in_a_row += self._doubted is not None
        self._waiting, self._doubted = self._doubted, None

    def require(
        self,
        reading: BatteryReading,
        at: float,
        configuration: BatteryConfiguration | None,
    ) -> None:
        """Raise Unconfirmed when a reading is to be confirmed by the next poll."""
        believed, waiting = self._believed, self._waiting
        check = _first(believed, reading, at, configuration)
        is_confirmed = self._in_a_row >= MOST_DOUBTED or (
            waiting is not None and _first(waiting, reading, at, configuration) is None
        )
        if check is not None and not is_confirmed:
            self._doubted = _first_seen(reading, at)
            raise Unconfirmed(
                check, f"{reading.current} A, {reading.remaining_capacity} Ah, for once"
            )
        self.is_another = believed is not None and not is_same_battery(
            believed.reading, reading
        )

    def believe(self, reading: BatteryReading, at: float) -> None:
        """Take a reading for true."""
        before = self._believed
        if before is None or not is_same_battery(before.reading, reading):
            self._believed = _first_seen(reading, at)
        else:
            self._believed = before.after(reading, at)
        self._waiting = self._doubted = None
        self._in_a_row = 0

    def count_current_by(self, divisor: int | None) -> None:
        """Take so many counts of the current for one ampere in what was seen."""
        self._believed, self._waiting, self._doubted = (
            None if seen is None else seen.counting(divisor)
            for seen in (self._believed, self._waiting, self._doubted)
        )


def _first_seen(reading: BatteryReading, at: float) -> Seen:
    return Seen(reading=reading, at=at).after(reading, at)


def _first(
    before: Seen | None,
    reading: BatteryReading,
    at: float,
    configuration: BatteryConfiguration | None,
) -> str | None:
    """Return the first check that asks for a confirmation, None where none does.

    A pack is judged by the limits that it told before: this reading may be no reading of it.
    """
    now = (
        _first_seen(reading, at)
        if before is None
        else replace(before, reading=reading, at=at)
    )
    change = _Change(before=before, now=now, configuration=configuration)
    return next((name for name, check in CHECKS.items() if check(change)), None)
