# SPDX-License-Identifier: Apache-2.0
"""How exactly energy is counted over emulated days, in three ways."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
import multiprocessing
import os
from typing import Final, override

import numpy as np

from custom_components.renogy_bt.bank.charge_counter import ChargeState
from custom_components.renogy_bt.bank.energy import (
    EnergyCounter,
    EnergyTotals,
    PowerSample,
)
from tests.bench.figures import EnergyRow

from .worlds import DAY, Lived, Pack, a_pack, days

INTERVALS: Final = (5, 10, 60, 300, 600)
BATTERIES: Final = 10
DAYS_EACH: Final = 4
"""After the days in which a battery becomes known, which are not judged."""
SETTLING_DAYS: Final = 2
LONGEST_POLL: Final = 3
"""Polls take their time, up to so many seconds."""
LOST: Final = 0.01
"""The share of the polls that bring nothing."""
_HOUR: Final = 3600.0

type Ways = dict[str, Callable[[int], Counter]]


class Counter:
    """Counts energy in one way, poll by poll."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.totals = EnergyTotals()

    def add(self, sample: PowerSample) -> None:
        """Take a poll."""
        raise NotImplementedError


class OwnCounter(Counter):
    """The integration's counter, with the charge counter of the battery or without."""

    def __init__(self, interval: int, *, by_charge: bool) -> None:
        """Begin at zero, with nothing seen."""
        super().__init__()
        self._by_charge = by_charge
        self._counter = EnergyCounter(EnergyTotals(), interval)

    @override
    def add(self, sample: PowerSample) -> None:
        """Take a poll."""
        if not self._by_charge:
            sample = PowerSample(at=sample.at, power=sample.power)
        self._counter.add(sample)
        self.totals = self._counter.totals


class IntegralHelper(Counter):
    """Home Assistant's Integral helper as it is by default: trapezoidal.

    Over power it gives the net energy. For what goes in and what goes out there are two, each over a template sensor of
    the positive or the negative part of the power.
    """

    def __init__(self) -> None:
        """Begin at zero."""
        super().__init__()
        self._last: PowerSample | None = None

    @override
    def add(self, sample: PowerSample) -> None:
        """Take a poll."""
        last, self._last = self._last, sample
        if last is None:
            return
        half = (sample.at - last.at) / _HOUR / 2
        self.totals += EnergyTotals(
            charged=(max(last.power, 0.0) + max(sample.power, 0.0)) * half,
            discharged=(max(-last.power, 0.0) + max(-sample.power, 0.0)) * half,
        )


WAYS: Final[Ways] = {
    "renogy_bt": lambda interval: OwnCounter(interval, by_charge=True),
    "sampled": lambda interval: OwnCounter(interval, by_charge=False),
    "integral_helper": lambda _: IntegralHelper(),
}


@dataclass(frozen=True, slots=True)
class Error:
    """How far off one day of one battery was, in %."""

    net: float
    charged: float
    discharged: float


def energy_rows(
    batteries: int = BATTERIES, intervals: Sequence[int] = INTERVALS, seed: int = 0
) -> tuple[EnergyRow, ...]:
    """Let batteries live through days; return how exactly each way counts at each interval."""
    seeds = range(seed, seed + batteries)
    tasks = [(each, tuple(intervals)) for each in seeds]
    workers = min(len(tasks), os.process_cpu_count() or 1)
    with ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        lives = list(pool.map(errors_of, tasks))
    return tuple(
        _row(interval, way, [each for life in lives for each in life[interval, way]])
        for interval in intervals
        for way in WAYS
    )


def errors_of(task: tuple[int, Sequence[int]]) -> dict[tuple[int, str], list[Error]]:
    """Return how far off each way is on each day of one battery."""
    seed, intervals = task
    random = np.random.default_rng(seed)
    pack = a_pack(random)
    lived = days(random, pack, SETTLING_DAYS + DAYS_EACH)
    return {
        (interval, way): list(_errors(lived, pack, interval, counter(interval), seed))
        for interval in intervals
        for way, counter in WAYS.items()
    }


def _errors(
    lived: Lived, pack: Pack, interval: int, counter: Counter, seed: int
) -> Iterator[Error]:
    """Compare day by day what was counted with what flowed from poll to poll."""
    truth = before = None
    day = SETTLING_DAYS
    for second in _polls(np.random.default_rng(seed), interval, len(lived.volts)):
        counter.add(read(lived, pack, second))
        if second >= day * DAY:
            flowed = lived.energy_until(second)
            if truth is not None and before is not None:
                yield _error(_less(counter.totals, before), _less(flowed, truth))
            truth, before, day = flowed, counter.totals, day + 1
    assert truth is not None and before is not None
    flowed = lived.energy_until(second)
    yield _error(_less(counter.totals, before), _less(flowed, truth))


def _polls(random: np.random.Generator, interval: int, seconds: int) -> Iterable[int]:
    begins = int(random.integers(interval))
    for nominal in range(begins, seconds - LONGEST_POLL, interval):
        if random.random() >= LOST:
            yield nominal + int(random.integers(min(LONGEST_POLL, interval // 2) + 1))


def read(lived: Lived, pack: Pack, second: int) -> PowerSample:
    """Return what a poll brings."""
    volts = float(lived.told_volts[second])
    amperes = float(lived.told_counts[second]) / pack.divisor
    return PowerSample(
        at=float(second),
        power=round(volts * amperes, 3),
        charge=ChargeState(
            voltage=volts,
            current=amperes,
            remaining=round(float(lived.remaining[second]), 3),
            total=float(lived.total[second]),
        ),
    )


def _less(after: EnergyTotals, before: EnergyTotals) -> EnergyTotals:
    return EnergyTotals(
        charged=after.charged - before.charged,
        discharged=after.discharged - before.discharged,
    )


def _error(counted: EnergyTotals, true: EnergyTotals) -> Error:
    through = (true.charged + true.discharged) / 2
    off = _less(counted, true)
    return Error(
        net=100 * abs(off.charged - off.discharged) / through,
        charged=100 * abs(off.charged) / true.charged,
        discharged=100 * abs(off.discharged) / true.discharged,
    )


def _row(interval: int, way: str, errors: list[Error]) -> EnergyRow:
    return EnergyRow(
        interval_s=interval,
        way=way,
        net_error_pct=_mean(each.net for each in errors),
        in_error_pct=_mean(each.charged for each in errors),
        out_error_pct=_mean(each.discharged for each in errors),
    )


def _mean(numbers: Iterable[float]) -> float:
    return round(float(np.mean(list(numbers))), 3)
