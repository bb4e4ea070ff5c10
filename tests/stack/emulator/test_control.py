# SPDX-License-Identifier: Apache-2.0
"""The control interface: another process on the bus steers the world."""

import json
from typing import Any

import pytest

from tests.emulator import FAULTS, EmulatedWorld
from tests.emulator.control import INTERFACE, PATH, SERVICE
from tests.emulator.dbus_connection import disconnected

from .dbus_client import HCI0, CallFailed, Client, connected

MAC = "6C:B2:FD:A1:B2:C3"


async def steer(client: Client, member: str, *arguments: str) -> Any:
    """Call the control interface."""
    return await client.call(
        member,
        "s" * len(arguments),
        *arguments,
        destination=SERVICE,
        path=PATH,
        interface=INTERFACE,
    )


async def test_faults_are_set_listed_and_cleared(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """A fault set over the bus is on, is listed with its parameters, and goes."""
    await steer(client, "SetFault", "late-reply", '{"unit": 49, "delay": 0.3}')
    told = json.loads(await steer(client, "Faults"))
    assert [row["name"] for row in told["known"]] == list(FAULTS)
    assert told["active"] == [
        {
            "name": "late-reply",
            "parameters": {"link": None, "unit": 49, "delay": 0.3, "every": 1},
        }
    ]
    await steer(client, "ClearFault", "late-reply")
    assert list(emulated_world.active_faults()) == []


async def test_all_faults_are_cleared_at_once(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """ClearFaults ends every fault, with all its consequences."""
    await steer(client, "SetFault", "powered-off", "")
    await steer(client, "SetFault", "silent", "{}")
    await steer(client, "ClearFaults")
    assert list(emulated_world.active_faults()) == []
    assert await client.get("Powered") is True


@pytest.mark.parametrize(
    ("member", "arguments", "message"),
    [
        ("SetFault", ("surprise", ""), "surprise: no such fault"),
        ("SetFault", ("silent", "{"), "silent: the parameters are not JSON"),
        ("SetFault", ("silent", '{"unit": -1}'), "silent.unit: must be 0 to 255"),
        ("SetFault", ("renumbered", '{"to": "hci0"}'), "renumbered.to: hci0 is not"),
        ("ClearFault", ("surprise",), "surprise: no such fault"),
    ],
)
async def test_wrong_use_is_answered_with_the_reason(
    client: Client, member: str, arguments: tuple[str, ...], message: str
) -> None:
    """What cannot be is refused with its reason."""
    with pytest.raises(CallFailed) as caught:
        await steer(client, member, *arguments)
    assert caught.value.name == "org.renogy_bt.Emulator.Error.Fault"
    assert caught.value.text.startswith(message)


@pytest.mark.parametrize(
    ("member", "arguments", "path"),
    [("Surprise", (), PATH), ("SetFault", ("silent",), PATH), ("Faults", (), "/")],
)
async def test_unknown_methods_are_unknown(
    client: Client, member: str, arguments: tuple[str, ...], path: str
) -> None:
    """A method that there is not is answered as such."""
    with pytest.raises(CallFailed, match="Unknown"):
        await client.call(
            member,
            "s" * len(arguments),
            *arguments,
            destination=SERVICE,
            path=path,
            interface=INTERFACE,
        )


async def test_statistics_are_told(client: Client) -> None:
    """The counters of every link are told."""
    told = json.loads(await steer(client, "Statistics"))
    assert told[MAC]["connects"] == told[MAC]["writes"] == 0


async def test_hung_bluetoothd_can_be_steered(client: Client) -> None:
    """The control interface works while bluetoothd hangs."""
    await steer(client, "SetFault", "bluetoothd-hung", "")
    await steer(client, "ClearFault", "bluetoothd-hung")
    assert await client.get("Powered") is True


async def test_bus_restart_is_answered_before_it_begins(
    client: Client, emulated_world: EmulatedWorld
) -> None:
    """Who asks for the bus to be killed gets an answer first."""
    await steer(client, "SetFault", "bus-restart", '{"seconds": 0.01}')
    await disconnected(client.bus)
    for fault in list(emulated_world.active_faults()):
        await emulated_world.fault_ended(fault)
    async with connected(emulated_world.bus.address) as again:
        assert json.loads(await steer(again, "Faults"))["active"] == []
        assert HCI0 in await again.objects()
