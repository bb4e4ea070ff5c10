# SPDX-License-Identifier: Apache-2.0
"""An adapter that Home Assistant works without bluetoothd: over the kernel's management socket."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from custom_components.renogy_bt.adapter_health.direct import by_its_path
from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.samples import (
    AdapterSample,
    EntryState,
    ListedAdapter,
    Reason,
    ScanMode,
    Verdict,
)
from custom_components.renogy_bt.bluez.models import BusFault, BusSample
from tests.health_months.radio import DAY, HOUR, MINUTE, Link, always
from tests.health_months.simulation import KERNELS_DISCOVERY, Place

BLUETOOTHD_AWAY: dict[str, tuple[BusSample, Verdict]] = {
    "not there": (BusSample(owner=None, known=False), Verdict.BLUETOOTHD_DOWN),
    "no bus": (
        BusSample(connected=False, fault=BusFault.NO_SOCKET, known=False),
        Verdict.BUS_LOST,
    ),
    "hung": (
        BusSample(owner=":1.5", unanswered=3, unanswered_since=1000.0),
        Verdict.BLUETOOTHD_HUNG,
    ),
}


def direct(**changes: Any) -> Place:
    """Return a place with such an adapter, which has run for an hour."""
    place = Place(
        mode=ScanMode.ACTIVE,
        over_bluetoothd=False,
        ends_after=KERNELS_DISCOVERY,
        management_socket=True,
        **changes,
    )
    place.play(place.retries())
    place.run(HOUR)
    assert place.is_judged(Verdict.OK)
    return place


def by_bluetoothd(**changes: Any) -> Place:
    """Return the same place with an adapter that is worked by bluetoothd."""
    place = Place(mode=ScanMode.ACTIVE, management_socket=True, **changes)
    place.play(place.retries())
    place.run(HOUR)
    return place


def faults(place: Place) -> set[Verdict]:
    """Return the faults that were found."""
    return {verdict for _, verdict in place.verdicts if verdict.is_fault}


# What bluetoothd tells says nothing of such an adapter


@pytest.mark.parametrize("away", BLUETOOTHD_AWAY)
def test_bluetoothd_is_not_missed(away: str) -> None:
    """Without bluetoothd nothing is wrong with an adapter that does not need it."""
    bus, verdict = BLUETOOTHD_AWAY[away]
    place = direct()
    place.bus = bus
    place.run(DAY)
    assert faults(place) == set()
    assert (place.steps, place.notices) == ([], [])
    # The same is a fault of an adapter that needs it.
    other = by_bluetoothd()
    other.bus = replace(bus, unanswered_since=other.now if bus.unanswered else None)
    other.deaf = other.incurable = True
    other.run(10 * MINUTE)
    assert faults(other) == {verdict}


def test_adapter_that_bluetoothd_does_not_have() -> None:
    """An adapter that bluetoothd does not know is not missing when its scanner hears."""
    place = direct()
    # Here the adapter has another number for bluetoothd, none, and a twin.
    sample = replace(place.sample(), adapter=None, has_twin=True, zeroed_adapter=True)
    for _ in range(20):
        place.health.look(replace(sample, at=place.now), place.level, place.moment())
        place.run(30.0)
    assert faults(place) == set()
    other = by_bluetoothd()
    other.unplug()
    other.run(10 * MINUTE)
    assert Verdict.MISSING in faults(other)


def test_bluetoothd_that_is_replaced_again_and_again() -> None:
    """Crashes of bluetoothd are not told of an adapter that does not need it."""
    place = direct()
    for number in range(10):
        place.bus = BusSample(owner=f":1.{number}", owner_changed_at=place.now)
        place.appeared_at = place.powered_at = place.now
        place.run(5 * MINUTE)
    assert (place.steps, place.notices) == ([], [])


def _sample(**changes: Any) -> AdapterSample:
    place = Place(over_bluetoothd=False, has_twin=True, foreign=("11:22:33:44:55:66",))
    return replace(place.sample(), heard_on_bus_at=1.0, zeroed_adapter=True, **changes)


def test_facts_of_the_other_path_are_left_out() -> None:
    """What only bluetoothd tells is gone; without a list of the kernel nothing is known."""
    sample = by_its_path(_sample(), was_direct=False)
    assert sample.is_direct
    assert sample.adapter is None
    assert not sample.bus.tells_adapters
    assert (sample.has_twin, sample.zeroed_adapter) == (False, False)
    assert (sample.heard_on_bus_at, sample.others_connected) == (None, 0)
    assert sample.host_resets is False, (
        "its watchdog restarts the scan, and nothing else"
    )


@pytest.mark.parametrize(
    ("listed", "name"),
    [(ListedAdapter("hci1", powered=True), "hci1"), (ListedAdapter(None), None)],
)
def test_kernels_list(listed: ListedAdapter, name: str | None) -> None:
    """The kernel's list takes the place of bluetoothd's word."""
    sample = by_its_path(_sample(listed=listed), was_direct=False)
    assert sample.bus.tells_adapters
    assert (sample.adapter.name if sample.adapter is not None else None) == name


@pytest.mark.parametrize("told", [True, None])
def test_adapter_of_bluetoothd_is_sampled_as_ever(told: bool | None) -> None:
    """A sample of an adapter that is worked by bluetoothd, or may be, is not touched."""
    sample = _sample(listed=ListedAdapter(None))
    assert sample.scanner is not None
    sample = replace(sample, scanner=replace(sample.scanner, over_bluetoothd=told))
    assert by_its_path(sample, was_direct=False) is sample
    assert sample.host_resets is sample.management_socket


@pytest.mark.parametrize("was_direct", [True, False])
def test_without_a_scanner_the_path_is_that_of_before(was_direct: bool) -> None:
    """While the entry is set up nobody tells how the adapter is worked."""
    sample = replace(_sample(), scanner=None)
    assert by_its_path(sample, was_direct=was_direct).is_direct is was_direct


# What breaks on this path is mended on it


def test_deaf_adapter() -> None:
    """Home Assistant never resets such an adapter: nobody waits for it to do so."""
    place = direct(other_devices=lambda _: 6)
    place.deaf = True
    place.run_until(lambda: not place.deaf, 10 * MINUTE)
    assert [step for _, step, _ in place.steps] == [
        *(RecoveryStep.RESTART_SCANNING, RecoveryStep.POWER_CYCLE)
    ]
    assert place.host_resets == 0
    place.run(10 * MINUTE)
    assert place.is_judged(Verdict.OK)


def test_deaf_adapter_of_bluetoothd_is_left_to_home_assistant() -> None:
    """There Home Assistant resets a silent adapter by itself, and no step is taken."""
    place = by_bluetoothd(other_devices=lambda _: 6)
    place.deaf = place.incurable = True
    place.run(HOUR)
    assert place.steps == []
    assert place.host_resets > 3


def test_scan_that_cannot_be_started() -> None:
    """A controller that refuses every scan is reset once the scan has failed for a while."""
    place = direct()
    place.refusing = True
    place.session = False
    place.run_until(lambda: not place.refusing, 10 * MINUTE)
    assert place.steps[0][1:] == (RecoveryStep.POWER_CYCLE, Verdict.START_REFUSED)


@pytest.mark.parametrize(
    ("breaks", "verdict", "step"),
    [
        ("off", Verdict.POWERED_OFF, RecoveryStep.POWER_CYCLE),
        ("renumbered", Verdict.RENUMBERED, RecoveryStep.RESTART_SCANNING),
    ],
)
def test_what_the_kernel_lists(
    breaks: str, verdict: Verdict, step: RecoveryStep
) -> None:
    """The kernel's list shows that an adapter is off, or has another number."""
    place = direct()
    if breaks == "off":
        place.powered = place.session = False
    else:
        place.name, place.session = "hci1", False
        place.links[0].present = always
    place.run_until(lambda: bool(place.steps), 10 * MINUTE)
    assert place.steps[0][1:] == (step, verdict)
    place.run(10 * MINUTE)
    assert place.is_judged(Verdict.OK)


def test_adapter_that_is_pulled_out() -> None:
    """An adapter that the kernel does not list while nothing works is missing, and told of."""
    place = direct()
    place.unplug()
    place.run(10 * MINUTE)
    assert place.is_judged(Verdict.MISSING)
    assert [verdict for _, verdict in place.told] == [Verdict.MISSING]
    assert place.steps == []
    place.plug_in()
    place.run(15 * MINUTE)
    assert place.is_judged(Verdict.OK)
    assert place.health.notice is None


def test_connects_that_fail() -> None:
    """Devices are heard for ten seconds of each two minutes: enough to see that none connects."""
    place = direct()
    place.disconnecting = True
    place.run_until(lambda: not place.disconnecting, 20 * MINUTE)
    assert place.steps[-1][1] is RecoveryStep.POWER_CYCLE


# From one path to the other


def test_set_up_that_fails_is_that_of_the_path_of_before() -> None:
    """No scanner tells how the adapter is worked while its set-up fails, nor after a restart."""
    place = direct()
    place.bus = BusSample(owner=None, known=False)
    place.entry, place.refusing, place.session = EntryState.RETRYING, True, False
    place.run(30.0)
    place.reload_bank()
    assert place.health.memory.is_direct
    place.run_until(lambda: not place.refusing, 10 * MINUTE)
    assert faults(place) == {Verdict.START_REFUSED}


@pytest.mark.parametrize("begins", [direct, by_bluetoothd])
def test_move_to_the_other_path(begins: Callable[[], Place]) -> None:
    """Nothing is lost, and nothing is told, when an adapter is worked in another way."""
    place = begins()
    place.links = [Link(), Link("6C:B2:FD:00:00:02")]
    place.run(6 * HOUR)
    learned = place.health.memory.traffic.watched
    for _ in range(4):
        place.over_bluetoothd = not place.over_bluetoothd
        place.ends_after = None if place.over_bluetoothd else KERNELS_DISCOVERY
        place.play(place.restart_host())
        place.run(6 * HOUR)
        assert place.health.memory.is_direct is not place.over_bluetoothd
    assert place.health.memory.traffic.watched > learned
    assert (place.steps, place.notices) == ([], [])
    assert place.judgement is not None
    assert place.judgement.reason is Reason.WORKING
