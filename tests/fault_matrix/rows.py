# SPDX-License-Identifier: Apache-2.0
"""The rows of the matrix: what came of a fault at each phase of the poll, and what is promised."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from .cases import Case
from .trial import WATCHED_FOR, Outcome

NEVER: Final = float("inf")
FAIR_WITHIN: Final = 1.0
"""What two runs of one trial differ by is not slower, s."""


@dataclass(frozen=True)
class Measured:
    """The outcomes of one fault, one for each phase of the poll at which it began."""

    outcomes: tuple[Outcome, ...]

    @property
    def _seconds(self) -> list[float]:
        return [
            NEVER if outcome.seconds is None else outcome.seconds
            for outcome in self.outcomes
        ]

    @property
    def median(self) -> float:
        """How long it usually takes until the batteries are read for good, s."""
        return median(self._seconds)

    @property
    def worst(self) -> float:
        """How long that takes at the worst phase, s."""
        return max(self._seconds)

    @property
    def told(self) -> list[float]:
        """How long it took to tell the user, wherever that was done, s."""
        return [
            outcome.issue_seconds
            for outcome in self.outcomes
            if outcome.issue_seconds is not None
        ]

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that were taken at most of the phases."""
        return _commonest([outcome.steps for outcome in self.outcomes])

    @property
    def issues(self) -> tuple[str, ...]:
        """What the user was shown at most of the phases."""
        return _commonest([outcome.issues for outcome in self.outcomes])


def _commonest(seen: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return Counter(seen).most_common(1)[0][0]


@dataclass(frozen=True)
class Row:
    """One fault with Home Assistant alone (None: not measured) and with the integration."""

    case: Case
    alone: Measured | None
    healed: Measured

    @property
    def misses(self) -> list[str]:
        """What is promised for this fault and not kept."""
        told, within = self.healed.told, self.case.issue_within
        missed = {
            "too slow": self.healed.median > self.case.limit,
            "not at every phase": self.healed.worst == NEVER,
            "slower than alone": self.alone is not None
            and self.healed.median > self.alone.median + FAIR_WITHIN,
            "told too late": within is not None
            and (len(told) < len(self.healed.outcomes) or max(told) > within),
            "steps in vain": any(each.steps_in_vain for each in self.healed.outcomes),
        }
        return [text for text, is_missed in missed.items() if is_missed]

    def as_json(self) -> dict[str, Any]:
        """Return the row of the `--json` document."""
        alone, healed, told = self.alone, self.healed, self.healed.told
        return {
            "name": self.case.name,
            "alone_s": _number(alone.median) if alone else None,
            "alone_worst_s": _number(alone.worst) if alone else None,
            "with_s": _number(healed.median),
            "with_worst_s": _number(healed.worst),
            "limit_s": self.case.limit,
            "issue_s": _number(median(told)) if told else None,
            "issue_worst_s": _number(max(told)) if told else None,
            "issue_limit_s": self.case.issue_within,
            "steps": list(healed.steps),
            "issues": list(healed.issues),
            "misses": self.misses,
        }


def _number(seconds: float) -> float | None:
    return None if seconds == NEVER else round(seconds, 1)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown."""
    head = [
        *("fault", "alone", "at worst", "with renogy_bt", "at worst", "limit"),
        *("told after", "steps taken", "issues"),
    ]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        told, alone, healed = row.healed.told, row.alone, row.healed
        missed = f" **{', '.join(row.misses)}**" if row.misses else ""
        lines.append(
            [
                f"`{row.case.name}`",
                _text(alone.median) if alone else "not measured",
                _text(alone.worst) if alone else "not measured",
                _text(healed.median) + missed,
                _text(healed.worst),
                f"{row.case.limit:.0f}",
                f"{median(told):.0f}" if told else "-",
                _words(healed.steps),
                ", ".join(healed.issues) or "-",
            ]
        )
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _text(seconds: float) -> str:
    return f"over {WATCHED_FOR:.0f}" if seconds == NEVER else f"{seconds:.0f}"


def _words(steps: Sequence[str]) -> str:
    return ", ".join(step.replace("_", " ") for step in steps) or "-"
