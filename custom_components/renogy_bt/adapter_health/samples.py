# SPDX-License-Identifier: Apache-2.0
"""What is sampled of a Bluetooth adapter, and what is concluded from it.

All times are seconds of one monotonic clock, the one Home Assistant's
scanners stamp their advertisements with.
"""

from dataclasses import dataclass
from enum import StrEnum

from ..bluez.models import AdapterObject, BusSample

HOUR = 3600.0
DAY = 24 * HOUR


def latest(*times: float | None) -> float | None:
    """The last of some times that may not have been."""
    return max((at for at in times if at is not None), default=None)


class Verdict(StrEnum):
    """What is the matter with an adapter."""

    OK = "ok"
    QUIET = "quiet"
    STARTING = "starting"
    SESSION_LOST = "session_lost"
    BUS_LOST = "bus_lost"
    RENUMBERED = "renumbered"
    START_REFUSED = "start_refused"
    SILENT = "silent"
    POWERED_OFF = "powered_off"
    BLOCKED = "blocked"
    MISSING = "missing"
    CONNECTS_FAILING = "connects_failing"
    HOME_ASSISTANT_SIDE = "home_assistant_side"
    SAME_ADDRESS = "same_address"
    BLUETOOTHD_DOWN = "bluetoothd_down"
    BLUETOOTHD_HUNG = "bluetoothd_hung"
    UNKNOWN = "unknown"

    @property
    def is_fault(self) -> bool:
        """Whether something is broken, as opposed to fine, idle or not known."""
        return self not in HARMLESS


HARMLESS = frozenset({Verdict.OK, Verdict.QUIET, Verdict.STARTING, Verdict.UNKNOWN})


class Evidence(StrEnum):
    """How well a verdict is backed."""

    CERTAIN = "certain"  # the state itself shows it
    WITNESSED = "witnessed"  # another scanner hears what this adapter should hear
    LEARNED = "learned"  # this place has never been that silent
    WEAK = "weak"  # may as well be a quiet place or a device switched off
    NONE = "none"


class Reason(StrEnum):
    """The sign behind a verdict."""

    WORKING = "working"
    HOST_STARTING = "host_starting"
    HOST_STOPPING = "host_stopping"
    SETTLING = "settling"
    ENTRY_STARTING = "entry_starting"
    ENTRY_DISABLED = "entry_disabled"
    ENTRY_ABSENT = "entry_absent"
    ENTRY_FAILED = "entry_failed"
    ENTRY_UNLOADED = "entry_unloaded"
    BUS_DOWN = "bus_down"
    BUS_NO_SOCKET = "bus_no_socket"
    BUS_ACCESS_DENIED = "bus_access_denied"
    BUS_UNWATCHED = "bus_unwatched"
    NO_OWNER = "no_owner"
    CALLS_UNANSWERED = "calls_unanswered"
    SERVICE_CRASHES = "service_crashes"
    DROPS_OFF = "drops_off"
    ADAPTER_GONE = "adapter_gone"
    NEVER_SEEN = "never_seen"
    REPLACED = "replaced"
    ADAPTER_ZEROED = "adapter_zeroed"
    OTHER_INDEX = "other_index"
    TWO_ADAPTERS = "two_adapters"
    NOT_FOUND_BY_HOST = "not_found_by_host"
    SETUP_FAILING = "setup_failing"
    RFKILL = "rfkill"
    POWER_OFF = "power_off"
    START_FAILING = "start_failing"
    SCANNER_UNKNOWN = "scanner_unknown"
    STALLED = "stalled"
    RESTART_FAILING = "restart_failing"
    OWNER_CHANGED = "owner_changed"
    ADAPTER_RETURNED = "adapter_returned"
    POWER_CYCLED = "power_cycled"
    NOT_DISCOVERING = "not_discovering"
    HEARD_ON_BUS = "heard_on_bus"
    HEARD_ELSEWHERE = "heard_elsewhere"
    UNUSUAL_SILENCE = "unusual_silence"
    STILL_DEAF = "still_deaf"
    UNEXPLAINED_SILENCE = "unexplained_silence"
    NOTHING_HEARD = "nothing_heard"
    STALE_LINK = "stale_link"
    SLOTS_FULL = "slots_full"
    CONNECTS_FAIL = "connects_fail"
    CONNECT_DENIED = "connect_denied"
    CONNECTS_NEED_DISCOVERY = "connects_need_discovery"


OUT_OF_USE = frozenset({Reason.ENTRY_ABSENT, Reason.ENTRY_DISABLED})
"""The adapter's owner has taken it out of use: what was wrong with it does not matter."""


class HostState(StrEnum):
    """Life cycle of Home Assistant."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


class EntryState(StrEnum):
    """State of the adapter's config entry in Home Assistant's bluetooth integration."""

    LOADED = "loaded"
    IN_PROGRESS = "in_progress"
    RETRYING = "retrying"
    FAILED = "failed"
    NOT_LOADED = "not_loaded"
    DISABLED = "disabled"
    ABSENT = "absent"

    @property
    def is_out_of_use(self) -> bool:
        """Whether the adapter's owner has taken it out of use."""
        return self in (EntryState.ABSENT, EntryState.DISABLED)


class ScanMode(StrEnum):
    """Scanning mode of a scanner; AUTO is passive with active windows."""

    AUTO = "auto"
    ACTIVE = "active"
    PASSIVE = "passive"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySample:
    """The adapter's config entry."""

    state: EntryState
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerSample:
    """Home Assistant's scanner of the adapter; None is what it does not tell."""

    name: str | None
    requested_mode: ScanMode | None
    current_mode: ScanMode | None
    scanning: bool | None
    start_time: float | None
    last_detection: float | None
    """Equal to start_time while nothing was heard since the last start."""
    connecting: int | None = 0
    last_connected_at: float | None = None
    """When any client last connected through this adapter; 0 if none ever did."""
    over_bluetoothd: bool | None = True
    """Whether it scans by way of bluetoothd, whose Discovering tells of such scans alone."""

    @property
    def tells_silence(self) -> bool:
        """Whether it is known since when the scanner has heard nothing."""
        return self.start_time is not None and self.last_detection is not None

    @property
    def heard_at(self) -> float | None:
        """When anything was last heard since the scan began, if it was and is known."""
        began, heard = self.start_time, self.last_detection
        return (
            heard if began is not None and heard is not None and heard > began else None
        )

    @property
    def has_stopped(self) -> bool:
        """Whether it does not scan, and not just to let somebody connect."""
        return self.scanning is False and self.connecting == 0


class ConnectFailure(StrEnum):
    """How an attempt to connect to a link has failed."""

    NOT_HEARD = "not_heard"
    """Home Assistant knew no path to it: nothing was tried."""
    NO_SLOT = "no_slot"
    """Whatever hears it has no connection slot left."""
    DENIED = "denied"
    """The system bus does not let Home Assistant connect to devices."""
    FAILED = "failed"
    """It was tried, and no connection came about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """How strongly a link was heard of late."""

    mean: float
    """In dBm, each value weighted by the time that it lasted."""
    spread: float = 0.0
    """Standard deviation, dB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSample:
    """One of our Bluetooth links, as seen from one adapter."""

    address: str
    polled: bool = True
    """Whether it is polled at all (the owner may have switched that off)."""
    heard_at: float | None = None
    """Last advertisement through this adapter."""
    strength: Strength | None = None
    """How strongly this adapter hears it."""
    heard_elsewhere: tuple[tuple[str, float], ...] = ()
    """(source, time) of the last advertisement through each other scanner."""
    failures: int = 0
    """Polls in a row that got no connection."""
    failing_since: float | None = None
    failed_at: float | None = None
    failure: ConnectFailure | None = None
    """How the last of these polls failed."""
    connected_at: float | None = None
    """When the last poll that connected through this adapter did so."""
    disconnected_at: float | None = None
    """When the last connection through this adapter ended, or was last seen to stand."""
    earlier: tuple[tuple[float, float], ...] = ()
    """(begin, end) of the connection through this adapter before the last one."""
    stale: bool = False
    """BlueZ holds a connection to it while no poll is going on."""

    @property
    def used_at(self) -> float | None:
        """Last time that it was certainly connected through this adapter."""
        return latest(self.connected_at, self.disconnected_at)

    def listened(self, since: float, until: float) -> float:
        """Seconds of a stretch of time in which it could be heard: not while it is connected."""
        connections = self.earlier
        if self.connected_at is not None and self.disconnected_at is not None:
            connections += ((self.connected_at, self.disconnected_at),)
        held = (
            max(min(end, until) - max(begin, since), 0.0) for begin, end in connections
        )
        return until - since - sum(held)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSample:
    """Connection slots of the adapter."""

    slots: int
    free: int
    foreign: tuple[str, ...] = ()
    """Addresses of connections that are not ours."""


@dataclass(frozen=True, slots=True)
class ListedAdapter:
    """An adapter in the list of the kernel, which takes no bluetoothd."""

    name: str | None
    """Its hciN, None if it is not there."""
    powered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterSample:
    """Everything known of one adapter at one time."""

    at: float
    address: str
    host: HostState = HostState.RUNNING
    running_since: float = 0.0
    bus: BusSample
    adapter: AdapterObject | None
    zeroed_adapter: bool = False
    """An adapter without an address is present: a controller that failed to start."""
    other_adapters: frozenset[str] = frozenset()
    """Addresses of the other adapters that bluetoothd has."""
    host_names: frozenset[str] | None = None
    """Numbers (hciN) under which Home Assistant knows the adapter, None if that is not known."""
    entry: EntrySample
    scanner: ScannerSample | None
    links: tuple[LinkSample, ...] = ()
    slots: SlotSample | None = None
    others_connected: int = 0
    """Connections that are not ours, where no slots are known that would tell."""
    devices_heard: int = 0
    """Distinct devices heard through this adapter within the last minute."""
    management_socket: bool | None = False
    """Whether Home Assistant can reset adapters by itself; None if that is not known."""
    only_adapter: bool = True
    """No other local adapter that is enabled, and no proxy."""
    other_path: bool = False
    """Another scanner that can connect has heard one of our links within a day."""
    has_twin: bool = False
    """Another adapter has the same address, as cheap clones do."""
    heard_on_bus_at: float | None = None
    """When bluetoothd last reported devices that Home Assistant did not hear."""
    clock_jumped: bool = False
    """The machine was suspended or its clock was set since the last sample."""
    listed: ListedAdapter | None = None
    """What the kernel has listed of late, None if it was not asked."""
    is_direct: bool = False
    """Home Assistant works the adapter without bluetoothd, whose word on it counts for nothing."""

    @property
    def host_resets(self) -> bool | None:
        """Whether Home Assistant resets a silent adapter by itself, None if not known.

        Without bluetoothd it has a watchdog that starts the scan again, and nothing else.
        """
        return False if self.is_direct else self.management_socket


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a detector concludes from the samples so far."""

    verdict: Verdict
    since: float
    """Since when the sign has been there, not since when it was believed."""
    evidence: Evidence
    reason: Reason
    suspicion: Reason | None = None
    """A sign that has not been there long enough to count."""
    recheck_at: float | None = None
    """When the suspicion becomes a verdict if it stays."""
    severed: bool = False
    """Every connection through the adapter is certainly gone."""
    in_use: bool = True
    """Whether one of our links depends on the adapter; else only watch."""
    standing: bool = False
    """A fault that nothing shows at present, and nothing shows to be over."""
