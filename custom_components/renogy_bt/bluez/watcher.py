# SPDX-License-Identifier: Apache-2.0
"""Watches bluetoothd over its own connection to the system bus.

Facts on the interfaces: BlueZ, doc/org.bluez.Adapter.rst and src/adapter.c.
"""

import asyncio
from collections.abc import Callable, Mapping
import logging
import time
from typing import Any, Final

from .adapter_objects import (
    ADAPTER_INTERFACE,
    DEVICE_INTERFACE,
    AdapterObjects,
    connected_devices,
)
from .bluetoothd import Answers, Owner
from .exceptions import AccessDenied, BlueZError, BusUnavailable, CallTimedOut
from .models import AdapterObject, BusFault, BusSample
from .system_bus import CALL_LIMIT, DBUS, Signal, SystemBus, first, variant

_LOGGER = logging.getLogger(__name__)

FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 300.0
STABLE_AFTER: Final = 60.0
"""After a connection that lasted so long, the first pause is short again, s."""

BLUEZ: Final = "org.bluez"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER: Final = "org.freedesktop.DBus.ObjectManager"
WATCHED_INDEXES: Final = 8
ADVERTISED: Final = frozenset({"RSSI", "ManufacturerData", "ServiceData"})
"""Properties of a device that change with its advertisements."""

MATCH_RULES: Final = (
    f"type='signal',sender='{DBUS}',interface='{DBUS}',member='NameOwnerChanged',arg0='{BLUEZ}'",
    # Only changes of adapters: without arg0 the bus would send every change of every device.
    f"type='signal',sender='{BLUEZ}',interface='{PROPERTIES}',member='PropertiesChanged',"
    f"path_namespace='/org/bluez',arg0='{ADAPTER_INTERFACE}'",
    *(
        f"type='signal',sender='{BLUEZ}',interface='{OBJECT_MANAGER}',member='{member}',"
        f"arg0path='/org/bluez/hci{index}'"
        for member in ("InterfacesAdded", "InterfacesRemoved")
        for index in range(WATCHED_INDEXES)
    ),
)


class BlueZWatcher:
    """A view of bluetoothd that reconnects by itself; every call has a limit.

    It never starts bluetoothd: it calls the owner of org.bluez by its unique name, and only
    while there is an owner.
    """

    def __init__(
        self,
        on_change: Callable[[], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        bus_address: str | None = None,
    ) -> None:
        """Prepare a watcher; nothing is connected before `start`.

        `on_change` is called in the event loop when something that a sample shows has changed.
        `bus_address` is for tests; the default is the system bus.
        """
        self._on_change = on_change
        self._clock = clock
        self._bus_address = bus_address
        self._bus: SystemBus | None = None
        self._fault: BusFault | None = None
        self._owner = Owner()
        self._objects = AdapterObjects()
        self._known = False
        self._looked = False
        self._answers = Answers()
        self._device_signals: dict[str, int] = {}
        self._runner: asyncio.Task[None] | None = None
        self._question: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start watching in the background."""
        if self._runner is None:
            self._runner = asyncio.create_task(self._run(), name="watch bluetoothd")

    async def stop(self) -> None:
        """Stop watching and close the connection."""
        tasks = [task for task in (self._runner, self._question) if task is not None]
        self._runner = self._question = None
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._close()

    def sample(self) -> BusSample:
        """Return what is known now of the bus and of bluetoothd."""
        connected = self._bus is not None and self._bus.connected
        return BusSample(
            connected=connected,
            fault=None if connected else self._fault,
            owner=self._owner.name,
            owner_changed_at=self._owner.changed_at,
            known=self._known,
            unanswered=self._answers.unanswered,
            unanswered_since=self._answers.since,
        )

    def adapters(self) -> Mapping[str, AdapterObject]:
        """Return the adapters by address, as they were last known."""
        return self._objects.by_address()

    def adapters_at(self, address: str) -> tuple[AdapterObject, ...]:
        """Return the adapters with an address, in the order of their numbers."""
        return self._objects.at_address(address)

    @property
    def has_zeroed_adapter(self) -> bool:
        """Whether there is an adapter without an address."""
        return self._objects.has_zeroed

    async def ping(self) -> None:
        """Ask bluetoothd a small question, to see whether it answers.

        A question without an answer stays open, so that a late answer is noticed. Until then
        no further question is asked.
        """
        question = self._ask()
        if question is None:
            return
        asked_at = self._clock()
        _, still_open = await asyncio.wait({question}, timeout=CALL_LIMIT)
        if still_open and question is self._question:
            self._answers.missed(asked_at)
            self._on_change()

    async def set_powered(self, path: str, powered: bool) -> None:
        """Switch an adapter on or off, and return when bluetoothd has done it.

        Raises a BlueZError: Blocked (rfkill), NotReady, Busy, AccessDenied (policy, AppArmor),
        CallTimedOut, AdapterGone, BusUnavailable, or BlueZError itself for any other refusal.
        """
        value = variant("b", powered)
        await self._call(
            path, PROPERTIES, "Set", "ssv", [ADAPTER_INTERFACE, "Powered", value]
        )

    async def connected_devices(self, path: str) -> frozenset[str]:
        """Return the addresses that an adapter is connected to, whoever connected them."""
        reply = await self._call("/", OBJECT_MANAGER, "GetManagedObjects")
        return connected_devices(first(reply), path)

    async def count_device_signals(self, path: str, seconds: float) -> int:
        """Count the advertisements that bluetoothd reports for an adapter.

        The bus sends all signals of all devices meanwhile, so keep this short and rare.
        """
        bus = self._connected_bus()
        rule = (
            f"type='signal',sender='{BLUEZ}',interface='{PROPERTIES}',"
            f"path_namespace='{path}',arg0='{DEVICE_INTERFACE}'"
        )
        self._device_signals[path] = 0
        try:
            await bus.call_bus("AddMatch", rule)
            try:
                await asyncio.sleep(seconds)
            finally:
                await bus.call_bus("RemoveMatch", rule)
            return self._device_signals[path]
        finally:
            self._device_signals.pop(path, None)

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            connected_at = self._clock()
            try:
                await self._connect()
                if self._bus is not None:
                    await self._bus.closed()
            except BlueZError as error:
                self._fault = _bus_fault(error)
                _LOGGER.debug("The system bus cannot be watched: %s", error)
            self._lose_connection()
            if self._clock() - connected_at >= STABLE_AFTER:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _connect(self) -> None:
        bus = await SystemBus.open(self._bus_address)
        bus.listen(self._on_signal)
        self._bus = bus
        for rule in MATCH_RULES:
            await bus.call_bus("AddMatch", rule)
        self._owner.on_bus(first(await bus.call_bus("GetId")))
        owner = await _name_owner(bus)
        self._fault = None
        self._owner.update(owner, self._clock())
        self._take_owner()

    def _lose_connection(self) -> None:
        self._close()
        self._owner.name = None
        self._known = False
        self._answers.came()
        self._cancel_question()
        self._on_change()

    def _close(self) -> None:
        bus, self._bus = self._bus, None
        if bus is not None:
            bus.close()

    def _take_owner(self) -> None:
        """Forget what the last owner of org.bluez told, and ask the present owner."""
        self._cancel_question()
        self._known = False
        self._answers.came()
        self._on_change()
        if (question := self._ask()) is not None:
            question.add_done_callback(lambda _: self._on_change())

    def _ask(self) -> asyncio.Task[None] | None:
        if self._owner.name is None:
            return None
        if self._question is None or self._question.done():
            self._question = asyncio.create_task(
                self._ask_bluez(), name="ask bluetoothd"
            )
        return self._question

    def _cancel_question(self) -> None:
        if self._question is not None:
            self._question.cancel()
            self._question = None

    async def _ask_bluez(self) -> None:
        path = next(iter(self._objects.adapters), None)
        try:
            if self._known and path is not None:
                arguments = [ADAPTER_INTERFACE, "Powered"]
                await self._call(
                    path, PROPERTIES, "Get", "ss", arguments, bounded=False
                )
            else:
                await self._list_adapters()
        except AccessDenied as error:
            _LOGGER.debug("bluetoothd may not be asked: %s", error)
            self._fault = BusFault.ACCESS_DENIED
            self._close()
        except BlueZError as error:
            _LOGGER.debug("bluetoothd does not tell: %s", error)

    async def _list_adapters(self) -> None:
        owner = self._owner.name
        reply = await self._call(
            "/", OBJECT_MANAGER, "GetManagedObjects", bounded=False
        )
        if owner == self._owner.name:
            self._objects.replace_all(
                first(reply), self._clock(), first_look=not self._looked
            )
            self._known = self._looked = True

    def _connected_bus(self) -> SystemBus:
        if self._bus is None:
            raise BusUnavailable("There is no connection to the system bus")
        return self._bus

    async def _call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: list[Any] | None = None,
        *,
        bounded: bool = True,
    ) -> list[Any]:
        """Call bluetoothd, and take note of whether it answers."""
        bus, owner = self._connected_bus(), self._owner.name
        if owner is None:
            raise BusUnavailable("org.bluez has no owner")
        asked_at = self._clock()
        limit = CALL_LIMIT if bounded else None
        try:
            reply = await bus.call(
                owner, path, interface, member, signature, body, limit=limit
            )
        except CallTimedOut:
            if owner == self._owner.name:
                self._answers.missed(asked_at)
                self._on_change()
            raise
        except BusUnavailable:
            raise
        except BlueZError:
            self._note_answer()
            raise
        self._note_answer()
        return reply

    def _note_answer(self) -> None:
        if self._answers.came():
            self._on_change()

    def _on_signal(self, signal: Signal) -> None:
        """Take in a signal of the bus or of bluetoothd; ignore all others."""
        if signal.sender == DBUS and signal.member == "NameOwnerChanged":
            if signal.signature == "sss" and signal.body[0] == BLUEZ:
                self._owner.update(signal.body[2] or None, self._clock())
                self._take_owner()
        elif signal.sender is not None and signal.sender == self._owner.name:
            self._on_bluez_signal(signal)

    def _on_bluez_signal(self, signal: Signal) -> None:
        now = self._clock()
        match signal.member, signal.signature, signal.body:
            case "PropertiesChanged", "sa{sv}as", [interface, changed, _]:
                if interface == DEVICE_INTERFACE:
                    self._count_device_signal(signal.path, changed)
                    return
                is_adapter = interface == ADAPTER_INTERFACE
                relevant = is_adapter and self._objects.change(
                    signal.path, changed, now
                )
            case "InterfacesAdded", "oa{sa{sv}}", [path, interfaces]:
                relevant = self._objects.add(path, interfaces, now)
            case "InterfacesRemoved", "oas", [path, interfaces]:
                relevant = self._objects.remove(path, interfaces)
            case _:
                return
        if relevant:
            self._on_change()

    def _count_device_signal(
        self, path: str | None, changed: Mapping[str, Any]
    ) -> None:
        """Count a change that comes from an advertisement, not from a connection."""
        if path is None or changed.keys().isdisjoint(ADVERTISED):
            return
        for adapter, count in self._device_signals.items():
            if path.startswith(f"{adapter}/"):
                self._device_signals[adapter] = count + 1


async def _name_owner(bus: SystemBus) -> str | None:
    try:
        owner = first(await bus.call_bus("GetNameOwner", BLUEZ))
    except BusUnavailable:
        if not bus.connected:
            raise
        return None
    return owner if isinstance(owner, str) else None


def _bus_fault(error: BlueZError) -> BusFault:
    match error:
        case BusUnavailable():
            return error.bus_fault
        case AccessDenied():
            return BusFault.ACCESS_DENIED
        case _:
            return BusFault.UNREACHABLE
