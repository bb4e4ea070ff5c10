# SPDX-License-Identifier: Apache-2.0
"""The notice about a bank that was not charged fully for long."""

from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from ..bank.history import DAY
from ..batteries.devices import battery_name
from ..const import CONF_FULL_CHARGE_DAYS
from ..coordinator import RenogyConfigEntry
from ..links.stored_data import number_option
from .bank_notice import BankNotice

_NOT_FULL: Final = "not_full"


@callback
def async_follow_full_charges(hass: HomeAssistant, entry: RenogyConfigEntry) -> None:
    """Show a notice while a battery has been in use for longer than wanted since it was full.

    The history knows that over restarts. A notice that is not shown is not deleted: it knows whether the user
    ignores it.
    """
    bank = entry.runtime_data
    limit = number_option(entry.options, CONF_FULL_CHARGE_DAYS)
    notice = BankNotice(hass, entry, _NOT_FULL)

    @callback
    def update() -> None:
        found = bank.history_store.bank.least_filled(bank.labels)
        if not limit or found is None or found[1] <= limit * DAY:
            if notice.is_shown:
                notice.async_forget()
            return
        battery, used = found
        notice.async_show(
            {
                "battery": battery_name(hass, bank, battery),
                "days": f"{used / DAY:.0f}",
                "limit": str(limit),
            }
        )

    entry.async_on_unload(bank.async_add_listener(update))


@callback
def async_forget_full_charges(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Delete the notice about a bank that was not charged fully."""
    BankNotice(hass, entry, _NOT_FULL).async_forget()
