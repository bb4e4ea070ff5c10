# SPDX-License-Identifier: Apache-2.0
"""Every fault is noticed in time and mended by the step that can."""

from dataclasses import replace

import pytest

from custom_components.renogy_bt.adapter_health.history import StepResult
from custom_components.renogy_bt.adapter_health.ladder import (
    RecoveryLevel,
    RecoveryStep,
)
from custom_components.renogy_bt.adapter_health.samples import (
    EntryState,
    Evidence,
    HostState,
    Reason,
    ScanMode,
    SlotSample,
    Verdict,
)
from custom_components.renogy_bt.bluez.models import BusFault, BusSample
from tests.health_months.radio import (
    DAY,
    HOUR,
    MINUTE,
    KeptConnection,
    Link,
    always,
    never,
)
from tests.health_months.simulation import Place

OWNER = ":1.5"


def running(**changes: object) -> Place:
    """A place where everything has worked for a while."""
    place = Place(**changes)  # type: ignore[arg-type]
    place.run(20 * MINUTE)
    assert place.is_judged(Verdict.OK)
    assert place.steps == []
    return place


def steps_of(place: Place) -> list[RecoveryStep]:
    """The steps taken, in order."""
    return [step for _, step, _ in place.steps]


def test_lost_session_in_active_mode() -> None:
    """A foreign power cycle ends active scanning: reloaded within 75 s."""
    place = running()
    place.session, place.powered_at = False, place.now + 1
    assert place.run_until(lambda: bool(place.steps), 75) <= 60
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING]
    place.run(MINUTE)
    assert place.results == [StepResult.RECOVERED]
    assert place.told == []


def test_session_lost_without_a_known_cause() -> None:
    """An active scanner without discovery has lost its session, whoever took it."""
    place = running()
    place.session = False
    assert place.run_until(lambda: bool(place.steps), 75) <= 65
    assert place.judgement is not None
    assert place.steps[0][2] is Verdict.SESSION_LOST


def test_session_that_comes_back_by_itself() -> None:
    """A gap of discovery while Home Assistant restarts its scan is not a lost session."""
    place = running()
    place.session = place.scanning = False
    place.run(25)
    place.session = place.scanning = True
    place.start_time = place.last_detection = place.now
    place.run(HOUR)
    assert place.steps == []


def test_dead_scanner_after_an_auto_window() -> None:
    """A scanner that believes in a window that has died is reloaded."""
    place = running(mode=ScanMode.AUTO)
    place.window, place.session = always, False
    assert place.run_until(lambda: bool(place.steps), 75) <= 65
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING]


@pytest.mark.parametrize("mode", [ScanMode.ACTIVE, ScanMode.AUTO])
def test_bluetoothd_restarted(mode: ScanMode) -> None:
    """A scan that is older than bluetoothd is lost, in passive mode too."""
    place = running(mode=mode)
    place.session = False
    place.bus = BusSample(owner=None)
    place.run(3)
    place.bus = BusSample(owner=":1.9", owner_changed_at=place.now)
    assert place.run_until(lambda: bool(place.steps), 40) <= 40
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING]


def test_bluetoothd_restarted_while_a_link_is_kept() -> None:
    """To connect again takes no scan: that a kept link is back says nothing of it."""
    place = running(mode=ScanMode.PASSIVE, links=[Link(kept=KeptConnection())])
    place.session = False
    place.bus = BusSample(owner=":1.9", owner_changed_at=place.now)
    place.run(15)
    assert place.links[0].is_held
    assert place.run_until(lambda: bool(place.steps), 40) <= 30
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING]


def test_bluetoothd_restarted_while_somebody_connects() -> None:
    """A scan that pauses for a connection is no reset of Home Assistant's own to wait for."""
    place = running(management_socket=True)
    place.session, place.connecting = False, True
    place.bus = BusSample(owner=":1.9", owner_changed_at=place.now)
    assert place.run_until(lambda: bool(place.steps), 75) <= 20
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING]


def test_bluetoothd_restarted_in_a_reset_by_home_assistant() -> None:
    """A scanner that Home Assistant has stopped itself gets time to come back."""
    place = running(management_socket=True)
    place.session = place.scanning = False
    place.bus = BusSample(owner=":1.9", owner_changed_at=place.now)
    place.look_at(place.now + 1)
    place.run(35)
    assert place.steps == []
    place.session = place.scanning = True
    place.start_time = place.last_detection = place.now
    place.run(HOUR)
    assert place.steps == []


def test_bluetoothd_restarted_and_rescued_by_home_assistant() -> None:
    """A scan that was restarted after bluetoothd came back needs no help."""
    place = running(mode=ScanMode.AUTO)
    place.bus = BusSample(owner=":1.9", owner_changed_at=place.now)
    place.start_time = place.last_detection = place.now + 1
    place.run(HOUR)
    assert place.steps == []


def test_bus_lost() -> None:
    """A lost system bus is told after two minutes, its return mends the scan."""
    place = running()
    place.session, place.bus_lost = False, True
    place.links[0].accepts = never
    place.bus = BusSample(connected=False, fault=BusFault.NO_SOCKET, known=False)
    assert place.run_until(lambda: bool(place.told), 160) >= 115
    assert place.is_judged(Verdict.BUS_LOST)
    assert place.steps == []
    place.links[0].accepts, place.bus_lost = always, False
    place.next_watchdog = place.now + 40
    place.bus = BusSample(owner=":1.2", owner_changed_at=place.now)
    assert place.run_until(lambda: bool(place.steps), 60) <= 45
    place.run(2 * MINUTE)
    assert place.is_judged(Verdict.OK)


def test_bus_that_only_we_cannot_use() -> None:
    """Where Home Assistant hears and polls work, a bus closed to us is no fault."""
    place = running()
    place.bus = BusSample(connected=False, fault=BusFault.ACCESS_DENIED, known=False)
    place.run(HOUR)
    assert place.is_judged(Verdict.UNKNOWN)
    assert place.judgement is not None
    assert place.judgement.reason is Reason.BUS_UNWATCHED
    assert place.told == []


def test_short_loss_of_the_bus() -> None:
    """A bus that is back within seconds with the old bluetoothd is no reason to act."""
    place = running()
    place.bus = BusSample(connected=False, fault=BusFault.UNREACHABLE, known=False)
    place.run(20)
    place.bus = BusSample(owner=OWNER)
    place.run(HOUR)
    assert place.steps == []
    assert place.told == []


def test_an_adapter_under_another_number_is_reloaded() -> None:
    """An adapter under another number is reloaded within a minute."""
    place = running()
    place.name, place.appeared_at, place.powered_at = "hci1", place.now, place.now
    assert place.run_until(lambda: bool(place.steps), 60) <= 55
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING]
    place.run(2 * MINUTE)
    assert place.is_judged(Verdict.OK)


@pytest.mark.parametrize("at_start", [True, False])
def test_start_refused(at_start: bool) -> None:
    """A refused start needs a power cycle, and gets it within three minutes."""
    place = Place() if at_start else running()
    place.refusing = True
    place.entry, place.session = EntryState.RETRYING, False
    place.entry_reason = "hci0: Failed to start Bluetooth: [org.bluez.Error.InProgress]"
    assert place.run_until(lambda: bool(place.resets), 180) <= 90
    assert steps_of(place) == [RecoveryStep.POWER_CYCLE]
    place.run(2 * MINUTE)
    assert place.results == [StepResult.RECOVERED]


def test_start_refused_while_running() -> None:
    """A lost session that cannot be started again leads from reload to power cycle."""
    place = running()
    place.refusing, place.session = True, False
    assert place.run_until(lambda: bool(place.resets), 180) <= 120
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING, RecoveryStep.POWER_CYCLE]


def _on_again(**changes: object) -> Place:
    """A place whose adapter was blocked while Home Assistant tried to set it up."""
    place = running(**changes)
    place.powered, place.session, place.power_state = False, False, "off-blocked"
    place.entry, place.entry_reason = EntryState.RETRYING, "Failed to start Bluetooth"
    place.run(HOUR)
    assert place.is_judged(Verdict.BLOCKED)
    place.powered, place.power_state, place.powered_at = True, "on", place.now
    return place


@pytest.mark.parametrize("management_socket", [True, False])
def test_adapter_that_is_on_before_home_assistant_tries_again(
    management_socket: bool,
) -> None:
    """What was refused while the adapter was off is asked of it again, without a reset."""
    place = _on_again(management_socket=management_socket)
    assert place.run_until(lambda: bool(place.steps), MINUTE) <= 45
    place.run(HOUR)
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING]
    assert place.results == [StepResult.RECOVERED]
    assert place.is_judged(Verdict.OK)


def test_adapter_that_is_on_and_that_home_assistant_sets_up() -> None:
    """Where Home Assistant tries again within half a minute nothing is done."""
    place = _on_again()
    place.run(25)
    place.reload()
    place.run(HOUR)
    assert place.steps == []
    assert place.is_judged(Verdict.OK)


def test_adapter_that_is_on_and_refuses_all_the_same() -> None:
    """What the adapter refuses while it is on is mended within two minutes."""
    place = _on_again()
    place.refusing = True
    assert place.run_until(lambda: bool(place.resets), 120) <= 75
    place.run(HOUR)
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING, RecoveryStep.POWER_CYCLE]
    assert place.is_judged(Verdict.OK)


def test_start_refused_where_home_assistant_resets() -> None:
    """Home Assistant has its turn first; then comes the reset that it never reaches."""
    place = running(management_socket=True)
    place.refusing = place.incurable = True
    place.entry, place.session = EntryState.RETRYING, False
    place.entry_reason = "Timed out starting Bluetooth"
    assert place.run_until(lambda: bool(place.steps), 300) >= 235
    place.run(HOUR / 4)
    assert steps_of(place)[:2] == [RecoveryStep.POWER_CYCLE, RecoveryStep.FULL_RESET]
    assert place.told[-1][1] is Verdict.START_REFUSED


def test_slow_start() -> None:
    """One failed set-up that succeeds at the next attempt is nothing."""
    place = running()
    place.entry, place.entry_reason = EntryState.RETRYING, "Failed to start Bluetooth"
    place.run(20)
    place.entry = EntryState.LOADED
    place.start_time = place.last_detection = place.now
    place.run(HOUR)
    assert place.steps == []


def test_restart_failing() -> None:
    """A scan that Home Assistant cannot start again is power cycled."""
    place = running(mode=ScanMode.PASSIVE)
    place.refusing = True
    place.deaf = True
    place.links[0].heard_elsewhere = never
    assert place.run_until(lambda: bool(place.resets), 300) <= 240
    place.run(2 * MINUTE)
    assert place.is_judged(Verdict.OK)


def test_stuck_discovery_with_a_witness() -> None:
    """Silence while another scanner hears the dongle is a fault, mended in three minutes."""
    place = running(links=[Link(heard_elsewhere=always)], only_adapter=False)
    place.deaf = True
    assert place.run_until(lambda: bool(place.resets), 180) <= 170
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING, RecoveryStep.POWER_CYCLE]
    assert place.steps[0][2] is Verdict.SILENT
    place.run(2 * MINUTE)
    assert place.results == [StepResult.NO_EFFECT, StepResult.RECOVERED]
    assert place.is_judged(Verdict.OK)


@pytest.mark.parametrize("visible", [0.9, 1.0])
def test_stuck_discovery_around_a_kept_link_with_a_witness(visible: float) -> None:
    """While a link is connected it is silent: how long says nothing of how often it is heard."""
    link = Link(kept=KeptConnection(), visible=visible, heard_elsewhere=always)
    place = running(links=[link], only_adapter=False)
    place.run(2 * HOUR)
    assert place.health.memory.traffic.interval < MINUTE / 2
    assert place.health.memory.links[link.address].usual_gap < MINUTE
    place.deaf = True
    assert place.run_until(lambda: bool(place.resets), 180) <= 150
    place.run(2 * MINUTE)
    assert place.is_judged(Verdict.OK)


def test_witness_that_never_shared_the_link() -> None:
    """A scanner in another place that hears the link only now proves nothing."""
    place = running(links=[Link()], only_adapter=False, other_devices=lambda _: 0)
    link = place.links[0]
    link.present = never
    link.reached_elsewhere = link.heard_elsewhere = always
    place.run(2 * HOUR)
    assert place.steps == []


def known(**changes: object) -> Place:
    """A place with one dongle whose habits have been seen for weeks."""
    place = running(mode=ScanMode.AUTO, **changes)
    place.become_known()
    return place


def test_stuck_discovery_without_a_witness() -> None:
    """In a place with one dongle that is known an experiment mends it in the second hour."""
    place = known()
    place.deaf = True
    assert HOUR <= place.run_until(lambda: bool(place.resets), 2 * HOUR) <= 1.1 * HOUR
    assert steps_of(place) == [RecoveryStep.POWER_CYCLE]
    place.run(2 * MINUTE)
    assert place.is_judged(Verdict.OK)
    assert place.told == []


def test_unexplained_silence_of_a_place_that_is_not_known() -> None:
    """A dongle that goes away within two weeks may do so every week."""
    place = running(mode=ScanMode.AUTO)
    place.links[0].present = never
    place.run(3 * DAY)
    assert place.steps == []
    assert place.is_judged(Verdict.QUIET)


def test_silence_that_a_known_place_is_used_to() -> None:
    """A dongle that has been off for a day before is not missed on another day."""
    place = known()
    traffic = place.health.memory.traffic.after_silence(DAY, DAY)
    place.health.memory = replace(place.health.memory, traffic=traffic)
    place.links[0].present = never
    place.run(DAY)
    assert place.steps == []


def test_one_experiment_a_silence() -> None:
    """A dongle that is gone for good costs one power cycle, restarts or not."""
    place = known()
    place.links[0].present = never
    for _ in range(4):
        place.play(place.restart_host())
        place.run(5 * DAY)
    assert steps_of(place) == [RecoveryStep.POWER_CYCLE]


def test_silence_in_a_lively_place() -> None:
    """Where many devices are always heard, silence is a fault by itself."""
    place = running(other_devices=lambda _: 6)
    place.deaf = True
    place.run_until(lambda: bool(place.resets), 240)
    assert place.steps[0][2] is Verdict.SILENT
    place.run(2 * MINUTE)
    assert place.is_judged(Verdict.OK)


def test_silence_that_nothing_cures() -> None:
    """A deaf adapter is told to the user after the ladder, and tried again later."""
    place = running(other_devices=lambda _: 6)
    place.deaf = place.incurable = True
    place.run(20 * MINUTE)
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING, RecoveryStep.POWER_CYCLE]
    assert {verdict for _, verdict in place.told if verdict.is_fault} == {
        Verdict.SILENT
    }
    assert len(place.notices) == 1
    place.run(DAY)
    assert 2 < len(place.resets) < 10


def test_silence_where_home_assistant_resets() -> None:
    """With a management socket the user is told once Home Assistant's resets did nothing."""
    place = running(
        links=[Link(heard_elsewhere=always)], only_adapter=False, management_socket=True
    )
    place.deaf = place.incurable = True
    assert place.run_until(lambda: bool(place.told), 600) >= 240
    assert place.told[0][1] is Verdict.SILENT
    assert place.steps == []


def test_silence_that_is_home_assistants() -> None:
    """Devices that bluetoothd reports while Home Assistant hears none: not the radio."""
    place = running(management_socket=True, other_devices=lambda _: 6)
    place.deaf = place.incurable = True
    place.run(5 * MINUTE)
    place.heard_on_bus_at = place.now
    place.run(MINUTE)
    assert place.is_judged(Verdict.HOME_ASSISTANT_SIDE)
    assert place.steps == []
    assert place.told[-1][1] is Verdict.HOME_ASSISTANT_SIDE


def test_powered_off() -> None:
    """An adapter that is off is switched on once, soon after a poll has failed for it."""
    place = running()
    place.powered = False
    took = place.run_until(lambda: bool(place.steps), 240)
    assert 40 <= took <= 110
    assert steps_of(place) == [RecoveryStep.POWER_CYCLE]
    place.run(2 * MINUTE)
    assert place.is_judged(Verdict.OK)
    place.powered = False
    place.run(10 * MINUTE)
    assert steps_of(place) == [RecoveryStep.POWER_CYCLE], "somebody wants it off"
    assert place.told[-1][1] is Verdict.POWERED_OFF


def test_powered_off_while_no_poll_fails() -> None:
    """Where nobody misses the adapter it is switched on after three minutes."""
    place = running()
    place.links[0].polled = False
    place.powered = False
    assert 175 <= place.run_until(lambda: bool(place.steps), 240) <= 230


def test_powered_off_where_another_hand_switches_power() -> None:
    """Who has switched it on again before is given three minutes, for a week."""
    place = running()
    for days, earliest, latest in ((0, 175, 230), (8, 40, 110)):
        place.powered = False
        place.run(20)
        place.powered, place.powered_at = True, place.now
        place.run(HOUR + days * DAY)
        place.powered = False
        took = place.run_until(lambda: bool(place.steps), 240)
        assert earliest <= took <= latest
        place.run(2 * DAY)
        place.steps.clear()


def test_power_that_is_off_for_a_moment() -> None:
    """A reset by somebody else takes seconds and is nothing."""
    place = running(mode=ScanMode.AUTO)
    place.powered = False
    place.run(25)
    place.powered, place.powered_at = True, place.now
    place.run(HOUR)
    assert place.steps == []


@pytest.mark.parametrize(("socket", "earliest"), [(False, 55), (True, 175)])
def test_rfkill_is_left_to_the_user(socket: bool, earliest: float) -> None:
    """Rfkill is the user's to undo; Home Assistant has its turn where it can."""
    place = running(management_socket=socket)
    place.powered, place.power_state, place.incurable = False, "off-blocked", True
    took = place.run_until(lambda: bool(place.told), 240)
    assert took >= earliest
    assert place.is_judged(Verdict.BLOCKED)
    assert place.steps == []


def test_missing_and_back() -> None:
    """An unplugged adapter is told within three minutes, its return mended in 30 s."""
    place = running()
    place.name, place.session = None, False
    assert 145 <= place.run_until(lambda: bool(place.told), 180) <= 180
    assert place.is_judged(Verdict.MISSING)
    assert place.steps == []
    place.name, place.appeared_at, place.powered_at = "hci0", place.now, place.now
    place.next_watchdog = place.now + 30
    assert place.run_until(lambda: bool(place.steps), 30) <= 25
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING]
    place.run(2 * MINUTE)
    assert place.is_judged(Verdict.OK)
    assert not place.decision.tell


def test_missing_while_home_assistant_retries() -> None:
    """An adapter that returns to an entry that no longer finds it is reloaded at once."""
    place = running()
    place.name, place.session = None, False
    place.entry, place.entry_reason = (
        EntryState.RETRYING,
        "Bluetooth adapter None not found",
    )
    place.run(10 * MINUTE)
    place.name, place.appeared_at, place.powered_at = "hci0", place.now, place.now
    assert place.run_until(lambda: bool(place.steps), 30) <= 30
    assert place.steps[0][2] is Verdict.RENUMBERED


def test_replugged_at_once() -> None:
    """A cable that was loose for a moment costs a reload, not an issue."""
    place = running()
    place.name, place.session = None, False
    place.run(10)
    place.name, place.appeared_at, place.powered_at = "hci0", place.now, place.now
    place.run(5 * MINUTE)
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING]
    assert place.told == []


def test_controller_without_an_address() -> None:
    """A controller that came up without an address has the entry reloaded, then is told."""
    place = running()
    place.name, place.zeroed_adapter, place.session = None, True, False
    place.run(10 * MINUTE)
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING]
    assert place.told[-1][1] is Verdict.MISSING


def test_connects_failing_on_one_link() -> None:
    """Advertisements without a connection: from our own links to a power cycle in 5 min."""
    place = running()
    place.disconnecting = True
    assert place.run_until(lambda: bool(place.resets), 300) >= 200
    assert steps_of(place) == [
        RecoveryStep.OWN_LINKS,
        RecoveryStep.RESTART_SCANNING,
        RecoveryStep.POWER_CYCLE,
    ]
    place.run(2 * MINUTE)
    assert place.is_judged(Verdict.OK)


def test_connects_failing_on_all_links() -> None:
    """When several links fail alike, that is no chance."""
    place = running(links=[Link(), Link("6C:B2:FD:00:00:02")])
    place.disconnecting = True
    assert place.run_until(lambda: bool(place.resets), 300) >= 200
    place.run(2 * MINUTE)
    assert place.is_judged(Verdict.OK)


def test_one_of_two_links_refuses() -> None:
    """A link that refuses while another one connects is not the adapter's fault."""
    place = running(links=[Link(), Link("6C:B2:FD:00:00:02", accepts=never)])
    place.run(DAY)
    assert place.steps == []
    assert place.told == []


def test_somebody_elses_connections_work() -> None:
    """A link that refuses while other devices connect is not the adapter's fault."""
    place = running()
    place.links[0].accepts = never
    for _ in range(200):
        place.run(60)
        place.last_connected_at = place.now
    assert place.steps == []


def test_connections_of_others_that_are_not_told() -> None:
    """Whether somebody else connects is not known: that nobody does is no fact."""
    place = running()
    place.untold = frozenset({"last_connected_at"})
    place.links[0].accepts = never
    place.run(6 * HOUR)
    assert place.steps == []


def test_stale_link() -> None:
    """A connection that nobody uses any more is dropped."""
    place = running(other_devices=lambda _: 1)
    place.links[0].stale, place.links[0].present = True, never
    place.run_until(lambda: bool(place.steps), 240)
    assert steps_of(place) == [RecoveryStep.OWN_LINKS]


def test_slots_full() -> None:
    """Other integrations that hold all slots are told, not thrown out."""
    place = running()
    place.foreign = ("11:22:33:44:55:66",)
    place.slots = SlotSample(slots=1, free=0, foreign=place.foreign)
    place.disconnecting = True
    place.run(20 * MINUTE)
    assert steps_of(place) == [RecoveryStep.OWN_LINKS]
    assert place.told[-1][1] is Verdict.CONNECTS_FAILING
    assert place.judgement is not None
    assert place.judgement.reason is Reason.SLOTS_FULL


@pytest.mark.parametrize("state", [EntryState.FAILED, EntryState.NOT_LOADED])
def test_entry_that_is_not_loaded(state: EntryState) -> None:
    """An entry that failed or was left unloaded is Home Assistant's side."""
    place = running()
    place.entry = state
    place.run_until(lambda: place.is_judged(Verdict.HOME_ASSISTANT_SIDE), 200)
    if state is EntryState.NOT_LOADED:
        assert steps_of(place) == [RecoveryStep.RESTART_SCANNING]
    else:
        assert place.told[-1][1] is Verdict.HOME_ASSISTANT_SIDE


@pytest.mark.parametrize("state", [EntryState.DISABLED, EntryState.ABSENT])
def test_entry_that_is_not_wanted(state: EntryState) -> None:
    """A disabled or deleted entry is the user's will."""
    place = running()
    place.entry = state
    place.run(HOUR)
    assert place.is_judged(Verdict.UNKNOWN)
    assert place.told == []
    assert place.steps == []


def test_bluetoothd_down() -> None:
    """A bus without bluetoothd is told after a minute."""
    place = running()
    place.bus = BusSample(owner=None, known=False)
    assert 55 <= place.run_until(lambda: bool(place.told), 120) <= 100
    assert place.is_judged(Verdict.BLUETOOTHD_DOWN)


def test_bluetoothd_hung() -> None:
    """A bluetoothd that answers nothing is told within two minutes."""
    place = running()
    hung_at = place.now
    place.bus = BusSample(owner=OWNER, unanswered=3, unanswered_since=hung_at)
    assert place.run_until(lambda: bool(place.told), 120) <= 90
    assert place.is_judged(Verdict.BLUETOOTHD_HUNG)
    place.bus = BusSample(owner=OWNER)
    place.run(MINUTE)
    assert place.is_judged(Verdict.OK)


def hung() -> Place:
    """A place where bluetoothd has not answered for five minutes and does so again now."""
    place = running(mode=ScanMode.AUTO)
    place.bus = BusSample(owner=OWNER, unanswered=3, unanswered_since=place.now)
    place.deaf = place.bus_lost = True
    place.session = False
    place.run(5 * MINUTE)
    assert place.is_judged(Verdict.BLUETOOTHD_HUNG)
    # Half a minute, doubled by each failure after the first.
    assert place.links[0].retries.pause >= 240.0
    assert not place.scanning
    place.bus = BusSample(owner=OWNER)
    place.deaf = place.bus_lost = False
    return place


def test_home_assistant_scans_by_itself_when_bluetoothd_answers_again() -> None:
    """What failed while bluetoothd hung is no evidence of anything else."""
    place = hung()
    place.next_watchdog = place.now + 5
    place.run(HOUR)
    assert place.steps == []
    assert place.is_judged(Verdict.OK)


def test_scan_that_was_given_up_while_bluetoothd_hung() -> None:
    """When bluetoothd answers again, Home Assistant's next try is not waited for."""
    place = hung()
    place.next_watchdog = place.now + HOUR
    assert place.run_until(lambda: bool(place.steps), MINUTE) <= 15
    place.run(2 * MINUTE)
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING]
    assert place.results == [StepResult.RECOVERED]


def test_set_up_that_failed_while_bluetoothd_hung() -> None:
    """The same where Home Assistant has no scanner any more: a reset is not needed."""
    place = hung()
    place.entry, place.entry_reason = EntryState.RETRYING, "Timed out starting"
    assert place.run_until(lambda: bool(place.steps), MINUTE) <= 15
    place.run(2 * MINUTE)
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING]
    assert place.results == [StepResult.RECOVERED]


def test_slow_bluetoothd() -> None:
    """Two missed answers are not yet a hang."""
    place = running()
    place.bus = BusSample(owner=OWNER, unanswered=2, unanswered_since=place.now)
    place.run(10 * MINUTE)
    assert place.is_judged(Verdict.OK)


def test_nothing_is_done_while_home_assistant_starts_or_stops() -> None:
    """Neither start nor stop of Home Assistant is a time for steps."""
    for host in (HostState.STARTING, HostState.STOPPING):
        place = running()
        place.host, place.refusing = host, True
        place.entry = EntryState.RETRYING
        place.run(HOUR)
        assert place.steps == []
        assert place.is_judged(Verdict.STARTING)


@pytest.mark.parametrize("level", [RecoveryLevel.OFF, RecoveryLevel.GENTLE])
def test_level_limits_the_steps(level: RecoveryLevel) -> None:
    """Recovery that is off only tells, gentle recovery never resets."""
    place = running(level=level, other_devices=lambda _: 6)
    place.deaf = True
    place.run(DAY)
    assert place.resets == []
    assert bool(place.steps) is (level is RecoveryLevel.GENTLE)
    assert place.told[0][1] is Verdict.SILENT


def test_foreign_connections_are_spared_until_the_user_decides() -> None:
    """A silent adapter with living connections of others is told, not reset."""
    place = running(other_devices=lambda _: 6, foreign=("11:22:33:44:55:66",))
    place.deaf = True
    place.run(HOUR)
    assert place.steps == []
    assert place.told[0][1] is Verdict.SILENT
    place.foreign = ()
    place.run(5 * MINUTE)
    assert RecoveryStep.POWER_CYCLE in steps_of(place)


def test_judgement_says_since_when_and_why() -> None:
    """The sign's beginning, the evidence and the reason are kept."""
    place = running(links=[Link(heard_elsewhere=always)], only_adapter=False)
    silent_since = place.now
    place.deaf = True
    place.run_until(lambda: bool(place.steps), 180)
    verdicts = [
        judgement for judgement in place.verdicts if judgement[1] is Verdict.SILENT
    ]
    assert len(verdicts) == 1
    assert place.judgement is not None
    assert place.judgement.evidence is Evidence.WITNESSED
    assert place.judgement.reason is Reason.HEARD_ELSEWHERE
    assert abs(place.judgement.since - silent_since) <= 30


def test_broken_adapter_that_stays_broken_remains_in_use() -> None:
    """The day after, a fault of an adapter that was in use has not become nobody's."""
    place = running(
        links=[Link(heard_elsewhere=always)],
        only_adapter=False,
        level=RecoveryLevel.OFF,
    )
    place.deaf = True
    place.run(3 * DAY)
    assert place.is_judged(Verdict.SILENT)
    assert place.decision.tell


UNTOLD = frozenset({"start_time", "last_detection"})


def test_what_shows_without_the_scanner_counts_although_it_tells_nothing() -> None:
    """An adapter that is off is switched on, and one that is gone is told of."""
    place = running()
    place.untold = UNTOLD
    place.run(HOUR)
    assert place.is_judged(Verdict.UNKNOWN)
    place.powered = False
    assert 40 <= place.run_until(lambda: bool(place.steps), 240) <= 110
    assert steps_of(place) == [RecoveryStep.POWER_CYCLE]
    place.name, place.session = None, False
    assert 145 <= place.run_until(lambda: bool(place.told), 180) <= 180
    assert place.is_judged(Verdict.MISSING)


def test_lost_bus_is_told_although_the_scanner_tells_nothing() -> None:
    """Whether bluetoothd can be asked does not depend on the scanner."""
    place = running()
    place.untold = UNTOLD
    place.session = False
    place.links[0].accepts = never
    place.bus = BusSample(connected=False, fault=BusFault.NO_SOCKET, known=False)
    place.run_until(lambda: bool(place.told), 240)
    assert place.is_judged(Verdict.BUS_LOST)


def test_discovery_that_ended_shows_although_the_scanner_tells_nothing() -> None:
    """A scan that is active by Home Assistant's word and not by bluetoothd's is lost."""
    place = running()
    place.untold = UNTOLD
    place.session = False
    assert place.run_until(lambda: bool(place.steps), 75) <= 65
    assert place.steps[0][2] is Verdict.SESSION_LOST


def test_silence_counts_from_when_the_scanner_tells_of_it() -> None:
    """Once it is known that nothing is heard, a deaf adapter is mended as ever."""
    place = running(other_devices=lambda _: 6)
    place.untold = UNTOLD
    place.deaf = True
    place.run(HOUR)
    assert place.steps == []
    assert place.told == []
    place.untold = frozenset()
    assert place.run_until(lambda: bool(place.resets), 300) <= 300
    assert place.steps[0][2] is Verdict.SILENT
    place.run(2 * MINUTE)
    assert place.is_judged(Verdict.OK)


def test_connections_of_others_are_spared_while_starting_is_refused() -> None:
    """They live on where Home Assistant has no scanner that could tell of them."""
    place = running(foreign=("11:22:33:44:55:66",))
    place.refusing, place.session = True, False
    place.entry = EntryState.RETRYING
    place.run(HOUR)
    assert place.resets == []
    assert place.told[-1][1] is Verdict.START_REFUSED
    place.foreign = ()
    assert place.run_until(lambda: bool(place.resets), 5 * MINUTE)
    place.run(5 * MINUTE)
    assert place.is_judged(Verdict.OK)


def test_entry_that_is_not_loaded_drops_nobody_when_it_is_reloaded() -> None:
    """Connections of others through the adapter are no reason to leave the entry as it is."""
    place = running(foreign=("11:22:33:44:55:66",))
    place.entry, place.session = EntryState.NOT_LOADED, False
    assert place.run_until(lambda: bool(place.steps), 180) <= 150
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING]


def test_set_up_that_fails_for_a_reason_that_is_not_known() -> None:
    """Where Home Assistant does not tell whether it finds the adapter: the gentler step first."""
    place = running(tells_names=False)
    place.refusing, place.session = True, False
    place.entry, place.entry_reason = EntryState.RETRYING, "hci0 not found"
    place.run(5 * MINUTE)
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING, RecoveryStep.POWER_CYCLE]
    assert place.is_judged(Verdict.OK)


def test_words_of_an_error_decide_nothing() -> None:
    """An adapter that Home Assistant knows is not lost because an error says so."""
    place = running()
    place.refusing, place.session = True, False
    place.entry, place.entry_reason = EntryState.RETRYING, "Adapter hci0 not found"
    place.run(3 * MINUTE)
    assert steps_of(place) == [RecoveryStep.POWER_CYCLE]


def test_set_up_that_fails_under_another_name() -> None:
    """An adapter that has another number than Home Assistant knows is not reset."""
    place = running()
    place.name, place.session = "hci1", False
    place.entry, place.entry_reason = EntryState.RETRYING, "Timed out starting"
    assert place.run_until(lambda: bool(place.steps), 60) <= 30
    assert steps_of(place) == [RecoveryStep.RESTART_SCANNING]
    assert place.steps[0][2] is Verdict.RENUMBERED
