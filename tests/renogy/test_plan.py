# SPDX-License-Identifier: Apache-2.0
"""Tests of the read plan: what is asked, and what a silence or a refusal teaches."""

import pytest

from custom_components.renogy_bt.renogy.plan import (
    CELL_COUNT,
    CELL_TEMPERATURES,
    CELL_VOLTAGES,
    CELLS,
    CONFIGURATION,
    EVERYTHING,
    IDENTITY,
    MEASUREMENTS,
    MODULE,
    MODULE_NO_LIMITS,
    MODULE_NO_TEMPERATURES,
    NARROWER,
    STATUS,
    STATUS_NO_CELLS,
    STATUS_WORDS,
    Block,
    ReadPlan,
)
from tests.renogy.makers_document import MEASUREMENTS as MEASURED, ROWS

# As documented, not as the code has it.
MAX_WORDS = 125
REFUSAL_SECONDS = 24 * 3600.0
SILENCE_REFUSAL_SECONDS = 3600.0

ALL_BLOCKS = {
    *NARROWER,
    *(block for narrower in NARROWER.values() for block in narrower),
    CELL_COUNT,
}


def test_no_two_blocks_have_the_same_length() -> None:
    """A late reply to one block never has the byte count of another."""
    assert len({block.count for block in ALL_BLOCKS}) == len(ALL_BLOCKS)


def test_blocks_fit_into_a_reply() -> None:
    """No block is longer than a request may be, nor than one notification of a BT-2."""
    assert all(block.count <= min(MAX_WORDS, 121) for block in ALL_BLOCKS)


def test_the_two_usual_blocks_read_everything_that_is_measured() -> None:
    """No measured register is left out of the widest block or of its two parts."""
    for block in (EVERYTHING, MEASUREMENTS):
        for first, last in [
            *((row.counted_at, row.address + row.longest - 1) for row in ROWS),
            *((each.address, each.address + each.words - 1) for each in MEASURED),
        ]:
            assert block.address <= first
            assert last < block.address + block.count


def test_each_block_has_the_narrower_forms_that_batteries_give() -> None:
    """The tree of blocks, from everything in one request down to what can be done without."""
    assert {
        str(block): " ".join(map(str, narrower)) for block, narrower in NARROWER.items()
    } == {
        "5000x110": "5000x53 5100x10",
        "5000x53": "5000x34 5035x18",
        "5000x34": "5000x17 5017x16",
        "5035x18": "5042x11",
        "5042x11": "5042x7",
        "5100x10": "5104x6",
        "5104x6": "5106x2",
        "5106x2": "",
        "5110x32": "5122x8",
        "5122x8": "",
        "5200x24": "",
    }
    assert str(CELL_COUNT) == "5000x1"


def test_widest_first() -> None:
    """A battery that is not known is asked for everything in one request."""
    assert ReadPlan().blocks(EVERYTHING, 0) == (EVERYTHING,)
    assert str(EVERYTHING) == "5000x110"


@pytest.mark.parametrize(
    ("refused", "blocks"),
    [
        ([EVERYTHING], (MEASUREMENTS, STATUS)),
        ([EVERYTHING, MEASUREMENTS], (CELLS, MODULE, STATUS)),
        (
            [EVERYTHING, MEASUREMENTS, MODULE, STATUS],
            (CELLS, MODULE_NO_TEMPERATURES, STATUS_NO_CELLS),
        ),
        (
            [
                EVERYTHING,
                MEASUREMENTS,
                MODULE,
                MODULE_NO_TEMPERATURES,
                STATUS,
                STATUS_NO_CELLS,
                STATUS_WORDS,
            ],
            (CELLS, MODULE_NO_LIMITS),
        ),
        (
            [EVERYTHING, MEASUREMENTS, CELLS],
            (CELL_VOLTAGES, CELL_TEMPERATURES, MODULE, STATUS),
        ),
        (
            [EVERYTHING, MEASUREMENTS, CELLS, CELL_VOLTAGES],
            (CELL_TEMPERATURES, MODULE, STATUS),
        ),
    ],
)
def test_what_is_refused_is_asked_in_parts(
    refused: list[Block], blocks: tuple[Block, ...]
) -> None:
    """Each refusal leads to the next narrower forms, and no further."""
    plan = ReadPlan()
    for block in refused:
        plan.refused(block, 0)
    assert plan.blocks(EVERYTHING, 1) == blocks


def test_a_refusal_is_tried_again_after_a_day() -> None:
    """A spurious exception does not cost speed for ever."""
    plan = ReadPlan()
    plan.refused(IDENTITY, 100)
    assert not plan.asks(IDENTITY, 100 + REFUSAL_SECONDS - 1)
    assert plan.asks(IDENTITY, 100 + REFUSAL_SECONDS)
    plan.answered([IDENTITY], [], 0)
    assert plan.asks(IDENTITY, 101)


def test_silence_on_a_proven_block_is_a_lost_reply() -> None:
    """However often a reply is lost, the plan stays as wide as it was."""
    plan = ReadPlan()
    plan.answered([EVERYTHING], [], 0)
    for _ in range(10):
        assert not plan.unanswered(EVERYTHING)
        plan.answered([], [EVERYTHING], 0)
    assert plan.blocks(EVERYTHING, 0) == (EVERYTHING,)


def test_one_silence_does_not_degrade_the_plan() -> None:
    """Where the wide form was silent once, it is asked again at the next poll."""
    plan = ReadPlan()
    assert plan.unanswered(EVERYTHING)
    assert plan.blocks(EVERYTHING, 0) == (MEASUREMENTS, STATUS)
    plan.answered([], [EVERYTHING], 0)
    assert plan.blocks(EVERYTHING, 0) == (EVERYTHING,)
    assert plan.narrower_has_answered(EVERYTHING)
    plan.answered([EVERYTHING], [], 0)
    assert not plan.narrower_has_answered(EVERYTHING)


def test_repeated_silence_where_the_narrower_form_answers_is_a_refusal() -> None:
    """Twice is enough for a form that the battery never gave."""
    plan = ReadPlan()
    for _ in range(2):
        assert plan.asks(EVERYTHING, 0)
        plan.unanswered(EVERYTHING)
        plan.answered([], [EVERYTHING], 0)
    assert plan.blocks(EVERYTHING, 0) == (MEASUREMENTS, STATUS)


def test_a_verdict_by_silence_is_tried_again_after_an_hour() -> None:
    """Lost replies cost speed, and the narrowest forms values, for no longer than that."""
    plan = ReadPlan()
    for _ in range(2):
        plan.unanswered(EVERYTHING)
        plan.answered([], [EVERYTHING], 100)
    assert not plan.asks(EVERYTHING, 100 + SILENCE_REFUSAL_SECONDS - 1)
    assert plan.asks(EVERYTHING, 100 + SILENCE_REFUSAL_SECONDS)
    plan.unanswered(EVERYTHING)
    plan.answered([], [EVERYTHING], 4000)
    assert not plan.asks(EVERYTHING, 4001)


def test_silence_of_a_battery_that_is_not_there_proves_nothing() -> None:
    """When no form is answered, the widest is asked first again."""
    plan = ReadPlan()
    plan.unanswered(EVERYTHING)
    plan.unanswered(MEASUREMENTS)
    plan.unanswered(CELLS)
    assert not plan.unanswered(CELL_VOLTAGES)
    plan.forget_doubts()
    assert plan.blocks(EVERYTHING, 0) == (EVERYTHING,)
    assert not plan.narrower_has_answered(EVERYTHING)


def test_a_block_that_was_given_and_is_refused_now_has_to_be_proven_again() -> None:
    """Another battery behind the same id is judged by its own answers."""
    plan = ReadPlan()
    plan.answered([CONFIGURATION], [], 0)
    assert plan.is_proven(CONFIGURATION)
    plan.refused(CONFIGURATION, 0)
    assert not plan.is_proven(CONFIGURATION)
    assert plan.blocks(CONFIGURATION, 0) == ()


def test_what_a_reading_can_do_without_is_not_asked_for_ever() -> None:
    """Two silences on the narrowest form of something that was never given are enough."""
    plan = ReadPlan()
    for _ in range(2):
        assert plan.asks(STATUS_WORDS, 0)
        assert plan.unanswered(STATUS_WORDS)
        plan.answered([], [STATUS_WORDS], 0)
    assert plan.blocks(STATUS_WORDS, 0) == ()
