# SPDX-License-Identifier: Apache-2.0
"""A world: a place in which something is so for thirty days, and what is promised of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.samples import (
    HostState,
    Reason,
    Verdict,
)

from .radio import DAY, HOUR, MINUTE
from .simulation import Place, Play

DAYS = 30.0
MOST_NOTICE_CHANGES = 4
"""Changes of notices that an adapter's user puts up with in a day."""
MOST_EVENTS = 12
"""Events of an adapter that its user puts up with in a day."""
MOST_RESETS_AN_HOUR = 10
"""Resets of a radio within an hour that other integrations on it can live with."""
MENDED_UNTOLD = 180.0
"""What is always mended within this time the user need not be told of, s."""
RESTART_TAKES = 300.0
"""A restart of Home Assistant in the middle of a fault puts its end off by so much, s."""


@dataclass(frozen=True, kw_only=True)
class World:
    """What is built and played in a place, and what has to come of it."""

    name: str
    what: str
    build: Callable[[Place], Play | None]
    benign: bool
    mended_within: float | None = None
    """Longest time that what broke may not work, s; None: only a human can mend it."""
    assisted_within: float | None = None
    """The same where Home Assistant can reset adapters by itself and goes first, s."""
    told: frozenset[Verdict] = frozenset()
    """The user must be told of one of these, and of nothing else.

    Empty: anything goes, but what is always mended at once is not told.
    """
    told_within: float | None = None
    """Longest time until the user is told of what broke first, s."""
    cleared_within: float | None = None
    """Longest time for which the user is told of what works again, s."""
    most_resets: int | None = None
    """So often the radio may be reset in a month, although something is wrong."""
    advice: Reason | None = None
    """The sign that the notice speaks of in the end."""
    most_steps: int | None = None
    """So many steps may be taken in a month, although something is wrong."""
    most_resets_a_day: int | None = None
    """So often the radio may be reset in a day, although something is wrong."""
    most_host_resets: int | None = None
    """So often Home Assistant may find the scanner silent and reset the radio itself."""
    disturbed: bool = False
    """Rights change, clocks are set and Home Assistant restarts besides."""
    direct: bool = False
    """Home Assistant works the adapter over the management socket, and there is no bluetoothd."""

    def with_disturbances(self) -> World:
        """The same world, with changes of rights, clocks and Home Assistant besides."""
        return replace(self, name=f"{self.name}-disturbed", disturbed=True)

    def directly(self) -> World:
        """The same world, with an adapter that Home Assistant works without bluetoothd."""
        return replace(self, name=f"{self.name}-direct", direct=True)

    def limit(self, *, management_socket: bool) -> float | None:
        """Longest time that what broke may not work, s."""
        limit = self.mended_within
        if management_socket and self.assisted_within is not None:
            limit = self.assisted_within
        return limit + RESTART_TAKES if limit is not None and self.disturbed else limit

    @property
    def rights(self) -> tuple[bool, ...]:
        """The levels of rights that are worth a month: with disturbances, benign ones lose them.

        Without bluetoothd there is always a management socket.
        """
        if self.direct:
            return (True,)
        return (self.benign,) if self.disturbed else (False, True)

    def place(self, *, management_socket: bool, pace: float = 1.0) -> Place:
        """A place of this kind, at its beginning."""
        place = Place(management_socket=management_socket, pace=pace)
        play = self.build(place)
        if self.direct:
            place.work_directly()
        place.play(place.retries())
        if play is not None:
            place.play(play)
        if self.disturbed:
            if self.benign:
                place.play(_disturbances(place))
                place.play(_lost_rights(place))
            else:
                place.play(_restart_in_the_middle(place))
        return place


def _disturbances(place: Place) -> Play:
    """Restart Home Assistant, set the clock and suspend the machine now and then."""
    yield 7 * HOUR
    for turn in range(1_000_000):
        match turn % 4:
            case 0 | 2:
                yield from place.restart_host()
            case 1:
                place.clock_set_by += [2 * HOUR, -5 * HOUR, 400.0][turn % 3]
                place.clock_jumped = True
            case _:
                place.suspend(3 * HOUR)
        yield 31 * HOUR


def _lost_rights(place: Place) -> Play:
    """Take the right to the management socket in the middle of the month."""
    yield DAYS / 2 * DAY
    place.management_socket = False


def _restart_in_the_middle(place: Place) -> Play:
    """Restart Home Assistant soon after something broke, and again the day after."""
    while True:
        if place.broken_at is None:
            yield 10.0
            continue
        yield 50.0
        yield from place.restart_host()
        for _ in range(26 * 60):
            if place.broken_at is None:
                break
            yield MINUTE


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a world."""

    name: str
    benign: bool
    management: bool
    days: float
    resets: int
    reloads: int
    notice_changes: int
    notice_changes_worst_day: int
    events_worst_day: int
    recovered_s: float | None
    """Longest time until what had broken worked again; None if nothing broke or it never did."""
    problems: tuple[str, ...]
    """What was promised and did not come true."""


def live(
    world: World, *, management: bool, days: float = DAYS, pace: float = 1.0
) -> Outcome:
    """Let days pass in a world, and see what came of it; a low pace has faults follow sooner."""
    place = world.place(management_socket=management, pace=pace)
    place.run(days * DAY)
    steps = [step for _, step, _ in place.steps]
    changes = [at for at, _ in place.notices]
    fully_mended = place.broken_at is None and place.repairs
    return Outcome(
        name=world.name,
        benign=world.benign,
        management=management,
        days=days,
        resets=len(place.resets),
        reloads=steps.count(RecoveryStep.RESTART_SCANNING),
        notice_changes=len(changes),
        notice_changes_worst_day=_most_within(changes, DAY),
        events_worst_day=_most_within([at for at, _ in place.events], DAY),
        recovered_s=round(max(place.repairs), 1) if fully_mended else None,
        problems=tuple(_problems(world, place, is_whole=days >= DAYS)),
    )


def _most_within(times: list[float], span: float) -> int:
    """The most of some ascending times that lie within any span."""
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= span:
            first += 1
        most = max(most, last + 1 - first)
    return most


def _problems(world: World, place: Place, *, is_whole: bool) -> Iterator[str]:
    """Say what was promised and did not come true."""
    if world.benign and place.steps:
        yield f"{len(place.steps)} steps, {len(place.resets)} resets"
    if world.benign and place.notices:
        yield f"{len(place.notices)} changes of notices"
    if world.benign and place.accusations:
        yield f"accused: {', '.join(sorted(place.accusations))}"
    changes = _most_within([at for at, _ in place.notices], DAY)
    if changes > MOST_NOTICE_CHANGES:
        yield f"{changes} changes of notices in a day"
    events = _most_within([at for at, _ in place.events], DAY)
    if events > MOST_EVENTS:
        yield f"{events} events in a day"
    if _most_within([at for at, _, _ in place.resets], HOUR) > MOST_RESETS_AN_HOUR:
        yield "more resets in an hour than are allowed"
    if world.most_steps is not None and len(place.steps) > world.most_steps:
        yield f"{len(place.steps)} steps, {world.most_steps} at most"
    most_a_day = world.most_resets_a_day
    resets = _most_within([at for at, _, _ in place.resets], DAY)
    if most_a_day is not None and resets > most_a_day:
        yield f"{resets} resets in a day, {most_a_day} at most"
    most_resets = world.most_resets
    if most_resets is not None and len(place.resets) > most_resets:
        yield f"{len(place.resets)} resets, {most_resets} at most"
    most_host_resets = world.most_host_resets
    if most_host_resets is not None and place.host_resets > most_host_resets:
        yield f"{place.host_resets} resets by Home Assistant, {most_host_resets} at most"
    yield from _unmended(world, place, is_whole=is_whole)
    yield from _uncleared(world, place)
    if is_whole or place.notices or _is_told_late(world, place):
        yield from _untold(world, place)


def _unmended(world: World, place: Place, *, is_whole: bool) -> Iterator[str]:
    limit = world.limit(management_socket=bool(place.management_socket))
    if limit is None:
        return
    took = [*place.repairs]
    if place.broken_at is not None and place.now - place.broken_at > limit:
        took.append(place.now - place.broken_at)
    if not took and is_whole:
        yield "nothing broke"
    if took and max(took) > limit:
        yield f"did not work for {max(took):.0f} s, {limit:.0f} at most"


def _uncleared(world: World, place: Place) -> Iterator[str]:
    """Say for how long the user was told of what broke last, and works again."""
    limit = world.cleared_within
    if limit is None or place.broken_at is not None or not place.mended_at:
        return
    mended_at = place.mended_at[-1]
    if not any(notice for at, notice in place.notices if at <= mended_at):
        return
    gone_at = next(
        (at for at, notice in place.notices if at > mended_at and notice is None),
        place.now,
    )
    if gone_at - mended_at > limit:
        yield f"told for {gone_at - mended_at:.0f} s of what works, {limit:.0f} at most"


def _is_told_late(world: World, place: Place) -> bool:
    """Whether what broke first has been there for longer than the user may not be told of it."""
    limit, broke_at = world.told_within, place.first_broken_at
    return (
        limit is not None
        and broke_at is not None
        and not world.disturbed
        and place.now - broke_at > limit
    )


def _is_mended_at_once(place: Place) -> bool:
    """Whether all that broke was mended so soon that the user need not be told, by a restart too."""
    return bool(place.repairs) and max(place.repairs) <= MENDED_UNTOLD


def _untold(world: World, place: Place) -> Iterator[str]:
    if not world.told:
        if _is_mended_at_once(place) and place.notices:
            yield "told of what was mended at once"
        return
    told = {notice.verdict for _, notice in place.notices if notice is not None}
    if not told and not (world.disturbed and _is_mended_at_once(place)):
        yield "nothing was told"
    limit, broke_at = world.told_within, place.first_broken_at
    if limit is not None and broke_at is not None and told and not world.disturbed:
        took = next(at for at, notice in place.notices if notice) - broke_at
        if took > limit:
            yield f"told after {took:.0f} s, {limit:.0f} at most"
    last = next((notice for _, notice in reversed(place.notices) if notice), None)
    if last is not None and world.advice not in (None, last.reason):
        yield f"advice on {last.reason}"
    if told - world.told:
        yield f"told of {', '.join(sorted(told - world.told))}"
    if place.host is not HostState.RUNNING:
        yield "the month ended during a restart"
