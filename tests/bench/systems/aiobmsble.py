# SPDX-License-Identifier: Apache-2.0
"""aiobmsble, the library of the Home Assistant integration BMS_BLE-HA."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, override

from aiobmsble import BMSConfig
from aiobmsble.bms.renogy_bms import BMS
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError

from tests.bench.bank import ADDRESS, FIRST_UNIT, NAME
from tests.bench.client import radio_of
from tests.bench.dongle import Dongle
from tests.bench.truth import Value, numbered

from . import Published, System

_NAMES: Final = {
    "voltage": "voltage",
    "current": "current",
    "power": "power",
    "cycle_charge": "remaining_capacity",
    "battery_level": "state_of_charge",
    "cycles": "cycles",
    "cell_count": "cell_count",
    "temp_sensors": "cell_temperature_count",
    "chrg_mosfet": "charge_mosfet",
    "dischrg_mosfet": "discharge_mosfet",
    "heater": "heater",
}


@contextmanager
def open_system(dongle: Dongle, mode: str, batteries: int) -> Generator[System]:
    """Give the library a dongle; it reads unit 48 and no other."""
    assert batteries == 1
    with radio_of(
        dongle,
        connectors=["aiobmsble.basebms.establish_connection"],
        clients=["aiobmsble.basebms.BleakClient"],
    ):
        config = BMSConfig(keep_alive=mode == "keep_alive")
        yield _Bms(BMS(BLEDevice(ADDRESS, NAME, {}), config))


class _Bms(System):
    def __init__(self, bms: BMS) -> None:
        self._bms = bms
        self._knows_device = False

    @override
    async def poll(self) -> Published:
        try:
            if not self._knows_device:
                await self._bms.device_info()
                self._knows_device = True
            sample = await self._bms.async_update()
        except BleakError, TimeoutError, ValueError:
            return Published()
        return Published({FIRST_UNIT: _values(sample)})

    @override
    async def close(self) -> None:
        await self._bms.disconnect()


def _values(sample: Mapping[str, Any]) -> dict[str, Value]:
    return {
        **{name: sample[key] for key, name in _NAMES.items() if key in sample},
        **dict(numbered("cell_voltage", sample.get("cell_voltages", ()))),
        **dict(numbered("cell_temperature", map(float, sample.get("temp_values", ())))),
    }
