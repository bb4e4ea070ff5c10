# SPDX-License-Identifier: Apache-2.0
"""What goes wrong: one random trouble after the other, of seven kinds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any, Final

from tests.emulator.faults import FAULTS, Scope
from tests.emulator.world import World

DAY: Final = 86_400.0
HOUR: Final = 3600.0
SHORTEST: Final = 5.0
LONGEST: Final = 240.0
"""A trouble is over so much before the next one that everything can be back, s."""


class Kind(StrEnum):
    """On what a trouble falls."""

    BATTERY = "battery"
    LINK = "link"
    ADAPTER = "adapter"
    BUS = "bus"
    DISK = "disk"
    CLOCK = "clock"
    HOST = "host"


_SCOPES: Final = {
    Kind.BATTERY: Scope.BATTERY,
    Kind.LINK: Scope.LINK,
    Kind.ADAPTER: Scope.ADAPTER,
    Kind.BUS: Scope.BUS,
}
DISK_FULL: Final = "disk-full"
DISK_READ_ONLY: Final = "disk-read-only"
CLOCK_SET: Final = "clock-set"
RELOAD: Final = "reload"
BLUETOOTH_RELOAD: Final = "bluetooth-reload"
RESTART: Final = "restart"
KILL: Final = "kill"
KILL_WHILE_FULL: Final = "kill-while-disk-full"
ENDS: Final = (RESTART, KILL, KILL_WHILE_FULL)
"""What ends a run of Home Assistant: not so often that nothing could gather in one."""
_OTHERS: Final = {
    Kind.DISK: (DISK_FULL, DISK_READ_ONLY),
    Kind.CLOCK: (CLOCK_SET,),
    Kind.HOST: (*(RELOAD, BLUETOOTH_RELOAD) * 3, *ENDS),
}
_CLOCK_STEPS: Final = (-2 * DAY, -HOUR, -60.0, 60.0, HOUR, 8 * HOUR, 2 * DAY)
"""A clock that is set forward is that of a machine that slept, too."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One trouble; `values` are the parameters of a fault of the emulated world."""

    kind: Kind
    name: str
    lasts: float
    values: Mapping[str, Any] = field(default_factory=dict)


def random_trouble(random: Random, world: World) -> Trouble:
    """Return what goes wrong next; each kind is as frequent as the others."""
    kind = random.choice(list(Kind))
    lasts = random.uniform(SHORTEST, LONGEST)
    if (scope := _SCOPES.get(kind)) is not None:
        fault = random.choice([each for each in FAULTS.values() if each.scope is scope])
        values: dict[str, Any] = {}
        link = random.choice(world.links)
        if "link" in fault.parameters and random.random() < 0.7:
            values["link"] = link.address
            if "unit" in fault.parameters and random.random() < 0.7:
                values["unit"] = random.choice(list(link.units))
        return Trouble(kind, fault.name, lasts, values)
    name = random.choice(_OTHERS[kind])
    steps = {"seconds": random.choice(_CLOCK_STEPS)} if name == CLOCK_SET else {}
    return Trouble(kind, name, lasts, steps)
