"""Batteries that are read through Bluetooth proxies, over Home Assistant's own routing."""

from collections.abc import AsyncGenerator
from functools import partial
from itertools import pairwise
from typing import override

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.supervisor.supervisor import async_get_supervisor
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from tests.banks import bank_entry, link_of, link_settings, set_up, settle
from tests.emulator import EmulatedWorld, Unit, World
from tests.fake_air import DONGLE

from .integration import assert_true_values, heard, owner_world, poll, until
from .proxy import Proxy

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
) -> AsyncGenerator[Proxy]:
    """Return a proxy that Home Assistant knows and that has heard nothing yet."""
    proxy = Proxy(emulated_world)
    gone = proxy.register(hass)
    yield proxy
    gone()


def assert_all_true(hass: HomeAssistant, units: list[Unit]) -> None:
    """Check every value of every battery."""
    for unit in units:
        assert_true_values(hass, unit)


def assert_no_issue(hass: HomeAssistant) -> None:
    """Check that the user is not told of anything."""
    issues = ir.async_get(hass).issues
    assert not [issue for issue in issues if issue[0] == DOMAIN]


async def test_nearer_proxy_is_polled_through(
    hass: HomeAssistant, proxy: Proxy, units: list[Unit]
) -> None:
    """Home Assistant takes the path with the better signal; the values are the same."""
    await heard(hass, DONGLE)
    proxy.hear(DONGLE, NEAR)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert proxy.connects == 1
    assert proxy.links == []
    assert_all_true(hass, units)
    assert link_of(entry).served_by == proxy.name


async def test_proxy_tells_every_advertisement_that_reaches_its_place(
    hass: HomeAssistant, emulated_world: EmulatedWorld
) -> None:
    """A proxy tells each strength, where BlueZ keeps changes below 8 dB to itself.

    Far away it misses most advertisements.
    """

    class Listener(Proxy):
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
            emulated_world._advertised(peripheral, 0)
        listening()
        assert least <= len(strengths) - heard_before <= most
    assert any(abs(one - other) in range(1, 8) for one, other in pairwise(strengths))


async def test_proxy_that_does_not_tell_its_slots(
    hass: HomeAssistant, proxy: Proxy, units: list[Unit]
) -> None:
    """Which path a connection took is not guessed where a proxy is silent about it."""
    await heard(hass, DONGLE)
    proxy.hear(DONGLE, NEAR)
    proxy.tells_slots = False
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert proxy.connects == 1
    assert_all_true(hass, units)
    assert link_of(entry).served_by is None


async def test_farther_proxy_is_left_alone(
    hass: HomeAssistant, proxy: Proxy, units: list[Unit]
) -> None:
    """A proxy that hears a battery worse than the adapter is not needed."""
    await heard(hass, DONGLE)
    proxy.hear(DONGLE, FAR)
    await set_up(hass, bank_entry(link_settings()))
    assert proxy.attempts == 0
    assert_all_true(hass, units)


async def test_proxy_fails(
    hass: HomeAssistant,
    proxy: Proxy,
    emulated_world: EmulatedWorld,
    units: list[Unit],
) -> None:
    """When the proxy cannot connect the local adapter does, without a word to the user."""
    await heard(hass, DONGLE)
    proxy.hear(DONGLE, NEAR)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    proxy.fails = True
    connects = emulated_world.peripheral(DONGLE).statistics.connects
    for _ in range(3):
        await poll(hass, entry)
        proxy.hear(DONGLE, NEAR)
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
    proxy: Proxy,
    emulated_world: EmulatedWorld,
    units: list[Unit],
) -> None:
    """When the local adapter cannot connect a proxy does, though it hears the battery worse."""
    await heard(hass, DONGLE)
    proxy.hear(DONGLE, FAR)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert proxy.connects == 0
    await emulated_world.set_fault("connects-failing")
    for _ in range(5):
        await poll(hass, entry)
        proxy.hear(DONGLE, FAR)
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
    proxy: Proxy,
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
    proxy.hear(DONGLE, NEAR)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    proxy.attempts = 0
    proxy.goes_on.clear()
    gate = async_get_supervisor(hass).gate
    refresh = hass.async_create_task(link_of(entry).async_refresh())
    await until(lambda: proxy.attempts)
    await gate.async_hold(adapter)
    proxy.goes_on.set()
    gate.async_release()
    await refresh
    assert proxy.attempts == attempts
    assert link_of(entry).failed == {}
    assert link_of(entry).last_update_success
    await settle(hass)
    assert proxy.links == []


async def test_proxies_only(
    hass: HomeAssistant,
    bluetooth_entry: MockConfigEntry,
    proxy: Proxy,
    units: list[Unit],
) -> None:
    """Without a local adapter batteries are read all the same, and no adapter is watched."""
    await hass.config_entries.async_remove(bluetooth_entry.entry_id)
    proxy.hear(DONGLE, NEAR)
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
