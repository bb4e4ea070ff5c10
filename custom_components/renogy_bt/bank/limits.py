# SPDX-License-Identifier: Apache-2.0
"""What can be charged and drawn now, and whether the owner's reserve is reached."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from ..renogy.models import BatteryReading
from .joining import can_read_as_joined
from .summary import Wiring

RESERVE_LEFT: Final = 2.0
"""So far above the reserve a bank has to be until it is no longer reached, %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentLimits:
    """The largest currents that a bank takes and gives now, in A, both positive; None if not known."""

    charge: float | None = None
    discharge: float | None = None


def limits_of[K](
    readings: Mapping[K, BatteryReading], expected: int, wiring: Wiring
) -> CurrentLimits:
    """Return the limits of a bank of `expected` batteries.

    In parallel a battery carries its share of the capacity of those that are connected, so the battery that
    reaches its own limit first limits the bank. One whose MOSFET is open carries nothing; the others carry its
    share too. One that asks for a stop, but is still connected, would carry its share all the same: the bank is
    to stop. In series all carry the same current.
    """
    if not 0 < expected <= len(readings):
        return CurrentLimits()
    known = readings.values()
    if wiring is Wiring.PARALLEL and not can_read_as_joined(known):
        return CurrentLimits()
    add = _in_series if wiring is Wiring.SERIES else _in_parallel
    return CurrentLimits(
        charge=add(known, _charge_limit), discharge=add(known, _discharge_limit)
    )


def _charge_limit(reading: BatteryReading) -> tuple[bool | None, float | None]:
    """Return whether a battery can be charged at all, and its limit."""
    status = reading.status
    limit = 0.0 if status.charge_enabled is False else reading.charge_current_limit
    return status.charge_mosfet, None if limit is None else abs(limit)


def _discharge_limit(reading: BatteryReading) -> tuple[bool | None, float | None]:
    status = reading.status
    limit = (
        0.0 if status.discharge_enabled is False else reading.discharge_current_limit
    )
    return status.discharge_mosfet, None if limit is None else abs(limit)


type _Limit = Callable[[BatteryReading], tuple[bool | None, float | None]]


def _in_parallel(readings: Collection[BatteryReading], limit: _Limit) -> float | None:
    connected = [each for each in readings if limit(each)[0] is not False]
    total = sum(each.total_capacity for each in connected)
    limits: list[float] = []
    for each in connected:
        is_on, most = limit(each)
        if is_on is None or most is None:
            return None
        limits.append(most * total / each.total_capacity)
    return round(min(limits, default=0.0), 2)


def _in_series(readings: Collection[BatteryReading], limit: _Limit) -> float | None:
    found = [limit(each) for each in readings]
    if any(is_on is False or most == 0 for is_on, most in found):
        return 0.0
    limits = [most for is_on, most in found if is_on is not None and most is not None]
    return min(limits) if len(limits) == len(found) else None


def is_reserve_reached(
    charge: float | None, reserve: float, *, was_reached: bool | None
) -> bool | None:
    """Return whether no more than the reserve is left, both in %; None where that is not known.

    It stays reached until there is a little more, so that it does not come and go.
    """
    if charge is None:
        return None
    return charge <= reserve + (RESERVE_LEFT if was_reached else 0.0)
