# SPDX-License-Identifier: Apache-2.0
"""How the batteries of a bank in parallel share its current when one of them has a bad cable."""

from collections.abc import Iterable

from .faults import ActiveFault
from .solar_day import CELL_COUNT, CELL_RESISTANCE
from .world import Link


def part_carried(link: Link, unit: int, faults: Iterable[ActiveFault]) -> float:
    """Return what a battery carries of its fair share, 1 where all cables are good.

    The currents divide by what lies between the cells and the bar.
    """
    resistances = {
        each.unit_id: CELL_RESISTANCE * each.registers.get(CELL_COUNT, 1)
        for each in link.units.values()
    }
    if unit not in resistances:
        return 1.0
    for fault in faults:
        if fault.name == "bad-cable" and fault.falls_on_link(link.address):
            bad = fault.integer("unit") or min(resistances)
            if bad in resistances:
                resistances[bad] += fault.number("milliohms") / 1000
    conductances = {key: 1 / each for key, each in resistances.items()}
    return len(conductances) * conductances[unit] / sum(conductances.values())
