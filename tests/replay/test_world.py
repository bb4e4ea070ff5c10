# SPDX-License-Identifier: Apache-2.0
"""Tests of the worlds that are made of recordings: they say again what was said."""

import asyncio
from functools import partial
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from custom_components.renogy_bt.renogy.flight_recorder import FlightRecorder
from custom_components.renogy_bt.renogy.models import LinkReport
from custom_components.renogy_bt.renogy.redaction import Redaction
from tests.renogy.fake_link import (
    FakeBattery,
    FakeLink,
    Fault,
    all_ones,
    glued_behind,
    in_parts,
    late,
    link_to,
    rbt50lfp48s,
    silent,
    text_words,
    wrong_crc,
)
from tests.renogy.test_flight_recorder import ADDRESS, NAME, record
from tests.renogy.virtual_time import on_virtual_time, run

from .comparison import compare
from .emulated_line import EmulatedLine
from .field_report import Diagnostics
from .reading import parse_report, read_report
from .world import checked_world, world_of

NOTHING_SHOWN: dict[str, Any] = {"batteries": [], "bank": {}}


def file_of(told: dict[str, Any], report: LinkReport, units: list[int]) -> str:
    """Return the diagnostics of a link, as far as a replay needs them."""
    return json.dumps(
        {
            "kind": "diagnostics",
            "version": 1,
            "links": [
                {
                    "paused": False,
                    "last_update_success": True,
                    "client": {"family": "standard"},
                    "batteries": [
                        {
                            "unit": unit,
                            "failure": report.failed.get(unit),
                            "published": {"voltage": report.readings[unit].voltage}
                            if unit in report.readings
                            else {"voltage": None},
                        }
                        for unit in units
                    ],
                    "recording": {
                        "address": "6C:B2:FD:00:00:01",
                        "advertisement": {"name": "BT-TH", "name_length": 14},
                        **told,
                    },
                }
            ],
        }
    )


async def replayed(fake: FakeLink, polls: int = 2) -> tuple[LinkReport, LinkReport]:
    """Poll a link, and poll what its recording makes of it; return both last reports."""
    units = list(fake.units)
    link, recorder = link_to(fake), FlightRecorder(Redaction(ADDRESS, NAME))
    for _ in range(polls):
        await asyncio.sleep(60)
        report = await record(link, recorder)
    await link.close()
    text = file_of(recorder.as_data(), report, units)
    (emulated,) = checked_world(world_of(parse_report(text))).links
    line = EmulatedLine(emulated)
    again = link_to(FakeLink({}), units, connector=line.connect)
    later = FlightRecorder(Redaction(ADDRESS, NAME))
    for _ in range(polls):
        await asyncio.sleep(60)
        now = await record(again, later)
    await again.close()
    return report, now


def values(report: LinkReport) -> dict[int, Any]:
    """Return what a report says, but when."""
    return {
        unit: (
            {
                name: getattr(reading, name)
                for name in reading.__slots__
                if name != "read_at"
            },
            getattr(report.identities.get(unit), "model", None),
            report.configurations.get(unit),
        )
        for unit, reading in report.readings.items()
    }


def any_battery(random: Random) -> FakeBattery:
    """Return a battery with other values, and other blocks that it gives."""
    battery = rbt50lfp48s(
        remaining=random.randrange(50_000),
        current=random.randrange(-10_000, 10_000),
        cycles=random.randrange(5000),
    )
    cells = random.randrange(4, 17)
    battery.put(5000, [cells, *(random.randrange(28, 36) for _ in range(cells))])
    sensors = random.randrange(1, 17)
    battery.put(5017, [sensors, *(random.randrange(600) for _ in range(sensors))])
    battery.put(5122, text_words(f"RBT{random.randrange(10_000)}LFP48S", 8))
    total = sum(battery.registers.get(5001 + each, 0) for each in range(cells))
    battery.put(5043, [total])
    battery.readable = random.choice(
        [
            ((5000, 5052), (5100, 5141), (5200, 5229)),
            ((5000, 5109), (5110, 5141), (5200, 5223)),
            ((5000, 5033), (5035, 5052), (5100, 5109), (5122, 5129)),
            ((5000, 5052), (5106, 5107)),
        ]
    )
    return battery


@pytest.mark.parametrize("seed", range(25))
def test_random_batteries_say_the_same_again(seed: int) -> None:
    """Whatever they say, and whatever blocks they give."""
    random = Random(seed)
    units = random.sample(range(48, 56), random.randrange(1, 4))
    fake = FakeLink({unit: any_battery(random) for unit in sorted(units)})
    then, now = run(partial(replayed, fake, 3))
    assert values(then)
    assert values(now) == values(then)
    assert now.failed == then.failed


FAULTS: dict[str, Fault] = {
    "silent": silent,
    "wrong checksum": wrong_crc,
    "all ones": all_ones,
    "late": late(2.5),
    "in parts": in_parts(20),
    "behind another frame": glued_behind(bytes.fromhex("60030200017f4c")),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_battery_that_fails_fails_again(name: str) -> None:
    """What made one battery fail does so again, and no other one."""

    def of_second(delivery: Any) -> Any:
        is_second = delivery.fragments[0][0] == 49
        return FAULTS[name](delivery) if is_second else delivery

    fake = FakeLink({48: rbt50lfp48s(), 49: rbt50lfp48s()})
    fake.always = [of_second]
    then, now = run(partial(replayed, fake))
    assert values(now) == values(then)
    assert now.failed.keys() == then.failed.keys()
    assert 48 in now.readings


def test_batteries_for_which_the_recorder_had_no_room() -> None:
    """What they say cannot be told; the others are read again."""

    async def recorded() -> tuple[LinkReport, str]:
        units = list(range(48, 64))
        fake = FakeLink({unit: rbt50lfp48s() for unit in units})
        link, recorder = (
            link_to(fake),
            FlightRecorder(Redaction(ADDRESS, NAME), links=4),
        )
        for _ in range(2):
            await asyncio.sleep(60)
            report = await record(link, recorder)
        await link.close()
        return report, file_of(recorder.as_data(), report, units)

    then, text = run(recorded)
    report = parse_report(text)
    assert isinstance(report, Diagnostics)
    told = {each.what: each.is_known for each in compare(report, NOTHING_SHOWN, None)}
    assert len(told) == len(then.readings) == 16
    kept = json.loads(text)["links"][0]["recording"]["answers"]
    assert {what for what, is_known in told.items() if is_known} == {
        f"6C:B2:FD:00:00:01/{unit}.voltage" for unit in kept
    }
    (emulated,) = checked_world(world_of(report)).links
    for unit, battery in emulated.units.items():
        assert bool(battery.registers) is (str(unit) in kept)


@on_virtual_time
async def test_diagnostics_of_the_first_release() -> None:
    """Version 0.1.0 told the last frames: what was shown then is read from them."""
    report = read_report(Path(__file__).parent / "files" / "diagnostics_0_1_0.json")
    assert isinstance(report, Diagnostics)
    (told,) = report.links
    (emulated,) = checked_world(world_of(report)).links
    units = [battery.unit for battery in told.batteries]
    connector = EmulatedLine(emulated).connect
    link = link_to(FakeLink({}), units, connector=connector)
    await link.poll()
    now = await link.poll()
    await link.close()
    assert len(told.batteries) == 4
    for battery in told.batteries:
        reading = now.readings[battery.unit]
        assert battery.published["voltage"] == reading.voltage
        assert battery.published["current"] == reading.current
        assert battery.published["cell_temperature_15"] == reading.cell_temperatures[14]
        assert battery.published["charge_mosfet"] is True
    compared = compare(report, None, None)
    assert len(compared) > 100
    assert not any(each.is_known for each in compared), "nothing was run"
