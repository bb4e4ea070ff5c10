# SPDX-License-Identifier: Apache-2.0
"""The device library through unmodified bleak, on the emulated world."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from functools import partial

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
import pytest

from custom_components.renogy_bt.renogy.exceptions import (
    DeviceKind,
    LinkSilent,
    LinkUnreachable,
    NotABattery,
)
from custom_components.renogy_bt.renogy.families import STANDARD, family_of
from custom_components.renogy_bt.renogy.link import RenogyLink
from custom_components.renogy_bt.renogy.models import ReadingFailure
from custom_components.renogy_bt.renogy.probe import probe_link
from custom_components.renogy_bt.renogy.transport import connect
from tests.emulator import EmulatedWorld, Kind, Link, World, load_world
from tests.emulator.__main__ import WORLDS

from .conftest import still

MAC = "6C:B2:FD:A1:B2:C3"
NAME = "BT-TH-FDA1B2C3"
UNITS = (48, 49, 50, 51)


async def _heard(address: str) -> BLEDevice:
    device = await BleakScanner.find_device_by_address(address, timeout=5)
    assert device is not None
    return device


@pytest.fixture(autouse=True)
def fast_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library be as impatient as the world is fast."""
    library = "custom_components.renogy_bt.renogy"
    monkeypatch.setattr(f"{library}.line.SHORTEST_LIMIT", 0.2)
    for module in ("line", "probe"):
        monkeypatch.setattr(f"{library}.{module}.LONGEST_LIMIT", 0.5)
    monkeypatch.setattr(f"{library}.probe.FIRST_ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(f"{library}.probe.SHORTEST_WAIT", 0.2)
    monkeypatch.setattr(f"{library}.transport.CONNECT_SECONDS", 3.0)


@pytest.fixture
async def device(emulated_world: EmulatedWorld) -> BLEDevice:
    """Return the dongle, heard by a scan."""
    return await _heard(MAC)


@pytest.fixture
async def link(device: BLEDevice) -> AsyncGenerator[RenogyLink]:
    """Return the link to the owner's four batteries."""
    link = RenogyLink(NAME, UNITS, partial(connect, device, NAME), family=STANDARD)
    yield link
    await link.close()


async def test_four_batteries_are_probed_and_read(
    device: BLEDevice, link: RenogyLink, emulated_world: EmulatedWorld
) -> None:
    """Everything from connecting to readings works, by reads only."""
    report = await probe_link(partial(connect, device, NAME), STANDARD)
    assert tuple(battery.unit for battery in report.batteries) == UNITS
    assert {battery.model for battery in report.batteries} == {"RBT50LFP48S"}
    polled = await link.poll()
    assert polled.failed == {}
    assert tuple(polled.readings) == UNITS
    assert polled.readings[48].total_capacity == 50.0
    assert polled.readings[48].cell_voltage_min == 3.2
    assert polled.configurations[48].cell_over_voltage == 3.7
    statistics = emulated_world.statistics()[MAC]
    assert statistics.writes == 0
    assert statistics.violations == []


async def test_a_warm_poll_is_as_fast_as_the_line(
    link: RenogyLink, emulated_world: EmulatedWorld
) -> None:
    """Eight requests, and hardly a moment in which the line waits for the library."""
    await link.poll()
    await link.close()
    before = replace(emulated_world.statistics()[MAC])
    statistics = (await link.poll()).statistics
    after = emulated_world.statistics()[MAC]
    assert after.requests - before.requests == 8
    assert statistics.requests == 8
    reading = statistics.seconds - statistics.connect_seconds
    # Ten times as fast as real, so what the computer takes weighs ten times as much.
    assert reading < after.reply_seconds - before.reply_seconds + 8 * 0.05


async def test_faults_of_batteries(
    link: RenogyLink, emulated_world: EmulatedWorld
) -> None:
    """Faults of one battery show in its own state, and never as wrong values."""
    good = (await link.poll()).readings
    for name, parameters, failure in (
        ("late-reply", {"delay": 0.1}, None),
        ("glued-notifications", {}, None),
        ("fragmented-notifications", {"gap": 0.001}, None),
        ("wide-read-refused", {"words": 34}, None),
        ("wrong-crc", {}, ReadingFailure.SILENT),
        ("all-ff-reply", {}, ReadingFailure.INVALID),
        ("foreign-unit", {}, ReadingFailure.SILENT),
        ("id-collision", {}, ReadingFailure.SILENT),
    ):
        await emulated_world.set_fault(name, unit=49, **parameters)
        report = await link.poll()
        assert report.failed.get(49) is failure, name
        assert set(report.failed) <= {49}, name
        for unit, reading in report.readings.items():
            assert reading.voltage == good[unit].voltage
            assert reading.remaining_capacity == good[unit].remaining_capacity
        await emulated_world.clear_fault(name)
        assert (await link.poll()).failed == {}, name


async def test_a_link_that_breaks_in_mid_reply(
    link: RenogyLink, emulated_world: EmulatedWorld
) -> None:
    """What was read before is kept, and the next poll connects again."""
    await link.poll()
    await emulated_world.set_fault("disconnect-mid-reply", unit=50)
    report = await link.poll()
    assert report.failed == {
        50: ReadingFailure.LINK_LOST,
        51: ReadingFailure.LINK_LOST,
    }
    await emulated_world.clear_faults()
    assert (await link.poll()).failed == {}


async def test_a_wedged_dongle(link: RenogyLink, emulated_world: EmulatedWorld) -> None:
    """It connects and takes requests, and is silent."""
    await link.poll()
    await emulated_world.set_fault("dongle-wedged")
    with pytest.raises(LinkSilent):
        await link.poll()


async def test_a_link_held_by_somebody_else(
    link: RenogyLink, emulated_world: EmulatedWorld
) -> None:
    """The owner's app keeps us out; a reason is given, in bounded time."""
    await emulated_world.set_fault("held-by-other-central")
    with pytest.raises(LinkUnreachable) as caught:
        await link.poll()
    assert str(caught.value)
    await emulated_world.clear_faults()
    assert (await link.poll()).failed == {}


async def test_services_are_read_anew_after_bluetoothd_was_restarted(
    link: RenogyLink, emulated_world: EmulatedWorld
) -> None:
    """The stale service cache that a crash of bluetoothd leaves costs no poll."""
    await link.poll()
    await link.close()
    fault = await emulated_world.set_fault("bluetoothd-restart", seconds=0.1)
    await emulated_world.fault_ended(fault)
    await _heard(MAC)
    assert (await link.poll()).failed == {}


class TestFamilies:
    """Battery families side by side."""

    @pytest.fixture
    def world(self) -> World:
        """Return the world of all families, ten times as fast."""
        return still(load_world(WORLDS / "families.json")).with_timing(0.1)

    async def test_every_link_is_probed_and_read(
        self, emulated_world: EmulatedWorld
    ) -> None:
        """Whatever the family, what is found can be read and is believed."""
        for link in emulated_world.world.links:
            if link.kind != "battery":
                continue
            device = await _heard(link.address)
            connector = partial(connect, device, link.name)
            family = family_of(link.name)
            found = await probe_link(connector, family)
            units = [battery.unit for battery in found.batteries]
            assert len(units) == len(link.units), link.name
            bank = RenogyLink(link.name, units, connector, family=family)
            report = await bank.poll()
            await bank.close()
            assert report.failed == {}, link.name
            for reading in report.readings.values():
                assert reading.status.problem is False, link.name


class TestOtherDevices:
    """Peripherals that look like a dongle and have no battery behind them."""

    @pytest.fixture
    def world(self, world: World) -> World:
        """Return a world with one link of each other kind."""
        kinds = (Kind.CHARGE_CONTROLLER, Kind.INVERTER, Kind.SILENT)
        return replace(
            world,
            links=tuple(
                Link(name=NAME, address=f"{MAC[:-1]}{index}", kind=kind)
                for index, kind in enumerate(kinds)
            ),
        )

    async def test_they_are_refused(self, emulated_world: EmulatedWorld) -> None:
        """Each is called what it is, and silence is called silence."""
        controller, inverter, silent = [
            await _heard(link.address) for link in emulated_world.world.links
        ]
        for device, kind in (
            (controller, DeviceKind.CHARGE_CONTROLLER),
            (inverter, DeviceKind.INVERTER),
        ):
            with pytest.raises(NotABattery) as caught:
                await probe_link(partial(connect, device, NAME), STANDARD)
            assert caught.value.kind is kind
        with pytest.raises(LinkSilent):
            await probe_link(partial(connect, silent, NAME), STANDARD)
