# SPDX-License-Identifier: Apache-2.0
"""What strength carries the connections of a link, and what that makes of polls that fail.

A link that is heard may be too weak for a connection: it takes dozens of packets both ways, an
advertisement is one. So failing polls speak against an adapter only where the strength of the
link is known to carry connections: because it is good anywhere, or because it has done so here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil, log
from types import MappingProxyType
from typing import Self

from .samples import DAY, HOUR, AdapterSample, LinkSample, Strength

GOOD_STRENGTH = -75.0
"""Connections begin to fail at -80 dBm, and BlueZ keeps a change of 8 dB to itself for a while."""
CLASS_WIDTH = 4.0
"""Connecting turns from reliable to hopeless within about 8 dB."""
STRONGEST_CLASS = -52.0
CLASSES = 13
FAMILIAR_AFTER = 3 * DAY
"""A strength that carries in fine weather and with the door open is not known before that, s."""
FAMILIAR_TRIES = 50.0
MOST_TRIES = 400.0
"""Older polls fade: so many of them count."""
RELIABLE = 0.1
"""Where more polls fail, failing ones say nothing of the adapter."""
CHANCE = 1e-6
"""A row of failures that comes about so rarely by chance is none; a month has 40 000 polls."""
LEAST_FAILURES = 3
USUAL_INTERVAL = 60.0
LONGEST_INTERVAL = 600.0
GAP_FADES = 0.99
"""Of a link that is told of once in ten minutes, the longest gap of a day or so is known."""
LONGEST_GAP = HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedConnects:
    """How the polls of one link through one adapter went, by the strength that it had."""

    tries: tuple[float, ...] = (0.0,) * CLASSES
    failed: tuple[float, ...] = (0.0,) * CLASSES
    since: float | None = None
    """When the first poll succeeded."""

    def after_row(self, strength: Strength, failures: int, at: float) -> Self:
        """What is known after a poll that succeeded, and the failed ones before it."""
        number = _class_of(strength)
        tries = self.tries[number] + failures + 1.0
        failed = self.failed[number] + failures
        fading = min(MOST_TRIES / tries, 1.0)
        return replace(
            self,
            tries=_with(self.tries, number, tries * fading),
            failed=_with(self.failed, number, failed * fading),
            since=at if self.since is None else self.since,
        )

    def failure_rate(self, strength: Strength | None, at: float) -> float | None:
        """Share of the polls that fail at a strength by chance, None if that is not known."""
        if strength is None:
            return None
        number = _class_of(strength)
        tries, failed = self.tries[number], self.failed[number]
        if is_good(strength):
            # Before anything is known: one in as many as it takes to know.
            return (failed + 1.0) / (tries + FAMILIAR_TRIES)
        if self.since is None or at - self.since < FAMILIAR_AFTER:
            return None
        rate = (failed + 1.0) / (tries + 2.0)
        return rate if tries >= FAMILIAR_TRIES and rate <= RELIABLE else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkMemory:
    """What is remembered of one link at one adapter."""

    learned: LearnedConnects = field(default_factory=LearnedConnects)
    connected_at: float | None = None
    failures: int = 0
    failing_since: float | None = None
    failed_at: float | None = None
    heard_at: float | None = None
    strength: Strength | None = None
    """How strong it was when it was last heard."""
    usual_gap: float = 0.0
    """Longest time between advertisements of late, s."""
    poll_interval: float = USUAL_INTERVAL
    """Time between the last two polls that succeeded in a row, s."""

    def after_look(self, link: LinkSample, disturbed_at: float | None) -> Self:
        """What is remembered after a further sample.

        Polls do not count that failed before something happened to the adapter.
        """
        learned, connected_at = self.learned, link.connected_at
        is_new = connected_at is not None and connected_at != self.connected_at
        if is_new and connected_at is not None and link.strength is not None:
            since = self.failing_since
            by_chance = since is not None and (
                disturbed_at is None or disturbed_at < since
            )
            failures = self.failures if by_chance else 0
            learned = learned.after_row(link.strength, failures, connected_at)
        return self.__class__(
            learned=learned,
            connected_at=connected_at,
            failures=link.failures,
            failing_since=link.failing_since,
            failed_at=link.failed_at,
            heard_at=link.heard_at,
            strength=link.strength or self.strength,
            usual_gap=self._usual_gap(link, disturbed_at),
            poll_interval=self._poll_interval(link),
        )

    def _usual_gap(self, link: LinkSample, disturbed_at: float | None) -> float:
        """Learn from a gap between advertisements, unless something else ended it."""
        before, heard_at = self.heard_at, link.heard_at
        if before is None or heard_at is None or heard_at <= before:
            return self.usual_gap
        if disturbed_at is not None and disturbed_at > before:
            return self.usual_gap
        gap = link.listened(before, heard_at)
        return min(max(gap, GAP_FADES * self.usual_gap), LONGEST_GAP)

    def _poll_interval(self, link: LinkSample) -> float:
        before, connected_at = self.connected_at, link.connected_at
        if before is None or connected_at is None or connected_at <= before:
            return self.poll_interval
        if self.failures:
            return self.poll_interval
        return min(max(connected_at - before, USUAL_INTERVAL), LONGEST_INTERVAL)


type LinkMemories = Mapping[str, LinkMemory]
NO_LINKS: LinkMemories = MappingProxyType({})
MOST_LINKS = 64


def remembered(
    before: LinkMemories, sample: AdapterSample, disturbed_at: float | None
) -> LinkMemories:
    """What is remembered of all links after a further sample; links may be away for a while."""
    links = dict(before)
    for link in sample.links:
        known = links.pop(link.address, LinkMemory())
        links[link.address] = known.after_look(link, disturbed_at)
    return MappingProxyType(dict(list(links.items())[-MOST_LINKS:]))


def is_good(strength: Strength) -> bool:
    """Whether connections come about at this strength, whatever the place."""
    return strength.mean - strength.spread >= GOOD_STRENGTH


def failures_needed(rate: float) -> int:
    """Failures in a row that cannot be chance where such a share of polls fails."""
    return max(LEAST_FAILURES, ceil(log(CHANCE) / log(rate)))


def _class_of(strength: Strength) -> int:
    number = int((STRONGEST_CLASS - strength.mean) // CLASS_WIDTH)
    return min(max(number, 0), CLASSES - 1)


def _with(values: tuple[float, ...], number: int, value: float) -> tuple[float, ...]:
    return (*values[:number], value, *values[number + 1 :])
