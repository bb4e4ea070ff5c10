# SPDX-License-Identifier: Apache-2.0
"""renogy-ble, the library of the Home Assistant integration renogy-ha."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal, override

from bleak.backends.device import BLEDevice
from renogy_ble.ble import RenogyBleClient, RenogyBLEDevice
from renogy_ble.hub import RenogyCommunicationHub

from tests.bench.bank import ADDRESS, FIRST_UNIT, NAME
from tests.bench.client import radio_of
from tests.bench.dongle import Dongle
from tests.bench.truth import Value, numbered

from . import Published, System

_NAMES: Final = {
    "battery_voltage": "voltage",
    "battery_current": "current",
    "battery_power": "power",
    "battery_remaining_capacity": "remaining_capacity",
    "battery_capacity": "total_capacity",
    "battery_percentage": "state_of_charge",
    "battery_cycle_count": "cycles",
    "battery_temperature_sensors": "cell_temperature_count",
    "cell_count": "cell_count",
    "charge_mosfet_enabled": "charge_mosfet",
    "discharge_mosfet_enabled": "discharge_mosfet",
    "heater_enabled": "heater",
    "serial_number": "serial_number",
}


@contextmanager
def open_system(dongle: Dongle, mode: str, batteries: int) -> Generator[System]:
    """Give the library a dongle; as a single battery, or as a hub with several."""
    shape, transport_mode = mode.split(", ")
    client = RenogyBleClient(transport_mode=_transport_mode(transport_mode))
    device = RenogyBLEDevice(
        BLEDevice(ADDRESS, NAME, {}), device_type="battery", advertisement_name=NAME
    )
    with radio_of(dongle, connectors=["renogy_ble.ble.establish_connection"]):
        if shape == "single":
            yield _Single(client, device)
        else:
            yield _Hub(client, device, cells=shape.endswith("cells"))


def _transport_mode(name: str) -> Literal["per_operation", "persistent_session"]:
    return "per_operation" if name == "per_operation" else "persistent_session"


class _Single(System):
    def __init__(self, client: RenogyBleClient, device: RenogyBLEDevice) -> None:
        self._client = client
        self._device = device

    @override
    async def poll(self) -> Published:
        result = await self._client.read_device(self._device)
        if not result.success:
            return Published()
        return Published({FIRST_UNIT: _values(result.parsed_data)})

    @override
    async def close(self) -> None:
        await self._client.close()


class _Hub(System):
    def __init__(
        self, client: RenogyBleClient, device: RenogyBLEDevice, *, cells: bool
    ) -> None:
        self._client = client
        self._device = device
        self._hub = RenogyCommunicationHub(client)
        self._cells = cells

    @override
    async def poll(self) -> Published:
        result = await self._hub.read_batteries(
            self._device, include_cell_status=self._cells
        )
        return Published(
            {
                battery.slave_id: _values(battery.parsed_data)
                for battery in result.batteries
            }
        )

    @override
    async def close(self) -> None:
        await self._client.close()


def _values(data: Mapping[str, Any]) -> dict[str, Value]:
    return {
        **{name: data[key] for key, name in _NAMES.items() if key in data},
        **dict(numbered("cell_voltage", data.get("cell_voltages", ()))),
        **dict(
            numbered("cell_temperature", data.get("battery_temperature_values", ()))
        ),
    }
