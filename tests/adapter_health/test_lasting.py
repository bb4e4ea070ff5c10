# SPDX-License-Identifier: Apache-2.0
"""What is known of a fault lasts, and nothing is certain against what is heard."""

import pytest

from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.policy import Decision, Hold
from custom_components.renogy_bt.adapter_health.samples import (
    EntryState,
    Reason,
    ScanMode,
    Verdict,
)
from custom_components.renogy_bt.adapter_health.status import EventKind
from custom_components.renogy_bt.adapter_health.troubles import Trouble
from custom_components.renogy_bt.bluez.models import BusSample
from tests.health_months.radio import DAY, HOUR, MINUTE, Link, always, never
from tests.health_months.simulation import Place


def running(**changes: object) -> Place:
    """A place where everything has worked for a while."""
    place = Place(**changes)  # type: ignore[arg-type]
    place.run(HOUR)
    assert place.is_judged(Verdict.OK)
    assert place.steps == []
    return place


def restart(place: Place) -> None:
    """Restart Home Assistant."""
    for seconds in place.restart_host():
        place.run(seconds)


def beside_a_proxy(**changes: object) -> Place:
    """A place where a proxy hears the link, too, and could connect to it."""
    link = Link(heard_elsewhere=always)
    return running(links=[link], only_adapter=False, **changes)


def test_adapter_away_for_days_is_repaired_when_it_is_back() -> None:
    """An adapter that was used stays in use while it is gone, whoever else hears its links."""
    place = beside_a_proxy()
    place.unplug()
    place.run(MINUTE)
    place.entry, place.entry_reason = EntryState.RETRYING, "adapter None not found"
    place.run(2 * DAY)
    restart(place)
    place.run(2 * DAY)
    assert place.is_judged(Verdict.MISSING)
    assert place.judgement is not None
    assert place.judgement.in_use
    assert place.now - place.judgement.since > 4 * DAY
    place.plug_in("hci1")
    assert place.run_until(lambda: bool(place.steps), 60) <= 60
    assert [step for _, step, _ in place.steps] == [RecoveryStep.RESTART_SCANNING]


def test_adapter_that_nothing_used_stays_out_of_use() -> None:
    """What no link depended on is not repaired, however long it is broken and through restarts."""
    link = Link(heard_elsewhere=always, reached_elsewhere=always, accepts=never)
    place = running(links=[link], only_adapter=False)
    place.powered = place.session = False
    for _ in range(5):
        place.run(12 * HOUR)
        restart(place)
    place.run(12 * HOUR)
    assert place.is_judged(Verdict.POWERED_OFF)
    assert place.steps == []


def test_scanner_that_hears_no_link_is_no_other_path() -> None:
    """A proxy in another house does not make an adapter superfluous."""
    place = running(only_adapter=False)
    place.unplug()
    place.run(3 * DAY)
    assert place.judgement is not None
    assert place.judgement.in_use


@pytest.mark.parametrize("witnessed", [False, True])
def test_deaf_adapter_stays_deaf_over_restarts(witnessed: bool) -> None:
    """A deafness that was proven is none less because Home Assistant began anew."""
    link = Link(heard_elsewhere=always if witnessed else never)
    place = running(links=[link], only_adapter=not witnessed, other_devices=lambda _: 6)
    place.deaf = place.incurable = True
    place.run(30 * HOUR)
    assert place.is_judged(Verdict.SILENT)
    judged = place.judgement
    for _ in range(4):
        restart(place)
        assert not place.is_judged(Verdict.OK)
        place.run(10 * MINUTE)
        assert place.is_judged(Verdict.SILENT)
    assert judged is not None
    assert place.judgement is not None
    assert place.judgement.since == pytest.approx(judged.since, abs=1.0)
    place.incurable = place.deaf = False
    place.run(10 * MINUTE)
    assert place.is_judged(Verdict.OK)


def test_proven_deafness_needs_no_witness_any_more() -> None:
    """The proxy that proved it is gone, nothing was heard since: the adapter is still deaf."""
    place = beside_a_proxy()
    place.deaf = place.incurable = True
    place.run(HOUR)
    assert place.is_judged(Verdict.SILENT)
    place.links[0].heard_elsewhere = never
    restart(place)
    place.run(HOUR)
    assert place.is_judged(Verdict.SILENT)
    assert place.judgement is not None
    assert place.judgement.reason is Reason.STILL_DEAF


def refuse_for_ten_minutes(place: Place) -> None:
    """Have the adapter refuse every start of a scan, and accept Home Assistant's next one."""
    place.play(place.retries())
    place.refusing, place.session, place.incurable = True, False, True
    place.run(10 * MINUTE)
    assert place.is_judged(Verdict.START_REFUSED)
    place.refusing = place.incurable = False


def test_adapter_that_refused_to_scan_and_hears_nothing_after_that() -> None:
    """What ended with a fault is not a quiet place: steps go on until something is heard."""
    place = running()
    refuse_for_ten_minutes(place)
    place.deaf = True
    place.run_until(lambda: place.session, 3 * MINUTE)
    place.run_until(lambda: place.is_judged(Verdict.SILENT), 10 * MINUTE)
    assert place.judgement is not None
    assert place.judgement.reason is Reason.STILL_DEAF
    place.run_until(lambda: place.is_judged(Verdict.OK), HOUR)
    place.run(10 * MINUTE)
    assert [notice and notice.trouble for _, notice in place.notices] == [
        Trouble.RADIO,
        None,
    ]


def test_adapter_that_refused_to_scan_where_nothing_was_heard_before() -> None:
    """A link that was away before the adapter refused says nothing of the silence after that."""
    place = running()
    place.links[0].present = never
    place.run(10 * MINUTE)
    refuse_for_ten_minutes(place)
    place.run(10 * MINUTE)
    taken = len(place.steps)
    place.run(2 * DAY)
    assert place.is_judged(Verdict.QUIET)
    assert len(place.steps) == taken


def test_adapter_that_is_deaf_from_the_start_and_has_heard_before() -> None:
    """Stored: this place is known. Silence from the start on is worth an experiment."""
    place = running()
    place.become_known()
    for seconds in place.restart_host(down=2 * DAY):
        place.deaf = place.incurable = True
        place.run(seconds)
    place.run(1.2 * HOUR)
    assert [step for _, step, _ in place.steps] == [RecoveryStep.POWER_CYCLE]
    assert place.told == []


def test_adapter_that_is_deaf_from_the_start_and_has_never_heard() -> None:
    """Of an adapter that never heard anything it is not known that there is anything to hear."""
    place = Place(deaf=True, incurable=True)
    place.run(3 * DAY)
    restart(place)
    place.run(DAY)
    assert place.steps == []
    assert place.told == []


def test_reloaded_bank_takes_no_more_steps() -> None:
    """A bank that is loaded again every half hour begins no climb anew."""
    places = []
    for is_reloaded in (False, True):
        place = running(links=[Link(heard_elsewhere=always)], only_adapter=False)
        place.deaf = place.incurable = True
        for _ in range(12):
            place.run(0.5 * HOUR)
            if is_reloaded:
                place.reload_bank()
        places.append(place)
    alone, reloaded = places
    assert len(alone.resets) >= 2
    assert len(reloaded.resets) <= len(alone.resets)


def test_end_is_told_when_it_follows_an_experiment() -> None:
    """The rest after an experiment turns directly into an end that the user is told of."""
    place = running()
    place.power_state, place.powered = "off-blocked", False
    while not place.is_judged(Verdict.BLOCKED):
        place.health.decision = Decision(hold=Hold.RESTING)
        place.look_at(place.now + 5.0)
    assert place.decision.is_end
    kinds = [event.kind for event in place.health.take_events()]
    kinds += [event.kind for _, event in place.events]
    assert kinds.count(EventKind.GAVE_UP) == 1


@pytest.mark.parametrize("untold", [set(), {"over_bluetoothd"}], ids=["told", "untold"])
@pytest.mark.parametrize("mode", [ScanMode.ACTIVE, ScanMode.PASSIVE])
def test_scan_that_bluetoothd_does_not_know_of(
    mode: ScanMode, untold: set[str]
) -> None:
    """Discovering is false for ever and everything is heard: nothing is wrong."""
    place = Place(mode=mode, over_bluetoothd=False, untold=frozenset(untold))
    place.run(DAY)
    # A quiet night, in which the dongle is off and polls fail.
    place.links[0].polled = False
    place.links[0].present = never
    place.run(8 * HOUR)
    restart(place)
    place.run(HOUR)
    assert place.steps == []
    assert not [verdict for _, verdict in place.verdicts if verdict.is_fault]


def test_scan_that_bluetoothd_does_not_know_of_and_that_is_deaf() -> None:
    """Such an adapter can be deaf as any other."""
    place = beside_a_proxy(over_bluetoothd=False)
    place.deaf = True
    assert place.run_until(lambda: bool(place.steps), 5 * MINUTE) <= 3 * MINUTE
    assert place.steps[0][2] is Verdict.SILENT


def test_bluetoothd_is_not_missed_by_a_scan_without_it() -> None:
    """Who scans through the management socket needs no bluetoothd."""
    place = running(over_bluetoothd=False)
    place.bus = BusSample(owner=None, known=False)
    place.run(HOUR)
    assert place.is_judged(Verdict.OK)
    place.bus = BusSample(owner=":1.9", owner_changed_at=place.now)
    place.run(HOUR)
    assert place.is_judged(Verdict.OK)
    assert place.steps == []


def test_devices_that_are_heard_refute_a_lost_session() -> None:
    """Another program scans on while Home Assistant's own session is gone: all is heard."""
    place = running()
    place.over_bluetoothd = False
    place.untold = frozenset({"over_bluetoothd"})
    place.bus = BusSample(owner=":1.9", owner_changed_at=place.now)
    place.run(DAY)
    assert place.steps == []


def test_two_adapters_of_one_address_are_told_and_not_reset() -> None:
    """Two adapters of one address are told of, and neither is reset, whatever else is wrong."""
    place = running()
    place.has_twin = True
    place.run(10 * MINUTE)
    assert place.is_judged(Verdict.SAME_ADDRESS)
    assert [verdict for _, verdict in place.told] == [Verdict.SAME_ADDRESS]
    assert place.health.notice is None or place.health.notice.remedies == ()
    place.session = False
    place.run(10 * MINUTE)
    assert [step for _, step, _ in place.steps] == [RecoveryStep.RESTART_SCANNING]
    place.deaf = place.disconnecting = True
    place.run(6 * HOUR)
    place.powered = False
    place.run(6 * HOUR)
    assert place.resets == []
    place.powered = True
    place.powered_at = place.now
    place.deaf = place.disconnecting = place.has_twin = False
    place.reload()
    place.run(10 * MINUTE)
    assert place.is_judged(Verdict.OK)
