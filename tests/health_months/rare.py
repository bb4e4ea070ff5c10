# SPDX-License-Identifier: Apache-2.0
"""Worlds in which things come together that seldom do: each is what some number is good for."""

from custom_components.renogy_bt.adapter_health.samples import Reason, ScanMode, Verdict
from custom_components.renogy_bt.bluez.models import BusSample

from .faulty import BETWEEN, FIRST, NEIGHBOUR, SECOND_LINK
from .radio import HOUR, MINUTE, Link, always, daily, except_, never
from .registry import faulty
from .simulation import OWNER, Place, Play


@faulty(most_steps=0)
def scanner_that_tells_no_way_at_the_edge_of_reach(place: Place) -> None:
    """A scanner discovers without bluetoothd, does not tell so, and hears nothing at times."""
    place.over_bluetoothd = False
    place.untold = frozenset({"over_bluetoothd"})
    begun = place.now
    place.links = [Link(present=lambda now: (now - begun) % 1200 < 1020)]


@faulty(most_steps=0)
def pause_of_the_scan_after_a_new_bluetoothd(place: Place) -> Play:
    """The scan pauses for a moment, hours after bluetoothd was replaced, while the link is away."""
    (link,) = place.links
    for owner in range(9, 1_000_000):
        yield place.pace * BETWEEN
        link.present = never
        yield from place.restart_bluetoothd(f":1.{owner}")
        place.reload()
        yield 10 * MINUTE
        place.scanning = False
        yield 10.0
        place.scanning = True
        yield 5 * MINUTE
        link.present = always


@faulty(told={Verdict.MISSING}, told_within=1500, most_resets=0)
def drops_off_usb_after_a_new_bluetoothd(place: Place) -> Play:
    """A USB adapter drops off the bus ten times an hour, after bluetoothd was replaced."""
    yield place.pace * FIRST
    yield from place.restart_bluetoothd(":1.9")
    yield 10 * MINUTE
    place.breaks()
    while True:
        yield 6 * MINUTE
        place.unplug()
        yield 4.0
        place.plug_in()


@faulty(told={Verdict.MISSING}, cleared_within=HOUR + 400, most_resets=0)
def drops_off_usb_for_hours(place: Place) -> Play:
    """A USB adapter drops off the bus for three hours, until somebody plugs it in elsewhere."""
    yield place.pace * FIRST
    for _ in range(30):
        yield 6 * MINUTE
        place.breaks()
        place.unplug()
        yield 4.0
        place.plug_in()


@faulty(told={Verdict.START_REFUSED})
def full_resets_that_unplug(place: Place) -> Play:
    """Starts are refused again and again, and only a reset helps that the adapter drops off by."""
    place.needs_full_reset = place.returns_after_reset = True
    while True:
        yield 180.0
        if not place.refusing:
            place.breaks()
            place.refusing, place.session = True, False


@faulty(
    told={Verdict.BLUETOOTHD_HUNG}, mended_within=20, assisted_within=60, most_resets=0
)
def scan_given_up_while_bluetoothd_hung(place: Place) -> Play:
    """Bluetoothd answers again, and Home Assistant, which gave up, tries half a minute later."""
    while True:
        yield place.pace * BETWEEN
        place.bus = BusSample(owner=OWNER, unanswered=3, unanswered_since=place.now)
        place.session = place.scanning = False
        place.bus_lost = True
        yield 20 * MINUTE
        place.next_watchdog = place.now + 30.0
        place.bus, place.bus_lost = BusSample(owner=OWNER), False
        place.breaks()


CONNECTS_FAIL_HERE = faulty(
    told={Verdict.CONNECTS_FAILING}, advice=Reason.CONNECTS_FAIL, most_steps=1
)


@CONNECTS_FAIL_HERE
def connects_failing_after_a_blemish(place: Place) -> Play:
    """Discovering was true by mistake while connects worked; others' connections are spared."""
    place.mode = ScanMode.AUTO
    yield MINUTE
    place.stale_discovering = True
    yield place.pace * FIRST
    _connects_fail(place)
    place.stale_discovering = False


@CONNECTS_FAIL_HERE
def connects_failing_in_windows_too(place: Place) -> Play:
    """Polls and active windows have one rhythm, and connects fail in windows and outside."""
    place.mode, place.poll_interval = ScanMode.AUTO, 390.0
    begun = place.now
    place.window = lambda now: (now - begun) % 390 < 100
    yield place.pace * FIRST
    _connects_fail(place)


def _connects_fail(place: Place) -> None:
    place.breaks()
    place.disconnecting, place.foreign = True, (NEIGHBOUR,)


@faulty(most_resets=2)
def connects_of_two_links_fail_daily(place: Place) -> None:
    """No connection to either of two links comes about for 20 minutes, each day later."""

    def accepts(now: float) -> bool:
        return now < 6 * HOUR or (now - 6 * HOUR) % (31 * HOUR) >= 1200.0

    place.links = [Link(accepts=accepts), Link(SECOND_LINK, accepts=accepts)]


@faulty(most_resets=2)
def connects_fail_nightly_until_about_a_step(place: Place) -> None:
    """No connection comes about for four minutes of every night: a step seems to end that."""
    accepts = except_(daily(3 * HOUR, 3 * HOUR + 250.0))
    place.links = [Link(accepts=accepts)]
