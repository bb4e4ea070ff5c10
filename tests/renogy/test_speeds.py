# SPDX-License-Identifier: Apache-2.0
"""Which blocks a poll of a kept link reads of which battery."""

from itertools import pairwise

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.renogy_bt.renogy.speeds import Extent, LastRead, extents, is_fast

# As documented, not as the code has it.
EVERYTHING_SECONDS = 60.0
FAST_BELOW = 20.0
STATUS_SECONDS = 10.0

NEVER = float("-inf")


def test_only_links_that_are_polled_often_read_less() -> None:
    """At the border and above it everything is read, and so is where each poll connects."""
    assert is_fast(FAST_BELOW - 1)
    assert not is_fast(FAST_BELOW)
    assert not is_fast(None)


def _played(
    interval: float, batteries: int, delays: list[float]
) -> tuple[list[float], list[dict[int, Extent]]]:
    """Return the times of the rounds, and what was read in each."""
    last = {
        48 + each: LastRead(status=NEVER, everything=NEVER) for each in range(batteries)
    }
    now, times, rounds = 1000.0, [], []
    for delay in delays:
        read = extents(now, interval, last)
        for unit, extent in read.items():
            last[unit] = LastRead(
                status=now if extent >= Extent.STATUS else last[unit].status,
                everything=now
                if extent is Extent.EVERYTHING
                else last[unit].everything,
            )
        times.append(now)
        rounds.append(read)
        now += interval + delay
    return times, rounds


@given(
    interval=st.floats(2, FAST_BELOW - 0.5),
    batteries=st.integers(1, 8),
    late=st.lists(st.floats(0, 1), min_size=40, max_size=120),
)
@settings(max_examples=60, deadline=None)
def test_nothing_is_older_than_it_may_be(
    interval: float, batteries: int, late: list[float]
) -> None:
    """Rounds may come late, by up to the interval: the limits hold all the same."""
    delays = [share * interval for share in late]
    times, rounds = _played(interval, batteries, delays)
    assert set(rounds[0].values()) == {Extent.EVERYTHING}
    for unit in rounds[0]:
        for extent, limit in (
            (Extent.STATUS, max(STATUS_SECONDS, 2 * interval)),
            (Extent.EVERYTHING, EVERYTHING_SECONDS),
        ):
            read_at = [
                at
                for at, read in zip(times, rounds, strict=True)
                if read[unit] >= extent
            ]
            gaps = [after - before for before, after in pairwise([*read_at, times[-1]])]
            assert max(gaps) <= limit + 1e-6
        assert all(unit in read for read in rounds)


def test_batteries_take_turns() -> None:
    """After the first round no two of four batteries are read wholly in one round."""
    _, rounds = _played(2.0, 4, [0.0] * 400)
    for read in rounds[1:]:
        assert list(read.values()).count(Extent.EVERYTHING) <= 1
    for read in rounds[40:]:
        assert sum(extent >= Extent.STATUS for extent in read.values()) <= 2


@pytest.mark.parametrize("interval", [2.0, 5.0, 10.0, 19.0])
def test_most_is_read_at_the_fast_speed(interval: float) -> None:
    """Everything comes once a minute or a little more often, not with every round."""
    times, rounds = _played(interval, 1, [0.0] * 300)
    whole = sum(read[48] is Extent.EVERYTHING for read in rounds)
    minutes = (times[-1] - times[0]) / 60
    assert minutes <= whole <= 2.0 * minutes + 1
