# SPDX-License-Identifier: Apache-2.0
"""Tests of energy by the battery's own charge counter."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
import math

from hypothesis import assume, given, settings, strategies as st
import pytest

from custom_components.renogy_bt.bank.charge_counter import (
    Agreement,
    ChargeState,
    CounterRecord,
    Habits,
    Interval,
    Reason,
    Way,
    energy_by_counter,
)
from custom_components.renogy_bt.bank.energy import (
    BankEnergy,
    EnergyCounter,
    EnergyTotals,
    PowerSample,
)

HOUR = 3600.0
VOLTS = 50.0
STANDING_WH = 0.03 * VOLTS
"""What may be lost when a counter stands still for a moment, and then goes on."""
INTERVALS = [5.0, 10.0, 60.0, 300.0, 600.0]


@dataclass
class Battery:
    """A battery that is polled by hand; its counter counts unless a test says otherwise."""

    interval: float = 60.0
    total: float = 100.0
    remaining: float = 50.0
    step: float = 0.001
    current: float = 0.0
    volts: float = VOLTS
    at: float = 0.0
    counts: bool = True
    scale: float = 1.0
    counter: EnergyCounter = field(init=False)

    def __post_init__(self) -> None:
        """Read the battery for the first time."""
        self.counter = EnergyCounter(EnergyTotals(), self.interval)
        self.read()

    def read(self) -> EnergyTotals:
        """Read the battery; return what that added."""
        return self.counter.add(
            PowerSample(
                at=self.at,
                power=self.volts * self.current,
                charge=ChargeState(
                    voltage=self.volts,
                    current=self.current,
                    remaining=round(int(self.remaining / self.step) * self.step, 3),
                    total=self.total,
                ),
            )
        )

    def flow(self, current: float, seconds: float) -> None:
        """Let a current flow."""
        self.current = current
        self.at += seconds
        if self.counts:
            charge = self.scale * current * seconds / HOUR
            self.remaining = min(max(self.remaining + charge, 0.0), self.total)

    def poll(self, current: float, times: int = 1) -> EnergyTotals:
        """Let a current flow for some intervals, each with a poll at its end."""
        before = self.counter.totals
        for _ in range(times):
            self.flow(current, self.interval)
            self.read()
        return _gained(before, self.counter.totals)

    def hide(self, current: float, seconds: float) -> EnergyTotals:
        """Let another current flow for a part of an interval, unseen by both polls."""
        seen = self.current
        self.flow(current, seconds)
        self.flow(seen, self.interval - seconds)
        return self.read()

    @property
    def reason(self) -> Reason:
        """Why the last interval was counted as it was."""
        return self.counter.record.reason

    def prove(self, current: float = -10.0, charge: float = 4.0) -> Battery:
        """Let the counter show that it counts, and come back to where it was."""
        before = self.remaining
        self.counter.record = CounterRecord()
        for direction in (1, -1):
            steps = math.ceil(charge * HOUR / abs(current) / self.interval)
            self.remaining = self.total / 2
            self.poll(-direction * current, max(steps, 8))
        assert self.reason.way is Way.CHARGE_COUNTER
        self.remaining = before
        self.poll(current)
        self.poll(current)
        self.counter.totals = EnergyTotals()
        return self


def _gained(before: EnergyTotals, after: EnergyTotals) -> EnergyTotals:
    return EnergyTotals(
        charged=after.charged - before.charged,
        discharged=after.discharged - before.discharged,
    )


def wh(current: float, seconds: float) -> float:
    """Return what a current comes to, in Wh."""
    return VOLTS * current * seconds / HOUR


# Whether the counter is believed


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("current", [-40.0, -3.0, 3.0, 40.0])
def test_counter_that_moves_with_the_current_is_believed(
    interval: float, current: float
) -> None:
    """After a few ampere-hours the counter counts, in the one or the other direction."""
    battery = Battery(interval=interval, total=400.0, remaining=200.0)
    battery.poll(current)
    assert battery.reason is Reason.UNPROVEN
    battery.poll(current, math.ceil(2.5 * HOUR / abs(current) / interval) + 4)
    assert battery.reason.way is Way.CHARGE_COUNTER


@pytest.mark.parametrize(
    "scale", [0.0, 0.1, 0.5, 0.8, 1.2, 2.0, 10.0, -1.0], ids=lambda each: f"x{each:g}"
)
@pytest.mark.parametrize("interval", INTERVALS)
def test_counter_of_something_else_is_never_believed(
    scale: float, interval: float
) -> None:
    """A counter that is dead, counts by another scale or the wrong way round, does not count."""
    battery = Battery(interval=interval, total=4_000.0, remaining=2_000.0, scale=scale)
    for current in (-20.0, 20.0, -35.0):
        battery.poll(current)
        gained = battery.poll(current, math.ceil(HOUR / interval))
        assert battery.reason.way is Way.SAMPLED_POWER
    assert gained.discharged == pytest.approx(wh(35, HOUR))


def test_counter_that_loses_its_way_is_believed_no_more() -> None:
    """A counter that begins to count a fifth less is found out."""
    battery = Battery(total=4_000.0, remaining=2_000.0).prove()
    battery.scale = 0.8
    battery.poll(-30.0, 300)
    assert battery.reason is Reason.DISAGREES
    gained = battery.poll(-30.0, 60)
    assert gained.discharged == pytest.approx(wh(30, HOUR))


def test_currents_too_small_for_the_word_prove_nothing() -> None:
    """A battery at rest keeps what was seen of its counter: many report small currents as 0."""
    battery = Battery(total=400.0, remaining=200.0).prove()
    record = battery.counter.record
    for _ in range(3_000):
        battery.flow(-0.4, battery.interval)
        battery.current = 0.0
        battery.read()
    after = battery.counter.record
    assert (after.charging, after.discharging) == (record.charging, record.discharging)
    gained = battery.counter.totals.discharged
    assert gained == pytest.approx(wh(0.4, 3_000 * 60), rel=0.001)


def test_what_was_seen_is_of_one_scale() -> None:
    """When the scale of the current is not known any more, the counter begins anew."""
    battery = Battery().prove()
    battery.counter.forget_sample()
    assert battery.counter.record == CounterRecord()


# What the counter knows


@pytest.mark.parametrize("interval", [60.0, 300.0, 600.0])
def test_load_between_two_polls_is_counted(interval: float) -> None:
    """A kettle that was seen once is counted although no poll meets it again."""
    battery = Battery(interval=interval, total=400.0, remaining=200.0).prove()
    battery.poll(-80.0)
    battery.poll(-10.0, 2)
    gained = battery.hide(-80.0, 20)
    assert battery.reason is Reason.AGREES
    expected = wh(80, 20) + wh(10, interval - 20)
    assert gained.discharged == pytest.approx(expected, rel=0.01)
    assert gained.charged == 0


def test_load_under_the_sun_is_told_from_the_sun() -> None:
    """What a hidden load takes while the sun charges goes out, and the sun goes in."""
    battery = Battery(total=400.0, remaining=200.0).prove(-60.0, charge=8.0)
    battery.poll(20.0, 10)
    gained = battery.hide(-60.0, 18)
    assert gained.charged == pytest.approx(wh(20, 42), rel=0.02)
    assert gained.discharged == pytest.approx(wh(60, 18), rel=0.02)
    net = gained.charged - gained.discharged
    assert net == pytest.approx(wh(20, 42) - wh(60, 18), abs=0.1)


def test_direction_that_changes_between_two_polls() -> None:
    """The moment of the change follows from the counter."""
    battery = Battery(total=400.0, remaining=200.0).prove()
    battery.poll(20.0, 10)
    battery.flow(20.0, 50)
    battery.flow(-30.0, 10)
    gained = battery.read()
    assert gained.charged == pytest.approx(wh(20, 50), rel=0.01)
    assert gained.discharged == pytest.approx(wh(30, 10), rel=0.01)


@pytest.mark.parametrize("step", [0.001, 0.01])
def test_coarse_counter_adds_up(step: float) -> None:
    """A current of which the counter shows a step every few polls comes out right in the end."""
    battery = Battery(interval=5.0, step=step).prove()
    gained = battery.poll(-1.3, 720)
    assert gained.charged == 0
    assert gained.discharged == pytest.approx(wh(1.3, HOUR), abs=2 * step * VOLTS)


def test_voltage_goes_with_the_current() -> None:
    """A hidden load is counted at the voltage that it leaves."""
    battery = Battery(total=400.0, remaining=200.0).prove()
    for current in (-10.0, -80.0, -10.0, -80.0, -10.0, -10.0):
        battery.volts = 51.0 + current * 0.02
        battery.poll(current)
    gained = battery.hide(-80.0, 30)
    expected = (80 * 30 * (51.0 - 1.6) + 10 * 30 * (51.0 - 0.2)) / HOUR
    at_rest = (80 * 30 + 10 * 30) * (51.0 - 0.2) / HOUR
    assert abs(gained.discharged - expected) < 0.5 * (at_rest - expected)


# What the counter does not know


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("new_total", [100.0, 99.6])
def test_put_right_when_full(interval: float, new_total: float) -> None:
    """The jump to full adds no more than what the current brings, whether the total changes or not."""
    battery = Battery(interval=interval, remaining=80.0).prove(current=10.0, charge=3.0)
    battery.poll(2.0, 3)
    battery.flow(2.0, interval)
    battery.total = battery.remaining = new_total
    gained = battery.read()
    assert battery.reason is Reason.JUMPED
    assert gained.charged == pytest.approx(wh(2, interval), abs=STANDING_WH)
    assert gained.discharged == 0


@pytest.mark.parametrize("interval", INTERVALS)
def test_put_right_when_empty(interval: float) -> None:
    """The jump to empty adds no more than what the current takes, though the loads are larger."""
    battery = Battery(interval=interval, remaining=20.0)
    battery.prove(current=-10.0, charge=3.0).poll(-60.0, 1)
    battery.poll(-3.0, 3)
    battery.flow(-3.0, interval)
    battery.remaining = 0.0
    gained = battery.read()
    assert gained.discharged == pytest.approx(wh(3, interval), rel=0.3, abs=1.1)
    assert gained.charged == 0


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("jump", [-30.0, -5.0, 5.0, 30.0])
def test_jump_anywhere(interval: float, jump: float) -> None:
    """A counter that was reset adds nothing, and counts on from where it is."""
    battery = Battery(interval=interval).prove(current=-10.0, charge=3.0)
    battery.flow(-10.0, interval)
    battery.remaining += jump
    gained = battery.read()
    assert battery.reason is Reason.JUMPED
    assert gained.discharged == pytest.approx(wh(10, interval), abs=STANDING_WH)
    assert gained.charged == 0
    gained = battery.poll(-10.0, 3)
    assert battery.reason is Reason.AGREES
    assert gained.discharged == pytest.approx(wh(10, 3 * interval), abs=0.11)


def test_another_battery() -> None:
    """Another total capacity is another battery, which has shown nothing yet."""
    battery = Battery().prove()
    battery.total, battery.remaining = 200.0, 55.0
    gained = battery.poll(-10.0)
    assert gained.charged == 0
    assert gained.discharged == pytest.approx(wh(10, 60))
    assert battery.counter.record == CounterRecord(reason=Reason.JUMPED)
    assert battery.poll(-10.0).discharged == pytest.approx(wh(10, 60))
    assert battery.reason is Reason.UNPROVEN


def test_a_calibration_leaves_what_was_seen() -> None:
    """A total capacity that moves by parts per thousand is of the same battery."""
    battery = Battery().prove()
    battery.total = 99.7
    battery.poll(-10.0, 2)
    assert battery.reason is Reason.AGREES


@pytest.mark.parametrize("interval", INTERVALS)
def test_pinned_at_full(interval: float) -> None:
    """What flows into a full battery is counted by its power, whatever the counter says."""
    battery = Battery(interval=interval, remaining=95.0).prove(10.0, charge=2.5)
    battery.remaining = battery.total
    battery.poll(0.9, 2)
    gained = battery.poll(0.9, 40)
    assert battery.reason is Reason.AT_ITS_END
    assert gained.charged == pytest.approx(wh(0.9, 40 * interval))


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("catches_up", [False, True])
def test_stands_still(interval: float, catches_up: bool) -> None:
    """What flows while the counter stands still is counted once, also if it catches up later."""
    battery = Battery(interval=interval).prove(current=-10.0, charge=3.0)
    battery.poll(-1.5, 2)
    battery.counts = False
    stands = math.ceil(3 * 600 / interval)
    gained = battery.poll(-1.5, stands)
    assert battery.reason is Reason.STANDS_STILL
    assert gained.discharged == pytest.approx(wh(1.5, stands * interval), abs=0.1)
    battery.counts = True
    if catches_up:
        battery.remaining -= 1.5 * stands * interval / HOUR
    goes_on = math.ceil(3 * 600 / interval)
    gained = battery.poll(-1.5, goes_on)
    assert battery.reason.way is Way.CHARGE_COUNTER
    assert gained.discharged == pytest.approx(wh(1.5, goes_on * interval), abs=0.3)


@pytest.mark.parametrize("goes_on_after", ["a restart", "a gap"])
def test_catches_up_after_a_restart(goes_on_after: str) -> None:
    """What a counter makes good of a standstill that nobody remembers is not counted again."""
    battery = Battery(interval=600.0).prove(current=-10.0, charge=3.0)
    battery.poll(-1.5, 2)
    battery.counts = False
    battery.poll(-1.5, 3)
    assert battery.reason is Reason.STANDS_STILL
    record = battery.counter.record
    if goes_on_after == "a restart":
        kept = CounterRecord(
            charging=record.charging,
            discharging=record.discharging,
            habits=record.habits,
            stands_still=record.stands_still,
        )
        battery.counter = EnergyCounter(
            battery.counter.totals, 600.0, battery.counter.last, kept
        )
    else:
        battery.flow(-1.5, 3600.0)
        battery.read()
    battery.poll(-1.5)
    battery.counts = True
    battery.remaining -= 1.0
    gained = battery.poll(-1.5)
    assert battery.reason is Reason.STANDS_STILL
    assert gained.discharged == pytest.approx(wh(1.5, 600))


def test_counter_that_is_brought_up_to_date_once_a_minute() -> None:
    """A counter that moves only every twelfth poll counts the same as the current."""
    battery = Battery(interval=5.0, total=400.0, remaining=200.0)
    counted = battery.remaining
    before = battery.counter.totals
    for number in range(1, 1_441):
        battery.flow(-12.0, 5.0)
        really, battery.remaining = battery.remaining, counted
        if number % 12 == 0:
            counted = battery.remaining = really
        battery.read()
        battery.remaining = really
    gained = _gained(before, battery.counter.totals)
    assert gained.discharged == pytest.approx(wh(12, 2 * HOUR), rel=0.01)


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("current", [-12.0, -0.8, 30.0])
def test_counter_of_whole_ampere_hours(interval: float, current: float) -> None:
    """A counter that is far too coarse does no harm."""
    battery = Battery(interval=interval, total=4_000.0, remaining=2_000.5, step=1.0)
    battery.poll(current)
    polls = math.ceil(6 * HOUR / interval)
    gained = battery.poll(current, polls)
    expected = wh(abs(current), polls * interval)
    assert gained.charged + gained.discharged == pytest.approx(expected, abs=VOLTS)


def test_load_that_a_poll_meets_while_the_battery_is_full() -> None:
    """A battery that is as full as before has lost nothing, whatever one of the polls met."""
    battery = Battery(interval=600.0, remaining=95.0).prove(10.0, charge=2.5)
    battery.remaining = battery.total
    battery.poll(0.5, 3)
    battery.current = -80.0
    battery.at += 600
    gained = battery.read()
    assert gained.discharged == pytest.approx(gained.charged, abs=0.01)
    assert gained.charged < 5


def test_full_battery_that_is_discharged_although_its_counter_says_full() -> None:
    """A counter that is stuck at its end does not hide what both polls have seen."""
    battery = Battery(interval=600.0, remaining=95.0).prove(10.0, charge=2.5)
    battery.remaining, battery.counts = battery.total, False
    battery.poll(-20.0, 2)
    gained = battery.poll(-20.0, 6)
    assert gained.discharged == pytest.approx(wh(20, HOUR))


def test_a_gap_is_not_counted_by_the_counter_either() -> None:
    """What happened in a long gap is not known: the counter may have been put right meanwhile."""
    battery = Battery().prove()
    battery.flow(-10.0, 10 * battery.interval)
    assert battery.read() == EnergyTotals()
    gained = battery.poll(-10.0, 2)
    assert battery.reason is Reason.AGREES
    assert gained.discharged == pytest.approx(wh(10, 120), rel=0.01)


def test_sample_of_an_older_version() -> None:
    """The interval from a sample that holds the power alone is counted by power."""
    battery = Battery().prove()
    last = battery.counter.last
    assert last is not None
    battery.counter.last = replace(last, charge=None)
    battery.flow(-10.0, 60)
    battery.remaining -= 5
    assert battery.read().discharged == pytest.approx(wh(10, 60))


# Whatever comes


amounts = st.floats(min_value=-1_000, max_value=1_000)
states = st.builds(
    ChargeState,
    voltage=st.floats(min_value=0, max_value=1_000),
    current=amounts,
    remaining=st.floats(min_value=0, max_value=2_000),
    total=st.sampled_from([100.0, 100.3, 400.0]),
)
huge = st.floats(min_value=0, max_value=1e12)
records = st.builds(
    CounterRecord,
    charging=st.builds(Agreement, stretches=huge, fits=huge, misses=huge),
    discharging=st.builds(Agreement, stretches=huge, fits=huge, misses=huge),
    habits=st.builds(
        Habits,
        most_in=st.floats(min_value=0, max_value=1e5),
        most_out=st.floats(min_value=0, max_value=1e5),
        load=huge,
        load_square=huge,
        drop=st.floats(min_value=-1e12, max_value=1e12),
        change_square=huge,
    ),
    stands_still=st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(
    records,
    st.lists(st.tuples(st.floats(min_value=-100, max_value=400), states), max_size=20),
)
def test_totals_never_fall_and_never_jump(
    record: CounterRecord, steps: list[tuple[float, ChargeState]]
) -> None:
    """Whatever is stored and read: no total falls, and none gains more than currents like these give."""
    counter = EnergyCounter(EnergyTotals(), 60, record=record)
    at, waited = 0.0, 0.0
    largest, volts = 0.0, 0.0
    for gap, state in steps:
        at += gap
        before = counter.totals
        habits = counter.record.habits
        largest = max(largest, abs(state.current), habits.most_in, habits.most_out)
        volts = max(volts, state.voltage)
        counter.add(
            PowerSample(at=at, power=state.voltage * state.current, charge=state)
        )
        gained = _gained(before, counter.totals)
        assert gained.charged >= 0 and gained.discharged >= 0
        assert math.isfinite(gained.charged + gained.discharged)
        hours = max(gap, 0.0) / HOUR
        waited += largest * hours
        most = 1.1 * volts * (2 * (largest * hours + 0.02) + waited)
        assert gained.charged <= most + 1e-6
        assert gained.discharged <= most + 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Mischief:
    """What a counter does once, after so many polls."""

    after: int
    kind: str
    size: float

    def do(self, battery: Battery) -> None:
        """Do it."""
        deeds: dict[str, Callable[[], None]] = {
            "jump up": lambda: self._jump(battery, self.size),
            "jump down": lambda: self._jump(battery, -self.size),
            "calibration": lambda: self._calibrate(battery, self.size / 10_000),
            "another battery": lambda: self._calibrate(battery, 0.5),
            "stop": lambda: setattr(battery, "counts", False),
            "go on": lambda: setattr(battery, "counts", True),
        }
        deeds[self.kind]()

    @staticmethod
    def _jump(battery: Battery, by: float) -> None:
        battery.remaining += by

    @staticmethod
    def _calibrate(battery: Battery, share: float) -> None:
        battery.total *= 1 - share
        battery.remaining *= 1 - share / 2


mischiefs = st.builds(
    Mischief,
    after=st.integers(1, 60),
    kind=st.sampled_from(
        ["jump up", "jump down", "calibration", "another battery", "stop", "go on"]
    ),
    size=st.floats(min_value=30, max_value=200),
)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(INTERVALS),
    st.sampled_from([-25.0, -2.0, 2.0, 25.0]),
    st.lists(mischiefs, max_size=8),
)
def test_whatever_a_counter_does_nothing_is_counted_twice(
    interval: float, current: float, deeds: list[Mischief]
) -> None:
    """At a steady current both ways are exact, so each change between them shows what it costs."""
    battery = Battery(interval=interval, total=1e5, remaining=5e4)
    battery.prove(charge=3.0).poll(current, 2)
    battery.counter.totals = EnergyTotals()
    polls = 0
    for deed in deeds:
        battery.poll(current, deed.after)
        polls += deed.after
        deed.do(battery)
    battery.poll(current, 20)
    polls += 20
    # What waits for the counter at the end, and for each deed, is next to nothing.
    open_wh = (1 + len(deeds)) * (STANDING_WH + 0.02 * VOLTS)
    # While the counter jumps about, the sample of the same moment tells of the current.
    expected = wh(abs(current), polls * interval)
    totals = battery.counter.totals
    counted = totals.charged if current > 0 else totals.discharged
    other = totals.discharged if current > 0 else totals.charged
    assert counted == pytest.approx(expected, abs=open_wh)
    assert other <= open_wh


@given(
    st.lists(
        st.tuples(st.floats(-80, 80), st.floats(min_value=0.1, max_value=0.9)),
        min_size=1,
        max_size=40,
    )
)
def test_net_is_what_the_counter_says(loads: list[tuple[float, float]]) -> None:
    """However often the current changes unseen, the net charge of all intervals is exact."""
    battery = Battery(total=4_000.0, remaining=2_000.0).prove()
    battery.poll(-80.0)
    battery.poll(80.0)
    before, began = battery.counter.totals, battery.remaining
    for current, share in loads:
        mean = share * current + (1 - share) * 5.0
        # What cancels to the last step is taken for a counter that stands still.
        assume(abs(mean) > 0.2)
        battery.flow(current, share * battery.interval)
        battery.flow(5.0, (1 - share) * battery.interval)
        battery.read()
        assert battery.reason.way is Way.CHARGE_COUNTER
    gained = _gained(before, battery.counter.totals)
    net = VOLTS * (battery.remaining - began)
    assert gained.charged - gained.discharged == pytest.approx(net, abs=0.2)


@given(
    st.floats(-80, 80),
    st.floats(-80, 80),
    st.floats(-2, 2),
    st.sampled_from([5.0, 60.0, 600.0]),
)
def test_split_of_an_interval(
    before: float, after: float, counted: float, seconds: float
) -> None:
    """In and out are never negative, and their difference is the net charge."""
    interval = Interval(
        before=ChargeState(voltage=VOLTS, current=before, remaining=50.0, total=100.0),
        after=ChargeState(
            voltage=VOLTS, current=after, remaining=50.0 + counted, total=100.0
        ),
        hours=seconds / HOUR,
    )
    charged, discharged = energy_by_counter(
        interval, interval.counted, Habits().after(interval)
    )
    assert charged >= 0 and discharged >= 0
    assert charged - discharged == pytest.approx(VOLTS * interval.counted, abs=1e-6)


def test_way_of_a_bank() -> None:
    """A bank counts in the way of its batteries, or in both."""
    shown = CounterRecord(reason=Reason.AGREES)
    totals = dict.fromkeys(["a", "b"], EnergyTotals())
    energy = BankEnergy(totals, EnergyTotals(), 60, records={"a": shown})
    assert energy.way_of(["a"]) is Way.CHARGE_COUNTER
    assert energy.way_of(["b"]) is Way.SAMPLED_POWER
    assert energy.way_of(["a", "b"]) is Way.BOTH
    assert energy.way_of(["c"]) is Way.SAMPLED_POWER
