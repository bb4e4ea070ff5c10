# SPDX-License-Identifier: Apache-2.0
"""Notices about batteries whose current has no scale that is known."""

from collections.abc import Collection
from functools import partial
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..batteries.devices import battery_name
from ..const import DOCUMENTATION_URL, DOMAIN
from ..coordinator import RenogyConfigEntry
from ..links.coordinator import LinkCoordinator
from ..renogy.current_scale import HUNDREDTHS, TENTHS
from .batteries import ATTR_UNIT, async_forget_notices
from .identifiers import battery_issue_id
from .links import ATTR_ENTRY_ID, ATTR_SUBENTRY_ID

SCALE_UNKNOWN: Final = "current_scale_unknown"
SCALE_CONTRADICTED: Final = "current_scale_contradicted"
SCALE_NOTICES: Final = (SCALE_UNKNOWN, SCALE_CONTRADICTED)

_STEPS: Final = {TENTHS: "0.1", HUNDREDTHS: "0.01"}


@callback
def async_follow_scales(hass: HomeAssistant, entry: RenogyConfigEntry) -> None:
    """Show a notice for each battery of a bank whose current is unknown for want of its scale.

    It appears with the first reading, and goes when the scale is measured or told. The values to choose
    from are in its dialogue: the notice itself does not change from poll to poll.
    """
    bank = entry.runtime_data
    kept = {
        battery_issue_id(kind, link, unit)
        for kind in SCALE_NOTICES
        for link, unit in bank.batteries()
    }
    async_forget_scales(hass, entry, kept)
    for link in bank.links.values():
        entry.async_on_unload(
            link.async_add_listener(partial(_async_update, hass, entry, link))
        )


@callback
def _async_update(
    hass: HomeAssistant, entry: RenogyConfigEntry, link: LinkCoordinator
) -> None:
    for unit in link.settings.units:
        wanted = _wanted(link, unit)
        for kind in SCALE_NOTICES:
            issue_id = battery_issue_id(kind, link, unit)
            issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
            is_shown = issue is not None and issue.active
            if kind != wanted:
                # One that is not shown is kept: it knows whether the user ignores it.
                if is_shown:
                    ir.async_delete_issue(hass, DOMAIN, issue_id)
            elif not is_shown and unit in link.readings:
                _async_create(hass, entry, link, unit, kind)


def _wanted(link: LinkCoordinator, unit: int) -> str | None:
    """Return the notice that there should be about a battery."""
    if unit not in link.scales.unknown:
        return None
    is_contradicted = unit in link.scales.found
    return SCALE_CONTRADICTED if is_contradicted else SCALE_UNKNOWN


@callback
def _async_create(
    hass: HomeAssistant,
    entry: RenogyConfigEntry,
    link: LinkCoordinator,
    unit: int,
    kind: str,
) -> None:
    placeholders = {
        "bank": entry.title,
        "battery": battery_name(hass, entry.runtime_data, (link.address, unit)),
    }
    if found := link.scales.found.get(unit):
        placeholders["step"] = _STEPS[found.divisor]
    ir.async_create_issue(
        hass,
        DOMAIN,
        battery_issue_id(kind, link, unit),
        data={
            ATTR_ENTRY_ID: entry.entry_id,
            ATTR_SUBENTRY_ID: link.subentry_id,
            ATTR_UNIT: unit,
        },
        is_fixable=True,
        learn_more_url=f"{DOCUMENTATION_URL}#troubleshooting",
        severity=ir.IssueSeverity.WARNING,
        translation_key=kind,
        translation_placeholders=placeholders,
    )


@callback
def async_forget_scales(
    hass: HomeAssistant, entry: ConfigEntry, kept: Collection[str] = ()
) -> None:
    """Delete the notices about the scales of a bank's currents, except those that are kept."""
    async_forget_notices(hass, entry, SCALE_NOTICES, kept)
