# SPDX-License-Identifier: Apache-2.0
"""The steps that scenarios are made of, as data."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Radio:
    """Turn a switch of the radio: `deaf 0 1`."""

    request: str


@dataclass(frozen=True, slots=True)
class Service:
    """Start, signal or end a service: `end bluetoothd SIGKILL`."""

    request: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Let virtual seconds pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Rfkill:
    """Block the radio softly, or lift the block."""

    blocked: bool


@dataclass(frozen=True, slots=True)
class Power:
    """Set an adapter's power as another program would: over D-Bus where bluetoothd has it."""

    powered: bool
    adapter: str = "hci0"


@dataclass(frozen=True, slots=True)
class RivalDiscovery:
    """Have another D-Bus client call StartDiscovery so many times, and stay."""

    times: int
    adapter: str = "hci0"


@dataclass(frozen=True, slots=True)
class RivalCommand:
    """Have another program start (or stop) discovery over the management socket."""

    starts: bool
    adapter: str = "hci0"


class BluetoothEntry(StrEnum):
    """What to do to Home Assistant's entry of the adapter.

    An unload is waited for, what starts a scan is not.
    """

    RELOAD = "reload"
    SET_UP = "set up"
    UNLOAD = "unload"


@dataclass(frozen=True, slots=True)
class Entry:
    """Act on Home Assistant's entry of the adapter."""

    action: BluetoothEntry


@dataclass(frozen=True, slots=True)
class ActiveScan:
    """Have Home Assistant scan actively for a moment, as its dialogues do; not waited for."""


@dataclass(frozen=True, slots=True)
class ScanMode:
    """Choose how Home Assistant scans, as in the options of the adapter: `passive`."""

    mode: str


@dataclass(frozen=True, slots=True)
class OtherPath:
    """Have Home Assistant work its adapter without bluetoothd, or with it where it did not.

    That is what an update of Home Assistant or an option of it would do.
    """


@dataclass(frozen=True, slots=True)
class OccupySlots:
    """Have another integration connect to the devices next door, and stay connected."""


@dataclass(frozen=True, slots=True)
class FreeSlots:
    """Let it disconnect from them."""


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill Home Assistant in this moment; it is started again a few seconds later."""


@dataclass(frozen=True, slots=True)
class Connected:
    """Wait until an adapter of the radio has a link: a poll runs."""

    adapter: int = 0


type Step = (
    Radio
    | Service
    | Wait
    | Rfkill
    | Power
    | RivalDiscovery
    | RivalCommand
    | Entry
    | ActiveScan
    | ScanMode
    | OtherPath
    | OccupySlots
    | FreeSlots
    | Kill
    | Connected
)
