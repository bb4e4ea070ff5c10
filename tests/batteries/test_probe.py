# SPDX-License-Identifier: Apache-2.0
"""The action that probes any peripheral: what its report tells, and when it refuses."""

import asyncio
from dataclasses import replace
import json
from typing import Any
from unittest.mock import patch

from probatio import Invalid
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.renogy_bt.const import DOMAIN
from homeassistant.components import bluetooth
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError, Unauthorized
from homeassistant.setup import async_setup_component
from tests.banks import bank_entry, link_of, link_settings, settle
from tests.fake_air import DONGLE, DONGLE_NAME, FakeAir
from tests.flows.walk import add_integration, report_in
from tests.renogy.fake_link import (
    Delivery,
    FakeBattery,
    FakeLink,
    four_batteries,
    rbt50lfp48s,
    text_words,
)

SERIAL = "22RBH4A051020000"
NAMELESS = "F0:F8:F2:A1:B2:C3"


@pytest.fixture(autouse=True)
async def integration(hass: HomeAssistant, air: FakeAir) -> None:
    """Set the integration up, without any bank."""
    assert await async_setup_component(hass, DOMAIN, {})


def controller() -> FakeLink:
    """Return a charge controller."""
    device = FakeBattery(readable=((0x000A, 0x0014),))
    device.put(0x000C, text_words("RNG-CTRL-RVR40", 8))
    return FakeLink({96: device})


def cut_off(delivery: Delivery) -> Delivery:
    """End the connection after the beginning of the reply."""
    return replace(delivery, fragments=(delivery.fragments[0][:4],), drops_after=0)


async def probe(
    hass: HomeAssistant,
    address: str = DONGLE,
    context: Context | None = None,
    **data: Any,
) -> dict[str, Any]:
    """Probe an address and return the report."""
    response = await hass.services.async_call(
        DOMAIN,
        "probe",
        {"address": address, **data},
        blocking=True,
        return_response=True,
        context=context,
    )
    assert isinstance(response, dict)
    # It goes to browsers and programs as JSON.
    assert json.loads(json.dumps(response)) == response
    await settle(hass)
    return response


def of(model: str | None) -> FakeBattery:
    """Return a battery that tells this model, None for none."""
    battery = rbt50lfp48s()
    battery.put(5122, text_words(model or "", 8))
    return battery


# What is found


async def test_batteries_behind_a_dongle(hass: HomeAssistant, air: FakeAir) -> None:
    """The report says what was found, and how; the dongle is free afterwards."""
    link = air.bring(four_batteries())
    report = await probe(hass)
    assert (report["kind"], report["outcome"], report["reason"]) == (
        "probe",
        "found",
        "",
    )
    assert report["found"] == {
        "family": "standard",
        "batteries": [
            {"unit": unit, "model": "RBT50LFP48S", "cells": 15}
            for unit in (48, 49, 50, 51)
        ],
        "others": [],
    }
    assert report["family"] == "standard"
    assert report["left_out"] == 0
    assert report["connected_at"] is not None
    answered = [
        each["request"] for each in report["exchanges"] if len(each["replies"]) == 1
    ]
    for unit in ("30", "31", "32", "33"):
        assert any(each.startswith(f"{unit}03") for each in answered)
    (connection,) = link.connections
    assert connection.lost.done()


async def test_what_stands_beside_batteries(hass: HomeAssistant, air: FakeAir) -> None:
    """A charge controller on the same line is told as well."""
    link = controller()
    link.units[48] = rbt50lfp48s()
    air.bring(link)
    found = (await probe(hass))["found"]
    assert [each["unit"] for each in found["batteries"]] == [48]
    assert found["others"] == [{"unit": 96, "kind": "charge_controller"}]


@pytest.mark.parametrize("model", ["RBT12200LFP-BT", None])
async def test_family_that_is_shown(
    hass: HomeAssistant, air: FakeAir, model: str | None
) -> None:
    """Without a name the family is decided by what was found, or not at all."""
    air.bring(FakeLink({48: of(model)}), NAMELESS, "")
    report = await probe(hass, NAMELESS)
    assert report["family"] == "undecided", "the name decides nothing"
    assert report["found"]["family"] == ("pro" if model else "undecided")
    assert report["found"]["batteries"] == [{"unit": 48, "model": model, "cells": 15}]


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ([10, 11], [10, 11]),
        (["11", " 10 "], [10, 11]),
        ("10, 11", [10, 11]),
        (["10-12", 33], [10, 11, 12, 33]),
        (255, [255]),
        ([], []),
    ],
)
async def test_unit_ids(
    hass: HomeAssistant, air: FakeAir, given: Any, asked: list[int]
) -> None:
    """Ids that their owner has set are asked besides the usual ones."""
    link = air.bring(FakeLink({10: rbt50lfp48s(), 11: rbt50lfp48s()}))
    report = await probe(hass, unit_ids=given)
    assert report["unit_ids"] == asked
    for unit in asked:
        assert link.asked_of(unit)
    assert (report["outcome"] == "found") is ({10, 11} <= {*asked})


# What is not found


@pytest.mark.parametrize(
    ("trouble", "outcome"),
    [
        pytest.param({"unreachable": "by-local"}, "cannot_connect", id="held"),
        pytest.param({"wedged": True}, "no_answer", id="silent"),
        pytest.param({"always": [cut_off]}, "connection_lost", id="lost"),
        pytest.param({"units": controller().units}, "charge_controller", id="other"),
    ],
)
async def test_failure_is_reported_as_the_dialogue_does(
    hass: HomeAssistant, air: FakeAir, trouble: dict[str, Any], outcome: str
) -> None:
    """The report is that of a set-up that failed, but for the times."""
    vars(air.bring(four_batteries())).update(trouble)
    flow = await add_integration(hass)
    await flow.submit(address=DONGLE)
    offered = report_in(flow.step)
    report = await probe(hass)
    assert report["outcome"] == outcome
    assert report["kind"] == "failed_set_up"
    assert report["found"] is None
    assert report.keys() == offered.keys()
    for key in report.keys() - {"seconds", "connected_at", "exchanges"}:
        assert report[key] == offered[key], key
    assert (report["connected_at"] is None) is (outcome == "cannot_connect")
    assert [each["request"] for each in report["exchanges"]] == [
        each["request"] for each in offered["exchanges"]
    ]


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("RTMShunt30000001", "shunt"), ("RNGRIU0001", "inverter")],
)
async def test_refused_by_name(
    hass: HomeAssistant, air: FakeAir, name: str, outcome: str
) -> None:
    """What its name tells to be no battery is not connected to, as in a set-up."""
    link = air.bring(four_batteries(), name=name)
    report = await probe(hass)
    assert report["outcome"] == outcome
    assert report["advertisement"]["name_length"] == len(name)
    assert report["exchanges"] == []
    assert link.connections == []


# What is left out


@pytest.mark.parametrize(
    "model", ["RBT50LFP48S", "202408151234567", SERIAL, "FDA1B2C3"]
)
async def test_nobody_is_given_away(
    hass: HomeAssistant, air: FakeAir, model: str
) -> None:
    """Not by what is found either, whatever a battery has in the place of its model."""
    link = FakeLink({48: of(model), 49: rbt50lfp48s()})
    link.units[48].put(5000, [15, *[34] * 16])
    air.links[DONGLE] = link
    air.advertise(
        manufacturer_data={0xB26C: bytes.fromhex("fda1b2c3")},
        service_uuids=["0000ffd0-0000-1000-8000-00805f9b34fb"],
    )
    (scanner,) = bluetooth.async_current_scanners(hass)
    with patch.object(scanner, "name", "bedroom-of-jan"):
        text = json.dumps(await probe(hass)).lower()
    raw = bytes.fromhex(DONGLE.replace(":", ""))
    for secret in (
        *(DONGLE, DONGLE_NAME, "bedroom", "FDA1B2C3", "202408151234567"),
        *(part[::step].hex() for part in (raw, raw[2:]) for step in (1, -1)),
        *(each.encode().hex() for each in ("202408151234567", "FDA1B2C3")),
    ):
        assert secret.lower() not in text


async def test_a_name_that_is_heard_late(hass: HomeAssistant, air: FakeAir) -> None:
    """A name in a scan response that comes while the device is probed is not told."""
    link = FakeLink({48: of(None)})
    name = "RNGRBP12A4"
    air.bring(link, NAMELESS, "")

    def naming(delivery: Delivery) -> Delivery:
        air.advertise(NAMELESS, name, manufacturer_data={0x0102: b"\x0012A4"})
        return delivery

    link.always = [naming]
    report = await probe(hass, NAMELESS)
    assert report["found"]["family"] == "pro"
    assert report["advertisement"]["name"] == "RNGRBP"
    assert b"12A4".hex() not in json.dumps(report["advertisement"])


# What is refused


@pytest.mark.parametrize(
    "address",
    [
        DONGLE.lower(),
        f" {DONGLE} ",
        DONGLE.replace(":", "-"),
        DONGLE.replace(":", "").lower(),
    ],
)
async def test_spellings_of_an_address(
    hass: HomeAssistant, air: FakeAir, address: str
) -> None:
    """An address is understood in any case, with or without what separates its bytes."""
    air.bring(four_batteries())
    assert (await probe(hass, address))["outcome"] == "found"
    assert air.attempts == [DONGLE]


@pytest.mark.parametrize(
    "address",
    ["", "dongle", DONGLE[:-1], f"{DONGLE}:00", "6C:B2:FD:A1:B2:CX", "A" * 100_000],
)
async def test_what_is_no_address(hass: HomeAssistant, address: str) -> None:
    """The message repeats what was given, but not endlessly."""
    with pytest.raises(
        ServiceValidationError, match="is not a Bluetooth address"
    ) as raised:
        await probe(hass, address)
    assert f"“{address[:40]}”" in str(raised.value)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    "unit_ids", [[0], [248], [255, 10], ["1-33"], ["x" * 100_000], ["10.5"], [True]]
)
async def test_wrong_unit_ids(
    hass: HomeAssistant, air: FakeAir, unit_ids: list[Any]
) -> None:
    """The bounds are those of the dialogue, and the message says what is wrong."""
    air.bring(four_batteries())
    with pytest.raises(ServiceValidationError, match="not right in the list") as raised:
        await probe(hass, unit_ids=unit_ids)
    assert len(str(raised.value)) < 300
    assert air.attempts == []


@pytest.mark.parametrize("unit_ids", [[{"unit": 10}], [None], [10] * 33])
async def test_what_is_no_list_of_unit_ids(
    hass: HomeAssistant, air: FakeAir, unit_ids: list[Any]
) -> None:
    """Other kinds of data, and endless lists, are refused by the schema."""
    with pytest.raises(Invalid):
        await probe(hass, unit_ids=unit_ids)
    assert air.attempts == []


@pytest.mark.parametrize("is_heard", [False, True])
async def test_not_heard_by_who_can_connect(
    hass: HomeAssistant, air: FakeAir, is_heard: bool
) -> None:
    """Nothing is tried where nobody could connect, and the reason is given."""
    if is_heard:
        air.links[DONGLE] = four_batteries()
        air.advertise(connectable=False)
    with pytest.raises(
        ServiceValidationError, match=f"{DONGLE} cannot be reached.*Reason: .+"
    ):
        await probe(hass)
    assert air.attempts == []


async def test_only_for_administrators(
    hass: HomeAssistant,
    air: FakeAir,
    hass_read_only_user: MockUser,
    hass_admin_user: MockUser,
) -> None:
    """Who is none cannot have anything in range connected to."""
    air.bring(four_batteries())
    with pytest.raises(Unauthorized):
        await probe(hass, context=Context(user_id=hass_read_only_user.id))
    assert air.attempts == []
    await probe(hass, context=Context(user_id=hass_admin_user.id))
    assert air.attempts == [DONGLE]


async def test_already_probed(hass: HomeAssistant, air: FakeAir) -> None:
    """One probe of a device at a time, of others meanwhile; then the next may come."""
    link = air.bring(four_batteries())
    air.bring(FakeLink({48: rbt50lfp48s()}), NAMELESS, "RNGRBP1")
    first = hass.async_create_task(probe(hass))
    while not link.asked:
        await asyncio.sleep(0)
    with pytest.raises(ServiceValidationError, match="is being probed already"):
        await probe(hass, DONGLE.lower())
    assert (await probe(hass, NAMELESS))["outcome"] == "found"
    assert (await first)["outcome"] == "found"
    assert (await probe(hass))["outcome"] == "found"
    assert len(link.connections) == 2


async def test_while_a_dialogue_probes(hass: HomeAssistant, air: FakeAir) -> None:
    """The probe of a set-up counts too; afterwards its connection is taken over."""
    link = air.bring(four_batteries())
    flow = await add_integration(hass)
    submitted = hass.async_create_task(flow.submit(address=DONGLE))
    while not link.asked:
        await asyncio.sleep(0)
    with pytest.raises(ServiceValidationError, match="is being probed already"):
        await probe(hass)
    await submitted
    flow.expect_form("found")
    assert (await probe(hass))["outcome"] == "found"
    assert len(link.connections) == 1
    assert link.connections[0].lost.done()


async def test_probe_that_is_given_up(hass: HomeAssistant, air: FakeAir) -> None:
    """A call that is cancelled leaves nothing connected, and the way free."""
    link = air.bring(four_batteries())
    link.hangs_on_write = True
    first = hass.async_create_task(probe(hass))
    while not link.connections:
        await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    assert link.connections[0].lost.done()
    link.hangs_on_write = False
    assert (await probe(hass))["outcome"] == "found"


# Links of a bank


async def test_link_that_is_polled(hass: HomeAssistant, bank: MockConfigEntry) -> None:
    """A probe and the polls of a link wait for each other, and nothing is changed."""
    coordinator = bank.runtime_data
    _, report, _ = await asyncio.gather(
        link_of(bank).async_refresh(), probe(hass), link_of(bank).async_refresh()
    )
    assert report["outcome"] == "found"
    assert len(report["found"]["batteries"]) == 4
    assert link_of(bank).last_update_success
    assert link_of(bank).data.failed == {}
    assert bank.runtime_data is coordinator


async def test_polling_that_is_off(
    hass: HomeAssistant, bank: MockConfigEntry, air: FakeAir
) -> None:
    """A link that is left to another app is connected to only by an express wish."""
    await link_of(bank).async_set_polling(False)
    before = len(air.attempts)
    with pytest.raises(
        ServiceValidationError, match=f"Polling of {DONGLE_NAME} is switched off"
    ):
        await probe(hass)
    assert len(air.attempts) == before
    assert (await probe(hass, connect_anyway=True))["outcome"] == "found"
    assert len(air.attempts) == before + 1
    assert link_of(bank).paused


async def test_polling_that_is_off_in_a_bank_that_is_not_loaded(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """The owner's choice holds while the bank is disabled, too."""
    air.bring(four_batteries())
    bank_entry(link_settings(polling=False)).add_to_hass(hass)
    with pytest.raises(ServiceValidationError, match="is switched off"):
        await probe(hass)
    assert air.attempts == []
