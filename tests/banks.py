# SPDX-License-Identifier: Apache-2.0
"""Banks set up in Home Assistant on the fake air."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.renogy_bt.const import (
    CONF_UPDATE_INTERVAL,
    CONF_WIRING,
    DEFAULT_UPDATE_INTERVAL,
    DOMAIN,
    ENTRY_MINOR_VERSION,
    ENTRY_VERSION,
)
from custom_components.renogy_bt.coordinator import BankCoordinator
from custom_components.renogy_bt.links.coordinator import LinkCoordinator
from custom_components.renogy_bt.links.settings import KnownBattery, LinkSettings
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from tests.fake_air import DONGLE, DONGLE_NAME
from tests.renogy.fake_link import FakeLink

MODEL = "RBT50LFP48S"
_LINK_IDS: dict[str, str] = {}
_ENDLESS_TASKS = {"renogy_bt adapter health", "renogy_bt leaves a connection"}


def link_settings(
    address: str = DONGLE,
    name: str = DONGLE_NAME,
    units: tuple[int, ...] = (48, 49, 50, 51),
    model: str | None = MODEL,
    cells: int = 15,
    polling: bool = True,
    kept_interval: int | None = None,
) -> LinkSettings:
    """Return a link as it is stored."""
    return LinkSettings(
        address=address,
        name=name,
        family_key="standard",
        batteries=tuple(
            KnownBattery(unit=unit, model=model, cells=cells) for unit in units
        ),
        polling=polling,
        kept_interval=kept_interval,
    )


def link_id(address: str = DONGLE) -> str:
    """Return the id of the subentry of a link, which tells nothing of it."""
    return _LINK_IDS.setdefault(address, f"01LINK{len(_LINK_IDS):020}")


def bank_entry(
    *links: LinkSettings, title: str = "Battery bank", **options: Any
) -> MockConfigEntry:
    """Return the config entry of a bank with these links."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=title,
        version=ENTRY_VERSION,
        minor_version=ENTRY_MINOR_VERSION,
        options={
            CONF_WIRING: "parallel",
            CONF_UPDATE_INTERVAL: DEFAULT_UPDATE_INTERVAL,
            **options,
        },
        subentries_data=[
            {**link.as_subentry().as_dict(), "subentry_id": link_id(link.address)}
            for link in links
        ],
    )


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Add a bank and let Home Assistant set it up, whatever comes of it."""
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)


@pytest.fixture
async def bank(hass: HomeAssistant, link: FakeLink) -> MockConfigEntry:
    """Return the owner's bank, set up on what is in range."""
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    return entry


async def settle(hass: HomeAssistant) -> None:
    """Wait for everything that is under way, polls and disconnects included.

    What watches for as long as a bank is set up is not waited for.
    """
    await hass.async_block_till_done()
    while under_way := [
        task
        for task in hass._background_tasks
        if isinstance(task, asyncio.Task) and task.get_name() not in _ENDLESS_TASKS
    ]:
        await asyncio.wait(under_way)
        await hass.async_block_till_done()


async def next_poll(
    hass: HomeAssistant, seconds: float = DEFAULT_UPDATE_INTERVAL + 1
) -> None:
    """Let the time of the next poll come, and the poll pass."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=seconds))
    await settle(hass)


def bank_of(entry: ConfigEntry) -> BankCoordinator:
    """Return a bank that is set up."""
    bank = entry.runtime_data
    assert isinstance(bank, BankCoordinator)
    return bank


def link_of(entry: ConfigEntry, address: str = DONGLE) -> LinkCoordinator:
    """Return a link of a bank that is set up."""
    return bank_of(entry).links[address]


async def poll_links(entry: ConfigEntry) -> None:
    """Poll every link of a bank now, all at once."""
    links = bank_of(entry).links.values()
    await asyncio.gather(*(link.async_refresh() for link in links))


def entity_id(hass: HomeAssistant, platform: str, unique_id: str) -> str | None:
    """Return the entity id of a unique id."""
    return er.async_get(hass).async_get_entity_id(platform, DOMAIN, unique_id)


def battery_state(
    hass: HomeAssistant,
    key: str,
    unit: int = 48,
    address: str = DONGLE,
    platform: str = "sensor",
) -> State:
    """Return the state of a battery's entity."""
    found = entity_id(hass, platform, f"{address.lower()}_{unit}_{key}")
    assert found is not None, f"no {platform} {key} of unit {unit}"
    state = hass.states.get(found)
    assert state is not None, f"{found} has no state"
    return state


def link_state(
    hass: HomeAssistant, key: str, address: str = DONGLE, platform: str = "sensor"
) -> State:
    """Return the state of a link's entity."""
    found = entity_id(hass, platform, f"{address.lower()}_{key}")
    assert found is not None, f"no {platform} {key} of {address}"
    state = hass.states.get(found)
    assert state is not None, f"{found} has no state"
    return state


def bank_state(
    hass: HomeAssistant, entry: MockConfigEntry, key: str, platform: str = "sensor"
) -> State:
    """Return the state of a bank's entity."""
    found = entity_id(hass, platform, f"{entry.entry_id}_{key}")
    assert found is not None, f"no {platform} {key} of the bank"
    state = hass.states.get(found)
    assert state is not None, f"{found} has no state"
    return state
