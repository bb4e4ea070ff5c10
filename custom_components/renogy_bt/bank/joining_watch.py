# SPDX-License-Identifier: Apache-2.0
"""Whether the batteries of a parallel bank have long been seen not to be joined.

One look is enough where they never can be (another voltage). Batteries of one voltage that are not connected to each
other show it only at rest: what is joined is of one voltage then.
"""

from collections.abc import Collection
from enum import Enum, auto
from typing import Final

from ..renogy.models import BatteryReading
from .joining import can_read_as_joined, pack_of, ratio
from .sharing import is_one_moment

REST_RATE: Final = 0.02
"""Batteries with less current, as a share of the capacity an hour, rest: 4 A of 200 Ah make 0.2 V of
a cable as thin as 50 mΩ."""
REST_VOLTAGE: Final = 1.05
"""Batteries that are joined and rest are closer: their words are coarse by 0.8 % of 12 V, right to
about 1 % each, and a thin cable makes 1.6 %."""
APART_SECONDS: Final = 24 * 3600.0
"""A battery may be disconnected for a day, for work on the cables, without anybody being told."""
LEAST_REST: Final = 3600.0
"""So much of that time they have to be seen at rest, s."""
CERTAIN_SECONDS: Final = 600.0
"""What is certain at one look waits for some more, and so does its end, s."""
LONGEST_GAP: Final = 1800.0
"""Between looks further apart it is unknown what was."""


class _Look(Enum):
    """What one look at the batteries of a bank shows."""

    OTHER = auto()
    """They can never be joined."""
    APART = auto()
    """They are switched on, rest, and are apart all the same."""
    CLOSE = auto()
    """All of them are as close as joined batteries are."""
    OPEN = auto()
    """Neither: a battery is missing, or off, or they are charged and discharged."""


def _look_at(readings: Collection[BatteryReading], expected: int) -> _Look:
    if not can_read_as_joined(readings):
        return _Look.OTHER
    at_rest = [each for each in readings if _rests(each)]
    if len(at_rest) > 1 and not _are_close(at_rest) and is_one_moment(at_rest):
        return _Look.APART
    is_whole = len(readings) == expected and None not in {
        pack_of(each).shown for each in readings
    }
    return _Look.CLOSE if is_whole and _are_close(readings) else _Look.OPEN


def _are_close(readings: Collection[BatteryReading]) -> bool:
    voltages = [each.voltage for each in readings]
    return not voltages or ratio(max(voltages), min(voltages)) <= REST_VOLTAGE


def _rests(reading: BatteryReading) -> bool:
    """Return whether a battery is switched on both ways, as far as it says so, and carries nothing."""
    status = reading.status
    return (
        status.charge_mosfet is True
        and status.discharge_mosfet is True
        and pack_of(reading).shown is not None
        and reading.current is not None
        and abs(reading.current) < REST_RATE * reading.total_capacity
    )


class JoiningWatch:
    """Watches whether the batteries of one parallel bank can be joined, and are; times in s.

    `is_noticed` tells that they were long seen not to be. It is over when they were close for some time.
    """

    def __init__(self) -> None:
        """Begin without any reading."""
        self.is_noticed = False
        self._at: float | None = None
        self._other = 0.0
        self._apart = 0.0
        self._rest_apart = 0.0
        self._close = 0.0

    def advance(
        self, at: float, readings: Collection[BatteryReading], expected: int
    ) -> bool:
        """Take the fresh readings of a bank of `expected` batteries, and tell whether to notify.

        The time is of a clock that never jumps.
        """
        look = _look_at(readings, expected)
        elapsed = 0.0 if self._at is None else at - self._at
        self._at = at
        passed = elapsed if elapsed <= LONGEST_GAP else 0.0
        match look:
            case _Look.OTHER:
                self._other += passed
                self._close = 0.0
            case _Look.APART:
                self._other = self._close = 0.0
                self._rest_apart += passed
            case _Look.CLOSE:
                self._other = self._apart = self._rest_apart = 0.0
                self._close += passed
        if self._rest_apart:
            self._apart += passed
        if self.is_noticed:
            self.is_noticed = self._close < CERTAIN_SECONDS
        else:
            self.is_noticed = self._other >= CERTAIN_SECONDS or (
                self._apart >= APART_SECONDS and self._rest_apart >= LEAST_REST
            )
        return self.is_noticed
