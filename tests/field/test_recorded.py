# SPDX-License-Identifier: Apache-2.0
"""What people sent of batteries, read once more: `scripts/replay FILE --keep NAME` makes a case."""

import asyncio
from functools import partial
import json

import pytest

from custom_components.renogy_bt.links.probing import link_problem
from custom_components.renogy_bt.renogy.exceptions import NotABattery, RenogyError
from custom_components.renogy_bt.renogy.families import family_by_key
from custom_components.renogy_bt.renogy.models import BatteryReading, LinkReport
from custom_components.renogy_bt.renogy.probe import probe_link
from tests.emulator.world import Link
from tests.renogy.fake_link import FakeLink, link_to
from tests.renogy.virtual_time import run
from tests.replay.emulated_line import EmulatedLine
from tests.replay.field_report import Diagnostics, FieldReport, ProbeRun, Value
from tests.replay.reading import parse_report
from tests.replay.world import checked_world, world_of

from .cases import Case, cases_with

CASES = cases_with("report")
VALUES = cases_with("expect", "values")
OUTCOMES = cases_with("expect", "outcome")
POLLS = 3
MINUTE = 60.0
OF_READING = (
    *("voltage", "current", "power", "state_of_charge", "remaining_capacity"),
    *("total_capacity", "cycles", "temperature", "temperature_min", "temperature_max"),
    *("cell_voltage_min", "cell_voltage_max", "cell_voltage_spread"),
    *("board_temperature", "charge_voltage_limit", "discharge_voltage_limit"),
    *("charge_current_limit", "discharge_current_limit", "charging_state"),
)
OF_STATUS = (
    *("charge_mosfet", "discharge_mosfet", "heater", "fully_charged", "problem"),
)
NUMBERED = {
    "cell_voltage_": "cell_voltages",
    "cell_temperature_": "cell_temperatures",
    "environment_temperature_": "environment_temperatures",
    "heater_temperature_": "heater_temperatures",
}
"""What entities show of a reading, by the beginnings of their keys."""


def _report(case: Case) -> FieldReport:
    return parse_report(json.dumps(case["report"]))


def _said(reading: BatteryReading | None, key: str) -> Value:
    """Return what a reading says under the key of an entity."""
    if reading is None:
        return None
    if key in OF_STATUS:
        return getattr(reading.status, key)  # type: ignore[no-any-return]
    if key in OF_READING:
        return getattr(reading, key)  # type: ignore[no-any-return]
    beginning = next(each for each in NUMBERED if key.startswith(each))
    values = getattr(reading, NUMBERED[beginning])
    return values[int(key.removeprefix(beginning)) - 1]  # type: ignore[no-any-return]


def _is_of_reading(key: str) -> bool:
    return key in {*OF_READING, *OF_STATUS} or any(
        key.startswith(each) and key.removeprefix(each).isdecimal() for each in NUMBERED
    )


async def _polled(link: Link, units: list[int], family: str) -> LinkReport:
    line = EmulatedLine(link)
    polled = link_to(FakeLink({}), units, family_by_key(family), line.connect)
    report = LinkReport(readings={})
    for _ in range(POLLS):
        await asyncio.sleep(MINUTE)
        try:
            report = await polled.poll()
        except RenogyError:
            report = LinkReport(readings={})
    await polled.close()
    return report


@pytest.mark.parametrize("name", VALUES)
def test_a_reported_battery_says_what_is_right(name: str) -> None:
    """Every battery that was reported says what is right, and nothing where nothing can be."""
    assert_values(CASES[name])


def assert_values(case: Case) -> None:
    """Check what the batteries of a case say."""
    report = _report(case)
    assert isinstance(report, Diagnostics)
    links = {link.address: link for link in checked_world(world_of(report)).links}
    expected = dict(case["expect"]["values"])
    for told in report.links:
        units = [battery.unit for battery in told.batteries]
        if told.address not in links:
            continue
        now = run(partial(_polled, links[told.address], units, told.family))
        for unit in units:
            of_battery = expected.pop(f"{told.address}/{unit}")
            keys = [key for key in of_battery if _is_of_reading(key)]
            said = {key: _said(now.readings.get(unit), key) for key in keys}
            assert said == {
                key: pytest.approx(of_battery[key], abs=0.006)
                if isinstance(of_battery[key], float)
                else of_battery[key]
                for key in keys
            }
    assert not expected, "every value that is expected was looked at"


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_reported_probe_comes_to_what_is_right(name: str) -> None:
    """A probe that was reported comes to what is right."""
    assert_outcome(CASES[name])


def assert_outcome(case: Case) -> None:
    """Check what the probe of a case comes to."""
    report = _report(case)
    assert isinstance(report, ProbeRun)
    (link,) = checked_world(world_of(report)).links

    async def outcome() -> str:
        line = EmulatedLine(link)
        try:
            await probe_link(
                line.connect, family_by_key(report.link.family), report.unit_ids
            )
        except NotABattery as error:
            return str(error.kind)
        except RenogyError as error:
            return link_problem(error)
        return "found"

    assert run(outcome) == case["expect"]["outcome"]
