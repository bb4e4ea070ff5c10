# SPDX-License-Identifier: Apache-2.0
"""What is right where public reports tell of connects that fail, over the real stack.

One row a report of `docs/adapter-health.md`, which names these tests.
"""

import asyncio
from dataclasses import replace

import bleak
import pytest

from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.samples import HOUR, Verdict
from custom_components.renogy_bt.adapter_health.status import EventKind
from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant
from tests.emulator import EmulatedWorld, Kind, Link, World
from tests.emulator.bluez_names import DEVICE
from tests.stack.emulator.dbus_client import HCI0, connected
from tests.stack.proxy import proxy_of
from tests.stack.site import MINUTE

from .home import Home


class TestWeakSignal:
    """Links at the edge of range: BMS_BLE-HA#245, #705, #815, core#122002."""

    @pytest.mark.parametrize(("rssi", "spread"), [(-88.0, 4.0), (-92.0, 3.0)])
    async def test_link_is_weak_and_the_adapter_is_fine(
        self, home: Home, rssi: float, spread: float
    ) -> None:
        """The adapter is never accused or touched; the link's signal is said to be weak."""
        await home.emulated.set_fault("weak-signal", rssi=rssi, spread=spread)
        await asyncio.sleep(90 * MINUTE)
        assert len(home.bad_polls) > 5 * len(home.good_polls)
        home.assert_untouched()
        assert home.link_notices() == ["link_weak_signal"]
        await home.emulated.clear_faults()
        await home.clock.until(lambda: not home.shown(), 2 * HOUR)
        home.assert_untouched()

    async def test_signal_that_carries_at_times(self, home: Home) -> None:
        """At -84 ± 5 dBm about half of the polls succeed; the adapter is fine."""
        await home.emulated.set_fault("weak-signal", rssi=-84.0, spread=5.0)
        await asyncio.sleep(90 * MINUTE)
        assert home.good_polls
        assert home.bad_polls
        home.assert_untouched()

    async def test_signal_that_is_good_enough(self, home: Home) -> None:
        """At -74 ± 2 dBm batteries are read, and nobody hears of anything."""
        await home.emulated.set_fault("weak-signal", rssi=-74.0, spread=2.0)
        await asyncio.sleep(90 * MINUTE)
        assert len(home.good_polls) > 9 * len(home.bad_polls)
        home.assert_untouched()
        assert home.shown() == {}


class TestConnectsAbort:
    """Connects that abort at once although heard at -60 dBm: BMS_BLE-HA#726, core#144160."""

    async def test_silence_after_a_step_is_no_recovery(self, home: Home) -> None:
        """Steps are few, none counts as a success, and the notice stays."""
        await home.emulated.set_fault("connects-abort")
        await home.clock.until(home.adapter_notices, 30 * MINUTE)
        await asyncio.sleep(90 * MINUTE)
        assert home.happened(EventKind.RECOVERED) == []
        assert home.status.history.recoveries == 0
        assert home.adapter_notices() == ["adapter_connects_failing"]
        assert len(home.resets) <= 6
        home.assert_calm()

    async def test_over_when_a_poll_succeeds(self, home: Home) -> None:
        """What a power cycle mends is recovered once batteries were read, once."""
        await home.emulated.set_fault("connects-abort", until="power-cycle")
        await home.clock.until(lambda: home.happened(EventKind.RECOVERED), 30 * MINUTE)
        assert home.good_polls
        await asyncio.sleep(HOUR)
        assert home.status.verdict is Verdict.OK
        assert home.shown() == {}
        assert len(home.resets) == 1
        home.assert_calm()


class TestConnectsOnlyWhileDiscovering:
    """A kernel that connects only while a discovery runs: bluez#2503, haos#4808."""

    @pytest.mark.parametrize("scanner_mode", ["auto"])
    async def test_passive_scan(self, home: Home) -> None:
        """The way out is told: the adapter's scanning mode."""
        await home.emulated.set_fault("connects-only-while-discovering")
        await home.clock.until(home.adapter_notices, HOUR)
        await asyncio.sleep(90 * MINUTE)
        (told,) = home.adapter_notices()
        assert told == "adapter_needs_discovery"
        home.assert_calm()

    @pytest.mark.parametrize("scanner_mode", ["active"])
    async def test_active_scan(self, home: Home) -> None:
        """Where Home Assistant scans actively nothing is wrong."""
        await home.emulated.set_fault("connects-only-while-discovering")
        await asyncio.sleep(HOUR)
        home.assert_untouched()
        assert home.shown() == {}


async def test_connect_denied(home: Home) -> None:
    """AppArmor denies Connect alone: home-assistant.io#46908, BMS_BLE-HA#641."""
    await home.emulated.set_fault("connect-denied")
    await home.clock.until(home.adapter_notices, 30 * MINUTE)
    await asyncio.sleep(90 * MINUTE)
    assert home.adapter_notices() == ["adapter_connect_denied"]
    assert home.steps == []
    home.assert_calm()


class TestFarProxy:
    """A far proxy that tells all it hears, and an adapter that seldom tells anything new."""

    @pytest.fixture
    def world(self, world: World) -> World:
        """Return a still place: BlueZ tells a strength anew when it has changed by 8 dB."""
        link = replace(world.links[0], rssi=-62, spread=1.0)
        return replace(world, links=(link,), rssi_wobble=0)

    @pytest.mark.parametrize("scanner_mode", ["auto", "active"])
    async def test_adapter_is_left_alone(
        self, hass: HomeAssistant, home: Home, emulated_world: EmulatedWorld
    ) -> None:
        """A poll that succeeds says more than the proxy's advertisements."""
        async with proxy_of(hass, emulated_world, attenuation=24.0) as proxy:
            proxy.listen()
            await asyncio.sleep(90 * MINUTE)
        assert len(home.good_polls) > 60
        home.assert_untouched()
        assert home.shown() == {}


class TestOthersConnections:
    """What other integrations hold through the same adapter."""

    @pytest.fixture
    def world(self, world: World) -> World:
        """Return a world with five things of others, as many as an adapter has slots."""
        others = tuple(
            Link(
                name=f"Lock {number}",
                address=f"C8:DF:84:00:00:0{number}",
                kind=Kind.SILENT,
            )
            for number in range(5)
        )
        return replace(world, links=(*world.links, *others))

    @staticmethod
    async def held(
        hass: HomeAssistant, world: EmulatedWorld, count: int
    ) -> list[bleak.BleakClient]:
        """Have others connect to some of their things, through Home Assistant.

        Home Assistant has put its own client in the place of bleak's.
        """
        clients = []
        for link in world.world.links[1 : 1 + count]:
            device = bluetooth.async_ble_device_from_address(hass, link.address)
            assert device is not None
            clients.append(bleak.BleakClient(device))
            await clients[-1].connect()
        return clients

    async def test_every_slot_is_held(
        self, hass: HomeAssistant, home: Home, emulated_world: EmulatedWorld
    ) -> None:
        """Told, with the way out; nothing that would drop what others hold."""
        clients = await self.held(hass, emulated_world, 5)
        await asyncio.sleep(90 * MINUTE)
        assert set(home.steps) <= {RecoveryStep.OWN_LINKS}
        assert len(home.adapter_notices()) == 1
        assert not any(issue.is_fixable for issue in home.issues())
        assert all(client.is_connected for client in clients)
        home.assert_calm()
        await asyncio.gather(*(client.disconnect() for client in clients))
        await home.clock.until(lambda: not home.shown(), 30 * MINUTE)
        assert home.good_polls

    async def test_start_is_refused_while_others_are_connected(
        self, hass: HomeAssistant, home: Home, emulated_world: EmulatedWorld
    ) -> None:
        """A connection that works, of another program even, is not paid for a scan."""
        lock = emulated_world.world.links[1].address
        await emulated_world.set_fault("start-refused")
        async with connected(emulated_world.bus.address) as program:
            device = f"{HCI0}/dev_{lock.replace(':', '_')}"
            await program.call("Connect", path=device, interface=DEVICE)
            await hass.config_entries.async_reload(home.bluetooth.entry_id)
            await asyncio.sleep(HOUR)
            assert emulated_world.peripheral(lock).central is not None
            assert home.resets == []
            home.assert_calm()
