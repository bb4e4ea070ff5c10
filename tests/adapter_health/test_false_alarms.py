# SPDX-License-Identifier: Apache-2.0
"""What is normal is judged so; `tests/health_months` lives through thirty days of each."""

import pytest

from custom_components.renogy_bt.adapter_health.samples import (
    EntryState,
    Reason,
    ScanMode,
    Verdict,
)
from tests.health_months.radio import DAY, HOUR, Link, always
from tests.health_months.simulation import Place


def assert_never_sick(place: Place) -> None:
    """Check that the adapter was left alone because nothing was held against it."""
    assert place.steps == []
    assert place.told == []
    assert not [verdict for _, verdict in place.verdicts if verdict.is_fault]


def test_active_scanning_discovers_for_days() -> None:
    """In active mode Discovering is true all the time, and that is right."""
    place = Place(mode=ScanMode.ACTIVE)
    place.run(3 * DAY)
    assert_never_sick(place)
    assert place.is_judged(Verdict.OK)


def test_proxies_only() -> None:
    """Where no adapter is in Home Assistant's hands there is nothing to be sick."""
    link = Link(heard_elsewhere=always, reached_elsewhere=always, visible=0.0)
    place = Place(links=[link], only_adapter=False)
    place.name, place.entry = None, EntryState.ABSENT
    place.run(DAY)
    assert_never_sick(place)
    assert place.is_judged(Verdict.UNKNOWN)


@pytest.mark.parametrize("management_socket", [False, True])
@pytest.mark.parametrize(
    "untold",
    [{"last_detection"}, {"start_time"}, {"start_time", "last_detection"}],
    ids=sorted,
)
def test_scanner_that_does_not_tell_what_it_hears(
    untold: set[str], management_socket: bool
) -> None:
    """What is not known is not zero: a sound adapter is no silent one because of that."""
    place = Place(
        links=[Link(present=lambda now: now % DAY < 6 * HOUR)],
        mode=ScanMode.AUTO,
        management_socket=management_socket,
        other_devices=lambda _: 6,
        untold=frozenset(untold),
    )
    place.run(DAY)
    assert_never_sick(place)
    assert place.is_judged(Verdict.UNKNOWN)
    assert place.judgement is not None
    assert place.judgement.reason is Reason.SCANNER_UNKNOWN


def test_silence_that_was_not_seen_is_not_learned() -> None:
    """What the scanner did not tell for hours is no silence that this place is used to."""
    place = Place(links=[Link(present=lambda now: now % DAY < HOUR)])
    place.other_devices = lambda _: 6
    place.run(2 * HOUR)
    learned = place.health.memory.traffic
    place.untold = frozenset({"last_detection"})
    place.run(5 * HOUR)
    place.untold = frozenset()
    place.run(2 * HOUR)
    traffic = place.health.memory.traffic
    assert traffic.longest == learned.longest
    assert_never_sick(place)
