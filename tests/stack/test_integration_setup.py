# SPDX-License-Identifier: Apache-2.0
"""From an advertisement in the air to values in Home Assistant, over the real stack."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.links import retries
from custom_components.renogy_bt.links.settings import links_of
from custom_components.renogy_bt.supervisor.poll_gate import PollGate
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from tests.banks import (
    bank_entry,
    bank_state,
    battery_state,
    link_of,
    link_settings,
    link_state,
    set_up,
    settle,
)
from tests.emulator import EmulatedWorld, World
from tests.emulator.world import Kind
from tests.fake_air import DONGLE, DONGLE_NAME
from tests.flows.walk import Flow, report_in

from .integration import (
    about,
    assert_true_values,
    discovery_of,
    expected,
    heard,
    owner_world,
    poll,
    until,
)

pytestmark = pytest.mark.usefixtures("integration", "translated_flows")

UNITS = (48, 49, 50, 51)


@pytest.fixture
def world() -> World:
    """Return the owner's four batteries."""
    return owner_world()


async def probe(hass: HomeAssistant) -> dict[str, Any]:
    """Have the owner's dongle probed for a report."""
    report = await hass.services.async_call(
        DOMAIN, "probe", {"address": DONGLE}, blocking=True, return_response=True
    )
    assert isinstance(report, dict)
    assert "A1:B2:C3" not in str(report)
    assert "FDA1B2C3" not in str(report).upper()
    return report


async def start_flow(hass: HomeAssistant) -> Flow:
    """Take up the discovery of the owner's dongle."""
    flow = Flow(hass, hass.config_entries.flow)
    return await flow.take_up(await discovery_of(hass, DONGLE))


@pytest.mark.usefixtures("all_enabled")
async def test_discovery_to_values(
    hass: HomeAssistant, emulated_world: EmulatedWorld
) -> None:
    """The owner's dongle is discovered and set up, and every value is the world's."""
    flow = await start_flow(hass)
    assert flow.expect_form("bluetooth_confirm")["name"] == DONGLE_NAME
    await flow.submit()
    assert flow.expect_form("found")["batteries"].count("RBT50LFP48S") == 4
    await flow.submit(wiring="parallel")
    entry = flow.expect_entry()["result"]
    assert entry.state is ConfigEntryState.LOADED

    (link,) = emulated_world.world.links
    for unit in link.units.values():
        assert_true_values(hass, unit)
    by_unit = {unit: expected(link.units[unit]) for unit in UNITS}
    for key in ("current", "power", "remaining_capacity", "stored_energy"):
        total = sum(values[key] for values in by_unit.values())
        state = float(bank_state(hass, entry, key).state)
        assert state == about(key, total), key
    assert bank_state(hass, entry, "batteries_responding").state == "4"
    assert emulated_world.statistics()[DONGLE].writes == 0


async def test_set_up_and_reload_leave_the_dongle_alone(
    hass: HomeAssistant, emulated_world: EmulatedWorld
) -> None:
    """After set-up, reload and unload the dongle is free each time."""
    await heard(hass, DONGLE)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    peripheral = emulated_world.peripheral(DONGLE)
    assert entry.state is ConfigEntryState.LOADED
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    await settle(hass)
    assert_true_values(hass, emulated_world.world.links[0].units[48])
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert peripheral.central is None
    assert emulated_world.statistics()[DONGLE].connects == 2


async def test_held_by_another_central(
    hass: HomeAssistant, emulated_world: EmulatedWorld
) -> None:
    """While the maker's app has the dongle the flow says so; then the same flow goes on."""
    flow = await start_flow(hass)
    await emulated_world.set_fault("held-by-other-central")
    await flow.submit()
    flow.expect_form("bluetooth_confirm", "cannot_connect")
    await emulated_world.clear_faults()
    await flow.submit()
    flow.expect_form("found")


async def test_dongle_without_batteries(
    hass: HomeAssistant, emulated_world: EmulatedWorld
) -> None:
    """A dongle behind which nothing answers is told apart from one that is not there."""
    flow = await start_flow(hass)
    await emulated_world.set_fault("silent")
    await flow.submit()
    flow.expect_form("bluetooth_confirm", "no_answer")


async def test_rescan_while_polling(
    hass: HomeAssistant, emulated_world: EmulatedWorld
) -> None:
    """A bank that is polled while its link is rescanned loses neither poll nor rescan."""
    await heard(hass, DONGLE)
    entry = bank_entry(link_settings(units=(48, 49, 50)))
    await set_up(hass, entry)
    (subentry_id,) = entry.subentries
    flow = Flow(hass, hass.config_entries.subentries)
    await flow.begin((entry.entry_id, "link"), "reconfigure", subentry_id=subentry_id)
    await flow.choose("rescan")
    link = link_of(entry)
    polling = hass.async_create_task(link.async_refresh())
    await flow.submit()
    await polling
    assert link.last_update_success
    assert link.failed == {}
    assert flow.expect_form("rescanned")["news"] == "New at position: 4"
    await flow.submit()
    flow.expect_abort("reconfigure_successful")
    assert [link.units for link in links_of(entry).values()] == [UNITS]
    assert_true_values(hass, emulated_world.world.links[0].units[51])


async def test_probe_while_polling(
    hass: HomeAssistant, emulated_world: EmulatedWorld
) -> None:
    """A link of ours is probed for a report between two polls, and read on."""
    await heard(hass, DONGLE)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    polling = hass.async_create_task(link_of(entry).async_refresh())
    report = await probe(hass)
    await polling
    assert link_of(entry).last_update_success
    assert link_of(entry).data.failed == {}
    assert report["outcome"] == "found"
    assert report["found"] == {
        "family": "standard",
        "batteries": [
            {"unit": unit, "model": "RBT50LFP48S", "cells": 15} for unit in UNITS
        ],
        "others": [],
    }
    await settle(hass)
    await until(lambda: emulated_world.peripheral(DONGLE).central is None)
    assert emulated_world.statistics()[DONGLE].connects == 3
    assert emulated_world.statistics()[DONGLE].writes == 0


async def test_gate_is_asked_once_a_connection(
    hass: HomeAssistant, emulated_world: EmulatedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a link is connected to for passes the supervisor's gate, and only once."""
    asked: list[str] = []
    connecting = PollGate.connecting

    def counted(gate: PollGate, link: str) -> AbstractAsyncContextManager[None]:
        asked.append(link)
        return connecting(gate, link)

    monkeypatch.setattr(PollGate, "connecting", counted)

    async def assert_once(uses: int, connections: int) -> None:
        await settle(hass)
        assert emulated_world.statistics()[DONGLE].connects == connections
        assert asked == [DONGLE] * uses

    flow = await start_flow(hass)
    await flow.submit()
    flow.expect_form("found")
    await assert_once(1, 1)
    await flow.submit(wiring="parallel")
    entry = flow.expect_entry()["result"]
    # The first poll goes on with the connection of the probe.
    await assert_once(2, 1)
    await poll(hass, entry)
    await assert_once(3, 2)
    await link_of(entry).client.read_registers(48, 5000, 1)
    await assert_once(4, 3)
    assert await link_of(entry).async_probe() == set(UNITS)
    await assert_once(5, 4)
    (subentry_id,) = entry.subentries
    rescan = Flow(hass, hass.config_entries.subentries)
    await rescan.begin((entry.entry_id, "link"), "reconfigure", subentry_id=subentry_id)
    await rescan.choose("rescan")
    await rescan.submit()
    rescan.expect_form("rescanned")
    await assert_once(6, 5)


class TestOutOfRange:
    """A dongle that has not been there since Home Assistant started."""

    @pytest.fixture
    async def emulated_world(self, emulated_world: EmulatedWorld) -> EmulatedWorld:
        """Return the world, where the dongle has been out of range from the beginning."""
        await emulated_world.set_fault("out-of-range")
        return emulated_world

    async def test_is_waited_for(
        self,
        hass: HomeAssistant,
        emulated_world: EmulatedWorld,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The bank is set up all the same, and read by the first advertisement."""
        monkeypatch.setattr(retries, "HEARD_RETRY_SECONDS", 0.0)
        entry = bank_entry(link_settings())
        await set_up(hass, entry)
        assert entry.state is ConfigEntryState.LOADED
        assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
        assert "1 scanner(s) registered" in str(link_of(entry).error)
        assert link_state(hass, "polling", platform="switch").state == STATE_ON
        await emulated_world.clear_faults()
        await until(lambda: battery_state(hass, "voltage").state != STATE_UNAVAILABLE)
        for unit in emulated_world.world.links[0].units.values():
            assert_true_values(hass, unit)


class TestChargeController:
    """A dongle on a charge controller, which looks the same from outside."""

    @pytest.fixture
    def world(self) -> World:
        """Return a world where a charge controller is behind the dongle."""
        world = owner_world()
        (link,) = world.links
        return replace(
            world, links=(replace(link, kind=Kind.CHARGE_CONTROLLER, units={}),)
        )

    async def test_is_refused(self, hass: HomeAssistant) -> None:
        """A charge controller is refused, named, and nothing is created."""
        flow = await start_flow(hass)
        await flow.submit()
        flow.expect_form("refused", "charge_controller")
        report = report_in(flow.step)
        assert report["outcome"] == "charge_controller"
        assert {
            (each["service"][4:8], each["uuid"][4:8])
            for each in report["characteristics"]
        } >= {
            ("ffd0", "ffd1"),
            ("fff0", "fff1"),
        }
        await flow.submit()
        assert flow.expect_abort("charge_controller")["name"] == DONGLE_NAME
        assert hass.config_entries.async_entries(DOMAIN) == []

    async def test_is_probed(
        self, hass: HomeAssistant, emulated_world: EmulatedWorld
    ) -> None:
        """The action returns the report that the dialogue offers."""
        flow = await start_flow(hass)
        await flow.submit()
        offered = report_in(flow.step)
        await heard(hass, DONGLE)
        report = await probe(hass)
        assert report["outcome"] == "charge_controller"
        assert report["found"] is None
        assert report["characteristics"] == offered["characteristics"]
        assert {each["request"] for each in report["exchanges"]} == {
            each["request"] for each in offered["exchanges"]
        }
        assert emulated_world.peripheral(DONGLE).central is None


class TestTwoDongles:
    """Two dongles whose batteries report the same serial number."""

    OTHER = "60:98:66:ED:FC:11"
    OTHER_NAME = "BT-TH-66EDFC11"

    @pytest.fixture
    def world(self) -> World:
        """Return the owner's dongle twice."""
        world = owner_world()
        (link,) = world.links
        other = replace(link, name=self.OTHER_NAME, address=self.OTHER)
        return replace(world, links=(link, other))

    @pytest.fixture
    async def entry(self, hass: HomeAssistant) -> MockConfigEntry:
        """Return a bank with both."""
        await heard(hass, DONGLE, self.OTHER)
        entry = bank_entry(link_settings(), link_settings(self.OTHER, self.OTHER_NAME))
        await set_up(hass, entry)
        assert entry.state is ConfigEntryState.LOADED
        return entry

    async def test_are_told_apart(
        self,
        hass: HomeAssistant,
        entry: MockConfigEntry,
        emulated_world: EmulatedWorld,
    ) -> None:
        """Eight batteries with repeating serial numbers are eight batteries."""
        assert bank_state(hass, entry, "batteries_responding").state == "8"
        for link in emulated_world.world.links:
            for unit in link.units.values():
                assert_true_values(hass, unit, link.address)
        capacity = sum(
            expected(unit)["total_capacity"]
            for link in emulated_world.world.links
            for unit in link.units.values()
        )
        total = float(bank_state(hass, entry, "total_capacity").state)
        assert total == pytest.approx(capacity)

    async def test_one_of_them_lost(
        self,
        hass: HomeAssistant,
        entry: MockConfigEntry,
        emulated_world: EmulatedWorld,
    ) -> None:
        """When one dongle is lost the batteries behind the other go on."""
        await emulated_world.set_fault("out-of-range", link=self.OTHER)
        await poll(hass, entry)
        for unit in emulated_world.world.links[0].units.values():
            assert_true_values(hass, unit)
        lost = battery_state(hass, "voltage", 48, self.OTHER)
        assert lost.state == STATE_UNAVAILABLE
        assert bank_state(hass, entry, "batteries_responding").state == "4"
