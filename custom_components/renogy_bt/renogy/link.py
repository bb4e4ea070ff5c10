# SPDX-License-Identifier: Apache-2.0
"""A link: one peripheral and the batteries behind it."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
import time
from typing import Any, Final

from .battery import Battery
from .exceptions import LinkClosed, LinkLost, LinkSilent, LinkUnreachable, ReplyTimeout
from .families import Family
from .gatt import OfferedCharacteristic
from .line import LONGEST_LIMIT, HeardFrames, Line, ReplyTimes
from .modbus import Frame, ReadRequest
from .models import (
    BatteryReading,
    LinkReport,
    PollStatistics,
    ProbeReport,
    ReadingFailure,
)
from .probe import probe_link
from .recording import Exchange, Recording
from .register_reads import RegisterReads
from .speeds import Extent, extents, is_fast
from .transport import DISCONNECT_SECONDS, Connector, Transport, open_transport

POLL_SECONDS: Final = 30.0
# Reading gets this much time, however long connecting took.
LEAST_READING_SECONDS: Final = 10.0
# So many requests in a row after which nothing came: the connection only seems to stand.
MISSING_UNTIL_DEAD: Final = 3


def _shown(battery: Battery) -> BatteryReading | None:
    """Return the reading of this poll, or the last good one while it may be held."""
    return battery.last_reading if battery.failure is None else battery.held_reading


@dataclass(slots=True)
class _Connection:
    """One of the connections of a poll, and whether it was lost.

    `is_reused` tells that it was kept since an earlier poll, `is_whole` that nothing was
    broken off.
    """

    transport: Transport
    line: Line
    connect_seconds: float
    is_lost: bool = False
    is_reused: bool = False
    is_whole: bool = False

    @property
    def is_dead(self) -> bool:
        """Whether nothing comes any more over a connection that once worked."""
        return self.is_reused and self.line.missing >= MISSING_UNTIL_DEAD


class RenogyLink:
    """The batteries behind one peripheral, polled over one connection at a time.

    A poll connects, reads every unit, and lets the disconnect go on in the background: a link
    that is held blocks the owner's app and silences the peripheral's advertisements. With a
    `kept_interval`, the seconds between polls, the connection is kept from poll to poll. When a
    connection is lost on the way, the poll goes on over another one, once.
    """

    def __init__(
        self,
        name: str,
        units: Sequence[int],
        connector: Connector,
        *,
        family: Family,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = partial(datetime.now, UTC),
        kept_interval: float | None = None,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        """Remember whom to ask; nothing is connected yet.

        `clock` counts seconds and never jumps, `now` stamps readings in UTC. `lost` is called
        when a kept connection ends between two polls.
        """
        self.units = tuple(units)
        self._name = name
        self._connector = connector
        self._family = family
        self._clock = clock
        self._batteries = tuple(
            Battery(unit, family, clock, now, is_fast=is_fast(kept_interval))
            for unit in self.units
        )
        self._kept_interval = kept_interval
        self._kept: _Connection | None = None
        self._on_lost = lost
        self._times = ReplyTimes()
        self._heard = HeardFrames()
        self._in_use = asyncio.Lock()
        self._waiting = 0
        self._reads = RegisterReads(name, partial(self._run, self._read_asked))
        self._operations: set[asyncio.Task[Any]] = set()
        self._disconnecting: asyncio.Task[None] | None = None
        self._statistics = PollStatistics()
        self._recording: Recording | None = None
        self._characteristics: tuple[OfferedCharacteristic, ...] = ()
        self._garbled_units: frozenset[int] = frozenset()

    async def poll(self, *, brief: bool = False) -> LinkReport:
        """Read every unit that is due and report; a partial poll is a good poll.

        A brief poll, for which somebody waits, leaves for the next one what can wait.
        Raises LinkUnreachable when there is no connection, LinkSilent when not one unit
        answered on it.
        """
        return await self._exclusively(partial(self._poll, brief=brief))

    def skip_poll(self) -> LinkReport:
        """Report a poll that is left out: the last readings as long as they may be held."""
        for battery in self._batteries:
            battery.begin_poll()
        return replace(self._report(), statistics=PollStatistics(), polled=False)

    def last_readings(self, units: Collection[int]) -> dict[int, BatteryReading]:
        """Return the last reading of each of these units that was read, however old it is."""
        return {
            battery.unit: battery.last_reading
            for battery in self._batteries
            if battery.unit in units and battery.last_reading is not None
        }

    def count_current_by(self, unit: int, divisor: int | None) -> None:
        """Take so many counts of a battery's current for one ampere, None where not known."""
        for battery in self._batteries:
            if battery.unit == unit:
                battery.count_current_by(divisor)

    async def read_registers(
        self, unit: int, address: int, count: int
    ) -> tuple[int, ...]:
        """Read up to 125 registers of one unit, over a connection beside the polls' if none is kept.

        Polls go first. Raises ValueError for what cannot be asked, LinkBusy, LinkUnreachable,
        LinkLost, ReplyTimeout or ExceptionReply.
        """
        frame = await self._reads.read(ReadRequest(unit, address, count))
        return tuple(
            int.from_bytes(frame.data[at : at + 2], "big")
            for at in range(0, len(frame.data), 2)
        )

    async def probe(self) -> ProbeReport:
        """Find the batteries behind the link; raises as `probe_link` does."""
        return await self._exclusively(self._probe)

    async def _probe(self) -> ProbeReport:
        await self._let_go()
        return await probe_link(self._connector, self._family, self.units)

    @property
    def exchanges(self) -> list[Exchange]:
        """The requests of the last poll, answered or not, on the clock of the event loop."""
        return [] if self._recording is None else self._recording.exchanges

    @property
    def characteristics(self) -> tuple[OfferedCharacteristic, ...]:
        """What the peripheral offered when it was last connected to."""
        return self._characteristics

    @property
    def is_connected(self) -> bool:
        """Whether a connection that is kept stands, as far as is known."""
        return self._kept is not None and not self._kept.transport.lost.done()

    async def let_go(self) -> None:
        """End a kept connection, after what is under way; the next poll makes another one."""
        await self._in_turn(self._let_go)

    async def _let_go(self) -> None:
        self._end_kept()
        await self._finish_disconnect()

    def _end_kept(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            self._disconnect(kept.transport)

    async def close(self) -> None:
        """End all operations, running or waiting, and wait, bounded, for the disconnect.

        A poll that is ended raises LinkClosed. The link can be used again.
        """
        operations = set(self._operations)
        for operation in operations:
            operation.cancel()
        if operations:
            await asyncio.wait(operations)
        await self._reads.ended()
        await self._let_go()

    def diagnostics(self) -> dict[str, Any]:
        """Return plans, reply times in ms and counters, by unit."""
        return {
            "family": self._family.key,
            "units": {
                str(battery.unit): {
                    **battery.diagnostics(),
                    "reply_milliseconds": self._times.as_milliseconds(battery.unit),
                }
                for battery in self._batteries
            },
        }

    async def _exclusively[T](
        self, operation: Callable[[], Coroutine[Any, Any, T]]
    ) -> T:
        """Run one operation at a time, before the registers that somebody asks for."""
        return await self._run(partial(self._in_turn, operation))

    async def _run[T](self, operation: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run an operation as a task that `close` can end."""
        task = asyncio.create_task(operation())
        self._operations.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():
                raise
            raise LinkClosed(f"{self._name}: closed") from None
        finally:
            self._operations.discard(task)

    async def _in_turn[T](self, operation: Callable[[], Coroutine[Any, Any, T]]) -> T:
        self._waiting += 1
        try:
            await self._in_use.acquire()
        finally:
            self._waiting -= 1
        try:
            return await operation()
        finally:
            self._in_use.release()

    async def _poll(self, *, brief: bool) -> LinkReport:
        self._welcome_late()
        for battery in self._batteries:
            battery.begin_poll()
        self._recording = recording = Recording(asyncio.get_running_loop().time())
        await self._finish_disconnect()
        started_at = self._clock()
        connections = [self._take_kept(recording) or await self._connect(recording)]
        await self._read_over(connections[0], started_at, brief=brief)
        if self._is_worth_another_connection(connections[0], started_at):
            with suppress(LinkUnreachable, TimeoutError):
                async with asyncio.timeout(self._seconds_left(started_at)):
                    connections.append(await self._connect(recording))
                    await self._read_over(connections[1], started_at, brief=brief)
        self._statistics = self._count(connections, started_at)
        self._garbled_units = frozenset[int]().union(
            *(each.line.garbled_units for each in connections)
        )
        if connections[-1].is_lost:
            for battery in self._batteries:
                battery.link_lost()
        elif not any(
            battery.answered or battery.is_recent for battery in self._batteries
        ):
            self._end_kept()
            raise LinkSilent(f"{self._name}: no battery answers", self._garbled())
        report = self._report()
        for battery in self._batteries:
            # A poll that is ended before it reports leaves the change to the next one.
            battery.identity_changed = False
        return report

    def _welcome_late(self) -> None:
        """Take note of the batteries that answered after the last poll over a kept connection."""
        if self._kept is not None:
            for battery in self._batteries:
                if (
                    battery.may_answer_late
                    and battery.unit in self._kept.line.units_heard
                ):
                    battery.answered_again()

    def _take_kept(self, recording: Recording) -> _Connection | None:
        """Return the connection that was kept, None where there is none that stands."""
        kept = self._kept
        if kept is None:
            return None
        if kept.transport.lost.done():
            self._end_kept()
            return None
        kept.line.begin_poll(recording)
        kept.connect_seconds, kept.is_reused, kept.is_whole = 0.0, True, False
        return kept

    def _keep_or_disconnect(self, connection: _Connection, line: Line | None) -> None:
        """Keep a connection that is to be kept and is as it should be."""
        transport = connection.transport
        if (
            self._kept_interval is None
            or not connection.is_whole
            or connection.is_lost
            or transport.lost.done()
        ):
            self._kept = None
            self._disconnect(transport, line)
            return
        self._kept = connection
        if not connection.is_reused:
            transport.lost.add_done_callback(partial(self._kept_is_lost, connection))

    def _kept_is_lost(self, connection: _Connection, _: asyncio.Future[None]) -> None:
        if self._kept is connection and not self._in_use.locked():
            self._on_lost()

    async def _connect(self, recording: Recording) -> _Connection:
        """Connect; raises LinkUnreachable."""
        await self._finish_disconnect()
        began_at = self._clock()
        transport = await open_transport(self._connector)
        line = Line(transport, self._times, recording, self._heard)
        self._characteristics = transport.characteristics
        return _Connection(transport, line, self._clock() - began_at)

    async def _read_over(
        self, connection: _Connection, started_at: float, *, brief: bool
    ) -> None:
        """Read the batteries that are still to be read, within the poll's time; disconnect."""
        limit = max(LEAST_READING_SECONDS, self._seconds_left(started_at))
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(limit):
                    await self._read_batteries(connection, brief=brief)
                    connection.is_whole = True
        except LinkLost:
            connection.is_lost = True
        finally:
            self._keep_or_disconnect(connection, connection.line)

    def _seconds_left(self, started_at: float) -> float:
        return started_at + POLL_SECONDS - self._clock()

    def _is_worth_another_connection(
        self, connection: _Connection, started_at: float
    ) -> bool:
        """Tell whether to go on over a new connection after this one was lost."""
        return (
            connection.is_lost
            and self._seconds_left(started_at) >= LEAST_READING_SECONDS
            and any(battery.is_to_be_read() for battery in self._batteries)
        )

    async def _read_asked(self) -> None:
        """Read what somebody asks for, until a poll waits."""
        async with self._in_use:
            if self._waiting:
                return
            recording = Recording(asyncio.get_running_loop().time())
            connection = self._take_kept(recording) or await self._connect(recording)
            ask = partial(self._read_twice, connection.line)
            try:
                await self._reads.answer(ask, lambda: self._waiting > 0)
                connection.is_whole = not connection.line.missing
            finally:
                self._keep_or_disconnect(connection, None)

    @staticmethod
    async def _read_twice(line: Line, request: ReadRequest) -> Frame:
        try:
            return await line.read(request)
        except ReplyTimeout:
            return await line.read(request)

    def _disconnect(self, transport: Transport, line: Line | None = None) -> None:
        self._disconnecting = asyncio.create_task(
            self._hang_up(transport, line), name=f"Disconnect {self._name}"
        )

    async def _hang_up(self, transport: Transport, line: Line | None) -> None:
        """Disconnect, but first listen for the batteries that were given too little time.

        A battery that is slower than all others would otherwise never be found again.
        """
        late = [battery for battery in self._batteries if battery.may_answer_late]
        if line is not None and late:
            await asyncio.wait({transport.lost}, timeout=LONGEST_LIMIT)
            for battery in late:
                if battery.unit in line.units_heard:
                    battery.answered_again()
        await transport.disconnect()

    async def _finish_disconnect(self) -> None:
        task = self._disconnecting
        if task is None:
            return
        # The task is kept until it has ended: this wait may be cancelled, `close` waits again.
        await asyncio.wait({task}, timeout=2 * DISCONNECT_SECONDS)
        task.cancel()
        if self._disconnecting is task:
            self._disconnecting = None

    async def _read_batteries(self, connection: _Connection, *, brief: bool) -> None:
        """Read every battery, then the details that are due; raises LinkLost."""
        line = connection.line
        wanted = self._extents()
        due = [battery for battery in self._batteries if battery.is_to_be_read()]
        if not due:
            # All batteries have been silent for long: one is asked, on behalf of all.
            scout = min(self._batteries, key=lambda battery: battery.asked_at)
            await scout.poll(line)
            if scout.answered:
                due = [each for each in self._batteries if each is not scout]
        for battery in due:
            extent = wanted.get(battery.unit, Extent.EVERYTHING)
            await battery.poll(line, brief=brief, extent=extent)
            if connection.is_dead:
                for each in self._batteries:
                    each.ask_again()
                raise LinkLost(f"{self._name}: no reply over a connection that stands")
        if brief:
            return
        for battery in self._batteries:
            if battery.answered and battery.details_due_at <= self._clock():
                await battery.read_details(line)
                if wanted:
                    # In the next poll the next battery: this one has taken long enough.
                    return

    def _extents(self) -> dict[int, Extent]:
        """Return what this poll reads of each battery where that need not be everything."""
        if self._kept_interval is None or not is_fast(self._kept_interval):
            return {}
        last = {battery.unit: battery.last_read for battery in self._batteries}
        return extents(self._clock(), self._kept_interval, last)

    def _count(
        self, connections: Sequence[_Connection], started_at: float
    ) -> PollStatistics:
        counters = [connection.line.counters for connection in connections]
        return PollStatistics(
            seconds=self._clock() - started_at,
            connect_seconds=sum(each.connect_seconds for each in connections),
            requests=sum(each.requests for each in counters),
            retries=sum(battery.retries for battery in self._batteries),
            timeouts=sum(each.timeouts for each in counters),
            dropped_frames=sum(each.dropped_frames for each in counters),
        )

    def _report(self) -> LinkReport:
        batteries = self._batteries
        return LinkReport(
            readings={
                battery.unit: reading
                for battery in batteries
                if (reading := _shown(battery)) is not None
            },
            identities={
                battery.unit: battery.identity
                for battery in batteries
                if battery.identity is not None
            },
            configurations={
                battery.unit: battery.configuration
                for battery in batteries
                if battery.configuration is not None
            },
            failed={
                battery.unit: battery.failure
                for battery in batteries
                if battery.failure is not None
            },
            refused={
                battery.unit: battery.refused_by
                for battery in batteries
                if battery.refused_by is not None
            },
            identity_changed=tuple(
                battery.unit for battery in batteries if battery.identity_changed
            ),
            garbled=self._garbled(),
            extents={
                battery.unit: battery.extent
                for battery in batteries
                if battery.extent is not None
            },
            statistics=self._statistics,
        )

    def _garbled(self) -> tuple[int, ...]:
        """Return the units that are silent because their replies are no frames."""
        return tuple(
            battery.unit
            for battery in self._batteries
            if battery.failure is ReadingFailure.SILENT
            and battery.unit in self._garbled_units
        )
