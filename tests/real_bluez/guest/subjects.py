# SPDX-License-Identifier: Apache-2.0
"""Who reads the batteries: the integration, or a poller that only knows Home Assistant."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final, Protocol

from bleak.exc import BleakError
import bleak_retry_connector

from custom_components.renogy_bt.const import SUBENTRY_TYPE_LINK
from custom_components.renogy_bt.links.coordinator import LinkCoordinator
from custom_components.renogy_bt.links.settings import LinkSettings
from homeassistant.components import bluetooth
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from tests.emulator import modbus
from tests.emulator.gatt_profile import REPLY_CHARACTERISTIC, REQUEST_CHARACTERISTIC
from tests.emulator.world import Link
from tests.real_bluez.timing import ONE_INTERVAL

from .event_log import EventLog
from .home_assistant import DOMAIN, NotSetUp
from .reads import Reads

SETTLE_LIMIT: Final = 120.0
_PLAIN_LIMIT: Final = 60.0
_REPLY_LIMIT: Final = 2.0
_FIRST_REGISTER: Final = 5000
_REGISTERS: Final = 53
_BYTES: Final = 5 + 2 * _REGISTERS


class Subject(Protocol):
    """Reads the batteries every `ONE_INTERVAL`, from `set_up` on until `stop`."""

    async def set_up(self) -> None:
        """Find the dongle and begin; raises `NotSetUp`."""

    async def stop(self) -> None:
        """End."""


class PlainPoller:
    """Polls through Home Assistant's Bluetooth stack, as a simple integration does."""

    def __init__(
        self, hass: HomeAssistant, link: Link, reads: Reads, log: EventLog
    ) -> None:
        """Prepare; nothing is read before `set_up`."""
        self._hass = hass
        self._link = link
        self._reads = reads
        self._log = log
        self._task: asyncio.Task[None] | None = None

    async def set_up(self) -> None:
        """Begin to poll, once the dongle has been heard; raises `NotSetUp`."""
        try:
            async with asyncio.timeout(SETTLE_LIMIT):
                while not bluetooth.async_address_present(
                    self._hass, self._link.address
                ):
                    await asyncio.sleep(0.5)
        except TimeoutError as error:
            raise NotSetUp("the dongle was not heard") from error
        self._task = self._hass.async_create_background_task(self._run(), "plain poll")

    async def stop(self) -> None:
        """End the polling."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            next_poll = self._hass.loop.time() + ONE_INTERVAL
            try:
                async with asyncio.timeout(_PLAIN_LIMIT):
                    await self._poll()
            except (TimeoutError, BleakError, OSError) as error:
                self._log.write("poll failed", error=repr(error)[:300])
            await asyncio.sleep(max(0.0, next_poll - self._hass.loop.time()))

    async def _poll(self) -> None:
        device = bluetooth.async_ble_device_from_address(
            self._hass, self._link.address, connectable=True
        )
        if device is None:
            raise BleakError("not heard")
        # Home Assistant has put its own client there: looked up now, as by an integration
        # that is loaded after Bluetooth.
        client = await bleak_retry_connector.establish_connection(
            bleak_retry_connector.BleakClientWithServiceCache, device, self._link.name
        )
        try:
            replies: asyncio.Queue[bytes] = asyncio.Queue()
            await client.start_notify(
                REPLY_CHARACTERISTIC, lambda _, data: replies.put_nowait(bytes(data))
            )
            for unit in self._link.units:
                request = modbus.read_request(unit, _FIRST_REGISTER, _REGISTERS)
                await client.write_gatt_char(
                    REQUEST_CHARACTERISTIC, request, response=False
                )
                frame = b""
                async with asyncio.timeout(_REPLY_LIMIT):
                    while len(frame) < _BYTES:
                        frame += await replies.get()
                if modbus.has_valid_crc(frame) and frame[0] == unit:
                    self._reads.read(unit)
        finally:
            await client.disconnect()


class Integration:
    """The integration itself, set up through its own flow; seen from outside."""

    def __init__(
        self,
        hass: HomeAssistant,
        link: Link,
        reads: Reads,
        log: EventLog,
        interval: float,
        *,
        kept: bool,
        wanted: Collection[str] = (),
    ) -> None:
        """Begin to watch for readings, which come every `interval` seconds.

        Readings over a link that is `kept` connected count from when it is kept. `wanted` are
        further sensors of each battery that are to be enabled.
        """
        self._wanted = ("last_read", *wanted)
        self._interval = interval
        self._kept = kept
        self._hass = hass
        self._link = link
        self._reads = reads
        self._log = log
        self._last_read: dict[str, str] = {}
        self._unlisten: Callable[[], None] = hass.bus.async_listen(
            EVENT_STATE_CHANGED, self._state_changed
        )

    async def set_up(self) -> None:
        """Confirm the discovery and finish the flow; raises `NotSetUp`.

        A Home Assistant that was killed knows the bank already.
        """
        if self._hass.config_entries.async_entries(DOMAIN):
            return
        self._want_sensors()
        flow_id = await self._discovered()
        flows = self._hass.config_entries.flow
        while True:
            result = await flows.async_configure(flow_id, {})
            match result["type"]:
                case FlowResultType.CREATE_ENTRY:
                    break
                case FlowResultType.SHOW_PROGRESS:
                    await asyncio.sleep(0.1)
                case FlowResultType.FORM if not result.get("errors"):
                    pass
                case FlowResultType.SHOW_PROGRESS_DONE:
                    pass
                case _:
                    raise NotSetUp(f"the flow ended: {result}")
        await self._hass.async_block_till_done(wait_background_tasks=False)
        if self._kept:
            await self._keep_connected()
        elif self._interval != ONE_INTERVAL:
            await self._set_interval()
        self._log.write("set up")

    def _want_sensors(self) -> None:
        """Have these sensors enabled, which are off by default, as a user would have."""
        registry = er.async_get(self._hass)
        for unit in self._link.units:
            for key in self._wanted:
                registry.async_get_or_create(
                    "sensor", DOMAIN, f"{self._link.address.lower()}_{unit}_{key}"
                )

    async def _set_interval(self) -> None:
        (entry,) = self._hass.config_entries.async_entries(DOMAIN)
        self._hass.config_entries.async_update_entry(
            entry, options={**entry.options, "update_interval": int(self._interval)}
        )
        await self._hass.async_block_till_done(wait_background_tasks=False)

    async def _keep_connected(self) -> None:
        """Have the link kept connected, and follow its polls.

        The sensor that is followed else moves with every tenth of these polls.
        """
        (entry,) = self._hass.config_entries.async_entries(DOMAIN)
        (subentry,) = entry.get_subentries_of_type(SUBENTRY_TYPE_LINK)
        settings = replace(
            LinkSettings.from_subentry(subentry), kept_interval=int(self._interval)
        )
        self._hass.config_entries.async_update_subentry(
            entry, subentry, data=settings.as_data()
        )
        await self._hass.async_block_till_done(wait_background_tasks=False)
        link: LinkCoordinator = entry.runtime_data.links[self._link.address]

        @callback
        def polled() -> None:
            for unit in link.fresh:
                self._reads.read(unit)

        link.async_add_listener(polled)

    async def stop(self) -> None:
        """Stop watching; Home Assistant's own stop ends the rest."""
        self._unlisten()

    async def _discovered(self) -> str:
        try:
            async with asyncio.timeout(SETTLE_LIMIT):
                while True:
                    for flow in self._hass.config_entries.flow.async_progress():
                        if flow["handler"] == DOMAIN:
                            return flow["flow_id"]
                    await asyncio.sleep(0.5)
        except TimeoutError as error:
            raise NotSetUp("the dongle was not discovered") from error

    @callback
    def _state_changed(self, event: Event[EventStateChangedData]) -> None:
        """Take a new "last read" for a reading of that battery."""
        new = event.data["new_state"]
        if self._kept or new is None or new.state in (STATE_UNAVAILABLE, STATE_UNKNOWN):
            return
        entry = er.async_get(self._hass).async_get(new.entity_id)
        if (
            entry is None
            or entry.platform != DOMAIN
            or entry.translation_key != "last_read"
        ):
            return
        if self._last_read.get(new.entity_id) == new.state:
            return
        self._last_read[new.entity_id] = new.state
        self._log.write("read", entity=new.entity_id)
        self._reads.read(self._unit_of(entry.unique_id))

    def _unit_of(self, unique_id: str) -> int:
        for unit in self._link.units:
            if str(unit) in unique_id.replace("-", "_").split("_"):
                return unit
        raise NotSetUp(f"{unique_id}: which battery is it?")
