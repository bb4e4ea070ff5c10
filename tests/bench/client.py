# SPDX-License-Identifier: Apache-2.0
"""A bleak client whose radio is the emulated dongle; all systems use this one."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final
from unittest.mock import patch

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakCharacteristicNotFoundError, BleakError

from tests.emulator.gatt_profile import (
    BT2_SERVICES,
    REPLY_CHARACTERISTIC,
    REQUEST_CHARACTERISTIC,
)

from .dongle import NOTIFICATION_BYTES, TIMING, Dongle

type Specifier = BleakGATTCharacteristic | int | str
type Callback = Callable[[BleakGATTCharacteristic, bytearray], Awaitable[None] | None]


def _services() -> BleakGATTServiceCollection:
    collection = BleakGATTServiceCollection()
    for row in BT2_SERVICES:
        service = BleakGATTService(None, row.handle, row.uuid)
        collection.add_service(service)
        for characteristic in row.characteristics:
            collection.add_characteristic(
                BleakGATTCharacteristic(
                    None,
                    characteristic.handle,
                    characteristic.uuid,
                    list(characteristic.flags),  # type: ignore[arg-type]
                    lambda: NOTIFICATION_BYTES,
                    service,
                )
            )
    return collection


_SERVICES: Final = _services()


class FakeBleakClient:
    """What systems use of `bleak.BleakClient`, on an emulated dongle."""

    def __init__(
        self,
        dongle: Dongle,
        device: BLEDevice,
        disconnected_callback: Callable[[Any], None] | None = None,
        **_: Any,
    ) -> None:
        """Start unconnected."""
        self.address = device.address
        self.services = _SERVICES
        self.is_connected = False
        self.mtu_size = NOTIFICATION_BYTES + 3
        self._dongle = dongle
        self._disconnected_callback = disconnected_callback
        self._callback: Callback | None = None
        self._reply = _SERVICES.get_characteristic(REPLY_CHARACTERISTIC)

    async def connect(self, **_: Any) -> None:
        """Connect and resolve services; raises BleakError when somebody else is connected."""
        await asyncio.sleep(TIMING.connect)
        if not self._dongle.is_free:
            raise BleakError("The link is held by another connection")
        self._dongle.connect(self)
        self.is_connected = True

    async def disconnect(self) -> None:
        """Disconnect; it takes no time here."""
        self._dongle.disconnect(self)
        self.link_lost()

    async def start_notify(
        self, characteristic: Specifier, callback: Callback, **_: Any
    ) -> None:
        """Listen for replies."""
        self._find(characteristic)
        self._callback = callback

    async def stop_notify(self, characteristic: Specifier) -> None:
        """Listen no more."""
        self._find(characteristic)
        self._callback = None

    async def write_gatt_char(
        self, characteristic: Specifier, data: bytes, response: bool | None = None
    ) -> None:
        """Write a request; with a response it takes one more round trip."""
        found = self._find(characteristic)
        if found.uuid == REQUEST_CHARACTERISTIC:
            self._dongle.write(bytes(data))
        if response or (response is None and "write" in found.properties):
            await asyncio.sleep(TIMING.write_request)

    async def read_gatt_char(self, characteristic: Specifier, **_: Any) -> bytearray:
        """Return nothing: no reply is read here."""
        self._find(characteristic)
        return bytearray()

    async def clear_cache(self) -> bool:
        """Forget nothing: the services never change."""
        return True

    def notified(self, data: bytes) -> None:
        """Take a notification from the dongle."""
        if self._callback is not None and self._reply is not None:
            self._callback(self._reply, bytearray(data))

    def link_lost(self) -> None:
        """Take note that the link broke or was closed."""
        if self.is_connected:
            self.is_connected = False
            if self._disconnected_callback is not None:
                self._disconnected_callback(self)

    def _find(self, specifier: Specifier) -> BleakGATTCharacteristic:
        if not self.is_connected:
            raise BleakError("Not connected")
        if isinstance(specifier, BleakGATTCharacteristic):
            return specifier
        found = self.services.get_characteristic(specifier)
        if found is None:
            raise BleakCharacteristicNotFoundError(specifier)
        return found


@contextmanager
def radio_of(
    dongle: Dongle, *, connectors: Iterable[str], clients: Iterable[str] = ()
) -> Generator[None]:
    """Let everybody who connects reach this dongle.

    `connectors` are the places where a system looks up `establish_connection`, `clients` those
    where it looks up the class of a client.
    """

    async def establish_connection(
        client_class: Any,
        device: BLEDevice,
        name: str,
        disconnected_callback: Callable[[Any], None] | None = None,
        **_: Any,
    ) -> FakeBleakClient:
        client = FakeBleakClient(dongle, device, disconnected_callback)
        await client.connect()
        return client

    with ExitStack() as stack:
        for place in connectors:
            stack.enter_context(patch(place, establish_connection))
        for place in clients:
            stack.enter_context(patch(place, partial(FakeBleakClient, dongle)))
        yield
