# SPDX-License-Identifier: Apache-2.0
"""Opens an active window of any length, as integrations that need scan responses do.

Its state `active_window.scan_started` is when the scan that runs was started, on the clock of
the scanner.
"""

from datetime import datetime, timedelta

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BaseHaScanner
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.typing import ConfigType

DOMAIN = "active_window"
LOOK_EVERY = timedelta(seconds=1)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the action that opens a window, and follow the scan."""

    def scanners() -> list[BaseHaScanner]:
        return bluetooth.async_current_scanners(hass)

    async def open_window(call: ServiceCall) -> None:
        for scanner in scanners():
            await scanner.async_request_active_window(call.data["seconds"])

    async def look(now: datetime | None = None) -> None:
        for scanner in scanners():
            started = (await scanner.async_diagnostics())["start_time"]
            hass.states.async_set(f"{DOMAIN}.scan_started", str(started))

    hass.services.async_register(DOMAIN, "open", open_window)
    async_track_time_interval(hass, look, LOOK_EVERY)
    return True
