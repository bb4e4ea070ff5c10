# SPDX-License-Identifier: Apache-2.0
"""A few of the emulated months, so that the campaign cannot rot, and the physics of a bank."""

from dataclasses import replace

import numpy as np
import pytest

from .ageing import ageing_of
from .campaign import MONTH, WORLDS, months_of
from .worlds import STEP, days, some_banks

SEED = 3


@pytest.fixture(autouse=True)
def short_month(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let six banks live for five days."""
    monkeypatch.setattr("tests.bank_months.campaign.BANKS", 6)
    monkeypatch.setattr("tests.bank_months.campaign.MONTH", 5)
    monkeypatch.setattr("tests.bank_months.campaign.INTERVALS", (60, 300))
    assert MONTH == 30


def test_healthy_banks_are_left_alone() -> None:
    """Of six banks, with all that real ones have, nothing is said."""
    months = months_of("healthy", SEED)
    assert len(months) == 6
    assert not any(each.another or each.first_pack is not None for each in months)
    assert not any(each.another_cell or each.first_cell is not None for each in months)


def test_bad_cables_are_found() -> None:
    """Nearly all within days, and no good cable is blamed."""
    months = months_of("cable_100_48V", SEED)
    assert sum(each.first_pack is not None for each in months) >= 5
    assert not any(each.another for each in months)


def test_bad_cell_is_found_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that falls as much in five days as others in thirty."""
    world = replace(WORLDS["cell_falls"], drift=-0.06)
    monkeypatch.setattr("tests.bank_months.campaign.WORLDS", {"cell_falls": world})
    months = months_of("cell_falls", SEED)
    assert sum(each.first_cell is not None for each in months) >= 3
    assert not any(each.another_cell for each in months)


def test_the_same_months_come_again() -> None:
    """Banks with the same seed live the same months."""
    assert months_of("full_first", 1) == months_of("full_first", 1)


def test_what_is_told_of_batteries_is_near_the_truth() -> None:
    """Resistances to what they say, what was drawn to a percent, how deep to what the counters are off."""
    months = ageing_of("healthy", 0)
    assert any(each.resistance is not None for each in months)
    for each in months:
        assert each.resistance is None or abs(each.resistance) <= (each.within or 0.0)
        assert abs(each.drawn) < 0.01
        assert abs(each.depth) < 4.0


@pytest.mark.parametrize("name", WORLDS)
def test_currents_obey_physics(name: str) -> None:
    """All packs meet at one bar, and their charge is the integral of their current."""
    random = np.random.default_rng(SEED)
    world = WORLDS[name]
    banks = world.change(random, some_banks(random, 4, world.cells))
    began = banks.charge.copy()
    (lived,) = days(random, banks, 1, drift=world.drift, leak=world.leak)
    bar = lived.volts + lived.amperes * banks.cable
    is_on = banks.is_there & lived.may_charge
    highest = np.where(is_on, bar, -np.inf).max(axis=2)
    lowest = np.where(is_on, bar, np.inf).min(axis=2)
    assert np.allclose(highest, lowest, atol=1e-6)
    assert np.all(lived.amperes[~np.broadcast_to(banks.is_there, bar.shape)] == 0)
    gained = lived.amperes.sum(axis=0) * STEP / 3600
    assert np.all(began + gained > -0.01 * banks.capacity)
    assert np.all(began + gained < 1.01 * banks.capacity)
