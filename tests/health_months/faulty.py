# SPDX-License-Identifier: Apache-2.0
"""Worlds in which something breaks: it is mended in time or told, and calmly."""

from functools import partial

from custom_components.renogy_bt.adapter_health.samples import (
    EntryState,
    Reason,
    ScanMode,
    SlotSample,
    Verdict,
)
from custom_components.renogy_bt.bluez.models import BusFault, BusSample

from .radio import DAY, HOUR, MINUTE, Link, always, daily, except_, never, nightly
from .registry import enter_faulty, faulty
from .simulation import OWNER, Place, Play

SECOND_LINK = "6C:B2:FD:00:00:02"
NEIGHBOUR = "11:22:33:44:55:66"
BETWEEN = 1.3 * DAY
"""Time between two faults of a kind."""
FIRST = 0.9 * DAY
"""Time before the only fault of a world."""
SILENT = frozenset({Verdict.SILENT})
CONNECTS_FAIL = frozenset({Verdict.CONNECTS_FAILING})


# The scan is lost


@faulty(mended_within=75, most_resets=0)
def session_lost(place: Place) -> Play:
    """Somebody switches the adapter off and on: active scanning ends."""
    while True:
        yield place.pace * BETWEEN
        place.breaks()
        place.session, place.powered_at = False, place.now


@faulty(mended_within=75, most_resets=0)
def session_lost_unseen(place: Place) -> Play:
    """Active scanning ends, and nothing shows why."""
    while True:
        yield place.pace * BETWEEN
        place.breaks()
        place.session = False


@faulty(mended_within=75, most_resets=0)
def dead_scanner(place: Place) -> Play:
    """A scanner in AUTO mode stays in an active window that has died."""
    place.mode = ScanMode.AUTO
    while True:
        yield place.pace * BETWEEN
        place.breaks()
        place.window, place.session = always, False


@faulty(mended_within=75, most_resets=0)
def bluetoothd_restart(place: Place) -> Play:
    """Bluetoothd is restarted under a scanner in active mode."""
    for owner in range(9, 100):
        yield place.pace * BETWEEN
        place.breaks()
        yield from place.restart_bluetoothd(f":1.{owner}")


@faulty(mended_within=75, most_resets=0)
def bluetoothd_restart_auto(place: Place) -> Play:
    """Bluetoothd is restarted under a scanner in AUTO mode."""
    place.mode = ScanMode.AUTO
    yield from bluetoothd_restart(place)


@faulty(mended_within=90, most_resets=0)
def bus_restart(place: Place) -> Play:
    """The system bus is gone for some seconds."""
    for owner in range(9, 100):
        yield place.pace * BETWEEN
        place.breaks()
        place.session, place.bus_lost = False, True
        place.bus = BusSample(connected=False, fault=BusFault.UNREACHABLE, known=False)
        yield 5.0
        place.bus_lost = False
        place.bus = BusSample(owner=f":1.{owner}", owner_changed_at=place.now)


@faulty(mended_within=60, most_resets=0)
def renumbered(place: Place) -> Play:
    """The adapter returns under another number."""
    for turn in range(1, 100):
        yield place.pace * BETWEEN
        place.breaks()
        place.unplug()
        yield 3.0
        place.plug_in(f"hci{turn % 2}")


@faulty(mended_within=120, told={Verdict.START_REFUSED})
def replugged_after_resets(place: Place) -> Play:
    """An adapter that no reset cured is plugged in again hours later, and works."""
    yield place.pace * FIRST
    place.refusing = place.incurable = True
    place.session = False
    yield 4.1 * HOUR
    place.unplug()
    yield 5.0
    place.breaks()
    place.refusing = place.incurable = False
    place.plug_in("hci1")


@faulty(mended_within=75, most_resets=0)
def other_number(place: Place) -> Play:
    """The adapter has another number all at once, and nothing shows when it came."""
    for turn in range(1, 100):
        yield place.pace * BETWEEN
        place.breaks()
        place.name = f"hci{turn % 2}"


@faulty(mended_within=30, told={Verdict.MISSING}, most_resets=0)
def away_for_days(place: Place) -> Play:
    """The adapter is away for days and comes back as hci1, beside another scanner."""
    place.only_adapter = False
    yield 5 * DAY
    place.unplug()
    yield 60.0
    place.entry, place.entry_reason = EntryState.RETRYING, "adapter None not found"
    yield 3 * DAY
    place.breaks()
    place.plug_in("hci1")


@faulty(mended_within=60, told={Verdict.MISSING}, most_resets=0)
def unplugged_for_a_day(place: Place) -> Play:
    """The adapter is away for a day and comes back under its own number."""
    while True:
        yield 0.5 * DAY
        place.unplug()
        yield DAY
        place.breaks()
        place.plug_in()


@faulty(mended_within=60, most_resets=0)
def loose_plug(place: Place) -> Play:
    """A cable is loose for a moment, now and then."""
    while True:
        yield place.pace * FIRST
        place.breaks()
        place.unplug()
        yield 10.0
        place.plug_in()


@faulty(mended_within=180, most_resets_a_day=4)
def session_lost_half_hourly(place: Place) -> Play:
    """Active scanning ends twice an hour, and the link is heard again only after a while."""
    (link,) = place.links
    while True:
        yield 0.5 * HOUR
        place.breaks()
        place.session, link.present = False, never
        yield 110.0
        link.present = always


# Starting is refused


@faulty(mended_within=180, assisted_within=300)
def start_refused_at_start(place: Place) -> Play:
    """The entry cannot be set up: the adapter refuses every start of a scan."""
    while True:
        yield place.pace * BETWEEN
        _refuse_at_start(place)


def _refuse_at_start(place: Place) -> None:
    place.breaks()
    place.refusing, place.session = True, False
    place.entry = EntryState.RETRYING
    place.entry_reason = "hci0: Failed to start Bluetooth: org.bluez.Error.InProgress"


@faulty(mended_within=90, assisted_within=400)
def start_refused(place: Place) -> Play:
    """The scan ends, and the adapter refuses every start of another."""
    while True:
        yield place.pace * BETWEEN
        place.breaks()
        place.refusing, place.session = True, False


@faulty(mended_within=400, assisted_within=600)
def start_refused_in_passive_mode(place: Place) -> Play:
    """The scan ends in passive mode, and the adapter refuses every start of another."""
    place.mode = ScanMode.PASSIVE
    yield from start_refused(place)


@faulty(told={Verdict.START_REFUSED}, told_within=400, most_resets_a_day=12)
def start_refused_for_good(place: Place) -> Play:
    """The adapter refuses every start of a scan, and no reset cures it."""
    yield place.pace * FIRST
    place.breaks()
    place.refusing = place.incurable = True
    place.session = False


@faulty(told={Verdict.START_REFUSED}, most_resets=0, told_within=1000)
def start_refused_beside_connections(place: Place) -> Play:
    """Starting is refused while another integration holds a connection that works."""
    yield place.pace * FIRST
    place.breaks()
    place.foreign, place.refusing = (NEIGHBOUR,), True
    place.incurable, place.session = True, False


@faulty(
    mended_within=600,
    assisted_within=1200,
    told={Verdict.START_REFUSED},
    told_within=1100,
)
def start_refused_and_steps_fail(place: Place) -> Play:
    """The adapter refuses every start of a scan, and no step can be taken for some minutes."""
    while True:
        yield place.pace * BETWEEN
        _refuse_at_start(place)
        place.steps_fail = True
        yield 800.0 if place.management_socket else 270.0
        place.steps_fail = False


@faulty(told={Verdict.START_REFUSED}, told_within=2 * HOUR)
def start_refused_every_few_minutes(place: Place) -> Play:
    """The adapter refuses every start of a scan each three minutes, and only we reset it."""
    place.management_socket = False
    while True:
        yield 180.0
        _refuse_at_start(place)


def _start_refused_for(seconds: float, place: Place) -> Play:
    yield place.pace * FIRST
    place.breaks()
    place.refusing = place.incurable = True
    place.session = False
    yield seconds
    place.incurable = False


for _time, _hours, _within in (("18 minutes", 0.3, 0.8), ("50 hours", 50, 57)):
    enter_faulty(
        f"start-refused-for-{_time.replace(' ', '-')}",
        f"The adapter refuses to scan, and no reset cures it in the first {_time}.",
        partial(_start_refused_for, _hours * HOUR),
        mended_within=_within * HOUR,
    )


# Silence


def _shared(place: Place) -> None:
    place.links = [Link(heard_elsewhere=always)]
    place.only_adapter = False


@faulty(mended_within=180, assisted_within=300)
def deaf_with_a_witness(place: Place) -> Play:
    """The adapter goes deaf while a proxy hears the link."""
    _shared(place)
    while True:
        yield place.pace * BETWEEN
        place.breaks()
        place.deaf = True


@faulty(mended_within=600, assisted_within=600)
def deaf_beside_a_better_proxy(place: Place) -> Play:
    """The adapter, to which the link is reported seldom, goes deaf while a proxy hears it."""
    _shared(place)
    place.links[0].visible = 0.3
    while True:
        yield place.pace * BETWEEN
        place.breaks()
        place.deaf = True


@faulty(mended_within=400)
def deaf_in_a_lively_place(place: Place) -> Play:
    """The adapter goes deaf where many devices are always heard."""
    place.other_devices = lambda _: 6
    while True:
        yield place.pace * BETWEEN
        place.breaks()
        place.deaf = True


@faulty(mended_within=HOUR + 400, assisted_within=400, most_resets=3)
def deaf_in_a_quiet_place(place: Place) -> Play:
    """The adapter goes deaf where nothing but one dongle was ever heard, for weeks."""
    place.mode = ScanMode.AUTO
    yield 10.3 * DAY
    while True:
        yield 5 * DAY
        place.breaks()
        place.deaf = True


@faulty(mended_within=HOUR + 400, assisted_within=400)
def deaf_in_a_known_quiet_place(place: Place) -> Play:
    """The adapter goes deaf every seven hours where one dongle alone was heard for weeks."""
    place.mode = ScanMode.AUTO
    place.become_known()
    while True:
        yield 7 * HOUR
        place.breaks()
        place.deaf = True


def _dongle_off(place: Place, *hours: float) -> Play:
    """Have the only dongle of a place that is known on and off for so long in turn."""
    (link,) = place.links
    place.mode = ScanMode.AUTO
    place.become_known()
    for turn, each in enumerate(hours):
        link.present = never if turn % 2 else always
        yield each * HOUR
    link.present = always


@faulty(most_resets=1)
def dongle_off_twice(place: Place) -> Play:
    """The only dongle of a place that is known is switched off twice within six hours."""
    yield from _dongle_off(place, 0.4, 1.2, 0.4, 3.2)


@faulty(most_resets=1)
def dongle_off_again(place: Place) -> Play:
    """The only dongle of a place that is known is switched off for a while, hours apart."""
    yield from _dongle_off(place, 0.4, 1.2, 6.5, 1.8)


@faulty(told=SILENT, told_within=500)
def deaf_for_good(place: Place) -> Play:
    """The adapter goes deaf in a lively place, and no reset cures it."""
    place.other_devices = lambda _: 6
    yield place.pace * FIRST
    place.breaks()
    place.deaf = place.incurable = True


@faulty(told=SILENT, told_within=500)
def deaf_for_good_with_a_witness(place: Place) -> Play:
    """The adapter goes deaf beside a proxy, and no reset cures it."""
    _shared(place)
    yield place.pace * FIRST
    place.breaks()
    place.deaf = place.incurable = True


@faulty(told=SILENT)
def deaf_and_bank_reloaded_half_hourly(place: Place) -> Play:
    """The adapter is deaf for good, and the bank is loaded again every half hour."""
    place.other_devices = lambda _: 6
    yield place.pace * FIRST
    place.breaks()
    place.deaf = place.incurable = True
    while True:
        yield 0.5 * HOUR
        place.reload_bank()


@faulty()
def discovers_nothing(place: Place) -> Play:
    """Discovery starts and nothing is ever reported, from the very first start on."""
    place.deaf = place.incurable = True
    place.breaks()
    yield DAY


@faulty(told={Verdict.HOME_ASSISTANT_SIDE, Verdict.SILENT})
def heard_on_the_bus(place: Place) -> Play:
    """Bluetoothd reports devices, Home Assistant gets none of them."""
    place.other_devices = lambda _: 6
    yield place.pace * FIRST
    place.breaks()
    place.deaf = place.incurable = True
    while True:
        yield 5 * MINUTE
        place.heard_on_bus_at = place.now if place.management_socket else None


# Power


@faulty(mended_within=120)
def powered_off(place: Place) -> Play:
    """Somebody switches the adapter off by mistake."""
    while True:
        yield place.pace * BETWEEN
        place.breaks()
        place.powered = place.session = False


@faulty(told={Verdict.POWERED_OFF}, most_resets=1)
def powered_off_at_night(place: Place) -> Play:
    """The owner switches the adapter off every night and on in the morning."""
    while True:
        off = nightly(22, 6)(place.now)
        if off and not place.incurable:
            place.powered = place.session = False
        if not off and place.incurable and not place.powered:
            place.powered, place.powered_at = True, place.now
        place.incurable = off
        yield 5 * MINUTE


@faulty(told={Verdict.BLOCKED}, most_resets=0, told_within=240)
def blocked(place: Place) -> Play:
    """The adapter is blocked by rfkill for two hours."""
    while True:
        yield place.pace * BETWEEN
        place.breaks()
        place.powered, place.session, place.power_state = False, False, "off-blocked"
        yield 2 * HOUR
        place.power_state, place.powered, place.powered_at = "on", True, place.now


@faulty(mended_within=75, told={Verdict.BLOCKED}, most_resets=0)
def unblocked_after_restarts(place: Place) -> Play:
    """Home Assistant is restarted twice while the adapter is blocked by rfkill."""
    while True:
        yield place.pace * BETWEEN
        place.powered, place.session, place.power_state = False, False, "off-blocked"
        for _ in range(2):
            yield 0.2 * HOUR
            yield from place.restart_host()
        yield 0.5 * HOUR
        place.breaks()
        place.power_state, place.powered, place.powered_at = "on", True, place.now


@faulty(most_resets=0, most_steps=4)
def foreign_power_cycles(place: Place) -> Play:
    """Another program power cycles the adapter every ten minutes."""
    while True:
        yield 10 * MINUTE
        place.powered = place.session = False
        yield 3.0
        place.powered, place.powered_at = True, place.now


# The adapter comes and goes


@faulty(told={Verdict.MISSING}, most_resets=0, told_within=1500)
def drops_off_usb(place: Place) -> Play:
    """A USB adapter drops off the bus ten times an hour and returns within seconds."""
    yield place.pace * FIRST
    place.breaks()
    while True:
        yield 6 * MINUTE
        place.unplug()
        yield 4.0
        place.plug_in()


@faulty(told={Verdict.MISSING}, most_resets=0, told_within=500)
def gone_since_an_update(place: Place) -> Play:
    """The adapter is gone since the host was restarted with a new system."""
    yield place.pace * FIRST
    place.breaks()
    place.unplug()
    yield from place.restart_host(down=120.0)


@faulty(told={Verdict.MISSING}, most_resets=0, told_within=450)
def taken_away(place: Place) -> Play:
    """The adapter is taken away for good."""
    yield place.pace * FIRST
    place.breaks()
    place.unplug()


@faulty(told={Verdict.MISSING}, most_resets=0, told_within=450)
def controller_without_an_address(place: Place) -> Play:
    """The controller comes up without an address."""
    yield place.pace * FIRST
    place.breaks()
    place.unplug()
    place.zeroed_adapter = True


@faulty(mended_within=150, told={Verdict.SAME_ADDRESS}, most_resets=0)
def twin(place: Place) -> Play:
    """A second dongle has the same address, and the scan ends now and then."""
    place.has_twin = True
    while True:
        yield place.pace * BETWEEN
        place.breaks()
        place.session = False


@faulty(told={Verdict.SAME_ADDRESS}, most_resets=0, told_within=120)
def twin_plugged_in(place: Place) -> Play:
    """A second dongle that has the same address is plugged in."""
    yield place.pace * FIRST
    place.breaks()
    place.has_twin = True


# Connections


@faulty(mended_within=900)
def connects_failing(place: Place) -> Play:
    """The only link is heard well and cannot be connected to."""
    while True:
        yield place.pace * BETWEEN
        place.breaks()
        place.disconnecting = True


@faulty(mended_within=500)
def connects_of_two_links_failing(place: Place) -> Play:
    """Two links are heard well and cannot be connected to."""
    place.links = [Link(), Link(SECOND_LINK)]
    yield from connects_failing(place)


@faulty(mended_within=HOUR)
def connects_at_middling_strength_failing(place: Place) -> Play:
    """A link at -78 dBm, by night at -83 dBm, cannot be connected to one day."""
    (link,) = place.links = [Link()]
    place.over_bluetoothd = False
    for _ in range(4):
        for strength in (-78, -83):
            link.rssi = (strength, 0)
            yield 0.5 * DAY
    link.rssi = (-78, 0)
    yield from connects_failing(place)


@faulty(mended_within=900)
def connects_failing_beside_a_proxy(place: Place) -> Play:
    """The only link cannot be connected to, and a proxy hears it that cannot either."""
    _shared(place)
    place.other_path = False
    yield from connects_failing(place)


@faulty(mended_within=1500)
def connects_failing_without_bluetoothd(place: Place) -> Play:
    """The same where Home Assistant works the adapter itself, and hears it now and then."""
    place.work_directly()
    yield from connects_failing(place)


@faulty(mended_within=900)
def deaf_without_bluetoothd(place: Place) -> Play:
    """An adapter that Home Assistant works itself goes deaf, and a proxy hears the link."""
    _shared(place)
    place.work_directly()
    while True:
        yield place.pace * BETWEEN
        place.breaks()
        place.deaf = True


def _connects_failing_for(seconds: float, place: Place) -> Play:
    yield place.pace * FIRST
    place.breaks()
    place.disconnecting = place.incurable = True
    yield seconds
    place.incurable = False


for _hours, _within in ((3, 8), (10, 36), (40, 120)):
    enter_faulty(
        f"connects-failing-for-{_hours}-hours",
        f"Connects fail, and no reset cures that in the first {_hours} hours.",
        partial(_connects_failing_for, _hours * HOUR),
        mended_within=_within * HOUR,
    )


@faulty(assisted_within=900)
def connects_failing_until_a_full_reset(place: Place) -> Play:
    """The only link cannot be connected to, and a power cycle does not cure that."""
    place.needs_full_reset = True
    yield from connects_failing(place)


@faulty(told=CONNECTS_FAIL, told_within=450)
def connects_abort(place: Place) -> Play:
    """Every connect aborts at once although the links are heard well; nothing cures it."""
    place.links = [Link(), Link(SECOND_LINK)]
    yield place.pace * FIRST
    place.breaks()
    place.disconnecting = place.incurable = True


@faulty(told=CONNECTS_FAIL, advice=Reason.CONNECTS_NEED_DISCOVERY, most_resets=0)
def connects_only_while_discovering(place: Place) -> Play:
    """A connect succeeds only while the controller discovers, which is seldom in AUTO mode."""
    place.mode = ScanMode.AUTO
    place.window = lambda now: now % (12 * HOUR) < 15.0
    yield place.pace * FIRST
    place.connects_while_discovering = True


@faulty(told=CONNECTS_FAIL, told_within=200)
def connect_denied(place: Place) -> Play:
    """AppArmor denies Connect, and nothing else."""
    place.links = [Link(), Link(SECOND_LINK)]
    yield place.pace * FIRST
    place.breaks()
    place.connects_denied = True


@faulty(told=CONNECTS_FAIL, most_resets=0, told_within=700)
def slots_held_by_others(place: Place) -> Play:
    """Other integrations hold every connection slot for two days."""
    yield place.pace * FIRST
    place.breaks()
    place.foreign = (NEIGHBOUR,)
    place.slots = SlotSample(slots=1, free=0, foreign=place.foreign)
    place.links[0].accepts = never
    yield 2 * DAY
    place.foreign, place.slots, place.links[0].accepts = (), None, always


@faulty(mended_within=400)
def stale_link(place: Place) -> Play:
    """BlueZ keeps a connection that nobody uses, and the link is not heard meanwhile."""
    (link,) = place.links
    link.present = lambda _: not link.stale
    place.other_devices = lambda _: 1
    while True:
        yield place.pace * BETWEEN
        place.breaks()
        link.stale = True


# Home Assistant's entry and bluetoothd


@faulty(told={Verdict.HOME_ASSISTANT_SIDE}, most_resets=0, told_within=120)
def entry_failed(place: Place) -> Play:
    """Home Assistant's Bluetooth entry cannot be unloaded: only a restart helps."""
    yield place.pace * BETWEEN
    place.breaks()
    place.entry, place.session = EntryState.FAILED, False


@faulty(mended_within=240, most_resets=0)
def entry_unloaded(place: Place) -> Play:
    """Home Assistant's Bluetooth entry is left unloaded, or in an error of its set-up."""
    while True:
        yield place.pace * BETWEEN
        place.breaks()
        place.entry, place.session = EntryState.NOT_LOADED, False


@faulty(told={Verdict.BLUETOOTHD_DOWN}, most_resets=0, told_within=120)
def bluetoothd_down(place: Place) -> Play:
    """Bluetoothd does not run for an hour."""
    for owner in range(9, 100):
        yield place.pace * BETWEEN
        place.breaks()
        place.bus_lost = True
        yield from place.restart_bluetoothd(f":1.{owner}", down=HOUR)
        place.bus_lost = False


@faulty(told={Verdict.BLUETOOTHD_HUNG}, most_resets=0, told_within=120)
def bluetoothd_hung(place: Place) -> Play:
    """Bluetoothd answers nothing for twenty minutes."""
    while True:
        yield place.pace * BETWEEN
        place.breaks()
        place.bus = BusSample(owner=OWNER, unanswered=3, unanswered_since=place.now)
        place.deaf = place.bus_lost = True
        yield 20 * MINUTE
        place.bus = BusSample(owner=OWNER)
        place.deaf = place.bus_lost = False


@faulty(told={Verdict.BUS_LOST}, most_resets=0, told_within=180)
def bus_denied(place: Place) -> Play:
    """AppArmor denies the system bus to Home Assistant as a whole."""
    yield from _without_bus(place, BusFault.ACCESS_DENIED)


@faulty(told={Verdict.BUS_LOST}, most_resets=0, told_within=180)
def bus_gone(place: Place) -> Play:
    """The system bus is gone for good."""
    yield from _without_bus(place, BusFault.UNREACHABLE)


def _without_bus(place: Place, fault: BusFault) -> Play:
    yield place.pace * FIRST
    place.breaks()
    place.bus_lost, place.session = True, False
    place.links[0].accepts = never
    place.bus = BusSample(connected=False, fault=fault, known=False)


@faulty(told={Verdict.BLUETOOTHD_DOWN}, most_resets=0, told_within=500)
def bluetoothd_crashes_every_two_minutes(place: Place) -> Play:
    """Bluetoothd crashes every two minutes."""
    yield place.pace * FIRST
    place.breaks()
    for owner in range(9, 1_000_000):
        yield 2 * MINUTE
        yield from place.restart_bluetoothd(f":1.{owner}")


@faulty(told={Verdict.BLUETOOTHD_DOWN}, most_resets=0, told_within=300)
def bluetoothd_crashes_at_each_disconnect(place: Place) -> Play:
    """Bluetoothd crashes whenever a poll has ended."""
    yield place.pace * FIRST
    place.breaks()
    seen = place.last_connected_at
    owner = 9
    while True:
        yield 2.0
        if place.last_connected_at != seen:
            seen, owner = place.last_connected_at, owner + 1
            yield from place.restart_bluetoothd(f":1.{owner}")


@faulty()
def one_thing_after_another(place: Place) -> Play:
    """The scan is lost every hour, and then everything else breaks in turn for some minutes."""
    for _ in range(8):
        yield place.pace * 10 * HOUR
        place.session = False
    for owner in range(9, 1_000_000):
        yield HOUR
        place.unplug()
        yield 400.0
        place.plug_in()
        yield HOUR
        place.powered = place.session = False
        yield HOUR
        yield from place.restart_bluetoothd(f":1.{owner}", down=400.0)
        yield HOUR
        place.entry, place.session = EntryState.NOT_LOADED, False


# What ends by itself, once a day: nobody can know that the first time, and nobody need not later


@faulty(most_resets=2)
def connects_fail_nightly(place: Place) -> None:
    """No connection to the only link comes about for five minutes of every night."""
    place.links = [Link(accepts=except_(daily(3 * HOUR, 3 * HOUR + 300.0)))]


@faulty(most_resets=4)
def connects_of_two_links_fail_nightly(place: Place) -> None:
    """No connection to either of two links comes about for seven minutes of every night."""
    accepts = except_(daily(3 * HOUR, 3 * HOUR + 420.0))
    place.links = [Link(accepts=accepts), Link(SECOND_LINK, accepts=accepts)]


@faulty(most_resets=2)
def silent_minutes_in_a_lively_place(place: Place) -> None:
    """A place with many devices hears nothing for three minutes of every day."""
    silent = daily(12 * HOUR, 12 * HOUR + 180.0)
    place.links = [Link(present=except_(silent))]
    place.other_devices = lambda now: 0 if silent(now) else 6
