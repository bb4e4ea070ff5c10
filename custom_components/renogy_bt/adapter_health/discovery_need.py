# SPDX-License-Identifier: Apache-2.0
"""Whether connections come about only while the controller discovers.

Since Linux 6.15 some controllers notice a device that is connected to only then. Home Assistant
discovers for some seconds now and then, unless the scanning mode of the adapter is active.
"""

from dataclasses import dataclass
from typing import Self

from ..bluez.models import AdapterObject
from .connects import LinkMemories, LinkMemory, is_good
from .samples import AdapterSample, ConnectFailure, LinkSample, ScanMode

LONGEST_WINDOW = 120.0
"""Discovering that stays true for longer is a scan in active mode, or a blemish of BlueZ, s."""
ATTEMPT = 20.0
"""A connection that fails so soon after discovery began was tried before, in part, s."""
SUCCESSES = 2
FAILURES = 4
MOST = 100


@dataclass(frozen=True, slots=True)
class DiscoveryNeed:
    """Connections that came about in a window of discovery, and ones that failed outside."""

    successes: int = 0
    failures: int = 0

    def after_look(self, sample: AdapterSample, before: LinkMemories) -> Self:
        """What is known after a further sample; a scan of another kind begins anew.

        An adapter or a scanner that is away for a moment, in a recovery step say, tells nothing.
        """
        adapter, scanner = sample.adapter, sample.scanner
        if adapter is None or scanner is None:
            return self
        if scanner.requested_mode is ScanMode.ACTIVE or not scanner.over_bluetoothd:
            return self.__class__()
        need = self
        for link in sample.links:
            known = before.get(link.address, LinkMemory())
            need = need.after_link(adapter, link, known)
        return need

    @property
    def is_shown(self) -> bool:
        """Whether this is no chance any more."""
        return self.successes >= SUCCESSES and self.failures >= FAILURES

    def after_link(
        self, adapter: AdapterObject, link: LinkSample, known: LinkMemory
    ) -> Self:
        """What is known after the last polls of one link."""
        need, connected_at, failed_at = self, link.connected_at, link.failed_at
        if connected_at is not None and connected_at != known.connected_at:
            if is_in_window(adapter, connected_at):
                need = self.__class__(min(need.successes + 1, MOST), need.failures)
            else:
                need = self.__class__()
        if failed_at is None or failed_at == known.failed_at:
            return need
        if (
            link.failure is not ConnectFailure.FAILED
            or link.strength is None
            or not is_good(link.strength)
        ):
            return need
        if not is_in_window(adapter, failed_at):
            return self.__class__(need.successes, min(need.failures + 1, MOST))
        if is_in_window(adapter, failed_at - ATTEMPT):
            return self.__class__()
        return need


def is_in_window(adapter: AdapterObject, at: float) -> bool:
    """Whether the controller discovered at a time of late, and only for a moment."""
    changed_at = adapter.discovering_changed_at
    if changed_at is None:
        return False
    if adapter.discovering:
        return changed_at <= at <= changed_at + LONGEST_WINDOW
    return changed_at - LONGEST_WINDOW <= at < changed_at
