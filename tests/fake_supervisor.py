# SPDX-License-Identifier: Apache-2.0
"""The supervisor's side of a test: adapters and what happens to them are put in by hand.

The supervisor itself is real but idle, so that real listeners and entities take it up.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2s
from typing import Any

import pytest

from custom_components.renogy_bt.adapter_health.history import StepResult
from custom_components.renogy_bt.adapter_health.ladder import PLANS, RecoveryStep
from custom_components.renogy_bt.adapter_health.samples import Reason, Verdict
from custom_components.renogy_bt.adapter_health.status import (
    AdapterEvent,
    AdapterStatus,
    Notice,
    RecoveryRefused,
)
from custom_components.renogy_bt.adapter_health.troubles import trouble_of
from custom_components.renogy_bt.adapters.devices import adapter_identifier
from custom_components.renogy_bt.supervisor.supervisor import (
    Supervisor,
    async_get_supervisor,
)
from homeassistant.core import HomeAssistant, State, callback
from tests.banks import entity_id
from tests.fake_air import INSTANCE
from tests.insides import show, tell

ADAPTER = "00:1A:7D:DA:71:13"
OTHER_ADAPTER = "5C:F3:70:8B:11:22"
SINCE = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)


def adapter_issue(trouble: str, address: str = ADAPTER) -> str:
    """Return the id of a notice about an adapter in the house of these tests."""
    plain = address.replace(":", "").lower().encode()
    mark = blake2s(plain, key=INSTANCE.encode(), digest_size=8).hexdigest()
    return f"adapter_{trouble}_{mark}"


def adapter_status(address: str = ADAPTER, **changes: Any) -> AdapterStatus:
    """Return the status of an adapter that works, but for these changes."""
    sound: Mapping[str, Any] = {
        "name": "hci0",
        "verdict": Verdict.OK,
    }
    return AdapterStatus(address=address, **{**sound, **changes})


def faulty_status(
    verdict: Verdict = Verdict.SILENT,
    address: str = ADAPTER,
    *,
    tried: tuple[RecoveryStep, ...] = (),
    remedies: tuple[RecoveryStep, ...] | None = None,
    since: datetime = SINCE,
    verdict_now: Verdict | None = None,
    **changes: Any,
) -> AdapterStatus:
    """Return the status of an adapter with a fault that the user should know of."""
    notice = Notice(
        trouble=trouble_of(verdict, Reason.HEARD_ELSEWHERE),
        verdict=verdict,
        reason=Reason.HEARD_ELSEWHERE,
        since=since,
        tried=tried,
        remedies=PLANS.get(verdict, ()) if remedies is None else remedies,
    )
    return adapter_status(
        address,
        **{
            "verdict": verdict_now or verdict,
            "problem": True,
            "notice": notice,
            **changes,
        },
    )


class FakeAdapters:
    """The adapters that the supervisor knows, and what its recovery steps lead to."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Start without any adapter; recovery steps help."""
        self.supervisor: Supervisor = async_get_supervisor(hass)
        self.steps: list[tuple[str, RecoveryStep]] = []
        self.outcome: StepResult | RecoveryRefused = StepResult.RECOVERED
        self.watched = True
        self.step_over = asyncio.Event()
        self.step_over.set()

    @callback
    def show(self, *statuses: AdapterStatus) -> None:
        """Let these be all the adapters there are."""
        show(self.supervisor, {status.address: status for status in statuses})

    @callback
    def tell(self, event: AdapterEvent) -> None:
        """Let something happen to an adapter."""
        tell(self.supervisor, event)

    async def recover(self, address: str, step: RecoveryStep) -> StepResult:
        """Take a step as the supervisor does."""
        self.steps.append((address, step))
        await self.step_over.wait()
        if isinstance(self.outcome, RecoveryRefused):
            raise self.outcome
        return self.outcome


@pytest.fixture
async def adapters(
    hass: HomeAssistant, idle_supervisor: None, monkeypatch: pytest.MonkeyPatch
) -> FakeAdapters:
    """Return the adapters of this Home Assistant; there is none yet."""
    fake = FakeAdapters(hass)
    monkeypatch.setattr(Supervisor, "is_watching", property(lambda _: fake.watched))
    monkeypatch.setattr(fake.supervisor, "async_recover", fake.recover)
    return fake


def adapter_entity_id(
    hass: HomeAssistant, key: str, platform: str = "sensor", address: str = ADAPTER
) -> str | None:
    """Return the entity id of an adapter's entity, if it is registered."""
    return entity_id(hass, platform, f"{adapter_identifier(address)}_{key}")


def adapter_state(
    hass: HomeAssistant, key: str, platform: str = "sensor", address: str = ADAPTER
) -> State:
    """Return the state of an adapter's entity."""
    found = adapter_entity_id(hass, key, platform, address)
    assert found is not None, f"no {platform} {key} of {address}"
    state = hass.states.get(found)
    assert state is not None, f"{found} has no state"
    return state
