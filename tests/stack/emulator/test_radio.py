# SPDX-License-Identifier: Apache-2.0
"""The radio model: what a strength is good for, and how it varies."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from statistics import fmean, pstdev

import pytest

from tests.emulator.radio import CURVE, Receiver, Signal, reach_of

LINK = "6C:B2:FD:A1:B2:C3"
OTHER = "6C:B2:FD:A1:B2:C4"
ADAPTER = "B8:27:EB:5A:00:01"
DAY = 86_400


@dataclass
class Clock:
    """A clock that the test moves."""

    at: float = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.at

    def each(self, seconds: float, times: int) -> Iterator[None]:
        """Go on in steps."""
        for _ in range(times):
            self.at += seconds
            yield


@dataclass
class Place:
    """A radio at a place, and the clock there."""

    clock: Clock = field(default_factory=Clock)

    def receiver(
        self, seed: int = 1, address: str = ADAPTER, attenuation: float = 0
    ) -> Receiver:
        """Return a radio."""
        return Receiver(seed, address, attenuation, self.clock)


@pytest.fixture
def place() -> Place:
    """Return a place at its beginning."""
    return Place()


def test_curve_falls() -> None:
    """The weaker, the worse, in every respect, from certain to impossible."""
    for above, below in pairwise(CURVE):
        assert above.strength > below.strength
        assert above.heard > below.heard
        assert above.connects >= below.connects
        assert above.breaks < below.breaks
    assert (CURVE[0].heard, CURVE[0].connects, CURVE[0].breaks) == (1, 1, 0)
    assert (CURVE[-1].heard, CURVE[-1].connects) == (0, 0)


def test_between_the_rows_of_the_curve() -> None:
    """A strength between two rows lies between them; beyond the table it is the last row."""
    for row in CURVE:
        reach = reach_of(row.strength)
        assert (reach.heard, reach.connects) == pytest.approx((row.heard, row.connects))
        assert reach.breaks == pytest.approx(row.breaks)
    middle = reach_of(-81)
    assert (middle.heard, middle.connects) == pytest.approx((0.935, 0.525))
    assert middle.breaks == pytest.approx(0.0275)
    assert reach_of(-30) == CURVE[0]
    assert reach_of(-127) == CURVE[-1]


@pytest.mark.parametrize("wobble", [5, -5])
def test_sixty_is_certain(place: Place, wobble: int) -> None:
    """At -60 dBm nothing is lost, fails or breaks, as with a cable."""
    receiver, signal = place.receiver(), Signal(-60)
    for _ in place.clock.each(1, 1000):
        assert receiver.hears(LINK, signal, wobble) == -60 + wobble
        assert receiver.connects(LINK, signal)
        assert receiver.hears_response(LINK, -60)
        assert receiver.lasts(LINK, signal) == inf
    assert receiver.misses_nothing(LINK, signal)


def test_edge_of_range(place: Place) -> None:
    """At -88 ± 4 dBm a fair part of the advertisements arrive, hardly a connect does."""
    receiver, signal = place.receiver(), Signal(-88, 4)
    heard = connected = 0
    lives = []
    for _ in place.clock.each(60, 20_000):
        heard += receiver.hears(LINK, signal, 0) is not None
        connected += receiver.connects(LINK, signal)
        lives.append(receiver.lasts(LINK, signal))
    assert 0.25 < heard / 20_000 < 0.55
    assert 0.001 < connected / 20_000 < 0.02
    assert sorted(lives)[len(lives) // 2] < 2


def test_out_of_reach(place: Place) -> None:
    """Beyond the table nothing arrives."""
    receiver, signal = place.receiver(attenuation=45), Signal(-60)
    assert not receiver.reaches(LINK, signal)
    assert receiver.hears(LINK, signal, 0) is None
    assert not receiver.connects(LINK, signal)


def test_strength_spreads_as_told(place: Place) -> None:
    """Mean and spread of what is told are those of the signal, where nothing is lost."""
    receiver, signal = place.receiver(attenuation=10), Signal(-45, 4)
    strengths = [
        strength
        for _ in place.clock.each(60, DAY // 60 * 7)
        if (strength := receiver.hears(LINK, signal, 0)) is not None
    ]
    assert fmean(strengths) == pytest.approx(-55, abs=0.5)
    assert pstdev(strengths) == pytest.approx(4, abs=0.3)


def test_level_drifts_slowly(place: Place) -> None:
    """The level is nearly the same a second later, and another one an hour later."""
    receiver, signal = place.receiver(), Signal(-60, 10)
    by_second, by_hour = [], []
    for _ in place.clock.each(3600, 500):
        level = receiver.level(LINK, signal)
        place.clock.at += 1
        by_second.append(abs(receiver.level(LINK, signal) - level))
        place.clock.at += 3600
        by_hour.append(abs(receiver.level(LINK, signal) - level))
    assert fmean(by_second) < 0.6
    assert fmean(by_hour) > 5


def test_chance_is_repeatable_and_each_radios_own(place: Place) -> None:
    """The same seed tells the same; another seed, radio or link something else."""
    signal = Signal(-80, 4)

    def told(link: str = LINK, **given: object) -> list[int | None]:
        place.clock.at = 0
        receiver = place.receiver(**given)  # type: ignore[arg-type]
        return [receiver.hears(link, signal, 0) for _ in place.clock.each(1, 50)]

    assert told() == told()
    others = [told(seed=2), told(address=OTHER), told(OTHER)]
    assert all(told() != other for other in others)


def test_a_stronger_place_hears_what_a_weaker_one_loses(place: Place) -> None:
    """Attenuation moves the whole link down the curve."""
    near, far = place.receiver(), place.receiver(attenuation=28)
    assert near.hears(LINK, Signal(-60), 0) == -60
    chances = [far.connects(LINK, Signal(-60)) for _ in range(500)]
    assert chances.count(True) < 25
