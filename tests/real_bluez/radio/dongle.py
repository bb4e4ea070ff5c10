# SPDX-License-Identifier: Apache-2.0
"""A dongle with its batteries: the emulator's peripheral on a Bumble controller."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, override

from bumble import att, gatt, gatt_server, hci
from bumble.controller import LegacyAdvertiser
from bumble.core import UUID, PhysicalTransport
from bumble.device import Connection, Device
from bumble.host import Host

from tests.emulator.devices import devices_of
from tests.emulator.faults import ActiveFault
from tests.emulator.gatt_profile import (
    BT2_SERVICES,
    CLIENT_CONFIGURATION,
    REPLY_CHARACTERISTIC,
    REQUEST_CHARACTERISTIC,
    Characteristic,
)
from tests.emulator.peripheral import Peripheral
from tests.emulator.timers import Timers
from tests.emulator.world import Link, World

from .air import Air
from .chip import Chip
from .packets import packets

_PROPERTIES: Final = {
    "read": gatt.Characteristic.Properties.READ,
    "write": gatt.Characteristic.Properties.WRITE,
    "write-without-response": gatt.Characteristic.Properties.WRITE_WITHOUT_RESPONSE,
    "notify": gatt.Characteristic.Properties.NOTIFY,
}
_READ_WRITE: Final = (
    att.Attribute.Permissions.READABLE | att.Attribute.Permissions.WRITEABLE
)


class _Beacon(LegacyAdvertiser):
    """Advertising that is switched by the host, while the peripheral gives the beat."""

    @override
    def start(self) -> None:
        self.enabled = True


class _Server(gatt_server.Server):
    """A GATT server that answers some requests with an error, by their opcode."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.refusals: dict[int, int] = {}

    @override
    def on_gatt_pdu(self, bearer: att.Bearer, att_pdu: att.ATT_PDU) -> None:
        error = self.refusals.get(att_pdu.op_code)
        if error is None:
            super().on_gatt_pdu(bearer, att_pdu)
            return
        self.send_response(
            bearer,
            att.ATT_Error_Response(
                request_opcode_in_error=att_pdu.op_code,
                attribute_handle_in_error=0,
                error_code=error,
            ),
        )


class Dongle:
    """One link of the world on the air.

    The peripheral decides when to advertise and what the batteries answer; Bumble's
    controller, host and GATT server carry it. It is the peripheral's central.
    """

    def __init__(
        self,
        link: Link,
        world: World,
        air: Air,
        timers: Timers,
        faults: Callable[[], Collection[ActiveFault]],
        advertise: Callable[[Dongle, int], None],
    ) -> None:
        """Prepare a dongle; `advertise` gets it with the swing of each advert, in dB."""
        began = timers.now()
        self.address = hci.Address(link.address, hci.AddressType.PUBLIC_DEVICE)
        self.peripheral = Peripheral(
            link,
            devices_of(link, world.solar_day, lambda: timers.now() - began),
            world,
            timers,
            faults,
            lambda _peripheral, swing: advertise(self, swing),
        )
        self.advertisement, self.scan_response = packets(self.peripheral.advertisement)
        self._timers = timers
        self._connection: Connection | None = None
        self._reply: gatt.Characteristic[bytes] | None = None
        self._controller = Chip(link.name, link=air, public_address=self.address)
        self._controller.le_legacy_advertiser = _Beacon(self._controller)
        self.device = Device(
            name=link.name, host=Host(self._controller, self._controller)
        )
        self._server = self.device.gatt_server = _Server(self.device)
        self._server.max_mtu = link.mtu
        self.device.add_default_services()
        self.device.add_services(self._services())
        self.device.on("connection", self._connected)

    async def start(self) -> None:
        """Power the dongle on and begin to advertise."""
        await self.device.power_on()
        await self.device.start_advertising(
            own_address_type=hci.OwnAddressType.PUBLIC, auto_restart=True
        )
        self.peripheral.start()

    @property
    def is_advertising(self) -> bool:
        """Tell whether a central could connect now."""
        return bool(self._controller.le_legacy_advertiser.enabled)

    def refuse(self, refusals: Mapping[int, int]) -> None:
        """Answer requests of these opcodes with these errors from now on."""
        self._server.refusals = dict(refusals)

    def drop(self) -> None:
        """Break the link at once, as a reset of the dongle does."""
        self.peripheral.break_link()

    # The peripheral's central.

    def notified(self, data: bytes) -> None:
        """Send a notification of the reply characteristic."""
        if self._connection is not None and self._reply is not None:
            self._timers.spawn(
                self.device.gatt_server.notify_subscriber(
                    self._connection, self._reply, data
                )
            )

    def link_lost(self) -> None:
        """End the connection from this side."""
        if self._connection is not None:
            self._timers.spawn(self._connection.disconnect())

    # Bumble's side.

    def _connected(self, connection: Connection) -> None:
        if connection.transport is not PhysicalTransport.LE:
            return
        self._connection = connection
        connection.on("disconnection", self._disconnected)
        if not self.peripheral.connect(self):
            self.link_lost()

    def _disconnected(self, _reason: int) -> None:
        self._connection = None
        self.peripheral.disconnect(self)

    def _services(self) -> Iterable[gatt.Service]:
        for service in BT2_SERVICES:
            yield gatt.Service(
                UUID(service.uuid),
                [self._characteristic(item) for item in service.characteristics],
            )

    def _characteristic(self, item: Characteristic) -> gatt.Characteristic[bytes]:
        value: bytes | gatt.CharacteristicValue[bytes] = item.value
        if item.uuid == REQUEST_CHARACTERISTIC:
            value = gatt.CharacteristicValue(
                read=lambda _connection: b"",
                write=lambda _connection, data: self.peripheral.write_request(data),
            )
        properties = gatt.Characteristic.Properties(0)
        for flag in item.flags:
            properties |= _PROPERTIES[flag]
        characteristic = gatt.Characteristic(
            UUID(item.uuid),
            properties,
            _READ_WRITE,
            value,
            [
                gatt.Descriptor(UUID(each.uuid), _READ_WRITE, each.value)
                for each in item.descriptors
                if each.uuid != CLIENT_CONFIGURATION
            ],
        )
        if item.uuid == REPLY_CHARACTERISTIC:
            self._reply = characteristic
        return characteristic
