# SPDX-License-Identifier: Apache-2.0
"""Banks in parallel that live through days, and what polls read of them.

The currents divide by physics: each battery is an open-circuit voltage that follows its charge, with hysteresis,
behind its own resistance, one slow polarisation and its cable; all meet at one bar. The charger goes over into
absorption and float, loads come and go, packs differ in capacity, resistance and charge, cells of a pack
are unequal at the top so that a pack may open its charge MOSFET early. A battery tells its voltage in steps
of 0.1 V, its current in steps of 0.01 or 0.1 A with a dead zone and errors of gain and offset, its cells, which
differ in charge, resistance and how they are measured, in steps of 0.1 V, cut off or rounded, and a
counter that is wrong until the battery is full. Many banks live at once, one a row.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

type Series = NDArray[np.float64]
type Flags = NDArray[np.bool_]

STEP: Final = 20
"""The banks live in steps of so many seconds."""
DAY: Final = 86_400
STEPS: Final = DAY // STEP
MOST_PACKS: Final = 4
MOST_CELLS: Final = 16
_HOUR: Final = 3600.0
_CELL_VOLTS: Final = (
    (0.00, 0.05, 0.10, 0.20, 0.40, 0.60, 0.80, 0.95, 0.99, 1.00),
    (2.80, 3.10, 3.18, 3.23, 3.27, 3.30, 3.33, 3.36, 3.42, 3.50),
)
_HYSTERESIS: Final = 0.006
"""Half the difference of a cell's voltage between having been charged and discharged."""
POLARISATION: Final = 0.6
"""What a current that lasts adds to the resistance, as a share of it."""
POLARISATION_SECONDS: Final = 400.0
_ABSORPTION: Final = 3.47
_FLOAT: Final = 3.37
_CELL_OVER_VOLTAGE: Final = 3.65
_CELL_RECOVERS: Final = 3.40
_EMPTY: Final = 0.03
_TAIL: Final = 0.04
_KINDS: Final = ((15, 50), (16, 50), (4, 100), (4, 200))
"""Cells and Ah of the packs that are sold most."""
TOP: Final = 0.9
"""From this share of the charge on, cells that are unequal at the top show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Banks:
    """Banks and what they are connected to, one a row; what belongs to a pack has a column for each.

    V, A, Ah and ohms. `is_there` marks the packs that a bank has. What belongs to a cell has one more column for each:
    by what share of the charge it is fuller than its pack, by what share its resistance is higher, and by how much its voltage is
    measured wrong. `rounds_cells` tells that cells are told rounded, not cut off.
    """

    is_there: Flags
    cells: Series
    nominal: Series
    capacity: Series
    resistance: Series
    cable: Series
    imbalance: Series
    told_capacity: Series
    volt_gain: Series
    gain: Series
    offset: Series
    dead_zone: Series
    divisor: Series
    counter_error: Series
    charge: Series
    sun: Series
    load: Series
    cell_charge: Series
    cell_resistance: Series
    cell_error: Series
    rounds_cells: Flags

    @property
    def number(self) -> int:
        """How many banks there are."""
        return len(self.is_there)


def some_banks(
    random: Generator, number: int, cells_allowed: tuple[int, ...] = ()
) -> Banks:
    """Draw healthy banks: as people own them, unequal within what is usual."""
    shape = (number, MOST_PACKS)
    packs = random.integers(2, MOST_PACKS + 1, number)
    is_there = np.arange(MOST_PACKS)[None, :] < packs[:, None]
    kinds = [each for each in _KINDS if not cells_allowed or each[0] in cells_allowed]
    cells, nominal = random.choice(kinds, number).T[:, :, None].astype(float)
    nominal = nominal * np.ones(shape)
    # One bank in six mixes sizes.
    mixed = (random.random(number) < 1 / 6)[:, None] & (random.random(shape) < 0.4)
    nominal = np.where(mixed, nominal / 2, nominal)
    per_cell = random.uniform(0.06, 0.15, number)[:, None]
    unequal = random.uniform(0.88, 1.15, shape)
    switches = random.uniform(0.001, 0.003, number)[:, None]
    # A cable to each pack; wired from one end the far pack has the longest.
    cable = random.uniform(0.0005, 0.002, number)[:, None] * random.uniform(
        0.7, 1.4, shape
    )
    total = (nominal * is_there).sum(axis=1)
    charge = random.uniform(0.3, 0.8, number)[:, None] + random.uniform(
        -0.03, 0.03, shape
    )
    capacity = nominal * random.uniform(0.94, 1.03, shape)
    return Banks(
        is_there=is_there,
        cells=cells,
        nominal=nominal,
        capacity=capacity,
        resistance=cells * per_cell / nominal * unequal
        + switches * np.where(cells < 8, 0.5, 1.0),
        cable=np.where(cells < 8, cable * 0.5, cable),
        imbalance=np.where(random.random(shape) < 0.2, 0.22, 0.03)
        * random.random(shape),
        told_capacity=np.round(capacity, 3),
        volt_gain=random.normal(1.0, 0.003, shape).clip(0.99, 1.01),
        gain=random.normal(1.0, 0.008, shape).clip(0.975, 1.025),
        offset=random.uniform(-0.1, 0.1, shape),
        dead_zone=random.choice([0.0, 0.05, 0.3], number)[:, None] * np.ones(shape),
        divisor=random.choice([10.0, 100.0], number)[:, None] * np.ones(shape),
        counter_error=random.uniform(-0.04, 0.04, shape),
        charge=charge.clip(0.1, 0.9) * capacity,
        sun=total * random.uniform(0.15, 0.4, number),
        load=total * random.uniform(0.03, 0.09, number),
        **_some_cells(random.spawn(1)[0], number),
    )


def _some_cells(random: Generator, number: int) -> dict[str, Any]:
    """Draw what differs between the sound cells of a pack."""
    shape = (number, MOST_PACKS, MOST_CELLS)
    return {
        "cell_charge": random.normal(0.0, 0.006, shape).clip(-0.02, 0.02),
        "cell_resistance": random.normal(0.0, 0.1, shape).clip(-0.25, 0.25),
        "cell_error": random.normal(0.0, 0.004, shape).clip(-0.01, 0.01),
        "rounds_cells": random.random(number) < 0.5,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What the packs would tell in each step of a day: (step, bank, pack), and of each cell."""

    amperes: Series
    volts: Series
    told_amperes: Series
    told_volts: Series
    told_charge: Series
    is_full: Flags
    may_charge: Flags
    told_cells: Series


@dataclass(slots=True, kw_only=True)
class _State:
    charge: Series
    shift: Series
    polarisation: Series
    hysteresis: Series
    may_charge: Flags
    floats: Flags
    departed: Series


def days(
    random: Generator,
    banks: Banks,
    number: int,
    *,
    drift: float = 0.0,
    leak: float = 0.0,
) -> Iterator[Lived]:
    """Let the banks live through so many days, from midnight to midnight.

    The first cell of each first pack rises above the others by `drift` volts a day, or loses the share `leak` of its charge.
    """
    state = _State(
        charge=banks.charge.copy(),
        shift=banks.counter_error * banks.capacity,
        polarisation=np.zeros(banks.is_there.shape),
        hysteresis=np.zeros(banks.is_there.shape),
        may_charge=banks.is_there.copy(),
        floats=np.zeros(banks.number, dtype=bool),
        departed=np.zeros(banks.is_there.shape),
    )
    for _ in range(number):
        yield _day(random, banks, state)
        state.departed[:, 0] += drift
        banks.cell_charge[:, 0, 0] -= leak


def _day(random: Generator, banks: Banks, state: _State) -> Lived:
    wanted = _wanted(random, banks)
    shape = (STEPS, *banks.is_there.shape)
    amperes, volts, charges, shares = (np.zeros(shape) for _ in range(4))
    full, may = (np.zeros(shape, dtype=bool) for _ in range(2))
    for step in range(STEPS):
        flowed, own_volts = _divided(banks, state, wanted[step])
        _live(banks, state, flowed, own_volts)
        counted = (state.charge + state.shift).clip(0, banks.capacity)
        is_full = (own_volts / banks.cells >= 3.44) & (
            (flowed >= 0) & (flowed < _TAIL * banks.capacity)
        )
        is_full |= ~state.may_charge & (flowed > -0.5)
        state.shift = np.where(is_full, banks.capacity - state.charge, state.shift)
        amperes[step], volts[step], charges[step] = flowed, own_volts, counted
        shares[step] = state.charge / banks.capacity
        full[step], may[step] = is_full, state.may_charge
    measured = amperes * banks.gain + np.where(amperes == 0, 0.0, banks.offset)
    counts = np.trunc(
        np.where(np.abs(measured) < banks.dead_zone, 0.0, measured) * banks.divisor
    )
    return Lived(
        amperes=amperes,
        volts=volts,
        told_amperes=counts / banks.divisor,
        told_volts=np.trunc(volts * banks.volt_gain * 10 + 1e-9) / 10,
        told_charge=charges,
        is_full=full,
        may_charge=may,
        told_cells=_told_cells(banks, state, shares, volts, amperes),
    )


def _told_cells(
    banks: Banks, state: _State, shares: Series, volts: Series, amperes: Series
) -> Series:
    """Return what the packs tell of their cells: (step, bank, pack, cell)."""
    share = shares[..., None]
    own_share = (share + banks.cell_charge).clip(0, 1)
    cells = (volts / banks.cells)[..., None] + banks.cell_error
    cells = cells + np.interp(own_share, *_CELL_VOLTS) - np.interp(share, *_CELL_VOLTS)
    each = (banks.resistance / banks.cells * amperes)[..., None]
    cells += each * banks.cell_resistance
    cells[..., 0] += state.departed + _above(banks, shares)
    step = np.where(banks.rounds_cells, 0.5, 1e-9)[:, None, None]
    told: Series = np.floor(cells * 10 + step) / 10
    return told


def _above(banks: Banks, share: Series) -> Series:
    """Return by how much the highest cell of each pack is above the others at the top."""
    above: Series = banks.imbalance * ((share - TOP) / (1 - TOP)).clip(0, 1)
    return above


def _divided(banks: Banks, state: _State, wanted: Series) -> tuple[Series, Series]:
    """Return the current of each pack, and the voltage that it tells."""
    share = (state.charge / banks.capacity).clip(0, 1)
    cell = np.interp(share, *_CELL_VOLTS) + state.hysteresis
    inner = banks.cells * cell + state.polarisation
    wanted = np.where(
        ((share < _EMPTY) & banks.is_there).any(axis=1), np.maximum(wanted, 0.0), wanted
    )
    limit = np.where(state.floats, _FLOAT, _ABSORPTION)[:, None] * banks.cells
    is_in = banks.is_there
    # A pack whose charge MOSFET is open takes part while current flows out of it.
    for _ in range(2):
        conductance = np.where(is_in, 1 / (banks.resistance + banks.cable), 0.0)
        sums = conductance.sum(axis=1) + 1e-9
        bar = (wanted + (conductance * inner).sum(axis=1)) / sums
        bar = np.where(wanted > 0, np.minimum(bar, limit[:, 0]), bar)
        flowed = conductance * (bar[:, None] - inner)
        is_in = banks.is_there & (state.may_charge | (bar[:, None] < inner))
    return flowed, inner + flowed * banks.resistance


def _live(banks: Banks, state: _State, flowed: Series, volts: Series) -> None:
    """Let a step pass."""
    state.charge = (state.charge + flowed * STEP / _HOUR).clip(0, banks.capacity)
    pull = STEP / POLARISATION_SECONDS
    state.polarisation += pull * (
        POLARISATION * banks.resistance * flowed - state.polarisation
    )
    moved = (np.abs(flowed) * STEP / _HOUR / (0.05 * banks.capacity)).clip(0, 1)
    state.hysteresis += moved * (_HYSTERESIS * np.sign(flowed) - state.hysteresis)
    share = state.charge / banks.capacity
    highest = volts / banks.cells + _above(banks, share) + state.departed.clip(0)
    state.may_charge = np.where(
        state.may_charge, highest < _CELL_OVER_VOLTAGE, highest < _CELL_RECOVERS
    )
    total = (banks.capacity * banks.is_there).sum(axis=1)
    current = flowed.sum(axis=1)
    is_topped = (volts / banks.cells > 3.45).any(axis=1) & (current < 0.02 * total)
    left = (state.charge * banks.is_there).sum(axis=1) / total
    state.floats = (state.floats | is_topped) & (left > 0.9)


def _wanted(random: Generator, banks: Banks) -> Series:
    """Return the current that sun and loads want of the banks: (step, bank)."""
    number = banks.number
    hours = (np.arange(STEPS) * STEP / _HOUR)[:, None]
    height = np.maximum(0.0, np.sin(np.pi * (hours - 6) / 12)) ** 1.5
    spells = random.uniform(0.1, 1.0, (STEPS // 15 + 1, number))
    clouds = np.repeat(spells, 15, axis=0)[:STEPS]
    clouds = np.where(random.random(number) < 0.6, clouds, 1.0)
    sun = banks.sun * random.uniform(0.3, 1.0, number) * height * clouds
    load = banks.load * random.uniform(0.5, 1.2, number) * np.ones((STEPS, 1))
    load = load * np.where((hours > 17) & (hours < 23), 1.6, 0.8)
    period = random.uniform(0.5, 1.2, number)
    load += np.where(hours % period < 0.3 * period, 0.4 * banks.load, 0.0)
    for _ in range(5):
        begins = random.uniform(5, 22, number)
        lasts = random.uniform(0.03, 0.2, number)
        on = (hours >= begins) & (hours < begins + lasts)
        load += np.where(on, 4 * banks.load, 0.0)
    wanted: Series = sun - load
    return wanted
