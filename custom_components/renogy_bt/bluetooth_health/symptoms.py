"""The symptoms of a sick adapter, as a table: what shows them and how long it must.

Strong evidence replaces waiting, weak evidence is given time, and where Home
Assistant has a management socket it resets adapters by itself and goes first.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .models import BusFault, EntryState, Evidence, Reason, ScanMode, Verdict
from .view import FRESH_ADVERTISEMENT, View

WEAKEST_SIGNAL = -90
WITNESSED_SILENCE = 75.0
HOSTS_TURN = 240.0
"""Two cycles of the scanner watchdog of Home Assistant, s."""
QUIET_AFTER = 300.0
HEARD_BEFORE_FAILURE = 60.0
"""A failed poll counts only if the link had been heard for so long by then, s."""
NOT_FOUND = "not found"


def _from_holding(view: View, held_since: float) -> float:
    return held_since


def _at_once(view: View, since: float) -> float:
    return since


def _from_silence(view: View, held_since: float) -> float:
    return view.silent_since


def _from_failures(view: View, held_since: float) -> float:
    failing_since = max(
        (link.failing_since or view.at for link in view.polled), default=view.at
    )
    return max(failing_since, view.memory.heard_since or failing_since)


def _after(seconds: float) -> Callable[[View, float], float]:
    return lambda view, since: since + seconds


def _after_hosts_turn(alone: float, assisted: float) -> Callable[[View, float], float]:
    return lambda view, since: since + (alone if view.alone else assisted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """One way in which a fault shows."""

    reason: Reason
    verdict: Verdict
    evidence: Evidence = Evidence.CERTAIN
    present: Callable[[View], bool]
    due: Callable[[View, float], float] = _at_once
    """When it is to be believed, from the time since when it has been there."""
    since: Callable[[View, float], float] = _from_holding
    """Since when it has been there, from the time since when it was seen."""
    severed: bool = False


def _bus_down(fault: BusFault) -> Callable[[View], bool]:
    return lambda view: not view.sample.bus.connected and view.sample.bus.fault is fault


def _bus_unwatched(view: View) -> bool:
    return not view.sample.bus.connected and view.silence <= FRESH_ADVERTISEMENT


def _bus_connected(view: View) -> bool:
    return view.sample.bus.connected


def _adapter_missing(view: View) -> bool:
    bus = view.sample.bus
    return (
        bus.connected and bool(bus.owner) and bus.known and view.sample.adapter is None
    )


def _other_index(view: View) -> bool:
    return (
        view.adapter is not None
        and view.scanner is not None
        and view.scanner.name != view.adapter.name
    )


def _not_found_by_host(view: View) -> bool:
    return (
        view.adapter is not None
        and view.memory.entry_retrying
        and NOT_FOUND in (view.memory.retry_reason or "")
    )


def _returned_lately(view: View) -> bool:
    adapter = view.adapter
    return adapter is not None and (adapter.appeared_at is not None or not view.alone)


def _blocked(view: View) -> bool:
    return view.adapter is not None and view.adapter.power_state == "off-blocked"


def _starts_refused(view: View) -> bool:
    return (
        view.powered is not None
        and view.memory.entry_retrying
        and NOT_FOUND not in (view.memory.retry_reason or "")
    )


def _refusal_due(view: View, since: float) -> float:
    if not view.alone:
        return since + HOSTS_TURN
    stepped_at = view.sample.stepped_at
    # The adapter refused what a recovery step has just asked of it: no need to wait.
    return since + (
        5.0 if stepped_at is not None and since - stepped_at < 30.0 else 30.0
    )


def _restarts_fail(view: View) -> bool:
    scanner = view.scanner
    return (
        view.powered is not None
        and scanner is not None
        and not scanner.scanning
        and not scanner.connecting
        and view.silence > FRESH_ADVERTISEMENT
    )


def _not_discovering(view: View) -> bool:
    scanner, adapter = view.scanner, view.powered
    return (
        adapter is not None
        and not adapter.discovering
        and scanner is not None
        and scanner.current_mode is ScanMode.ACTIVE
        and (scanner.scanning or scanner.connecting > 0)
    )


def _session_older_than(view: View, event_at: float | None) -> bool:
    scanner, adapter = view.scanner, view.powered
    if (
        adapter is None
        or scanner is None
        or event_at is None
        or scanner.start_time >= event_at
    ):
        return False
    if scanner.current_mode is ScanMode.ACTIVE:
        return not adapter.discovering
    life = view.memory.life_at
    return life is None or life <= event_at + 2.0


def _owner_changed(view: View) -> bool:
    return _session_older_than(view, view.sample.bus.owner_changed_at)


def _adapter_returned(view: View) -> bool:
    adapter = view.powered
    return adapter is not None and _session_older_than(view, adapter.appeared_at)


def _power_cycled(view: View) -> bool:
    adapter = view.powered
    return (
        _not_discovering(view)
        and adapter is not None
        and _session_older_than(view, adapter.powered_at)
    )


def _return_due(view: View, since: float) -> float:
    scanner = view.scanner
    hosts_own_reset = not view.alone and scanner is not None and not scanner.scanning
    return since + (40.0 if hosts_own_reset else 8.0)


def _heard_on_bus(view: View) -> bool:
    heard_at = view.sample.heard_on_bus_at
    return (
        heard_at is not None
        and heard_at > view.silent_since
        and view.at - heard_at <= 2 * FRESH_ADVERTISEMENT
        and view.listening
    )


def _heard_elsewhere(view: View) -> bool:
    doubtful = view.memory.fruitless_starts >= 2 or (view.alone and view.failures >= 1)
    return doubtful and view.listening and view.witnessed


def _heard_elsewhere_due(view: View, since: float) -> float:
    usual = 2.5 * view.memory.traffic.interval
    least = max(WITNESSED_SILENCE, usual) if view.alone else HOSTS_TURN
    return max(since + least, view.listened_until)


def _unusual_silence(view: View) -> bool:
    fruitless = view.memory.fruitless_starts
    doubtful = fruitless >= 2 or (view.alone and (fruitless >= 1 or view.failures >= 1))
    return doubtful and view.listening and view.memory.traffic.is_lively


def _silence_due(view: View, since: float) -> float:
    least = view.memory.traffic.meaningful_silence
    if not view.alone:
        least = max(least, QUIET_AFTER)
    return max(since + least, view.listened_until)


def _unexplained_silence(view: View) -> bool:
    return view.failures >= 2 and view.alone and view.listening


def _unexplained_due(view: View, since: float) -> float:
    return max(_silence_due(view, since), view.patient_until)


def _slots_full(view: View) -> bool:
    slots = view.sample.slots
    return (
        view.adapter is not None
        and slots is not None
        and slots.slots > 0
        and slots.free == 0
        and bool(slots.foreign)
        and view.failures >= 1
    )


def _stale_link(view: View) -> bool:
    return view.powered is not None and any(
        link.stale and link.failures for link in view.polled
    )


def _connects_fail(view: View) -> bool:
    if view.powered is None or view.scanner is None or view.failures < 3:
        return False
    connected_at = view.scanner.last_connected_at
    heard_since = view.memory.heard_since
    return all(
        link.failing_since is not None
        and link.failed_at is not None
        and (heard_since is None or link.failed_at > heard_since + HEARD_BEFORE_FAILURE)
        and link.heard_at is not None
        and view.at - link.heard_at <= FRESH_ADVERTISEMENT
        and (link.rssi is None or link.rssi > WEAKEST_SIGNAL)
        and (connected_at is None or connected_at < link.failing_since)
        for link in view.polled
    )


def _several_connects_fail(view: View) -> bool:
    return len(view.polled) > 1 and _connects_fail(view)


def _connects_due(view: View, since: float) -> float:
    other_path = any(
        view.at - heard_at <= FRESH_ADVERTISEMENT
        for link in view.polled
        for _, heard_at in link.heard_elsewhere
    )
    return max(since + (600.0 if other_path else 120.0), view.patient_until)


def _entry_unloaded(view: View) -> bool:
    entry = view.sample.entry.state
    return entry is EntryState.NOT_LOADED or (
        entry is EntryState.LOADED and view.sample.scanner is None
    )


def _entry_is(state: EntryState) -> Callable[[View], bool]:
    return lambda view: view.sample.entry.state is state


SYMPTOMS: tuple[Symptom, ...] = (
    Symptom(
        reason=Reason.ENTRY_ABSENT,
        verdict=Verdict.UNKNOWN,
        present=_entry_is(EntryState.ABSENT),
    ),
    Symptom(
        reason=Reason.ENTRY_DISABLED,
        verdict=Verdict.UNKNOWN,
        present=_entry_is(EntryState.DISABLED),
    ),
    Symptom(
        reason=Reason.BUS_UNWATCHED,
        verdict=Verdict.UNKNOWN,
        present=_bus_unwatched,
        due=_after(120.0),
    ),
    Symptom(
        reason=Reason.BUS_NO_SOCKET,
        verdict=Verdict.BUS_LOST,
        present=_bus_down(BusFault.NO_SOCKET),
        due=_after(120.0),
    ),
    Symptom(
        reason=Reason.BUS_ACCESS_DENIED,
        verdict=Verdict.BUS_LOST,
        present=_bus_down(BusFault.ACCESS_DENIED),
        due=_after(120.0),
    ),
    Symptom(
        reason=Reason.BUS_DOWN,
        verdict=Verdict.BUS_LOST,
        present=lambda view: not view.sample.bus.connected,
        due=_after(120.0),
    ),
    Symptom(
        reason=Reason.NO_OWNER,
        verdict=Verdict.BLUETOOTHD_DOWN,
        present=lambda view: _bus_connected(view) and not view.sample.bus.owner,
        due=_after(60.0),
    ),
    Symptom(
        reason=Reason.CALLS_UNANSWERED,
        verdict=Verdict.BLUETOOTHD_HUNG,
        present=lambda view: _bus_connected(view) and view.sample.bus.unanswered >= 3,
        since=lambda view, held: view.sample.bus.unanswered_since or held,
        due=_after(45.0),
    ),
    Symptom(
        reason=Reason.ADAPTER_ZEROED,
        verdict=Verdict.MISSING,
        present=lambda view: _adapter_missing(view) and view.sample.zeroed_adapter,
        due=_after(150.0),
    ),
    Symptom(
        reason=Reason.ADAPTER_GONE,
        verdict=Verdict.MISSING,
        present=_adapter_missing,
        due=_after(150.0),
    ),
    Symptom(
        reason=Reason.OTHER_INDEX,
        verdict=Verdict.RENUMBERED,
        present=_other_index,
        due=_after(20.0),
        severed=True,
    ),
    Symptom(
        reason=Reason.NOT_FOUND_BY_HOST,
        verdict=Verdict.RENUMBERED,
        present=_not_found_by_host,
        due=lambda view, since: since + (5.0 if _returned_lately(view) else 20.0),
        severed=True,
    ),
    Symptom(
        reason=Reason.RFKILL,
        verdict=Verdict.BLOCKED,
        present=_blocked,
        due=_after_hosts_turn(60.0, 180.0),
    ),
    Symptom(
        reason=Reason.POWER_OFF,
        verdict=Verdict.POWERED_OFF,
        present=lambda view: view.adapter is not None and not view.adapter.powered,
        due=_after(180.0),
        severed=True,
    ),
    Symptom(
        reason=Reason.ENTRY_FAILED,
        verdict=Verdict.HOME_ASSISTANT_SIDE,
        present=_entry_is(EntryState.FAILED),
        due=_after(60.0),
    ),
    Symptom(
        reason=Reason.ENTRY_UNLOADED,
        verdict=Verdict.HOME_ASSISTANT_SIDE,
        present=_entry_unloaded,
        due=_after(120.0),
    ),
    Symptom(
        reason=Reason.START_FAILING,
        verdict=Verdict.START_REFUSED,
        present=_starts_refused,
        due=_refusal_due,
    ),
    Symptom(
        reason=Reason.RESTART_FAILING,
        verdict=Verdict.START_REFUSED,
        present=_restarts_fail,
        due=_after_hosts_turn(45.0, HOSTS_TURN),
    ),
    Symptom(
        reason=Reason.OWNER_CHANGED,
        verdict=Verdict.SESSION_LOST,
        present=_owner_changed,
        due=_return_due,
        severed=True,
    ),
    Symptom(
        reason=Reason.ADAPTER_RETURNED,
        verdict=Verdict.SESSION_LOST,
        present=_adapter_returned,
        due=_return_due,
        severed=True,
    ),
    Symptom(
        reason=Reason.POWER_CYCLED,
        verdict=Verdict.SESSION_LOST,
        present=_power_cycled,
        due=_after(20.0),
        severed=True,
    ),
    Symptom(
        reason=Reason.NOT_DISCOVERING,
        verdict=Verdict.SESSION_LOST,
        present=_not_discovering,
        due=_after(30.0),
    ),
    Symptom(
        reason=Reason.SLOTS_FULL,
        verdict=Verdict.CONNECTS_FAILING,
        present=_slots_full,
        due=_after(300.0),
    ),
    Symptom(
        reason=Reason.STALE_LINK,
        verdict=Verdict.CONNECTS_FAILING,
        present=_stale_link,
        due=_after(60.0),
    ),
    Symptom(
        reason=Reason.HEARD_ON_BUS,
        verdict=Verdict.HOME_ASSISTANT_SIDE,
        present=_heard_on_bus,
        since=_from_silence,
        due=_after(HOSTS_TURN),
    ),
    Symptom(
        reason=Reason.HEARD_ELSEWHERE,
        verdict=Verdict.SILENT,
        evidence=Evidence.WITNESSED,
        present=_heard_elsewhere,
        since=_from_silence,
        due=_heard_elsewhere_due,
    ),
    Symptom(
        reason=Reason.UNUSUAL_SILENCE,
        verdict=Verdict.SILENT,
        evidence=Evidence.LEARNED,
        present=_unusual_silence,
        since=_from_silence,
        due=_silence_due,
    ),
    Symptom(
        reason=Reason.UNEXPLAINED_SILENCE,
        verdict=Verdict.QUIET,
        evidence=Evidence.WEAK,
        present=_unexplained_silence,
        since=_from_silence,
        due=_unexplained_due,
    ),
    Symptom(
        reason=Reason.CONNECTS_FAIL,
        verdict=Verdict.CONNECTS_FAILING,
        present=_several_connects_fail,
        since=_from_failures,
        due=_connects_due,
    ),
    Symptom(
        reason=Reason.CONNECTS_FAIL,
        verdict=Verdict.CONNECTS_FAILING,
        evidence=Evidence.WEAK,
        present=_connects_fail,
        since=_from_failures,
        due=_connects_due,
    ),
)
