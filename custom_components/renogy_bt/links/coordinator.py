# SPDX-License-Identifier: Apache-2.0
"""Polls the batteries behind one link."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
import random
from typing import Final, override

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BluetoothServiceInfoBleak
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util

from ..const import CONF_UPDATE_INTERVAL, DEFAULT_UPDATE_INTERVAL, DOMAIN, LOGGER
from ..renogy.exceptions import LinkClosed, LinkSilent, RenogyError
from ..renogy.flight_recorder import PollOfLink
from ..renogy.link import RenogyLink
from ..renogy.models import BatteryId, BatteryReading, LinkReport, ReadingFailure
from ..renogy.speeds import Extent
from ..renogy.transport import Transport
from ..supervisor.poll_gate import PathChange, PathNews
from ..supervisor.sampling import async_is_heard_seldom
from ..supervisor.supervisor import async_get_supervisor
from .connection import (
    LinkNotSeen,
    async_connector,
    async_end_left_connection,
    async_is_left_connected,
    async_serving_scanner,
)
from .hold import hold_of
from .keeping import KeptLink
from .recorder import LinkRecorder
from .retries import Retries
from .scales import LinkScales
from .settings import BatteryLabel, LinkSettings
from .signal import async_forget, async_is_followed, async_is_too_weak, async_note_poll
from .staleness import Staleness
from .stored_data import number_option

LINK_QUALITY_POLLS: Final = 100
UNEVENNESS: Final = 0.2
"""The share of the interval by which polls come early while the scale of a current is measured."""
MEASURE_SECONDS: Final = 10.0
"""Polls that come faster tell no more of a scale: what flows in two of them is the same, s."""


class LinkCoordinator(DataUpdateCoordinator[LinkReport]):
    """Polls one link of a bank at the interval, and at once when it may be read again.

    A poll that reads some of the batteries succeeds: the report says what is missing. A poll
    that reaches no battery fails. While the link is `paused`, polls are left out.
    `poll_seconds` is the duration of the last poll that got an answer, `succeeded_at` the time
    when a battery was last read, `served_by` the name of the adapter or proxy that served the
    last poll. Each is None if it is not known. `refusals` counts the readings that were refused
    since the start, by the check that they failed.
    """

    config_entry: ConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        subentry_id: str,
        settings: LinkSettings,
        labels: Mapping[BatteryId, BatteryLabel],
        keep: Callable[[LinkCoordinator, LinkReport], Awaitable[None]],
    ) -> None:
        """Prepare polling; nothing is connected yet.

        `keep` gets each report before it is published, and stores what has to outlive Home
        Assistant.
        """
        self.interval = float(
            settings.kept_interval or number_option(entry.options, CONF_UPDATE_INTERVAL)
        )
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name=f"{entry.title}: {settings.name}",
            update_interval=timedelta(seconds=self.interval),
        )
        self.subentry_id = subentry_id
        self.settings = settings
        self.labels = labels
        self.client = RenogyLink(
            settings.name,
            settings.units,
            self._async_connect,
            family=settings.family,
            now=dt_util.utcnow,
            kept_interval=settings.kept_interval,
            lost=self._async_kept_is_lost,
        )
        self.data = self.client.skip_poll()
        self.error: RenogyError | None = None
        """Why the last poll reached no battery, None if it reached one."""
        self.paused = not settings.polling
        self.poll_seconds: float | None = None
        self.polled_at: datetime | None = None
        self.recorder = LinkRecorder(hass, settings, links=len(entry.subentries))
        self._recorded_at: datetime | None = None
        self._began_at = 0.0
        self._measured_at: datetime | None = None
        self.succeeded_at: datetime | None = None
        self.served_by: str | None = None
        self.refusals: Counter[str] = Counter()
        self.scales = LinkScales(settings, self.client)
        self._keep = keep
        self._gate = async_get_supervisor(hass).gate
        self.kept: KeptLink | None = None
        """How the link is kept connected, None where each poll connects."""
        if settings.kept_interval is not None:
            self.kept = KeptLink(
                hass,
                entry,
                settings,
                self.client,
                self._gate,
                poll_now=self.async_poll_now,
                changed=self.async_update_listeners,
            )
        self._connector = async_connector(hass, settings.address, settings.name)
        self.is_polling = False
        self._connected_by: str | None = None
        self._is_connected = False
        self._is_signal_followed = async_is_followed(hass, settings.address)
        self._has_failed = False
        self.retries = Retries(self.interval)
        self._hold = hold_of(entry.options, self.interval)
        self._hold_ends: asyncio.TimerHandle | None = None
        self._staleness = Staleness(self.interval, self._async_too_old)
        self._watched_at: datetime | None = None
        self._too_old: datetime | None = None
        """When the poll ended whose values are too old to be shown, None where none are."""
        self._measure_from = 0.0
        self._fresh: dict[int, deque[bool]] = {
            unit: deque(maxlen=LINK_QUALITY_POLLS) for unit in settings.units
        }
        self._silent: set[int] = set()

    # What the last poll brought

    @property
    def address(self) -> str:
        """The Bluetooth address of the link."""
        return self.settings.address

    @property
    def failed(self) -> Mapping[int, ReadingFailure]:
        """Why the last poll brought no new reading, by unit id."""
        match self.error:
            case None:
                return self.data.failed
            case LinkSilent():
                return dict.fromkeys(self.settings.units, ReadingFailure.SILENT)
            case _:
                return dict.fromkeys(self.settings.units, ReadingFailure.LINK_LOST)

    @property
    def readings(self) -> Mapping[int, BatteryReading]:
        """The readings that may be shown, by unit id."""
        readings = self.data.readings if self._is_current else {}
        if self._hold is None or not self._hold.held:
            return readings
        return {**self.client.last_readings(self._hold.held), **readings}

    @property
    def held(self) -> frozenset[int]:
        """The unit ids that are shown because the user wants no gap after a failed poll."""
        if self._hold is None:
            return frozenset()
        readings = self.data.readings if self._is_current else {}
        return self._hold.held - readings.keys()

    @property
    def fresh(self) -> frozenset[int]:
        """The unit ids that brought new readings in the last poll."""
        return self.data.fresh if self._is_current else frozenset()

    def extent(self, unit: int) -> Extent | None:
        """Return what the last poll read of a unit, None where it brought nothing new."""
        return self.data.extents.get(unit) if self._is_current else None

    @property
    def _is_current(self) -> bool:
        """Whether the last poll succeeded and is not too long ago; a paused link has none."""
        is_too_old = self._too_old is not None and self._too_old == self.polled_at
        return self.last_update_success and not is_too_old and not self.paused

    @property
    def is_partial(self) -> bool:
        """Whether the last poll read no battery wholly, but some of what moves all the time."""
        extents = self.data.extents if self._is_current else {}
        return bool(extents) and max(extents.values()) < Extent.EVERYTHING

    def link_quality(self, unit: int) -> float | None:
        """Return the share of the last polls that brought fresh values, in %."""
        fresh = self._fresh[unit]
        return 100 * sum(fresh) / len(fresh) if fresh else None

    @property
    def is_signal_too_weak(self) -> bool:
        """Whether the signal has long been too weak to read the link."""
        return async_is_too_weak(self.hass, self.address)

    # Polling

    @override
    async def _async_update_data(self) -> LinkReport:
        """Poll the link; raises UpdateFailed if no battery could be reached."""
        began_at = self.hass.loop.time()
        if self.kept is not None and not self.paused:
            self.is_polling, self._is_connected = True, self.client.is_connected
            await self.kept.async_until_breath_is_over()
        if self.paused:
            self.is_polling = False
            if self.kept is not None:
                self.update_interval = timedelta(seconds=DEFAULT_UPDATE_INTERVAL)
            return self.client.skip_poll()
        self.is_polling = True
        try:
            return await self._async_poll()
        finally:
            self.is_polling = False
            if self.kept is not None:
                self.kept.async_polled()
                self._schedule_from(began_at)

    async def _async_poll(self) -> LinkReport:
        self._is_connected = self.client.is_connected
        if not self._is_connected:
            self._connected_by = None
        self._began_at = self.hass.loop.time()
        try:
            is_awaited = async_is_left_connected(self.hass, self.address)
            report, self.error = await self.client.poll(brief=is_awaited), None
        except LinkClosed:
            return self.client.skip_poll()
        except RenogyError as error:
            self.error = error
            raise self._failure(error) from error
        finally:
            self.served_by = self._connected_by
        self._note_report(report)
        await self._keep(self, report)
        return report

    def _note_report(self, report: LinkReport) -> None:
        self.poll_seconds = report.statistics.seconds
        self.refusals.update(report.refused.values())
        if report.fresh:
            self.succeeded_at = dt_util.utcnow()
        if ReadingFailure.LINK_LOST in report.failed.values():
            self._note_unreached()
        else:
            self._note_reached()

    def _failure(self, error: RenogyError) -> UpdateFailed:
        retry_after = None
        if isinstance(error, LinkSilent):
            # A proxy that hangs connects, too, and nothing comes of it.
            pause = self.retries.silent(self.hass.loop.time(), self._began_at)
            retry_after = None if self.kept is None else pause
        else:
            retry_after = self._note_unreached(
                was_tried=not isinstance(error, LinkNotSeen)
            )
        return UpdateFailed(
            translation_domain=DOMAIN,
            translation_key="link_does_not_answer",
            translation_placeholders={"reason": str(error)},
            retry_after=retry_after,
        )

    def _note_reached(self) -> None:
        if self.retries.heard_from is None:
            return
        failing_since = self.retries.reached()
        if failing_since is not None:
            self._gate.async_tell_path(PathNews(PathChange.LINK_READ, failing_since))

    def _note_unreached(self, *, was_tried: bool = True) -> float:
        """Take note of a failure and return the pause before the next poll."""
        return self.retries.unreached(
            self.hass.loop.time(),
            self._began_at,
            is_heard_seldom=async_is_heard_seldom(self.hass, self.address),
            was_tried=was_tried,
        )

    def _schedule_from(self, began_at: float) -> None:
        """Have the next poll begin an interval after this one has begun.

        Home Assistant counts the interval in whole seconds from the end of a poll.
        """
        taken = int(self.hass.loop.time()) - int(began_at)
        interval = max(self._seconds_between_polls(), self.retries.pause)
        self.update_interval = timedelta(seconds=max(interval - taken, 0.001))

    @callback
    def _async_kept_is_lost(self) -> None:
        """Connect again at once, unless the link was lost a moment ago."""
        if not self.retries.pause and not self.paused:
            LOGGER.debug("%s: The connection was lost, polling", self.name)
            self.async_poll_now()

    async def _async_connect(self) -> Transport:
        transport = await self._connector()
        self._is_connected = True
        self._connected_by = async_serving_scanner(self.hass, self.address)
        return transport

    @callback
    @override
    def _async_refresh_finished(self) -> None:
        """Take note of a poll, unless it was left out; listeners hear of every failure."""
        has_failed_before, self._has_failed = self._has_failed, False
        self.retries.is_for_hearing = False
        if self.last_update_success and not self.data.polled:
            return
        self.polled_at = dt_util.utcnow()
        for unit, polls in self._fresh.items():
            polls.append(unit in self.fresh)
        if self._hold is not None:
            self._hold.polled(self.hass.loop.time(), self.fresh)
            self._await_end_of_hold()
        is_reached = self.last_update_success or isinstance(self.error, LinkSilent)
        if not is_reached or self._is_signal_followed:
            self._is_signal_followed = async_note_poll(
                self.hass, self.address, reached=is_reached
            )
        if self.last_update_success:
            self._log_changes()
            return
        self._has_failed = True
        if has_failed_before:
            self.async_update_listeners()

    @callback
    def _await_end_of_hold(self) -> None:
        if self._hold_ends is not None:
            self._hold_ends.cancel()
            self._hold_ends = None
        ends_at = None if self._hold is None else self._hold.ends_at
        if ends_at is not None:
            self._hold_ends = self.hass.loop.call_at(ends_at, self._async_end_hold)

    def _end_hold(self) -> None:
        """Hold no reading any more: the link is not polled from now on."""
        if self._hold is not None:
            self._hold.forget()
        self._await_end_of_hold()

    @callback
    def _async_end_hold(self) -> None:
        """Let batteries become unavailable whose last reading was held, if no poll does."""
        if self._hold is not None:
            self._hold.expire(self.hass.loop.time())
        self._await_end_of_hold()
        self.async_update_listeners()

    @callback
    def _async_watch_age(self) -> None:
        """Watch the age of what was read last, unless nothing is to be read."""
        if self.paused:
            self._staleness.stop()
        elif self._watched_at != self.polled_at:
            self._watched_at = self.polled_at
            self._staleness.poll_ended()

    @callback
    def _async_too_old(self) -> None:
        """Show no longer what was read before polls ceased to end."""
        self._too_old = self.polled_at
        LOGGER.warning("%s: Values are too old to be shown, no poll ends", self.name)
        self.async_update_listeners()

    def _log_changes(self) -> None:
        """Log once that a battery is not read any more, and why, and once that it is again."""
        silent = self._fresh.keys() - self.data.readings.keys()
        for unit in sorted(silent - self._silent):
            check = self.data.refused.get(unit)
            LOGGER.warning(
                "%s: %s does not answer (%s)"
                if check is None
                else "%s: What %s answers is refused, it cannot be true (%s)",
                self.config_entry.title,
                self.labels[self.address, unit],
                check or self.data.failed.get(unit, ReadingFailure.NOT_POLLED),
            )
        for unit in sorted(self._silent - silent):
            LOGGER.info(
                "%s: %s answers again",
                self.config_entry.title,
                self.labels[self.address, unit],
            )
        for unit in self.data.identity_changed:
            LOGGER.warning(
                "%s: Another battery than before answers as %s",
                self.config_entry.title,
                self.labels[self.address, unit],
            )
        self._silent = silent

    # Polls between the intervals

    @callback
    def async_start_polling(self) -> None:
        """Poll now, at the interval, and when the link is heard or its adapter works again."""
        for listener in (
            self._async_watch_age,
            self._async_measure,
            self._async_record,
        ):
            self.config_entry.async_on_unload(self.async_add_listener(listener))
        for remove in (
            self._gate.async_add_poll_listener(self.async_poll_now),
            self._gate.async_add_path_listener(self._async_path_changed),
        ):
            self.config_entry.async_on_unload(remove)
        self.config_entry.async_on_unload(
            bluetooth.async_register_advertisement_callback(
                self.hass, self._async_advertisement_heard, self.address
            )
        )
        if self.kept is not None:
            self.kept.async_start()
        self.async_poll_now()

    @callback
    def _async_advertisement_heard(self, info: BluetoothServiceInfoBleak) -> None:
        self.recorder.heard(info)
        if self.kept is not None:
            self.kept.async_heard(info.source)
        if self._is_free_to_poll and self.retries.is_due(self.hass.loop.time()):
            LOGGER.debug("%s: Heard again, polling", self.name)
            self.retries.is_for_hearing = True
            self.async_poll_now()

    @callback
    def _async_path_changed(self, news: PathNews) -> None:
        """Poll a link that failed, now that somebody noticed why it may work again."""
        is_slot = news.change is PathChange.SLOT_FREED
        if self.paused or (is_slot and not self._gate.has_lacked_slot(self.address)):
            return
        now = self.hass.loop.time()
        if not self.retries.path_works(now, news.failing_since):
            return
        # A scanner that is new has heard nothing yet: its first advertisement brings the poll.
        if news.change is not PathChange.SCANNERS_CHANGED and self._is_free_to_poll:
            LOGGER.debug("%s: May be read again (%s), polling", self.name, news.change)
            self.async_poll_now()

    @property
    def _is_free_to_poll(self) -> bool:
        return not self.paused and not self.is_polling

    @callback
    def async_poll_now(self) -> None:
        """Poll at once, unless a poll is about to connect already."""
        if self.is_polling and not self._is_connected:
            return
        self.config_entry.async_create_background_task(
            self.hass, self.async_refresh(), f"{DOMAIN} refresh {self.settings.name}"
        )

    # Other uses of the link

    async def async_probe(self) -> frozenset[int] | None:
        """Return the unit ids that answer behind the link, None if the link cannot be probed."""
        try:
            report = await self.client.probe()
        except RenogyError as error:
            LOGGER.debug("%s: Probing failed: %s", self.name, error)
            return None
        return frozenset(battery.unit for battery in report.batteries)

    async def async_set_polling(self, polling: bool) -> None:
        """Poll the link from now on, at once, or leave it to other apps and disconnect it.

        The choice is stored with the link, so that it is known before the first poll after a
        start.
        """
        subentry = self.config_entry.subentries[self.subentry_id]
        settings = LinkSettings.from_subentry(subentry)
        self.hass.config_entries.async_update_subentry(
            self.config_entry,
            subentry,
            data=replace(settings, polling=polling).as_data(),
        )
        self.paused = not polling
        # Nothing is shown while off, nor until the first poll after it.
        self._too_old = self.polled_at
        if polling:
            self.async_poll_now()
        else:
            self.retries.reached()
            self._end_hold()
            self.error = None
            async_forget(self.hass, self.address)
            if self.kept is not None:
                self.kept.async_hold_breath()
            await self.client.close()
            await async_end_left_connection(self.hass, self.address)
            self._gate.polling_paused(self.address)
        self.async_update_listeners()

    @callback
    def _async_record(self) -> None:
        """Keep a poll that entities have shown by now in the flight recorder."""
        if self.polled_at is None or self._recorded_at == self.polled_at:
            return
        self._recorded_at = self.polled_at
        is_reached = self.last_update_success
        self.recorder.polled(
            PollOfLink(
                at=self.polled_at,
                began_at=self._began_at,
                seconds=self.data.statistics.seconds if is_reached else None,
                exchanges=self.client.exchanges,
                fresh=self.fresh,
                failed=self.failed,
                refused=self.data.refused if is_reached else {},
                error=self.recorder.told(self.error),
                served_by=self.recorder.source(self.served_by),
                rssi=self.recorder.rssi(),
            )
        )

    @callback
    def _async_measure(self) -> None:
        """Measure the scales of currents by a poll that entities have shown by now."""
        if self._measured_at == self.polled_at:
            return
        self._measured_at = self.polled_at
        if not self._is_to_be_measured():
            return
        if not self.last_update_success:
            self.scales.missed()
        elif self.scales.polled(self.hass.loop.time(), self.data):
            self._async_store_scales()
            self.async_poll_now()
        if self.kept is None:
            self.update_interval = timedelta(seconds=self._seconds_between_polls())

    def _is_to_be_measured(self) -> bool:
        """Tell whether a poll is one of those that scales are measured by.

        Of polls that come faster some are left out, so that the pauses are uneven, too.
        """
        if self.interval >= MEASURE_SECONDS:
            return True
        now = self.hass.loop.time()
        if now < self._measure_from:
            return False
        pause = MEASURE_SECONDS + 2 * self.interval * random.random()
        self._measure_from = now + pause
        return True

    def _seconds_between_polls(self) -> float:
        """Return the interval, made uneven while the scale of a current is measured.

        Otherwise a load in step with the polls could pass for another scale.
        """
        interval = self.interval if self.kept is None else self.kept.interval
        if interval < MEASURE_SECONDS or not self.scales.are_in_question:
            return interval
        return interval * random.uniform(1 - UNEVENNESS, 1)

    @callback
    def async_forget_current_scale(self, unit: int) -> None:
        """Forget what was found of the scale of a battery that was replaced."""
        if unit in self.scales.found:
            self.scales.forget(unit)
            self._async_store_scales()

    @callback
    def async_tell_current_scale(self, unit: int, divisor: int) -> None:
        """Take the user's word that so many counts of a battery's current are one ampere."""
        self.scales.told(unit, divisor)
        self._async_store_scales()
        self.async_poll_now()

    @callback
    def _async_store_scales(self) -> None:
        """Store with the link what is found of the scales of its batteries' currents."""
        subentry = self.config_entry.subentries[self.subentry_id]
        settings = LinkSettings.from_subentry(subentry)
        self.hass.config_entries.async_update_subentry(
            self.config_entry,
            subentry,
            data=settings.with_scales(self.scales.found).as_data(),
        )

    @override
    async def async_shutdown(self) -> None:
        """Stop polling and close the link."""
        await super().async_shutdown()
        self._staleness.stop()
        self._end_hold()
        if self.kept is not None:
            self.kept.async_hold_breath()
        await self.client.close()
