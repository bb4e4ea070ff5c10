# SPDX-License-Identifier: Apache-2.0
"""What each fault does when it begins and when it ends.

Most faults need nothing here: controller, peripheral and line look at what is active
whenever it matters. This is about those that are an event.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Protocol

from .adapter import LocalAdapter
from .controller import Controller
from .faults import ActiveFault, FaultError
from .peripheral import Peripheral


class Target(Protocol):
    """What faults act on: the running world."""

    def controller_of(self, fault: ActiveFault) -> Controller:
        """Return the controller that an adapter fault names."""

    def adapter_of(self, controller: Controller) -> LocalAdapter | None:
        """Return a controller's adapter, None while bluetoothd does not show it."""

    def peripherals_of(self, fault: ActiveFault) -> list[Peripheral]:
        """Return the peripherals that a link fault falls on."""

    def plug_in(self, controller: Controller) -> None:
        """Let a controller come back."""

    def pull_out(self, controller: Controller) -> None:
        """Let a controller go."""

    def is_free(self, name: str) -> bool:
        """Tell whether no controller has this hci name."""

    def free_name(self) -> str:
        """Return the lowest hci name that no controller has."""

    def add_twin(self, controller: Controller) -> None:
        """Plug a second controller with the same address in."""

    def remove_twins(self, controller: Controller) -> None:
        """Take the other controllers with this address away."""

    async def stop_bluetoothd(self, *, gracefully: bool) -> None:
        """Stop bluetoothd."""

    async def start_bluetoothd(self) -> None:
        """Start bluetoothd."""

    def hang_bluetoothd(self, *, hung: bool) -> None:
        """Stop bluetoothd in its tracks, or let it go on."""

    async def stop_bus(self) -> None:
        """Kill the bus, and with it what lives on it."""

    async def start_bus(self) -> None:
        """Start the bus and what lives on it."""


type Beginning = Callable[[Target, ActiveFault], Awaitable[float | None]]
type End = Callable[[Target, ActiveFault], Coroutine[None, None, None]]


class Occasion(Enum):
    """When a fault strikes again: EVERY so many seconds, at once the first time."""

    EVERY = "every"
    POWERED_ON = "powered on"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class Effect:
    """What happens at a fault's beginning and end.

    A beginning returns after how many seconds the fault is to end, None for one that
    something else ends. Until then `again` happens on each `occasion`.
    """

    begin: Beginning
    end: End
    again: End | None = None
    occasion: Occasion = Occasion.EVERY


async def _nothing(target: Target, fault: ActiveFault) -> None:
    """Do nothing."""


async def _power_off(target: Target, fault: ActiveFault) -> None:
    controller = target.controller_of(fault)
    adapter = target.adapter_of(controller)
    if adapter is None:
        controller.power_off()
    elif controller.powered:
        adapter.lose_power()


async def _power_cycle(target: Target, fault: ActiveFault) -> float:
    await _power_off(target, fault)
    await _power_on(target, fault)
    return 0.0


async def _power_on(target: Target, fault: ActiveFault) -> None:
    controller = target.controller_of(fault)
    adapter = target.adapter_of(controller)
    if controller.powered or controller.blocked:
        return
    if adapter is None:
        controller.power_on()
    else:
        adapter.get_power()


async def _unplug(target: Target, fault: ActiveFault) -> float | None:
    controller = target.controller_of(fault)
    _check_name(target, fault)
    target.pull_out(controller)
    if fault.values["to"]:
        controller.name = fault.text("to")
    return fault.number("seconds") or None


def _check_name(target: Target, fault: ActiveFault) -> None:
    if fault.values["to"] and not target.is_free(fault.text("to")):
        name = f"{fault.name}.to: {fault.text('to')}"
        raise FaultError(f"{name} is not free or no adapter's name")


async def _plug(target: Target, fault: ActiveFault) -> None:
    target.plug_in(target.controller_of(fault))


async def _renumber(target: Target, fault: ActiveFault) -> float:
    controller = target.controller_of(fault)
    _check_name(target, fault)
    target.pull_out(controller)
    controller.name = fault.text("to")
    return fault.number("seconds")


async def _drop(target: Target, fault: ActiveFault) -> None:
    """Drop off USB, and return after a while, at times under another number."""
    controller = target.controller_of(fault)
    target.pull_out(controller)
    await asyncio.sleep(fault.number("seconds"))
    renumbers = fault.integer("renumbers")
    controller.returns += 1
    if renumbers and controller.returns % renumbers == 0:
        controller.name = target.free_name()
    target.plug_in(controller)


async def _forget_adapter(target: Target, fault: ActiveFault) -> None:
    """Start bluetoothd anew on a system that does not know the adapter any more."""
    controller = target.controller_of(fault)
    await target.stop_bluetoothd(gracefully=True)
    target.pull_out(controller)
    await target.start_bluetoothd()


async def _add_twin(target: Target, fault: ActiveFault) -> None:
    target.add_twin(target.controller_of(fault))


async def _remove_twin(target: Target, fault: ActiveFault) -> None:
    target.remove_twins(target.controller_of(fault))


async def _off_and_on(target: Target, fault: ActiveFault) -> None:
    await _power_off(target, fault)
    await asyncio.sleep(fault.number("seconds"))
    await _power_on(target, fault)


async def _power_off_soon(target: Target, fault: ActiveFault) -> None:
    if seconds := fault.number("again"):
        await asyncio.sleep(seconds)
        await _power_off(target, fault)


async def _show_discovering(target: Target, fault: ActiveFault) -> None:
    adapter = target.adapter_of(target.controller_of(fault))
    if adapter is not None:
        adapter.show_discovering()


async def _crash(target: Target, fault: ActiveFault) -> None:
    await target.stop_bluetoothd(gracefully=False)
    await asyncio.sleep(fault.number("seconds"))
    await target.start_bluetoothd()


async def _kill_bluetoothd(target: Target, fault: ActiveFault) -> float:
    await target.stop_bluetoothd(gracefully=False)
    return fault.number("seconds")


async def _end_bluetoothd(target: Target, fault: ActiveFault) -> float:
    await target.stop_bluetoothd(gracefully=True)
    return fault.number("seconds")


async def _start_bluetoothd(target: Target, fault: ActiveFault) -> None:
    await target.start_bluetoothd()


async def _hang(target: Target, fault: ActiveFault) -> None:
    target.hang_bluetoothd(hung=True)


async def _resume(target: Target, fault: ActiveFault) -> None:
    target.hang_bluetoothd(hung=False)


async def _kill_bus(target: Target, fault: ActiveFault) -> float:
    await target.stop_bus()
    return fault.number("seconds")


async def _start_bus(target: Target, fault: ActiveFault) -> None:
    await target.start_bus()


async def _break_links(target: Target, fault: ActiveFault) -> None:
    for peripheral in target.peripherals_of(fault):
        peripheral.break_link()


NO_EFFECT = Effect(_nothing, _nothing)

EFFECTS: Mapping[str, Effect] = MappingProxyType(
    {
        "scan-session-lost": Effect(_power_cycle, _nothing),
        "bluetoothd-restart": Effect(_kill_bluetoothd, _start_bluetoothd),
        "bluetoothd-graceful-restart": Effect(_end_bluetoothd, _start_bluetoothd),
        "bluetoothd-hung": Effect(_hang, _resume),
        "bus-restart": Effect(_kill_bus, _start_bus),
        "renumbered": Effect(_renumber, _plug),
        "powered-off": Effect(_power_off, _power_on),
        "rfkill-blocked": Effect(_power_off, _power_on),
        "unplugged": Effect(_unplug, _plug),
        "out-of-range": Effect(_break_links, _nothing),
        "weak-signal": Effect(_break_links, _nothing),
        "discovery-deaf": Effect(_show_discovering, _show_discovering),
        "usb-drops": Effect(_nothing, _plug, _drop),
        "adapter-gone": Effect(_forget_adapter, _plug),
        "twin-address": Effect(_add_twin, _remove_twin),
        "foreign-power-cycles": Effect(_nothing, _power_on, _off_and_on),
        "foreign-power-off": Effect(
            _power_off, _power_on, _power_off_soon, Occasion.POWERED_ON
        ),
        "bluetoothd-crash-loop": Effect(_nothing, _start_bluetoothd, _crash),
        "bluetoothd-crashes-at-disconnect": Effect(
            _nothing, _start_bluetoothd, _crash, Occasion.DISCONNECTED
        ),
    }
)
