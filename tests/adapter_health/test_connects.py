"""Polls that fail speak against an adapter only where the strength carries connections."""

from dataclasses import replace
from random import Random

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.adapter_health.connects import (
    CLASSES,
    FAMILIAR_AFTER,
    MOST_LINKS,
    MOST_TRIES,
    LearnedConnects,
    LinkMemory,
    failures_needed,
    remembered,
)
from custom_components.renogy_bt.adapter_health.detector import detect
from custom_components.renogy_bt.adapter_health.history import OwnSteps
from custom_components.renogy_bt.adapter_health.memory import Memory
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
from custom_components.renogy_bt.bluez.models import AdapterObject, BusSample

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
        sample = AdapterSample(
            at=self.now,
            address=ADAPTER,
            bus=BusSample(owner=":1.5"),
            adapter=AdapterObject(
                path="/org/bluez/hci0", address=ADAPTER, powered=True, discovering=True
            ),
            entry=EntrySample(state=EntryState.LOADED),
            scanner=ScannerSample(
                name="hci0",
                requested_mode=ScanMode.ACTIVE,
                current_mode=ScanMode.ACTIVE,
                scanning=True,
                start_time=0.0,
                last_detection=self.now,
                last_connected_at=self.last_connected_at,
            ),
            links=tuple(self.links.values()),
        )
        self.memory, judgement = detect(self.memory, sample, self.own)
        self.verdicts.append(judgement)
        return judgement

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
