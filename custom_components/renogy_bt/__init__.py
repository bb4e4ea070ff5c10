# SPDX-License-Identifier: Apache-2.0
"""The Renogy Bluetooth batteries integration."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from homeassistant.components import bluetooth
from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    SOURCE_USER,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.const import EVENT_HOMEASSISTANT_STOP, Platform
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.typing import ConfigType

from .adapter_health.ladder import RecoveryLevel
from .adapters.devices import async_is_gone_adapter
from .batteries.devices import BankDevices
from .const import (
    CONF_RECOVERY,
    DOMAIN,
    ENTRY_MINOR_VERSION,
    ENTRY_VERSION,
    SUBENTRY_TYPE_LINK,
)
from .coordinator import BankCoordinator, RenogyConfigEntry
from .issues.adapters import async_follow_adapters, async_forget_adapters
from .issues.bank import async_follow_balance, async_forget_balance
from .issues.batteries import ReplacedBatteries, async_forget_identities
from .issues.cells import async_follow_cells, async_forget_cells
from .issues.damaged_links import async_forget_damaged_links, async_tell_damaged_links
from .issues.full_charges import async_follow_full_charges, async_forget_full_charges
from .issues.identifiers import async_prepare_marks
from .issues.joining import async_follow_joining, async_forget_joining
from .issues.links import async_follow_links
from .issues.refusals import async_follow_refusals, async_forget_refusals
from .issues.renaming import async_rename_notices
from .issues.scales import async_follow_scales, async_forget_scales
from .issues.sharing import async_follow_sharing, async_forget_sharing
from .issues.silence import async_follow_silence, async_forget_silence
from .issues.storage import async_follow_files
from .links.connection import async_forget_connections
from .links.naming import async_take_up_names
from .links.settings import (
    DamagedLink,
    LinkSettings,
    addresses_of,
    async_banks,
    battery_identifier,
    damaged_links_of,
    links_of,
)
from .links.stored_data import choice_option
from .services import async_setup_services
from .storage.adapters import AdapterStore
from .storage.alarms import AlarmStore
from .storage.energy import EnergyStore
from .storage.flight_records import OF_ADAPTERS, OF_LINKS, FlightRecordStore
from .storage.history import HistoryStore
from .storage.leftovers import async_remove_leftovers
from .supervisor.supervisor import async_get_supervisor

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)
PLATFORMS: list[Platform] = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.SENSOR,
    Platform.SWITCH,
]

# A title, options, links by the id of their subentry, and the ids of damaged ones.
type _Setup = tuple[str, Mapping[str, Any], Mapping[str, LinkSettings], frozenset[str]]


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up what all banks share: the actions, and the notices about Bluetooth adapters."""
    await async_remove_leftovers(hass)
    async_setup_services(hass)
    await async_prepare_marks(hass)
    async_rename_notices(hass)
    async_follow_adapters(hass)
    async_follow_files(hass)
    async_dispatcher_connect(
        hass, SIGNAL_CONFIG_ENTRY_CHANGED, partial(_async_entry_changed, hass)
    )
    return True


async def async_migrate_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Update a bank that an older version stored; refuse a bank of a newer version."""
    if entry.version != ENTRY_VERSION:
        return False
    if entry.minor_version < ENTRY_MINOR_VERSION:
        for subentry in entry.get_subentries_of_type(SUBENTRY_TYPE_LINK):
            # Before 1.2 every link was polled, as one is that does not say so.
            try:
                link = LinkSettings.from_subentry(subentry).with_shown_family()
            except DamagedLink:
                continue
            if link.batteries:
                hass.config_entries.async_update_subentry(
                    entry, subentry, data=link.as_data()
                )
        hass.config_entries.async_update_entry(entry, minor_version=ENTRY_MINOR_VERSION)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: RenogyConfigEntry) -> bool:
    """Set up a bank from what is stored, whether or not a battery answers.

    The adapters are watched from the beginning: a broken adapter may be why a link does not
    answer.
    """
    entry.async_on_unload(
        entry.add_update_listener(partial(_async_entry_updated, _setup_of(entry)))
    )
    await _async_settle_discoveries(hass, entry)
    async_tell_damaged_links(hass, entry)
    bank = BankCoordinator(hass, entry)
    await bank.async_load()
    entry.runtime_data = bank
    await async_get_supervisor(hass).async_attach(
        entry.entry_id,
        bank.links.keys(),
        choice_option(entry.options, CONF_RECOVERY, RecoveryLevel.FULL),
    )

    async def stop_polling(_: Event) -> None:
        await asyncio.gather(*(link.async_shutdown() for link in bank.links.values()))
        await bank.async_store_energy()
        await bank.flight_records.async_save()

    entry.async_on_unload(
        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop_polling)
    )
    # The registry still has the batteries as they were before this start.
    replaced_batteries = ReplacedBatteries(hass, entry)
    devices = BankDevices(hass, entry)
    devices.async_register()
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    # What follows a link from here on hears of its polls after the entities.
    replaced_batteries.async_follow()
    async_follow_links(hass, bank)
    async_follow_scales(hass, entry)
    async_follow_refusals(hass, entry)
    for link in bank.links.values():
        entry.async_on_unload(link.async_add_listener(devices.async_update))
    entry.async_on_unload(async_follow_balance(hass, entry))
    async_follow_joining(hass, entry)
    async_follow_sharing(hass, entry)
    async_follow_cells(hass, entry)
    async_follow_silence(hass, entry)
    async_follow_full_charges(hass, entry)
    bank.async_start_polling()
    async_take_up_names(hass, entry)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: RenogyConfigEntry) -> bool:
    """Unload a bank; the coordinators of its links disconnect them."""
    if not await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        return False
    await entry.runtime_data.async_store_energy()
    await entry.runtime_data.flight_records.async_save()
    async_forget_connections(hass, addresses_of(entry))
    await async_get_supervisor(hass).async_detach(entry.entry_id)
    return True


async def async_remove_entry(hass: HomeAssistant, entry: RenogyConfigEntry) -> None:
    """Forget a removed bank and let its links be discovered again.

    With the last bank, what is known of the adapters is forgotten.
    """
    await EnergyStore(hass, entry.entry_id).async_remove()
    await AlarmStore(hass, entry.entry_id).async_remove()
    await HistoryStore(hass, entry.entry_id).async_remove()
    await FlightRecordStore(hass, OF_LINKS.format(entry.entry_id), dict).async_remove()
    if not async_banks(hass):
        await AdapterStore(hass, tuple).async_remove()
        await FlightRecordStore(hass, OF_ADAPTERS, dict).async_remove()
    _async_forget_notices(hass, entry)
    for address in addresses_of(entry):
        bluetooth.async_rediscover_address(hass, address)


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: RenogyConfigEntry, device_entry: DeviceEntry
) -> bool:
    """Forget a battery that does not answer, or an adapter that is gone.

    A battery is kept while its link does not answer. The bank, a dongle and the last battery of
    a link can only be removed with their entry or subentry.
    """
    if async_is_gone_adapter(hass, device_entry):
        return entry.state is ConfigEntryState.LOADED
    subentry = entry.subentries.get(device_entry.config_subentry_id or "")
    link = links_of(entry).get(device_entry.config_subentry_id or "")
    is_loaded = entry.state is ConfigEntryState.LOADED
    if subentry is None or link is None or not is_loaded:
        return False
    coordinator = entry.runtime_data.links[link.address]
    if coordinator.polled_at is None or not coordinator.last_update_success:
        return False
    kept = tuple(
        battery
        for battery in link.batteries
        if (DOMAIN, battery_identifier((link.address, battery.unit)))
        not in device_entry.identifiers
        or battery.unit in coordinator.readings
    )
    if not kept or kept == link.batteries:
        return False
    hass.config_entries.async_update_subentry(
        entry, subentry, data=replace(link, batteries=kept).as_data()
    )
    return True


@callback
def _async_forget_notices(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Delete the notices of a bank that is gone, and those of the adapters with the last bank."""
    async_forget_balance(hass, entry)
    async_forget_joining(hass, entry)
    async_forget_sharing(hass, entry)
    async_forget_cells(hass, entry)
    async_forget_silence(hass, entry)
    async_forget_full_charges(hass, entry)
    async_forget_identities(hass, entry)
    async_forget_scales(hass, entry)
    async_forget_refusals(hass, entry)
    async_forget_damaged_links(hass, entry)
    async_forget_adapters(hass)


@callback
def _async_entry_changed(
    hass: HomeAssistant, change: ConfigEntryChange, entry: ConfigEntry
) -> None:
    """Delete the notices of a bank that is disabled."""
    if entry.domain == DOMAIN and entry.disabled_by is not None:
        _async_forget_notices(hass, entry)


def _setup_of(entry: ConfigEntry) -> _Setup:
    """Return what a bank is set up from: when it changes, the bank reloads.

    Whether a link is polled, and the scales of currents, are left out. The link's coordinator takes
    them over at once, and a reload would make the entities of all other links unavailable for a
    moment.
    """
    links = {
        subentry_id: replace(link, polling=True).with_scales({})
        for subentry_id, link in links_of(entry).items()
    }
    damaged = frozenset(each.subentry_id for each in damaged_links_of(entry))
    return entry.title, dict(entry.options), links, damaged


async def _async_entry_updated(
    before: _Setup, hass: HomeAssistant, entry: RenogyConfigEntry
) -> None:
    """Apply changed options and links; a removed link may be discovered again."""
    if _setup_of(entry) == before:
        return
    removed = {link.address for link in before[2].values()} - addresses_of(entry)
    await hass.config_entries.async_reload(entry.entry_id)
    for address in removed:
        bluetooth.async_rediscover_address(hass, address)


async def _async_settle_discoveries(
    hass: HomeAssistant, entry: RenogyConfigEntry
) -> None:
    """End the discovery flows of links that are in a bank now, and forget ignored ones."""
    flows = hass.config_entries.flow
    for link in links_of(entry).values():
        for flow in flows.async_progress_by_handler(
            DOMAIN,
            include_uninitialized=True,
            match_context={"unique_id": link.address},
        ):
            # A flow that the user has opened says itself that the link is set up.
            if flow["context"]["source"] != SOURCE_USER:
                flows.async_abort(flow["flow_id"])
        ignored = hass.config_entries.async_entry_for_domain_unique_id(
            DOMAIN, link.address
        )
        if ignored is not None:
            await hass.config_entries.async_remove(ignored.entry_id)
