# SPDX-License-Identifier: Apache-2.0
"""What happens again and again is told as one thing, and is no reason for stronger steps."""

from collections.abc import Callable, Iterable
from itertools import count

import pytest

from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.samples import (
    EntryState,
    Reason,
    ScanMode,
    Verdict,
)
from custom_components.renogy_bt.adapter_health.status import Notice
from custom_components.renogy_bt.bluez.models import BusSample
from tests.health_months.radio import DAY, HOUR, MINUTE, Link, always
from tests.health_months.simulation import Place
from tests.restart import after_restart

# As documented, not as the code has it.
MOST_CHANGES = 4
MOST_EVENTS = 12
OFTEN = 3

OWNERS = count(10)


class Told:
    """A place, and what was told of its adapter."""

    def __init__(self, **changes: object) -> None:
        """Let everything work for a while."""
        self.place = Place(**changes)  # type: ignore[arg-type]
        self.place.run(20 * MINUTE)
        assert self.place.is_judged(Verdict.OK)
        self.notices: list[Notice | None] = []
        self.events: list[float] = []
        self._last: Notice | None = None

    def run(self, seconds: float) -> None:
        """Let time pass, and keep what is told."""
        end = self.place.now + seconds
        while self.place.now < end:
            self.place.run(min(10.0, end - self.place.now))
            self.keep()

    def keep(self) -> None:
        """Keep what is told now."""
        health = self.place.health
        if health.notice != self._last:
            self.notices.append(health.notice)
            self._last = health.notice
        self.events = [at for at, _ in self.place.events]

    def restart(self) -> None:
        """Restart Home Assistant."""
        place = self.place
        place.health = after_restart(
            place.health, stopped_at=place.now, started_at=place.now
        )

    def crash(self, lasts: float = 3.0) -> None:
        """Have bluetoothd crash and come back as a new one."""
        place = self.place
        place.session, place.bus = False, BusSample(owner=None)
        self.run(lasts)
        place.bus = BusSample(owner=f":1.{next(OWNERS)}", owner_changed_at=place.now)
        place.look_at(place.now + 0.2)
        self.keep()

    def drop(self, lasts: float, name: str = "hci0") -> None:
        """Have the adapter drop off USB and return."""
        place = self.place
        place.name, place.session = None, False
        place.look_at(place.now + 0.2)
        self.run(lasts)
        place.name, place.appeared_at, place.powered_at = name, place.now, place.now
        place.look_at(place.now + 0.2)
        self.keep()


def shown(told: Told) -> list[Reason | None]:
    """The reasons of the notices that were shown, None where one was withdrawn."""
    return [notice.reason if notice else None for notice in told.notices]


@pytest.mark.parametrize("mode", [ScanMode.ACTIVE, ScanMode.AUTO])
@pytest.mark.parametrize("every", [MINUTE, 2 * MINUTE, 10 * MINUTE])
def test_bluetoothd_that_crashes_again_and_again(mode: ScanMode, every: float) -> None:
    """Never a reset, one notice that counts, and it goes an hour after the last crash."""
    told = Told(mode=mode)
    for _ in range(int(3 * HOUR / every)):
        told.crash()
        told.run(every - 3.0)
    assert told.place.resets == []
    assert RecoveryStep.RESTART_SCANNING in {step for _, step, _ in told.place.steps}
    first = told.notices[0]
    assert first is not None
    assert first.reason is Reason.SERVICE_CRASHES
    assert first.count == OFTEN
    assert first.remedies == ()
    assert set(shown(told)) == {Reason.SERVICE_CRASHES}
    assert len(told.notices) <= 2
    assert told.place.health.notice is not None
    assert abs(told.place.health.notice.count - HOUR / every) <= 2
    told.run(HOUR + 20 * MINUTE)
    assert told.place.health.notice is None


def test_crash_while_a_step_is_verified_is_no_word_on_the_step() -> None:
    """A bluetoothd that crashes twenty seconds after each reload is reloaded for, never reset."""
    told = Told()
    told.crash()
    for _ in range(30):
        steps = len(told.place.steps)
        for _ in range(400):
            if len(told.place.steps) > steps:
                break
            told.run(5.0)
        told.run(20.0)
        told.crash(lasts=1.0)
    assert len(told.place.steps) >= 8
    assert {step for _, step, _ in told.place.steps} == {RecoveryStep.RESTART_SCANNING}


@pytest.mark.parametrize("lasts", [5.0, 30.0, 3 * MINUTE])
@pytest.mark.parametrize("names", [("hci0",), ("hci0", "hci1")])
def test_adapter_that_drops_off_again_and_again(
    lasts: float, names: Iterable[str]
) -> None:
    """One notice that counts, whatever number the adapter comes back with."""
    told = Told()
    for turn in range(24):
        told.drop(lasts, list(names)[turn % len(list(names))])
        told.run(10 * MINUTE - lasts)
    # The first time that it is away for long, it is simply gone.
    gone_first = [Reason.ADAPTER_GONE, None, Reason.ADAPTER_GONE]
    assert shown(told)[:-1] in ([], [Reason.DROPS_OFF], gone_first)
    assert shown(told)[-1] is Reason.DROPS_OFF
    assert told.place.resets == []
    told.run(DAY)
    assert told.place.health.notice is None
    assert len(told.events) <= MOST_EVENTS


def test_few_drops_are_nothing_to_tell() -> None:
    """An adapter that somebody puts into another port twice is not accused."""
    told = Told()
    for _ in range(OFTEN - 1):
        told.drop(20.0)
        told.run(5 * MINUTE)
    told.run(HOUR)
    assert told.notices == []


def test_adapters_of_a_new_bluetoothd_are_no_drops() -> None:
    """A bluetoothd that stops in good order takes its adapters along."""
    told = Told()
    for _ in range(OFTEN + 2):
        place = told.place
        place.name, place.session, place.bus = None, False, BusSample(owner=None)
        told.run(3.0)
        place.bus = BusSample(owner=f":1.{next(OWNERS)}", owner_changed_at=place.now)
        place.name = "hci0"
        place.appeared_at = place.powered_at = place.now + 2.0
        told.run(10 * MINUTE)
    assert set(shown(told)) == {Reason.SERVICE_CRASHES}


def test_resets_of_home_assistant_are_no_drops() -> None:
    """A deaf adapter that Home Assistant resets over USB does not drop off by itself."""
    told = Told(
        management_socket=True,
        only_adapter=False,
        links=[Link(heard_elsewhere=always, reached_elsewhere=always)],
    )
    told.place.deaf = told.place.incurable = True
    told.run(5 * MINUTE)
    for _ in range(12):
        told.drop(2.0)
        told.run(5 * MINUTE)
    assert Reason.DROPS_OFF not in shown(told)


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (lambda told: told.crash(), Reason.SERVICE_CRASHES),
        (lambda told: told.drop(20.0), Reason.DROPS_OFF),
    ],
)
def test_over_days_and_restarts(
    happens: Callable[[Told], None], reason: Reason
) -> None:
    """Two days of it with restarts: four changes and twelve events a day at most."""
    told = Told()
    begun = told.place.now
    while told.place.now - begun < 2 * DAY:
        happens(told)
        told.run(7 * MINUTE)
        if len(told.place.steps) % 5 == 4:
            told.restart()
    assert set(shown(told)) == {reason}
    assert len(told.notices) <= 2 * MOST_CHANGES
    assert len(told.events) <= 2 * MOST_EVENTS


def test_adapter_that_is_gone_for_good_after_many_drops() -> None:
    """What is told then is still the adapter that drops off: it is the same trouble."""
    told = Told()
    for _ in range(6):
        told.drop(20.0)
        told.run(5 * MINUTE)
    told.place.name, told.place.session = None, False
    told.run(4 * HOUR)
    assert told.place.health.notice is not None
    assert told.place.health.notice.verdict is Verdict.MISSING
    assert len(told.notices) <= 2


def test_other_trouble_after_a_crash_loop_is_told() -> None:
    """A bluetoothd that crashes, then an adapter that is gone for good."""
    told = Told()
    for _ in range(60):
        told.crash()
        told.run(2 * MINUTE)
    told.place.name, told.place.session = None, False
    told.run(HOUR + 10 * MINUTE)
    assert told.place.health.notice is not None
    assert told.place.health.notice.reason is Reason.ADAPTER_GONE


def test_never_seen() -> None:
    """An adapter that was not there when Home Assistant started: the update is mentioned."""
    place = Place(name=None, session=False)
    place.health = after_restart(place.health, started_at=place.now)
    place.entry = EntryState.RETRYING
    place.run(5 * MINUTE)
    assert place.judgement is not None
    assert place.judgement.verdict is Verdict.MISSING
    assert place.judgement.reason is Reason.NEVER_SEEN
    assert place.steps == []


@pytest.mark.parametrize("over_restart", [False, True])
def test_an_adapter_that_is_gone_where_a_new_one_appeared(over_restart: bool) -> None:
    """An adapter that is gone while one is there that was not there before."""
    told = Told(other_adapters=frozenset({"B8:27:EB:00:00:02"}))
    place = told.place
    place.name, place.session = None, False
    if over_restart:
        told.restart()
    place.other_adapters |= {"5C:F3:70:00:00:03"}
    place.run(5 * MINUTE)
    assert place.judgement is not None
    assert place.judgement.reason is Reason.REPLACED
    place.other_adapters = frozenset({"B8:27:EB:00:00:02"})
    place.run(5 * MINUTE)
    assert place.judgement.reason in (Reason.ADAPTER_GONE, Reason.NEVER_SEEN)
