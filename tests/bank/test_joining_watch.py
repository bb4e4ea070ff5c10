# SPDX-License-Identifier: Apache-2.0
"""Tests of when a bank is told to be no bank: by what lasts, and by nothing that may be right."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
import math
import random

import pytest

from custom_components.renogy_bt.bank.joining_watch import JoiningWatch
from custom_components.renogy_bt.renogy.models import BatteryReading, BatteryStatus
from tests.bank.test_joining import battery

# As documented, not as the code has it.
APART_SECONDS = 86400.0
CERTAIN_SECONDS = 600.0

MINUTE, HOUR = 60.0, 3600.0
DAY = 24 * HOUR

type Bank = Callable[[float], Sequence[BatteryReading]]


def watched(
    bank: Bank, seconds: float, *, expected: int | None = None, pause: float = 300.0
) -> tuple[JoiningWatch, float | None]:
    """Watch a bank for so long; return the watch, and when it first told."""
    watch, first = JoiningWatch(), None
    for step in range(int(seconds / pause) + 1):
        readings = bank(step * pause)
        if watch.advance(step * pause, readings, expected or len(readings)):
            first = step * pause if first is None else first
    return watch, first


def day_of(count: int, at: float, resistance: float = 0.0) -> BatteryReading:
    """Return a battery of a home with panels: charged by day, drawn from at night."""
    current = 40.0 * math.sin(2 * math.pi * at / DAY)
    return battery(
        count, 3.3 + 0.15 * math.sin(2 * math.pi * at / DAY) + resistance * current
    ).counting(100)


def flowing(reading: BatteryReading, at: float) -> BatteryReading:
    """Return a reading with the current of that time of day."""
    return replace(reading, current=40.0 * math.sin(2 * math.pi * at / DAY))


def test_12_and_48_volts() -> None:
    """It is told after some minutes, once."""
    _, first = watched(lambda _: [battery(4, 3.3), battery(15, 3.5)], HOUR)
    assert first == CERTAIN_SECONDS


def test_one_wrong_reading() -> None:
    """What one look shows is not told."""

    def bank(at: float) -> Sequence[BatteryReading]:
        is_odd = at % HOUR == 0
        return [battery(4, 3.3), battery(8 if is_odd else 4, 3.3)]

    assert watched(bank, 3 * DAY)[1] is None


def test_it_ends_by_itself() -> None:
    """A battery of the right voltage in the place of the wrong one ends it, as soon as that is sure."""
    mended = 2 * HOUR

    def bank(at: float) -> Sequence[BatteryReading]:
        return [battery(4, 3.3), battery(15 if at < mended else 4, 3.3)]

    assert watched(bank, mended)[0].is_noticed
    assert not watched(bank, mended + 2 * CERTAIN_SECONDS)[0].is_noticed


def test_missing_battery_changes_nothing() -> None:
    """Those that still answer may be those that fit."""

    def bank(at: float) -> Sequence[BatteryReading]:
        both = [battery(4, 3.3), battery(15, 3.3)]
        return both if at < HOUR else both[:1]

    assert watched(bank, DAY, expected=2)[0].is_noticed


@pytest.mark.parametrize("pause", [10.0, 60.0, 600.0])
def test_one_that_is_disconnected(pause: float) -> None:
    """Batteries of one kind that rest at other voltages for a day are not connected."""
    _, first = watched(
        lambda _: [battery(15, 3.05), battery(15, 3.31)], 2 * DAY, pause=pause
    )
    assert first is not None
    assert APART_SECONDS <= first <= APART_SECONDS + 2 * pause


def test_one_that_is_disconnected_from_a_home() -> None:
    """The home goes on with the others, which rest in between."""

    def bank(at: float) -> Sequence[BatteryReading]:
        rest = battery(4, 2.95)
        return [rest, flowing(day_of(4, at), at), flowing(day_of(4, at), at)]

    first = watched(bank, 3 * DAY)[1]
    assert first is not None
    assert first <= 2 * DAY


@pytest.mark.parametrize("milliohms", [0.0, 2.0, 10.0])
@pytest.mark.parametrize("counts", [(4, 4), (8, 8), (15, 16), (16, 16, 15)])
def test_healthy_banks(counts: tuple[int, ...], milliohms: float) -> None:
    """Days of charging and drawing, with a long cable and meters that are 1 % off, tell nothing."""
    rng = random.Random(7)
    errors = [1 + rng.uniform(-0.01, 0.01) for _ in counts]

    def bank(at: float) -> Sequence[BatteryReading]:
        current = 40.0 * math.sin(2 * math.pi * at / DAY)
        bar = counts[0] * (3.3 + 0.15 * math.sin(2 * math.pi * at / DAY))
        return [
            replace(
                battery(count, bar / count, current),
                voltage=round(
                    bar * error + (current * milliohms / 1000 if index else 0.0), 1
                ),
            )
            for index, (count, error) in enumerate(zip(counts, errors, strict=True))
        ]

    assert watched(bank, 3 * DAY)[1] is None


def off(
    reading: BatteryReading, *, charge: bool = True, discharge: bool = True
) -> BatteryReading:
    """Return a reading of a battery that has a switch off."""
    return replace(
        reading,
        status=BatteryStatus(charge_mosfet=charge, discharge_mosfet=discharge),
    )


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(battery(4, 3.65, 20.0), id="charged"),
        pytest.param(off(battery(4, 2.6), discharge=False), id="empty and off"),
        pytest.param(off(battery(4, 2.9), charge=False), id="cold"),
        pytest.param(off(battery(4, 2.1), charge=False), id="deeply discharged"),
        pytest.param(replace(battery(4, 3.0), voltage=1.0), id="off"),
        pytest.param(replace(battery(4, 3.0), status=BatteryStatus()), id="not told"),
        pytest.param(replace(battery(4, 3.0), current=None), id="no current known"),
        pytest.param(
            replace(
                battery(4, 3.0), read_at=battery(4, 3.0).read_at + timedelta(minutes=2)
            ),
            id="read at another time",
        ),
        pytest.param(battery(4, 3.4), id="close"),
    ],
)
def test_batteries_that_differ_rightly(other: BatteryReading) -> None:
    """For days one is at rest or off while the others are not: that is how parallel banks are."""
    rest = battery(4, 3.32)
    assert watched(lambda _: [rest, other, rest], 5 * DAY)[1] is None


def test_less_than_a_day() -> None:
    """Who works on the cables for some hours is not told of them."""

    def bank(at: float) -> Sequence[BatteryReading]:
        is_out = at % (2 * DAY) < 20 * HOUR
        return [battery(4, 3.0 if is_out else 3.3), battery(4, 3.3)]

    assert watched(bank, 8 * DAY)[1] is None


def test_looks_that_are_far_apart() -> None:
    """Of the time in between nothing is known."""
    mixed = [battery(4, 3.3), battery(15, 3.3)]
    assert watched(lambda _: mixed, 5 * DAY, pause=4 * HOUR)[1] is None
