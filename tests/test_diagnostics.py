# SPDX-License-Identifier: Apache-2.0
"""Diagnostics tell everything but who and where."""

from collections.abc import Mapping
from dataclasses import replace
import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
    get_diagnostics_for_device,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.adapter_health.ladder import RecoveryLevel
from custom_components.renogy_bt.adapter_health.samples import (
    AdapterSample,
    EntrySample,
    EntryState,
    LinkSample,
    SlotSample,
)
from custom_components.renogy_bt.bluez.models import AdapterObject, BusSample
from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.renogy.decoder import (
    RegisterImage,
    decode_configuration,
    decode_reading,
)
from custom_components.renogy_bt.renogy.families import family_by_key
from custom_components.renogy_bt.renogy.line import is_answered_by
from custom_components.renogy_bt.renogy.modbus import FrameAssembler, ReadRequest
from custom_components.renogy_bt.renogy.models import BatteryReading
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from tests.banks import bank_entry, bank_of, link_settings, next_poll, set_up, settle
from tests.fake_air import DONGLE, DONGLE_NAME, FakeAir
from tests.fake_supervisor import ADAPTER, OTHER_ADAPTER, FakeAdapters
from tests.insides import health_of
from tests.renogy.fake_link import FakeLink, four_batteries, rbt50lfp48s

SERIAL = "22RBH4A051020000"
STRANGER = "C4:7C:8D:6A:00:17"
OTHER = "60:98:66:ED:FC:11"
OTHER_NAME = "BT-TH-66EDFC11"


def assert_anonymous(diagnostics: Any) -> None:
    """Check that neither addresses nor names nor serial numbers are told, not even in hex."""
    text = json.dumps(diagnostics).lower()
    for secret in (
        DONGLE,
        DONGLE.replace(":", ""),
        DONGLE_NAME,
        SERIAL,
        SERIAL.encode().hex(),
        ADAPTER,
        OTHER_ADAPTER,
        STRANGER,
        OTHER,
        OTHER_NAME,
        DONGLE.replace(":", "_"),
    ):
        assert secret.lower() not in text


async def test_diagnostics_of_a_bank(
    hass: HomeAssistant, air: FakeAir, hass_client: ClientSessionGenerator
) -> None:
    """Readings, failures, statistics and the plans of each link are there."""
    await async_setup_component(hass, "diagnostics", {})
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    del link.units[50]
    await next_poll(hass)
    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert_anonymous(diagnostics)
    assert diagnostics["state"] == "loaded"
    assert diagnostics["options"] == {"wiring": "parallel", "update_interval": 60}
    (stored,) = diagnostics["stored_links"]
    assert stored["units"][0] == {"unit": 48, "model": "RBT50LFP48S", "cells": 15}
    (told,) = diagnostics["links"]
    assert told["last_update_success"] is True
    assert told["last_error"] is None
    assert told["last_poll"]["requests"] > 0
    assert told["last_poll"]["seconds"] > 0
    assert told["client"]["units"].keys() == {"48", "49", "50", "51"}
    failures = {battery["unit"]: battery["failure"] for battery in told["batteries"]}
    assert failures == {48: None, 49: None, 50: "silent", 51: None}
    first, _, silent, _ = told["batteries"]
    assert first["reading"]["voltage"] == 52.4
    assert first["identity"]["model"] == "RBT50LFP48S"
    assert first["identity"]["serial_number"] == "**REDACTED**"
    assert first["configuration"]["cell_over_voltage"] == 3.7
    assert first["link_quality"] == 100
    assert silent["position"] == 3
    assert silent["reading"] is None
    assert silent["link_quality"] == 50


async def test_diagnostics_of_a_bank_that_lost_its_link(
    hass: HomeAssistant, air: FakeAir, hass_client: ClientSessionGenerator
) -> None:
    """The reason of a failure is told without the name and address in it."""
    await async_setup_component(hass, "diagnostics", {})
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    link.unreachable = f"{DONGLE_NAME} ({DONGLE}): abort-by-local"
    await next_poll(hass)
    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert_anonymous(diagnostics)
    (told,) = diagnostics["links"]
    assert told["last_update_success"] is False
    assert "abort-by-local" in told["last_error"]


async def test_diagnostics_of_a_bank_whose_link_was_never_heard(
    hass: HomeAssistant, air: FakeAir, hass_client: ClientSessionGenerator
) -> None:
    """A bank that nothing was read of yet tells what is stored, and why."""
    await async_setup_component(hass, "diagnostics", {})
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert_anonymous(diagnostics)
    assert diagnostics["state"] == "loaded"
    assert len(diagnostics["stored_links"][0]["units"]) == 4
    (told,) = diagnostics["links"]
    assert told["last_update_success"] is False
    assert "never seen" in told["last_error"]
    assert told["succeeded_at"] is None
    assert told["last_poll"] is None
    assert {battery["reading"] for battery in told["batteries"]} == {None}
    assert diagnostics["bluetooth_health"]["banks"] == 1


async def test_diagnostics_of_a_bank_that_is_not_loaded(
    hass: HomeAssistant, air: FakeAir, hass_client: ClientSessionGenerator
) -> None:
    """A bank that could not be set up tells what is stored, and why."""
    await async_setup_component(hass, "diagnostics", {})
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    await fail_to_set_up(hass, entry)
    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert_anonymous(diagnostics)
    assert diagnostics["state"] == "setup_error"
    assert diagnostics["reason"] == "**REDACTED** (**REDACTED**): not to be read"
    assert len(diagnostics["stored_links"][0]["units"]) == 4
    assert "links" not in diagnostics


async def fail_to_set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Have a bank be one whose set-up failed."""
    assert await hass.config_entries.async_unload(entry.entry_id)
    entry.mock_state(
        hass,
        ConfigEntryState.SETUP_ERROR,
        f"{DONGLE_NAME} ({DONGLE}): not to be read",
    )


def watched(now: float) -> AdapterHealth:
    """Return an adapter that was looked at, with addresses wherever there may be some."""
    health = AdapterHealth(ADAPTER)
    sample = AdapterSample(
        at=now,
        address=ADAPTER,
        bus=BusSample(owner=":1.7"),
        adapter=AdapterObject(
            path="/org/bluez/hci0", address=ADAPTER, powered=True, discovering=True
        ),
        entry=EntrySample(
            state=EntryState.RETRYING,
            reason=f"hci0 ({ADAPTER}): no answer from dev_{DONGLE.replace(':', '_')}",
        ),
        scanner=None,
        links=(
            LinkSample(address=DONGLE, heard_elsewhere=((OTHER_ADAPTER, now - 1),)),
        ),
        slots=SlotSample(slots=5, free=4, foreign=(STRANGER,)),
    )
    health.look(sample, RecoveryLevel.FULL, dt_util.utcnow())
    return health


async def test_diagnostics_of_the_adapters(
    hass: HomeAssistant,
    air: FakeAir,
    adapters: FakeAdapters,
    hass_client: ClientSessionGenerator,
) -> None:
    """What is known of the adapters is told, without any address, neither ours nor a stranger's."""
    await async_setup_component(hass, "diagnostics", {})
    air.bring(four_batteries())
    entry = bank_entry(link_settings(), recovery="gentle")
    await set_up(hass, entry)
    health = watched(hass.loop.time())
    health_of(adapters.supervisor)[ADAPTER] = health
    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert_anonymous(diagnostics)
    told = diagnostics["bluetooth_health"]
    assert (told["banks"], told["level"]) == (1, "gentle")
    (adapter,) = told["adapters"]
    assert adapter["judgement"]["verdict"] in {"starting", "unknown", "ok"}
    assert adapter["sample"]["adapter"]["path"] == "/org/bluez/hci0"
    assert adapter["sample"]["entry"]["reason"] == (
        f"hci0 ({adapter['address']}): no answer from "
        f"dev_{diagnostics['links'][0]['recording']['address'].replace(':', '_')}"
    )
    (link,) = adapter["sample"]["links"]
    assert link["address"] == diagnostics["links"][0]["recording"]["address"]
    assert adapter["sample"]["address"] == adapter["address"]
    made_up = (
        *(adapter["address"], link["address"], link["heard_elsewhere"][0][0]),
        *adapter["sample"]["slots"]["foreign"],
    )
    assert len({*made_up}) == len(made_up)


async def test_addresses_that_are_keys_stay_distinct(
    hass: HomeAssistant,
    air: FakeAir,
    adapters: FakeAdapters,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two things that are told by their address can still be told apart without it."""
    await async_setup_component(hass, "diagnostics", {})
    monkeypatch.setattr(
        adapters.supervisor,
        "diagnostics",
        lambda: {"sources": {ADAPTER: 1, OTHER_ADAPTER: 2, "proxy": {STRANGER}}},
    )
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    sources = diagnostics["bluetooth_health"]["sources"]
    assert sorted(map(str, sources.values())) == sorted(
        ["1", "2", str(sources["proxy"])]
    )
    assert len({*sources, *sources["proxy"]}) == 4


def reading_of(link: Mapping[str, Any], unit: int) -> BatteryReading:
    """Decode the raw frames of a battery, as a report of a user's tells them."""
    client, blocks = link["client"], []
    for name in (*client["units"][str(unit)]["plan"], "5200x24"):
        address, _, count = name.partition("x")
        request = ReadRequest(unit, int(address), int(count))
        (answer,) = (
            exchange
            for poll in link["recording"]["answers"][str(unit)]
            for exchange in poll["exchanges"]
            if exchange["request"] == request.encode().hex()
        )
        received = bytes.fromhex("".join(data for _, data in answer["replies"]))
        (frame,) = FrameAssembler().feed(received)
        assert is_answered_by(request, frame, None)
        blocks.append((request.address, frame.data))
    image = RegisterImage(blocks)
    return decode_reading(
        image,
        dt_util.utcnow(),
        family_by_key(client["family"]),
        decode_configuration(image),
    )


@pytest.mark.parametrize("in_one", [False, True], ids=["blocks", "all in one block"])
async def test_report_becomes_a_test_vector(
    hass: HomeAssistant,
    air: FakeAir,
    hass_client: ClientSessionGenerator,
    in_one: bool,
) -> None:
    """The raw frames that a user sends give the reading that the user saw."""
    await async_setup_component(hass, "diagnostics", {})
    link = air.bring(four_batteries())
    link.units[50].put(5042, [0xFF06])
    if in_one:
        link.units[50].readable = ((5000, 5141), (5200, 5229))
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    # The first poll leaves for the next one what can wait.
    await next_poll(hass)
    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert_anonymous(diagnostics)
    told = json.loads(json.dumps(diagnostics["links"][0]))
    shown = bank_of(entry).data.readings[DONGLE, 50]
    assert shown.current == -2.5
    assert replace(reading_of(told, 50), read_at=shown.read_at) == shown


async def device_diagnostics(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    entry: MockConfigEntry,
    identifier: str,
) -> Any:
    """Return the diagnostics of a device, which are anonymous."""
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, identifier), entry.entry_id
    )
    assert device is not None
    diagnostics = await get_diagnostics_for_device(hass, hass_client, entry, device)
    assert_anonymous(diagnostics)
    return diagnostics


async def test_diagnostics_of_a_device(
    hass: HomeAssistant, air: FakeAir, hass_client: ClientSessionGenerator
) -> None:
    """A battery tells of itself and its link only, a dongle of all that is behind it."""
    await async_setup_component(hass, "diagnostics", {})
    air.bring(four_batteries())
    air.bring(FakeLink({48: rbt50lfp48s()}), OTHER, OTHER_NAME)
    entry = bank_entry(link_settings(), link_settings(OTHER, OTHER_NAME, (48,)))
    await set_up(hass, entry)
    # The first poll leaves for the next one what can wait.
    await next_poll(hass)
    battery = await device_diagnostics(hass, hass_client, entry, f"{DONGLE.lower()}_50")
    assert battery["state"] == "loaded"
    assert len(battery["stored_link"]["units"]) == 4
    assert [each["unit"] for each in battery["link"]["batteries"]] == [50]
    assert battery["link"]["client"]["units"].keys() == {"50"}
    assert battery["link"]["client"]["units"]["50"]["plan"] == ["5000x53", "5100x10"]
    assert battery["link"]["paused"] is False
    dongle = await device_diagnostics(hass, hass_client, entry, DONGLE.lower())
    assert [each["unit"] for each in dongle["link"]["batteries"]] == [48, 49, 50, 51]
    bank = await device_diagnostics(hass, hass_client, entry, entry.entry_id)
    assert len(bank["links"]) == 2


async def test_diagnostics_of_a_device_of_a_link_that_is_lost(
    hass: HomeAssistant, air: FakeAir, hass_client: ClientSessionGenerator
) -> None:
    """A battery that could not be read since the start tells what is stored, and why."""
    await async_setup_component(hass, "diagnostics", {})
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    link.unreachable = "abort-by-local"
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    told = await device_diagnostics(hass, hass_client, entry, f"{DONGLE.lower()}_50")
    assert told["state"] == "loaded"
    assert len(told["stored_link"]["units"]) == 4
    assert "abort-by-local" in told["link"]["last_error"]
    (battery,) = told["link"]["batteries"]
    assert (battery["unit"], battery["failure"]) == (50, "link_lost")
    assert battery["reading"] is None


async def test_diagnostics_of_a_device_of_a_bank_that_is_not_loaded(
    hass: HomeAssistant, air: FakeAir, hass_client: ClientSessionGenerator
) -> None:
    """A battery of a bank that could not be set up tells what is stored, and why."""
    await async_setup_component(hass, "diagnostics", {})
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    await fail_to_set_up(hass, entry)
    told = await device_diagnostics(hass, hass_client, entry, f"{DONGLE.lower()}_50")
    assert told["state"] == "setup_error"
    assert told["reason"] == "**REDACTED** (**REDACTED**): not to be read"
    assert len(told["stored_link"]["units"]) == 4
    assert "link" not in told
