# SPDX-License-Identifier: Apache-2.0
"""Polls that fail speak against an adapter only where the strength carries connections."""

from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.adapter_health.connects import (
    LearnedConnects,
    LinkMemory,
    failures_needed,
    remembered,
)
from custom_components.renogy_bt.adapter_health.detector import detect
from custom_components.renogy_bt.adapter_health.discovery_need import DiscoveryNeed
from custom_components.renogy_bt.adapter_health.faults.links import heard_elsewhere
from custom_components.renogy_bt.adapter_health.history import OwnSteps
from custom_components.renogy_bt.adapter_health.ladder import plan_for
from custom_components.renogy_bt.adapter_health.memory import Memory, observe
from custom_components.renogy_bt.adapter_health.samples import (
    AdapterSample,
    ConnectFailure,
    EntrySample,
    EntryState,
    Judgement,
    LinkSample,
    Reason,
    ScanMode,
    ScannerSample,
    Strength,
    Verdict,
)
from custom_components.renogy_bt.adapter_health.view import View
from custom_components.renogy_bt.bluez.models import AdapterObject, BusSample
from tests.health_months.radio import Link
from tests.health_months.simulation import Place

# As documented, not as the code has it.
CLASSES = 13
FAMILIAR_AFTER = 259200.0
MOST_LINKS = 64
MOST_TRIES = 400.0

ADAPTER = "B8:27:EB:00:00:01"
LINK = "6C:B2:FD:A1:B2:C3"
OTHER_LINK = "6C:B2:FD:00:00:02"
HOUR = 3600.0
DAY = 24 * HOUR


class Site:
    """An adapter that hears links well or badly, and a detector that looks every 30 s."""

    def __init__(self, **strengths: Strength | None) -> None:
        """Begin with links of these strengths, all of which are read."""
        self.now = 1000.0
        self.memory = Memory()
        self.own = OwnSteps()
        self.verdicts: list[Judgement] = []
        self.last_connected_at = 0.0
        self.mode = ScanMode.ACTIVE
        self.discovering = True
        self.discovering_changed_at: float | None = None
        self.links = {
            address.replace("_", ":"): LinkSample(
                address=address.replace("_", ":"), strength=strength
            )
            for address, strength in strengths.items()
        }

    def poll(self, works: bool, *only: str, **failed: object) -> None:
        """Have a poll of some links, or of all, succeed or fail."""
        for address in only or tuple(self.links):
            link = self.links[address]
            if works:
                self.last_connected_at = self.now
                link = replace(
                    link,
                    failures=0,
                    failing_since=None,
                    failure=None,
                    connected_at=self.now,
                )
            else:
                how: dict[str, object] = {"failure": ConnectFailure.FAILED, **failed}
                link = replace(
                    link,
                    failures=link.failures + 1,
                    failing_since=link.failing_since or self.now,
                    failed_at=self.now,
                    **how,  # type: ignore[arg-type]
                )
            self.links[address] = link

    def strengthen(self, strength: Strength | None) -> None:
        """Let every link be heard at another strength from now on."""
        for address, link in self.links.items():
            self.links[address] = replace(link, strength=strength)

    def look(self) -> Judgement:
        """Take a look, 30 s after the last one."""
        self.now += 30.0
        for address, link in self.links.items():
            self.links[address] = replace(link, heard_at=self.now)
        sample = self.sample_with(*self.links.values(), at=self.now)
        self.memory, judgement = detect(self.memory, sample, self.own)
        self.verdicts.append(judgement)
        return judgement

    def set_discovering(self, discovering: bool) -> None:
        """Have the controller begin to discover, or end that."""
        if discovering is not self.discovering:
            self.discovering, self.discovering_changed_at = discovering, self.now

    def sample_with(self, *links: LinkSample, at: float) -> AdapterSample:
        """Return what is seen of an adapter that works."""
        active = self.mode is ScanMode.ACTIVE or self.discovering
        return AdapterSample(
            at=at,
            address=ADAPTER,
            bus=BusSample(owner=":1.5"),
            adapter=AdapterObject(
                path="/org/bluez/hci0",
                address=ADAPTER,
                powered=True,
                discovering=self.discovering,
                discovering_changed_at=self.discovering_changed_at,
            ),
            entry=EntrySample(state=EntryState.LOADED),
            scanner=ScannerSample(
                name="hci0",
                requested_mode=self.mode,
                current_mode=ScanMode.ACTIVE if active else ScanMode.PASSIVE,
                scanning=True,
                start_time=0.0,
                last_detection=max(
                    (link.heard_at or 0.0 for link in links), default=0.0
                ),
                last_connected_at=self.last_connected_at,
            ),
            links=links,
        )

    def run(self, seconds: float, works: bool, *only: str, **failed: object) -> None:
        """Let time pass in which each poll ends in the same way."""
        for _ in range(round(seconds / 60)):
            self.poll(works, *only, **failed)
            self.look()
            self.look()

    @property
    def is_accused(self) -> bool:
        """Whether the adapter was ever found to be at fault."""
        return any(judgement.verdict.is_fault for judgement in self.verdicts)


def site(mean: float, spread: float = 0.0) -> Site:
    """A site with one link that has been read for some minutes."""
    made = Site(**{LINK.replace(":", "_"): Strength(mean=mean, spread=spread)})
    made.run(600, works=True)
    return made


@pytest.mark.parametrize(
    ("connected_at", "seen_at", "earlier", "listened"),
    [
        (None, None, (), 60.0),  # never connected
        (50.0, 55.0, (), 60.0),  # before that
        (105.0, 158.0, (), 7.0),  # until it was let go
        (
            161.0,
            165.0,
            ((102.0, 158.0),),
            4.0,
        ),  # let go, heard and connected again since
        (120.0, 190.0, ((101.0, 110.0),), 11.0),  # lost, connected again, and still
        (161.0, 158.0, (), 60.0),  # connected again, and not seen since
    ],
)
def test_connected_link_is_silent(
    connected_at: float | None,
    seen_at: float | None,
    earlier: tuple[tuple[float, float], ...],
    listened: float,
) -> None:
    """A link that was heard at 100 and 160 s could be heard while it was not connected."""
    link = LinkSample(
        address=LINK,
        connected_at=connected_at,
        disconnected_at=seen_at,
        earlier=earlier,
    )
    assert link.listened(100.0, 160.0) == listened


def test_gap_of_a_link_that_was_connected() -> None:
    """The time in which it was connected is no gap between its advertisements."""
    known = LinkMemory()
    for at in (100.0, 160.0, 220.0):
        held = LinkSample(
            address=LINK,
            heard_at=at,
            connected_at=at - 58.0,
            disconnected_at=at - 2.0,
        )
        known = known.after_look(held, None)
    assert known.usual_gap == pytest.approx(4.0)
    known = known.after_look(LinkSample(address=LINK, heard_at=280.0), None)
    assert known.usual_gap == pytest.approx(60.0)


@pytest.mark.parametrize(
    ("mean", "spread"), [(-60, 0), (-60, 8), (-67, 8), (-70, 4), (-75, 0)]
)
def test_good_strength_speaks_against_the_adapter(mean: float, spread: float) -> None:
    """What is heard well and never connected is the adapter's fault."""
    place = site(mean, spread)
    place.run(300, works=False)
    assert place.verdicts[-1].verdict is Verdict.CONNECTS_FAILING
    assert place.verdicts[-1].reason is Reason.CONNECTS_FAIL


@pytest.mark.parametrize(
    ("mean", "spread"), [(-78, 2), (-78, 8), (-72, 6), (-85, 4), (-88, 4), (-95, 2)]
)
def test_weak_signal_does_not(mean: float, spread: float) -> None:
    """A link at the edge of range is no fault of the adapter, however long it fails."""
    place = site(mean, spread)
    place.run(2 * DAY, works=False)
    assert not place.is_accused


def test_strength_that_is_not_told_does_not_either() -> None:
    """What is not known is not good."""
    place = Site(**{LINK.replace(":", "_"): None})
    place.run(600, works=True)
    place.run(HOUR, works=False)
    assert not place.is_accused


def test_weak_link_beside_a_good_one() -> None:
    """The weak link neither accuses the adapter nor stands in the way of the good one."""
    weak, good = Strength(mean=-90.0, spread=4.0), Strength(mean=-60.0)
    place = Site(**{LINK.replace(":", "_"): weak, OTHER_LINK.replace(":", "_"): good})
    place.run(600, works=True)
    for _ in range(600):
        place.run(60, False, LINK)
        place.run(60, True, OTHER_LINK)
    assert not place.is_accused
    place.run(300, works=False)
    assert place.verdicts[-1].verdict is Verdict.CONNECTS_FAILING


@pytest.mark.parametrize(
    "failure",
    [ConnectFailure.NOT_HEARD, ConnectFailure.NO_SLOT, ConnectFailure.DENIED],
)
def test_polls_that_fail_for_another_reason(failure: ConnectFailure) -> None:
    """Where nothing was tried on the radio, it is not to blame."""
    place = site(-60)
    place.run(HOUR, False, failure=failure)
    assert Reason.CONNECTS_FAIL not in {each.reason for each in place.verdicts}


def test_middling_strength_that_has_carried_for_days() -> None:
    """At a strength that has proven good here, failing counts after half an hour."""
    place = site(-82, 3)
    place.run(FAMILIAR_AFTER + HOUR, works=True)
    place.run(1500, works=False)
    assert not place.is_accused
    place.run(600, works=False)
    assert place.verdicts[-1].verdict is Verdict.CONNECTS_FAILING


def test_middling_strength_that_carries_now_and_then() -> None:
    """Where a third of the polls has always failed, a row of failures is chance."""
    place, chance = site(-82, 3), Random(5)
    for _ in range(round(6 * DAY / 60)):
        place.run(60, works=chance.random() < 0.66)
    place.run(2 * HOUR, works=False)
    assert not place.is_accused


def test_link_that_becomes_weaker_than_what_is_known() -> None:
    """What -82 dBm has carried says nothing of -90 dBm."""
    place = site(-82, 3)
    place.run(FAMILIAR_AFTER + HOUR, works=True)
    place.strengthen(Strength(mean=-90.0, spread=3.0))
    place.run(DAY, works=False)
    assert not place.is_accused


def test_somebody_else_connects() -> None:
    """While others connect through the adapter, a link that refuses is its own affair."""
    place = site(-60)
    for _ in range(60):
        place.run(60, works=False)
        place.last_connected_at = place.now
    assert not place.is_accused


def test_fault_is_over_with_a_connection_only() -> None:
    """Neither a step nor silence ends it, and it does not count as new after a pause."""
    place = site(-60)
    place.run(300, works=False)
    since = place.verdicts[-1].since
    place.own = OwnSteps(ended_at=place.now + 1.0)
    # No poll at all after the step: nothing shows the fault, and nothing shows its end.
    for _ in range(20):
        judgement = place.look()
        assert judgement.verdict in (Verdict.STARTING, Verdict.CONNECTS_FAILING)
    assert judgement.standing
    assert judgement.since == since
    place.poll(works=True)
    assert place.look().verdict is Verdict.OK


def test_fault_where_nothing_is_polled_any_more() -> None:
    """Who does not poll asks an adapter for nothing but advertisements."""
    place = site(-60)
    place.run(300, works=False)
    place.links[LINK] = replace(
        place.links[LINK], polled=False, failures=0, failing_since=None
    )
    place.look()
    assert place.look().verdict is Verdict.OK


def test_row_of_failures_that_is_no_chance() -> None:
    """The more polls fail anyway, the longer the row that says something."""
    assert failures_needed(0.001) == 3
    assert failures_needed(1 / 50) == 4
    assert failures_needed(0.1) == 6
    assert failures_needed(0.5) == 20


def test_what_was_disturbed_is_not_learned() -> None:
    """Polls that failed until a step helped say nothing of the strength."""
    link = LinkSample(address=LINK, strength=Strength(mean=-60.0), connected_at=10.0)
    failing = replace(link, failures=9, failing_since=20.0, failed_at=90.0)
    works = replace(link, connected_at=100.0)
    undisturbed, disturbed = (
        LinkMemory()
        .after_look(link, None)
        .after_look(failing, None)
        .after_look(works, disturbed_at)
        .learned
        for disturbed_at in (None, 50.0)
    )
    assert sum(undisturbed.failed) == 9
    assert sum(disturbed.failed) == 0
    assert sum(disturbed.tries) == 2


@given(
    st.lists(
        st.tuples(st.floats(-130, 30), st.integers(0, 500)), min_size=1, max_size=80
    )
)
def test_what_is_learned_is_bounded(rows: list[tuple[float, int]]) -> None:
    """Whatever is heard, what is known keeps its size and its sense."""
    learned = LearnedConnects()
    for at, (mean, failures) in enumerate(rows):
        strength = Strength(mean=mean, spread=1.0)
        learned = learned.after_row(strength, failures, float(at))
        rate = learned.failure_rate(strength, 1e9)
        assert rate is None or 0 < rate < 1
    assert len(learned.tries) == len(learned.failed) == CLASSES
    assert all(
        0 <= failed <= tries <= MOST_TRIES + 1e-6
        for tries, failed in zip(learned.tries, learned.failed, strict=True)
    )


def test_connection_that_stands_is_no_sign_that_the_adapter_hears() -> None:
    """To connect takes an adapter that hears; a connection goes on while it is deaf."""
    link = LinkSample(address=LINK, connected_at=900.0, disconnected_at=990.0)
    memory = observe(Memory(), Site().sample_with(link, at=1000.0), OwnSteps())
    assert (memory.life_at, memory.heard_at, memory.used_at) == (900.0, 990.0, 990.0)
    assert memory.links[LINK].connected_at == 900.0


def test_links_that_come_and_go_are_bounded() -> None:
    """A link that is away for a while is known when it returns; not so thousands."""
    site_sample = AdapterSample(
        at=1.0,
        address=ADAPTER,
        bus=BusSample(owner=":1.5"),
        adapter=None,
        entry=EntrySample(state=EntryState.LOADED),
        scanner=None,
    )
    memories = remembered(
        {}, replace(site_sample, links=(LinkSample(address="a"),)), None
    )
    assert "a" in remembered(memories, site_sample, None)
    for number in range(3 * MOST_LINKS):
        links = (LinkSample(address=str(number)),)
        memories = remembered(memories, replace(site_sample, links=links), None)
    assert len(memories) == MOST_LINKS


# What only people can mend


def test_connects_that_a_policy_denies() -> None:
    """Whatever the strength, it is named, and nothing is done to the adapter."""
    for mean in (-60, -90):
        place = site(mean)
        place.run(300, False, failure=ConnectFailure.DENIED)
        judgement = place.verdicts[-1]
        assert judgement.reason is Reason.CONNECT_DENIED
        assert plan_for(judgement) == ()
        place.run(60, works=True)
        assert place.verdicts[-1].verdict is Verdict.OK


class WindowedSite(Site):
    """A site whose scanner discovers for 15 s at the end of every ten minutes."""

    def run_windows(self, windows: int, *, needs_discovery: bool) -> None:
        """Poll every minute outside the windows, and once within each."""
        for _ in range(windows):
            self.set_discovering(False)
            self.run(600, not needs_discovery)
            self.set_discovering(True)
            self.poll(works=True)
            self.look()


def windowed_site() -> WindowedSite:
    """A site in AUTO mode with a good link."""
    made = WindowedSite(**{LINK.replace(":", "_"): Strength(mean=-60.0)})
    made.mode = ScanMode.AUTO
    made.run(600, works=True)
    return made


def test_connects_only_while_discovering() -> None:
    """What succeeds in windows of discovery alone is known by that, and needs no steps."""
    place = windowed_site()
    place.run_windows(3, needs_discovery=True)
    place.set_discovering(False)
    place.run(600, works=False)
    judgement = place.verdicts[-1]
    assert judgement.reason is Reason.CONNECTS_NEED_DISCOVERY
    assert plan_for(judgement) == ()


@pytest.mark.parametrize("gone", ["adapter", "scanner"])
def test_step_leaves_what_is_known_of_discovery(gone: str) -> None:
    """A step of ours takes the scanner away for a moment, or the adapter: that is no evidence."""
    place = windowed_site()
    place.run_windows(2, needs_discovery=True)
    known = place.memory.discovery_need
    assert known.is_shown
    sample = place.sample_with(*place.links.values(), at=place.now + 1.0)
    away: dict[str, Any] = {gone: None}
    need = known.after_look(replace(sample, **away), place.memory.links)
    assert need == known
    assert need.after_look(sample, place.memory.links) == known


@pytest.mark.parametrize(
    "changes", [{"requested_mode": ScanMode.ACTIVE}, {"over_bluetoothd": False}]
)
def test_scan_of_another_kind_begins_anew(changes: dict[str, Any]) -> None:
    """What was seen of windows does not hold for a scan without windows that show."""
    place = windowed_site()
    place.run_windows(2, needs_discovery=True)
    sample = place.sample_with(*place.links.values(), at=place.now + 1.0)
    assert sample.scanner is not None
    sample = replace(sample, scanner=replace(sample.scanner, **changes))
    need = place.memory.discovery_need.after_look(sample, place.memory.links)
    assert need == DiscoveryNeed()


def test_success_in_a_window_ends_nothing() -> None:
    """A connection that discovery made possible does not show that connecting works."""
    place = windowed_site()
    place.run_windows(2, needs_discovery=True)
    assert place.verdicts[-1].verdict is Verdict.CONNECTS_FAILING
    place.set_discovering(False)
    place.poll(works=True)
    assert place.look().verdict is Verdict.OK


def test_connects_at_any_time() -> None:
    """Windows say nothing where connections succeed outside, too, or fail inside."""
    place = windowed_site()
    place.run_windows(20, needs_discovery=False)
    place.run(300, works=False)
    assert place.verdicts[-1].reason is Reason.CONNECTS_FAIL
    place = windowed_site()
    for _ in range(20):
        place.set_discovering(False)
        place.run(600, works=False)
        place.set_discovering(True)
        place.now += 25.0
        place.poll(works=False)
    assert Reason.CONNECTS_NEED_DISCOVERY not in {
        each.reason for each in place.verdicts
    }


def test_active_mode_needs_no_advice() -> None:
    """Who scans actively all the time has done what would be advised."""
    place = windowed_site()
    place.run_windows(3, needs_discovery=True)
    place.mode = ScanMode.ACTIVE
    place.set_discovering(True)
    place.run(1200, works=True)
    assert place.verdicts[-1].verdict is Verdict.OK


# Witnesses


@pytest.mark.parametrize(
    ("strength", "gap", "interval", "counts"),
    [
        (-60, 30, 60, True),
        (-88, 30, 60, False),
        (-60, 900, 60, False),
        (-60, 30, 600, True),
    ],
    ids=["good", "weak", "seldom", "long interval"],
)
def test_witness_against_an_adapter(
    strength: float, gap: float, interval: float, counts: bool
) -> None:
    """Who hears a link seldom or weakly misses it by chance, whoever else hears it."""
    known = LinkMemory(
        strength=Strength(mean=strength), usual_gap=gap, poll_interval=interval
    )
    link = LinkSample(
        address=LINK,
        heard_elsewhere=(("proxy", 995.0),),
        failures=2,
        failing_since=900.0,
        failed_at=990.0,
        failure=ConnectFailure.FAILED,
    )
    sample = Site().sample_with(link, at=1000.0)
    memory = Memory(
        links={LINK: known},
        witnesses=frozenset({(LINK, "proxy")}),
        heard_at=800.0,
        life_at=800.0,
        steady_since=0.0,
    )
    view = View(sample, memory, OwnSteps())
    assert heard_elsewhere.is_seen(view) is counts


def test_witness_where_a_link_is_heard_seldom() -> None:
    """There the polls must have failed for longer than two intervals."""
    known = LinkMemory(
        strength=Strength(mean=-60.0), usual_gap=300.0, poll_interval=60.0
    )
    seen = []
    for failing_since in (950.0, 881.0, 879.0):
        link = LinkSample(
            address=LINK,
            heard_elsewhere=(("proxy", 995.0),),
            failures=2,
            failing_since=failing_since,
            failed_at=990.0,
        )
        memory = Memory(
            links={LINK: known},
            witnesses=frozenset({(LINK, "proxy")}),
            heard_at=800.0,
            life_at=800.0,
        )
        view = View(Site().sample_with(link, at=1000.0), memory, OwnSteps())
        seen.append(heard_elsewhere.is_seen(view))
        assert heard_elsewhere.due(view, 800.0) == 800.0 + 450.0
    assert seen == [False, False, True]


@pytest.mark.parametrize(("mean", "experiments"), [(-60.0, True), (-93.0, False)])
def test_link_that_falls_silent(mean: float, experiments: bool) -> None:
    """A link that was always weak has gone out of reach: that is worth no experiment."""
    place = Place(links=[Link(rssi=(mean, 0.0), present=lambda now: now < 3 * HOUR)])
    place.become_known()
    place.run(DAY)
    assert bool(place.steps) is experiments


def test_month_of_connects_that_need_discovery() -> None:
    """In AUTO mode the active scan after the first steps shows it: told, and left alone."""
    place = Place(mode=ScanMode.AUTO)
    place.run(HOUR)
    place.connects_while_discovering = True
    place.run(2 * DAY)
    assert place.judgement is not None
    assert place.judgement.reason is Reason.CONNECTS_NEED_DISCOVERY
    assert place.health.notice is not None
    assert place.health.notice.remedies == ()
    assert len(place.resets) <= 1
