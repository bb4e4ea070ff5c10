# SPDX-License-Identifier: Apache-2.0
"""A connection to a real dbus-daemon: what it refuses, and how it ends."""

import asyncio

from dbus_fast.aio import MessageBus
import pytest

from custom_components.renogy_bt.bluez.exceptions import BusUnavailable
from custom_components.renogy_bt.bluez.models import BusFault
from custom_components.renogy_bt.bluez.system_bus import SystemBus
from tests.emulator import PrivateBus

FOREIGN_USER = "54321"
SILENT = "com.example.Silent"


@pytest.fixture
def address(bus: PrivateBus) -> str:
    """Return the address of a bus that runs."""
    if not bus.is_running:
        bus.start()
    return bus.address


async def test_bus_that_does_not_let_us_in(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused user id is told apart from a bus that is down."""
    monkeypatch.setenv("BLEAK_DBUS_AUTH_UID", FOREIGN_USER)
    with pytest.raises(BusUnavailable) as caught:
        await SystemBus.open(address)
    assert caught.value.bus_fault is BusFault.ACCESS_DENIED


async def test_nothing_is_called_on_a_closed_connection(address: str) -> None:
    """Who calls after the end is told so at once."""
    bus = await SystemBus.open(address)
    bus.close()
    await bus.closed()
    assert not bus.connected
    with pytest.raises(BusUnavailable):
        await bus.call_bus("GetId")


async def test_bus_that_ends_while_an_answer_is_waited_for(
    address: str, bus: PrivateBus
) -> None:
    """A call does not outlive the bus."""
    silent = await MessageBus(bus_address=address).connect()
    await silent.request_name(SILENT)
    silent.add_message_handler(lambda _: True)
    caller = await SystemBus.open(address)
    call = asyncio.create_task(
        caller.call(SILENT, "/", "com.example.Silent", "Wait", limit=None)
    )
    await asyncio.sleep(0)
    bus.kill()
    async with asyncio.timeout(5):
        with pytest.raises(BusUnavailable):
            await call
        with pytest.raises(BusUnavailable):
            await caller.closed()
    caller.close()
    silent.disconnect()
