# SPDX-License-Identifier: Apache-2.0
"""What is right where public reports tell of trouble, over the real stack.

One row a report of `docs/adapter-health.md`, which names these tests.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from unittest.mock import Mock

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.samples import HOUR
from custom_components.renogy_bt.adapter_health.status import EventKind
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from tests.emulator import World
from tests.stack.proxy import proxy_of
from tests.stack.site import MINUTE
from tests.stack.unhandled import unhandled

from .home import CALM, Home

MOST_RESETS = 6
"""In two hours of a fault that nothing cures; ten an hour is the ceiling."""


@pytest.mark.parametrize("scanner_mode", ["active", "auto"])
@pytest.mark.parametrize("discovering", ["true", "false"])
class TestDiscoveryDeaf:
    """StartDiscovery that succeeds while nothing is reported: bluez#2241."""

    @pytest.fixture(autouse=True)
    def unhandled_errors(self, hass: HomeAssistant) -> Iterator[None]:
        """Collect the error that habluetooth leaves when it loses an active window."""
        with unhandled(hass.loop, AssertionError):
            yield

    async def test_with_a_witness(
        self, hass: HomeAssistant, home: Home, discovering: str
    ) -> None:
        """What a proxy hears, which cannot connect, proves the fault: told, resets are few."""
        async with proxy_of(hass, home.emulated, attenuation=15.0) as proxy:
            proxy.faults.connects_fail = True
            proxy.listen()
            await asyncio.sleep(CALM)
            home.assert_untouched()
            await home.emulated.set_fault("discovery-deaf", discovering=discovering)
            await home.clock.until(home.adapter_notices, HOUR)
            await asyncio.sleep(90 * MINUTE)
            assert home.happened(EventKind.RECOVERED) == []
            assert home.status.history.recoveries == 0
            assert len(home.resets) <= MOST_RESETS
            assert len(home.adapter_notices()) == 1
            home.assert_calm()
            await home.emulated.clear_faults()
            await home.clock.until(lambda: not home.shown(), HOUR)
            assert home.good_polls

    async def test_without_a_witness_it_is_tried_once(
        self, home: Home, discovering: str
    ) -> None:
        """Without a witness it may as well be a dongle without power: tried once."""
        await home.emulated.set_fault("discovery-deaf", discovering=discovering)
        await asyncio.sleep(2 * HOUR)
        assert home.happened(EventKind.RECOVERED) == []
        assert len(home.resets) <= MOST_RESETS
        assert home.link_notices() or home.adapter_notices()
        home.assert_calm()


class TestCrashingBluetoothd:
    """A bluetoothd that crashes: bluez#1781 at each disconnect, #2282 every two minutes."""

    @pytest.mark.parametrize(
        "fault", ["bluetoothd-crashes-at-disconnect", "bluetoothd-crash-loop"]
    )
    async def test_adapter_is_not_reset(self, home: Home, fault: str) -> None:
        """A reset does not help against crashes: one notice says how often, no reset."""
        await home.emulated.set_fault(fault)
        await asyncio.sleep(90 * MINUTE)
        assert home.resets == []
        assert home.adapter_notices() == ["adapter_service_crashes"]
        home.assert_calm()


class TestUsbDrops:
    """An adapter that drops off USB and returns many times an hour: haos#5026, #4727."""

    @pytest.mark.parametrize("renumbers", [0, 3])
    async def test_one_calm_notice(self, home: Home, renumbers: int) -> None:
        """One notice says how often; batteries are read in between."""
        await home.emulated.set_fault("usb-drops", renumbers=renumbers)
        await asyncio.sleep(90 * MINUTE)
        assert home.adapter_notices() == ["adapter_drops_off"]
        assert home.resets == []
        assert len(home.good_polls) > 50
        home.assert_calm()


async def test_adapter_gone(home: Home) -> None:
    """Gone since an update of the system: haos#3725, core#166842. One notice, no reset."""
    await home.emulated.set_fault("adapter-gone")
    await asyncio.sleep(90 * MINUTE)
    assert home.adapter_notices() == ["adapter_missing"]
    assert home.resets == []
    home.assert_calm()


class TestForeignPower:
    """Scripts of users that switch the adapter."""

    @pytest.mark.parametrize("scanner_mode", ["active", "auto"])
    async def test_power_cycles(self, home: Home) -> None:
        """Every ten minutes: batteries are read in between, the adapter is not reset."""
        await home.emulated.set_fault("foreign-power-cycles")
        await asyncio.sleep(90 * MINUTE)
        assert home.resets == []
        assert len(home.good_polls) > 50
        home.assert_calm()

    async def test_power_off_is_respected(self, home: Home) -> None:
        """Switched on once, and off again: left off, and told."""
        await home.emulated.set_fault("foreign-power-off")
        await asyncio.sleep(6 * HOUR)
        assert home.steps == [RecoveryStep.POWER_CYCLE]
        assert home.adapter_notices() == ["adapter_powered_off"]
        home.assert_calm()


async def test_twin_address(home: Home) -> None:
    """Two adapters of one address: nothing is done to either."""
    await home.emulated.set_fault("twin-address")
    await asyncio.sleep(90 * MINUTE)
    assert home.resets == []
    assert home.good_polls
    home.assert_calm()


class TestLongAbsence:
    """An adapter that is away for longer than a day: bluez#2377, core#177177."""

    @pytest.fixture
    def world(self, world: World) -> World:
        """Return a world with fewer advertisements, for the long time."""
        return replace(world, advertising_interval=10.0)

    @pytest.mark.timeout(600)
    async def test_back_under_another_number(
        self, hass: HomeAssistant, home: Home
    ) -> None:
        """The notice stays all the time, beside a disabled entry; then it is repaired."""
        MockConfigEntry(
            domain="bluetooth",
            unique_id="B8:27:EB:5A:00:02",
            disabled_by=ConfigEntryDisabler.USER,
        ).add_to_hass(hass)
        await home.emulated.set_fault("unplugged", to="hci1")
        for _ in range(30):
            await asyncio.sleep(HOUR)
            assert len(home.adapter_notices()) == 1
        assert home.resets == []
        home.assert_calm()
        await home.emulated.clear_faults()
        back = home.clock.now()
        await home.clock.until(
            lambda: home.good_polls and home.good_polls[-1] > back, 5 * MINUTE
        )
        await home.clock.until(lambda: not home.shown(), 30 * MINUTE)


async def test_setup_error(
    hass: HomeAssistant, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Home Assistant's entry failed for good (core#144160): it is loaded again."""
    with monkeypatch.context() as patch:
        patch.setattr(
            "homeassistant.components.bluetooth.HaScanner",
            Mock(side_effect=AssertionError),
        )
        await hass.config_entries.async_reload(home.bluetooth.entry_id)
    assert home.bluetooth.state is ConfigEntryState.SETUP_ERROR
    failed = home.clock.now()
    await home.clock.until(
        lambda: home.good_polls and home.good_polls[-1] > failed, 10 * MINUTE
    )
    assert home.resets == []
    home.assert_calm()
