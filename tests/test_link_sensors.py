# SPDX-License-Identifier: Apache-2.0
"""What a link tells of itself: its polls, and how well it is heard."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.renogy.models import PollStatistics
from homeassistant.const import STATE_UNKNOWN, EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util
from tests.banks import (
    bank_entry,
    link_of,
    link_settings,
    link_state,
    next_poll,
    set_up,
)
from tests.fake_air import DONGLE, SCANNER, FakeAir
from tests.renogy.fake_link import FakeLink

KEYS = {
    "last_poll_duration",
    "last_poll_served_by",
    "last_successful_poll",
    "signal_strength",
}


async def test_every_key_is_there(
    bank: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """The dongle has all of them, as diagnostics, and all are off by default."""
    dongle = device_registry.async_get_device_by_identifier(
        ("renogy_bt", DONGLE.lower()), bank.entry_id
    )
    assert dongle is not None
    found = {
        entity.unique_id.removeprefix(f"{DONGLE.lower()}_"): entity
        for entity in er.async_entries_for_device(
            entity_registry, dongle.id, include_disabled_entities=True
        )
        if entity.domain == "sensor"
    }
    assert found.keys() == KEYS
    assert {each.entity_category for each in found.values()} == {
        EntityCategory.DIAGNOSTIC
    }
    assert all(each.disabled_by for each in found.values())


@pytest.mark.usefixtures("all_enabled")
async def test_last_poll(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    link: FakeLink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """How long it took, when it succeeded, and the only adapter there is, which served it."""
    client = link_of(bank).client
    monkeypatch.setattr(client, "_count", lambda *_: PollStatistics(seconds=3.14159))
    before = dt_util.utcnow().replace(microsecond=0)
    await next_poll(hass)
    assert link_state(hass, "last_poll_duration").state == "3.14"
    succeeded = link_state(hass, "last_successful_poll").state
    succeeded_at = dt_util.parse_datetime(succeeded)
    assert succeeded_at is not None
    assert before <= succeeded_at <= dt_util.utcnow()
    assert link_state(hass, "last_poll_served_by").state == f"hci0 ({SCANNER})"
    link.unreachable = "abort-by-local"
    await next_poll(hass)
    assert link_state(hass, "last_poll_duration").state == "3.14"
    assert link_state(hass, "last_successful_poll").state == succeeded
    assert link_state(hass, "last_poll_served_by").state == STATE_UNKNOWN


@pytest.mark.usefixtures("all_enabled")
async def test_poll_that_brings_nothing_new(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink
) -> None:
    """A dongle behind which nothing answers was connected through something, in vain."""
    before = link_state(hass, "last_successful_poll").state
    link.wedged = True
    await next_poll(hass)
    assert link_state(hass, "last_successful_poll").state == before
    assert link_state(hass, "last_poll_served_by").state == f"hci0 ({SCANNER})"


@pytest.mark.usefixtures("all_enabled")
async def test_link_that_was_never_polled(hass: HomeAssistant, air: FakeAir) -> None:
    """Before the first poll nothing is known."""
    await set_up(hass, bank_entry(link_settings(polling=False)))
    for key in ("last_poll_duration", "last_poll_served_by"):
        assert link_state(hass, key).state == STATE_UNKNOWN


@pytest.mark.usefixtures("all_enabled")
async def test_signal_strength(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink, air: FakeAir
) -> None:
    """It is that of the last advertisement, followed also while every poll fails."""
    assert link_state(hass, "signal_strength").state == "-60"
    link.unreachable = "abort-by-local"
    await next_poll(hass)
    await next_poll(hass)
    for rssi, state in ((-81, "-81"), (-127, STATE_UNKNOWN), (127, STATE_UNKNOWN)):
        air.advertise(rssi=rssi)
        await next_poll(hass)
        assert not link_of(bank).last_update_success
        assert link_state(hass, "signal_strength").state == state
    air.forget(DONGLE)
    await next_poll(hass)
    assert link_state(hass, "signal_strength").state == STATE_UNKNOWN
