# SPDX-License-Identifier: Apache-2.0
"""What came of a soak, and what of it is not as promised."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Final

from .watch import Held

DAY: Final = 86_400.0
EVERY: Final = 600.0
"""From one trouble to the next, s."""
RETURN_LIMIT: Final = 330.0
"""Within which everything is read again once a trouble is over, s: a battery that was silent for
long is asked every five minutes."""
MOST_CALLBACK_CPU: Final = 0.05
MOST_GROWTH: Final = 4096
"""How much more memory may be held at the end of a run of Home Assistant than before its middle,
KiB, and again for each day."""
_FEWEST: Final = 12
"""Moments at which something was held, from which on it is told whether it grows."""


@dataclass(slots=True)
class Report:
    """What came of it; times in seconds."""

    days: float
    seed: int
    cpu: float = 0.0
    troubles: Counter[str] = field(default_factory=Counter)
    returns: list[float] = field(default_factory=list)
    not_returned: list[str] = field(default_factory=list)
    callbacks: list[tuple[float, str]] = field(default_factory=list)
    """The longest CPU time of a callback around each trouble, and which one."""
    errors: Counter[str] = field(default_factory=Counter)
    fallen: list[str] = field(default_factory=list)
    held: list[list[Held]] = field(default_factory=list)
    """What was held before each trouble, for each run of Home Assistant."""

    @property
    def misses(self) -> list[str]:
        """What was not as promised."""
        return [
            *(f"not read again: {each}" for each in self.not_returned),
            *(f"a total fell: {each}" for each in self.fallen),
            *(f"{count} times: {each}" for each, count in self.errors.items()),
            *(
                f"a callback took {seconds * 1000:.0f} ms of CPU: {name}"
                for seconds, name in self.callbacks
                if seconds > MOST_CALLBACK_CPU
            ),
            *(growth for life in self.held for growth in grown(life)),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        seen = [each for life in self.held for each in life]
        return {
            "days": self.days,
            "seed": self.seed,
            "cpu_s": round(self.cpu),
            "runs": len(self.held),
            "troubles": dict(self.troubles),
            "returned_s": {
                "median": round(median(self.returns), 1) if self.returns else None,
                "worst": round(max(self.returns), 1) if self.returns else None,
            },
            "longest_callback_ms": round(
                1000 * max((seconds for seconds, _ in self.callbacks), default=0.0), 1
            ),
            "most_left_by_bleak": max((each.left_by_bleak for each in seen), default=0),
            "held": [asdict(each) for each in (*seen[:1], *seen[-1:])],
            "misses": self.misses,
        }


def grown(seen: list[Held]) -> list[str]:
    """Return what there is more of all through the last quarter than there was in the second.

    What bleak leaves behind is told apart and is not ours to close.
    """
    quarter = len(seen) // 4
    if len(seen) < _FEWEST:
        return []
    before = _least(seen[quarter : 2 * quarter])
    after = _least(seen[-quarter:])
    allowed = {"memory": int(MOST_GROWTH * (1 + len(seen) * EVERY / DAY))}
    return [
        f"{key} grew from {before[key]} to {after[key]} in {len(seen)} looks"
        for key in before.keys() - {"left_by_bleak"}
        if after[key] > before[key] + allowed.get(key, 0)
    ]


def _least(seen: list[Held]) -> dict[str, int]:
    """Return the least that was held of each kind: what is busy for a moment is left out."""
    each_of = [asdict(each) for each in seen]
    return {key: min(each[key] for each in each_of) for key in each_of[0]}
