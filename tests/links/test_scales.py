# SPDX-License-Identifier: Apache-2.0
"""The scales of the currents behind one link, poll by poll."""

from dataclasses import replace
from typing import override

from custom_components.renogy_bt.links.scales import LinkScales
from custom_components.renogy_bt.links.settings import LinkSettings
from custom_components.renogy_bt.renogy.families import RNGUSBAT
from custom_components.renogy_bt.renogy.found_scale import FoundScale, ScaleSource
from custom_components.renogy_bt.renogy.link import RenogyLink
from custom_components.renogy_bt.renogy.models import (
    BatteryReading,
    LinkReport,
    ReadingFailure,
)
from tests.bank.test_summary import FIRST
from tests.banks import link_settings

MEASURED = FoundScale(divisor=10, source=ScaleSource.MEASURED)


class Client(RenogyLink):
    """A client that says by which scales it is to count."""

    def __init__(self) -> None:
        """Count nothing yet."""
        self.divisors: dict[int, int | None] = {}

    @override
    def count_current_by(self, unit: int, divisor: int | None) -> None:
        """Take note."""
        self.divisors[unit] = divisor


def unproven(*units: int) -> LinkSettings:
    """Return a link of a family whose scale nobody has proven."""
    settings = link_settings(name="RNGUSBAT1", units=units)
    return replace(settings, family_key=RNGUSBAT.key)


def a_reading(hours: float) -> BatteryReading:
    """Return a reading of a battery that counts tenths, at 30 A and later at 10 A."""
    is_later = hours > 0.7
    flowed = 30 * min(hours, 0.7) + 10 * max(hours - 0.7, 0.0)
    return replace(
        FIRST,
        current_count=-100 if is_later else -300,
        current=None,
        remaining_capacity=round(90 - flowed, 3),
        total_capacity=100.0,
    )


def measure(scales: LinkScales, *, hours: float = 1.0) -> list[bool]:
    """Let both batteries be polled every minute; only the first one moves."""
    return [
        scales.polled(
            minute * 60.0,
            LinkReport(readings={48: a_reading(minute / 60), 49: FIRST}),
        )
        for minute in range(round(60 * hours))
    ]


def test_a_measured_scale_is_applied_and_told_once() -> None:
    """Each battery has its own scale."""
    client = Client()
    scales = LinkScales(unproven(48, 49), client)
    assert client.divisors == {48: None, 49: None}
    assert scales.are_in_question
    news = measure(scales)
    assert news.count(True) == 1
    assert scales.found == {48: MEASURED}
    assert client.divisors == {48: 10, 49: None}
    assert scales.unknown == {49}


def test_a_table_that_is_contradicted_is_not_used() -> None:
    """The owner's batteries are of a family that counts hundredths."""
    client = Client()
    scales = LinkScales(link_settings(units=(48, 49)), client)
    assert client.divisors == {48: 100, 49: 100}
    assert not scales.are_in_question
    measure(scales)
    assert scales.found[48].source is ScaleSource.CONTRADICTED
    assert client.divisors == {48: None, 49: 100}
    scales.told(48, 10)
    assert scales.found[48] == FoundScale(divisor=10, source=ScaleSource.SETTLED)
    assert client.divisors == {48: 10, 49: 100}


def test_another_battery_has_no_scale_yet() -> None:
    """What was stored is of the battery that was there before."""
    client = Client()
    settings = unproven(48).with_scales({48: MEASURED})
    scales = LinkScales(settings, client)
    assert client.divisors == {48: 10}
    report = LinkReport(readings={48: FIRST}, identity_changed=(48,))
    assert scales.polled(0.0, report)
    assert client.divisors == {48: None}
    assert scales.found == {}


def test_missed_polls_break_what_was_begun() -> None:
    """A battery that is missed every third time is never known by four polls in a row."""
    for is_link_lost in (False, True):
        scales = LinkScales(unproven(48), Client())
        for minute in range(120):
            reading = a_reading(minute / 120)
            failed = {} if minute % 3 else {48: ReadingFailure.SILENT}
            if is_link_lost and failed:
                scales.missed()
            else:
                report = LinkReport(readings={48: reading}, failed=failed)
                scales.polled(minute * 60.0, report)
        assert scales.diagnostics(48)["stretches"] == 0
