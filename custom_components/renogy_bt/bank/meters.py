"""What is worked out from one poll to the next: energy and the time left."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ..renogy.models import BatteryReading
from .energy import BankEnergy, EnergyTotals, PowerSample
from .estimates import CurrentSmoother, TimeEstimate, estimate
from .summary import BankSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReadings[BatteryT]:
    """Energy totals and time estimates of every battery, and of the bank."""

    energy: Mapping[BatteryT, EnergyTotals] = field(default_factory=dict)
    bank_energy: EnergyTotals = field(default_factory=EnergyTotals)
    estimates: Mapping[BatteryT, TimeEstimate] = field(default_factory=dict)
    bank_estimate: TimeEstimate = field(default_factory=TimeEstimate)


class BankMeters[BatteryT]:
    """Follows a bank poll by poll."""

    def __init__(self, energy: BankEnergy[BatteryT]) -> None:
        """Go on from these energy totals."""
        self.energy = energy
        self._currents: defaultdict[BatteryT, CurrentSmoother] = defaultdict(
            CurrentSmoother
        )
        self._bank_current = CurrentSmoother()

    def advance(
        self,
        at: float,
        readings: Mapping[BatteryT, BatteryReading],
        fresh: Collection[BatteryT],
        summary: BankSummary[BatteryT],
    ) -> MeterReadings[BatteryT]:
        """Take a poll that ended at this time (s, of a clock that never jumps).

        Only `fresh` readings count: a held one says nothing of the time that passed. The bank's
        estimate rests while a battery is missing, as its sums do.
        """
        self.energy.add(
            {
                battery: PowerSample(at=at, power=readings[battery].power)
                for battery in fresh
            }
        )
        for battery in fresh:
            self._currents[battery].add(at, readings[battery].current)
        if summary.current is not None and len(fresh) == len(readings):
            self._bank_current.add(at, summary.current)
        return MeterReadings(
            energy=self.energy.batteries,
            bank_energy=self.energy.bank,
            estimates={
                battery: estimate(
                    self._currents[battery].current,
                    reading.current,
                    reading.remaining_capacity,
                    reading.total_capacity,
                )
                for battery, reading in readings.items()
            },
            bank_estimate=estimate(
                self._bank_current.current,
                summary.current,
                summary.remaining_capacity,
                summary.total_capacity,
            ),
        )
