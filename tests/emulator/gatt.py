# SPDX-License-Identifier: Apache-2.0
"""The GATT objects of one connected device on D-Bus (BlueZ's src/gatt-client.c)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from dbus_fast import Variant

from . import gatt_profile
from .bluez_names import (
    GATT_CHARACTERISTIC,
    GATT_DESCRIPTOR,
    GATT_SERVICE,
    fail,
    invalid_arguments,
    not_connected,
    not_permitted,
    not_supported,
)
from .dbus_service import Call, Interfaces, ManagedObjects
from .gatt_profile import BT2_SERVICES, Characteristic, Descriptor, Service
from .peripheral import Peripheral
from .timers import Timers
from .world import Timing

ATT_HEADER = 3
_SIGNATURES = {
    "ReadValue": "a{sv}",
    "WriteValue": "aya{sv}",
    "AcquireWrite": "a{sv}",
    "AcquireNotify": "a{sv}",
    "StartNotify": "",
    "StopNotify": "",
}
_COMMAND = "command"
_REQUEST = "request"
_FLAG_OF_KIND = {_COMMAND: "write-without-response", _REQUEST: "write"}


@dataclass(slots=True)
class GattTree:
    """A device's services, and who wants its notifications."""

    objects: ManagedObjects
    device_path: str
    peripheral: Peripheral
    timing: Timing
    timers: Timers
    exported: bool = False
    _notify: dict[str, set[str]] = field(default_factory=dict)

    def resolved(self) -> None:
        """Add the objects unless they are there from before.

        Notifications that a client still on the bus wanted are switched on again.
        """
        if not self.exported:
            self.exported = True
            for path, interfaces in self._objects():
                self.objects.add(path, interfaces)
        for path, senders in self._notify.items():
            self._set_notifying(path, value=bool(senders))

    def withdraw(self) -> None:
        """Remove the objects."""
        self._notify.clear()
        if not self.exported:
            return
        self.exported = False
        for service in BT2_SERVICES:
            self.objects.remove(self._service_path(service))

    @staticmethod
    def service_uuids() -> list[str]:
        """Return the services that were found."""
        return [service.uuid for service in BT2_SERVICES]

    def disconnected(self) -> None:
        """Stop notifying; objects and wishes stay, as in BlueZ."""
        for path in self._notify:
            self._set_notifying(path, value=False)

    def sender_left(self, sender: str) -> None:
        """Forget a client that left the bus."""
        for path, senders in self._notify.items():
            if sender in senders:
                senders.remove(sender)
                self._set_notifying(path, value=bool(senders))

    def notified(self, data: bytes) -> None:
        """Signal a reply, if anybody has switched notifications on."""
        for characteristic, path in self._characteristics():
            if characteristic.uuid == gatt_profile.REPLY_CHARACTERISTIC:
                if self._notify.get(path):
                    self.objects.set(
                        path, GATT_CHARACTERISTIC, {"Value": Variant("ay", data)}
                    )

    def call(self, call: Call, *, connected: bool, disconnecting: bool) -> None:
        """Answer a method of a characteristic or descriptor."""
        characteristic = self._characteristic_at(call.path)
        if _SIGNATURES.get(call.member) != call.signature:
            call.unknown(object_exists=True)
        elif call.interface == GATT_DESCRIPTOR:
            self._descriptor_call(call, connected=connected)
        elif characteristic is None:
            call.unknown(object_exists=False)
        elif call.member == "StartNotify":
            self._start_notify(
                call, characteristic, connected=connected, disconnecting=disconnecting
            )
        elif call.member == "StopNotify":
            self._stop_notify(call)
        elif call.member in {"AcquireNotify", "AcquireWrite"}:
            not_supported(call)
        elif not connected:
            fail(call, "Not connected")
        elif call.member == "ReadValue":
            self._read(call, characteristic.flags, characteristic.value)
        else:
            self._write(call, characteristic)

    def _service_path(self, service: Service) -> str:
        return f"{self.device_path}/service{service.handle:04x}"

    def _characteristics(self) -> Iterator[tuple[Characteristic, str]]:
        for service in BT2_SERVICES:
            for characteristic in service.characteristics:
                yield (
                    characteristic,
                    f"{self._service_path(service)}/char{characteristic.handle:04x}",
                )

    def _characteristic_at(self, path: str) -> Characteristic | None:
        return next(
            (found for found, known in self._characteristics() if known == path), None
        )

    def _objects(self) -> Iterator[tuple[str, Interfaces]]:
        for service in BT2_SERVICES:
            path = self._service_path(service)
            yield path, self._service_interfaces(service)
            for characteristic in service.characteristics:
                below = f"{path}/char{characteristic.handle:04x}"
                yield below, self._characteristic_interfaces(characteristic, path)
                for descriptor in characteristic.descriptors:
                    yield (
                        f"{below}/desc{descriptor.handle:04x}",
                        _descriptor_interfaces(descriptor, below),
                    )

    def _service_interfaces(self, service: Service) -> Interfaces:
        return {
            GATT_SERVICE: {
                "Handle": Variant("q", service.handle),
                "UUID": Variant("s", service.uuid),
                "Device": Variant("o", self.device_path),
                "Primary": Variant("b", True),
                "Includes": Variant("ao", []),
            }
        }

    def _characteristic_interfaces(
        self, characteristic: Characteristic, service_path: str
    ) -> Interfaces:
        properties = {
            "Handle": Variant("q", characteristic.handle),
            "UUID": Variant("s", characteristic.uuid),
            "Service": Variant("o", service_path),
            "Value": Variant("ay", b""),
            "Flags": Variant("as", list(characteristic.flags)),
            "MTU": Variant("q", self.peripheral.link.mtu),
        }
        if "notify" in characteristic.flags:
            properties["Notifying"] = Variant("b", False)
        return {GATT_CHARACTERISTIC: properties}

    def _set_notifying(self, path: str, *, value: bool) -> None:
        self.objects.update(
            path, GATT_CHARACTERISTIC, {"Notifying": Variant("b", value)}
        )

    def _start_notify(
        self,
        call: Call,
        characteristic: Characteristic,
        *,
        connected: bool,
        disconnecting: bool,
    ) -> None:
        if disconnecting:
            not_connected(call)
        elif "notify" not in characteristic.flags:
            not_supported(call)
        else:
            senders = self._notify.setdefault(call.path, set())
            senders.add(call.sender)
            if connected:
                self._set_notifying(call.path, value=True)
            call.reply()

    def _stop_notify(self, call: Call) -> None:
        senders = self._notify.get(call.path, set())
        if call.sender not in senders:
            fail(call, "No notify session started")
            return
        senders.remove(call.sender)
        self._set_notifying(call.path, value=bool(senders))
        call.reply()

    def _read(self, call: Call, flags: tuple[str, ...], value: bytes) -> None:
        if "read" not in flags:
            not_permitted(call, "Read not permitted")
            return
        self.timers.call_later(
            self.timing.write_request, lambda: call.reply("ay", value)
        )

    def _write(self, call: Call, characteristic: Characteristic) -> None:
        data, options = bytes(call.body[0]), call.body[1]
        given = options.get("type", Variant("s", "")).value
        kind = given or _default_kind(characteristic)
        if kind not in _FLAG_OF_KIND:
            invalid_arguments(call)
        elif _FLAG_OF_KIND[kind] not in characteristic.flags:
            not_supported(call)
        elif kind == _COMMAND and len(data) > self.peripheral.link.mtu - ATT_HEADER:
            fail(call, "Failed to initiate write")
        else:
            self._accept(characteristic, data)
            if kind == _COMMAND:
                call.reply()
            else:
                self.timers.call_later(self.timing.write_request, call.reply)

    def _accept(self, characteristic: Characteristic, data: bytes) -> None:
        if characteristic.uuid == gatt_profile.REQUEST_CHARACTERISTIC:
            self.peripheral.write_request(data)

    def _descriptor_call(self, call: Call, *, connected: bool) -> None:
        if not connected:
            fail(call, "Not connected")
            return
        if call.member != "ReadValue":
            not_permitted(call, "Write not permitted")
            return
        for characteristic, path in self._characteristics():
            for descriptor in characteristic.descriptors:
                if call.path == f"{path}/desc{descriptor.handle:04x}":
                    self._read(call, ("read",), descriptor.value)
                    return
        call.unknown(object_exists=False)


def _default_kind(characteristic: Characteristic) -> str:
    return _REQUEST if "write" in characteristic.flags else _COMMAND


def _descriptor_interfaces(
    descriptor: Descriptor, characteristic_path: str
) -> Interfaces:
    return {
        GATT_DESCRIPTOR: {
            "Handle": Variant("q", descriptor.handle),
            "UUID": Variant("s", descriptor.uuid),
            "Characteristic": Variant("o", characteristic_path),
            "Value": Variant("ay", b""),
        }
    }
