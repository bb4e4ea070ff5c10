# SPDX-License-Identifier: Apache-2.0
"""The recovery ladder: which steps there are against which fault, the gentlest first."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from .samples import Evidence, Judgement, Reason, Verdict


class RecoveryStep(StrEnum):
    """A step of the recovery ladder, from gentle to strong."""

    OWN_LINKS = "own_links"
    RESTART_SCANNING = "restart_scanning"
    POWER_CYCLE = "power_cycle"
    FULL_RESET = "full_reset"

    @property
    def is_reset(self) -> bool:
        """Whether the step resets the radio and so counts against the limit."""
        return self in (RecoveryStep.POWER_CYCLE, RecoveryStep.FULL_RESET)


_OWN_LINKS = RecoveryStep.OWN_LINKS
_RESTART_SCANNING = RecoveryStep.RESTART_SCANNING
_POWER_CYCLE = RecoveryStep.POWER_CYCLE
_FULL_RESET = RecoveryStep.FULL_RESET


class RecoveryLevel(StrEnum):
    """How far recovery may go by itself, the most cautious first."""

    OFF = "off"
    GENTLE = "gentle"
    FULL = "full"


GENTLE_STEPS = (_OWN_LINKS, _RESTART_SCANNING)
DISRUPTIVE_STEPS = (_RESTART_SCANNING, _POWER_CYCLE, _FULL_RESET)
"""Steps that drop every connection through the adapter."""
NOTHING_WORKS = frozenset({Verdict.POWERED_OFF, Verdict.RENUMBERED})
"""Verdicts under which no connection of anybody is worth sparing.

Connections live on through an adapter that only refuses to scan.
"""

ALLOWED: Mapping[RecoveryLevel, tuple[RecoveryStep, ...]] = {
    RecoveryLevel.OFF: (),
    RecoveryLevel.GENTLE: GENTLE_STEPS,
    RecoveryLevel.FULL: tuple(RecoveryStep),
}
"""Steps that are taken by themselves."""

PLANS: Mapping[Verdict, tuple[RecoveryStep, ...]] = {
    Verdict.SESSION_LOST: (_RESTART_SCANNING, _POWER_CYCLE, _FULL_RESET),
    Verdict.RENUMBERED: (_RESTART_SCANNING,),
    # Restarting the scan would only repeat what Home Assistant has just tried.
    Verdict.START_REFUSED: (_POWER_CYCLE, _FULL_RESET),
    # Where a full reset is possible, Home Assistant resets a silent adapter by itself.
    Verdict.SILENT: (_RESTART_SCANNING, _POWER_CYCLE, _FULL_RESET),
    Verdict.POWERED_OFF: (_POWER_CYCLE,),
    Verdict.CONNECTS_FAILING: tuple(RecoveryStep),
}
"""Steps against each fault: those to be taken, and those that the user can ask for."""
PLANS_BY_REASON: Mapping[Reason, tuple[RecoveryStep, ...]] = {
    # Home Assistant has restarted the scan in vain by itself, every two minutes.
    Reason.UNEXPLAINED_SILENCE: (_POWER_CYCLE,),
    Reason.STALE_LINK: (_OWN_LINKS, _RESTART_SCANNING),
    Reason.SLOTS_FULL: (_OWN_LINKS,),
    # Only a human can change a policy of the host, or how Home Assistant scans.
    Reason.CONNECT_DENIED: (),
    Reason.CONNECTS_NEED_DISCOVERY: (),
    Reason.ADAPTER_ZEROED: (_RESTART_SCANNING,),
    Reason.ENTRY_UNLOADED: (_RESTART_SCANNING,),
    # It may only be that Home Assistant does not find the adapter.
    Reason.SETUP_FAILING: (_RESTART_SCANNING, _POWER_CYCLE, _FULL_RESET),
}
"""Steps that are taken instead, where the sign calls for other ones than its verdict."""
PATIENCE: Mapping[tuple[Verdict, Evidence, RecoveryStep], float] = {
    (Verdict.CONNECTS_FAILING, Evidence.WEAK, _RESTART_SCANNING): 120.0,
    (Verdict.CONNECTS_FAILING, Evidence.WEAK, _POWER_CYCLE): 210.0,
    (Verdict.CONNECTS_FAILING, Evidence.WEAK, _FULL_RESET): 300.0,
    (Verdict.CONNECTS_FAILING, Evidence.CERTAIN, _POWER_CYCLE): 210.0,
}
"""Age that a fault must have before a step is worth it, s."""


def plan_for(judgement: Judgement) -> tuple[RecoveryStep, ...]:
    """The steps to be taken against what was judged."""
    return PLANS_BY_REASON.get(judgement.reason, PLANS.get(judgement.verdict, ()))


def possible_steps(
    steps: Iterable[RecoveryStep], *, management_socket: bool, has_twin: bool
) -> tuple[RecoveryStep, ...]:
    """The steps of a plan that can be taken on this adapter.

    A full reset takes the management socket, and a reset of one of two adapters with the same
    address might fall on the other one.
    """
    return tuple(
        step
        for step in steps
        if (step is not _FULL_RESET or management_socket)
        and not (step.is_reset and has_twin)
    )


def remedies_for(
    verdict: Verdict, reason: Reason, *, management_socket: bool, has_twin: bool
) -> tuple[RecoveryStep, ...]:
    """The steps that the user can ask for against a fault, whatever was tried before.

    They are among the steps of the verdict's dialogue.
    """
    planned = PLANS_BY_REASON.get(reason)
    return possible_steps(
        [step for step in PLANS.get(verdict, ()) if planned is None or step in planned],
        management_socket=management_socket,
        has_twin=has_twin,
    )
