# SPDX-License-Identifier: Apache-2.0
"""What is known of the bus, of bluetoothd and of adapters.

All times are seconds of one monotonic clock.
"""

from dataclasses import dataclass
from enum import StrEnum


class BusFault(StrEnum):
    """Why the system bus or bluetoothd cannot be talked to."""

    NO_SOCKET = "no_socket"
    ACCESS_DENIED = "access_denied"
    UNREACHABLE = "unreachable"


class PowerFault(StrEnum):
    """Why an adapter's power could not be switched."""

    BLOCKED = "blocked"
    NOT_READY = "not_ready"
    BUSY = "busy"
    FAILED = "failed"
    ACCESS_DENIED = "access_denied"
    TIMED_OUT = "timed_out"
    ADAPTER_GONE = "adapter_gone"
    BUS_UNAVAILABLE = "bus_unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class BusSample:
    """Our connection to the system bus, and bluetoothd behind it."""

    connected: bool = True
    fault: BusFault | None = None
    owner: str | None = None
    """Unique name of org.bluez's owner."""
    owner_changed_at: float | None = None
    """When the owner was last replaced; None: it is the one of the first look."""
    known: bool = True
    """Whether the adapters of this owner have been listed."""
    unanswered: int = 0
    """Calls in a row that got no answer in time."""
    unanswered_since: float | None = None

    @property
    def tells_adapters(self) -> bool:
        """Whether it is known which adapters bluetoothd has now."""
        return self.connected and self.owner is not None and self.known


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterObject:
    """An org.bluez.Adapter1 object."""

    path: str
    address: str
    powered: bool
    discovering: bool
    discovering_changed_at: float | None = None
    """When Discovering last changed; None: it has been so since the first look."""
    power_state: str | None = None
    """Experimental in BlueZ; "off-blocked" is rfkill."""
    passive_scanning: bool = False
    """Whether the adapter has an AdvertisementMonitorManager1."""
    appeared_at: float | None = None
    """When it was added; None: it was there at the first look."""
    powered_at: float | None = None
    """When Powered last became true; None: it was at the first look."""

    @property
    def name(self) -> str:
        """The adapter's hciN."""
        return self.path.rpartition("/")[2]

    @property
    def index(self) -> int:
        """The N of hciN."""
        return int(self.name.removeprefix("hci"))
