# SPDX-License-Identifier: Apache-2.0
"""This device library, used as the integration uses it."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, override

from bleak.backends.device import BLEDevice

from custom_components.renogy_bt.renogy.exceptions import RenogyError
from custom_components.renogy_bt.renogy.families import STANDARD
from custom_components.renogy_bt.renogy.link import RenogyLink
from custom_components.renogy_bt.renogy.models import BatteryIdentity, BatteryReading
from custom_components.renogy_bt.renogy.speeds import Extent
from custom_components.renogy_bt.renogy.transport import Connector, Transport, connect
from tests.bench.bank import ADDRESS, FIRST_UNIT, NAME
from tests.bench.client import radio_of
from tests.bench.dongle import Dongle
from tests.bench.truth import Value, alarms_text, numbered

from . import FAST_SECONDS, TWO_SPEED, Published, System

_START: Final = datetime(2026, 11, 23, tzinfo=UTC)
_SINGLE_VALUES: Final = (
    "board_temperature",
    "current",
    "voltage",
    "power",
    "remaining_capacity",
    "total_capacity",
    "state_of_charge",
    "cycles",
    "charge_voltage_limit",
    "discharge_voltage_limit",
    "charge_current_limit",
    "discharge_current_limit",
)
_FLAGS: Final = ("charge_mosfet", "discharge_mosfet", "heater", "fully_charged")


@contextmanager
def open_system(dongle: Dongle, mode: str, batteries: int) -> Generator[System]:
    """Give the library a dongle; it connects for each poll, or once for all.

    At two speeds the library itself keeps the connection.
    """
    device = BLEDevice(ADDRESS, NAME, {})

    async def connector() -> Transport:
        return await connect(device, NAME)

    with radio_of(dongle, connectors=["bleak_retry_connector.establish_connection"]):
        if mode == TWO_SPEED:
            yield _Library(connector, batteries, kept_interval=FAST_SECONDS)
            return
        held = mode.startswith("held")
        yield _Library(_HeldConnector(connector) if held else connector, batteries)


class _Library(System):
    def __init__(
        self,
        connector: Connector,
        batteries: int,
        *,
        kept_interval: float | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._connector = connector
        self._link = RenogyLink(
            NAME,
            range(FIRST_UNIT, FIRST_UNIT + batteries),
            connector,
            family=STANDARD,
            clock=loop.time,
            now=lambda: _START + timedelta(seconds=loop.time()),
            kept_interval=kept_interval,
        )

    @override
    async def poll(self) -> Published:
        try:
            report = await self._link.poll()
        except RenogyError:
            return Published()
        return Published(
            {
                unit: values_of(reading, report.identities.get(unit))
                for unit, reading in report.readings.items()
            },
            frozenset(report.readings.keys() & report.failed.keys()),
            frozenset(
                unit
                for unit, extent in report.extents.items()
                if extent < Extent.EVERYTHING
            ),
        )

    @override
    async def close(self) -> None:
        await self._link.close()
        if isinstance(self._connector, _HeldConnector):
            await self._connector.close()


def values_of(
    reading: BatteryReading, identity: BatteryIdentity | None
) -> dict[str, Value]:
    """Return everything that a reading says."""
    values: dict[str, Value] = {
        "cell_count": len(reading.cell_voltages),
        **dict(numbered("cell_voltage", reading.cell_voltages)),
        **dict(numbered("cell_temperature", reading.cell_temperatures)),
        **dict(numbered("environment_temperature", reading.environment_temperatures)),
        **dict(numbered("heater_temperature", reading.heater_temperatures)),
        "alarms": alarms_text(alarm.key for alarm in reading.status.alarms),
    }
    if reading.cell_temperatures:
        # None at all means that their number is not known.
        values["cell_temperature_count"] = len(reading.cell_temperatures)
    singles = {name: getattr(reading, name) for name in _SINGLE_VALUES}
    flags = {name: getattr(reading.status, name) for name in _FLAGS}
    values.update(
        (name, value) for name, value in (singles | flags).items() if value is not None
    )
    if identity is not None and identity.serial_number is not None:
        values["serial_number"] = identity.serial_number
    return values


class _HeldConnector:
    """Opens one connection and gives it again for every poll until it is lost."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._transport: Transport | None = None

    async def __call__(self) -> Transport:
        if self._transport is None or self._transport.lost.done():
            self._transport = await self._connector()
        return _HeldTransport(self._transport)

    async def close(self) -> None:
        if self._transport is not None:
            await self._transport.disconnect()


class _HeldTransport(Transport):
    """A loan of a connection: disconnecting gives it back."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lost = asyncio.get_running_loop().create_future()
        transport.lost.add_done_callback(self._pass_on)

    @property
    @override
    def lost(self) -> asyncio.Future[None]:
        return self._lost

    @override
    async def write(self, frame: bytes) -> None:
        await self._transport.write(frame)

    @override
    def on_notification(self, callback: Callable[[bytes], None]) -> None:
        self._transport.on_notification(callback)

    @override
    async def disconnect(self) -> None:
        self._transport.lost.remove_done_callback(self._pass_on)

    def _pass_on(self, _: asyncio.Future[None]) -> None:
        if not self._lost.done():
            self._lost.set_result(None)
