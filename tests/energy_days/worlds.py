# SPDX-License-Identifier: Apache-2.0
"""Batteries that live through days, second by second, and what polls read of them.

Sun with clouds and a charger that goes over into absorption; a base load below what the word of the current
resolves, a fridge, kettle, microwave and spikes of 5 to 25 s; packs that balance each other. The
battery tells its voltage in steps of 0.1 V, its current in steps of 0.01 or 0.1 A with a dead zone, its
remaining capacity in steps of 0.001 or 0.01 Ah. Its counter starts out wrong, is put right when the
battery is full, together with the total capacity, and is pinned there while current still flows.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from custom_components.renogy_bt.bank.energy import EnergyTotals

type Series = NDArray[np.float64]

DAY: Final = 86_400
_HOUR: Final = 3600.0
_FULL: Final = 0.9999
_USED: Final = 0.95
"""A battery that was emptied to this share is put right when it is full again."""
_TAIL: Final = 0.06
"""A battery is full when no more than this share of its capacity per hour flows in."""
_CELL_VOLTS: Final = (
    (0.00, 0.05, 0.10, 0.20, 0.40, 0.60, 0.80, 0.95, 0.99, 1.00),
    (2.80, 3.10, 3.18, 3.23, 3.27, 3.30, 3.33, 3.36, 3.42, 3.50),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A battery and what it is connected to; currents in A, resistance in ohms."""

    cells: int
    capacity: float
    divisor: int
    resolution: float
    dead_zone: float
    truncates: bool
    resistance: float
    counter_offset: float
    float_current: float
    sun: float
    base: float
    spikes: int
    spike: float
    balancing: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What really flowed in each second, and what a poll at its end would read."""

    volts: Series
    amperes: Series
    told_volts: Series
    told_counts: NDArray[np.int64]
    remaining: Series
    total: Series
    charged: Series
    discharged: Series

    def energy_until(self, second: int) -> EnergyTotals:
        """Return what went in and out up to the end of a second, in Wh."""
        return EnergyTotals(
            charged=float(self.charged[second]),
            discharged=float(self.discharged[second]),
        )


def a_pack(random: Generator) -> Pack:
    """Draw a battery."""
    cells, capacity = ((16, 50.0), (4, 100.0), (4, 200.0))[random.integers(3)]
    kilowatts = 1000 / (3.3 * cells)
    return Pack(
        cells=cells,
        capacity=capacity,
        divisor=int(random.choice([10, 100])),
        resolution=float(random.choice([0.001, 0.01])),
        dead_zone=float(random.choice([0.0, 0.05, 0.3])),
        truncates=bool(random.integers(2)),
        resistance=cells * 0.15 / capacity,
        counter_offset=float(random.uniform(-0.04, 0.02)),
        float_current=float(random.choice([0.0, 0.9])),
        sun=float(random.uniform(0.4, 1.2)) * kilowatts,
        base=float(random.choice([0.0005, 0.01, 0.03])) * kilowatts,
        spikes=int(random.integers(10, 60)),
        spike=float(random.uniform(0.2, 1.5)) * kilowatts,
        balancing=float(random.choice([0.0, 0.02])) * capacity,
    )


def days(random: Generator, pack: Pack, number: int) -> Lived:
    """Let a battery live through so many days, from midnight to midnight."""
    charge = pack.capacity * float(random.uniform(0.3, 0.6))
    shift = pack.capacity * pack.counter_offset
    total = _a_total(random, pack)
    charges, flowed, remaining, totals = (np.empty(number * DAY) for _ in range(4))
    is_due = True
    wanted = np.concatenate([_wanted(random, pack) for _ in range(number)])
    for second, amperes in enumerate(wanted.tolist()):
        if amperes > 0:
            amperes = min(amperes, _accepted(pack, charge))
        elif charge < 0.03 * pack.capacity:
            amperes = 0.0
        charge = min(charge + amperes / _HOUR, pack.capacity)
        counted = charge + shift
        if charge >= _FULL * pack.capacity and 0 <= amperes <= _TAIL * pack.capacity:
            if is_due:
                # Put right: the battery is full.
                total, is_due = _a_total(random, pack), False
            counted = total
        is_due |= charge < _USED * pack.capacity
        counted = min(max(counted, 0.0), total)
        shift = counted - charge
        charges[second], flowed[second] = charge, amperes
        remaining[second], totals[second] = counted, total
    return _told(pack, charges / pack.capacity, flowed, remaining, totals)


def _a_total(random: Generator, pack: Pack) -> float:
    return round(pack.capacity * float(random.uniform(0.98, 1.0)), 3)


def _accepted(pack: Pack, charge: float) -> float:
    """Return what a charger still gives: absorption, and then the float current."""
    left = 1 - charge / pack.capacity
    if left <= 1e-6:
        return pack.float_current
    return max(
        left * 40 * pack.capacity * 0.1, pack.float_current, 0.01 * pack.capacity
    )


def _wanted(random: Generator, pack: Pack) -> Series:
    seconds = np.arange(DAY, dtype=np.float64)
    height = np.maximum(0.0, np.sin(np.pi * (seconds / _HOUR - 6) / 12)) ** 1.5
    blocks = np.cumsum(random.uniform(30, 900, 3000))
    bright = random.uniform(0.1, 1.0, 3001)
    clouds = bright[np.searchsorted(blocks, seconds)]
    weather = random.uniform(0.3, 1.0)
    sun = pack.sun * weather * height * (clouds if random.random() < 0.7 else 1.0)
    kilowatts = 1000 / (3.3 * pack.cells)
    load = np.full(DAY, pack.base)
    period = float(random.uniform(1800, 4200))
    load += np.where(seconds % period < 0.3 * period, 0.08 * kilowatts, 0.0)
    _switch_on(random, load, int(random.integers(2, 5)), (60, 240), 1.4 * kilowatts)
    _switch_on(random, load, int(random.integers(1, 4)), (60, 300), 1.0 * kilowatts)
    _switch_on(random, load, pack.spikes, (5, 25), pack.spike)
    night = np.where((seconds < 5 * _HOUR) | (seconds > 20 * _HOUR), 1.0, 0.0)
    balancing = pack.balancing * night * np.sin(2 * np.pi * seconds / 5400)
    wanted: Series = sun - load + balancing
    return wanted


def _switch_on(
    random: Generator,
    load: Series,
    times: int,
    seconds: tuple[int, int],
    amperes: float,
) -> None:
    for _ in range(times):
        begins = int(random.uniform(5 * _HOUR, DAY - seconds[1]))
        load[begins : begins + int(random.integers(*seconds))] += amperes


def _told(
    pack: Pack, share: Series, flowed: Series, remaining: Series, total: Series
) -> Lived:
    volts = pack.cells * np.interp(share, *_CELL_VOLTS) + flowed * pack.resistance
    step = np.trunc if pack.truncates else np.round
    counts = np.where(np.abs(flowed) < pack.dead_zone, 0.0, flowed * pack.divisor)
    watt_hours = volts * flowed / _HOUR
    return Lived(
        volts=volts,
        amperes=flowed,
        told_volts=step(volts * 10 + 1e-9) / 10,
        told_counts=step(counts).astype(np.int64),
        remaining=np.floor(remaining / pack.resolution + 1e-9) * pack.resolution,
        total=total,
        charged=np.cumsum(np.maximum(watt_hours, 0.0)),
        discharged=np.cumsum(np.maximum(-watt_hours, 0.0)),
    )
