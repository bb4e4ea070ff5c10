# SPDX-License-Identifier: Apache-2.0
"""No alarm is lost: what a battery raised or cleared while its bank was not loaded is told once.

The blueprint and Home Assistant's own trigger listen, as a user has set them up.
"""

from collections.abc import Awaitable, Callable
from copy import deepcopy
from pathlib import Path
import shutil
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)

from custom_components.renogy_bt.const import CONF_UPDATE_INTERVAL, DOMAIN
from custom_components.renogy_bt.coordinator import BankCoordinator
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, Event, HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import ConfigEntryNotReady
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from tests.alarm_clock import AlarmClock
from tests.banks import bank_entry, entity_id, link_settings, next_poll, set_up, settle
from tests.fake_air import DONGLE, FakeAir
from tests.insides import poll_unheard
from tests.renogy.fake_link import FakeBattery, FakeLink, rbt50lfp48s

BLUEPRINTS = Path(__file__).parents[1] / "blueprints" / "automation" / DOMAIN
OTHER_DONGLE = "F0:F8:F2:00:00:02"

HEALTHY = 0x000E
SHORT_CIRCUIT = 0x000F
CHARGE_OVER_CURRENT = 0x000E | 1 << 9
CELLS_TOO_HIGH = 0x0A02
KEYS = {
    "Cell voltage high": "cell_high_voltage",
    "Charge over-current": "charge_over_current",
    "Short circuit": "short_circuit",
}

type Change = Callable[[], None]
type Way = Callable[
    [HomeAssistant, MockConfigEntry, Change, pytest.MonkeyPatch], Awaitable[None]
]


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Return a configuration folder with the blueprints."""
    folder = Path(hass_tmp_config_dir) / "blueprints" / "automation" / DOMAIN
    shutil.copytree(BLUEPRINTS, folder)
    return hass_tmp_config_dir


@pytest.fixture
def first() -> FakeBattery:
    """Return a battery."""
    return rbt50lfp48s()


@pytest.fixture
def second() -> FakeBattery:
    """Return another one."""
    return rbt50lfp48s()


@pytest.fixture
def link(air: FakeAir, first: FakeBattery, second: FakeBattery) -> FakeLink:
    """Return the link of both, in range."""
    return air.bring(FakeLink({48: first, 49: second}))


class Listeners:
    """An automation of the blueprint, and one of the bare trigger."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Count what reaches them."""
        self._told: list[ServiceCall] = async_mock_service(
            hass, "persistent_notification", "create"
        )
        self._heard: list[Event] = []
        hass.bus.async_listen("alarm_heard", self._hear)

    @callback
    def _hear(self, event: Event) -> None:
        self._heard.append(event)

    def taken(self) -> list[str]:
        """Return what the blueprint told since this was last asked; the trigger agrees."""
        told = [
            call.data["title"].removeprefix("RBT50LFP48S ").replace(" (B2C3)", "")
            for call in self._told
        ]
        heard = [event.data["alarm"] for event in self._heard]
        assert heard == [
            KEYS[text.split(": ")[-1].split(" (")[0].removesuffix(" is over")]
            for text in told
        ]
        self._told.clear()
        self._heard.clear()
        return told


async def automate(hass: HomeAssistant, target: dict[str, list[str]]) -> Listeners:
    """Make the automations."""
    listeners = Listeners(hass)
    types = ["raised", "cleared"]
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": [
                {
                    "use_blueprint": {
                        "path": f"{DOMAIN}/alarm.yaml",
                        "input": {
                            "alarm_events": target["entity_id"],
                            "event_types": types,
                        },
                    }
                },
                {
                    "mode": "queued",
                    "max": 1000,
                    "triggers": {
                        "trigger": "event.received",
                        "target": target,
                        "options": {"event_type": types},
                    },
                    "actions": {
                        "event": "alarm_heard",
                        "event_data": {
                            "alarm": "{{ trigger.to_state.attributes.alarm }}"
                        },
                    },
                },
            ]
        },
    )
    await hass.async_block_till_done()
    return listeners


@pytest.fixture
async def entry(hass: HomeAssistant, link: FakeLink) -> MockConfigEntry:
    """Return their bank, set up."""
    entry = bank_entry(link_settings(units=(48, 49)))
    await set_up(hass, entry)
    return entry


@pytest.fixture
async def listeners(hass: HomeAssistant, entry: MockConfigEntry) -> Listeners:
    """Return who listens to both batteries."""
    return await automate(hass, {"entity_id": alarm_entities(hass)})


def alarm_entities(hass: HomeAssistant) -> list[str]:
    """Return the events of both batteries."""
    found = [entity_id(hass, "event", f"{DONGLE.lower()}_{u}_alarm") for u in (48, 49)]
    return [each for each in found if each is not None]


# The ways in which a bank is not loaded for a while


async def start(
    hass: HomeAssistant, entry: MockConfigEntry, change: Change, _: pytest.MonkeyPatch
) -> None:
    """Home Assistant starts, and reads the batteries while it does."""
    assert await hass.config_entries.async_unload(entry.entry_id)
    change()
    hass.set_state(CoreState.starting)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    await started(hass)


async def started(hass: HomeAssistant) -> None:
    """Home Assistant has started."""
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await settle(hass)


async def reload(
    hass: HomeAssistant, entry: MockConfigEntry, change: Change, _: pytest.MonkeyPatch
) -> None:
    """The bank is reloaded."""
    change()
    assert await hass.config_entries.async_reload(entry.entry_id)


async def options(
    hass: HomeAssistant, entry: MockConfigEntry, change: Change, _: pytest.MonkeyPatch
) -> None:
    """The user changes an option."""
    change()
    hass.config_entries.async_update_entry(
        entry, options={**entry.options, CONF_UPDATE_INTERVAL: 30}
    )


async def link_added(
    hass: HomeAssistant, entry: MockConfigEntry, change: Change, _: pytest.MonkeyPatch
) -> None:
    """The user adds a link."""
    change()
    added = link_settings(OTHER_DONGLE, "BT-TH-F2000002", units=(48,)).as_subentry()
    hass.config_entries.async_add_subentry(entry, added)


async def link_removed(
    hass: HomeAssistant, entry: MockConfigEntry, change: Change, _: pytest.MonkeyPatch
) -> None:
    """The user removes another link."""
    added = link_settings(OTHER_DONGLE, "BT-TH-F2000002", units=(48,)).as_subentry()
    hass.config_entries.async_add_subentry(entry, added)
    await settle(hass)
    change()
    hass.config_entries.async_remove_subentry(entry, added.subentry_id)


async def retried(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    change: Change,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A set-up fails and is tried again."""
    with monkeypatch.context() as patch:
        patch.setattr(BankCoordinator, "async_load", not_ready)
        await hass.config_entries.async_reload(entry.entry_id)
        await settle(hass)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    change()
    await next_poll(hass)


async def not_ready(_: BankCoordinator) -> None:
    """Fail, but not for good."""
    raise ConfigEntryNotReady("later")


async def disabled(
    hass: HomeAssistant, entry: MockConfigEntry, change: Change, _: pytest.MonkeyPatch
) -> None:
    """The user disables the bank and enables it again."""
    await hass.config_entries.async_set_disabled_by(
        entry.entry_id, ConfigEntryDisabler.USER
    )
    change()
    await hass.config_entries.async_set_disabled_by(entry.entry_id, None)


WAYS = (start, reload, options, link_added, link_removed, retried, disabled)


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def way(request: pytest.FixtureRequest) -> Way:
    """Return each of them."""
    found: Way = request.param
    return found


async def test_told_once(
    hass: HomeAssistant,
    alarm_clock: AlarmClock,
    first: FakeBattery,
    second: FakeBattery,
    entry: MockConfigEntry,
    listeners: Listeners,
    way: Way,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Several alarms at once, those that went on, those that cleared: each once, in order."""
    first.put(5106, [SHORT_CIRCUIT])
    second.put(5106, [CHARGE_OVER_CURRENT])
    await next_poll(hass)
    assert listeners.taken() == [
        "1: Short circuit",
        "2: Charge over-current",
    ]

    def change() -> None:
        first.put(5106, [CHARGE_OVER_CURRENT, CELLS_TOO_HIGH])
        second.put(5106, [CHARGE_OVER_CURRENT | SHORT_CIRCUIT])

    await way(hass, entry, change, monkeypatch)
    await settle(hass)
    assert entry.state is ConfigEntryState.LOADED
    assert listeners.taken() == [
        "1: Charge over-current",
        "1: Cell voltage high",
        "2: Short circuit",
    ]
    await alarm_clock.polls(hass)
    assert listeners.taken() == ["1: Short circuit is over"]
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    await next_poll(hass)
    assert listeners.taken() == []


async def test_first_event_of_all(
    hass: HomeAssistant,
    first: FakeBattery,
    entry: MockConfigEntry,
    listeners: Listeners,
    way: Way,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A battery that never had an alarm before has no state before it that is a time."""
    await way(
        hass, entry, lambda: first.put(5106, [SHORT_CIRCUIT, 0x0A02]), monkeypatch
    )
    await settle(hass)
    assert listeners.taken() == [
        "1: Short circuit",
        "1: Cell voltage high",
    ]


async def test_nothing_happened(
    hass: HomeAssistant,
    first: FakeBattery,
    alarm_clock: AlarmClock,
    entry: MockConfigEntry,
    listeners: Listeners,
    way: Way,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An alarm that goes on, and one that was over before, are no news."""
    first.put(5106, [CHARGE_OVER_CURRENT | SHORT_CIRCUIT])
    await next_poll(hass)
    first.put(5106, [SHORT_CIRCUIT])
    await alarm_clock.polls(hass)
    assert len(listeners.taken()) == 3
    await way(hass, entry, lambda: None, monkeypatch)
    await settle(hass)
    await next_poll(hass)
    assert listeners.taken() == []


async def test_battery_of_a_link_that_is_added(
    hass: HomeAssistant,
    air: FakeAir,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
) -> None:
    """The alarms that a new battery comes with are told, too."""
    battery = rbt50lfp48s()
    battery.put(5106, [SHORT_CIRCUIT | CHARGE_OVER_CURRENT])
    air.bring(FakeLink({48: battery}), OTHER_DONGLE, "BT-TH-F2000002")
    identity = f"{OTHER_DONGLE.lower()}_48_alarm"
    # An automation that was made before: the battery was in this bank once.
    added = link_settings(OTHER_DONGLE, "BT-TH-F2000002", units=(48,)).as_subentry()
    hass.config_entries.async_add_subentry(entry, added)
    await settle(hass)
    event = entity_id(hass, "event", identity)
    assert event is not None
    listeners = await automate(hass, {"entity_id": [event]})
    for _ in range(2):
        hass.config_entries.async_remove_subentry(entry, added.subentry_id)
        await settle(hass)
        assert hass.states.get(event) is None
        hass.config_entries.async_add_subentry(entry, added)
        await settle(hass)
        assert entity_id(hass, "event", identity) == event
        assert [text.split(": ", 1)[1] for text in listeners.taken()] == [
            "Charge over-current",
            "Short circuit",
        ]


async def test_alarm_that_comes_and_goes_during_the_start(
    hass: HomeAssistant,
    first: FakeBattery,
    alarm_clock: AlarmClock,
    entry: MockConfigEntry,
    listeners: Listeners,
) -> None:
    """It waits for its listeners, and is not forgotten when it is over by then."""
    assert await hass.config_entries.async_unload(entry.entry_id)
    hass.set_state(CoreState.starting)
    first.put(5106, [SHORT_CIRCUIT])
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    first.put(5106, [HEALTHY])
    await alarm_clock.polls(hass)
    assert listeners.taken() == []
    await started(hass)
    assert listeners.taken() == [
        "1: Short circuit",
        "1: Short circuit is over",
    ]
    await next_poll(hass)
    assert listeners.taken() == []


async def test_start_that_is_broken_off(
    hass: HomeAssistant,
    first: FakeBattery,
    entry: MockConfigEntry,
    listeners: Listeners,
) -> None:
    """What was read but not told before Home Assistant stopped is told after the next start."""
    first.put(5106, [SHORT_CIRCUIT])
    for _ in range(2):
        assert await hass.config_entries.async_unload(entry.entry_id)
        hass.set_state(CoreState.starting)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await settle(hass)
    assert listeners.taken() == []
    await started(hass)
    assert listeners.taken() == ["1: Short circuit"]


@pytest.fixture
def frozen_files(
    hass_storage: dict[str, Any],
) -> Callable[[], Callable[[], None]]:
    """Return what notes the files as they are, and returns what puts them back."""

    def freeze() -> Callable[[], None]:
        files = deepcopy(hass_storage)

        def put_back() -> None:
            hass_storage.clear()
            hass_storage.update(files)

        return put_back

    return freeze


async def test_what_was_told_before_a_kill_is_not_told_again(
    hass: HomeAssistant,
    first: FakeBattery,
    alarm_clock: AlarmClock,
    entry: MockConfigEntry,
    listeners: Listeners,
    frozen_files: Callable[[], Callable[[], None]],
) -> None:
    """What was told before Home Assistant was killed is on disk: it is not told again."""
    first.put(5106, [SHORT_CIRCUIT])
    await next_poll(hass)
    first.put(5106, [CHARGE_OVER_CURRENT])
    await alarm_clock.polls(hass)
    assert len(listeners.taken()) == 3
    killed = frozen_files()
    assert await hass.config_entries.async_unload(entry.entry_id)
    killed()
    first.put(5106, [CHARGE_OVER_CURRENT, CELLS_TOO_HIGH])
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    assert listeners.taken() == ["1: Cell voltage high"]


async def test_entity_that_is_renamed_while_an_alarm_begins(
    hass: HomeAssistant,
    first: FakeBattery,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
) -> None:
    """A poll that nobody listens to is looked at when the entity is back under its new name."""
    (old, _) = alarm_entities(hass)
    listeners = await automate(hass, {"entity_id": ["event.cellar"]})
    first.put(5106, [SHORT_CIRCUIT | CHARGE_OVER_CURRENT])
    bank = entry.runtime_data
    # The poll ends while the entity is away: nobody hears of it.
    for link in bank.links.values():
        link.data = await poll_unheard(link)
    entity_registry.async_update_entity(old, new_entity_id="event.cellar")
    await settle(hass)
    assert len(listeners.taken()) == 2
    await next_poll(hass)
    assert listeners.taken() == []


async def test_device_as_target(
    hass: HomeAssistant,
    first: FakeBattery,
    second: FakeBattery,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
) -> None:
    """An automation for whatever a battery raises names its device, not the entity."""
    alarm = entity_registry.async_get(alarm_entities(hass)[0])
    assert alarm is not None
    heard: list[Event] = []
    hass.bus.async_listen("alarm_heard", heard.append)
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "triggers": {
                    "trigger": "event.received",
                    "target": {"device_id": alarm.device_id},
                    "options": {"event_type": "raised"},
                },
                "actions": {"event": "alarm_heard"},
            }
        },
    )
    first.put(5106, [SHORT_CIRCUIT])
    second.put(5106, [SHORT_CIRCUIT])
    await next_poll(hass)
    assert len(heard) == 1
