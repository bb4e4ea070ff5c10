# SPDX-License-Identifier: Apache-2.0
"""The Modbus unit ids that devices have behind a Renogy peripheral (protocol 1.4)."""

from collections.abc import Collection
from typing import Final

from .exceptions import DeviceKind

HUB: Final = range(48, 64)
"""Batteries behind a dongle or hub, by position; more than eight are rare."""
USUAL_HUB: Final = range(48, 56)
CHAIN: Final = range(33, 41)
"""Batteries that are chained without a hub, by position."""
DEFAULT: Final = 0xF7
"""A battery that nobody has given an id."""
CONTROLLERS: Final = (96, 97, 16, 17)
INVERTER: Final = 32


def candidates(found: Collection[int], *, wide: bool) -> list[int]:
    """Return the ids that batteries may have, given those that were found.

    The first id of a chain stands for all of the chain, the last usual one of a hub for
    those beyond. All are candidates in a `wide` search.
    """
    # The first of each kind come first: the sooner one answers, the shorter all other waits.
    units = [USUAL_HUB[0], CHAIN[0], DEFAULT, *USUAL_HUB[1:]]
    if wide or any(unit in CHAIN for unit in found):
        units += CHAIN[1:]
    if wide or any(unit in HUB and unit >= USUAL_HUB[-1] for unit in found):
        units += HUB[len(USUAL_HUB) :]
    return units


def is_neighbour(unit: int, found: Collection[int]) -> bool:
    """Tell whether an id follows one that was found, or stands before one in its series."""
    series = _series_of(unit)
    return any(
        other in series and (other == unit - 1 or other > unit) for other in found
    )


def is_far(unit: int, found: Collection[int]) -> bool:
    """Tell whether two ids before one in its series were not found, and none behind it."""
    series = _series_of(unit)
    return unit >= series.start + 2 and not any(
        other in series and other >= unit - 2 for other in found
    )


def _series_of(unit: int) -> range:
    return next((each for each in (HUB, CHAIN) if unit in each), range(unit, unit))


def kind_of(unit: int) -> DeviceKind:
    """Return what a device that is no battery is, by its id."""
    if unit in CONTROLLERS:
        return DeviceKind.CHARGE_CONTROLLER
    return DeviceKind.INVERTER if unit == INVERTER else DeviceKind.OTHER
