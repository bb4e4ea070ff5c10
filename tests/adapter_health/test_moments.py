# SPDX-License-Identifier: Apache-2.0
"""Every sign is believed at its moment: not half a second before, and not half a second after."""

from collections.abc import Callable

import pytest

from custom_components.renogy_bt.adapter_health.samples import (
    EntryState,
    Reason,
    Verdict,
)
from custom_components.renogy_bt.bluez.models import BusFault, BusSample
from tests.health_months.radio import never
from tests.health_months.simulation import Place

from .test_faults import running

BEFORE = 0.5
"""So long before its moment a sign is not believed yet, s."""

type Break = Callable[[Place], None]
"""Breaks something in a place."""


def broken(**changes: object) -> Break:
    """Return what gives a place other properties."""

    def apply(place: Place) -> None:
        for name, value in changes.items():
            setattr(place, name, value)

    return apply


def bus(**sample: object) -> Break:
    """Return what changes the bus, for Home Assistant too, so that nothing is heard."""

    def apply(place: Place) -> None:
        place.deaf = place.bus_lost = True
        place.links[0].accepts = never
        place.bus = BusSample(**sample)  # type: ignore[arg-type]

    return apply


def unanswered(place: Place) -> None:
    """Have bluetoothd answer nothing from now on."""
    bus(owner=":1.5", unanswered=3, unanswered_since=place.now)(place)


def begun_anew(place: Place) -> None:
    """Have bluetoothd begin anew."""
    place.session = False
    place.bus = BusSample(owner=":1.9", owner_changed_at=place.now)


def returned(place: Place) -> None:
    """Have the adapter come back."""
    place.session, place.appeared_at, place.powered_at = False, place.now, place.now


def switched(place: Place) -> None:
    """Have the adapter switched off and on again."""
    place.session, place.powered_at = False, place.now


def gone_with(**changes: object) -> Break:
    """Return what takes the adapter away, and changes the rest of the place."""
    return broken(name=None, session=False, **changes)


LOST = {"connected": False, "known": False}

MOMENTS: dict[Reason, tuple[Break, Verdict, float, dict[str, object]]] = {
    Reason.BUS_NO_SOCKET: (
        bus(**LOST, fault=BusFault.NO_SOCKET),
        Verdict.BUS_LOST,
        120.0,
        {},
    ),
    Reason.BUS_ACCESS_DENIED: (
        bus(**LOST, fault=BusFault.ACCESS_DENIED),
        Verdict.BUS_LOST,
        120.0,
        {},
    ),
    Reason.BUS_DOWN: (
        bus(**LOST, fault=BusFault.UNREACHABLE),
        Verdict.BUS_LOST,
        120.0,
        {},
    ),
    Reason.NO_OWNER: (bus(owner=None), Verdict.BLUETOOTHD_DOWN, 60.0, {}),
    Reason.CALLS_UNANSWERED: (unanswered, Verdict.BLUETOOTHD_HUNG, 45.0, {}),
    Reason.ENTRY_FAILED: (
        broken(entry=EntryState.FAILED, session=False),
        Verdict.HOME_ASSISTANT_SIDE,
        60.0,
        {},
    ),
    Reason.ENTRY_UNLOADED: (
        broken(entry=EntryState.NOT_LOADED, session=False),
        Verdict.HOME_ASSISTANT_SIDE,
        120.0,
        {},
    ),
    Reason.ADAPTER_GONE: (gone_with(), Verdict.MISSING, 150.0, {}),
    Reason.ADAPTER_ZEROED: (
        gone_with(zeroed_adapter=True),
        Verdict.MISSING,
        150.0,
        {},
    ),
    Reason.REPLACED: (
        gone_with(other_adapters=frozenset({"B8:27:EB:00:00:02"})),
        Verdict.MISSING,
        150.0,
        {},
    ),
    Reason.OTHER_INDEX: (
        broken(name="hci1", session=False),
        Verdict.RENUMBERED,
        20.0,
        {},
    ),
    Reason.RFKILL: (
        broken(powered=False, power_state="off-blocked", session=False),
        Verdict.BLOCKED,
        60.0,
        {},
    ),
    Reason.TWO_ADAPTERS: (broken(has_twin=True), Verdict.SAME_ADDRESS, 60.0, {}),
    Reason.OWNER_CHANGED: (begun_anew, Verdict.SESSION_LOST, 8.0, {}),
    Reason.ADAPTER_RETURNED: (returned, Verdict.SESSION_LOST, 8.0, {}),
    Reason.POWER_CYCLED: (switched, Verdict.SESSION_LOST, 20.0, {}),
    Reason.NOT_DISCOVERING: (
        broken(session=False),
        Verdict.SESSION_LOST,
        30.0,
        {},
    ),
}
"""What breaks, what it is judged to be, after how long, and in which place."""


def look(place: Place, at: float) -> None:
    """Look at a place at a time, and on the way there whenever Home Assistant would."""
    while place.now + 30.0 < at:
        place.look_at(place.now + 30.0)
    place.look_at(at)


def is_believed(place: Place, reason: Reason) -> bool:
    """Whether this was the reason of the last judgement."""
    return place.judgement is not None and place.judgement.reason is reason


@pytest.mark.parametrize("reason", MOMENTS, ids=str)
def test_a_sign_is_believed_at_its_moment(reason: Reason) -> None:
    """From when it was first seen, or since when what it tells of has been so."""
    apply, verdict, seconds, place_of = MOMENTS[reason]
    for passed, believed in ((seconds - BEFORE, False), (seconds, True)):
        place = running(**place_of)
        begun = place.now
        apply(place)
        place.look_at(begun)
        look(place, begun + passed)
        assert is_believed(place, reason) is believed, place.judgement
        assert place.is_judged(verdict) is believed


@pytest.mark.parametrize(
    ("reason", "apply", "seconds"),
    [
        (
            Reason.RFKILL,
            broken(powered=False, power_state="off-blocked", session=False),
            180.0,
        ),
    ],
)
def test_home_assistant_has_its_turn_first(
    reason: Reason, apply: Break, seconds: float
) -> None:
    """Where it can reset adapters itself it is given longer."""
    for passed, believed in ((seconds - BEFORE, False), (seconds, True)):
        place = running(management_socket=True)
        begun = place.now
        apply(place)
        place.look_at(begun)
        look(place, begun + passed)
        assert is_believed(place, reason) is believed, place.judgement
