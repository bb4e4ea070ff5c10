# SPDX-License-Identifier: Apache-2.0
"""The flight recorder of a link in Home Assistant."""

from collections import deque
from collections.abc import Collection
from itertools import pairwise
from typing import Any, Final

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BluetoothServiceInfoBleak
from homeassistant.core import HomeAssistant, callback

from ..renogy.flight_recorder import FlightRecorder, PollOfLink
from ..renogy.gatt import OfferedCharacteristic
from ..renogy.redaction import Redaction
from ..supervisor.supervisor import async_get_supervisor
from .reports import advertisement_data, characteristics_data, without_names
from .settings import LinkSettings

POLLS_AROUND_FAULT: Final = 20
"""So many polls outlive a restart, with the frames of those that failed."""
MOST_INTERVALS: Final = 20
"""Advertisements whose intervals are kept."""


class LinkRecorder:
    """Keeps the polls of a link and when it was heard."""

    def __init__(
        self, hass: HomeAssistant, settings: LinkSettings, *, links: int
    ) -> None:
        """Begin with nothing; the bank has so many links."""
        self._hass = hass
        self._address = settings.address
        self._made_up = async_get_supervisor(hass).made_up
        self._redaction = Redaction(
            settings.address,
            settings.name,
            self._made_up.number_of_link(settings.address),
        )
        self._recorder = FlightRecorder(self._redaction, links=links)
        self._heard_at: deque[float] = deque(maxlen=MOST_INTERVALS + 1)

    @callback
    def heard(self, info: BluetoothServiceInfoBleak) -> None:
        """Take note that the link was heard."""
        self._heard_at.append(info.time)

    @callback
    def rssi(self) -> int | None:
        """Return how strong the link was when it was heard last, in dBm."""
        info = bluetooth.async_last_service_info(
            self._hass, self._address, connectable=False
        )
        return None if info is None else info.rssi

    @callback
    def source(self, name: str | None) -> str | None:
        """Return the made-up address of an adapter or a proxy, by its name."""
        return None if name is None else self._made_up.of_name(name)

    @callback
    def told(self, error: Exception | None) -> str | None:
        """Return the text of an error without names and addresses."""
        if error is None:
            return None
        return self._redaction.text(without_names(self._hass, str(error)))

    @callback
    def polled(self, poll: PollOfLink) -> None:
        """Keep a poll."""
        self._recorder.polled(poll)

    @callback
    def take_news(self) -> bool:
        """Tell once that polls begin to fail, or to succeed again."""
        has_news, self._recorder.has_news = self._recorder.has_news, False
        return has_news

    @property
    def is_failing(self) -> bool:
        """Whether the last poll failed."""
        return self._recorder.is_failing

    @callback
    def around_fault(self) -> dict[str, Any]:
        """Return what is worth to outlive a restart."""
        return {
            "address": self._redaction.address,
            **self._recorder.as_data((), polls=POLLS_AROUND_FAULT),
        }

    @callback
    def as_data(
        self,
        units: Collection[int],
        characteristics: Collection[OfferedCharacteristic],
    ) -> dict[str, Any]:
        """Return what is kept as plain data."""
        heard = bluetooth.async_last_service_info(
            self._hass, self._address, connectable=False
        )
        return {
            "address": self._redaction.address,
            "advertisement": None
            if heard is None
            else advertisement_data(heard, self._redaction),
            "intervals": [
                round(later - before, 2) for before, later in pairwise(self._heard_at)
            ],
            "characteristics": characteristics_data(characteristics),
            **self._recorder.as_data(units),
        }
