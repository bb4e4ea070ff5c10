# SPDX-License-Identifier: Apache-2.0
"""Judges outcomes and puts them into a table."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from .machine import Result
from .order import PHASES, Host, Order, Outcome, Sample, Subject
from .scenarios import SCENARIOS, Expected, Kind, Scenario
from .timing import FAILED_POLL, LONGEST_POLL, ONE_INTERVAL

# A soak's memory is compared from here on: caches have filled.
SETTLED_SAMPLES: Final = 4
GROWTH: Final = 1.02
SPARE_TASKS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One scenario on one kind of host: both results, and what does not hold.

    `phase`: the moment between two polls at which its fault came.
    """

    scenario: Scenario
    host: Host
    phase: int
    alone: Result | None
    integration: Result | None
    complaints: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Tell whether everything that is asked of it holds."""
        return not self.complaints


def rows_of(results: Iterable[Result]) -> list[Row]:
    """Return a row for each scenario, host and phase that has results, in order."""
    found = {replace(result.order, in_full=False): result for result in results}
    rows = []
    for scenario, host, phase in _places():
        alone, integration = (
            found.get(
                Order(scenario=scenario.name, host=host, subject=subject, phase=phase)
            )
            for subject in (Subject.ALONE, Subject.INTEGRATION)
        )
        if alone is not None or integration is not None:
            complaints = tuple(_complaints(scenario, host, alone, integration))
            rows.append(
                Row(
                    scenario=scenario,
                    host=host,
                    phase=phase,
                    alone=alone,
                    integration=integration,
                    complaints=complaints,
                )
            )
    return rows


def _places() -> Iterable[tuple[Scenario, Host, int]]:
    """Yield every scenario with each of its hosts and each phase, in order."""
    for scenario in SCENARIOS:
        for host in scenario.hosts:
            for phase in range(PHASES):
                yield scenario, host, phase


def _complaints(
    scenario: Scenario, host: Host, alone: Result | None, integration: Result | None
) -> Iterable[str]:
    for result in (alone, integration):
        if result is not None and result.outcome is None:
            yield f"{result.order.subject}: {result.failure}"
        if result is not None and result.difference is not None:
            yield f"{result.order.subject}: not the same twice, {result.difference}"
    ours = integration.outcome if integration is not None else None
    theirs = alone.outcome if alone is not None else None
    if ours is None:
        return
    yield from (f"error: {text}" for text in ours.errors if "renogy_bt" in text)
    yield from (f"wrong value: {text}" for text in ours.wrong)
    yield from (f"lost: {entity}" for entity in ours.lost)
    if scenario.kind is Kind.SOAK:
        yield from soak_complaints(scenario, ours)
    else:
        yield from fault_complaints(scenario, ours, theirs)
    if (expected := scenario.expected.get(host)) is not None:
        yield from unexpected(expected, ours)


def fault_complaints(
    scenario: Scenario, ours: Outcome, theirs: Outcome | None
) -> Iterable[str]:
    """Yield what does not hold of a fault: time limit, no worse than alone, nothing left."""
    if ours.recovered is None:
        yield "the batteries were not read again"
        return
    if ours.recovered > scenario.limit:
        yield f"read again after {ours.recovered:.0f} s, limit {scenario.limit:.0f} s"
    if theirs is not None and theirs.recovered is not None:
        # Both poll at their own moments: a poll's interval says nothing.
        if ours.recovered > theirs.recovered + ONE_INTERVAL:
            yield f"slower than alone ({theirs.recovered:.0f} s)"
    if ours.open_issues:
        yield f"issues left: {', '.join(ours.open_issues)}"
    yield from _held(ours.samples, held=int(scenario.kept))


def unexpected(expected: Expected, ours: Outcome) -> Iterable[str]:
    """Yield what was done or told during a fault and should not be, or the other way."""
    during = ours.during
    if expected.steps is not None and (odd := set(during.steps) - expected.steps):
        yield f"steps during the fault: {', '.join(sorted(odd))}"
    if expected.notices is not None:
        told = [
            notice
            for notice in during.notices
            if notice.startswith("adapter") or notice in expected.notices
        ]
        if sorted(told) != sorted(expected.notices):
            yield f"notices during the fault: {_counted(during.notices) or 'none'}"
        if again := [each for each in expected.notices if ours.issues.count(each) > 1]:
            yield f"told again: {', '.join(again)}"
    if expected.states is not None and set(during.states) != expected.states:
        yield f"states during the fault: {', '.join(during.states) or 'none'}"
    if during.counted < expected.counted:
        yield f"counted {during.counted}, not {expected.counted}"
    if expected.gap is not None and ours.longest_gap > expected.gap:
        yield f"a gap of {ours.longest_gap:.0f} s between complete polls"
    if expected.own_resets is not None and ours.host_resets > expected.own_resets:
        yield f"{ours.host_resets} own resets of Home Assistant"


def soak_complaints(scenario: Scenario, outcome: Outcome) -> Iterable[str]:
    """Yield what does not hold of a soak: complete polls, no growth, no reset."""
    failed = FAILED_POLL if outcome.host_resets else 0
    if outcome.longest_gap > scenario.interval + failed + LONGEST_POLL:
        yield f"a gap of {outcome.longest_gap:.0f} s between complete polls"
    if outcome.repairs:
        yield f"repairs: {', '.join(outcome.repairs)}"
    if outcome.issues:
        yield f"issues: {', '.join(outcome.issues)}"
    samples = outcome.samples[SETTLED_SAMPLES:]
    if len(samples) < SETTLED_SAMPLES:
        yield "too few samples"
        return
    yield from _growth(samples)
    yield from _held(samples, held=int(scenario.kept))


def _growth(samples: Sequence[Sample]) -> Iterable[str]:
    first, last = samples[0], samples[-1]
    if last.memory > first.memory * GROWTH:
        yield f"memory grew from {first.memory} to {last.memory} KiB"
    if last.tasks > first.tasks + SPARE_TASKS:
        yield f"tasks grew from {first.tasks} to {last.tasks}"
    if last.names > first.names:
        yield f"bus connections grew from {first.names} to {last.names}"


def _held(samples: Sequence[Sample], *, held: int) -> Iterable[str]:
    """Yield what is not given back between polls."""
    if (slots := max((sample.slots for sample in samples), default=0)) > held:
        yield f"{slots} connection slots are held between polls"
    if (links := max((sample.links for sample in samples), default=0)) > held:
        yield f"{links} links are held between polls"


def _seconds(result: Result | None) -> str:
    if result is None:
        return "-"
    if result.outcome is None:
        return "failed"
    return _duration(result.outcome.recovered)


def _duration(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.0f} s"


def _soak_text(result: Result | None) -> str:
    if result is None or result.outcome is None:
        return _seconds(result)
    outcome = result.outcome
    hours = outcome.samples[-1].at / 3600 if outcome.samples else 0
    return (
        f"{outcome.complete_polls} polls in {hours:.0f} h, "
        f"{outcome.longest_gap:.0f} s apart at most"
    )


HEADINGS: Final = (
    "scenario",
    "host",
    "alone",
    "with",
    "limit",
    "steps taken",
    "own resets",
    "notices",
    "holds",
)


def table(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table; what does not hold follows below."""
    lines = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [
        max(len(line[column]) for line in lines) for column in range(len(HEADINGS))
    ]
    text = [_line(line, widths) for line in lines]
    text.insert(1, _line(tuple("-" * width for width in widths), widths))
    for row in rows:
        text += [f"{_name(row)} on {row.host.name}: {c}" for c in row.complaints]
    return "\n".join(text)


def _name(row: Row) -> str:
    """Return the name of a row's scenario, with the phase where it is not the first."""
    return f"{row.scenario.name} ({row.phase})" if row.phase else row.scenario.name


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"


def _cells(row: Row) -> tuple[str, ...]:
    outcome = row.integration.outcome if row.integration is not None else None
    is_soak = row.scenario.kind is Kind.SOAK
    text = _soak_text if is_soak else _seconds
    return (
        _name(row),
        row.host.name,
        text(row.alone),
        text(row.integration),
        "-" if is_soak else _duration(row.scenario.limit),
        _counted(outcome.repairs) if outcome else "",
        " / ".join(_resets(result) for result in (row.alone, row.integration)),
        _counted(outcome.issues) if outcome else "",
        "yes" if row.holds else "NO",
    )


def _counted(names: Iterable[str]) -> str:
    """Return names once each, as words, with how often."""
    return ", ".join(
        name if times == 1 else f"{times} x {name}"
        for name, times in Counter(each.replace("_", " ") for each in names).items()
    )


def _resets(result: Result | None) -> str:
    """Return how often Home Assistant's own reset ran."""
    if result is None or result.outcome is None:
        return "-"
    return str(result.outcome.host_resets)


def document(rows: Iterable[Row], versions: dict[str, str]) -> dict[str, Any]:
    """Return everything as plain data for `--json`."""
    return {
        "versions": versions,
        "holds": all(row.holds for row in rows),
        "rows": [
            {
                "scenario": row.scenario.name,
                "description": row.scenario.description,
                "host": row.host.name,
                "phase": row.phase,
                "limit": row.scenario.limit,
                "alone": _result(row.alone),
                "integration": _result(row.integration),
                "complaints": row.complaints,
            }
            for row in rows
        ],
    }


def _result(result: Result | None) -> dict[str, Any] | None:
    if result is None:
        return None
    outcome = None if result.outcome is None else asdict(result.outcome)
    return {
        "seconds": result.seconds,
        "failure": result.failure,
        "difference": result.difference,
        "outcome": outcome,
    }
