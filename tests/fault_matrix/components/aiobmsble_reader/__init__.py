# SPDX-License-Identifier: Apache-2.0
"""Reads one battery as BMS_BLE-HA does by default, by its library: every 30 s over a kept link.

Its state `aiobmsble_reader.read` is the time at which it had last read the battery.
"""

import asyncio
from datetime import datetime, timedelta
import logging

from aiobmsble import BMSConfig
from aiobmsble.bms.renogy_bms import BMS
from bleak.exc import BleakError

from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.typing import ConfigType
from homeassistant.util import dt as dt_util

_LOGGER = logging.getLogger(__name__)

DOMAIN = "aiobmsble_reader"
POLL_SECONDS = 30
# So many failures in a row, and it connects anew.
STALE_AFTER = 10


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Poll the dongle of the configuration for ever, from when it is first heard."""
    address = config[DOMAIN]["address"]
    battery: BMS | None = None
    failures = 0
    polling = asyncio.Lock()

    async def read() -> None:
        nonlocal battery
        if battery is None:
            device = bluetooth.async_ble_device_from_address(hass, address, True)
            if device is None:
                raise BleakError("not heard")
            battery = BMS(device, BMSConfig(keep_alive=True))
            await battery.device_info()
        if failures == STALE_AFTER:
            await battery.disconnect(reset=True)
        await battery.async_update()

    async def poll(_: datetime) -> None:
        nonlocal failures
        if polling.locked():
            return
        async with polling:
            try:
                await read()
            except (TimeoutError, BleakError, EOFError) as error:
                _LOGGER.info("Poll failed: %s", repr(error))
                failures += 1
                return
        failures = 0
        hass.states.async_set(f"{DOMAIN}.read", dt_util.utcnow().isoformat())

    async_track_time_interval(hass, poll, timedelta(seconds=POLL_SECONDS))
    return True
