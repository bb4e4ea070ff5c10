# SPDX-License-Identifier: Apache-2.0
"""Performs the steps of a scenario in the guest."""

import asyncio
from collections.abc import Coroutine, Sequence
import os
import signal
from typing import Any, Final

import bleak
import bleak_retry_connector

from homeassistant.components import bluetooth
from homeassistant.const import CONF_MODE
from homeassistant.core import HomeAssistant
from tests.real_bluez import steps
from tests.real_bluez.order import Host, Route
from tests.real_bluez.radio.control import ask
from tests.real_bluez.steps import BluetoothEntry

from .event_log import EventLog
from .home_assistant import choose_scanners
from .management import (
    LOW_ENERGY,
    OFF,
    ON,
    SET_POWERED,
    START_DISCOVERY,
    STOP_DISCOVERY,
    management,
)
from .places import RADIO_SOCKET, SERVICES_SOCKET
from .system_bus import CallFailed, SystemBus

RIVAL_PAUSE: Final = 2.0
CONNECTED_LIMIT: Final = 180.0


class Stage:
    """What steps act on."""

    def __init__(
        self,
        hass: HomeAssistant,
        host: Host,
        entry_id: str,
        neighbours: Sequence[str],
        log: EventLog,
    ) -> None:
        """Take Home Assistant, the entry of its adapter, and whom others connect to."""
        self._hass = hass
        self._host = host
        self._route = host.route
        self._entry_id = entry_id
        self._neighbours = neighbours
        self._log = log
        self._others: list[bleak.BleakClient] = []
        self._rival: SystemBus | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def perform(self, step: steps.Step) -> None:
        """Perform one step."""
        self._log.write("step", step=str(step))
        match step:
            case steps.Radio(request):
                await ask(RADIO_SOCKET, request)
            case steps.Service(request):
                await ask(SERVICES_SOCKET, request)
            case steps.Wait(seconds):
                await asyncio.sleep(seconds)
            case steps.Rfkill(blocked):
                await ask(SERVICES_SOCKET, f"rfkill {blocked:d}")
            case steps.Power(powered, adapter):
                await self._set_power(adapter, powered=powered)
            case steps.RivalDiscovery(times, adapter):
                await self._rival_discovery(adapter, times)
            case steps.RivalCommand(starts, adapter):
                opcode = START_DISCOVERY if starts else STOP_DISCOVERY
                await self._command(opcode, adapter, LOW_ENERGY)
            case steps.Connected(adapter):
                await self._connected(adapter)
            case steps.Entry(action):
                await self._act_on_entry(action)
            case steps.ScanMode(mode):
                await self._set_scan_mode(mode)
            case steps.OtherPath():
                await self._take_other_path()
            case steps.OccupySlots():
                await self._occupy_slots()
            case steps.FreeSlots():
                await self._free_slots()
            case steps.Kill():
                os.kill(os.getpid(), signal.SIGKILL)
            case steps.ActiveScan():
                self._spawn(
                    bluetooth.async_request_active_scan(self._hass), "active scan"
                )

    async def close(self) -> None:
        """Let the rival leave the bus."""
        if self._rival is not None:
            self._rival.close()
        for task in self._tasks:
            task.cancel()

    async def _take_other_path(self) -> None:
        is_direct = self._route is Route.DIRECT
        self._route = Route.BLUETOOTHD if is_direct else Route.DIRECT
        choose_scanners(self._route)
        await self._reload(self._route)

    async def _set_scan_mode(self, mode: str) -> None:
        entries = self._hass.config_entries
        entry = entries.async_get_known_entry(self._entry_id)
        entries.async_update_entry(entry, options={**entry.options, CONF_MODE: mode})
        await self._reload(mode)

    async def _reload(self, action: str) -> None:
        result = await self._hass.config_entries.async_reload(self._entry_id)
        self._log.write("done", action=action, result=result)

    async def _occupy_slots(self) -> None:
        """Connect to all neighbours, as an integration does that keeps its connections."""
        for address in self._neighbours:
            device = bluetooth.async_ble_device_from_address(
                self._hass, address, connectable=True
            )
            assert device is not None, f"{address} is not heard"
            self._others.append(
                await bleak_retry_connector.establish_connection(
                    bleak_retry_connector.BleakClientWithServiceCache, device, address
                )
            )

    async def _free_slots(self) -> None:
        while self._others:
            await self._others.pop().disconnect()

    async def _connected(self, adapter: int) -> None:
        async with asyncio.timeout(CONNECTED_LIMIT):
            while not (await ask(RADIO_SOCKET, "status"))["adapters"][adapter]["links"]:
                await asyncio.sleep(0.05)

    async def _act_on_entry(self, action: BluetoothEntry) -> None:
        entries = self._hass.config_entries
        match action:
            case BluetoothEntry.UNLOAD:
                result = await entries.async_unload(self._entry_id)
                self._log.write("done", action=action, result=result)
            case BluetoothEntry.SET_UP:
                self._spawn(entries.async_setup(self._entry_id), action)
            case BluetoothEntry.RELOAD:
                self._spawn(entries.async_reload(self._entry_id), action)

    def _spawn(self, coroutine: Coroutine[Any, Any, Any], action: str) -> None:
        def done(task: asyncio.Task[Any]) -> None:
            self._tasks.discard(task)
            if not task.cancelled():
                result = task.exception() or task.result()
                self._log.write("done", action=action, result=result)

        task = self._hass.async_create_background_task(coroutine, f"scenario {action}")
        self._tasks.add(task)
        task.add_done_callback(done)

    async def _set_power(self, adapter: str, *, powered: bool) -> None:
        if not self._host.bluetoothd:
            await self._command(SET_POWERED, adapter, ON if powered else OFF)
            return
        bus = await SystemBus.connect()
        try:
            await bus.set_powered(adapter, powered=powered)
        finally:
            bus.close()

    async def _command(self, opcode: int, adapter: str, contents: bytes) -> None:
        index = int(adapter.removeprefix("hci"))
        async with management() as socket:
            status, _ = await socket.command(opcode, index, contents)
        self._log.write("command", opcode=hex(opcode), status=hex(status))

    async def _rival_discovery(self, adapter: str, times: int) -> None:
        if self._rival is None:
            self._rival = await SystemBus.connect()
        for _ in range(times):
            try:
                await self._rival.adapter_call(adapter, "StartDiscovery")
                answer = "success"
            except (CallFailed, TimeoutError) as error:
                answer = repr(error)
            self._log.write("rival", answer=answer)
            await asyncio.sleep(RIVAL_PAUSE)
