"""Signs of sickness: what shows a symptom, since when, and when it is to be believed.

Each is a pure function of a view. A sign says whether it is there; `from_...` says since
when, `..._due` and `after...` say when it has been there long enough.
"""

from collections.abc import Callable

from ..bluez.models import BusFault, PowerFault
from .samples import EntryState, ScanMode
from .view import FRESH_ADVERTISEMENT, View

WEAKEST_SIGNAL = -90
WITNESSED_SILENCE = 75.0
HOSTS_TURN = 240.0
"""Two cycles of the scanner watchdog of Home Assistant, s."""
QUIET_AFTER = 300.0
HEARD_BEFORE_FAILURE = 60.0
"""A failed poll counts only if the link had been heard for so long by then, s."""
NOT_FOUND = "not found"


def is_unwanted(view: View) -> bool:
    """Whether the adapter's entry is disabled or gone."""
    return view.sample.entry.state in (EntryState.ABSENT, EntryState.DISABLED)


def is_bus_troubled(view: View) -> bool:
    """Whether anything is wrong between us and bluetoothd."""
    bus = view.sample.bus
    return not bus.connected or not bus.owner or bus.unanswered > 0


def on_sound_bus(is_possible: Callable[[View], bool]) -> Callable[[View], bool]:
    """The same while bluetoothd answers.

    While it does not, Home Assistant fails because of that; what it does about it counts
    only from then on when it can succeed.
    """
    return lambda view: not is_bus_troubled(view) and is_possible(view)


def is_adapter_troubled(view: View) -> bool:
    """Whether the adapter is not there, not on, or not in Home Assistant's hands."""
    return (
        view.powered is None
        or view.scanner is None
        or view.scanner.name != view.powered.name
        or view.memory.entry_retrying
    )


def is_scan_expected(view: View) -> bool:
    """Whether Home Assistant has a scanner on a powered adapter."""
    return view.powered is not None and view.scanner is not None


def are_links_troubled(view: View) -> bool:
    """Whether polls fail, scans bring nothing, or a connection was left behind."""
    return (
        view.failures > 0
        or view.memory.fruitless_starts > 0
        or view.sample.heard_on_bus_at is not None
        or any(link.stale for link in view.polled)
    )


def from_holding(view: View, held_since: float) -> float:
    """Since it was first seen."""
    return held_since


def at_once(view: View, since: float) -> float:
    """Believed as soon as it is seen."""
    return since


def from_silence(view: View, held_since: float) -> float:
    """Since the last sign of life."""
    return view.silent_since


def from_failures(view: View, held_since: float) -> float:
    """Since all links have failed although they were heard."""
    failing_since = max(
        (link.failing_since or view.at for link in view.polled), default=view.at
    )
    return max(failing_since, view.memory.heard_since or failing_since)


def after(seconds: float) -> Callable[[View, float], float]:
    """Believed after that many seconds."""
    return lambda view, since: since + seconds


def after_hosts_turn(alone: float, assisted: float) -> Callable[[View, float], float]:
    """Believed after a time that depends on whether Home Assistant can reset adapters."""
    return lambda view, since: since + (alone if view.alone else assisted)


def bus_down(fault: BusFault) -> Callable[[View], bool]:
    """The bus cannot be talked to, for this reason."""
    return lambda view: not view.sample.bus.connected and view.sample.bus.fault is fault


def bus_unwatched(view: View) -> bool:
    """The bus is closed to us, but Home Assistant uses it well."""
    return not view.sample.bus.connected and view.silence <= FRESH_ADVERTISEMENT


def bus_connected(view: View) -> bool:
    """The own connection to the bus is up."""
    return view.sample.bus.connected


def adapter_missing(view: View) -> bool:
    """Bluetoothd does not have the adapter."""
    bus = view.sample.bus
    return (
        bus.connected and bool(bus.owner) and bus.known and view.sample.adapter is None
    )


def other_index(view: View) -> bool:
    """The adapter has another hci number than the one that is scanned on."""
    return (
        view.adapter is not None
        and view.scanner is not None
        and view.scanner.name != view.adapter.name
    )


def not_found_by_host(view: View) -> bool:
    """The adapter is there, but Home Assistant looks for it in vain."""
    return (
        view.adapter is not None
        and view.memory.entry_retrying
        and NOT_FOUND in (view.memory.retry_reason or "")
    )


def returned_lately(view: View) -> bool:
    """The adapter came back, so that Home Assistant cannot know of it yet."""
    adapter = view.adapter
    return adapter is not None and (adapter.appeared_at is not None or not view.alone)


def blocked(view: View) -> bool:
    """The adapter is blocked by rfkill."""
    adapter = view.adapter
    return adapter is not None and (
        adapter.power_state == "off-blocked"
        # Without its experimental properties bluetoothd says so only when it is asked to.
        or (not adapter.powered and view.sample.power_fault is PowerFault.BLOCKED)
    )


def starts_refused(view: View) -> bool:
    """The set-up of the entry fails although the adapter is there and on."""
    return (
        view.powered is not None
        and view.memory.entry_retrying
        and NOT_FOUND not in (view.memory.retry_reason or "")
    )


def refusal_due(view: View, since: float) -> float:
    """When failing set-ups are believed."""
    if not view.alone:
        return since + HOSTS_TURN
    stepped_at = view.sample.stepped_at
    # The adapter refused what a recovery step has just asked of it: no need to wait.
    return since + (
        5.0 if stepped_at is not None and since - stepped_at < 30.0 else 30.0
    )


def stalled(view: View) -> bool:
    """Home Assistant gave up while bluetoothd did not answer, and waits for its next turn."""
    return (
        view.powered is not None
        and view.memory.is_stalled
        and view.has_heard_nothing_since(view.memory.steady_since)
    )


def restarts_fail(view: View) -> bool:
    """Home Assistant gave up scanning and cannot start it again."""
    scanner = view.scanner
    return (
        view.powered is not None
        and scanner is not None
        and scanner.has_stopped
        and view.silence > FRESH_ADVERTISEMENT
    )


def not_discovering(view: View) -> bool:
    """Home Assistant scans actively, but bluetoothd does not discover."""
    scanner, adapter = view.scanner, view.powered
    return (
        adapter is not None
        and not adapter.discovering
        and scanner is not None
        and scanner.current_mode is ScanMode.ACTIVE
        and not scanner.has_stopped
    )


def session_older_than(view: View, event_at: float | None) -> bool:
    """The scan is older than an event that ended all scans, and brings nothing since."""
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


def owner_changed(view: View) -> bool:
    """The scan is older than this bluetoothd."""
    return session_older_than(view, view.sample.bus.owner_changed_at)


def adapter_returned(view: View) -> bool:
    """The scan is older than the adapter's return."""
    adapter = view.powered
    return adapter is not None and session_older_than(view, adapter.appeared_at)


def power_cycled(view: View) -> bool:
    """The scan is older than the last power cycle."""
    adapter = view.powered
    return (
        not_discovering(view)
        and adapter is not None
        and session_older_than(view, adapter.powered_at)
    )


def return_due(view: View, since: float) -> float:
    """When a scan that did not survive is believed to be lost."""
    scanner = view.scanner
    hosts_own_reset = not view.alone and scanner is not None and scanner.has_stopped
    return since + (40.0 if hosts_own_reset else 8.0)


def heard_on_bus(view: View) -> bool:
    """Bluetoothd reports devices while Home Assistant hears none."""
    heard_at = view.sample.heard_on_bus_at
    return (
        heard_at is not None
        and heard_at > view.silent_since
        and view.at - heard_at <= 2 * FRESH_ADVERTISEMENT
        and view.listening
    )


def heard_elsewhere(view: View) -> bool:
    """A scanner that usually hears the same link hears it, this adapter does not."""
    doubtful = view.memory.fruitless_starts >= 2 or (view.alone and view.failures >= 1)
    return doubtful and view.listening and view.witnessed


def heard_elsewhere_due(view: View, since: float) -> float:
    """When that silence is believed."""
    usual = 2.5 * view.memory.traffic.interval
    least = max(WITNESSED_SILENCE, usual) if view.alone else HOSTS_TURN
    return max(since + least, view.listened_until)


def unusual_silence(view: View) -> bool:
    """Nothing at all is heard in a place with several devices."""
    fruitless = view.memory.fruitless_starts
    doubtful = fruitless >= 2 or (view.alone and (fruitless >= 1 or view.failures >= 1))
    return doubtful and view.listening and view.memory.traffic.is_lively


def silence_due(view: View, since: float) -> float:
    """When silence is longer than what is usual here."""
    least = view.memory.traffic.meaningful_silence
    if not view.alone:
        least = max(least, QUIET_AFTER)
    return max(since + least, view.listened_until)


def unexplained_silence(view: View) -> bool:
    """Nothing is heard and polls fail, which may also be a link switched off."""
    return view.failures >= 2 and view.alone and view.listening


def unexplained_due(view: View, since: float) -> float:
    """When that is worth an experiment."""
    return max(silence_due(view, since), view.patient_until)


def slots_full(view: View) -> bool:
    """Other integrations hold all connection slots."""
    slots = view.sample.slots
    return (
        view.adapter is not None
        and slots is not None
        and slots.slots > 0
        and slots.free == 0
        and bool(slots.foreign)
        and view.failures >= 1
    )


def stale_link(view: View) -> bool:
    """BlueZ holds a connection to a link of ours that nobody uses."""
    return view.powered is not None and any(
        link.stale and link.failures for link in view.polled
    )


def connects_fail(view: View) -> bool:
    """Every link is heard well and none can be connected to."""
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


def several_connects_fail(view: View) -> bool:
    """The same with more than one link."""
    return len(view.polled) > 1 and connects_fail(view)


def connects_due(view: View, since: float) -> float:
    """When failing connections are believed."""
    other_path = any(
        view.at - heard_at <= FRESH_ADVERTISEMENT
        for link in view.polled
        for _, heard_at in link.heard_elsewhere
    )
    return max(since + (600.0 if other_path else 120.0), view.patient_until)


def entry_unloaded(view: View) -> bool:
    """Home Assistant has no scanner for the adapter and is not about to make one."""
    entry = view.sample.entry.state
    return entry is EntryState.NOT_LOADED or (
        entry is EntryState.LOADED and view.sample.scanner is None
    )


def entry_is(state: EntryState) -> Callable[[View], bool]:
    """The entry is in this state."""
    return lambda view: view.sample.entry.state is state
