# SPDX-License-Identifier: Apache-2.0
"""Which cell, sensor and battery stands out."""

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.bank.extremes import extremes, one_place, own_extremes


def test_the_extreme_of_a_bank_is_found_in_its_batteries() -> None:
    """Each battery that has it is named, with the numbers of its cells."""
    values = {"a": (3.3, 3.2, 3.3, 3.3), "b": (3.3, 3.4, 3.3, 3.2), "c": (3.3, 3.3)}
    assert extremes(values, min) == {"a": (2,), "b": (4,)}
    assert extremes(values, max) == {"b": (2,)}


def test_who_was_named_stays_named_while_it_has_the_extreme() -> None:
    """Among equals the first is named, and no other takes its place."""
    both, other = {"a": (2,), "b": (1, 4)}, {"b": (1, 4)}
    assert one_place(both, None) == ("a", 2)
    assert one_place(other, ("a", 2)) == ("b", 1)
    assert one_place(both, ("b", 4)) == ("b", 4)
    assert one_place(other, ("b", 2)) == ("b", 1)
    assert one_place({}, ("b", 1)) is None


@pytest.mark.parametrize(
    ("values", "lowest", "highest"),
    [
        pytest.param((), [], [], id="none"),
        pytest.param((3.3,), [], [], id="one"),
        pytest.param((3.3, 3.3, 3.3, 3.3), [], [], id="all alike"),
        pytest.param((3.3, 3.3, 3.3, 3.4), [], [4], id="most are the lowest"),
        pytest.param((3.3, 3.3, 3.4, 3.4), [1, 2], [3, 4], id="half and half"),
        pytest.param((21.0, 22.5), [1], [2], id="two sensors"),
        pytest.param((None, 21.0, None, 22.5), [2], [4], id="unknown ones"),
        pytest.param((None, None), [], [], id="nothing known"),
    ],
)
def test_what_stands_out_in_a_battery(
    values: tuple[float | None, ...], lowest: list[int], highest: list[int]
) -> None:
    """What more than half of the cells have is no extreme."""
    assert own_extremes(values) == (lowest, highest)


@given(st.lists(st.one_of(st.none(), st.integers(20, 40)), max_size=16))
def test_named_is_who_has_the_extreme(values: list[int | None]) -> None:
    """Everybody that is named has it, and nobody that is not named."""
    known = sorted(each for each in values if each is not None)
    for named, extreme in zip(
        own_extremes(values), (known[:1], known[-1:]), strict=True
    ):
        having = [n for n, each in enumerate(values, 1) if [each] == extreme]
        assert named == (having if 2 * len(having) <= len(known) else [])
