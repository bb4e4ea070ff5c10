# SPDX-License-Identifier: Apache-2.0
"""Many batteries for many days, each with its scale measured from its polls."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from custom_components.renogy_bt.renogy.current_scale import ScaleEvidence

from .worlds import INTERVALS, LOADS, Pack, a_pack, samples

DAYS_EACH: Final = 10


@dataclass(slots=True)
class Figures:
    """What came of the batteries of one kind; seconds until the scale was known."""

    days: int = 0
    batteries: int = 0
    seconds: list[float] = field(default_factory=list)
    wrong: list[tuple[int, Pack]] = field(default_factory=list)


def campaign(battery_days: int, seed: int = 0) -> dict[tuple[str, int], Figures]:
    """Run batteries for ten days each; return the figures by load and interval."""
    figures: dict[tuple[str, int], Figures] = defaultdict(Figures)
    kinds = [(load, interval) for load in LOADS for interval in sorted(set(INTERVALS))]
    number = 0
    while sum(each.days for each in figures.values()) < battery_days:
        load, interval = kinds[number % len(kinds)]
        # Short intervals take most of the time and teach the least.
        if interval >= 60 or number // len(kinds) % 10 == 0:
            _run(seed + number, load, interval, figures[load, interval])
        number += 1
    return figures


def _run(seed: int, load: str, interval: int, figures: Figures) -> None:
    random = np.random.default_rng(seed)
    pack = a_pack(random, load, interval)
    evidence = ScaleEvidence()
    known_at = began_at = None
    is_wrong = False
    for sample in samples(random, pack, DAYS_EACH):
        if sample is None:
            evidence = evidence.interrupted()
            continue
        began_at = sample.at if began_at is None else began_at
        evidence = evidence.advanced(sample)
        if evidence.measured is not None:
            known_at = sample.at - began_at if known_at is None else known_at
            is_wrong |= evidence.measured != pack.divisor
    figures.days += DAYS_EACH
    figures.batteries += 1
    if known_at is not None:
        figures.seconds.append(known_at)
    if is_wrong:
        figures.wrong.append((seed, pack))
