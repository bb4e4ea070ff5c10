# SPDX-License-Identifier: Apache-2.0
"""Notices about batteries one of whose cells departs from the others."""

from collections.abc import Collection
from time import monotonic
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..bank.cell_watch import CellWatch, DepartedCell
from ..batteries.devices import battery_name
from ..const import DOCUMENTATION_URL, DOMAIN, REPORT_HELP_URL
from ..coordinator import RenogyConfigEntry
from ..renogy.models import BatteryId
from .batteries import (
    async_end_notices,
    async_forget_notices,
    is_shown,
    issue_ids_of,
    replaced_batteries,
)
from .links import ATTR_ENTRY_ID

CELL_LOWER: Final = "cell_lower"
CELL_HIGHER: Final = "cell_higher"
_ISSUE: Final = "cell_departs"


@callback
def async_follow_cells(hass: HomeAssistant, entry: RenogyConfigEntry) -> None:
    """Show a notice for each battery one of whose cells departs from the others.

    Over a reload, the notices themselves remember which batteries that were.
    """
    bank = entry.runtime_data
    ids = issue_ids_of(_ISSUE, bank)
    async_forget_cells(hass, entry, ids.values())
    watch = CellWatch(each for each in ids if is_shown(hass, ids[each]))

    @callback
    def update() -> None:
        report = bank.data
        watch.forget(replaced_batteries(bank))
        fresh = {battery: report.readings[battery] for battery in report.fresh}
        for battery, departed in watch.advance(monotonic(), fresh).items():
            _async_create(hass, entry, ids[battery], battery, departed)
        async_end_notices(hass, ids, watch.noticed)

    entry.async_on_unload(bank.async_add_listener(update))


@callback
def async_forget_cells(
    hass: HomeAssistant, entry: ConfigEntry, kept: Collection[str] = ()
) -> None:
    """Delete the notices about cells of a bank, except those that are kept."""
    async_forget_notices(hass, entry, (CELL_LOWER, CELL_HIGHER), kept)


@callback
def _async_create(
    hass: HomeAssistant,
    entry: RenogyConfigEntry,
    issue_id: str,
    battery: BatteryId,
    departed: DepartedCell,
) -> None:
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        data={ATTR_ENTRY_ID: entry.entry_id},
        is_fixable=False,
        learn_more_url=f"{DOCUMENTATION_URL}#troubleshooting",
        severity=ir.IssueSeverity.WARNING,
        translation_key=CELL_HIGHER if departed.is_higher else CELL_LOWER,
        translation_placeholders={
            "bank": entry.title,
            "battery": battery_name(hass, entry.runtime_data, battery),
            "cell": str(departed.cell),
            "millivolts": f"{100 * departed.beyond:.0f}0",
            "report_url": REPORT_HELP_URL,
        },
    )
