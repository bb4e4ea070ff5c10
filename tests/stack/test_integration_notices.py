# SPDX-License-Identifier: Apache-2.0
"""What people are told of links and batteries, over the real stack."""

from collections.abc import Mapping
from dataclasses import replace
import math
import time

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.issues import links as link_issues
from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from tests.banks import (
    bank_entry,
    battery_state,
    link_id,
    link_settings,
    set_up,
    settle,
)
from tests.emulator import EmulatedWorld, Unit, World
from tests.fake_air import DONGLE
from tests.flows.walk import Flow

from .integration import assert_true_values, heard, owner_world, poll, until

UNREACHABLE = f"link_unreachable_{link_id()}"
IDS_CHANGED = f"link_ids_changed_{link_id()}"
IDS_COLLIDE = f"link_ids_collide_{link_id()}"

pytestmark = pytest.mark.usefixtures("integration")


@pytest.fixture
def world() -> World:
    """Return the owner's batteries, one with an alarm, and one more at the factory's id."""
    world = owner_world()
    (link,) = world.links
    spare = replace(link.units[50], unit_id=247)
    registers = {**link.units[51].registers, 5106: 0x000E | 1 << 8}
    alarmed = replace(link.units[51], registers=registers)
    units = {**link.units, 51: alarmed, 247: spare}
    return replace(world, links=(replace(link, units=units),))


@pytest.fixture
def units(world: World) -> Mapping[int, Unit]:
    """Return the batteries of the world by unit id."""
    return world.links[0].units


@pytest.fixture
async def entry(hass: HomeAssistant) -> MockConfigEntry:
    """Return the owner's bank, set up."""
    assert await async_setup_component(hass, "repairs", {})
    await heard(hass, DONGLE)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    return entry


class Clock:
    """The clock that notices go by, moved by hand."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: MockConfigEntry,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Begin after the first poll, at a whole number of seconds to count in."""
        self._hass = hass
        self._entry = entry
        self._at = math.ceil(time.monotonic())
        monkeypatch.setattr(link_issues, "monotonic", lambda: self._at)

    async def pass_by(self, minutes: float) -> None:
        """Let time pass, with a poll every five minutes."""
        for _ in range(int(minutes / 5)):
            self._at += 300
            await poll(self._hass, self._entry)


@pytest.fixture
def clock(
    hass: HomeAssistant, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> Clock:
    """Return the clock; long-silent batteries are asked with every poll."""
    monkeypatch.setattr("custom_components.renogy_bt.renogy.battery.BACKOFF_SECONDS", 0)
    return Clock(hass, entry, monkeypatch)


def shown(hass: HomeAssistant) -> set[str]:
    """Return the ids of the notices that are shown."""
    return {
        issue.issue_id
        for (domain, _), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN and issue.active
    }


async def test_an_alarm_on_the_air_is_an_event_of_its_battery(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """An alarm of a battery on the air is an event of its entity, and of no other."""
    event = battery_state(hass, "alarm", 51, platform="event")
    assert event.attributes["event_type"] == "raised"
    assert event.attributes["alarm"] == "cell_over_voltage"
    assert event.attributes["severity"] == "protection"
    assert event.attributes["cells"] == []
    assert battery_state(hass, "alarms", 51).attributes["active"] == [
        "cell_over_voltage"
    ]
    quiet = battery_state(hass, "alarm", 48, platform="event")
    assert quiet.attributes["event_type"] is None


async def test_battery_that_is_switched_off(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    clock: Clock,
    emulated_world: EmulatedWorld,
) -> None:
    """A battery that is silent, with nobody in its place, is nothing to tell."""
    await emulated_world.set_fault("silent", unit=49)
    await emulated_world.set_fault("silent", unit=247)
    await clock.pass_by(60)
    assert shown(hass) == set()


async def test_id_that_changed(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    clock: Clock,
    emulated_world: EmulatedWorld,
    units: Mapping[int, Unit],
) -> None:
    """The notice leads to the look for batteries, and what is found there is stored."""
    await emulated_world.set_fault("silent", unit=50)
    await clock.pass_by(20)
    assert shown(hass) == {IDS_CHANGED}
    manager = repairs_flow_manager(hass)
    assert manager is not None
    flow = await Flow(hass, manager).begin(DOMAIN, "user", issue_id=IDS_CHANGED)
    told = flow.expect_form("rescan")
    assert (told["silent"], told["others"]) == ("50", "247")
    await flow.submit()
    flow.expect_abort("rescan")
    _, flow_id = flow.step["next_flow"]
    rescan = await Flow(hass, hass.config_entries.subentries).take_up(flow_id)
    await rescan.submit()
    assert rescan.expect_form("rescanned_silent")["news"] == "New at position: 247"
    await rescan.submit(forget=["50"])
    rescan.expect_abort("reconfigure_successful")
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    await settle(hass)
    assert shown(hass) == set()
    assert_true_values(hass, units[247])


async def test_ids_that_collide(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    clock: Clock,
    emulated_world: EmulatedWorld,
) -> None:
    """Two batteries that talk at once are told, and over when one of them is gone."""
    await emulated_world.set_fault("silent", unit=247)
    await emulated_world.set_fault("id-collision", unit=49)
    await clock.pass_by(30)
    assert shown(hass) == {IDS_COLLIDE}
    await emulated_world.clear_faults()
    await clock.pass_by(5)
    assert shown(hass) == set()


async def test_link_out_of_range(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    clock: Clock,
    emulated_world: EmulatedWorld,
) -> None:
    """After half an hour people are told, and why."""
    await emulated_world.set_fault("out-of-range")
    await clock.pass_by(30)
    assert shown(hass) == set()
    await clock.pass_by(5)
    assert shown(hass) == {UNREACHABLE}
    issue = ir.async_get(hass).async_get_issue(DOMAIN, UNREACHABLE)
    assert issue is not None
    assert issue.translation_placeholders is not None
    # Home Assistant's polls move on here, its Bluetooth does not: it heard the link just now.
    reason = "It is heard, but takes no connection."
    assert issue.translation_placeholders["reason"] == reason
    await emulated_world.clear_faults()
    await heard(hass, DONGLE)
    await clock.pass_by(5)
    assert shown(hass) == set()
