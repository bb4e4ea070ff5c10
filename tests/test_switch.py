# SPDX-License-Identifier: Apache-2.0
"""The Polling switch: a link that is left to others, and taken back."""

import asyncio
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.links.settings import links_of
from custom_components.renogy_bt.renogy.models import ReadingFailure
from custom_components.renogy_bt.supervisor.supervisor import async_get_supervisor
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from tests.banks import (
    bank_entry,
    bank_of,
    bank_state,
    battery_state,
    link_of,
    link_settings,
    link_state,
    next_poll,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, SCANNER, FakeAir
from tests.flows.walk import rescan_link
from tests.insides import records_of
from tests.renogy.fake_link import FakeLink, four_batteries, rbt50lfp48s

OTHER = "60:98:66:ED:FC:11"
OTHER_NAME = "BT-TH-66EDFC11"


def switch_id(hass: HomeAssistant, address: str = DONGLE) -> str:
    """Return the entity id of a link's switch."""
    return link_state(hass, "polling", address, "switch").entity_id


def switch_state(hass: HomeAssistant, address: str = DONGLE) -> str:
    """Return the state of a link's switch."""
    return link_state(hass, "polling", address, "switch").state


async def turn(hass: HomeAssistant, how: str, address: str = DONGLE) -> None:
    """Turn a link's polling on or off."""
    await hass.services.async_call(
        "switch",
        f"turn_{how}",
        {"entity_id": switch_id(hass, address)},
        blocking=True,
    )


async def test_paused_link_is_left_alone(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink
) -> None:
    """While off nothing is polled, and nothing is shown, from the start."""
    assert switch_state(hass) == STATE_ON
    coordinator = bank_of(bank)
    await turn(hass, "off")
    await settle(hass)
    assert switch_state(hass) == STATE_OFF
    assert bank.runtime_data is coordinator, "the bank was reloaded"
    for _ in range(3):
        assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
        assert bank_state(hass, bank, "voltage").state == STATE_UNAVAILABLE
        await next_poll(hass)
        assert set(link_of(bank).data.failed.values()) == {ReadingFailure.NOT_POLLED}
    assert len(link.connections) == 1


async def test_paused_link_has_neither_failed_nor_succeeded(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    link: FakeLink,
    air: FakeAir,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Polls that are left out do not count, are not logged, and advertisements bring none."""
    monkeypatch.setattr(
        "custom_components.renogy_bt.links.retries.HEARD_RETRY_SECONDS", 0.0
    )
    coordinator = link_of(bank)
    link.unreachable = "abort-by-local"
    await next_poll(hass)
    link.unreachable = None
    caplog.clear()
    await turn(hass, "off")
    for _ in range(5):
        await next_poll(hass)
        air.advertise()
        await settle(hass)
    assert coordinator.last_update_success
    assert coordinator.error is None
    assert coordinator.link_quality(48) == 50
    assert not coordinator.data.polled
    assert bank_state(hass, bank, "voltage").state == STATE_UNAVAILABLE
    assert "does not answer" not in caplog.text
    assert len(link.connections) == 1
    await turn(hass, "on")
    await settle(hass)
    assert battery_state(hass, "voltage").state == "52.4"
    assert round(coordinator.link_quality(48) or 0) == 67


async def test_silence_before_a_pause_ends_after_it(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    link: FakeLink,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A battery that was silent before the pause is said to be back only when it is read."""
    silent = link.units.pop(49)
    await next_poll(hass)
    assert caplog.text.count("RBT50LFP48S 2 does not answer") == 1
    await turn(hass, "off")
    for _ in range(4):
        await next_poll(hass)
    assert "answers again" not in caplog.text
    link.units[49] = silent
    await turn(hass, "on")
    await settle(hass)
    assert caplog.text.count("RBT50LFP48S 2 answers again") == 1
    assert caplog.text.count("does not answer") == 1
    assert caplog.text.count("answers again") == 1


async def test_switching_on_polls_at_once(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink
) -> None:
    """A link that is switched on does not wait for the next interval, nor show what was."""
    await turn(hass, "off")
    link.line_seconds = 0.05
    await turn(hass, "on")
    assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
    await settle(hass)
    assert battery_state(hass, "voltage").state == "52.4"
    assert switch_state(hass) == STATE_ON
    assert len(link.connections) == 2
    assert link_of(bank).data.failed == {}


async def test_running_poll_ends(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink
) -> None:
    """A poll that is under way, and one that waits for it, end; the link is disconnected."""
    link.hangs_on_write = True
    coordinator = link_of(bank)
    polls = [hass.async_create_task(coordinator.async_refresh()) for _ in range(2)]
    while len(link.connections) < 2:
        await asyncio.sleep(0)
    await turn(hass, "off")
    assert len(link.connections) == 2
    assert link.connections[1].lost.done()
    await asyncio.gather(*polls)
    assert len(link.connections) == 2
    assert coordinator.last_update_success
    assert coordinator.error is None
    assert coordinator.link_quality(48) == 100
    assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE


async def test_poll_that_is_held_off_does_not_begin(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink
) -> None:
    """A poll that waits for the repair of an adapter is left out if the link is paused then."""
    pollers = async_get_supervisor(hass).gate
    await pollers.async_hold(SCANNER)
    poll = hass.async_create_task(link_of(bank).async_refresh())
    await asyncio.sleep(0)
    await turn(hass, "off")
    pollers.async_release()
    await poll
    assert len(link.connections) == 1


async def test_paused_link_says_nothing_of_the_adapter(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink
) -> None:
    """Neither the failures before a pause nor the poll that it ends speak against the adapter."""
    records = records_of(async_get_supervisor(hass))
    link.unreachable = "abort-by-local"
    await next_poll(hass)
    (before,) = records.samples("", hass.loop.time(), ())
    assert (before.polled, before.failures) == (True, 1)
    link.unreachable = None
    link.hangs_on_write = True
    poll = hass.async_create_task(link_of(bank).async_refresh())
    while len(link.connections) < 2:
        await asyncio.sleep(0)
    await turn(hass, "off")
    await poll
    await next_poll(hass)
    (sample,) = records.samples("", hass.loop.time(), ())
    assert (sample.polled, sample.failures, sample.failing_since) == (False, 0, None)
    assert not records.in_use


@pytest.mark.parametrize("in_range", [True, False])
async def test_remembered_over_a_restart(
    hass: HomeAssistant, air: FakeAir, in_range: bool
) -> None:
    """A bank whose only link is paused is set up without a poll, and without the link."""
    link = four_batteries()
    if in_range:
        air.bring(link)
    entry = bank_entry(link_settings(polling=False))
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert switch_state(hass) == STATE_OFF
    assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
    assert bank_of(entry).last_update_success
    assert air.attempts == []
    air.bring(link)
    await turn(hass, "on")
    await settle(hass)
    assert battery_state(hass, "voltage").state == "52.4"


async def test_stored_with_the_link(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink
) -> None:
    """The choice is in the link's data, outlives a reload, and a rescan does not change it."""
    await turn(hass, "off")
    (stored,) = links_of(bank).values()
    assert not stored.polling
    assert await hass.config_entries.async_reload(bank.entry_id)
    await settle(hass)
    assert switch_state(hass) == STATE_OFF
    assert len(link.connections) == 1
    link.units[52] = rbt50lfp48s()
    (subentry,) = bank.subentries.values()
    flow = await rescan_link(hass, bank, subentry)
    await flow.submit()
    await flow.submit(connect_anyway=True)
    await flow.submit()
    flow.expect_abort("reconfigure_successful")
    await settle(hass)
    (stored,) = links_of(bank).values()
    assert stored.units == (48, 49, 50, 51, 52)
    assert switch_state(hass) == STATE_OFF


async def test_other_link_goes_on(
    hass: HomeAssistant, air: FakeAir, link: FakeLink
) -> None:
    """With one link paused the others are polled, and fail or not by themselves."""
    other = air.bring(FakeLink({48: rbt50lfp48s()}), OTHER, OTHER_NAME)
    entry = bank_entry(link_settings(), link_settings(OTHER, OTHER_NAME, (48,)))
    await set_up(hass, entry)
    await turn(hass, "off", OTHER)
    await next_poll(hass)
    assert (len(link.connections), len(other.connections)) == (2, 1)
    assert battery_state(hass, "voltage").state == "52.4"
    assert battery_state(hass, "voltage", 48, OTHER).state == STATE_UNAVAILABLE
    link.unreachable = "abort-by-local"
    await next_poll(hass)
    assert not link_of(entry).last_update_success
    assert link_of(entry, OTHER).last_update_success
    assert switch_state(hass) == STATE_ON
    assert switch_state(hass, OTHER) == STATE_OFF


@pytest.mark.parametrize(
    ("name", "settings", "identifier"),
    [
        pytest.param("BT-TH-FDA1B2C3", {}, DONGLE.lower(), id="dongle"),
        pytest.param(
            "RNGRBP123",
            {"units": (48,), "model": "RBT12100LFP-BT", "cells": 4},
            f"{DONGLE.lower()}_48",
            id="built in",
        ),
    ],
)
async def test_where_the_switch_is_found(
    hass: HomeAssistant,
    air: FakeAir,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
    name: str,
    settings: dict[str, Any],
    identifier: str,
) -> None:
    """The switch is on the dongle's page, or on the battery's with built-in Bluetooth."""
    air.bring(four_batteries(), name=name)
    entry = bank_entry(link_settings(name=name, **settings))
    await set_up(hass, entry)
    registered = entity_registry.async_get(switch_id(hass))
    assert registered is not None
    assert registered.config_subentry_id == next(iter(entry.subentries))
    device = device_registry.async_get_device_by_identifier(
        ("renogy_bt", identifier), entry.entry_id
    )
    assert device is not None
    assert registered.device_id == device.id
