# SPDX-License-Identifier: Apache-2.0
"""What the user is told of an adapter neither flickers nor stays too long."""

from custom_components.renogy_bt.adapter_health.history import StepResult
from custom_components.renogy_bt.adapter_health.ladder import (
    RecoveryLevel,
    RecoveryStep,
)
from custom_components.renogy_bt.adapter_health.samples import Verdict
from custom_components.renogy_bt.adapter_health.status import EventKind
from tests.health_months.radio import MINUTE, Link, always
from tests.health_months.simulation import Place

# As documented, not as the code has it.
OVER_AFTER = 300.0


class Told:
    """A place, and the times at which a notice of its adapter came and went."""

    def __init__(self, place: Place) -> None:
        """Look at a place."""
        self.place = place
        self.health = place.health
        self.changes: list[tuple[float, bool]] = []
        self.verdicts: set[Verdict] = set()

    def run(self, seconds: float) -> None:
        """Let time pass, with a look every 5 s."""
        end = self.place.now + seconds
        while self.place.now < end:
            self.place.run(5.0)
            assert self.health.judgement is not None
            self.verdicts.add(self.health.judgement.verdict)
            is_told = self.health.notice is not None
            if is_told is not bool(self.changes and self.changes[-1][1]):
                self.changes.append((self.place.now, is_told))


def deaf_adapter() -> Told:
    """An adapter that has gone deaf and that Home Assistant resets in vain."""
    link = Link(heard_elsewhere=always, reached_elsewhere=always)
    place = Place(
        links=[link],
        level=RecoveryLevel.OFF,
        management_socket=True,
        only_adapter=False,
    )
    told = Told(place)
    told.run(15 * MINUTE)
    assert told.changes == []
    place.deaf = place.incurable = True
    return told


def test_notice_of_a_deaf_adapter_outlasts_the_resets_of_home_assistant() -> None:
    """The verdict may waver with each reset; what is told does not."""
    told = deaf_adapter()
    told.verdicts.clear()
    told.run(60 * MINUTE)
    assert told.verdicts > {Verdict.SILENT}
    assert [is_told for _, is_told in told.changes] == [True]
    kinds = [event.kind for _, event in told.place.events]
    assert kinds.count(EventKind.GAVE_UP) == 1


def test_notice_goes_when_the_adapter_is_heard_for_a_while() -> None:
    """An adapter that has worked for five minutes takes its notice back."""
    told = deaf_adapter()
    told.run(30 * MINUTE)
    cured = told.place.now
    told.place.deaf = False
    told.run(10 * MINUTE)
    (_, (gone_at, is_told)) = told.changes
    assert not is_told
    assert OVER_AFTER <= gone_at - cured <= OVER_AFTER + MINUTE


def test_failed_reset_does_not_lengthen_the_pauses_between_resets() -> None:
    """Only a reset that was carried out and did not help is evidence against resets."""
    told = deaf_adapter()
    health, now = told.health, told.place.now
    pause = health.limiter.pause
    health.begin_step(
        RecoveryStep.POWER_CYCLE, told.place.moment(), now, requested=False
    )
    health.end_step(now + 1.0, StepResult.FAILED, "unload_not_allowed")
    assert health.limiter.pause == pause
