# SPDX-License-Identifier: Apache-2.0
"""An outage that comes every night is learned, and a fault that comes every night is not."""

import pytest

from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.outages import Outages
from custom_components.renogy_bt.adapter_health.samples import Verdict
from tests.health_months.radio import DAY, HOUR, MINUTE, Link, daily, except_
from tests.health_months.simulation import Place
from tests.restart import after_restart

SECOND_LINK = "6C:B2:FD:00:00:02"
NIGHT = 3 * HOUR


def later_steps(place: Place) -> list[RecoveryStep]:
    """Return the steps that were taken after the first two days."""
    return [step for at, step, _ in place.steps if at > 2 * DAY]


@pytest.mark.parametrize(
    ("minutes", "management_socket"), [(4, False), (5, True), (7, False), (14, False)]
)
def test_connects_that_fail_every_night(minutes: int, management_socket: bool) -> None:
    """It is answered once at most, and then waited for."""
    accepts = except_(daily(NIGHT, NIGHT + minutes * MINUTE))
    place = Place(
        links=[Link(accepts=accepts), Link(SECOND_LINK, accepts=accepts)],
        management_socket=management_socket,
    )
    place.run(5 * DAY)
    assert later_steps(place) == []


@pytest.mark.parametrize("minutes", [3, 5])
def test_place_that_is_silent_for_minutes_every_day(minutes: int) -> None:
    """Many devices that all pause at once are this place's habit."""
    silent = daily(NIGHT, NIGHT + minutes * MINUTE)
    place = Place(links=[Link(present=except_(silent))])
    place.other_devices = lambda now: 0 if silent(now) else 6
    place.run(5 * DAY)
    assert later_steps(place) == []


@pytest.mark.parametrize("restarts", [False, True])
def test_connects_that_a_reset_cures_every_night(restarts: bool) -> None:
    """What never ends by itself is given the time once, and repaired as fast as ever then.

    So it is where Home Assistant restarts every day.
    """
    place = Place()
    place.run(NIGHT)
    took = []
    for _ in range(4):
        place.disconnecting = True
        begun = place.now
        took.append(place.run_until(lambda: not place.disconnecting, HOUR))
        place.run(6 * HOUR)
        for seconds in place.restart_host() if restarts else ():
            place.run(seconds)
        place.run(begun + DAY - place.now)
    assert took[0] <= 300
    assert 2 * took[0] <= took[1] <= 800
    assert max(took[2:]) <= 300


def test_connects_that_fail_at_any_time_of_the_day() -> None:
    """Faults that come at no fixed hour are no habit."""
    place = Place()
    place.run(HOUR)
    for _ in range(4):
        place.disconnecting = True
        assert place.run_until(lambda: not place.disconnecting, 300) <= 300
        place.run(31 * HOUR)


def test_habit_outlives_a_restart() -> None:
    """Home Assistant restarts between two nights, and knows."""
    accepts = except_(daily(NIGHT, NIGHT + 5 * MINUTE))
    place = Place(links=[Link(accepts=accepts)])
    place.run(2 * DAY + HOUR)
    steps = len(place.steps)
    place.health = after_restart(
        place.health, stopped_at=place.now, started_at=place.now
    )
    place.run(2 * DAY)
    assert len(place.steps) == steps
    assert not place.is_judged(Verdict.CONNECTS_FAILING)


def test_links_that_are_reached_through_something_else() -> None:
    """An outage that a proxy ends teaches nothing of the adapter."""
    place = Place(links=[Link(accepts=lambda now: now < HOUR)])
    (link,) = place.links
    place.run(HOUR)
    link.reached_elsewhere = lambda now: now > HOUR + 2 * MINUTE
    place.run(HOUR)
    assert place.health.memory.outages.learned == Outages().learned.after_span(
        0.0, place.health.memory.outages.learned.since_faded
    )
