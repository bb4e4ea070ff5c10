# SPDX-License-Identifier: Apache-2.0
"""One local adapter as bluetoothd shows it: org.bluez.Adapter1 (BlueZ's src/adapter.c)."""

from collections.abc import Callable
from dataclasses import dataclass, field

from dbus_fast import Variant

from .bluez_names import (
    ADAPTER,
    DEVICE,
    GATT_CHARACTERISTIC,
    GATT_DESCRIPTOR,
    MONITOR_MANAGER,
    ROOT,
    does_not_exist,
    fail,
    invalid_arguments,
    not_ready,
)
from .connecting import ConnectQueue
from .controller import Controller
from .dbus_service import (
    PROPERTY_READ_ONLY,
    Call,
    Interfaces,
    ManagedObjects,
    Properties,
    Send,
)
from .device import Device
from .discovery import DiscoverySessions
from .monitors import AdvertisementMonitors, CallClient
from .peripheral import Peripheral
from .rival import RivalClient
from .timers import Timers
from .world import World

_SETTABLE = {
    "Alias": "s",
    "Discoverable": "b",
    "DiscoverableTimeout": "u",
    "Pairable": "b",
    "PairableTimeout": "u",
}
_GATT_INTERFACES = {GATT_CHARACTERISTIC, GATT_DESCRIPTOR}


@dataclass(slots=True, eq=False)
class LocalAdapter:
    """One adapter of a running bluetoothd.

    `stored` holds the addresses of the peripherals that bluetoothd keeps for good,
    because a connect was asked for, `names` the names of all that it ever heard; both
    outlive this object, as bluetoothd's storage does.
    """

    world: World
    controller: Controller
    objects: ManagedObjects
    timers: Timers
    stored: dict[str, Peripheral]
    names: dict[str, str]
    call_client: CallClient
    send: Send
    link_ended: Callable[[], None]
    path: str = field(init=False)
    sessions: DiscoverySessions = field(init=False)
    monitors: AdvertisementMonitors = field(init=False)
    _queue: ConnectQueue = field(init=False)
    _rival: RivalClient = field(init=False)
    _devices: dict[str, Device] = field(default_factory=dict)
    _power_pending: bool = False
    _passive_scan_lost: bool = False

    def __post_init__(self) -> None:
        """Derive the path and set up sessions, monitors and connects."""
        self.path = f"{ROOT}/{self.controller.name}"
        self.sessions = DiscoverySessions(
            self.controller, self._discovering_changed, self._discovery_ended
        )
        self.monitors = AdvertisementMonitors(self.timers, self.call_client, self.send)
        self._queue = ConnectQueue(self.world.timing, self.timers)
        self._rival = RivalClient(self.path, self.sessions, self.timers)

    @property
    def name(self) -> str:
        """Return the hci name."""
        return self.path.removeprefix(f"{ROOT}/")

    def appear(self) -> None:
        """Add the adapter's object and those of the devices that are stored."""
        interfaces: Interfaces = {ADAPTER: self._properties()}
        if self.world.advertisement_monitor:
            interfaces[MONITOR_MANAGER] = {
                "SupportedMonitorTypes": Variant("as", ["or_patterns"]),
                "SupportedFeatures": Variant("as", []),
            }
        self.objects.add(self.path, interfaces)
        for peripheral in self.stored.values():
            device = self._new_device(peripheral)
            device.temporary = False
            device.appear(None)

    def disappear(self) -> None:
        """Remove everything of this adapter from the bus."""
        self._release()
        for device in list(self._devices.values()):
            device.disappear()
        self._devices.clear()
        self.objects.remove(self.path)

    def _release(self) -> None:
        self._rival.leave()
        self.sessions.drop_all()
        self.monitors.drop_all()

    def hears(self, peripheral: Peripheral) -> bool:
        """Tell whether advertisements of a peripheral get through to this adapter."""
        return self._listens and self.controller.receiver.reaches(
            peripheral.link.address, peripheral.signal
        )

    @property
    def _listens(self) -> bool:
        return self.controller.powered and not self.controller.deaf

    @property
    def _scans_actively(self) -> bool:
        return self.sessions.discovering and self.controller.is_scanning

    def advertised(self, peripheral: Peripheral, swing: int) -> None:
        """Take an advertisement from the air, if it is not lost there."""
        receiver, address = self.controller.receiver, peripheral.link.address
        if not self._listens:
            return
        strength = receiver.hears(address, peripheral.signal, swing)
        if strength is None:
            return
        if self.controller.hears_connectable:
            self._queue.advertised(peripheral)
        advertisement = peripheral.advertisement
        monitored = not self._passive_scan_lost and self.monitors.matches(advertisement)
        scanned = self._scans_actively and self.sessions.admits(
            advertisement.service_uuids, strength
        )
        if not scanned and not monitored:
            return
        name = advertisement.heard_name(
            actively=self._scans_actively and receiver.hears_response(address, strength)
        )
        device = self._devices.get(address)
        if device is None:
            device = self._new_device(peripheral)
            device.appear(strength, name)
        else:
            device.heard(strength, name, duplicates=self.sessions.wants_duplicates)
        if monitored:
            self.monitors.device_found(advertisement, device.path)

    def call(self, call: Call) -> bool:
        """Answer a call to the adapter or an object below it; False if there is none."""
        device = next(
            (
                device
                for device in self._devices.values()
                if call.path == device.path or call.path.startswith(f"{device.path}/")
            ),
            None,
        )
        if call.interface in _GATT_INTERFACES and device is not None:
            device.gatt_call(call)
            return True
        handler = self._handlers(device).get(
            (call.interface, call.member, call.signature)
        )
        if handler is None:
            return False
        handler(call)
        return True

    def _handlers(
        self, device: Device | None
    ) -> dict[tuple[str, str, str], Callable[[Call], None]]:
        if device is not None:
            return {
                (DEVICE, "Connect", ""): lambda call: self._connect(device, call),
                (DEVICE, "Disconnect", ""): device.disconnect,
            }
        return {
            (ADAPTER, "StartDiscovery", ""): self._start_discovery,
            (ADAPTER, "StopDiscovery", ""): self.sessions.stop,
            (ADAPTER, "SetDiscoveryFilter", "a{sv}"): self.sessions.set_filter,
            (ADAPTER, "GetDiscoveryFilters", ""): _get_discovery_filters,
            (ADAPTER, "RemoveDevice", "o"): self._remove_device,
            (MONITOR_MANAGER, "RegisterMonitor", "o"): self.monitors.register,
            (MONITOR_MANAGER, "UnregisterMonitor", "o"): self.monitors.unregister,
        }

    def set_property(self, call: Call) -> None:
        """Answer Properties.Set on the adapter."""
        _, name, variant = call.body
        if name == "Powered" and variant.signature == "b":
            self._set_powered(call, on=variant.value)
        elif _SETTABLE.get(name) == variant.signature:
            self._set({name: variant})
            call.reply()
        elif name in self._properties():
            call.error(PROPERTY_READ_ONLY, f"Property '{name}' is not writable")
        else:
            invalid_arguments(call)

    def sender_left(self, sender: str) -> None:
        """Free what a client had that left the bus."""
        self.sessions.sender_left(sender)
        self.monitors.sender_left(sender)
        for device in self._devices.values():
            device.gatt.sender_left(sender)

    def lose_power(self) -> None:
        """Go off at once, as bluetoothd shows it (settings_changed, adapter_stop).

        Seen with Linux 7.2 and BlueZ 5.87: when that ends a discovery, the kernel does not
        scan for monitors any more until the power has gone off and on once more.
        """
        self._passive_scan_lost = self.sessions.discovering
        self._remove_temporary()
        self.controller.power_off()
        self._set({"Powered": Variant("b", False)})
        self._rival.leave()
        self.sessions.drop_all()
        for device in self._devices.values():
            device.forget_strength()
            device.drop_link()
        self._set({"Powered": Variant("b", False)})
        self._set_power_state("off-blocked" if self.controller.blocked else "off")

    def get_power(self) -> None:
        """Go on at once."""
        self._set_power_state("off-enabling")
        self.controller.power_on()
        self._set({"Powered": Variant("b", True)})
        self._set_power_state("on")

    def _properties(self) -> Properties:
        powered = self.controller.powered
        state = "on" if powered else "off"
        return {
            "Address": Variant("s", self.controller.specification.address),
            "AddressType": Variant("s", "public"),
            "Name": Variant("s", "homeassistant"),
            "Alias": Variant("s", "homeassistant"),
            "Class": Variant("u", 0),
            "Powered": Variant("b", powered),
            "PowerState": Variant(
                "s", "off-blocked" if self.controller.blocked else state
            ),
            "Discoverable": Variant("b", False),
            "DiscoverableTimeout": Variant("u", 180),
            "Pairable": Variant("b", False),
            "PairableTimeout": Variant("u", 0),
            "Discovering": Variant("b", self._shown(self.sessions.discovering)),
            "UUIDs": Variant("as", []),
            "Modalias": Variant("s", "usb:v1D6Bp0246d0557"),
            "Roles": Variant("as", ["central", "peripheral"]),
            "Manufacturer": Variant("q", 305),
            "Version": Variant("y", 9),
        }

    def _set(self, changed: Properties) -> None:
        self.objects.set(self.path, ADAPTER, changed)

    def _set_power_state(self, state: str) -> None:
        self.objects.update(self.path, ADAPTER, {"PowerState": Variant("s", state)})

    def show_discovering(self) -> None:
        """Signal Discovering if it differs from what was last told."""
        shown = self._shown(self.sessions.discovering)
        self.objects.update(self.path, ADAPTER, {"Discovering": Variant("b", shown)})

    def _shown(self, discovering: bool) -> bool:
        return discovering and not self.controller.hides_discovering

    def _discovering_changed(self, discovering: bool) -> None:
        if self.controller.hides_discovering:
            self.show_discovering()
        else:
            self._set({"Discovering": Variant("b", discovering)})

    def _discovery_ended(self) -> None:
        for device in self._devices.values():
            device.forget_strength()

    def _new_device(self, peripheral: Peripheral) -> Device:
        device = Device(
            adapter_path=self.path,
            peripheral=peripheral,
            world=self.world,
            objects=self.objects,
            timers=self.timers,
            queue=self._queue,
            controller=self.controller,
            hears=lambda: self.hears(peripheral),
            names=self.names,
            link_ended=self.link_ended,
            expired=self._forget,
        )
        self._devices[peripheral.link.address] = device
        return device

    def _start_discovery(self, call: Call) -> None:
        self.sessions.start(call)
        if self.controller.contended and self.sessions.has_waiting_client:
            self._rival.start()

    def _connect(self, device: Device, call: Call) -> None:
        device.connect(call)
        if not device.temporary:
            link = device.peripheral.link
            self.stored[link.address] = device.peripheral

    def _remove_device(self, call: Call) -> None:
        path = call.body[0]
        device = next((d for d in self._devices.values() if d.path == path), None)
        if device is None:
            does_not_exist(call)
        elif not self.controller.powered:
            not_ready(call)
        else:
            self.stored.pop(device.peripheral.link.address, None)
            self._forget(device)
            call.reply()

    def _forget(self, device: Device) -> None:
        del self._devices[device.peripheral.link.address]
        self.monitors.device_lost(device.path)
        device.disappear()

    def _remove_temporary(self) -> None:
        for device in [d for d in self._devices.values() if d.temporary]:
            self._forget(device)

    def _set_powered(self, call: Call, *, on: bool) -> None:
        if self._power_pending:
            call.error("org.bluez.Error.Busy", "")
        elif on == self.controller.powered:
            call.reply()
        elif self.controller.blocked:
            call.error("org.bluez.Error.Blocked", "Blocked through rfkill")
        else:
            self._power_pending = True
            if not on:
                self._remove_temporary()
            self._set_power_state("off-enabling" if on else "on-disabling")
            self.timers.call_later(
                self.world.timing.power, lambda: self._power_done(call, on=on)
            )

    def _power_done(self, call: Call, *, on: bool) -> None:
        self._power_pending = False
        if self.controller.refuses_power or self.controller.blocked:
            state = "on" if self.controller.powered else "off"
            self._set_power_state(state)
            fail(call, "Failed")
            return
        if on:
            self.get_power()
        else:
            self.lose_power()
        call.reply()


def _get_discovery_filters(call: Call) -> None:
    call.reply(
        "as",
        ["UUIDs", "RSSI", "Pathloss", "Transport", "DuplicateData", "Discoverable"],
    )
