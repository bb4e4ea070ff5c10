"""What proves that a fault is over: that what it took away works again. Silence proves nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..memory import OpenFault
from ..samples import Verdict, latest
from ..view import View

type Proof = Callable[[View, OpenFault], bool]


def heard_again(view: View, fault: OpenFault) -> bool:
    """Whether anything was heard, or connected, after the fault was last seen."""
    life_at = view.memory.life_at
    return life_at is not None and life_at > fault.seen_at


def connects_again(view: View, fault: OpenFault) -> bool:
    """Whether anything was connected since the fault began, or heard where nothing is polled."""
    if not view.polled:
        return heard_again(view, fault)
    connected_at = latest(
        view.scanner.last_connected_at if view.scanner else None,
        *(link.connected_at for link in view.sample.links),
    )
    return connected_at is not None and connected_at > fault.judgement.since


@dataclass(frozen=True, slots=True)
class End:
    """How a fault ends."""

    proof: Proof = heard_again
    stands: bool = False
    """Whether the fault is concluded from what fails: where nothing is tried it is still there."""


ENDS: Mapping[Verdict, End] = {
    Verdict.SILENT: End(stands=True),
    Verdict.CONNECTS_FAILING: End(connects_again, stands=True),
}
STATE_HAS_CHANGED = End()
"""The end of every other fault: its state is seen, and so is that it is no longer there."""


def end_of(fault: OpenFault) -> End:
    """How a fault ends."""
    return ENDS.get(fault.judgement.verdict, STATE_HAS_CHANGED)
