# SPDX-License-Identifier: Apache-2.0
"""What happens to an adapter again and again: it drops off, or bluetoothd is replaced."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from .history import OWN_DOING
from .samples import HOUR, AdapterSample, Reason, Verdict, latest
from .troubles import Fault

OFTEN = 3
"""So many times within an hour are no accident: an update or a new place makes one or two."""
MOST_KEPT = 100
SERVICE_SETTLES = 30.0
"""An adapter that appears so soon after bluetoothd does so because of bluetoothd, s."""
HOSTS_SILENCE = 90.0
"""Home Assistant itself resets an adapter that has been silent for so long, s."""
VERDICTS: Mapping[Reason, Verdict] = {
    Reason.SERVICE_CRASHES: Verdict.BLUETOOTHD_DOWN,
    Reason.DROPS_OFF: Verdict.MISSING,
}
"""What is the matter each time; the reason that explains the other one comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """When in the last hour an adapter came back, and when bluetoothd was replaced."""

    drops: tuple[float, ...] = ()
    crashes: tuple[float, ...] = ()
    gone_at: float | None = None
    """When the adapter was first seen to be gone, while it is."""
    appeared_at: float | None = None
    owner_changed_at: float | None = None
    is_hosts_doing: bool = False
    """Home Assistant may have reset the adapter that is gone."""

    def after_look(
        self, sample: AdapterSample, life_at: float | None, reset_at: float | None
    ) -> Self:
        """Take in what a further sample shows.

        `life_at` is the last sign of life, `reset_at` when a reset of ours last ended.
        """
        bus, adapter, now = sample.bus, sample.adapter, sample.at
        if not bus.tells_adapters:
            return self
        looked = self._without_old(now)
        if _is_news(bus.owner_changed_at, self.owner_changed_at):
            looked = replace(looked, crashes=_with(looked.crashes, now))
        looked = replace(looked, owner_changed_at=bus.owner_changed_at)
        if adapter is None:
            return looked.gone(sample, life_at)
        if _is_news(adapter.appeared_at, self.appeared_at):
            if self.gone_at is None:
                looked = looked.gone(sample, life_at)
            if not looked.is_explained(adapter.appeared_at, reset_at):
                looked = replace(looked, drops=_with(looked.drops, now))
        return replace(
            looked,
            appeared_at=adapter.appeared_at,
            gone_at=None,
            is_hosts_doing=False,
        )

    def fault(self, now: float) -> Fault | None:
        """What is wrong because it happens so often, if anything does."""
        for reason, times in (
            (Reason.SERVICE_CRASHES, self.crashes),
            (Reason.DROPS_OFF, self.drops),
        ):
            recent = [at for at in times if 0.0 <= now - at < HOUR]
            if len(recent) >= OFTEN:
                return Fault(
                    verdict=VERDICTS[reason],
                    reason=reason,
                    since=recent[0],
                    count=len(recent),
                )
        return None

    def _without_old(self, now: float) -> Self:
        if not self.drops and not self.crashes:
            return self
        return replace(
            self,
            drops=tuple(at for at in self.drops if 0.0 <= now - at < HOUR),
            crashes=tuple(at for at in self.crashes if 0.0 <= now - at < HOUR),
        )

    def gone(self, sample: AdapterSample, life_at: float | None) -> Self:
        """What is known once the adapter is gone."""
        if self.gone_at is not None:
            return self
        silence = sample.at - (life_at if life_at is not None else sample.at)
        return replace(
            self,
            gone_at=sample.at,
            is_hosts_doing=sample.host_resets is not False and silence >= HOSTS_SILENCE,
        )

    def is_explained(self, appeared_at: float | None, reset_at: float | None) -> bool:
        """Whether bluetoothd, Home Assistant or a step of ours brought the adapter anew."""
        at = appeared_at or 0.0
        started_at = self.owner_changed_at
        return (
            self.is_hosts_doing
            or (started_at is not None and 0.0 <= at - started_at <= SERVICE_SETTLES)
            or (reset_at is not None and at - reset_at <= OWN_DOING)
        )


def _is_news(at: float | None, before: float | None) -> bool:
    return at is not None and at == latest(at, before) and at != before


def _with(times: tuple[float, ...], at: float) -> tuple[float, ...]:
    return (*times, at)[-MOST_KEPT:]
