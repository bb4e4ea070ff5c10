# SPDX-License-Identifier: Apache-2.0
"""Home Assistant in the guest: started, watched and stopped."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
import logging
from typing import Any, Final

from habluetooth import BaseHaScanner, HaScanner, create_local_scanner

from custom_components.renogy_bt.adapter_health.history import StepRecord
from custom_components.renogy_bt.supervisor.supervisor import async_get_supervisor
from homeassistant import bootstrap
from homeassistant.components import bluetooth
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import (
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.runner import RuntimeConfig
from tests.real_bluez.order import Conduct, Route
from tests.real_bluez.scenarios import FIRST_ADAPTER

from .event_log import EventLog, LogRecords
from .places import CONFIGURATION

BLUETOOTH: Final = "bluetooth"
DOMAIN: Final = "renogy_bt"
_YAML: Final = """\
bluetooth:
logger:
  default: warning
  logs:
    bluetooth_auto_recovery: info
    custom_components.renogy_bt: info
    habluetooth.scanner: debug
    habluetooth.wrappers: {wrappers}
    homeassistant.components.bluetooth: info
"""
# Of what Home Assistant sets up by default: the rest, the frontend above all, has nothing to
# do with Bluetooth, and loading it takes longer than what is measured.
_DEFAULT_INTEGRATIONS: Final = {"logger", "network", "system_health"}
_SCANNER: Final = "HaScanner"
_ADAPTER_PREFIX: Final = "adapter_"
_STATE_KEY: Final = "adapter_state"
_WATCHED_KEYS: Final = frozenset({_STATE_KEY, "adapter_recoveries", "adapter_problem"})
_EVENT_ATTRIBUTES: Final = ("event_type", "verdict", "step", "detail")


class NotSetUp(Exception):
    """Home Assistant or the integration did not come up; the message says what."""


def write_configuration(*, tells_connects: bool) -> None:
    """Write a new configuration folder: Bluetooth and nothing else.

    With `tells_connects` the log has when each connection was asked for and came about.
    No `http:`, which Home Assistant would take back by a restart after five minutes.
    """
    CONFIGURATION.mkdir(parents=True)
    (CONFIGURATION / "configuration.yaml").write_text(
        _YAML.format(wrappers="debug" if tells_connects else "warning")
    )


def choose_scanners(route: Route) -> None:
    """Have Home Assistant make its scanners as it will once it leaves bluetoothd.

    habluetooth's guide tells which call is to be put in place of which.
    """

    def mixed(
        mode: bluetooth.BluetoothScanningMode, adapter: str, address: str
    ) -> BaseHaScanner:
        is_first = address == FIRST_ADAPTER["address"]
        make = create_local_scanner if is_first else HaScanner
        return make(mode, adapter, address)

    match route:
        case Route.BLUETOOTHD:
            setattr(bluetooth, _SCANNER, HaScanner)
        case Route.DIRECT:
            setattr(bluetooth, _SCANNER, create_local_scanner)
        case Route.MIXED:
            setattr(bluetooth, _SCANNER, mixed)


@asynccontextmanager
async def home_assistant(
    log: EventLog, records: LogRecords
) -> AsyncIterator[HomeAssistant]:
    """Run Home Assistant as long as the context lasts; raises `NotSetUp`."""
    bootstrap.DEFAULT_INTEGRATIONS = _DEFAULT_INTEGRATIONS
    bootstrap.CRITICAL_INTEGRATIONS = set()
    hass = await bootstrap.async_setup_hass(
        RuntimeConfig(config_dir=str(CONFIGURATION), skip_pip=True)
    )
    if hass is None:
        raise NotSetUp("Home Assistant did not start")
    logging.getLogger().addHandler(records)
    await hass.async_start()
    log.write("started")
    try:
        yield hass
    finally:
        await hass.async_stop(force=True)


class Watch:
    """Notes the issues that come and go, the adapters' states and the steps taken."""

    def __init__(self, hass: HomeAssistant, log: EventLog) -> None:
        """Begin to watch."""
        self._hass = hass
        self._log = log
        self.issues: list[str] = []
        self._counted = 0
        self._steps: dict[datetime, str] = {}
        self._states: list[tuple[float, str]] = []
        self._available: list[str] = []
        hass.bus.async_listen(
            ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED, self._issue_changed
        )
        hass.bus.async_listen(EVENT_STATE_CHANGED, self._state_changed)

    def open_issues(self) -> tuple[str, ...]:
        """Return the texts of the issues that stand, Bluetooth's and the integration's."""
        return tuple(
            sorted(
                _text_of(issue)
                for issue in ir.async_get(self._hass).issues.values()
                if issue.domain in (DOMAIN, BLUETOOTH) and issue.active
            )
        )

    def note_entities(self) -> None:
        """Keep which of the integration's entities are available now."""
        self._available = [
            state.entity_id
            for state in self._hass.states.async_all()
            if self._is_available(state)
        ]

    def lost_entities(self) -> tuple[str, ...]:
        """Return the entities that were available then, and are not now."""
        now = {
            state.entity_id
            for state in self._hass.states.async_all()
            if self._is_available(state)
        }
        return tuple(each for each in self._available if each not in now)

    def _is_available(self, state: State) -> bool:
        entry = er.async_get(self._hass).async_get(state.entity_id)
        return (
            entry is not None
            and entry.platform == DOMAIN
            and state.state != STATE_UNAVAILABLE
        )

    @property
    def repairs(self) -> tuple[str, ...]:
        """Return the steps taken, in order."""
        return tuple(self._steps.values())

    def follow_steps(self) -> None:
        """Note the steps that the integration takes.

        Its event entity tells twelve events a day at most, its history tells every step.
        """
        supervisor = async_get_supervisor(self._hass)

        @callback
        def update() -> None:
            for status in supervisor.adapters.values():
                for record in status.history.records:
                    if isinstance(record, StepRecord) and record.at not in self._steps:
                        self._steps[record.at] = record.step
                        self._log.write("repair", step=record.step)

        supervisor.async_add_listener(update)

    def conduct_since(self, moment: float) -> Conduct:
        """Return what has been done and told since then, and the state at that time."""
        before = [state for at, state in self._states if at < moment]
        after = [state for at, state in self._states if at >= moment]
        return Conduct(
            states=tuple(dict.fromkeys([*before[-1:], *after])),
            steps=self.repairs,
            notices=tuple(self.issues),
            counted=self._counted,
        )

    @callback
    def _issue_changed(self, event: Event[Any]) -> None:
        domain, issue_id = event.data["domain"], event.data["issue_id"]
        if domain not in (DOMAIN, BLUETOOTH):
            return
        issue = ir.async_get(self._hass).async_get_issue(domain, issue_id)
        text, count = issue_id, "0"
        if issue is not None:
            text = _text_of(issue)
            count = (issue.translation_placeholders or {}).get("count", count)
        self._log.write("issue", **event.data, text=text, count=count)
        self._counted = max(self._counted, int(count))
        if event.data["action"] == "create":
            self.issues.append(text)

    @callback
    def _state_changed(self, event: Event[EventStateChangedData]) -> None:
        entity_id, new = event.data["entity_id"], event.data["new_state"]
        entry = er.async_get(self._hass).async_get(entity_id)
        if new is None or entry is None or entry.platform != DOMAIN:
            return
        if not entry.unique_id.startswith(_ADAPTER_PREFIX):
            return
        if entry.domain == "event":
            self._event_fired(new)
        elif entry.translation_key in _WATCHED_KEYS:
            self._log.write("state", entity=entity_id, state=new.state)
            if entry.translation_key == _STATE_KEY:
                self._states.append((self._log.now(), new.state))

    def _event_fired(self, state: State) -> None:
        attributes = {key: state.attributes.get(key) for key in _EVENT_ATTRIBUTES}
        if state.state not in (STATE_UNAVAILABLE, STATE_UNKNOWN):
            self._log.write("event", **attributes)


def _text_of(issue: ir.IssueEntry) -> str:
    return issue.translation_key or issue.issue_id


async def bluetooth_entry(hass: HomeAssistant, limit: float) -> str:
    """Confirm the adapters that are discovered, as their owner does, unless they are known.

    Returns the id of the first one's config entry; raises `NotSetUp`.
    """
    if known := hass.config_entries.async_entries(BLUETOOTH):
        return known[0].entry_id
    flows = hass.config_entries.flow
    try:
        async with asyncio.timeout(limit):
            while not (found := flows.async_progress_by_handler(BLUETOOTH)):
                await asyncio.sleep(0.5)
            for flow in found:
                await flows.async_configure(flow["flow_id"], {})
    except TimeoutError as error:
        raise NotSetUp("Home Assistant discovered no adapter") from error
    return hass.config_entries.async_entries(BLUETOOTH)[0].entry_id
