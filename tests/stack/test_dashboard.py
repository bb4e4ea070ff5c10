# SPDX-License-Identifier: Apache-2.0
"""The dashboard of a fresh installation, made by the action."""

import pytest

from custom_components.renogy_bt.const import DOMAIN
from homeassistant.core import HomeAssistant
from tests.banks import entity_id
from tests.dashboard.cards import check_shape, entities_of
from tests.emulator import World
from tests.fake_air import DONGLE
from tests.flows.walk import Flow

from .integration import discovery_of, owner_world, until

pytestmark = pytest.mark.usefixtures("integration")

ADAPTER_STATE = "adapter_b8:27:eb:5a:00:01_state"


@pytest.fixture
def world() -> World:
    """Return the owner's four batteries."""
    return owner_world()


async def test_every_entity_is_there(hass: HomeAssistant) -> None:
    """After a set-up the dashboard shows four batteries and the adapter, and nothing else."""
    flow = Flow(hass, hass.config_entries.flow)
    await flow.take_up(await discovery_of(hass, DONGLE))
    await flow.submit()
    await flow.submit(wiring="parallel")
    flow.expect_entry()
    await until(lambda: entity_id(hass, "sensor", ADAPTER_STATE))
    state = entity_id(hass, "sensor", ADAPTER_STATE)
    await until(lambda: state and hass.states.get(state))
    made = await hass.services.async_call(
        DOMAIN, "create_dashboard", blocking=True, return_response=True
    )
    assert isinstance(made, dict)
    check_shape(made)
    named = set(entities_of(made))
    assert len(named) > 30
    assert state in named
    assert named <= set(hass.states.async_entity_ids())
