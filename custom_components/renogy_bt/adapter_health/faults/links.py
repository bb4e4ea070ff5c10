# SPDX-License-Identifier: Apache-2.0
"""Faults that show in what our links bring: silence, and connections that fail."""

from functools import partial

from ..connects import failures_needed, is_good
from ..samples import HOUR, ConnectFailure, Evidence, LinkSample, Reason, Verdict
from ..view import FRESH_ADVERTISEMENT, View
from .sign import HOSTS_TURN, Sign, after, from_silence

TWICE = 2
"""One poll can fail in passing."""
WITNESSED_SILENCE = 70.0
"""Two looks, and what a scan that pauses for a connection takes, s."""
UNUSUAL_GAP = 1.5
"""A silence of a link counts when it is longer than its longest gap by this factor."""
SELDOM_HEARD = 60.0
"""Two looks: a link with longer gaps is heard seldom, s."""
LONG_SILENCE = HOUR
"""A silence that nothing else speaks for is worth nothing before, s."""
HEARD_BEFORE_FAILURE = 60.0
"""A failed poll counts only if the link had been heard for so long by then, s."""
CONNECTS_WAIT = 90.0
"""A dongle that starts, or that somebody's phone lets go, takes less, s."""
OTHER_PATHS_TURN = 600.0
"""Home Assistant leaves a path that fails by itself where there is another one, s."""
MIDDLING_STRENGTH_WAIT = 1800.0
"""A strength that is known to carry may have fallen by up to 8 dB, and BlueZ not told it, s."""


def is_troubled(view: View) -> bool:
    """Whether polls fail, scans bring nothing, or a connection was left behind."""
    return (
        view.failures > 0
        or any(link.failures >= TWICE for link in view.polled)
        or view.memory.fruitless_starts > 0
        or view.sample.heard_on_bus_at is not None
        or any(link.stale for link in view.polled)
        or _was_silent(view)
    )


@partial(Sign, Reason.SLOTS_FULL, Verdict.CONNECTS_FAILING, due=after(300.0))
def slots_full(view: View) -> bool:
    """Other integrations hold all connection slots."""
    slots = view.sample.slots
    return (
        view.is_there
        and _is_without_slot(view)
        and slots is not None
        and bool(slots.foreign)
        and view.failures >= 1
    )


def _is_without_slot(view: View) -> bool:
    slots = view.sample.slots
    return slots is not None and slots.slots > 0 and slots.free == 0


@partial(Sign, Reason.CONNECT_DENIED, Verdict.CONNECTS_FAILING, due=after(60.0))
def connect_denied(view: View) -> bool:
    """A policy of the host, AppArmor say, does not let Home Assistant connect to devices."""
    return view.powered is not None and any(
        link.failure is ConnectFailure.DENIED
        and link.failures >= TWICE
        and (link.failed_at or 0.0) > view.excused_until
        for link in view.polled
    )


@partial(
    Sign, Reason.CONNECTS_NEED_DISCOVERY, Verdict.CONNECTS_FAILING, due=after(60.0)
)
def connects_need_discovery(view: View) -> bool:
    """Connections came about only while the controller discovered, and fail now."""
    is_failing = any(link.failures >= TWICE for link in view.polled)
    return (
        view.powered is not None and is_failing and view.memory.discovery_need.is_shown
    )


@partial(Sign, Reason.STALE_LINK, Verdict.CONNECTS_FAILING, due=after(60.0))
def stale_link(view: View) -> bool:
    """A connection to a link of ours stands that nobody uses."""
    return view.is_on and any(link.stale and link.failures for link in view.polled)


@partial(
    Sign,
    Reason.HEARD_ON_BUS,
    Verdict.HOME_ASSISTANT_SIDE,
    since=from_silence,
    due=after(HOSTS_TURN),
)
def heard_on_bus(view: View) -> bool:
    """Bluetoothd reports devices while Home Assistant hears none."""
    heard_at = view.sample.heard_on_bus_at
    return (
        heard_at is not None
        and heard_at > view.silent_since
        and view.at - heard_at <= 2 * FRESH_ADVERTISEMENT
        and view.listening
    )


def _witnessed_silence_due(view: View, since: float) -> float:
    gap = min(
        (view.link_memory(link).usual_gap for link in view.witnessed), default=0.0
    )
    usual = max(TWICE * view.memory.traffic.interval, UNUSUAL_GAP * gap)
    least = max(WITNESSED_SILENCE if view.alone else HOSTS_TURN, usual)
    # Who was connected could not be heard, and its witness may have heard it just once since.
    let_go_at = max(
        (link.disconnected_at or since for link in view.witnessed), default=since
    )
    return max(max(since, let_go_at) + least, view.listened_until)


@partial(
    Sign,
    Reason.HEARD_ELSEWHERE,
    Verdict.SILENT,
    evidence=Evidence.WITNESSED,
    since=from_silence,
    due=_witnessed_silence_due,
)
def heard_elsewhere(view: View) -> bool:
    """A scanner that usually hears the same link hears it, this adapter does not."""
    # After a step nobody has to wait for the next poll: the witness goes on to hear the link.
    is_doubtful = _is_doubtful(view) or (view.alone and _was_silent(view))
    if not (is_doubtful and view.listening):
        return False
    return any(_is_missed(view, link) for link in view.witnessed)


def _is_missed(view: View, link: LinkSample) -> bool:
    """Whether the adapter should have heard a link.

    Where it is heard seldom, polls must have failed for longer than chance explains.
    """
    known = view.link_memory(link)
    if known.usual_gap <= SELDOM_HEARD:
        return True
    since = link.failing_since
    return since is not None and view.at - since > 2 * known.poll_interval


def _is_doubtful(view: View) -> bool:
    """Whether the scan brings nothing, or polls fail."""
    return view.memory.fruitless_starts >= 2 or (view.alone and view.failures >= 1)


def _was_silent(view: View) -> bool:
    """Whether a silence was proven to be no chance, and it is not known to be over."""
    fault = view.memory.open_fault
    return fault is not None and fault.judgement.verdict is Verdict.SILENT


def _unusual_silence_due(view: View, since: float) -> float:
    """Believe a silence that is longer than what is usual at this place."""
    return max(since + view.unusual_silence, view.listened_until)


@partial(
    Sign,
    Reason.UNUSUAL_SILENCE,
    Verdict.SILENT,
    evidence=Evidence.LEARNED,
    since=from_silence,
    due=_unusual_silence_due,
)
def unusual_silence(view: View) -> bool:
    """Nothing at all is heard in a place with several devices."""
    fruitless = view.memory.fruitless_starts
    doubtful = fruitless >= 2 or (view.alone and (fruitless >= 1 or view.failures >= 1))
    return doubtful and view.listening and view.memory.traffic.is_lively


def _unexplained_silence_due(view: View, since: float) -> float:
    """Leave the links their time to come back: somebody may work on a battery."""
    return max(
        _unusual_silence_due(view, since), since + LONG_SILENCE, view.patient_until
    )


@partial(
    Sign,
    Reason.STILL_DEAF,
    Verdict.SILENT,
    evidence=Evidence.LEARNED,
    since=from_silence,
    due=_witnessed_silence_due,
)
def still_deaf(view: View) -> bool:
    """Nothing was heard since a silence that was proven to be no chance.

    Starts of a scan that were refused prove it where devices were heard until then.
    """
    fault = view.memory.open_fault
    if fault is None or not (_is_doubtful(view) and view.listening):
        return False
    match fault.judgement.verdict:
        case Verdict.SILENT:
            return True
        case Verdict.START_REFUSED:
            life_at = view.memory.life_at
            return (
                life_at is not None
                and fault.judgement.since - life_at <= FRESH_ADVERTISEMENT
            )
        case _:
            return False


@partial(
    Sign,
    Reason.UNEXPLAINED_SILENCE,
    Verdict.QUIET,
    evidence=Evidence.WEAK,
    since=from_silence,
    due=_unexplained_silence_due,
)
def unexplained_silence(view: View) -> bool:
    """A place that is known was never that silent, which may also be a link switched off.

    Links that were all heard weakly are out of reach: no step brings them closer.
    """
    return (
        view.failures >= TWICE
        and view.alone
        and view.listening
        and view.memory.traffic.is_known
        and any(view.is_missed(link) for link in view.polled)
    )


def _accusers(view: View) -> tuple[LinkSample, ...]:
    """Links that are heard as strongly as ever carried a connection, and fail in a row.

    None of them counts while any such link does not fail.
    """
    heard = [
        (link, rate)
        for link in view.polled
        if link.heard_at is not None
        and view.at - link.heard_at <= view.fresh
        and (rate := view.failure_rate(link)) is not None
    ]
    if not all(_fails_in_a_row(view, link, rate) for link, rate in heard):
        return ()
    return tuple(link for link, _ in heard)


def _fails_in_a_row(view: View, link: LinkSample, rate: float) -> bool:
    heard_since = view.memory.heard_since
    return (
        link.failing_since is not None
        and link.failed_at is not None
        and link.failure is ConnectFailure.FAILED
        and link.failures >= failures_needed(rate)
        and link.failed_at > view.excused_until
        and (heard_since is None or link.failed_at > heard_since + HEARD_BEFORE_FAILURE)
    )


def _from_failures(view: View, seen_since: float) -> float:
    """Count from when all of them have failed although they were heard."""
    failing_since = max(
        (link.failing_since or view.at for link in _accusers(view)), default=view.at
    )
    return max(failing_since, view.memory.heard_since or failing_since)


def _connects_due(view: View, since: float) -> float:
    """Give failing connections longer where a middling strength or another path is why."""
    accusers = _accusers(view)
    other_path = any(
        view.at - heard_at <= FRESH_ADVERTISEMENT
        for link in accusers
        for _, heard_at in link.heard_elsewhere
    )
    middling = not any(link.strength and is_good(link.strength) for link in accusers)
    waits = (
        CONNECTS_WAIT,
        OTHER_PATHS_TURN if other_path else 0.0,
        MIDDLING_STRENGTH_WAIT if middling else 0.0,
        view.memory.outages.patience(since),
    )
    return max(since + max(waits), view.patient_until)


@partial(
    Sign,
    Reason.CONNECTS_FAIL,
    Verdict.CONNECTS_FAILING,
    evidence=Evidence.WEAK,
    since=_from_failures,
    due=_connects_due,
)
def connects_fail(view: View) -> bool:
    """What is heard strongly enough cannot be connected to, and nothing else was.

    Polls give up before Home Assistant tells that no slot was free.
    """
    if not view.is_on or view.scanner is None or _is_without_slot(view):
        return False
    accusers = _accusers(view)
    # What is not known may have been a moment ago.
    connected_at = view.scanner.last_connected_at
    if not accusers or connected_at is None:
        return False
    failing_since = min(link.failing_since or view.at for link in accusers)
    others = [link.connected_at or 0.0 for link in view.sample.links]
    return max(connected_at, *others) < failing_since


@partial(
    Sign,
    Reason.CONNECTS_FAIL,
    Verdict.CONNECTS_FAILING,
    since=_from_failures,
    due=_connects_due,
)
def several_connects_fail(view: View) -> bool:
    """Several links are heard strongly enough and none can be connected to."""
    return len(_accusers(view)) > 1 and connects_fail.is_seen(view)
