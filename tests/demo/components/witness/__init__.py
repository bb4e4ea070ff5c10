# SPDX-License-Identifier: Apache-2.0
"""A second scanner that hears the dongle but cannot connect to it, such as a passive proxy."""

from datetime import datetime, timedelta

from habluetooth import BaseHaRemoteScanner

from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.typing import ConfigType

DOMAIN = "witness"
SOURCE = "00:1A:7D:00:00:0E"
HEARD_EVERY = timedelta(seconds=5)
RSSI = -80


class WitnessScanner(BaseHaRemoteScanner):
    """Reports one peripheral again and again."""

    def hear(self, address: str, name: str) -> None:
        """Report an advertisement of the peripheral."""
        self._async_on_advertisement(
            address, RSSI, name, [], {}, {}, None, {}, bluetooth.MONOTONIC_TIME()
        )


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the scanner and let it hear the peripheral of the configuration."""
    scanner = WitnessScanner(SOURCE, "witness", None, False)
    scanner.async_setup()
    bluetooth.async_register_scanner(hass, scanner)

    @callback
    def hear(now: datetime | None = None) -> None:
        scanner.hear(config[DOMAIN]["address"], config[DOMAIN]["name"])

    async_track_time_interval(hass, hear, HEARD_EVERY)
    return True
