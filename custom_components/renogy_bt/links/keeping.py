# SPDX-License-Identifier: Apache-2.0
"""Keeps a link connected in Home Assistant, and lets it go where others need that."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN, LOGGER
from ..renogy.link import RenogyLink
from ..supervisor.neighbours import Slots
from ..supervisor.poll_gate import PollGate
from ..supervisor.sampling import async_devices_heard, async_silences
from ..supervisor.supervisor import async_get_supervisor
from .breathing import Company, is_breath_due, is_breath_over
from .connection import async_add_holder, async_slots
from .giving_way import FULL_SECONDS, PAUSED_INTERVAL, Manners
from .settings import LinkSettings

CHECK_PAUSE: Final = timedelta(seconds=5)
LOOK_SECONDS: Final = 0.25
"""How often is looked whether a link that is let go was heard, s."""
MOST_SOURCES: Final = 64


class LetGo(StrEnum):
    """Why a link that is kept connected was let go."""

    BREATH = "breath"
    """The scanner was to hear it."""
    NO_SLOT = "no_slot"
    """No connection slot was free for others."""
    STEP = "recovery_step"
    """A recovery step was about to cut it."""
    WANTED = "wanted"
    """A dialogue or an action was to connect to it."""


@dataclass(slots=True)
class _Shared:
    """What the links that are kept tell each other."""

    breathing: set[str] = field(default_factory=set)
    gave_way_at: dict[str, float] = field(default_factory=dict)
    """When a link last gave way at each adapter or proxy."""


_SHARED: HassKey[_Shared] = HassKey(f"{DOMAIN}_kept_links")


class KeptLink:
    """One link that is kept connected: it breathes, gives way, and steps aside.

    `connected_since` is None while it is not connected, `let_go` counts how often and why it was
    let go since the start.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        settings: LinkSettings,
        client: RenogyLink,
        gate: PollGate,
        *,
        poll_now: Callable[[], None],
        changed: Callable[[], None],
    ) -> None:
        """Prepare; `changed` is called when the link begins or ends to give way."""
        self.connected_since: datetime | None = None
        self.let_go: Counter[LetGo] = Counter()
        self._hass = hass
        self._entry = entry
        self._settings = settings
        self._client = client
        self._gate = gate
        self._poll_now = poll_now
        self._changed = changed
        self._clock = hass.loop.time
        self._heard_through: set[str] = set()
        self._company: defaultdict[str, Company] = defaultdict(Company)
        self._manners = Manners()
        self._source: str | None = None
        self._is_breath_due = False
        self._breath: asyncio.Task[None] | None = None
        self._breathed_at: float | None = None
        self._has_told = False

    @property
    def gives_way(self) -> bool:
        """Whether the link is connected to for each poll for now, so that others have its slot."""
        return self._manners.gives_way

    @property
    def interval(self) -> float:
        """How often the link is polled now, s."""
        interval = self._settings.kept_interval or PAUSED_INTERVAL
        return max(interval, PAUSED_INTERVAL) if self.gives_way else interval

    @property
    def _shared(self) -> _Shared:
        return self._hass.data.setdefault(_SHARED, _Shared())

    @callback
    def async_start(self) -> None:
        """Look from now on whether others need what the link takes."""
        address = self._settings.address
        stops: tuple[CALLBACK_TYPE, ...] = (
            async_track_time_interval(
                self._hass, self._async_check, CHECK_PAUSE, cancel_on_shutdown=True
            ),
            async_add_holder(
                self._hass, address, partial(self._async_let_go, LetGo.WANTED)
            ),
            self._gate.async_add_holder(
                address, partial(self._async_let_go, LetGo.STEP)
            ),
        )
        for stop in stops:
            self._entry.async_on_unload(stop)

    @callback
    def async_heard(self, source: str) -> None:
        """Take note that an adapter or a proxy has heard the link."""
        if len(self._heard_through) < MOST_SOURCES:
            self._heard_through.add(source)

    @callback
    def async_polled(self) -> None:
        """Take note that a poll is over, and let go of the link if that is due."""
        if not self._client.is_connected:
            self.connected_since = None
            return
        if self.connected_since is None:
            self.connected_since = dt_util.utcnow()
            self._async_note_source()
        self._gate.still_connected(self._settings.address)
        if self.gives_way:
            self._async_disconnect()
        elif self._is_breath_due and self._needs_breath:
            # Another link may have breathed since, or the scan have ended.
            self._async_breathe()
        self._is_breath_due = False

    @callback
    def _async_note_source(self) -> None:
        """Take note of where the link is connected.

        A link that is connected from the start on has not been heard since.
        """
        for source, slots in async_slots(self._hass).items():
            if self._holds_one_of(slots):
                self.async_heard(source)

    async def async_until_breath_is_over(self) -> None:
        """Wait while the link is let go for the scanner."""
        if self._breath is not None:
            await asyncio.wait({self._breath})

    @callback
    def async_hold_breath(self) -> None:
        """Do not connect again after a breath that is under way."""
        self._is_breath_due = False
        if self._breath is not None:
            self._breath.cancel()

    def diagnostics(self) -> dict[str, Any]:
        """Return how the link is kept."""
        return {
            "interval": self._settings.kept_interval,
            "connected_since": self.connected_since
            if self._client.is_connected
            else None,
            "let_go": {str(reason): count for reason, count in self.let_go.items()},
            "gives_way": self.gives_way,
        }

    @callback
    def _async_let_go(self, reason: LetGo) -> None:
        self.let_go[reason] += 1
        self._async_disconnect()

    @callback
    def _async_disconnect(self) -> None:
        """End the connection after what is under way."""
        self.connected_since = None
        self._entry.async_create_background_task(
            self._hass,
            self._client.let_go(),
            f"{DOMAIN} lets go of {self._settings.name}",
        )

    @callback
    def _async_check(self, _: datetime) -> None:
        now = self._clock()
        self._async_mind_slots(now)
        self._async_mind_company(now)
        if not self._client.is_connected or self._breath is not None:
            return
        if self._needs_breath:
            # A poll comes first, so that the values are as young as can be.
            self._is_breath_due = True
            self._poll_now()

    # Breathing

    @callback
    def _async_mind_company(self, now: float) -> None:
        for source, silence in async_silences(self._hass, self._heard_through).items():
            devices = async_devices_heard(self._hass, source, now)
            self._company[source].seen(now, silence, devices)

    @property
    def _needs_breath(self) -> bool:
        at = self._breathed_at
        return is_breath_due(
            self._silences,
            None if at is None else self._clock() - at,
            another_breathes=bool(self._shared.breathing - {self._settings.address}),
        )

    @property
    def _silences(self) -> list[float]:
        """For how long the adapters have heard nothing whose scans are not stuck.

        An adapter that is known to be broken may not hear the link either, and then it could
        not be connected to again.
        """
        now = self._clock()
        return [
            silence
            for source, silence in async_silences(
                self._hass, self._heard_through
            ).items()
            if not (self._company[source].has_vanished(now) or self._is_broken(source))
        ]

    def _is_broken(self, source: str) -> bool:
        status = async_get_supervisor(self._hass).adapters.get(source)
        return status is not None and status.problem

    @callback
    def _async_breathe(self) -> None:
        self.let_go[LetGo.BREATH] += 1
        self.connected_since = None
        self._shared.breathing.add(self._settings.address)
        self._breath = self._entry.async_create_background_task(
            self._hass,
            self._async_breath(),
            f"{DOMAIN} lets {self._settings.name} be heard",
            eager_start=False,
        )
        self._breath.add_done_callback(self._async_breath_is_over)

    async def _async_breath(self) -> None:
        await self._client.let_go()
        began_at = self._clock()
        while not is_breath_over(self._silences, self._clock() - began_at):
            await asyncio.sleep(LOOK_SECONDS)

    @callback
    def _async_breath_is_over(self, breath: asyncio.Task[None]) -> None:
        self._shared.breathing.discard(self._settings.address)
        self._breath, self._breathed_at = None, self._clock()
        if not breath.cancelled():
            self._poll_now()

    # Giving way

    def _is_full(self, now: float) -> bool:
        """Return whether who wants to connect where the link is connected finds no slot.

        Where another link has just given way nobody has to.
        """
        for source, slots in async_slots(self._hass).items():
            if self._holds_one_of(slots):
                self._source = source
                gave_way_at = self._shared.gave_way_at.get(source, -FULL_SECONDS)
                return not slots.free and now - gave_way_at >= FULL_SECONDS
            if source == self._source and self.gives_way:
                return not slots.free
        return False

    def _holds_one_of(self, slots: Slots) -> bool:
        return self._settings.address.upper() in slots.allocated

    @callback
    def _async_mind_slots(self, now: float) -> None:
        before = self._manners
        self._manners = before.seen(now, full=self._is_full(now))
        if before.gives_way == self.gives_way:
            return
        if self.gives_way:
            self._tell()
            if self._source is not None:
                self._shared.gave_way_at[self._source] = now
            self.let_go[LetGo.NO_SLOT] += 1
        # The link is let go after this poll, or kept from it on.
        self._poll_now()
        self._changed()

    def _tell(self) -> None:
        if not self._has_told:
            self._has_told = True
            LOGGER.warning(
                "%s: %s is not kept connected for now, because no connection slot was free for"
                " others. It is connected to for each poll. An adapter or a proxy more helps",
                self._entry.title,
                self._settings.name,
            )
