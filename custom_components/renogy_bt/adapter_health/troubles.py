# SPDX-License-Identifier: Apache-2.0
"""Kinds of trouble: faults that turn into each other, and that the user is told of as one."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from .samples import Reason, Verdict


class Trouble(StrEnum):
    """What kind of trouble a fault is; the notice of one kind keeps its id."""

    RADIO = "radio"
    """The adapter is there and on, and does not do its work."""
    POWER = "power"
    GONE = "gone"
    SERVICE = "service"
    """The bus or bluetoothd."""
    ENTRY = "entry"
    """Home Assistant's own entry."""


_BY_VERDICT: Mapping[Verdict, Trouble] = {
    Verdict.POWERED_OFF: Trouble.POWER,
    Verdict.BLOCKED: Trouble.POWER,
    Verdict.MISSING: Trouble.GONE,
    Verdict.BUS_LOST: Trouble.SERVICE,
    Verdict.BLUETOOTHD_DOWN: Trouble.SERVICE,
    Verdict.BLUETOOTHD_HUNG: Trouble.SERVICE,
}
_BY_REASON: Mapping[Reason, Trouble] = {
    Reason.ENTRY_FAILED: Trouble.ENTRY,
    Reason.ENTRY_UNLOADED: Trouble.ENTRY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with an adapter now, or again and again."""

    verdict: Verdict
    reason: Reason
    since: float
    count: int = 0
    """How often it happened in the last hour, where that is what is wrong."""

    @property
    def trouble(self) -> Trouble:
        """The kind of trouble that it is."""
        return trouble_of(self.verdict, self.reason)


def trouble_of(verdict: Verdict, reason: Reason) -> Trouble:
    """The kind of trouble that a fault is."""
    return _BY_REASON.get(reason) or _BY_VERDICT.get(verdict, Trouble.RADIO)
