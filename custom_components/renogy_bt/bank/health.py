# SPDX-License-Identifier: Apache-2.0
"""How a battery ages: its capacity, what it gives back of the energy put in, its resistance."""

from dataclasses import dataclass, replace
import math
import re
from typing import Final

from ..renogy.models import BatteryReading
from .energy import EnergyTotals

LIKELY: Final = (0.3, 1.25)
"""A total that is further from the capacity that a name spells has another reason than age."""
MOST_SWINGS: Final = 30
LEAST_SWINGS: Final = 3
LEAST_DEPTH: Final = 20.0
"""In a smaller swing the steps of the counters are a percent of what flows, %."""
SOUND_SWING: Final = (0.5, 1.02)
"""A swing that gave less or more of what went in was not measured right."""

LEAST_STEP: Final = 0.1
"""Smaller steps of the current than this share of the capacity per hour drown in the steps of the voltage."""
STEP_SECONDS: Final = (25.0, 130.0)
"""Readings so far apart are compared: sooner the voltage has not followed, later the charge has moved it; s."""
MIDDLE: Final = (15.0, 95.0)
"""Near the ends the voltage follows the charge, %."""
_ROUNDING: Final = 2 * 0.1 * 0.1 / 12
"""What the steps of two voltages of 0.1 V add to a difference, in squares of V."""
LEAST_STEPS: Final = 10.0
KEPT_OF_STEPS: Final = 0.99
"""What one more step leaves of those before: the last hundred decide."""
NARROW: Final = 0.15
"""The resistance is told when it is known within this share of itself, with a confidence of 95 %."""
_CONFIDENCE: Final = 1.96
CURRENT_OFF: Final = 0.025
VOLTAGE_OFF: Final = 0.01
"""What the gains of a battery's sensors are off by at most. No maker tells it: these are what emulated batteries are given."""
YIELD_OFF: Final = 0.08
"""To a load after a rest the voltage yields more, within STEP_SECONDS, than to loads that come and go: the resistance
is within this share of either."""
_OFF: Final = math.hypot(CURRENT_OFF, VOLTAGE_OFF, YIELD_OFF)

# The maker's names: capacity before the kind of cell and voltage behind it, or voltage and capacity before it.
_NAMES: Final = (
    re.compile(r"RBT(?P<capacity>\d{2,3})LFP(?:12|24|36|48)"),
    re.compile(r"RBT(?:12|24|36|48)(?P<capacity>\d{2,3})LFP"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resistance:
    """A battery's resistance in ohms, how far off it may be, and the temperature that it was measured at."""

    ohms: float
    within: float
    temperature: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryHealth:
    """What is known of how a battery ages.

    `swings` are the energies in and out from full to full; `full_energy` is the total when the battery was
    full last, None where a swing is not followed from there; `depth` is how far down it went since. `steps` and the sums that
    follow are those of changes of current and voltage, the older the less; `step` is the reading that the next is
    compared with: its moment, A, V.
    """

    highest_total: float = 0.0
    swings: tuple[tuple[float, float], ...] = ()
    full_energy: EnergyTotals | None = None
    depth: float = 0.0
    step: tuple[float, float, float] | None = None
    steps: float = 0.0
    xx: float = 0.0
    xy: float = 0.0
    yy: float = 0.0
    warmth: float = 0.0
    warm_steps: float = 0.0

    @property
    def efficiency(self) -> float | None:
        """What came out of what went in, in %."""
        if len(self.swings) < LEAST_SWINGS:
            return None
        put_in = sum(each for each, _ in self.swings)
        return min(100 * sum(each for _, each in self.swings) / put_in, 100.0)

    @property
    def resistance(self) -> Resistance | None:
        """The resistance, None while it is not known narrowly enough."""
        if self.steps < LEAST_STEPS or self.xx <= 0 or self.xy <= 0:
            return None
        ohms = self.xy / self.xx
        left = max(self.yy - ohms * self.xy, 0.0) / (self.steps - 1)
        chance = _CONFIDENCE * math.sqrt(max(left, _ROUNDING) / self.xx)
        within = math.hypot(chance, _OFF * ohms)
        if within > NARROW * ohms:
            return None
        warm = self.warm_steps
        return Resistance(
            ohms=ohms,
            within=within,
            temperature=self.warmth / warm if warm > 0 else None,
        )


def nominal_capacity(model: str | None) -> float | None:
    """Return the capacity that a model's name spells, in Ah, None where it spells none."""
    for pattern in _NAMES:
        if found := pattern.match(model or ""):
            return float(found["capacity"])
    return None


def capacity_health(
    health: BatteryHealth, total: float, model: str | None
) -> float | None:
    """Return what is left of the capacity, in %: of that of the model, or else of the highest seen."""
    whole = nominal_capacity(model)
    if whole is None or not LIKELY[0] <= total / whole <= LIKELY[1]:
        whole = health.highest_total
    return min(100 * total / whole, 100.0) if whole else None


def aged(
    health: BatteryHealth,
    now: float,
    reading: BatteryReading,
    energy: EnergyTotals | None,
    *,
    is_seen: bool,
    is_full: bool,
) -> BatteryHealth:
    """Return what is known after one more reading; `is_seen` tells that there was no gap before it."""
    health = replace(
        health, highest_total=max(health.highest_total, reading.total_capacity)
    )
    return _stepped(_swung(health, reading, energy, is_seen, is_full), now, reading)


def _swung(
    health: BatteryHealth,
    reading: BatteryReading,
    energy: EnergyTotals | None,
    is_seen: bool,
    is_full: bool,
) -> BatteryHealth:
    if energy is None or not is_seen:
        health = replace(health, full_energy=None)
    before = health.full_energy
    depth = max(health.depth, 100.0 - reading.state_of_charge)
    if not is_full:
        return replace(health, depth=depth)
    swings = health.swings
    if energy is not None and before is not None and depth >= LEAST_DEPTH:
        put_in = energy.charged - before.charged
        out = energy.discharged - before.discharged
        if put_in > 0 and SOUND_SWING[0] <= out / put_in <= SOUND_SWING[1]:
            swings = (*swings, (put_in, out))[-MOST_SWINGS:]
    return replace(health, swings=swings, full_energy=energy, depth=0.0)


def _stepped(
    health: BatteryHealth, now: float, reading: BatteryReading
) -> BatteryHealth:
    current, charge = reading.current, reading.state_of_charge
    if current is None or not MIDDLE[0] <= charge <= MIDDLE[1]:
        return replace(health, step=None)
    here = (now, current, reading.voltage)
    if health.step is None:
        return replace(health, step=here)
    elapsed = now - health.step[0]
    if 0 <= elapsed < STEP_SECONDS[0]:
        return health
    more = current - health.step[1]
    volts = reading.voltage - health.step[2]
    health = replace(health, step=here)
    if (
        not 0 < elapsed <= STEP_SECONDS[1]
        or abs(more) < LEAST_STEP * reading.total_capacity
    ):
        return health
    kept = KEPT_OF_STEPS
    warm = reading.temperature
    return replace(
        health,
        steps=kept * health.steps + 1,
        xx=kept * health.xx + more * more,
        xy=kept * health.xy + more * volts,
        yy=kept * health.yy + volts * volts,
        warmth=kept * health.warmth + (warm or 0.0),
        warm_steps=kept * health.warm_steps + (warm is not None),
    )
