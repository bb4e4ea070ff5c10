"""Watches bluetoothd over one connection of its own to the system bus.

Facts on the interfaces: BlueZ, doc/org.bluez.Adapter.rst and src/adapter.c.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
import logging
import os
import time
from typing import Any, Final

from dbus_fast import (
    AuthError,
    BusType,
    DBusFastError,
    Message,
    MessageFlag,
    MessageType,
    Variant,
    unpack_variants,
)
from dbus_fast.aio import MessageBus
from dbus_fast.auth import AuthExternal

from .adapter_objects import ADAPTER_INTERFACE, DEVICE_INTERFACE, AdapterObjects
from .exceptions import (
    AccessDenied,
    BlueZError,
    BusUnavailable,
    CallTimedOut,
    error_for,
)
from .models import AdapterObject, BusFault, BusSample

_LOGGER = logging.getLogger(__name__)

CALL_LIMIT: Final = 5.0
FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 300.0
STABLE_AFTER: Final = 60.0
"""A connection that lasted so long starts the pauses anew, s."""

BLUEZ: Final = "org.bluez"
DBUS: Final = "org.freedesktop.DBus"
DBUS_PATH: Final = "/org/freedesktop/DBus"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER: Final = "org.freedesktop.DBus.ObjectManager"
WATCHED_INDEXES: Final = 8

MATCH_RULES: Final = (
    f"type='signal',sender='{DBUS}',interface='{DBUS}',member='NameOwnerChanged',arg0='{BLUEZ}'",
    # Only the adapters': a rule without arg0 would deliver every change of every device.
    f"type='signal',sender='{BLUEZ}',interface='{PROPERTIES}',member='PropertiesChanged',"
    f"path_namespace='/org/bluez',arg0='{ADAPTER_INTERFACE}'",
    *(
        f"type='signal',sender='{BLUEZ}',interface='{OBJECT_MANAGER}',member='{member}',"
        f"arg0path='/org/bluez/hci{index}'"
        for member in ("InterfacesAdded", "InterfacesRemoved")
        for index in range(WATCHED_INDEXES)
    ),
)


@dataclass(slots=True)
class _Owner:
    """Who owns org.bluez, on which bus."""

    name: str | None = None
    changed_at: float | None = None
    _bus_id: str | None = None
    _last: str | None = None
    _seen: bool = False

    def on_bus(self, bus_id: object) -> None:
        """Take in on which bus this is: names start anew with every bus."""
        if isinstance(bus_id, str) and bus_id != self._bus_id:
            self._bus_id = bus_id
            self._last = None

    def update(self, name: str | None, now: float) -> None:
        """Take in who the owner is."""
        self.name = name
        if name is None or name == self._last:
            return
        if self._seen:
            self.changed_at = now
        self._last, self._seen = name, True


@dataclass(slots=True)
class _Answers:
    """Whether bluetoothd answers."""

    unanswered: int = 0
    since: float | None = None

    def missed(self, asked_at: float) -> None:
        self.unanswered += 1
        if self.since is None:
            self.since = asked_at

    def came(self) -> bool:
        """An answer came; True if some were missed before."""
        missed = self.unanswered > 0
        self.unanswered, self.since = 0, None
        return missed


class BlueZWatcher:
    """A bounded, reconnecting, read-mostly view of bluetoothd.

    It never starts bluetoothd: it calls its owner by unique name, and only while there is one.
    """

    def __init__(
        self,
        on_change: Callable[[], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        bus_address: str | None = None,
    ) -> None:
        """Prepare a watcher; nothing is connected before `start`.

        `on_change` is called in the event loop after anything that a sample shows has changed.
        `bus_address` is for tests; by default it is that of the system bus.
        """
        self._on_change = on_change
        self._clock = clock
        self._bus_address = bus_address
        self._bus: MessageBus | None = None
        self._fault: BusFault | None = None
        self._owner = _Owner()
        self._objects = AdapterObjects()
        self._known = False
        self._looked = False
        self._answers = _Answers()
        self._device_signals: dict[str, int] = {}
        self._runner: asyncio.Task[None] | None = None
        self._question: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start watching in the background."""
        if self._runner is None:
            self._runner = asyncio.create_task(
                self._run(), name="renogy_bt watch bluetoothd"
            )

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
        """The bus and bluetoothd as they are known now."""
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
        """The adapters by address."""
        return self._objects.by_address()

    @property
    def has_zeroed_adapter(self) -> bool:
        """Whether there is an adapter without an address."""
        return self._objects.has_zeroed

    async def probe(self) -> None:
        """Ask bluetoothd for something small, to see whether it answers.

        A question that is not answered stays open, so the answer is noticed when it comes,
        and no further one is asked until then.
        """
        question = self._ask()
        if question is None:
            return
        asked_at = self._clock()
        _, open_questions = await asyncio.wait({question}, timeout=CALL_LIMIT)
        if open_questions and question is self._question:
            self._answers.missed(asked_at)
            self._on_change()

    def _ask(self) -> asyncio.Task[None] | None:
        if self._owner.name is None:
            return None
        if self._question is None or self._question.done():
            self._question = asyncio.create_task(self._question_bluez())
        return self._question

    async def _question_bluez(self) -> None:
        path = next(iter(self._objects.adapters), None)
        try:
            if self._known and path is not None:
                await self._call_bluez(
                    path,
                    PROPERTIES,
                    "Get",
                    "ss",
                    [ADAPTER_INTERFACE, "Powered"],
                    limit=None,
                )
            else:
                await self._list_adapters()
        except BlueZError as error:
            _LOGGER.debug("bluetoothd does not tell: %s", error)

    async def set_powered(self, path: str, powered: bool) -> None:
        """Switch an adapter on or off, and return when bluetoothd has done it.

        Raises a BlueZError: Blocked (rfkill), NotReady, Busy, AccessDenied (policy, AppArmor),
        CallTimedOut, AdapterGone, BusUnavailable, or BlueZError itself for any other refusal.
        """
        await self._call_bluez(
            path,
            PROPERTIES,
            "Set",
            "ssv",
            [ADAPTER_INTERFACE, "Powered", Variant("b", powered)],
        )

    async def count_device_signals(self, path: str, seconds: float) -> int:
        """Count the signs of devices that bluetoothd gives for an adapter.

        This asks for the full flood of device signals, so keep it short and rare.
        """
        namespace = f"type='signal',sender='{BLUEZ}',path_namespace='{path}'"
        rule = f"{namespace},interface='{PROPERTIES}',arg0='{DEVICE_INTERFACE}'"
        self._device_signals[path] = 0
        try:
            await self._call_bus("AddMatch", "s", [rule])
            try:
                await asyncio.sleep(seconds)
            finally:
                await self._call_bus("RemoveMatch", "s", [rule])
            return self._device_signals[path]
        finally:
            del self._device_signals[path]

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            connected_at = self._clock()
            try:
                await self._connect()
                assert self._bus is not None
                await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
            except BusUnavailable as error:
                self._fault = error.bus_fault
                _LOGGER.debug("No connection to the system bus: %s", error)
            except BlueZError as error:
                self._fault = _bus_fault(error)
                _LOGGER.debug("The system bus cannot be watched: %s", error)
            except (OSError, EOFError, DBusFastError) as error:
                self._fault = BusFault.UNREACHABLE
                _LOGGER.debug("The connection to the system bus was lost: %s", error)
            self._lose_connection()
            if self._clock() - connected_at >= STABLE_AFTER:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _connect(self) -> None:
        bus = await _connected_bus(self._bus_address)
        bus.add_message_handler(self._on_message)
        self._bus = bus
        for rule in MATCH_RULES:
            await self._call_bus("AddMatch", "s", [rule])
        self._owner.on_bus(_first(await self._call_bus("GetId")))
        owner = await self._name_owner()
        self._fault = None
        self._owner.update(owner, self._clock())
        self._take_owner()

    async def _name_owner(self) -> str | None:
        try:
            reply = await self._call_bus("GetNameOwner", "s", [BLUEZ])
        except BusUnavailable:
            return None
        owner = _first(reply)
        return owner if isinstance(owner, str) else None

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
            bus.remove_message_handler(self._on_message)
            bus.disconnect()

    def _take_owner(self) -> None:
        """Start from nothing with the present owner of org.bluez, if there is one."""
        self._cancel_question()
        self._known = False
        self._answers.came()
        self._on_change()
        if (question := self._ask()) is not None:
            question.add_done_callback(lambda _: self._on_change())

    def _cancel_question(self) -> None:
        if self._question is not None:
            self._question.cancel()
            self._question = None

    async def _list_adapters(self) -> None:
        owner = self._owner.name
        try:
            reply = await self._call_bluez(
                "/", OBJECT_MANAGER, "GetManagedObjects", limit=None
            )
        except AccessDenied:
            self._fault = BusFault.ACCESS_DENIED
            self._close()
            raise
        if owner != self._owner.name:
            return
        self._objects.replace_all(_first(reply), self._clock(), first=not self._looked)
        self._known = self._looked = True

    async def _call_bluez(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: list[Any] | None = None,
        *,
        limit: float | None = CALL_LIMIT,
    ) -> list[Any]:
        owner = self._owner.name
        if owner is None:
            raise BusUnavailable("Nobody owns org.bluez")
        asked_at = self._clock()
        try:
            reply = await self._call(
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

    async def _call_bus(
        self, member: str, signature: str = "", body: list[Any] | None = None
    ) -> list[Any]:
        return await self._call(DBUS, DBUS_PATH, DBUS, member, signature, body)

    async def _call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str,
        body: list[Any] | None,
        *,
        limit: float | None = CALL_LIMIT,
    ) -> list[Any]:
        bus = self._bus
        if bus is None or not bus.connected:
            raise BusUnavailable("There is no connection to the system bus")
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=body or [],
            flags=MessageFlag.NO_AUTOSTART,
        )
        try:
            async with asyncio.timeout(limit):
                reply = await bus.call(message)
        except TimeoutError as error:
            raise CallTimedOut(f"{member} was not answered within {limit} s") from error
        except (OSError, EOFError, DBusFastError) as error:
            raise BusUnavailable(str(error) or type(error).__name__) from error
        if reply.message_type is MessageType.ERROR:
            text = _first(reply.body)
            raise error_for(reply.error_name, text if isinstance(text, str) else "")
        values: list[Any] = unpack_variants(reply.body)
        return values

    def _on_message(self, message: Message) -> bool:
        """Take in a signal; everything else is none of our business."""
        if message.message_type is not MessageType.SIGNAL:
            return False
        if message.sender == DBUS and message.member == "NameOwnerChanged":
            self._on_owner_changed(message)
        elif message.sender is not None and message.sender == self._owner.name:
            self._on_bluez_signal(message)
        return False

    def _on_owner_changed(self, message: Message) -> None:
        body = message.body
        if message.signature != "sss" or body[0] != BLUEZ:
            return
        self._owner.update(body[2] or None, self._clock())
        self._take_owner()

    def _on_bluez_signal(self, message: Message) -> None:
        now = self._clock()
        match message.member, message.signature:
            case "PropertiesChanged", "sa{sv}as":
                interface, changed, _ = unpack_variants(message.body)
                if interface == DEVICE_INTERFACE:
                    self._count_device_signal(message.path)
                    return
                relevant = interface == ADAPTER_INTERFACE and self._objects.change(
                    message.path, changed, now
                )
            case "InterfacesAdded", "oa{sa{sv}}":
                path, interfaces = unpack_variants(message.body)
                relevant = self._objects.add(path, interfaces, now)
            case "InterfacesRemoved", "oas":
                relevant = self._objects.remove(*message.body)
            case _:
                return
        if relevant:
            self._on_change()

    def _count_device_signal(self, path: str | None) -> None:
        for adapter, count in self._device_signals.items():
            if path is not None and path.startswith(f"{adapter}/"):
                self._device_signals[adapter] = count + 1


async def _connected_bus(address: str | None) -> MessageBus:
    """A new connection; raises BusUnavailable."""
    uid = os.environ.get("BLEAK_DBUS_AUTH_UID", "")
    try:
        bus = MessageBus(
            bus_address=address,
            bus_type=BusType.SYSTEM,
            auth=AuthExternal(uid=int(uid)) if uid.isdigit() else None,
        )
        async with asyncio.timeout(CALL_LIMIT):
            return await bus.connect()
    except FileNotFoundError as error:
        raise BusUnavailable(str(error), BusFault.NO_SOCKET) from error
    except (PermissionError, AuthError) as error:
        raise BusUnavailable(str(error), BusFault.ACCESS_DENIED) from error
    except (OSError, EOFError, TimeoutError, DBusFastError) as error:
        raise BusUnavailable(str(error) or type(error).__name__) from error


def _bus_fault(error: BlueZError) -> BusFault:
    return (
        BusFault.ACCESS_DENIED
        if isinstance(error, AccessDenied)
        else BusFault.UNREACHABLE
    )


def _first(body: list[Any]) -> object:
    return body[0] if body else None
