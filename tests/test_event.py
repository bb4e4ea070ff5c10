# SPDX-License-Identifier: Apache-2.0
"""Alarms as events: each begins and ends once, whatever happens in between."""

from collections.abc import Mapping
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.renogy_bt.diagnostics import async_get_config_entry_diagnostics
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import (
    CoreState,
    Event,
    EventStateChangedData,
    HomeAssistant,
    callback,
)
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from tests.alarm_clock import MINUTE, POLLS_TO_CLEAR, AlarmClock
from tests.banks import (
    bank_entry,
    battery_state,
    entity_id,
    link_of,
    link_settings,
    next_poll,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, FakeAir
from tests.renogy.fake_link import FakeBattery, FakeLink, rbt50lfp48s, silent

SHORT_CIRCUIT = 0x000F
OVER_CURRENT = 0x000E | 1 << 9
HEALTHY = 0x000E

_NOTHING = {STATE_UNAVAILABLE, STATE_UNKNOWN}


class Fired:
    """What the event entities have fired, in short."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Listen as a state trigger does."""
        self._fired: list[tuple[str, str, str, list[int]]] = []
        self._seen: dict[str, str] = {}
        hass.bus.async_listen("state_changed", self._note)

    @callback
    def _note(self, event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        name = event.data["entity_id"]
        if state is None or state.domain != "event" or state.state in _NOTHING:
            return
        if self._seen.get(name) != state.state:
            attributes = state.attributes
            self._fired.append(
                (
                    attributes["event_type"],
                    attributes["alarm"],
                    attributes["severity"],
                    attributes["cells"],
                )
            )
        self._seen[name] = state.state

    def taken(self) -> list[tuple[str, str, str, list[int]]]:
        """Return what has been fired since this was last asked."""
        fired, self._fired = self._fired, []
        return fired


@pytest.fixture
def fired(hass: HomeAssistant) -> Fired:
    """Return what is fired from now on."""
    return Fired(hass)


@pytest.fixture
def battery() -> FakeBattery:
    """Return the battery under test."""
    return rbt50lfp48s()


@pytest.fixture
def link(air: FakeAir, battery: FakeBattery) -> FakeLink:
    """Return its link, in range."""
    return air.bring(FakeLink({48: battery, 49: rbt50lfp48s()}))


@pytest.fixture
def entry() -> MockConfigEntry:
    """Return its bank."""
    return bank_entry(link_settings(units=(48, 49)))


async def restart(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Set the bank up again, from what is on disk."""
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)


def saved(hass_storage: Mapping[str, Any], entry: MockConfigEntry) -> Any:
    """Return the alarms on disk."""
    return hass_storage[f"renogy_bt.alarms.{entry.entry_id}"]["data"]


async def test_alarm_begins_and_ends(
    hass: HomeAssistant,
    link: FakeLink,
    battery: FakeBattery,
    alarm_clock: AlarmClock,
    entry: MockConfigEntry,
    fired: Fired,
) -> None:
    """An alarm fires when it is first read and when it has stayed away; states do not wait."""
    await set_up(hass, entry)
    assert battery_state(hass, "alarm", platform="event").state == STATE_UNKNOWN
    battery.put(5106, [OVER_CURRENT])
    await next_poll(hass)
    assert fired.taken() == [("raised", "charge_over_current", "protection", [])]
    active = battery_state(hass, "alarms").attributes["active"]
    assert active == ["charge_over_current"]
    await next_poll(hass)
    assert fired.taken() == []
    battery.put(5106, [HEALTHY])
    await alarm_clock.polls(hass, POLLS_TO_CLEAR - 1)
    assert fired.taken() == []
    assert battery_state(hass, "alarms").attributes["active"] == []
    problem = battery_state(hass, "problem", platform="binary_sensor")
    assert problem.state == STATE_OFF
    await alarm_clock.polls(hass, 1)
    assert fired.taken() == [("cleared", "charge_over_current", "protection", [])]
    assert battery_state(hass, "alarm", 49, platform="event").state == STATE_UNKNOWN


async def test_value_at_its_limit(
    hass: HomeAssistant,
    link: FakeLink,
    battery: FakeBattery,
    alarm_clock: AlarmClock,
    entry: MockConfigEntry,
    fired: Fired,
) -> None:
    """An alarm in every other poll fires once, also over restarts; states show each poll."""
    await set_up(hass, entry)
    told, problems = [], set()
    for number in range(10):
        alarm_clock.now += MINUTE
        battery.put(5106, [(OVER_CURRENT, HEALTHY)[number % 2]])
        await (next_poll(hass) if number % 4 else restart(hass, entry))
        problems.add(battery_state(hass, "problem", platform="binary_sensor").state)
        told += fired.taken()
    assert told == [("raised", "charge_over_current", "protection", [])]
    assert problems == {STATE_ON, STATE_OFF}


async def test_reading_that_is_shown_again(
    hass: HomeAssistant,
    link: FakeLink,
    battery: FakeBattery,
    alarm_clock: AlarmClock,
    entry: MockConfigEntry,
    fired: Fired,
) -> None:
    """Entities that are asked to show a reading once more have not read the battery again."""
    await set_up(hass, entry)
    battery.put(5106, [OVER_CURRENT])
    await next_poll(hass)
    fired.taken()
    battery.put(5106, [HEALTHY])
    await next_poll(hass)
    for _ in range(POLLS_TO_CLEAR):
        alarm_clock.now += MINUTE
        link_of(entry).async_update_listeners()
    await settle(hass)
    assert fired.taken() == []


async def test_several_alarms_of_one_poll(
    hass: HomeAssistant,
    link: FakeLink,
    battery: FakeBattery,
    entry: MockConfigEntry,
    fired: Fired,
) -> None:
    """Each alarm is an event of its own, with the cells that it is about."""
    await set_up(hass, entry)
    battery.put(5001, [36, 36])
    battery.put(5043, [528])
    battery.put(5100, [0, 0b1010, 0, 0, 0, 0, SHORT_CIRCUIT, 0x0A02, 0b100])
    await next_poll(hass)
    assert fired.taken() == [
        ("raised", "cell_voltage_above_limit", "warning", [1, 2]),
        ("raised", "cell_voltage_error", "error", [3]),
        ("raised", "short_circuit", "protection", []),
        ("raised", "cell_high_voltage", "warning", []),
    ]


async def test_event_triggers_an_automation(
    hass: HomeAssistant,
    link: FakeLink,
    battery: FakeBattery,
    alarm_clock: AlarmClock,
    entry: MockConfigEntry,
) -> None:
    """Home Assistant's own trigger for events runs once for each alarm."""
    await set_up(hass, entry)
    alarm = entity_id(hass, "event", f"{DONGLE.lower()}_48_alarm")
    calls: list[Event] = []
    hass.bus.async_listen("alarm_heard", calls.append)
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "triggers": {
                    "trigger": "event.received",
                    "target": {"entity_id": alarm},
                    "options": {"event_type": "raised"},
                },
                "actions": {"event": "alarm_heard"},
            }
        },
    )
    await hass.async_block_till_done()
    battery.put(5106, [SHORT_CIRCUIT | OVER_CURRENT])
    await next_poll(hass)
    assert len(calls) == 2
    battery.put(5106, [HEALTHY])
    await alarm_clock.polls(hass)
    assert len(calls) == 2


async def test_alarm_that_is_active_from_the_beginning(
    hass: HomeAssistant,
    link: FakeLink,
    battery: FakeBattery,
    entry: MockConfigEntry,
    fired: Fired,
) -> None:
    """What a new bank's first reading says is news."""
    battery.put(5106, [SHORT_CIRCUIT])
    await set_up(hass, entry)
    assert fired.taken() == [("raised", "short_circuit", "protection", [])]


async def test_alarm_that_goes_on_over_a_restart(
    hass: HomeAssistant,
    link: FakeLink,
    battery: FakeBattery,
    alarm_clock: AlarmClock,
    entry: MockConfigEntry,
    fired: Fired,
    hass_storage: dict[str, Any],
) -> None:
    """It does not fire a second time; its end does fire."""
    await set_up(hass, entry)
    battery.put(5106, [SHORT_CIRCUIT])
    await next_poll(hass)
    assert len(fired.taken()) == 1
    for _ in range(2):
        await restart(hass, entry)
        assert fired.taken() == []
    assert saved(hass_storage, entry)[f"{DONGLE}/48"] == [
        {"key": "short_circuit", "parts": []}
    ]
    battery.put(5106, [HEALTHY])
    await alarm_clock.polls(hass)
    assert fired.taken() == [("cleared", "short_circuit", "protection", [])]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (HEALTHY, SHORT_CIRCUIT, "raised"),
        (SHORT_CIRCUIT, HEALTHY, "cleared"),
    ],
)
async def test_change_while_home_assistant_was_down(
    hass: HomeAssistant,
    link: FakeLink,
    battery: FakeBattery,
    alarm_clock: AlarmClock,
    entry: MockConfigEntry,
    fired: Fired,
    before: int,
    after: int,
    expected: str,
) -> None:
    """What began meanwhile fires after the start, what ended once it has stayed away."""
    battery.put(5106, [before])
    await set_up(hass, entry)
    fired.taken()
    assert await hass.config_entries.async_unload(entry.entry_id)
    battery.put(5106, [after])
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    if after == HEALTHY:
        assert fired.taken() == []
        await alarm_clock.polls(hass)
    assert fired.taken() == [(expected, "short_circuit", "protection", [])]


async def test_nothing_fires_before_home_assistant_has_started(
    hass: HomeAssistant,
    link: FakeLink,
    battery: FakeBattery,
    entry: MockConfigEntry,
    fired: Fired,
) -> None:
    """Automations do not listen before, and would miss it: it fires with the next poll."""
    hass.set_state(CoreState.starting)
    battery.put(5106, [SHORT_CIRCUIT])
    await set_up(hass, entry)
    assert fired.taken() == []
    hass.set_state(CoreState.running)
    await next_poll(hass)
    assert fired.taken() == [("raised", "short_circuit", "protection", [])]


async def test_silence_raises_and_clears_nothing(
    hass: HomeAssistant,
    link: FakeLink,
    battery: FakeBattery,
    alarm_clock: AlarmClock,
    entry: MockConfigEntry,
    fired: Fired,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A battery that has been away for long has its alarm still, or no longer."""
    monkeypatch.setattr("custom_components.renogy_bt.renogy.battery.BACKOFF_SECONDS", 0)
    await set_up(hass, entry)
    battery.put(5106, [SHORT_CIRCUIT])
    await next_poll(hass)
    state = battery_state(hass, "alarm", platform="event").state
    assert len(fired.taken()) == 1
    del link.units[48]
    for _ in range(10):
        await next_poll(hass)
    assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
    assert fired.taken() == []
    assert battery_state(hass, "alarm", platform="event").state == state
    link.units[48] = battery
    await next_poll(hass)
    assert battery_state(hass, "voltage").state == "52.4"
    assert fired.taken() == []
    battery.put(5106, [HEALTHY])
    await alarm_clock.polls(hass)
    assert [kind for kind, *_ in fired.taken()] == ["cleared"]


async def test_held_reading_raises_and_clears_nothing(
    hass: HomeAssistant,
    link: FakeLink,
    battery: FakeBattery,
    entry: MockConfigEntry,
    fired: Fired,
) -> None:
    """While a battery answers nonsense its last reading is shown, but it is no news."""
    await set_up(hass, entry)
    battery.put(5106, [SHORT_CIRCUIT])
    battery.put(5043, [100])
    await next_poll(hass)
    assert fired.taken() == []
    battery.put(5043, [524])
    # A battery that has just failed is asked once a poll: on a busy machine it may be late.
    for _ in range(3):
        await next_poll(hass)
    assert [kind for kind, *_ in fired.taken()] == ["raised"]


async def test_status_that_is_not_read_clears_nothing(
    hass: HomeAssistant,
    link: FakeLink,
    battery: FakeBattery,
    entry: MockConfigEntry,
    fired: Fired,
) -> None:
    """A battery that stops giving its alarm words has the alarms that it had."""
    battery.put(5106, [SHORT_CIRCUIT])
    await set_up(hass, entry)
    assert len(fired.taken()) == 1
    battery.readable = ((5000, 5052),)
    for _ in range(3):
        await next_poll(hass)
    assert fired.taken() == []


async def test_alarm_that_the_cells_contradict(
    hass: HomeAssistant,
    link: FakeLink,
    battery: FakeBattery,
    entry: MockConfigEntry,
    fired: Fired,
) -> None:
    """It is a note in the diagnostics, no event and no problem."""
    battery.put(5001, [33, 33])
    battery.put(5043, [522])
    battery.put(5101, [0b1010])
    await set_up(hass, entry)
    assert fired.taken() == []
    assert battery_state(hass, "alarms").state == "0"
    assert battery_state(hass, "problem", platform="binary_sensor").state == STATE_OFF
    diagnostics = await async_get_config_entry_diagnostics(hass, entry)
    reading = diagnostics["links"][0]["batteries"][0]["reading"]
    assert reading["status"]["alarms"] == ()
    (note,) = reading["status"]["contradicted_alarms"]
    assert (note["key"], note["parts"]) == ("cell_voltage_above_limit", (1, 2))


async def test_lost_reply_clears_nothing(
    hass: HomeAssistant,
    link: FakeLink,
    battery: FakeBattery,
    entry: MockConfigEntry,
    fired: Fired,
) -> None:
    """One missed poll is no end of an alarm."""
    battery.put(5106, [SHORT_CIRCUIT])
    await set_up(hass, entry)
    fired.taken()
    link.always.append(silent)
    await next_poll(hass)
    link.always.clear()
    await next_poll(hass)
    assert fired.taken() == []


async def test_renamed_entity(
    hass: HomeAssistant,
    link: FakeLink,
    battery: FakeBattery,
    entry: MockConfigEntry,
    fired: Fired,
    entity_registry: er.EntityRegistry,
) -> None:
    """An entity that the user has renamed knows what it has fired."""
    battery.put(5106, [SHORT_CIRCUIT])
    await set_up(hass, entry)
    assert len(fired.taken()) == 1
    alarm = entity_id(hass, "event", f"{DONGLE.lower()}_48_alarm")
    assert alarm is not None
    before = battery_state(hass, "alarm", platform="event").state
    entity_registry.async_update_entity(alarm, new_entity_id="event.cellar")
    await settle(hass)
    for _ in range(2):
        await next_poll(hass)
        after = battery_state(hass, "alarm", platform="event")
        assert (after.entity_id, after.state) == ("event.cellar", before)


# The file


async def test_alarms_are_written_soon(
    hass: HomeAssistant,
    link: FakeLink,
    battery: FakeBattery,
    entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """A Home Assistant that is killed does not tell of an alarm again."""
    battery.put(5106, [SHORT_CIRCUIT])
    await set_up(hass, entry)
    async_fire_time_changed(hass, fire_all=True)
    await settle(hass)
    assert saved(hass_storage, entry)[f"{DONGLE}/48"] == [
        {"key": "short_circuit", "parts": []}
    ]


async def test_removed_bank_is_forgotten(
    hass: HomeAssistant,
    link: FakeLink,
    battery: FakeBattery,
    entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """With a bank its file goes."""
    battery.put(5106, [SHORT_CIRCUIT])
    await set_up(hass, entry)
    await hass.config_entries.async_remove(entry.entry_id)
    await settle(hass)
    assert f"renogy_bt.alarms.{entry.entry_id}" not in hass_storage
