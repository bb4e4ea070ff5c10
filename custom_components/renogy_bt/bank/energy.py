# SPDX-License-Identifier: Apache-2.0
"""Charged and discharged energy.

The batteries report no energy counters (protocol 1.5). They count charge, and where that counter has
shown itself to be right energy is that charge at its voltage; elsewhere energy is the integral of power
over the time that really passed between two readings.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from .charge_counter import (
    ChargeState,
    CounterRecord,
    Interval,
    Reason,
    Way,
    energy_by_counter,
)

# A gap longer than this many update intervals adds nothing: nobody knows what happened.
MAX_GAP_INTERVALS: Final = 5
_SECONDS_PER_HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyTotals:
    """Energy that went in and out since counting began, in Wh; it never falls."""

    charged: float = 0.0
    discharged: float = 0.0

    def __add__(self, other: EnergyTotals) -> EnergyTotals:
        """Return the sum of two totals."""
        return EnergyTotals(
            charged=self.charged + other.charged,
            discharged=self.discharged + other.discharged,
        )

    def at_least(self, other: EnergyTotals) -> EnergyTotals:
        """Return what is higher of two totals."""
        return EnergyTotals(
            charged=max(self.charged, other.charged),
            discharged=max(self.discharged, other.discharged),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerSample:
    """Power (W, positive when charging) at a time of a clock that never jumps (s).

    `charge` is None where only the power is known, from a version that kept no more.
    """

    at: float
    power: float
    charge: ChargeState | None = None


def energy_between(
    earlier: PowerSample, later: PowerSample, max_gap: float
) -> EnergyTotals:
    """Return the energy between two samples, by the trapezoid rule.

    Where the sign changes in between, the line through both samples is cut at zero, so that
    each direction gets its own triangle. A gap above ``max_gap`` seconds, or a clock that did
    not advance, adds nothing.
    """
    hours = (later.at - earlier.at) / _SECONDS_PER_HOUR
    if not 0 < later.at - earlier.at <= max_gap:
        return EnergyTotals()
    return EnergyTotals(
        charged=_positive_area(earlier.power, later.power, hours),
        discharged=_positive_area(-earlier.power, -later.power, hours),
    )


def _positive_area(start: float, end: float, width: float) -> float:
    """Return the area above zero and below the line from ``start`` to ``end``."""
    if start <= 0 and end <= 0:
        return 0.0
    if start >= 0 and end >= 0:
        return (start + end) / 2 * width
    peak = max(start, end)
    return peak * peak / (abs(start) + abs(end)) / 2 * width


class EnergyCounter:
    """Adds up the energy of one battery, reading by reading."""

    def __init__(
        self,
        totals: EnergyTotals,
        update_interval: float,
        last: PowerSample | None = None,
        record: CounterRecord | None = None,
    ) -> None:
        """Go on from ``totals``, which count up to the ``last`` sample.

        Readings come every ``update_interval`` seconds. ``record`` is what was seen of the charge
        counter.
        """
        self.totals = totals
        self.last = last
        self.record = CounterRecord() if record is None else record
        self._max_gap = MAX_GAP_INTERVALS * update_interval
        self._waiting = EnergyTotals()

    def add(self, sample: PowerSample) -> EnergyTotals:
        """Take a sample and return what it added."""
        last, self.last = self.last, sample
        gained = EnergyTotals()
        if last is not None and 0 < sample.at - last.at <= self._max_gap:
            gained = self._between(last, sample)
        else:
            self._interrupt()
        self.totals += gained
        return gained

    def forget_sample(self) -> None:
        """Count nothing up to the next sample; what was seen so far may be of another scale."""
        self.last = None
        self.record = CounterRecord()
        self._waiting = EnergyTotals()

    def _interrupt(self) -> None:
        self.record = self.record.interrupted()
        self._waiting = EnergyTotals()

    def _between(self, last: PowerSample, sample: PowerSample) -> EnergyTotals:
        sampled = energy_between(last, sample, self._max_gap)
        if last.charge is None or sample.charge is None:
            return sampled
        hours = (sample.at - last.at) / _SECONDS_PER_HOUR
        interval = Interval(before=last.charge, after=sample.charge, hours=hours)
        self.record = self.record.after(interval)
        waiting, self._waiting = self._waiting, EnergyTotals()
        if self.record.reason is Reason.RESTS:
            self._waiting = waiting + sampled
            return EnergyTotals()
        if self.record.reason.way is Way.CHARGE_COUNTER:
            # The counter has moved by what has waited, too.
            charged, discharged = energy_by_counter(
                interval, self.record.net, self.record.habits
            )
            return EnergyTotals(charged=charged, discharged=discharged)
        return waiting + sampled


class BankEnergy[BatteryT]:
    """The energy of every battery, and of the bank as a whole.

    The bank has a total of its own, to which each battery's gain is added: its total does not
    fall when a battery is taken out of the bank.
    """

    def __init__(
        self,
        saved: Mapping[BatteryT, EnergyTotals],
        bank: EnergyTotals,
        update_interval: float,
        last: Mapping[BatteryT, PowerSample] | None = None,
        records: Mapping[BatteryT, CounterRecord] | None = None,
    ) -> None:
        """Go on from saved totals and the last samples that they count up to.

        Readings come every ``update_interval`` seconds. ``records`` are what was seen of the
        charge counters.
        """
        self.bank = bank
        self._update_interval = update_interval
        self._counters = {
            battery: EnergyCounter(
                totals,
                update_interval,
                last.get(battery) if last else None,
                records.get(battery) if records else None,
            )
            for battery, totals in saved.items()
        }

    @property
    def batteries(self) -> dict[BatteryT, EnergyTotals]:
        """The totals of every battery that was ever counted."""
        return {battery: counter.totals for battery, counter in self._counters.items()}

    def of(self, battery: BatteryT) -> EnergyTotals:
        """Return the totals of one battery."""
        counter = self._counters.get(battery)
        return EnergyTotals() if counter is None else counter.totals

    @property
    def last_samples(self) -> dict[BatteryT, PowerSample]:
        """The sample of every battery that its total counts up to."""
        return {
            battery: counter.last
            for battery, counter in self._counters.items()
            if counter.last is not None
        }

    @property
    def records(self) -> dict[BatteryT, CounterRecord]:
        """What was seen of the charge counter of every battery."""
        return {battery: counter.record for battery, counter in self._counters.items()}

    def way_of(self, batteries: Iterable[BatteryT]) -> Way:
        """Return how the last energy of these batteries was counted."""
        ways = {
            self._counters[battery].record.reason.way
            for battery in batteries
            if battery in self._counters
        }
        if len(ways) > 1:
            return Way.BOTH
        return ways.pop() if ways else Way.SAMPLED_POWER

    def forget_samples(self, batteries: Iterable[BatteryT]) -> None:
        """Count nothing up to the next sample of these batteries."""
        for battery in batteries:
            if battery in self._counters:
                self._counters[battery].forget_sample()

    def raise_bank(self, shown: EnergyTotals) -> None:
        """Go on from what was shown of the bank, where that is more."""
        self.bank = self.bank.at_least(shown)

    def raise_battery(self, battery: BatteryT, shown: EnergyTotals) -> None:
        """Go on from what was shown of a battery, where that is more.

        Its last sample is of an earlier time then, and nothing is counted from it once more.
        """
        counter = self._counters.setdefault(
            battery, EnergyCounter(EnergyTotals(), self._update_interval)
        )
        raised = counter.totals.at_least(shown)
        if raised != counter.totals:
            counter.totals, counter.last = raised, None

    def add(self, samples: Mapping[BatteryT, PowerSample]) -> None:
        """Take the samples of the batteries that answered a poll."""
        for battery, sample in samples.items():
            counter = self._counters.setdefault(
                battery, EnergyCounter(EnergyTotals(), self._update_interval)
            )
            self.bank += counter.add(sample)
