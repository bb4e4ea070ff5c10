# SPDX-License-Identifier: Apache-2.0
"""The emulated Bluetooth world of renogy_bt.

BlueZ's D-Bus interface on a private bus, BT-2 dongles and batteries with the captured
timing law behind it, and fault switches. Runs alone as `python -m tests.emulator`.

From the outside in: `emulated_world` is the whole; `bluez`, `adapter`, `device` and
`gatt` are what bluetoothd shows, `discovery`, `monitors` and `connecting` its rules;
`controller` is kernel and radio; `peripheral`, `line` and `devices` are the far end.
`world`, `world_file` and `solar_day` say what it is like, `faults` and `fault_effects`
what goes wrong; `control` and `bus` are for other processes.
"""

from .bus import BusUnavailable, PrivateBus
from .emulated_world import EmulatedWorld
from .faults import FAULTS, ActiveFault, Fault, FaultError, parse_switch
from .statistics import LinkStatistics
from .world import Adapter, Kind, Link, SolarDay, Timing, Unit, World
from .world_file import WorldFileError, load_world, parse_world

__all__ = [
    "FAULTS",
    "ActiveFault",
    "Adapter",
    "BusUnavailable",
    "EmulatedWorld",
    "Fault",
    "FaultError",
    "Kind",
    "Link",
    "LinkStatistics",
    "PrivateBus",
    "SolarDay",
    "Timing",
    "Unit",
    "World",
    "WorldFileError",
    "load_world",
    "parse_switch",
    "parse_world",
]
