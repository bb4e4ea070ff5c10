# SPDX-License-Identifier: Apache-2.0
"""Tests of what is worked out from one poll to the next."""

from dataclasses import dataclass, replace

import pytest

from custom_components.renogy_bt.bank.energy import BankEnergy, EnergyTotals
from custom_components.renogy_bt.bank.estimates import TimeEstimate
from custom_components.renogy_bt.bank.meters import BankMeters, MeterReading
from custom_components.renogy_bt.bank.summary import Wiring, summarise
from custom_components.renogy_bt.renogy.models import BatteryReading
from tests.bank.test_summary import FIRST

INTERVAL = 60.0
HOUR = 3600.0

CHARGING = replace(FIRST, voltage=50.0, current=10.0, remaining_capacity=40.0)
DISCHARGING = replace(FIRST, voltage=50.0, current=-10.0, remaining_capacity=40.0)


@dataclass(frozen=True)
class Polled:
    """What is known after a poll."""

    energy: dict[str, EnergyTotals]
    bank_energy: EnergyTotals
    estimates: dict[str, TimeEstimate]
    bank_estimate: TimeEstimate


class Bank:
    """A bank of two that is polled by hand."""

    def __init__(self, bank: EnergyTotals | None = None) -> None:
        """Begin with these totals."""
        self.meters = BankMeters[str](
            BankEnergy({}, bank or EnergyTotals(), update_interval=INTERVAL)
        )
        self.at = 1_000.0

    def poll(
        self,
        readings: dict[str, BatteryReading],
        fresh: set[str] | None = None,
        after: float = INTERVAL,
    ) -> Polled:
        """Take one more poll."""
        self.at += after
        fresh = set(readings) if fresh is None else fresh
        meters = self.meters.advance(self.at, readings, fresh)
        estimate = self.meters.advance_bank(
            self.at,
            summarise(readings, 2, Wiring.PARALLEL),
            is_fresh=len(fresh) == len(readings),
        )
        energy = self.meters.energy.batteries
        assert {battery: energy[battery] for battery in meters} == {
            battery: meter.energy for battery, meter in meters.items()
        }
        return Polled(
            energy=energy,
            bank_energy=self.meters.energy.bank,
            estimates={battery: meter.estimate for battery, meter in meters.items()},
            bank_estimate=estimate,
        )


def test_nothing_yet() -> None:
    """Before the first poll nothing was counted and nothing is estimated."""
    assert MeterReading() == MeterReading(
        energy=EnergyTotals(), estimate=TimeEstimate()
    )
    assert Bank().meters.energy.of("a") == EnergyTotals()


def test_energy_of_two_batteries() -> None:
    """What goes in and out is counted by battery and for the bank, an hour's worth of it."""
    bank = Bank(EnergyTotals(charged=1_000.0, discharged=2_000.0))
    both = {"a": CHARGING, "b": DISCHARGING}
    for _ in range(61):
        last = bank.poll(both)
    assert last.energy["a"].charged == pytest.approx(500)
    assert last.energy["a"].discharged == 0
    assert last.energy["b"].discharged == pytest.approx(500)
    assert last.bank_energy.charged == pytest.approx(1_500)
    assert last.bank_energy.discharged == pytest.approx(2_500)


def test_first_poll_adds_nothing() -> None:
    """One reading says nothing about the time before it."""
    assert Bank().poll({"a": CHARGING}).energy == {"a": EnergyTotals()}


def test_held_reading_is_not_counted() -> None:
    """A held reading adds nothing; the next fresh one speaks for the time since the last."""
    bank = Bank()
    bank.poll({"a": CHARGING})
    before = bank.poll({"a": CHARGING}).energy["a"].charged
    held = bank.poll({"a": DISCHARGING}, fresh=set())
    assert held.energy["a"] == EnergyTotals(charged=before)
    fresh = bank.poll({"a": CHARGING})
    assert fresh.energy["a"].charged == pytest.approx(3 * before)
    assert fresh.energy["a"].discharged == 0


def test_long_gap_is_not_guessed() -> None:
    """What happened while a battery was away for long is not known, so not counted."""
    bank = Bank()
    bank.poll({"a": CHARGING})
    assert bank.poll({"a": CHARGING}, after=HOUR).energy == {"a": EnergyTotals()}


def test_battery_that_falls_silent_keeps_its_total() -> None:
    """A battery without a reading keeps what was counted, but has no estimate."""
    bank = Bank()
    bank.poll({"a": CHARGING, "b": CHARGING})
    bank.poll({"a": CHARGING, "b": CHARGING})
    alone = bank.poll({"a": CHARGING})
    assert alone.energy["b"].charged == pytest.approx(500 / 60)
    assert alone.estimates.keys() == {"a"}


def test_batteries_and_bank_have_the_time_left_at_their_own_current() -> None:
    """Each battery and the bank have the time left at their own current."""
    both = {"a": CHARGING, "b": replace(CHARGING, current=30.0)}
    readings = Bank().poll(both)
    assert readings.estimates["a"] == TimeEstimate(to_full=HOUR)
    assert readings.estimates["b"] == TimeEstimate(to_full=HOUR / 3 // 60 * 60)
    assert readings.bank_estimate == TimeEstimate(to_full=HOUR / 2)


def test_estimates_are_calm() -> None:
    """A load that starts does not turn the answer over at once, and held readings do nothing."""
    bank = Bank()
    weaker = replace(CHARGING, current=5.0)
    for _ in range(30):
        calm = bank.poll({"a": CHARGING, "b": CHARGING})
    assert calm.bank_estimate.to_full == HOUR
    held = bank.poll({"a": weaker, "b": weaker}, fresh=set())
    assert held.estimates == calm.estimates
    assert held.bank_estimate == calm.bank_estimate
    after = bank.poll({"a": weaker, "b": weaker})
    for each in (after.estimates["a"], after.bank_estimate):
        assert each.to_full is not None
        assert HOUR < each.to_full < 1.1 * HOUR


def test_estimates_follow_the_direction() -> None:
    """From the first reading that discharges there is a time to empty, and none to full."""
    bank = Bank()
    for _ in range(30):
        bank.poll({"a": CHARGING, "b": CHARGING})
    after = bank.poll({"a": DISCHARGING, "b": DISCHARGING})
    assert after.estimates["a"] == TimeEstimate(to_empty=4 * HOUR)
    assert after.bank_estimate == TimeEstimate(to_empty=4 * HOUR)


def test_estimate_of_the_bank_rests_while_a_battery_is_missing() -> None:
    """Half a bank's current is not taken for the bank's."""
    bank = Bank()
    bank.poll({"a": CHARGING, "b": CHARGING})
    assert bank.poll({"a": CHARGING}).bank_estimate == TimeEstimate()
    whole = bank.poll({"a": CHARGING, "b": CHARGING})
    assert whole.bank_estimate == TimeEstimate(to_full=HOUR)


def test_nothing_is_counted_while_a_current_has_no_scale() -> None:
    """The total stands still and is not shown, and nothing is made up for the time between."""
    meters = BankMeters[str](BankEnergy({}, EnergyTotals(), update_interval=INTERVAL))
    unscaled = replace(CHARGING, current=None)

    def poll(at: float, reading: BatteryReading) -> MeterReading:
        return meters.advance(at, {"a": reading}, {"a"})["a"]

    poll(0, CHARGING)
    before = poll(60, CHARGING).energy
    assert before is not None and before.charged == pytest.approx(500 / 60)
    for at in (120, 180):
        meter = poll(at, unscaled)
        assert (meter.energy, meter.estimate) == (None, TimeEstimate())
    assert poll(240, CHARGING).energy == before
    after = poll(300, CHARGING).energy
    assert after is not None and after.charged == pytest.approx(1000 / 60)
    assert meters.energy.bank == after


def test_a_new_scale_does_not_mix_with_the_average_before() -> None:
    """The time left is by the current as it is counted now."""
    meters = BankMeters[str](BankEnergy({}, EnergyTotals(), update_interval=INTERVAL))
    for at, current in ((0, -1.0), (60, None), (120, -10.0)):
        reading = replace(DISCHARGING, current=current)
        meter = meters.advance(at, {"a": reading}, {"a"})["a"]
    assert meter.estimate.to_empty == 4 * HOUR


def test_the_average_of_the_bank_begins_anew_with_a_scale() -> None:
    """What the bank averaged by another scale does not reach into its times."""
    meters = BankMeters[str](BankEnergy({}, EnergyTotals(), update_interval=INTERVAL))
    for at, current in ((0, -1.0), (60, -1.0), (120, None), (180, -10.0)):
        readings = {"a": replace(DISCHARGING, current=current)}
        meters.advance(at, readings, {"a"})
        summary = summarise(readings, 1, Wiring.PARALLEL)
        estimate = meters.advance_bank(at, summary, is_fresh=True)
    assert estimate.to_empty == 4 * HOUR
