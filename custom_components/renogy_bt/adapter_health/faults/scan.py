# SPDX-License-Identifier: Apache-2.0
"""Faults of Home Assistant's scan."""

from functools import partial

from ..memory import REPLAY
from ..samples import Reason, ScanMode, Verdict
from ..view import FRESH_ADVERTISEMENT, View
from .sign import HOSTS_TURN, Moment, Sign, after_hosts_turn


def is_expected(view: View) -> bool:
    """Whether Home Assistant has a scanner on a powered adapter."""
    return view.is_on and view.scanner is not None


def _return_due(seconds: float = 8.0) -> Moment:
    """Give Home Assistant longer where it may have stopped the scan to reset the adapter."""

    def due(view: View, since: float) -> float:
        scanner = view.scanner
        hosts_own_reset = not view.alone and scanner is not None and scanner.has_stopped
        return since + (40.0 if hosts_own_reset else seconds)

    return due


# Home Assistant's next turn may be half a minute away, and nothing else is under way.
@partial(Sign, Reason.STALLED, Verdict.SESSION_LOST, due=_return_due(4.0))
def stalled(view: View) -> bool:
    """Home Assistant gave up while bluetoothd did not answer, and waits for its next turn."""
    return (
        view.powered is not None
        and view.memory.is_stalled
        and view.has_heard_nothing_since(view.memory.steady_since)
    )


@partial(
    Sign,
    Reason.RESTART_FAILING,
    Verdict.START_REFUSED,
    due=after_hosts_turn(45.0, HOSTS_TURN),
)
def restart_failing(view: View) -> bool:
    """Home Assistant gave up scanning and cannot start it again."""
    scanner = view.scanner
    return (
        view.is_on
        and scanner is not None
        and scanner.has_stopped
        and view.knows_silence
        and view.silence > FRESH_ADVERTISEMENT
    )


def _outlived(view: View, event_at: float | None) -> bool:
    """Whether the scan is older than an event that ended all scans, and brings nothing since."""
    scanner, adapter = view.scanner, view.powered
    if (
        adapter is None
        or scanner is None
        or event_at is None
        or scanner.start_time is None
        or scanner.start_time >= event_at
        or view.is_heard_after(event_at)
    ):
        return False
    if scanner.current_mode is ScanMode.ACTIVE and view.is_known_to_bluetoothd:
        return not adapter.discovering
    # To connect to what is known takes no scan.
    advert_at = view.memory.advert_at
    return view.knows_silence and (advert_at is None or advert_at < event_at + REPLAY)


@partial(
    Sign, Reason.OWNER_CHANGED, Verdict.SESSION_LOST, due=_return_due(), severed=True
)
def owner_changed(view: View) -> bool:
    """The scan is older than this bluetoothd."""
    return _outlived(view, view.sample.bus.owner_changed_at)


@partial(
    Sign,
    Reason.ADAPTER_RETURNED,
    Verdict.SESSION_LOST,
    due=_return_due(),
    severed=True,
)
def adapter_returned(view: View) -> bool:
    """The scan is older than the adapter's return."""
    return view.powered is not None and _outlived(view, view.powered.appeared_at)


def _lost_due(seconds: float) -> Moment:
    """Leave the scan to Home Assistant where another program keeps ending it."""
    return lambda view, since: (
        since + (HOSTS_TURN if view.is_cycled_by_others else seconds)
    )


@partial(
    Sign, Reason.POWER_CYCLED, Verdict.SESSION_LOST, due=_lost_due(20.0), severed=True
)
def power_cycled(view: View) -> bool:
    """The scan is older than the last power cycle."""
    return (
        not_discovering.is_seen(view)
        and view.powered is not None
        and _outlived(view, view.powered.powered_at)
    )


@partial(Sign, Reason.NOT_DISCOVERING, Verdict.SESSION_LOST, due=_lost_due(30.0))
def not_discovering(view: View) -> bool:
    """Home Assistant scans actively, but bluetoothd does not discover, and nothing is heard."""
    since = view.memory.undiscovered_since
    return (
        view.powered is not None
        and since is not None
        and view.is_known_to_bluetoothd
        and not view.is_heard_after(since)
    )


@partial(Sign, Reason.SCANNER_UNKNOWN, Verdict.UNKNOWN)
def unknown(view: View) -> bool:
    """Home Assistant does not tell when the scan began or when it last heard anything."""
    return not view.knows_silence
