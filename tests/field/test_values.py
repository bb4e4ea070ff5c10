# SPDX-License-Identifier: Apache-2.0
"""What batteries of the field say, read through the real library."""

import asyncio
from functools import partial
from typing import Any

import pytest

from custom_components.renogy_bt.renogy.families import family_of
from custom_components.renogy_bt.renogy.models import (
    BatteryReading,
    LinkReport,
    ReadingFailure,
)
from tests.renogy.fake_link import FakeLink, link_to
from tests.renogy.virtual_time import run

from .cases import Case, battery, cases_with, put

CASES = cases_with("polls")
MINUTE = 60.0
HOUR = 3600.0
STATUS = (
    *("charge_mosfet", "discharge_mosfet", "heater", "fully_charged"),
    "problem",
)


def _said(reading: BatteryReading, name: str) -> Any:
    """Return what a reading says under a name of the cases."""
    if name == "alarms":
        return [alarm.key for alarm in reading.status.alarms]
    value = getattr(reading.status if name in STATUS else reading, name)
    return list(value) if isinstance(value, tuple) else value


async def _reports(case: Case) -> list[LinkReport]:
    """Return what each poll of a case brings."""
    told = case["link"]
    units = {int(unit): battery(unit, each) for unit, each in told["units"].items()}
    fake = FakeLink(units)
    link = link_to(fake, family=family_of(told["name"]))
    reports = []
    for poll in case["polls"]:
        await asyncio.sleep(
            poll["after_hours"] * HOUR if "after_hours" in poll else MINUTE
        )
        for unit, registers in poll.get("change", {}).items():
            put(units[int(unit)], registers)
        reports.append(await link.poll())
    await link.close()
    return reports


@pytest.mark.parametrize("name", CASES)
def test_a_battery_of_the_field(name: str) -> None:
    """Each poll says what is right, and nothing where nothing can be right."""
    case = CASES[name]
    before: LinkReport | None = None
    for poll, report in zip(case["polls"], run(partial(_reports, case)), strict=True):
        for key, expected in poll["expect"].items():
            unit = int(key)
            if expected == "refused":
                assert report.failed[unit] is ReadingFailure.INVALID
                held = report.readings.get(unit)
                assert held == (before.readings.get(unit) if before else None)
                continue
            assert unit not in report.failed
            said = {name: _said(report.readings[unit], name) for name in expected}
            assert said == {
                name: pytest.approx(value, abs=1e-9)
                if isinstance(value, float)
                else value
                for name, value in expected.items()
            }
        before = report
