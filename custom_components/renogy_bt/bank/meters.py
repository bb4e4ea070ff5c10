# SPDX-License-Identifier: Apache-2.0
"""What is worked out from poll to poll: energy and the time left."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ..renogy.models import BatteryReading
from .charge_counter import ChargeState, Way
from .energy import BankEnergy, EnergyTotals, PowerSample
from .estimates import CurrentSmoother, TimeEstimate, estimate
from .summary import BankSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReading:
    """Energy totals and time estimates of one battery, or of the bank.

    `energy` is None while the scale of a current is not known; `way` is how it was counted last.
    """

    energy: EnergyTotals | None = field(default_factory=EnergyTotals)
    way: Way = Way.SAMPLED_POWER
    estimate: TimeEstimate = field(default_factory=TimeEstimate)


class BankMeters[BatteryT]:
    """Follows the batteries of a bank poll by poll; times are of a clock that never jumps (s)."""

    def __init__(
        self, energy: BankEnergy[BatteryT], reserve: float | None = None
    ) -> None:
        """Go on from these energy totals; `reserve` is a share of the total capacity."""
        self.energy = energy
        self._reserve = reserve
        self._currents: defaultdict[BatteryT, CurrentSmoother] = defaultdict(
            CurrentSmoother
        )
        self._bank_current = CurrentSmoother()

    def advance(
        self,
        at: float,
        readings: Mapping[BatteryT, BatteryReading],
        fresh: Collection[BatteryT],
    ) -> dict[BatteryT, MeterReading]:
        """Take the readings of a poll, and return what they come to.

        Only `fresh` readings count: an old reading says nothing about the time since. Nothing
        counts of a battery whose current is not known, nor of the time up to its next reading.
        """
        unscaled = {each for each in readings if readings[each].current is None}
        self.energy.forget_samples(unscaled)
        self.energy.add(
            {
                battery: sample
                for battery in fresh
                if (sample := _sample(at, readings[battery])) is not None
            }
        )
        for battery in unscaled:
            self._currents.pop(battery, None)
        if unscaled:
            # What the bank averaged so far may rest on another scale.
            self._bank_current = CurrentSmoother()
        for battery in fresh:
            if (current := readings[battery].current) is not None:
                self._currents[battery].add(at, current)
        return {
            battery: MeterReading(
                energy=None if battery in unscaled else self.energy.of(battery),
                way=self.energy.way_of([battery]),
                estimate=estimate(
                    self._currents[battery].current,
                    reading.current,
                    reading.remaining_capacity,
                    reading.total_capacity,
                    self._reserve,
                ),
            )
            for battery, reading in readings.items()
        }

    def begin_bank_anew(self) -> None:
        """Forget the bank's average current: it was that of more batteries, or of fewer."""
        self._bank_current = CurrentSmoother()

    def advance_bank(
        self, at: float, summary: BankSummary[BatteryT], *, is_fresh: bool
    ) -> TimeEstimate:
        """Take a round of polls; the average current changes only if all readings are fresh."""
        if summary.current is not None and is_fresh:
            self._bank_current.add(at, summary.current)
        return estimate(
            self._bank_current.current,
            summary.current,
            summary.remaining_capacity,
            summary.total_capacity,
            self._reserve,
        )


def _sample(at: float, reading: BatteryReading) -> PowerSample | None:
    """Return what energy is counted by, None while the current is not known."""
    if reading.current is None or reading.power is None:
        return None
    return PowerSample(
        at=at,
        power=reading.power,
        charge=ChargeState(
            voltage=reading.voltage,
            current=reading.current,
            remaining=reading.remaining_capacity,
            total=reading.total_capacity,
        ),
    )
