# SPDX-License-Identifier: Apache-2.0
"""Batteries whose scale of the current is known to the test, and what their polls bring.

The true current is made in steps that are far shorter than the polls; the counter integrates every step,
a poll sees one. What is odd about real batteries is drawn from ranges that are wider than
what was reported: loads of 0.2 to 100 A, spikes, loads in step with the polls, noise, an offset and a dead zone of the
sensor, losses, a counter in steps of 0.01 Ah, one that is pinned at its ends, is put right at once
or little by little, other capacities, missed polls, packs at rest.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
import math
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from custom_components.renogy_bt.renogy.current_scale import DIVISORS, ChargeSample

type Currents = NDArray[np.float64]

DAY: Final = 86_400
INTERVALS: Final = (10, 30, 60, 60, 60, 120, 300, 600, 600)
_HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A battery, its sensor, its counter, and how it is polled."""

    divisor: int
    capacity: float
    interval: int
    longest_poll: float
    unevenness: float
    missed: float
    gain: float
    offset: float
    counter_has_offset: bool
    noise: float
    dead_zone: float
    truncates: bool
    losses: float
    resolution: float
    float_current: float
    jumps_a_day: float
    ramps_a_day: float
    load: str

    @property
    def step(self) -> int:
        """The length of one step of the true current, in s."""
        return min(30, max(2, self.interval // 10))


def a_pack(
    random: Generator, load: str | None = None, interval: int | None = None
) -> Pack:
    """Draw a battery."""
    return Pack(
        divisor=int(random.choice(DIVISORS)),
        capacity=float(random.choice([12, 50, 100, 100, 200, 300, 500])),
        interval=int(random.choice(INTERVALS)) if interval is None else interval,
        longest_poll=float(random.choice([0.0, 0.0, 4.0])),
        unevenness=float(random.choice([0.0, 0.2])),
        missed=float(random.choice([0.0, 0.02, 0.2])),
        gain=float(random.uniform(0.96, 1.04)),
        offset=float(random.choice([0.0, 1.0]) * random.normal(0, 0.2)),
        counter_has_offset=bool(random.integers(2)),
        noise=float(random.choice([0.0, 0.02, 0.3])),
        dead_zone=float(random.choice([0.0, 0.05, 0.5, 1.0])),
        truncates=bool(random.integers(2)),
        losses=float(random.uniform(0, 0.05)),
        resolution=float(random.choice([0.001, 0.01])),
        float_current=float(random.choice([0.0, 0.3, 3.0])),
        jumps_a_day=float(random.choice([0.0, 0.5, 3.0])),
        ramps_a_day=float(random.choice([0.0, 0.2, 1.0])),
        load=str(random.choice(list(LOADS))) if load is None else load,
    )


def samples(random: Generator, pack: Pack, days: int) -> Iterator[ChargeSample | None]:
    """Yield what the polls bring, None for a missed one."""
    remaining = pack.capacity * random.uniform(0.1, 0.9)
    total = pack.capacity
    drift = drift_ends = 0.0
    at = random.uniform(0, pack.interval)
    for day in range(days):
        current = LOADS[pack.load](random, pack)
        charge = np.concatenate(([0.0], np.cumsum(current))) * pack.step / _HOUR
        began = day * float(DAY)
        while at < began + DAY:
            until = at + pack.interval * random.uniform(1 - pack.unevenness, 1)
            until += random.uniform(0, pack.longest_poll)
            if until >= began + DAY:
                at = until
                break
            first, last = ((int((each - began) / pack.step)) for each in (at, until))
            flowed = float(charge[last] - charge[first])
            if pack.counter_has_offset:
                flowed += pack.offset * (until - at) / _HOUR
            share = (until - at) / DAY
            if random.random() < pack.jumps_a_day * share:
                remaining += total * random.uniform(-0.3, 0.3)
                total = pack.capacity * random.uniform(0.97, 1.0)
            if random.random() < pack.ramps_a_day * share:
                drift = random.choice([-1, 1]) * math.exp(random.uniform(-2, 3))
                drift_ends = until + random.uniform(300, 3600)
            if until < drift_ends:
                flowed += drift * (until - at) / _HOUR
            now = float(current[last])
            is_pinned = (remaining >= total and now > 0) or (remaining <= 0 and now < 0)
            if flowed > 0:
                flowed *= 1 - pack.losses
            remaining = min(max(remaining + flowed, 0.0), total)
            if is_pinned:
                now = math.copysign(min(abs(now), pack.float_current), now)
            at = until
            if random.random() < pack.missed:
                yield None
                continue
            yield ChargeSample(
                at=at,
                count=counted(random, pack, now),
                remaining=round(int(remaining / pack.resolution) * pack.resolution, 3),
                total=round(total, 3),
            )


def counted(random: Generator, pack: Pack, current: float) -> int:
    """Return a current as the battery counts it."""
    measured = current * pack.gain + pack.offset + random.normal(0, pack.noise or 1e-9)
    if abs(measured) < pack.dead_zone:
        return 0
    count = measured * pack.divisor
    return int(count) if pack.truncates else round(count)


def _times(pack: Pack) -> Currents:
    return np.arange(0, DAY + pack.step, pack.step, dtype=np.float64)


def _amperes(random: Generator, least: float = 0.2, most: float = 100.0) -> float:
    return math.exp(random.uniform(math.log(least), math.log(most)))


def _rest(random: Generator, pack: Pack) -> Currents:
    return np.full_like(_times(pack), -float(random.choice([0.0, 0.02, 0.1])))


def _constant(random: Generator, pack: Pack) -> Currents:
    return np.full_like(_times(pack), _amperes(random) * float(random.choice([-1, 1])))


def _days_of_charge(random: Generator, pack: Pack) -> Currents:
    """A load by night, a charger by day."""
    times = _times(pack)
    begins, ends = np.sort(random.uniform(0, DAY, 2))
    charging = (times > begins) & (times < ends)
    return np.where(charging, _amperes(random, 1), -_amperes(random, 0.2, 20))


def _switched(random: Generator, pack: Pack, period: float, most: float) -> Currents:
    """A load that goes on and off."""
    times = _times(pack)
    duty = random.uniform(0.02, 0.98)
    phase = random.uniform(0, period)
    on = np.mod(times + phase, period) < duty * period
    load = np.where(on, min(_amperes(random, 1, most), pack.capacity), 0.0)
    return -_amperes(random, 0.2, 5) - load


def _fridge(random: Generator, pack: Pack) -> Currents:
    return _switched(random, pack, random.uniform(300, 5400), 10)


def _in_step(random: Generator, pack: Pack) -> Currents:
    """A load whose period is that of the polls, or nearly so."""
    period = pack.interval / int(random.integers(1, 4))
    return _switched(random, pack, period * random.choice([1.0, 1.001, 1.02]), 60)


def _spikes(random: Generator, pack: Pack) -> Currents:
    current = _switched(random, pack, random.uniform(600, 7200), 5)
    for _ in range(random.poisson(60)):
        begins = random.integers(len(current))
        length = max(1, int(random.uniform(5, 600) / pack.step))
        current[begins : begins + length] -= min(random.uniform(10, 100), pack.capacity)
    return current


def _sun(random: Generator, pack: Pack) -> Currents:
    times = _times(pack)
    height = np.maximum(0.0, np.sin(np.pi * (times / _HOUR - 6) / 12)) ** 1.5
    clouds = np.ones_like(times)
    if random.integers(2):
        blocks = random.uniform(0.1, 1.0, DAY // 60 + 2)
        clouds = blocks[(times / random.uniform(60, 900)).astype(int) % len(blocks)]
    load = _fridge(random, pack) if random.integers(2) else _spikes(random, pack)
    sun: Currents = height * clouds * _amperes(random, 5, 80)
    return sun + load


def _wandering(random: Generator, pack: Pack) -> Currents:
    times = _times(pack)
    walk: Currents = np.cumsum(random.normal(0, 1, len(times)))
    walk -= walk.mean()
    return walk * (_amperes(random, 1) / float(np.abs(walk).max()))


type Load = Callable[[Generator, Pack], Currents]

LOADS: Final[dict[str, Load]] = {
    "rest": _rest,
    "constant": _constant,
    "charger": _days_of_charge,
    "fridge": _fridge,
    "in step": _in_step,
    "spikes": _spikes,
    "sun": _sun,
    "wandering": _wandering,
    "brief": partial(_switched, period=45.0, most=60),
}
