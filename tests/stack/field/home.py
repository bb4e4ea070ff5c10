# SPDX-License-Identifier: Apache-2.0
"""An owner's home in the field: the whole integration, and what its user gets to see of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.samples import Verdict
from custom_components.renogy_bt.adapter_health.status import (
    AdapterEvent,
    AdapterStatus,
    EventKind,
)
from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.links.settings import LinkSettings
from custom_components.renogy_bt.supervisor.supervisor import async_get_supervisor
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from tests.banks import bank_entry, bank_of, link_settings
from tests.emulator import EmulatedWorld
from tests.stack.site import MINUTE
from tests.stack.warped_time import Clock

CALM = 10 * MINUTE
"""Past the start, and past the window that Home Assistant opens after four minutes."""
RESETS = {RecoveryStep.POWER_CYCLE, RecoveryStep.FULL_RESET}
CALM_CHANGES = 4
"""Changes of notices about an adapter that a user bears in a day."""
CALM_EVENTS = 12
"""The same for its events."""


@dataclass
class Home:
    """What happened in a home; all times are of the leaping clock."""

    hass: HomeAssistant
    emulated: EmulatedWorld
    clock: Clock
    entry: MockConfigEntry
    bluetooth: ConfigEntry
    """The entry of the adapter in Home Assistant's `bluetooth`."""
    address: str
    events: list[AdapterEvent] = field(default_factory=list)
    notices: list[tuple[str, str]] = field(default_factory=list)
    """(what happened, to which notice) of each change."""
    verdicts: list[Verdict] = field(default_factory=list)
    """Each state that the adapter was in, in turn."""
    good_polls: list[float] = field(default_factory=list)
    bad_polls: list[float] = field(default_factory=list)

    @property
    def status(self) -> AdapterStatus:
        """Return the status of the adapter."""
        return async_get_supervisor(self.hass).adapters[self.address]

    @property
    def steps(self) -> list[RecoveryStep]:
        """Return the steps that were taken."""
        return [
            event.step
            for event in self.events
            if event.kind is EventKind.STEP_STARTED and event.step is not None
        ]

    @property
    def resets(self) -> list[RecoveryStep]:
        """Return the steps among them that interrupt more than a scan."""
        return [step for step in self.steps if step in RESETS]

    def happened(self, kind: EventKind) -> list[AdapterEvent]:
        """Return the events of a kind."""
        return [event for event in self.events if event.kind is kind]

    def shown(self) -> dict[str, str | None]:
        """Return the notices that are shown: what each is about, by its id."""
        return {
            issue_id: issue.translation_key
            for (domain, issue_id), issue in ir.async_get(self.hass).issues.items()
            if domain == DOMAIN and issue.active
        }

    def issues(self) -> list[ir.IssueEntry]:
        """Return the notices that are shown."""
        registry = ir.async_get(self.hass)
        return [registry.issues[DOMAIN, issue_id] for issue_id in self.shown()]

    def adapter_notices(self) -> list[str | None]:
        """Return what is shown about the adapter."""
        return [
            key for key in self.shown().values() if key and key.startswith("adapter")
        ]

    def link_notices(self) -> list[str | None]:
        """Return what is shown about the links."""
        return [key for key in self.shown().values() if key and key.startswith("link")]

    def adapter_changes(self) -> list[tuple[str, str]]:
        """Return the changes of notices about the adapter."""
        return [change for change in self.notices if change[1].startswith("adapter")]

    def forget(self) -> None:
        """Count from now on."""
        for kept in (
            self.events,
            self.notices,
            self.verdicts,
            self.good_polls,
            self.bad_polls,
        ):
            kept.clear()

    def assert_untouched(self) -> None:
        """Check that the adapter was not accused, and nothing was done to it."""
        assert self.steps == [], (self.verdicts, self.events)
        assert self.events == [], self.verdicts
        assert self.adapter_changes() == []
        assert {verdict for verdict in self.verdicts if verdict.is_fault} == set()

    def assert_calm(self) -> None:
        """Check that no more was told of the adapter than a user bears in a day."""
        assert len(self.adapter_changes()) <= CALM_CHANGES, self.adapter_changes()
        assert len(self.events) <= CALM_EVENTS, self.events


@contextmanager
def at_home(
    hass: HomeAssistant, emulated: EmulatedWorld, clock: Clock, entry: MockConfigEntry
) -> Iterator[Home]:
    """Follow what happens in a home whose bank is set up."""
    supervisor = async_get_supervisor(hass)
    address = emulated.world.adapters[0].address
    bluetooth = hass.config_entries.async_entry_for_domain_unique_id(
        "bluetooth", address
    )
    assert bluetooth is not None
    home = Home(hass, emulated, clock, entry, bluetooth, address)

    @callback
    def on_status() -> None:
        status = supervisor.adapters.get(home.address)
        if status is not None and home.verdicts[-1:] != [status.verdict]:
            home.verdicts.append(status.verdict)

    @callback
    def on_issue(event: Event[Any]) -> None:
        if event.data["domain"] == DOMAIN:
            home.notices.append((event.data["action"], event.data["issue_id"]))

    @callback
    def on_poll() -> None:
        good = all(link.last_update_success for link in bank_of(entry).links.values())
        (home.good_polls if good else home.bad_polls).append(clock.now())

    stops = [
        supervisor.async_add_listener(on_status),
        supervisor.async_add_event_listener(home.events.append),
        hass.bus.async_listen(ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED, on_issue),
        *(link.async_add_listener(on_poll) for link in bank_of(entry).links.values()),
    ]
    try:
        yield home
    finally:
        for stop in stops:
            stop()


async def set_up_bank(
    hass: HomeAssistant, settings: LinkSettings | None = None, **options: Any
) -> MockConfigEntry:
    """Return the owner's bank, set up; its polls go on."""
    entry = bank_entry(settings or link_settings(), **options)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    return entry
