# SPDX-License-Identifier: Apache-2.0
"""One contender on one dongle: polled, and judged by what it publishes."""

import asyncio
from dataclasses import dataclass
from time import thread_time
from typing import Final

from tests.renogy.virtual_time import VirtualTimeLoop

from .bank import owners_units
from .dongle import Dongle
from .figures import Measured, Row, TroubleFigures
from .judge import Judge
from .systems import Contender, Published, System
from .troubles import TROUBLES, Dice

# What the troubles count polls by; readers that poll more often get as much in as much time.
INTERVAL_SECONDS: Final = 30.0
# What a system learns, it learns before trouble begins; the first of these polls is the cold one.
POLLS_IN_PEACE: Final = 3
# The dongle wedges in the middle of a poll.
WEDGED_AFTER_SECONDS: Final = 1.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to measure, after `POLLS_IN_PEACE`: `polls` polls, or `exchanges` requests if given.

    `trouble` is a key of `TROUBLES`.
    """

    contender: Contender
    trouble: str
    polls: int = 0
    exchanges: int = 0
    seed: int = 1


def measure(job: Job) -> Measured:
    """Do a job, on a virtual clock of its own."""

    async def session() -> Measured:
        return await _Session(job).measure()

    loop = VirtualTimeLoop()
    try:
        return loop.run_until_complete(session())
    finally:
        loop.close()


@dataclass(slots=True)
class _Totals:
    """Sums over the warm polls."""

    polls: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    longest_wait: float = 0.0
    cpu: float = 0.0
    words: int = 0


@dataclass(frozen=True, slots=True)
class _Counters:
    """The dongle's counters at one moment."""

    requests: int
    connects: int
    line_bytes: int
    line_seconds: float


class _Session:
    def __init__(self, job: Job) -> None:
        contender, trouble = job.contender, TROUBLES[job.trouble]
        self._job = job
        self._trouble = trouble
        self._loop = asyncio.get_running_loop()
        self._dice = Dice(trouble, f"{contender.key} {trouble.key} {job.seed}")
        self._dongle = Dongle(
            owners_units(in_one_block=contender.in_one_block), self._dice
        )
        self._judge = Judge(self._dongle, contender.batteries)
        self._totals = _Totals()
        self._epoch = 0
        self._cold = 0.0
        self._before = self._counters()

    async def measure(self) -> Measured:
        with self._job.contender.open(self._dongle) as system:
            await self._poll_in_peace(system)
            self._dice.begin()
            for _ in range(self._trouble.settling_polls):
                await self._poll(system)
            self._count_from_here()
            while not self._is_done():
                self._wedge_now_and_then()
                await self._poll(system)
            await system.close()
        return Measured(self._row(), self._figures())

    async def _poll_in_peace(self, system: System) -> None:
        for number in range(POLLS_IN_PEACE):
            await self._poll(system)
            if number == 0:
                self._cold = self._totals.seconds
        self._judge.peace_ends()

    def _count_from_here(self) -> None:
        self._totals = _Totals()
        self._before = self._counters()
        self._judge.count_from_here()

    def _is_done(self) -> bool:
        if self._job.exchanges:
            sent = self._counters().requests - self._before.requests
            return sent >= self._job.exchanges
        return self._totals.polls >= self._job.polls

    def _wedge_now_and_then(self) -> None:
        trouble = self._trouble
        interval = self._job.contender.interval
        every = round(trouble.wedged_every * INTERVAL_SECONDS / interval)
        if every and self._totals.polls % every == 0:
            self._loop.call_later(WEDGED_AFTER_SECONDS, self._dice.wedge)
            self._loop.call_later(
                WEDGED_AFTER_SECONDS + trouble.wedged_seconds, self._release
            )

    def _release(self) -> None:
        self._dice.release()
        self._judge.outages.trouble_ended(self._loop.time())

    async def _poll(self, system: System) -> None:
        """Poll once in a new epoch, judge, and wait for the next poll's time."""
        self._epoch += 1
        self._dongle.move_to(self._epoch)
        self._dongle.words.clear()
        started_at, line_before = self._loop.time(), self._dongle.line_seconds
        published = await self._timed_poll(system)
        ended_at = self._loop.time()
        self._judge.judge(published, ended_at)
        self._count(ended_at - started_at, self._dongle.line_seconds - line_before)
        interval = self._job.contender.interval
        await asyncio.sleep(max(0.0, started_at + interval - ended_at))

    async def _timed_poll(self, system: System) -> Published:
        meter = self._dongle.meter
        cpu, emulation = thread_time(), meter.emulation
        published = await system.poll()
        self._totals.cpu += thread_time() - cpu - (meter.emulation - emulation)
        return published

    def _count(self, seconds: float, line_seconds: float) -> None:
        totals = self._totals
        totals.polls += 1
        totals.seconds += seconds
        totals.longest = max(totals.longest, seconds)
        totals.longest_wait = max(totals.longest_wait, seconds - line_seconds)
        totals.words += len(self._dongle.words)

    def _counters(self) -> _Counters:
        statistics = self._dongle.statistics
        return _Counters(
            requests=statistics.requests,
            connects=statistics.connects,
            line_bytes=statistics.request_bytes + statistics.reply_bytes,
            line_seconds=self._dongle.line_seconds,
        )

    def _row(self) -> Row:
        contender, totals, judge = self._job.contender, self._totals, self._judge
        before, after = self._before, self._counters()
        return Row(
            system=contender.system,
            mode=contender.mode,
            batteries=contender.batteries,
            trouble=self._job.trouble,
            seconds_cold=round(self._cold, 3),
            seconds_warm=round(totals.seconds / totals.polls, 3),
            requests=round((after.requests - before.requests) / totals.polls, 3),
            connects=round((after.connects - before.connects) / totals.polls, 3),
            words=round(totals.words / totals.polls, 2),
            words_per_second=round(totals.words / totals.seconds, 2),
            line_share=round(
                (after.line_seconds - before.line_seconds) / totals.seconds, 4
            ),
            cpu_ms=round(1000 * totals.cpu / totals.polls, 3),
            peak_mb=None,
            polls_complete=judge.complete,
            polls_partial=judge.partial,
            polls_failed=judge.failed,
            wrong_values=judge.wrong_values,
        )

    def _figures(self) -> TroubleFigures:
        contender, judge = self._job.contender, self._judge
        before, after = self._before, self._counters()
        outages = judge.outages
        return TroubleFigures(
            system=contender.system,
            mode=contender.mode,
            batteries=contender.batteries,
            trouble=self._job.trouble,
            polls=self._totals.polls,
            exchanges=after.requests - before.requests,
            line_bytes=after.line_bytes - before.line_bytes,
            happened=dict(self._dice.happened),
            readings_share=round(judge.readings / max(1, judge.expected), 5),
            held_readings=judge.held_readings,
            wrong_readings=judge.wrong_readings,
            seconds_longest=round(self._totals.longest, 3),
            seconds_waited_longest=round(self._totals.longest_wait, 3),
            outages=len(outages.ended),
            seconds_back=outages.mean,
            seconds_back_longest=outages.longest,
        )
