# SPDX-License-Identifier: Apache-2.0
"""The whole benchmark as a list of jobs, and the processes that do them."""

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
import json
import logging
import multiprocessing
import os
import subprocess
import sys
from typing import Any, Final

from .bank import FIRST_UNIT
from .figures import (
    AgeingRow,
    Cost,
    EnergyRow,
    Measured,
    MonthRow,
    PollCost,
    RecorderGrowth,
)
from .library import leave_home_assistant_out
from .memory import peak_memory
from .session import Job, measure
from .systems import CONTENDERS, OWN, Contender
from .troubles import MISSING_UNIT, NO_TROUBLE

# What of the exchanges in trouble goes to each trouble.
SHARES: Final = {
    "missing": 0.06,
    "lost": 0.08,
    "noise": 0.30,
    "fragments": 0.06,
    "wide_refused": 0.06,
    "disconnects": 0.06,
    "wedged": 0.06,
    "everything": 0.32,
}
# The way in which the integration uses the library; all the others measure beside it.
SHIPPED: Final = next(
    contender
    for contender in CONTENDERS
    if (contender.system, contender.batteries) == (OWN, 4) and not contender.held
)
BATTERIES_IN_HOME_ASSISTANT: Final = (4, 64)
BATTERIES_RECORDED: Final = (1, 4)
_MOST_WORKERS: Final = 4
_COST_SECONDS: Final = 300.0
_ENERGY_SECONDS: Final = 900.0
_RECORDER_SECONDS: Final = 600.0
_MONTHS_SECONDS: Final = 1800.0
# Ten banks of each for a month; of the whole campaign they are a hundredth.
WORLDS_OF_MONTHS: Final = (
    "healthy",
    *("cable_20_12V", "cable_20_48V", "cable_100_12V", "cable_100_48V"),
    "cell_falls",
)
DAYS_OF_MONTHS: Final = 300
DAYS_OF_AGEING: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is measured.

    `polls` in peace, `exchanges` in trouble of the library as it is shipped, and
    `others_exchanges` of every other way to read batteries.
    """

    polls: int = 200
    exchanges: int = 1_000_000
    others_exchanges: int = 50_000


def measure_all(scale: Scale) -> tuple[Measured, ...]:
    """Measure every contender, in peace and in trouble.

    CPU time is measured in peace and one job after the other; the rest is done side by side.
    """
    peaks = dict(
        zip(
            CONTENDERS,
            _side_by_side(peak_memory, CONTENDERS, fresh=True),
            strict=True,
        )
    )
    in_peace = _one_by_one(measure, peace_jobs(scale))
    jobs = trouble_jobs(scale)
    in_trouble = _side_by_side(measure, jobs)
    return tuple(
        replace(
            measured,
            row=replace(measured.row, peak_mb=round(peaks[job.contender], 3)),
        )
        for job, measured in zip(
            [*peace_jobs(scale), *jobs], [*in_peace, *in_trouble], strict=True
        )
    )


def peace_jobs(scale: Scale) -> list[Job]:
    """Return the jobs in which nothing goes wrong."""
    return [
        Job(contender=contender, trouble=NO_TROUBLE.key, polls=scale.polls)
        for contender in CONTENDERS
    ]


def trouble_jobs(scale: Scale) -> list[Job]:
    """Return the jobs with trouble, the long ones first."""
    jobs = [
        Job(
            contender=contender,
            trouble=key,
            exchanges=round(
                share
                * (scale.exchanges if contender is SHIPPED else scale.others_exchanges)
            ),
        )
        for contender in CONTENDERS
        for key, share in SHARES.items()
        if _is_troubled(contender, key)
    ]
    return sorted(jobs, key=lambda job: -job.exchanges)


def _is_troubled(contender: Contender, trouble: str) -> bool:
    """Tell whether a trouble is worth measuring: it must be able to reach the contender."""
    if contender.system == OWN and (contender.batteries == 1 or contender.in_one_block):
        return False
    return trouble != "missing" or contender.batteries > MISSING_UNIT - FIRST_UNIT


def measure_costs() -> tuple[Cost, ...]:
    """Measure what banks of several sizes cost Home Assistant."""
    return tuple(
        replace(
            _cost(str(batteries)), memory_mb=_cost(str(batteries), "--memory").memory_mb
        )
        for batteries in BATTERIES_IN_HOME_ASSISTANT
    )


def measure_energy() -> tuple[EnergyRow, ...]:
    """Measure how exactly energy is counted over emulated days."""
    rows = _output_of("tests.energy_days", "--json", seconds=_ENERGY_SECONDS)
    return tuple(EnergyRow(**row) for row in rows)


def measure_months() -> tuple[MonthRow, ...]:
    """Measure what is said of emulated banks over a month: a sample of the campaign."""
    rows = _output_of(
        *("tests.bank_months", "--json", "--days", str(DAYS_OF_MONTHS)),
        *WORLDS_OF_MONTHS,
        seconds=_MONTHS_SECONDS,
    )
    return tuple(MonthRow(**row) for row in rows)


def measure_ageing() -> tuple[AgeingRow, ...]:
    """Measure how right is what is told of the age of sound batteries."""
    rows = _output_of(
        *("tests.bank_months", "--json", "--ageing", "--days", str(DAYS_OF_AGEING)),
        "healthy",
        seconds=_MONTHS_SECONDS,
    )
    return tuple(AgeingRow(**row) for row in rows)


def measure_recorder() -> tuple[RecorderGrowth, ...]:
    """Measure how much the recorder keeps of banks of several sizes."""
    return tuple(
        RecorderGrowth(
            **_output_of(
                "tests.bench.recorder", str(batteries), seconds=_RECORDER_SECONDS
            )
        )
        for batteries in BATTERIES_RECORDED
    )


def measure_beside(folder: str | None) -> tuple[PollCost, ...]:
    """Measure a poll beside BMS_BLE-HA, whose `custom_components` are in a folder; None: not."""
    if folder is None:
        return ()
    costs = _output_of("tests.bench.beside", folder, seconds=_COST_SECONDS)
    return tuple(PollCost(**cost) for cost in costs)


def _cost(*arguments: str) -> Cost:
    return Cost(**_output_of("tests.bench.cost", *arguments, seconds=_COST_SECONDS))


def _output_of(module: str, *arguments: str, seconds: float) -> Any:
    """Run one measurement in a process of its own; raises RuntimeError with its errors."""
    finished = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    if finished.returncode:
        raise RuntimeError(f"{module} has measured nothing:\n{finished.stderr}")
    return json.loads(finished.stdout)


def _prepare_worker() -> None:
    """Let systems log nothing: they are not measured by how much they complain."""
    logging.disable()
    leave_home_assistant_out()


def _side_by_side[T, R](
    function: Callable[[T], R], tasks: Iterable[T], *, fresh: bool = False
) -> list[R]:
    return _in_processes(
        function, tasks, min(_MOST_WORKERS, os.process_cpu_count() or 1), fresh=fresh
    )


def _one_by_one[T, R](function: Callable[[T], R], tasks: Iterable[T]) -> list[R]:
    return _in_processes(function, tasks, 1, fresh=False)


def _in_processes[T, R](
    function: Callable[[T], R], tasks: Iterable[T], workers: int, *, fresh: bool
) -> list[R]:
    """Do tasks in processes, each in a new one if they are to be fresh."""
    with ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_prepare_worker,
        max_tasks_per_child=1 if fresh else None,
    ) as pool:
        return list(pool.map(function, tasks))
