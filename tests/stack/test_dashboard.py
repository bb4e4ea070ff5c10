"""The dashboard that the documentation offers, on a fresh installation."""

from collections.abc import Iterator
from typing import Any

import pytest

from homeassistant.core import HomeAssistant
from homeassistant.util.yaml import load_yaml_dict
from tests.demo.dashboard import DASHBOARD
from tests.emulator import World
from tests.fake_air import DONGLE
from tests.flows.walk import Flow

from .integration import discovery_of, owner_world, until

pytestmark = pytest.mark.usefixtures("integration")

ADAPTER_STATE = "sensor.bluetooth_adapter_b8_27_eb_5a_00_01_state"


@pytest.fixture
def world() -> World:
    """Return the owner's four batteries."""
    return owner_world()


def values_of(key: str, node: Any) -> Iterator[str]:
    """Yield every text under a key, anywhere in the dashboard."""
    if isinstance(node, list):
        for each in node:
            yield from values_of(key, each)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name == key and isinstance(value, str):
                yield value
            yield from values_of(key, value)


def test_own_cards_only() -> None:
    """Nothing has to be installed for the dashboard."""
    assert not any(
        name.startswith("custom:")
        for name in values_of("type", load_yaml_dict(str(DASHBOARD)))
    )


async def test_every_entity_is_there(hass: HomeAssistant) -> None:
    """The entity ids are those that a fresh installation gives."""
    flow = Flow(hass, hass.config_entries.flow)
    await flow.take_up(await discovery_of(hass, DONGLE))
    await flow.submit()
    await flow.submit(wiring="parallel")
    flow.expect_entry()
    await until(lambda: hass.states.get(ADAPTER_STATE))
    wanted = set(values_of("entity", load_yaml_dict(str(DASHBOARD))))
    assert len(wanted) > 30
    assert wanted <= set(hass.states.async_entity_ids())
