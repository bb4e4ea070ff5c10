# SPDX-License-Identifier: Apache-2.0
"""How the batteries of a parallel bank share its current.

In parallel all batteries have the voltage of one bar, and each carries what its resistance and its charge
make of that. Its fair share is that of its capacity.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from ..renogy.models import BatteryReading
from .joining import can_read_as_joined
from .summary import Wiring

REAL_RATE: Final = 0.05
"""A current below this share of the capacity per hour says nothing of how it is shared: packs
balance each other with as much, and the words of small currents are coarse."""
LONGEST_ROUND: Final = 30.0
"""Readings further apart may have met different loads, s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing[K]:
    """How a bank shares its current; None where that is not known.

    `shares` are in %, of what each battery would carry by its capacity: 100 is its fair share, below 0
    it is charged by the others, or charges them. `current_spread` is what lies between the
    battery furthest above its fair share and the one furthest below, in A; `voltage_spread` is the
    highest voltage minus the lowest, in V.
    """

    shares: Mapping[K, float]
    current_spread: float | None = None
    voltage_spread: float | None = None


def fair_parts[K](readings: Mapping[K, BatteryReading]) -> dict[K, float]:
    """Return which part of the current each battery should carry: that of its capacity."""
    total = sum(each.total_capacity for each in readings.values())
    return {key: each.total_capacity / total for key, each in readings.items()}


def currents_of[K](readings: Mapping[K, BatteryReading]) -> dict[K, float] | None:
    """Return the current of each battery, None where one is not known."""
    currents = {
        key: each.current for key, each in readings.items() if each.current is not None
    }
    return currents if len(currents) == len(readings) else None


def is_real(current: float, readings: Collection[BatteryReading]) -> bool:
    """Return whether a bank's current is large enough to tell how it is shared."""
    return abs(current) >= REAL_RATE * sum(each.total_capacity for each in readings)


def is_one_moment(readings: Collection[BatteryReading]) -> bool:
    """Return whether readings were taken close enough to each other to be compared."""
    times = [each.read_at for each in readings]
    return (max(times) - min(times)).total_seconds() <= LONGEST_ROUND


def sharing_of[K](
    readings: Mapping[K, BatteryReading], expected: int, wiring: Wiring
) -> Sharing[K]:
    """Return how a bank of `expected` batteries shares its current; all readings are fresh."""
    known = readings.values()
    if (
        wiring is not Wiring.PARALLEL
        or not 2 <= expected <= len(readings)
        or not is_one_moment(known)
        or not can_read_as_joined(known)
    ):
        return Sharing(shares={})
    voltages = [each.voltage for each in known]
    voltage_spread = round(max(voltages) - min(voltages), 3)
    currents = currents_of(readings)
    if currents is None:
        return Sharing(shares={}, voltage_spread=voltage_spread)
    total = sum(currents.values())
    fair = fair_parts(readings)
    beyond = [currents[key] - fair[key] * total for key in readings]
    return Sharing(
        shares={
            key: round(100 * currents[key] / (fair[key] * total), 1) for key in readings
        }
        if is_real(total, known)
        else {},
        current_spread=round(max(beyond) - min(beyond), 3),
        voltage_spread=voltage_spread,
    )
