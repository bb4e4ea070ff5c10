# SPDX-License-Identifier: Apache-2.0
"""What is measured, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table; the public form of `scripts/bench --json`.

    `seconds_cold` is the first poll of a new system, `seconds_warm` the mean of those after it.
    `requests`, `connects` and `words` are means per warm poll; `words` are the distinct registers
    that mean something and were delivered as they should. `line_share` is the line's own time,
    connecting and replying, divided by `seconds_warm`. `cpu_ms` is CPU time per warm poll without
    the emulation, `peak_mb` the most memory that the system's objects took, its own modules
    included, in 10^6 bytes; None where it was not measured. Polls are complete, partial or failed
    by batteries with everything that this system usually reads of them. `wrong_values` is the
    number of published values that were not true.
    """

    system: str
    mode: str
    batteries: int
    trouble: str
    seconds_cold: float
    seconds_warm: float
    requests: float
    connects: float
    words: float
    words_per_second: float
    line_share: float
    cpu_ms: float
    peak_mb: float | None
    polls_complete: int
    polls_partial: int
    polls_failed: int
    wrong_values: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleFigures:
    """What belongs to one row beside what `Row` tells.

    `polls` are those that count, `exchanges` all requests, `line_bytes` all bytes of requests and replies. `happened` counts
    every kind of trouble. `readings_share` is the share of all batteries in all polls after trouble
    began that were read completely. `held_readings` are readings of before that were shown on, and
    said to be. `wrong_readings` counts the batteries in polls that had a wrong value.
    `seconds_longest` is the longest poll, `seconds_waited_longest` the most of one poll in which the
    line neither connected nor answered. A battery's outage begins with the end of the first poll
    that lacks it, or when the dongle works again if that is later, and ends with the poll that has
    it again; `outages` is their number, `seconds_back` their mean length, None without any.
    """

    system: str
    mode: str
    batteries: int
    trouble: str
    polls: int
    exchanges: int
    line_bytes: int
    happened: Mapping[str, int]
    readings_share: float
    held_readings: int
    wrong_readings: int
    seconds_longest: float
    seconds_waited_longest: float
    outages: int
    seconds_back: float | None
    seconds_back_longest: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyRow:
    """How exactly energy is counted in one way, at one interval between polls.

    Means over emulated days of how far off a day was, in %: the net energy as a share of what went
    through the battery, the mean of in and out; what went in, and what went out, as shares of themselves.
    """

    interval_s: int
    way: str
    net_error_pct: float
    in_error_pct: float
    out_error_pct: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Both parts of what was measured of one contender in one trouble."""

    row: Row
    figures: TroubleFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a bank costs Home Assistant.

    `import_cpu_ms` is loading the integration's code, which Home Assistant does in a thread of its
    own, `setup_ms` setting up from what is stored, by the clock, which a start waits for, and
    `setup_cpu_ms` the CPU time until all batteries have been read once, at every start;
    `first_setup_cpu_ms` is that of the very first time, when all devices and entities are new to
    Home Assistant. `setup_stall_cpu_ms` and `first_setup_stall_cpu_ms` are the CPU time of the
    longest callback meanwhile. `poll_cpu_ms` is the CPU time of a poll: bleak, D-Bus and the entities
    included, what Home Assistant's Bluetooth does all the time subtracted. `state_writes` are
    states that changed or were reported anew, per poll. `stall_ms` is the longest that one
    callback kept the event loop during a poll, by the clock, `stall_cpu_ms` in CPU time; all
    links are polled in the same moment. Python's collections of Home Assistant's own garbage are
    left out of all of these.
    `memory_mb` is what is left allocated after three polls, the code included, in 10^6 bytes;
    it is measured in a run of its own and None in the others.
    """

    batteries: int
    links: int
    entities: int
    import_cpu_ms: float
    first_setup_cpu_ms: float
    setup_ms: float
    setup_cpu_ms: float
    first_setup_stall_cpu_ms: float
    setup_stall_cpu_ms: float
    poll_seconds: float
    poll_cpu_ms: float
    poll_cpu_ms_per_battery: float
    state_writes: float
    stall_ms: float
    stall_cpu_ms: float
    memory_mb: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightRecorderCost:
    """What the flight recorders take.

    `poll_cpu_ms` is the median CPU time of recording a poll of four batteries. The others are the worst:
    `links_mb` the memory of all links of a bank, `adapter_mb` that of an adapter, in 10^6 bytes,
    `links_kb_of_file` what all links of a bank take of the diagnostics, in 10^3 characters.
    """

    poll_cpu_ms: float
    links_mb: float
    adapter_mb: float
    links_kb_of_file: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PollCost:
    """What a poll of one battery costs Home Assistant, everything included, in ms of CPU time."""

    system: str
    mode: str
    poll_cpu_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderGrowth:
    """How much the recorder's database grows by a bank with all defaults, in 10^3 bytes.

    `kb_per_hour` is the mean over a day of sun and loads, `busiest_kb_per_hour` that over its busiest four hours.
    `logbook_lines_per_day` is how often the logbook says something meanwhile.
    """

    batteries: int
    kb_per_hour: float
    busiest_kb_per_hour: float
    logbook_lines_per_day: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRow:
    """What was said of the emulated banks of one world.

    `noticed` are the banks of whose first pack, which has what is the matter with a world, it was said that it does not carry
    its share, `noticed_wrongly` those of which that is not true, `days_until` the median of when it was said; `imbalances` those whose
    charges were said to be apart. `cells`, `cells_wrongly` and `cell_days_until` are the same as the first of its first cell.
    """

    world: str
    is_fault: bool
    banks: int
    bank_days: int
    noticed: int
    noticed_wrongly: int
    days_until: float | None
    imbalances: int
    cells: int
    cells_wrongly: int
    cell_days_until: float | None


type Off = tuple[float, float] | None
"""How far off values are: the median, and what nineteen of twenty keep; None without any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeingRow:
    """How far off the values of one world's batteries are.

    `resistance_within` is the share of the resistances, in %, that are as near the truth as they say.
    """

    world: str
    batteries: int
    resistances: int
    resistance_off_pct: Off
    resistance_within: float
    efficiencies: int
    efficiency_off: Off
    depth_off: Off
    drawn_off_pct: Off
