"""Home Assistant in the guest: started, watched and stopped."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import logging
from typing import Any, Final

from homeassistant import bootstrap
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
    homeassistant.components.bluetooth: info
"""
# Of what Home Assistant sets up by default: the rest, the frontend above all, has nothing to
# do with Bluetooth, and loading it takes longer than what is measured.
_DEFAULT_INTEGRATIONS: Final = {"logger", "network", "system_health"}
_ADAPTER_PREFIX: Final = "adapter_"
_WATCHED_KEYS: Final = frozenset({"state", "recoveries", "problem"})
_EVENT_ATTRIBUTES: Final = ("event_type", "verdict", "step", "detail")


class NotSetUp(Exception):
    """Home Assistant or the integration did not come up; the message says what."""


def write_configuration() -> None:
    """Write a new configuration folder: Bluetooth and nothing else.

    No `http:`, which Home Assistant would take back by a restart after five minutes.
    """
    CONFIGURATION.mkdir(parents=True)
    (CONFIGURATION / "configuration.yaml").write_text(_YAML)


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
    """Notes the issues that come and go and the states of the adapter's entities."""

    def __init__(self, hass: HomeAssistant, log: EventLog) -> None:
        """Begin to watch."""
        self._hass = hass
        self._log = log
        self.issues: list[str] = []
        self.repairs: list[str] = []
        hass.bus.async_listen(
            ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED, self._issue_changed
        )
        hass.bus.async_listen(EVENT_STATE_CHANGED, self._state_changed)

    def open_issues(self) -> tuple[str, ...]:
        """Return the issues that stand, Bluetooth's and the integration's."""
        return tuple(
            sorted(
                issue.issue_id
                for issue in ir.async_get(self._hass).issues.values()
                if issue.domain in (DOMAIN, BLUETOOTH) and issue.active
            )
        )

    @callback
    def _issue_changed(self, event: Event[Any]) -> None:
        if event.data["domain"] in (DOMAIN, BLUETOOTH):
            self._log.write("issue", **event.data)
            if event.data["action"] == "create":
                self.issues.append(event.data["issue_id"])

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

    def _event_fired(self, state: State) -> None:
        attributes = {key: state.attributes.get(key) for key in _EVENT_ATTRIBUTES}
        if state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN):
            return
        self._log.write("event", **attributes)
        if attributes["event_type"] == "step_started":
            self.repairs.append(str(attributes["step"]))


async def bluetooth_entry(hass: HomeAssistant, limit: float) -> str:
    """Confirm the adapters that are discovered, as their owner does.

    Returns the id of the first one's config entry; raises `NotSetUp`.
    """
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
