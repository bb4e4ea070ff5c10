# SPDX-License-Identifier: Apache-2.0
"""What an integration without any care for the adapter does: connect, read, disconnect.

It stands for Home Assistant alone in the fault matrix: its state `plain_poller.read` is the time
at which a poll had last read every battery.
"""

import asyncio
from datetime import datetime, timedelta
import logging

from bleak.exc import BleakError
from bleak_retry_connector import BleakClientWithServiceCache, establish_connection

from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.typing import ConfigType
from homeassistant.util import dt as dt_util

_LOGGER = logging.getLogger(__name__)

DOMAIN = "plain_poller"
POLL_SECONDS = 60
CONNECT_SECONDS = 60
REPLY_SECONDS = 2
WRITE = "0000ffd1-0000-1000-8000-00805f9b34fb"
NOTIFY = "0000fff1-0000-1000-8000-00805f9b34fb"
# Reads of current, voltage and capacities (5042x6) of the units 48 to 51.
REQUESTS = (
    "300313b20006654a",
    "310313b20006649b",
    "320313b2000664a8",
    "330313b200066579",
)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Poll the dongle of the configuration for ever."""
    address = config[DOMAIN]["address"]
    polling = asyncio.Lock()

    async def poll(now: datetime | None = None) -> None:
        if polling.locked():
            return
        async with polling:
            device = bluetooth.async_ble_device_from_address(hass, address, True)
            if device is None:
                return
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    client = await establish_connection(
                        BleakClientWithServiceCache, device, address
                    )
                try:
                    await _read(client)
                finally:
                    await client.disconnect()
            except (TimeoutError, BleakError, OSError, EOFError) as error:
                _LOGGER.info("Poll failed: %s", repr(error))
                return
            hass.states.async_set("plain_poller.read", dt_util.utcnow().isoformat())

    async_track_time_interval(hass, poll, timedelta(seconds=POLL_SECONDS))

    @callback
    def heard(
        info: bluetooth.BluetoothServiceInfoBleak, change: bluetooth.BluetoothChange
    ) -> None:
        hass.async_create_background_task(poll(), "plain poll")

    bluetooth.async_register_callback(
        hass,
        heard,
        {"address": address},
        bluetooth.BluetoothScanningMode.PASSIVE,
    )
    return True


async def _read(client: BleakClientWithServiceCache) -> None:
    replies: asyncio.Queue[bytes] = asyncio.Queue()
    await client.start_notify(NOTIFY, lambda _, data: replies.put_nowait(bytes(data)))
    for request in REQUESTS:
        await client.write_gatt_char(WRITE, bytes.fromhex(request), response=False)
        async with asyncio.timeout(REPLY_SECONDS):
            await replies.get()
