# SPDX-License-Identifier: Apache-2.0
"""Every world by name: what may be so at an adapter for a month, and what may break.

To add a world, write a function in `benign.py` or `faulty.py`: its name is the name of the world
(with dashes), its first line says what is so there. It is given a place that works well and
changes it. If something happens there in the course of time, the function is a generator: it
yields for how many seconds it waits. Where something breaks it calls `place.breaks()`, from
which it is counted how long it takes until every link is heard and read again. What is promised
of a faulty world stands in the decorator: `mended_within`, `told`,
`told_within`, `most_resets` and the others of `World`.

Each world is lived through twice, without and with Home Assistant's management socket, and again
with disturbances (`NAME-disturbed`): in a benign world restarts, clocks that are set, and rights
that are lost in the middle; in a faulty one a restart in the middle of the fault.

Each benign world is lived through once more with an adapter that Home Assistant works without
bluetoothd (`NAME-direct`), unless it would say something else there (`NEVER_DIRECT`).

A world that fails today is in `KNOWN_FAILING`, which a test holds exact: take the world out there
with the change that mends it.
"""

from collections.abc import Mapping

from . import benign, faulty, kept, passing, rare
from .registry import BENIGN, FAULTY
from .world import World

PLAIN: Mapping[str, World] = {**BENIGN, **FAULTY}
NEVER_DIRECT: Mapping[str, str] = {
    "scanner-that-tells-no-way": "it is about how the way is known",
    "passing-power-off": "the kernel is asked for its adapters when polls fail: nobody sees that"
    " the adapter was off for half a minute, so the longer time is the first that is seen",
}
"""The benign worlds that are none where an adapter is worked without bluetoothd, and why."""
WORLDS: Mapping[str, World] = {
    world.name: world
    for plain in PLAIN.values()
    for world in (
        plain,
        plain.with_disturbances(),
        *(
            [plain.directly()]
            if plain.benign and plain.name not in NEVER_DIRECT
            else []
        ),
    )
}
KNOWN_FAILING: Mapping[str, str] = {}
"""The worlds that do not come out as promised, at one level of rights at least, and why."""

__all__ = [
    "KNOWN_FAILING",
    "PLAIN",
    "WORLDS",
    "benign",
    "faulty",
    "kept",
    "passing",
    "rare",
]
