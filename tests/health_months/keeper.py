# SPDX-License-Identifier: Apache-2.0
"""Keeps links connected in a simulated place, as `links/keeping.py` does."""

from typing import Protocol

from custom_components.renogy_bt.links.breathing import (
    BREATHE_AFTER,
    BREATHE_AGAIN_AFTER,
    LONGEST_BREATH,
    is_breath_due,
    is_breath_over,
)
from custom_components.renogy_bt.supervisor.link_records import LinkRecords

from .radio import PROXY, Link

CHECK = 5.0
"""A kept link looks so often whether a breath is due, s."""
HALF_A_BREATH = LONGEST_BREATH / 2
"""Looked at once in the middle: a link may be heard before the breath is over, s."""


class Surroundings(Protocol):
    """What a kept link needs to know of its place."""

    links: list[Link]
    now: float
    heard: int
    records: LinkRecords

    @property
    def silence(self) -> float | None:
        """For how long the scanner has heard nothing, None without one, s."""

    def carries(self, link: Link, seconds: float) -> bool:
        """Whether a connection to a link through the adapter has lasted so long."""


class Keeper:
    """Holds the connections of the links that are kept, and lets them go."""

    def __init__(self, place: Surroundings) -> None:
        """Take the place; no link is connected yet."""
        self._place = place
        self._looked_at = place.now

    def is_to_connect(self, link: Link) -> bool:
        """Move a kept link on to now, and tell whether it may be connected to."""
        kept, now = link.kept, self._place.now
        assert kept is not None
        silence = self._place.silence
        silences = [] if silence is None else [silence]
        if silence is not None:
            kept.company.seen(now, silence, self._place.heard)
        if kept.company.has_vanished(now):
            silences = []
        if kept.breath_began_at is not None:
            if not is_breath_over(silences, now - kept.breath_began_at):
                return False
            kept.breath_began_at, kept.breathed_at = None, now
            link.next_poll = now
        if kept.source is None:
            return True
        if not self._stands(link):
            kept.source = None
            self._place.records.disconnected(link.address, now)
            link.next_poll = now
            return True
        self._place.records.still_connected(link.address, now)
        ago = None if kept.breathed_at is None else now - kept.breathed_at
        if is_breath_due(silences, ago, another_breathes=self._another_breathes(link)):
            self._let_go(link)
            kept.breath_began_at = now
        return False

    def next_turn(self, link: Link) -> float | None:
        """Return when a kept link is to be looked at besides the usual looks."""
        kept, place = link.kept, self._place
        assert kept is not None
        if (began_at := kept.breath_began_at) is not None:
            half = began_at + HALF_A_BREATH
            return half if place.now < half else began_at + LONGEST_BREATH
        if kept.source is None:
            return link.next_poll
        if (silence := place.silence) is None:
            return None
        again = (kept.breathed_at or 0.0) + BREATHE_AGAIN_AFTER
        return max(place.now - silence + BREATHE_AFTER, again) + CHECK

    def cut(self, source: str | None) -> None:
        """End the connections through an adapter or proxy, or all of them for None."""
        for link in self._place.links:
            if link.kept is not None and source in {None, link.kept.source}:
                link.kept.breath_began_at = None
                self._let_go(link)
                link.next_poll = self._place.now

    def _let_go(self, link: Link) -> None:
        assert link.kept is not None
        if link.kept.source is not None:
            link.kept.source = None
            self._place.records.disconnected(link.address, self._place.now)

    def _stands(self, link: Link) -> bool:
        assert link.kept is not None
        if link.kept.source == PROXY:
            return link.present(self._place.now) and link.reached_elsewhere(
                self._place.now
            )
        return self._place.carries(link, link.kept.interval)

    def _another_breathes(self, link: Link) -> bool:
        return any(
            other.kept is not None and other.kept.breathes
            for other in self._place.links
            if other is not link
        )
