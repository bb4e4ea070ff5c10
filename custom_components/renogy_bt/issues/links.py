# SPDX-License-Identifier: Apache-2.0
"""Notices about links."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Final

from homeassistant.components import bluetooth
from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.util.hass_dict import HassKey

from ..const import DOCUMENTATION_URL, DOMAIN, LOGGER
from ..coordinator import BankCoordinator
from ..links.coordinator import LinkCoordinator
from ..links.markdown import escaped
from ..links.reasons import async_hearing, async_in_words
from ..links.rescan import SIGNAL_RESCANNED, Rescan
from ..links.settings import LinkSettings, async_banks, link_identifier, links_of
from ..renogy.confirmation import ANOTHER_BATTERY
from ..renogy.exceptions import LinkSilent
from ..renogy.link_watch import LinkTrouble, LinkWatch, PollOutcome, TroubleKind
from ..renogy.models import ReadingFailure
from ..supervisor.supervisor import async_get_supervisor
from .identifiers import LINK_PREFIX, link_issue_id

ATTR_ENTRY_ID: Final = "entry_id"
ATTR_SUBENTRY_ID: Final = "subentry_id"

# What a rescan of the link can mend.
FIXABLE: Final = frozenset({TroubleKind.IDS_CHANGED, TroubleKind.IDS_COLLIDE})

_NO_ANSWER: Final = frozenset(
    {ReadingFailure.SILENT, ReadingFailure.LINK_LOST, ReadingFailure.NOT_POLLED}
)


class LinkIssues:
    """Follows the links of all banks and shows a notice for each link that has a trouble.

    What is known of a link outlives a reload of its bank.
    """

    def __init__(self, hass: HomeAssistant) -> None:
        """Start with nothing known of any link."""
        self._hass = hass
        self._watches: dict[str, LinkWatch] = {}
        self._facts: dict[str, dict[str, str]] = {}
        async_dispatcher_connect(
            hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._async_entry_changed
        )
        async_dispatcher_connect(hass, SIGNAL_RESCANNED, self._async_rescanned)

    @callback
    def async_polled(self, link: LinkCoordinator) -> None:
        """Take note of a poll of a link, and update the notices.

        If a battery has been silent for long, the link is probed: it may have another unit id.
        """
        if link.paused:
            self._watches.pop(link.address, None)
        else:
            watch = self._watch(link.settings)
            is_excused = self._async_is_excused(link.address)
            watch.polled(monotonic(), _outcome_of(link, is_excused))
            if watch.is_probe_due():
                watch.probe_begins()
                link.config_entry.async_create_background_task(
                    self._hass,
                    self._async_probe(link, watch),
                    f"{DOMAIN} probe of {link.settings.name}",
                )
        self.async_update()

    async def _async_probe(self, link: LinkCoordinator, watch: LinkWatch) -> None:
        LOGGER.debug(
            "Probing %s for batteries under other unit ids", link.settings.name
        )
        found = await link.async_probe()
        if found is not None:
            watch.probed(found)
            self.async_update()

    @callback
    def async_update(self) -> None:
        """Create the notices that there should be and delete the others.

        A notice that is not shown is not deleted: after a restart it still knows whether the
        user ignores it.
        """
        wanted: set[str] = set()
        addresses: set[str] = set()
        for entry in async_banks(self._hass):
            if entry.disabled_by is not None:
                continue
            for subentry_id, link in links_of(entry).items():
                addresses.add(link.address)
                trouble = self._trouble(link)
                if trouble is not None:
                    wanted.add(link_issue_id(trouble.kind, subentry_id))
                    self._async_create(entry, subentry_id, link, trouble)
        for address in self._watches.keys() - addresses:
            del self._watches[address]
        for (domain, issue_id), issue in tuple(ir.async_get(self._hass).issues.items()):
            is_ours = domain == DOMAIN and issue_id.startswith(LINK_PREFIX)
            if is_ours and issue.active and issue_id not in wanted:
                self._facts.pop(issue_id, None)
                ir.async_delete_issue(self._hass, DOMAIN, issue_id)

    def colliding(self, address: str) -> tuple[int, ...]:
        """Return the unit ids behind a link that several batteries seem to have."""
        watch = self._watches.get(address)
        trouble = watch.trouble if watch is not None else None
        if trouble is None or trouble.kind is not TroubleKind.IDS_COLLIDE:
            return ()
        return trouble.others

    def _watch(self, link: LinkSettings) -> LinkWatch:
        """Return the watch of a link; it begins anew when the unit ids change."""
        watch = self._watches.get(link.address)
        if watch is None or watch.units != set(link.units):
            watch = self._watches[link.address] = LinkWatch(link.units)
        return watch

    def _trouble(self, link: LinkSettings) -> LinkTrouble | None:
        watch = self._watches.get(link.address)
        if watch is None or not link.polling or watch.units != set(link.units):
            return None
        return watch.trouble

    @callback
    def _async_create(
        self,
        entry: ConfigEntry,
        subentry_id: str,
        link: LinkSettings,
        trouble: LinkTrouble,
    ) -> None:
        issue_id = link_issue_id(trouble.kind, subentry_id)
        if issue_id not in self._facts:
            # Asked only once: they are never the same, and the notice is to stay as it is.
            self._facts[issue_id] = self._async_facts(link.address)
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            issue_id,
            data={ATTR_ENTRY_ID: entry.entry_id, ATTR_SUBENTRY_ID: subentry_id},
            is_fixable=trouble.kind in FIXABLE,
            is_persistent=False,
            learn_more_url=f"{DOCUMENTATION_URL}#troubleshooting",
            severity=ir.IssueSeverity.WARNING,
            translation_key=f"{LINK_PREFIX}{trouble.kind}",
            translation_placeholders={
                "link": self._name_of(entry, link),
                "bank": entry.title,
                "silent": _listed(trouble.silent),
                "others": _listed(trouble.others),
                **self._facts[issue_id],
            },
        )

    @callback
    def _async_facts(self, address: str) -> dict[str, str]:
        """Return what is so of a link when its trouble is noticed, in words."""
        signal = async_get_supervisor(self._hass).signal_of(address)
        return {
            "reason": async_in_words(self._hass, async_hearing(self._hass, address)),
            "strength": "–" if signal is None else f"{signal.strength.mean:.0f} dBm",
        }

    def _name_of(self, entry: ConfigEntry, link: LinkSettings) -> str:
        """Return the name of a link: the user's own name if there is one."""
        device = dr.async_get(self._hass).async_get_device_by_identifier(
            (DOMAIN, link_identifier(link.address)), entry.entry_id
        )
        return (device.name_by_user if device is not None else None) or escaped(
            link.name
        )

    @callback
    def _async_is_excused(self, address: str) -> bool:
        """Return whether a link that cannot be reached is not to blame.

        Home Assistant's Bluetooth may be down, or the adapter that heard the link last may
        have a fault. If no adapter ever heard the link, a fault of any adapter may be why.
        """
        if not bluetooth.async_scanner_count(self._hass, connectable=True):
            return True
        heard = bluetooth.async_last_service_info(self._hass, address, connectable=True)
        return any(
            status.problem or status.notice is not None
            for status in async_get_supervisor(self._hass).adapters.values()
            if heard is None or heard.source == status.address
        )

    @callback
    def _async_rescanned(self, rescan: Rescan) -> None:
        if (watch := self._watches.get(rescan.known.address)) is not None:
            watch.rescanned(rescan.found.units)
            self.async_update()

    @callback
    def _async_entry_changed(
        self, change: ConfigEntryChange, entry: ConfigEntry
    ) -> None:
        if entry.domain == DOMAIN:
            self.async_update()


def _outcome_of(link: LinkCoordinator, is_excused: bool) -> PollOutcome:
    units, too_weak = link.settings.units, link.is_signal_too_weak
    match link.error:
        case None:
            failed = link.data.failed
            return PollOutcome(
                reached=True,
                too_weak=too_weak,
                answering=[
                    unit for unit in units if failed.get(unit) not in _NO_ANSWER
                ],
                silent=[
                    unit for unit in units if failed.get(unit) is ReadingFailure.SILENT
                ],
                garbled=link.data.garbled,
                changed=link.data.identity_changed,
                unconfirmed=[
                    unit
                    for unit, check in link.data.refused.items()
                    if check == ANOTHER_BATTERY
                ],
            )
        case LinkSilent(garbled=garbled):
            return PollOutcome(
                reached=True, too_weak=too_weak, silent=units, garbled=garbled
            )
        case _:
            return PollOutcome(reached=False, excused=is_excused, too_weak=too_weak)


def _listed(units: Iterable[int]) -> str:
    return ", ".join(map(str, units)) or "–"


@callback
def async_follow_links(hass: HomeAssistant, bank: BankCoordinator) -> None:
    """Show notices about the links of a bank, by what their polls show."""
    issues = async_get_link_issues(hass)
    polled_at: dict[str, datetime | None] = {}

    @callback
    def update(link: LinkCoordinator) -> None:
        if link.paused or link.polled_at != polled_at.get(link.address):
            polled_at[link.address] = link.polled_at
            issues.async_polled(link)

    for link in bank.links.values():
        bank.config_entry.async_on_unload(
            link.async_add_listener(partial(update, link))
        )


_ISSUES: HassKey[LinkIssues] = HassKey(f"{DOMAIN}_link_issues")


@callback
def async_get_link_issues(hass: HomeAssistant) -> LinkIssues:
    """Return the object that follows the links of all banks."""
    if (issues := hass.data.get(_ISSUES)) is None:
        issues = hass.data[_ISSUES] = LinkIssues(hass)
    return issues
