# SPDX-License-Identifier: Apache-2.0
"""A bank: it listens to its links and adds up what they read."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.util.dt import utcnow

from .bank.energy import EnergyTotals
from .bank.joining_watch import JoiningWatch
from .bank.limits import CurrentLimits, is_reserve_reached, limits_of
from .bank.meters import BankMeters, MeterReading
from .bank.sharing import Sharing, sharing_of
from .bank.silence import SilenceWatch, silent_before
from .bank.summary import BankSummary, Wiring, summarise
from .const import (
    CONF_RESERVE,
    CONF_SILENT_HOURS,
    CONF_WIRING,
    LOGGER,
    MIN_UPDATE_INTERVAL,
)
from .links.coordinator import LinkCoordinator
from .links.recorder import LinkRecorder
from .links.settings import battery_labels, links_of
from .links.stored_data import choice_option, number_option
from .renogy.models import BatteryId, BatteryReading, LinkReport
from .storage.alarms import AlarmStore
from .storage.energy import EnergyStore
from .storage.flight_records import OF_LINKS, FlightRecordStore
from .storage.history import HistoryStore

type RenogyConfigEntry = ConfigEntry[BankCoordinator]

ROUND_SECONDS: Final = 5.0
"""How long the bank waits for links that are being polled, so that a round is one report, s."""
ENERGY_SECONDS: Final = 45.0
"""At most how often the energy of a link's batteries is stored, and so shown, s.

That is at each poll where these are a minute apart, as they are by default. Polls that are some
seconds apart would wear a memory card out.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankReport:
    """The readings of a bank's batteries after a round of polls, and what they add up to.

    `fresh` are the batteries that the last poll brought a new reading of. The others in
    `readings` keep their last good reading for a while. Those that keep it only because the user
    wants no gap after a failed poll are added up like the others, but do not count as responding.
    The batteries that are `left_out` have been silent for so long that the sums go on without them.
    `is_partial` tells that of the links in the round only what moves all the time was read.
    """

    readings: Mapping[BatteryId, BatteryReading]
    fresh: frozenset[BatteryId]
    summary: BankSummary[BatteryId]
    meter: MeterReading
    sharing: Sharing[BatteryId]
    limits: CurrentLimits
    is_reserve_reached: bool | None
    left_out: frozenset[BatteryId] = frozenset()
    is_partial: bool = False


class BankCoordinator(DataUpdateCoordinator[BankReport]):
    """Adds up the links of a bank, once a round; each link has a coordinator that polls it.

    `meters` are the energy and the estimates of each battery, as far as they are stored.
    """

    config_entry: RenogyConfigEntry

    _meters: BankMeters[BatteryId]
    _energy: EnergyTotals
    _silence: SilenceWatch[BatteryId]
    # Whatever keeps a bank from being built, it can be shut down.
    _round_ends: asyncio.TimerHandle | None = None

    def __init__(self, hass: HomeAssistant, entry: RenogyConfigEntry) -> None:
        """Prepare; nothing is polled yet."""
        super().__init__(hass, LOGGER, config_entry=entry, name=entry.title)
        self.wiring = choice_option(entry.options, CONF_WIRING, Wiring.PARALLEL)
        links = links_of(entry)
        self.labels = battery_labels(links.values())
        self.links = {
            settings.address: LinkCoordinator(
                hass, entry, subentry_id, settings, self.labels, self._async_keep
            )
            for subentry_id, settings in links.items()
        }
        self._reserve = number_option(entry.options, CONF_RESERVE)
        self._is_reserve_reached: bool | None = None
        self.joining = JoiningWatch()
        self._left_out: frozenset[BatteryId] = frozenset()
        self.meters: dict[BatteryId, MeterReading] = {}
        self.energy_store = EnergyStore(hass, entry.entry_id)
        self.alarm_store = AlarmStore(hass, entry.entry_id)
        self.history_store = HistoryStore(hass, entry.entry_id)
        self._energy_stored_at: dict[str, float] = {}
        self._history_at: dict[str, datetime | None] = {}
        self.flight_records = FlightRecordStore(
            hass, OF_LINKS.format(entry.entry_id), self._flight_records
        )
        self._changed: set[str] = set()

    async def async_load(self) -> None:
        """Load the energy totals, the alarms that were told, and what was recorded of links."""
        await self.alarm_store.async_load(self.labels)
        await self.flight_records.async_load()
        # A kept link is let go at times, for longer than a few of its intervals.
        interval = max(
            [MIN_UPDATE_INTERVAL, *(link.interval for link in self.links.values())]
        )
        self._meters = BankMeters(
            await self.energy_store.async_load(interval), self._reserve / 100
        )
        await self.history_store.async_load(interval)
        hours = number_option(self.config_entry.options, CONF_SILENT_HOURS)
        self._silence = SilenceWatch(
            self.labels.keys(), 3600.0 * hours, silent_before(self._read_until())
        )
        self._energy = self._meters.energy.bank
        self.data = self._report()

    def _read_until(self) -> dict[BatteryId, float]:
        """Return when each battery was read last, before this start."""
        return {
            battery: history.seen_until
            for battery in self.labels
            if (history := self.history_store.bank.of(battery)) is not None
        }

    @callback
    def async_start_polling(self) -> None:
        """Poll every link, now and from now on, and add up what that brings.

        Entities that are there by now show what a link brings before the bank adds up.
        """
        for link in self.links.values():
            for listener in (self._async_take_history, self._async_link_changed):
                self.config_entry.async_on_unload(
                    link.async_add_listener(partial(listener, link))
                )
            link.async_start_polling()
            # After the listener that records the poll.
            self.config_entry.async_on_unload(
                link.async_add_listener(partial(self._async_recorded, link.recorder))
            )

    @callback
    def _async_recorded(self, recorder: LinkRecorder) -> None:
        """Have what was recorded outlive a restart where a link fails, or did so just before."""
        if recorder.take_news():
            self.flight_records.save_soon()
        self.flight_records.is_due |= recorder.is_failing

    def _flight_records(self) -> dict[str, Any]:
        return {
            address: link.recorder.around_fault()
            for address, link in self.links.items()
        }

    async def _async_keep(self, link: LinkCoordinator, report: LinkReport) -> None:
        """Count the energy of a link's batteries, and store it before it is shown."""
        now = self.hass.loop.time()
        meters = self._meters.advance(
            now,
            {(link.address, unit): each for unit, each in report.readings.items()},
            {(link.address, unit) for unit in report.fresh},
        )
        if not self._is_energy_due(link.address, meters, now):
            self.meters |= {
                battery: replace(meter, energy=self.meters[battery].energy)
                for battery, meter in meters.items()
            }
            return
        self._energy_stored_at[link.address] = now
        energy = self._meters.energy.bank
        await self.energy_store.async_save(self._meters.energy)
        self.meters |= meters
        self._energy = energy

    @callback
    def _async_take_history(self, link: LinkCoordinator) -> None:
        """Add a poll that entities have shown by now to what its batteries have been through."""
        if not link.fresh or self._history_at.get(link.address) == link.polled_at:
            return
        self._history_at[link.address] = link.polled_at
        report = link.data
        for unit in report.fresh:
            battery = (link.address, unit)
            self.history_store.bank.advance(
                utcnow().timestamp(),
                battery,
                report.readings[unit],
                self.meters[battery].energy,
                report.identities.get(unit),
                is_changed=unit in report.identity_changed,
            )
        self.history_store.save_soon()

    def _is_energy_due(
        self, address: str, meters: Mapping[BatteryId, MeterReading], now: float
    ) -> bool:
        """Return whether a link's energy is to be stored and shown.

        Energy that begins or ceases to be known, as the scale of a current does, does not wait.
        """
        stored_at = self._energy_stored_at.get(address)
        if stored_at is None or now - stored_at >= ENERGY_SECONDS:
            return True
        return any(
            battery not in self.meters
            or (meter.energy is None) != (self.meters[battery].energy is None)
            for battery, meter in meters.items()
        )

    async def async_store_energy(self) -> None:
        """Store the energy, and the history, that are newer than what was last stored."""
        await self.energy_store.async_save(self._meters.energy)
        await self.history_store.async_save()

    @callback
    def async_go_on_from(self, battery: BatteryId | None, shown: EnergyTotals) -> None:
        """Let no total fall below what was shown before the start, of the bank or a battery.

        What was shown may not have been stored: the disk was full, or the file is damaged.
        """
        if battery is None:
            self._meters.energy.raise_bank(shown)
        else:
            self._meters.energy.raise_battery(battery, shown)
        self._energy = self._meters.energy.bank
        self.data = self._report()

    @callback
    def _async_link_changed(self, changed: LinkCoordinator) -> None:
        """Add up when the round is over; the bank does not wait for links that fail."""
        self._changed.add(changed.address)
        if not any(self._is_awaited(link) for link in self.links.values()):
            self._async_end_round()
        elif self._round_ends is None:
            seconds = min(
                ROUND_SECONDS, *(link.interval for link in self.links.values())
            )
            self._round_ends = self.hass.loop.call_later(seconds, self._async_end_round)

    def _is_awaited(self, link: LinkCoordinator) -> bool:
        """Return whether the round waits for a link: it is polled now, or in a moment."""
        if not link.last_update_success or link.paused:
            return False
        is_frequent = link.interval < MIN_UPDATE_INTERVAL
        return link.is_polling or (is_frequent and link.address not in self._changed)

    @callback
    def _async_end_round(self) -> None:
        self._async_cancel_round()
        changed, self._changed = self._changed, set()
        is_partial = bool(changed) and all(
            self.links[address].is_partial for address in changed
        )
        self.async_set_updated_data(replace(self._report(), is_partial=is_partial))

    @callback
    def _async_cancel_round(self) -> None:
        if self._round_ends is not None:
            self._round_ends.cancel()
            self._round_ends = None

    @override
    async def async_request_refresh(self) -> None:
        """Poll every link on request; the bank adds up when the round is over."""
        await asyncio.gather(
            *(link.async_request_refresh() for link in self.links.values())
        )

    def _report(self) -> BankReport:
        readings = {
            (address, unit): reading
            for address, link in self.links.items()
            for unit, reading in link.readings.items()
        }
        fresh = frozenset(
            (address, unit)
            for address, link in self.links.items()
            for unit in link.fresh
        )
        current_readings = {each: readings[each] for each in fresh}
        left_out = self._async_leave_out(readings.keys())
        counted = len(self.labels) - len(left_out)
        are_apart = self.wiring is Wiring.PARALLEL and self.joining.advance(
            self.hass.loop.time(), current_readings.values(), counted
        )
        summary = summarise(readings, counted, self.wiring, are_apart=are_apart)
        self._is_reserve_reached = is_reserve_reached(
            summary.state_of_charge,
            self._reserve,
            was_reached=self._is_reserve_reached,
        )
        held = sum(len(link.held) for link in self.links.values())
        return BankReport(
            readings=readings,
            fresh=fresh,
            summary=replace(
                summary, batteries_responding=summary.batteries_responding - held
            ),
            meter=MeterReading(
                energy=None if self._is_unscaled else self._energy,
                way=self._meters.energy.way_of(self.labels),
                estimate=self._meters.advance_bank(
                    self.hass.loop.time(), summary, is_fresh=len(fresh) == len(readings)
                ),
            ),
            sharing=sharing_of(current_readings, len(self.labels), self.wiring),
            limits=limits_of(current_readings, counted, self.wiring),
            is_reserve_reached=self._is_reserve_reached,
            left_out=left_out,
        )

    @callback
    def _async_leave_out(self, read: Collection[BatteryId]) -> frozenset[BatteryId]:
        """Return the batteries that the sums go on without.

        In series there are none: the voltage, and what may be drawn, is not known without each of them.
        """
        left_out = self._silence.advance(self.hass.loop.time(), read)
        if self.wiring is Wiring.SERIES:
            left_out = frozenset()
        for battery in sorted(left_out ^ self._left_out):
            LOGGER.info(
                "%s: The sums go on %s %s",
                self.name,
                "without" if battery in left_out else "with",
                self.labels[battery],
            )
        if left_out != self._left_out:
            self._meters.begin_bank_anew()
        self._left_out = left_out
        return left_out

    @property
    def _is_unscaled(self) -> bool:
        """Whether a battery's current has no known scale, so that the energy would dip."""
        return any(link.scales.unknown for link in self.links.values())

    @override
    async def async_shutdown(self) -> None:
        """Stop adding up."""
        await super().async_shutdown()
        self._async_cancel_round()

    def energy_diagnostics(self, battery: BatteryId) -> dict[str, Any] | None:
        """Return how the energy of a battery is counted, None before its first reading."""
        record = self._meters.energy.records.get(battery)
        return None if record is None else record.diagnostics()

    @property
    def is_single(self) -> bool:
        """Whether the bank is one battery, and so has no values of its own."""
        return len(self.labels) == 1

    def batteries(self) -> Iterable[tuple[LinkCoordinator, int]]:
        """Yield every battery by its link and unit id."""
        for link in self.links.values():
            for unit in link.settings.units:
                yield link, unit
