# SPDX-License-Identifier: Apache-2.0
"""The notice about a bank whose batteries cannot be in parallel, or are not."""

from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..bank.summary import Wiring
from ..batteries.devices import battery_name
from ..coordinator import BankCoordinator, RenogyConfigEntry
from .bank_notice import BankNotice

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
    notice = BankNotice(hass, entry, _NOT_JOINED)
    if notice.issue is not None:
        bank.joining.is_noticed = True

    @callback
    def update() -> None:
        if not bank.joining.is_noticed:
            notice.async_forget()
        elif len(bank.data.fresh) > 1 and not notice.is_shown:
            placeholders = {"batteries": _rows(hass, bank)}
            notice.async_show(placeholders, ir.IssueSeverity.ERROR)

    entry.async_on_unload(bank.async_add_listener(update))


def _rows(hass: HomeAssistant, bank: BankCoordinator) -> str:
    return "\n".join(
        f"| {battery_name(hass, bank, battery)} | {len(reading.cell_voltages) or '–'} "
        f"| {reading.voltage:.1f} V |"
        for battery, reading in bank.data.readings.items()
    )


@callback
def async_forget_joining(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Delete the notice about batteries that are not joined."""
    BankNotice(hass, entry, _NOT_JOINED).async_forget()
