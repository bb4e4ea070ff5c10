# SPDX-License-Identifier: Apache-2.0
"""Where worlds are entered."""

from collections.abc import Callable
from typing import Any, Protocol

from custom_components.renogy_bt.adapter_health.samples import Reason, Verdict

from .simulation import Place, Play
from .world import World

type Build = Callable[[Place], Play | None]


class Entry(Protocol):
    """Enters the world that a function builds."""

    def __call__[B: Build](self, build: B) -> B:
        """Enter a world, and return its function unchanged."""


BENIGN: dict[str, World] = {}
FAULTY: dict[str, World] = {}


def _described(build: Build) -> tuple[str, str]:
    assert build.__doc__ is not None
    return build.__name__.replace("_", "-"), build.__doc__.splitlines()[0]


def enter_benign(
    name: str, what: str, build: Build, *, most_host_resets: int | None = None
) -> None:
    """Enter a world in which nothing is wrong with the adapter."""
    BENIGN[name] = World(
        name=name,
        what=what,
        build=build,
        benign=True,
        most_host_resets=most_host_resets,
    )


def benign[B: Build](build: B) -> B:
    """Enter the world that a function builds, in which nothing is wrong with the adapter."""
    enter_benign(*_described(build), build)
    return build


def never_reset[B: Build](build: B) -> B:
    """Enter a benign world in which Home Assistant, too, leaves the adapter alone."""
    enter_benign(*_described(build), build, most_host_resets=0)
    return build


def enter_faulty(name: str, what: str, build: Build, **promised: Any) -> None:
    """Enter a world in which something breaks, with what is promised of it."""
    FAULTY[name] = World(name=name, what=what, build=build, benign=False, **promised)


def faulty(
    *,
    mended_within: float | None = None,
    assisted_within: float | None = None,
    told: frozenset[Verdict] | set[Verdict] = frozenset(),
    told_within: float | None = None,
    cleared_within: float | None = None,
    most_resets: int | None = None,
    most_resets_a_day: int | None = None,
    most_steps: int | None = None,
    advice: Reason | None = None,
) -> Entry:
    """Enter the world that a function builds, in which something breaks."""

    def enter[B: Build](build: B) -> B:
        enter_faulty(
            *_described(build),
            build,
            mended_within=mended_within,
            assisted_within=assisted_within,
            told=frozenset(told),
            told_within=told_within,
            cleared_within=cleared_within,
            most_resets=most_resets,
            most_resets_a_day=most_resets_a_day,
            most_steps=most_steps,
            advice=advice,
        )
        return build

    return enter
