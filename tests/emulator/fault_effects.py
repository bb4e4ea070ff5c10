"""What each fault does when it begins and when it ends.

Most faults need nothing here: controller, peripheral and line look at what is active
whenever it matters. This is about those that are an event.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
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
type End = Callable[[Target, ActiveFault], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Effect:
    """What happens at a fault's beginning and end.

    A beginning returns after how many seconds the fault is to end, None for one that
    something else ends.
    """

    begin: Beginning
    end: End


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
    target.pull_out(target.controller_of(fault))
    return fault.number("seconds") or None


async def _plug(target: Target, fault: ActiveFault) -> None:
    target.plug_in(target.controller_of(fault))


async def _renumber(target: Target, fault: ActiveFault) -> float:
    controller, name = target.controller_of(fault), fault.text("to")
    if not target.is_free(name):
        raise FaultError(f"renumbered.to: {name} is not free or no adapter's name")
    target.pull_out(controller)
    controller.name = name
    return fault.number("seconds")


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
    }
)
