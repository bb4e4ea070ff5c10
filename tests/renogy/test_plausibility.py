# SPDX-License-Identifier: Apache-2.0
"""Tests of what cannot be true: every wolf is noticed, and no healthy pack is refused."""

from collections.abc import Callable
import math

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.renogy.decoder import (
    RegisterImage,
    decode_configuration,
)
from custom_components.renogy_bt.renogy.exceptions import InvalidBlock
from custom_components.renogy_bt.renogy.families import PRO, RNGC
from custom_components.renogy_bt.renogy.plausibility import OBJECTIONS, REQUIRED_RANGES
from tests.renogy.fake_link import rbt50lfp48s
from tests.renogy.images import decoded, image_from, owners_pack
from tests.renogy.vectors import COLD_PACK, WARM_PACK

Changes = dict[int, list[int]]


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("cell_count", {5000: [0]}),
        ("cell_count", {5000: [17]}),
        ("cell_count", {5000: [0xFFFF]}),
        ("cell_voltages", {5001: [133]}),
        ("cell_voltages", {5001: [51]}),
        ("cell_voltages", {5015: [24_872]}),
        ("voltage", {5043: [0]}),
        ("voltage", {5043: [801]}),
        ("voltage", {5043: [37_260]}),
        ("total_capacity", {5046: [0, 0]}),
        ("total_capacity", {5046: [0, 999]}),
        ("total_capacity", {5046: [0x1E, 0x8481]}),
        ("remaining_capacity", {5044: [0, 62_501]}),
        ("remaining_capacity", {5044: [3, 0x3450]}),
        ("sum_of_cells", {5043: [498]}),
        ("sum_of_cells", {5043: [533]}),
        ("sum_of_cells", {5001: [0] * 16}),
        ("sum_of_cells", {5043: [133]}),
        ("sum_of_cells", {5001: [0]}),
        ("protections", {5106: [0xFFFF]}),
        ("protections", {5106: [0x8040]}),
        ("warnings", {5107: [0xFFFF]}),
        ("warnings", {5107: [0x000C]}),
    ],
)
def test_values_that_cannot_be_true_are_refused(check: str, changes: Changes) -> None:
    """A value out of all possibility makes the block invalid, and the check is named."""
    with pytest.raises(InvalidBlock) as caught:
        decoded(owners_pack(changes))
    assert caught.value.check == check
    assert str(caught.value).removeprefix(f"{check}: ")


def test_current_beyond_any_battery_is_refused() -> None:
    """In a family that counts 0.1 A, 2000 A can be said and is not believed."""
    with pytest.raises(InvalidBlock, match="current"):
        decoded(owners_pack({5042: [20_000]}), PRO)


@pytest.mark.parametrize("block", [(5000, 110), (5000, 53), (5000, 34), (5042, 7)])
def test_a_block_of_all_ones_is_refused(block: tuple[int, int]) -> None:
    """A frame with a right CRC whose registers are all 0xFFFF is no reading."""
    start, count = block
    whole = owners_pack().words(range(5000, 5110))
    ones = [(start, b"\xff" * (2 * count))]
    for address, length in ((5000, 53), (5100, 10)):
        words = (whole[each] for each in range(address, address + length))
        ones.append((address, b"".join(word.to_bytes(2, "big") for word in words)))
    with pytest.raises(InvalidBlock):
        decoded(RegisterImage(ones))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="captured"),
        pytest.param({5043: [507]}, id="module below the cells by its tolerance"),
        pytest.param({5043: [500]}, id="all cells rounded up, and module below"),
        pytest.param({5043: [532]}, id="all cells truncated by nearly a tenth"),
        pytest.param({5018: [-400] * 15, 5042: [-1]}, id="arctic"),
        pytest.param({5018: [700] * 15}, id="hot"),
        pytest.param({5044: [0, 0]}, id="empty"),
        pytest.param({5044: [0, 50_400]}, id="calibrated above its total"),
        pytest.param({5046: [0, 49_995]}, id="calibrated below its name"),
        pytest.param({5001: [25] * 15, 5043: [385]}, id="deeply discharged"),
        pytest.param({5001: [36] * 15, 5043: [552]}, id="being filled"),
        pytest.param({5035: [0, 0, 0, 0, 0, 0, 0]}, id="no other sensors"),
        pytest.param({5036: [2, 186, 187, 2, 95, 96]}, id="all other sensors"),
        pytest.param({5048: [0]}, id="new"),
        pytest.param({5106: [0], 5107: [0], 5109: [0]}, id="switched off"),
        pytest.param({5042: [-10_000]}, id="at full load"),
        pytest.param({5001: [0], 5108: [1]}, id="cell not measured, and it says so"),
    ],
)
def test_healthy_batteries_are_believed(changes: Changes) -> None:
    """Nothing that a battery in working order can be is refused."""
    decoded(owners_pack(changes))


@pytest.mark.parametrize(
    ("tenths", "module"),
    [([33, 33, 32, 32], 132), ([33, 33, 33, 33], 133), ([33, 33, 34, 34], 136)],
)
def test_captured_packs_of_12_volts_are_believed(
    tenths: list[int], module: int
) -> None:
    """Sums of 13.0, 13.2 and 13.4 V with 13.2, 13.3 and 13.6 V of the module are normal."""
    registers = {**WARM_PACK, 5001: tenths, 5043: [module]}
    decoded(image_from(registers))


@st.composite
def _told_cells(draw: st.DrawFn) -> tuple[list[int], int]:
    """Return what a healthy pack tells of its cells and its module, in tenths of a volt.

    Every cell is cut or rounded, as its firmware likes; so is the module, which is measured
    apart and up to 0.4 V wrong.
    """
    cells = draw(st.lists(st.floats(2.0, 4.0), min_size=1, max_size=16))
    wholes: st.SearchStrategy[Callable[[float], int]] = st.sampled_from([int, round])
    told = [draw(wholes)(10 * cell) for cell in cells]
    module = sum(cells) + draw(st.floats(-0.4, 0.4))
    return told, draw(wholes)(10 * module)


@given(_told_cells())
def test_cells_may_be_cut_or_rounded(told: tuple[list[int], int]) -> None:
    """With any number of cells and any mixture of both, no reading is refused."""
    cells, module = told
    image = owners_pack({5000: [len(cells), *cells], 5043: [module]})
    assert decoded(image).cell_voltages == tuple(cell / 10 for cell in cells)


@given(
    st.lists(st.integers(25, 36), min_size=1, max_size=16),
    st.floats(0.01, 20.0),
    st.booleans(),
)
def test_what_no_rounding_explains_is_refused(
    cells: list[int], beyond: float, is_above: bool
) -> None:
    """A module further off than its 0.5 V and the step of every cell is another battery's."""
    module = (
        sum(cells) + len(cells) + 5 + 10 * beyond
        if is_above
        else sum(cells) - len(cells) / 2 - 5 - 10 * beyond
    )
    told = math.ceil(module) if is_above else math.floor(module)
    image = owners_pack({5000: [len(cells), *cells], 5043: [max(told, 10)]})
    with pytest.raises(InvalidBlock, match=r"sum_of_cells|voltage"):
        decoded(image)


def test_cells_in_millivolts_leave_no_room_for_rounding() -> None:
    """Where a cell is told to 0.001 V, the module lies within its own 0.5 V."""
    pack = {5000: [4, 3300, 3300, 3300, 3300], 5017: [1, 200], 5046: [3, 3392]}
    for module in (127, 137):
        decoded(image_from({**pack, 5043: [module]}), RNGC)
    decoded(image_from({**pack, 5001: [1000, 0, 0, 0], 5043: [10]}), RNGC)
    with pytest.raises(InvalidBlock, match="cell_voltages"):
        decoded(image_from({**pack, 5001: [999, 0, 0, 0], 5043: [10]}), RNGC)
    for module in (126, 138):
        with pytest.raises(InvalidBlock, match="sum_of_cells"):
            decoded(image_from({**pack, 5043: [module]}), RNGC)


@pytest.mark.parametrize("pack", [WARM_PACK, COLD_PACK])
def test_example_packs_are_believed(pack: Changes) -> None:
    """The published dumps pass, with a temperature count smaller than what is filled."""
    decoded(image_from(pack))


LITTLE = {5001: [10], 5000: [1], 5043: [10]}
SIXTEEN = {5000: [16, *[34] * 16]}


@pytest.mark.parametrize(
    ("possible", "impossible"),
    [
        ({5042: [6000]}, {5042: [6001]}),
        ({5042: [-6000]}, {5042: [-6001]}),
        ({5044: [0, 0, 0, 1000]}, {5044: [0, 0, 0, 999]}),
        ({5044: [0, 0, 30, 33_920]}, {5044: [0, 0, 30, 33_921]}),
        ({5044: [0, 62_500]}, {5044: [0, 62_501]}),
        (LITTLE, {**LITTLE, 5043: [9]}),
        ({5000: [16, *[50] * 16], 5043: [800]}, {5000: [16, *[50] * 16], 5043: [801]}),
        ({**SIXTEEN, 5043: [531]}, {**SIXTEEN, 5043: [530]}),
        ({**SIXTEEN, 5043: [565]}, {**SIXTEEN, 5043: [566]}),
    ],
)
def test_the_edge_is_where_it_is_documented(
    possible: Changes, impossible: Changes
) -> None:
    """The last count that can be true is believed, the first that cannot is refused."""
    decoded(owners_pack(possible), PRO)
    with pytest.raises(InvalidBlock):
        decoded(owners_pack(impossible), PRO)


def test_what_a_failed_cell_says_is_not_added_up() -> None:
    """A cell that cannot be measured says 5 V: the module has what the others have."""
    decoded(owners_pack({5001: [50], 5108: [1], 5043: [510]}))


def test_another_alarm_of_a_cell_excuses_no_sum() -> None:
    """Only a cell whose measurement failed may have any voltage."""
    with pytest.raises(InvalidBlock, match="sum_of_cells"):
        decoded(owners_pack({5001: [0], 5101: [0b11]}))


def test_a_failed_cell_may_have_any_voltage_of_a_cell() -> None:
    """The module voltage bounds what a cell that cannot be measured may have."""
    with pytest.raises(InvalidBlock, match="sum_of_cells"):
        decoded(owners_pack({5001: [0], 5108: [1], 5043: [560]}))


def _configuration(changes: Changes) -> RegisterImage:
    registers = {address: [word] for address, word in rbt50lfp48s().registers.items()}
    return image_from({**registers, **changes}, [(5200, 24)])


@pytest.mark.parametrize(
    "changes",
    [
        {address: [0xFFFF] for address in range(5200, 5224)},
        {address: [0] for address in range(5200, 5224)},
        {5201: [20]},
        {5200: [60], 5201: [51]},
        {5202: [9], 5203: [9]},
        {5203: [36]},
        {5200: [30]},
    ],
)
def test_impossible_configurations_are_refused(changes: Changes) -> None:
    """Cell limits that are no voltages, or out of order, are not believed."""
    with pytest.raises(InvalidBlock):
        decode_configuration(_configuration(changes))


def test_the_edges_of_a_configuration() -> None:
    """Limits of a cell lie within 1 and 5 V."""
    edges = decode_configuration(
        _configuration({5200: [60], 5201: [50], 5202: [10], 5203: [10]})
    )
    assert (edges.cell_high_voltage, edges.cell_low_voltage) == (5.0, 1.0)
    part = decode_configuration(image_from({5200: [37, 35]}, [(5200, 2)]))
    assert (part.cell_over_voltage, part.cell_low_voltage) == (3.7, None)


def test_the_captured_configuration_is_believed() -> None:
    """The limits of an RBT50LFP48S are in order."""
    configuration = decode_configuration(_configuration({}))
    assert configuration.cell_high_voltage == 3.5


def test_check_names_are_unique() -> None:
    """A diagnostic that names a check names one."""
    names = [*REQUIRED_RANGES, *OBJECTIONS]
    assert len(names) == len(set(names))
