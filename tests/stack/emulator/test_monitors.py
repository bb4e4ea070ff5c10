# SPDX-License-Identifier: Apache-2.0
"""Advertisement monitors as clients other than bleak use them."""

import asyncio
from typing import Any

from dbus_fast import Message, MessageType, Variant
import pytest

from tests.emulator import EmulatedWorld
from tests.emulator.bluez_names import MONITOR, MONITOR_MANAGER
from tests.emulator.monitors import patterns_of

from .dbus_client import HCI0, CallFailed, Client, connected

DONGLE = f"{HCI0}/dev_6C_B2_FD_A1_B2_C3"
APPLICATION = "/app"
FLAGS_06 = [[0, 1, b"\x06"]]


class MonitorApplication:
    """A client whose object manager tells one monitor from the beginning."""

    def __init__(self, client: Client, kind: str = "or_patterns") -> None:
        """Answer for the objects of a client."""
        self.calls: list[tuple[str, list[Any]]] = []
        self._client = client
        self._kind = kind
        self.news = asyncio.Event()
        client.bus.add_message_handler(self._handle)

    def _handle(self, message: Message) -> Message | bool:
        if message.message_type is not MessageType.METHOD_CALL:
            return False
        if message.member == "GetManagedObjects":
            properties = {
                "Type": Variant("s", self._kind),
                "Patterns": Variant("a(yyay)", FLAGS_06),
            }
            return Message.new_method_return(
                message,
                "a{oa{sa{sv}}}",
                [{f"{APPLICATION}/monitor": {MONITOR: properties}}],
            )
        self.calls.append((message.member or "", message.body))
        self.news.set()
        return True

    async def until_called(self, member: str) -> list[Any]:
        """Wait for a call; return its arguments."""
        async with asyncio.timeout(2):
            while True:
                for called, body in self.calls:
                    if called == member:
                        return body
                self.news.clear()
                await self.news.wait()

    async def register(self) -> None:
        """Register the application."""
        await self._client.call(
            "RegisterMonitor", "o", APPLICATION, interface=MONITOR_MANAGER
        )


async def test_monitor_is_activated_and_told(client: Client) -> None:
    """A monitor is activated, told of each device and of its end."""
    application = MonitorApplication(client)
    await application.register()
    await application.until_called("Activate")
    assert await application.until_called("DeviceFound") == [DONGLE]
    await client.call(
        "RemoveDevice",
        "o",
        DONGLE,
    )
    assert await application.until_called("DeviceLost") == [DONGLE]


async def test_monitor_of_unknown_type_is_released(client: Client) -> None:
    """A monitor that BlueZ cannot use is released."""
    application = MonitorApplication(client, "everything")
    await application.register()
    await application.until_called("Release")
    assert [member for member, _ in application.calls] == ["Release"]


async def test_application_is_registered_once(client: Client) -> None:
    """The same path twice exists already; what is not registered does not exist."""
    application = MonitorApplication(client)
    await application.register()
    with pytest.raises(CallFailed, match="AlreadyExists"):
        await application.register()
    await client.call("UnregisterMonitor", "o", APPLICATION, interface=MONITOR_MANAGER)
    with pytest.raises(CallFailed, match="DoesNotExist"):
        await client.call(
            "UnregisterMonitor", "o", APPLICATION, interface=MONITOR_MANAGER
        )


async def test_monitors_end_with_their_sender(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """A client that leaves the bus takes its monitors along."""
    monitors = emulated_world.adapter().monitors
    async with connected(emulated_world.bus.address) as leaving:
        application = MonitorApplication(leaving)
        await application.register()
        await application.until_called("Activate")
        assert monitors.owners() == [leaving.bus.unique_name]
    async with asyncio.timeout(2):
        while monitors.owners():
            await client.get("Powered")
    assert not monitors.has_active


async def test_monitors_survive_a_power_cycle(client: Client) -> None:
    """Passive scanning goes on by itself after the power was off."""
    application = MonitorApplication(client)
    await application.register()
    await application.until_called("DeviceFound")
    await client.power(on=False)
    assert DONGLE not in await client.objects()
    application.calls.clear()
    await client.power(on=True)
    await application.until_called("DeviceFound")
    assert DONGLE in await client.objects()


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"Type": Variant("s", "or_patterns")},
        {"Type": Variant("s", "or_patterns"), "Patterns": Variant("a(yyay)", [])},
        {"Type": Variant("s", "or_patterns"), "Patterns": Variant("as", ["x"])},
        {
            "Type": Variant("s", "or_patterns"),
            "Patterns": Variant("a(yyay)", [[0, 1, b""]]),
        },
        {
            "Type": Variant("s", "or_patterns"),
            "Patterns": Variant("a(yyay)", [[31, 1, b"x"]]),
        },
    ],
)
def test_unusable_monitors(properties: dict[str, Variant]) -> None:
    """Without type, patterns or contents a monitor is not usable."""
    assert patterns_of(properties) is None
