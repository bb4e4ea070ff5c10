# SPDX-License-Identifier: Apache-2.0
"""A case that `scripts/replay FILE --keep NAME` makes is a test that passes as long as nothing differs."""

import asyncio
import json

import pytest

from custom_components.renogy_bt.renogy.flight_recorder import FlightRecorder
from custom_components.renogy_bt.renogy.redaction import Redaction
from tests.renogy.fake_link import FakeLink, link_to, rbt50lfp48s, wrong_crc
from tests.renogy.test_flight_recorder import ADDRESS, NAME, record
from tests.renogy.virtual_time import run
from tests.replay.__main__ import timelines
from tests.replay.keep import ADAPTERS, BATTERIES, cases_of
from tests.replay.reading import parse_report
from tests.replay.test_reading import failed
from tests.replay.test_timelines import lived, told_of
from tests.replay.test_world import file_of

from .cases import Case
from .test_adapters import assert_judged
from .test_format import documented, told
from .test_recorded import assert_outcome, assert_values


def kept(text: str) -> dict[str, Case]:
    """Return the cases that are made of a file; each has the format of its kind."""
    report = parse_report(text)
    cases = cases_of("a_case", report, timelines(report))
    for kind, case in cases.items():
        known = documented(kind)
        assert {each for each in told(case, known) if each[-1] != "*"} <= known
    return cases


def test_a_failed_set_up() -> None:
    """It fails again in the same way; where it would not, the test fails."""
    case = kept(json.dumps(failed()))[BATTERIES]
    assert_outcome(case)
    case["expect"]["outcome"] = "charge_controller"
    with pytest.raises(AssertionError):
        assert_outcome(case)


def test_a_battery() -> None:
    """What was read of one is read again, and nothing of the one whose replies are broken."""

    async def recorded() -> str:
        fake = FakeLink({48: rbt50lfp48s(), 49: rbt50lfp48s()})
        link, recorder = link_to(fake), FlightRecorder(Redaction(ADDRESS, NAME))
        fake.always = [
            lambda delivery: (
                wrong_crc(delivery) if delivery.fragments[0][0] == 49 else delivery
            )
        ]
        for _ in range(2):
            await asyncio.sleep(60)
            report = await record(link, recorder)
        await link.close()
        return file_of(recorder.as_data(), report, [48, 49])

    case = kept(run(recorded))[BATTERIES]
    values = case["expect"]["values"]
    assert [each["voltage"] for each in values.values()] == [52.4, None]
    assert_values(case)
    next(iter(values.values()))["voltage"] = 52.5
    with pytest.raises(AssertionError):
        assert_values(case)


def test_an_adapter() -> None:
    """It is judged and treated as it was, and a verdict that is wrong is found."""
    adapter = told_of(lived("session-lost").health.timeline)
    file = {
        "kind": "diagnostics",
        "version": 1,
        "links": [],
        "bluetooth_health": {"adapters": [adapter]},
    }
    case = kept(json.dumps(file))[ADAPTERS]
    assert case["expect"]["steps"]
    assert_judged(case)
    case["expect"]["verdicts"][-1]["now"] = "silent"
    with pytest.raises(AssertionError):
        assert_judged(case)
