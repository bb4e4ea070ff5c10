# SPDX-License-Identifier: Apache-2.0
"""The emulated Bluetooth world as one object on the running event loop."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from types import MappingProxyType, TracebackType
from typing import Any, Self

from .adapter import LocalAdapter
from .bad_cable import part_carried
from .bluez import Bluetoothd
from .bluez_names import DEVICE
from .bus import PrivateBus
from .control import ControlService
from .controller import Controller
from .dbus_service import Call
from .devices import devices_of
from .fault_switches import FaultSwitches
from .faults import ActiveFault, FaultError, Scope, activate
from .peripheral import Peripheral
from .radio import Receiver
from .statistics import LinkStatistics
from .timers import Timers
from .world import ADAPTER_NAME, Adapter, Link, World

type Listener = Callable[[Peripheral, int], None]


class EmulatedWorld:
    """org.bluez on a private bus, the radios below it and the peripherals around.

    Use as `async with EmulatedWorld(world, bus) as emulated:` or with `start` and
    `stop`; after `stop` no task, timer or connection is left. The bus must have been
    started and is left running. Everything happens on the event loop of `start`.
    """

    def __init__(self, world: World, bus: PrivateBus, *, age: float = 0.0) -> None:
        """Take what the world is like, the bus it lives on, and how old it is by then."""
        self.world = world
        self.bus = bus
        self._age = age
        self._listeners: list[Listener] = []

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        await self.stop()

    async def start(self) -> None:
        """Own org.bluez and begin to advertise.

        Raises `BusError` when somebody else owns it and `OSError` without a bus.
        """
        self._timers = Timers()
        self._faults = FaultSwitches(self, self._timers)
        self._began = self._timers.now() - self._age
        self._controllers = [
            self._new_controller(adapter) for adapter in self.world.adapters
        ]
        self._storage: dict[str, dict[str, Peripheral]] = {
            adapter.address: {} for adapter in self.world.adapters
        }
        self._names: dict[str, dict[str, str]] = {
            adapter.address: {} for adapter in self.world.adapters
        }
        self.peripherals = {
            link.address: Peripheral(
                link,
                devices_of(
                    link,
                    self.world.solar_day,
                    self.age,
                    partial(self._part_carried, link),
                ),
                self.world,
                self._timers,
                self.active_faults,
                self.advertised,
            )
            for link in self.world.links
        }
        self._bluetoothd: Bluetoothd | None = None
        self._control = ControlService(self.bus, self)
        try:
            await self.start_bluetoothd()
            await self._control.start()
        except BaseException:
            await self.stop()
            raise
        for peripheral in self.peripherals.values():
            peripheral.start()

    async def stop(self) -> None:
        """Let go of everything; the bus itself stays as it is."""
        await self._timers.stop()
        self._faults.forget_all()
        await self._control.stop()
        await self.stop_bluetoothd(gracefully=True)
        await self._timers.stop()

    def receiver(self, address: str, attenuation: float) -> Receiver:
        """Return the ears of a radio, of an adapter or of a proxy, at its place."""
        return Receiver(self.world.seed, address, attenuation, self._timers.now)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Hand every advertisement on before any radio lost it; returns how to end."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def age(self) -> float:
        """Return how long ago the world began, in seconds."""
        return self._timers.now() - self._began

    def peripheral(self, address: str) -> Peripheral:
        """Return a link's peripheral; raises `KeyError`."""
        return self.peripherals[address]

    def adapter(self, name_or_address: str | None = None) -> LocalAdapter:
        """Return an adapter, the first one by default; raises `KeyError`.

        What it returns is over when the adapter goes or bluetoothd ends.
        """
        for controller in self._controllers:
            adapter = self.adapter_of(controller)
            known = (None, controller.name, controller.specification.address)
            if adapter is not None and name_or_address in known:
                return adapter
        raise KeyError(name_or_address)

    def statistics(self) -> dict[str, LinkStatistics]:
        """Return the counters of every link, by address."""
        return {
            address: peripheral.statistics
            for address, peripheral in self.peripherals.items()
        }

    def active_faults(self) -> Collection[ActiveFault]:
        """Return the faults that are on."""
        return self._faults.active

    async def set_fault(self, name: str, **values: Any) -> ActiveFault:
        """Switch a fault on, in place of one of that name on the same target.

        Returns when it has begun. Raises `FaultError` for what cannot be.
        """
        return await self._faults.set(self._resolved(activate(name, values)))

    async def clear_fault(self, name: str) -> None:
        """Switch off every fault of a name; one that is not on is fine.

        Raises `FaultError` for a name that does not exist.
        """
        activate(name, {})
        await self._faults.clear(name)

    async def clear_faults(self) -> None:
        """Switch off every fault, the latest first."""
        await self._faults.clear_all()

    async def fault_ended(self, fault: ActiveFault) -> None:
        """Wait until a fault is over."""
        await self._faults.ended(fault)

    # What fault effects act on.

    def controller_of(self, fault: ActiveFault) -> Controller:
        """Return the controller that an adapter fault names."""
        return self._controller(fault.values["adapter"], fault.name)

    def adapter_of(self, controller: Controller) -> LocalAdapter | None:
        """Return a controller's adapter, None while bluetoothd does not show it."""
        if self._bluetoothd is None:
            return None
        return self._bluetoothd.adapters.get(controller.name)

    def peripherals_of(self, fault: ActiveFault) -> list[Peripheral]:
        """Return the peripherals that a link fault falls on."""
        return [
            peripheral
            for address, peripheral in self.peripherals.items()
            if fault.falls_on_link(address)
        ]

    def plug_in(self, controller: Controller) -> None:
        """Let a controller come back, powered as bluetoothd's AutoEnable does."""
        if controller.plugged:
            return
        controller.plugged = True
        controller.power_on()
        if self._bluetoothd is not None:
            self._bluetoothd.add_adapter(
                self._new_adapter(self._bluetoothd, controller)
            )

    def pull_out(self, controller: Controller) -> None:
        """Let a controller go, its power too."""
        adapter = self.adapter_of(controller)
        controller.plugged = False
        if adapter is not None and self._bluetoothd is not None:
            self._bluetoothd.remove_adapter(adapter)
        controller.power_off()

    def is_free(self, name: str) -> bool:
        """Tell whether this can be an adapter's new hci name."""
        taken = {controller.name for controller in self._controllers}
        return ADAPTER_NAME.fullmatch(name) is not None and name not in taken

    def free_name(self) -> str:
        """Return the lowest hci name that no controller has."""
        return next(name for name in map("hci{}".format, count()) if self.is_free(name))

    def add_twin(self, controller: Controller) -> None:
        """Plug a second controller with the same address in."""
        adapter = replace(controller.specification, name=self.free_name())
        twin = self._new_controller(adapter)
        self._controllers.append(twin)
        if self._bluetoothd is not None:
            self._bluetoothd.add_adapter(self._new_adapter(self._bluetoothd, twin))

    def remove_twins(self, controller: Controller) -> None:
        """Take the other controllers with this address away."""
        for twin in list(self._controllers):
            address = controller.specification.address
            if twin is not controller and twin.specification.address == address:
                self.pull_out(twin)
                self._controllers.remove(twin)

    async def stop_bluetoothd(self, *, gracefully: bool) -> None:
        """Stop bluetoothd, if it runs."""
        bluetoothd, self._bluetoothd = self._bluetoothd, None
        if bluetoothd is None:
            return
        if gracefully:
            await bluetoothd.stop()
        else:
            await bluetoothd.kill()

    async def start_bluetoothd(self) -> None:
        """Start bluetoothd, if it does not run."""
        if self._bluetoothd is not None or not self.bus.is_running:
            return
        for controller in self._controllers:
            controller.reset_scan()
        bluetoothd = Bluetoothd(self.bus.address, self._is_denied)
        await bluetoothd.start(self._new_adapters)
        self._bluetoothd = bluetoothd

    def hang_bluetoothd(self, *, hung: bool) -> None:
        """Stop bluetoothd in its tracks, or let it go on."""
        if self._bluetoothd is None:
            return
        if hung:
            self._bluetoothd.hang()
        else:
            self._bluetoothd.resume()

    async def stop_bus(self) -> None:
        """Kill the bus, and with it what lives on it."""
        await self.stop_bluetoothd(gracefully=False)
        await self._control.leave()
        self.bus.kill()

    async def start_bus(self) -> None:
        """Start the bus and what lives on it."""
        self.bus.start()
        await self.start_bluetoothd()
        await self._control.start()

    def _new_controller(self, adapter: Adapter) -> Controller:
        return Controller(
            adapter,
            self.world.timing,
            self._timers,
            self.active_faults,
            self._faults.power_changed,
            self.receiver(adapter.address, adapter.attenuation),
        )

    def _part_carried(self, link: Link, unit: int) -> float:
        return part_carried(link, unit, self.active_faults())

    def _link_ended(self) -> None:
        """Tell the faults, unless the link ended because bluetoothd did."""
        if self._bluetoothd is not None:
            self._faults.link_ended()

    def _is_denied(self, call: Call) -> bool:
        return (call.interface, call.member) == (DEVICE, "Connect") and any(
            fault.name == "connect-denied" for fault in self.active_faults()
        )

    def _new_adapters(self, bluetoothd: Bluetoothd) -> Iterator[LocalAdapter]:
        for controller in self._controllers:
            if controller.plugged:
                yield self._new_adapter(bluetoothd, controller)

    def _new_adapter(
        self, bluetoothd: Bluetoothd, controller: Controller
    ) -> LocalAdapter:
        return LocalAdapter(
            world=self.world,
            controller=controller,
            objects=bluetoothd.objects,
            timers=self._timers,
            stored=self._storage[controller.specification.address],
            names=self._names[controller.specification.address],
            call_client=bluetoothd.call_client,
            send=bluetoothd.send,
            link_ended=self._link_ended,
        )

    def advertised(self, peripheral: Peripheral, swing: int) -> None:
        """Let an advertisement be heard."""
        if self._bluetoothd is not None:
            self._bluetoothd.advertised(peripheral, swing)
        for listener in list(self._listeners):
            listener(peripheral, swing)

    def _controller(self, wanted: Any, fault_name: str) -> Controller:
        for controller in self._controllers:
            if wanted in (None, controller.name, controller.specification.address):
                return controller
        raise FaultError(f"{fault_name}.adapter: there is no {wanted}")

    def _resolved(self, fault: ActiveFault) -> ActiveFault:
        """Return the fault with its target's address; raises `FaultError`."""
        values = dict(fault.values)
        if fault.fault.scope is Scope.ADAPTER:
            controller = self._controller(values["adapter"], fault.name)
            values["adapter"] = controller.specification.address
        if "link" in values and values["link"] not in {None, *self.peripherals}:
            raise FaultError(f"{fault.name}.link: there is no {values['link']}")
        return replace(fault, values=MappingProxyType(values))
