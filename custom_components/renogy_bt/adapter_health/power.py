# SPDX-License-Identifier: Apache-2.0
"""Who switches an adapter off and on besides us, and whether it is wanted off."""

from dataclasses import dataclass, replace
from typing import Any, Self

from ..bluez.models import AdapterObject
from .history import OwnSteps
from .samples import DAY, HOUR

RESPECTED_FOR = DAY
"""Whoever switched the adapter off is believed for so long, s."""
SAME_TIME = HOUR
"""An off begins at the same time of the day as another if they differ by no more, s."""
ONCE_WITHIN = DAY + SAME_TIME
"""Who has a reason to switch it off has it again by the next day; a later off is a new one, s."""
REMEMBERED_FOR = 7 * DAY
"""An off at the same time of the day counts for so long: some programs run once a week, s."""
LONG_OFF = 60.0
"""An off that lasts so long is more than a power cycle, s."""
OFTEN = 3
"""So many times within a day another hand has a habit: by hand one does it once or twice."""
MOST_KEPT = 16
OF_ONE_CAUSE = 5.0
"""What happens within so short a time has the same cause, s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """When an adapter was switched off and on by another hand than ours."""

    off_since: float | None = None
    """Since when the adapter has been off by another hand than ours."""
    is_off_by_us: bool = False
    """Whether a reset of ours has switched it off, until it is on again, whoever does that."""
    offs: tuple[float, ...] = ()
    """When the offs began that lasted and that another hand ended, oldest first."""
    cycles: tuple[float, ...] = ()
    """When another hand had switched it off and at once on again, oldest first."""
    powered_at: float | None = None
    was_seen: bool = False
    """Whether the adapter was seen since the watch began."""

    def after_look(
        self, adapter: AdapterObject | None, own: OwnSteps, now: float
    ) -> Self:
        """What is known after another look at the adapter."""
        if adapter is None or self._knows(adapter):
            return self
        looked = replace(self, powered_at=adapter.powered_at, was_seen=True)
        if not adapter.powered:
            return replace(looked, **self._off(adapter, own, now))
        looked = replace(looked, off_since=None, is_off_by_us=False)
        if own.running is not None or self.is_off_by_us or _is_ours(adapter, own):
            return looked
        if self.off_since is not None:
            if now - self.off_since >= LONG_OFF:
                return replace(looked, offs=_with(self.offs, self.off_since))
            return replace(looked, cycles=_with(self.cycles, now))
        if self.was_seen and _is_cycled(adapter, self.powered_at):
            return replace(looked, cycles=_with(self.cycles, now))
        return looked

    def _off(self, adapter: AdapterObject, own: OwnSteps, now: float) -> dict[str, Any]:
        """By whose hand it is off; what another hand does during a step is seen after it."""
        if self.off_since is not None:
            return {}
        if own.running is not None:
            return {"is_off_by_us": self.is_off_by_us or own.running.step.is_reset}
        if self.is_off_by_us and adapter.powered_at == self.powered_at:
            return {}
        return {"off_since": now, "is_off_by_us": False}

    def _knows(self, adapter: AdapterObject) -> bool:
        """Whether the adapter is on as it was at the last look."""
        return (
            self.was_seen
            and adapter.powered
            and self.off_since is None
            and adapter.powered_at == self.powered_at
        )

    def is_wanted_off(self, now: float, switched_on_at: float | None) -> bool:
        """Whether it was switched off by somebody who means it.

        `switched_on_at` is when we last switched it on. Whoever switches it off again after
        that, does so for a day, unless it was on by another hand in between. So does who has
        the habit.
        """
        off = self.off_since
        if off is None or now - off >= RESPECTED_FOR:
            return False
        if switched_on_at is not None and 0.0 <= off - switched_on_at <= ONCE_WITHIN:
            others = (*self.offs, *self.cycles)
            if not any(switched_on_at < at < off for at in others):
                return True
        return self._is_habit(off)

    def was_switched_lately(self, now: float) -> bool:
        """Whether another hand has switched the adapter off and on again within a week."""
        times = (*self.offs, *self.cycles)
        return any(0.0 <= now - at <= REMEMBERED_FOR for at in times)

    def is_cycled_often(self, now: float) -> bool:
        """Whether another program keeps switching the adapter off and on."""
        times = (*self.offs, *self.cycles)
        return sum(0.0 <= now - at <= DAY for at in times) >= OFTEN

    def _is_habit(self, off: float) -> bool:
        """Whether the adapter was off at this time of the day before, or often of late."""
        ages = [off - began for began in self.offs if off - began > 0.0]
        at_this_time = (
            DAY - SAME_TIME <= age <= REMEMBERED_FOR + SAME_TIME
            and min(age % DAY, DAY - age % DAY) <= SAME_TIME
            for age in ages
        )
        return any(at_this_time) or sum(age <= DAY for age in ages) >= OFTEN - 1


def _is_ours(adapter: AdapterObject, own: OwnSteps) -> bool:
    """Whether a step of ours has switched the adapter on last."""
    return (
        adapter.powered_at is not None
        and own.ended_at is not None
        and adapter.powered_at <= own.ended_at + OF_ONE_CAUSE
    )


def _is_cycled(adapter: AdapterObject, powered_at: float | None) -> bool:
    """Whether power came back, and not because the adapter as such did."""
    if adapter.powered_at is None or adapter.powered_at == powered_at:
        return False
    appeared_at = adapter.appeared_at
    return appeared_at is None or abs(adapter.powered_at - appeared_at) > OF_ONE_CAUSE


def _with(times: tuple[float, ...], at: float) -> tuple[float, ...]:
    return (*times, at)[-MOST_KEPT:]
