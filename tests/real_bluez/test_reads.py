# SPDX-License-Identifier: Apache-2.0
"""Tests of when batteries count as read, and as read again for good."""

from .guest.reads import Reads
from .timing import LONGEST_GAP, ONE_INTERVAL

UNITS = (48, 49)


class FakeLog:
    """A log whose clock is set by hand."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.time = 0.0

    def now(self) -> float:
        """Return the time that was set."""
        return self.time

    def write(self, kind: str) -> None:
        """Take an event and forget it."""


def _reads(*moments: float) -> tuple[Reads, FakeLog]:
    """Return reads with complete ones at these moments."""
    log = FakeLog()
    reads = Reads(UNITS, log)
    for moment in moments:
        log.time = moment
        for unit in UNITS:
            reads.read(unit)
    return reads, log


def test_one_battery_is_no_complete_read() -> None:
    """A read is complete when every battery has been read since the last one."""
    reads, log = _reads(10)
    log.time = 70
    reads.read(48)
    reads.read(48)

    assert reads.complete_at == [10]

    reads.read(49)

    assert reads.complete_at == [10, 70]


def test_reads_that_go_on_are_steady_since_the_first() -> None:
    """The first read after the fault counts when no gap follows."""
    reads, log = _reads(50, 130, 190, 250)
    log.time = 300

    assert reads.steady_since(100) == 130


def test_reads_that_stop_again_are_not_steady() -> None:
    """A few reads before the next silence are no recovery."""
    reads, log = _reads(50, 130, 190)
    log.time = 190 + LONGEST_GAP + 1

    assert reads.steady_since(100) is None


def test_reads_after_a_second_silence_count_from_there() -> None:
    """What came before a gap does not count as recovered."""
    reads, log = _reads(50, 130, 600, 660)
    log.time = 700

    assert reads.steady_since(100) == 600


def test_no_read_since_is_not_steady() -> None:
    """Reads from before the fault say nothing."""
    reads, log = _reads(50, 90)
    log.time = 120

    assert reads.steady_since(100) is None


def test_longest_gap() -> None:
    """The longest gap is between two complete reads, none with fewer."""
    assert _reads(10, 70, 200, 260)[0].longest_gap() == 130
    assert _reads(10)[0].longest_gap() == 0
    assert LONGEST_GAP > ONE_INTERVAL
