# SPDX-License-Identifier: Apache-2.0
"""The emulated world of the demo, in a process of its own."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
from pathlib import Path
import sys
from typing import Any, Final

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from tests.emulator.control import INTERFACE, PATH, SERVICE
from tests.emulator.faults import ActiveFault, FaultError, Scope, parse_switch
from tests.emulator.modbus import BROADCAST_UNIT
from tests.emulator.world import Kind, Unit, World
from tests.emulator.world_file import WorldFileError, load_world

from .errors import DemoError
from .processes import child_process

DEFAULT_WORLD: Final = Path(__file__).parents[1] / "emulator" / "worlds" / "owner.json"
_START_SECONDS: Final = 15.0
_CALL_SECONDS: Final = 5.0
_ADAPTER_SCOPES: Final = frozenset({Scope.ADAPTER, Scope.BUS})
# A link that hardly takes a connection could not be set up either.
_LATE_LINK_FAULTS: Final = frozenset({"weak-signal"})
# Ids that are looked for without being told (protocol 1.4).
USUAL_UNITS: Final = frozenset({*range(33, 41), *range(48, 64), 247, 255})


@dataclass(frozen=True)
class LineUse:
    """What was asked of the lines so far: requests, and the seconds that these need."""

    requests: int
    seconds: float


def known_as(unit: Unit) -> int:
    """Return the id that a battery goes by: one that replies under another is asked as 255."""
    if unit.reply_unit in {None, unit.unit_id}:
        return unit.unit_id
    return BROADCAST_UNIT


class EmulatorProcess:
    """A running emulated world."""

    def __init__(
        self, world: World, bus_address: str, late_faults: Iterable[ActiveFault]
    ) -> None:
        """Remember the world, the address of its bus, and the faults that are still to come."""
        self.bus_address = bus_address
        self._late_faults = tuple(late_faults)
        batteries = [link for link in world.links if link.kind is Kind.BATTERY]
        # Where there is nothing else, what a set-up says of another device is to be seen.
        links = batteries or world.links
        self.link_addresses = [link.address for link in links]
        self.owner_units = {
            link.address: sorted(link.units.keys() - USUAL_UNITS) for link in links
        }
        self.kept_intervals = {
            link.address: link.kept_interval
            for link in links
            if link.kept_interval is not None
        }
        self.batteries = [
            (link.address, known_as(unit))
            for link in links
            for unit in link.units.values()
        ]
        self.description = ", ".join(
            f"{link.name} with {len(link.units)} unit(s)" for link in world.links
        )

    @property
    def has_late_faults(self) -> bool:
        """Whether faults are still to come."""
        return bool(self._late_faults)

    @property
    def has_adapter_faults(self) -> bool:
        """Whether faults of adapters or of the bus are among those still to come."""
        return any(fault.fault.scope in _ADAPTER_SCOPES for fault in self._late_faults)

    async def line_use(self) -> LineUse:
        """Return what all links together asked of their lines so far."""
        statistics = json.loads(await self._call("Statistics"))
        return LineUse(
            requests=sum(link["requests"] for link in statistics.values()),
            seconds=sum(link["reply_seconds"] for link in statistics.values()),
        )

    async def begin_late_faults(self) -> list[str]:
        """Switch on the faults that were still to come; return their names."""
        for fault in self._late_faults:
            await self._call(
                "SetFault", "ss", [fault.name, json.dumps(dict(fault.values))]
            )
        return [fault.name for fault in self._late_faults]

    async def clear_faults(self) -> None:
        """Switch every fault off."""
        await self._call("ClearFaults")

    async def _call(
        self, member: str, signature: str = "", body: Iterable[str] = ()
    ) -> Any:
        bus = MessageBus(bus_address=self.bus_address, bus_type=BusType.SYSTEM)
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                await bus.connect()
                reply = await bus.call(
                    Message(
                        destination=SERVICE,
                        path=PATH,
                        interface=INTERFACE,
                        member=member,
                        signature=signature,
                        body=list(body),
                    )
                )
        finally:
            bus.disconnect()
        if reply is None or reply.message_type is not MessageType.METHOD_RETURN:
            raise DemoError(f"The emulated world did not answer {member}: {reply}")
        return reply.body[0] if reply.body else None


@asynccontextmanager
async def run_emulator(
    world_file: Path | None, faults: Iterable[str], *, hour: float | None = None
) -> AsyncGenerator[EmulatorProcess]:
    """Run the world until the context ends; its day begins at an hour, if one is given.

    Faults of links and batteries are there from the beginning. Those of adapters and of the bus,
    and weak signals, wait for `begin_late_faults`: with them nothing could be set up.

    Raises:
        DemoError: The world file or a fault is not valid, or the world does not start.

    """
    path = world_file or DEFAULT_WORLD
    try:
        world = load_world(path)
        active = [(switch, parse_switch(switch)) for switch in faults]
    except (WorldFileError, FaultError) as err:
        raise DemoError(str(err)) from err
    late = [
        fault
        for _, fault in active
        if fault.fault.scope in _ADAPTER_SCOPES or fault.name in _LATE_LINK_FAULTS
    ]
    command = [sys.executable, "-m", "tests.emulator", "--exit-with-parent"]
    command += ["--world", str(path)]
    if hour is not None:
        command += ["--hour", str(hour)]
    for switch, fault in active:
        if fault not in late:
            command += ["--fault", switch]
    async with child_process(
        "The emulated world", command, stdout=asyncio.subprocess.PIPE
    ) as process:
        yield EmulatorProcess(world, await _bus_address(process), late)


async def _bus_address(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_START_SECONDS):
            line = await process.stdout.readline()
    except TimeoutError as err:
        raise DemoError("The emulated world does not start") from err
    if not line:
        raise DemoError("The emulated world did not start, see above")
    return str(json.loads(line)["DBUS_SYSTEM_BUS_ADDRESS"])
