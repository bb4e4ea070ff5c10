"""Polls the batteries of a bank."""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final, override

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BluetoothServiceInfoBleak
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util

from .bank.meters import BankMeters
from .bank.report import BankReport, bank_report
from .bank.summary import Wiring
from .const import (
    CONF_UPDATE_INTERVAL,
    CONF_WIRING,
    DEFAULT_UPDATE_INTERVAL,
    DOMAIN,
    LOGGER,
)
from .links.issues import async_get_link_issues
from .links.polled_link import PolledLink
from .links.polls import LinkPolls
from .links.settings import BatteryLabel, LinkSettings, battery_labels, links_of
from .renogy.models import BatteryId, ReadingFailure
from .renogy.outcome import LinkOutcome, link_error, was_left_out
from .storage.alarms import AlarmStore
from .storage.energy import EnergyStore
from .supervisor.poll_gate import PollGate

type RenogyConfigEntry = ConfigEntry[BankCoordinator]

LINK_QUALITY_POLLS: Final = 100


class BankCoordinator(DataUpdateCoordinator[BankReport]):
    """Polls all links of a bank and puts their readings together.

    A link or a battery that fails does not take the others with it: the report says what is
    missing, and entities read their availability from it. Only when no link at all could be
    read does the update fail. A link whose polling is switched off has neither failed nor
    succeeded.
    """

    config_entry: RenogyConfigEntry

    _meters: BankMeters[BatteryId]

    def __init__(
        self, hass: HomeAssistant, entry: RenogyConfigEntry, gate: PollGate
    ) -> None:
        """Prepare polling; nothing is connected yet.

        `gate` holds polls off while a Bluetooth adapter is being repaired.
        """
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name=entry.title,
            update_interval=timedelta(
                seconds=entry.options.get(CONF_UPDATE_INTERVAL, DEFAULT_UPDATE_INTERVAL)
            ),
        )
        self.wiring = Wiring(entry.options.get(CONF_WIRING, Wiring.PARALLEL))
        self.links: dict[str, PolledLink] = {
            settings.address: PolledLink(hass, subentry_id, settings, gate)
            for subentry_id, settings in links_of(entry).items()
        }
        self.labels: dict[BatteryId, BatteryLabel] = battery_labels(
            link.settings for link in self.links.values()
        )
        self.last_errors: dict[str, str] = {}
        self.energy_store = EnergyStore(hass, entry.entry_id)
        self.alarm_store = AlarmStore(hass, entry.entry_id)
        self._gate = gate
        self._link_issues = async_get_link_issues(hass)
        self._fresh: dict[BatteryId, deque[bool]] = {
            battery: deque(maxlen=LINK_QUALITY_POLLS) for battery in self.labels
        }
        self._silent: set[BatteryId] = set()
        self._search: asyncio.Task[None] | None = None
        self._link_polls = LinkPolls(hass, entry, self.links, self.async_refresh)

    def link_quality(self, battery: BatteryId) -> float | None:
        """Return the share of the last polls that brought fresh values, in %."""
        fresh = self._fresh[battery]
        return 100 * sum(fresh) / len(fresh) if fresh else None

    @override
    async def _async_setup(self) -> None:
        """Take up the energy totals, and the alarms told of, where they were left."""
        await self.alarm_store.async_load()
        assert self.update_interval is not None
        energy = await self.energy_store.async_load(
            self.update_interval.total_seconds()
        )
        self._meters = BankMeters(energy)

    @override
    async def _async_update_data(self) -> BankReport:
        """Poll all links at once; connecting is what they take turns in."""
        await self._async_finish_search()
        outcomes = await self._link_polls.async_poll()
        await self._async_look_after_links(outcomes)
        self.last_errors = {
            address: error
            for address, outcome in outcomes.items()
            if (error := link_error(outcome)) is not None
        }
        report = bank_report(
            self.labels.keys(),
            outcomes,
            self.data,
            wiring=self.wiring,
            polled_at=dt_util.utcnow(),
        )
        polled = [
            address
            for address, outcome in outcomes.items()
            if not was_left_out(outcome)
        ]
        for battery, fresh in self._fresh.items():
            if battery[0] in polled:
                fresh.append(battery in report.fresh)
        if polled and len(self.last_errors) == len(polled) and not report.readings:
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key="no_link_answers",
                translation_placeholders={"reason": self._reasons()},
            )
        self._log_changes(report)
        meters = self._meters.advance(
            self.hass.loop.time(), report.readings, report.fresh, report.summary
        )
        await self.energy_store.async_save(self._meters.energy)
        return replace(report, meters=meters)

    @callback
    @override
    def _async_refresh_finished(self) -> None:
        """Use the time between the polls."""
        assert self.update_interval is not None
        if self.last_update_success and not self._shutdown_requested:
            self._link_polls.async_poll_finished(self.update_interval.total_seconds())

    async def _async_look_after_links(self, outcomes: dict[str, LinkOutcome]) -> None:
        """Have people told of what is wrong with links, and look for lost batteries.

        Readings do not wait for a search. A bank that is being set up does: if it fails, it is
        given up right after.
        """
        links = [link.settings for link in self.links.values()]
        self._link_issues.async_polled(links, outcomes)
        if due := self._link_issues.due_for_search(
            link.settings for link in self.links.values() if not link.paused
        ):
            self._search = self.config_entry.async_create_background_task(
                self.hass,
                self._async_search(due),
                f"{DOMAIN} search for batteries of {self.name}",
            )
            if self.config_entry.state is not ConfigEntryState.LOADED:
                await self._async_finish_search()

    async def _async_search(self, links: Iterable[LinkSettings]) -> None:
        """Look for lost batteries, as polls do not while an adapter is being repaired."""
        for link in links:
            await self._gate.ready(link.address)
            if not self.links[link.address].paused:
                await self._link_issues.async_search(link)

    async def _async_finish_search(self) -> None:
        """Wait for a search: its link takes one connection only."""
        if self._search is not None:
            await asyncio.wait({self._search})
            self._search = None

    async def _async_end_search(self) -> None:
        """End a search, of whichever link: it is made up for later."""
        if self._search is not None:
            self._search.cancel()
            await self._async_finish_search()

    def _reasons(self) -> str:
        return "; ".join(
            f"{self.links[address].settings.name}: {error}"
            for address, error in self.last_errors.items()
        )

    def _log_changes(self, report: BankReport) -> None:
        """Log a battery falling silent once, and its return; nothing of what is paused."""
        silent = {
            battery
            for battery in self.labels
            if (
                battery in self._silent
                if self.links[battery[0]].paused
                else battery not in report.readings
            )
        }
        for battery in sorted(silent - self._silent):
            LOGGER.warning(
                "%s: %s does not answer (%s)",
                self.name,
                self.labels[battery],
                report.failed.get(battery, ReadingFailure.NOT_POLLED),
            )
        for battery in sorted(self._silent - silent):
            LOGGER.info("%s: %s answers again", self.name, self.labels[battery])
        for battery in report.identity_changed:
            LOGGER.warning(
                "%s: Another battery than before answers as %s",
                self.name,
                self.labels[battery],
            )
        self._silent = silent

    @callback
    def async_watch_for_links(self) -> None:
        """Poll a link that failed as soon as it is heard again, or its adapter repaired."""
        self.config_entry.async_on_unload(
            self._gate.async_add_poll_listener(self._async_poll_all_now)
        )
        for link in self.links.values():
            self.config_entry.async_on_unload(
                bluetooth.async_register_advertisement_callback(
                    self.hass,
                    partial(self._async_advertisement_heard, link),
                    link.settings.address,
                )
            )

    @callback
    def _async_advertisement_heard(
        self, link: PolledLink, _: BluetoothServiceInfoBleak
    ) -> None:
        if not link.async_advertisement_heard():
            return
        LOGGER.debug("%s: %s is back, polling", self.name, link.settings.name)
        if not self._link_polls.async_heard(link):
            self._async_poll_now()

    @callback
    def _async_poll_all_now(self) -> None:
        self._link_polls.async_poll_all_next()
        self._async_poll_now()

    @callback
    def _async_poll_now(self) -> None:
        self.config_entry.async_create_background_task(
            self.hass, self.async_refresh(), f"{DOMAIN} poll on return"
        )

    async def async_set_polling(self, address: str, polling: bool) -> None:
        """Poll a link from now on, at once, or leave it to others.

        What goes on when a link is paused is ended, and the link disconnected. The choice is
        kept with the link, where it is known before the first poll after a start.
        """
        link = self.links[address]
        subentry = self.config_entry.subentries[link.subentry_id]
        settings = LinkSettings.from_data(subentry.data)
        self.hass.config_entries.async_update_subentry(
            self.config_entry,
            subentry,
            data=replace(settings, polling=polling).as_data(),
        )
        if polling:
            link.async_resume()
            self._async_poll_all_now()
        else:
            self.last_errors.pop(address, None)
            await link.async_pause()
            await self._async_end_search()
        self.async_update_listeners()

    @override
    async def async_shutdown(self) -> None:
        """Stop polling and close every link."""
        await super().async_shutdown()
        await self._link_polls.async_stop()
        await asyncio.gather(*(link.client.close() for link in self.links.values()))

    def batteries(self) -> Iterable[tuple[str, BatteryId]]:
        """Yield every battery with the id of its link's config subentry."""
        for link in self.links.values():
            for battery in link.settings.battery_ids:
                yield link.subentry_id, battery
