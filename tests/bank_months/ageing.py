# SPDX-License-Identifier: Apache-2.0
"""What is told of how batteries age, and have been through, over emulated months whose truth is known."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
import math
import multiprocessing
import os
from typing import Final

import numpy as np

from custom_components.renogy_bt.bank.energy import BankEnergy, EnergyTotals
from custom_components.renogy_bt.bank.history import BankHistory, BatteryHistory
from custom_components.renogy_bt.bank.meters import BankMeters
from tests.bench.figures import AgeingRow, Off

from . import campaign
from .campaign import WORLDS, reading_of
from .worlds import (
    DAY,
    POLARISATION,
    POLARISATION_SECONDS,
    STEP,
    STEPS,
    Banks,
    Lived,
    days,
    some_banks,
)

AGED_WORLDS: Final = ("healthy", "worn_80", "tired_3x", "cable_100_48V")
INTERVALS: Final = (60, 120)
"""At longer intervals a load step is not seen, and no resistance is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryMonth:
    """What was told of a battery after a month, less the truth; None where nothing was told.

    `resistance` and `drawn` are shares of the truth, `within` is how far off the resistance was said to be at most,
    `efficiency` and `depth` are in points of a percent.
    """

    resistance: float | None
    within: float | None
    efficiency: float | None
    depth: float
    drawn: float


def ageing_rows(
    names: Iterable[str], bank_days: int, seed: int = 0
) -> Iterator[AgeingRow]:
    """Let banks of these worlds live for so many days together; yield how right the values were."""
    workers = os.process_cpu_count() or 1
    seeds = range(seed, seed - (-bank_days // campaign.MONTH))
    with ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        lives = {name: pool.map(partial(ageing_of, name), seeds) for name in names}
        for name, of_banks in lives.items():
            yield row_of(name, [month for each in of_banks for month in each])


def ageing_of(name: str, seed: int) -> list[BatteryMonth]:
    """Return what is told of the batteries of one bank of a world after a month."""
    world = WORLDS[name]
    random = np.random.default_rng(seed)
    banks = world.change(random, some_banks(random, 1, world.cells))
    bank = _AgeingBank(banks, int(random.choice(INTERVALS)))
    for day, lived in enumerate(days(random, banks, campaign.MONTH)):
        bank.live(day, lived)
    return [bank.month_of(pack) for pack in bank.packs]


class _AgeingBank:
    """One bank as the integration sees it, and what truly flows."""

    def __init__(self, banks: Banks, interval: int) -> None:
        self.packs = [int(pack) for pack in np.flatnonzero(banks.is_there[0])]
        self._banks = banks
        self._every = interval // STEP
        self._meters: BankMeters[int] = BankMeters(
            BankEnergy({}, EnergyTotals(), interval)
        )
        self._history: BankHistory[int] = BankHistory(interval, {})
        self._drawn = np.zeros(len(banks.is_there[0]))
        self._lowest = np.ones(len(banks.is_there[0]))
        self._charge = banks.charge[0].copy()
        self._energy = np.zeros((2, len(banks.is_there[0])))
        self._at_full: dict[int, list[tuple[float, float]]] = {}

    def live(self, day: int, lived: Lived) -> None:
        for step in range(STEPS):
            self._flow(lived, step)
            if step % self._every == 0:
                self._poll(day, lived, step)

    def month_of(self, pack: int) -> BatteryMonth:
        history = self._history_of(pack)
        health = history.health
        told, truth = health.resistance, self._resistance(pack)
        efficiency = self._efficiency(pack)
        return BatteryMonth(
            resistance=None if told is None else told.ohms / truth - 1,
            within=None if told is None else told.within / truth,
            efficiency=None
            if health.efficiency is None or efficiency is None
            else health.efficiency - efficiency,
            depth=history.deepest_discharge - 100 * (1 - float(self._lowest[pack])),
            drawn=history.drawn / float(self._drawn[pack]) - 1,
        )

    def _flow(self, lived: Lived, step: int) -> None:
        amperes, volts = lived.amperes[step, 0], lived.volts[step, 0]
        self._charge += amperes * STEP / 3600
        self._drawn += np.maximum(-amperes, 0) * STEP / 3600
        watt_hours = amperes * volts * STEP / 3600
        self._energy += np.stack(
            [np.maximum(watt_hours, 0), np.maximum(-watt_hours, 0)]
        )
        self._lowest = np.minimum(self._lowest, self._charge / self._banks.capacity[0])

    def _poll(self, day: int, lived: Lived, step: int) -> None:
        at = float(day * DAY + step * STEP)
        readings = {
            pack: reading_of(self._banks, lived, day, (step, 0, pack))
            for pack in self.packs
        }
        meters = self._meters.advance(at, readings, readings)
        for pack, reading in readings.items():
            self._history.advance(at, pack, reading, meters[pack].energy, None)
            if self._history_of(pack).is_full:
                put_in, out = self._energy[:, pack]
                fulls = self._at_full.setdefault(pack, [])
                fulls[1:] = [(float(put_in), float(out))]

    def _history_of(self, pack: int) -> BatteryHistory:
        history = self._history.of(pack)
        assert history is not None
        return history

    def _resistance(self, pack: int) -> float:
        """Return the resistance to a load that began at any moment between two polls, ohms."""
        length = self._every * STEP / POLARISATION_SECONDS
        risen = 1 - (1 - math.exp(-length)) / length
        return float(self._banks.resistance[0, pack]) * (1 + POLARISATION * risen)

    def _efficiency(self, pack: int) -> float | None:
        """Return what truly came out of what went in, from the first to the last time that the pack was full, %."""
        fulls = self._at_full.get(pack, [])
        if len(fulls) < 2:
            return None
        put_in, out = (last - first for first, last in zip(*fulls, strict=True))
        return float(100 * out / put_in)


def row_of(name: str, months: Sequence[BatteryMonth]) -> AgeingRow:
    """Return how far off the values of these batteries are."""
    resistances = [each for each in months if each.resistance is not None]
    within = [
        abs(each.resistance or 0.0) <= (each.within or 0.0) for each in resistances
    ]
    efficiencies = [each for each in months if each.efficiency is not None]
    return AgeingRow(
        world=name,
        batteries=len(months),
        resistances=len(resistances),
        resistance_off_pct=_off(100 * (each.resistance or 0.0) for each in resistances),
        resistance_within=100 * sum(within) / len(within) if within else 0.0,
        efficiencies=len(efficiencies),
        efficiency_off=_off(each.efficiency or 0.0 for each in efficiencies),
        depth_off=_off(each.depth for each in months),
        drawn_off_pct=_off(100 * each.drawn for each in months),
    )


def _off(errors: Iterable[float]) -> Off:
    sizes = [abs(each) for each in errors]
    if not sizes:
        return None
    middle, most = np.quantile(sizes, (0.5, 0.95))
    return round(float(middle), 2), round(float(most), 2)
