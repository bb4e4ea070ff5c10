# SPDX-License-Identifier: Apache-2.0
"""The repair dialogue: what it offers, what it does, and what it says of the result."""

import pytest

from custom_components.renogy_bt.adapter_health.history import StepResult
from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.samples import Verdict
from custom_components.renogy_bt.adapter_health.status import (
    RecoveryRefused,
    RefusalReason,
)
from custom_components.renogy_bt.const import DOMAIN
from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, UnknownStep
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from tests.fake_air import FakeAir
from tests.fake_supervisor import (
    ADAPTER,
    FakeAdapters,
    adapter_issue,
    adapter_status,
    faulty_status,
)
from tests.flows.walk import Flow

ISSUE = adapter_issue("radio")

pytestmark = pytest.mark.usefixtures("translated_flows")


@pytest.fixture(autouse=True)
async def fault(hass: HomeAssistant, air: FakeAir, adapters: FakeAdapters) -> None:
    """Let there be an adapter that hears nothing."""
    assert await async_setup_component(hass, "repairs", {})
    assert await async_setup_component(hass, DOMAIN, {})
    adapters.show(faulty_status())


async def repair(hass: HomeAssistant, issue_id: str = ISSUE) -> Flow:
    """Open the dialogue of an issue."""
    manager = repairs_flow_manager(hass)
    assert manager is not None
    return await Flow(hass, manager).begin(DOMAIN, "user", issue_id=issue_id)


def is_open(hass: HomeAssistant, issue_id: str = ISSUE) -> bool:
    """Return whether the issue is there."""
    return ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is not None


async def test_steps_that_are_offered(
    hass: HomeAssistant, adapters: FakeAdapters
) -> None:
    """The dialogue offers the steps that the notice names, and no other."""
    flow = await repair(hass)
    assert flow.expect_menu("init") == ["restart_scanning", "power_cycle", "full_reset"]
    assert flow.step["description_placeholders"]["adapter"] == "hci0"
    adapters.show(faulty_status(remedies=(RecoveryStep.POWER_CYCLE,)))
    assert (await repair(hass)).expect_menu("init") == ["power_cycle"]
    assert adapters.steps == []


@pytest.mark.parametrize(
    "step",
    [
        RecoveryStep.OWN_LINKS,
        RecoveryStep.RESTART_SCANNING,
        RecoveryStep.POWER_CYCLE,
        RecoveryStep.FULL_RESET,
    ],
)
async def test_step_that_helps(
    hass: HomeAssistant, adapters: FakeAdapters, step: RecoveryStep
) -> None:
    """The chosen step is taken once; the issue is gone when it helped.

    The dialogue of this fault offers every step.
    """
    adapters.show(faulty_status(Verdict.CONNECTS_FAILING))
    flow = await (await repair(hass)).choose(step)
    flow.expect_entry()
    assert adapters.steps == [(ADAPTER, step)]
    assert not is_open(hass)


async def test_the_dialogue_says_that_the_step_is_carried_out(
    hass: HomeAssistant, adapters: FakeAdapters
) -> None:
    """While the step is carried out the dialogue says so."""
    adapters.step_over.clear()
    flow = await repair(hass)
    manager = repairs_flow_manager(hass)
    assert manager is not None
    flow_id = flow.step["flow_id"]
    for user_input in ({"next_step_id": "restart_scanning"}, None):
        result = await manager.async_configure(flow_id, user_input)
        assert result["type"] is FlowResultType.SHOW_PROGRESS
        assert result["progress_action"] == "recovering"
        assert result["description_placeholders"] is not None
        assert result["description_placeholders"]["adapter"] == "hci0"
    assert is_open(hass)
    # The supervisor withdraws its notice before the step is reported to have helped.
    adapters.show(adapter_status())
    adapters.step_over.set()
    await hass.async_block_till_done()
    result = await manager.async_configure(flow_id)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert adapters.steps == [(ADAPTER, RecoveryStep.RESTART_SCANNING)]
    assert not is_open(hass)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        pytest.param(StepResult.NO_EFFECT, "still does not work", id="no effect"),
        pytest.param(StepResult.FAILED, "could not be carried out", id="failed"),
        pytest.param(StepResult.ABORTED, "was broken off", id="aborted"),
        pytest.param(StepResult.UNCLEAR, "cannot be told", id="unclear"),
        pytest.param(
            RecoveryRefused(RefusalReason.LIMIT, 61.4),
            "Try again in 61 seconds",
            id="limit",
        ),
        pytest.param(
            RecoveryRefused(RefusalReason.BUSY), "is running", id="another step"
        ),
        pytest.param(
            RecoveryRefused(RefusalReason.UNKNOWN_ADAPTER),
            f"watches no Bluetooth adapter with the address {ADAPTER}",
            id="adapter gone",
        ),
    ],
)
async def test_step_that_does_not_help(
    hass: HomeAssistant,
    adapters: FakeAdapters,
    outcome: StepResult | RecoveryRefused,
    reason: str,
) -> None:
    """The dialogue says why, keeps the issue, and offers the steps again."""
    adapters.outcome = outcome
    flow = await (await repair(hass)).choose("restart_scanning")
    assert reason in flow.expect_form("failed")["reason"]
    assert is_open(hass)
    await flow.submit()
    assert flow.expect_menu("init") == ["restart_scanning", "power_cycle", "full_reset"]
    adapters.outcome = StepResult.RECOVERED
    (await flow.choose("power_cycle")).expect_entry()
    assert adapters.steps == [
        (ADAPTER, RecoveryStep.RESTART_SCANNING),
        (ADAPTER, RecoveryStep.POWER_CYCLE),
    ]
    assert not is_open(hass)


async def test_issue_is_over_when_the_steps_are_offered_again(
    hass: HomeAssistant, adapters: FakeAdapters
) -> None:
    """When the adapter came back by itself there is nothing more to choose."""
    adapters.outcome = StepResult.NO_EFFECT
    flow = await (await repair(hass)).choose("restart_scanning")
    adapters.show(adapter_status())
    flow.expect_form("failed")
    (await flow.submit()).expect_abort("over")


@pytest.mark.parametrize("verdict", [None, Verdict.BLOCKED, Verdict.POWERED_OFF])
async def test_issue_is_over_while_its_dialogue_is_open(
    hass: HomeAssistant, adapters: FakeAdapters, verdict: Verdict | None
) -> None:
    """A dialogue that has outlived its issue ends, also when another fault took its place."""
    adapters.outcome = RecoveryRefused(RefusalReason.UNKNOWN_ADAPTER)
    flow = await repair(hass)
    if verdict is None:
        adapters.show()
    else:
        adapters.show(faulty_status(verdict))
    await flow.choose("restart_scanning")
    flow.expect_form("failed")
    (await flow.submit()).expect_abort("over")


async def test_adapter_that_works_while_it_is_still_told_of(
    hass: HomeAssistant, adapters: FakeAdapters
) -> None:
    """A notice stays for a while after its fault: its dialogue offers nothing any more."""
    adapters.show(faulty_status(verdict_now=Verdict.OK))
    (await repair(hass)).expect_abort("over")


async def test_issue_that_is_gone(hass: HomeAssistant, adapters: FakeAdapters) -> None:
    """For an issue that is gone there is no dialogue."""
    adapters.show(adapter_status())
    with pytest.raises(UnknownStep):
        await repair(hass)


async def test_issue_for_people(hass: HomeAssistant, adapters: FakeAdapters) -> None:
    """An issue that only a person can mend has no dialogue."""
    adapters.show(faulty_status(Verdict.BLOCKED))
    with pytest.raises(UnknownStep):
        await repair(hass, adapter_issue("power"))
