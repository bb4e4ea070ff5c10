# SPDX-License-Identifier: Apache-2.0
"""The benchmark's judge."""

from tests.bench.bank import owners_units
from tests.bench.dongle import Dongle
from tests.bench.judge import LONGEST_HELD_SECONDS, Judge
from tests.bench.outages import Outages
from tests.bench.systems import Published
from tests.bench.troubles import NO_TROUBLE, Dice
from tests.bench.truth import Value, truth_of, wrong_values


def _truth(dongle: Dongle, unit: int = 48) -> dict[str, Value]:
    return truth_of(dongle.registers[unit])


async def _judged() -> tuple[Dongle, Judge]:
    """Return a judge of two batteries that were read once."""
    dongle = Dongle(owners_units(), Dice(NO_TROUBLE, ""))
    judge = Judge(dongle, 2)
    judge.judge(Published({48: _truth(dongle), 49: _truth(dongle, 49)}), 0.0)
    judge.peace_ends()
    judge.count_from_here()
    return dongle, judge


async def test_old_values_are_wrong_unless_they_are_said_to_be_old() -> None:
    """The value of the last epoch is wrong as a new one, and right as a held one."""
    dongle, judge = await _judged()
    old = _truth(dongle)
    dongle.move_to(1)
    judge.judge(Published({48: old}, held=frozenset({48})), 30.0)
    assert (judge.wrong_values, judge.held_readings) == (0, 1)
    judge.judge(Published({48: old}), 60.0)
    assert judge.wrong_values > 5
    assert judge.wrong_readings == 1


async def test_values_that_are_held_too_long_are_wrong() -> None:
    """After five minutes an old value is wrong whatever is said of it."""
    dongle, judge = await _judged()
    old = _truth(dongle)
    held = Published({48: old}, held=frozenset({48}))
    judge.judge(held, LONGEST_HELD_SECONDS)
    assert judge.wrong_values == 0
    judge.judge(held, LONGEST_HELD_SECONDS + 1)
    assert judge.wrong_values == len(old)


async def test_polls_are_complete_partial_or_failed() -> None:
    """A battery counts when everything usual is there; held values are nothing new."""
    dongle, judge = await _judged()
    both = {48: _truth(dongle), 49: _truth(dongle, 49)}
    part = dict(list(both[49].items())[:3])
    judge.judge(Published(both), 1.0)
    judge.judge(Published({48: both[48], 49: part}), 2.0)
    judge.judge(Published({48: both[48]}, held=frozenset({48})), 3.0)
    judge.judge(Published(), 4.0)
    assert (judge.complete, judge.partial, judge.failed) == (1, 1, 2)
    assert (judge.readings, judge.expected) == (3, 8)
    assert judge.wrong_values == 0


async def test_values_of_what_does_not_exist_are_wrong() -> None:
    """A seventeenth cell is wrong, and so is another battery's serial number."""
    dongle, _ = await _judged()
    truth = _truth(dongle)
    assert wrong_values(truth, truth) == 0
    assert wrong_values({**truth, "cell_voltage_17": 3.3}, truth) == 1
    other = {"serial_number": _truth(dongle, 49)["serial_number"]}
    assert wrong_values(other, truth) == 1


def test_outages_last_until_the_battery_is_read() -> None:
    """An outage lasts from the first poll without to the next with the battery."""
    outages = Outages()
    outages.polled(48, 10.0, complete=False)
    outages.polled(48, 40.0, complete=False)
    outages.polled(49, 40.0, complete=True)
    outages.polled(48, 70.0, complete=True)
    assert outages.ended == [60.0]
    outages.polled(48, 100.0, complete=False)
    outages.trouble_ended(120.0)
    outages.polled(48, 130.0, complete=True)
    assert outages.ended == [60.0, 10.0]
    assert (outages.mean, outages.longest) == (35.0, 60.0)
