# SPDX-License-Identifier: Apache-2.0
"""Only readings that go on count as the end of a fault."""

from datetime import UTC, datetime, timedelta

import pytest

from .return_of_reads import ReturnOfReads

BEGAN = datetime(2026, 11, 25, 12, tzinfo=UTC)


def seconds_of(*reads: float) -> float | None:
    """Return the result for readings at these seconds after the fault."""
    returned = ReturnOfReads(BEGAN)
    for read in reads:
        for _ in range(2):
            returned.note(BEGAN + timedelta(seconds=read))
    return returned.seconds


@pytest.mark.parametrize(
    ("reads", "seconds"),
    [
        pytest.param((), None, id="never read"),
        pytest.param((-5,), None, id="read before the fault"),
        pytest.param((28,), None, id="read once more"),
        pytest.param((-5, 28, 88), None, id="not yet for long"),
        pytest.param((28, 88, 148, 208), 28, id="never lost"),
        pytest.param((28, 340, 400, 460, 520), 340, id="read once more, lost, back"),
        pytest.param((100, 195, 260), 100, id="with one poll late"),
        pytest.param((100, 220, 280, 340, 400), 220, id="with one poll missed"),
    ],
)
def test_the_first_reading_that_lasts_ends_the_fault(
    reads: tuple[float, ...], seconds: float | None
) -> None:
    """The first reading of a run that lasts is the end of the fault."""
    assert seconds_of(*reads) == seconds


def test_nothing_read_yet() -> None:
    """Where nothing was ever read there is nothing to count from."""
    returned = ReturnOfReads(BEGAN)
    returned.note(None)
    assert returned.seconds is None
