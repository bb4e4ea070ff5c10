# SPDX-License-Identifier: Apache-2.0
"""The figures as Markdown tables, and as the public JSON document."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
import platform
from typing import Any, Final

from .figures import (
    AgeingRow,
    Cost,
    EnergyRow,
    FlightRecorderCost,
    Measured,
    MonthRow,
    Off,
    PollCost,
    RecorderGrowth,
)
from .targets import Target
from .troubles import NO_TROUBLE, TROUBLES

_PACKAGES: Final = ("renogy-ble", "aiobmsble", "bleak", "homeassistant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that was measured and judged."""

    measured: Sequence[Measured]
    costs: Sequence[Cost]
    energy: Sequence[EnergyRow]
    recorder: Sequence[RecorderGrowth]
    flight_recorder: FlightRecorderCost
    beside: Sequence[PollCost] = ()
    months: Sequence[MonthRow] = ()
    ageing: Sequence[AgeingRow] = ()
    targets: Sequence[Target]
    seconds: float

    def as_document(self) -> dict[str, Any]:
        """Return what `--json` prints: `rows`, and what belongs to them."""
        return {
            "rows": [asdict(each.row) for each in self.measured],
            "figures": [asdict(each.figures) for each in self.measured],
            "home_assistant": [asdict(cost) for cost in self.costs],
            "energy": [asdict(row) for row in self.energy],
            "recorder": [asdict(growth) for growth in self.recorder],
            "flight_recorder": asdict(self.flight_recorder),
            "poll_cpu": [asdict(cost) for cost in self.beside],
            "months": [asdict(row) for row in self.months],
            "ageing": [asdict(row) for row in self.ageing],
            "targets": [asdict(target) for target in self.targets],
            "versions": versions(),
            "seconds": round(self.seconds, 1),
        }

    def as_text(self) -> str:
        """Return the tables."""
        names = ", ".join(f"{name} {number}" for name, number in versions().items())
        parts = [f"{names}; measured in {self.seconds:.0f} s", self._peace()]
        parts += [self._trouble(key) for key in TROUBLES if key != NO_TROUBLE.key]
        if self.costs:
            parts.append(self._home_assistant())
        parts.append(self._energy())
        if self.recorder:
            parts.append(self._recorder())
        parts.append(self._flight_recorder())
        if self.beside:
            parts.append(self._beside())
        if self.months:
            parts.append(self._months())
        if self.ageing:
            parts.append(self._ageing())
        parts.append(self._targets())
        return "\n\n".join(parts)

    def _peace(self) -> str:
        return _table(
            "Nothing goes wrong",
            "system | mode | batteries | cold s | warm s | requests | connects | words"
            " | words/s | line bytes | line share | CPU ms | peak MB | wrong values",
            (
                (
                    row.system,
                    row.mode,
                    row.batteries,
                    f"{row.seconds_cold:.2f}",
                    f"{row.seconds_warm:.3f}",
                    f"{row.requests:g}",
                    f"{row.connects:g}",
                    f"{row.words:g}",
                    f"{row.words_per_second:.1f}",
                    round(each.figures.line_bytes / each.figures.polls),
                    f"{row.line_share:.3f}",
                    f"{row.cpu_ms:.2f}",
                    _optional(row.peak_mb, 2),
                    row.wrong_values,
                )
                for each in self.measured
                if (row := each.row).trouble == NO_TROUBLE.key
            ),
        )

    def _trouble(self, key: str) -> str:
        here = [each for each in self.measured if each.row.trouble == key]
        happened = "; ".join(
            f"{name}: {sum(each.figures.happened.get(name, 0) for each in here):,}"
            for name in TROUBLES[key].kinds
        )
        table = _table(
            f"{key}: {TROUBLES[key].description}",
            "system | mode | batteries | exchanges | complete | partial | failed"
            " | readings % | wrong values | per 1,000,000 exchanges | warm s | longest s"
            " | seconds back, mean | longest",
            (
                (
                    row.system,
                    row.mode,
                    row.batteries,
                    f"{figures.exchanges:,}",
                    row.polls_complete,
                    row.polls_partial,
                    row.polls_failed,
                    f"{100 * figures.readings_share:.2f}",
                    row.wrong_values,
                    round(1e6 * row.wrong_values / figures.exchanges),
                    f"{row.seconds_warm:.2f}",
                    f"{figures.seconds_longest:.2f}",
                    _optional(figures.seconds_back, 1),
                    _optional(figures.seconds_back_longest, 1),
                )
                for each in here
                for row, figures in [(each.row, each.figures)]
            ),
        )
        return f"{table}\n\nHappened, all together: {happened}"

    def _home_assistant(self) -> str:
        return _table(
            "Cost inside Home Assistant, real bleak and D-Bus",
            "batteries | links | entities | import CPU ms | first set-up CPU ms | set-up ms"
            " | set-up CPU ms | longest callback of the first set-up, CPU ms"
            " | of a set-up, CPU ms | poll CPU ms | per battery | state writes | longest callback of polls ms | in CPU ms"
            " | memory MB",
            (
                (
                    cost.batteries,
                    cost.links,
                    cost.entities,
                    cost.import_cpu_ms,
                    cost.first_setup_cpu_ms,
                    cost.setup_ms,
                    cost.setup_cpu_ms,
                    cost.first_setup_stall_cpu_ms,
                    cost.setup_stall_cpu_ms,
                    cost.poll_cpu_ms,
                    cost.poll_cpu_ms_per_battery,
                    f"{cost.state_writes:g}",
                    cost.stall_ms,
                    cost.stall_cpu_ms,
                    _optional(cost.memory_mb, 1),
                )
                for cost in self.costs
            ),
        )

    def _energy(self) -> str:
        return _table(
            "How exactly energy is counted",
            "interval s | way | net error % | in error % | out error %",
            (
                (
                    row.interval_s,
                    row.way,
                    f"{row.net_error_pct:.2f}",
                    f"{row.in_error_pct:.2f}",
                    f"{row.out_error_pct:.2f}",
                )
                for row in self.energy
            ),
        )

    def _recorder(self) -> str:
        return _table(
            "What the recorder keeps, all defaults, a poll every 60 s",
            "batteries | KB per hour | in the busiest four hours | logbook lines per day",
            (
                (
                    growth.batteries,
                    f"{growth.kb_per_hour:.1f}",
                    f"{growth.busiest_kb_per_hour:.1f}",
                    f"{growth.logbook_lines_per_day:g}",
                )
                for growth in self.recorder
            ),
        )

    def _beside(self) -> str:
        return _table(
            "A poll of one battery inside Home Assistant, all ways by turns",
            "system | mode | CPU ms",
            (
                (each.system, each.mode, f"{each.poll_cpu_ms:.2f}")
                for each in self.beside
            ),
        )

    def _months(self) -> str:
        return _table(
            "What is said of emulated banks over a month",
            "world | banks | noticed | wrongly | after days | cells | wrongly | after days",
            (
                (
                    row.world,
                    row.banks,
                    row.noticed,
                    row.noticed_wrongly,
                    _optional(row.days_until, 1),
                    row.cells,
                    row.cells_wrongly,
                    _optional(row.cell_days_until, 1),
                )
                for row in self.months
            ),
        )

    def _ageing(self) -> str:
        return _table(
            "What is told of a battery's age: off in the middle, and of nineteen of twenty",
            "world | batteries | internal resistance % | within what is said % | efficiency, points"
            " | deepest discharge, points | charge drawn %",
            (
                (
                    row.world,
                    row.batteries,
                    _off(row.resistance_off_pct),
                    f"{row.resistance_within:.0f}",
                    _off(row.efficiency_off),
                    _off(row.depth_off),
                    _off(row.drawn_off_pct),
                )
                for row in self.ageing
            ),
        )

    def _flight_recorder(self) -> str:
        cost = self.flight_recorder
        return _table(
            "What the flight recorders take, at the worst but for the CPU time",
            "CPU ms of a poll, 4 batteries | memory of links, MB | of an adapter, MB"
            " | links in a file, KB",
            [
                (
                    f"{cost.poll_cpu_ms:.3f}",
                    f"{cost.links_mb:.2f}",
                    f"{cost.adapter_mb:.2f}",
                    f"{cost.links_kb_of_file:.0f}",
                )
            ],
        )

    def _targets(self) -> str:
        return _table(
            "Targets",
            "target | wanted | measured | met",
            (
                (target.name, target.wanted, target.measured, _yes_no(target.met))
                for target in self.targets
            ),
        )


def versions() -> dict[str, str]:
    """Return what was measured with."""
    return {
        "Python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }


def _table(title: str, head: str, rows: Iterable[tuple[object, ...]]) -> str:
    columns = head.split(" | ")
    lines = [f"### {title}", "", f"| {head} |", "|" + " --- |" * len(columns)]
    lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join(lines)


def _optional(number: float | None, digits: int) -> str:
    return "-" if number is None else f"{number:.{digits}f}"


def _off(found: Off) -> str:
    return "-" if found is None else f"{found[0]:.2f}, {found[1]:.2f}"


def _yes_no(value: bool) -> str:
    return "yes" if value else "NO"
