# SPDX-License-Identifier: Apache-2.0
"""What the watch of a parallel bank says over emulated months whose truth is known."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
import multiprocessing
import os
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.random import Generator

from custom_components.renogy_bt.bank.cell_watch import CellWatch
from custom_components.renogy_bt.bank.imbalance import ImbalanceWatch
from custom_components.renogy_bt.bank.sharing_watch import SharingWatch
from custom_components.renogy_bt.const import DEFAULT_IMBALANCE_LIMIT
from custom_components.renogy_bt.renogy.models import BatteryReading, BatteryStatus
from tests.bench.figures import MonthRow

from .worlds import DAY, STEP, STEPS, Banks, Lived, days, some_banks

MONTH: Final = 30
BANKS: Final = 10
"""Banks that live in one task."""
INTERVALS: Final = (20, 60, 120, 300, 600)
LOST: Final = 0.01
"""The share of the polls that miss a battery."""
_EPOCH: Final = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A kind of bank: what is the matter with its first pack, and whether that is a fault of its share.

    Its first cell drifts by `drift` volts a day, or leaks the share `leak` of its charge a day.
    """

    name: str
    change: Callable[[Generator, Banks], Banks]
    is_fault: bool = False
    cells: tuple[int, ...] = ()
    drift: float = 0.0
    leak: float = 0.0

    @property
    def has_bad_cell(self) -> bool:
        """Whether the first cell of the first pack departs from the others."""
        return bool(self.drift or self.leak)


@dataclass(frozen=True, slots=True, kw_only=True)
class BankMonth:
    """What was said of one bank: on which day its first pack was noticed, whether another was.

    The same of the first cell of the first pack, and of any other cell.
    """

    first_pack: float | None
    another: bool
    is_imbalanced: bool
    first_cell: float | None
    another_cell: bool


def _healthy(_: Generator, banks: Banks) -> Banks:
    return banks


def _first(banks: Banks, name: str, change: Callable[[float], float]) -> Banks:
    values = getattr(banks, name).copy()
    values[:, 0] = [change(float(each)) for each in values[:, 0]]
    return replace(banks, **{name: values})


def _cable(_: Generator, banks: Banks, *, ohms: float) -> Banks:
    return _first(banks, "cable", lambda before: before + ohms)


def _tired(_: Generator, banks: Banks, *, times: float) -> Banks:
    return _first(banks, "resistance", lambda before: times * before)


def _worn(_: Generator, banks: Banks) -> Banks:
    """Let the first pack have 80 % of its capacity, and the resistance that goes with it."""
    banks = _first(banks, "capacity", lambda before: 0.8 * before)
    banks = _first(banks, "charge", lambda before: 0.8 * before)
    return _first(banks, "resistance", lambda before: before / 0.8)


def _replaced(random: Generator, banks: Banks) -> Banks:
    """Let the first pack be new to the bank: at another charge, and so is its counter."""
    charge = banks.charge.copy()
    charge[:, 0] = random.uniform(0.15, 0.95, banks.number) * banks.capacity[:, 0]
    error = banks.counter_error.copy()
    error[:, 0] = random.uniform(-0.15, 0.15, banks.number)
    return replace(banks, charge=charge, counter_error=error)


def _full_first(random: Generator, banks: Banks) -> Banks:
    """Let a cell of the first pack be full long before the others."""
    return _first(banks, "imbalance", lambda _: float(random.uniform(0.2, 0.4)))


WORLDS: Final[Mapping[str, World]] = MappingProxyType(
    {
        world.name: world
        for world in (
            World(name="healthy", change=_healthy),
            World(name="replaced", change=_replaced),
            World(name="full_first", change=_full_first),
            World(name="worn_80", change=_worn),
            World(name="cell_falls", change=_healthy, drift=-0.005),
            World(name="cell_rises", change=_healthy, drift=0.005),
            World(name="cell_leaks", change=_healthy, leak=0.005),
            *(
                World(
                    name=f"cable_{milliohms}_{volts}V",
                    change=partial(_cable, ohms=milliohms / 1000),
                    is_fault=True,
                    cells=cells,
                )
                for volts, cells in ((12, (4,)), (48, (15, 16)))
                for milliohms in (5, 20, 100)
            ),
            World(
                name="open_switch", change=partial(_cable, ohms=1000.0), is_fault=True
            ),
            World(name="tired_3x", change=partial(_tired, times=3.0), is_fault=True),
        )
    }
)


def month_rows(bank_days: Mapping[str, int], seed: int = 0) -> Iterator[MonthRow]:
    """Let banks of each world live for so many days together, side by side; yield what was said."""
    workers = os.process_cpu_count() or 1
    with ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        lives = {
            name: pool.map(
                partial(months_of, name),
                range(seed, seed - (-number // (BANKS * MONTH))),
            )
            for name, number in bank_days.items()
        }
        for name, of_tasks in lives.items():
            yield _row(WORLDS[name], [month for each in of_tasks for month in each])


def months_of(name: str, seed: int) -> list[BankMonth]:
    """Return what is said of some banks of a world over a month."""
    world = WORLDS[name]
    random = np.random.default_rng(seed)
    banks = world.change(random, some_banks(random, BANKS, world.cells))
    watched = [_Watched(random, banks, row) for row in range(banks.number)]
    for day, lived in enumerate(_days(random, banks, world)):
        for each in watched:
            each.live(day, lived)
    return [each.month for each in watched]


def _days(random: Generator, banks: Banks, world: World) -> Iterator[Lived]:
    return days(random, banks, MONTH, drift=world.drift, leak=world.leak)


class _Watched:
    """One bank as the integration sees it."""

    def __init__(self, random: Generator, banks: Banks, row: int) -> None:
        self._row = row
        self._packs = [
            int(pack)
            for pack in np.flatnonzero(banks.is_there[row])  # the packs that exist
        ]
        self._banks = banks
        self._interval = int(random.choice(INTERVALS))
        # Two links in one bank in four: the readings are taken at other moments.
        self._late = [
            int(random.integers(0, self._interval // STEP))
            if len(self._packs) > 2 and pack == 1 and random.random() < 0.25
            else 0
            for pack in self._packs
        ]
        self._random = random
        self._watch: SharingWatch[int] = SharingWatch()
        self._imbalance = ImbalanceWatch(DEFAULT_IMBALANCE_LIMIT)
        self._cells: CellWatch[int] = CellWatch()
        self._first: float | None = None
        self._another = False
        self._is_imbalanced = False
        self._first_cell: float | None = None
        self._another_cell = False

    @property
    def month(self) -> BankMonth:
        return BankMonth(
            first_pack=self._first,
            another=self._another,
            is_imbalanced=self._is_imbalanced,
            first_cell=self._first_cell,
            another_cell=self._another_cell,
        )

    def live(self, day: int, lived: Lived) -> None:
        for step in range(0, STEPS, self._interval // STEP):
            if self._random.random() < LOST:
                continue
            readings = {
                pack: reading_of(
                    self._banks,
                    lived,
                    day,
                    (min(step + late, STEPS - 1), self._row, pack),
                )
                for pack, late in zip(self._packs, self._late, strict=True)
            }
            at = float(day * DAY + step * STEP)
            self._watch.advance(at, readings)
            charges = [each.state_of_charge for each in readings.values()]
            self._is_imbalanced |= self._imbalance.advance(
                at, max(charges) - min(charges)
            )
            for pack in self._watch.noticed:
                if pack != 0:
                    self._another = True
                elif self._first is None:
                    self._first = at / DAY
            for pack, departed in self._cells.advance(at, readings).items():
                if (pack, departed.cell) != (0, 1):
                    self._another_cell = True
                elif self._first_cell is None:
                    self._first_cell = at / DAY


def reading_of(
    banks: Banks, lived: Lived, day: int, where: tuple[int, int, int]
) -> BatteryReading:
    """Return what a poll reads at a step of a day, of a pack of a bank: (step, bank, pack)."""
    step, row, pack = where
    cells = int(banks.cells[row, 0])
    volts = float(lived.told_volts[where])
    amperes = float(lived.told_amperes[where])
    capacity = float(banks.told_capacity[row, pack])
    return BatteryReading(
        read_at=_EPOCH + timedelta(days=day, seconds=step * STEP),
        cell_voltages=tuple(lived.told_cells[where][:cells].tolist()),
        cell_temperatures=(),
        current_count=round(amperes * 100),
        current=amperes,
        voltage=volts,
        remaining_capacity=min(float(lived.told_charge[where]), capacity),
        total_capacity=capacity,
        status=BatteryStatus(
            charge_mosfet=bool(lived.may_charge[where]),
            discharge_mosfet=True,
            fully_charged=bool(lived.is_full[where]),
        ),
    )


def _row(world: World, months: Sequence[BankMonth]) -> MonthRow:
    packs = [each.first_pack for each in months if each.first_pack is not None]
    cells = [each.first_cell for each in months if each.first_cell is not None]
    return MonthRow(
        world=world.name,
        is_fault=world.is_fault,
        banks=len(months),
        bank_days=len(months) * MONTH,
        noticed=len(packs),
        noticed_wrongly=sum(
            each.another or (not world.is_fault and each.first_pack is not None)
            for each in months
        ),
        days_until=_median(packs),
        imbalances=sum(each.is_imbalanced for each in months),
        cells=len(cells),
        cells_wrongly=sum(
            each.another_cell
            or (not world.has_bad_cell and each.first_cell is not None)
            for each in months
        ),
        cell_days_until=_median(cells),
    )


def _median(days: Sequence[float]) -> float | None:
    return round(float(np.median(days)), 2) if days else None
