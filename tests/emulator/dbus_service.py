# SPDX-License-Identifier: Apache-2.0
"""The D-Bus side of a service written by hand: calls, errors, managed objects.

Raw messages rather than exported interfaces: a call may stay unanswered for ever, and
InterfacesAdded carries several interfaces from the path "/", as bluetoothd does it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dbus_fast import Message, MessageFlag, Variant

PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"
PEER = "org.freedesktop.DBus.Peer"

UNKNOWN_OBJECT = "org.freedesktop.DBus.Error.UnknownObject"
UNKNOWN_METHOD = "org.freedesktop.DBus.Error.UnknownMethod"
INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs"
PROPERTY_READ_ONLY = "org.freedesktop.DBus.Error.PropertyReadOnly"

type Properties = dict[str, Variant]
type Interfaces = dict[str, Properties]
type Send = Callable[[Message], None]


@dataclass(slots=True)
class Call:
    """One method call that is to be answered at most once, or never."""

    message: Message
    send: Send
    answered: bool = False

    @property
    def sender(self) -> str:
        """Return the unique name of who called."""
        return self.message.sender or ""

    @property
    def path(self) -> str:
        """Return the object that was called."""
        return self.message.path or "/"

    @property
    def interface(self) -> str:
        """Return the interface of the method, empty if the caller left it out."""
        return self.message.interface or ""

    @property
    def member(self) -> str:
        """Return the method's name."""
        return self.message.member or ""

    @property
    def signature(self) -> str:
        """Return the types of the arguments."""
        return self.message.signature

    @property
    def body(self) -> list[Any]:
        """Return the arguments."""
        return self.message.body

    def reply(self, signature: str = "", *body: Any) -> None:
        """Answer with a result."""
        self._answer(Message.new_method_return(self.message, signature, list(body)))

    def error(self, name: str, text: str) -> None:
        """Answer with an error."""
        self._answer(Message.new_error(self.message, name, text))

    def unknown(self, *, object_exists: bool) -> None:
        """Answer as libdbus does for a method that there is not."""
        self.error(
            UNKNOWN_METHOD if object_exists else UNKNOWN_OBJECT,
            f'Method "{self.member}" with signature "{self.signature}" on interface'
            f' "{self.interface or "(null)"}" doesn\'t exist\n',
        )

    def _answer(self, message: Message) -> None:
        if self.answered:
            return
        self.answered = True
        if MessageFlag.NO_REPLY_EXPECTED not in self.message.flags:
            self.send(message)


@dataclass(slots=True)
class ManagedObjects:
    """The objects of a service by path, and the signals about them.

    `send` is called for each signal; what it does with one while the service has no
    name on the bus is its own affair.
    """

    send: Send
    _objects: dict[str, Interfaces] = field(default_factory=dict)

    def __contains__(self, path: str) -> bool:
        """Tell whether there is an object at a path."""
        return path in self._objects

    def has_interface(self, path: str, interface: str) -> bool:
        """Tell whether the object at a path has an interface."""
        return interface in self._objects.get(path, {})

    def add(self, path: str, interfaces: Interfaces) -> None:
        """Add an object with all its interfaces in one signal."""
        self._objects[path] = interfaces
        self._emit(
            "/",
            OBJECT_MANAGER,
            "InterfacesAdded",
            "oa{sa{sv}}",
            path,
            _full(interfaces),
        )

    def remove(self, path: str, *, silently: bool = False) -> None:
        """Remove the objects at and below a path, the lowest first."""
        below = [
            known
            for known in self._objects
            if known == path or known.startswith(f"{path}/")
        ]
        for known in sorted(below, reverse=True):
            interfaces = self._objects.pop(known)
            if not silently:
                self._emit(
                    "/",
                    OBJECT_MANAGER,
                    "InterfacesRemoved",
                    "oas",
                    known,
                    list(_full(interfaces)),
                )

    def clear(self) -> None:
        """Forget all objects without a word, as a process that dies."""
        self._objects.clear()

    def set(self, path: str, interface: str, changed: Mapping[str, Variant]) -> None:
        """Set properties and signal them, whether or not they differ."""
        properties = self._objects.get(path, {}).get(interface)
        if properties is None:
            return
        properties.update(changed)
        self._emit(
            path,
            PROPERTIES,
            "PropertiesChanged",
            "sa{sv}as",
            interface,
            dict(changed),
            [],
        )

    def update(self, path: str, interface: str, wanted: Mapping[str, Variant]) -> None:
        """Set and signal those properties that differ."""
        properties = self._objects.get(path, {}).get(interface, {})
        changed = {
            name: variant
            for name, variant in wanted.items()
            if properties.get(name) != variant
        }
        if changed:
            self.set(path, interface, changed)

    def invalidate(self, path: str, interface: str, name: str) -> None:
        """Take a property away, and signal that."""
        properties = self._objects.get(path, {}).get(interface, {})
        if properties.pop(name, None) is not None:
            self._emit(
                path, PROPERTIES, "PropertiesChanged", "sa{sv}as", interface, {}, [name]
            )

    def get_managed_objects(self, call: Call) -> None:
        """Answer ObjectManager.GetManagedObjects."""
        objects = {path: _full(found) for path, found in self._objects.items()}
        call.reply("a{oa{sa{sv}}}", objects)

    def get_property(self, call: Call) -> None:
        """Answer Properties.Get and GetAll."""
        interfaces = self._objects.get(call.path)
        if interfaces is None:
            call.unknown(object_exists=False)
            return
        properties = interfaces.get(call.body[0])
        if properties is None:
            call.error(INVALID_ARGS, f"No such interface '{call.body[0]}'")
        elif call.member == "GetAll":
            call.reply("a{sv}", dict(properties))
        elif (variant := properties.get(call.body[1])) is not None:
            call.reply("v", variant)
        else:
            call.error(INVALID_ARGS, f"No such property '{call.body[1]}'")

    def _emit(
        self, path: str, interface: str, member: str, signature: str, *body: Any
    ) -> None:
        self.send(Message.new_signal(path, interface, member, signature, list(body)))


def _full(interfaces: Interfaces) -> Interfaces:
    """Return an object's interfaces with the two that every object has."""
    return {
        INTROSPECTABLE: {},
        **{name: dict(properties) for name, properties in interfaces.items()},
        PROPERTIES: {},
    }
