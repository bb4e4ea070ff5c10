# SPDX-License-Identifier: Apache-2.0
"""The action that recovers an adapter: who may call it, for which adapter, and what it says."""

from typing import Any

from probatio import Invalid
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.renogy_bt.adapter_health.history import (
    AdapterHistory,
    StepRecord,
    StepResult,
)
from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.samples import Verdict
from custom_components.renogy_bt.adapter_health.status import (
    RecoveryRefused,
    RefusalReason,
)
from custom_components.renogy_bt.adapters.recovery import FAILURES
from custom_components.renogy_bt.bluez.models import PowerFault
from custom_components.renogy_bt.const import DOMAIN
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
)
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from tests.fake_air import FakeAir
from tests.fake_supervisor import (
    ADAPTER,
    OTHER_ADAPTER,
    SINCE,
    FakeAdapters,
    adapter_status,
)


@pytest.fixture(autouse=True)
async def integration(hass: HomeAssistant, air: FakeAir) -> None:
    """Set the integration up, without any bank."""
    assert await async_setup_component(hass, DOMAIN, {})


async def recover(
    hass: HomeAssistant, context: Context | None = None, **data: Any
) -> None:
    """Call the action."""
    await hass.services.async_call(
        DOMAIN, "recover_adapter", data, blocking=True, context=context
    )


async def test_only_adapter_needs_no_naming(
    hass: HomeAssistant, adapters: FakeAdapters
) -> None:
    """Without any data the only adapter is power cycled."""
    adapters.show(adapter_status())
    await recover(hass)
    assert adapters.steps == [(ADAPTER, RecoveryStep.POWER_CYCLE)]


@pytest.mark.parametrize(
    ("level", "step"),
    [
        ("restart_scanning", RecoveryStep.RESTART_SCANNING),
        ("power_cycle", RecoveryStep.POWER_CYCLE),
        ("full_reset", RecoveryStep.FULL_RESET),
    ],
)
async def test_each_level_is_a_step_on_the_named_adapter(
    hass: HomeAssistant, adapters: FakeAdapters, level: str, step: RecoveryStep
) -> None:
    """Each level is a step of the ladder, taken on the adapter that is named."""
    adapters.show(adapter_status(), adapter_status(OTHER_ADAPTER))
    await recover(hass, adapter=f" {OTHER_ADAPTER.lower()}", level=level)
    assert adapters.steps == [(OTHER_ADAPTER, step)]


@pytest.mark.parametrize(
    "given",
    [
        *("hci1", "HCI1", " Hci1 "),
        *(OTHER_ADAPTER, OTHER_ADAPTER.lower(), f" {OTHER_ADAPTER.title()} "),
        *(OTHER_ADAPTER.replace(":", "-"), OTHER_ADAPTER.replace(":", "").lower()),
    ],
)
async def test_how_an_adapter_may_be_named(
    hass: HomeAssistant, adapters: FakeAdapters, given: str
) -> None:
    """By its address or by the name that the system gives it, in any case."""
    adapters.show(
        adapter_status(name="hci0"), adapter_status(OTHER_ADAPTER, name="hci1")
    )
    await recover(hass, adapter=given)
    assert adapters.steps == [(OTHER_ADAPTER, RecoveryStep.POWER_CYCLE)]


def device(hass: HomeAssistant, domain: str, connection: tuple[str, str]) -> str:
    """Return the id of a device with this connection, registered now."""
    entry = MockConfigEntry(domain=domain)
    entry.add_to_hass(hass)
    registry = dr.async_get(hass)
    return registry.async_get_or_create(
        config_entry_id=entry.entry_id, connections={connection}
    ).id


@pytest.mark.parametrize("domain", [DOMAIN, "bluetooth"])
async def test_adapter_that_is_picked(
    hass: HomeAssistant, adapters: FakeAdapters, domain: str
) -> None:
    """Its device names an adapter: ours, or the one that Home Assistant itself has of it."""
    adapters.show(adapter_status(), adapter_status(OTHER_ADAPTER))
    picked = device(hass, domain, (dr.CONNECTION_BLUETOOTH, OTHER_ADAPTER))
    await recover(hass, device_id=picked)
    assert adapters.steps == [(OTHER_ADAPTER, RecoveryStep.POWER_CYCLE)]


async def test_device_that_is_no_adapter(
    hass: HomeAssistant, adapters: FakeAdapters
) -> None:
    """A battery, or a device that is gone, is not taken for the only adapter."""
    adapters.show(adapter_status())
    battery = device(hass, DOMAIN, (dr.CONNECTION_BLUETOOTH, "6C:B2:FD:A1:B2:C3"))
    for picked in (battery, "gone"):
        with pytest.raises(ServiceValidationError, match="no Bluetooth adapter"):
            await recover(hass, device_id=picked)
    assert adapters.steps == []


@pytest.mark.parametrize("given", ["hci2", "hci", "", "hci0 hci1", "!"])
async def test_no_adapter_is_guessed(
    hass: HomeAssistant, adapters: FakeAdapters, given: str
) -> None:
    """A name that no adapter has is taken for none of them."""
    adapters.show(
        adapter_status(name="hci0"), adapter_status(OTHER_ADAPTER, name="hci1")
    )
    adapters.outcome = RecoveryRefused(RefusalReason.UNKNOWN_ADAPTER)
    with pytest.raises(ServiceValidationError):
        await recover(hass, adapter=given)
    assert not {ADAPTER, OTHER_ADAPTER} & {address for address, _ in adapters.steps}


async def test_unknown_level(hass: HomeAssistant, adapters: FakeAdapters) -> None:
    """A level that there is not is refused."""
    adapters.show(adapter_status())
    with pytest.raises(Invalid):
        await recover(hass, level="hammer")
    assert adapters.steps == []


async def test_which_of_two_adapters(
    hass: HomeAssistant, adapters: FakeAdapters
) -> None:
    """With two adapters one has to be named, and the message names them."""
    adapters.show(adapter_status(OTHER_ADAPTER), adapter_status())
    with pytest.raises(
        ServiceValidationError, match=f"Name one of: {ADAPTER}, {OTHER_ADAPTER}"
    ):
        await recover(hass)
    assert adapters.steps == []


async def test_no_adapter(hass: HomeAssistant, adapters: FakeAdapters) -> None:
    """Without any adapter the message says so."""
    with pytest.raises(ServiceValidationError, match="or none"):
        await recover(hass)
    assert adapters.steps == []


async def test_only_administrators_may(
    hass: HomeAssistant,
    adapters: FakeAdapters,
    hass_read_only_user: MockUser,
    hass_admin_user: MockUser,
) -> None:
    """A user who is no administrator cannot interrupt everybody's Bluetooth."""
    adapters.show(adapter_status())
    with pytest.raises(Unauthorized):
        await recover(hass, Context(user_id=hass_read_only_user.id))
    assert adapters.steps == []
    await recover(hass, Context(user_id=hass_admin_user.id))
    assert len(adapters.steps) == 1


MESSAGES = {
    RefusalReason.UNKNOWN_ADAPTER: (
        f"watches no Bluetooth adapter with the address {ADAPTER}",
        True,
    ),
    RefusalReason.BUSY: (f"running on the Bluetooth adapter {ADAPTER}", False),
    RefusalReason.LIMIT: ("Try again in 42 seconds", False),
    RefusalReason.STOPPING: ("starting or stopping", False),
    RefusalReason.ENTRY_GONE: (f"no enabled entry for the adapter {ADAPTER}", False),
    RefusalReason.NOT_AVAILABLE: ("cannot be reset fully", True),
    RefusalReason.TWO_ADAPTERS: (
        f"Two Bluetooth adapters have the address {ADAPTER}",
        True,
    ),
}


@pytest.mark.parametrize("reason", RefusalReason)
async def test_every_refusal_has_a_text_of_its_own(
    hass: HomeAssistant, adapters: FakeAdapters, reason: RefusalReason
) -> None:
    """Every refusal has a text of its own; a wrong request is told from a wrong moment."""
    message, is_invalid = MESSAGES[reason]
    adapters.show(adapter_status())
    adapters.outcome = RecoveryRefused(reason, 42.3)
    with pytest.raises(HomeAssistantError) as raised:
        await recover(hass)
    assert message in str(raised.value)
    assert isinstance(raised.value, ServiceValidationError) is is_invalid


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (StepResult.NO_EFFECT, f"{ADAPTER} still does not work"),
        (StepResult.FAILED, f"could not be carried out on the Bluetooth .* {ADAPTER}"),
        (StepResult.ABORTED, f"on the Bluetooth adapter {ADAPTER} was broken off"),
    ],
)
async def test_step_that_does_not_help(
    hass: HomeAssistant, adapters: FakeAdapters, result: StepResult, message: str
) -> None:
    """A step that did not help is an error, with what came of it."""
    adapters.show(adapter_status())
    adapters.outcome = result
    with pytest.raises(HomeAssistantError, match=message):
        await recover(hass)


@pytest.mark.parametrize(
    ("detail", "message"),
    [
        ("power_on_blocked", "blocked by a hardware switch"),
        ("power_off_access_denied", "AppArmor of the host forbids it"),
        ("power_adapter_gone", "gone from the system"),
        ("power_off_timed_out", "did not answer"),
        ("power_on_bus_unavailable", "did not answer"),
        ("power_off_failed", "refuses to switch"),
        ("reset_refused", "could not reset"),
        ("unload_timed_out", "could not be stopped or started"),
        ("entry_gone", "no enabled entry"),
        ("something_else", "The log of Home Assistant tells why"),
        (None, "The log of Home Assistant tells why"),
    ],
)
async def test_why_a_step_could_not_be_carried_out(
    hass: HomeAssistant, adapters: FakeAdapters, detail: str | None, message: str
) -> None:
    """The error says what stood in the way, and what to do about that."""
    step = StepRecord(
        at=SINCE,
        step=RecoveryStep.POWER_CYCLE,
        verdict=Verdict.OK,
        result=StepResult.FAILED,
        detail=detail,
    )
    adapters.show(adapter_status(history=AdapterHistory((step,))))
    adapters.outcome = StepResult.FAILED
    with pytest.raises(HomeAssistantError, match=message) as raised:
        await recover(hass)
    assert ADAPTER in str(raised.value)


def test_every_fault_of_the_power_has_a_message() -> None:
    """Whatever bluetoothd says when power is switched, the user is told in words."""
    for fault in PowerFault:
        assert FAILURES[f"power_on_{fault}"] == FAILURES[f"power_off_{fault}"]
