# SPDX-License-Identifier: Apache-2.0
"""Actions on links and batteries: what they return, and what they say when they cannot."""

import asyncio
from dataclasses import replace
from typing import Any

from probatio import Invalid
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.renogy_bt.adapters.devices import adapter_identifier
from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.links.settings import links_of
from custom_components.renogy_bt.renogy.exceptions import DeviceKind, NotABattery
from custom_components.renogy_bt.supervisor.supervisor import async_get_supervisor
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
)
from homeassistant.helpers import device_registry as dr
from tests.banks import (
    bank_entry,
    bank_of,
    battery_state,
    link_of,
    link_settings,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, DONGLE_NAME, SCANNER, FakeAir
from tests.fake_supervisor import ADAPTER, FakeAdapters, adapter_status
from tests.renogy.fake_link import Delivery, FakeLink, rbt50lfp48s

BATTERY = f"{DONGLE.lower()}_48"


def cut_off(delivery: Delivery) -> Delivery:
    """End the connection after the beginning of the reply."""
    return replace(delivery, fragments=(delivery.fragments[0][:4],), drops_after=0)


@pytest.fixture
async def bank(
    hass: HomeAssistant, link: FakeLink, adapters: FakeAdapters
) -> MockConfigEntry:
    """Return a bank of four that is set up, and shows an adapter."""
    adapters.show(adapter_status())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    return entry


def device_id(hass: HomeAssistant, entry: MockConfigEntry, identifier: str) -> str:
    """Return the id of a device."""
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, identifier), entry.entry_id
    )
    assert device is not None
    return device.id


async def call(
    hass: HomeAssistant, action: str, context: Context | None = None, **data: Any
) -> dict[str, Any]:
    """Call an action and return its response."""
    response = await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True, context=context
    )
    assert isinstance(response, dict)
    return response


async def read(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    address: int = 5042,
    count: int = 4,
    device: str = BATTERY,
) -> dict[str, Any]:
    """Read registers of the first battery."""
    return await call(
        hass,
        "read_registers",
        device_id=device_id(hass, entry, device),
        address=address,
        count=count,
    )


async def rescan(
    hass: HomeAssistant, entry: MockConfigEntry, device: str = DONGLE.lower()
) -> dict[str, Any]:
    """Rescan the link of a device."""
    return await call(hass, "rescan", device_id=device_id(hass, entry, device))


# Reading registers


async def test_registers_are_returned_as_they_are(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink
) -> None:
    """The words come as the battery gave them, over a connection that is closed again."""
    assert await read(hass, bank) == {
        "unit": 48,
        "address": 5042,
        "words": [0, 524, 0, 49_842],
    }
    assert (await read(hass, bank, 5000, 1))["words"] == [15]
    await settle(hass)
    assert all(connection.lost.done() for connection in link.connections)


async def test_reading_and_polling_take_turns(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink
) -> None:
    """A dongle takes one connection: registers are read before or after a poll."""
    _, response, _ = await asyncio.gather(
        link_of(bank).async_refresh(),
        read(hass, bank, device=f"{DONGLE.lower()}_51"),
        link_of(bank).async_refresh(),
    )
    assert response["unit"] == 51
    assert link_of(bank).data.failed == {}
    assert len(link.connections) == 4


async def test_reading_is_for_administrators(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    link: FakeLink,
    hass_read_only_user: MockUser,
    hass_admin_user: MockUser,
) -> None:
    """Registers hold serial numbers, and whoever may only look may not connect either."""
    data = {"device_id": device_id(hass, bank, BATTERY), "address": 5000}
    with pytest.raises(Unauthorized):
        await call(
            hass, "read_registers", Context(user_id=hass_read_only_user.id), **data
        )
    assert len(link.connections) == 1
    response = await call(
        hass, "read_registers", Context(user_id=hass_admin_user.id), **data
    )
    assert response["words"] == [15]


async def test_too_many_reads_at_once(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink
) -> None:
    """Those who would have to wait for long are told so in words, and polls go on."""
    reads = [hass.async_create_task(read(hass, bank, 5000, 1)) for _ in range(45)]
    poll = hass.async_create_task(link_of(bank).async_refresh())
    outcomes = await asyncio.gather(*reads, return_exceptions=True)
    await poll
    refused = [str(each) for each in outcomes if isinstance(each, HomeAssistantError)]
    assert len(refused) == 45 - 8
    assert set(refused) == {
        f"{DONGLE_NAME} is busy: several requests for registers wait for it already."
        " Wait a minute, then try again"
    }
    assert link_of(bank).data.failed == {}
    # That of the set-up, that of the reads, and that of the poll.
    assert len(link.connections) <= 4


async def test_reading_waits_for_a_repair(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink
) -> None:
    """While an adapter is being repaired nothing is connected through it."""
    pollers = async_get_supervisor(hass).gate
    await pollers.async_hold(SCANNER)
    reading = hass.async_create_task(read(hass, bank))
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(link.connections) == 1
    pollers.async_release()
    assert (await reading)["words"] == [0, 524, 0, 49_842]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"address": 4999}, id="before the first"),
        pytest.param({"address": 5230}, id="behind the last"),
        pytest.param({"address": 5000, "count": 0}, id="none"),
        pytest.param({"address": 5000, "count": 126}, id="too many"),
        pytest.param({"address": "all"}, id="no number"),
        pytest.param({"address": 5042.7}, id="a fraction"),
        pytest.param({"address": "5042.7"}, id="a fraction in a text"),
        pytest.param({"address": 5000, "count": 1.5}, id="a fraction of a count"),
        pytest.param({"address": True}, id="a truth"),
        pytest.param({"address": 5000, "count": True}, id="a true count"),
        pytest.param({"address": float("nan")}, id="not a number"),
        pytest.param({"address": float("inf")}, id="without end"),
        pytest.param({"address": 10**400}, id="no end of digits"),
        pytest.param({"address": "1" * 5000}, id="no end of digits in a text"),
        pytest.param({"address": None}, id="nothing"),
        pytest.param({"address": [5000]}, id="a list"),
        pytest.param({}, id="no address"),
    ],
)
async def test_what_cannot_be_asked(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink, data: dict[str, Any]
) -> None:
    """Addresses and counts that cannot be are refused before anything is connected."""
    with pytest.raises(Invalid):
        await call(
            hass, "read_registers", device_id=device_id(hass, bank, BATTERY), **data
        )
    assert len(link.connections) == 1


@pytest.mark.parametrize("address", [5042, 5042.0, "5042", " 5042 ", "5042.0"])
async def test_whole_numbers(
    hass: HomeAssistant, bank: MockConfigEntry, address: Any
) -> None:
    """Forms give numbers with a point, templates give texts."""
    assert (await read(hass, bank, address, 2))["words"] == [0, 524]


async def test_registers_beyond_the_map(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink
) -> None:
    """A run that leaves the register map is refused as a whole."""
    with pytest.raises(
        ServiceValidationError, match=r"no registers 5229 to 5230.*5000 to 5229"
    ):
        await read(hass, bank, 5229, 2)
    assert len(link.connections) == 1


@pytest.mark.parametrize(
    "identifier",
    [DONGLE.lower(), adapter_identifier(ADAPTER)],
    ids=["dongle", "adapter"],
)
async def test_reading_what_is_no_battery(
    hass: HomeAssistant, bank: MockConfigEntry, identifier: str
) -> None:
    """A device that is no battery is refused by its name."""
    with pytest.raises(ServiceValidationError, match="is not a battery"):
        await read(hass, bank, device=identifier)


@pytest.mark.parametrize("action", ["rescan", "read_registers"])
async def test_device_that_is_not_there(
    hass: HomeAssistant, bank: MockConfigEntry, action: str
) -> None:
    """An unknown device is refused with Home Assistant's own words."""
    data: dict[str, Any] = {"address": 5000} if action == "read_registers" else {}
    with pytest.raises(ServiceValidationError) as raised:
        await call(hass, action, device_id="nothing", **data)
    assert raised.value.translation_key == "service_device_not_found"


@pytest.mark.parametrize("action", ["rescan", "read_registers"])
async def test_bank_that_is_not_loaded(
    hass: HomeAssistant, bank: MockConfigEntry, action: str
) -> None:
    """A bank that is not loaded is refused with Home Assistant's own words."""
    data: dict[str, Any] = {"address": 5000} if action == "read_registers" else {}
    device = device_id(hass, bank, BATTERY)
    assert await hass.config_entries.async_unload(bank.entry_id)
    with pytest.raises(ServiceValidationError) as raised:
        await call(hass, action, device_id=device, **data)
    assert raised.value.translation_key == "service_config_entry_not_loaded"


async def test_reading_a_link_out_of_range(
    hass: HomeAssistant, bank: MockConfigEntry, air: FakeAir
) -> None:
    """Without a path to the link the reason is given."""
    air.forget(DONGLE)
    with pytest.raises(
        HomeAssistantError, match=f"{DONGLE_NAME} cannot be reached.*hears it"
    ):
        await read(hass, bank)


async def test_reading_a_link_that_is_held(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink
) -> None:
    """A link that takes no connection says so, with what to do."""
    link.unreachable = "abort-by-local"
    with pytest.raises(HomeAssistantError, match="close the Renogy app.*broken off"):
        await read(hass, bank)


async def test_reading_a_link_that_is_lost(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink
) -> None:
    """A connection that ends in the middle is told from one that was never made."""
    link.always = [cut_off]
    with pytest.raises(
        HomeAssistantError, match=f"connection to {DONGLE_NAME} was lost"
    ):
        await read(hass, bank, 5000, 30)


async def test_reading_a_silent_battery(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink
) -> None:
    """A battery that does not answer is named as its device is."""
    del link.units[48]
    with pytest.raises(HomeAssistantError, match="RBT50LFP48S 1 did not answer"):
        await read(hass, bank)


async def test_battery_that_refuses(hass: HomeAssistant, bank: MockConfigEntry) -> None:
    """An exception reply is told with its code and what was asked."""
    with pytest.raises(
        HomeAssistantError,
        match=r"RBT50LFP48S 1 refuses .* 5034 to 5063 \(Modbus exception 2\)",
    ):
        await read(hass, bank, 5034, 30)


async def test_reading_that_is_ended(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink
) -> None:
    """A link that is paused or reloaded while it is read says so."""
    link.hangs_on_write = True
    reading = hass.async_create_task(read(hass, bank))
    while len(link.connections) < 2:
        await asyncio.sleep(0)
    await link_of(bank).async_set_polling(False)
    with pytest.raises(HomeAssistantError, match="polling was switched off"):
        await reading


@pytest.mark.parametrize(
    ("action", "data"),
    [("read_registers", {"address": 5000}), ("rescan", {})],
)
async def test_polling_that_is_off(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    air: FakeAir,
    action: str,
    data: dict[str, Any],
) -> None:
    """A link that is left to another app is connected to only by an express wish."""
    await link_of(bank).async_set_polling(False)
    before = len(air.attempts)
    given = {"device_id": device_id(hass, bank, BATTERY), **data}
    with pytest.raises(
        ServiceValidationError, match=f"Polling of {DONGLE_NAME} is switched off"
    ):
        await call(hass, action, **given)
    assert len(air.attempts) == before
    await call(hass, action, **given, connect_anyway=True)
    assert len(air.attempts) == before + 1
    assert link_of(bank).paused


# Looking for batteries again


@pytest.mark.parametrize("device", [DONGLE.lower(), BATTERY], ids=["dongle", "battery"])
async def test_a_rescan_stores_new_batteries_and_keeps_silent_ones(
    hass: HomeAssistant, bank: MockConfigEntry, link: FakeLink, device: str
) -> None:
    """New batteries are stored and get their entities, silent ones are kept; all are returned."""
    link.units[52] = rbt50lfp48s()
    del link.units[50]
    response = await rescan(hass, bank, device)
    assert [
        (each["unit"], each["position"], each["answers"], each["new"])
        for each in response["batteries"]
    ] == [
        (48, 1, True, False),
        (49, 2, True, False),
        (50, 3, False, False),
        (51, 4, True, False),
        (52, 5, True, True),
    ]
    assert {(each["model"], each["cells"]) for each in response["batteries"]} == {
        ("RBT50LFP48S", 15)
    }
    await settle(hass)
    (stored,) = links_of(bank).values()
    assert stored.units == (48, 49, 50, 51, 52)
    assert battery_state(hass, "voltage", 52).state == "52.4"


async def test_rescan_that_changes_nothing(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """A link that is as it was is not set up anew, whether somebody wants the response or not."""
    coordinator = bank_of(bank)
    await hass.services.async_call(
        DOMAIN,
        "rescan",
        {"device_id": device_id(hass, bank, DONGLE.lower())},
        blocking=True,
    )
    await settle(hass)
    assert bank.runtime_data is coordinator


async def test_rescan_is_for_administrators(
    hass: HomeAssistant, bank: MockConfigEntry, hass_read_only_user: MockUser
) -> None:
    """Who may not change the bank cannot have its batteries looked for."""
    with pytest.raises(Unauthorized):
        await call(
            hass,
            "rescan",
            Context(user_id=hass_read_only_user.id),
            device_id=device_id(hass, bank, DONGLE.lower()),
        )


@pytest.mark.parametrize("kind", ["bank", "adapter"])
async def test_rescan_of_what_has_no_link(
    hass: HomeAssistant, bank: MockConfigEntry, kind: str
) -> None:
    """The bank itself and an adapter are refused by their name."""
    identifier = bank.entry_id if kind == "bank" else adapter_identifier(ADAPTER)
    with pytest.raises(ServiceValidationError, match="neither a dongle nor a battery"):
        await rescan(hass, bank, identifier)


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        pytest.param({"unreachable": "by-local"}, "close the Renogy app", id="held"),
        pytest.param({"wedged": True}, "no battery behind it answers", id="silent"),
        pytest.param({"always": [cut_off]}, "was lost while", id="lost"),
    ],
)
async def test_rescan_that_fails(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    link: FakeLink,
    trouble: dict[str, Any],
    message: str,
) -> None:
    """A rescan that fails says why and changes nothing."""
    vars(link).update(trouble)
    with pytest.raises(HomeAssistantError, match=f"{DONGLE_NAME}.*{message}"):
        await rescan(hass, bank)
    (stored,) = links_of(bank).values()
    assert stored == link_settings()


async def test_rescan_of_a_link_out_of_range(
    hass: HomeAssistant, bank: MockConfigEntry, air: FakeAir
) -> None:
    """Without a path to the link the reason is given."""
    air.forget(DONGLE)
    with pytest.raises(HomeAssistantError, match="cannot be reached.*hears it"):
        await rescan(hass, bank)


async def test_rescan_that_finds_something_else(
    hass: HomeAssistant, bank: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that is no battery any more changes nothing either."""

    async def refuse(*_: object) -> None:
        raise NotABattery(DeviceKind.INVERTER)

    monkeypatch.setattr("custom_components.renogy_bt.links.probing.probe_link", refuse)
    with pytest.raises(HomeAssistantError, match="not the way a Renogy battery does"):
        await rescan(hass, bank)


async def test_link_that_is_removed_while_it_is_rescanned(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """What was found is returned, and stored nowhere."""
    pollers = async_get_supervisor(hass).gate
    await pollers.async_hold(SCANNER)
    rescanning = hass.async_create_task(rescan(hass, bank))
    await asyncio.sleep(0)
    (subentry_id,) = bank.subentries
    hass.config_entries.async_remove_subentry(bank, subentry_id)
    pollers.async_release()
    assert len((await rescanning)["batteries"]) == 4
    await settle(hass)
    assert links_of(bank) == {}
