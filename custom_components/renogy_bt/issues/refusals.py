# SPDX-License-Identifier: Apache-2.0
"""Notices about batteries whose readings are refused: they answer what cannot be true."""

from collections.abc import Collection, Iterable
from datetime import datetime
from time import monotonic
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.translation import async_get_cached_translations

from ..batteries.devices import battery_name
from ..const import DOCUMENTATION_URL, DOMAIN, ISSUE_URL
from ..coordinator import RenogyConfigEntry
from ..links.coordinator import LinkCoordinator
from ..renogy.models import BatteryId
from ..renogy.refusals import RefusalWatch
from .batteries import async_forget_notices
from .identifiers import battery_issue_id
from .links import ATTR_ENTRY_ID

REFUSED: Final = "readings_refused"

_NAMES: Final = f"component.{DOMAIN}.selector.refused_value.options."


@callback
def async_follow_refusals(hass: HomeAssistant, entry: RenogyConfigEntry) -> None:
    """Show a notice for each battery of a bank whose readings have long been refused.

    It goes with the next good reading, and does not change from poll to poll.
    """
    bank = entry.runtime_data
    kept = {battery_issue_id(REFUSED, link, unit) for link, unit in bank.batteries()}
    async_forget_refusals(hass, entry, kept)
    for link in bank.links.values():
        follower = _Follower(hass, entry, link)
        entry.async_on_unload(link.async_add_listener(follower.async_update))


@callback
def async_forget_refusals(
    hass: HomeAssistant, entry: ConfigEntry, kept: Collection[str] = ()
) -> None:
    """Delete the notices about refused readings of a bank, except those that are kept."""
    async_forget_notices(hass, entry, {REFUSED}, kept)


@callback
def async_names_of(hass: HomeAssistant, checks: Iterable[str]) -> list[str]:
    """Return what cannot be true, by the checks that it failed, in Home Assistant's language."""
    names = async_get_cached_translations(
        hass, hass.config.language, "selector", DOMAIN
    )
    return [names.get(_NAMES + check, check) for check in checks]


class _Follower:
    """Follows one link."""

    def __init__(
        self, hass: HomeAssistant, entry: RenogyConfigEntry, link: LinkCoordinator
    ) -> None:
        self._hass = hass
        self._entry = entry
        self._link = link
        self._watch = RefusalWatch()
        self._polled_at: datetime | None = None

    @callback
    def async_update(self) -> None:
        """Take note of a poll."""
        link = self._link
        if link.error is not None or link.polled_at == self._polled_at:
            return
        self._polled_at = link.polled_at
        self._watch.polled(monotonic(), link.data.refused, link.fresh)
        for unit in link.settings.units:
            self._async_show((link.address, unit), self._watch.refused(unit))

    @callback
    def _async_show(self, battery: BatteryId, checks: Collection[str]) -> None:
        issue_id = battery_issue_id(REFUSED, self._link, battery[1])
        issue = ir.async_get(self._hass).async_get_issue(DOMAIN, issue_id)
        is_shown = issue is not None and issue.active
        if not checks:
            # One that is not shown is kept: it knows whether the user ignores it.
            if is_shown and battery[1] in self._link.fresh:
                ir.async_delete_issue(self._hass, DOMAIN, issue_id)
            return
        if is_shown:
            return
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            issue_id,
            data={ATTR_ENTRY_ID: self._entry.entry_id},
            is_fixable=False,
            learn_more_url=f"{DOCUMENTATION_URL}#troubleshooting",
            severity=ir.IssueSeverity.WARNING,
            translation_key=REFUSED,
            translation_placeholders={
                "bank": self._entry.title,
                "battery": battery_name(self._hass, self._entry.runtime_data, battery),
                "values": "\n".join(
                    f"- {name}" for name in async_names_of(self._hass, checks)
                ),
                "issue_url": ISSUE_URL,
            },
        )
