# SPDX-License-Identifier: Apache-2.0
"""A sign: what is seen of an adapter, since when, and when it is believed."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass

from ..samples import Evidence, Reason, Verdict
from ..view import View

HOSTS_TURN = 240.0
"""Two cycles of the scanner watchdog of Home Assistant, s."""

type Seen = Callable[[View], bool]
type Moment = Callable[[View, float], float]


def at_once(view: View, since: float) -> float:
    """Believe the sign as soon as it is seen."""
    return since


def after(seconds: float) -> Moment:
    """Believe the sign once it has been there for so long."""
    return lambda view, since: since + seconds


def after_hosts_turn(alone: float, assisted: float) -> Moment:
    """Give the sign longer where Home Assistant can reset adapters by itself."""
    return lambda view, since: since + (alone if view.alone else assisted)


def from_sight(view: View, seen_since: float) -> float:
    """Count from the look that saw the sign first."""
    return seen_since


def from_silence(view: View, seen_since: float) -> float:
    """Count from the last sign of life."""
    return view.silent_since


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that can be seen of an adapter, and the verdict that it leads to."""

    reason: Reason
    verdict: Verdict
    is_seen: Seen
    _: KW_ONLY
    evidence: Evidence = Evidence.CERTAIN
    due: Moment = at_once
    """When the sign is believed, from the time since when it has been there."""
    since: Moment = from_sight
    """Since when the sign has been there, from the time since when it was seen."""
    severed: bool = False
    """Whether every connection through the adapter is gone with it."""
