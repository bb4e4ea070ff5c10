# SPDX-License-Identifier: Apache-2.0
"""When a battery that does not carry its share is worth a notice, and when it is not."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import math

import pytest

from custom_components.renogy_bt.bank.sharing_watch import (
    Finding,
    SharingWatch,
    Suspicion,
)
from custom_components.renogy_bt.renogy.models import (
    Alarm,
    AlarmSeverity,
    BatteryReading,
    BatteryStatus,
)

# As documented, not as the code has it.
HOUR = 3600.0
HOURS_BOTH_WAYS = 2
HOURS_ONE_WAY = 8

CELLS = 15
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
ON = BatteryStatus(charge_mosfet=True, discharge_mosfet=True)
INTERVALS = (2.0, 60.0, 600.0)


class Bank:
    """Batteries of 50 Ah at one bar, each with the resistance of its cable in ohms."""

    def __init__(
        self, watch: SharingWatch[int], cables: Sequence[float] = (0.0,) * 4
    ) -> None:
        """Begin at an odd moment of the clock, with batteries that are half full."""
        self.watch = watch
        self.cables = cables
        self.charges = [50.0] * len(cables)
        self.status = [ON] * len(cables)
        self.capacities = [50.0] * len(cables)
        self.late = 0.0
        self.found: Mapping[int, Finding] = {}
        self._at = 12_345.0

    def poll(self, currents: Sequence[float], seconds: float = 60.0) -> None:
        """Poll once, with these currents."""
        self._at += seconds
        bar = 50.0 + 0.003 * sum(currents) + 0.2 * math.sin(self._at / 977)
        self.found = self.watch.advance(
            self._at,
            {
                number: BatteryReading(
                    read_at=BEGAN + timedelta(seconds=self._at + self.late * number),
                    cell_voltages=(3.3,) * CELLS,
                    cell_temperatures=(),
                    current_count=0,
                    current=round(current, 2),
                    voltage=math.trunc(
                        10 * (bar - current * cable) + 1e-9,
                    )
                    / 10,
                    remaining_capacity=capacity * charge / 100,
                    total_capacity=capacity,
                    status=status,
                )
                for number, (current, cable, charge, capacity, status) in enumerate(
                    zip(
                        currents,
                        self.cables,
                        self.charges,
                        self.capacities,
                        self.status,
                        strict=True,
                    )
                )
            },
        )

    def run(
        self, currents: Sequence[float], hours: float, every: float = 60.0
    ) -> Collection[int]:
        """Poll for so many hours; return who is noticed in the end."""
        for _ in range(int(hours * HOUR / every)):
            self.poll(currents, every)
        return set(self.watch.noticed)

    def swing(
        self, parts: Sequence[float], hours: float, every: float = 60.0
    ) -> Collection[int]:
        """Let the current of the bank go up and down, shared by these parts."""
        for number in range(int(hours * HOUR / every)):
            current = 40.0 * math.sin(number * every / 1700.0)
            self.poll([part * current for part in parts], every)
        return set(self.watch.noticed)


@pytest.fixture
def bank() -> Bank:
    """Return a bank of four batteries with good cables."""
    return Bank(SharingWatch())


WEAK = (2.0, 10.0, 10.0, 10.0)
FAIR = (10.0, 10.0, 10.0, 10.0)


def out(currents: Sequence[float]) -> list[float]:
    """Return these currents, the other way."""
    return [-each for each in currents]


@pytest.mark.parametrize("every", INTERVALS)
def test_battery_that_carries_little_both_ways(bank: Bank, every: float) -> None:
    """Two hours of charging and two of discharging are enough, and less is not."""
    assert not bank.run(WEAK, HOURS_BOTH_WAYS + 0.2, every)
    assert not bank.run(out(WEAK), HOURS_BOTH_WAYS - 0.2, every)
    assert bank.run(out(WEAK), 0.4, every) == {0}
    finding = bank.found[0]
    assert finding.suspicion is Suspicion.LESS
    assert finding.carried == pytest.approx(100 * 2 / 32)
    assert finding.fair == pytest.approx(25.0)
    assert finding.resistance is None


@pytest.mark.parametrize("currents", [WEAK, out(WEAK), [0.0, -12.0, -12.0, -12.0]])
def test_bank_that_is_seen_in_one_direction_only(
    bank: Bank, currents: Sequence[float]
) -> None:
    """There it takes eight hours."""
    assert not bank.run(currents, HOURS_ONE_WAY - 0.2)
    assert bank.run(currents, 0.4) == {0}


def test_battery_that_carries_much(bank: Bank) -> None:
    """One that carries nearly everything is told of, not the three others."""
    much = (20.0, 7.0, 7.0, 7.0)
    bank.run(much, 3)
    assert bank.run(out(much), 3) == {0}
    assert bank.found[0].suspicion is Suspicion.MORE
    assert bank.found[0].carried == pytest.approx(100 * 20 / 41)


def test_of_two_batteries_the_weak_one_is_told_of() -> None:
    """Where one of two carries little, the other carries much, and that is no fault of its own."""
    bank = Bank(SharingWatch(), (0.0, 0.0))
    bank.run((1.0, 9.0), 3)
    assert bank.run((-1.0, -9.0), 3) == {0}


@pytest.mark.parametrize("every", INTERVALS)
def test_fair_bank(bank: Bank, every: float) -> None:
    """What differs within what is usual is nothing to tell of."""
    usual = (8.0, 10.5, 9.5, 12.0)
    for _ in range(4):
        assert not bank.run(usual, 3, every)
        assert not bank.run(out(usual), 3, every)


def test_packs_that_balance_each_other(bank: Bank) -> None:
    """At rest one gives what the others take, for days."""
    assert not bank.run((4.0, -1.3, -1.3, -1.3), 48)
    assert not bank.run((-6.0, 1.0, 1.0, 1.0), 48)


def test_capacity_decides_what_is_fair(bank: Bank) -> None:
    """A battery of a quarter of the capacity carries a quarter."""
    bank.capacities = [12.5, 50.0, 50.0, 50.0]
    small = (2.5, 10.0, 10.0, 10.0)
    bank.run(small, 10)
    assert not bank.run(out(small), 10)


def test_battery_that_was_just_put_in(bank: Bank) -> None:
    """With more charge than the others it is charged less and discharged more, until they are even."""
    bank.charges = [80.0, 50.0, 50.0, 50.0]
    assert not bank.run(WEAK, 20)
    assert not bank.run((-22.0, -6.0, -6.0, -6.0), 20)


def test_charge_that_is_not_what_the_counter_says(bank: Bank) -> None:
    """Less one way and more the other is a difference in charge, whatever the counters say."""
    assert not bank.run(WEAK, 7)
    assert not bank.run((-22.0, -6.0, -6.0, -6.0), 7)
    assert not bank.run(WEAK, 7)


def test_battery_that_is_full_first(bank: Bank) -> None:
    """At the top each is full in its own time."""
    bank.charges = [98.0, 95.0, 95.0, 95.0]
    assert not bank.run(WEAK, 20)
    bank.charges = [95.0] * 4
    bank.status = [replace(ON, fully_charged=True), ON, ON, ON]
    assert not bank.run(WEAK, 20)


def test_battery_that_protects_itself(bank: Bank) -> None:
    """What its alarm explains is not told a second time."""
    alarm = Alarm(key="charge_under_temperature", severity=AlarmSeverity.PROTECTION)
    cold = BatteryStatus(charge_mosfet=False, discharge_mosfet=True, alarms=(alarm,))
    bank.status = [cold, ON, ON, ON]
    assert not bank.run((0.0, 10.0, 10.0, 10.0), 20)


def test_switch_that_is_open_for_no_reason(bank: Bank) -> None:
    """A battery that nothing keeps from working, and that does not work, is told of."""
    off = BatteryStatus(charge_mosfet=False, discharge_mosfet=False)
    bank.status = [off, ON, ON, ON]
    idle = (0.0, 10.0, 10.0, 10.0)
    bank.run(idle, 3)
    assert bank.run(out(idle), 3) == {0}


@pytest.mark.parametrize("every", [20.0, 60.0, 300.0])
@pytest.mark.parametrize("ohms", [0.02, 0.1])
def test_bad_cable(every: float, ohms: float) -> None:
    """It is measured by the voltage that it takes, although the bank has evened the currents out."""
    bank = Bank(SharingWatch(), (ohms, 0.001, 0.001, 0.001))
    assert bank.swing((0.2, 0.27, 0.27, 0.26), 48, every) == {0}
    finding = bank.found[0]
    assert finding.suspicion is Suspicion.CABLE
    assert finding.resistance == pytest.approx(ohms, rel=0.2)
    assert finding.carried == pytest.approx(20.0, abs=1.0)
    assert finding.fair == pytest.approx(25.0)


@pytest.mark.parametrize("parts", [(0.0, 1.0), (0.0, 0.5, 0.5)])
def test_cable_that_carries_more_than_its_share_is_good(parts: Sequence[float]) -> None:
    """Beside a battery that carries nothing, the voltages of the others seem to say otherwise."""
    bank = Bank(SharingWatch(), (0.0, *[0.05] * (len(parts) - 1)))
    assert bank.swing(parts, 48) == {0}
    assert bank.found[0].suspicion is Suspicion.LESS


@pytest.mark.parametrize(
    "cables",
    [(0.0, 0.0, 0.0, 0.0), (0.004, 0.001, 0.001, 0.001), (0.02, 0.02, 0.02, 0.02)],
)
def test_good_cables(cables: Sequence[float]) -> None:
    """Cables differ a little, and thin ones that are all alike do not change how a bank shares."""
    bank = Bank(SharingWatch(), cables)
    assert not bank.swing((0.24, 0.25, 0.25, 0.26), 96)


def test_voltages_of_other_moments_are_not_compared() -> None:
    """Two links whose polls are a minute apart tell nothing of a cable."""
    bank = Bank(SharingWatch(), (0.1, 0.001, 0.001, 0.001))
    bank.late = 20.0
    assert not bank.swing((0.2, 0.27, 0.27, 0.26), 48)


def test_notice_goes_when_the_cable_is_mended() -> None:
    """Hours of use later the battery is well."""
    bank = Bank(SharingWatch(), (0.1, 0.001, 0.001, 0.001))
    assert bank.swing((0.1, 0.3, 0.3, 0.3), 48) == {0}
    bank.cables = (0.001,) * 4
    assert bank.swing((0.25, 0.25, 0.25, 0.25), 24) == set()


def test_notice_does_not_flutter(bank: Bank) -> None:
    """It stays while the battery is a little better, and goes when it carries its share."""
    bank.run(WEAK, 3)
    assert bank.run(out(WEAK), 3) == {0}
    better = (6.5, 10.0, 10.0, 10.0)
    assert bank.run(better, 2) == {0}
    for _ in range(3):
        bank.run(FAIR, 1.5)
        last = bank.run(out(FAIR), 1.5)
    assert last == set()


@pytest.mark.parametrize("every", [60.0, 300.0])
def test_tired_battery(every: float) -> None:
    """Of each change it takes too little, although it makes up for that in the pauses."""
    bank = Bank(SharingWatch(), (0.001,) * 4)
    for number in range(int(48 * HOUR / every)):
        current = 40.0 * math.sin(number * every / 1700.0)
        made_up = 4.0 * math.sin(number * every / 1700.0 - math.pi / 2)
        own = 0.13 * current + made_up
        bank.poll([own, *[(current - own) / 3] * 3], every)
        if bank.found:
            break
    assert set(bank.found) == {0}
    assert bank.found[0].suspicion is Suspicion.LESS
    assert bank.found[0].carried == pytest.approx(13.0, abs=2.5)


def test_notice_from_before_goes_on() -> None:
    """A bank that is set up again goes on from where it was, and says when it is over."""
    bank = Bank(SharingWatch({0}))
    assert bank.run(FAIR, 0.5) == {0}
    bank.run(FAIR, 3)
    assert bank.run(out(FAIR), 3) == set()


def test_exchanged_battery_begins_anew(bank: Bank) -> None:
    """What was seen of another battery does not speak against this one."""
    bank.run(WEAK, 3)
    assert bank.run(out(WEAK), 1.5) == set()
    bank.watch.forget({0})
    assert bank.run(out(WEAK), 1.5) == set()
    bank.run(WEAK, 3)
    assert bank.run(out(WEAK), 3) == {0}
    bank.capacities[0] = 100.0
    bank.poll(WEAK)
    assert set(bank.watch.noticed) == set()


def test_unknown_scale_of_a_current_says_nothing(bank: Bank) -> None:
    """Nor does a clock that has not moved."""
    reading = {
        0: BatteryReading(
            read_at=BEGAN,
            cell_voltages=(3.3,),
            cell_temperatures=(),
            current_count=1,
            current=None,
            voltage=50.0,
            remaining_capacity=25.0,
            total_capacity=50.0,
            status=ON,
        )
    }
    assert bank.watch.advance(1e6, {**reading, 1: reading[0]}) == {}
    bank.poll(WEAK)
    bank.poll(WEAK, 0.0)
    assert bank.found == {}


@pytest.mark.parametrize(
    ("every", "polls"),
    [
        # Readings sooner than half a minute after each other tell the same twice.
        pytest.param(20.0, 186, id="every second poll"),
        # Three stretches of twenty minutes, each with the pause before the next one.
        pytest.param(30.0, 124, id="every poll"),
        pytest.param(60.0, 64, id="slower"),
        # Twenty readings take longer.
        pytest.param(120.0, 61, id="few polls"),
    ],
)
def test_how_long_a_cable_is_compared(every: float, polls: int) -> None:
    """Three stretches of twenty minutes and twenty readings, not one reading less or more."""
    bank = Bank(SharingWatch(), (0.05, 0.0, 0.0, 0.0))
    for number in range(1, polls + 2):
        direction = 1 if number // 2 % 2 else -1
        bank.poll([direction * each for each in (8.0, 10.0, 10.0, 10.0)], every)
        assert (0 in bank.watch.noticed) is (number >= polls), number


@pytest.mark.parametrize(
    ("currents", "suspicion"),
    [
        ((5.9, 11.37, 11.37, 11.36), Suspicion.LESS),
        ((6.1, 11.3, 11.3, 11.3), None),
        ((16.1, 7.97, 7.97, 7.96), Suspicion.MORE),
        ((15.9, 8.03, 8.03, 8.04), None),
    ],
)
def test_how_far_from_its_share_a_battery_is_noticed(
    bank: Bank, currents: Sequence[float], suspicion: Suspicion | None
) -> None:
    """Below six tenths or above sixteen, in each of two hours both ways, and not before."""
    bank.poll(currents)
    for direction, polls in ((1, 120), (-1, 119)):
        assert bank.run([direction * each for each in currents], polls / 60) == set()
    bank.poll([-each for each in currents])
    found = bank.found.get(0)
    assert (found.suspicion if found else None) is suspicion
    assert (0 in bank.watch.noticed) is (suspicion is not None)


@pytest.mark.parametrize("direction", [1, -1])
def test_how_many_hours_one_direction_takes(bank: Bank, direction: int) -> None:
    """Eight, where the other direction was never seen."""
    currents = [direction * each for each in WEAK]
    bank.poll(currents)
    assert bank.run(currents, 8 - 1 / 6, 600.0) == set()
    bank.poll(currents, 600.0)
    assert bank.watch.noticed == {0}
