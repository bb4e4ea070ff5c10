# SPDX-License-Identifier: Apache-2.0
"""The scale of a battery's current, measured and not believed (protocol 1.6).

Register 5042 counts 0.01 A in some batteries and 0.1 A in others, and names do not tell which
for certain. The battery's own coulomb counter does: the counts that have flowed, in
count-hours, against the change of the remaining capacity, in Ah, are 100 or 10.

What is compared is a *stretch*: at least `LEAST_INTERVALS` intervals between polls and
`LEAST_SECONDS`, over which `LEAST_CHARGE` flowed, ten times the coarsest step of a counter. A gap, a
missed poll, another total capacity (a calibration) and the two ends of the state of charge, where
counters stand still or are put right, break it. A stretch fits a scale if the counts hardly vary from
poll to poll and the ratio is within a third of 10 or of 100.

Three things can turn one scale into the other for many stretches on end.

* Something constant that the counts do not show: a load between the polls, a sensor that is off, a
  counter that is put right little by little. It cannot do so at two currents: with the tolerance of
  a fit they would have to be within a factor of 1.9. So fits are asked for at two currents, twice
  each, a factor of `LEVELS_APART` apart or of opposite sign.
* A load that comes in bursts, which the polls never hit. A tenth of the charge is seen, so the
  bursts take nine tenths of it; at no more than the capacity in one hour they last a
  share of the time that is known, and each poll would hit one with that chance. A tenth of the
  counter's charge that is always hit, the other way round, is missed with a chance of 9 in 10. The
  *weight* of a fit is minus the logarithm of the chance that its polls do so; when a burst is hit, the sums of
  all stretches no longer fit, and everything begins anew.
* A load in step with the polls. While a scale is in question polls come at uneven
  intervals (`is_in_question`); a proof without two currents needs them uneven.

A scale is known by `LEAST_FITS` fits over `LEAST_SPAN` at two currents with a weight of
`LEAST_WEIGHT`; or at one current, by `STEADY_FITS` fits over `STEADY_SPAN` with a weight of
`STEADY_WEIGHT`, of polls at most `STEADY_INTERVAL` apart and uneven, where the counter moves by at
least `STEADY_CURRENT`, more than any sensor is off. One current does not contradict what was
measured before. A fit of one scale throws away what spoke for the other.
`python -m tests.current_scale` measures how often that is wrong, and how long it takes.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

TENTHS: Final = 10
HUNDREDTHS: Final = 100
DIVISORS: Final = (TENTHS, HUNDREDTHS)

LONGEST_INTERVAL: Final = 900.0
"""Polls come every 600 s at the most, and take their time; a longer pause is a gap, s."""
LEAST_INTERVALS: Final = 3
LEAST_SECONDS: Final = 240.0
LONGEST_SECONDS: Final = 6 * 3600.0
"""A stretch that has not come to its charge by now is next to nothing, s."""
LEAST_CHARGE: Final = 0.1
ENDS: Final = (0.02, 0.98)
"""Shares of the total capacity between which the counter counts."""
LARGEST_DOUBT: Final = 0.2
"""The share of the charge that may be unknown between the polls and below one count."""
FIT_TOLERANCE: Final = 4 / 3
"""Charging losses, the doubt above, and what is left of the counter's step."""

LEAST_COUNT: Final = 5.0
"""Currents of fewer counts than this are too coarse, and many batteries report them as 0."""

LEAST_FITS: Final = 6
LEAST_SPAN: Final = 1200.0
LEAST_WEIGHT: Final = 10.0
LEVELS_APART: Final = 2.0
STEADY_FITS: Final = 10
STEADY_SPAN: Final = 5400.0
"""Longer than a counter is put right little by little, s."""
STEADY_WEIGHT: Final = 18.0
STEADY_INTERVAL: Final = 120.0
STEADY_CURRENT: Final = 1.0
UNEVEN: Final = 0.04
"""The mean change from one interval to the next, as a share of the interval."""
DOUBTED_FITS: Final = 3
"""So many fits of another scale than the one in use put that one in question."""
_LARGEST_LOAD: Final = 1.0
"""The largest load as a share of the total capacity, 1/h."""
_BURSTS: Final = 0.9
_PEAKS: Final = 2.0
"""Minus the logarithm of the chance to hit bursts that take a tenth to an eighth of the time."""
_SECONDS_PER_HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeSample:
    """A current as it is counted, and the capacities (Ah), at a time that never jumps (s)."""

    at: float
    count: int
    remaining: float
    total: float

    @property
    def is_counting(self) -> bool:
        """Whether the counter is away from the ends, where it is pinned or put right."""
        empty, full = ENDS
        return empty * self.total <= self.remaining <= full * self.total


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Polls one after the other.

    `charge` is what flowed by the counts, `doubt` what may have flowed besides between
    polls, `size` what flowed in either direction, all in count-seconds; `unevenness` is the sum of
    the changes from one interval to the next.
    """

    first: ChargeSample
    last: ChargeSample
    intervals: int = 0
    interval: float = 0.0
    longest_interval: float = 0.0
    unevenness: float = 0.0
    charge: float = 0.0
    doubt: float = 0.0
    size: float = 0.0

    def continues_with(self, sample: ChargeSample) -> bool:
        """Tell whether a sample goes on with this stretch."""
        return (
            0 < sample.at - self.last.at <= LONGEST_INTERVAL
            and sample.at - self.first.at <= LONGEST_SECONDS
            and sample.total == self.last.total
        )

    def extended(self, sample: ChargeSample) -> Stretch:
        """Return this stretch with one more interval, by the trapezoid rule.

        Between two polls the current may have been either, and a count is no better than one.
        """
        before, after = self.last.count, sample.count
        seconds = sample.at - self.last.at
        change = abs(seconds - self.interval) if self.interval else 0.0
        return Stretch(
            first=self.first,
            last=sample,
            intervals=self.intervals + 1,
            interval=seconds,
            longest_interval=max(self.longest_interval, seconds),
            unevenness=self.unevenness + change,
            charge=self.charge + (before + after) / 2 * seconds,
            doubt=self.doubt + (abs(after - before) / 2 + 1) * seconds,
            size=self.size + (abs(before) + abs(after)) / 2 * seconds,
        )

    @property
    def seconds(self) -> float:
        """How long the stretch is, in s."""
        return self.last.at - self.first.at

    @property
    def counted(self) -> float:
        """How much the remaining capacity has changed, in Ah."""
        return self.last.remaining - self.first.remaining

    @property
    def current(self) -> float:
        """The mean current by the counter, in A."""
        return self.counted / self.seconds * _SECONDS_PER_HOUR

    @property
    def is_complete(self) -> bool:
        """Whether enough has flowed for the stretch to be compared."""
        flowed = abs(self.charge) / _SECONDS_PER_HOUR / HUNDREDTHS
        return (
            self.intervals >= LEAST_INTERVALS
            and self.seconds >= LEAST_SECONDS
            and max(abs(self.counted), flowed) >= LEAST_CHARGE
        )

    @property
    def is_large(self) -> bool:
        """Whether the counts are large enough to mean something."""
        return self.size >= LEAST_COUNT * self.seconds

    @property
    def divisor(self) -> int | None:
        """The scale that the stretch fits, None where it varies too much or fits none."""
        if self.doubt > LARGEST_DOUBT * abs(self.charge):
            return None
        return next((each for each in DIVISORS if self.fits(each)), None)

    def fits(self, divisor: int) -> bool:
        """Tell whether counts and counter agree on this scale."""
        return _agree(self.charge / _SECONDS_PER_HOUR, self.counted, divisor)

    def weight(self, divisor: int) -> float:
        """Return what this stretch weighs if it fits a scale."""
        if divisor == HUNDREDTHS:
            return _PEAKS * self.intervals
        share = abs(self.current) / (_LARGEST_LOAD * self.last.total)
        return _BURSTS * share * self.intervals


def _agree(charge: float, counted: float, divisor: int) -> bool:
    """Tell whether a charge in count-hours is one in Ah of this scale."""
    if not counted:
        return False
    ratio = charge / counted / divisor
    return 1 / FIT_TOLERANCE <= ratio <= FIT_TOLERANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaning:
    """A scale that stretches fit, and what they come to since the first of them.

    `charge` (count-hours) and `counted` (Ah) are of all stretches since, each in the direction of
    the counter; the others are of those that fit. `levels` are the two lowest and the two highest
    mean counts.
    """

    divisor: int
    began_at: float
    ended_at: float = 0.0
    fits: int = 0
    weight: float = 0.0
    levels: tuple[float, ...] = ()
    least_current: float = float("inf")
    longest_interval: float = 0.0
    seconds: float = 0.0
    unevenness: float = 0.0
    charge: float = 0.0
    counted: float = 0.0

    def with_stretch(self, stretch: Stretch, divisor: int | None) -> Leaning | None:
        """Return the sums with one more stretch, None when they no longer agree."""
        direction = 1 if stretch.counted >= 0 else -1
        summed = replace(
            self,
            charge=self.charge + direction * stretch.charge / _SECONDS_PER_HOUR,
            counted=self.counted + abs(stretch.counted),
        )
        if not _agree(summed.charge, summed.counted, self.divisor):
            return None
        if divisor != self.divisor:
            return summed
        levels = sorted((*self.levels, stretch.charge / stretch.seconds))
        return replace(
            summed,
            ended_at=stretch.last.at,
            fits=self.fits + 1,
            weight=self.weight + stretch.weight(divisor),
            levels=tuple(levels if len(levels) < 5 else levels[:2] + levels[-2:]),
            least_current=min(self.least_current, abs(stretch.current)),
            longest_interval=max(self.longest_interval, stretch.longest_interval),
            seconds=self.seconds + stretch.seconds,
            unevenness=self.unevenness + stretch.unevenness,
        )

    def is_proof(self, measured: int | None) -> bool:
        """Tell whether the scale is known by this, after what was measured before."""
        if self._is_proof_at_two_levels:
            return True
        return measured in {None, self.divisor} and self._is_steady_proof

    @property
    def _is_proof_at_two_levels(self) -> bool:
        return (
            self.fits >= LEAST_FITS
            and self.ended_at - self.began_at >= LEAST_SPAN
            and self.weight >= LEAST_WEIGHT
            and _are_apart(self.levels[1], self.levels[-2])
        )

    @property
    def _is_steady_proof(self) -> bool:
        return (
            self.fits >= STEADY_FITS
            and self.ended_at - self.began_at >= STEADY_SPAN
            and self.weight >= STEADY_WEIGHT
            and self.least_current >= STEADY_CURRENT
            and self.longest_interval <= STEADY_INTERVAL
            and self.unevenness >= UNEVEN * self.seconds
        )


def _are_apart(low: float, high: float) -> bool:
    """Tell whether two mean counts are currents that differ enough."""
    if low < 0 < high:
        return True
    small, large = sorted((abs(low), abs(high)))
    return large >= LEVELS_APART * small


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleEvidence:
    """What one battery's polls say of the scale of its current; `measured` is the scale so far."""

    measured: int | None = None
    leaning: Leaning | None = None
    stretch: Stretch | None = None
    stretches: int = 0
    fits: int = 0

    def interrupted(self) -> ScaleEvidence:
        """Return this evidence after a missed poll."""
        return replace(self, stretch=None)

    def advanced(self, sample: ChargeSample) -> ScaleEvidence:
        """Return the evidence with one more poll."""
        if not sample.is_counting:
            return self.interrupted()
        stretch = self.stretch
        if stretch is None or not stretch.continues_with(sample):
            return replace(self, stretch=Stretch(first=sample, last=sample))
        stretch = stretch.extended(sample)
        if not stretch.is_complete:
            return replace(self, stretch=stretch)
        rest = Stretch(first=sample, last=sample, interval=stretch.interval)
        following = replace(self, stretch=rest)
        return following.compared(stretch) if stretch.is_large else following

    def is_in_question(self, used: int | None) -> bool:
        """Tell whether the scale in use is not known or about to be contradicted."""
        leaning = self.leaning
        return used is None or (
            leaning is not None
            and leaning.divisor != used
            and leaning.fits >= DOUBTED_FITS
        )

    def compared(self, stretch: Stretch) -> ScaleEvidence:
        """Return the evidence with one more stretch."""
        divisor, leaning = stretch.divisor, self.leaning
        if leaning is not None and divisor in {None, leaning.divisor}:
            leaning = leaning.with_stretch(stretch, divisor)
        else:
            leaning = None
        if leaning is None and divisor is not None:
            leaning = Leaning(divisor=divisor, began_at=stretch.first.at).with_stretch(
                stretch, divisor
            )
        is_known = leaning is not None and leaning.is_proof(self.measured)
        return replace(
            self,
            measured=leaning.divisor if leaning and is_known else self.measured,
            leaning=None if is_known else leaning,
            stretches=self.stretches + 1,
            fits=self.fits + (divisor is not None),
        )

    def diagnostics(self) -> dict[str, Any]:
        """Return what is known, and how far the evidence has come."""
        leaning = self.leaning
        return {
            "measured_divisor": self.measured,
            "stretches": self.stretches,
            "fits": self.fits,
            "leaning": leaning
            and {
                "divisor": leaning.divisor,
                "fits": leaning.fits,
                "weight": round(leaning.weight, 1),
                "counts": [round(level, 1) for level in leaning.levels],
                "charge": round(leaning.charge, 2),
                "counted": round(leaning.counted, 3),
            },
        }
