# SPDX-License-Identifier: Apache-2.0
"""What proves that a fault is over: that what it took away works again. Silence proves nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..discovery_need import is_in_window
from ..memory import OpenFault
from ..samples import ScanMode, Verdict
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
    scanner, adapter = view.scanner, view.adapter
    times = [link.connected_at for link in view.sample.links]
    if scanner is not None:
        times.append(scanner.last_connected_at)
    is_helped = scanner is not None and scanner.requested_mode is not ScanMode.ACTIVE
    return any(
        at is not None
        and at > fault.judgement.since
        # While the controller discovers, connections come about that fail again after that.
        and not (is_helped and adapter is not None and is_in_window(adapter, at))
        for at in times
    )


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
