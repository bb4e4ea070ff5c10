# SPDX-License-Identifier: Apache-2.0
"""What a row of the matrix says of the outcomes at several phases, and what it calls a miss."""

import pytest

from .cases import Case
from .rows import Measured, Row, table
from .trial import Outcome

CASE = Case(name="blocked", switches=(), limit=60, issue_within=90)


def measured(*seconds: float | None, told: float | None = 61.0) -> Measured:
    """Outcomes with these times."""
    return Measured(
        tuple(Outcome(seconds=each, issue_seconds=told) for each in seconds)
    )


def row(
    *seconds: float | None, alone: Measured | None = None, told: float | None = 61.0
) -> Row:
    """The row of a fault with these times."""
    return Row(CASE, alone, measured(*seconds, told=told))


@pytest.mark.parametrize(
    ("seen", "misses"),
    [
        pytest.param(row(10, 20, 30, 99), [], id="kept"),
        pytest.param(row(10, 70, 80, 99), ["too slow"], id="slow at most phases"),
        pytest.param(row(10, 20, 30, None), ["not at every phase"], id="once never"),
        pytest.param(row(10, 20, told=91.0), ["told too late"], id="told late"),
        pytest.param(row(10, 20, told=None), ["told too late"], id="not told"),
        pytest.param(
            row(10, 20, 30, alone=measured(5, 18, 50)),
            ["slower than alone"],
            id="slower than alone",
        ),
        pytest.param(
            row(10, 20, 30, alone=measured(5, None, None)), [], id="never alone"
        ),
        pytest.param(
            Row(
                CASE,
                None,
                Measured(
                    (
                        Outcome(
                            seconds=5.0,
                            issue_seconds=61.0,
                            steps_in_vain=("power_cycle",),
                        ),
                    )
                ),
            ),
            ["steps in vain"],
            id="a step that cannot help",
        ),
    ],
)
def test_a_row_says_what_it_misses(seen: Row, misses: list[str]) -> None:
    """A row misses what is promised of it, and says what."""
    assert seen.misses == misses
    assert seen.as_json()["misses"] == misses


def test_the_document_has_medians_and_the_worst() -> None:
    """Medians and the worst, null where it was not within ten minutes, the commonest steps."""
    outcomes = [
        Outcome(seconds=each, issue_seconds=told, steps=steps, issues=("blocked",))
        for each, told, steps in (
            (10.0, None, ("restart_scanning",)),
            (31.24, 70.0, ("restart_scanning", "power_cycle")),
            (40.0, 80.0, ("restart_scanning", "power_cycle")),
        )
    ]
    seen = Row(CASE, measured(5, None, None), Measured(tuple(outcomes)))
    assert seen.as_json() == {
        "name": "blocked",
        "alone_s": None,
        "alone_worst_s": None,
        "with_s": 31.2,
        "with_worst_s": 40.0,
        "limit_s": 60,
        "issue_s": 75.0,
        "issue_worst_s": 80.0,
        "issue_limit_s": 90,
        "steps": ["restart_scanning", "power_cycle"],
        "issues": ["blocked"],
        "misses": ["told too late"],
    }
    *_, shown = table([seen]).splitlines()
    assert shown == (
        "| `blocked` | over 600 | over 600 | 31 **told too late** | 40 | 60 | 75 "
        "| restart scanning, power cycle | blocked |"
    )


def test_one_that_is_not_measured_alone() -> None:
    """Where Home Assistant alone is left out, nothing is compared with it."""
    assert row(10).as_json()["alone_s"] is None
    assert "not measured" in table([row(10)])
