# SPDX-License-Identifier: Apache-2.0
"""The fault matrix under a moved clock: every row keeps its limits, by the steps it takes."""

from collections.abc import Generator
from typing import Final

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.samples import Verdict
from homeassistant.core import HomeAssistant
from tests.emulator import EmulatedWorld, World
from tests.fault_matrix.cases import CASES, Case
from tests.fault_matrix.moved_clock import MovedPlace, a_place, world_of
from tests.fault_matrix.trial import Outcome

from .site import MINUTE, NOTICE_GOES
from .unhandled import unhandled
from .warped_time import Clock

PHASE: Final = 35.0
"""How long after a poll a fault begins, s; the script tries other phases too."""

# What helps against each fault; nothing where Home Assistant or the user is to act.
STEPS: Final[dict[str, tuple[RecoveryStep, ...]]] = {
    "scan-session-lost": (RecoveryStep.RESTART_SCANNING,),
    "bluetoothd-restart": (RecoveryStep.RESTART_SCANNING,),
    "bus-restart": (RecoveryStep.RESTART_SCANNING,),
    "renumbered": (RecoveryStep.RESTART_SCANNING,),
    "start-refused-at-start": (RecoveryStep.POWER_CYCLE,),
    "start-refused": (RecoveryStep.RESTART_SCANNING, RecoveryStep.POWER_CYCLE),
    "discovery-stuck-witnessed": (
        RecoveryStep.RESTART_SCANNING,
        RecoveryStep.POWER_CYCLE,
    ),
    "discovery-stuck-lively-place": (
        RecoveryStep.RESTART_SCANNING,
        RecoveryStep.POWER_CYCLE,
    ),
    "dead-scanner": (RecoveryStep.RESTART_SCANNING,),
    "powered-off": (RecoveryStep.POWER_CYCLE,),
    "rfkill-blocked": (),
    "connects-failing": (
        RecoveryStep.OWN_LINKS,
        RecoveryStep.RESTART_SCANNING,
        RecoveryStep.POWER_CYCLE,
    ),
    "bluetoothd-hung": (RecoveryStep.RESTART_SCANNING,),
    "unplugged": (RecoveryStep.RESTART_SCANNING,),
}
# Where Home Assistant can be first, by its own next try.
HOST_MAY_BE_FIRST: Final = {"bluetoothd-hung"}
TOLD: Final = {
    "rfkill-blocked": "adapter_blocked",
    "bluetoothd-hung": "adapter_bluetoothd_hung",
    "unplugged": "adapter_missing",
}
# What is connected when the adapter goes or bluetoothd hangs, bleak leaves behind.
LEAVES_TASKS: Final = {"rfkill-blocked", "unplugged", "bluetoothd-hung", "dead-scanner"}


@pytest.fixture
def world(case: Case) -> World:
    """Return the world of a row, with batteries at their real pace."""
    return world_of(case)


@pytest.fixture
def scanner_mode(case: Case) -> str:
    """Return how Home Assistant scans in a row."""
    return case.mode


@pytest.fixture
def broken_window(hass: HomeAssistant, case: Case) -> Generator[list[BaseException]]:
    """Collect the error that habluetooth leaves unhandled when it kills its scanner."""
    with unhandled(hass.loop, AssertionError) as errors:
        yield errors
    assert bool(errors) is (case.window is not None)


@pytest.mark.usefixtures("broken_window")
@pytest.mark.parametrize(
    ("case", "expected_lingering_tasks"),
    [
        pytest.param(case, case.name in LEAVES_TASKS, id=case.name.replace("-", "_"))
        for case in CASES
    ],
)
async def test_limits_are_kept(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    bluetooth_entry: MockConfigEntry,
    clock: Clock,
    case: Case,
) -> None:
    """The batteries are read again in time, the user is told in time, and then it is over."""
    async with a_place(hass, emulated_world, bluetooth_entry, clock, case) as place:
        outcome = await place.live_through(PHASE)
        home = place.home
        assert home is not None
        assert outcome.seconds is not None
        assert outcome.seconds <= case.limit
        if case.name in TOLD:
            assert_told(place, case, outcome)
        elif len(STEPS[case.name]) == 1:
            assert outcome.issues == ()
        if outcome.steps or case.name not in HOST_MAY_BE_FIRST:
            assert outcome.steps == STEPS[case.name]
        await clock.until(lambda: home.status.verdict is Verdict.OK, 2 * MINUTE)
        await clock.until(lambda: home.shown() == {}, NOTICE_GOES)


def assert_told(place: MovedPlace, case: Case, outcome: Outcome) -> None:
    """Check that the user was told in time, and nothing was tried that cannot help."""
    assert case.issue_within is not None
    assert outcome.issue_seconds is not None
    assert outcome.issue_seconds <= case.issue_within
    assert outcome.issues == (TOLD[case.name],)
    assert outcome.steps_in_vain == ()
    assert place.home is not None
    assert [issue.is_fixable for issue in place.home.issues()] == [False]
