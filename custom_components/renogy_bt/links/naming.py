# SPDX-License-Identifier: Apache-2.0
"""Taking up the name of a link that was set up before its name was heard."""

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import (
    BluetoothChange,
    BluetoothScanningMode,
    BluetoothServiceInfoBleak,
)
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from ..const import LOGGER
from .discovery import name_matcher, name_of
from .settings import LinkSettings, async_store_link, links_of


@callback
def async_take_up_names(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Store the names of a bank's nameless links, and the families, when they are heard.

    The names come with Home Assistant's own active scans: PASSIVE asks for none of ours.
    """
    for subentry_id, link in links_of(entry).items():
        if not link.has_name:
            _async_take_up_name(hass, entry, subentry_id, link.address)


@callback
def _async_take_up_name(
    hass: HomeAssistant, entry: ConfigEntry, subentry_id: str, address: str
) -> None:
    @callback
    def heard(info: BluetoothServiceInfoBleak, _: BluetoothChange) -> None:
        subentry = entry.subentries.get(subentry_id)
        name = name_of(info)
        if subentry is None or name is None:
            return
        link = LinkSettings.from_subentry(subentry)
        if not link.has_name:
            LOGGER.info("%s: The link %s is %s", entry.title, address, name)
            async_store_link(hass, entry, subentry, link.named(name))

    entry.async_on_unload(
        bluetooth.async_register_callback(
            hass, heard, name_matcher(address), BluetoothScanningMode.PASSIVE
        )
    )
