# SPDX-License-Identifier: Apache-2.0
"""A bank over the real stack for a while: started on a broken adapter, and with lost links."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise
from typing import override

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapters.devices import adapter_identifier
from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.diagnostics import async_get_config_entry_diagnostics
from custom_components.renogy_bt.links.coordinator import LinkCoordinator
from custom_components.renogy_bt.supervisor.supervisor import async_get_supervisor
from homeassistant.components import bluetooth
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from tests.banks import (
    bank_entry,
    bank_state,
    battery_state,
    entity_id,
    link_of,
    link_settings,
    link_state,
)
from tests.emulator import EmulatedWorld, World, load_world
from tests.emulator.__main__ import WORLDS
from tests.emulator.peripheral import Central, Peripheral
from tests.fake_air import DONGLE
from tests.insides import records_of

from .conftest import still
from .integration import assert_true_values, heard
from .site import MINUTE, NOTICE_GOES
from .warped_time import Clock

LOST = "6C:B2:FD:A1:B2:C4"
GONE = "6C:B2:FD:A1:B2:C5"
UNITS = (48, 49, 50, 51)
INTERVAL = 60.0
LATE = 2.0
"""How much later than its interval and its own length a poll may come, s."""
SOON = 12.0
"""Within which batteries are read once their link can be heard again, s."""


async def started(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Have a bank set up; its first polls go on."""
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED


def is_read(hass: HomeAssistant, address: str = DONGLE, unit: int = 48) -> bool:
    """Tell whether a battery has values."""
    return battery_state(hass, "voltage", unit, address).state != STATE_UNAVAILABLE


def all_read(hass: HomeAssistant) -> bool:
    """Tell whether all batteries of the owner have values."""
    return all(is_read(hass, unit=unit) for unit in UNITS)


class TestStartOnABrokenAdapter:
    """Home Assistant starts while its adapter does not work."""

    @pytest.fixture
    def world(self) -> World:
        """Return the owner's batteries at their real pace."""
        return still(load_world(WORLDS / "owner.json"))

    @pytest.fixture
    def adapter(self, emulated_world: EmulatedWorld) -> str:
        """Return the identifier of the adapter's device."""
        return adapter_identifier(emulated_world.world.adapters[0].address)

    def adapter_state(self, hass: HomeAssistant, adapter: str, key: str) -> str | None:
        """Return the state of an entity of the adapter, None where there is none."""
        for platform in ("sensor", "binary_sensor", "event"):
            found = entity_id(hass, platform, f"{adapter}_{key}")
            if found is not None and (state := hass.states.get(found)) is not None:
                return state.state
        return None

    async def start(
        self,
        hass: HomeAssistant,
        emulated_world: EmulatedWorld,
        bluetooth_entry: MockConfigEntry,
        clock: Clock,
        adapter: str,
        fault: str,
        recovery: str,
    ) -> MockConfigEntry:
        """Start on an adapter with a fault, and check what is there from the first second."""
        await emulated_world.set_fault(fault)
        await hass.config_entries.async_reload(bluetooth_entry.entry_id)
        entry = bank_entry(link_settings(), recovery=recovery)
        begun = clock.now()
        await started(hass, entry)
        assert clock.now() - begun < 0.5
        assert not any(is_read(hass, unit=unit) for unit in UNITS)
        assert bank_state(hass, entry, "voltage").state == STATE_UNAVAILABLE
        assert link_state(hass, "polling", platform="switch").state == STATE_ON
        await clock.until(
            lambda: (
                self.adapter_state(hass, adapter, "state")
                not in (None, STATE_UNAVAILABLE)
            ),
            1.0,
        )
        for key in ("problem", "recoveries", "recovery"):
            assert self.adapter_state(hass, adapter, key) not in (
                None,
                STATE_UNAVAILABLE,
            ), key
        diagnostics = await async_get_config_entry_diagnostics(hass, entry)
        assert diagnostics["state"] == "loaded"
        assert len(diagnostics["links"]) == 1
        assert len(diagnostics["bluetooth_health"]["adapters"]) == 1
        return entry

    @pytest.mark.parametrize(
        ("fault", "recovery", "lasts", "notice"),
        [
            ("powered-off", "full", None, None),
            ("powered-off", "off", 300, "powered_off"),
            ("rfkill-blocked", "full", 300, "blocked"),
            ("discovery-stuck", "full", 120, None),
        ],
    )
    async def test_batteries_are_read_soon_after_the_fault(
        self,
        hass: HomeAssistant,
        emulated_world: EmulatedWorld,
        bluetooth_entry: MockConfigEntry,
        clock: Clock,
        adapter: str,
        fault: str,
        recovery: str,
        lasts: float | None,
        notice: str | None,
    ) -> None:
        """Whoever ends the fault, the batteries are read seconds after the first word of them."""
        entry = await self.start(
            hass, emulated_world, bluetooth_entry, clock, adapter, fault, recovery
        )
        await clock.until(lambda: link_of(entry).error, MINUTE)
        heard_at: list[float] = []
        if lasts is not None:
            await asyncio.sleep(lasts)
            assert told(hass) == ({f"adapter_{notice}"} if notice else set())
            assert not any(is_read(hass, unit=unit) for unit in UNITS)
            await emulated_world.clear_faults()
        begun = clock.now()
        stop = bluetooth.async_register_callback(
            hass,
            lambda *_: heard_at.append(clock.now()),
            {"address": DONGLE},
            bluetooth.BluetoothScanningMode.PASSIVE,
        )
        await clock.until(lambda: all_read(hass), 4 * MINUTE)
        stop()
        assert clock.now() - next(at for at in heard_at if at > begun) <= SOON
        assert bank_state(hass, entry, "batteries_responding").state == "4"
        for unit in emulated_world.world.links[0].units.values():
            assert_true_values(hass, unit)
        await clock.until(lambda: not told(hass), NOTICE_GOES)


def told(hass: HomeAssistant) -> set[str | None]:
    """Return what the user is told of."""
    return {
        issue.translation_key
        for (domain, _), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN and issue.active
    }


class Deaf(Peripheral):
    """A dongle that is heard, and that a connection is made to in vain."""

    @override
    def _tick(self) -> None:
        self._timers.call_later(self._world.advertising_interval, self._tick)
        self._advertise(self, self._swing())

    @property
    @override
    def is_connectable(self) -> bool:
        return False


def be_deaf(world: EmulatedWorld, address: str = LOST) -> None:
    """Let a dongle answer no connection, which the kernel tries for 20 s."""
    world.peripheral(address).__class__ = Deaf


def refuse(world: EmulatedWorld) -> None:
    """Let a dongle refuse every connection."""

    def refuse_all(_: Central) -> bool:
        return False

    world.peripheral(LOST).__dict__["connect"] = refuse_all


async def vanish(world: EmulatedWorld) -> None:
    """Let a dongle be gone."""
    await world.set_fault("out-of-range", link=GONE)


class TestLostLinks:
    """Three dongles, two of which may be lost."""

    @pytest.fixture
    def world(self) -> World:
        """Return the owner's dongle at its real pace, and two more with one battery each."""
        world = still(load_world(WORLDS / "owner.json"))
        (link,) = world.links
        one = {48: link.units[48]}
        return replace(
            world,
            links=(
                link,
                replace(link, name="BT-TH-FDA1B2C4", address=LOST, units=one),
                replace(link, name="BT-TH-FDA1B2C5", address=GONE, units=one),
            ),
        )

    @pytest.fixture
    async def entry(self, hass: HomeAssistant, clock: Clock) -> MockConfigEntry:
        """Return a bank with all three dongles, that has been polled for some minutes."""
        await heard(hass, DONGLE, LOST, GONE)
        entry = bank_entry(
            link_settings(),
            link_settings(LOST, "BT-TH-FDA1B2C4", (48,)),
            link_settings(GONE, "BT-TH-FDA1B2C5", (48,)),
        )
        await started(hass, entry)
        await asyncio.sleep(4.5 * INTERVAL)
        assert all_read(hass)
        assert bank_state(hass, entry, "batteries_responding").state == "6"
        return entry

    @pytest.mark.parametrize("lose_one", [None, be_deaf, refuse])
    @pytest.mark.parametrize("lose_other", [None, vanish])
    async def test_the_other_link_is_polled_in_time(
        self,
        hass: HomeAssistant,
        entry: MockConfigEntry,
        emulated_world: EmulatedWorld,
        clock: Clock,
        lose_one: Callable[[EmulatedWorld], None] | None,
        lose_other: Callable[[EmulatedWorld], Awaitable[None]] | None,
    ) -> None:
        """Polls come at their interval whatever becomes of other links."""
        usual = link_of(entry).poll_seconds
        assert usual is not None
        if lose_one is not None:
            lose_one(emulated_world)
        if lose_other is not None:
            await lose_other(emulated_world)
        polls = polls_of(link_of(entry), clock)
        await asyncio.sleep(10 * MINUTE)
        longest = INTERVAL + usual + LATE
        assert len(polls) >= int(10 * MINUTE / longest)
        assert max(after - before for before, after in pairwise(polls)) <= longest
        tried = {
            sample.address: sample.failures
            for sample in records_of(async_get_supervisor(hass)).samples(
                emulated_world.world.adapters[0].address, clock.now(), ()
            )
        }
        for address, is_lost in ((LOST, lose_one), (GONE, lose_other)):
            assert is_read(hass, address) is (is_lost is None)
            assert (tried[address] >= 3) is (is_lost is not None)

    async def test_vanished_link_that_returns(
        self,
        hass: HomeAssistant,
        entry: MockConfigEntry,
        emulated_world: EmulatedWorld,
        clock: Clock,
    ) -> None:
        """It is read by its first advertisement, though another one is still lost."""
        be_deaf(emulated_world)
        await vanish(emulated_world)
        await asyncio.sleep(20 * MINUTE)
        assert not is_read(hass, GONE)
        await emulated_world.clear_faults()
        assert await clock.until(lambda: is_read(hass, GONE), SOON) <= SOON
        assert not is_read(hass, LOST)


class TestSlowLinks:
    """Two dongles that take two seconds to connect, and one that takes no connection."""

    @pytest.fixture
    def world(self) -> World:
        """Return the owner's dongle three times, each with one battery."""
        world = still(load_world(WORLDS / "owner.json"))
        (link,) = world.links
        links = [
            replace(link, address=each, units={48: link.units[48]})
            for each in (DONGLE, LOST, GONE)
        ]
        timing = replace(world.timing, service_resolution=2.0)
        return replace(world, links=tuple(links), timing=timing)

    async def test_all_of_them_return(
        self, hass: HomeAssistant, emulated_world: EmulatedWorld, clock: Clock
    ) -> None:
        """Links that have failed do not keep each other from connecting when they are back."""
        await heard(hass, DONGLE, LOST, GONE)
        entry = bank_entry(
            *(link_settings(address, units=(48,)) for address in (DONGLE, LOST, GONE))
        )
        await started(hass, entry)
        await asyncio.sleep(2 * INTERVAL)
        await emulated_world.set_fault("out-of-range")
        be_deaf(emulated_world)
        await asyncio.sleep(2.5 * INTERVAL)
        assert not any(is_read(hass, each) for each in (DONGLE, LOST, GONE))
        links = [link_of(entry, each) for each in (LOST, DONGLE, GONE)]
        await clock.until(lambda: not any(link.is_polling for link in links), MINUTE)
        await emulated_world.clear_faults()
        for link in links:
            link.async_poll_now()
        await clock.until(lambda: is_read(hass) and is_read(hass, GONE), SOON)
        assert not is_read(hass, LOST)


class TestManyLostLinks:
    """A dongle that works, and five that take no connection any more."""

    LOST = tuple(f"6C:B2:FD:A1:C0:0{number}" for number in range(5))

    @pytest.fixture
    def world(self) -> World:
        """Return the owner's dongle at its real pace, and five with one battery each."""
        world = still(load_world(WORLDS / "owner.json"))
        (link,) = world.links
        one = {48: link.units[48]}
        others = [
            replace(link, name=f"BT-TH-{address}", address=address, units=one)
            for address in self.LOST
        ]
        return replace(world, links=(link, *others))

    async def test_all_of_them_are_tried_just_before_a_poll(
        self, hass: HomeAssistant, emulated_world: EmulatedWorld, clock: Clock
    ) -> None:
        """However many are tried in vain, as after a repair, a link that works waits for one."""
        await heard(hass, DONGLE, *self.LOST)
        entry = bank_entry(
            link_settings(),
            *(link_settings(each, f"BT-TH-{each}", (48,)) for each in self.LOST),
        )
        await started(hass, entry)
        await asyncio.sleep(4.5 * INTERVAL)
        usual = link_of(entry).poll_seconds
        assert usual is not None
        for address in self.LOST:
            be_deaf(emulated_world, address)
        await asyncio.sleep(5 * MINUTE)
        assert not any(is_read(hass, address) for address in self.LOST)
        polls = polls_of(link_of(entry), clock)
        await clock.until(lambda: polls, INTERVAL + usual + LATE)
        for count in range(1, 6):
            await asyncio.sleep(INTERVAL - 1.0 - (clock.now() - polls[-1]))
            for address in self.LOST:
                link_of(entry, address).async_poll_now()
            await clock.until(lambda: len(polls) > count, 20.0)  # noqa: B023
        gaps = [after - before for before, after in pairwise(polls)]
        assert max(gaps) <= INTERVAL + usual + LATE


def polls_of(link: LinkCoordinator, clock: Clock) -> list[float]:
    """Return a list that grows by the time when each poll has read everything."""
    polls: list[float] = []

    @callback
    def note() -> None:
        assert link.last_update_success
        assert link.fresh == set(UNITS)
        polls.append(clock.now())

    link.async_add_listener(note)
    return polls
