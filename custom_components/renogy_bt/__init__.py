"""The Renogy Bluetooth batteries integration."""

import asyncio
from dataclasses import replace
from typing import Final

from bleak_retry_connector import close_stale_connections_by_address

from homeassistant.components import bluetooth
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP, Platform
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.device_registry import DeviceEntry

from .connection import async_release_locks
from .const import DOMAIN, LOGGER
from .coordinator import BankCoordinator, RenogyConfigEntry
from .devices import BankDevices
from .links import LinkSettings, battery_identifier, links_of

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)
PLATFORMS: list[Platform] = [Platform.BINARY_SENSOR, Platform.SENSOR]

STALE_CONNECTIONS_LIMIT: Final = 10.0


async def async_setup_entry(hass: HomeAssistant, entry: RenogyConfigEntry) -> bool:
    """Set up a bank: poll it once, then register its devices and entities."""
    await _async_settle_discoveries(hass, entry)
    await _async_close_stale_connections(entry)
    coordinator = BankCoordinator(hass, entry)

    async def stop_polling(_: Event) -> None:
        await coordinator.async_shutdown()

    entry.async_on_unload(
        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop_polling)
    )
    await coordinator.async_config_entry_first_refresh()
    entry.runtime_data = coordinator
    devices = BankDevices(hass, entry)
    devices.async_register()
    entry.async_on_unload(coordinator.async_add_listener(devices.async_update))
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    coordinator.async_watch_for_links()
    entry.async_on_unload(entry.add_update_listener(_async_entry_updated))
    return True


async def async_unload_entry(hass: HomeAssistant, entry: RenogyConfigEntry) -> bool:
    """Unload a bank; its coordinator closes the links."""
    if not await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        return False
    async_release_locks(hass)
    return True


async def async_remove_entry(hass: HomeAssistant, entry: RenogyConfigEntry) -> None:
    """Let the links of a removed bank be discovered again."""
    for link in links_of(entry).values():
        bluetooth.async_rediscover_address(hass, link.address)


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: RenogyConfigEntry, device_entry: DeviceEntry
) -> bool:
    """Forget a battery that does not answer, when the user removes its device.

    The bank, a dongle and the last battery of a link go with their entry or subentry only.
    """
    subentry = entry.subentries.get(device_entry.config_subentry_id or "")
    if subentry is None or entry.state is not ConfigEntryState.LOADED:
        return False
    link = LinkSettings.from_data(subentry.data)
    kept = tuple(
        battery
        for battery in link.batteries
        if (DOMAIN, battery_identifier((link.address, battery.unit)))
        not in device_entry.identifiers
        or (link.address, battery.unit) in entry.runtime_data.data.readings
    )
    if not kept or kept == link.batteries:
        return False
    hass.config_entries.async_update_subentry(
        entry, subentry, data=replace(link, batteries=kept).as_data()
    )
    return True


async def _async_entry_updated(hass: HomeAssistant, entry: RenogyConfigEntry) -> None:
    """Apply changed options and links; a removed link may be discovered again."""
    links = {link.address for link in links_of(entry).values()}
    removed = entry.runtime_data.links.keys() - links
    await hass.config_entries.async_reload(entry.entry_id)
    for address in removed:
        bluetooth.async_rediscover_address(hass, address)


async def _async_settle_discoveries(
    hass: HomeAssistant, entry: RenogyConfigEntry
) -> None:
    """Withdraw what offers or ignores the discovery of a link that is in a bank now."""
    flows = hass.config_entries.flow
    for link in links_of(entry).values():
        for flow in flows.async_progress_by_handler(
            DOMAIN,
            include_uninitialized=True,
            match_context={"unique_id": link.address},
        ):
            flows.async_abort(flow["flow_id"])
        ignored = hass.config_entries.async_entry_for_domain_unique_id(
            DOMAIN, link.address
        )
        if ignored is not None:
            await hass.config_entries.async_remove(ignored.entry_id)


async def _async_close_stale_connections(entry: RenogyConfigEntry) -> None:
    """Close what a Home Assistant that ended suddenly has left connected."""
    for link in links_of(entry).values():
        try:
            async with asyncio.timeout(STALE_CONNECTIONS_LIMIT):
                await close_stale_connections_by_address(link.address)
        except TimeoutError:
            LOGGER.debug("Closing stale connections of %s timed out", link.name)
