# SPDX-License-Identifier: Apache-2.0
"""Tests of the byte order of cycles: decided by how a count grows, never by one odd word."""

from collections.abc import Iterable
from datetime import timedelta

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.renogy.cycles import CycleCounter
from custom_components.renogy_bt.renogy.decoder import decode_reading
from custom_components.renogy_bt.renogy.exceptions import InvalidBlock
from custom_components.renogy_bt.renogy.families import RNGC, STANDARD
from tests.renogy.fake_link import FakeBattery, FakeLink, link_to, rbt50lfp48s
from tests.renogy.images import READ_AT, decoded, owners_pack
from tests.renogy.virtual_time import on_virtual_time

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def swapped(count: int) -> int:
    """Return a count as a battery tells it that sends the low byte first."""
    return (count & 0xFF) << 8 | count >> 8


def counted(words: Iterable[int], pause: timedelta = DAY) -> list[int | None]:
    """Return what a new counter makes of words that are read one after the other."""
    counter = CycleCounter()
    return [
        counter.count(word, READ_AT + number * pause)
        for number, word in enumerate(words)
    ]


@pytest.mark.parametrize(
    ("words", "counts"),
    [
        pytest.param([4, 5, 6], [4, 5, 6], id="as documented"),
        pytest.param([0x0400, 0x0500, 0x0600], [4, 5, 6], id="low byte first"),
        pytest.param([4, 4, 4, 5], [4, 4, 4, 5], id="rests in between"),
        pytest.param([255, 256, 257], [255, 256, 257], id="beyond a byte"),
        pytest.param([0xFF00, 0x0001, 0x0101], [255, 256, 257], id="the same, swapped"),
        pytest.param([200], [200], id="too many the other way round"),
        pytest.param([0xC800], [200], id="swapped, too many as documented"),
        pytest.param([300], [300], id="30 years the other way round"),
        pytest.param([0x2C01], [300], id="swapped, 30 years as documented"),
        pytest.param([0], [0], id="new"),
        pytest.param([257], [257], id="the same both ways"),
        pytest.param([0xFFFE], [None], id="too many both ways"),
        pytest.param([20_000], [None], id="as many as can be, and 8270 swapped"),
        pytest.param([20_001], [8526], id="one too many, but not swapped"),
        pytest.param([0x0105, 0x0105, 0x0106], [None, None, 262], id="unknown until it grows"),
        pytest.param([0x0105, 0x0205], [None, 1282], id="unknown until it grows, swapped"),
    ],
)  # fmt: skip
def test_the_byte_order_shows(words: list[int], counts: list[int | None]) -> None:
    """Both orders are read right, and what may be either is unknown."""
    assert counted(words) == counts


def test_one_more_is_not_256_more() -> None:
    """1280 after 4 is no cycle, whichever order was thought likelier before."""
    assert counted([4, 5], MINUTE) == [4, 5]
    assert counted([1024, 1280], MINUTE) == [4, 5]


@pytest.mark.parametrize("odd", [1280, 0xFFFE, 30_000, 40, 3, 0])
def test_an_odd_word_costs_one_value(odd: int) -> None:
    """A count that jumps or falls for one or two readings is unknown, and then goes on."""
    assert counted([40, 41, odd, 41, 42]) == [40, 41, None, 41, 42]
    assert counted([40, 41, odd, odd, 41, 42]) == [40, 41, None, None, 41, 42]


def test_another_count_that_stays_is_another_battery() -> None:
    """What goes on in three readings is believed, and its byte order is learned anew."""
    assert counted([300, 301, 7, 7, 7, 8]) == [300, 301, None, None, 7, 8]
    words = [300, 301, *map(swapped, (7, 7, 7, 8, 9))]
    assert counted(words, MINUTE) == [300, 301, None, None, 7, 8, 9]


@pytest.mark.parametrize(
    ("seconds", "growth", "is_believed"),
    [
        (0, 1, True),
        (0, 2, False),
        (3599.5, 2, False),
        (3600, 2, True),
        (3600, 3, False),
        (7200, 3, True),
        (-86_400, 1, True),
        (-86_400, 2, False),
    ],
)
def test_a_count_grows_by_one_an_hour_at_most(
    seconds: float, growth: int, is_believed: bool
) -> None:
    """Whatever the clock does, the cycle under way may have ended."""
    found = counted([300, 300 + growth], timedelta(seconds=seconds))
    assert found == [300, 300 + growth if is_believed else None]


def test_what_goes_on_is_compared_with_what_came_last() -> None:
    """Another battery's count may grow while it is not believed yet."""
    twenty = timedelta(minutes=20)
    assert counted([300, 301, 7, 8, 9], twenty) == [300, 301, None, None, 9]


def test_a_long_silence_proves_nothing() -> None:
    """After a year 256 more cycles can be: the order is learned from what comes then."""
    assert counted([4, 5, 6], timedelta(days=365)) == [4, 5, 6]
    assert counted([0x0400, 0x0500, 0x0600], timedelta(days=365)) == [4, 5, 6]


@given(
    st.integers(0, 5000),
    st.lists(st.integers(0, 1), min_size=1, max_size=60),
    st.booleans(),
)
def test_no_count_is_wrong_once_the_order_has_shown(
    first: int, growth: list[int], is_swapped: bool
) -> None:
    """Whatever a battery counts and in whatever order: right or unknown after one cycle."""
    counts = [first + sum(growth[:number]) for number in range(len(growth) + 1)]
    found = counted(map(swapped, counts) if is_swapped else counts)
    for index, (count, told) in enumerate(zip(counts, found, strict=True)):
        has_shown = counts[index] > first and not any(
            each in (swapped(each), swapped(each + 1)) for each in counts[: index + 1]
        )
        if has_shown:
            assert told == count
        elif told != count:
            # Before that only a count that is a multiple of 256 can be taken for a small one.
            assert told is None or not max(count, told) & 0xFF


def _pack(cycles: int) -> FakeBattery:
    return rbt50lfp48s(cycles=cycles)


@on_virtual_time
async def test_what_a_battery_showed_is_remembered_from_poll_to_poll() -> None:
    """The order that a battery has shown holds for its later readings."""
    fake = FakeLink({48: _pack(0x0105)})
    link = link_to(fake, family=RNGC)
    cycles = []
    for count in (0x0105, 0x0106, 0x0106, 0x0107):
        fake.units[48].put(5048, [count])
        cycles.append((await link.poll()).readings[48].cycles)
    doubted = link.diagnostics()["units"]["48"]["doubted_values"]
    assert doubted == {"cycles": 1}
    await link.close()

    assert cycles == [None, 262, 262, 263]


def test_a_refused_reading_teaches_nothing() -> None:
    """The cycles of a reading that cannot be true are not looked at."""
    counter = CycleCounter()
    refused = owners_pack({5043: [900], 5048: [0x0105]})
    with pytest.raises(InvalidBlock):
        decode_reading(refused, READ_AT, RNGC, cycle_counter=counter)
    assert counter.count(0x0205, READ_AT + MINUTE) is None
    assert counter.count(0x0206, READ_AT + 2 * MINUTE) == 0x0206


def test_other_families_count_as_documented() -> None:
    """Where the makers' document holds, a count is what the word says."""
    assert decoded(owners_pack({5048: [1024]}), STANDARD).cycles == 1024
