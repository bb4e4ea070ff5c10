# SPDX-License-Identifier: Apache-2.0
"""The faults that are on: switching them, and what ends them by itself."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from .controller import Controller
from .fault_effects import EFFECTS, NO_EFFECT, Effect, End, Occasion, Target
from .faults import ActiveFault, FaultError, Until
from .timers import Timers


@dataclass(slots=True)
class FaultSwitches:
    """Which faults are on in a running world.

    `world` is what their effects act on.
    """

    world: Target
    timers: Timers
    _active: list[ActiveFault] = field(default_factory=list)
    _ended: dict[ActiveFault, asyncio.Event] = field(default_factory=dict)
    _tasks: dict[ActiveFault, asyncio.Task[None]] = field(default_factory=dict)

    @property
    def active(self) -> Collection[ActiveFault]:
        """Return the faults that are on, the earliest first."""
        return self._active

    async def set(self, fault: ActiveFault) -> ActiveFault:
        """Switch a fault on; raises `FaultError` if it cannot begin."""
        for other in [active for active in self._active if _same(active, fault)]:
            await self._end(other)
        self._active.append(fault)
        self._ended[fault] = asyncio.Event()
        try:
            seconds = await self._effect(fault).begin(self.world, fault)
        except FaultError:
            self._forget(fault)
            raise
        if seconds is not None:
            self.timers.spawn(self._end_later(fault, seconds))
        self._strike(Occasion.EVERY, [fault])
        return fault

    async def clear(self, name: str) -> None:
        """Switch off every fault of a name."""
        for fault in [active for active in self._active if active.name == name]:
            await self._end(fault)

    async def clear_all(self) -> None:
        """Switch off every fault, the latest first."""
        for fault in list(reversed(self._active)):
            await self._end(fault)

    async def ended(self, fault: ActiveFault) -> None:
        """Wait until a fault is over."""
        if ended := self._ended.get(fault):
            await ended.wait()

    def forget_all(self) -> None:
        """Forget what is on, without its end, as for a world that stops."""
        for fault in list(self._active):
            self._forget(fault)

    def link_ended(self) -> None:
        """Let happen what the end of a link brings about."""
        self._strike(Occasion.DISCONNECTED, self._active)

    def power_changed(self, controller: Controller) -> None:
        """End what a controller's loss or return of power ends, and begin what it begins."""
        if controller.powered:
            ending = {Until.POWER_ON}
        elif controller.plugged:
            ending = {Until.POWER_CYCLE}
        else:
            ending = {Until.POWER_CYCLE, Until.UNPLUGGED}
        address = controller.specification.address
        concerned = [
            fault for fault in self._active if fault.values.get("adapter") == address
        ]
        for fault in concerned:
            if fault.until in ending:
                self._forget(fault)
        if controller.powered:
            self._strike(Occasion.POWERED_ON, concerned)

    def _strike(self, occasion: Occasion, faults: Iterable[ActiveFault]) -> None:
        """Let faults strike again whose occasion it is, unless they are just doing so."""
        for fault in faults:
            effect, task = self._effect(fault), self._tasks.get(fault)
            if effect.again is None or effect.occasion is not occasion:
                continue
            if task is None or task.done():
                self._tasks[fault] = self.timers.spawn(self._again(fault, effect.again))

    async def _again(self, fault: ActiveFault, again: End) -> None:
        """Strike once, or for ever at the fault's own pace."""
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            await again(self.world, fault)
            if "every" not in fault.values:
                return
            await asyncio.sleep(begun + fault.number("every") - loop.time())

    @staticmethod
    def _effect(fault: ActiveFault) -> Effect:
        return EFFECTS.get(fault.name, NO_EFFECT)

    async def _end_later(self, fault: ActiveFault, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._end(fault)

    async def _end(self, fault: ActiveFault) -> None:
        if not self._is_active(fault):
            return
        self._remove(fault)
        if task := self._tasks.pop(fault, None):
            task.cancel()
            await asyncio.wait([task])
        await self._effect(fault).end(self.world, fault)
        self._forget(fault)

    def _is_active(self, fault: ActiveFault) -> bool:
        return any(active is fault for active in self._active)

    def _remove(self, fault: ActiveFault) -> None:
        self._active = [active for active in self._active if active is not fault]

    def _forget(self, fault: ActiveFault) -> None:
        self._remove(fault)
        if task := self._tasks.pop(fault, None):
            task.cancel()
        if ended := self._ended.pop(fault, None):
            ended.set()


def _same(one: ActiveFault, other: ActiveFault) -> bool:
    return one.name == other.name and all(
        one.values.get(key) == other.values.get(key)
        for key in ("adapter", "link", "unit")
    )
