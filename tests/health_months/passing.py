# SPDX-License-Identifier: Apache-2.0
"""Worlds in which something is wrong for moments: it passes before it is worth a word."""

from collections.abc import Callable, Iterator

from custom_components.renogy_bt.adapter_health.samples import (
    EntryState,
    ScanMode,
    SlotSample,
)
from custom_components.renogy_bt.bluez.models import BusFault, BusSample

from .radio import GOOD_STRENGTH, HOUR, MINUTE, Link, always, never
from .registry import enter_benign
from .simulation import OWNER, Place, Play

EVERY = 6.0 * HOUR
NEIGHBOUR = "11:22:33:44:55:66"

type Moment = Callable[[Place], Iterator[float]]


def passing(moment: Moment) -> Moment:
    """Enter a world in which something happens four times a day."""

    def build(place: Place) -> Play:
        while True:
            yield place.pace * EVERY
            yield from moment(place)

    assert moment.__doc__ is not None
    name = moment.__name__.replace("_", "-")
    enter_benign(f"passing-{name}", moment.__doc__, build)
    return moment


def _heard_again(place: Place) -> None:
    """Let Home Assistant have begun its scan anew."""
    place.session = place.scanning = True
    place.start_time = place.last_detection = place.now


# The entry


@passing
def entry_failed(place: Place) -> Play:
    """Home Assistant's Bluetooth entry is in an error for three quarters of a minute."""
    place.entry = EntryState.FAILED
    yield 45.0
    place.entry = EntryState.LOADED
    _heard_again(place)


@passing
def entry_unloaded(place: Place) -> Play:
    """Home Assistant's Bluetooth entry is not loaded for a minute and a half."""
    place.entry = EntryState.NOT_LOADED
    yield 95.0
    place.entry = EntryState.LOADED
    _heard_again(place)


@passing
def refusal(place: Place) -> Play:
    """Home Assistant needs twenty seconds and two tries to begin its scan."""
    place.entry = EntryState.RETRYING
    place.refusing = True
    yield 20.0
    place.refusing = False
    place.entry = EntryState.LOADED
    _heard_again(place)


# The adapter


@passing
def absence(place: Place) -> Play:
    """The adapter is away for two minutes and comes back with Home Assistant's scan."""
    place.unplug()
    yield 120.0
    place.plug_in()
    _heard_again(place)


@passing
def late_return(place: Place) -> Play:
    """The adapter is there only some minutes after Home Assistant was restarted."""
    place.unplug()
    yield from place.restart_host()
    yield 120.0
    place.plug_in()
    place.entry = EntryState.LOADED
    _heard_again(place)


@passing
def absence_beside_another(place: Place) -> Play:
    """The adapter is away for two minutes, for which another one is there."""
    place.unplug()
    place.other_adapters = frozenset({NEIGHBOUR})
    yield 120.0
    place.other_adapters = frozenset()
    place.plug_in()
    _heard_again(place)


@passing
def missing_address(place: Place) -> Play:
    """The controller is without an address for two minutes."""
    place.unplug()
    place.zeroed_adapter = True
    yield 120.0
    place.zeroed_adapter = False
    place.plug_in()
    _heard_again(place)


@passing
def twin(place: Place) -> Play:
    """Another adapter has the same address for three quarters of a minute."""
    place.has_twin = True
    yield 45.0
    place.has_twin = False


@passing
def other_number(place: Place) -> Play:
    """The adapter has another number for a quarter of a minute."""
    place.name = "hci1"
    yield 15.0
    place.name = "hci0"
    _heard_again(place)


@passing
def set_up_under_another_number(place: Place) -> Play:
    """Home Assistant looks for the adapter under another number for some seconds."""
    place.name, place.entry = "hci1", EntryState.RETRYING
    yield 4.0 if place.management_socket else 15.0
    place.name, place.entry = "hci0", EntryState.LOADED
    _heard_again(place)


@passing
def rfkill(place: Place) -> Play:
    """The adapter is blocked for three quarters of a minute."""
    place.mode = ScanMode.AUTO
    place.powered, place.power_state = False, "off-blocked"
    yield 45.0
    place.powered, place.power_state = True, "on"
    _heard_again(place)


@passing
def power_off(place: Place) -> Play:
    """Somebody has the adapter off for half a minute, and in the next hour for longer."""
    place.mode = ScanMode.AUTO
    for seconds in (35.0, 150.0):
        place.powered = False
        yield seconds
        place.powered, place.powered_at = True, place.now
        _heard_again(place)
        yield HOUR


@passing
def power_off_unnoticed(place: Place) -> Play:
    """Somebody has the adapter off for two and a half minutes, while no battery is polled."""
    place.mode = ScanMode.AUTO
    (link,) = place.links
    link.polled = False
    place.powered = False
    yield 150.0
    place.powered, place.powered_at = True, place.now
    _heard_again(place)
    yield MINUTE
    link.polled = True


@passing
def power_cycle(place: Place) -> Play:
    """Somebody power cycles the adapter, Home Assistant scans on after fifteen seconds."""
    place.session, place.powered_at = False, place.now
    yield 15.0
    _heard_again(place)


# Bluetoothd and the bus


@passing
def bus_away(place: Place) -> Play:
    """The bus is away for a minute and a half, for Home Assistant too."""
    for fault in (BusFault.UNREACHABLE, BusFault.NO_SOCKET, BusFault.ACCESS_DENIED):
        before = place.bus
        place.bus = BusSample(connected=False, fault=fault, known=False)
        place.deaf = place.bus_lost = True
        yield 100.0
        place.bus, place.deaf, place.bus_lost = before, False, False
        _heard_again(place)
        yield HOUR


@passing
def service_away(place: Place) -> Play:
    """Bluetoothd is away for three quarters of a minute, Home Assistant scans on at once."""
    yield from place.restart_bluetoothd(f":1.{int(place.now)}", down=45.0)
    yield 4.0
    _heard_again(place)


@passing
def hanging_machine(place: Place) -> Play:
    """The machine hangs for some minutes soon after the scan has ended."""
    place.session = False
    yield 5.0
    place.now += 400.0
    yield 10.0
    _heard_again(place)


@passing
def answers_missing(place: Place) -> Play:
    """Bluetoothd answers nothing for half a minute."""
    place.bus = BusSample(owner=OWNER, unanswered=3, unanswered_since=place.now)
    yield 35.0
    place.bus = BusSample(owner=OWNER)


@passing
def slow_answers(place: Place) -> Play:
    """Bluetoothd leaves two questions in a row unanswered, again and again."""
    place.bus = BusSample(owner=OWNER, unanswered=2, unanswered_since=place.now)
    yield 600.0
    place.bus = BusSample(owner=OWNER)


# The scan


@passing
def gap_of_discovery(place: Place) -> Play:
    """Bluetoothd does not discover for twenty-five seconds, and nothing shows why."""
    place.session = False
    yield 25.0
    _heard_again(place)


@passing
def gap_in_the_scan(place: Place) -> Play:
    """Nothing is heard for two minutes; Home Assistant begins its scan anew meanwhile."""
    (link,) = place.links
    place.mode = ScanMode.PASSIVE
    link.present = never
    yield 90.0
    place.scanning = False
    yield 35.0
    link.present = always
    _heard_again(place)


@passing
def link_off_beside_a_witness(place: Place) -> Play:
    """A link that a proxy hears too is switched off for five minutes."""
    place.only_adapter = False
    (link,) = place.links
    link.heard_elsewhere = always
    yield 300.0
    link.present = never
    yield 300.0
    link.present = always


@passing
def link_near_the_proxy(place: Place) -> Play:
    """A link is carried to a proxy, which hears it from then on, and back after a while."""
    place.only_adapter = False
    (link,) = place.links
    link.rssi, link.heard_elsewhere = (-120, 0), always
    yield 480.0
    link.rssi, link.heard_elsewhere = (GOOD_STRENGTH, 2.0), never


@passing
def visitors(place: Place) -> Play:
    """Several devices are heard for a minute, and soon after that nothing for six."""
    (link,) = place.links
    place.other_devices = lambda _: 8
    yield 60.0
    place.other_devices = lambda _: 0
    link.present = never
    yield 360.0
    link.present = always


@passing
def gap_beside_a_witness(place: Place) -> Play:
    """A link is heard by a proxy alone for half a minute."""
    place.only_adapter = False
    place.links[0].heard_elsewhere = always
    place.deaf = True
    yield 35.0
    place.deaf = False


# Connections


@passing
def slots_full(place: Place) -> Play:
    """Others hold every connection slot for four minutes."""
    place.foreign = (NEIGHBOUR,)
    place.slots = SlotSample(slots=1, free=0, foreign=place.foreign)
    place.links[0].accepts = never
    yield 240.0
    place.foreign, place.slots = (), None
    place.links[0].accepts = always


@passing
def denial(place: Place) -> Play:
    """Connections are denied for a minute."""
    place.connects_denied = True
    yield 60.0
    place.connects_denied = False


@passing
def failing_connects(place: Place) -> Play:
    """No connection comes about for a minute and a half."""
    place.links[0].accepts = never
    yield 90.0
    place.links[0].accepts = always


@passing
def slow_start(place: Place) -> Play:
    """A dongle that was away for half an hour takes more than a minute to accept connections."""
    (link,) = place.links
    place.mode = ScanMode.AUTO
    link.present = never
    yield 0.5 * HOUR
    link.present, link.accepts = always, never
    yield 80.0
    link.accepts = always


@passing
def failing_connects_beside_a_proxy(place: Place) -> Play:
    """No connection comes about for five minutes, while a proxy hears the link."""
    place.only_adapter = False
    place.links[0].heard_elsewhere = always
    place.links[0].accepts = never
    yield 300.0
    place.links[0].accepts = always


@passing
def connection_left_behind(place: Place) -> Play:
    """A connection stays for two and a half minutes, for which the link is not heard."""
    (link,) = place.links
    link.stale, link.present = True, never
    link.known_at = 0.0
    yield 150.0
    link.stale, link.present = False, always


@passing
def link_held_that_is_heard_seldom(place: Place) -> Play:
    """A link that a proxy hears better takes no connection for four minutes."""
    (link,) = place.links
    place.only_adapter = False
    link.visible, link.heard_elsewhere = 0.05, always
    link.accepts = never
    yield 240.0
    link.accepts = always


@passing
def two_links_that_fail(place: Place) -> Play:
    """Of two links none can be connected to for a minute and a half."""
    if len(place.links) == 1:
        place.links.append(Link("6C:B2:FD:00:00:02"))
    for link in place.links:
        link.accepts = never
    yield 90.0
    for link in place.links:
        link.accepts = always
