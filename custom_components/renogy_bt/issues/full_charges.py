# SPDX-License-Identifier: Apache-2.0
"""The notice about a bank that was not charged fully for long."""

from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..bank.history import DAY
from ..batteries.devices import battery_name
from ..const import CONF_FULL_CHARGE_DAYS, DOCUMENTATION_URL, DOMAIN
from ..coordinator import RenogyConfigEntry
from ..links.stored_data import number_option

_NOT_FULL: Final = "not_full"


@callback
def async_follow_full_charges(hass: HomeAssistant, entry: RenogyConfigEntry) -> None:
    """Show a notice while a battery has been in use for longer than wanted since it was full.

    The history knows that over restarts. A notice that is not shown is not deleted: it knows whether the user
    ignores it.
    """
    bank = entry.runtime_data
    limit = number_option(entry.options, CONF_FULL_CHARGE_DAYS)

    @callback
    def update() -> None:
        found = bank.history_store.bank.least_filled(bank.labels)
        if not limit or found is None or found[1] <= limit * DAY:
            if _is_shown(hass, entry):
                async_forget_full_charges(hass, entry)
            return
        battery, used = found
        ir.async_create_issue(
            hass,
            DOMAIN,
            _issue_id(entry),
            is_fixable=False,
            learn_more_url=f"{DOCUMENTATION_URL}#troubleshooting",
            severity=ir.IssueSeverity.WARNING,
            translation_key=_NOT_FULL,
            translation_placeholders={
                "bank": entry.title,
                "battery": battery_name(hass, bank, battery),
                "days": f"{used / DAY:.0f}",
                "limit": str(limit),
            },
        )

    entry.async_on_unload(bank.async_add_listener(update))


@callback
def async_forget_full_charges(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Delete the notice about a bank that was not charged fully."""
    ir.async_delete_issue(hass, DOMAIN, _issue_id(entry))


def _is_shown(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    issue = ir.async_get(hass).async_get_issue(DOMAIN, _issue_id(entry))
    return issue is not None and issue.active


def _issue_id(entry: ConfigEntry) -> str:
    return f"{_NOT_FULL}_{entry.entry_id}"
