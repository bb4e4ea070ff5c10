# SPDX-License-Identifier: Apache-2.0
"""Made-up dongles in the air: a bounded number of cards, which go when they fall silent."""

from habluetooth import get_manager
import pytest

from custom_components.renogy_bt.const import DOMAIN
from homeassistant.components.bluetooth import BluetoothServiceInfoBleak
from homeassistant.core import HomeAssistant
from tests.banks import settle
from tests.fake_air import DONGLE, DONGLE_NAME, FakeAir
from tests.flows.walk import add_integration, discovery_flows, options_of
from tests.renogy.fake_link import four_batteries

# As documented, not as the code has it.
MOST_CARDS = 8
MOST_LISTED = 50

pytestmark = pytest.mark.usefixtures("translated_flows")


def made_up(number: int) -> str:
    """Return the address of a dongle that is none."""
    return f"66:60:00:00:{number // 256:02X}:{number % 256:02X}"


async def flood(hass: HomeAssistant, air: FakeAir, count: int, first: int = 0) -> None:
    """Let so many made-up dongles be heard."""
    for number in range(first, first + count):
        air.advertise(made_up(number), f"BT-TH-{number:08X}")
    await settle(hass)


async def fall_silent(hass: HomeAssistant, air: FakeAir, address: str) -> None:
    """Let Home Assistant lose track of a device, and do what it does then."""
    air.forget(address)
    get_manager()._address_disappeared(address)
    await settle(hass)


async def test_a_flood_makes_a_bounded_number_of_cards(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """All that are heard stay in the list from which the user picks, the nearest first."""
    await flood(hass, air, 200)
    assert len(discovery_flows(hass)) == MOST_CARDS
    await flood(hass, air, 100, first=200)
    assert len(discovery_flows(hass)) == MOST_CARDS
    air.bring(four_batteries())
    air.advertise(DONGLE, DONGLE_NAME, rssi=-45)
    await settle(hass)
    flow = await add_integration(hass)
    options = options_of(flow.step, "address")
    assert len(options) == MOST_LISTED
    assert options[0] == DONGLE


async def test_cards_go_with_what_they_offer(hass: HomeAssistant, air: FakeAir) -> None:
    """In the place of one that has fallen silent the next one is offered that is still heard."""
    await flood(hass, air, 12)
    shown = discovery_flows(hass)
    assert sorted(shown) == [made_up(number) for number in range(MOST_CARDS)]
    air.forget(made_up(8))
    await fall_silent(hass, air, made_up(0))
    assert sorted(discovery_flows(hass)) == sorted({*shown, made_up(9)} - {made_up(0)})
    for number in range(1, 12):
        await fall_silent(hass, air, made_up(number))
    assert discovery_flows(hass) == []
    air.bring(four_batteries())
    await settle(hass)
    assert discovery_flows(hass) == [DONGLE]


async def test_a_card_that_was_ignored_makes_room(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """Whatever ends a discovery, the next one takes its place."""
    await flood(hass, air, 10)
    flow = hass.config_entries.flow.async_progress_by_handler(DOMAIN)[0]
    await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": "ignore"},
        data={"unique_id": flow["context"]["unique_id"], "title": "x"},
    )
    await settle(hass)
    assert len(discovery_flows(hass)) == MOST_CARDS


async def test_the_owners_links_take_no_room(hass: HomeAssistant, air: FakeAir) -> None:
    """A discovery that ends by itself leaves its place at once."""
    for number in range(30):
        air.advertise(made_up(number), f"RNGRIU{number:07}")
    await settle(hass)
    assert discovery_flows(hass) == []
    await flood(hass, air, MOST_CARDS, first=30)
    assert len(discovery_flows(hass)) == MOST_CARDS


def test_home_assistant_withdraws_cards_by_this_kind_of_information() -> None:
    """The discovery of a device that is gone is dismissed by the type of what began it."""
    assert BluetoothServiceInfoBleak.__module__.startswith("habluetooth")
