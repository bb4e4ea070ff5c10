# SPDX-License-Identifier: Apache-2.0
"""The report of a probe that failed: what it tells, what it leaves out, and how large it is."""

import asyncio
from dataclasses import replace
import json
from typing import Any
from unittest.mock import patch

import pytest

from custom_components.renogy_bt.links.connection import CONNECTIONS
from custom_components.renogy_bt.links.probing import ProbeProblem, async_probe_link
from custom_components.renogy_bt.renogy.line import UNASKED_BYTES
from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant
from tests.fake_air import DONGLE, DONGLE_NAME, FakeAir
from tests.renogy.fake_link import (
    Delivery,
    FakeBattery,
    FakeLink,
    rbt50lfp48s,
    text_words,
)

SERIAL = "50LFP48S20240815"
NAMELESS = "F0:F8:F2:A1:B2:C3"


def controller(model: str = "RNG-CTRL-RVR40") -> FakeLink:
    """Return a charge controller."""
    device = FakeBattery(readable=((0x000A, 0x0014),))
    device.put(0x000C, text_words(model, 8))
    return FakeLink({96: device})


async def problem_of(
    hass: HomeAssistant, address: str = DONGLE, name: str = DONGLE_NAME
) -> ProbeProblem:
    """Return why a probe failed."""
    problem = await async_probe_link(hass, address, name, (10, 11))
    assert isinstance(problem, ProbeProblem)
    return problem


def read(problem: ProbeProblem) -> dict[str, Any]:
    """Return the report as a program reads it."""
    report: dict[str, Any] = json.loads(problem.report)
    return report


async def test_what_a_report_tells(hass: HomeAssistant, air: FakeAir) -> None:
    """The whole of a charge controller's report, but the times and versions."""
    air.links[DONGLE] = controller()
    air.advertise(
        manufacturer_data={0xB26C: bytes.fromhex("fda1b2c3")},
        service_uuids=["0000ffd0-0000-1000-8000-00805f9b34fb"],
        rssi=-71,
    )
    problem = await problem_of(hass)
    assert problem.final
    report = read(problem)
    assert report["kind"] == "failed_set_up"
    assert report["version"] == 1
    assert report["outcome"] == "charge_controller"
    assert report["address"] == "6C:B2:FD:00:00:01"
    assert report["family"] == "standard"
    assert report["unit_ids"] == [10, 11]
    assert report["left_out"] == 0
    assert report["advertisement"] == {
        "name": "BT-TH",
        "name_length": 14,
        "services": ["0000ffd0-0000-1000-8000-00805f9b34fb"],
        "manufacturer_data": ["6cb2fd000001"],
        "service_data": {},
        "rssi": -71,
        "connectable": True,
    }
    assert 0 <= report["connected_at"] <= report["seconds"]
    times = [each["at"] for each in report["exchanges"]]
    assert times == sorted(times)
    model = next(
        each
        for each in report["exchanges"]
        if each["request"][2:].startswith("03000c0008") and each["replies"]
    )
    replied = "".join(data for _, data in model["replies"])
    assert b"RNG-CTRL-RVR40".hex() in replied
    assert "redacted" not in model
    silent = [each for each in report["exchanges"] if each["request"][:2] == "0a"]
    assert silent
    assert all(each["replies"] == [] for each in silent)


async def test_a_report_gives_nobody_away(hass: HomeAssistant, air: FakeAir) -> None:
    """Not by what is advertised, nor by what a peripheral answers where nobody asked for it."""
    number = int.from_bytes(SERIAL.encode()[:2])
    chatty = FakeBattery(readable=((0x000A, 0x0014), (5000, 5000)))
    chatty.put(0x000C, text_words("FDA1B2C3-A1B2C3", 8))
    chatty.put(5000, [number])
    air.links[DONGLE] = FakeLink({96: chatty})
    air.advertise(manufacturer_data={0x1234: bytes.fromhex("c3b2a1fdb26c")})
    problem = await problem_of(hass)
    searched = problem.report.lower()
    raw = bytes.fromhex("6cb2fda1b2c3")
    for part in (raw, raw[2:]):
        for each in (part, part[::-1]):
            assert each.hex() not in searched
            assert each.hex().encode().hex() not in searched
            assert each.hex().upper().encode().hex() not in searched
    assert DONGLE_NAME.lower() not in searched
    assert DONGLE.lower() not in searched


async def test_a_late_reply_with_a_serial_number(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """A serial number that another program has asked for is left out, cut in parts too."""
    link = controller()
    air.bring(link)
    frame = b"\x60\x03\x10" + SERIAL.encode() + b"\x11\x22"

    def babbling(delivery: Delivery) -> Delivery:
        parts = (frame[:9], frame[9:], *delivery.fragments)
        return replace(delivery, fragments=parts)

    link.always = [babbling]
    report = (await problem_of(hass)).report
    told = "".join(
        data for each in json.loads(report)["exchanges"] for _, data in each["replies"]
    )
    assert SERIAL.encode().hex() not in told
    assert SERIAL.encode()[6:].hex() not in told
    assert '"redacted":true' in report


async def test_a_device_without_a_name(hass: HomeAssistant, air: FakeAir) -> None:
    """It is told that no name was heard; the address in its place is not one."""
    air.bring(controller(), NAMELESS, "")
    report = read(await problem_of(hass, NAMELESS, NAMELESS))
    assert report["advertisement"]["name"] is None
    assert report["family"] == "undecided"
    assert "A1:B2:C3" not in json.dumps(report)


async def test_a_device_that_is_not_heard(hass: HomeAssistant, air: FakeAir) -> None:
    """Nothing is made up of what was not heard or asked."""
    problem = await problem_of(hass)
    assert problem.key == "not_reachable"
    report = read(problem)
    assert report["advertisement"] is None
    assert report["connected_at"] is None
    assert report["exchanges"] == report["characteristics"] == []
    assert DONGLE not in problem.report


@pytest.mark.parametrize(
    "babble",
    [(bytes(200),) * 200, (bytes(1),) * 3000, (b"",) * 3000],
    ids=["long", "short", "empty"],
)
async def test_a_report_stays_small(
    hass: HomeAssistant, air: FakeAir, babble: tuple[bytes, ...]
) -> None:
    """A peripheral that babbles without end fills neither the memory nor the form."""
    link = controller()
    air.links[DONGLE] = link
    air.advertise(
        name="BT-TH" + 240 * "X",
        manufacturer_data={company: bytes(20) for company in range(0xFE00, 0xFFFF)},
        service_uuids=[
            f"{number:08x}-0000-1000-8000-00805f9b34fb" for number in range(500)
        ],
    )

    def babbling(delivery: Delivery) -> Delivery:
        return replace(delivery, fragments=babble + delivery.fragments)

    link.always = [babbling]
    problem = await problem_of(hass)
    # More bytes than a line can carry end the connection, at once or with the next request.
    assert problem.key == ("connection_lost" if any(babble) else "charge_controller")
    is_ended_at_once = sum(map(len, babble)) > UNASKED_BYTES
    assert (read(problem)["left_out"] > 0) is not is_ended_at_once
    assert len(problem.report) < 60_000, "an issue takes 65,536 characters"


@pytest.mark.parametrize("is_battery", [False, True])
async def test_a_failed_probe_leaves_nothing_connected(
    hass: HomeAssistant, air: FakeAir, is_battery: bool
) -> None:
    """Nothing follows a refusal; after a battery was found, the first poll does."""
    link = FakeLink({48: rbt50lfp48s()}) if is_battery else controller()
    air.bring(link)
    await async_probe_link(hass, DONGLE, DONGLE_NAME)
    (connection,) = link.connections
    assert connection.lost.done() is not is_battery
    assert (DONGLE in hass.data[CONNECTIONS].left) is is_battery


async def test_names_of_adapters_and_proxies_are_left_out(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """Why a device cannot be reached is told of scanners, which have rooms for names."""
    air.links[DONGLE] = controller()
    air.advertise(connectable=False)
    (scanner,) = bluetooth.async_current_scanners(hass)
    with patch.object(scanner, "name", "bedroom-of-jan"):
        problem = await problem_of(hass)
    assert problem.key == "not_reachable"
    assert "bedroom" in problem.reason
    assert "bedroom" not in problem.report


async def test_a_dialogue_that_is_closed_leaves_nothing_connected(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """Nobody waits for the values of a link whose set-up was given up."""
    link = controller()
    air.links[DONGLE] = link
    air.advertise()
    probe = asyncio.ensure_future(async_probe_link(hass, DONGLE, DONGLE_NAME))
    while not link.connections:
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    probe.cancel()
    await asyncio.wait([probe])
    assert link.connections[0].lost.done()
    assert not hass.data[CONNECTIONS].left
