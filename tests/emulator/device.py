# SPDX-License-Identifier: Apache-2.0
"""A peripheral as one adapter's bluetoothd knows it: org.bluez.Device1.

BlueZ's src/device.c: RSSI is signalled when it moved by 8 dB, data when it changed; an
object that is only temporary goes when nothing was heard for a while; a disconnect has
two seconds of grace.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
import math

from dbus_fast import Variant

from .bluez_names import (
    ABORT_BY_LOCAL,
    CONNECTION_CANCELED,
    DEVICE,
    INPUT_OUTPUT_ERROR,
    fail,
    in_progress,
)
from .connecting import ConnectAttempt, ConnectQueue
from .controller import Controller
from .dbus_service import Call, ManagedObjects, Properties
from .gatt import GattTree
from .peripheral import Peripheral
from .radio import RECHECK_SECONDS, Receiver, Signal
from .timers import Timers
from .world import World

RSSI_THRESHOLD = 8
ABORT_SECONDS = 0.35
"""How long an aborted connect looks like a link (hbldh/bleak#1240)."""


@dataclass(slots=True, eq=False)
class Device:
    """One Device1 object and its link, if there is one.

    `expired` is called when a temporary device was not heard for too long; `hears`
    tells whether the adapter would notice the peripheral. `names` is bluetoothd's cache of names by address: what was heard once is known from then on.
    """

    adapter_path: str
    peripheral: Peripheral
    world: World
    objects: ManagedObjects
    timers: Timers
    queue: ConnectQueue
    controller: Controller
    hears: Callable[[], bool]
    names: dict[str, str]
    link_ended: Callable[[], None]
    expired: Callable[[Device], None]
    temporary: bool = True
    connected: bool = False
    path: str = field(init=False)
    gatt: GattTree = field(init=False)
    _rssi: int | None = None
    _expiry: asyncio.TimerHandle | None = None
    _attempt: ConnectAttempt | None = None
    _connect_call: Call | None = None
    _resolution: asyncio.TimerHandle | None = None
    _disconnection: asyncio.TimerHandle | None = None
    _end: asyncio.TimerHandle | None = None
    _disconnect_calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Derive the object's path and prepare its services."""
        self.path = f"{self.adapter_path}/dev_{self._address.replace(':', '_')}"
        self.gatt = GattTree(
            self.objects, self.path, self.peripheral, self.world.timing, self.timers
        )

    def appear(self, rssi: int | None, name: str | None = None) -> None:
        """Add the object; without strength when it comes from bluetoothd's storage."""
        self._rssi = rssi
        self._remember(name)
        self.objects.add(self.path, {DEVICE: self._properties(rssi)})
        self._restart_expiry()

    def heard(self, rssi: int, name: str | None, *, duplicates: bool) -> None:
        """Take an advertisement: signal what BlueZ would signal."""
        self._restart_expiry()
        if self._rssi is None or abs(self._rssi - rssi) >= RSSI_THRESHOLD:
            self._rssi = rssi
            self._set({"RSSI": Variant("n", rssi)})
        self._remember(name)
        self.objects.update(self.path, DEVICE, self._named())
        data = self._advertised()
        if duplicates:
            self._set({"ManufacturerData": data["ManufacturerData"]})
        self.objects.update(self.path, DEVICE, data)

    def forget_strength(self) -> None:
        """Take RSSI away, as at the end of a discovery."""
        self._rssi = None
        self.objects.invalidate(self.path, DEVICE, "RSSI")

    def disappear(self, *, silently: bool = False) -> None:
        """Remove the object with everything below it; a link is dropped."""
        self.timers.cancel(self._expiry)
        self.drop_link()
        self.gatt.withdraw()
        self.objects.remove(self.path, silently=silently)

    def connect(self, call: Call) -> None:
        """Answer Device1.Connect when the link is up or the attempt has failed."""
        if self._connect_call is not None:
            in_progress(call)
        elif self.connected:
            call.reply()
        elif not self.controller.powered:
            fail(call, INPUT_OUTPUT_ERROR)
        else:
            self.temporary = False
            self.timers.cancel(self._expiry)
            self._connect_call = call
            if self.controller.aborts_connect(self._address):
                self.timers.call_later(ABORT_SECONDS, lambda: self._aborted(call))
                return
            self._attempt = self.queue.start(
                self.peripheral,
                self._is_noticed,
                self._link_up,
                self._not_found,
                at_once=self._receiver.misses_nothing(self._address, self._signal),
            )

    def disconnect(self, call: Call) -> None:
        """Answer Device1.Disconnect when the link is down."""
        self._cancel_attempt()
        if not self.connected:
            call.reply()
            return
        self._disconnect_calls.append(call)
        if self._disconnection is None:
            self._disconnection = self.timers.call_later(
                self.world.timing.disconnect, self._close
            )

    @property
    def is_disconnecting(self) -> bool:
        """Tell whether the grace before a disconnect runs."""
        return self._disconnection is not None

    def gatt_call(self, call: Call) -> None:
        """Answer a call to one of the objects below."""
        self.gatt.call(
            call, connected=self.connected, disconnecting=self.is_disconnecting
        )

    def drop_link(self) -> None:
        """End link and attempt at once, as an adapter that loses its power."""
        self._cancel_attempt()
        if self.connected:
            self._close()

    def notified(self, data: bytes) -> None:
        """Take a notification of the peripheral."""
        self.gatt.notified(data)

    def link_lost(self) -> None:
        """Take note that the peripheral or the air broke the link."""
        self._gone()

    @property
    def _address(self) -> str:
        return self.peripheral.link.address

    @property
    def _signal(self) -> Signal:
        return self.peripheral.signal

    @property
    def _receiver(self) -> Receiver:
        return self.controller.receiver

    def _is_noticed(self) -> bool:
        return self.hears() and self.controller.hears_connectable

    def _properties(self, rssi: int | None) -> Properties:
        properties = {
            "Address": Variant("s", self._address),
            "AddressType": Variant("s", "public"),
            **self._named(),
            "Paired": Variant("b", False),
            "Bonded": Variant("b", False),
            "Trusted": Variant("b", False),
            "Blocked": Variant("b", False),
            "LegacyPairing": Variant("b", False),
            "Connected": Variant("b", False),
            "ServicesResolved": Variant("b", False),
            "Adapter": Variant("o", self.adapter_path),
            "UUIDs": Variant("as", []),
        }
        if rssi is not None:
            properties |= self._advertised()
            properties["RSSI"] = Variant("n", rssi)
        return properties

    def _remember(self, name: str | None) -> None:
        if name is not None:
            self.names[self._address] = name

    def _named(self) -> Properties:
        """Return the name; for one that was never heard BlueZ has an alias only."""
        name = self.names.get(self._address)
        if name is None:
            return {"Alias": Variant("s", self._address.replace(":", "-"))}
        return {"Name": Variant("s", name), "Alias": Variant("s", name)}

    def _advertised(self) -> Properties:
        advertisement = self.peripheral.advertisement
        return {
            "UUIDs": Variant("as", self._uuids()),
            "ManufacturerData": Variant(
                "a{qv}",
                {
                    advertisement.company_id: Variant(
                        "ay", advertisement.manufacturer_data
                    )
                },
            ),
            "AdvertisingFlags": Variant("ay", bytes((advertisement.flags,))),
        }

    def _uuids(self) -> list[str]:
        """Return the advertised services, and the resolved ones once they are known."""
        known = set(self.peripheral.advertisement.service_uuids)
        if self.gatt.exported:
            known |= set(self.gatt.service_uuids())
        return sorted(known)

    def _set(self, changed: Properties) -> None:
        self.objects.set(self.path, DEVICE, changed)

    def _restart_expiry(self) -> None:
        self.timers.cancel(self._expiry)
        self._expiry = None
        if self.temporary and not self.connected:
            self._expiry = self.timers.call_later(
                self.world.temporary_timeout, lambda: self.expired(self)
            )

    def _link_up(self) -> None:
        """Take the link from the air, or fail as a broken controller or a far link does."""
        self._attempt = None
        error = self.controller.connect_error
        if error is None and not self._receiver.connects(self._address, self._signal):
            error = ABORT_BY_LOCAL
        if error is None and self.peripheral.connect(self):
            self.connected = True
            self._set({"Connected": Variant("b", True)})
            self._answer_connect()
            self._resolution = self.timers.call_later(
                self.world.timing.service_resolution, self._resolved
            )
            self._endure()
            return
        self._failed(error or ABORT_BY_LOCAL, flickers=error == ABORT_BY_LOCAL)

    def _aborted(self, call: Call) -> None:
        """End a connect that never went on the air, unless it has ended otherwise."""
        if self._connect_call is call:
            self._failed(ABORT_BY_LOCAL, flickers=True)

    def _failed(self, error: str, *, flickers: bool) -> None:
        """Answer a connect with an error, before which the link may look made."""
        self.peripheral.statistics.failed_connects += 1
        if flickers:
            self._set({"Connected": Variant("b", True)})
            self._set({"Connected": Variant("b", False)})
        self._answer_connect(error)

    def _endure(self) -> None:
        """Let the link live as long as its strength lets it, looked at anew at times."""
        seconds = self._receiver.lasts(self._address, self._signal)
        if seconds > RECHECK_SECONDS and self._signal.spread is not None:
            self._end = self.timers.call_later(RECHECK_SECONDS, self._endure)
        elif seconds < math.inf:
            self._end = self.timers.call_later(
                seconds, lambda: self.peripheral.break_of(self)
            )

    def _not_found(self) -> None:
        self._attempt = None
        self._failed(ABORT_BY_LOCAL, flickers=False)

    def _answer_connect(self, error: str | None = None) -> None:
        call, self._connect_call = self._connect_call, None
        if call is None:
            return
        if error is None:
            call.reply()
        else:
            fail(call, error)

    def _cancel_attempt(self) -> None:
        if self._attempt is not None:
            self.queue.cancel(self._attempt)
            self._attempt = None
        self._answer_connect(CONNECTION_CANCELED)

    def _resolved(self) -> None:
        self.gatt.resolved()
        self.objects.update(self.path, DEVICE, {"UUIDs": Variant("as", self._uuids())})
        self._set({"ServicesResolved": Variant("b", True)})

    def _close(self) -> None:
        self.peripheral.disconnect(self)
        self._gone()

    def _gone(self) -> None:
        self.timers.cancel(self._resolution)
        self.timers.cancel(self._disconnection)
        self.timers.cancel(self._end)
        self._resolution = self._disconnection = None
        self.connected = False
        self.gatt.disconnected()
        self.objects.update(
            self.path, DEVICE, {"ServicesResolved": Variant("b", False)}
        )
        self._set({"Connected": Variant("b", False)})
        calls, self._disconnect_calls = self._disconnect_calls, []
        for call in calls:
            call.reply()
        self._restart_expiry()
        self.link_ended()
