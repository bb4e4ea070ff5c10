# SPDX-License-Identifier: Apache-2.0
"""What is told of an adapter is calm however it behaves, and what is new is told soon."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings, strategies as st

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.adapter_health.events import EventBudget
from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.notices import Notices
from custom_components.renogy_bt.adapter_health.samples import (
    Evidence,
    Judgement,
    Reason,
    Verdict,
)
from custom_components.renogy_bt.adapter_health.status import EventKind, Notice
from custom_components.renogy_bt.adapter_health.troubles import Fault, Trouble
from tests.restart import after_restart

# As documented, not as the code has it.
DAY = 86400.0
HOUR = 3600.0
MOST_CHANGES = 4
MOST_EVENTS = 12
OVER_AFTER = 300.0
REWORDED_AFTER = 3600.0
TOLD_AFTER = 240.0
TOLD_EARLY = 60.0

MINUTE = 60.0
FAULTS = (
    (Verdict.SILENT, Reason.HEARD_ELSEWHERE),
    (Verdict.START_REFUSED, Reason.START_FAILING),
    (Verdict.MISSING, Reason.ADAPTER_GONE),
    (Verdict.BLUETOOTHD_DOWN, Reason.NO_OWNER),
    (Verdict.BLOCKED, Reason.RFKILL),
)
HARMLESS = (Verdict.OK, Verdict.QUIET, Verdict.STARTING, Verdict.UNKNOWN)


def fault(
    since: float, verdict: Verdict = Verdict.SILENT, reason: Reason | None = None
) -> Fault:
    """A fault that has been there since a time."""
    return Fault(
        verdict=verdict,
        reason=reason or dict(FAULTS).get(verdict) or Reason.RFKILL,
        since=since,
    )


def notice(of: Fault, tried: tuple[RecoveryStep, ...] = ()) -> Notice:
    """What would be told of a fault."""
    return Notice(
        trouble=of.trouble,
        verdict=of.verdict,
        reason=of.reason,
        since=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=of.since),
        tried=tried,
    )


class Told:
    """The notices of an adapter, and when they changed."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        self.notices = Notices()
        self.changes: list[float] = []
        self.at = 0.0

    def look(self, found: Fault | None, seconds: float, *, is_end: bool = True) -> None:
        """Look every 30 s for a while at the same state."""
        end = self.at + seconds
        while self.at < end:
            self.at += 30.0
            if found is None:
                self.take(self.notices.without_fault(judged(Verdict.OK), self.at))
            else:
                notices = self.notices.in_trouble(found)
                self.take(notices.telling(notice(found), self.at, is_end=is_end))

    def take(self, notices: Notices) -> None:
        """Keep what is told now."""
        if notices.notice != self.notices.notice:
            self.changes.append(self.at)
        self.notices = notices


def judged(verdict: Verdict) -> Judgement:
    """A judgement without a fault."""
    return Judgement(
        verdict=verdict, since=0.0, evidence=Evidence.NONE, reason=Reason.WORKING
    )


def test_what_lasts_is_told() -> None:
    """What nothing can mend soon, what a step may mend still later."""
    for is_end, after in ((True, TOLD_EARLY), (False, TOLD_AFTER)):
        told = Told()
        told.look(fault(0.0), HOUR, is_end=is_end)
        assert told.changes == [after if after % 30 == 0 else after + 30 - after % 30]


def test_what_is_over_soon_is_not_told() -> None:
    """A fault that is over before it is worth a word is none for people."""
    told = Told()
    for _ in range(20):
        told.look(fault(told.at), TOLD_EARLY - 30.0)
        told.look(None, HOUR)
    assert told.changes == []


def test_what_comes_back_soon_is_one_trouble() -> None:
    """Short faults that come again and again before a trouble is over are told once."""
    told = Told()
    for _ in range(60):
        told.look(fault(told.at), MINUTE)
        told.look(None, OVER_AFTER - MINUTE)
    assert len(told.changes) == 1
    told.look(None, OVER_AFTER + MINUTE)
    assert len(told.changes) == 2
    assert told.notices.notice is None


def test_verdicts_of_one_trouble_do_not_flip_the_notice() -> None:
    """Silent, refused, silent again: the notice stays as it is, and is worded anew once."""
    told = Told()
    for turn in range(40):
        told.look(fault(0.0, FAULTS[turn % 2][0]), 2 * MINUTE)
    assert len(told.changes) == 2
    assert told.changes[1] - told.changes[0] >= REWORDED_AFTER


def test_other_kind_of_trouble_is_told_once_it_lasts() -> None:
    """An adapter that was silent and is gone now: the notice says so, soon but not at once."""
    told = Told()
    told.look(fault(0.0), 10 * MINUTE)
    gone_at = told.at
    told.look(fault(gone_at, Verdict.MISSING), 10 * MINUTE)
    assert told.notices.notice is not None
    assert told.notices.notice.trouble is Trouble.GONE
    assert gone_at + TOLD_AFTER <= told.changes[-1] <= gone_at + TOLD_AFTER + MINUTE


def test_new_trouble_is_told_however_many_there_were() -> None:
    """After any number of troubles in a day, one that lasts is told, or is told already."""
    told = Told()
    for _ in range(48):
        told.look(fault(told.at), 10 * MINUTE)
        assert told.notices.notice is not None
        told.look(None, 20 * MINUTE)


def test_trouble_that_comes_back_the_same_day_keeps_its_notice() -> None:
    """The second trouble within a day is told until a day has gone by, then it is over."""
    told = Told()
    for _ in range(2):
        told.look(fault(told.at), 10 * MINUTE)
        told.look(None, HOUR)
    assert len(told.changes) == 3
    assert told.notices.notice is not None
    told.look(None, DAY)
    assert told.notices.notice is None
    assert told.changes[-1] - told.changes[0] <= DAY + MINUTE


def test_silence_is_not_over_while_nothing_is_heard() -> None:
    """A silent adapter in a place that has become quiet is still told of."""
    told = Told()
    told.look(fault(0.0), 10 * MINUTE)
    for verdict in (Verdict.QUIET, Verdict.STARTING):
        for _ in range(100):
            told.at += MINUTE
            told.take(told.notices.without_fault(judged(verdict), told.at))
    assert len(told.changes) == 1


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(5.0, 4 * HOUR),
            st.sampled_from((*FAULTS, None)),
            st.sampled_from(HARMLESS),
            st.booleans(),
            st.booleans(),
        ),
        max_size=150,
    )
)
def test_never_more_changes_than_allowed(
    looks: list[tuple[float, tuple[Verdict, Reason] | None, Verdict, bool, bool]],
) -> None:
    """Whatever is found, however often, and over restarts: four changes a day at most."""
    health = AdapterHealth("")
    changes: list[float] = []
    at = 0.0
    for passed, found, harmless, is_end, is_restarted in looks:
        at += passed
        if is_restarted:
            health = after_restart(health, stopped_at=at, started_at=at)
        before = health.notices
        if found is None:
            health.notices = before.without_fault(judged(harmless), at)
        else:
            there = fault(at - 600.0, *found)
            notices = before.in_trouble(there)
            told = notice(there, tuple(RecoveryStep)[: len(changes) % 3])
            health.notices = notices.telling(told, at, is_end=is_end)
            assert health.notices.notice is not None
        if health.notices.notice != before.notice:
            changes.append(at)
    within = zip(changes, changes[MOST_CHANGES:], strict=False)
    assert all(later - at >= DAY - 1e-3 for at, later in within)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(1.0, 3 * HOUR),
            st.sampled_from((*Trouble, *(set(EventKind) - {EventKind.DETECTED}))),
        ),
        max_size=200,
    )
)
def test_never_more_events_than_allowed(
    happenings: list[tuple[float, Trouble | EventKind]],
) -> None:
    """Whatever happens, twelve events a day at most, and each fault told has an end told."""
    budget = EventBudget()
    told: list[float] = []
    is_open = False
    at = 0.0
    for passed, what in happenings:
        at += passed
        if isinstance(what, Trouble):
            budget, kind = budget.detected(what, at)
            is_open = is_open or kind is EventKind.DETECTED
            is_told = kind is not None
        elif what is EventKind.RECURRING:
            continue
        else:
            budget, is_told = budget.happened(what, at)
            if what is EventKind.RECOVERED:
                assert is_told or not is_open
                is_open = False
        told += [at] * is_told
    within = zip(told, told[MOST_EVENTS:], strict=False)
    assert all(later - at >= DAY for at, later in within)


def test_new_kind_of_trouble_is_told_at_once() -> None:
    """However often one kind of fault was found that day, the first of another is told."""
    budget = EventBudget()
    kinds: list[EventKind | None] = []
    at = 0.0
    for _ in range(100):
        at += 5 * MINUTE
        budget, kind = budget.detected(Trouble.RADIO, at)
        kinds.append(kind)
        for what in (EventKind.STEP_STARTED, EventKind.RECOVERED):
            budget, _ = budget.happened(what, at)
    assert kinds[0] is EventKind.DETECTED
    assert EventKind.RECURRING in kinds
    assert kinds[-1] is None
    assert len(budget.detections) == 12
    budget, kind = budget.detected(Trouble.GONE, at)
    assert kind is EventKind.DETECTED


def test_summaries_are_hours_apart() -> None:
    """What is not told one by one is summed up a few times a day."""
    budget = EventBudget()
    summed: list[float] = []
    for minute in range(0, 3 * 24 * 60, 5):
        budget, kind = budget.detected(Trouble.RADIO, minute * MINUTE)
        if kind is EventKind.RECURRING:
            summed.append(minute * MINUTE)
    assert len(summed) >= 3
    assert all(later - at >= 6 * HOUR for at, later in pairwise(summed))
