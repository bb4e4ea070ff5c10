# SPDX-License-Identifier: Apache-2.0
"""What goes on after a recovery step, and ends with the supervisor."""

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.memory import Memory
from custom_components.renogy_bt.adapter_health.policy import Decision
from custom_components.renogy_bt.adapter_health.samples import (
    Evidence,
    HostState,
    Judgement,
    Reason,
    Verdict,
)
from custom_components.renogy_bt.supervisor import recovery as recovery_module
from custom_components.renogy_bt.supervisor.recovery import Recovery
from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant
from tests.health_months.simulation import ADAPTER, Place


class OpenGate:
    """A gate that nobody waits at."""

    async def async_hold(self, adapter: str) -> None:
        """Close at once."""

    def async_release(self) -> None:
        """Open."""

    def async_poll_when_heard(self) -> None:
        """Have nothing polled."""


class Scans:
    """Active scans that were asked for, and how many of them are under way."""

    def __init__(self) -> None:
        """Begin with none."""
        self.begun = self.under_way = 0

    async def scan(self, *_: object) -> None:
        """Scan until somebody ends it."""
        self.begun += 1
        self.under_way += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.under_way -= 1


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> Scans:
    """Take steps that do nothing, and scans that do not end by themselves."""

    class Runner:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        async def run(self, *_: object) -> None:
            pass

    scans = Scans()
    monkeypatch.setattr(recovery_module, "StepRunner", Runner)
    monkeypatch.setattr(bluetooth, "async_request_active_scan", scans.scan)
    return scans


def health_after(verdict: Verdict) -> AdapterHealth:
    """Return the health of an adapter with a fault that a step is to be taken against."""
    judgement = Judgement(
        verdict=verdict,
        since=900.0,
        evidence=Evidence.CERTAIN,
        reason=Reason.CONNECTS_FAIL,
    )
    return AdapterHealth(
        ADAPTER,
        memory=Memory(judgement=judgement),
        sample=Place().sample(),
        decision=Decision(step=RecoveryStep.RESTART_SCANNING),
    )


def recovery_of(hass: HomeAssistant, health: AdapterHealth) -> Recovery:
    """Return what repairs one adapter."""

    async def save() -> None:
        pass

    return Recovery(
        hass,
        {ADAPTER: health},
        cast(Any, None),
        cast(Any, OpenGate()),
        links=lambda _: (),
        changed=lambda _: None,
        save=save,
    )


async def take_step(recovery: Recovery, health: AdapterHealth) -> None:
    """Have the step taken that was decided on."""
    recovery.consider(health)
    assert recovery.task is not None
    await recovery.task


async def test_active_scan_ends_with_the_recovery(
    hass: HomeAssistant, scans: Scans
) -> None:
    """What was begun after a step does not outlast who began it."""
    health = health_after(Verdict.CONNECTS_FAILING)
    recovery = recovery_of(hass, health)
    await take_step(recovery, health)
    await asyncio.sleep(0)
    assert scans.under_way == 1
    await recovery.async_stop()
    assert scans.under_way == 0
    await recovery.async_stop()


async def test_one_active_scan_at_a_time(hass: HomeAssistant, scans: Scans) -> None:
    """The scan after a further step takes the place of the one before."""
    health = health_after(Verdict.CONNECTS_FAILING)
    recovery = recovery_of(hass, health)
    for begun in (1, 2):
        await take_step(recovery, health)
        await asyncio.sleep(0)
        assert (scans.begun, scans.under_way) == (begun, 1)
    await recovery.async_stop()
    assert scans.under_way == 0


async def test_no_active_scan_where_connects_do_not_fail(
    hass: HomeAssistant, scans: Scans
) -> None:
    """Only what fails to connect is tried while the controller discovers."""
    health = health_after(Verdict.SILENT)
    recovery = recovery_of(hass, health)
    await take_step(recovery, health)
    await recovery.async_stop()
    assert scans.begun == 0


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have a runner note what it is asked for."""
    taken: list[str] = []

    class Runner:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        async def run(self, step: RecoveryStep, *_: object) -> None:
            taken.append(step)

        async def power_on(self, *_: object) -> None:
            taken.append("power_on")

    monkeypatch.setattr(recovery_module, "StepRunner", Runner)
    return taken


@pytest.mark.parametrize(
    ("is_direct", "host", "expected"),
    [
        (False, HostState.RUNNING, ["power_on"]),
        (False, HostState.STARTING, ["power_on"]),
        # Bluetoothd cannot switch it on, and the step sets the entry up again at its end.
        (True, HostState.RUNNING, [RecoveryStep.POWER_CYCLE]),
        (True, HostState.STARTING, []),
    ],
)
async def test_adapter_that_was_left_off_is_switched_on_by_its_path(
    hass: HomeAssistant,
    taken: list[str],
    is_direct: bool,
    host: HostState,
    expected: list[str],
) -> None:
    """Home Assistant was killed in a step: the adapter is on again, whoever has it."""
    health = health_after(Verdict.POWERED_OFF)
    health.powered_off_by_us = True
    health.decision = Decision()
    health.memory = replace(health.memory, is_direct=is_direct)
    assert health.sample is not None
    health.sample = replace(health.sample, is_direct=is_direct, host=host)
    recovery = recovery_of(hass, health)
    recovery.consider(health)
    if recovery.task is not None:
        await recovery.task
    assert taken == expected


async def test_adapter_that_is_not_there_is_not_switched_on(
    hass: HomeAssistant, taken: list[str]
) -> None:
    """Where nobody tells of it, it may well work."""
    health = health_after(Verdict.OK)
    health.powered_off_by_us = True
    health.decision = Decision()
    assert health.sample is not None
    health.sample = replace(health.sample, is_direct=True, adapter=None)
    recovery = recovery_of(hass, health)
    recovery.consider(health)
    assert recovery.task is None
    assert taken == []
