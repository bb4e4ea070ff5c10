# SPDX-License-Identifier: Apache-2.0
"""Tests of the flight recorder of a link: what it keeps, and how little."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
import json
from random import Random
from typing import Any

import pytest

from custom_components.renogy_bt.renogy.exceptions import RenogyError
from custom_components.renogy_bt.renogy.flight_recorder import (
    FlightRecorder,
    PollOfLink,
)
from custom_components.renogy_bt.renogy.link import RenogyLink
from custom_components.renogy_bt.renogy.modbus import with_crc
from custom_components.renogy_bt.renogy.models import LinkReport
from custom_components.renogy_bt.renogy.recording import Exchange, Outcome, Received
from custom_components.renogy_bt.renogy.redaction import Redaction
from tests.bench.flight_recorder import (
    WORST_PIECES,
    babbled,
    poll_cpu_ms,
    size_of,
    worst_of_links,
    worst_timeline,
)

from .fake_link import (
    START,
    FakeLink,
    all_ones,
    four_batteries,
    glued_behind,
    link_to,
    rbt50lfp48s,
    silent,
    wrong_crc,
)
from .virtual_time import on_virtual_time

# As documented, not as the code has it.
MOST_EXCHANGES = 300
MOST_POLLS = 60

ADDRESS = "6C:B2:FD:A1:B2:C3"
NAME = "BT-TH-FDA1B2C3"
SERIAL = b"22RBH4A051020000"


async def recorded(
    fake: FakeLink,
    prepare: Callable[[int], None] = lambda _: None,
    *,
    polls: int = 1,
    recorder: FlightRecorder | None = None,
) -> dict[str, Any]:
    """Poll a link so often, and return what its recorder tells; `prepare` comes before each."""
    link = link_to(fake)
    recorder = recorder or FlightRecorder(Redaction(ADDRESS, NAME))
    for number in range(polls):
        await asyncio.sleep(60)
        prepare(number)
        await record(link, recorder)
    await link.close()
    told: dict[str, Any] = json.loads(json.dumps(recorder.as_data()))
    return told


async def record(link: RenogyLink, recorder: FlightRecorder) -> LinkReport:
    """Poll a link, record that, and return the report."""
    began_at = asyncio.get_running_loop().time()
    report, error = LinkReport(readings={}), None
    try:
        report = await link.poll()
    except RenogyError as raised:
        error = str(raised)
    recorder.polled(
        PollOfLink(
            at=START + timedelta(seconds=began_at),
            began_at=began_at,
            seconds=report.statistics.seconds,
            exchanges=link.exchanges,
            fresh=report.fresh,
            failed=report.failed,
            refused=report.refused,
            error=error,
            rssi=-60,
        )
    )
    return report


def replies(exchange: dict[str, Any]) -> bytes:
    """Return what came in answer."""
    return bytes.fromhex("".join(data for _, data in exchange["replies"]))


@on_virtual_time
async def test_a_good_poll() -> None:
    """How each request went is told, and the frames of each block of each battery."""
    told = await recorded(FakeLink({48: rbt50lfp48s()}))
    (poll,) = told["polls"]
    assert poll["failed"] == poll["refused"] == {}
    assert poll["requests"] == [
        "48:5000x110 refused 194",
        "48:5000x53 answered 298",
        "48:5100x10 answered 214",
        "48:5110x32 answered 257",
        "48:5200x24 answered 241",
    ]
    answers = [each["exchanges"][0] for each in told["answers"]["48"]]
    assert [each["request"][4:12] for each in answers] == [
        "1388006e",
        "13880035",
        "13ec000a",
        "13f60020",
        "14500018",
    ]
    assert replies(answers[1]).startswith(bytes.fromhex("30036a000f0022"))
    assert told["failing"] == told["dropped"] == []


@on_virtual_time
async def test_a_serial_number_is_left_out_and_the_model_is_not() -> None:
    """Both stand in one block."""
    told = await recorded(FakeLink({48: rbt50lfp48s(serial=SERIAL.decode())}))
    identity = told["answers"]["48"][3]["exchanges"][0]
    assert identity["redacted"]
    assert b"RBT50LFP48S" in replies(identity)
    assert SERIAL.hex() not in json.dumps(told)
    assert SERIAL[4:].hex() not in json.dumps(told)


@on_virtual_time
async def test_a_battery_that_falls_silent() -> None:
    """What it last answered is kept, and what it does not answer now."""
    fake = four_batteries()

    def prepare(number: int) -> None:
        if number == 1:
            del fake.units[50]

    told = await recorded(fake, prepare, polls=2)
    assert len(told["answers"]["50"]) == 5
    assert told["polls"][1]["failed"] == {"50": "silent"}
    (failing,) = told["failing"]
    of_battery = [
        each for each in failing["exchanges"] if each["request"].startswith("32")
    ]
    assert of_battery
    assert all(each["replies"] == [] for each in of_battery)
    requests = told["polls"][1]["requests"]
    assert any(each.startswith("50:5000x53 silent") for each in requests)


@on_virtual_time
async def test_a_battery_for_which_there_is_no_room() -> None:
    """Its answers are kept all or not at all, poll after poll; those of the others stay."""
    units = range(48, 64)
    fake = FakeLink({unit: rbt50lfp48s() for unit in units})
    recorder = FlightRecorder(Redaction(ADDRESS, NAME), links=4)
    told = await recorded(fake, polls=3, recorder=recorder)
    assert told["polls"][-1]["failed"] == {}
    kept = {unit: len(each) for unit, each in told["answers"].items()}
    assert {*kept.values()} == {5}
    assert 4 <= len(kept) < len(units)


@on_virtual_time
async def test_what_cannot_be_true() -> None:
    """The check that refused a reading is told with the frames that hold it."""
    fake = FakeLink({48: rbt50lfp48s()})

    def prepare(number: int) -> None:
        if number == 1:
            fake.always = [all_ones]

    told = await recorded(fake, prepare, polls=2)
    assert told["polls"][1]["refused"].keys() == {"48"}
    assert any(
        replies(exchange)[3:].startswith(b"\xff" * 100)
        for exchange in told["failing"][0]["exchanges"]
    )


@on_virtual_time
async def test_frames_that_are_no_answer() -> None:
    """Each is kept with the reason for which it was not taken."""
    stranger = with_crc(bytes.fromhex("6003020001"))

    fake = FakeLink({48: rbt50lfp48s()})
    # Each fault falls on the reply to one block.
    fake.faults = {
        (48, "5000x53"): [wrong_crc],
        (48, "5100x10"): [glued_behind(stranger)],
    }
    told = await recorded(fake, polls=1)
    assert [{*each["reasons"]} for each in told["dropped"]] == [
        {"no_frame"},
        {"other"},
    ]
    assert told["dropped"][1]["received"].startswith(stranger.hex())


@on_virtual_time
async def test_a_lost_reply_is_no_failure() -> None:
    """A poll that brought every reading is no failing one, and its retry is seen."""
    fake = FakeLink({48: rbt50lfp48s()})

    def prepare(number: int) -> None:
        if number == 1:
            fake.faults = {(48, "5100x10"): [silent]}

    told = await recorded(fake, prepare, polls=2)
    assert told["failing"] == []
    went = [each.rpartition(" ")[0] for each in told["polls"][1]["requests"]]
    at = went.index("48:5100x10 silent")
    assert went[at + 1] == "48:5100x10 answered"


@on_virtual_time
async def test_a_link_that_is_not_reached() -> None:
    """The reason is told; nothing went over any line."""
    fake = four_batteries()
    fake.unreachable = "abort-by-local"
    told = await recorded(fake)
    assert told["polls"][0]["error"] == "abort-by-local"
    assert told["polls"][0]["requests"] == []


MOST_MEMORY = 550_000
"""Of all links of a bank, in bytes; an adapter's timeline takes less than 450,000 of the 1 MB."""
MOST_TOLD = 160_000
"""Of all links of a bank, in characters of JSON; a file has 300,000."""


@pytest.mark.parametrize("links", [1, 4])
@pytest.mark.parametrize(("requests", "piece"), WORST_PIECES)
def test_it_stays_small(links: int, requests: int, piece: int) -> None:
    """Links on which every poll fails with much noise, for hours, fill no memory and no file."""
    memory, told = worst_of_links(links, requests, piece)
    assert memory < MOST_MEMORY
    assert told < MOST_TOLD


def test_the_timeline_of_an_adapter_stays_small() -> None:
    """An adapter of which there is always something to keep leaves room for the links."""
    assert size_of(worst_timeline()) < 450_000


def _went(at: float, error: str | None = None) -> PollOfLink:
    """Return a poll at a time in s, of which one request is kept."""
    request = bytes.fromhex("300313880035") + b"xx"
    return PollOfLink(
        at=START + timedelta(seconds=at),
        began_at=at,
        seconds=0.5,
        exchanges=[Exchange(at, request, [Received(at, b"reply")], Outcome.ANSWERED)],
        fresh=() if error else (48,),
        failed={48: "silent"} if error else {},
        refused={},
        error=error,
    )


def test_polls_every_two_seconds() -> None:
    """Half an hour of them is told, the newest one always, and what broke it in between."""
    recorder = FlightRecorder(Redaction(ADDRESS, NAME))
    for at in range(0, 1800, 2):
        recorder.polled(_went(float(at), "lost" if at == 900 else None))
    told = recorder.as_data()
    times = [
        (datetime.fromisoformat(each["at"]) - START).total_seconds()
        for each in told["polls"]
    ]
    assert len(times) == MOST_POLLS
    assert times[0] <= 60
    assert times[-1] == 1798
    assert 900 in times
    assert [each["error"] for each in told["polls"]].count("lost") == 1
    assert len(told["failing"]) == 1
    assert told["answers"]["48"][0]["exchanges"][0]["at"] == 0.0


def test_failing_polls_every_two_seconds() -> None:
    """Of a row of polls that fail alike the first is kept, and not only the last seconds."""
    recorder = FlightRecorder(Redaction(ADDRESS, NAME))
    for at in range(0, 60, 2):
        recorder.polled(_went(float(at), "lost"))
    times = [
        (datetime.fromisoformat(each["at"]) - START).total_seconds()
        for each in recorder.as_data()["failing"]
    ]
    assert times == [0, 30, 58]


def test_a_long_poll_is_kept_from_its_beginning() -> None:
    """A failing poll that is too large for the room is not lost as a whole."""
    recorder = FlightRecorder(Redaction(ADDRESS, NAME), links=4)
    exchanges = babbled(Random(1), 0.0, MOST_EXCHANGES, 20)
    poll = replace(_went(0.0, "lost"), exchanges=exchanges)
    recorder.polled(poll)
    (failing,) = recorder.as_data()["failing"]
    kept = [each["request"] for each in failing["exchanges"]]
    assert 20 < len(kept) < MOST_EXCHANGES
    assert kept == [each.request.hex() for each in exchanges[: len(kept)]]


def test_it_costs_little() -> None:
    """A poll of four batteries takes less than 0.2 ms more."""
    assert min(poll_cpu_ms() for _ in range(3)) < 0.2
