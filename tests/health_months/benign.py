# SPDX-License-Identifier: Apache-2.0
"""Worlds in which nothing is wrong with the adapter: it is left alone, nobody is bothered."""

from collections.abc import Callable
from functools import partial

from custom_components.renogy_bt.adapter_health.samples import EntryState, ScanMode
from custom_components.renogy_bt.bluez.models import BusFault, BusSample

from .radio import (
    DAY,
    DONGLE,
    HOUR,
    MINUTE,
    Link,
    When,
    always,
    between,
    except_,
    never,
    nightly,
)
from .registry import benign, enter_benign
from .simulation import Place, Play

SECOND_LINK = "6C:B2:FD:00:00:02"
NEIGHBOUR = "11:22:33:44:55:66"


@benign
def active_scanning(place: Place) -> None:
    """In active mode Discovering is true for days, and that is right."""
    place.mode = ScanMode.ACTIVE


@benign
def auto_windows(place: Place) -> None:
    """Active windows of any length follow each other."""
    place.mode = ScanMode.AUTO
    place.window = lambda now: now % 300 < 100 or now % DAY < HOUR


@benign
def stale_discovering(place: Place) -> None:
    """Discovering stays true after a window, which is a blemish of BlueZ."""
    place.mode = ScanMode.PASSIVE
    place.stale_discovering = True


@benign
def quiet_cabin(place: Place) -> None:
    """One dongle that the bus reports rarely, and polls that fail now and then."""
    place.links = [Link(visible=0.02)]
    place.mode = ScanMode.AUTO
    place.poll_interval, place.poll_luck = 300.0, 0.9


@benign
def polling_switched_off(place: Place) -> None:
    """Nothing is polled, and nearly nothing heard."""
    place.links = [Link(visible=0.001, polled=False)]
    place.mode = ScanMode.AUTO


@benign
def long_interval(place: Place) -> None:
    """One dongle, polled every ten minutes with little luck."""
    place.links = [Link(visible=0.2)]
    place.poll_interval, place.poll_luck = 600.0, 0.8


@benign
def two_links_seldom_reported(place: Place) -> None:
    """Two links, one of them reported at a third of the looks."""
    place.links = [Link(), Link(SECOND_LINK, visible=0.3)]


# Links that go away


def _link_away(place: Place, away: When, *, mode: ScanMode = ScanMode.AUTO) -> None:
    place.links, place.mode = [Link(present=except_(away))], mode


enter_benign(
    "only-link-away-for-a-week",
    "The only dongle of a quiet place is taken away for a week.",
    partial(_link_away, away=between(5 * DAY, 12 * DAY)),
)
enter_benign(
    "switched-off-at-night",
    "The only dongle of a quiet place is switched off every night.",
    partial(_link_away, away=nightly(22, 6)),
)
enter_benign(
    "switched-off-on-weekdays",
    "The only dongle of a quiet place is switched on at weekends.",
    partial(_link_away, away=lambda now: now % (7 * DAY) < 5 * DAY),
)
enter_benign(
    "edge-of-reach",
    "The only dongle of a quiet place is out of reach for ten minutes of each hour.",
    partial(_link_away, away=lambda now: now % HOUR < 10 * MINUTE),
)
enter_benign(
    "held-by-the-phone-app",
    "The only dongle of a quiet place is held by its owner's phone app some evenings.",
    partial(
        _link_away,
        away=lambda now: now // DAY % 3 == 0 and 19 * HOUR <= now % DAY < 19.7 * HOUR,
    ),
)


@benign
def link_away_beside_another(place: Place) -> None:
    """A link is gone for a week while another one is read."""
    away = between(5 * DAY, 12 * DAY)
    place.links = [Link(), Link(SECOND_LINK, present=except_(away))]


@benign
def only_link_away_among_neighbours(place: Place) -> None:
    """The only link is gone for a week while other devices are heard."""
    place.links = [Link(present=except_(between(5 * DAY, 12 * DAY)))]
    place.other_devices = lambda _: 2


@benign
def link_away_and_others_connected(place: Place) -> None:
    """The only link is gone for weeks, another integration holds a connection."""
    place.links = [Link(present=except_(between(2 * DAY, 20 * DAY)))]
    place.mode, place.foreign = ScanMode.AUTO, (NEIGHBOUR,)


# Weak signals


def _weak_signal(
    *strengths: tuple[float, float], mode: ScanMode = ScanMode.ACTIVE
) -> Callable[[Place], None]:
    def build(place: Place) -> None:
        addresses = (Link().address, SECOND_LINK)
        place.mode = mode
        place.links = [
            Link(address, rssi=strength)
            for address, strength in zip(addresses, strengths, strict=False)
        ]

    return build


for _mean in (-80, -84, -86, -88, -90, -92, -95, -98):
    enter_benign(
        f"weak-signal-{-_mean}",
        f"One link at {_mean} dBm, give or take 4 dB.",
        _weak_signal((_mean, 4)),
    )
enter_benign(
    "weak-signal-auto",
    "One link at -88 dBm, give or take 4 dB, under a scanner in AUTO mode.",
    _weak_signal((-88, 4), mode=ScanMode.AUTO),
)
enter_benign(
    "weak-signal-steady",
    "One link at -88 dBm that hardly varies.",
    _weak_signal((-88, 1)),
)
enter_benign(
    "weak-signal-wide",
    "One link at -84 dBm that varies by 8 dB.",
    _weak_signal((-84, 8)),
)
enter_benign(
    "weak-signal-86-wide",
    "One link at -86 dBm that varies by 8 dB.",
    _weak_signal((-86, 8)),
)
enter_benign(
    "two-weak-signals",
    "Two links, at -86 and -91 dBm.",
    _weak_signal((-86, 4), (-91, 4)),
)
enter_benign(
    "strong-and-weak-signal",
    "Two links, one of them at -90 dBm.",
    _weak_signal((-60, 3), (-90, 4)),
)


@benign
def weak_signal_in_a_lively_place(place: Place) -> None:
    """One link at -88 dBm among many devices that are heard."""
    place.links = [Link(rssi=(-88, 4))]
    place.other_devices = lambda _: 6


@benign
def weak_signal_at_night(place: Place) -> Play:
    """A link that is strong by day and at -89 dBm by night, when doors are shut."""
    (link,) = place.links = [Link()]
    while True:
        link.rssi = (-89, 4) if nightly(22, 7)(place.now) else (-70, 4)
        yield 10 * MINUTE


def _falls(
    place: Place, near: tuple[float, float], far: tuple[float, float], links: int
) -> Play:
    place.links = [Link(address) for address in (DONGLE, SECOND_LINK)[:links]]
    while True:
        for strength, hours in ((near, 9), (far, 15)):
            for link in place.links:
                link.rssi = strength
            yield hours * HOUR * place.pace


enter_benign(
    "signal-falls",
    "A link at -60 dBm is at -84 dBm from one moment to the next.",
    partial(_falls, near=(-60, 3), far=(-84, 3), links=1),
)
enter_benign(
    "signals-of-two-links-fall",
    "Two links at -62 dBm are at -93 dBm from one moment to the next.",
    partial(_falls, near=(-62, 3), far=(-93, 4), links=2),
)


@benign
def weak_signal_that_was_strong(place: Place) -> Play:
    """A link at -78 dBm arrives weaker from the second day on, of which BlueZ does not tell."""
    (link,) = place.links = [Link(rssi=(-78, 0))]
    yield DAY
    link.rssi = (-85, 0)


@benign
def weak_signal_for_minutes(place: Place) -> Play:
    """A link at -78 dBm arrives weaker for twenty minutes, of which BlueZ does not tell."""
    (link,) = place.links = [Link(rssi=(-78, 0))]
    while True:
        yield 6 * HOUR
        link.rssi = (-85, 0)
        yield 20 * MINUTE
        link.rssi = (-78, 0)


@benign
def weak_signal_that_a_proxy_hears(place: Place) -> None:
    """A link at -90 dBm that a proxy hears and reads well."""
    place.links = [
        Link(rssi=(-90, 4), heard_elsewhere=always, reached_elsewhere=always)
    ]
    place.only_adapter = False


# Proxies and other adapters


@benign
def proxies_only(place: Place) -> None:
    """No adapter is in Home Assistant's hands."""
    place.links = [Link(heard_elsewhere=always, reached_elsewhere=always, visible=0.0)]
    place.only_adapter, place.name, place.entry = False, None, EntryState.ABSENT


@benign
def read_through_proxies(place: Place) -> None:
    """Proxies do the work, the adapter hears the links badly."""
    place.links = [
        Link(
            accepts=never,
            visible=0.3,
            heard_elsewhere=always,
            reached_elsewhere=always,
        )
    ]
    place.only_adapter = False


@benign
def far_proxy(place: Place) -> None:
    """A far proxy hears the link and cannot reach it, the near adapter reports it seldom."""
    place.links = [
        Link(
            visible=0.05,
            heard_elsewhere=lambda now: now % 180 < 60,
            rssi_elsewhere=-92,
        )
    ]
    place.mode, place.only_adapter, place.poll_luck = ScanMode.AUTO, False, 0.9


@benign
def weak_adapter_and_far_proxy(place: Place) -> None:
    """A far proxy hears the link always, the adapter hears it at -91 dBm."""
    place.links = [Link(rssi=(-91, 4), heard_elsewhere=always, rssi_elsewhere=-90)]
    place.mode, place.only_adapter = ScanMode.AUTO, False


def _second_adapter(place: Place) -> None:
    place.links = [
        Link(heard_elsewhere=always, reached_elsewhere=always, accepts=never)
    ]
    place.only_adapter = False


@benign
def second_adapter_switched_off(place: Place) -> Play:
    """An adapter that no link depends on is switched off."""
    _second_adapter(place)
    yield HOUR
    place.powered = False


@benign
def second_adapter_that_fails(place: Place) -> Play:
    """An adapter that no link depends on cannot be set up."""
    _second_adapter(place)
    yield HOUR
    place.refusing = place.incurable = True
    place.entry, place.entry_reason = EntryState.RETRYING, "Failed to start"


@benign
def second_adapter_deaf(place: Place) -> Play:
    """An adapter that no link depends on goes deaf."""
    _second_adapter(place)
    yield HOUR
    place.deaf = place.incurable = True


# What Home Assistant and the machine do


@benign
def resets_by_home_assistant(place: Place) -> Play:
    """Home Assistant resets the adapter every hour, which is gone for some seconds."""
    while True:
        yield HOUR
        if not place.management_socket:
            continue
        place.unplug()
        place.scanning = False
        yield 20.0
        place.plug_in()
        yield 10.0
        place.scanning = place.session = True
        place.start_time = place.last_detection = place.now


@benign
def restarted_every_six_hours(place: Place) -> Play:
    """Home Assistant starts slowly four times a day."""
    while True:
        yield from place.restart_host(starting=150.0)
        yield 6 * HOUR


@benign
def suspended_daily(place: Place) -> Play:
    """The machine sleeps, or its clocks leap, every day."""
    day = 0
    while True:
        yield 8 * HOUR
        if day % 3 == 2:
            place.clock_set_by -= 3 * HOUR
            place.clock_jumped = True
        else:
            place.suspend([2 * HOUR, 400.0][day % 3])
        place.session = False
        yield 20.0
        place.session = True
        place.start_time = place.last_detection = place.now
        day += 1
        yield 16 * HOUR


@benign
def bank_reloaded_half_hourly(place: Place) -> Play:
    """The bank is loaded again every half hour."""
    place.links = [Link(visible=0.3)]
    while True:
        yield 0.5 * HOUR
        place.reload_bank()


@benign
def scanner_beside_bluetoothd(place: Place) -> None:
    """The scanner discovers through the management socket: Discovering is false for ever."""
    place.over_bluetoothd = False


@benign
def scanner_that_tells_no_way(place: Place) -> None:
    """The scanner discovers without bluetoothd, and does not tell so."""
    place.over_bluetoothd = False
    place.untold = frozenset({"over_bluetoothd"})


@benign
def bus_closed_to_us(place: Place) -> Play:
    """The bus does not let us in, and Home Assistant uses it well."""
    yield place.pace * HOUR
    place.bus = BusSample(connected=False, fault=BusFault.ACCESS_DENIED, known=False)


@benign
def polls_that_fall_into_windows(place: Place) -> None:
    """Active windows and polls have one rhythm, and polls fail now and then."""
    place.mode = ScanMode.AUTO
    place.poll_interval, place.poll_luck = 300.0, 0.8
    place.window = lambda now: now % 300 < 100


@benign
def scanner_beside_a_sick_bluetoothd(place: Place) -> Play:
    """Bluetoothd, which has the adapter too, hangs for hours, crashes and loses it."""
    place.over_bluetoothd = False
    while True:
        yield 5 * HOUR
        place.bus = BusSample(owner=":1.5", unanswered=3, unanswered_since=place.now)
        yield 3 * HOUR
        place.bus = BusSample(connected=False, fault=BusFault.NO_SOCKET, known=False)
        yield HOUR
        place.bus = BusSample(owner=f":1.{place.now:.0f}", owner_changed_at=place.now)


@benign
def scanner_that_moves(place: Place) -> Play:
    """Home Assistant works the adapter without bluetoothd every other week."""
    while True:
        yield 7 * DAY * place.pace
        place.over_bluetoothd = not place.over_bluetoothd
        yield from place.restart_host()


@benign
def quiet_scanner_beside_bluetoothd(place: Place) -> None:
    """The same in a quiet place, where the dongle is reported now and then."""
    place.over_bluetoothd = False
    place.links = [Link(visible=0.1)]
    place.poll_luck = 0.9


@benign
def scan_pauses_for_connections(place: Place) -> Play:
    """Somebody connects for half a minute, every five minutes, for which the scan pauses."""
    while True:
        yield 270.0
        place.connecting = True
        yield 30.0
        place.connecting = False


def _tells_not(*facts: str) -> Callable[[Place], None]:
    def build(place: Place) -> None:
        place.links = [Link(present=lambda now: now % DAY < 6 * HOUR)]
        place.mode = ScanMode.AUTO
        place.other_devices = lambda _: 6
        place.untold = frozenset(facts)

    return build


for _facts in (
    ("last_detection",),
    ("start_time",),
    ("start_time", "last_detection"),
):
    enter_benign(
        f"scanner-tells-no-{'-and-'.join(_facts).replace('_', '-')}",
        f"Home Assistant does not tell {' and '.join(_facts)} of its scanner.",
        _tells_not(*_facts),
    )


@benign
def one_of_two_links_refuses(place: Place) -> None:
    """A link refuses every connection while another one is read."""
    place.links = [Link(), Link(SECOND_LINK, accepts=never)]
