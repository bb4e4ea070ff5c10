# SPDX-License-Identifier: Apache-2.0
"""What the supervisor keeps of the steps that are taken."""

from datetime import UTC, datetime

import pytest

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.adapter_health.history import StepResult
from custom_components.renogy_bt.adapter_health.ladder import (
    RecoveryLevel,
    RecoveryStep,
)
from custom_components.renogy_bt.storage.adapters import AdapterStore
from custom_components.renogy_bt.supervisor.supervisor import Supervisor
from homeassistant.core import HomeAssistant
from tests.health_months.simulation import ADAPTER, Place
from tests.insides import step_changed

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def test_begin_and_end_of_a_step_are_written_soon(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If Home Assistant is killed after a step, the step and its events are not forgotten."""
    saved: list[str] = []
    monkeypatch.setattr(AdapterStore, "save_soon", lambda _: saved.append("soon"))
    supervisor, health = Supervisor(hass), AdapterHealth(ADAPTER)
    health.look(Place().sample(), RecoveryLevel.FULL, AT)
    health.begin_step(RecoveryStep.POWER_CYCLE, AT, 1001.0, requested=True)
    step_changed(supervisor, health)
    assert saved == ["soon"]
    health.end_step(1005.0, StepResult.FAILED, "blocked")
    step_changed(supervisor, health)
    assert saved == ["soon", "soon"]
