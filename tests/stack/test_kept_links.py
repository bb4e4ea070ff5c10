# SPDX-License-Identifier: Apache-2.0
"""Links that are kept connected, on Home Assistant's real Bluetooth and a clock that leaps."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
import logging
from typing import override

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.links.connection import (
    async_probing_connector,
    async_slots,
)
from custom_components.renogy_bt.links.keeping import LetGo
from custom_components.renogy_bt.renogy.speeds import Extent
from custom_components.renogy_bt.renogy.transport import connect
from custom_components.renogy_bt.supervisor.supervisor import async_get_supervisor
from homeassistant.components import bluetooth
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from tests.banks import (
    bank_entry,
    bank_of,
    bank_state,
    battery_state,
    link_of,
    link_settings,
    link_state,
)
from tests.emulator import EmulatedWorld, World, load_world
from tests.emulator.__main__ import WORLDS
from tests.emulator.peripheral import Peripheral
from tests.emulator.world import Kind, Link
from tests.fake_air import DONGLE, DONGLE_NAME

from .conftest import still
from .integration import assert_true_values, heard
from .site import MINUTE
from .warped_time import Clock

UNITS = (48, 49, 50, 51)
HOUR = 60 * MINUTE
LONGEST_GAP = 15.0
GAP_AT_STEP = 20.0
"""Around a step, which cuts every connection, s."""
PASSER_BY = Link(name="thermometer", address="C4:7C:8D:6A:00:01", kind=Kind.SILENT)
BUILT_IN = "F0:F8:F2:00:46:01"
BUILT_IN_NAME = "RNGRBP46001"


@pytest.fixture
def world() -> World:
    """Return the owner's batteries at their real pace, with nothing else on the air."""
    return still(load_world(WORLDS / "owner.json"))


@pytest.fixture
def scanner_mode() -> str:
    """Return how Home Assistant scans, as on most hosts."""
    return "active"


def peripheral(emulated_world: EmulatedWorld, address: str = DONGLE) -> Peripheral:
    """Return a dongle of the world."""
    return emulated_world.peripheral(address)


async def kept_bank(
    hass: HomeAssistant,
    clock: Clock,
    interval: int = 2,
    *,
    units: tuple[int, ...] = UNITS,
) -> MockConfigEntry:
    """Have a bank whose dongle is kept connected; it has been read."""
    await heard(hass, DONGLE)
    entry = bank_entry(link_settings(units=units, kept_interval=interval))
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await clock.until(lambda: link_of(entry).fresh == set(units), 30)
    return entry


@contextmanager
def followed(entry: MockConfigEntry, clock: Clock) -> Generator[list[float]]:
    """Keep when the link brought new readings."""
    link, times = link_of(entry), [clock.now()]

    def note() -> None:
        if link.fresh and link.data.polled:
            times.append(clock.now())

    stop = link.async_add_listener(note)
    yield times
    stop()


class HostResets(logging.Handler):
    """Keeps when Home Assistant finds its scanner silent, and restarts the scan or more."""

    def __init__(self) -> None:
        """Start with none."""
        super().__init__()
        self.seen: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if "has gone quiet" in message or "executing reset" in message:
            self.seen.append(message)


@pytest.fixture
def host_resets() -> Generator[list[str]]:
    """Keep what Home Assistant's own watchdog does."""
    handler, logger = HostResets(), logging.getLogger("habluetooth.scanner")
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    yield handler.seen
    logger.removeHandler(handler)
    logger.setLevel(level)


async def test_two_speeds_behind_one_dongle(
    hass: HomeAssistant, emulated_world: EmulatedWorld, clock: Clock, world: World
) -> None:
    """Current and power of four batteries come every 2 s, over one connection."""
    entry = await kept_bank(hass, clock)
    link = link_of(entry)
    before = peripheral(emulated_world).statistics.connects
    with followed(entry, clock) as times:
        await asyncio.sleep(40)
    assert len(times) >= 19
    assert max(after - before for before, after in pairwise(times)) <= 3.1
    assert peripheral(emulated_world).statistics.connects == before
    for unit in world.links[0].units.values():
        assert_true_values(hass, unit)
    assert link.client.is_connected
    assert link.kept is not None
    assert link.kept.diagnostics()["let_go"] == {}


async def test_only_what_is_live_is_written(
    hass: HomeAssistant, emulated_world: EmulatedWorld, clock: Clock
) -> None:
    """Cells and temperatures are not reported as read again, power is, and once a round."""
    entry = await kept_bank(hass, clock)
    await asyncio.sleep(70)

    def reported(key: str) -> float:
        return battery_state(hass, key).last_reported.timestamp()

    link = link_of(entry)
    lively, slow, bank = set(), set(), set()
    with followed(entry, clock) as times:
        for _ in range(200):
            lively.add(reported("voltage"))
            slow.add(reported("temperature"))
            bank.add(bank_state(hass, entry, "power").last_reported.timestamp())
            await asyncio.sleep(0.3)
    assert len(times) - 2 <= len(lively) <= len(times) + 1
    assert 1 <= len(slow) <= 3
    assert len(bank) <= len(times) + 1
    assert link.extent(48) in Extent


async def test_polling_off_frees_the_dongle(
    hass: HomeAssistant, emulated_world: EmulatedWorld, clock: Clock
) -> None:
    """Within the 2 s that bluetoothd takes somebody else can connect; on again it is kept again."""
    entry = await kept_bank(hass, clock)
    dongle = peripheral(emulated_world)
    assert not dongle.is_connectable
    began_at = clock.now()
    await hass.services.async_call(
        "switch",
        "turn_off",
        {"entity_id": link_state(hass, "polling", platform="switch").entity_id},
        blocking=True,
    )
    assert clock.now() - began_at <= 2.1
    assert dongle.is_connectable
    await asyncio.sleep(3)
    device = bluetooth.async_ble_device_from_address(hass, DONGLE)
    assert device is not None
    another = await connect(device, "app")
    await asyncio.sleep(MINUTE)
    assert not another.lost.done()
    await another.disconnect()
    await link_of(entry).async_set_polling(True)
    await clock.until(lambda: link_of(entry).client.is_connected, 30)


@pytest.mark.parametrize("scanner_mode", ["active", "passive"])
async def test_in_a_quiet_place_it_breathes(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    clock: Clock,
    host_resets: list[str],
) -> None:
    """Home Assistant never finds its adapter silent, and no value is older than 15 s."""
    entry = await kept_bank(hass, clock, 5)
    with followed(entry, clock) as times:
        await asyncio.sleep(HOUR / 2)
    link = link_of(entry)
    assert link.kept is not None
    assert host_resets == []
    gaps = [after - before for before, after in pairwise(times)]
    assert max(gaps) <= LONGEST_GAP
    breaths = link.kept.let_go[LetGo.BREATH]
    assert HOUR / 2 / 90 <= breaths <= HOUR / 2 / 50
    assert set(link.kept.let_go) == {LetGo.BREATH}
    adapters = async_get_supervisor(hass).adapters.values()
    assert [each.history.recoveries for each in adapters] == [0]
    assert battery_state(hass, "voltage").state != STATE_UNAVAILABLE


async def test_it_breathes_where_it_was_not_heard_since_its_set_up(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    clock: Clock,
    host_resets: list[str],
) -> None:
    """A set-up leaves the link connected, and the first poll goes on with that connection."""
    await heard(hass, DONGLE)
    probed = await async_probing_connector(hass, DONGLE, DONGLE_NAME)()
    await probed.disconnect()
    entry = await kept_bank(hass, clock, 5)
    assert peripheral(emulated_world).statistics.connects == 1
    await asyncio.sleep(HOUR / 4)
    link = link_of(entry)
    assert link.kept is not None
    assert link.kept.let_go[LetGo.BREATH]
    assert host_resets == []


async def test_without_breathing_home_assistant_resets_its_adapter(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    clock: Clock,
    host_resets: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """This is what breathing is for, and shows that the other tests would see it."""
    monkeypatch.setattr(
        "custom_components.renogy_bt.links.breathing.BREATHE_AFTER", float("inf")
    )
    await kept_bank(hass, clock)
    await asyncio.sleep(10 * MINUTE)
    assert host_resets


class TestInALivelyPlace:
    """Something else is heard."""

    @pytest.fixture
    def world(self) -> World:
        """Return the owner's batteries with a thermometer beside them."""
        world = still(load_world(WORLDS / "owner.json"))
        return replace(world, links=(*world.links, PASSER_BY))

    async def test_it_is_never_let_go(
        self,
        hass: HomeAssistant,
        emulated_world: EmulatedWorld,
        clock: Clock,
        host_resets: list[str],
    ) -> None:
        """Where the scanner hears others, nothing is taken from the link."""
        entry = await kept_bank(hass, clock)
        before = peripheral(emulated_world).statistics.connects
        with followed(entry, clock) as times:
            await asyncio.sleep(HOUR / 4)
        link = link_of(entry)
        assert link.kept is not None
        assert host_resets == []
        assert link.kept.let_go == {}
        assert peripheral(emulated_world).statistics.connects == before
        assert max(after - before for before, after in pairwise(times)) <= 4.1


class TestTwoLinks:
    """A dongle and a battery with built-in Bluetooth, both kept, and nothing else is heard."""

    @pytest.fixture
    def world(self) -> World:
        """Return the owner's batteries beside one with built-in Bluetooth."""
        world = still(load_world(WORLDS / "owner.json"))
        (link,) = world.links
        built_in = replace(
            link, name=BUILT_IN_NAME, address=BUILT_IN, units={48: link.units[48]}
        )
        return replace(world, links=(link, built_in))

    async def test_one_at_a_time_breathes(
        self,
        hass: HomeAssistant,
        emulated_world: EmulatedWorld,
        clock: Clock,
        host_resets: list[str],
    ) -> None:
        """Whoever is heard breaks the silence for both, and the bank adds up once a round."""
        await heard(hass, DONGLE, BUILT_IN)
        entry = bank_entry(
            link_settings(kept_interval=5),
            link_settings(BUILT_IN, BUILT_IN_NAME, (48,), kept_interval=5),
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        links = [link_of(entry), link_of(entry, BUILT_IN)]
        await clock.until(lambda: all(link.client.is_connected for link in links), 60)
        rounds: list[float] = []
        bank_of(entry).async_add_listener(lambda: rounds.append(clock.now()))
        silent_both = 0
        began_at = clock.now()
        while clock.now() - began_at < HOUR / 6:
            await asyncio.sleep(0.5)
            silent_both += not any(link.client.is_connected for link in links)
        assert host_resets == []
        assert silent_both == 0
        kept = [link.kept for link in links if link.kept is not None]
        breaths = sum(each.let_go[LetGo.BREATH] for each in kept)
        assert HOUR / 6 / 90 <= breaths <= HOUR / 6 / 50
        assert len(rounds) <= HOUR / 6 / 5 * 1.2


async def test_a_lost_link_is_connected_to_at_once(
    hass: HomeAssistant, emulated_world: EmulatedWorld, clock: Clock
) -> None:
    """Nobody waits for the next poll, also where polls are seldom."""
    entry = await kept_bank(hass, clock, 600)
    link = link_of(entry)
    peripheral(emulated_world).break_link()
    assert await clock.until(lambda: link.client.is_connected, 30) <= 15


@pytest.mark.parametrize(
    ("scanner_mode", "seconds", "phase"),
    [("active", 3, 0), ("passive", 3, 0), ("passive", 3, 3), ("passive", 30, 0)],
)
async def test_it_is_read_again_as_soon_as_bluetoothd_is_back(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    clock: Clock,
    seconds: float,
    phase: float,
) -> None:
    """What was remembered of the services is of the bluetoothd that is gone."""
    entry = await kept_bank(hass, clock, 5)
    # Nobody hurries to repair what has just been started.
    await asyncio.sleep(5 * MINUTE + phase)
    link = link_of(entry)
    with followed(entry, clock) as times:
        await emulated_world.set_fault("bluetoothd-restart", seconds=seconds)
        await asyncio.sleep(seconds + MINUTE)
    assert max(after - before for before, after in pairwise(times)) <= (
        seconds + GAP_AT_STEP
    )
    await clock.until(lambda: link.client.is_connected, LONGEST_GAP)


async def test_a_link_that_is_gone_is_tried_with_growing_pauses(
    hass: HomeAssistant, emulated_world: EmulatedWorld, clock: Clock
) -> None:
    """It is unavailable while it is gone, is not hunted, and is read soon once it is back."""
    entry = await kept_bank(hass, clock)
    link = link_of(entry)
    attempts: list[float] = []
    link.async_add_listener(lambda: attempts.append(clock.now()))
    await emulated_world.set_fault("out-of-range", link=DONGLE)
    await clock.until(
        lambda: battery_state(hass, "voltage").state == STATE_UNAVAILABLE, 60
    )
    attempts.clear()
    await asyncio.sleep(20 * MINUTE)
    assert 3 <= len(attempts) <= 20
    await emulated_world.clear_faults()
    await clock.until(lambda: link.client.is_connected, 60)
    await clock.until(
        lambda: battery_state(hass, "voltage").state != STATE_UNAVAILABLE, 10
    )


@pytest.mark.parametrize(
    "step", [RecoveryStep.RESTART_SCANNING, RecoveryStep.POWER_CYCLE]
)
async def test_it_is_closed_for_a_recovery_step(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    clock: Clock,
    world: World,
    step: RecoveryStep,
) -> None:
    """A step finds it let go, and it is connected again within 20 s of the step."""
    entry = await kept_bank(hass, clock)
    link = link_of(entry)
    supervisor = async_get_supervisor(hass)
    await clock.until(lambda: supervisor.adapters, 60)
    with followed(entry, clock) as times:
        await supervisor.async_recover(world.adapters[0].address, step)
        await clock.until(lambda: link.client.is_connected, 60)
        await asyncio.sleep(10)
    assert link.kept is not None
    assert link.kept.let_go[LetGo.STEP] == 1
    assert max(after - before for before, after in pairwise(times)) <= 20


async def test_a_dialogue_gets_the_link(
    hass: HomeAssistant, emulated_world: EmulatedWorld, clock: Clock
) -> None:
    """A probe has the link let go, and the polls go on over a kept connection after it."""
    entry = await kept_bank(hass, clock)
    link = link_of(entry)
    report = await hass.services.async_call(
        "renogy_bt",
        "probe",
        {"address": DONGLE},
        blocking=True,
        return_response=True,
    )
    assert report
    await clock.until(lambda: link.client.is_connected, 60)
    assert link.kept is not None
    assert link.kept.let_go[LetGo.WANTED] >= 1


class TestSlots:
    """Connection slots that others want."""

    @pytest.fixture
    def world(self) -> World:
        """Return the owner's batteries with four other things that take a connection."""
        world = still(load_world(WORLDS / "owner.json"))
        others = [
            replace(
                world.links[0],
                name=f"BT-TH-FDA1C0C{number}",
                address=f"6C:B2:FD:A1:C0:C{number}",
            )
            for number in range(5)
        ]
        return replace(world, links=(*world.links, *others))

    async def test_it_gives_way(
        self,
        all_enabled: None,
        hass: HomeAssistant,
        emulated_world: EmulatedWorld,
        clock: Clock,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A minute without a free slot: the link is let go, is told so once, and comes back."""
        entry = await kept_bank(hass, clock)
        link = link_of(entry)
        others = [each for each in emulated_world.peripherals if each != DONGLE]
        await heard(hass, *others)
        taken = []
        for address in others[:4]:
            device = bluetooth.async_ble_device_from_address(hass, address)
            assert device is not None
            taken.append(await connect(device, address))
        (slots,) = async_slots(hass).values()
        assert slots.free == 0
        assert link.kept is not None
        assert await clock.until(lambda: link.kept and link.kept.gives_way, 100) <= 75
        shown = link_state(hass, "last_poll_served_by")
        assert shown.attributes["connection"] == "gives_way"
        await asyncio.sleep(10)
        assert peripheral(emulated_world).is_connectable
        device = bluetooth.async_ble_device_from_address(hass, others[4])
        assert device is not None
        taken.append(await connect(device, "the one that waits"))
        for each in taken:
            await each.disconnect()
        await clock.until(lambda: link.kept and not link.kept.gives_way, 5 * MINUTE)
        await clock.until(lambda: link.client.is_connected, MINUTE)
        assert link.kept.let_go[LetGo.NO_SLOT] == 1
        told = [
            each for each in caplog.messages if "no connection slot was free" in each
        ]
        assert len(told) == 1

    async def test_it_stays_where_a_slot_is_free(
        self, hass: HomeAssistant, emulated_world: EmulatedWorld, clock: Clock
    ) -> None:
        """One free slot is enough for whoever comes."""
        entry = await kept_bank(hass, clock)
        others = [each for each in emulated_world.peripherals if each != DONGLE]
        await heard(hass, *others)
        taken = []
        for address in others[:3]:
            device = bluetooth.async_ble_device_from_address(hass, address)
            assert device is not None
            taken.append(await connect(device, address))
        await asyncio.sleep(10 * MINUTE)
        link = link_of(entry)
        assert link.kept is not None
        assert link.kept.let_go[LetGo.NO_SLOT] == 0
        for each in taken:
            await each.disconnect()


async def test_unloading_leaves_nothing(
    hass: HomeAssistant, emulated_world: EmulatedWorld, clock: Clock
) -> None:
    """No connection, no slot and no task is left."""
    entry = await kept_bank(hass, clock)
    await hass.config_entries.async_unload(entry.entry_id)
    assert peripheral(emulated_world).is_connectable
    await asyncio.sleep(30)
    assert peripheral(emulated_world).is_connectable
    assert all(not slots.allocated for slots in async_slots(hass).values())
    left = [
        task.get_name()
        for task in asyncio.all_tasks()
        if "renogy" in task.get_name() or DONGLE_NAME in task.get_name()
    ]
    assert left == []


async def test_what_a_killed_home_assistant_held_is_let_go(
    hass: HomeAssistant, emulated_world: EmulatedWorld, clock: Clock
) -> None:
    """BlueZ still holds the link, which so is not heard: the next start drops that."""
    await heard(hass, DONGLE)
    device = bluetooth.async_ble_device_from_address(hass, DONGLE)
    assert device is not None
    left_behind = await connect(device, "before the kill")
    await asyncio.sleep(MINUTE)
    assert not peripheral(emulated_world).is_connectable
    entry = bank_entry(link_settings(kept_interval=2))
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await clock.until(lambda: link_of(entry).fresh == set(UNITS), MINUTE)
    assert left_behind.lost.done()
    await left_behind.disconnect()
