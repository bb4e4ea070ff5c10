"""The emulated Bluetooth world of renogy_bt.

BlueZ's D-Bus interface on a private bus, BT-2 dongles and batteries with the captured
timing law behind it, and fault switches. Runs alone as `python -m tests.emulator`.
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
