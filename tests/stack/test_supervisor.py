# SPDX-License-Identifier: Apache-2.0
"""The supervisor over the real stack: bad luck in the middle of a step, limits, memory."""

import asyncio
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapter_health.history import StepResult
from custom_components.renogy_bt.adapter_health.ladder import (
    RecoveryLevel,
    RecoveryStep,
)
from custom_components.renogy_bt.adapter_health.notices import TOLD_AFTER
from custom_components.renogy_bt.adapter_health.samples import LinkSample, Verdict
from custom_components.renogy_bt.adapter_health.status import (
    EventKind,
    RecoveryRefused,
    RefusalReason,
)
from custom_components.renogy_bt.bluez.watcher import BlueZWatcher
from custom_components.renogy_bt.renogy.exceptions import LinkUnreachable
from custom_components.renogy_bt.supervisor import neighbours
from custom_components.renogy_bt.supervisor.poll_gate import ConnectingBrokenOff
from custom_components.renogy_bt.supervisor.supervisor import async_get_supervisor
from homeassistant.components import bluetooth
from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryDisabler,
    ConfigEntryState,
)
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED, EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import ConfigEntryNotReady
from tests.emulator import EmulatedWorld, World
from tests.histories import steps_in
from tests.insides import records_of, recovery_of

from .site import BANK, MINUTE, NOTICE_GOES, Site
from .warped_time import warped_time

LINK = "6C:B2:FD:A1:B2:C3"
OTHER_LINK = "60:98:66:ED:FC:11"


async def test_status_of_a_healthy_adapter(site: Site) -> None:
    """What entities show of an adapter that works."""
    await asyncio.sleep(2 * MINUTE)
    status = site.status
    assert status.name == "hci0"
    assert not status.problem
    assert status.notice is None
    assert site.health.own.running is None
    assert status.advertisement_rate is not None
    assert status.advertisement_rate > 10
    assert status.last_advertisement is not None
    assert status.history.recoveries == 0
    assert not site.sample.management_socket
    assert not status.has_other_path
    assert site.supervisor.bus_reachable is True


async def test_step_that_the_user_asks_for(
    site: Site, bluetooth_entry: MockConfigEntry
) -> None:
    """A power cycle on request is carried out, verified and written down."""
    recovery = asyncio.create_task(
        site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
    )
    await site.until(lambda: not site.is_powered, 10)
    assert bluetooth_entry.state is ConfigEntryState.NOT_LOADED
    assert site.health.own.running is not None
    assert site.health.own.running.step is RecoveryStep.POWER_CYCLE
    assert await recovery is StepResult.RECOVERED
    assert site.is_powered
    assert bluetooth_entry.state is ConfigEntryState.LOADED
    (step,) = steps_in(site.status.history)
    assert step.requested
    assert step.result is StepResult.RECOVERED
    assert 2 <= step.seconds < 15
    assert site.status.history.recoveries == 0, "nothing was broken"


@pytest.mark.parametrize(
    "step", [RecoveryStep.OWN_LINKS, RecoveryStep.RESTART_SCANNING]
)
async def test_gentle_steps_on_request(site: Site, step: RecoveryStep) -> None:
    """The gentle steps can be asked for as well, again and again."""
    for _ in range(2):
        assert (
            await site.supervisor.async_recover(site.address, step)
            is StepResult.RECOVERED
        )


async def test_a_step_that_cannot_be_taken_is_refused_with_its_reason(
    site: Site, bluetooth_entry: MockConfigEntry
) -> None:
    """A step that cannot be taken is refused with its reason."""

    async def reason(
        address: str, step: RecoveryStep
    ) -> tuple[RefusalReason, float | None]:
        with pytest.raises(RecoveryRefused) as refused:
            await site.supervisor.async_recover(address, step)
        return refused.value.reason, refused.value.wait_seconds

    assert await reason("00:11:22:33:44:55", RecoveryStep.RESTART_SCANNING) == (
        RefusalReason.UNKNOWN_ADAPTER,
        None,
    )
    assert await reason(site.address, RecoveryStep.FULL_RESET) == (
        RefusalReason.NOT_AVAILABLE,
        None,
    )
    running = asyncio.create_task(
        site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
    )
    await asyncio.sleep(0.1)
    assert await reason(site.address, RecoveryStep.RESTART_SCANNING) == (
        RefusalReason.BUSY,
        None,
    )
    await running
    refusal, wait = await reason(site.address, RecoveryStep.POWER_CYCLE)
    assert refusal is RefusalReason.LIMIT
    assert wait is not None
    assert 0 < wait <= 60
    site.hass.set_state(CoreState.stopping)
    assert await reason(site.address, RecoveryStep.RESTART_SCANNING) == (
        RefusalReason.STOPPING,
        None,
    )
    site.hass.set_state(CoreState.running)
    await site.hass.config_entries.async_set_disabled_by(
        bluetooth_entry.entry_id, ConfigEntryDisabler.USER
    )
    await asyncio.sleep(MINUTE)
    assert await reason(site.address, RecoveryStep.RESTART_SCANNING) == (
        RefusalReason.ENTRY_GONE,
        None,
    )
    assert site.status.verdict is Verdict.UNKNOWN
    assert site.supervisor.bus_reachable is None


async def test_connections_wait_for_a_step(site: Site) -> None:
    """While a step runs nothing is connected; an attempt that it caught is no failure."""
    gate = site.supervisor.gate
    caught = asyncio.Event()

    async def connect_in_vain() -> None:
        async with gate.connecting(OTHER_LINK):
            await caught.wait()
            raise LinkUnreachable("in the middle of a step")

    async def connect() -> float:
        async with gate.connecting(LINK):
            return site.now()

    attempt = asyncio.create_task(connect_in_vain())
    recovery = asyncio.create_task(
        site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
    )
    await site.until(lambda: not site.is_powered, 10)
    caught.set()
    with pytest.raises(ConnectingBrokenOff):
        await attempt
    waiting = asyncio.create_task(connect())
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await site.until(lambda: site.health.own.running is None, MINUTE)
    ended = site.now()
    assert await waiting == pytest.approx(ended, abs=0.5)
    gate.disconnected(LINK)
    assert await recovery is StepResult.RECOVERED
    assert not any(link.failures for link in link_samples(site))


async def test_attempts_that_fail_are_recorded(site: Site) -> None:
    """What no step disturbs counts as a failure, each attempt once, until one succeeds."""
    gate = site.supervisor.gate
    for failures in (1, 2):
        with pytest.raises(LinkUnreachable):
            async with gate.connecting(LINK):
                raise LinkUnreachable("not in range")
        (sample,) = link_samples(site)
        assert sample.failures == failures
    async with gate.connecting(LINK):
        pass
    gate.disconnected(LINK)
    (sample,) = link_samples(site)
    assert sample.failures == 0


def link_samples(site: Site) -> tuple[LinkSample, ...]:
    """Return what the supervisor knows of the links now."""
    return records_of(site.supervisor).samples(site.address, site.now(), ())


async def test_connections_are_not_held_off_for_ever(site: Site) -> None:
    """A step that does not end does not end polling; that is what the batteries are for."""
    gate = site.supervisor.gate
    await gate.async_hold(site.address)
    begun = site.now()
    async with gate.connecting(LINK):
        assert site.now() - begun == pytest.approx(120, abs=1)
    gate.disconnected(LINK)
    since = site.now()
    await site.until(lambda: site.read_at[-1] > since, 2 * MINUTE)
    gate.async_release()


async def test_attempt_that_begins_in_the_middle_of_a_step(site: Site) -> None:
    """An attempt that was not held off any longer does not count when it fails."""
    gate = site.supervisor.gate
    await gate.async_hold(site.address)
    with pytest.raises(ConnectingBrokenOff):
        async with gate.connecting(LINK):
            raise LinkUnreachable("in the middle of a step")
    gate.async_release()
    (sample,) = link_samples(site)
    assert sample.failures == 0


async def test_start_of_home_assistant(site: Site) -> None:
    """What is wrong while Home Assistant starts is mended when it runs, no sooner."""
    site.hass.set_state(CoreState.starting)
    await site.emulated.set_fault("powered-off")
    await asyncio.sleep(5 * MINUTE)
    assert site.status.verdict is Verdict.STARTING
    assert site.steps() == []
    site.hass.set_state(CoreState.running)
    site.hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await site.until(lambda: site.steps() == [RecoveryStep.POWER_CYCLE], 5 * MINUTE)
    await site.until(lambda: site.status.verdict is Verdict.OK, MINUTE)


async def test_listener_that_is_taken_out_twice(site: Site) -> None:
    """Whoever does not want to be told any more is not told, and may say so again."""
    told = 0

    def tell() -> None:
        nonlocal told
        told += 1

    stop = site.supervisor.async_add_listener(tell)
    stop()
    stop()
    await site.supervisor.async_recover(site.address, RecoveryStep.RESTART_SCANNING)
    assert told == 0


async def test_power_that_cannot_be_switched(
    site: Site, bluetooth_entry: MockConfigEntry
) -> None:
    """A refused power cycle fails with its reason; the entry is set up again."""
    await site.emulated.set_fault("power-set-failing")
    result = await site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
    assert result is StepResult.FAILED
    (step,) = steps_in(site.status.history)
    assert step.result is StepResult.FAILED
    assert step.detail is not None
    assert step.detail.startswith("power_o")
    assert site.is_powered
    assert bluetooth_entry.state is ConfigEntryState.LOADED


async def test_adapter_pulled_out_in_the_middle_of_a_step(
    site: Site, bluetooth_entry: MockConfigEntry
) -> None:
    """An adapter that goes while it is off is set up again when it returns."""
    recovery = asyncio.create_task(
        site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
    )
    await site.until(lambda: not site.is_powered, 10)
    await site.emulated.set_fault("unplugged")
    assert await recovery is StepResult.FAILED
    await site.emulated.clear_faults()
    await site.until(lambda: site.is_powered, 30)
    await site.until_read(site.now(), 2 * MINUTE)
    assert bluetooth_entry.state is ConfigEntryState.LOADED


async def test_entry_deleted_in_the_middle_of_a_step(
    site: Site, bluetooth_entry: MockConfigEntry
) -> None:
    """An entry that is deleted meanwhile stays deleted, and the adapter is on."""
    recovery = asyncio.create_task(
        site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
    )
    await site.until(lambda: not site.is_powered, 10)
    await site.hass.config_entries.async_remove(bluetooth_entry.entry_id)
    await site.until(lambda: site.address not in site.supervisor.adapters, MINUTE)
    assert site.is_powered
    assert await recovery is StepResult.ABORTED


async def test_entry_disabled_in_the_middle_of_a_step(
    site: Site, bluetooth_entry: MockConfigEntry
) -> None:
    """An entry that is disabled meanwhile is not set up against the user's will."""
    recovery = asyncio.create_task(
        site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
    )
    await site.until(lambda: not site.is_powered, 10)
    await site.hass.config_entries.async_set_disabled_by(
        bluetooth_entry.entry_id, ConfigEntryDisabler.USER
    )
    assert await recovery is not StepResult.RECOVERED
    assert site.is_powered
    assert bluetooth_entry.state is ConfigEntryState.NOT_LOADED


async def test_unload_that_hangs(site: Site, bluetooth_entry: MockConfigEntry) -> None:
    """A power cycle goes on where Home Assistant goes on without its scanner."""
    scanner_stop = asyncio.Event()

    async def hang() -> None:
        await scanner_stop.wait()

    bluetooth_entry.async_on_unload(hang)
    try:
        result = await site.supervisor.async_recover(
            site.address, RecoveryStep.POWER_CYCLE
        )
        assert result is StepResult.RECOVERED
        assert site.is_powered
        assert bluetooth_entry.state is ConfigEntryState.LOADED
    finally:
        scanner_stop.set()


async def test_adapter_that_is_off_needs_no_unload(
    site: Site, bluetooth_entry: MockConfigEntry
) -> None:
    """An adapter that is off is switched on although its scanner does not stop."""
    scanner_stop = asyncio.Event()

    async def hang() -> None:
        await scanner_stop.wait()

    await site.emulated.set_fault("powered-off")
    # The clock goes on when bluetoothd's word of it has arrived everywhere.
    await asyncio.sleep(1)
    assert not site.is_powered
    bluetooth_entry.async_on_unload(hang)
    begun = site.now()
    recovery = asyncio.create_task(
        site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
    )
    try:
        await site.until(lambda: site.is_powered, 6)
        assert await recovery is StepResult.RECOVERED
        assert bluetooth_entry.state is ConfigEntryState.LOADED
        await site.until_read(begun, MINUTE)
    finally:
        scanner_stop.set()


async def test_step_waits_for_the_set_up_that_is_going_on(
    site: Site, bluetooth_entry: MockConfigEntry
) -> None:
    """While Home Assistant tries to set its entry up, a power cycle waits for the end."""

    async def fail_slowly(_: HomeAssistant, __: ConfigEntry) -> bool:
        await asyncio.sleep(20)
        raise ConfigEntryNotReady

    with patch("homeassistant.components.bluetooth.async_setup_entry", fail_slowly):
        reload = asyncio.create_task(
            site.hass.config_entries.async_reload(bluetooth_entry.entry_id)
        )
        await site.until(
            lambda: bluetooth_entry.state is ConfigEntryState.SETUP_IN_PROGRESS, 10
        )
        begun = site.now()
        recovery = asyncio.create_task(
            site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
        )
        await site.until(lambda: not site.is_powered, 25)
        assert site.now() - begun >= 15
        assert not await reload
    assert await recovery is StepResult.RECOVERED
    assert site.is_powered
    assert bluetooth_entry.state is ConfigEntryState.LOADED


@pytest.mark.parametrize("expected_lingering_timers", [True])
async def test_entry_that_cannot_be_unloaded(
    site: Site, bluetooth_entry: MockConfigEntry
) -> None:
    """An entry that fails to unload is Home Assistant's side; nothing is reset."""
    with patch(
        "homeassistant.components.bluetooth.async_unload_entry", return_value=False
    ):
        result = await site.supervisor.async_recover(
            site.address, RecoveryStep.POWER_CYCLE
        )
    assert result is StepResult.FAILED
    assert site.is_powered
    await site.until(
        lambda: site.status.verdict is Verdict.HOME_ASSISTANT_SIDE, 2 * MINUTE
    )
    for step in (RecoveryStep.POWER_CYCLE, RecoveryStep.RESTART_SCANNING):
        assert (
            await site.supervisor.async_recover(site.address, step) is StepResult.FAILED
        )
        detail = steps_in(site.status.history)[-1].detail
        assert detail is not None
        assert detail.endswith("_not_allowed")


async def test_full_reset(site: Site) -> None:
    """With a management socket the kernel's reset is in the same frame."""
    calls: list[tuple[int, str, bool]] = []

    async def reset(hci: int, mac: str, gone_silent: bool = False) -> bool:
        calls.append((hci, mac, gone_silent))
        return len(calls) == 1

    with (
        patch.object(neighbours, "recover_adapter", reset),
        patch(
            "custom_components.renogy_bt.supervisor.watch.async_has_management_socket",
            return_value=True,
        ),
    ):
        await site.until(lambda: site.sample.management_socket, MINUTE)
        assert (
            await site.supervisor.async_recover(site.address, RecoveryStep.FULL_RESET)
            is StepResult.RECOVERED
        )
        assert calls == [(0, site.address, True)]
        await asyncio.sleep(2 * MINUTE)
        assert (
            await site.supervisor.async_recover(site.address, RecoveryStep.FULL_RESET)
            is StepResult.FAILED
        )
    assert steps_in(site.status.history)[-1].detail == "reset_refused"


async def test_home_assistant_stops_in_the_middle_of_a_step(
    site: Site, bluetooth_entry: MockConfigEntry
) -> None:
    """The adapter is on when Home Assistant has stopped."""
    recovery = asyncio.create_task(
        site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
    )
    await site.until(lambda: not site.is_powered, 10)
    site.hass.set_state(CoreState.stopping)
    site.hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await site.hass.async_block_till_done()
    assert site.is_powered
    assert await recovery is StepResult.ABORTED
    assert site.supervisor.adapters == {}
    site.hass.set_state(CoreState.running)


async def test_last_bank_goes_in_the_middle_of_a_step(
    site: Site, bluetooth_entry: MockConfigEntry
) -> None:
    """The step is finished before the supervisor lets go."""
    recovery = asyncio.create_task(
        site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
    )
    await site.until(lambda: not site.is_powered, 10)
    await site.supervisor.async_detach(BANK)
    assert site.is_powered
    assert bluetooth_entry.state is ConfigEntryState.LOADED
    assert await recovery is StepResult.ABORTED


async def test_home_assistant_was_killed_in_the_middle_of_a_step(
    site: Site, hass_storage: dict[str, Any]
) -> None:
    """An adapter that is still off by our doing is switched on at the next start."""
    switched_on = BlueZWatcher.set_powered

    async def die(self: BlueZWatcher, path: str, powered: bool) -> None:
        if powered:
            await asyncio.sleep(3600)
        await switched_on(self, path, powered)

    with patch.object(BlueZWatcher, "set_powered", die):
        recovery = asyncio.create_task(
            site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
        )
        await site.until(lambda: not site.is_powered, 10)
        await asyncio.sleep(5)
        recovery.cancel()
        stored = hass_storage["renogy_bt.bluetooth_health"]
        assert stored["data"]["adapters"][site.address]["powered_off_by_us"] is True
        task = recovery_of(site.supervisor).task
        assert task is not None
        task.cancel()
        await asyncio.wait([recovery, task])
        await site.supervisor.async_detach(BANK)
        hass_storage["renogy_bt.bluetooth_health"] = stored
    assert not site.is_powered
    await site.supervisor.async_attach(BANK, [LINK], RecoveryLevel.OFF)
    await site.until(lambda: site.is_powered, MINUTE)


async def test_memory_survives_a_restart(
    site: Site, hass_storage: dict[str, Any]
) -> None:
    """History and limits are kept when the last bank goes and comes back."""
    await site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
    await site.supervisor.async_detach(BANK)
    assert site.supervisor.adapters == {}
    assert site.supervisor.bus_reachable is None
    await site.supervisor.async_attach(BANK, [LINK], RecoveryLevel.FULL)
    await site.until(lambda: site.supervisor.adapters, MINUTE)
    assert [step.step for step in steps_in(site.status.history)] == [
        RecoveryStep.POWER_CYCLE
    ]
    with pytest.raises(RecoveryRefused) as refused:
        await site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
    assert refused.value.reason is RefusalReason.LIMIT


async def test_most_cautious_bank_decides(site: Site) -> None:
    """With recovery off in one of two banks nothing is done, only told."""
    await site.supervisor.async_attach("other", [OTHER_LINK], RecoveryLevel.OFF)
    await site.emulated.set_fault("powered-off")
    await site.until(lambda: site.told, TOLD_AFTER + MINUTE)
    assert site.told[0][1] is Verdict.POWERED_OFF
    assert site.status.notice is not None
    assert site.status.notice.remedies == (RecoveryStep.POWER_CYCLE,)
    assert site.steps() == []
    assert (
        await site.supervisor.async_recover(site.address, RecoveryStep.POWER_CYCLE)
        is StepResult.RECOVERED
    )
    await site.until(lambda: site.status.notice is None, NOTICE_GOES)
    assert site.status.history.recoveries == 1
    kinds = [event.kind for _, event in site.events]
    assert kinds == [
        EventKind.DETECTED,
        EventKind.GAVE_UP,
        EventKind.STEP_STARTED,
        EventKind.RECOVERED,
    ]
    assert len(records_of(site.supervisor).addresses) == 2
    await site.supervisor.async_detach("other")
    assert list(records_of(site.supervisor).addresses) == [LINK]


async def test_diagnostics_are_plain(site: Site) -> None:
    """Everything known can be written down as JSON."""
    await site.supervisor.async_recover(site.address, RecoveryStep.RESTART_SCANNING)
    (adapter,) = site.supervisor.diagnostics()["adapters"]
    assert adapter["address"] == site.address
    assert adapter["judgement"]["verdict"] == "ok"
    assert adapter["sample"]["adapter"]["powered"] is True
    assert adapter["history"]["records"]


class TestQuietPlace:
    """A place where the bus has nothing to report between polls."""

    @pytest.fixture
    def world(self, world: World) -> World:
        """Return a world in which signal strengths never change."""
        return replace(world, rssi_wobble=0)

    @pytest.mark.parametrize("scanner_mode", ["auto", "active", "passive"])
    async def test_nothing_is_done(self, site: Site, scanner_mode: str) -> None:
        """Home Assistant restarts its scan again and again; we leave the adapter alone."""
        # The sweep after four minutes would meet a restart of the scan, and kill the scanner.
        await bluetooth.async_request_active_scan(site.hass)
        site.interval = 10 * MINUTE
        scanner = bluetooth.async_scanner_by_source(site.hass, site.address)
        assert scanner is not None
        began = (await scanner.async_diagnostics())["start_time"]
        await asyncio.sleep(60 * MINUTE)
        assert (await scanner.async_diagnostics())["start_time"] > began
        assert site.events == []
        assert site.told == []
        assert all(good for _, good in site.polls[-5:])


async def test_only_proxies(
    hass: HomeAssistant, emulated_world: EmulatedWorld, bluetooth_entry: MockConfigEntry
) -> None:
    """Where there is no local adapter, nothing is watched and no bus is connected."""
    await hass.config_entries.async_remove(bluetooth_entry.entry_id)
    supervisor = async_get_supervisor(hass)
    assert async_get_supervisor(hass) is supervisor
    with warped_time(hass.loop, emulated_world.bus.address):
        await supervisor.async_attach(BANK, [LINK], RecoveryLevel.FULL)
        await asyncio.sleep(2 * MINUTE)
        assert supervisor.adapters == {}
        assert supervisor.bus_reachable is None
        assert supervisor.diagnostics()["adapters"] == []
        await supervisor.async_detach(BANK)
        await supervisor.async_detach(BANK)
