# SPDX-License-Identifier: Apache-2.0
"""One open GATT connection to a peripheral (protocol 1.2)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
import errno
import logging
from typing import TYPE_CHECKING, Final, Protocol, override

import bleak
from bleak.exc import BleakError
import bleak_retry_connector

from .exceptions import LinkLost, LinkUnreachable
from .gatt import OfferedCharacteristic

if TYPE_CHECKING:
    from bleak.backends.characteristic import BleakGATTCharacteristic
    from bleak.backends.device import BLEDevice

_LOGGER = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 20.0
DISCONNECT_SECONDS: Final = 5.0
# Connectors bound themselves; this includes waiting for a repair and for other links.
LONGEST_CONNECT_SECONDS: Final = 180.0

# Full uuids and their services: a BT-2 has a second "ffd1", for firmware updates. Of those
# that stand twice in their service the first is taken that can do what is asked of it.
REQUEST_SERVICE: Final = "0000ffd0-0000-1000-8000-00805f9b34fb"
REQUEST_CHARACTERISTIC: Final = "0000ffd1-0000-1000-8000-00805f9b34fb"
REPLY_SERVICE: Final = "0000fff0-0000-1000-8000-00805f9b34fb"
REPLY_CHARACTERISTIC: Final = "0000fff1-0000-1000-8000-00805f9b34fb"
# Most wanted first: some batteries take nothing but commands, which are not acknowledged.
COMMANDS: Final = "write-without-response"
REQUEST_PROPERTIES: Final = (COMMANDS, "write")
REPLY_PROPERTIES: Final = ("notify", "indicate")

# What the kernel makes of a link that is not established, breaks at once, or still ends.
ERRORS_OF_THE_AIR: Final = frozenset(
    {
        *(errno.EALREADY, errno.EBUSY, errno.EHOSTDOWN, errno.EIO, errno.ENOSYS),
        *(errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET),
    }
)
RETRY_PAUSES: Final = (0.25, 0.5, 1.0)
# A lost D-Bus connection surfaces as OSError or EOFError.
_CONNECTION_ERRORS: Final = (BleakError, OSError, EOFError)


class Transport(Protocol):
    """An open connection: frames go out, notifications come in."""

    @property
    def lost(self) -> asyncio.Future[None]:
        """Done as soon as the connection has ended, for whatever reason."""

    async def write(self, frame: bytes) -> None:
        """Send one request frame; raises LinkLost."""

    def on_notification(self, callback: Callable[[bytes], None]) -> None:
        """Give every notification's bytes to `callback` from now on."""

    async def disconnect(self) -> None:
        """End the connection; bounded, never raises a RenogyError."""

    @property
    def characteristics(self) -> tuple[OfferedCharacteristic, ...]:
        """What the peripheral offers, nothing where that is not known."""
        return ()


class TransportDelegate(Transport):
    """A transport that acts through another one."""

    def __init__(self, transport: Transport) -> None:
        """Act through this transport."""
        self._transport = transport

    @property
    @override
    def lost(self) -> asyncio.Future[None]:
        return self._transport.lost

    @property
    @override
    def characteristics(self) -> tuple[OfferedCharacteristic, ...]:
        return self._transport.characteristics

    @override
    async def write(self, frame: bytes) -> None:
        await self._transport.write(frame)

    @override
    def on_notification(self, callback: Callable[[bytes], None]) -> None:
        self._transport.on_notification(callback)

    @override
    async def disconnect(self) -> None:
        await self._transport.disconnect()


type Connector = Callable[[], Awaitable[Transport]]


async def open_transport(connector: Connector) -> Transport:
    """Return what a connector opens, bounded; raises LinkUnreachable."""
    try:
        async with asyncio.timeout(LONGEST_CONNECT_SECONDS):
            return await connector()
    except TimeoutError:
        raise LinkUnreachable("Connecting took too long") from None


async def connect(device: BLEDevice, name: str) -> Transport:
    """Connect to a peripheral and subscribe to its replies, within 20 s.

    Raises LinkUnreachable with a human reason.
    """
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await _connect(device, name)
    except TimeoutError as error:
        reason = f"{name}: no connection within {CONNECT_SECONDS:.0f} s"
        raise LinkUnreachable(reason) from error
    except _CharacteristicMissing as error:
        raise LinkUnreachable(str(error), error.offered) from error
    except _CONNECTION_ERRORS as error:
        raise LinkUnreachable(str(error) or type(error).__name__) from error


class _CharacteristicMissing(BleakError):
    """The peripheral does not offer what a request or a reply needs."""

    def __init__(self, uuid: str, offered: tuple[OfferedCharacteristic, ...]) -> None:
        super().__init__(f"Characteristic {uuid} was not found")
        self.offered = offered


async def _connect(device: BLEDevice, name: str) -> Transport:
    """Connect, and once more with services that are read anew when subscribing fails.

    BlueZ gives its objects anew when it is started again, and a client that kept the old
    services is told that the method or the characteristic does not exist.
    """
    transport = BleakTransport(name)
    try:
        return await _open(transport, device)
    except BleakError as error:
        if not transport.was_connected:
            raise
        _LOGGER.debug("%s: Subscribing failed, services are read anew: %s", name, error)
    return await _open(BleakTransport(name), device)


async def _open(transport: BleakTransport, device: BLEDevice) -> BleakTransport:
    """Connect and subscribe; nothing stays connected when that fails or is cancelled.

    Whoever connects next does not go by services that did not help, not after a pause either:
    while bluetoothd is away a connection seems to stand, and the services are the old ones.
    """
    await transport.open(device)
    try:
        await transport.subscribe()
    except BaseException as error:
        await transport.disconnect()
        if isinstance(error, BleakError):
            await transport.forget_services()
        raise
    return transport


async def _connected_client(
    device: BLEDevice, name: str, disconnected: Callable[[bleak.BleakClient], None]
) -> bleak.BleakClient:
    """Connect with retries, or once with bleak alone where nothing retries any more.

    The client class is looked up now: Home Assistant replaces it when it starts.
    """
    client_class: type[bleak.BleakClient] = getattr(
        bleak_retry_connector, "BleakClientWithServiceCache", bleak.BleakClient
    )
    establish = getattr(bleak_retry_connector, "establish_connection", None)
    if establish is None:
        client = client_class(device, disconnected_callback=disconnected)
        await client.connect()
    else:
        client = await _retried(
            name, lambda: establish(client_class, device, name, disconnected)
        )
    return client


async def _retried[T](name: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """Try again what the air has made fail, where the kernel tells so itself.

    Without bluetoothd its errors arrive as they are, and bleak-retry-connector, which knows
    those of bleak and D-Bus, tries only once.
    """
    for pause in RETRY_PAUSES:
        try:
            return await attempt()
        except OSError as error:
            if error.errno not in ERRORS_OF_THE_AIR:
                raise
            _LOGGER.debug("%s: Not connected, tried again: %s", name, error)
        await asyncio.sleep(pause)
    return await attempt()


class BleakTransport(Transport):
    """A connection through bleak, and so through Home Assistant's adapters and proxies."""

    def __init__(self, name: str) -> None:
        """Start unconnected."""
        self._name = name
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._client: bleak.BleakClient | None = None
        self._characteristics: tuple[OfferedCharacteristic, ...] = ()
        self._request: BleakGATTCharacteristic | None = None
        self._callback: Callable[[bytes], None] | None = None

    @property
    def was_connected(self) -> bool:
        """Whether the connection once stood."""
        return self._client is not None

    @property
    @override
    def lost(self) -> asyncio.Future[None]:
        return self._lost

    async def open(self, device: BLEDevice) -> None:
        """Connect; raises BleakError and the errors of a lost D-Bus connection."""
        self._client = await _connected_client(device, self._name, self._disconnected)
        if not self._client.is_connected:
            self._disconnected(self._client)

    async def subscribe(self) -> None:
        """Find the characteristics and listen for replies; raises as `open` does."""
        self._characteristics = tuple(
            OfferedCharacteristic(
                service=each.service_uuid,
                uuid=each.uuid,
                properties=tuple(each.properties),
            )
            for _, each in sorted(self._connected.services.characteristics.items())
        )
        self._request = self._characteristic(
            REQUEST_SERVICE, REQUEST_CHARACTERISTIC, REQUEST_PROPERTIES
        )
        reply = self._characteristic(
            REPLY_SERVICE, REPLY_CHARACTERISTIC, REPLY_PROPERTIES
        )
        await self._connected.start_notify(reply, self._notified)

    async def forget_services(self) -> None:
        """Drop the services that were remembered of the peripheral."""
        clear_cache = getattr(self._connected, "clear_cache", None)
        if clear_cache is not None:
            await clear_cache()

    @property
    @override
    def characteristics(self) -> tuple[OfferedCharacteristic, ...]:
        return self._characteristics

    @override
    async def write(self, frame: bytes) -> None:
        if self._request is None:
            raise LinkLost(f"{self._name}: not subscribed")
        acknowledged = COMMANDS not in self._request.properties
        try:
            await self._connected.write_gatt_char(
                self._request, frame, response=acknowledged
            )
        except _CONNECTION_ERRORS as error:
            raise LinkLost(str(error) or type(error).__name__) from error

    @override
    def on_notification(self, callback: Callable[[bytes], None]) -> None:
        self._callback = callback

    @override
    async def disconnect(self) -> None:
        try:
            async with asyncio.timeout(DISCONNECT_SECONDS):
                await self._connected.disconnect()
        except _CONNECTION_ERRORS as error:
            _LOGGER.debug("%s: Disconnecting failed: %s", self._name, error)

    @property
    def _connected(self) -> bleak.BleakClient:
        if self._client is None:
            raise LinkLost(f"{self._name}: not connected")
        return self._client

    def _characteristic(
        self, service: str, uuid: str, properties: Iterable[str]
    ) -> BleakGATTCharacteristic:
        """Return the first characteristic of a service that has the most wanted property."""
        found = [
            each
            for _, each in sorted(self._connected.services.characteristics.items())
            if each.uuid == uuid and each.service_uuid == service
        ]
        for wanted in properties:
            for characteristic in found:
                if wanted in characteristic.properties:
                    return characteristic
        raise _CharacteristicMissing(uuid, self.characteristics)

    def _disconnected(self, _: bleak.BleakClient) -> None:
        # Attempts that fail before the connection stands call back as well.
        if self._client is not None and not self._lost.done():
            self._lost.set_result(None)

    def _notified(self, _: BleakGATTCharacteristic, data: bytearray) -> None:
        if self._callback is not None:
            self._callback(bytes(data))
