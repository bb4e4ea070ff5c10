# SPDX-License-Identifier: Apache-2.0
"""What a battery has been through: counted once, exact about gaps, and anew for another battery."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.renogy_bt.bank.energy import EnergyTotals
from custom_components.renogy_bt.bank.history import (
    BankHistory,
    BatteryHistory,
    FullCharge,
)
from custom_components.renogy_bt.renogy.models import (
    Alarm,
    AlarmSeverity,
    BatteryIdentity,
    BatteryReading,
    BatteryStatus,
)

MINUTE = 60.0
HOUR = 3600.0
DAY = 86_400.0
BEGAN = 1_790_000_000.0
OURS = BatteryIdentity(model="RBT50LFP48S", serial_number="22XYZ0000000001")
OTHER = BatteryIdentity(model="RBT50LFP48S", serial_number="22XYZ0000000002")
READING = BatteryReading(
    read_at=datetime(2026, 11, 23, tzinfo=UTC),
    cell_voltages=(3.3,) * 15,
    cell_temperatures=(),
    current_count=0,
    current=0.0,
    voltage=50.0,
    remaining_capacity=25.0,
    total_capacity=50.0,
    cycles=40,
    status=BatteryStatus(fully_charged=False, alarm_words=(5106, 5107)),
)
FULL = replace(READING.status, fully_charged=True)


class Life:
    """One battery, polled every minute."""

    def __init__(self, bank: BankHistory[int] | None = None) -> None:
        """Begin at some moment, half full."""
        self.bank = bank or BankHistory[int](MINUTE, {})
        self.now = BEGAN
        self.reading = READING
        self.energy: EnergyTotals | None = EnergyTotals()
        self.identity: BatteryIdentity | None = OURS

    def poll(
        self,
        charge: float | None = None,
        after: float = MINUTE,
        *,
        changed: bool = False,
    ) -> BatteryHistory:
        """Poll once, at this state of charge."""
        self.now += after
        if charge is not None:
            self.reading = replace(self.reading, remaining_capacity=charge / 2)
        self.bank.advance(
            self.now,
            48,
            self.reading,
            self.energy,
            self.identity,
            is_changed=changed,
        )
        return self.history

    def go(self, *charges: float) -> BatteryHistory:
        """Go to each state of charge in steps of 1 %."""
        for charge in charges:
            at = self.reading.state_of_charge
            while abs(charge - at) > 1e-9:
                at += max(-1.0, min(1.0, charge - at))
                self.poll(at)
        return self.history

    @property
    def history(self) -> BatteryHistory:
        """What is known by now."""
        history = self.bank.of(48)
        assert history is not None
        return history

    def full_charge(self) -> FullCharge:
        """Return when the battery was full."""
        return self.bank.full_charge([48], self.now)


@pytest.fixture
def life() -> Life:
    """Return a battery that was read once."""
    life = Life()
    life.poll()
    return life


def test_full_charge_is_told_from_its_beginning(life: Life) -> None:
    """While the battery is full no time passes; after that it counts from its last moment as such."""
    assert life.full_charge() == FullCharge()
    life.reading = replace(READING, status=FULL)
    life.poll(100)
    became = life.now
    life.poll(after=2 * MINUTE)
    assert life.full_charge() == FullCharge(at=became, seconds_ago=0.0)
    life.reading = READING
    life.poll(99, after=3 * MINUTE)
    assert life.full_charge() == FullCharge(at=became, seconds_ago=3 * MINUTE)
    life.reading = replace(READING, status=FULL)
    life.poll(100)
    assert life.full_charge() == FullCharge(at=life.now, seconds_ago=0.0)


def test_battery_that_does_not_say_that_it_is_full(life: Life) -> None:
    """It is full by its state of charge; one that says it is not, is not."""
    life.poll(100)
    assert life.full_charge() == FullCharge()
    life.reading = replace(READING, status=BatteryStatus())
    life.poll(99.4)
    assert life.full_charge() == FullCharge()
    life.poll(99.6)
    assert life.full_charge().seconds_ago == 0.0


def test_bank_is_as_full_as_the_battery_that_waits_the_longest() -> None:
    """One that was never full, or never read, leaves that unknown."""
    bank = BankHistory[int](MINUTE, {})
    full = replace(READING, status=FULL)
    bank.advance(BEGAN, 48, full, None, None)
    assert bank.full_charge([48, 49], BEGAN) == FullCharge()
    bank.advance(BEGAN + HOUR, 49, full, None, None)
    for unit in (48, 49):
        bank.advance(BEGAN + 2 * HOUR, unit, READING, None, None)
    assert bank.full_charge([48, 49], BEGAN + 2 * HOUR) == FullCharge(
        at=BEGAN + HOUR, seconds_ago=2 * HOUR
    )
    assert bank.full_charge([49], BEGAN + 2 * HOUR).seconds_ago == HOUR
    # The next day one is full, the other not yet: the day before counts.
    bank.advance(BEGAN + DAY, 48, full, None, None)
    assert bank.full_charge([48, 49], BEGAN + DAY) == FullCharge(
        at=BEGAN + HOUR, seconds_ago=23 * HOUR
    )
    bank.advance(BEGAN + DAY + HOUR, 49, full, None, None)
    assert bank.full_charge([48, 49], BEGAN + DAY + HOUR) == FullCharge(
        at=BEGAN + DAY + HOUR, seconds_ago=0.0
    )


def test_a_discharge_counts_until_a_tenth_has_gone_in_again(life: Life) -> None:
    """Each counts from its beginning until a tenth has gone in again; small ripples are no discharges."""
    life.go(90, 85, 88, 40, 45, 30, 90)
    assert life.history.discharges == 1
    assert life.history.deepest_discharge == 70.0
    life.go(50, 100)
    assert life.history.discharges == 2
    assert life.history.average_discharge == pytest.approx((70 + 50) / 2)
    assert life.history.deepest_discharge == 70.0


def test_full_discharges(life: Life) -> None:
    """One counts once, however long the battery stays empty."""
    life.go(0.5, 3, 0, 9, 1)
    assert life.history.full_discharges == 1
    life.go(30, 1.5)
    assert life.history.full_discharges == 1
    life.go(0)
    assert life.history.full_discharges == 2


def test_charge_follows_the_energy(life: Life) -> None:
    """At the voltage of the time; over a restart it goes on."""
    life.energy = EnergyTotals(charged=100.0, discharged=500.0)
    life.reading = replace(READING, voltage=54.0)
    history = life.poll()
    assert history.drawn == pytest.approx(500 / 52)
    assert history.added == pytest.approx(100 / 52)
    again = Life(BankHistory(MINUTE, life.bank.places))
    again.now = life.now
    again.energy = EnergyTotals(charged=100.0, discharged=540.0)
    again.reading = life.reading
    assert again.poll().drawn == pytest.approx(500 / 52 + 40 / 54)


def test_energy_that_begins_anew_takes_nothing_away(life: Life) -> None:
    """Nor does energy that is not known for a while."""
    life.energy = EnergyTotals(charged=0.0, discharged=500.0)
    drawn = life.poll().drawn
    life.energy = EnergyTotals()
    assert life.poll().drawn == drawn
    life.energy = None
    assert life.poll().drawn == drawn
    life.energy = EnergyTotals(charged=0.0, discharged=900.0)
    assert life.poll().drawn == drawn
    life.energy = EnergyTotals(charged=0.0, discharged=950.0)
    assert life.poll().drawn == pytest.approx(drawn + 1.0)


def test_gaps_are_told(life: Life) -> None:
    """A missed poll is none; what is longer than five intervals was not seen."""
    life.poll(after=5 * MINUTE)
    assert life.history.unseen == 0.0
    life.poll(after=2 * HOUR)
    assert life.history.unseen == 2 * HOUR
    life.poll(after=-HOUR)
    assert life.history.unseen == 2 * HOUR


def test_extremes_have_their_moments(life: Life) -> None:
    """The first moment at which it was so counts."""
    life.reading = replace(READING, voltage=54.6)
    highest_at = life.poll().highest_at
    assert highest_at == life.now
    life.poll()
    life.reading = replace(READING, voltage=44.1)
    history = life.poll()
    assert (history.highest_voltage, history.highest_at) == (54.6, highest_at)
    assert (history.lowest_voltage, history.lowest_at) == (44.1, life.now)


def test_alarms_count_once(life: Life) -> None:
    """One that goes on is not counted again, over a restart or a word that was not read."""
    alarm = Alarm(key="short_circuit", severity=AlarmSeverity.PROTECTION)
    warning = Alarm(key="cell_high_voltage", severity=AlarmSeverity.WARNING)
    on = replace(READING.status, alarms=(alarm,))
    life.reading = replace(READING, status=on)
    life.poll()
    assert life.poll().alarms == 1
    life.reading = replace(READING, status=BatteryStatus())
    life.poll()
    life.reading = replace(READING, status=replace(on, alarms=(alarm, warning)))
    assert life.poll().alarms == 2
    life.reading = READING
    for _ in range(4):
        life.poll()
    life.reading = replace(READING, status=on)
    assert life.poll().alarms == 3
    # From another start on nothing is known but that it is not over.
    again = Life(BankHistory(MINUTE, life.bank.places))
    again.now, again.reading = life.now, life.reading
    assert again.poll().alarms == 3
    again.reading = READING
    again.poll()
    again.reading = life.reading
    assert again.poll().alarms == 3


def test_an_alarm_that_flickers_counts_once(life: Life) -> None:
    """A value at its limit is told once, and counted once; it counts again when it spreads, or comes back later."""
    low = Alarm(
        key="cell_voltage_below_limit", severity=AlarmSeverity.WARNING, parts=(3,)
    )
    words = replace(READING.status, alarm_words=(5100, 5106, 5107))
    on = replace(READING, status=replace(words, alarms=(low,)))
    off = replace(READING, status=words)
    for _ in range(10):
        for life.reading in (on, off, off):
            assert life.poll().alarms == 1
    wider = replace(low, parts=(3, 4))
    life.reading = replace(READING, status=replace(words, alarms=(wider,)))
    assert life.poll().alarms == 2
    life.reading = off
    for _ in range(4):
        life.poll()
    assert life.history.active == ()
    life.reading = on
    assert life.poll().alarms == 3


def test_alarms_are_not_over_by_what_was_not_read(life: Life) -> None:
    """A poll of a kept link that read no status tells nothing of the alarms; another battery has its own."""
    alarm = Alarm(key="short_circuit", severity=AlarmSeverity.PROTECTION)
    on = replace(READING, status=replace(READING.status, alarms=(alarm,)))
    life.reading = on
    life.poll()
    life.reading = READING
    life.poll()
    life.reading = replace(READING, rest_read_at=READING.read_at)
    for _ in range(5):
        assert life.poll().active == ("short_circuit",)
    life.reading = on
    assert life.poll().alarms == 1
    life.identity = OTHER
    assert life.poll(changed=True).alarms == 1
    life.reading = READING
    assert life.poll().active == ("short_circuit",)


def used_days(life: Life) -> float:
    """Return for how long the battery was used since it was full, in days."""
    found = life.bank.least_filled([48])
    assert found is not None
    return found[1] / DAY


def test_only_days_of_use_count(life: Life) -> None:
    """A bank that rests, a gap, and the days before a full charge do not."""
    life.bank = BankHistory(600.0, life.bank.places)
    for _ in range(3 * 144):
        life.poll(after=600.0)
    assert used_days(life) == 0.0
    life.poll(20, after=5 * DAY)
    assert used_days(life) == 0.0
    for number in range(3 * 144):
        life.poll(40 + number % 20, after=600.0)
    assert used_days(life) == pytest.approx(3.0, abs=0.1)
    life.reading = replace(READING, status=FULL)
    life.poll(100)
    assert used_days(life) == 0.0


def test_other_battery_begins_anew(life: Life) -> None:
    """And the old one, when it is back, goes on from where it was."""
    life.energy = EnergyTotals(charged=0.0, discharged=500.0)
    life.go(10, 60)
    ours = life.history
    life.identity = OTHER
    life.poll(changed=True)
    assert life.history.began == life.now
    assert life.history.drawn == 0.0
    life.energy = EnergyTotals(charged=0.0, discharged=900.0)
    life.poll()
    assert life.history.drawn == pytest.approx(8.0)
    life.identity = OURS
    life.poll(changed=True)
    assert life.history.began == ours.began
    assert life.history.drawn == ours.drawn
    assert life.history.discharges == ours.discharges


def test_other_battery_that_was_put_in_while_nobody_looked(life: Life) -> None:
    """Its name alone tells."""
    began = life.history.began
    again = Life(BankHistory(MINUTE, life.bank.places))
    again.now = life.now + DAY
    again.identity = None
    assert again.poll().began == began
    again.identity = OTHER
    assert again.poll().began == again.now


def test_other_battery_with_the_same_serial_number(life: Life) -> None:
    """Serial numbers are not unique: fewer cycles tell."""
    life.identity = None
    life.reading = replace(READING, cycles=3)
    life.poll(changed=True)
    other = life.history
    assert other.began == life.now
    life.identity = OURS
    assert life.poll().began == other.began
    assert life.history.cycles == 3


def test_false_alarm_about_another_battery_loses_nothing(life: Life) -> None:
    """The battery says the same of itself, and has no fewer cycles."""
    life.go(10, 60)
    before = life.history
    life.identity = None
    life.poll(changed=True)
    life.identity = OURS
    assert life.poll().began == before.began
    assert life.history.discharges == before.discharges


def test_name_that_becomes_known_is_no_other_battery() -> None:
    """A battery is often read before it is asked who it is."""
    life = Life()
    life.identity = None
    began = life.poll().began
    life.identity = OURS
    assert life.poll().began == began
    assert list(life.bank.places[48].batteries) == ["22XYZ0000000001/RBT50LFP48S"]


def test_few_batteries_are_remembered(life: Life) -> None:
    """However often they are exchanged; the present one is never forgotten."""
    for number in range(20):
        life.identity = BatteryIdentity(serial_number=f"{number}")
        life.poll(changed=True)
        assert life.history.began == life.now
    assert len(life.bank.places[48].batteries) == 4


STEPS = st.lists(
    st.tuples(
        st.floats(0, 100),
        st.floats(-DAY, 10 * DAY),
        st.floats(0, 1e4),
        st.floats(0, 1e4),
        st.floats(10, 60),
        st.booleans(),
        st.booleans(),
    ),
    max_size=15,
)


@settings(deadline=None)
@given(STEPS)
def test_nothing_ever_counts_backwards(
    steps: list[tuple[float, float, float, float, float, bool, bool]],
) -> None:
    """Whatever comes, of one battery totals only rise, and what is told is what can be."""
    life = Life()
    life.poll()
    before = life.history
    for charge, after, charged, discharged, voltage, is_full, is_known in steps:
        life.energy = EnergyTotals(charged=charged, discharged=discharged)
        if not is_known:
            life.energy = None
        life.reading = replace(
            READING, voltage=voltage, status=FULL if is_full else READING.status
        )
        history = life.poll(charge, after)
        for name in (
            "drawn",
            "added",
            "unseen",
            "discharges",
            "full_discharges",
            "depths",
            "alarms",
            "deepest_discharge",
            "highest_voltage",
        ):
            assert getattr(history, name) >= getattr(before, name), name
        assert history.lowest_voltage <= min(voltage, before.lowest_voltage)
        assert 0 <= history.deepest_discharge <= 100
        average = history.average_discharge
        assert average is None or 0 <= average <= history.deepest_discharge + 1e-6
        ago = life.full_charge().seconds_ago
        assert ago is None or ago >= 0
        before = history
