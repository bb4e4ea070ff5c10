"""A link: one peripheral and the batteries behind it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
import time
from typing import Any, Final

from .battery import Battery
from .exceptions import LinkLost, LinkSilent, ReplyTimeout
from .families import Family
from .line import Line
from .modbus import ReadRequest
from .models import LinkReport, PollStatistics
from .probe import probe
from .timing import ReplyTimes
from .transport import DISCONNECT_SECONDS, Connector, Transport, open_transport

__all__ = ["RenogyLink", "probe"]

POLL_SECONDS: Final = 30.0
# However long connecting took, reading gets this much.
LEAST_READING_SECONDS: Final = 10.0


def utcnow() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


class RenogyLink:
    """The batteries behind one peripheral, polled over one connection at a time.

    A poll connects, reads every unit, and lets the disconnect go on in the background: a link
    that is held would block the owner's app and silence the peripheral's advertisements.
    """

    def __init__(
        self,
        name: str,
        units: Sequence[int],
        connector: Connector,
        *,
        family: Family,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utcnow,
    ) -> None:
        """Remember whom to ask; nothing is connected yet.

        `clock` counts seconds and never jumps, `now` stamps readings in UTC.
        """
        self.units = tuple(units)
        self._name = name
        self._connector = connector
        self._family = family
        self._clock = clock
        self._batteries = tuple(
            Battery(unit, family, clock, now) for unit in self.units
        )
        self._times = ReplyTimes()
        self._in_use = asyncio.Lock()
        self._disconnecting: asyncio.Task[None] | None = None
        self._statistics = PollStatistics()

    async def poll(self) -> LinkReport:
        """Read every unit that is due and report; a partial poll is a good poll.

        Raises LinkUnreachable when there is no connection, LinkSilent when not one unit
        answered on it.
        """
        async with self._in_use:
            for battery in self._batteries:
                battery.begin_poll()
            await self._finish_disconnect()
            started_at = self._clock()
            transport = await open_transport(self._connector)
            line = Line(transport, self._times)
            connected_at = self._clock()
            limit = max(LEAST_READING_SECONDS, started_at + POLL_SECONDS - connected_at)
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(limit):
                        await self._read_batteries(line)
            except LinkLost:
                for battery in self._batteries:
                    battery.link_lost()
            finally:
                self._statistics = self._count(line, started_at, connected_at)
                self._disconnect(transport)
            if not transport.lost.done() and not any(
                battery.answered for battery in self._batteries
            ):
                raise LinkSilent(f"{self._name}: no battery answers")
            return self._report()

    async def read_registers(
        self, unit: int, address: int, count: int
    ) -> tuple[int, ...]:
        """Read up to 125 registers of one unit over a connection of its own.

        Raises ValueError for what cannot be asked, LinkUnreachable, LinkLost, ReplyTimeout or
        ExceptionReply.
        """
        request = ReadRequest(unit, address, count)
        async with self._in_use:
            await self._finish_disconnect()
            transport = await open_transport(self._connector)
            try:
                line = Line(transport, self._times)
                try:
                    frame = await line.read(request)
                except ReplyTimeout:
                    frame = await line.read(request)
            finally:
                self._disconnect(transport)
        return tuple(
            int.from_bytes(frame.data[at : at + 2], "big")
            for at in range(0, len(frame.data), 2)
        )

    async def close(self) -> None:
        """Wait, bounded, for the last disconnect."""
        async with self._in_use:
            await self._finish_disconnect()

    def diagnostics(self) -> dict[str, Any]:
        """Return plans, reply times in ms, counters and the last raw frames, by unit."""
        return {
            "family": self._family.key,
            "units": {
                str(battery.unit): {
                    **battery.diagnostics(),
                    "reply_milliseconds": {
                        str(count): milliseconds
                        for count, milliseconds in self._times.as_milliseconds(
                            battery.unit
                        ).items()
                    },
                }
                for battery in self._batteries
            },
        }

    def _disconnect(self, transport: Transport) -> None:
        self._disconnecting = asyncio.create_task(
            transport.disconnect(), name=f"Disconnect {self._name}"
        )

    async def _finish_disconnect(self) -> None:
        task, self._disconnecting = self._disconnecting, None
        if task is None:
            return
        await asyncio.wait({task}, timeout=2 * DISCONNECT_SECONDS)
        task.cancel()

    async def _read_batteries(self, line: Line) -> None:
        """Read every battery, then the details that are due; raises LinkLost."""
        due = [battery for battery in self._batteries if battery.is_due()]
        if due:
            await self._read_measurements(line, due)
        else:
            # All have been silent for long: one is asked for all of them.
            scout = min(self._batteries, key=lambda battery: battery.asked_at)
            await scout.poll(line)
            if scout.answered:
                others = [each for each in self._batteries if each is not scout]
                await self._read_measurements(line, others)
        for battery in self._batteries:
            if battery.answered:
                await battery.read_details(line)

    async def _read_measurements(self, line: Line, batteries: list[Battery]) -> None:
        for battery in batteries:
            await battery.poll(line)

    def _count(
        self, line: Line, started_at: float, connected_at: float
    ) -> PollStatistics:
        counters = line.counters
        return PollStatistics(
            seconds=self._clock() - started_at,
            connect_seconds=connected_at - started_at,
            requests=counters.requests,
            replies=counters.replies,
            retries=sum(battery.retries for battery in self._batteries),
            timeouts=counters.timeouts,
            invalid_blocks=sum(battery.invalid_blocks for battery in self._batteries),
            dropped_frames=counters.dropped_frames,
            bytes_received=counters.bytes_received,
        )

    def _report(self) -> LinkReport:
        batteries = self._batteries
        return LinkReport(
            readings={
                battery.unit: battery.reading
                for battery in batteries
                if battery.reading is not None
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
            identity_changed=tuple(
                battery.unit for battery in batteries if battery.identity_changed
            ),
            statistics=self._statistics,
        )
