# SPDX-License-Identifier: Apache-2.0
"""A few of the emulated days, so that the campaign cannot rot, and counters that count wrong."""

from dataclasses import replace
from statistics import mean

import numpy as np
import pytest

from custom_components.renogy_bt.bank.charge_counter import Way
from custom_components.renogy_bt.bank.energy import EnergyCounter, EnergyTotals

from .campaign import WAYS, errors_of, read
from .worlds import DAY, a_pack, days

SEEDS = (0, 1, 2)


@pytest.mark.parametrize(
    ("interval", "most_net", "most_in_or_out"), [(60, 0.3, 3.0), (600, 1.5, 5.0)]
)
def test_days_are_counted_exactly(
    interval: int, most_net: float, most_in_or_out: float
) -> None:
    """The net energy of a day, what goes in and what goes out are right, and nearer than by samples."""
    found = [errors_of((seed, [interval])) for seed in SEEDS]
    errors = {
        way: [error for each in found for error in each[interval, way]] for way in WAYS
    }
    assert {len(each) for each in errors.values()} == {12}
    own, sampled = errors["renogy_bt"], errors["sampled"]
    assert mean(each.net for each in own) <= most_net
    assert mean(each.charged for each in own) <= most_in_or_out
    assert mean(each.discharged for each in own) <= most_in_or_out
    assert 5 * mean(each.net for each in own) < mean(each.net for each in sampled)
    for part in ("charged", "discharged"):
        own_part, sampled_part = (
            mean(getattr(each, part) for each in each_way)
            for each_way in (own, sampled)
        )
        assert own_part < sampled_part


def test_the_same_days_come_again() -> None:
    """A battery with the same seed lives the same days."""
    assert errors_of((3, [600])) == errors_of((3, [600]))
    assert errors_of((3, [600])) != errors_of((4, [600]))


@pytest.mark.parametrize("interval", [60, 600])
@pytest.mark.parametrize("scale", [0.5, 0.8, 0.9, 1.0, 1.1, 1.25, 2.0])
def test_counter_of_another_scale_in_restless_days(interval: int, scale: float) -> None:
    """However loads scatter the samples, a counter that is off by a tenth is not believed."""
    random = np.random.default_rng(1)
    pack = a_pack(random)
    lived = days(random, pack, 4)
    counter = EnergyCounter(EnergyTotals(), interval)
    ways: list[Way] = []
    for second in range(17, 4 * DAY, interval):
        sample = read(lived, pack, second)
        assert sample.charge is not None
        remaining = 1_000 + scale * sample.charge.remaining
        charge = replace(sample.charge, remaining=remaining, total=2_000.0)
        counter.add(replace(sample, charge=charge))
        if second > 2 * DAY:
            ways.append(counter.record.reason.way)
    share = ways.count(Way.CHARGE_COUNTER) / len(ways)
    assert share > 0.8 if scale == 1 else share < 0.05
