"""Has one recovery step taken at a time, and tells what came of it."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..adapter_health.adapter_health import AdapterHealth
from ..adapter_health.history import StepResult
from ..adapter_health.own_steps import RecoveryStep
from ..adapter_health.samples import AdapterSample, EntryState, HostState
from ..adapter_health.status import (
    AdapterEvent,
    EventKind,
    RecoveryRefused,
    RefusalReason,
)
from ..bluez.models import PowerFault
from ..bluez.watcher import BlueZWatcher
from .poll_gate import PollGate
from .steps import StepFailed, StepRunner

EFFECT_LIMIT: Final = 180.0
STOP_LIMIT: Final = 60.0
RESTORE_PAUSE: Final = 300.0
"""Pause between attempts to switch on what a step had to leave off, s."""

_RESULTS: Final = {
    EventKind.RECOVERED: StepResult.RECOVERED,
    EventKind.NO_EFFECT: StepResult.NO_EFFECT,
    EventKind.STEP_FAILED: StepResult.FAILED,
}


class Recovery:
    """Takes the steps that a ladder decides on or the user asks for."""

    def __init__(
        self,
        hass: HomeAssistant,
        gate: PollGate,
        *,
        links: Callable[[], Collection[str]],
        changed: Callable[[AdapterHealth], None],
        save: Callable[[], Awaitable[None]],
    ) -> None:
        """Prepare; `changed` is called when a step begins and ends, `save` stores at once."""
        self._hass = hass
        self._clock = hass.loop.time
        self._gate = gate
        self._links = links
        self._changed = changed
        self._save = save
        self._runner: StepRunner | None = None
        self._health: AdapterHealth | None = None
        self._effects: dict[str, asyncio.Future[StepResult]] = {}
        self.step: asyncio.Task[None] | None = None
        """The step that is being taken."""

    def use(self, watcher: BlueZWatcher) -> None:
        """Work on the adapters that a watcher sees from now on."""
        self._runner = StepRunner(
            self._hass, watcher, self._note_power, self._note_power_fault
        )

    async def async_stop(self) -> None:
        """Let a running step finish, so that no adapter is left off.

        One that takes too long is broken off: it puts back what it has to.
        """
        if (step := self.step) is not None:
            await asyncio.wait([step], timeout=STOP_LIMIT)
            if not step.done():
                step.cancel()
                await asyncio.wait([step], timeout=STOP_LIMIT)
        for address in tuple(self._effects):
            self.forget(address)

    def forget(self, address: str) -> None:
        """Tell the user who waits for the effect of a step that it will not show."""
        self._conclude(address, StepResult.ABORTED)

    def consider(self, health: AdapterHealth, sample: AdapterSample) -> None:
        """Take the step that was decided on, unless one is being taken already."""
        if self.step is not None:
            return
        waited = (
            health.stepped_at is None or sample.at - health.stepped_at >= RESTORE_PAUSE
        )
        if health.powered_off_by_us and sample.adapter is not None and waited:
            self._start(health, RecoveryStep.POWER_CYCLE, restore=True)
        elif health.decision.step is not None:
            self._start(health, health.decision.step)

    async def async_take(self, health: AdapterHealth, step: RecoveryStep) -> StepResult:
        """Take a step because the user asks for it, and return whether it helped."""
        health.try_again()
        effect: asyncio.Future[StepResult] = self._hass.loop.create_future()
        self._effects[health.address] = effect
        self._start(health, step, requested=True)
        try:
            async with asyncio.timeout(EFFECT_LIMIT):
                return await asyncio.shield(effect)
        except TimeoutError:
            return StepResult.NO_EFFECT
        finally:
            self._effects.pop(health.address, None)

    def check(
        self,
        health: AdapterHealth | None,
        sample: AdapterSample | None,
        step: RecoveryStep,
        host: HostState,
    ) -> AdapterHealth:
        """Return the adapter's health if the user may have a step taken now.

        Raises RecoveryRefused if not.
        """
        if health is None or sample is None:
            raise RecoveryRefused(RefusalReason.UNKNOWN_ADAPTER)
        if host is not HostState.RUNNING:
            raise RecoveryRefused(RefusalReason.STOPPING)
        if self.step is not None or health.address in self._effects:
            raise RecoveryRefused(RefusalReason.BUSY)
        if sample.entry.state in (EntryState.ABSENT, EntryState.DISABLED):
            raise RecoveryRefused(RefusalReason.ENTRY_GONE)
        impossible = step is RecoveryStep.FULL_RESET and not sample.management_socket
        if step is RecoveryStep.TELL or impossible:
            raise RecoveryRefused(RefusalReason.NOT_AVAILABLE)
        wait = health.limiter.at(self._clock()).wait_on_request
        if step.is_reset and wait > 0:
            raise RecoveryRefused(RefusalReason.LIMIT, wait)
        return health

    def note_event(self, event: AdapterEvent, health: AdapterHealth) -> None:
        """Give the user who waits for it the result of a step."""
        result = _RESULTS.get(event.kind)
        step = health.history.last_step
        if result is StepResult.FAILED and step is not None:
            result = step.result
        if result is not None:
            self._conclude(event.address, result)

    def _conclude(self, address: str, result: StepResult) -> None:
        effect = self._effects.get(address)
        if effect is not None and not effect.done():
            effect.set_result(result)

    def _start(
        self,
        health: AdapterHealth,
        step: RecoveryStep,
        *,
        requested: bool = False,
        restore: bool = False,
    ) -> None:
        # Not a background task: those are cancelled when Home Assistant stops.
        self.step = self._hass.async_create_task(
            self._async_take_step(health, step, requested=requested, restore=restore),
            f"renogy_bt {step} of {health.address}",
            eager_start=False,
        )

    async def _async_take_step(
        self,
        health: AdapterHealth,
        step: RecoveryStep,
        *,
        requested: bool,
        restore: bool,
    ) -> None:
        """Take a step with the pollers held off; whatever happens, they are let go again."""
        begun, begun_at = dt_util.utcnow(), self._clock()
        self._health = health
        health.begin_step(step, begun_at)
        self._changed(health)
        failure: str | None = None
        aborted = True
        try:
            await self._gate.async_hold(health.address)
            await self._async_run(health, step, restore=restore)
            aborted = self._hass.is_stopping
        except StepFailed as error:
            failure, aborted = str(error), False
        finally:
            now = self._clock()
            health.end_step(
                step,
                begun,
                now,
                now - begun_at,
                requested=requested,
                failure=failure,
                aborted=aborted,
            )
            self.step = self._health = None
            self._gate.async_release()
            self._changed(health)
            self._gate.async_poll_when_heard()

    async def _async_run(
        self, health: AdapterHealth, step: RecoveryStep, *, restore: bool
    ) -> None:
        if self._runner is None:
            raise StepFailed("stopped")
        if restore:
            await self._runner.power_on(health.address)
        else:
            await self._runner.run(step, health.address, self._links())

    async def _note_power(self, address: str, is_on: bool) -> None:
        """Remember that an adapter is off by our doing, even if we are killed meanwhile."""
        health = self._health
        if health is not None and health.powered_off_by_us is is_on:
            health.powered_off_by_us = not is_on
            await self._save()

    def _note_power_fault(self, address: str, fault: PowerFault | None) -> None:
        if self._health is not None:
            self._health.power_fault = fault
