# SPDX-License-Identifier: Apache-2.0
"""The Bluetooth adapters as devices: their entities, and the bank that shows them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt import async_remove_config_entry_device
from custom_components.renogy_bt.adapter_health.history import (
    AdapterHistory,
    StepResult,
)
from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.samples import Verdict
from custom_components.renogy_bt.adapter_health.status import AdapterEvent, EventKind
from custom_components.renogy_bt.adapters.devices import adapter_identifier
from custom_components.renogy_bt.const import DOMAIN
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import (
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    EntityCategory,
)
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from tests.banks import bank_entry, battery_state, link_settings, set_up, settle
from tests.fake_air import FakeAir
from tests.fake_supervisor import (
    ADAPTER,
    OTHER_ADAPTER,
    FakeAdapters,
    adapter_entity_id,
    adapter_state,
    adapter_status,
    faulty_status,
)
from tests.renogy.fake_link import FakeLink, four_batteries, rbt50lfp48s

OTHER = "60:98:66:ED:FC:11"
OTHER_NAME = "BT-TH-66EDFC11"

KEYS = {
    "sensor": {"state", "advertisement_rate", "last_advertisement", "recoveries"},
    "binary_sensor": {"problem"},
    "event": {"recovery"},
    "button": {"power_cycle"},
}
SHOWN = {"state", "recoveries", "problem", "recovery"}


@pytest.fixture
async def other_bank(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> MockConfigEntry:
    """Return a second bank, set up after the first one."""
    air.bring(FakeLink({48: rbt50lfp48s()}), OTHER, OTHER_NAME)
    entry = bank_entry(link_settings(OTHER, OTHER_NAME, (48,)), title="Other bank")
    await set_up(hass, entry)
    return entry


def owners(hass: HomeAssistant, address: str = ADAPTER) -> list[MockConfigEntry]:
    """Return the banks that have a device for the adapter."""
    registry = dr.async_get(hass)
    identifier = (DOMAIN, adapter_identifier(address))
    return [
        entry  # type: ignore[misc]
        for entry in hass.config_entries.async_entries(DOMAIN)
        if registry.async_get_device_by_identifier(identifier, entry.entry_id)
    ]


def entities_of(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, set[str]]:
    """Return the keys of the adapter's entities that a bank has, by platform."""
    prefix = f"{adapter_identifier(ADAPTER)}_"
    keys: dict[str, set[str]] = {}
    for entity in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id):
        if entity.unique_id.startswith(prefix):
            key = entity.unique_id.removeprefix(prefix)
            keys.setdefault(entity.domain, set()).add(key)
    return keys


async def show(hass: HomeAssistant, adapters: FakeAdapters) -> None:
    """Let the supervisor find one adapter that works."""
    adapters.show(adapter_status())
    await settle(hass)


async def test_every_key_is_there(
    hass: HomeAssistant, adapters: FakeAdapters, bank: MockConfigEntry
) -> None:
    """An adapter has the entities that are promised, all of them diagnostics or settings."""
    await show(hass, adapters)
    assert entities_of(hass, bank) == KEYS
    entities = [
        entity
        for entity in er.async_entries_for_config_entry(
            er.async_get(hass), bank.entry_id
        )
        if entity.unique_id.startswith("adapter_")
    ]
    shown = {entity.unique_id.rpartition("13_")[2] for entity in entities}
    assert shown == set().union(*KEYS.values())
    assert {
        entity.unique_id.rpartition("13_")[2]
        for entity in entities
        if entity.disabled_by is None
    } == SHOWN
    assert {entity.entity_category for entity in entities} == {
        EntityCategory.CONFIG,
        EntityCategory.DIAGNOSTIC,
    }


async def test_adapter_that_is_known_at_set_up(
    hass: HomeAssistant, air: FakeAir, adapters: FakeAdapters
) -> None:
    """An adapter that was found before the bank was set up has its entities at once."""
    air.bring(four_batteries())
    adapters.show(adapter_status())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert entities_of(hass, entry) == KEYS
    assert adapter_state(hass, "state").state == "ok"


@pytest.mark.usefixtures("all_enabled", "bank")
async def test_every_entity_says_what_the_supervisor_found(
    hass: HomeAssistant, adapters: FakeAdapters
) -> None:
    """Every entity says what the supervisor found, and follows it."""
    status = adapter_status(
        advertisement_rate=61.5,
        last_advertisement=datetime(2026, 11, 23, 9, 0, 5, tzinfo=UTC),
        history=AdapterHistory(recoveries=3),
    )
    adapters.show(status)
    await settle(hass)
    assert adapter_state(hass, "state").state == "ok"
    assert adapter_state(hass, "advertisement_rate").state == "61.5"
    assert (
        adapter_state(hass, "last_advertisement").state == "2026-11-23T09:00:05+00:00"
    )
    assert adapter_state(hass, "recoveries").state == "3"
    assert adapter_state(hass, "problem", "binary_sensor").state == STATE_OFF
    adapters.show(
        replace(
            status,
            verdict=Verdict.SILENT,
            problem=True,
            history=AdapterHistory(recoveries=4),
            advertisement_rate=None,
            last_advertisement=None,
        )
    )
    await settle(hass)
    assert adapter_state(hass, "state").state == "silent"
    assert adapter_state(hass, "advertisement_rate").state == STATE_UNKNOWN
    assert adapter_state(hass, "last_advertisement").state == STATE_UNKNOWN
    assert adapter_state(hass, "recoveries").state == "4"
    assert adapter_state(hass, "problem", "binary_sensor").state == STATE_ON


@pytest.mark.usefixtures("bank")
async def test_entities_are_named_by_adapter_and_what_they_are(
    hass: HomeAssistant, adapters: FakeAdapters
) -> None:
    """The entities carry the name of the adapter and what they are."""
    await show(hass, adapters)
    name = f"Bluetooth adapter hci0 ({ADAPTER})"
    assert adapter_state(hass, "state").name == f"{name} State"
    assert adapter_state(hass, "recovery", "event").name == f"{name} Recovery"


def device_of(hass: HomeAssistant, entry: MockConfigEntry) -> dr.DeviceEntry:
    """Return the device that a bank has of the adapter."""
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, adapter_identifier(ADAPTER)), entry.entry_id
    )
    assert device is not None
    return device


@pytest.fixture
def home_assistants_own(hass: HomeAssistant) -> dr.DeviceEntry:
    """Return the device that Home Assistant's own Bluetooth has of the adapter."""
    entry = MockConfigEntry(domain="bluetooth", unique_id=ADAPTER)
    entry.add_to_hass(hass)
    return dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        connections={(dr.CONNECTION_BLUETOOTH, ADAPTER)},
        name=f"hci0 ({ADAPTER})",
        manufacturer="Cambridge Silicon Radio",
        model="CSR8510 A10 (0a12:0001)",
    )


async def test_device_says_which_adapter_it_is(
    hass: HomeAssistant,
    adapters: FakeAdapters,
    home_assistants_own: dr.DeviceEntry,
    bank: MockConfigEntry,
) -> None:
    """Maker, model, number and address; Home Assistant's own device stays one of its own."""
    await show(hass, adapters)
    device = device_of(hass, bank)
    assert device.id != home_assistants_own.id
    assert device.connections == home_assistants_own.connections
    assert (device.manufacturer, device.model) == (
        home_assistants_own.manufacturer,
        home_assistants_own.model,
    )
    assert device.name == f"Bluetooth adapter hci0 ({ADAPTER})"
    assert device.entry_type is None
    registry = dr.async_get(hass)
    registry.async_remove_device(device.id)
    assert registry.async_get(home_assistants_own.id) == home_assistants_own


async def test_model_that_the_system_does_not_tell(
    hass: HomeAssistant,
    adapters: FakeAdapters,
    home_assistants_own: dr.DeviceEntry,
    bank: MockConfigEntry,
) -> None:
    """Home Assistant calls such a model "Unknown" in every language; here nothing is said."""
    dr.async_get(hass).async_update_device(home_assistants_own.id, model="Unknown")
    await show(hass, adapters)
    device = device_of(hass, bank)
    assert device.manufacturer == home_assistants_own.manufacturer
    assert device.model is None


@pytest.mark.usefixtures("all_enabled", "bank")
@pytest.mark.parametrize("name", ["hci0", "hci1", None])
@pytest.mark.parametrize("language", ["en", "de"])
async def test_ids_of_a_new_adapter(
    hass: HomeAssistant, adapters: FakeAdapters, name: str | None, language: str
) -> None:
    """They are the same whether its number is known at first or not, in every language."""
    hass.config.language = language
    adapters.show(adapter_status(name=name))
    await settle(hass)
    address = ADAPTER.lower().replace(":", "_")
    for platform, keys in KEYS.items():
        for key in keys:
            found = adapter_entity_id(hass, key, platform)
            assert found == f"{platform}.bluetooth_adapter_{address}_{key}"


async def test_ids_that_are_there_stay(
    hass: HomeAssistant, adapters: FakeAdapters, bank: MockConfigEntry
) -> None:
    """An adapter that has entities keeps their ids, those that an earlier version has given."""
    before = (
        er.async_get(hass)
        .async_get_or_create(
            "sensor",
            DOMAIN,
            f"{adapter_identifier(ADAPTER)}_state",
            config_entry=bank,
            suggested_object_id="bluetooth_adapter_hci0_00_1a_7d_da_71_13_state",
        )
        .entity_id
    )
    await show(hass, adapters)
    assert adapter_state(hass, "state").entity_id == before


async def test_adapter_that_gets_another_number(
    hass: HomeAssistant, adapters: FakeAdapters, bank: MockConfigEntry
) -> None:
    """The device is called by the number of today, or of last; entities stay what they were."""
    await show(hass, adapters)
    before = adapter_state(hass, "state").entity_id
    adapters.show(adapter_status(name="hci1"))
    await settle(hass)
    assert device_of(hass, bank).name == f"Bluetooth adapter hci1 ({ADAPTER})"
    adapters.show(adapter_status(name=None))
    await settle(hass)
    assert device_of(hass, bank).name == f"Bluetooth adapter hci1 ({ADAPTER})"
    assert adapter_state(hass, "state").entity_id == before


async def test_device_of_an_older_version(
    hass: HomeAssistant, adapters: FakeAdapters, bank: MockConfigEntry
) -> None:
    """What version 0.1.0 registered as a service without a connection is the same device still."""
    before = dr.async_get(hass).async_get_or_create(
        config_entry_id=bank.entry_id,
        identifiers={(DOMAIN, adapter_identifier(ADAPTER))},
        entry_type=dr.DeviceEntryType.SERVICE,
        name=f"Bluetooth adapter {ADAPTER}",
    )
    await show(hass, adapters)
    after = device_of(hass, bank)
    assert after.id == before.id
    assert after.entry_type is None
    assert after.connections == {(dr.CONNECTION_BLUETOOTH, ADAPTER)}


@pytest.mark.usefixtures("all_enabled", "bank")
async def test_adapter_that_is_watched_no_longer(
    hass: HomeAssistant, adapters: FakeAdapters
) -> None:
    """The entities of an adapter that is gone are unavailable, and come back with it."""
    await show(hass, adapters)
    adapters.show()
    await settle(hass)
    for platform, keys in KEYS.items():
        for key in keys:
            state = adapter_state(hass, key, platform)
            assert state.state == STATE_UNAVAILABLE, key
    await show(hass, adapters)
    assert adapter_state(hass, "state").state == "ok"
    assert adapter_state(hass, "power_cycle", "button").state == STATE_UNKNOWN


async def test_adapter_that_is_plugged_in_later(
    hass: HomeAssistant, adapters: FakeAdapters, bank: MockConfigEntry
) -> None:
    """A second adapter gets a device and entities of its own."""
    await show(hass, adapters)
    adapters.show(adapter_status(), faulty_status(address=OTHER_ADAPTER))
    await settle(hass)
    assert owners(hass) == owners(hass, OTHER_ADAPTER) == [bank]
    assert adapter_state(hass, "state").state == "ok"
    assert adapter_state(hass, "state", address=OTHER_ADAPTER).state == "silent"


async def test_first_bank_shows_the_adapter(
    hass: HomeAssistant,
    adapters: FakeAdapters,
    bank: MockConfigEntry,
    other_bank: MockConfigEntry,
) -> None:
    """Of two banks that are loaded only one shows the adapter, and keeps it."""
    await show(hass, adapters)
    assert owners(hass) == [bank]
    assert entities_of(hass, bank) == KEYS
    assert entities_of(hass, other_bank) == {}
    adapters.show(faulty_status())
    await settle(hass)
    assert owners(hass) == [bank]
    assert adapter_state(hass, "state").state == "silent"


@pytest.mark.parametrize("how", ["unload", "disable", "remove"])
async def test_adapter_moves_with_its_bank_gone(
    hass: HomeAssistant,
    adapters: FakeAdapters,
    bank: MockConfigEntry,
    other_bank: MockConfigEntry,
    how: str,
) -> None:
    """The bank that is left takes the adapter over at once, as the user has arranged it."""
    await show(hass, adapters)
    registry = er.async_get(hass)
    button = adapter_entity_id(hass, "power_cycle", "button")
    state = adapter_entity_id(hass, "state")
    assert button is not None
    assert state is not None
    registry.async_update_entity(button, disabled_by=None)
    registry.async_update_entity(state, new_entity_id="sensor.my_radio")
    match how:
        case "unload":
            await hass.config_entries.async_unload(bank.entry_id)
        case "disable":
            await hass.config_entries.async_set_disabled_by(
                bank.entry_id, ConfigEntryDisabler.USER
            )
        case "remove":
            await hass.config_entries.async_remove(bank.entry_id)
    await settle(hass)
    assert owners(hass) == [other_bank]
    assert entities_of(hass, bank) == {}
    assert entities_of(hass, other_bank) == KEYS
    assert adapter_state(hass, "state").entity_id == "sensor.my_radio"
    assert adapter_state(hass, "state").state == "ok"
    assert adapter_state(hass, "power_cycle", "button").state == STATE_UNKNOWN
    assert battery_state(hass, "voltage", address=OTHER).state == "52.4"


async def test_adapter_stays_where_it_went(
    hass: HomeAssistant,
    adapters: FakeAdapters,
    bank: MockConfigEntry,
    other_bank: MockConfigEntry,
) -> None:
    """A bank that comes back does not take the adapter back from one that is loaded."""
    await show(hass, adapters)
    await hass.config_entries.async_unload(bank.entry_id)
    await settle(hass)
    await hass.config_entries.async_setup(bank.entry_id)
    await settle(hass)
    assert owners(hass) == [other_bank]
    assert adapter_state(hass, "state").state == "ok"


async def test_bank_that_is_being_unloaded_keeps_the_adapter(
    hass: HomeAssistant,
    adapters: FakeAdapters,
    bank: MockConfigEntry,
    other_bank: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As long as a bank's entities may be there, no other bank shows the same adapter."""
    await show(hass, adapters)

    async def refuse(*_: object) -> bool:
        assert bank.state is ConfigEntryState.UNLOAD_IN_PROGRESS
        adapters.show(faulty_status())
        return False

    with monkeypatch.context() as patch:
        patch.setattr(hass.config_entries, "async_unload_platforms", refuse)
        assert not await hass.config_entries.async_unload(bank.entry_id)
    await settle(hass)
    assert bank.state is ConfigEntryState.FAILED_UNLOAD
    assert owners(hass) == [bank]
    assert adapter_state(hass, "state").state == "silent"
    assert entities_of(hass, other_bank) == {}


async def test_adapter_that_appears_while_its_bank_is_unloaded(
    hass: HomeAssistant,
    adapters: FakeAdapters,
    bank: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bank that goes takes up no adapter any more."""

    async def refuse(*_: object) -> bool:
        adapters.show(adapter_status())
        return False

    with monkeypatch.context() as patch:
        patch.setattr(hass.config_entries, "async_unload_platforms", refuse)
        await hass.config_entries.async_unload(bank.entry_id)
    await settle(hass)
    assert owners(hass) == []


async def test_reload_of_the_only_bank(
    hass: HomeAssistant, adapters: FakeAdapters, bank: MockConfigEntry
) -> None:
    """After a reload the only bank shows the adapter as before."""
    await show(hass, adapters)
    assert await hass.config_entries.async_reload(bank.entry_id)
    await settle(hass)
    assert owners(hass) == [bank]
    assert adapter_state(hass, "state").state == "ok"


async def test_device_of_an_adapter_is_removed_by_the_user(
    hass: HomeAssistant, adapters: FakeAdapters, bank: MockConfigEntry
) -> None:
    """Only the device of an adapter that is gone can be removed; it comes back with it."""
    await show(hass, adapters)
    registry = dr.async_get(hass)
    device = registry.async_get_device_by_identifier(
        (DOMAIN, adapter_identifier(ADAPTER)), bank.entry_id
    )
    assert device is not None
    assert not await async_remove_config_entry_device(hass, bank, device)
    adapters.show()
    await settle(hass)
    assert await async_remove_config_entry_device(hass, bank, device)
    registry.async_remove_device(device.id)
    await settle(hass)
    assert entities_of(hass, bank) == {}
    adapters.show(adapter_status(OTHER_ADAPTER))
    await show(hass, adapters)
    assert entities_of(hass, bank) == KEYS
    assert adapter_state(hass, "state").state == "ok"


@pytest.mark.usefixtures("bank")
async def test_what_happens_to_an_adapter_is_its_own_event(
    hass: HomeAssistant, adapters: FakeAdapters
) -> None:
    """What happens to an adapter is an event of that adapter only."""
    await show(hass, adapters)
    assert adapter_state(hass, "recovery", "event").state == STATE_UNKNOWN
    adapters.tell(
        AdapterEvent(
            address=OTHER_ADAPTER, kind=EventKind.DETECTED, verdict=Verdict.SILENT
        )
    )
    await settle(hass)
    assert adapter_state(hass, "recovery", "event").state == STATE_UNKNOWN
    adapters.tell(
        AdapterEvent(
            address=ADAPTER,
            kind=EventKind.STEP_FAILED,
            verdict=Verdict.SILENT,
            step=RecoveryStep.RESTART_SCANNING,
            detail="timed out",
        )
    )
    await settle(hass)
    state = adapter_state(hass, "recovery", "event")
    assert state.state != STATE_UNKNOWN
    assert state.attributes["event_type"] == "step_failed"
    assert state.attributes["verdict"] == "silent"
    assert state.attributes["step"] == "restart_scanning"
    assert state.attributes["detail"] == "timed out"


@pytest.mark.usefixtures("bank")
async def test_every_event_can_be_told(
    hass: HomeAssistant, adapters: FakeAdapters
) -> None:
    """There is no event that the entity does not know."""
    await show(hass, adapters)
    for kind in EventKind:
        adapters.tell(
            AdapterEvent(address=ADAPTER, kind=kind, verdict=Verdict.POWERED_OFF)
        )
        state = adapter_state(hass, "recovery", "event")
        assert state.attributes["event_type"] == kind


async def press(hass: HomeAssistant) -> None:
    """Press the button of the adapter."""
    await hass.services.async_call(
        "button",
        "press",
        {"entity_id": adapter_entity_id(hass, "power_cycle", "button")},
        blocking=True,
    )


@pytest.mark.usefixtures("all_enabled", "bank")
async def test_the_button_power_cycles_and_tells_when_in_vain(
    hass: HomeAssistant, adapters: FakeAdapters
) -> None:
    """The button has the adapter power cycled, and tells when that did not help."""
    await show(hass, adapters)
    await press(hass)
    assert adapters.steps == [(ADAPTER, RecoveryStep.POWER_CYCLE)]
    adapters.outcome = StepResult.NO_EFFECT
    with pytest.raises(HomeAssistantError, match="still does not work"):
        await press(hass)
