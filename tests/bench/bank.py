# SPDX-License-Identifier: Apache-2.0
"""The batteries that are read: the owner's, each at a moment of a day of its own.

Between two polls the world moves on by one *epoch*, and during a poll it stands still: a value
that is published is right when it is the value of that epoch and of no other.
"""

from collections.abc import Mapping
from typing import Final

from tests.emulator.__main__ import DEFAULT_WORLD
from tests.emulator.solar_day import STATUS_2, moving_registers
from tests.emulator.world import SolarDay, Unit
from tests.emulator.world_file import load_world

FIRST_UNIT: Final = 48
NAME: Final = "BT-TH-FDA1B2C3"
ADDRESS: Final = "6C:B2:FD:A1:B2:C3"

# No divisor of a day: two days do not repeat each other.
EPOCH_SECONDS: Final = 617.0
_DAY: Final = SolarDay(seconds=86_400.0)
_LONGEST_BLOCK: Final = ((5000, 5109), (5110, 5141), (5200, 5229))

_HEATER: Final = 1 << 13
_CHARGE_LOW_TEMPERATURE: Final = 1 << 4
_CELL_HIGH_VOLTAGE: Final = 1 << 1


def owners_units(*, in_one_block: bool = False) -> tuple[Unit, ...]:
    """Return the owner's batteries.

    `in_one_block`: as a pack would be that lets 5000-5109 be read by one request.
    """
    (link,) = load_world(DEFAULT_WORLD).links
    return tuple(
        Unit(
            unit_id=unit.unit_id,
            registers=unit.registers,
            readable=_LONGEST_BLOCK if in_one_block else unit.readable,
        )
        for unit in link.units.values()
    )


def registers_at(unit: Unit, epoch: int) -> Mapping[int, int]:
    """Return all words of a battery at an epoch, by address."""
    moving = moving_registers(_DAY, unit, epoch * EPOCH_SECONDS)
    moving[STATUS_2] |= _rare_status(epoch + unit.unit_id)
    return {**unit.registers, **moving}


def _rare_status(number: int) -> int:
    """Let the heater run now and then, and warnings come and go."""
    return (
        (_HEATER if number % 5 == 0 else 0)
        | (_CHARGE_LOW_TEMPERATURE if number % 7 == 0 else 0)
        | (_CELL_HIGH_VOLTAGE if number % 11 == 0 else 0)
    )
