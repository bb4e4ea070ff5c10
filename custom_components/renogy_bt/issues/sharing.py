# SPDX-License-Identifier: Apache-2.0
"""Notices about batteries that do not carry their share of a parallel bank's current."""

from collections.abc import Collection
from time import monotonic
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..bank.sharing_watch import Finding, SharingWatch, Suspicion
from ..bank.summary import Wiring
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

SHARING_NOTICES: Final = {
    Suspicion.LESS: "carries_less",
    Suspicion.MORE: "carries_more",
    Suspicion.CABLE: "bad_cable",
}
_ISSUE: Final = "current_share"


@callback
def async_follow_sharing(hass: HomeAssistant, entry: RenogyConfigEntry) -> None:
    """Show a notice for each battery that carries far less or more than its share.

    Over a reload, the notices themselves remember which batteries that were.
    """
    bank = entry.runtime_data
    ids = issue_ids_of(_ISSUE, bank)
    if bank.is_single or bank.wiring is not Wiring.PARALLEL:
        async_forget_sharing(hass, entry)
        return
    async_forget_sharing(hass, entry, ids.values())
    watch = SharingWatch(each for each in ids if is_shown(hass, ids[each]))

    @callback
    def update() -> None:
        report = bank.data
        watch.forget(replaced_batteries(bank))
        if len(report.fresh) == len(ids):
            found = watch.advance(monotonic(), report.readings)
            for battery, finding in found.items():
                _async_create(hass, entry, ids[battery], battery, finding)
        async_end_notices(hass, ids, watch.noticed)

    entry.async_on_unload(bank.async_add_listener(update))


@callback
def async_forget_sharing(
    hass: HomeAssistant, entry: ConfigEntry, kept: Collection[str] = ()
) -> None:
    """Delete the notices about how a bank shares its current, except those that are kept."""
    async_forget_notices(hass, entry, SHARING_NOTICES.values(), kept)


@callback
def _async_create(
    hass: HomeAssistant,
    entry: RenogyConfigEntry,
    issue_id: str,
    battery: BatteryId,
    finding: Finding,
) -> None:
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        data={ATTR_ENTRY_ID: entry.entry_id},
        is_fixable=False,
        learn_more_url=f"{DOCUMENTATION_URL}#troubleshooting",
        severity=ir.IssueSeverity.WARNING,
        translation_key=SHARING_NOTICES[finding.suspicion],
        translation_placeholders={
            "bank": entry.title,
            "battery": battery_name(hass, entry.runtime_data, battery),
            "carried": f"{max(finding.carried, 0.0):.0f}",
            "fair": f"{finding.fair:.0f}",
            "resistance": f"{1000 * (finding.resistance or 0.0):.0f}",
            "report_url": REPORT_HELP_URL,
        },
    )
