# SPDX-License-Identifier: Apache-2.0
"""Other Bluetooth devices of a busy place: they advertise and nobody connects to them."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from bumble import hci

from tests.emulator.timers import Timers

SHORTEST_INTERVAL: Final = 0.5
LONGEST_INTERVAL: Final = 5.0
_FLAGS: Final = b"\x02\x01\x06"
# Not 0xFFFF, which an integration of Home Assistant takes for one of its devices.
_UNASSIGNED_COMPANY: Final = b"\xfe\xff"


@dataclass(frozen=True, slots=True)
class Beacon:
    """One device: who it is, what it says, how often and how loud."""

    address: hci.Address
    data: bytes
    interval: float
    rssi: int


def beacons(count: int) -> list[Beacon]:
    """Return so many devices, the same ones every time."""
    random = Random(count)
    return [
        Beacon(
            # The two highest bits of a static random address are set.
            hci.Address(bytes([*random.randbytes(5), 0xC0 | random.randrange(64)])),
            _FLAGS + b"\x07\xff" + _UNASSIGNED_COMPANY + random.randbytes(4),
            random.uniform(SHORTEST_INTERVAL, LONGEST_INTERVAL),
            random.randrange(-95, -50),
        )
        for _ in range(count)
    ]


def start(
    each: list[Beacon], timers: Timers, advertise: Callable[[Beacon], None]
) -> None:
    """Have every beacon advertise from now on."""
    for beacon in each:
        _again(beacon, timers, advertise)


def _again(beacon: Beacon, timers: Timers, advertise: Callable[[Beacon], None]) -> None:
    def tick() -> None:
        advertise(beacon)
        timers.call_later(beacon.interval, tick)

    timers.call_later(beacon.interval, tick)
