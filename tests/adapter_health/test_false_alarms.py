"""Thirty days each of what is normal: no reset, no notice."""

import pytest

from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.samples import (
    EntryState,
    HostState,
    Reason,
    ScanMode,
    Verdict,
)

from .simulation import DAY, HOUR, MINUTE, Link, Place, always, between, never, nightly

SECOND_LINK = "6C:B2:FD:00:00:02"
DAYS = 30 * DAY


def assert_left_alone(place: Place) -> None:
    """Check that nothing was done to the adapter and the user was not bothered."""
    assert place.steps == []
    assert place.told == []


def assert_never_sick(place: Place) -> None:
    """Check that the adapter was left alone because nothing was held against it."""
    assert_left_alone(place)
    assert not [verdict for _, verdict in place.verdicts if verdict.is_fault]


def test_active_scanning_discovers_for_days() -> None:
    """In active mode Discovering is true all the time, and that is right."""
    place = Place(mode=ScanMode.ACTIVE)
    place.run(DAYS)
    assert_never_sick(place)
    assert place.is_judged(Verdict.OK)


def test_auto_scanning_with_chained_windows() -> None:
    """Active windows of any length, one after another, are no sign of a fault."""
    place = Place(
        mode=ScanMode.AUTO, window=lambda now: now % 300 < 100 or now % DAY < HOUR
    )
    place.run(DAYS)
    assert_never_sick(place)


def test_stale_discovering_in_passive_mode() -> None:
    """Discovering that stays true after a window is a blemish of BlueZ and harmless."""
    place = Place(mode=ScanMode.PASSIVE, stale_discovering=True)
    place.run(DAYS)
    assert_never_sick(place)


@pytest.mark.parametrize("management_socket", [False, True])
def test_quiet_cabin_with_one_dongle(management_socket: bool) -> None:
    """A dongle that the bus reports rarely, with a poll failing now and then, is enough."""
    place = Place(
        links=[Link(visible=0.02)],
        mode=ScanMode.AUTO,
        poll_interval=300.0,
        poll_luck=0.9,
        management_socket=management_socket,
    )
    place.run(DAYS)
    assert_never_sick(place)


def test_quiet_cabin_with_polling_switched_off() -> None:
    """Where nothing is polled, silence hurts nobody."""
    place = Place(links=[Link(visible=0.001, polled=False)], mode=ScanMode.AUTO)
    place.run(DAYS)
    assert_never_sick(place)


def test_one_link_away_for_a_week() -> None:
    """A link that is gone while another one is read is the link's own affair."""
    away = Link(SECOND_LINK, present=lambda now: not between(5 * DAY, 12 * DAY)(now))
    place = Place(links=[Link(), away])
    place.run(DAYS)
    assert_never_sick(place)


def test_only_link_away_for_a_week_among_neighbours() -> None:
    """The only link away says nothing while other devices are heard."""
    away = Link(present=lambda now: not between(5 * DAY, 12 * DAY)(now))
    place = Place(links=[away], other_devices=lambda _: 2)
    place.run(DAYS)
    assert_never_sick(place)


def test_dongle_switched_off_at_night() -> None:
    """The first dark night is worth one experiment, no later one."""
    place = Place(
        links=[Link(present=lambda now: not nightly(22, 6)(now))], mode=ScanMode.AUTO
    )
    place.run(DAYS)
    assert [step for _, step, _ in place.steps] == [
        RecoveryStep.RESTART_SCANNING,
        RecoveryStep.POWER_CYCLE,
    ]
    assert place.told == []


def test_dongle_switched_off_at_night_where_home_assistant_resets() -> None:
    """With a management socket Home Assistant experiments enough by itself."""
    place = Place(
        links=[Link(present=lambda now: not nightly(22, 6)(now))],
        management_socket=True,
    )
    place.run(DAYS)
    assert_never_sick(place)


def test_dongle_at_the_edge_of_reach() -> None:
    """A dongle that comes and goes each hour: the place is learned, and left alone then."""
    edge = Link(present=lambda now: now % HOUR >= 10 * MINUTE)
    place = Place(links=[edge], mode=ScanMode.AUTO)
    place.run(DAYS)
    assert [step for _, step, _ in place.steps] == [
        RecoveryStep.RESTART_SCANNING,
        RecoveryStep.POWER_CYCLE,
    ]
    assert place.told == []


def test_proxies_only() -> None:
    """Where no adapter is in Home Assistant's hands there is nothing to be sick."""
    link = Link(heard_elsewhere=always, reached_elsewhere=always, visible=0.0)
    place = Place(links=[link], only_adapter=False)
    place.name, place.entry = None, EntryState.ABSENT
    place.run(DAYS)
    assert_never_sick(place)
    assert place.is_judged(Verdict.UNKNOWN)


def test_links_that_only_proxies_reach() -> None:
    """An adapter that hears links badly where proxies do the work is left alone."""
    link = Link(
        accepts=never, visible=0.3, heard_elsewhere=always, reached_elsewhere=always
    )
    place = Place(links=[link], only_adapter=False)
    place.run(DAYS)
    assert_never_sick(place)


@pytest.mark.parametrize("out_of_use", ["powered", "entry", "deaf"])
def test_second_adapter_out_of_use(out_of_use: str) -> None:
    """An adapter that no link of ours depends on may be off, broken or in a drawer."""
    link = Link(heard_elsewhere=always, reached_elsewhere=always, accepts=never)
    place = Place(links=[link], only_adapter=False)
    place.run(HOUR)
    match out_of_use:
        case "powered":
            place.powered = False
        case "entry":
            place.entry = EntryState.RETRYING
        case _:
            place.deaf = True
    place.run(DAYS)
    assert_left_alone(place)
    assert any(verdict.is_fault for _, verdict in place.verdicts)


def test_home_assistants_own_resets() -> None:
    """What Home Assistant does to the adapter by itself is not taken for a fault."""
    place = Place(management_socket=True)
    for _ in range(30 * 24):
        place.run(HOUR - MINUTE)
        place.name, place.session, place.scanning = None, False, False
        place.run(20.0)
        place.name, place.appeared_at, place.powered_at = "hci0", place.now, place.now
        place.run(10.0)
        place.scanning = place.session = True
        place.start_time = place.last_detection = place.now
        place.run(30.0)
    assert_never_sick(place)


def test_start_up_storms() -> None:
    """Failing polls and slow starts around each start of Home Assistant are expected."""
    place = Place()
    for _ in range(30 * 4):
        place.host = HostState.STARTING
        place.entry = EntryState.IN_PROGRESS
        place.session = False
        place.run(2 * MINUTE)
        place.entry, place.host, place.running_since = (
            EntryState.LOADED,
            HostState.RUNNING,
            place.now,
        )
        place.start_time = place.last_detection = place.now
        place.run(45.0)
        place.session = True
        place.start_time = place.last_detection = place.now
        for link in place.links:
            link.failures, link.failing_since = 3, place.now - 90
            link.failed_at = place.now - 1
            link.next_poll = place.now + 60
        place.run(6 * HOUR)
    assert_never_sick(place)


def test_suspend_and_clock_jumps() -> None:
    """After a suspend or a leap of the clock nothing that was timed before counts."""
    place = Place()
    for day in range(30):
        place.run(8 * HOUR)
        place.now += [2 * HOUR, 400.0, -3 * HOUR][day % 3]
        place.clock_jumped = day % 2 == 0
        place.session = False
        place.run(20.0)
        place.session = True
        place.start_time = place.last_detection = place.now
        place.run(16 * HOUR)
    assert_never_sick(place)


def test_live_connections_of_another_integration() -> None:
    """Other integrations' connections are not dropped for one silent link."""
    link = Link(present=lambda now: not between(2 * DAY, 20 * DAY)(now))
    place = Place(links=[link], foreign=("11:22:33:44:55:66",), mode=ScanMode.AUTO)
    place.run(DAYS)
    assert_never_sick(place)


def test_one_battery_behind_the_link_away_for_a_week() -> None:
    """A battery is silent behind a link that works: the adapter does not even notice."""
    place = Place(links=[Link(), Link(SECOND_LINK, visible=0.3)])
    place.run(DAYS)
    assert_never_sick(place)


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
    assert traffic.longest_silence == learned.longest_silence
    assert_never_sick(place)
