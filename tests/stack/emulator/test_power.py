# SPDX-License-Identifier: Apache-2.0
"""The adapter's power over D-Bus."""

import asyncio
from dataclasses import replace

from dbus_fast import Variant
import pytest

from tests.emulator import EmulatedWorld, World
from tests.emulator.bluez_names import DEVICE

from .dbus_client import HCI0, CallFailed, Client

DONGLE = f"{HCI0}/dev_6C_B2_FD_A1_B2_C3"


async def test_power_cycle_ends_what_ran(client: Client) -> None:
    """Power off drops sessions, temporary devices and links, power on brings none back."""
    await client.call("StartDiscovery")
    await client.until(lambda: DONGLE in client.objects_named("InterfacesAdded"))
    await client.power(on=False)
    assert await client.get("Powered") is False
    assert await client.get("PowerState") == "off"
    assert await client.get("Discovering") is False
    assert DONGLE not in await client.objects()
    await client.power(on=True)
    assert await client.get("Powered") is True
    assert await client.get("PowerState") == "on"
    assert await client.get("Discovering") is False
    assert client.changes(HCI0, "PowerState") == [
        "on-disabling",
        "off",
        "off-enabling",
        "on",
    ]
    with pytest.raises(CallFailed, match="No discovery started"):
        await client.call("StopDiscovery")
    await client.call("StartDiscovery")


async def test_power_off_breaks_links(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """A link does not survive its adapter's power; its device does."""
    await client.call("StartDiscovery")
    await client.until(lambda: DONGLE in client.objects_named("InterfacesAdded"))
    await client.call("Connect", path=DONGLE, interface=DEVICE)
    await client.power(on=False)
    assert client.changes(DONGLE, "Connected") == [True, False]
    assert emulated_world.peripheral("6C:B2:FD:A1:B2:C3").central is None
    with pytest.raises(CallFailed, match="Input/output error"):
        await client.call("Connect", path=DONGLE, interface=DEVICE)


@pytest.mark.parametrize("member", ["StartDiscovery", "StopDiscovery"])
async def test_discovery_needs_power(client: Client, member: str) -> None:
    """Without power discovery is not ready."""
    await client.power(on=False)
    with pytest.raises(CallFailed, match=r"NotReady: Resource Not Ready"):
        await client.call(member)


async def test_switching_to_what_is_changes_nothing(client: Client) -> None:
    """Setting the power that is there succeeds and is not signalled."""
    await client.power(on=True)
    assert client.changes(HCI0, "Powered") == []


async def test_switching_twice_at_once_is_busy(client: Client) -> None:
    """A second switch while the first is under way is refused."""
    first = asyncio.create_task(client.power(on=False))
    await asyncio.sleep(0)
    with pytest.raises(CallFailed, match="Busy"):
        await client.power(on=False)
    await first


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("Address", Variant("s", "00:00:00:00:00:00"), "PropertyReadOnly"),
        ("Powered", Variant("s", "on"), "PropertyReadOnly"),
        ("Surprise", Variant("s", "x"), "InvalidArguments"),
    ],
)
async def test_what_cannot_be_set_is_refused(
    client: Client, name: str, value: Variant, error: str
) -> None:
    """Only what BlueZ lets one set is set."""
    with pytest.raises(CallFailed, match=error):
        await client.set(name, value)


async def test_alias_can_be_set(client: Client) -> None:
    """The alias is kept and signalled."""
    await client.set("Alias", Variant("s", "boat"))
    assert await client.get("Alias") == "boat"
    assert client.changes(HCI0, "Alias") == ["boat"]


class TestSlowController:
    """A controller that takes its time to begin a scan."""

    @pytest.fixture
    def world(self, world: World) -> World:
        """Return the world with slow starts."""
        return replace(world, timing=replace(world.timing, discovery=0.5))

    async def test_power_off_answers_a_waiting_start(self, client: Client) -> None:
        """A StartDiscovery that waits is answered InProgress when the power goes."""
        starting = asyncio.create_task(client.call("StartDiscovery"))
        await asyncio.sleep(0.05)
        with pytest.raises(CallFailed, match="InProgress"):
            await client.call("StopDiscovery")
        await client.power(on=False)
        with pytest.raises(CallFailed, match="InProgress"):
            await starting
        assert client.changes(HCI0, "Discovering") == [False]
