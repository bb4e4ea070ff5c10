# SPDX-License-Identifier: Apache-2.0
"""What of our own objects tests look at, or put in place, that nobody else is to know.

The only file of the tests that does so, as `supervisor/neighbours.py` is the only one of the
integration: when an attribute is renamed, nothing but this is to be changed.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from dbus_fast.aio import MessageBus

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.adapter_health.status import (
    AdapterEvent,
    AdapterStatus,
)
from custom_components.renogy_bt.bluez.system_bus import SystemBus
from custom_components.renogy_bt.bluez.watcher import BlueZWatcher
from custom_components.renogy_bt.links.coordinator import LinkCoordinator
from custom_components.renogy_bt.links.hold import Hold
from custom_components.renogy_bt.renogy.models import LinkReport
from custom_components.renogy_bt.storage.flight_records import FlightRecordStore
from custom_components.renogy_bt.supervisor import neighbours, supervisor as supervisors
from custom_components.renogy_bt.supervisor.link_records import LinkRecords
from custom_components.renogy_bt.supervisor.recovery import Recovery
from custom_components.renogy_bt.supervisor.supervisor import Supervisor
from custom_components.renogy_bt.supervisor.watch import StackWatch
from homeassistant.core import HomeAssistant


def records_of(supervisor: Supervisor) -> LinkRecords:
    """Return what is noted of the links' connections and polls."""
    return supervisor._records


def health_of(supervisor: Supervisor) -> dict[str, AdapterHealth]:
    """Return what is known of each adapter."""
    return supervisor._health


def watch_of(supervisor: Supervisor) -> StackWatch:
    """Return what looks at bluetoothd and at Home Assistant's Bluetooth."""
    return supervisor._watch


def recovery_of(supervisor: Supervisor) -> Recovery:
    """Return what takes the steps."""
    return supervisor._recovery


def forget_supervisor(hass: HomeAssistant) -> None:
    """Leave nothing of the supervisor in memory, as a restart does."""
    hass.data.pop(supervisors._SUPERVISOR)


def watched_for(supervisor: Supervisor) -> dict[str, tuple[set[str], str]]:
    """Return the links and the recovery level of each bank that the supervisor works for."""
    return {
        bank_id: (set(bank.links), str(bank.level))
        for bank_id, bank in supervisor._banks.items()
    }


def show(supervisor: Supervisor, statuses: Mapping[str, AdapterStatus]) -> None:
    """Let these be all the adapters there are."""
    supervisor._statuses = dict(statuses)
    supervisor._notify()


def tell(supervisor: Supervisor, event: AdapterEvent) -> None:
    """Let something happen to an adapter."""
    for listener in tuple(supervisor._event_listeners):
        listener(event)


def step_changed(supervisor: Supervisor, health: AdapterHealth) -> None:
    """Let a step of recovery begin or end."""
    supervisor._step_changed(health)


def missing(part: neighbours.Part, error: ImportError) -> Any:
    """Return what stands for a name that another library has no more."""
    return neighbours._missing(part, error)


async def write_records(store: FlightRecordStore, records: dict[str, Any]) -> None:
    """Write a file of records, whatever is in it."""
    await store._file.async_save({"records": records})


def bus_of(watcher: BlueZWatcher) -> SystemBus:
    """Return the connection of a watcher that is connected."""
    assert watcher._bus is not None
    return watcher._bus


def connection_of(watcher: BlueZWatcher) -> MessageBus:
    """Return what the connection of a watcher is made of."""
    return bus_of(watcher)._bus


def unanswered_calls(watcher: BlueZWatcher) -> Mapping[int, Any]:
    """Return the calls of a watcher whose answer is awaited."""
    waiting: Mapping[int, Any] = connection_of(watcher)._method_return_handlers
    return waiting


def is_counting(watcher: BlueZWatcher) -> bool:
    """Whether a watcher counts the signals of devices."""
    return bool(watcher._device_signals)


def runner_of(watcher: BlueZWatcher) -> asyncio.Task[None] | None:
    """Return the task of a watcher."""
    return watcher._runner


def next_poll_at(link: LinkCoordinator) -> float:
    """Return the time of the loop at which a link is polled next."""
    timer = getattr(link._unsub_refresh, "__self__", None)
    assert isinstance(timer, asyncio.TimerHandle)
    return timer.when()


async def poll_unheard(link: LinkCoordinator) -> LinkReport:
    """Have a link polled, and nobody told."""
    return await link._async_update_data()


def hold_of(link: LinkCoordinator) -> Hold:
    """Return what holds the last readings of a link."""
    assert link._hold is not None
    return link._hold


def end_of_hold(link: LinkCoordinator) -> float | None:
    """Return when the hold of a link's readings ends, None if none is awaited."""
    return None if link._hold_ends is None else link._hold_ends.when()


def end_hold(link: LinkCoordinator) -> None:
    """Have the time come at which a hold ends."""
    link._async_end_hold()
