# SPDX-License-Identifier: Apache-2.0
"""Setting a bank up, and taking it away."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
import logging

from bleak.backends.device import BLEDevice
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapter_health.ladder import RecoveryLevel
from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.links.connection import CONNECTIONS
from custom_components.renogy_bt.links.settings import links_of
from custom_components.renogy_bt.renogy.models import ReadingFailure
from custom_components.renogy_bt.renogy.transport import Transport
from custom_components.renogy_bt.supervisor.supervisor import async_get_supervisor
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from tests.banks import (
    bank_entry,
    bank_state,
    battery_state,
    entity_id,
    link_of,
    link_settings,
    link_state,
    next_poll,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, FakeAir, lost_at
from tests.flows.walk import discovery_flows
from tests.insides import watched_for
from tests.renogy.fake_link import FakeLink, four_batteries, rbt50lfp48s

NEIGHBOURS = "custom_components.renogy_bt.supervisor.neighbours"
OTHER = "60:98:66:ED:FC:11"
OTHER_NAME = "BT-TH-66EDFC11"


async def test_bank_of_four_is_set_up(hass: HomeAssistant, air: FakeAir) -> None:
    """Four batteries behind one dongle are read over one connection at set-up."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    for unit in (48, 49, 50, 51):
        assert battery_state(hass, "voltage", unit).state == "52.4"
    assert bank_state(hass, entry, "voltage").state == "52.4"
    assert len(link.connections) == 1
    assert link.connections[0].lost.done(), "the dongle is held"


async def test_large_bank_gives_others_their_turn(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """However many links a bank has, no more than one of them is set up at a stretch."""
    sizes = [0]

    async def look_on() -> None:
        while True:
            sizes.append(hass.states.async_entity_ids_count())
            await asyncio.sleep(0)

    looker = asyncio.create_task(look_on())
    addresses = [f"6C:B2:FD:A1:B2:{number:02X}" for number in range(8)]
    entry = bank_entry(
        *(link_settings(each, f"BT-TH-{each}", polling=False) for each in addresses)
    )
    await set_up(hass, entry)
    looker.cancel()
    of_one_link = [
        each
        for each in er.async_entries_for_config_entry(
            er.async_get(hass), entry.entry_id
        )
        if each.config_subentry_id == link_of(entry, addresses[0]).subentry_id
        and each.domain in {"sensor", "binary_sensor"}
    ]
    steps = [after - before for before, after in pairwise(sizes)]
    assert sum(steps) > 8 * 50
    assert max(steps) < len(of_one_link)


async def test_set_up_with_a_silent_battery(hass: HomeAssistant, air: FakeAir) -> None:
    """A battery that is silent at set-up has its entities, which come to life with it."""
    link = air.bring(four_batteries())
    silent = link.units.pop(50)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert battery_state(hass, "voltage", 50).state == STATE_UNAVAILABLE
    assert entity_id(hass, "sensor", f"{DONGLE.lower()}_50_cell_voltage_15")
    assert not entity_id(hass, "sensor", f"{DONGLE.lower()}_50_cell_temperature_1")
    link.units[50] = silent
    await next_poll(hass)
    assert battery_state(hass, "voltage", 50).state == "52.4"
    assert entity_id(hass, "sensor", f"{DONGLE.lower()}_50_cell_temperature_15")


def assert_nothing_is_read(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Check that a bank stands, with all its entities, although no battery is read."""
    assert entry.state is ConfigEntryState.LOADED
    assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
    assert bank_state(hass, entry, "voltage").state == STATE_UNAVAILABLE
    assert link_state(hass, "polling", platform="switch").state == STATE_ON


async def test_link_that_was_never_heard(hass: HomeAssistant, air: FakeAir) -> None:
    """Without a way to the link the bank stands, and Home Assistant's reason is logged."""
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert_nothing_is_read(hass, entry)
    assert "never seen by any scanner" in str(link_of(entry).last_exception)
    assert air.attempts == []
    air.bring(four_batteries())
    link_of(entry).retries.heard_from = 0.0
    air.advertise()
    await settle(hass)
    assert battery_state(hass, "voltage").state == "52.4"


async def test_without_bluetooth(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    idle_supervisor: None,
    mock_bleak_scanner_start: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without any adapter the bank stands; nothing is raised."""
    assert await async_setup_component(hass, "bluetooth", {})
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert_nothing_is_read(hass, entry)
    assert "0 scanner(s) registered" in str(link_of(entry).last_exception)
    assert not [
        record
        for record in caplog.records
        if record.exc_info and record.levelno > logging.DEBUG
    ]


async def test_link_that_takes_no_connection(hass: HomeAssistant, air: FakeAir) -> None:
    """A link that is held by another central is tried again, with the reason."""
    link = air.bring(four_batteries())
    link.unreachable = "le-connection-abort-by-local"
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert_nothing_is_read(hass, entry)
    assert "le-connection-abort-by-local" in str(link_of(entry).last_exception)


async def test_link_that_is_lost_at_once(hass: HomeAssistant, air: FakeAir) -> None:
    """A connection that ends before anything was read is no success."""
    link = air.bring(four_batteries())
    link.always = [lost_at(48)]
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert_nothing_is_read(hass, entry)
    assert set(link_of(entry).failed.values()) == {ReadingFailure.LINK_LOST}


async def test_one_of_two_links_is_enough(hass: HomeAssistant, air: FakeAir) -> None:
    """A bank is set up when one of its links can be read."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings(), link_settings(OTHER, OTHER_NAME, (48,)))
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert battery_state(hass, "voltage", 48).state == "52.4"
    assert battery_state(hass, "voltage", 48, OTHER).state == STATE_UNAVAILABLE


async def test_bank_without_links(hass: HomeAssistant, air: FakeAir) -> None:
    """A bank whose last link was removed stands, with nothing to say."""
    entry = bank_entry()
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert bank_state(hass, entry, "voltage").state == STATE_UNAVAILABLE


async def test_unload_leaves_nothing_behind(hass: HomeAssistant, air: FakeAir) -> None:
    """After unloading no poll, connection, callback or lock is left."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert CONNECTIONS in hass.data
    assert await hass.config_entries.async_unload(entry.entry_id)
    await settle(hass)
    assert entry.state is ConfigEntryState.NOT_LOADED
    assert CONNECTIONS not in hass.data
    connections = len(link.connections)
    assert all(connection.lost.done() for connection in link.connections)
    await next_poll(hass)
    air.advertise()
    await settle(hass)
    assert len(link.connections) == connections


async def test_locks_stay_for_another_bank(hass: HomeAssistant, air: FakeAir) -> None:
    """What all banks share stays as long as one of them is loaded."""
    air.bring(four_batteries())
    air.bring(FakeLink({48: rbt50lfp48s()}), OTHER, OTHER_NAME)
    first = bank_entry(link_settings())
    second = bank_entry(link_settings(OTHER, OTHER_NAME, (48,)))
    await set_up(hass, first)
    await set_up(hass, second)
    assert await hass.config_entries.async_unload(first.entry_id)
    assert CONNECTIONS in hass.data
    assert await hass.config_entries.async_unload(second.entry_id)
    assert CONNECTIONS not in hass.data


async def test_unload_while_polling(hass: HomeAssistant, air: FakeAir) -> None:
    """A poll that is under way is ended, and its connection closed, before unloading is done."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    link.hangs_on_write = True
    poll = hass.async_create_task(link_of(entry).async_refresh())
    while len(link.connections) < 2:
        await asyncio.sleep(0)
    assert not link.connections[1].lost.done()
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert link.connections[1].lost.done()
    await poll


async def test_stop_while_polling(hass: HomeAssistant, air: FakeAir) -> None:
    """When Home Assistant stops, no link is left connected and no poll begins."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    link.hangs_on_write = True
    poll = hass.async_create_task(link_of(entry).async_refresh())
    while len(link.connections) < 2:
        await asyncio.sleep(0)
    hass.bus.async_fire_internal(EVENT_HOMEASSISTANT_STOP)
    await settle(hass)
    await poll
    assert link.connections[1].lost.done()
    await next_poll(hass)
    assert len(link.connections) == 2


async def test_unload_that_fails_keeps_polling(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bank whose platforms cannot be unloaded goes on as before."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)

    async def refuse(*_: object) -> bool:
        return False

    with monkeypatch.context() as patch:
        patch.setattr(hass.config_entries, "async_unload_platforms", refuse)
        assert not await hass.config_entries.async_unload(entry.entry_id)
    assert CONNECTIONS in hass.data
    await next_poll(hass)
    assert len(link.connections) == 2


async def test_a_bank_comes_back_after_a_reload(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """A bank comes back after a reload, with a new connection."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    assert entry.state is ConfigEntryState.LOADED
    assert battery_state(hass, "voltage").state == "52.4"
    assert len(link.connections) == 2


async def test_removed_link_is_discovered_again(
    hass: HomeAssistant, air: FakeAir, device_registry: dr.DeviceRegistry
) -> None:
    """Removing a link removes its devices and entities, and the link is offered again."""
    air.bring(four_batteries())
    air.bring(FakeLink({48: rbt50lfp48s()}), OTHER, OTHER_NAME)
    entry = bank_entry(link_settings(), link_settings(OTHER, OTHER_NAME, (48,)))
    await set_up(hass, entry)
    subentry_id = next(
        key for key, link in links_of(entry).items() if link.address == OTHER
    )
    hass.config_entries.async_remove_subentry(entry, subentry_id)
    await settle(hass)
    assert entry.state is ConfigEntryState.LOADED
    assert not entity_id(hass, "sensor", f"{OTHER.lower()}_48_voltage")
    for identifier in (OTHER.lower(), f"{OTHER.lower()}_48"):
        assert not device_registry.async_get_devices(identifiers={(DOMAIN, identifier)})
    assert discovery_flows(hass) == [OTHER]
    assert bank_state(hass, entry, "batteries_responding").state == "4"


class HeldConnects:
    """Holds up every connection until it is let go on."""

    def __init__(self, air: FakeAir, monkeypatch: pytest.MonkeyPatch) -> None:
        """Hold up the first one already."""
        self._air = air
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        monkeypatch.setattr(
            "custom_components.renogy_bt.links.connection.connect", self._connect
        )

    async def _connect(self, device: BLEDevice, name: str) -> Transport:
        self.begun.set()
        await self.go_on.wait()
        return await self._air.connect(device, name)


@pytest.fixture
def held_connects(air: FakeAir, monkeypatch: pytest.MonkeyPatch) -> HeldConnects:
    """Return what holds up connections."""
    return HeldConnects(air, monkeypatch)


async def during_first_poll(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    held_connects: HeldConnects,
    change: Callable[[], object],
) -> None:
    """Set a bank up, and have something changed while its first poll is under way."""
    entry.add_to_hass(hass)
    set_up = hass.async_create_task(hass.config_entries.async_setup(entry.entry_id))
    await held_connects.begun.wait()
    change()
    held_connects.go_on.set()
    await set_up
    await settle(hass)


@pytest.mark.parametrize(
    ("unreachable", "responding"), [(None, "5"), ("le-connection-abort-by-local", "1")]
)
async def test_link_added_during_the_first_poll(
    hass: HomeAssistant,
    air: FakeAir,
    held_connects: HeldConnects,
    unreachable: str | None,
    responding: str,
) -> None:
    """A link that joins a bank that is being set up is set up with it, in vain or not."""
    air.bring(four_batteries()).unreachable = unreachable
    air.bring(FakeLink({48: rbt50lfp48s()}), OTHER, OTHER_NAME)
    entry = bank_entry(link_settings())
    added = link_settings(OTHER, OTHER_NAME, (48,)).as_subentry()
    await during_first_poll(
        hass,
        entry,
        held_connects,
        lambda: hass.config_entries.async_add_subentry(entry, added),
    )
    assert entry.state is ConfigEntryState.LOADED
    assert battery_state(hass, "voltage", 48, OTHER).state == "52.4"
    assert bank_state(hass, entry, "batteries_responding").state == responding


async def test_link_removed_during_the_first_poll(
    hass: HomeAssistant, air: FakeAir, held_connects: HeldConnects
) -> None:
    """A link that leaves a bank that is being set up is offered again."""
    air.bring(four_batteries())
    air.bring(FakeLink({48: rbt50lfp48s()}), OTHER, OTHER_NAME)
    entry = bank_entry(link_settings(), link_settings(OTHER, OTHER_NAME, (48,)))
    subentry_id = next(
        key for key, link in links_of(entry).items() if link.address == OTHER
    )
    await during_first_poll(
        hass,
        entry,
        held_connects,
        lambda: hass.config_entries.async_remove_subentry(entry, subentry_id),
    )
    assert entry.state is ConfigEntryState.LOADED
    assert not entity_id(hass, "sensor", f"{OTHER.lower()}_48_voltage")
    assert discovery_flows(hass) == [OTHER]


async def test_options_changed_during_the_first_poll(
    hass: HomeAssistant, air: FakeAir, held_connects: HeldConnects
) -> None:
    """Options of a bank that is being set up hold from the beginning."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await during_first_poll(
        hass,
        entry,
        held_connects,
        lambda: hass.config_entries.async_update_entry(
            entry, options={**entry.options, "recovery": "off", "update_interval": 300}
        ),
    )
    assert entry.state is ConfigEntryState.LOADED
    assert link_of(entry).update_interval == timedelta(seconds=300)
    assert watched_for(async_get_supervisor(hass)) == {
        entry.entry_id: ({DONGLE}, "off")
    }


async def test_nothing_changed_during_the_first_poll(
    hass: HomeAssistant, air: FakeAir, held_connects: HeldConnects
) -> None:
    """What a bank is not set up for does not set it up anew."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await during_first_poll(
        hass,
        entry,
        held_connects,
        lambda: hass.config_entries.async_update_entry(
            entry, pref_disable_new_entities=True
        ),
    )
    assert entry.state is ConfigEntryState.LOADED
    assert len(link.connections) == 1


async def test_removed_bank_is_discovered_again(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """The links of a bank that is removed are offered again."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert discovery_flows(hass) == []
    await hass.config_entries.async_remove(entry.entry_id)
    await settle(hass)
    assert discovery_flows(hass) == [DONGLE]


async def test_stale_connections_are_closed_first(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a crash left connected is closed before the first poll of each link."""
    events: list[str] = []

    async def close(address: str) -> None:
        events.append(address)
        assert air.attempts == []

    monkeypatch.setattr(
        f"{NEIGHBOURS}.close_stale_connections_by_address",
        close,
    )
    air.bring(four_batteries())
    await set_up(hass, bank_entry(link_settings()))
    assert events == [DONGLE]
    assert air.attempts == [DONGLE]


async def test_hanging_bluez_does_not_block_set_up(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing stale connections gives up after its limit."""

    async def hang(_: str) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(
        f"{NEIGHBOURS}.close_stale_connections_by_address",
        hang,
    )
    monkeypatch.setattr(f"{NEIGHBOURS}.LINK_LIMIT", 0.01)
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert battery_state(hass, "voltage").state == "52.4"


# Watching over the adapters


async def test_action_is_there_before_any_bank(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """The action exists as soon as the integration is set up."""
    assert await async_setup_component(hass, DOMAIN, {})
    assert hass.services.has_service(DOMAIN, "recover_adapter")
    assert watched_for(async_get_supervisor(hass)) == {}


@pytest.mark.parametrize(
    ("options", "level"),
    [({}, "full"), ({"recovery": "off"}, "off"), ({"recovery": "gentle"}, "gentle")],
)
async def test_adapters_are_watched_while_a_bank_is_loaded(
    hass: HomeAssistant, air: FakeAir, options: dict[str, str], level: str
) -> None:
    """The supervisor works for a bank from its set-up to its unloading."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings(), **options)
    await set_up(hass, entry)
    supervisor = async_get_supervisor(hass)
    assert watched_for(supervisor) == {entry.entry_id: ({DONGLE}, level)}
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert watched_for(supervisor) == {}


async def test_changed_options_reach_the_supervisor(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """A bank whose recovery is switched off is watched for, but no longer repaired for."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    hass.config_entries.async_update_entry(
        entry, options={**entry.options, "recovery": "off"}
    )
    await settle(hass)
    supervisor = async_get_supervisor(hass)
    assert watched_for(supervisor) == {entry.entry_id: ({DONGLE}, "off")}


async def test_adapters_are_watched_while_nothing_answers(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """A broken adapter may be why no link answers: it is watched all the same."""
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert_nothing_is_read(hass, entry)
    assert entry.entry_id in watched_for(async_get_supervisor(hass))


async def test_bank_that_is_disabled_while_nothing_answers(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """A bank that is disabled is not worked for any more; enabled again it is."""
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    supervisor = async_get_supervisor(hass)
    await hass.config_entries.async_set_disabled_by(
        entry.entry_id, ConfigEntryDisabler.USER
    )
    await settle(hass)
    assert watched_for(supervisor) == {}
    await hass.config_entries.async_set_disabled_by(entry.entry_id, None)
    await settle(hass)
    assert entry.entry_id in watched_for(supervisor)


async def test_other_integrations_that_are_disabled_mean_nothing(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """Only banks are detached when they are disabled."""
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    other = MockConfigEntry(domain="other", entry_id="other")
    other.add_to_hass(hass)
    other.mock_state(hass, ConfigEntryState.SETUP_RETRY)
    supervisor = async_get_supervisor(hass)
    await supervisor.async_attach("other", [], RecoveryLevel.FULL)
    await hass.config_entries.async_set_disabled_by("other", ConfigEntryDisabler.USER)
    await settle(hass)
    assert watched_for(supervisor).keys() == {entry.entry_id, "other"}


async def test_bank_that_is_removed_while_nothing_answers(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """A bank that is removed before it was ever read is not worked for any more."""
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    await hass.config_entries.async_remove(entry.entry_id)
    await settle(hass)
    assert watched_for(async_get_supervisor(hass)) == {}


async def test_unload_that_fails_keeps_watching(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bank that goes on polling goes on being worked for."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)

    async def refuse(*_: object) -> bool:
        return False

    with monkeypatch.context() as patch:
        patch.setattr(hass.config_entries, "async_unload_platforms", refuse)
        await hass.config_entries.async_unload(entry.entry_id)
    assert entry.entry_id in watched_for(async_get_supervisor(hass))
