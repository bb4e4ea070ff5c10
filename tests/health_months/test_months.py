# SPDX-License-Identifier: Apache-2.0
"""The worlds come out as promised, in months of a few days; the script lives whole ones."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
import os

import pytest

from custom_components.renogy_bt.adapter_health.samples import Verdict

from .radio import HOUR, Link
from .simulation import Place
from .world import MOST_NOTICE_CHANGES, Outcome, World, live
from .worlds import KNOWN_FAILING, PLAIN, WORLDS

SHORT_MONTH = 0.25
"""Days in which every fault but the rarest happens, one soon after another."""

PACE = 0.1


def _live(job: tuple[str, bool]) -> Outcome:
    name, management = job
    return live(WORLDS[name], management=management, days=SHORT_MONTH, pace=PACE)


@pytest.fixture(scope="module")
def problems() -> dict[str, set[str]]:
    """What did not come out as promised, by world."""
    others = (w for w in WORLDS.values() if not w.benign or w.direct)
    chosen = [*PLAIN.values(), *others]
    jobs = {(world.name, rights) for world in chosen for rights in world.rights}
    found: dict[str, set[str]] = {name: set() for name in WORLDS}
    with ProcessPoolExecutor(os.cpu_count(), get_context("fork")) as pool:
        for outcome in pool.map(_live, sorted(jobs)):
            found[outcome.name] |= {*outcome.problems}
    return found


@pytest.mark.timeout(1200)
def test_every_world_comes_out_as_promised(problems: dict[str, set[str]]) -> None:
    """All but those that are known to fail; and no world is in that table in vain."""
    failing = {name: found for name, found in problems.items() if found}
    assert failing.keys() == KNOWN_FAILING.keys(), {
        name: found for name, found in failing.items() if name not in KNOWN_FAILING
    }


def test_known_failures_are_worlds() -> None:
    """The table of known failures names worlds, and says why."""
    assert KNOWN_FAILING.keys() <= WORLDS.keys()
    assert all(KNOWN_FAILING.values())


def test_each_world_is_described() -> None:
    """The help has a line for each world."""
    assert all(world.what.endswith(".") for world in PLAIN.values())
    assert len({world.what for world in PLAIN.values()}) == len(PLAIN)


# What a world is held to, shown on worlds that do not keep it


def _world(build: World) -> set[str]:
    return {*live(build, management=False, days=1.5).problems}


def _restless(place: Place) -> None:
    """Build a place whose only link is in reach for six hours, then never more."""
    place.links = [Link(present=lambda now: now < 6 * HOUR)]
    place.other_devices = lambda now: 6 if now < 6 * HOUR else 0


def test_benign_world_that_is_not_left_alone() -> None:
    """Steps, notices and accusations in a benign world are found."""
    world = World(name="restless", what="", build=_restless, benign=True)
    found = _world(world)
    assert any("steps" in problem for problem in found)
    assert any("accused" in problem for problem in found)


def test_faulty_world_that_is_not_mended() -> None:
    """A fault that lasts longer than was promised is found, and so is one that is not told."""

    def build(place: Place) -> None:
        place.deaf = place.incurable = True
        place.breaks()

    world = World(
        name="deaf",
        what="",
        build=build,
        benign=False,
        mended_within=HOUR,
        told=frozenset({Verdict.MISSING}),
    )
    (unmended,) = live(world, management=False, days=1.0).problems
    assert unmended.startswith("did not work for")


def test_outcome_counts_what_the_user_sees() -> None:
    """A deaf adapter in a lively place: its steps, its notice and its events are counted."""
    outcome = live(WORLDS["deaf-for-good"], management=False, days=2.0)
    assert outcome.resets > 0
    assert outcome.reloads > 0
    assert outcome.notice_changes >= 1
    assert outcome.events_worst_day > MOST_NOTICE_CHANGES
    assert outcome.recovered_s is None


def test_outcome_tells_how_long_a_fault_lasted() -> None:
    """What broke and works again is timed to the first reading."""
    outcome = live(WORLDS["session-lost"], management=False, days=2.0)
    assert outcome.recovered_s is not None
    assert 0 < outcome.recovered_s <= 75
