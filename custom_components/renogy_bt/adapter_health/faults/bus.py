# SPDX-License-Identifier: Apache-2.0
"""Faults between us and bluetoothd."""

from functools import partial

from ...bluez.models import BusFault
from ..memory import HUNG_AFTER
from ..samples import Reason, Verdict
from ..view import FRESH_ADVERTISEMENT, View
from .sign import Seen, Sign, after


def is_troubled(view: View) -> bool:
    """Whether anything is wrong between us and bluetoothd."""
    bus = view.sample.bus
    return not bus.connected or not bus.owner or bus.unanswered > 0


def while_sound(is_possible: Seen) -> Seen:
    """Ask only while bluetoothd answers.

    While bluetoothd does not, Home Assistant fails because of that; what Home Assistant does
    about it counts only from the time on when it can succeed.
    """
    return lambda view: not is_troubled(view) and is_possible(view)


@partial(Sign, Reason.BUS_UNWATCHED, Verdict.UNKNOWN, due=after(120.0))
def unwatched(view: View) -> bool:
    """The bus is closed to us, but Home Assistant uses it well."""
    return not view.sample.bus.connected and view.silence <= FRESH_ADVERTISEMENT


@partial(Sign, Reason.BUS_NO_SOCKET, Verdict.BUS_LOST, due=after(120.0))
def no_socket(view: View) -> bool:
    """There is no bus."""
    return down.is_seen(view) and view.sample.bus.fault is BusFault.NO_SOCKET


@partial(Sign, Reason.BUS_ACCESS_DENIED, Verdict.BUS_LOST, due=after(120.0))
def access_denied(view: View) -> bool:
    """The bus does not let us in."""
    return down.is_seen(view) and view.sample.bus.fault is BusFault.ACCESS_DENIED


@partial(Sign, Reason.BUS_DOWN, Verdict.BUS_LOST, due=after(120.0))
def down(view: View) -> bool:
    """The bus cannot be talked to."""
    return not view.sample.bus.connected


@partial(Sign, Reason.NO_OWNER, Verdict.BLUETOOTHD_DOWN, due=after(60.0))
def no_owner(view: View) -> bool:
    """Bluetoothd is not on the bus."""
    return view.sample.bus.connected and not view.sample.bus.owner


@partial(
    Sign,
    Reason.CALLS_UNANSWERED,
    Verdict.BLUETOOTHD_HUNG,
    since=lambda view, seen_since: view.sample.bus.unanswered_since or seen_since,
    due=after(45.0),
)
def calls_unanswered(view: View) -> bool:
    """Bluetoothd is on the bus and answers nothing."""
    return view.sample.bus.connected and view.sample.bus.unanswered >= HUNG_AFTER
