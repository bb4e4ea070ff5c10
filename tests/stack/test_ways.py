# SPDX-License-Identifier: Apache-2.0
"""The ways of a value and of a fault, traced over the real stack: short, and as documented."""

import asyncio
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

import bleak_retry_connector
import pytest

from custom_components.renogy_bt.adapter_health.faults import links
from custom_components.renogy_bt.adapter_health.history import StepResult
from custom_components.renogy_bt.adapter_health.policy import Decision
from custom_components.renogy_bt.adapter_health.samples import (
    AdapterSample,
    Judgement,
    LinkSample,
)
from custom_components.renogy_bt.adapter_health.status import (
    AdapterEvent,
    AdapterStatus,
    Notice,
)
from custom_components.renogy_bt.coordinator import ENERGY_SECONDS
from homeassistant.components.event import EventEntity
from homeassistant.core import HomeAssistant, StateMachine
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.update_coordinator import (
    CoordinatorEntity,
    DataUpdateCoordinator,
)
from tests.banks import bank_entry, entity_id, link_of, link_settings
from tests.emulator import EmulatedWorld, World, load_world
from tests.emulator.__main__ import WORLDS
from tests.fake_air import DONGLE
from tests.repository.test_documentation import document, rows, section
from tests.ways.tracer import Tracer
from tests.ways.way import (
    ENTITY,
    NOTIFICATION,
    POLL,
    PUBLISHED,
    STATE,
    fault_way,
    forms,
    value_way,
)

from .conftest import still
from .integration import heard
from .test_bank_over_time import all_read, is_read, started, told
from .warped_time import Clock

LOOK = "Supervisor._async_look"
STEP = "Recovery._async_take_step"
CALM = 300.0
"""How long everything has been well before a fault begins, s."""
NOTICED_WITHIN = 600.0

HANDED_ON = [
    *("renogy/transport.py", "renogy/line.py", "renogy/modbus.py", "renogy/reader.py"),
    *("renogy/decoder.py", "renogy/alarms.py", "renogy/plausibility.py"),
    "renogy/confirmation.py",
    *("renogy/plan.py", "renogy/battery.py", "renogy/link.py", "links/coordinator.py"),
]
"""What a value enters from the last notification to the report of the link."""
FORMS_OF_THE_FAULT = (
    *("failure", "sample", "sign", "verdict", "decision", "event", "firing", "step"),
    *("result", "notice", "status"),
)
"""What the fault of this test is on its way, from a failed poll to the notice."""

type Record = Callable[[str, object], None]


@pytest.fixture
def world() -> World:
    """Return the owner's batteries at their real pace."""
    return still(load_world(WORLDS / "owner.json"))


@pytest.mark.usefixtures("bluetooth_entry")
async def test_way_of_a_value(
    hass: HomeAssistant, clock: Clock, record_property: Record
) -> None:
    """A poll passes few files, and no file twice between the notification and the report."""
    await heard(hass, DONGLE)
    entry = bank_entry(link_settings(units=(48,)))
    first = poll_tracer(hass)
    with first.recording():
        await started(hass, entry)
        await clock.until(lambda: is_read(hass), 60)
    # Energy is not stored more often; the next poll by itself is later.
    await asyncio.sleep(ENERGY_SECONDS)
    later = poll_tracer(hass)
    with later.recording():
        await link_of(entry).async_refresh()
    way = value_way("value", later)
    record_property("way", value_way("first value", first).as_data())
    record_property("way", way.as_data())
    assert len(way.files) <= way.limit
    assert [file for file, times in way.entered.items() if times > 1] == []
    assert list(way.entered) == HANDED_ON
    text, files = documented("The way of one value")
    assert files == list(way.files)
    assert f"**{len(way.files)} files**; the limit is {way.limit}" in text


def poll_tracer(hass: HomeAssistant) -> Tracer:
    """Return what traces a poll up to the state of the battery's voltage."""

    def state(frame: FrameType) -> str | None:
        voltage = entity_id(hass, "sensor", f"{DONGLE.lower()}_48_voltage")
        return STATE if frame.f_locals["entity_id"] == voltage else None

    tracer = Tracer(
        {POLL},
        callbacks={NOTIFICATION},
        deeds={
            DataUpdateCoordinator.async_update_listeners.__code__: form(PUBLISHED),
            CoordinatorEntity._handle_coordinator_update.__code__: form(ENTITY),
            StateMachine.async_set_internal.__code__: state,
        },
    )
    tracer.is_over = lambda: STATE in forms(tracer.stations)
    return tracer


def form(name: str) -> Callable[[FrameType], str]:
    """Return what gives every call of a function this name."""
    return lambda _: name


async def test_way_of_a_fault(
    hass: HomeAssistant,
    bluetooth_entry: object,
    clock: Clock,
    emulated_world: EmulatedWorld,
    record_property: Record,
) -> None:
    """Connections that fail are seen, a step is taken in vain, and the user is told."""
    await heard(hass, DONGLE)
    await started(hass, bank_entry(link_settings()))
    await asyncio.sleep(CALM)
    assert all_read(hass)
    await emulated_world.set_fault("connects-abort")
    tracer = Tracer(
        {LOOK, STEP},
        deeds={
            bleak_retry_connector.close_stale_connections_by_address.__code__: form(
                "step"
            ),
            EventEntity._trigger_event.__code__: form("firing"),
            ir.async_create_issue.__code__: form("notice"),
        },
        form_of=form_of,
    )
    with tracer.recording():
        await clock.until(lambda: told(hass), NOTICED_WITHIN)
    assert told(hass) == {"adapter_connects_failing"}
    way = fault_way("fault", tracer)
    record_property("way", way.as_data())
    assert forms(tracer.stations) == FORMS_OF_THE_FAULT
    assert len(way.files) <= way.limit
    text, files = documented("The way of one fault")
    assert sorted(files) == sorted(way.files)
    assert f"**{len(way.files)} files**; the limit is {way.limit}" in text


def form_of(code: CodeType, value: object) -> str | None:
    """Tell which form of the fault a function returns."""
    if code is links.connects_fail.is_seen.__code__ and value is True:
        return "sign"
    return next(filter(None, map(_form_of, _parts(value))), None)


def _parts(value: Any) -> Iterator[object]:
    yield value
    if isinstance(value, tuple | list):
        yield from value


def _form_of(value: object) -> str | None:
    match value:
        case LinkSample(failures=failures) if failures:
            return "failure"
        case AdapterSample(links=links) if any(link.failures for link in links):
            return "sample"
        case Judgement(verdict=verdict) if verdict.is_fault:
            return "verdict"
        case Decision(step=step) if step is not None:
            return "decision"
        case StepResult.NO_EFFECT:
            return "result"
        case AdapterEvent():
            return "event"
        case AdapterStatus(notice=Notice()):
            return "status"
        case _:
            return None


def documented(title: str) -> tuple[str, list[str]]:
    """Return a section of the documentation, and the files of the way that it lists."""
    text = section(document("architecture.md"), title)
    return text, [cells[1].strip("`") for cells in rows(text) if cells[0].isdecimal()]
