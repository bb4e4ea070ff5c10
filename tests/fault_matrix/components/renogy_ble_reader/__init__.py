# SPDX-License-Identifier: Apache-2.0
"""Reads a hub of batteries as renogy-ha can, by its library: every 60 s over a session that stays.

Its state `renogy_ble_reader.read` is the time at which it had last read every battery.
"""

import asyncio
from datetime import datetime, timedelta

from renogy_ble.ble import RenogyBleClient, RenogyBLEDevice
from renogy_ble.hub import RenogyCommunicationHub

from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.typing import ConfigType
from homeassistant.util import dt as dt_util

DOMAIN = "renogy_ble_reader"
POLL_SECONDS = 60
BATTERIES = 4


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Poll the dongle of the configuration for ever."""
    address = config[DOMAIN]["address"]
    client = RenogyBleClient(transport_mode="persistent_session")
    hub = RenogyCommunicationHub(client)
    polling = asyncio.Lock()

    async def poll(_: datetime) -> None:
        device = bluetooth.async_ble_device_from_address(hass, address, True)
        if polling.locked() or device is None:
            return
        async with polling:
            result = await hub.read_batteries(
                RenogyBLEDevice(
                    device, device_type="battery", advertisement_name=device.name
                )
            )
        if len(result.batteries) == BATTERIES:
            hass.states.async_set(f"{DOMAIN}.read", dt_util.utcnow().isoformat())

    async_track_time_interval(hass, poll, timedelta(seconds=POLL_SECONDS))
    return True
