# SPDX-License-Identifier: Apache-2.0
"""Worlds with links that are kept connected: one for each kind of silence that comes of that."""

from .benign import NEIGHBOUR, SECOND_LINK
from .radio import (
    DAY,
    HOUR,
    MINUTE,
    KeptConnection,
    Link,
    always,
    daily,
    except_,
    never,
    nightly,
)
from .registry import benign, faulty, never_reset
from .simulation import Place, Play


def _kept(**properties: object) -> Link:
    return Link(kept=KeptConnection(), **properties)  # type: ignore[arg-type]


@never_reset
def kept_link_in_a_quiet_cabin(place: Place) -> None:
    """Nothing but a kept link is there, which is heard only when it is let go for that."""
    place.links = [_kept(visible=0.9)]


@never_reset
def kept_link_in_a_lively_house(place: Place) -> None:
    """A kept link is never let go, and so never heard, among devices that always are."""
    place.links = [_kept()]
    place.other_devices = lambda _: 6


@never_reset
def kept_link_in_a_house_that_empties(place: Place) -> None:
    """Six devices leave one after the other every morning, and a kept link stays."""
    place.links = [_kept()]
    place.other_devices = _at_home


def _at_home(now: float) -> int:
    """Six by night; one leaves every five minutes from eight o'clock on, until five."""
    left = int((now % DAY - 8 * HOUR) // (5 * MINUTE)) + 1
    return 6 if now % DAY >= 17 * HOUR else 6 - min(max(left, 0), 6)


@never_reset
def two_kept_links(place: Place) -> None:
    """Of two kept links one at a time is let go, and heard for both."""
    place.links = [_kept(visible=0.9), _kept(address=SECOND_LINK, visible=0.9)]


@benign
def kept_link_with_a_weak_signal(place: Place) -> None:
    """A kept link at -86 dBm is lost now and then, and not always found again at once."""
    place.links = [_kept(rssi=(-86, 4))]


@benign
def kept_link_taken_by_the_phone_app(place: Place) -> None:
    """The phone app gets in while a kept link is let go, and stays for forty minutes."""
    away = daily(19 * HOUR, 19.7 * HOUR)
    place.links = [_kept(present=except_(away))]


@benign
def kept_link_switched_off_at_night(place: Place) -> None:
    """The only device of a quiet place is a kept link that is switched off every night."""
    place.links = [_kept(present=except_(nightly(22, 6)))]


@benign
def kept_link_through_a_proxy(place: Place) -> None:
    """A proxy holds the connection, and the adapter hears the link only when it is let go."""
    place.links = [_kept(visible=0.7, reached_elsewhere=always, heard_elsewhere=always)]
    place.only_adapter = False


@benign
def kept_link_taken_in_a_breath(place: Place) -> Play:
    """A proxy still hears a kept link that is let go, the adapter does not; then a phone has it."""
    link = _kept(heard_elsewhere=always)
    place.links, place.only_adapter = [link], False
    while True:
        yield place.pace * DAY / 2
        while link.is_held:
            yield 1.0
        link.visible = 0.0
        yield 3.0
        link.present = never
        yield 40 * MINUTE
        link.present, link.visible = always, 1.0


@benign
def kept_link_beside_another_connection(place: Place) -> None:
    """Another integration holds a connection too: neither of the two is ever heard."""
    place.links, place.foreign = [_kept(visible=0.9)], (NEIGHBOUR,)


@faulty(mended_within=240.0, assisted_within=300.0)
def deaf_around_a_kept_link_with_a_witness(place: Place) -> Play:
    """The scan hears nothing any more; a proxy hears the kept link when it is let go."""
    place.links, place.only_adapter = [_kept(heard_elsewhere=always)], False
    while True:
        yield place.pace * DAY / 2
        place.deaf = True
        place.breaks()


@faulty(mended_within=420.0, assisted_within=300.0)
def deaf_around_a_kept_link(place: Place) -> Play:
    """The scan hears nothing of six devices any more, while a kept link is read on."""
    place.links = [_kept()]
    place.other_devices = lambda _: 6
    while True:
        yield place.pace * DAY / 2
        place.deaf = True
        place.breaks()
