# SPDX-License-Identifier: Apache-2.0
"""Setting up what tells its name late or never (field report renogy-ha#228)."""

from collections.abc import Callable
from typing import NoReturn

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.links.settings import LinkSettings, links_of
from custom_components.renogy_bt.renogy.exceptions import LinkUnreachable
from homeassistant.components.bluetooth.manager import HomeAssistantBluetoothManager
from homeassistant.config_entries import SOURCE_IGNORE, ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from tests.banks import bank_entry, battery_state, set_up, settle
from tests.fake_air import DONGLE, FakeAir
from tests.flows.walk import (
    add_integration,
    discovered,
    discovery_flows,
    options_of,
    rescan_link,
)
from tests.renogy.fake_link import four_batteries
from tests.renogy.family_cases import CASES, SERVICE, FamilyCase

pytestmark = pytest.mark.usefixtures("translated_flows")

EVERY_FAMILY = pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.name) for case in CASES]
)
SCAN = "async_request_active_scan"


def advertise(air: FakeAir, case: FamilyCase, name: str | None = None) -> None:
    """Let Home Assistant hear a link; where there is no name, it shows the address."""
    air.advertise(
        case.address,
        name or case.address,
        manufacturer_data=case.manufacturer_data,
        service_uuids=case.service_uuids,
    )


@pytest.fixture
def scan_responses(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> list[Callable[[], None]]:
    """Return the list of what is heard when an active scan asks for it."""
    responses: list[Callable[[], None]] = []

    async def scan(_: HomeAssistantBluetoothManager, __: float | None = None) -> None:
        for respond in responses:
            respond()

    monkeypatch.setattr(HomeAssistantBluetoothManager, SCAN, scan)
    return responses


def link_in(entry: ConfigEntry) -> LinkSettings:
    """Return the only link of a bank."""
    (link,) = links_of(entry).values()
    return link


def assert_values(
    hass: HomeAssistant, case: FamilyCase, current: float | None = None
) -> None:
    """Check what the family decides: the current where it is known, and the rest in any case."""
    if current is not None:
        state = battery_state(hass, "current", case.unit, case.address)
        assert float(state.state) == pytest.approx(current)
    for key, value in case.right.items():
        state = battery_state(
            hass,
            key,
            case.unit,
            case.address,
            platform="binary_sensor" if key == "problem" else "sensor",
        )
        assert state.state == value, key


async def _discovered_bank(hass: HomeAssistant, name: str) -> ConfigEntry:
    flow = await discovered(hass)
    assert flow.expect_form("bluetooth_confirm")["name"] == name
    await flow.submit()
    flow.expect_form("found")
    await flow.submit(wiring="parallel")
    entry: ConfigEntry = flow.expect_entry()["result"]
    await settle(hass)
    return entry


@EVERY_FAMILY
async def test_name_in_the_advertisement(
    hass: HomeAssistant, air: FakeAir, case: FamilyCase
) -> None:
    """Where the name is heard at once, it decides."""
    air.links[case.address] = case.make()
    advertise(air, case, case.name)
    entry = await _discovered_bank(hass, case.name)
    assert (link_in(entry).name, link_in(entry).family_key) == (case.name, case.family)
    assert_values(hass, case, case.current)


@EVERY_FAMILY
async def test_name_in_the_scan_response(
    hass: HomeAssistant,
    air: FakeAir,
    scan_responses: list[Callable[[], None]],
    case: FamilyCase,
) -> None:
    """A name that only an active scan brings is asked for before the discovery is shown."""
    air.links[case.address] = case.make()
    scan_responses.append(lambda: advertise(air, case, case.name))
    advertise(air, case)
    entry = await _discovered_bank(hass, case.name)
    assert (link_in(entry).name, link_in(entry).family_key) == (case.name, case.family)
    assert_values(hass, case, case.current)


@EVERY_FAMILY
async def test_name_while_the_discovery_waits(
    hass: HomeAssistant, air: FakeAir, case: FamilyCase
) -> None:
    """A name that comes before the user does is shown, and decides."""
    air.links[case.address] = case.make()
    advertise(air, case)
    await settle(hass)
    (progress,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert progress["context"]["title_placeholders"] == {"name": case.address}
    advertise(air, case, case.name)
    await settle(hass)
    (progress,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert progress["context"]["title_placeholders"] == {"name": case.name}
    entry = await _discovered_bank(hass, case.name)
    assert (link_in(entry).name, link_in(entry).family_key) == (case.name, case.family)
    assert_values(hass, case, case.current)


@EVERY_FAMILY
async def test_name_never(hass: HomeAssistant, air: FakeAir, case: FamilyCase) -> None:
    """Without a name the batteries show their family, or leave it undecided."""
    air.links[case.address] = case.make()
    advertise(air, case)
    entry = await _discovered_bank(hass, case.address)
    link = link_in(entry)
    assert (link.name, link.family_key) == (case.address, case.shown_family)
    assert link.family.is_current_scale_proven is (case.shown_current is not None)
    assert_values(hass, case, case.shown_current)


@EVERY_FAMILY
async def test_name_after_the_set_up(
    hass: HomeAssistant, air: FakeAir, case: FamilyCase
) -> None:
    """A name that comes after the set-up names the link and decides its family."""
    air.links[case.address] = case.make()
    advertise(air, case)
    entry = await _discovered_bank(hass, case.address)
    advertise(air, case, case.name)
    await settle(hass)
    (subentry,) = entry.subentries.values()
    assert (subentry.title, subentry.unique_id) == (case.name, case.address)
    assert (link_in(entry).name, link_in(entry).family_key) == (case.name, case.family)
    assert_values(hass, case, case.current)
    assert discovery_flows(hass) == []


@EVERY_FAMILY
async def test_rescan_decides_again(
    hass: HomeAssistant, air: FakeAir, case: FamilyCase
) -> None:
    """Looking for batteries again mends a family that an older version guessed."""
    air.links[case.address] = case.make()
    advertise(air, case, "Shed")
    guessed = LinkSettings(
        address=case.address, name="Shed", family_key="standard", batteries=()
    )
    entry = bank_entry(guessed)
    await set_up(hass, entry)
    (subentry,) = entry.subentries.values()
    flow = await rescan_link(hass, entry, subentry)
    await flow.submit()
    flow.expect_form("rescanned")
    await flow.submit()
    flow.expect_abort("reconfigure_successful")
    await settle(hass)
    link = link_in(entry)
    kept = "standard" if case.shown_family == "undecided" else case.shown_family
    assert (link.name, link.family_key) == ("Shed", kept)


async def test_title_that_somebody_gave_stays(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """A title that is not the address is no place for the name."""
    case = CASES[2]
    air.links[case.address] = case.make()
    advertise(air, case)
    entry = await _discovered_bank(hass, case.address)
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_update_subentry(entry, subentry, title="Left battery")
    await settle(hass)
    advertise(air, case, case.name)
    await settle(hass)
    (subentry,) = entry.subentries.values()
    assert (subentry.title, link_in(entry).name) == ("Left battery", case.name)


async def test_nameless_link_of_an_older_version(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """A family that version 0.1.0 guessed for want of a name is what the batteries show."""
    case = next(case for case in CASES if case.family == "pro")
    air.links[case.address] = case.make()
    advertise(air, case)
    known = await _discovered_bank(hass, case.address)
    data = {**link_in(known).as_data(), "family": "standard"}
    del data["polling"]
    await hass.config_entries.async_remove(known.entry_id)
    await settle(hass)
    old = MockConfigEntry(
        domain=DOMAIN,
        version=1,
        minor_version=1,
        options={"wiring": "parallel", "update_interval": 60},
        subentries_data=[
            {
                "data": data,
                "subentry_type": "link",
                "title": case.address,
                "unique_id": case.address,
            }
        ],
    )
    await set_up(hass, old)
    assert link_in(old).family_key == "pro"
    assert_values(hass, case, 12.3)


@pytest.mark.parametrize("name", ["RNGRIU1234567", "RTMShunt30000001", "RBC50D1S"])
async def test_scan_response_that_refuses(
    hass: HomeAssistant,
    air: FakeAir,
    scan_responses: list[Callable[[], None]],
    name: str,
) -> None:
    """What turns out to be no battery by its scan response is not offered."""
    case = CASES[2]
    scan_responses.append(lambda: advertise(air, case, name))
    advertise(air, case)
    await settle(hass)
    assert discovery_flows(hass) == []
    assert air.attempts == []


async def test_late_name_that_refuses(hass: HomeAssistant, air: FakeAir) -> None:
    """A discovery is withdrawn when the name says that it is no battery."""
    case = CASES[2]
    advertise(air, case)
    await settle(hass)
    assert discovery_flows(hass) == [case.address]
    advertise(air, case, "RNGRIU1234567")
    await settle(hass)
    assert discovery_flows(hass) == []


async def test_name_that_refuses_while_the_link_is_probed(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe that failed is not offered again once the name says what the device is."""
    case = CASES[2]

    async def name_and_fail(*_: object) -> NoReturn:
        advertise(air, case, "RNGRIU1234567")
        raise LinkUnreachable("abort-by-local")

    monkeypatch.setattr(
        "custom_components.renogy_bt.links.connection.connect", name_and_fail
    )
    advertise(air, case)
    flow = await discovered(hass)
    flow.expect_form("bluetooth_confirm")
    await flow.submit()
    assert flow.step["type"] is FlowResultType.ABORT
    assert flow.step["reason"] == "inverter"
    assert discovery_flows(hass) == []


async def test_ignored_link_is_not_scanned_for(
    hass: HomeAssistant, air: FakeAir, scan_responses: list[Callable[[], None]]
) -> None:
    """No active scan is asked for what the user has ignored, or for foreign devices."""
    case = CASES[2]
    await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_IGNORE},
        data={"unique_id": case.address, "title": case.address},
    )
    scans: list[str] = []
    scan_responses.append(lambda: scans.append("scan"))
    advertise(air, case)
    air.advertise("4C:E1:74:AA:BB:CC", "", manufacturer_data={0xE14C: b"\x74\1\2\3"})
    await settle(hass)
    assert (scans, discovery_flows(hass)) == ([], [])


@pytest.mark.parametrize(
    ("manufacturer_data", "service_uuids"),
    [
        pytest.param({}, (SERVICE,), id="the service alone"),
        pytest.param({0xE14C: b"\x74\1\2\3"}, (SERVICE,), id="another address"),
        pytest.param({0xE14C: b"\x74\xaa\xbb\xcc\0"}, (), id="more than the address"),
        pytest.param({0xE14C: b"\x74\xaa\xbb"}, (), id="less than the address"),
        pytest.param({0x004C: b"\x74\xaa\xbb\xcc"}, (SERVICE,), id="another company"),
    ],
)
@pytest.mark.parametrize("name", ["", "Thermometer"])
async def test_foreign_devices_have_no_card(
    hass: HomeAssistant,
    air: FakeAir,
    name: str,
    manufacturer_data: dict[int, bytes],
    service_uuids: tuple[str, ...],
) -> None:
    """What does not spell its own address is neither discovered nor listed."""
    address = "4C:E1:74:AA:BB:CC"
    air.advertise(
        address,
        name or address,
        manufacturer_data=manufacturer_data,
        service_uuids=service_uuids,
    )
    await settle(hass)
    assert discovery_flows(hass) == []
    (await add_integration(hass)).expect_abort("no_devices_found")


async def test_what_may_be_a_battery_is_marked(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """The list begins with what is sure, and says of the rest that it may be a battery."""
    case = CASES[2]
    advertise(air, case)
    air.bring(four_batteries())
    flow = await add_integration(hass)
    flow.expect_form("pick")
    assert options_of(flow.step, "address") == [DONGLE, case.address]
    selector = flow.step["data_schema"].schema["address"]
    labels = [option["label"] for option in selector.config["options"]]
    assert labels == [
        f"BT-TH-FDA1B2C3 ({DONGLE})",
        f"{case.address}: may be a Renogy battery",
    ]


@EVERY_FAMILY
async def test_picked_without_a_name(
    hass: HomeAssistant, air: FakeAir, case: FamilyCase
) -> None:
    """A link that is picked by its address is told by its batteries as well."""
    air.links[case.address] = case.make()
    advertise(air, case)
    flow = await add_integration(hass)
    await flow.submit(address=case.address)
    flow.expect_form("found")
    await flow.submit(wiring="parallel")
    entry = flow.expect_entry()["result"]
    await settle(hass)
    assert link_in(entry).family_key == case.shown_family
    assert_values(hass, case, case.shown_current)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("RTMShunt30012345678", "shunt"),
        ("RNGSHUNT500001", "shunt"),
        ("RNGPMS1260001", "monitor"),
        ("RNGRIU1234567", "inverter"),
        ("BTRI213AB", "inverter"),
        ("BTRAC0001", "inverter"),
        ("RNGRBC3050001", "charge_controller"),
        ("RBC50D1S", "charge_controller"),
        ("RCC20RVRE", "charge_controller"),
        ("RNG-CTRL-RVR40", "charge_controller"),
    ],
)
async def test_picked_device_of_another_kind_is_refused(
    hass: HomeAssistant, air: FakeAir, name: str, reason: str
) -> None:
    """The makers' other devices can be picked, and are refused by what they are, unconnected."""
    address = "11:22:33:44:55:66"
    air.advertise(address, name)
    await settle(hass)
    assert discovery_flows(hass) == []
    flow = await add_integration(hass)
    assert options_of(flow.step, "address") == [address]
    await flow.submit(address=address)
    assert flow.expect_abort(reason)["name"] == name
    assert air.attempts == []
