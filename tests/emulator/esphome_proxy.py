# SPDX-License-Identifier: Apache-2.0
"""A Bluetooth proxy that runs ESPHome: it hears the emulated air and connects to it.

What a real one does over its API, at its version of 2026: raw advertisements, three
connections whose slots it tells of, services that the client keeps, notifications that the
client switches on by itself.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
import math
from typing import Any, Final, override
from uuid import UUID

from aioesphomeapi.model import BluetoothProxyFeature

from .emulated_world import EmulatedWorld
from .esphome_api import ApiConnection, ApiServer, Message, answer_as_device, api_pb2
from .gatt_profile import (
    BT2_SERVICES,
    CLIENT_CONFIGURATION,
    REPLY_CHARACTERISTIC,
    REQUEST_CHARACTERISTIC,
    Characteristic,
)
from .peripheral import Central, Peripheral

NAME: Final = "shed-proxy"
DEVICE_MAC: Final = "AC:67:B2:00:00:00"
PROXY: Final = "AC:67:B2:00:00:01"
SLOTS: Final = 3
FEATURES: Final = (
    BluetoothProxyFeature.PASSIVE_SCAN
    | BluetoothProxyFeature.ACTIVE_CONNECTIONS
    | BluetoothProxyFeature.REMOTE_CACHING
    | BluetoothProxyFeature.PAIRING
    | BluetoothProxyFeature.CACHE_CLEARING
    | BluetoothProxyFeature.RAW_ADVERTISEMENTS
    | BluetoothProxyFeature.FEATURE_STATE_AND_MODE
)
# Reasons of an ESP32's Bluetooth stack.
NO_CONNECTION: Final = 0x3E
GATT_ERROR: Final = 0x85
PEER_GONE: Final = 0x08
PROPERTIES: Final = {
    "read": 0x02,
    "write-without-response": 0x04,
    "write": 0x08,
    "notify": 0x10,
    "indicate": 0x20,
}
_HANDLES: Final = {
    each.uuid: each.handle + 1
    for service in BT2_SERVICES
    for each in service.characteristics
}
"""The handles of the values, which follow the declarations; a real proxy tells these."""
_REPLY_SWITCH: Final = next(
    descriptor.handle
    for service in BT2_SERVICES
    for each in service.characteristics
    for descriptor in each.descriptors
    if each.uuid == REPLY_CHARACTERISTIC and descriptor.uuid == CLIENT_CONFIGURATION
)


def number_of(address: str) -> int:
    """Return an address as the API has it."""
    return int(address.replace(":", ""), 16)


def address_of(number: int) -> str:
    """Return an address as people write it."""
    digits = f"{number:012X}"
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


@dataclass(slots=True)
class Faults:
    """What is wrong with a proxy."""

    connects_fail: bool = False
    """Connections are refused after a moment."""
    gatt_fails: bool = False
    """Connections stand, and every request over them is refused."""
    gatt_hangs: bool = False
    """Connections stand, and nothing comes of any request over them."""
    tells_no_addresses: bool = False
    """Older firmware tells how many slots are free, not who holds the others."""
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    """Clear while connections hang that are being made."""


class Connection(Central):
    """A connection through the proxy to a peripheral, being made or made."""

    def __init__(self, proxy: EspHomeProxy, peripheral: Peripheral) -> None:
        """Take a slot of the proxy."""
        self.proxy = proxy
        self.peripheral = peripheral
        self.number = number_of(peripheral.link.address)
        self.making: asyncio.Task[None] | None = None
        self.notifies: set[int] = set()

    @property
    def is_made(self) -> bool:
        """Whether the peripheral is connected."""
        return self.peripheral.central is self

    @override
    def notified(self, data: bytes) -> None:
        if {_HANDLES[REPLY_CHARACTERISTIC], _REPLY_SWITCH} <= self.notifies:
            self.proxy.tell_of(
                self,
                api_pb2.BluetoothGATTNotifyDataResponse(
                    address=self.number,
                    handle=_HANDLES[REPLY_CHARACTERISTIC],
                    data=data,
                ),
            )

    @override
    def link_lost(self) -> None:
        self.proxy.ended(self, PEER_GONE)


class EspHomeProxy:
    """The device; `attenuation` in dB is what its place costs."""

    def __init__(self, world: EmulatedWorld, attenuation: float = 0.0) -> None:
        """Begin switched off, hearing nothing."""
        self.world = world
        self.receiver = world.receiver(PROXY, attenuation)
        self.faults = Faults()
        self.faults.goes_on.set()
        self.attempts = self.connects = 0
        self.connections: list[Connection] = []
        self._held_by_others: list[int] = []
        self._scans_actively = False
        self._subscriber: ApiConnection | None = None
        self.server = ApiServer(self._handle, self._closed)

    # Its life

    async def start(self) -> None:
        """Be switched on."""
        await self.server.start()

    def stop(self) -> None:
        """Lose power."""
        self._drop_connections()
        self.server.stop()

    async def reboot(self, seconds: float) -> None:
        """Lose power for a while."""
        self.stop()
        await asyncio.sleep(seconds)
        await self.start()

    def hang(self, *, hangs: bool = True) -> None:
        """Leave unread what clients send, and tell them nothing; or go on with it."""
        for client in self.server.clients:
            client.is_read = not hangs
            client.read()

    def _closed(self, client: ApiConnection) -> None:
        """Take note that a client is gone: a proxy drops what it held for that."""
        if client is self._subscriber:
            self._subscriber = None
            self._drop_connections()

    def _drop_connections(self) -> None:
        for connection in tuple(self.connections):
            self._release(connection)

    # What it hears

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
        if self._subscriber is None:
            return
        advertisement = self.world.peripheral(address).advertisement
        elements = [*advertisement.elements()]
        if self._scans_actively:
            elements += advertisement.response_elements()
        data = b"".join(
            bytes((len(content) + 1, kind)) + content for kind, content in elements
        )
        self._subscriber.send(
            api_pb2.BluetoothLERawAdvertisementsResponse(
                advertisements=[
                    api_pb2.BluetoothLERawAdvertisement(
                        address=number_of(address), rssi=rssi, address_type=0, data=data
                    )
                ]
            )
        )

    def hold_slots(self, count: int) -> None:
        """Have others hold so many of its connections."""
        self._held_by_others = [
            number_of(f"C8:DF:84:00:00:{number:02X}") for number in range(count)
        ]
        self._tell_slots()

    # What it is asked

    def _handle(self, client: ApiConnection, message: Message) -> None:
        if answer_as_device(client, message, self._information()):
            return
        match message:
            case api_pb2.SubscribeBluetoothLEAdvertisementsRequest():
                self._subscriber = client
                self._tell_scan()
            case api_pb2.SubscribeBluetoothConnectionsFreeRequest():
                self._tell_slots()
            case api_pb2.BluetoothScannerSetModeRequest():
                self._scans_actively = (
                    message.mode == api_pb2.BLUETOOTH_SCANNER_MODE_ACTIVE
                )
                self._tell_scan()
            case api_pb2.BluetoothDeviceRequest():
                self._handle_device(message)
            case _:
                if (address := getattr(message, "address", None)) is not None:
                    self._handle_gatt(address, message)

    def _information(self) -> Any:
        return api_pb2.DeviceInfoResponse(
            name=NAME,
            mac_address=DEVICE_MAC,
            bluetooth_mac_address=PROXY,
            esphome_version="2026.10.0",
            model="esp32dev",
            manufacturer="Espressif",
            bluetooth_proxy_feature_flags=FEATURES,
        )

    def tell_of(self, connection: Connection, message: Message) -> None:
        """Tell the client of a connection of it."""
        if self._subscriber is not None:
            self._subscriber.send(message)

    def _tell_scan(self) -> None:
        if self._subscriber is not None:
            mode = (
                api_pb2.BLUETOOTH_SCANNER_MODE_ACTIVE
                if self._scans_actively
                else api_pb2.BLUETOOTH_SCANNER_MODE_PASSIVE
            )
            self._subscriber.send(
                api_pb2.BluetoothScannerStateResponse(
                    state=api_pb2.BLUETOOTH_SCANNER_STATE_RUNNING,
                    mode=mode,
                    configured_mode=api_pb2.BLUETOOTH_SCANNER_MODE_ACTIVE,
                )
            )

    def _tell_slots(self) -> None:
        held = self._held
        for client in self.server.clients:
            client.send(
                api_pb2.BluetoothConnectionsFreeResponse(
                    free=SLOTS - len(held),
                    limit=SLOTS,
                    allocated=[] if self.faults.tells_no_addresses else held,
                )
            )

    @property
    def _held(self) -> list[int]:
        """Who holds its slots: from the request for a connection on."""
        own = [connection.number for connection in self.connections]
        return [*self._held_by_others, *own]

    # Connections

    def _handle_device(self, request: Any) -> None:
        connection = self._connection(request.address)
        match request.request_type:
            case (
                api_pb2.BLUETOOTH_DEVICE_REQUEST_TYPE_CONNECT_V3_WITH_CACHE
                | api_pb2.BLUETOOTH_DEVICE_REQUEST_TYPE_CONNECT_V3_WITHOUT_CACHE
            ):
                self._connect(request.address)
            case api_pb2.BLUETOOTH_DEVICE_REQUEST_TYPE_DISCONNECT if connection:
                self.ended(connection, 0)
            case api_pb2.BLUETOOTH_DEVICE_REQUEST_TYPE_DISCONNECT:
                self._tell_state(request.address)
            case api_pb2.BLUETOOTH_DEVICE_REQUEST_TYPE_CLEAR_CACHE:
                if self._subscriber is not None:
                    self._subscriber.send(
                        api_pb2.BluetoothDeviceClearCacheResponse(
                            address=request.address, success=True
                        )
                    )

    def _connection(self, number: int) -> Connection | None:
        return next((each for each in self.connections if each.number == number), None)

    def _connect(self, number: int) -> None:
        self.attempts += 1
        if len(self._held) >= SLOTS or self._connection(number) is not None:
            self._tell_state(number, error=NO_CONNECTION)
            return
        connection = Connection(self, self.world.peripheral(address_of(number)))
        self.connections.append(connection)
        self._tell_slots()
        connection.making = asyncio.create_task(self._make(connection))

    async def _make(self, connection: Connection) -> None:
        await self.faults.goes_on.wait()
        peripheral = connection.peripheral
        address = peripheral.link.address
        reaches = self.receiver.connects(address, peripheral.signal)
        if (
            self.faults.connects_fail
            or not reaches
            or not peripheral.connect(connection)
        ):
            self.ended(connection, NO_CONNECTION)
            return
        lasts = self.receiver.lasts(address, peripheral.signal)
        if lasts < math.inf:
            asyncio.get_running_loop().call_later(
                lasts, peripheral.break_of, connection
            )
        self.connects += 1
        self._tell_state(connection.number, mtu=peripheral.link.mtu)

    def ended(self, connection: Connection, error: int) -> None:
        """Tell that a connection is no more, or was not to be had."""
        self._release(connection)
        self._tell_state(connection.number, error=error)
        self._tell_slots()

    def _release(self, connection: Connection) -> None:
        if connection.making is not None:
            connection.making.cancel()
        connection.peripheral.disconnect(connection)
        if connection in self.connections:
            self.connections.remove(connection)

    def _tell_state(self, number: int, *, mtu: int = 0, error: int = 0) -> None:
        if self._subscriber is not None:
            self._subscriber.send(
                api_pb2.BluetoothDeviceConnectionResponse(
                    address=number, connected=mtu > 0, mtu=mtu, error=error
                )
            )

    # Requests over a connection

    def _handle_gatt(self, number: int, message: Message) -> None:
        connection = self._connection(number)
        if connection is None or not connection.is_made or self.faults.gatt_hangs:
            return
        if self.faults.gatt_fails:
            self.tell_of(
                connection,
                api_pb2.BluetoothGATTErrorResponse(
                    address=number,
                    handle=getattr(message, "handle", 0),
                    error=GATT_ERROR,
                ),
            )
            return
        for answer in _answers(connection, message):
            self.tell_of(connection, answer)


def _answers(connection: Connection, message: Message) -> Iterator[Message]:
    """Do what a client asks over a connection, and yield what it is told."""
    number = connection.number
    match message:
        case api_pb2.BluetoothGATTGetServicesRequest():
            yield from _services(number)
        case api_pb2.BluetoothGATTNotifyRequest():
            if message.enable:
                connection.notifies.add(message.handle)
            else:
                connection.notifies.discard(message.handle)
            yield api_pb2.BluetoothGATTNotifyResponse(
                address=number, handle=message.handle
            )
        case api_pb2.BluetoothGATTWriteDescriptorRequest():
            connection.notifies.add(message.handle)
            yield api_pb2.BluetoothGATTWriteResponse(
                address=number, handle=message.handle
            )
        case api_pb2.BluetoothGATTWriteRequest():
            assert message.handle == _HANDLES[REQUEST_CHARACTERISTIC]
            connection.peripheral.write_request(message.data)
            if message.response:
                yield api_pb2.BluetoothGATTWriteResponse(
                    address=number, handle=message.handle
                )


def _services(number: int) -> Iterator[Message]:
    """Yield the dongle's services, one a message as a proxy with little memory does."""
    for service in BT2_SERVICES:
        yield api_pb2.BluetoothGATTGetServicesResponse(
            address=number,
            services=[
                api_pb2.BluetoothGATTService(
                    uuid=_halves(service.uuid),
                    handle=service.handle,
                    characteristics=[
                        _characteristic(each) for each in service.characteristics
                    ],
                )
            ],
        )
    yield api_pb2.BluetoothGATTGetServicesDoneResponse(address=number)


def _characteristic(of: Characteristic) -> Any:
    return api_pb2.BluetoothGATTCharacteristic(
        uuid=_halves(of.uuid),
        handle=of.handle + 1,
        properties=sum(PROPERTIES[flag] for flag in of.flags),
        descriptors=[
            api_pb2.BluetoothGATTDescriptor(uuid=_halves(each.uuid), handle=each.handle)
            for each in of.descriptors
        ],
    )


def _halves(uuid: str) -> tuple[int, int]:
    number = UUID(uuid).int
    return number >> 64, number & (1 << 64) - 1
