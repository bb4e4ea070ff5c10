# SPDX-License-Identifier: Apache-2.0
"""Adding links: by discovery, by hand, to a bank that exists and to a new one."""

from collections.abc import Callable

import pytest

from custom_components.renogy_bt.adapter_health.ladder import RecoveryLevel
from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.links import reasons
from custom_components.renogy_bt.links.settings import links_of
from custom_components.renogy_bt.renogy.exceptions import LinkUnreachable
from homeassistant.config_entries import (
    SOURCE_BLUETOOTH,
    SOURCE_IGNORE,
    ConfigEntryState,
)
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from tests.banks import (
    bank_entry,
    bank_state,
    battery_state,
    link_settings,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, DONGLE_NAME, FakeAir
from tests.flows.walk import (
    Flow,
    add_integration,
    discovered,
    discovery_flows,
    options_of,
    report_in,
)
from tests.renogy.fake_link import (
    FakeBattery,
    FakeLink,
    drop_in_reply,
    four_batteries,
    rbt50lfp48s,
)

pytestmark = pytest.mark.usefixtures("translated_flows")

OTHER = "60:98:66:ED:FC:11"
OTHER_NAME = "BT-TH-66EDFC11"
THIRD = "C4:64:E3:38:3D:0E"
THIRD_NAME = "BT-TH-E3383D0E"

FOUR_ROWS = "\n".join(
    f"| {index + 1} | {index + 48} | RBT50LFP48S | 15 | 100 % | 52.4 V | …0000 |"
    for index in range(4)
)


def two_batteries() -> FakeLink:
    """Return another dongle with two batteries."""
    return FakeLink({48: rbt50lfp48s(), 49: rbt50lfp48s()})


async def test_discovered_dongle_makes_a_bank(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """A discovered dongle is confirmed, its batteries are shown, then the bank is there."""
    air.bring(four_batteries())
    flow = await discovered(hass)
    assert flow.expect_form("bluetooth_confirm")["name"] == DONGLE_NAME
    assert air.attempts == [], "connected before the user agreed"
    await flow.submit()
    assert flow.expect_form("found") == {"name": DONGLE_NAME, "batteries": FOUR_ROWS}
    assert hass.config_entries.async_entries(DOMAIN) == []
    await flow.submit(wiring="parallel")

    entry = flow.expect_entry()["result"]
    assert entry.title == "Battery bank"
    assert entry.unique_id is None
    assert entry.data == {}
    assert entry.options == {
        "wiring": "parallel",
        "recovery": "full",
        "update_interval": 60,
    }
    (subentry,) = entry.subentries.values()
    assert subentry.subentry_type == "link"
    assert subentry.unique_id == DONGLE
    assert subentry.title == DONGLE_NAME
    assert dict(subentry.data) == {
        "address": DONGLE,
        "name": DONGLE_NAME,
        "family": "standard",
        "units": [
            {"unit": unit, "model": "RBT50LFP48S", "cells": 15, "place": str(unit - 47)}
            for unit in (48, 49, 50, 51)
        ],
        "polling": True,
    }
    assert entry.state is ConfigEntryState.LOADED
    assert bank_state(hass, entry, "batteries_responding").state == "4"


@pytest.mark.parametrize("level", list(RecoveryLevel))
async def test_recovery_is_chosen_when_a_bank_is_made(
    hass: HomeAssistant, air: FakeAir, level: RecoveryLevel
) -> None:
    """What may be done to the adapter is asked before anything is done to it."""
    air.bring(four_batteries())
    flow = await discovered(hass)
    await flow.submit()
    flow.expect_form("found")
    await flow.submit(wiring="series", recovery=level)
    options = flow.expect_entry()["result"].options
    assert (options["wiring"], options["recovery"]) == ("series", level)


async def test_padded_name_is_stripped(hass: HomeAssistant, air: FakeAir) -> None:
    """A name that comes padded with blanks and NULs is shown and stored without them."""
    air.bring(four_batteries(), name=f"{DONGLE_NAME}   \0")
    flow = await discovered(hass)
    await flow.submit()
    assert flow.expect_form("found")["name"] == DONGLE_NAME
    await flow.submit(wiring="series")
    entry = flow.expect_entry()["result"]
    assert [link.name for link in links_of(entry).values()] == [DONGLE_NAME]
    assert entry.options["wiring"] == "series"


async def test_discovery_of_a_configured_link_is_dropped(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """A link of a bank is not offered again."""
    await set_up(hass, bank_entry(link_settings()))
    air.bring(four_batteries())
    await settle(hass)
    assert discovery_flows(hass) == []


async def test_discovery_of_a_link_that_was_never_heard(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that its bank waits for is polled as soon as it is heard, and not offered."""
    monkeypatch.setattr(
        "custom_components.renogy_bt.links.retries.HEARD_RETRY_SECONDS", 0.0
    )
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
    air.bring(four_batteries())
    await settle(hass)
    assert battery_state(hass, "voltage").state == "52.4"
    assert discovery_flows(hass) == []


async def test_controller_beside_batteries_is_mentioned(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """What else answers on the dongle is told before the bank is made."""
    dongle = four_batteries()
    dongle.units[97] = FakeBattery(readable=((0x000A, 0x0014),))
    air.bring(dongle)
    flow = await discovered(hass)
    await flow.submit()
    assert flow.expect_form("found_beside_others")["others"] == "97"
    await flow.submit(wiring="parallel")
    assert flow.expect_entry()["result"].state is ConfigEntryState.LOADED


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("RTMShunt30012345678", "shunt", id="shunt"),
        pytest.param("RNGRIU1234567", "inverter", id="inverter"),
        pytest.param("BTRIC123456789", "inverter", id="older inverter"),
    ],
)
async def test_name_that_gives_a_device_away_is_refused(
    hass: HomeAssistant, air: FakeAir, name: str, reason: str
) -> None:
    """A shunt or an inverter is refused by its name, without connecting."""
    air.advertise(OTHER, name)
    await settle(hass)
    heard = air.heard(OTHER)
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_BLUETOOTH}, data=heard
    )
    assert result["reason"] == reason
    assert result["description_placeholders"] == {"name": name, "reason": ""}
    assert air.attempts == []


def _not_reachable(air: FakeAir) -> Callable[[], None]:
    air.forget(DONGLE)
    return air.advertise


def _cannot_connect(air: FakeAir) -> Callable[[], None]:
    link = air.links[DONGLE]
    link.unreachable = "le-connection-abort-by-local"

    def mend() -> None:
        link.unreachable = None

    return mend


def _no_answer(air: FakeAir) -> Callable[[], None]:
    link = air.links[DONGLE]
    link.wedged = True

    def mend() -> None:
        link.wedged = False

    return mend


def _connection_lost(air: FakeAir) -> Callable[[], None]:
    link = air.links[DONGLE]
    link.always = [drop_in_reply]
    return link.always.clear


TEMPORARY = [
    pytest.param(_not_reachable, "not_reachable", "hears it.", id="not reachable"),
    pytest.param(
        _cannot_connect, "cannot_connect", "broken off.", id="held by another"
    ),
    pytest.param(_no_answer, "no_answer", "", id="silent"),
    pytest.param(_connection_lost, "connection_lost", "", id="lost while reading"),
]

type BreakLink = Callable[[FakeAir], Callable[[], None]]


@pytest.mark.parametrize(("break_link", "error", "reason"), TEMPORARY)
async def test_discovered_link_can_be_tried_again(
    hass: HomeAssistant, air: FakeAir, break_link: BreakLink, error: str, reason: str
) -> None:
    """A probe that failed says why, and the same flow goes on when the cause is gone."""
    air.bring(four_batteries())
    flow = await discovered(hass)
    mend = break_link(air)
    await flow.submit()
    placeholders = flow.expect_form("bluetooth_confirm", error)
    assert placeholders["name"] == DONGLE_NAME
    assert reason in placeholders["reason"]
    assert report_in(flow.step)["outcome"] == error
    mend()
    await flow.submit()
    flow.expect_form("found")
    await flow.submit(wiring="parallel")
    assert flow.expect_entry()["result"].state is ConfigEntryState.LOADED


@pytest.mark.parametrize(("break_link", "error", "reason"), TEMPORARY)
async def test_picked_link_can_be_tried_again(
    hass: HomeAssistant, air: FakeAir, break_link: BreakLink, error: str, reason: str
) -> None:
    """A probe that failed leads back to the list, from where it can be started again."""
    air.bring(four_batteries())
    flow = await add_integration(hass)
    flow.expect_form("pick")
    mend = break_link(air)
    await flow.submit(address=DONGLE)
    assert reason in flow.expect_form("pick", error)["reason"]
    assert options_of(flow.step, "address") == [DONGLE]
    assert report_in(flow.step)["outcome"] == error
    mend()
    await flow.submit(address=DONGLE, report={"report": "copied, then changed"})
    flow.expect_form("found")
    await flow.submit(wiring="parallel")
    assert flow.expect_entry()["result"].state is ConfigEntryState.LOADED


def controller() -> FakeLink:
    """Return a charge controller: it gives its model, not the registers of a battery."""
    return FakeLink({96: FakeBattery(readable=((0x000C, 0x0013),))})


def inverter() -> FakeLink:
    """Return an inverter."""
    return FakeLink({32: FakeBattery(readable=((0x000C, 0x0013),))})


def something_else() -> FakeLink:
    """Return a device that refuses whatever it is asked."""
    return FakeLink({48: FakeBattery(readable=())})


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        pytest.param(controller, "charge_controller", id="charge controller"),
        pytest.param(inverter, "inverter", id="inverter"),
        pytest.param(something_else, "not_a_battery", id="unknown"),
    ],
)
async def test_other_device_is_refused(
    hass: HomeAssistant, air: FakeAir, device: Callable[[], FakeLink], reason: str
) -> None:
    """A peripheral that answers, but is no battery, is refused by what it is, with a report."""
    air.bring(device())
    flow = await discovered(hass)
    await flow.submit()
    assert flow.expect_form("refused", reason)["name"] == DONGLE_NAME
    report = report_in(flow.step)
    assert report["outcome"] == reason
    assert any(each["replies"] for each in report["exchanges"])
    await flow.submit()
    assert flow.expect_abort(reason)["name"] == DONGLE_NAME
    assert hass.config_entries.async_entries(DOMAIN) == []


async def test_user_picks_from_what_is_not_set_up(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """The list has what is in range, in no bank, and may be a battery or is refused by name."""
    await set_up(hass, bank_entry(link_settings(OTHER, OTHER_NAME, (48,))))
    air.bring(two_batteries(), OTHER, OTHER_NAME)
    air.bring(four_batteries())
    air.advertise("11:22:33:44:55:66", "Kitchen lamp")
    air.advertise("22:22:33:44:55:66", "RTMShunt30012345678")
    # An owner may have renamed the dongle; it still spells its own address.
    air.advertise(THIRD, "Shed", manufacturer_data={0x64C4: bytes.fromhex("e3383d0e")})
    air.advertise("F0:F8:F2:00:00:01", "", manufacturer_data={0xF8F0: b"\xf2\0\0\1"})
    flow = await add_integration(hass)
    flow.expect_form("pick")
    assert sorted(options_of(flow.step, "address")) == sorted(
        [DONGLE, "22:22:33:44:55:66", THIRD, "F0:F8:F2:00:00:01"]
    )


async def test_user_adds_the_first_bank(hass: HomeAssistant, air: FakeAir) -> None:
    """A picked link makes a bank, and its own discovery is withdrawn."""
    air.bring(four_batteries())
    await settle(hass)
    assert discovery_flows(hass) == [DONGLE]
    flow = await add_integration(hass)
    await flow.submit(address=DONGLE)
    await flow.submit(wiring="parallel")
    entry = flow.expect_entry()["result"]
    assert entry.unique_id is None
    assert discovery_flows(hass) == []


async def test_nothing_in_range(hass: HomeAssistant, air: FakeAir) -> None:
    """Without a link in range the flow ends and says what to check; later it works."""
    (await add_integration(hass)).expect_abort("no_devices_found")
    # What is heard, but not offered, can be probed for a report all the same.
    assert hass.services.has_service(DOMAIN, "probe")
    air.bring(four_batteries())
    (await add_integration(hass)).expect_form("pick")


async def test_ignored_link_can_be_picked(hass: HomeAssistant, air: FakeAir) -> None:
    """A link whose discovery was ignored can be set up, and is ignored no longer."""
    air.bring(four_batteries())
    await settle(hass)
    await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_IGNORE},
        data={"unique_id": DONGLE, "title": DONGLE_NAME},
    )
    await settle(hass)
    assert discovery_flows(hass) == []
    flow = await add_integration(hass)
    await flow.submit(address=DONGLE)
    await flow.submit(wiring="parallel")
    entry = flow.expect_entry()["result"]
    assert hass.config_entries.async_entries(DOMAIN) == [entry]
    assert entry.state is ConfigEntryState.LOADED


async def test_ignored_link_is_not_offered(hass: HomeAssistant, air: FakeAir) -> None:
    """A link whose discovery was ignored stays away when it is heard again."""
    await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_IGNORE},
        data={"unique_id": DONGLE, "title": DONGLE_NAME},
    )
    air.bring(four_batteries())
    await settle(hass)
    assert discovery_flows(hass) == []


async def _second_link_found(hass: HomeAssistant, air: FakeAir) -> Flow:
    air.bring(two_batteries(), OTHER, OTHER_NAME)
    flow = await discovered(hass)
    await flow.submit()
    flow.expect_form("found")
    return await flow.submit()


async def test_second_link_joins_the_bank(hass: HomeAssistant, air: FakeAir) -> None:
    """A discovered link is added to the bank that exists, which then has its batteries."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    flow = await _second_link_found(hass, air)
    assert flow.expect_menu("bank") == ["add_to_bank", "new_bank"]
    assert flow.step["description_placeholders"]["bank"] == "Battery bank"
    await flow.choose("add_to_bank")
    assert flow.expect_abort("added_to_bank") == {
        "name": OTHER_NAME,
        "bank": "Battery bank",
    }
    assert hass.config_entries.async_entries(DOMAIN) == [entry]
    assert [link.address for link in links_of(entry).values()] == [DONGLE, OTHER]
    assert entry.state is ConfigEntryState.LOADED
    assert bank_state(hass, entry, "batteries_responding").state == "6"


async def test_link_joins_a_bank_that_waits(hass: HomeAssistant, air: FakeAir) -> None:
    """A bank whose own link does not answer reads the link that it got at once."""
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert bank_state(hass, entry, "batteries_responding").state == STATE_UNAVAILABLE
    flow = await _second_link_found(hass, air)
    await flow.choose("add_to_bank")
    flow.expect_abort("added_to_bank")
    assert entry.state is ConfigEntryState.LOADED
    assert bank_state(hass, entry, "batteries_responding").state == "2"
    assert battery_state(hass, "voltage", 48, OTHER).state == "52.4"
    assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE


async def test_second_link_makes_a_second_bank(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """A link may get a bank of its own, which is told apart by its title."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    flow = await _second_link_found(hass, air)
    await flow.choose("new_bank")
    flow.expect_form("new_bank")
    await flow.submit(wiring="series")
    second = flow.expect_entry()["result"]
    assert second.title == "Battery bank 2"
    assert second.options["wiring"] == "series"
    assert bank_state(hass, second, "voltage").state == "104.8"
    assert bank_state(hass, entry, "voltage").state == "52.4"


async def test_no_two_banks_have_one_name(hass: HomeAssistant, air: FakeAir) -> None:
    """A bank that comes after another has gone does not take the name of one that stays."""
    air.bring(four_batteries())
    await set_up(hass, bank_entry(link_settings(), title="Battery bank 2"))
    flow = await _second_link_found(hass, air)
    await flow.choose("new_bank")
    await flow.submit(wiring="parallel")
    assert flow.expect_entry()["result"].title == "Battery bank"


async def test_link_joins_one_of_several_banks(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """With several banks the user picks the one that the link joins."""
    air.bring(four_batteries())
    first = bank_entry(link_settings())
    await set_up(hass, first)
    air.bring(two_batteries(), THIRD, THIRD_NAME)
    second = bank_entry(link_settings(THIRD, THIRD_NAME, (48, 49)))
    await set_up(hass, second)
    flow = await _second_link_found(hass, air)
    assert flow.expect_menu("bank") == ["add_to_existing_bank", "new_bank"]
    await flow.choose("add_to_existing_bank")
    flow.expect_form("add_to_existing_bank")
    assert options_of(flow.step, "bank") == [first.entry_id, second.entry_id]
    await flow.submit(bank=second.entry_id)
    flow.expect_abort("added_to_bank")
    assert [link.address for link in links_of(second).values()] == [THIRD, OTHER]
    assert [link.address for link in links_of(first).values()] == [DONGLE]


async def test_bank_that_is_removed_meanwhile(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """When the only bank is removed while its batteries are looked at, a new one is offered."""
    air.bring(two_batteries(), THIRD, THIRD_NAME)
    entry = bank_entry(link_settings(THIRD, THIRD_NAME, (48, 49)))
    await set_up(hass, entry)
    air.bring(two_batteries(), OTHER, OTHER_NAME)
    flow = await discovered(hass)
    await flow.submit()
    flow.expect_form("found")
    await hass.config_entries.async_remove(entry.entry_id)
    await flow.submit()
    flow.expect_form("new_bank")


async def test_bank_that_is_removed_before_it_is_chosen(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """When the bank on the menu is gone by the time it is chosen, a new one is offered."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    flow = await _second_link_found(hass, air)
    await hass.config_entries.async_remove(entry.entry_id)
    await flow.choose("add_to_bank")
    flow.expect_form("new_bank")


async def test_bank_of_several_that_is_removed_before_it_is_chosen(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """When the chosen bank of several is gone, the others are offered again."""
    air.bring(four_batteries())
    first = bank_entry(link_settings())
    await set_up(hass, first)
    air.bring(two_batteries(), THIRD, THIRD_NAME)
    second = bank_entry(link_settings(THIRD, THIRD_NAME, (48, 49)))
    await set_up(hass, second)
    flow = await _second_link_found(hass, air)
    await flow.choose("add_to_existing_bank")
    await hass.config_entries.async_remove(first.entry_id)
    await flow.submit(bank=first.entry_id)
    flow.expect_form("add_to_existing_bank")
    assert options_of(flow.step, "bank") == [second.entry_id]


@pytest.mark.parametrize("moment", ["pick", "found", "bank", "new_bank"])
async def test_link_that_is_configured_meanwhile(
    hass: HomeAssistant, air: FakeAir, moment: str
) -> None:
    """A link that got into a bank while a flow was open is not added a second time."""
    air.bring(two_batteries(), THIRD, THIRD_NAME)
    await set_up(hass, bank_entry(link_settings(THIRD, THIRD_NAME, (48, 49))))
    air.bring(four_batteries())
    flow = await add_integration(hass)
    flow.expect_form("pick")
    if moment != "pick":
        await flow.submit(address=DONGLE)
        flow.expect_form("found")
    if moment in {"bank", "new_bank"}:
        await flow.submit()
        flow.expect_menu("bank")
    if moment == "new_bank":
        await flow.choose("new_bank")
    await hass.config_entries.async_add(bank_entry(link_settings(), title="Other"))
    match moment:
        case "pick":
            await flow.submit(address=DONGLE)
        case "found":
            await flow.submit()
        case "bank":
            await flow.choose("add_to_bank")
        case "new_bank":
            await flow.submit(wiring="parallel")
    flow.expect_abort("already_configured")
    addresses = [
        link.address
        for entry in hass.config_entries.async_entries(DOMAIN)
        for link in links_of(entry).values()
    ]
    assert sorted(addresses) == sorted([THIRD, DONGLE])


async def test_flow_that_is_closed_ends_the_probe(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """Closing the dialogue while Home Assistant connects leaves nothing connected behind."""
    link = air.bring(four_batteries())
    link.hangs_on_write = True
    await settle(hass)
    (progress,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    manager = hass.config_entries.flow
    await manager.async_configure(progress["flow_id"], {})
    manager.async_abort(progress["flow_id"])
    await settle(hass)
    assert all(connection.lost.done() for connection in link.connections)


async def test_reason_is_in_the_language_of_home_assistant(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another library says is for the report; people are told in their language."""

    async def refuse(*_: object) -> None:
        raise LinkUnreachable("no free connection slot")

    hass.config.language = "de"
    air.bring(four_batteries())
    monkeypatch.setattr("custom_components.renogy_bt.links.connection.connect", refuse)
    flow = await discovered(hass)
    await flow.submit()
    placeholders = flow.expect_form("bluetooth_confirm", "cannot_connect")
    assert placeholders["reason"] == (
        "Das Gerät wird gehört, aber der Verbindungsversuch wurde abgebrochen."
    )
    assert report_in(flow.step)["reason"] == "no free connection slot"


async def test_link_that_was_heard_some_time_ago(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is out of range by now is not said to be in range and busy."""
    link = air.bring(four_batteries())
    flow = await discovered(hass)
    link.unreachable = "abort-by-local"
    monkeypatch.setattr(reasons, "LONGEST_UNHEARD", -1.0)
    await flow.submit()
    flow.expect_form("bluetooth_confirm", "not_reachable")
