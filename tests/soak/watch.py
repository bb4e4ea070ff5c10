# SPDX-License-Identifier: Apache-2.0
"""What must never happen, whatever goes wrong, and what must stay level."""

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
import gc
import logging
from pathlib import Path
import traceback
from typing import Any, Final, override

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from custom_components.renogy_bt.const import DOMAIN
from homeassistant.components.sensor import ATTR_STATE_CLASS, SensorStateClass
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from tests.emulator.dbus_connection import close_connection, connect_to_bus

_NEIGHBOURS: Final = (
    "bleak",
    "bleak_retry_connector",
    "dbus_fast",
    "habluetooth",
    "homeassistant.components.bluetooth",
    "homeassistant.helpers.storage",
    "homeassistant.util.file",
)
"""Whose errors are their own: broken buses, adapters and disks are told of by them, too."""
_BUS: Final = "org.freedesktop.DBus"


class Errors(logging.Handler):
    """Errors that nobody has handled, by what they say."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__(logging.WARNING)
        self.seen: Counter[str] = Counter()

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info is None or record.exc_info[1] is None:
            return
        if not record.name.startswith(_NEIGHBOURS):
            self._count(record.name, record.getMessage(), record.exc_info[1])

    def on_loop(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Count what the event loop tells of, but that a bus connection has ended.

        Each connection of bleak's has a future for that, which bleak does not ask.
        """
        error = context.get("exception")
        if not isinstance(error, EOFError | OSError) or not _is_of_bus(error):
            self._count("loop", str(context.get("message")), error)

    def _count(self, where: str, what: str, error: BaseException | None) -> None:
        first = what.partition("\n")[0][:200]
        self.seen[f"{where}: {first} ({error!r})"] += 1


def _is_of_bus(error: BaseException) -> bool:
    """Whether the library of the bus raised an error, itself or by what it called."""
    return any(
        frame.filename.find("dbus_fast") >= 0
        for frame in traceback.extract_tb(error.__traceback__)
    )


@contextmanager
def watched_errors(loop: asyncio.AbstractEventLoop) -> Generator[Errors]:
    """Collect the errors that nobody handles."""
    errors, handler = Errors(), loop.get_exception_handler()
    logging.getLogger().addHandler(errors)
    loop.set_exception_handler(errors.on_loop)
    try:
        yield errors
        gc.collect()
    finally:
        loop.set_exception_handler(handler)
        logging.getLogger().removeHandler(errors)


@dataclass(slots=True)
class Totals:
    """The highest that each total ever was, through all starts, and which of them fell."""

    highest: dict[str, float] = field(default_factory=dict)
    fallen: list[str] = field(default_factory=list)

    @callback
    def follow(self, hass: HomeAssistant) -> None:
        """Look at every state that is written from now on."""
        registry = er.async_get(hass)

        @callback
        def on_state(event: Event[EventStateChangedData]) -> None:
            state = event.data["new_state"]
            if state is None or state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN):
                return
            entry = registry.async_get(state.entity_id)
            if entry is None or entry.platform != DOMAIN:
                return
            kind = state.attributes.get(ATTR_STATE_CLASS)
            if kind == SensorStateClass.TOTAL_INCREASING:
                self._shown(state.entity_id, float(state.state))

        hass.bus.async_listen(EVENT_STATE_CHANGED, on_state)

    def _shown(self, entity_id: str, value: float) -> None:
        before = self.highest.get(entity_id, value)
        if value < before:
            self.fallen.append(f"{entity_id}: {before:g} -> {value:g}")
        self.highest[entity_id] = max(value, before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is held at one moment; `memory` in KiB.

    `left_by_bleak` are links that stood when their bluetoothd went: bleak keeps a task and a
    connection to the bus for each. The other numbers are without them.
    """

    left_by_bleak: int
    tasks: int
    listeners: int
    descriptors: int
    names: int
    rules: int
    memory: int


async def held(hass: HomeAssistant, address: str) -> Held:
    """Return what is held now, on the bus of this address too."""
    gc.collect()
    names, rules = await _on_bus(address)
    tasks = asyncio.all_tasks()
    left = sum(map(_waits_for_end, tasks))
    return Held(
        left_by_bleak=left,
        tasks=len(tasks) - left,
        listeners=sum(hass.bus.async_listeners().values()),
        descriptors=len(list(Path("/proc/self/fd").iterdir())) - left,
        names=names - left,
        rules=rules,
        memory=resident_memory(),
    )


def _waits_for_end(task: asyncio.Task[Any]) -> bool:
    """Whether it is the one with which bleak waits for the end of a link."""
    name = getattr(task.get_coro(), "__qualname__", "")
    return name == "BleakClientBlueZDBus._disconnect_monitor"


async def _on_bus(address: str) -> tuple[int, int]:
    """Return how many connections a bus has, and rules by which they want messages."""
    bus = await connect_to_bus(address)
    names = await _asked(bus, _BUS, "ListNames")
    rules = await _asked(bus, f"{_BUS}.Debug.Stats", "GetAllMatchRules")
    await close_connection(bus)
    unique = {name for name in names if name.startswith(":")} - {bus.unique_name}
    return len(unique), sum(len(each) for each in rules.values())


async def _asked(bus: MessageBus, interface: str, member: str) -> Any:
    reply = await bus.call(
        Message(
            destination=_BUS,
            path="/org/freedesktop/DBus",
            interface=interface,
            member=member,
        )
    )
    assert reply is not None and reply.message_type is MessageType.METHOD_RETURN, reply
    return reply.body[0]


def resident_memory() -> int:
    """Return the resident memory of this process, in KiB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
