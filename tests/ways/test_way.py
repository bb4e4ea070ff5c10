# SPDX-License-Identifier: Apache-2.0
"""What counts as an entry of a file on the way of a value."""

import pytest

from tests.ways.tracer import Passage
from tests.ways.way import LINK_COORDINATOR, NOTIFICATION, entries

BEFORE = [
    Passage(file=LINK_COORDINATOR, function="poll", other=None),
    Passage(file="link.py", function="poll", other=LINK_COORDINATOR),
    Passage(file="reader.py", function="read", other="link.py"),
    Passage(file="transport.py", function=NOTIFICATION, other=None),
    Passage(file="decoder.py", function="decode", other="reader.py"),
]
AT = len(BEFORE)
NOTIFIED = Passage(file="transport.py", function=NOTIFICATION, other=None)
REPORTED = Passage(
    file=LINK_COORDINATOR, function="poll", other="link.py", is_return=True, since=1
)


def entered(*passages: Passage) -> list[str]:
    """Return the files that are entered from the last notification to the report."""
    after = Passage(file="late.py", function="late", other=LINK_COORDINATOR)
    return [
        passage.file
        for passage in entries([*BEFORE, NOTIFIED, *passages, REPORTED, after])
    ]


@pytest.mark.parametrize(
    ("passage", "files"),
    [
        (
            Passage(file="line.py", function="received", other="transport.py"),
            ["line.py"],
        ),
        (Passage(file="line.py", function="late", other=None), ["line.py"]),
        (Passage(file="line.py", function="take", other="line.py"), []),
        (
            Passage(
                file="link.py",
                function="poll",
                other="reader.py",
                is_return=True,
                since=2,
            ),
            ["link.py"],
        ),
        (
            Passage(
                file="reader.py",
                function="read",
                other="decoder.py",
                is_return=True,
                since=AT + 1,
            ),
            [],
        ),
        (
            Passage(
                file="reader.py", function="read", other="reader.py", is_return=True
            ),
            [],
        ),
    ],
    ids=[
        *("called", "called from outside", "in the same file", "handed up"),
        *("back to the caller", "handed up in the same file"),
    ],
)
def test_calls_and_what_is_handed_up_are_entries(
    passage: Passage, files: list[str]
) -> None:
    """Calls from other files count, and what is handed up to those who have waited."""
    assert entered(passage) == ["transport.py", *files, LINK_COORDINATOR]


def test_asking_twice_is_entering_twice() -> None:
    """A file that is asked again is entered again, by whoever it is asked."""
    passages = [
        Passage(file="plan.py", function="answered", other="reader.py"),
        Passage(file="plan.py", function="asks", other="link.py"),
    ]
    assert entered(*passages).count("plan.py") == 2
