# SPDX-License-Identifier: Apache-2.0
"""What the flight recorders take: CPU time of a poll, and memory and room in a file at the worst."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
import json
from random import Random
from statistics import median
from sys import getsizeof
from time import thread_time
from typing import Final

from custom_components.renogy_bt.adapter_health.timeline import Timeline
from custom_components.renogy_bt.renogy.flight_recorder import (
    FlightRecorder,
    PollOfLink,
)
from custom_components.renogy_bt.renogy.recording import (
    BYTES_OF_NOTIFICATION,
    MOST_BYTES,
    MOST_DROPS,
    MOST_EXCHANGES,
    Drop,
    Exchange,
    Outcome,
    Received,
)
from custom_components.renogy_bt.renogy.redaction import Redaction
from tests.renogy.fake_link import START, four_batteries, link_to
from tests.renogy.virtual_time import run

from .figures import FlightRecorderCost

ADDRESS: Final = "6C:B2:FD:A1:B2:C3"
NAME: Final = "BT-TH-FDA1B2C3"
POLLS: Final = 80
"""More than are kept."""
TIMES: Final = 300
WORST_PIECES: Final = ((MOST_EXCHANGES, 1), (MOST_EXCHANGES, 20), (60, 250))
"""Requests of a poll, and bytes of a notification."""
WORST_ADAPTER: Final = "loose-plug"
ADAPTER_HOURS: Final = 4


def measure_flight_recorder() -> FlightRecorderCost:
    """Measure a bank of four batteries, and the worst that a line lets through."""
    worst = [
        worst_of_links(links, requests, piece)
        for links in (1, 4)
        for requests, piece in WORST_PIECES
    ]
    return FlightRecorderCost(
        poll_cpu_ms=round(poll_cpu_ms(), 3),
        links_mb=round(max(memory for memory, _ in worst) / 1e6, 2),
        adapter_mb=round(size_of(worst_timeline()) / 1e6, 2),
        links_kb_of_file=round(max(told for _, told in worst) / 1e3, 1),
    )


def poll_cpu_ms() -> float:
    """Return the CPU time that recording a poll of four batteries takes, by the line and after it."""

    async def main() -> float:
        link = link_to(four_batteries())
        await link.poll()
        report = await link.poll()
        recorder = FlightRecorder(Redaction(ADDRESS, NAME))
        took = []
        for number in range(TIMES):
            began = thread_time()
            exchanges = [_recorded_again(each) for each in link.exchanges]
            recorder.polled(
                PollOfLink(
                    at=START + timedelta(minutes=number),
                    began_at=0.0,
                    seconds=report.statistics.seconds,
                    exchanges=exchanges,
                    fresh=report.fresh,
                    failed=report.failed,
                    refused=report.refused,
                )
            )
            took.append(thread_time() - began)
        await link.close()
        return 1000 * median(took)

    return run(main)


def _recorded_again(exchange: Exchange) -> Exchange:
    """Record an exchange as a line does."""
    recorded = Exchange(exchange.at, exchange.request, outcome=Outcome.BROKEN_OFF)
    for received in exchange.received:
        recorded.received.append(Received(received.at, received.data))
    recorded.outcome, recorded.ended_at = exchange.outcome, exchange.ended_at
    return recorded


def babbled(random: Random, at: float, requests: int, piece: int) -> list[Exchange]:
    """Return what a line keeps at most of a poll in which everything goes wrong."""
    pieces = MOST_BYTES // requests // (BYTES_OF_NOTIFICATION + piece)
    return [
        Exchange(
            at + number,
            bytes((48 + number % 40, 3, *random.randbytes(6))),
            [Received(at + number, random.randbytes(piece)) for _ in range(pieces)],
            Outcome.SILENT if number % 2 else Outcome.ANSWERED,
            at + number + 0.9,
            [Drop.OTHER] * MOST_DROPS,
        )
        for number in range(requests)
    ]


def worst_of_links(links: int, requests: int, piece: int) -> tuple[int, int]:
    """Return how many bytes of memory and characters of JSON the links of a bank take.

    On each of them every poll fails with much noise, for longer than is kept.
    """
    random = Random(1)
    memory = told = 0
    for _ in range(links):
        recorder = FlightRecorder(Redaction(ADDRESS, NAME), links=links)
        for poll in range(POLLS):
            at = 60.0 * poll
            recorder.polled(
                PollOfLink(
                    at=START + timedelta(seconds=at),
                    began_at=at,
                    seconds=30.0,
                    exchanges=babbled(random, at, requests, piece),
                    fresh=range(256) if poll % 2 else (),
                    failed=dict.fromkeys(range(48, 64), "silent"),
                    refused=dict.fromkeys(range(48, 64), "voltage"),
                    error="x" * 1000,
                )
            )
        memory += size_of(recorder)
        told += len(json.dumps(recorder.as_data()))
    return memory, told


def worst_timeline() -> Timeline:
    """Return the timeline of an adapter of which there is always something to keep."""
    # Its worlds know all of adapter health, which only this needs.
    from tests.health_months.worlds import WORLDS  # noqa: PLC0415

    place = WORLDS[WORST_ADAPTER].place(management_socket=False, pace=0.02)
    place.run(ADAPTER_HOURS * 3600.0)
    return place.health.timeline


def size_of(thing: object, seen: set[int] | None = None) -> int:
    """Return how many bytes an object takes, with all that it holds."""
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, type):
        return 0
    seen.add(id(thing))
    parts: list[object] = []
    if isinstance(thing, Mapping):
        parts = [*thing, *thing.values()]
    elif not isinstance(thing, (str, bytes)):
        parts = list(thing) if hasattr(thing, "__iter__") else []
        if is_dataclass(thing):
            parts += [getattr(thing, each.name) for each in fields(thing)]
        parts += vars(thing).values() if hasattr(thing, "__dict__") else []
    return getsizeof(thing) + sum(size_of(part, seen) for part in parts)
