# SPDX-License-Identifier: Apache-2.0
"""Tests of when a bank goes on without a battery."""

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.bank.silence import SilenceWatch, silent_before

# As documented, not as the code has it.
LONGEST_GAP = 1800.0

HOUR, DAY = 3600.0, 24 * 3600.0
BANK = ("A", "B", "C", "D")
OTHERS = frozenset("ABC")


def watched(
    reads: list[frozenset[str]], pause: float = 600.0, limit: float = DAY
) -> list[frozenset[str]]:
    """Return what is left out after each round."""
    watch = SilenceWatch(BANK, limit, {})
    return [watch.advance(step * pause, read) for step, read in enumerate(reads)]


def test_after_a_day() -> None:
    """The bank goes on without it then, and with it from its next reading on."""
    left_out = watched([OTHERS] * 150 + [frozenset(BANK), OTHERS])
    first = next(index for index, each in enumerate(left_out) if each)
    assert first == DAY / 600
    assert left_out[first:150] == [frozenset("D")] * (150 - first)
    assert left_out[150:] == [frozenset(), frozenset()]


def test_while_nobody_answers() -> None:
    """An adapter that is away for a week makes no bank smaller, however it comes back."""
    silent = [frozenset[str]()] * 1000
    left_out = watched([*silent, frozenset("A"), frozenset("AB"), OTHERS])
    assert not any(left_out)


def test_without_a_limit() -> None:
    """Who wants so waits for ever."""
    assert not any(watched([OTHERS] * 2000, limit=0.0))


def test_a_time_without_rounds_says_nothing() -> None:
    """Of the time without rounds nothing is known."""
    assert not any(watched([OTHERS] * 20, pause=LONGEST_GAP + 1))


def test_over_a_restart() -> None:
    """What counts is how long the others were read without it; a host that was off is no silence."""
    read_until = {"A": 9 * DAY, "B": 9 * DAY - 60, "C": 9 * DAY, "D": 7 * DAY}
    watch = SilenceWatch(BANK, DAY, silent_before(read_until))
    assert watch.advance(0.0, {"A"}) == {"D"}
    assert watch.advance(60.0, BANK) == frozenset()
    together = dict.fromkeys(BANK, 3 * DAY)
    watch = SilenceWatch(BANK, DAY, silent_before(together))
    assert watch.advance(0.0, {"A"}) == frozenset()
    assert silent_before({}) == {}


@pytest.mark.parametrize("every", [2, 100])
def test_battery_that_answers_now_and_then(every: int) -> None:
    """It is never left out while it answers within the time."""
    rounds = [frozenset(BANK) if step % every == 0 else OTHERS for step in range(2000)]
    assert not any(watched(rounds))


@given(
    st.lists(st.frozensets(st.sampled_from(BANK)), max_size=60),
    st.floats(min_value=1.0, max_value=LONGEST_GAP),
)
def test_who_is_read_is_counted(reads: list[frozenset[str]], pause: float) -> None:
    """Nobody is left out that has a reading, nor all of them at once by one of them."""
    for read, left_out in zip(reads, watched(reads, pause, 2 * HOUR), strict=True):
        assert not read & left_out
