# SPDX-License-Identifier: Apache-2.0
"""Faults of the adapter itself, and of its entry in Home Assistant."""

from functools import partial

from ...bluez.models import PowerFault
from ..samples import EntryState, Reason, Verdict
from ..view import View
from .sign import HOSTS_TURN, Seen, Sign, after, after_hosts_turn

OFF_BY_MISTAKE = 45.0
"""Programs that switch power off and on again are done with it by then, s."""
OFF_BY_HABIT = 180.0
"""Who switches power off and on again is given so long, s."""


def is_unwanted(view: View) -> bool:
    """Whether the adapter's entry is disabled or gone."""
    return view.sample.entry.state.is_out_of_use


def is_troubled(view: View) -> bool:
    """Whether the adapter is not there, not on, or not in Home Assistant's hands."""
    return (
        not view.is_on
        or view.scanner is None
        or other_index.is_seen(view)
        or view.memory.retrying_since is not None
    )


def _entry_is(state: EntryState) -> Seen:
    """See whether the adapter's entry is in a state."""
    return lambda view: view.sample.entry.state is state


ENTRY_ABSENT = Sign(Reason.ENTRY_ABSENT, Verdict.UNKNOWN, _entry_is(EntryState.ABSENT))
ENTRY_DISABLED = Sign(
    Reason.ENTRY_DISABLED, Verdict.UNKNOWN, _entry_is(EntryState.DISABLED)
)
ENTRY_FAILED = Sign(
    Reason.ENTRY_FAILED,
    Verdict.HOME_ASSISTANT_SIDE,
    _entry_is(EntryState.FAILED),
    due=after(60.0),
)


@partial(Sign, Reason.ENTRY_UNLOADED, Verdict.HOME_ASSISTANT_SIDE, due=after(120.0))
def entry_unloaded(view: View) -> bool:
    """Home Assistant has no scanner for the adapter and is not about to make one."""
    entry = view.sample.entry.state
    return entry is EntryState.NOT_LOADED or (
        entry is EntryState.LOADED and view.sample.scanner is None
    )


@partial(Sign, Reason.ADAPTER_ZEROED, Verdict.MISSING, due=after(150.0))
def zeroed(view: View) -> bool:
    """A controller without an address is there in the adapter's place."""
    return gone.is_seen(view) and view.sample.zeroed_adapter


@partial(Sign, Reason.REPLACED, Verdict.MISSING, due=after(150.0))
def replaced(view: View) -> bool:
    """The adapter is gone, and one that was not there beside it is there."""
    beside = view.memory.seen_beside
    return (
        gone.is_seen(view)
        and beside is not None
        and not view.sample.other_adapters <= beside
    )


@partial(Sign, Reason.NEVER_SEEN, Verdict.MISSING, due=after(150.0))
def never_seen(view: View) -> bool:
    """Bluetoothd has not had the adapter since Home Assistant began to watch."""
    return gone.is_seen(view) and not view.memory.was_seen


@partial(Sign, Reason.ADAPTER_GONE, Verdict.MISSING, due=after(150.0))
def gone(view: View) -> bool:
    """Bluetoothd does not have the adapter."""
    return view.sample.bus.tells_adapters and view.sample.adapter is None


@partial(Sign, Reason.OTHER_INDEX, Verdict.RENUMBERED, due=after(20.0), severed=True)
def other_index(view: View) -> bool:
    """The adapter has another hci number than the one that is scanned on."""
    return (
        view.adapter is not None
        and view.scanner is not None
        and view.scanner.name not in (view.adapter.name, None)
    )


def _not_found_due(view: View, since: float) -> float:
    """Do not wait where the adapter came back: Home Assistant cannot know of it yet."""
    adapter = view.adapter
    returned = adapter is not None and adapter.appeared_at is not None
    return since + (5.0 if returned or not view.alone else 20.0)


@partial(
    Sign,
    Reason.NOT_FOUND_BY_HOST,
    Verdict.RENUMBERED,
    due=_not_found_due,
    severed=True,
)
def not_found_by_host(view: View) -> bool:
    """The set-up of the entry failed for want of an adapter that is there.

    Home Assistant has another name for the adapter or none, or the adapter came back after
    Home Assistant had looked for it, and no step has made Home Assistant look again.
    """
    since, adapter = view.memory.retrying_since, view.adapter
    if since is None or adapter is None:
        return False
    names, appeared_at = view.sample.host_names, adapter.appeared_at
    return (names is not None and adapter.name not in names) or (
        appeared_at is not None and appeared_at >= max(since, view.stepped_at or since)
    )


@partial(Sign, Reason.RFKILL, Verdict.BLOCKED, due=after_hosts_turn(60.0, 180.0))
def blocked(view: View) -> bool:
    """The adapter is blocked by rfkill."""
    adapter = view.adapter
    return adapter is not None and (
        adapter.power_state == "off-blocked"
        # Without its experimental properties bluetoothd says so only when it is asked to.
        or (not adapter.powered and view.power_fault is PowerFault.BLOCKED)
    )


def _off_due(view: View, since: float) -> float:
    """Do not wait long where polls fail for it, and nobody else switches power here."""
    is_missed = view.are_all_failing and all(
        (link.failed_at or 0.0) >= since for link in view.polled
    )
    is_wanted = view.is_wanted_off or view.memory.power.was_switched_lately(view.at)
    if is_missed and not is_wanted:
        return since + OFF_BY_MISTAKE
    return since + OFF_BY_HABIT


@partial(Sign, Reason.POWER_OFF, Verdict.POWERED_OFF, due=_off_due, severed=True)
def powered_off(view: View) -> bool:
    """The adapter is off, and not because it is blocked."""
    adapter = view.adapter
    return adapter is not None and not adapter.powered and not blocked.is_seen(view)


def has_twin(view: View) -> bool:
    """Whether there is another adapter with the same address."""
    return view.sample.has_twin


@partial(Sign, Reason.TWO_ADAPTERS, Verdict.SAME_ADDRESS, due=after(60.0))
def same_address(view: View) -> bool:
    """Two adapters have one address: nobody can tell which of them is meant."""
    return has_twin(view)


def _is_on_anew(view: View) -> bool:
    """Whether the adapter was switched on since its set-up fails, and no step was taken since.

    Home Assistant tries again by and by, and has not looked at the adapter while that is on.
    """
    since, adapter = view.memory.retrying_since, view.powered
    return (
        since is not None
        and adapter is not None
        and adapter.powered_at is not None
        and adapter.powered_at > max(since, view.stepped_at or since)
    )


def _refusal_due(view: View, since: float) -> float:
    """Do not wait where the adapter refused what a recovery step has just asked of it."""
    if not _is_on_anew(view):
        if not view.alone:
            return since + HOSTS_TURN
        if view.has_heard_nothing_since(view.stepped_at):
            return since + 5.0
    return since + 30.0


@partial(Sign, Reason.START_FAILING, Verdict.START_REFUSED, due=_refusal_due)
def start_refused(view: View) -> bool:
    """The set-up of the entry fails although Home Assistant knows the adapter, and it is on."""
    return (
        setup_failing.is_seen(view)
        and view.sample.host_names is not None
        and not _is_on_anew(view)
    )


@partial(Sign, Reason.SETUP_FAILING, Verdict.START_REFUSED, due=_refusal_due)
def setup_failing(view: View) -> bool:
    """The set-up of the entry fails, and it is not known whether for want of the adapter."""
    return view.is_on and view.memory.retrying_since is not None
