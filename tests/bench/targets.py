# SPDX-License-Identifier: Apache-2.0
"""What this library has to reach, judged by the figures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import math
from typing import Final

from .figures import (
    AgeingRow,
    Cost,
    EnergyRow,
    FlightRecorderCost,
    Measured,
    MonthRow,
    PollCost,
    RecorderGrowth,
)
from .jobs import SHIPPED
from .systems import CONTENDERS, FAST_SECONDS, OWN, PEER, TWO_SPEED, Contender
from .troubles import NO_TROUBLE, TROUBLES

FAST: Final = next(each for each in CONTENDERS if each.mode == TWO_SPEED)
MOST_OF_LINE_TIME: Final = 1.05
LEAST_WORDS_RATIO: Final = 1.4
BLOCKS_PER_BATTERY: Final = 2
LEAST_READINGS: Final = 0.995
MOST_SECONDS_FOR_SILENT: Final = 0.5
MOST_CPU_MS_PER_BATTERY: Final = 5.0
# By the number of batteries.
MOST_CPU_MS: Final = {4: 3.0}
MOST_MEMORY_MB: Final = {4: 8.0}
MOST_CPU_BY_PEERS: Final = 1.0
_LIKE_PEERS: Final = {
    "connect_per_poll": "reconnect",
    "kept": "keep_alive",
    "kept, two speeds": "keep_alive",
}
MOST_SETUP_CPU_MS: Final = 100.0
MOST_CALLBACK_CPU_MS: Final = 50.0
SAMPLED: Final = "sampled"
MOST_NET_ERROR: Final = {60: 0.3, 600: 1.0}
"""By the interval between polls, in %."""
MOST_DIRECTION_ERROR: Final = {60: 3.0}
# Twice the batteries may cost twice as much, and no more.
MOST_GROWTH: Final = 1.25
# By the number of batteries, in 10^3 bytes.
MOST_RECORDED_PER_HOUR: Final = {1: 60.0, 4: 200.0}
MOST_LOGBOOK_LINES_PER_DAY: Final = 1.0
# By the ohms of a bad cable, and of a cell that drifts, in % of the banks.
LEAST_CABLES_NOTICED: Final = {"cable_20": 80.0, "cable_100": 90.0}
LEAST_CELLS_NOTICED: Final = 70.0
# In the middle, and of nineteen of twenty batteries.
MOST_RESISTANCE_OFF: Final = (6.0, 10.0)
LEAST_RESISTANCES_WITHIN: Final = 95.0
MOST_EFFICIENCY_OFF: Final = 0.5
MOST_RECORDING_CPU_MS: Final = 0.2
# Of a bank with one adapter.
MOST_RECORDING_MB: Final = 1.0
# Adapters and readings have the rest of 300.
MOST_RECORDING_KB_OF_FILE: Final = 160.0


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to reach, what was measured, and whether that is enough."""

    name: str
    wanted: str
    measured: str
    met: bool


def targets(
    measured: Sequence[Measured],
    costs: Sequence[Cost],
    energy: Sequence[EnergyRow],
    recorder: Sequence[RecorderGrowth],
    flight_recorder: FlightRecorderCost,
    beside: Sequence[PollCost] = (),
    months: Sequence[MonthRow] = (),
    ageing: Sequence[AgeingRow] = (),
) -> list[Target]:
    """Judge every target that the figures tell something about."""
    figures = _Figures(measured)
    return [
        *_speed(figures),
        *_in_trouble(figures),
        *_costs(costs),
        *_energy(energy),
        *_recorder(recorder),
        *_flight_recorder(flight_recorder),
        *_beside(beside),
        *month_targets(months),
        *ageing_targets(ageing),
    ]


class _Figures:
    """What was measured, by contender and trouble."""

    def __init__(self, measured: Sequence[Measured]) -> None:
        self._measured = {
            (each.row.system, each.row.mode, each.row.batteries, each.row.trouble): each
            for each in measured
        }

    def of(self, contender: Contender, trouble: str = NO_TROUBLE.key) -> Measured:
        return self._measured[
            contender.system, contender.mode, contender.batteries, trouble
        ]

    def all_of(self, contender: Contender) -> list[Measured]:
        return [self.of(contender, key) for key in TROUBLES]


def _at_most(name: str, wanted: float, measured: float, unit: str = "") -> Target:
    return Target(
        name, f"<= {wanted:g}{unit}", f"{measured:.4g}{unit}", measured <= wanted
    )


def _at_least(name: str, wanted: float, measured: float, unit: str = "") -> Target:
    return Target(
        name, f">= {wanted:g}{unit}", f"{measured:.5g}{unit}", measured >= wanted
    )


def _speed(figures: _Figures) -> Iterator[Target]:
    shipped = figures.of(SHIPPED).row
    yield _at_most(
        "Four batteries, poll time by the line's own time",
        MOST_OF_LINE_TIME,
        1 / shipped.line_share,
    )
    yield _at_most(
        "Four batteries, requests per poll",
        BLOCKS_PER_BATTERY * SHIPPED.batteries,
        shipped.requests,
    )
    fast = figures.of(FAST).row
    yield _at_most(
        "Four batteries every 2 s, poll time by the line's own time",
        MOST_OF_LINE_TIME,
        1 / fast.line_share,
    )
    yield _at_most(
        "Four batteries every 2 s, seconds per round", FAST_SECONDS, fast.seconds_warm
    )
    for held in (False, True):
        yield _words_ratio(figures, held=held)


def _words_ratio(figures: _Figures, *, held: bool) -> Target:
    """Compare with the best peer that treats the connection alike."""
    alike = [each for each in CONTENDERS if each.held == held and not each.in_one_block]
    own = max(_words_per_second(figures, each) for each in alike if each.system == OWN)
    peer = max(_words_per_second(figures, each) for each in alike if each.system != OWN)
    how = "one connection held" if held else "a connection per poll"
    return _at_least(
        f"Words per second by the best peer's, {how}", LEAST_WORDS_RATIO, own / peer
    )


def _words_per_second(figures: _Figures, contender: Contender) -> float:
    return figures.of(contender).row.words_per_second


def _in_trouble(figures: _Figures) -> Iterator[Target]:
    of_shipped = figures.all_of(SHIPPED)
    exchanges = sum(
        each.figures.exchanges
        for each in of_shipped
        if each.row.trouble != NO_TROUBLE.key
    )
    yield _at_most(
        f"Wrong values published in {exchanges:,} troubled exchanges",
        0,
        sum(each.row.wrong_values for each in of_shipped),
    )
    of_fast = figures.all_of(FAST)
    yield _at_most(
        "Wrong values published every 2 s, in trouble",
        0,
        sum(each.row.wrong_values for each in of_fast),
    )
    unseen = [
        f"{key}: {kind}"
        for key, trouble in TROUBLES.items()
        for kind in trouble.kinds
        if not figures.of(SHIPPED, key).figures.happened.get(kind)
    ]
    yield Target(
        "Every kind of trouble has happened",
        "all",
        ", ".join(unseen) or "all",
        not unseen,
    )
    yield _at_least(
        "Battery readings that arrive with 5 % loss",
        100 * LEAST_READINGS,
        100 * figures.of(SHIPPED, "lost").figures.readings_share,
        " %",
    )
    missing = figures.of(SHIPPED, "missing")
    yield _at_most(
        "A battery known to be silent, longest cost of a poll",
        MOST_SECONDS_FOR_SILENT,
        missing.figures.seconds_waited_longest,
        " s",
    )
    yield _at_least(
        "The other batteries' readings beside a silent one",
        100.0,
        100
        * missing.figures.readings_share
        * SHIPPED.batteries
        / (SHIPPED.batteries - 1),
        " %",
    )


def _costs(costs: Sequence[Cost]) -> Iterator[Target]:
    for cost in costs:
        yield _at_most(
            f"Home Assistant's CPU time per battery and poll, {cost.batteries} batteries",
            MOST_CPU_MS.get(cost.batteries, MOST_CPU_MS_PER_BATTERY),
            cost.poll_cpu_ms_per_battery,
            " ms",
        )
        if (most := MOST_MEMORY_MB.get(cost.batteries)) and cost.memory_mb is not None:
            name = f"Memory above idle, {cost.batteries} batteries"
            yield _at_most(name, most, cost.memory_mb, " MB")
    if costs:
        few, many = costs[0], costs[-1]
        yield _at_most(
            f"CPU time per battery, {many.batteries} by {few.batteries} batteries",
            MOST_GROWTH,
            many.poll_cpu_ms_per_battery / few.poll_cpu_ms_per_battery,
        )
        yield _at_most(
            f"Set-up of {few.batteries} batteries at a start, with the first poll, CPU time",
            MOST_SETUP_CPU_MS,
            few.setup_cpu_ms,
            " ms",
        )
        for what, stall in (
            ("polls", many.stall_cpu_ms),
            ("a set-up", many.setup_stall_cpu_ms),
            ("the first set-up", many.first_setup_stall_cpu_ms),
        ):
            yield _at_most(
                f"Longest callback of {what}, {many.batteries} batteries on {many.links}"
                " links, CPU time",
                MOST_CALLBACK_CPU_MS,
                stall,
                " ms",
            )


def _beside(costs: Sequence[PollCost]) -> Iterator[Target]:
    """Compare with the peer that treats the connection alike."""
    by_way = {(cost.system, cost.mode): cost.poll_cpu_ms for cost in costs}
    for mode, peers_mode in _LIKE_PEERS.items():
        own, peers = by_way.get((OWN, mode)), by_way.get((PEER, peers_mode))
        if own is not None and peers is not None:
            name = f"CPU time of a poll of one battery by {PEER}'s, {mode}"
            yield _at_most(name, MOST_CPU_BY_PEERS, own / peers)


def _energy(rows: Sequence[EnergyRow]) -> Iterator[Target]:
    by_way = {(row.way, row.interval_s): row for row in rows}
    for interval in sorted({row.interval_s for row in rows}):
        own, sampled = by_way[OWN, interval], by_way[SAMPLED, interval]
        if interval in MOST_NET_ERROR:
            name = f"Net energy of a day, polls every {interval} s, mean error"
            yield _at_most(name, MOST_NET_ERROR[interval], own.net_error_pct, " %")
        if interval in MOST_DIRECTION_ERROR:
            for what, error in (("in", own.in_error_pct), ("out", own.out_error_pct)):
                name = f"Energy {what} of a day, polls every {interval} s, mean error"
                yield _at_most(name, MOST_DIRECTION_ERROR[interval], error, " %")
        worst = max(
            own.net_error_pct - sampled.net_error_pct,
            own.in_error_pct - sampled.in_error_pct,
            own.out_error_pct - sampled.out_error_pct,
        )
        name = f"Energy, polls every {interval} s, error above that of sampled power"
        yield _at_most(name, 0, worst, " %")


def _recorder(recorder: Sequence[RecorderGrowth]) -> Iterator[Target]:
    for growth in recorder:
        bank = "1 battery" if growth.batteries == 1 else f"{growth.batteries} batteries"
        yield _at_most(
            f"The recorder's growth per hour, {bank}",
            MOST_RECORDED_PER_HOUR[growth.batteries],
            growth.kb_per_hour,
            " KB",
        )
        yield _at_most(
            f"Lines in the logbook per day in peace, {bank}",
            MOST_LOGBOOK_LINES_PER_DAY,
            growth.logbook_lines_per_day,
        )


def month_targets(rows: Sequence[MonthRow]) -> Iterator[Target]:
    """Judge what is said of emulated banks."""
    if not rows:
        return
    yield _at_most(
        f"Untrue notices of shares and cells in {sum(row.bank_days for row in rows):,} days of banks",
        0,
        sum(row.noticed_wrongly + row.cells_wrongly for row in rows),
    )
    for kind, least in LEAST_CABLES_NOTICED.items():
        of_kind = [row for row in rows if row.world.startswith(f"{kind}_")]
        yield _at_least(
            f"Bad cables noticed within a month, {kind.removeprefix('cable_')} mΩ",
            least,
            _percent(sum(row.noticed for row in of_kind), of_kind),
            " %",
        )
    of_cells = [row for row in rows if row.world == "cell_falls"]
    yield _at_least(
        "Cells that fall 5 mV a day noticed within a month",
        LEAST_CELLS_NOTICED,
        _percent(sum(row.cells for row in of_cells), of_cells),
        " %",
    )


def _percent(noticed: int, rows: Sequence[MonthRow]) -> float:
    return 100 * noticed / sum(row.banks for row in rows)


def ageing_targets(rows: Sequence[AgeingRow]) -> Iterator[Target]:
    """Judge what is told of the age of emulated batteries."""
    for row in rows:
        for what, most, found in zip(
            ("the middle", "nineteen of twenty"),
            MOST_RESISTANCE_OFF,
            row.resistance_off_pct or (math.inf, math.inf),
            strict=True,
        ):
            yield _at_most(f"Internal resistance, error of {what}", most, found, " %")
        yield _at_least(
            "Internal resistances that are within what they say",
            LEAST_RESISTANCES_WITHIN,
            row.resistance_within,
            " %",
        )
        # Three full swings may be too much for a month of so few banks.
        if row.efficiency_off is not None:
            yield _at_most(
                "Round-trip efficiency, error of nineteen of twenty",
                MOST_EFFICIENCY_OFF,
                row.efficiency_off[1],
                " points",
            )


def _flight_recorder(cost: FlightRecorderCost) -> Iterator[Target]:
    yield _at_most(
        "Flight recorder of a poll of four batteries, CPU time",
        MOST_RECORDING_CPU_MS,
        cost.poll_cpu_ms,
        " ms",
    )
    yield _at_most(
        "Flight recorders of a bank and an adapter, memory at the worst",
        MOST_RECORDING_MB,
        cost.links_mb + cost.adapter_mb,
        " MB",
    )
    yield _at_most(
        "Flight recorders of a bank's links, in a file at the worst",
        MOST_RECORDING_KB_OF_FILE,
        cost.links_kb_of_file,
        " KB",
    )
