# SPDX-License-Identifier: Apache-2.0
"""The device tree of a bank."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt import async_remove_config_entry_device
from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.links.settings import links_of
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from tests.banks import bank_entry, link_settings, next_poll, set_up, settle
from tests.fake_air import DONGLE, DONGLE_NAME, FakeAir
from tests.renogy.fake_link import FakeLink, four_batteries, rbt50lfp48s, text_words

OTHER = "60:98:66:ED:FC:11"
OTHER_NAME = "BT-TH-66EDFC11"


def device(
    registry: dr.DeviceRegistry, entry: MockConfigEntry, identifier: str
) -> dr.DeviceEntry:
    """Return a device of a bank."""
    found = registry.async_get_device_by_identifier(
        (DOMAIN, identifier), entry.entry_id
    )
    assert found is not None, f"no device {identifier}"
    return found


async def test_tree_of_a_bank_behind_a_dongle(
    hass: HomeAssistant, air: FakeAir, device_registry: dr.DeviceRegistry
) -> None:
    """The bank is a service with the dongle below it, and the batteries below that."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    (subentry_id,) = entry.subentries
    bank = device(device_registry, entry, entry.entry_id)
    assert bank.entry_type is dr.DeviceEntryType.SERVICE
    assert bank.name == "Battery bank"
    assert bank.config_subentry_id is None
    dongle = device(device_registry, entry, DONGLE.lower())
    assert dongle.connections == {(dr.CONNECTION_BLUETOOTH, DONGLE)}
    assert dongle.name == DONGLE_NAME
    assert dongle.via_device_id == bank.id
    assert dongle.config_subentry_id == subentry_id
    for position, unit in enumerate((48, 49, 50, 51), 1):
        battery = device(device_registry, entry, f"{DONGLE.lower()}_{unit}")
        assert battery.name == f"RBT50LFP48S {position}"
        assert battery.manufacturer == "Renogy"
        assert battery.model == "RBT50LFP48S"
        assert battery.serial_number == "22RBH4A051020000"
        assert battery.sw_version == "V104"
        assert battery.via_device_id == dongle.id
        assert battery.config_subentry_id == subentry_id
        assert battery.connections == set()
    assert len(dr.async_entries_for_config_entry(device_registry, entry.entry_id)) == 6


async def test_battery_with_built_in_bluetooth(
    hass: HomeAssistant, air: FakeAir, device_registry: dr.DeviceRegistry
) -> None:
    """A battery that is its own link hangs off the bank; there is no dongle."""
    air.bring(FakeLink({48: rbt50lfp48s()}))
    entry = bank_entry(link_settings(units=(48,), model="RBT100LFP12-BT"))
    await set_up(hass, entry)
    battery = device(device_registry, entry, f"{DONGLE.lower()}_48")
    bank = device(device_registry, entry, entry.entry_id)
    assert battery.via_device_id == bank.id
    assert len(dr.async_entries_for_config_entry(device_registry, entry.entry_id)) == 2


async def test_same_serial_number_behind_two_dongles(
    hass: HomeAssistant, air: FakeAir, device_registry: dr.DeviceRegistry
) -> None:
    """Batteries that report one serial number are told apart by dongle and unit."""
    air.bring(FakeLink({48: rbt50lfp48s()}))
    air.bring(FakeLink({48: rbt50lfp48s()}), OTHER, OTHER_NAME)
    entry = bank_entry(
        link_settings(units=(48,)), link_settings(OTHER, OTHER_NAME, (48,))
    )
    await set_up(hass, entry)
    names = {
        address: device(device_registry, entry, f"{address.lower()}_48").name
        for address in (DONGLE, OTHER)
    }
    assert names == {DONGLE: "RBT50LFP48S 1 (B2C3)", OTHER: "RBT50LFP48S 1 (FC11)"}


async def test_battery_of_unknown_model(
    hass: HomeAssistant, air: FakeAir, device_registry: dr.DeviceRegistry
) -> None:
    """A battery that did not tell its model when it was found is named by its place."""
    battery = rbt50lfp48s()
    battery.readable = ((5000, 5052), (5100, 5109))
    air.bring(FakeLink({247: battery}))
    entry = bank_entry(link_settings(units=(247,), model=None))
    await set_up(hass, entry)
    found = device(device_registry, entry, f"{DONGLE.lower()}_247")
    assert found.name == "Battery 1"
    assert found.model is None
    assert found.serial_number is None


async def test_late_identity_is_taken_over(
    hass: HomeAssistant, air: FakeAir, device_registry: dr.DeviceRegistry
) -> None:
    """What a battery tells of itself only later gets into its device; silence erases nothing."""
    link = air.bring(four_batteries())
    silent = link.units.pop(51)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    identifier = f"{DONGLE.lower()}_51"
    assert device(device_registry, entry, identifier).serial_number is None
    link.units[51] = silent
    await next_poll(hass)
    assert device(device_registry, entry, identifier).serial_number == (
        "22RBH4A051020000"
    )
    del link.units[51]
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    battery = device(device_registry, entry, identifier)
    assert battery.serial_number == "22RBH4A051020000"
    assert battery.sw_version == "V104"


async def test_new_firmware_is_taken_over(
    hass: HomeAssistant, air: FakeAir, device_registry: dr.DeviceRegistry
) -> None:
    """A version that changed is shown after the identity was read again."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    link.units[48].put(5130, text_words("V105", 2))
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    battery = device(device_registry, entry, f"{DONGLE.lower()}_48")
    assert battery.sw_version == "V105"


async def _remove(
    hass: HomeAssistant,
    registry: dr.DeviceRegistry,
    entry: MockConfigEntry,
    identifier: str,
) -> bool:
    found = device(registry, entry, identifier)
    removed = await async_remove_config_entry_device(hass, entry, found)
    await settle(hass)
    return removed


async def test_silent_battery_can_be_removed(
    hass: HomeAssistant, air: FakeAir, device_registry: dr.DeviceRegistry
) -> None:
    """The device of a battery that does not answer can be removed, and stays away."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    del link.units[50]
    await next_poll(hass)
    identifier = f"{DONGLE.lower()}_50"
    assert await _remove(hass, device_registry, entry, identifier)
    assert [link.units for link in links_of(entry).values()] == [(48, 49, 51)]
    assert not device_registry.async_get_devices(identifiers={(DOMAIN, identifier)})


@pytest.mark.parametrize("which", ["bank", "dongle", "battery"])
async def test_device_that_is_in_use_cannot_be_removed(
    hass: HomeAssistant, air: FakeAir, device_registry: dr.DeviceRegistry, which: str
) -> None:
    """The bank, a dongle, and a battery that answers stay as long as they are set up."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    identifier = {
        "bank": entry.entry_id,
        "dongle": DONGLE.lower(),
        "battery": f"{DONGLE.lower()}_48",
    }[which]
    assert not await _remove(hass, device_registry, entry, identifier)
    assert [link.units for link in links_of(entry).values()] == [(48, 49, 50, 51)]


async def test_last_battery_of_a_link_cannot_be_removed(
    hass: HomeAssistant, air: FakeAir, device_registry: dr.DeviceRegistry
) -> None:
    """A link without a battery makes no sense: the link itself is to be removed."""
    air.bring(four_batteries())
    other = air.bring(FakeLink({48: rbt50lfp48s()}), OTHER, OTHER_NAME)
    entry = bank_entry(link_settings(), link_settings(OTHER, OTHER_NAME, (48,)))
    await set_up(hass, entry)
    other.wedged = True
    await next_poll(hass)
    assert not await _remove(hass, device_registry, entry, f"{OTHER.lower()}_48")


async def test_nothing_is_removed_while_the_link_does_not_answer(
    hass: HomeAssistant, air: FakeAir, device_registry: dr.DeviceRegistry
) -> None:
    """While nothing is known of the batteries none can be removed."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    link.unreachable = "abort-by-local"
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    assert entry.state is ConfigEntryState.LOADED
    assert not await _remove(hass, device_registry, entry, f"{DONGLE.lower()}_48")
