# SPDX-License-Identifier: Apache-2.0
"""Advertisement monitors of one adapter (BlueZ's src/adv_monitor.c).

A client registers the path of an application; monitors are the objects at and below
it, told by its object manager, also those that appear later. bleak exports its monitor
only after RegisterMonitor was answered.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dbus_fast import Message, MessageFlag, MessageType

from .advertisement import Advertisement, Pattern
from .bluez_names import MONITOR, already_exists, does_not_exist, fail
from .dbus_service import OBJECT_MANAGER, Call, Send
from .timers import Timers

MAX_APPLICATIONS = 64
MAX_MONITORS = 64
_OR_PATTERNS = "or_patterns"

type CallClient = Callable[[Message], Awaitable[Message | None]]


@dataclass(slots=True)
class _Monitor:
    path: str
    patterns: tuple[Pattern, ...]
    active: bool = False
    found: set[str] = field(default_factory=set)

    def matches(self, advertisement: Advertisement) -> bool:
        return any(pattern.matches(advertisement) for pattern in self.patterns)


@dataclass(slots=True, eq=False)
class _Application:
    owner: str
    path: str
    monitors: dict[str, _Monitor] = field(default_factory=dict)


def patterns_of(properties: Mapping[str, Any]) -> tuple[Pattern, ...] | None:
    """Return the patterns of a monitor's properties, None for an unusable one."""
    kind, listed = properties.get("Type"), properties.get("Patterns")
    if kind is None or kind.signature != "s" or kind.value != _OR_PATTERNS:
        return None
    if listed is None or listed.signature != "a(yyay)":
        return None
    patterns = tuple(
        Pattern(offset, ad_type, bytes(content))
        for offset, ad_type, content in listed.value
    )
    usable = patterns and all(pattern.is_usable for pattern in patterns)
    return patterns if usable else None


@dataclass(slots=True)
class AdvertisementMonitors:
    """The registered applications of one adapter.

    `call_client` calls a client, with None for one that does not answer; `send` sends
    a message that wants no answer.
    """

    timers: Timers
    call_client: CallClient
    send: Send
    _applications: list[_Application] = field(default_factory=list)

    def register(self, call: Call) -> None:
        """Answer RegisterMonitor once the client's objects were asked for."""
        path = call.body[0]
        if self._find(call.sender, path):
            already_exists(call)
        elif len(self._applications) >= MAX_APPLICATIONS:
            fail(call, "Failed to create Adv Monitor app")
        else:
            application = _Application(call.sender, path)
            self._applications.append(application)
            self.timers.spawn(self._introduce(application, call))

    def unregister(self, call: Call) -> None:
        """Answer UnregisterMonitor."""
        application = self._find(call.sender, call.body[0])
        if application is None:
            does_not_exist(call)
            return
        self._applications.remove(application)
        call.reply()

    def sender_left(self, sender: str) -> None:
        """Free the applications of a sender that left the bus."""
        for application in [a for a in self._applications if a.owner == sender]:
            self._applications.remove(application)

    def drop_all(self) -> None:
        """Free everything, as a bluetoothd that ends."""
        self._applications.clear()

    def matches(self, advertisement: Advertisement) -> bool:
        """Tell whether an active monitor wants this advertisement."""
        return any(
            monitor.active and monitor.matches(advertisement)
            for application in self._applications
            for monitor in application.monitors.values()
        )

    @property
    def has_active(self) -> bool:
        """Tell whether any monitor is active."""
        return any(
            monitor.active
            for application in self._applications
            for monitor in application.monitors.values()
        )

    def owners(self) -> list[str]:
        """Return who has registered an application."""
        return [application.owner for application in self._applications]

    def device_found(self, advertisement: Advertisement, device_path: str) -> None:
        """Tell the monitors that match, at each advertisement.

        BlueZ does so for monitors without RSSI thresholds, as bleak's are.
        """
        for application in self._applications:
            for monitor in application.monitors.values():
                if monitor.active and monitor.matches(advertisement):
                    monitor.found.add(device_path)
                    self._tell(application, monitor.path, "DeviceFound", device_path)

    def device_lost(self, device_path: str) -> None:
        """Tell the monitors that were told about a device that it is gone."""
        for application in self._applications:
            for monitor in application.monitors.values():
                if device_path in monitor.found:
                    monitor.found.remove(device_path)
                    self._tell(application, monitor.path, "DeviceLost", device_path)

    def interfaces_added(self, sender: str, path: str, interfaces: Any) -> None:
        """Take a client's signal about a new object, which may be a monitor."""
        properties = interfaces.get(MONITOR)
        if properties is None:
            return
        for application in self._applications:
            if application.owner == sender and _is_below(path, application.path):
                self._add_monitor(application, path, properties)

    def interfaces_removed(self, sender: str, path: str, interfaces: list[str]) -> None:
        """Take a client's signal about an object that went."""
        if MONITOR not in interfaces:
            return
        for application in self._applications:
            if application.owner == sender:
                application.monitors.pop(path, None)

    def _find(self, owner: str, path: str) -> _Application | None:
        return next(
            (
                application
                for application in self._applications
                if (application.owner, application.path) == (owner, path)
            ),
            None,
        )

    async def _introduce(self, application: _Application, call: Call) -> None:
        """Ask for the client's objects; an empty or failed answer is fine."""
        answer = await self.call_client(
            Message(
                destination=application.owner,
                path=application.path,
                interface=OBJECT_MANAGER,
                member="GetManagedObjects",
            )
        )
        if application not in self._applications:
            return
        if (
            answer is not None
            and answer.message_type is MessageType.METHOD_RETURN
            and answer.signature == "a{oa{sa{sv}}}"
        ):
            for path, interfaces in answer.body[0].items():
                self.interfaces_added(application.owner, path, interfaces)
        call.reply()

    def _add_monitor(
        self, application: _Application, path: str, properties: Any
    ) -> None:
        if path in application.monitors or len(application.monitors) >= MAX_MONITORS:
            return
        patterns = patterns_of(properties)
        if patterns is None:
            self._tell(application, path, "Release")
            return
        monitor = _Monitor(path, patterns)
        application.monitors[path] = monitor
        self.timers.spawn(self._activate(application, monitor))

    async def _activate(self, application: _Application, monitor: _Monitor) -> None:
        """Activate once the kernel has the patterns, and tell the client."""
        await asyncio.sleep(0)
        if application.monitors.get(monitor.path) is monitor:
            monitor.active = True
            self._tell(application, monitor.path, "Activate")

    def _tell(
        self, application: _Application, path: str, member: str, *arguments: str
    ) -> None:
        self.send(
            Message(
                destination=application.owner,
                path=path,
                interface=MONITOR,
                member=member,
                flags=MessageFlag.NO_REPLY_EXPECTED,
                signature="o" * len(arguments),
                body=list(arguments),
            )
        )


def _is_below(path: str, root: str) -> bool:
    return root in {"/", path} or path.startswith(f"{root}/")
