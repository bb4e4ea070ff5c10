# SPDX-License-Identifier: Apache-2.0
"""The blueprints: valid for Home Assistant, and each runs when it should and only then."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
import shutil
from typing import Any

from habluetooth import get_manager
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)

from custom_components.renogy_bt.adapter_health.ladder import RecoveryStep
from custom_components.renogy_bt.adapter_health.samples import Verdict
from custom_components.renogy_bt.adapter_health.status import AdapterEvent, EventKind
from custom_components.renogy_bt.const import DOCUMENTATION_URL, DOMAIN
from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint import Blueprint
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
from tests.alarm_clock import AlarmClock
from tests.banks import (
    bank_entry,
    bank_state,
    battery_state,
    entity_id,
    link_settings,
    next_poll,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, FakeAir
from tests.fake_supervisor import FakeAdapters, adapter_entity_id, adapter_status
from tests.renogy.fake_link import FakeBattery, FakeLink, rbt50lfp48s

CHECKOUT = Path(__file__).parents[1]
FOLDER = CHECKOUT / "blueprints" / "automation" / DOMAIN
BLUEPRINTS = sorted(FOLDER.glob("*.yaml"))
DOCUMENTATION = CHECKOUT / "docs" / "automations.md"
MINUTES = 60.0
LONG = 16 * MINUTES


def inputs_of(inputs: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield all inputs of a blueprint, those in sections too."""
    for name, each in inputs.items():
        if "input" in each:
            yield from inputs_of(each["input"])
        else:
            yield name, each


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda path: path.stem)
def test_home_assistant_takes_the_blueprint(path: Path) -> None:
    """Home Assistant takes the blueprint, and a user understands each of its inputs."""
    blueprint = Blueprint(
        load_yaml_dict(str(path)),
        path=path.name,
        expected_domain="automation",
        schema=AUTOMATION_BLUEPRINT_SCHEMA,
    )
    assert blueprint.validate() is None
    assert blueprint.metadata["source_url"] == (
        f"{DOCUMENTATION_URL}/blob/main/blueprints/automation/{DOMAIN}/{path.name}"
    )
    for name, given in inputs_of(blueprint.metadata["input"]):
        assert given["name"], name
        (kind,) = given["selector"]
        assert "default" in given or kind == "entity", name
        if kind == "entity":
            filters = given["selector"]["entity"]["filter"]
            assert {each["integration"] for each in filters} == {DOMAIN}
            assert all(
                "device_class" in each or "event" in each["domain"] for each in filters
            )


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda path: path.stem)
def test_import_link(path: Path) -> None:
    """The documentation offers the blueprint for import."""
    source = load_yaml_dict(str(path))["blueprint"]["source_url"]
    escaped = source.replace(":", "%3A").replace("/", "%2F")
    link = f"https://my.home-assistant.io/redirect/blueprint_import/?blueprint_url={escaped}"
    assert link in DOCUMENTATION.read_text()


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Return a configuration folder that the blueprints were imported into."""
    shutil.copytree(
        FOLDER, Path(hass_tmp_config_dir) / "blueprints" / "automation" / DOMAIN
    )
    return hass_tmp_config_dir


@pytest.fixture
def battery() -> FakeBattery:
    """Return the battery under test."""
    return rbt50lfp48s()


@pytest.fixture
def link(air: FakeAir, battery: FakeBattery) -> FakeLink:
    """Return its link, in range, with another battery behind it."""
    return air.bring(FakeLink({48: battery, 49: rbt50lfp48s()}))


@pytest.fixture
async def bank(
    hass: HomeAssistant, link: FakeLink, adapters: FakeAdapters
) -> MockConfigEntry:
    """Return its bank, with the adapter it is reached through."""
    adapters.show(adapter_status())
    # The link is not heard again, and time passes in leaps: nothing is to be forgotten for that.
    forgetting = get_manager()._cancel_unavailable_tracking
    assert forgetting is not None
    forgetting.cancel()
    entry = bank_entry(link_settings(units=(48, 49)))
    await set_up(hass, entry)
    return entry


@pytest.fixture
async def told(
    hass: HomeAssistant, bank: MockConfigEntry
) -> AsyncGenerator[list[ServiceCall]]:
    """Return the notifications that the blueprints' default actions have sent."""
    assert await async_setup_component(hass, "persistent_notification", {})
    yield async_mock_service(hass, "persistent_notification", "create")
    # An automation that waits for something is not to outlive the test.
    await hass.services.async_call(
        "automation", "turn_off", {"entity_id": "all"}, blocking=True
    )


async def automate(hass: HomeAssistant, blueprint: str, **inputs: Any) -> None:
    """Make an automation of a blueprint, with its defaults but for these inputs."""
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "use_blueprint": {
                    "path": f"{DOMAIN}/{blueprint}.yaml",
                    "input": inputs,
                }
            }
        },
    )
    await hass.async_block_till_done()
    assert len(hass.states.async_all("automation")) == 1
    assert hass.states.async_all("automation")[0].state == "on"


def texts(told: list[ServiceCall]) -> list[tuple[str, str]]:
    """Return title and message of each notification, and forget them."""
    result = [(call.data["title"], call.data["message"]) for call in told]
    told.clear()
    return result


class TestLowCharge:
    """A state of charge below a limit."""

    @pytest.fixture(autouse=True)
    async def automation(self, hass: HomeAssistant, told: list[ServiceCall]) -> None:
        """Watch both batteries."""
        await automate(
            hass,
            "low_charge",
            charge_sensors=[
                battery_state(hass, "state_of_charge", unit).entity_id
                for unit in (48, 49)
            ],
        )

    async def test_tells_once_until_a_recharge(
        self, hass: HomeAssistant, battery: FakeBattery, told: list[ServiceCall]
    ) -> None:
        """A charge that stays below the limit is told of once, and again after a recharge."""
        for _ in range(2):
            battery.put(5044, [0, 9_000])
            # So large a jump is believed when it is said twice.
            await next_poll(hass)
            await next_poll(hass)
            assert told == []
            battery.put(5044, [0, 8_950])
            await next_poll(hass, 6 * MINUTES)
            assert texts(told) == [
                ("RBT50LFP48S 1: low charge", "RBT50LFP48S 1 is at 18.0 %.")
            ]
            await next_poll(hass, LONG)
            assert told == []
            battery.put(5044, [0, 40_000])
            await next_poll(hass)
            await next_poll(hass)
        assert told == []

    async def test_short_dip(
        self, hass: HomeAssistant, battery: FakeBattery, told: list[ServiceCall]
    ) -> None:
        """A charge that is soon above the limit again, or never below it, is not told of."""
        battery.put(5044, [0, 9_000])
        await next_poll(hass)
        battery.put(5044, [0, 10_500])
        await next_poll(hass)
        await next_poll(hass, LONG)
        assert told == []


class TestReserveReached:
    """No more left than the owner wants to keep."""

    async def test_tells_once_and_takes_it_back(
        self,
        hass: HomeAssistant,
        bank: MockConfigEntry,
        link: FakeLink,
        told: list[ServiceCall],
    ) -> None:
        """It is told once, and taken back when there is more again."""
        over = async_mock_service(hass, "persistent_notification", "dismiss")
        sensor = bank_state(hass, bank, "reserve_reached", "binary_sensor").entity_id
        await automate(hass, "reserve_reached", reserve_sensors=[sensor])
        for remaining in (6_000, 5_000, 4_000):
            for battery in link.units.values():
                battery.put(5044, [0, remaining])
            await next_poll(hass)
        assert texts(told) == [
            (
                "Battery bank: reserve reached",
                "Battery bank has no more left than its reserve.",
            )
        ]
        assert over == []
        for battery in link.units.values():
            battery.put(5044, [0, 9_000])
        await next_poll(hass)
        assert told == []
        assert len(over) == 1

    async def test_bank_that_is_away(
        self,
        hass: HomeAssistant,
        bank: MockConfigEntry,
        link: FakeLink,
        told: list[ServiceCall],
    ) -> None:
        """What comes back below its reserve was so before, and was told."""
        sensor = bank_state(hass, bank, "reserve_reached", "binary_sensor").entity_id
        await automate(hass, "reserve_reached", reserve_sensors=[sensor])
        hass.states.async_set(sensor, STATE_UNAVAILABLE)
        await hass.async_block_till_done()
        hass.states.async_set(sensor, "on")
        await hass.async_block_till_done()
        assert told == []


class TestNotFull:
    """A battery that was not full for long."""

    async def test_tells_once_beyond_the_limit(
        self, hass: HomeAssistant, told: list[ServiceCall]
    ) -> None:
        """Beyond the limit it is told once; up to it, and while it is not known, nothing is."""
        sensor = battery_state(hass, "time_since_full_charge").entity_id
        attributes = battery_state(hass, "time_since_full_charge").attributes
        await automate(hass, "not_full", time_sensors=[sensor], limit=14)
        for state in ("unknown", "0", "13", "14", "unavailable", "14", "15", "16"):
            hass.states.async_set(sensor, state, attributes)
            await hass.async_block_till_done()
        assert texts(told) == [
            (
                "RBT50LFP48S 1: not full for long",
                "RBT50LFP48S 1 was last full 15 days ago.",
            )
        ]


class TestUnfairShare:
    """A battery that does not carry its share."""

    @pytest.mark.parametrize(
        ("domain", "issue", "is_told"),
        [
            (DOMAIN, "current_share_01LINK00000000000000000000-48", True),
            (DOMAIN, "imbalance_01ABC", False),
            ("other", "current_share_01LINK00000000000000000000-48", False),
        ],
    )
    async def test_tells_of_that_notice_only(
        self,
        hass: HomeAssistant,
        told: list[ServiceCall],
        domain: str,
        issue: str,
        is_told: bool,
    ) -> None:
        """The notice about it is told once, and no other notice."""
        await automate(hass, "unfair_share")
        for carried in ("10", "11"):
            ir.async_create_issue(
                hass,
                domain,
                issue,
                is_fixable=False,
                severity=ir.IssueSeverity.WARNING,
                translation_key="carries_less",
                translation_placeholders={"carried": carried},
            )
        await hass.async_block_till_done()
        assert [title for title, _ in texts(told)] == (
            ["A battery does not carry its share"] if is_told else []
        )


class TestOutOfRange:
    """Cells that drift apart, temperatures out of range."""

    @pytest.fixture(autouse=True)
    async def automation(self, hass: HomeAssistant, told: list[ServiceCall]) -> None:
        """Watch one battery."""
        await automate(
            hass,
            "out_of_range",
            spread_sensors=[battery_state(hass, "cell_voltage_spread").entity_id],
            temperature_sensors=[battery_state(hass, "temperature").entity_id],
        )

    @pytest.mark.parametrize(
        ("address", "words", "text"),
        [
            pytest.param(
                5001,
                [32, 36],
                (
                    "RBT50LFP48S 1: cells drift apart",
                    "RBT50LFP48S 1 Cell voltage spread is 0.4 V.",
                ),
                id="spread",
            ),
            pytest.param(
                5018,
                [460] * 15,
                (
                    "RBT50LFP48S 1: too hot",
                    "RBT50LFP48S 1 Temperature is 46.0 °C.",
                ),
                id="hot",
            ),
            pytest.param(
                5018,
                [0xFFF6] * 15,
                (
                    "RBT50LFP48S 1: too cold",
                    "RBT50LFP48S 1 Temperature is -1.0 °C.",
                ),
                id="cold",
            ),
        ],
    )
    async def test_tells_of_what_stays_and_of_no_glimpse(
        self,
        hass: HomeAssistant,
        battery: FakeBattery,
        told: list[ServiceCall],
        address: int,
        words: list[int],
        text: tuple[str, str],
    ) -> None:
        """A value that stays out of range is told of once; a glimpse of one is not."""
        sound = [battery.registers[address + index] for index in range(len(words))]
        battery.put(address, words)
        await next_poll(hass)
        battery.put(address, sound)
        await next_poll(hass)
        await next_poll(hass, LONG)
        assert told == []
        battery.put(address, words)
        await next_poll(hass)
        await next_poll(hass, 6 * MINUTES)
        assert texts(told) == [text]
        await next_poll(hass, LONG)
        assert told == []


async def test_out_of_range_with_temperatures_only(
    hass: HomeAssistant, battery: FakeBattery, told: list[ServiceCall]
) -> None:
    """What is not chosen is not watched."""
    await automate(
        hass,
        "out_of_range",
        temperature_sensors=[battery_state(hass, "temperature").entity_id],
    )
    battery.put(5001, [32, 36])
    await next_poll(hass)
    await next_poll(hass, LONG)
    assert told == []
    battery.put(5018, [460] * 15)
    await next_poll(hass)
    await next_poll(hass, LONG)
    assert [title for title, _ in texts(told)] == ["RBT50LFP48S 1: too hot"]


class TestUnreachable:
    """A battery that cannot be read."""

    @pytest.fixture
    def dismissed(
        self, hass: HomeAssistant, told: list[ServiceCall]
    ) -> list[ServiceCall]:
        """Return the notifications that are taken back."""
        return async_mock_service(hass, "persistent_notification", "dismiss")

    @staticmethod
    async def watch(hass: HomeAssistant, **inputs: Any) -> None:
        """Watch both batteries."""
        await automate(
            hass,
            "battery_unreachable",
            charge_sensors=[
                battery_state(hass, "state_of_charge", unit).entity_id
                for unit in (48, 49)
            ],
            **inputs,
        )

    async def test_tells_once_of_a_battery_that_stays_away(
        self, hass: HomeAssistant, link: FakeLink, told: list[ServiceCall]
    ) -> None:
        """A battery that stays away is told of, once."""
        await self.watch(hass)
        del link.units[48]
        for _ in range(4):
            await next_poll(hass)
        assert battery_state(hass, "state_of_charge").state == STATE_UNAVAILABLE
        assert told == []
        await next_poll(hass, LONG)
        assert texts(told) == [
            ("RBT50LFP48S 1: unreachable", "RBT50LFP48S 1 cannot be read any more.")
        ]
        await next_poll(hass, LONG)
        assert told == []

    async def test_tells_of_the_return(
        self,
        hass: HomeAssistant,
        link: FakeLink,
        told: list[ServiceCall],
        dismissed: list[ServiceCall],
    ) -> None:
        """When a battery that was reported is back, the notice goes."""
        await self.watch(hass, duration={"seconds": 0})
        link.unreachable = "out of range"
        await next_poll(hass)
        assert len(told) == 2
        assert dismissed == []
        link.unreachable = None
        await next_poll(hass)
        assert battery_state(hass, "state_of_charge").state != STATE_UNAVAILABLE
        assert [call.data for call in dismissed] == [
            {"notification_id": call.data["notification_id"]} for call in told
        ]

    async def test_short_absence(
        self,
        hass: HomeAssistant,
        link: FakeLink,
        told: list[ServiceCall],
        dismissed: list[ServiceCall],
    ) -> None:
        """A battery that is soon back is told of neither way."""
        await self.watch(hass)
        link.unreachable = "out of range"
        await next_poll(hass)
        assert battery_state(hass, "state_of_charge").state == STATE_UNAVAILABLE
        link.unreachable = None
        await next_poll(hass)
        assert battery_state(hass, "state_of_charge").state != STATE_UNAVAILABLE
        await next_poll(hass, LONG)
        assert told == []
        assert dismissed == []


@pytest.mark.parametrize(
    ("blueprint", "offered"),
    [("adapter_recovery", {"recovery"}), ("alarm", {"alarm"})],
)
@pytest.mark.usefixtures("bank")
async def test_which_events_are_offered(
    hass: HomeAssistant, blueprint: str, offered: set[str]
) -> None:
    """Of an adapter, or of the batteries: an event of the others would never come."""
    inputs = load_yaml_dict(str(FOLDER / f"{blueprint}.yaml"))["blueprint"]["input"]
    (wanted,) = (
        each
        for _, given in inputs_of(inputs)
        if "entity" in given["selector"]
        for each in given["selector"]["entity"]["filter"]
    )
    entities = er.async_get(hass).entities.values()
    events = [each for each in entities if each.domain == wanted["domain"] == "event"]
    assert {each.unique_id.rpartition("_")[2] for each in events} > offered
    device = dr.async_get(hass).async_get
    assert {
        each.unique_id.rpartition("_")[2]
        for each in events
        if each.device_id is not None
        and all(
            getattr(device(each.device_id), key) == value
            for key, value in wanted["device"].items()
        )
    } == offered


class TestAdapterRecovery:
    """A Bluetooth adapter that was repaired, or could not be."""

    @pytest.fixture(autouse=True)
    async def automation(self, hass: HomeAssistant, told: list[ServiceCall]) -> None:
        """Watch the adapter."""
        event = adapter_entity_id(hass, "recovery", "event")
        await automate(hass, "adapter_recovery", recovery_events=[event])

    @pytest.mark.parametrize("kind", list(EventKind))
    async def test_tells_what_was_asked_for(
        self,
        hass: HomeAssistant,
        adapters: FakeAdapters,
        told: list[ServiceCall],
        kind: EventKind,
    ) -> None:
        """By default only the end of it is told: mended, or given up."""
        adapters.tell(
            AdapterEvent(
                address=adapter_status().address,
                kind=kind,
                verdict=Verdict.POWERED_OFF,
                step=RecoveryStep.RESTART_SCANNING,
            )
        )
        await settle(hass)
        name = "Bluetooth adapter hci0 (00:1A:7D:DA:71:13)"
        assert texts(told) == {
            EventKind.RECOVERED: [(f"{name}: recovered", f"{name} works again.")],
            EventKind.GAVE_UP: [
                (
                    f"{name}: needs your help",
                    f"{name} does not recover by itself (powered off). "
                    "Settings > Repairs says what to do.",
                )
            ],
        }.get(kind, [])

    async def test_restart_is_no_event(
        self,
        hass: HomeAssistant,
        bank: MockConfigEntry,
        adapters: FakeAdapters,
        told: list[ServiceCall],
    ) -> None:
        """What happened before a reload is not told again after it."""
        adapters.tell(
            AdapterEvent(
                address=adapter_status().address,
                kind=EventKind.RECOVERED,
                verdict=Verdict.OK,
            )
        )
        await settle(hass)
        assert len(texts(told)) == 1
        await hass.config_entries.async_reload(bank.entry_id)
        adapters.show(adapter_status())
        await settle(hass)
        assert told == []


@pytest.mark.parametrize("kind", list(EventKind))
async def test_every_adapter_event_can_be_chosen(
    hass: HomeAssistant,
    adapters: FakeAdapters,
    told: list[ServiceCall],
    kind: EventKind,
) -> None:
    """Each kind of event is among the choices, and has words of its own."""
    (types,) = (
        given
        for name, given in inputs_of(
            load_yaml_dict(str(FOLDER / "adapter_recovery.yaml"))["blueprint"]["input"]
        )
        if name == "event_types"
    )
    choices = [option["value"] for option in types["selector"]["select"]["options"]]
    assert sorted(choices) == sorted(EventKind)
    await automate(
        hass,
        "adapter_recovery",
        recovery_events=[adapter_entity_id(hass, "recovery", "event")],
        event_types=[kind],
    )
    adapters.tell(
        AdapterEvent(
            address=adapter_status().address, kind=kind, verdict=Verdict.SILENT
        )
    )
    await settle(hass)
    ((title, message),) = texts(told)
    words = {EventKind.GAVE_UP: "needs your help"}
    assert words.get(kind, kind.replace("_", " ").replace("no ", "without ")) in title
    assert message.endswith(".")


class TestAlarm:
    """An alarm of a battery."""

    @pytest.mark.parametrize(
        ("inputs", "cleared"),
        [
            pytest.param({}, [], id="default"),
            pytest.param(
                {"event_types": ["raised", "cleared"]},
                [
                    (
                        "RBT50LFP48S 1: Charge over-current is over",
                        "Charge over-current is over",
                    )
                ],
                id="both",
            ),
        ],
    )
    async def test_tells_of_the_alarm_and_of_its_end(
        self,
        hass: HomeAssistant,
        battery: FakeBattery,
        alarm_clock: AlarmClock,
        told: list[ServiceCall],
        inputs: dict[str, Any],
        cleared: list[tuple[str, str]],
    ) -> None:
        """An alarm is told of when it is raised and, if asked for, when it is over."""
        event = entity_id(hass, "event", f"{DONGLE.lower()}_48_alarm")
        await automate(hass, "alarm", alarm_events=[event], **inputs)
        battery.put(5106, [0x000E | 1 << 9])
        await next_poll(hass)
        assert texts(told) == [
            (
                "RBT50LFP48S 1: Charge over-current",
                "Charge over-current. Protection. Charge the battery with less current.",
            )
        ]
        await next_poll(hass)
        assert told == []
        battery.put(5106, [0x000E])
        await alarm_clock.polls(hass)
        assert texts(told) == cleared

    async def test_names_the_cells(
        self, hass: HomeAssistant, battery: FakeBattery, told: list[ServiceCall]
    ) -> None:
        """The message says which cells it is about."""
        event = entity_id(hass, "event", f"{DONGLE.lower()}_48_alarm")
        await automate(hass, "alarm", alarm_events=[event])
        battery.put(5001, [36, 36])
        battery.put(5043, [528])
        battery.put(5101, [0b1010])
        await next_poll(hass)
        titles = [title for title, _ in texts(told)]
        assert "RBT50LFP48S 1: Cell voltage above its limit (cells 1, 2)" in titles
