# SPDX-License-Identifier: Apache-2.0
"""Notices about links of which nothing usable is stored."""

from collections.abc import Collection
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import DOCUMENTATION_URL, DOMAIN, LOGGER
from ..links.markdown import cut, escaped
from ..links.settings import damaged_links_of
from .batteries import async_forget_notices
from .links import ATTR_ENTRY_ID

DAMAGED_LINK: Final = "damaged_link"


@callback
def async_tell_damaged_links(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Show a notice for each link that the bank is set up without, and log it."""
    damaged = {
        f"{DAMAGED_LINK}_{subentry.subentry_id}": subentry
        for subentry in damaged_links_of(entry)
    }
    async_forget_damaged_links(hass, entry, damaged)
    for issue_id, subentry in damaged.items():
        LOGGER.error(
            "%s: What is stored of the link %s names no battery, it is left out",
            entry.title,
            cut("".join(filter(str.isprintable, subentry.title))),
        )
        ir.async_create_issue(
            hass,
            DOMAIN,
            issue_id,
            data={ATTR_ENTRY_ID: entry.entry_id},
            is_fixable=False,
            learn_more_url=f"{DOCUMENTATION_URL}#troubleshooting",
            severity=ir.IssueSeverity.ERROR,
            translation_key=DAMAGED_LINK,
            translation_placeholders={
                "bank": entry.title,
                "link": escaped(subentry.title),
            },
        )


@callback
def async_forget_damaged_links(
    hass: HomeAssistant, entry: ConfigEntry, kept: Collection[str] = ()
) -> None:
    """Delete the notices about damaged links of a bank, except those that are kept."""
    async_forget_notices(hass, entry, {DAMAGED_LINK}, kept)
