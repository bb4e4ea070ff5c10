# SPDX-License-Identifier: Apache-2.0
"""Takes one recovery step at a time, and tells the result."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from typing import Final

from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..adapter_health.adapter_health import AdapterHealth
from ..adapter_health.history import StepResult
from ..adapter_health.ladder import RecoveryStep
from ..adapter_health.samples import AdapterSample, HostState, Verdict
from ..adapter_health.status import RecoveryRefused, RefusalReason
from ..bluez.models import PowerFault
from ..bluez.watcher import BlueZWatcher
from .poll_gate import PollGate
from .sampling import async_host_state
from .steps import StepFailed, StepRunner

EFFECT_LIMIT: Final = 180.0
STOP_LIMIT: Final = 60.0
ACTIVE_SCAN: Final = 20.0
"""How long is scanned actively after a step: the polls after it fall into this time, s."""
RESTORE_PAUSE: Final = 300.0
"""Pause between attempts to switch on an adapter that a step left off, s."""


class Recovery:
    """Takes the steps that a ladder decides on or the user asks for."""

    def __init__(
        self,
        hass: HomeAssistant,
        adapters: Mapping[str, AdapterHealth],
        watcher: BlueZWatcher,
        gate: PollGate,
        *,
        links: Callable[[str], Collection[str]],
        changed: Callable[[AdapterHealth], None],
        save: Callable[[], Awaitable[None]],
    ) -> None:
        """Prepare to repair adapters that a watcher sees.

        `links` returns those that a step on an adapter may close. `changed` is called when a step begins and ends, `save` stores at once.
        """
        self._hass = hass
        self._clock = hass.loop.time
        self._adapters = adapters
        self._gate = gate
        self._links = links
        self._changed = changed
        self._save = save
        self._runner = StepRunner(
            hass,
            watcher,
            self._note_power,
            self._note_power_fault,
            is_direct=self._is_direct,
        )
        self._effects: dict[str, asyncio.Future[StepResult]] = {}
        self.task: asyncio.Task[None] | None = None
        """The task of the last step."""
        self._scanning: asyncio.Task[None] | None = None
        """The active scan after the last step that was followed by one."""

    @property
    def _is_busy(self) -> bool:
        return any(health.own.running for health in self._adapters.values())

    async def async_stop(self) -> None:
        """Let a running step finish, so that no adapter is left off.

        A step that takes too long is broken off: it switches the adapter on before it ends.
        """
        if self.task is not None and not self.task.done():
            await asyncio.wait([self.task], timeout=STOP_LIMIT)
            if not self.task.done():
                self.task.cancel()
                await asyncio.wait([self.task], timeout=STOP_LIMIT)
        await self._async_end_scan()
        for address in tuple(self._effects):
            self.forget(address)

    async def _async_end_scan(self) -> None:
        scanning, self._scanning = self._scanning, None
        if scanning is not None and not scanning.done():
            scanning.cancel()
            await asyncio.wait([scanning])

    def forget(self, address: str) -> None:
        """Tell the user who waits for the effect of a step that the step was aborted."""
        self._conclude(address, StepResult.ABORTED)

    def consider(self, health: AdapterHealth) -> None:
        """Take the step that was decided on, unless a step is running already."""
        sample, ended_at = health.sample, health.own.ended_at
        if self._is_busy or sample is None:
            return
        waited = ended_at is None or sample.at - ended_at >= RESTORE_PAUSE
        if health.powered_off_by_us and waited and _can_be_restored(sample):
            self._start(health, RecoveryStep.POWER_CYCLE, restore=True)
        elif health.decision.step is not None:
            self._start(health, health.decision.step)

    async def async_take(
        self, health: AdapterHealth | None, step: RecoveryStep
    ) -> StepResult:
        """Take a step that the user asks for, and return whether it helped.

        Raises RecoveryRefused if the step may not be taken now.
        """
        if health is None or health.sample is None:
            raise RecoveryRefused(RefusalReason.UNKNOWN_ADAPTER)
        self._check(health, step)
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

    def _check(self, health: AdapterHealth, step: RecoveryStep) -> None:
        sample = health.sample
        assert sample is not None
        if async_host_state(self._hass) is not HostState.RUNNING:
            raise RecoveryRefused(RefusalReason.STOPPING)
        if self._is_busy or health.address in self._effects:
            raise RecoveryRefused(RefusalReason.BUSY)
        if sample.entry.state.is_out_of_use:
            raise RecoveryRefused(RefusalReason.ENTRY_GONE)
        takes_socket = step is RecoveryStep.FULL_RESET or (
            step.is_reset and sample.is_direct
        )
        if takes_socket and not sample.management_socket:
            raise RecoveryRefused(RefusalReason.NOT_AVAILABLE)
        if step.is_reset and sample.has_twin:
            raise RecoveryRefused(RefusalReason.TWO_ADAPTERS)
        wait = health.limiter.at(self._clock()).wait_on_request
        if step.is_reset and wait > 0:
            raise RecoveryRefused(RefusalReason.LIMIT, wait)

    def note_result(self, health: AdapterHealth) -> None:
        """Tell the user who waits for the effect of a step its result, if it is known."""
        step = health.history.last_step
        is_over = step is not None and health.own.running is None
        if step is not None and is_over and step.result is not StepResult.PENDING:
            self._conclude(health.address, step.result)

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
        health.begin_step(step, dt_util.utcnow(), self._clock(), requested=requested)
        self._changed(health)
        # Not a background task: those are cancelled when Home Assistant stops.
        self.task = self._hass.async_create_task(
            self._async_take_step(health, step, restore=restore),
            f"renogy_bt {step} of {health.address}",
            eager_start=False,
        )

    async def _async_take_step(
        self, health: AdapterHealth, step: RecoveryStep, *, restore: bool
    ) -> None:
        """Take a step while the gate is closed; the gate opens again in any case."""
        result, detail = StepResult.ABORTED, None
        try:
            await self._gate.async_hold(health.address)
            if restore and not self._is_direct(health.address):
                await self._runner.power_on(health.address)
            else:
                await self._runner.run(
                    step, health.address, self._links(health.address)
                )
            if not self._hass.is_stopping:
                result = StepResult.PENDING
        except StepFailed as error:
            result, detail = StepResult.FAILED, str(error)
        finally:
            health.end_step(self._clock(), result, detail)
            self._gate.async_release()
            self._changed(health)
            self._gate.async_poll_when_heard()
        if result is StepResult.PENDING and _fails_to_connect(health):
            # Some controllers connect only while they discover: see whether this one does.
            await self._async_end_scan()
            self._scanning = self._hass.async_create_background_task(
                bluetooth.async_request_active_scan(self._hass, ACTIVE_SCAN),
                f"renogy_bt active scan for {health.address}",
            )

    async def _note_power(self, address: str, is_on: bool) -> None:
        """Store that a step has switched an adapter off, in case Home Assistant is killed."""
        health = self._adapters.get(address)
        if health is not None and health.powered_off_by_us is is_on:
            health.powered_off_by_us = not is_on
            await self._save()

    def _is_direct(self, address: str) -> bool:
        """Whether Home Assistant works an adapter without bluetoothd."""
        health = self._adapters.get(address)
        return health is not None and health.memory.is_direct

    def _note_power_fault(self, address: str, fault: PowerFault | None) -> None:
        if (health := self._adapters.get(address)) is not None:
            health.own = replace(health.own, power_fault=fault)


def _can_be_restored(sample: AdapterSample) -> bool:
    """Whether an adapter that a step left off is there to be switched on.

    Without bluetoothd that is the whole step, which needs a Home Assistant that runs.
    """
    is_ready = not sample.is_direct or sample.host is HostState.RUNNING
    return sample.adapter is not None and is_ready


def _fails_to_connect(health: AdapterHealth) -> bool:
    judgement = health.judgement
    return judgement is not None and judgement.verdict is Verdict.CONNECTS_FAILING
