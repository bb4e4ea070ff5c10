# SPDX-License-Identifier: Apache-2.0
"""The notice about a bank whose batteries cannot be in parallel, or are not."""

from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..bank.summary import Wiring
from ..batteries.devices import battery_name
from ..const import DOCUMENTATION_URL, DOMAIN
from ..coordinator import BankCoordinator, RenogyConfigEntry

_NOT_JOINED: Final = "not_joined"


@callback
def async_follow_joining(hass: HomeAssistant, entry: RenogyConfigEntry) -> None:
    """Show a notice while the batteries of a parallel bank are long seen not to be joined.

    Over reloads and restarts the notice itself remembers it, shown or not.
    """
    bank = entry.runtime_data
    if bank.is_single or bank.wiring is not Wiring.PARALLEL:
        async_forget_joining(hass, entry)
        return
    if ir.async_get(hass).async_get_issue(DOMAIN, _issue_id(entry)) is not None:
        bank.joining.is_noticed = True

    @callback
    def update() -> None:
        if not bank.joining.is_noticed:
            async_forget_joining(hass, entry)
        elif len(bank.data.fresh) > 1 and not _is_shown(hass, entry):
            _async_create(hass, entry, bank)

    entry.async_on_unload(bank.async_add_listener(update))


@callback
def _async_create(
    hass: HomeAssistant, entry: RenogyConfigEntry, bank: BankCoordinator
) -> None:
    rows = (
        f"| {battery_name(hass, bank, battery)} | {len(reading.cell_voltages) or '–'} "
        f"| {reading.voltage:.1f} V |"
        for battery, reading in bank.data.readings.items()
    )
    ir.async_create_issue(
        hass,
        DOMAIN,
        _issue_id(entry),
        is_fixable=False,
        learn_more_url=f"{DOCUMENTATION_URL}#troubleshooting",
        severity=ir.IssueSeverity.ERROR,
        translation_key=_NOT_JOINED,
        translation_placeholders={"bank": entry.title, "batteries": "\n".join(rows)},
    )


@callback
def async_forget_joining(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Delete the notice about batteries that are not joined."""
    ir.async_delete_issue(hass, DOMAIN, _issue_id(entry))


def _is_shown(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    issue = ir.async_get(hass).async_get_issue(DOMAIN, _issue_id(entry))
    return issue is not None and issue.active


def _issue_id(entry: ConfigEntry) -> str:
    return f"{_NOT_JOINED}_{entry.entry_id}"
