# SPDX-License-Identifier: Apache-2.0
"""Batteries that are read through Bluetooth proxies, over Home Assistant's own routing."""

from collections.abc import AsyncGenerator
from functools import partial
from itertools import pairwise
from typing import override

from habluetooth import get_manager
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.supervisor.supervisor import async_get_supervisor
from homeassistant.components import bluetooth
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from tests.banks import (
    bank_entry,
    battery_state,
    link_of,
    link_settings,
    set_up,
    settle,
)
from tests.emulator import EmulatedWorld, Unit, World
from tests.emulator.esphome_proxy import PROXY, SLOTS, EspHomeProxy
from tests.fake_air import DONGLE

from .integration import assert_true_values, heard, owner_world, poll, until
from .proxy import PROXY_NAME, heard_by_proxy, is_known, proxy_of, slots_free

pytestmark = pytest.mark.usefixtures("integration")

NEAR = -40
FAR = -90


@pytest.fixture
def world() -> World:
    """Return the owner's batteries, at -60 dBm from the local adapter."""
    return owner_world()


@pytest.fixture
def units(world: World) -> list[Unit]:
    """Return the batteries of the world."""
    return list(world.links[0].units.values())


@pytest.fixture
async def proxy(
    hass: HomeAssistant, emulated_world: EmulatedWorld, integration: None
) -> AsyncGenerator[EspHomeProxy]:
    """Return a proxy that Home Assistant knows and that has heard nothing yet."""
    async with proxy_of(hass, emulated_world) as proxy:
        yield proxy


def assert_all_true(hass: HomeAssistant, units: list[Unit]) -> None:
    """Check every value of every battery."""
    for unit in units:
        assert_true_values(hass, unit)


def assert_no_issue(hass: HomeAssistant) -> None:
    """Check that the user is not told of anything."""
    issues = ir.async_get(hass).issues
    assert not [issue for issue in issues if issue[0] == DOMAIN]


async def test_nearer_proxy_is_polled_through(
    hass: HomeAssistant, proxy: EspHomeProxy, units: list[Unit]
) -> None:
    """Home Assistant takes the path with the better signal; the values are the same."""
    await heard(hass, DONGLE)
    await heard_by_proxy(hass, proxy, DONGLE, NEAR)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert proxy.connects == 1
    assert proxy.connections == []
    assert_all_true(hass, units)
    assert link_of(entry).served_by == PROXY_NAME


async def test_proxy_tells_every_advertisement_that_reaches_its_place(
    hass: HomeAssistant, emulated_world: EmulatedWorld
) -> None:
    """A proxy tells each strength, where BlueZ keeps changes below 8 dB to itself.

    Far away it misses most advertisements.
    """

    class Listener(EspHomeProxy):
        @override
        def hear(self, address: str, rssi: int) -> None:
            strengths.append(rssi)

    strengths: list[int] = []
    with_signal = partial(emulated_world.set_fault, "weak-signal", link=DONGLE)
    for mean, least, most in ((-60.0, 50, 50), (-90.0, 2, 30), (-105.0, 0, 0)):
        await with_signal(rssi=mean, spread=1.0)
        proxy, heard_before = Listener(emulated_world), len(strengths)
        listening = proxy.listen()
        peripheral = emulated_world.peripheral(DONGLE)
        for _ in range(50):
            emulated_world.advertised(peripheral, 0)
        listening()
        assert least <= len(strengths) - heard_before <= most
    assert any(abs(one - other) in range(1, 8) for one, other in pairwise(strengths))


async def test_link_is_kept_through_a_proxy(
    hass: HomeAssistant, proxy: EspHomeProxy, units: list[Unit]
) -> None:
    """One connection through the proxy serves all polls; switching polling off ends it."""
    await heard(hass, DONGLE)
    await heard_by_proxy(hass, proxy, DONGLE, NEAR)
    entry = bank_entry(link_settings(kept_interval=600))
    await set_up(hass, entry)
    for _ in range(3):
        await poll(hass, entry)
    link = link_of(entry)
    assert link.client.is_connected
    assert (proxy.connects, len(proxy.connections)) == (1, 1)
    assert slots_free(hass) == SLOTS - 1
    assert_all_true(hass, units)
    assert link.served_by == PROXY_NAME
    await link.async_set_polling(False)
    await until(lambda: not proxy.connections)
    await until(lambda: slots_free(hass) == SLOTS)
    await link.async_set_polling(True)
    await until(lambda: link.client.is_connected)
    await hass.config_entries.async_unload(entry.entry_id)
    await until(lambda: not proxy.connections)


async def test_link_is_kept_again_after_a_proxy_has_rebooted(
    hass: HomeAssistant, proxy: EspHomeProxy, units: list[Unit]
) -> None:
    """A proxy that reboots drops the link, which is connected to again without a wait."""
    await heard(hass, DONGLE)
    await heard_by_proxy(hass, proxy, DONGLE, NEAR)
    entry = bank_entry(link_settings(kept_interval=600))
    await set_up(hass, entry)
    link = link_of(entry)
    assert link.client.is_connected
    read_at = link.readings[48].read_at
    await proxy.reboot(0.1)
    await until(
        lambda: link.client.is_connected and link.readings[48].read_at > read_at
    )
    assert_all_true(hass, units)


async def test_proxy_that_does_not_tell_its_slots(
    hass: HomeAssistant, proxy: EspHomeProxy, units: list[Unit]
) -> None:
    """Which path a connection took is not guessed where a proxy is silent about it."""
    await heard(hass, DONGLE)
    await heard_by_proxy(hass, proxy, DONGLE, NEAR)
    proxy.faults.tells_no_addresses = True
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert proxy.connects == 1
    assert_all_true(hass, units)
    assert link_of(entry).served_by is None


async def test_farther_proxy_is_left_alone(
    hass: HomeAssistant, proxy: EspHomeProxy, units: list[Unit]
) -> None:
    """A proxy that hears a battery worse than the adapter is not needed."""
    await heard(hass, DONGLE)
    await heard_by_proxy(hass, proxy, DONGLE, FAR)
    await set_up(hass, bank_entry(link_settings()))
    assert proxy.attempts == 0
    assert_all_true(hass, units)


async def test_proxy_fails(
    hass: HomeAssistant,
    proxy: EspHomeProxy,
    emulated_world: EmulatedWorld,
    units: list[Unit],
) -> None:
    """When the proxy cannot connect the local adapter does, without a word to the user."""
    await heard(hass, DONGLE)
    await heard_by_proxy(hass, proxy, DONGLE, NEAR)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    proxy.faults.connects_fail = True
    connects = emulated_world.peripheral(DONGLE).statistics.connects
    for _ in range(3):
        await poll(hass, entry)
        await heard_by_proxy(hass, proxy, DONGLE, NEAR)
        if link_of(entry).last_update_success:
            break
    assert proxy.attempts > 1
    assert proxy.connects == 1
    assert emulated_world.peripheral(DONGLE).statistics.connects == connects + 1
    assert link_of(entry).last_update_success
    assert_all_true(hass, units)
    assert_no_issue(hass)


async def test_adapter_fails(
    hass: HomeAssistant,
    proxy: EspHomeProxy,
    emulated_world: EmulatedWorld,
    units: list[Unit],
) -> None:
    """When the local adapter cannot connect a proxy does, though it hears the battery worse."""
    await heard(hass, DONGLE)
    await heard_by_proxy(hass, proxy, DONGLE, FAR)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert proxy.connects == 0
    await emulated_world.set_fault("connects-failing")
    for _ in range(5):
        await poll(hass, entry)
        await heard_by_proxy(hass, proxy, DONGLE, FAR)
        if link_of(entry).last_update_success:
            break
    assert proxy.connects == 1
    assert link_of(entry).last_update_success
    assert_all_true(hass, units)


@pytest.mark.parametrize(
    ("adapter", "attempts"),
    [("B8:27:EB:5A:00:01", 2), ("5C:F3:70:8B:11:22", 1)],
    ids=["hears-the-link", "does-not"],
)
async def test_adapter_is_repaired_while_a_proxy_connects(
    hass: HomeAssistant,
    proxy: EspHomeProxy,
    monkeypatch: pytest.MonkeyPatch,
    adapter: str,
    attempts: int,
) -> None:
    """An attempt gives way to the repair of an adapter that it may go through, and to no other."""
    monkeypatch.setattr(
        "custom_components.renogy_bt.supervisor.poll_gate.POLLS_LIMIT", 0.1
    )
    monkeypatch.setattr(
        "custom_components.renogy_bt.renogy.transport.CONNECT_SECONDS", 20.0
    )
    await heard(hass, DONGLE)
    await heard_by_proxy(hass, proxy, DONGLE, NEAR)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    proxy.attempts = 0
    proxy.faults.goes_on.clear()
    gate = async_get_supervisor(hass).gate
    refresh = hass.async_create_task(link_of(entry).async_refresh())
    await until(lambda: proxy.attempts)
    await gate.async_hold(adapter)
    if attempts > 1:
        # A repair takes longer than a proxy needs to tell that a connection has ended.
        await until(lambda: slots_free(hass) == SLOTS)
    proxy.faults.goes_on.set()
    gate.async_release()
    await refresh
    assert proxy.attempts == attempts
    assert link_of(entry).failed == {}
    assert link_of(entry).last_update_success
    await settle(hass)
    assert proxy.connections == []


async def test_proxies_only(
    hass: HomeAssistant,
    bluetooth_entry: MockConfigEntry,
    proxy: EspHomeProxy,
    units: list[Unit],
) -> None:
    """Without a local adapter batteries are read all the same, and no adapter is watched."""
    await hass.config_entries.async_remove(bluetooth_entry.entry_id)
    await heard_by_proxy(hass, proxy, DONGLE, NEAR)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    await poll(hass, entry)
    assert proxy.connects == 2
    assert_all_true(hass, units)
    supervisor = async_get_supervisor(hass)
    assert supervisor.adapters == {}
    assert supervisor.bus_reachable is None
    assert_no_issue(hass)
    assert await hass.config_entries.async_unload(entry.entry_id)


async def poll_until(hass: HomeAssistant, entry: MockConfigEntry, good: bool) -> None:
    """Poll until a poll ends like this; paths that failed before are tried last."""
    for _ in range(4):
        await poll(hass, entry)
        if link_of(entry).last_update_success is good:
            return
    raise AssertionError("no poll has ended like this")


@pytest.fixture
async def through_proxy(
    hass: HomeAssistant, bluetooth_entry: MockConfigEntry, proxy: EspHomeProxy
) -> MockConfigEntry:
    """Return a bank that is read through the proxy, the only way there is."""
    await hass.config_entries.async_remove(bluetooth_entry.entry_id)
    await heard_by_proxy(hass, proxy, DONGLE, NEAR)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert link_of(entry).served_by == PROXY_NAME
    return entry


class TestTroubleOfTheOnlyProxy:
    """What goes wrong with a proxy while it hears on, and that its end is noticed at once."""

    @pytest.fixture(autouse=True)
    def no_pause(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have a link that failed be tried whenever it is heard."""
        monkeypatch.setattr(
            "custom_components.renogy_bt.links.retries.HEARD_RETRY_SECONDS", 0.0
        )

    @staticmethod
    async def read_when_heard(
        hass: HomeAssistant, entry: MockConfigEntry, proxy: EspHomeProxy
    ) -> None:
        """Check that the next advertisement brings the batteries back, and no poll is awaited."""
        link = link_of(entry)
        before = link.succeeded_at
        assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
        proxy.hear(DONGLE, NEAR)
        await until(lambda: link.succeeded_at != before)
        await settle(hass)
        assert battery_state(hass, "voltage").state != STATE_UNAVAILABLE

    @pytest.mark.parametrize("fault", ["connects_fail", "gatt_fails", "gatt_hangs"])
    async def test_over_when_heard(
        self,
        hass: HomeAssistant,
        proxy: EspHomeProxy,
        units: list[Unit],
        through_proxy: MockConfigEntry,
        fault: str,
    ) -> None:
        """Connections that fail, and that stand and carry nothing: both end without a pause."""
        setattr(proxy.faults, fault, True)
        await poll_until(hass, through_proxy, good=False)
        assert proxy.connections == []
        assert not async_get_supervisor(hass).gate.has_lacked_slot(DONGLE)
        setattr(proxy.faults, fault, False)
        await self.read_when_heard(hass, through_proxy, proxy)
        assert_all_true(hass, units)
        assert_no_issue(hass)

    async def test_connects_hang(
        self,
        hass: HomeAssistant,
        proxy: EspHomeProxy,
        units: list[Unit],
        through_proxy: MockConfigEntry,
    ) -> None:
        """An attempt that hangs is given up, its slot is free again, and the next one succeeds."""
        proxy.faults.goes_on.clear()
        await poll_until(hass, through_proxy, good=False)
        await until(lambda: proxy.connections == [])
        proxy.faults.goes_on.set()
        await self.read_when_heard(hass, through_proxy, proxy)
        assert_all_true(hass, units)

    async def test_proxy_hangs_as_a_whole(
        self,
        hass: HomeAssistant,
        proxy: EspHomeProxy,
        units: list[Unit],
        through_proxy: MockConfigEntry,
    ) -> None:
        """A proxy whose connection to Home Assistant stands and that does nothing."""
        proxy.hang()
        await poll_until(hass, through_proxy, good=False)
        proxy.hang(hangs=False)
        await until(lambda: proxy.connections == [])
        await self.read_when_heard(hass, through_proxy, proxy)
        assert_all_true(hass, units)

    async def test_slots_are_held_by_others(
        self,
        hass: HomeAssistant,
        proxy: EspHomeProxy,
        units: list[Unit],
        through_proxy: MockConfigEntry,
    ) -> None:
        """Without a slot nothing is tried; the first that is free again brings the poll."""
        gate = async_get_supervisor(hass).gate
        proxy.hold_slots(SLOTS)
        await until(lambda: not slots_free(hass))
        attempts = proxy.attempts
        await poll_until(hass, through_proxy, good=False)
        assert proxy.attempts == attempts
        assert gate.has_lacked_slot(DONGLE)
        link = link_of(through_proxy)
        before = link.succeeded_at
        proxy.hold_slots(SLOTS - 1)
        await until(lambda: link.succeeded_at != before)
        await settle(hass)
        assert not gate.has_lacked_slot(DONGLE)
        assert_all_true(hass, units)

    async def test_after_a_reboot_the_first_advertisement_is_answered(
        self,
        hass: HomeAssistant,
        proxy: EspHomeProxy,
        units: list[Unit],
        through_proxy: MockConfigEntry,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """After a reboot the first advertisement is answered, however long the pause has grown."""
        proxy.stop()
        await until(lambda: not is_known(hass))
        await poll_until(hass, through_proxy, good=False)
        monkeypatch.setattr(
            "custom_components.renogy_bt.links.retries.HEARD_RETRY_SECONDS", 300.0
        )
        await poll(hass, through_proxy)
        await proxy.start()
        await until(lambda: is_known(hass))
        await self.read_when_heard(hass, through_proxy, proxy)
        assert_all_true(hass, units)
        assert link_of(through_proxy).served_by == PROXY_NAME

    async def test_reboot_in_the_middle_of_a_poll(
        self,
        hass: HomeAssistant,
        proxy: EspHomeProxy,
        units: list[Unit],
        through_proxy: MockConfigEntry,
    ) -> None:
        """A poll whose proxy goes away ends at once, and leaves nothing connected."""
        link = link_of(through_proxy)
        polling = hass.async_create_task(link.async_refresh())
        await until(lambda: proxy.connections and proxy.connections[0].is_made)
        proxy.stop()
        await polling
        await settle(hass)
        assert link.fresh == frozenset()
        await proxy.start()
        await until(lambda: is_known(hass))
        await heard_by_proxy(hass, proxy, DONGLE, NEAR)
        await until(lambda: len(link.fresh) == len(units))
        await settle(hass)
        assert_all_true(hass, units)


async def test_slot_that_an_adapter_kept(
    hass: HomeAssistant, proxy: EspHomeProxy, units: list[Unit]
) -> None:
    """An adapter that kept the slot of an earlier connection did not serve a proxy's."""
    await heard(hass, DONGLE)
    await heard_by_proxy(hass, proxy, DONGLE, NEAR)
    proxy.faults.tells_no_addresses = True
    paths = bluetooth.async_scanner_devices_by_address(hass, DONGLE, connectable=True)
    (adapter,) = (path for path in paths if path.scanner.source != PROXY)
    assert get_manager().async_allocate_connection_slot(adapter.ble_device)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert proxy.connects == 1
    assert_all_true(hass, units)
    assert link_of(entry).served_by is None
