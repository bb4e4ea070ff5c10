"""The fault matrix under a moved clock: every row keeps its limits, by the steps it takes."""

import asyncio
from collections.abc import Generator
from contextlib import nullcontext
import json
from typing import Final

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.samples import Verdict
from homeassistant.components import bluetooth
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from tests.emulator import EmulatedWorld, World
from tests.emulator.__main__ import WORLDS
from tests.emulator.faults import parse_switch
from tests.emulator.world_file import parse_world
from tests.fault_matrix.cases import CASES, Case
from tests.fault_matrix.return_of_reads import LASTING

from .conftest import still
from .site import MINUTE, NOTICE_GOES, Site, a_site, a_witness
from .unhandled import unhandled
from .warped_time import warped_time

SETTLED: Final = 5 * MINUTE
"""Past the active window that Home Assistant opens after four minutes, s."""
POLL_SECONDS: Final = 10.0

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
    "rfkill-blocked": Verdict.BLOCKED,
    "bluetoothd-hung": Verdict.BLUETOOTHD_HUNG,
    "unplugged": Verdict.MISSING,
}
# What is connected when the adapter goes or bluetoothd hangs, bleak leaves behind.
LEAVES_TASKS: Final = {"rfkill-blocked", "unplugged", "bluetoothd-hung", "dead-scanner"}


@pytest.fixture
def world(case: Case) -> World:
    """Return the world of a row, with batteries at their real pace."""
    return still(parse_world(json.dumps(case.world_data(WORLDS / "owner.json"))))


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
    case: Case,
) -> None:
    """The batteries are read again in time, the user is told in time, and then it is over."""
    with warped_time(hass.loop, emulated_world.bus.address):
        if case.at_start:
            await begin(emulated_world, case)
            await hass.config_entries.async_reload(bluetooth_entry.entry_id)
            assert bluetooth_entry.state is ConfigEntryState.SETUP_RETRY
        async with (
            a_site(hass, emulated_world) as site,
            a_witness(hass, site.link) if case.witness else nullcontext(),
        ):
            begun = site.now()
            if not case.at_start:
                begun = await struck(site, case)
            if case.lasts is not None:
                await asyncio.sleep(case.lasts)
                assert_told(site, case, begun)
                begun = site.now()
                await emulated_world.clear_faults()
            await asyncio.sleep(case.limit + LASTING.seconds)
            assert read_for_good(site, begun) <= case.limit
            if case.issue_within is None and len(STEPS[case.name]) == 1:
                assert site.told == []
            if site.steps() or case.name not in HOST_MAY_BE_FIRST:
                assert tuple(site.steps()) == STEPS[case.name]
            await site.until(lambda: site.status.verdict is Verdict.OK, 2 * MINUTE)
            await site.until(lambda: site.status.notice is None, NOTICE_GOES)


async def begin(emulated: EmulatedWorld, case: Case) -> None:
    """Let the faults of a row begin."""
    for switch in case.switches:
        fault = parse_switch(switch)
        await emulated.set_fault(fault.name, **fault.values)


async def struck(site: Site, case: Case) -> float:
    """Let a site run in peace, then let the fault begin; return from when its time counts."""
    await asyncio.sleep(max(case.known_for, SETTLED))
    assert site.status.verdict is Verdict.OK
    assert site.events == []
    if case.window is not None:
        return await scanner_killed(site, case, case.window)
    begun = site.now()
    await begin(site.emulated, case)
    return begun


async def scanner_killed(site: Site, case: Case, window: float) -> float:
    """Have the watchdog restart the scan in an active window; return when that ended."""
    scanner = bluetooth.async_scanner_by_source(site.hass, site.address)
    assert scanner is not None
    await begin(site.emulated, case)
    await asyncio.sleep(60)
    started = (await scanner.async_diagnostics())["start_time"]
    assert await scanner.async_request_active_window(window)
    opened = site.now()
    while (await scanner.async_diagnostics())["start_time"] == started:
        assert not site.steps()
        await asyncio.sleep(0.5)
    await site.emulated.clear_faults()
    await asyncio.sleep(opened + window - site.now())
    return site.now()


def assert_told(site: Site, case: Case, begun: float) -> None:
    """Check that the user was told of what happened in time."""
    assert case.issue_within is not None
    told_at, verdict = site.told[0]
    assert verdict is TOLD[case.name]
    assert told_at - begun <= case.issue_within
    assert site.status.notice is not None
    assert site.status.notice.remedies == ()
    assert site.steps() == []


def read_for_good(site: Site, begun: float) -> float:
    """Return how long it took from a time until the last failure of a poll was made up for."""
    failed = [at for at, good in site.polls if not good and at >= begun]
    since = max(failed, default=begun)
    return min(at for at in site.read_at if at > since) - begun
