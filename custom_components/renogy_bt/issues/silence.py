# SPDX-License-Identifier: Apache-2.0
"""The notice about batteries that a bank goes on without."""

from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..batteries.devices import battery_name
from ..const import CONF_SILENT_HOURS, DOCUMENTATION_URL, DOMAIN
from ..coordinator import RenogyConfigEntry
from ..links.stored_data import number_option

_LEFT_OUT: Final = "left_out"


@callback
def async_follow_silence(hass: HomeAssistant, entry: RenogyConfigEntry) -> None:
    """Show a notice while a bank goes on without batteries that do not answer.

    Of a link whose polling is off nothing is said: its owner has it so.
    """
    bank = entry.runtime_data
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
        if names == told and bool(names) == _is_there(hass, entry):
            return
        told[:] = names
        if not names:
            async_forget_silence(hass, entry)
            return
        ir.async_create_issue(
            hass,
            DOMAIN,
            _issue_id(entry),
            is_fixable=False,
            learn_more_url=f"{DOCUMENTATION_URL}#troubleshooting",
            severity=ir.IssueSeverity.WARNING,
            translation_key=_LEFT_OUT,
            translation_placeholders={
                "bank": entry.title,
                "batteries": ", ".join(names),
                "hours": str(number_option(entry.options, CONF_SILENT_HOURS)),
                "counted": str(len(bank.labels) - len(report.left_out)),
                "all": str(len(bank.labels)),
            },
        )

    entry.async_on_unload(bank.async_add_listener(update))


@callback
def async_forget_silence(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Delete the notice about batteries that a bank goes on without."""
    ir.async_delete_issue(hass, DOMAIN, _issue_id(entry))


def _is_there(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    return ir.async_get(hass).async_get_issue(DOMAIN, _issue_id(entry)) is not None


def _issue_id(entry: ConfigEntry) -> str:
    return f"{_LEFT_OUT}_{entry.entry_id}"
