"""A Bluetooth proxy: a remote scanner that hears the emulated air and connects to it.

It is registered as ESPHome's are; which path a connection takes is decided by habluetooth.
"""

import asyncio
from collections.abc import Callable
import math
from typing import Any, override

from bleak.args import SizedBuffer
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError
from bleak_retry_connector.bluez import Allocations
from habluetooth import BaseHaRemoteScanner, HaBluetoothConnector, get_manager

from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant
from tests.emulator import EmulatedWorld
from tests.emulator.gatt_profile import BT2_SERVICES, REQUEST_CHARACTERISTIC
from tests.emulator.peripheral import Central, Peripheral

PROXY = "AC:67:B2:00:00:01"
SLOTS = 3


class Proxy(BaseHaRemoteScanner):
    """A proxy in the emulated world, which may be far, fail to connect, or wait with it."""

    def __init__(self, world: EmulatedWorld, attenuation: float = 0.0) -> None:
        """Hear nothing yet; `attenuation` in dB is what its place costs."""
        self.world = world
        self.receiver = world.receiver(PROXY, attenuation)
        self.fails = False
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.tells_slots = True
        self.connects = 0
        self.attempts = 0
        self.links: list[ProxyClient] = []
        super().__init__(
            PROXY,
            "shed-proxy",
            HaBluetoothConnector(self._client, PROXY, lambda: True),  # type: ignore[arg-type]
            connectable=True,
        )

    def register(self, hass: HomeAssistant) -> Callable[[], None]:
        """Let Home Assistant know the proxy; returns how it goes."""
        stop = self.async_setup()
        remove = bluetooth.async_register_scanner(hass, self, connection_slots=SLOTS)
        self.links_changed()

        def gone() -> None:
            remove()
            stop()

        return gone

    def listen(self) -> Callable[[], None]:
        """Pass on every advertisement that arrives at its place; returns how to end."""

        def advertised(peripheral: Peripheral, swing: int) -> None:
            address = peripheral.link.address
            strength = self.receiver.hears(address, peripheral.signal, swing)
            if strength is not None:
                self.hear(address, strength)

        return self.world.listen(advertised)

    def hear(self, address: str, rssi: int) -> None:
        """Pass on an advertisement of a peripheral."""
        advertisement = self.world.peripheral(address).advertisement
        self._async_on_advertisement(
            address,
            rssi,
            advertisement.heard_name(actively=True),
            list(advertisement.service_uuids),
            {},
            {advertisement.company_id: advertisement.manufacturer_data},
            None,
            {},
            # The clock of Home Assistant, which leaps in some tests.
            bluetooth.MONOTONIC_TIME(),
        )

    def _client(self, device: BLEDevice, **kwargs: Any) -> ProxyClient:
        return ProxyClient(self, device, **kwargs)

    @override
    def get_allocations(self) -> Allocations | None:
        return self._allocations if self.tells_slots else None

    @property
    def _allocations(self) -> Allocations:
        return Allocations(
            PROXY,
            SLOTS,
            SLOTS - len(self.links),
            [client.address for client in self.links],
        )

    def links_changed(self) -> None:
        """Tell Home Assistant which slots are taken."""
        get_manager().async_on_allocation_changed(self._allocations)


class ProxyClient(BaseBleakClient, Central):
    """A connection through the proxy, straight to the emulated peripheral."""

    def __init__(self, proxy: Proxy, device: BLEDevice, **kwargs: Any) -> None:
        """Prepare a connection to a device that the proxy hears."""
        super().__init__(device, **kwargs)
        self._proxy = proxy
        self._peripheral: Peripheral = proxy.world.peripheral(device.address)
        self._notify: NotifyCallback | None = None
        self._end: asyncio.TimerHandle | None = None

    @property
    @override
    def name(self) -> str:
        return self._peripheral.link.name

    @property
    @override
    def mtu_size(self) -> int:
        return self._peripheral.link.mtu

    @property
    @override
    def is_connected(self) -> bool:
        return self._peripheral.central is self

    @override
    async def connect(self, pair: bool, **kwargs: Any) -> None:
        self._proxy.attempts += 1
        await self._proxy.goes_on.wait()
        peripheral, receiver = self._peripheral, self._proxy.receiver
        reaches = receiver.connects(peripheral.link.address, peripheral.signal)
        if self._proxy.fails or not reaches or not peripheral.connect(self):
            raise BleakError("proxy cannot connect")
        lasts = receiver.lasts(peripheral.link.address, peripheral.signal)
        if lasts < math.inf:
            self._end = asyncio.get_running_loop().call_later(
                lasts, peripheral.break_of, self
            )
        self._proxy.connects += 1
        self._proxy.links.append(self)
        self._proxy.links_changed()
        self.services = _services(self._peripheral.link.mtu)

    @override
    async def disconnect(self) -> None:
        if self.is_connected:
            self._peripheral.disconnect(self)
            self.link_lost()

    @override
    def notified(self, data: bytes) -> None:
        if self._notify is not None:
            self._notify(bytearray(data))

    @override
    def link_lost(self) -> None:
        if self._end is not None:
            self._end.cancel()
        self._proxy.links.remove(self)
        self._proxy.links_changed()
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    @override
    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: NotifyCallback,
        **kwargs: Any,
    ) -> None:
        self._notify = callback

    @override
    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        self._notify = None

    @override
    async def write_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        data: SizedBuffer,
        response: bool,
    ) -> None:
        assert characteristic.uuid == REQUEST_CHARACTERISTIC
        self._peripheral.write_request(bytes(data))

    @override
    async def pair(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError

    @override
    async def unpair(self) -> None:
        raise NotImplementedError

    @override
    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, **kwargs: Any
    ) -> bytearray:
        raise NotImplementedError

    @override
    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, **kwargs: Any
    ) -> bytearray:
        raise NotImplementedError

    @override
    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        raise NotImplementedError


def _services(mtu: int) -> BleakGATTServiceCollection:
    """Return the dongle's services as bleak has them."""
    collection = BleakGATTServiceCollection()
    for service in BT2_SERVICES:
        found = BleakGATTService(None, service.handle, service.uuid)
        collection.add_service(found)
        for each in service.characteristics:
            collection.add_characteristic(
                BleakGATTCharacteristic(
                    None,
                    each.handle,
                    each.uuid,
                    list(each.flags),  # type: ignore[arg-type]
                    lambda: mtu - 3,
                    found,
                )
            )
    return collection
