# SPDX-License-Identifier: Apache-2.0
"""Energy by the battery's own charge counter, its remaining capacity.

The counter holds everything that flowed between two readings, and its differences telescope: the net
charge of an interval is exact to one step of the counter. What went in and out within the interval
cancels in it. For that the currents at both ends are used, as levels that the current was at: the share of
the time at each follows from the net charge. Where neither the two levels nor anything between
them gives it, a load has come and gone unseen; it is taken to have been as large as loads of this battery
usually are.

The counter is believed where it has been seen to move with the current, in the direction that
counts, and not

* where it is put right: it jumps, another total capacity comes with it, or it reaches an end of its
  range faster than the current explains;
* where it stands still although current flows: at an end, or anywhere.

There the sampled power counts, for as long as that lasts. An interval counts one way or the
other, from reading to reading, so that a change of the way counts nothing twice.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
import math
from typing import Any, Final

COARSEST_STEP: Final = 0.01
"""The steps of the counters are 0.001 to 0.01 Ah."""
COARSEST_CURRENT: Final = 0.1
"""The steps of the current are 0.01 or 0.1 A."""
NEXT_TO_NOTHING: Final = 2 * COARSEST_STEP
"""A charge that two readings of the counter may be off by, Ah."""

LEAST_CHARGE: Final = 0.5
"""A stretch is compared when so much flowed: fifty of the coarsest steps, Ah."""
LEAST_CURRENT: Final = 1.0
"""Below it, the words of many batteries say nothing, and the counter goes on; A."""
LARGEST_DIFFERENCE: Final = 0.03
"""Counter and current come from one sensor; what only one of them takes off is more."""
LEAST_FITS: Final = 3.5
"""So many stretches that fit are no chance: four, of which the first has begun to fade."""
NEARLY: Final = 3.0
"""What misses by less than this many times what a fit leaves open just misses."""
LEAST_MISSES: Final = 16.0
LEAST_BY_MISSES: Final = 0.7
"""By chance half as many stretches fit as just miss: a fit is half as wide. In one direction, where there
are fewer, half of this is enough."""
LEAST_STRETCHES: Final = 50.0
LEAST_SHARE: Final = 0.03
"""Loads that come and go between two readings keep most stretches from fitting."""
_KEPT_OF_STRETCHES: Final = 0.99
"""What one more stretch leaves of those before: the last fifty decide."""

EXCESS_OF_LOADS: Final = 1.25
"""A load between two readings is at most this much larger than the largest that was read."""
EXCESS_OF_SUN: Final = 2.0
"""The same for charging: between two readings under clouds there may be the full sun."""
HOURS_OF_SUN: Final = 3.0
"""How fast the largest charging current is forgotten: the sun moves on."""
HOURS_OF_LOADS: Final = 336.0
"""The same for loads: a poll does not meet the kettle every day."""
JUST_BEFORE: Final = 2.0
"""In so many hours a counter does not go astray."""
LARGEST_CALIBRATION: Final = 0.05
"""Calibrations change the total capacity by parts per thousand."""
LARGEST_SAG: Final = 0.1
"""No load takes the voltage down, nor a charger up, by a larger share."""
END_SHARE: Final = 0.005
"""What a counter at its end may hide of the total capacity."""
LONGEST_STANDING: Final = 0.03
"""When this charge has flowed, a counter that has not moved stands still, Ah."""


class Way(StrEnum):
    """How energy is counted; `BOTH` where batteries of one bank differ."""

    CHARGE_COUNTER = "charge_counter"
    SAMPLED_POWER = "sampled_power"
    BOTH = "both"


class Reason(StrEnum):
    """Why the last interval was counted in the way that it was.

    `RESTS`: the counter has not moved yet, and what flowed waits until it has. `CATCHES_UP`: it has moved
    after a standstill, perhaps by what was counted meanwhile, too.
    """

    AGREES = "agrees"
    RESTS = "rests"
    CATCHES_UP = "catches_up"
    UNPROVEN = "unproven"
    DISAGREES = "disagrees"
    JUMPED = "jumped"
    STANDS_STILL = "stands_still"
    AT_ITS_END = "at_its_end"

    @property
    def way(self) -> Way:
        """How that counts."""
        if self in {Reason.AGREES, Reason.RESTS, Reason.CATCHES_UP}:
            return Way.CHARGE_COUNTER
        return Way.SAMPLED_POWER


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeState:
    """What one reading says: V, A, Ah."""

    voltage: float
    current: float
    remaining: float
    total: float

    @property
    def is_full(self) -> bool:
        """Whether the counter is at its upper end."""
        return self.remaining >= self.total - COARSEST_STEP

    @property
    def is_empty(self) -> bool:
        """Whether the counter is at its lower end."""
        return self.remaining <= 0

    @property
    def is_at_end(self) -> bool:
        """Whether the counter is where it stands still or is put right."""
        return self.is_full or self.is_empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The time between two readings."""

    before: ChargeState
    after: ChargeState
    hours: float

    @property
    def counted(self) -> float:
        """The net charge by the counter, Ah."""
        return self.after.remaining - self.before.remaining

    @property
    def sampled(self) -> float:
        """The net charge by the currents at both ends, Ah."""
        return self.middle * self.hours

    @property
    def middle(self) -> float:
        """The mean of the two currents, A."""
        return (self.before.current + self.after.current) / 2

    @property
    def lowest(self) -> float:
        """The lower one of the two currents, A."""
        return min(self.before.current, self.after.current)

    @property
    def highest(self) -> float:
        """The higher one of the two currents, A."""
        return max(self.before.current, self.after.current)

    @property
    def is_put_right(self) -> bool:
        """Whether the counter was calibrated, or is another battery's."""
        return self.before.total != self.after.total

    @property
    def is_of_another(self) -> bool:
        """Whether the total capacity is another battery's; a calibration changes it little."""
        before, after = self.before.total, self.after.total
        return abs(after - before) > LARGEST_CALIBRATION * before

    @property
    def touches_end(self) -> bool:
        """Whether the counter was at an end at either time."""
        return self.before.is_at_end or self.after.is_at_end

    @property
    def lasting(self) -> float:
        """The charge that flowed if the current was never less than at both ends, Ah."""
        if self.lowest < 0 < self.highest:
            return 0.0
        return min(abs(self.lowest), abs(self.highest)) * self.hours

    @property
    def stays_at_end(self) -> bool:
        """Whether the counter was at the same end at both times."""
        before, after = self.before, self.after
        return (before.is_full and after.is_full) or (
            before.is_empty and after.is_empty
        )

    @property
    def has_moved(self) -> bool:
        """Whether the counter has moved, or is where it does not."""
        return self.counted != 0 or self.stays_at_end

    @property
    def has_come_back(self) -> bool:
        """Whether the battery is as full, or as empty, as before, although it seems to have left.

        One of the two readings met a load, or a charger, in the moment that it came or went.
        """
        if self.lowest > 0 or self.highest < 0:
            return False
        away = -self.sampled if self.after.is_full else self.sampled
        return away > END_SHARE * self.after.total

    @property
    def net(self) -> float:
        """The net charge, Ah: more may have flowed when the counter had come to its end."""
        if self.after.is_full and not self.before.is_full:
            return max(self.counted, self.sampled)
        if self.after.is_empty and not self.before.is_empty:
            return min(self.counted, self.sampled)
        return self.counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Intervals one after the other, up to a charge that can be compared (Ah)."""

    counted: float = 0.0
    sampled: float = 0.0
    hours: float = 0.0

    def with_interval(self, interval: Interval) -> Stretch:
        """Return the stretch with one more interval."""
        return Stretch(
            counted=self.counted + interval.counted,
            sampled=self.sampled + interval.sampled,
            hours=self.hours + interval.hours,
        )

    @property
    def charge(self) -> float:
        """What flowed by the one or the other."""
        return max(abs(self.counted), abs(self.sampled))

    @property
    def fits(self) -> bool:
        """Whether both are the same, but for their steps."""
        return self._apart <= self._left_open

    @property
    def just_misses(self) -> bool:
        """Whether both are nearly the same."""
        return self._left_open < self._apart <= NEARLY * self._left_open

    @property
    def _apart(self) -> float:
        return abs(self.counted - self.sampled)

    @property
    def _left_open(self) -> float:
        steps = COARSEST_STEP + COARSEST_CURRENT * self.hours
        return LARGEST_DIFFERENCE * self.charge + steps

    @property
    def is_charging(self) -> bool:
        """The direction, by what says that more flowed."""
        if abs(self.counted) >= abs(self.sampled):
            return self.counted > 0
        return self.sampled > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """In how many stretches of one direction counter and samples agreed; older ones fade.

    Loads that come and go between two readings scatter what was sampled, far and evenly. If the counter is
    right, the stretches without such loads fit, and more of them fit than just miss. If it is wrong by
    more than a fit leaves open, these stretches miss, and what fits is chance.
    """

    stretches: float = 0.0
    fits: float = 0.0
    misses: float = 0.0

    def with_stretch(self, stretch: Stretch) -> Agreement:
        """Return the numbers with one more stretch."""
        return Agreement(
            stretches=_KEPT_OF_STRETCHES * self.stretches + 1,
            fits=_KEPT_OF_STRETCHES * self.fits + stretch.fits,
            misses=_KEPT_OF_STRETCHES * self.misses + stretch.just_misses,
        )

    def __add__(self, other: Agreement) -> Agreement:
        """Return the numbers of both directions."""
        return Agreement(
            stretches=self.stretches + other.stretches,
            fits=self.fits + other.fits,
            misses=self.misses + other.misses,
        )

    def is_below(self, least_by_misses: float) -> bool:
        """Tell whether too few stretches fit, by how many just miss or by how many there are."""
        if self.misses >= LEAST_MISSES and self.fits < least_by_misses * self.misses:
            return True
        is_much = self.stretches >= LEAST_STRETCHES
        return is_much and self.fits < LEAST_SHARE * self.stretches


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What currents a battery usually has; sums over its readings that fade.

    `load` and `load_square` are the discharging current and its square over time, `drop` and
    `change_square` the changes of the voltage times those of the current, and the squares of the latter.
    """

    most_in: float = 0.0
    most_out: float = 0.0
    load: float = 0.0
    load_square: float = 0.0
    drop: float = 0.0
    change_square: float = 0.0

    def after(self, interval: Interval) -> Habits:
        """Return the habits after one more interval."""
        current, hours = interval.after.current, interval.hours
        of_in = math.exp(-hours / HOURS_OF_SUN)
        of_out = math.exp(-hours / HOURS_OF_LOADS)
        load = max(-current, 0.0)
        change = current - interval.before.current
        drop = interval.after.voltage - interval.before.voltage
        return Habits(
            most_in=max(of_in * self.most_in, interval.highest),
            most_out=max(of_out * self.most_out, -interval.lowest),
            load=of_out * self.load + load * hours,
            load_square=of_out * self.load_square + load**2 * hours,
            drop=of_out * self.drop + drop * change,
            change_square=of_out * self.change_square + change**2,
        )

    def explain(self, interval: Interval, *, was_full: bool = False) -> bool:
        """Tell whether currents like these can have moved the counter so far.

        An end is where counters are put right: it is reached by the currents of the moment only, unless
        the battery `was_full` just before.
        """
        after = interval.after
        most_in = EXCESS_OF_LOADS * max(interval.highest, 0.0)
        if was_full or not after.is_full:
            most_in = EXCESS_OF_SUN * self.most_in
        most_out = max(-interval.lowest, 0.0) if after.is_empty else self.most_out
        return (
            -EXCESS_OF_LOADS * most_out * interval.hours - NEXT_TO_NOTHING
            <= interval.counted
            <= most_in * interval.hours + NEXT_TO_NOTHING
        )

    @property
    def usual_load(self) -> float:
        """The load at which the mean ampere-hour is taken out, A."""
        mean = self.load_square / self.load if self.load else 0.0
        return min(mean, self.most_out)

    def voltage_at(self, current: float, interval: Interval) -> float:
        """Return the voltage at a current of an interval, from that at both ends."""
        middle = (interval.before.voltage + interval.after.voltage) / 2
        is_known = self.change_square >= LEAST_CURRENT**2
        resistance = self.drop / self.change_square if is_known else 0.0
        most = LARGEST_SAG * middle
        sag = max(resistance, 0.0) * (current - interval.middle)
        return middle + min(max(sag, -most), most)


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterRecord:
    """What was seen of one battery's counter; `reason` is that of the last interval.

    `standing` is the charge (Ah) that has flowed since the counter last moved, in whichever direction, and
    `stood` its net, None where that is not known; `stands_still` is whether that was so much that the counter does not count, until it has
    moved again. `off_full` are the hours since the counter was at its upper end, and `net` is the net
    charge (Ah) of the last interval where the counter counts.
    """

    charging: Agreement = field(default_factory=Agreement)
    discharging: Agreement = field(default_factory=Agreement)
    stretch: Stretch = field(default_factory=Stretch)
    habits: Habits = field(default_factory=Habits)
    standing: float = 0.0
    stood: float | None = None
    stands_still: bool = False
    off_full: float = math.inf
    net: float = 0.0
    reason: Reason = Reason.UNPROVEN

    def interrupted(self) -> CounterRecord:
        """Return the record after a gap: nothing reaches over it."""
        return replace(
            self, stretch=Stretch(), standing=0.0, stood=None, off_full=math.inf
        )

    def after(self, interval: Interval) -> CounterRecord:
        """Return the record after one more interval, with the reason of how that counts."""
        if interval.is_of_another:
            return CounterRecord(reason=Reason.JUMPED)
        standing = 0.0
        stood: float | None = 0.0
        if not interval.has_moved:
            standing = self.standing + interval.lasting
            stood = None if self.stood is None else self.stood + interval.sampled
        stands_still = not interval.has_moved and (
            self.stands_still or standing > LONGEST_STANDING
        )
        habits = self.habits.after(interval)
        reason = self._reason(interval, habits, stands_still=stands_still)
        off_full = self.off_full + interval.hours
        if interval.is_put_right:
            off_full = math.inf
        return replace(
            self,
            **self._compared(interval, habits),
            habits=habits,
            standing=standing,
            stood=stood,
            stands_still=stands_still,
            off_full=0.0 if interval.after.is_full else off_full,
            net=self._net(interval),
            reason=reason,
        )

    def _net(self, interval: Interval) -> float:
        """Return the net charge of an interval.

        After a standstill the counter may have caught up with what was counted meanwhile, or gone on
        from where it stood, or anything in between: as the samples say.
        """
        counted = interval.net
        if not self.stands_still or self.stood is None:
            return counted
        bounds = sorted((counted, counted - self.stood))
        return min(max(interval.sampled, bounds[0]), bounds[1])

    def _reason(
        self, interval: Interval, habits: Habits, *, stands_still: bool
    ) -> Reason:
        if interval.is_put_right:
            return Reason.JUMPED
        if self._is_refuted:
            return Reason.DISAGREES
        if max(self.charging.fits, self.discharging.fits) < LEAST_FITS:
            return Reason.UNPROVEN
        if interval.stays_at_end and not interval.has_come_back:
            return Reason.AT_ITS_END
        if not habits.explain(interval, was_full=self.off_full <= JUST_BEFORE):
            return Reason.JUMPED
        if stands_still or (self.stands_still and self.stood is None):
            return Reason.STANDS_STILL
        if self.stands_still:
            return Reason.CATCHES_UP
        return Reason.AGREES if interval.has_moved else Reason.RESTS

    @property
    def _is_refuted(self) -> bool:
        """Whether the counter has been seen to count something else, or does so in one direction."""
        both = self.charging + self.discharging
        return both.is_below(LEAST_BY_MISSES) or any(
            each.is_below(LEAST_BY_MISSES / 2)
            for each in (self.charging, self.discharging)
        )

    def _compared(self, interval: Interval, habits: Habits) -> dict[str, Any]:
        """Return what changes of the record when the interval is held against the samples."""
        is_odd = interval.is_put_right or interval.touches_end
        if is_odd or not habits.explain(interval):
            return {"stretch": Stretch()}
        stretch = self.stretch.with_interval(interval)
        if stretch.charge < LEAST_CHARGE:
            return {"stretch": stretch}
        if stretch.charge < LEAST_CURRENT * stretch.hours:
            return {"stretch": Stretch()}
        direction = "charging" if stretch.is_charging else "discharging"
        agreement: Agreement = getattr(self, direction)
        return {"stretch": Stretch(), direction: agreement.with_stretch(stretch)}

    def diagnostics(self) -> dict[str, Any]:
        """Return how energy is counted, and why."""
        return {
            "way": self.reason.way,
            "reason": self.reason,
            "charging": _told(self.charging),
            "discharging": _told(self.discharging),
            "largest_current_in": round(self.habits.most_in, 2),
            "largest_current_out": round(self.habits.most_out, 2),
            "usual_load": round(self.habits.usual_load, 2),
        }


def _told(agreement: Agreement) -> dict[str, float]:
    return {
        "stretches": round(agreement.stretches, 1),
        "fits": round(agreement.fits, 1),
        "misses": round(agreement.misses, 1),
    }


def energy_by_counter(
    interval: Interval, net: float, habits: Habits
) -> tuple[float, float]:
    """Return what went in and what went out within an interval of this net charge, in Wh."""
    charged = discharged = 0.0
    for share, current in _levels(interval, net / interval.hours, habits.usual_load):
        energy = share * interval.hours * current * habits.voltage_at(current, interval)
        charged += max(energy, 0.0)
        discharged += max(-energy, 0.0)
    return charged, discharged


def _levels(
    interval: Interval, mean: float, usual_load: float
) -> tuple[tuple[float, float], ...]:
    """Return at which currents the mean current came about, each with its share of the time."""
    if interval.lowest < mean < interval.highest:
        return _two_levels(mean, interval.lowest, interval.highest)
    hidden = min(interval.lowest - mean, interval.middle + usual_load)
    if hidden * interval.hours <= NEXT_TO_NOTHING or mean <= -usual_load:
        return ((1.0, mean),)
    return _two_levels(mean, -usual_load, interval.middle)


def _two_levels(
    mean: float, low: float, high: float
) -> tuple[tuple[float, float], ...]:
    share = (mean - low) / (high - low)
    return (share, high), (1 - share, low)
