# SPDX-License-Identifier: Apache-2.0
"""The notice about batteries that a bank goes on without."""

from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from ..batteries.devices import battery_name
from ..const import CONF_SILENT_HOURS
from ..coordinator import RenogyConfigEntry
from ..links.stored_data import number_option
from .bank_notice import BankNotice

_LEFT_OUT: Final = "left_out"


@callback
def async_follow_silence(hass: HomeAssistant, entry: RenogyConfigEntry) -> None:
    """Show a notice while a bank goes on without batteries that do not answer.

    Of a link whose polling is off nothing is said: its owner has it so.
    """
    bank = entry.runtime_data
    notice = BankNotice(hass, entry, _LEFT_OUT)
    told: list[str] = []

    @callback
    def update() -> None:
        if not (report := bank.data).fresh:
            return
        names = [
            battery_name(hass, bank, battery)
            for battery in sorted(report.left_out)
            if not bank.links[battery[0]].paused
        ]
        if names == told and bool(names) == (notice.issue is not None):
            return
        told[:] = names
        if not names:
            notice.async_forget()
            return
        notice.async_show(
            {
                "batteries": ", ".join(names),
                "hours": str(number_option(entry.options, CONF_SILENT_HOURS)),
                "counted": str(len(bank.labels) - len(report.left_out)),
                "all": str(len(bank.labels)),
            }
        )

    entry.async_on_unload(bank.async_add_listener(update))


@callback
def async_forget_silence(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Delete the notice about batteries that a bank goes on without."""
    BankNotice(hass, entry, _LEFT_OUT).async_forget()
