"""The symptoms of a sick adapter, as a table: what shows them and how long it must.

Strong evidence replaces waiting, weak evidence is given time, and where Home
Assistant has a management socket it resets adapters by itself and goes first.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ..bluez.models import BusFault
from .memory import HUNG_AFTER
from .samples import EntryState, Evidence, Reason, Verdict
from .signs import (
    HOSTS_TURN,
    adapter_missing,
    adapter_returned,
    after,
    after_hosts_turn,
    are_links_troubled,
    at_once,
    blocked,
    bus_connected,
    bus_down,
    bus_unwatched,
    connects_due,
    connects_fail,
    entry_is,
    entry_unloaded,
    from_failures,
    from_holding,
    from_silence,
    heard_elsewhere,
    heard_elsewhere_due,
    heard_on_bus,
    is_adapter_troubled,
    is_bus_troubled,
    is_scan_expected,
    is_unwanted,
    not_discovering,
    not_found_by_host,
    on_sound_bus,
    other_index,
    owner_changed,
    power_cycled,
    refusal_due,
    restarts_fail,
    return_due,
    returned_lately,
    several_connects_fail,
    silence_due,
    slots_full,
    stale_link,
    stalled,
    starts_refused,
    unexplained_due,
    unexplained_silence,
    unusual_silence,
)
from .view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """One way in which a fault shows."""

    reason: Reason
    verdict: Verdict
    evidence: Evidence = Evidence.CERTAIN
    present: Callable[[View], bool]
    due: Callable[[View, float], float] = at_once
    """When it is to be believed, from the time since when it has been there."""
    since: Callable[[View, float], float] = from_holding
    """Since when it has been there, from the time since when it was seen."""
    severed: bool = False


_ENTRY_SYMPTOMS = (
    Symptom(
        reason=Reason.ENTRY_ABSENT,
        verdict=Verdict.UNKNOWN,
        present=entry_is(EntryState.ABSENT),
    ),
    Symptom(
        reason=Reason.ENTRY_DISABLED,
        verdict=Verdict.UNKNOWN,
        present=entry_is(EntryState.DISABLED),
    ),
)
_BUS_SYMPTOMS = (
    Symptom(
        reason=Reason.BUS_UNWATCHED,
        verdict=Verdict.UNKNOWN,
        present=bus_unwatched,
        due=after(120.0),
    ),
    Symptom(
        reason=Reason.BUS_NO_SOCKET,
        verdict=Verdict.BUS_LOST,
        present=bus_down(BusFault.NO_SOCKET),
        due=after(120.0),
    ),
    Symptom(
        reason=Reason.BUS_ACCESS_DENIED,
        verdict=Verdict.BUS_LOST,
        present=bus_down(BusFault.ACCESS_DENIED),
        due=after(120.0),
    ),
    Symptom(
        reason=Reason.BUS_DOWN,
        verdict=Verdict.BUS_LOST,
        present=lambda view: not view.sample.bus.connected,
        due=after(120.0),
    ),
    Symptom(
        reason=Reason.NO_OWNER,
        verdict=Verdict.BLUETOOTHD_DOWN,
        present=lambda view: bus_connected(view) and not view.sample.bus.owner,
        due=after(60.0),
    ),
    Symptom(
        reason=Reason.CALLS_UNANSWERED,
        verdict=Verdict.BLUETOOTHD_HUNG,
        present=lambda view: (
            bus_connected(view) and view.sample.bus.unanswered >= HUNG_AFTER
        ),
        since=lambda view, held: view.sample.bus.unanswered_since or held,
        due=after(45.0),
    ),
)
_STALLED = Symptom(
    reason=Reason.STALLED,
    verdict=Verdict.SESSION_LOST,
    present=stalled,
    due=return_due,
)
_ADAPTER_SYMPTOMS = (
    Symptom(
        reason=Reason.ADAPTER_ZEROED,
        verdict=Verdict.MISSING,
        present=lambda view: adapter_missing(view) and view.sample.zeroed_adapter,
        due=after(150.0),
    ),
    Symptom(
        reason=Reason.ADAPTER_GONE,
        verdict=Verdict.MISSING,
        present=adapter_missing,
        due=after(150.0),
    ),
    Symptom(
        reason=Reason.OTHER_INDEX,
        verdict=Verdict.RENUMBERED,
        present=other_index,
        due=after(20.0),
        severed=True,
    ),
    Symptom(
        reason=Reason.NOT_FOUND_BY_HOST,
        verdict=Verdict.RENUMBERED,
        present=not_found_by_host,
        due=lambda view, since: since + (5.0 if returned_lately(view) else 20.0),
        severed=True,
    ),
    Symptom(
        reason=Reason.RFKILL,
        verdict=Verdict.BLOCKED,
        present=blocked,
        due=after_hosts_turn(60.0, 180.0),
    ),
    Symptom(
        reason=Reason.POWER_OFF,
        verdict=Verdict.POWERED_OFF,
        present=lambda view: view.adapter is not None and not view.adapter.powered,
        due=after(180.0),
        severed=True,
    ),
    Symptom(
        reason=Reason.ENTRY_FAILED,
        verdict=Verdict.HOME_ASSISTANT_SIDE,
        present=entry_is(EntryState.FAILED),
        due=after(60.0),
    ),
    Symptom(
        reason=Reason.ENTRY_UNLOADED,
        verdict=Verdict.HOME_ASSISTANT_SIDE,
        present=entry_unloaded,
        due=after(120.0),
    ),
    _STALLED,
    Symptom(
        reason=Reason.START_FAILING,
        verdict=Verdict.START_REFUSED,
        present=starts_refused,
        due=refusal_due,
    ),
)
_SCAN_SYMPTOMS = (
    _STALLED,
    Symptom(
        reason=Reason.RESTART_FAILING,
        verdict=Verdict.START_REFUSED,
        present=restarts_fail,
        due=after_hosts_turn(45.0, HOSTS_TURN),
    ),
    Symptom(
        reason=Reason.OWNER_CHANGED,
        verdict=Verdict.SESSION_LOST,
        present=owner_changed,
        due=return_due,
        severed=True,
    ),
    Symptom(
        reason=Reason.ADAPTER_RETURNED,
        verdict=Verdict.SESSION_LOST,
        present=adapter_returned,
        due=return_due,
        severed=True,
    ),
    Symptom(
        reason=Reason.POWER_CYCLED,
        verdict=Verdict.SESSION_LOST,
        present=power_cycled,
        due=after(20.0),
        severed=True,
    ),
    Symptom(
        reason=Reason.NOT_DISCOVERING,
        verdict=Verdict.SESSION_LOST,
        present=not_discovering,
        due=after(30.0),
    ),
)
_LINKS_SYMPTOMS = (
    Symptom(
        reason=Reason.SLOTS_FULL,
        verdict=Verdict.CONNECTS_FAILING,
        present=slots_full,
        due=after(300.0),
    ),
    Symptom(
        reason=Reason.STALE_LINK,
        verdict=Verdict.CONNECTS_FAILING,
        present=stale_link,
        due=after(60.0),
    ),
    Symptom(
        reason=Reason.HEARD_ON_BUS,
        verdict=Verdict.HOME_ASSISTANT_SIDE,
        present=heard_on_bus,
        since=from_silence,
        due=after(HOSTS_TURN),
    ),
    Symptom(
        reason=Reason.HEARD_ELSEWHERE,
        verdict=Verdict.SILENT,
        evidence=Evidence.WITNESSED,
        present=heard_elsewhere,
        since=from_silence,
        due=heard_elsewhere_due,
    ),
    Symptom(
        reason=Reason.UNUSUAL_SILENCE,
        verdict=Verdict.SILENT,
        evidence=Evidence.LEARNED,
        present=unusual_silence,
        since=from_silence,
        due=silence_due,
    ),
    Symptom(
        reason=Reason.UNEXPLAINED_SILENCE,
        verdict=Verdict.QUIET,
        evidence=Evidence.WEAK,
        present=unexplained_silence,
        since=from_silence,
        due=unexplained_due,
    ),
    Symptom(
        reason=Reason.CONNECTS_FAIL,
        verdict=Verdict.CONNECTS_FAILING,
        present=several_connects_fail,
        since=from_failures,
        due=connects_due,
    ),
    Symptom(
        reason=Reason.CONNECTS_FAIL,
        verdict=Verdict.CONNECTS_FAILING,
        evidence=Evidence.WEAK,
        present=connects_fail,
        since=from_failures,
        due=connects_due,
    ),
)

SYMPTOMS: tuple[tuple[Callable[[View], bool], tuple[Symptom, ...]], ...] = (
    (is_unwanted, _ENTRY_SYMPTOMS),
    (is_bus_troubled, _BUS_SYMPTOMS),
    (on_sound_bus(is_adapter_troubled), _ADAPTER_SYMPTOMS),
    (on_sound_bus(is_scan_expected), _SCAN_SYMPTOMS),
    (on_sound_bus(are_links_troubled), _LINKS_SYMPTOMS),
)
"""All symptoms, the most basic first, in groups behind what none of the group is without."""
